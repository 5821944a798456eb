// SPDX-License-Identifier: MPL-2.0
//! What is known of one viewer's link, and where it stands on the ladder.

use std::time::Duration;

use super::{
    backoff::Backoff,
    observation::Observation,
    probe::Probe,
    rates::media_in,
    share::Member,
    size::{self, Size, percent},
};

/// An estimator may climb while nothing shows that the link carries it (rtpgccbwe does so without end). Beyond half as much
/// again as has arrived, it is not believed.
const BELIEVED: u32 = 150;
/// Estimates tremble; only beyond this is it a fall.
const FALL: u32 = 97;
/// So much above what arrived when the estimate last fell, and the link has become better.
const BETTER: u32 = 106;
/// Less than this share of what is sent arrives: the link has collapsed.
const COLLAPSED: u32 = 75;
/// A queue is empty and the measurements are of that time so long after a cut.
const DRAINS: Duration = Duration::from_secs(1);
/// An estimate below this share of what arrived out of a full queue was cut too deep: by losses of a moment that is over.
const UNDERSHOT: u32 = 60;
/// So much of it a link carries with an empty queue.
const CARRIED: u32 = 85;
/// A queue that loses so little is empty.
const LITTLE_LOSS: f32 = 0.02;
/// A link in trouble is left alone for so long before padding is sent on it.
const CALM: Duration = Duration::from_millis(1500);
/// An estimate that is held down by the link is cut again within this time. If it is not, too little is sent to tell.
const LONG_CALM: Duration = Duration::from_secs(6);
/// Between two probes.
const REST: Duration = Duration::from_secs(3);
/// So far back measurements go, with a round trip.
const MEASURED: Duration = Duration::from_millis(700);
/// GCC lowers the estimate beyond this loss, too.
const HEAVY_LOSS: f32 = 0.10;
/// A viewer that came just now has shown nothing yet: for so long others do not suffer from it.
const TRIAL: Duration = Duration::from_secs(3);
/// Who holds others back for longer than some swings of GCC does it for good.
const BEHIND_AFTER: Duration = Duration::from_secs(10);

/// A picture that is made larger comes up without a wait where its network is thought to carry it within this time,
const GROWS: Duration = Duration::from_secs(2);
/// but not more often than this.
const GROWS_AGAIN: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub(super) struct Viewer {
    /// What it is shown.
    pub(super) rung: usize,
    /// What it is to be shown, from the next key unit on if that is another one.
    pub(super) wanted: usize,
    /// When that was last asked for.
    pub(super) asked: Duration,
    /// In which size its picture is shown, if it says so.
    size: Option<Size>,
    /// The rung that has every pixel which is seen: no better one is of use to it.
    pub(super) needed: usize,
    /// Its rung is larger than that.
    pub(super) oversized: Since,
    /// When its picture was last made larger, and whether it has not changed its rung since.
    grown: Option<Duration>,
    comes_up: bool,
    joined: Duration,
    arrived: Duration,
    pub(super) seen: Observation,
    /// The highest estimate since it last fell.
    recent_maximum: u32,
    /// What is believed to arrive; at first, what the start estimate says.
    pub(super) proven: u32,
    /// Of media, what has arrived since the estimate last fell below it.
    pub(super) received: u32,
    /// What arrived when the estimate last fell; 0 if the link has become better since.
    threshold: u32,
    /// It has been given back what congestion control took beyond that.
    has_recovered: bool,
    /// The most that probes showed since the estimate last fell.
    pub(super) shown: u32,
    /// When the estimate last fell, or the link was otherwise in trouble.
    pub(super) trouble: Duration,
    pub(super) lossy: Since,
    /// Carries too little for its rung.
    pub(super) low: Since,
    /// Carries what its rung sends, but holds those back who could have more.
    pub(super) behind: Since,
    /// Carries a better rung.
    pub(super) above: Since,
    pub(super) climbed: Option<Duration>,
    /// Before it is probed again.
    pub(super) backoff: Backoff,
    /// Before it climbs again; a better link does not make a link steady.
    pub(super) unsteady: Backoff,
    pub(super) probe: Option<Probe>,
    /// When the last one ended, or the rung was changed on trust.
    pub(super) probed: Option<Duration>,
}

/// Since when something has been so without a break.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Since(Option<Duration>);

impl Since {
    pub(super) fn note(&mut self, holds: bool, now: Duration) {
        self.0 = holds.then(|| self.0.unwrap_or(now));
    }

    pub(super) fn lasted(&self, long: Duration, now: Duration) -> bool {
        self.0
            .is_some_and(|since| now.saturating_sub(since) >= long)
    }
}

impl Viewer {
    /// On the best rung, before anything else is said of it.
    pub(super) fn new(estimate: u32, now: Duration) -> Self {
        Self {
            rung: 0,
            wanted: 0,
            asked: now,
            size: None,
            needed: 0,
            oversized: Since::default(),
            grown: None,
            comes_up: false,
            joined: now,
            arrived: now,
            seen: Observation {
                estimate,
                delivered: 0,
                sent: 0,
                loss: 0.0,
                queued: Duration::ZERO,
            },
            recent_maximum: estimate,
            proven: estimate,
            received: 0,
            threshold: 0,
            has_recovered: false,
            shown: 0,
            trouble: now,
            lossy: Since::default(),
            low: Since::default(),
            behind: Since::default(),
            above: Since::default(),
            climbed: None,
            backoff: Backoff::default(),
            unsteady: Backoff::default(),
            probe: None,
            probed: None,
        }
    }

    /// `target` is what its rung's encoder is set to.
    pub(super) fn observe(&mut self, mut seen: Observation, target: u32, now: Duration) {
        if seen.loss.is_nan() {
            seen.loss = 0.0;
        }
        if seen.estimate < percent(self.recent_maximum, FALL) {
            self.threshold = seen.delivered.max(seen.estimate);
            self.recent_maximum = seen.estimate;
            self.shown = 0;
            self.has_recovered = false;
            self.trouble = now;
        }
        // What arrives right after a cut comes out of a full queue: that is the link.
        if self.threshold > 0 && now.saturating_sub(self.trouble) < DRAINS {
            self.threshold = self.threshold.max(seen.delivered);
        }
        self.recent_maximum = self.recent_maximum.max(seen.estimate);
        let arrived = seen.delivered.min(seen.estimate);
        self.proven = self.proven.min(seen.estimate).max(arrived);
        // Key units come in bursts above the target, which are no promise.
        self.received = self.received.min(seen.estimate).max(arrived.min(target));
        if self.threshold > 0
            && self.probe.is_none()
            && seen.delivered > percent(self.threshold, BETTER)
        {
            self.threshold = 0;
            self.backoff = Backoff::default();
        }
        self.lossy.note(seen.loss > HEAVY_LOSS, now);
        self.seen = seen;
        if self.collapsed(now) {
            self.proven = self.proven.min(seen.delivered);
        }
        if seen.loss > HEAVY_LOSS || seen.waits() {
            self.trouble = now;
        }
    }

    /// It shows its picture in this size.
    pub(super) fn resize(&mut self, size: Option<Size>, sizes: &[Size], now: Duration) {
        let before = self.size.is_some().then_some(self.needed);
        self.size = size;
        self.needs(before, sizes, now);
    }

    /// The rungs have these sizes now.
    pub(super) fn fit(&mut self, sizes: &[Size], now: Duration) {
        self.needs(None, sizes, now);
    }

    fn needs(&mut self, before: Option<usize>, sizes: &[Size], now: Duration) {
        let needed = self.size;
        let needed = needed.map_or(0, |size| size::needed(sizes, size, before));
        let lately = |grown: Duration| now.saturating_sub(grown) < GROWS_AGAIN;
        if needed < self.needed && !self.grown.is_some_and(lately) {
            self.grown = Some(now);
            self.comes_up = true;
        }
        self.needed = needed;
    }

    /// Whether its picture was made larger just now.
    pub(super) fn has_grown(&self, now: Duration) -> bool {
        let lately = |grown: Duration| now.saturating_sub(grown) < GROWS;
        self.comes_up && self.grown.is_some_and(lately)
    }

    /// Whether it waits for a key unit of another rung.
    pub(super) fn is_moving(&self) -> bool {
        self.rung != self.wanted
    }

    /// Whether it has been here long enough to have shown what its network carries.
    pub(super) fn is_known(&self, now: Duration) -> bool {
        now.saturating_sub(self.joined) >= TRIAL
    }

    /// Whether its frames wait, and not for the key unit of a rung that it has just come to.
    pub(super) fn waits(&self, now: Duration) -> bool {
        self.seen.waits() && !self.on_new_rung(now)
    }

    pub(super) fn usable(&self) -> u32 {
        self.seen.estimate.min(percent(self.proven, BELIEVED))
    }

    /// The video that it can take.
    pub(super) fn carries(&self, now: Duration) -> u32 {
        let estimate = media_in(self.usable());
        if self.collapsed(now) {
            estimate.min(media_in(self.seen.delivered))
        } else {
            estimate
        }
    }

    /// Congestion control looks back further than what arrives tells: on its way down the estimate is still far too high.
    fn collapsed(&self, now: Duration) -> bool {
        let Observation {
            delivered, sent, ..
        } = self.seen;
        let cut = self.threshold > 0 && now.saturating_sub(self.trouble) < DRAINS;
        cut && !self.on_new_rung(now) && delivered < percent(sent, COLLAPSED)
    }

    pub(super) fn on_trial(&self, now: Duration) -> bool {
        now.saturating_sub(self.arrived) < TRIAL
    }

    pub(super) fn as_member(&self, now: Duration) -> Member {
        Member {
            carries: self.carries(now),
            received: self.received,
            on_trial: self.on_trial(now),
            behind: self.behind.lasted(BEHIND_AFTER, now),
        }
    }

    /// What its link carries by what arrived out of its queue, where congestion control has cut far below that; once for each cut.
    pub(super) fn recovers(&mut self, now: Duration) -> Option<u32> {
        let calm = now.saturating_sub(self.trouble);
        let is_over = calm >= DRAINS && self.seen.loss < LITTLE_LOSS && !self.seen.waits();
        let is_low = self.seen.estimate < percent(self.threshold, UNDERSHOT);
        if self.has_recovered || !is_over || !is_low || self.probe.is_some() {
            return None;
        }
        self.has_recovered = true;
        Some(percent(self.threshold, CARRIED))
    }

    /// Whether padding may tell more than the estimate does.
    pub(super) fn may_be_probed(&self, now: Duration) -> bool {
        let calm = now.saturating_sub(self.trouble);
        let rested = self
            .probed
            .is_none_or(|probed| now.saturating_sub(probed) >= REST);
        let limited = self.threshold > 0 && calm < LONG_CALM;
        self.probe.is_none() && rested && calm >= CALM && !limited && self.backoff.over(now)
    }

    /// What was measured of the last half second is of the rung before.
    pub(super) fn on_new_rung(&self, now: Duration) -> bool {
        self.is_moving() || now.saturating_sub(self.arrived) < MEASURED
    }

    /// Others do not suffer from it before it has shown itself on this rung.
    pub(super) fn restart_trial(&mut self, now: Duration) {
        self.arrived = now;
    }

    pub(super) fn go(&mut self, rung: usize, now: Duration) {
        self.wanted = rung;
        self.asked = now;
        self.low = Since::default();
        self.behind = Since::default();
        self.above = Since::default();
        self.oversized = Since::default();
        self.comes_up = false;
        // What it had elsewhere is no claim on those who are there already.
        self.received = 0;
        self.probed = Some(now);
        self.restart_trial(now);
    }
}
