// SPDX-License-Identifier: MPL-2.0
//! Which rung each viewer is on, what each rung's encoder is set to, and when a link is probed. Pure: time and measurements
//! come in, commands go out.
//!
//! A viewer alone on the ladder has the encoder follow its estimate. Of many, each rung sends what its members carry
//! ([`share`]); who carries clearly less goes down within half a second, who carries more goes up once that has lasted, and
//! where the estimate cannot tell because too little is sent, padding shows what the link carries ([`probe`]).
//!
//! What is believed of a link, in this order:
//! - What arrives now, where congestion control has just cut and far less arrives than is sent: the estimate looks back
//!   further and is still too high.
//! - The estimate, up to half as much again as has arrived since it last fell. Some estimators climb for as long as too little
//!   is sent to prove them wrong.
//! - A probe, as long as the estimate does not fall. A link that cuts the estimate again and again tells by itself what it
//!   carries and is not probed.
//! - What arrived out of a full queue, once that is empty, where the estimate was cut far below it.
//!
//! A viewer that shows its picture small has use for no more than the rung of that size ([`size`]): it goes down to it, is not
//! probed for more, and comes up again when its picture has grown, as far as its network carries that.
//!
//! After a failed probe the next waits longer, until more arrives than when the estimate last fell; after a failed climb the
//! next climb waits longer, whatever arrives.

mod backoff;
mod climb;
mod observation;
mod probe;
mod rates;
mod share;
#[cfg(test)]
pub(crate) mod simulation;
mod size;
#[cfg(test)]
mod tests;
mod viewer;

use std::{collections::BTreeMap, time::Duration};

use rates::{MOST_RUNGS, media_in};
use size::percent;
use viewer::Viewer;

pub(crate) use observation::Observation;
pub(crate) use rates::Config;
pub(crate) use size::Size;

/// More than a camera's uplink carries. Whoever comes on top gets no rung.
pub(crate) const MOST_VIEWERS: usize = 64;
/// An encoder is not bothered with less than this many per cent.
const WORTH_SAYING: u32 = 3;
/// A target goes up by at most this many per cent a second, so that no key unit bursts out of a queue.
const RISE: u32 = 50;
/// And it does not catch up on longer pauses than this.
const RISE_FOR: Duration = Duration::from_millis(200);
/// Beyond what has been proven it goes up as carefully as GCC itself (8 % a second) does.
const CAREFUL_RISE: u32 = 10;
/// Long enough for a change that is worth saying.
const CAREFUL_FOR: Duration = Duration::from_secs(1);
/// A key unit comes well within this, or it was asked for in vain.
const ASK_AGAIN: Duration = Duration::from_secs(2);

/// What is to be done. To be obeyed in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<Id> {
    /// The viewer is to be on this rung from its next key unit on; then [`Policy::moved`] is due. Said again if that does
    /// not come.
    Move { viewer: Id, rung: usize },
    /// Set the encoder of that rung to so many bit/s.
    Target { rung: usize, bitrate: u32 },
    /// Start the encoder of that rung with so many bit/s.
    Start { rung: usize, bitrate: u32 },
    /// Nobody is on that rung or on the way to it.
    Stop { rung: usize },
    /// Send so many bit/s of padding beside the viewer's media, past the pacer; 0 ends it.
    Probe { viewer: Id, padding: u32 },
    /// A probe proved so many bit/s, or its padding has made congestion control cut below what was proven before: raise the
    /// viewer's estimator to them before it is next observed.
    Estimate { viewer: Id, bitrate: u32 },
}

#[derive(Clone, Copy, Debug, Default)]
struct Rung {
    /// What the encoder was told last; none while it is stopped.
    target: Option<u32>,
    told: Duration,
}

/// One ladder's viewers and encoders.
#[derive(Debug)]
pub(crate) struct Policy<Id> {
    config: Config,
    rungs: [Rung; MOST_RUNGS],
    /// Those that this machine is too slow for.
    unusable: [bool; MOST_RUNGS],
    viewers: BTreeMap<Id, Viewer>,
    /// Said at the next decision.
    commands: Vec<Command<Id>>,
}

impl<Id: Copy + Ord> Policy<Id> {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            config: config.sane(),
            rungs: Default::default(),
            unusable: Default::default(),
            viewers: BTreeMap::new(),
            commands: Vec::new(),
        }
    }

    /// Another cut of the ladder. Viewers of rungs that are gone go to what is then the last one.
    pub(crate) fn set_config(&mut self, config: Config, now: Duration) {
        self.config = config.sane();
        let last = self.config.last();
        let ids: Vec<Id> = self.viewers.keys().copied().collect();
        for id in ids {
            let Some(viewer) = self.viewers.get_mut(&id) else {
                continue;
            };
            viewer.fit(&self.config.sizes, now);
            // Its encoder is stopped in any case, so nothing is lost by not waiting for the key unit.
            let (wanted, carries) = (viewer.wanted, viewer.carries(now));
            viewer.rung = viewer.rung.min(last);
            if wanted > last {
                self.go(id, last, carries, now);
            }
        }
    }

    /// A viewer whose estimator starts with so many bit/s. Answers its rung; it starts there at the next key unit. Nothing
    /// if there are too many viewers. Who is there already is taken for a new one. `size` is that of the picture on its
    /// screen, where that is known.
    pub(crate) fn join(
        &mut self,
        id: Id,
        estimate: u32,
        size: Option<Size>,
        now: Duration,
    ) -> Option<usize> {
        self.leave(id);
        if self.viewers.len() >= MOST_VIEWERS {
            return None;
        }
        let carries = media_in(estimate);
        let mut viewer = Viewer::new(estimate, now);
        viewer.resize(size, &self.config.sizes, now);
        let rung = self.fitting(viewer.needed, carries);
        (viewer.rung, viewer.wanted) = (rung, rung);
        self.viewers.insert(id, viewer);
        self.run(rung, carries, now);
        Some(rung)
    }

    pub(crate) fn leave(&mut self, id: Id) {
        self.viewers.remove(&id);
        self.commands.retain(|command| match command {
            Command::Move { viewer, .. }
            | Command::Probe { viewer, .. }
            | Command::Estimate { viewer, .. } => *viewer != id,
            _ => true,
        });
    }

    /// The viewer shows its picture in this size, or does not say any more in which.
    pub(crate) fn resize(&mut self, id: Id, size: Option<Size>, now: Duration) {
        if let Some(viewer) = self.viewers.get_mut(&id) {
            viewer.resize(size, &self.config.sizes, now);
        }
    }

    /// Whether viewers may be on a rung. The last one is always there for them.
    pub(crate) fn set_usable(&mut self, rung: usize, is_usable: bool) {
        if let Some(unusable) = self.unusable.get_mut(rung) {
            *unusable = !is_usable;
        }
    }

    fn is_usable(&self, rung: usize) -> bool {
        rung == self.config.last() || !self.unusable[rung]
    }

    /// The highest estimate that a viewer's link has lived up to; nothing if nobody has been here for long enough.
    pub(crate) fn best_estimate(&self, now: Duration) -> Option<u32> {
        let known = self.viewers.values().filter(|viewer| viewer.is_known(now));
        known.map(Viewer::usable).max()
    }

    pub(crate) fn observe(&mut self, id: Id, seen: Observation, now: Duration) {
        if let Some(viewer) = self.viewers.get_mut(&id) {
            let target = self.rungs[viewer.rung].target.unwrap_or(0);
            viewer.observe(seen, target, now);
        }
    }

    /// The viewer is now shown `rung`.
    pub(crate) fn moved(&mut self, id: Id, rung: usize, now: Duration) {
        if rung > self.config.last() {
            return;
        }
        if let Some(viewer) = self.viewers.get_mut(&id) {
            viewer.rung = rung;
            if !viewer.is_moving() {
                viewer.restart_trial(now);
            }
        }
    }

    /// What is to be done now. Due every 100 ms, and after [`Self::join`], [`Self::leave`] and [`Self::set_config`].
    pub(crate) fn decide(&mut self, now: Duration) -> Vec<Command<Id>> {
        let ids: Vec<Id> = self.viewers.keys().copied().collect();
        for &id in &ids {
            self.go_on_probing(id, now);
            self.recover(id, now);
        }
        let summaries = self.summaries(now);
        for &id in &ids {
            self.fall(id, &summaries, now);
        }
        for &id in &ids {
            self.climb(id, now);
            self.pad(id, now);
            self.ask_again(id, now);
        }
        for rung in 0..MOST_RUNGS {
            self.set_target(rung, now);
        }
        std::mem::take(&mut self.commands)
    }

    /// The rung that a viewer is on, or on the way to.
    pub(crate) fn rung(&self, id: Id) -> Option<usize> {
        self.viewers.get(&id).map(|viewer| viewer.wanted)
    }

    /// What the encoder of a rung is set to, if it runs.
    #[cfg(test)]
    pub(crate) fn target(&self, rung: usize) -> Option<u32> {
        self.rungs.get(rung)?.target
    }

    /// The best rung from `from` down that sends no more than `carries`, or would not if it ran.
    fn fitting(&self, from: usize, carries: u32) -> usize {
        let last = self.config.last();
        (from..last)
            .filter(|&rung| self.is_usable(rung))
            .find(|&rung| {
                let sends = self.rungs[rung].target.unwrap_or(0);
                carries >= self.config.floor(rung).max(sends)
            })
            .unwrap_or(last)
    }

    /// What `rung` sends or, while it is stopped, could send.
    fn sends(&self, rung: usize) -> u32 {
        self.rungs[rung]
            .target
            .unwrap_or(self.config.ceilings[rung])
    }

    fn members(&self, rung: usize) -> impl Iterator<Item = &Viewer> {
        self.viewers
            .values()
            .filter(move |viewer| viewer.wanted == rung)
    }

    fn run(&mut self, rung: usize, bitrate: u32, now: Duration) {
        if self.rungs[rung].target.is_none() {
            let bitrate = self.config.clamp(rung, bitrate);
            self.rungs[rung] = Rung {
                target: Some(bitrate),
                told: now,
            };
            self.commands.push(Command::Start { rung, bitrate });
        }
    }

    /// `bitrate` is for an encoder that does not run yet.
    fn go(&mut self, id: Id, rung: usize, bitrate: u32, now: Duration) {
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        viewer.go(rung, now);
        // What was said of it before and not heard yet is overruled.
        self.commands
            .retain(|command| !matches!(command, Command::Move { viewer, .. } if *viewer == id));
        self.run(rung, bitrate, now);
        self.commands.push(Command::Move { viewer: id, rung });
    }

    fn ask_again(&mut self, id: Id, now: Duration) {
        if let Some(viewer) = self.viewers.get_mut(&id)
            && viewer.is_moving()
            && now.saturating_sub(viewer.asked) >= ASK_AGAIN
        {
            viewer.asked = now;
            let rung = viewer.wanted;
            self.commands.push(Command::Move { viewer: id, rung });
        }
    }

    fn wanted(&self, rung: usize, now: Duration) -> Option<u32> {
        let ceiling = *self.config.ceilings.get(rung)?;
        let members: Vec<share::Member> = self
            .members(rung)
            .map(|viewer| viewer.as_member(now))
            .collect();
        let of = share::Rung {
            ceiling,
            below: (rung < self.config.last()).then(|| self.sends(rung + 1)),
        };
        let target = share::target(of, &members)?;
        Some(self.config.clamp(rung, target))
    }

    fn set_target(&mut self, rung: usize, now: Duration) {
        let shown = |viewer: &Viewer| viewer.rung == rung || viewer.wanted == rung;
        if rung > self.config.last() || !self.viewers.values().any(shown) {
            if self.rungs[rung].target.take().is_some() {
                self.commands.push(Command::Stop { rung });
            }
            return;
        }
        // Whoever is only waiting to leave gets what was sent before.
        let wanted = self.wanted(rung, now);
        let Some(before) = self.rungs[rung].target else {
            let bitrate = wanted.unwrap_or(self.config.min_bitrate);
            self.run(rung, bitrate, now);
            return;
        };
        let bitrate = self.config.clamp(rung, wanted.unwrap_or(before));
        let bitrate = bitrate.min(self.most(rung, before, now));
        let bitrate = self.config.clamp(rung, bitrate);
        let at_bound = bitrate == self.config.min_bitrate || bitrate == self.config.ceilings[rung];
        let enough = bitrate.abs_diff(before) >= percent(before, WORTH_SAYING).max(1);
        // The ladder may have been cut anew since.
        let outside = self.config.clamp(rung, before) != before;
        if bitrate != before && (enough || at_bound || outside) {
            self.rungs[rung] = Rung {
                target: Some(bitrate),
                told: now,
            };
            self.commands.push(Command::Target { rung, bitrate });
        }
    }

    /// How far the target of `rung` may go up now: quickly to what has been proven, and on from there carefully.
    fn most(&self, rung: usize, before: u32, now: Duration) -> u32 {
        let pause = now.saturating_sub(self.rungs[rung].told);
        let proven = self
            .members(rung)
            .map(|viewer| media_in(viewer.proven))
            .min()
            .unwrap_or(0);
        let quick = before.saturating_add(grown(before, RISE, pause.min(RISE_FOR)));
        let careful = before.saturating_add(grown(before, CAREFUL_RISE, pause.min(CAREFUL_FOR)));
        quick.min(proven).max(careful)
    }
}

/// What `rate` gains in `time` at so many per cent a second; at least a bit, so that it never stands still.
fn grown(rate: u32, percent_a_second: u32, time: Duration) -> u32 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let share = millis.saturating_mul(percent_a_second.into());
    let gain = u64::from(rate).saturating_mul(share) / 100_000;
    u32::try_from(gain).unwrap_or(u32::MAX).max(1)
}
