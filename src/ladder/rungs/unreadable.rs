// SPDX-License-Identifier: MPL-2.0
//! What becomes of a rung whose frames come in encoded and cannot be read: it is tried again and again, and somebody is told.

use std::time::{Duration, Instant};

use super::{Failure, Rungs};

/// What cannot be read may be whole again after the next key unit.
const REST: Duration = Duration::from_secs(1);

impl Rungs {
    /// What comes in encoded could not be read: it is tried again by and by.
    pub(super) fn rest(&mut self, place: usize, failure: Failure, now: Instant) {
        let Some(state) = self.states.get_mut(place) else {
            return;
        };
        state.rests_until = Some(now + REST);
        if let Some(rung) = state.rung.take() {
            rung.stop();
        }
        if let Some(spec) = self.specs.get(place) {
            self.unreadable = Some((spec.source, failure));
        }
    }

    /// What comes in encoded by this pad could not be read since this was asked last, and why.
    pub(in crate::ladder) fn unreadable(&mut self) -> Option<(usize, Failure)> {
        self.unreadable.take()
    }

    /// Begins anew what could not be read; whether there was any.
    pub(in crate::ladder) fn retry(&mut self, now: Instant) -> bool {
        let mut has_begun = false;
        for place in 0..self.states.len() {
            let state = &mut self.states[place];
            let is_due = state.rests_until.is_some_and(|until| now >= until);
            if is_due {
                state.rests_until = None;
                if state.is_active || state.is_sampled {
                    self.ensure(place, now);
                    has_begun = true;
                }
            }
        }
        has_begun
    }
}
