// SPDX-License-Identifier: MPL-2.0
//! When a viewer goes down, up, or is probed.

use std::{array, time::Duration};

use super::{
    Command, Policy,
    probe::{Outcome, Probe},
    rates::{MOST_RUNGS, estimate_for},
    share,
    size::percent,
};

/// A fall that lasts so long is no jitter. With the time to the next decision and the key unit it stays within half a second.
const FALL_AFTER: Duration = Duration::from_millis(200);
/// So long a picture has to be shown small before it costs no more than that: who turns a telephone, or opens the next picture at
/// once, is not sent to and fro.
const SHRINK_AFTER: Duration = Duration::from_secs(1);
/// Loss is averaged over half a second: a single burst is over by then.
const LEAVE_LOSS_AFTER: Duration = Duration::from_secs(1);
/// A rung is left downwards below this share of what the rung underneath can show.
const LEAVE_BELOW: u32 = 85;
/// And an idle one is entered upwards from this share on.
const ENTER_ABOVE: u32 = 110;
/// And one that runs, from this share of what it sends on.
const MARGIN: u32 = 105;
/// An estimate has to carry the better rung for so long.
const CLIMB_AFTER: Duration = Duration::from_secs(2);
/// Who goes down so soon after a climb, a few swings of GCC, should not have climbed.
const CLIMB_FAILED: Duration = Duration::from_secs(20);
/// All viewers may share the camera's own uplink; more probes at once would be taken for each other's congestion.
const MOST_PROBES: usize = 4;

/// How a rung's members stand to each other at a decision.
#[derive(Clone, Copy, Debug)]
pub(super) struct RungSummary {
    target: u32,
    best: u32,
    alone: bool,
}

impl<Id: Copy + Ord> Policy<Id> {
    /// What each rung's members make of it, as they stand.
    pub(super) fn summaries(&self, now: Duration) -> [Option<RungSummary>; MOST_RUNGS] {
        array::from_fn(|rung| {
            Some(RungSummary {
                target: self.wanted(rung, now)?,
                best: self.members(rung).map(|v| v.carries(now)).max()?,
                alone: self.members(rung).count() == 1,
            })
        })
    }

    pub(super) fn fall(&mut self, id: Id, summaries: &[Option<RungSummary>], now: Duration) {
        let Some(rung) = self.viewers.get(&id).map(|viewer| viewer.wanted) else {
            return;
        };
        let is_usable = self.is_usable(rung);
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        let Some(RungSummary {
            target,
            best,
            alone,
        }) = summaries[rung]
        else {
            return;
        };
        let carries = viewer.carries(now);
        let low = carries < percent(self.config.floor(rung), LEAVE_BELOW)
            || (!alone && (share::falls_behind(carries, target) || viewer.waits(now)));
        let behind = share::falls_behind(carries, best.min(self.config.ceilings[rung]));
        let last = self.config.last();
        viewer.low.note(low, now);
        viewer.behind.note(behind, now);
        let lossy = !alone && viewer.lossy.lasted(LEAVE_LOSS_AFTER, now);
        let must = viewer.low.lasted(FALL_AFTER, now) || lossy || !is_usable;
        viewer.oversized.note(rung < viewer.needed, now);
        let shrinks = viewer.oversized.lasted(SHRINK_AFTER, now);
        if rung >= last || !(must || shrinks) {
            return;
        }
        let from = viewer.needed.max(rung + 1);
        if let Some(climbed) = viewer.climbed.take()
            && is_usable
            && must
            && now.saturating_sub(climbed) < CLIMB_FAILED
        {
            viewer.unsteady.fail(now);
        }
        viewer.lossy = Default::default();
        let to = self.fitting(from, carries);
        self.go(id, to, carries, now);
        self.end_probe(id, now);
    }

    /// Goes up if the link carries it, or finds out whether it does.
    pub(super) fn climb(&mut self, id: Id, now: Duration) {
        let Some(viewer) = self.viewers.get(&id) else {
            return;
        };
        let rung = viewer.wanted;
        let carries = viewer.carries(now);
        let proven = viewer.shown;
        let better = (viewer.needed..rung)
            .filter(|&better| self.is_usable(better))
            .find(|&better| carries >= self.entry(better));
        let shown = better.is_some_and(|better| proven >= estimate_for(self.entry(better)));
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        viewer.above.note(better.is_some(), now);
        // Who was called back just now goes nowhere else at once.
        if viewer.is_moving() || viewer.asked == now {
            return;
        }
        let lasted = viewer.above.lasted(CLIMB_AFTER, now) && viewer.backoff.over(now);
        // Somebody waits for the larger picture, and nothing speaks against it.
        let lasted = lasted || viewer.has_grown(now);
        match better {
            Some(better) if (shown || lasted) && viewer.unsteady.over(now) => {
                viewer.climbed = Some(now);
                // What it carries beyond that is found out on the way up.
                let bitrate = self.entry(better).max(self.rungs[rung].target.unwrap_or(0));
                let goes_on = self.end_probe(id, now);
                self.go(id, better, bitrate.min(carries), now);
                if goes_on && let Some(viewer) = self.viewers.get_mut(&id) {
                    viewer.probed = None;
                }
            }
            Some(_) => (),
            None => self.begin_probe(id, now),
        }
    }

    /// The video that a viewer has to carry to come up to `rung`.
    fn entry(&self, rung: usize) -> u32 {
        let floor = percent(self.config.floor(rung), ENTER_ABOVE);
        let sends = self.rungs[rung].target.unwrap_or(0);
        floor.max(percent(sends, MARGIN))
    }

    /// The estimate that a viewer on `rung`, to whom `best` is as good as any, would have use for: alone on it, all it can get; with others, the next rung.
    fn need(&self, rung: usize, best: usize) -> Option<u32> {
        let mut usable = (best..rung).filter(|&better| self.is_usable(better));
        let next = if self.members(rung).count() > 1 {
            usable.map(|better| self.entry(better)).min()?
        } else {
            let best = usable.clone().next().unwrap_or(rung);
            let running = usable.find(|&better| self.rungs[better].target.is_some());
            match running {
                Some(best) => self.entry(best),
                None => return Some(estimate_for(self.config.ceilings[best])),
            }
        };
        // The rung above may have gone up a little by then.
        Some(estimate_for(percent(next, MARGIN)))
    }

    fn begin_probe(&mut self, id: Id, now: Duration) {
        let probing = self.viewers.values().filter(|v| v.probe.is_some()).count();
        let Some(viewer) = self.viewers.get(&id) else {
            return;
        };
        let Some(need) = self.need(viewer.wanted, viewer.needed) else {
            return;
        };
        let useful = need > viewer.usable() && need > viewer.shown;
        if probing >= MOST_PROBES || !useful || !viewer.may_be_probed(now) {
            return;
        }
        if let Some(viewer) = self.viewers.get_mut(&id) {
            viewer.probe = Some(Probe::new(viewer.proven, need, now));
        }
    }

    pub(super) fn go_on_probing(&mut self, id: Id, now: Duration) {
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        let Some(probe) = &mut viewer.probe else {
            return;
        };
        let trouble = probe.speaks_against(viewer.trouble, &viewer.seen);
        let outcome = probe.advance(viewer.seen.delivered, trouble, now);
        match outcome {
            Outcome::Open => (),
            Outcome::Step(shown) | Outcome::Reached(shown) => {
                viewer.shown = viewer.shown.max(shown);
                self.raise(id, shown);
                if matches!(outcome, Outcome::Reached(_)) {
                    self.end_probe(id, now);
                }
            }
            Outcome::Over => {
                self.end_probe(id, now);
            }
            Outcome::Failed => {
                viewer.backoff.fail(now);
                let proven = probe.proven();
                // Congestion control has cut for the padding's sake; without it the link carries what it did before.
                if viewer.seen.delivered >= proven && viewer.seen.estimate < proven {
                    self.raise(id, proven);
                }
                self.end_probe(id, now);
            }
        }
    }

    /// Gives a viewer back what congestion control has taken too much of.
    pub(super) fn recover(&mut self, id: Id, now: Duration) {
        let viewer = self.viewers.get_mut(&id);
        if let Some(bitrate) = viewer.and_then(|viewer| viewer.recovers(now)) {
            self.raise(id, bitrate);
        }
    }

    fn raise(&mut self, id: Id, bitrate: u32) {
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        viewer.proven = viewer.proven.max(bitrate);
        if viewer.seen.estimate < bitrate {
            viewer.seen.estimate = bitrate;
            self.commands.push(Command::Estimate {
                viewer: id,
                bitrate,
            });
        }
    }

    /// Says how much padding is due.
    pub(super) fn pad(&mut self, id: Id, now: Duration) {
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        // What has been sent so far says nothing of a rung that it comes to only now.
        let media = if viewer.on_new_rung(now) {
            let target = self.rungs[viewer.wanted].target.unwrap_or(0);
            viewer.seen.sent.max(target)
        } else {
            viewer.seen.sent
        };
        if let Some(probe) = &mut viewer.probe
            && let Some(padding) = probe.padding(media)
        {
            self.commands.push(Command::Probe {
                viewer: id,
                padding,
            });
        }
    }

    /// Whether there was one.
    fn end_probe(&mut self, id: Id, now: Duration) -> bool {
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return false;
        };
        let Some(probe) = viewer.probe.take() else {
            return false;
        };
        viewer.probed = Some(now);
        if probe.pads() {
            self.commands.push(Command::Probe {
                viewer: id,
                padding: 0,
            });
        }
        true
    }
}
