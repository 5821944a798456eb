// SPDX-License-Identifier: MPL-2.0
//! For how long a rung rests that this machine is too slow for. Pure.

use std::time::{Duration, Instant};

/// Long enough for whatever else runs to end.
const FIRST: Duration = Duration::from_secs(30);
/// A machine that is too slow by itself tries so often, and loses a few seconds each time.
const LONGEST: Duration = Duration::from_secs(480);
/// So long without being too slow, and it is another load.
const FORGOTTEN: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Relief {
    until: Option<Instant>,
    ended: Option<Instant>,
    long: Duration,
}

impl Relief {
    /// The rung rests from now on; false if it does so already.
    pub(super) fn begin(&mut self, now: Instant) -> bool {
        if self.until.is_some() {
            return false;
        }
        let is_new = |ended: Instant| now.saturating_duration_since(ended) > FORGOTTEN;
        if self.ended.is_none_or(is_new) {
            self.long = Duration::ZERO;
        }
        self.long = (self.long * 2).clamp(FIRST, LONGEST);
        self.until = Some(now + self.long);
        true
    }

    /// Whether it has rested enough just now.
    pub(super) fn is_over(&mut self, now: Instant) -> bool {
        let is_over = self.until.is_some_and(|until| now >= until);
        if is_over {
            self.until = None;
            self.ended = Some(now);
        }
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rests_longer_each_time_and_is_told_once() {
        let (mut relief, mut now) = (Relief::default(), Instant::now());
        let mut rested = Vec::new();
        for _ in 0..6 {
            assert!(relief.begin(now));
            assert!(!relief.begin(now));
            let begun = now;
            while !relief.is_over(now) {
                now += Duration::from_secs(1);
            }
            assert!(!relief.is_over(now));
            rested.push((now - begun).as_secs());
            now += Duration::from_secs(5);
        }
        assert_eq!(rested, [30, 60, 120, 240, 480, 480]);
        now += FORGOTTEN * 2;
        relief.begin(now);
        assert!(relief.is_over(now + FIRST));
    }
}
