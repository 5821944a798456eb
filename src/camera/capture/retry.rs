// SPDX-License-Identifier: MPL-2.0
//! When a microphone that failed is tried again, and when that is said. Pure.

use std::time::Duration;

use crate::camera::problem::Reason;

/// The first wait after a failure; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait. To look through what a sound server has is work for all who use it.
const LAST: Duration = Duration::from_secs(8);
/// The failure that is told: one that is opened anew may have to wait a moment for whoever had it, and a camera that was just plugged in
/// for its sound.
const TOLD: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Retry {
    failures: u32,
    told: Option<Reason>,
}

impl Retry {
    /// Whether it is to be said that it failed; each reason is said once until it is heard again.
    pub(super) fn failed(&mut self, reason: Reason, was_heard: bool) -> bool {
        if was_heard {
            *self = Self::default();
        }
        self.failures = self.failures.saturating_add(1);
        let is_due = was_heard || self.failures >= TOLD;
        let is_new = is_due && self.told != Some(reason);
        if is_new {
            self.told = Some(reason);
        }
        is_new
    }

    /// Until the next try.
    pub(super) fn delay(&self) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        (FIRST * 2_u32.pow(doublings)).min(LAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microphone_that_is_not_to_be_had_is_told_of_once() {
        let mut retry = Retry::default();
        let told: Vec<bool> = (0..6).map(|_| retry.failed(Reason::Busy, false)).collect();
        assert_eq!(told, [false, false, true, false, false, false]);
        assert!(retry.failed(Reason::Missing, false));
    }

    #[test]
    fn one_that_was_heard_is_told_of_at_once_and_tried_at_once() {
        let mut retry = Retry::default();
        for _ in 0..9 {
            retry.failed(Reason::Busy, false);
        }
        assert_eq!(retry.delay(), LAST);
        assert!(retry.failed(Reason::Gone, true));
        assert_eq!(retry.delay(), FIRST);
        assert!(!retry.failed(Reason::Gone, false));
    }
}
