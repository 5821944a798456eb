// SPDX-License-Identifier: MPL-2.0
//! Whether an encoder keeps up with its pictures: those that it is too slow for leave its queue unseen. Pure.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A machine that was busy for a moment has caught up within this time.
const WINDOW: Duration = Duration::from_secs(3);
/// Fewer say nothing.
const LEAST_PICTURES: u64 = 9;
/// A picture whose rate is a fifth lower than the camera's is still better than one of a quarter of its size.
const KEPT_PERCENT: u64 = 80;
/// In a window no more looks than this: ten a second, and some.
const MAX_LOOKS: usize = 64;

/// Pictures that have come to an encoder's queue, and those that it has taken from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pictures {
    pub(super) offered: u64,
    pub(super) taken: u64,
}

#[derive(Debug, Default)]
pub(super) struct Load {
    looks: VecDeque<(Instant, Pictures)>,
}

impl Load {
    /// Whether it has been too slow for the whole window.
    pub(super) fn is_too_much(&mut self, pictures: Pictures, now: Instant) -> bool {
        if self.looks.len() >= MAX_LOOKS {
            self.looks.pop_front();
        }
        self.looks.push_back((now, pictures));
        let is_old = |at: Instant| now.saturating_duration_since(at) >= WINDOW;
        while self.looks.get(1).is_some_and(|(at, _)| is_old(*at)) {
            self.looks.pop_front();
        }
        let Some((_, before)) = self.looks.front().filter(|(at, _)| is_old(*at)) else {
            return false;
        };
        let offered = pictures.offered.saturating_sub(before.offered);
        let taken = pictures.taken.saturating_sub(before.taken);
        offered >= LEAST_PICTURES && taken * 100 < offered * KEPT_PERCENT
    }

    /// What was so far is of another time.
    pub(super) fn restart(&mut self) {
        self.looks.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// When an encoder that takes so many pictures a second of 30 is found too slow, in tenths of a second.
    fn found(taken: impl Fn(u64) -> u64) -> Option<u64> {
        let (mut load, start) = (Load::default(), Instant::now());
        let mut sum = 0;
        (1..=600).find(|tenth| {
            sum += taken(*tenth);
            let pictures = Pictures {
                offered: tenth * 3,
                taken: sum / 10,
            };
            load.is_too_much(pictures, start + Duration::from_millis(tenth * 100))
        })
    }

    #[test]
    fn an_encoder_that_is_too_slow_is_found_within_seconds_and_no_other() {
        assert_eq!(found(|_| 30), None);
        assert_eq!(found(|_| 25), None);
        let slow = found(|_| 20);
        assert!((30..=32).contains(&slow.unwrap_or(0)), "{slow:?}");
        assert!(found(|_| 0).is_some());
    }

    #[test]
    fn a_machine_that_is_busy_for_half_a_second_loses_nothing() {
        let busy = |tenth| if (100..105).contains(&tenth) { 0 } else { 30 };
        assert_eq!(found(busy), None);
    }
}
