// SPDX-License-Identifier: MPL-2.0
//! Which frames of which rungs make up one viewer's picture, and when. Pure.
//!
//! A viewer changes its rung at a key unit of the new one and sees the old one until then. What it gets has rising
//! timestamps and no delta unit without those before it, so that its decoder notices nothing but another size.
//!
//! When each is shown is the [`Timeline`]'s.

use super::{timeline::Timeline, types::RungId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Drop,
    Pass {
        /// In nanoseconds.
        pts: u64,
        /// The first frame of another rung.
        moved: bool,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Switch {
    wanted: Option<RungId>,
    /// The rung whose frames pass.
    current: Option<RungId>,
    /// Frames were lost: the current rung's pass again from its next key unit on.
    broken: bool,
    timeline: Timeline,
}

impl Switch {
    pub(crate) fn want(&mut self, rung: RungId) {
        self.wanted = Some(rung);
    }

    pub(crate) fn current(&self) -> Option<RungId> {
        self.current
    }

    pub(crate) fn wanted(&self) -> Option<RungId> {
        self.wanted
    }

    /// Frames that were to pass were lost.
    pub(crate) fn lose(&mut self) {
        self.broken = true;
    }

    /// Whether nothing passes before a key unit.
    pub(crate) fn waits(&self) -> bool {
        self.broken || self.current != self.wanted
    }

    /// A frame of `rung`, `time` nanoseconds in by its source; `now` is by the clock.
    pub(crate) fn take(&mut self, rung: RungId, is_key: bool, time: u64, now: u64) -> Verdict {
        let is_wanted = self.wanted == Some(rung);
        let is_current = self.current == Some(rung);
        let starts = is_key && is_wanted && (self.broken || !is_current);
        let goes_on = is_current && (!self.broken || is_key);
        if !starts && !goes_on {
            return Verdict::Drop;
        }
        self.current = Some(rung);
        self.broken = false;
        Verdict::Pass {
            pts: self.timeline.place(time, now),
            moved: !is_current,
        }
    }
}

#[cfg(test)]
#[path = "switch_tests.rs"]
mod tests;
