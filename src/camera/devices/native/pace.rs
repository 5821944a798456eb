// SPDX-License-Identifier: MPL-2.0
//! How long a picture has to wait that comes before its time. Pure: time is an argument.

use std::time::{Duration, Instant};

/// Pictures that may come at once, as after a stall: a camera has so many buffers.
const AT_ONCE: u32 = 4;
/// Per cent of the time between two pictures that have to pass: no camera's clock is right to the last bit.
const LEAST: u32 = 80;
/// So that who stops the camera does not wait for a picture that is due much later.
const LONGEST: Duration = Duration::from_millis(200);

/// The rate that a camera says it has, and how far ahead of it the camera is.
#[derive(Debug)]
pub(super) struct Pace {
    period: Duration,
    /// When the next picture would come if each kept to the rate.
    due: Option<Instant>,
}

impl Pace {
    /// `None` for a rate that varies.
    pub(super) fn new(rate: gst::Fraction) -> Option<Self> {
        let (numer, denom) = (
            u32::try_from(rate.numer()).ok()?,
            u32::try_from(rate.denom()).ok()?,
        );
        let period = (Duration::from_secs(denom.into()) * LEAST / 100).checked_div(numer)?;
        Some(Self { period, due: None })
    }

    /// How long a picture that has come now waits.
    pub(super) fn wait(&mut self, now: Instant) -> Duration {
        let due = self.due.unwrap_or(now);
        let wait = due
            .saturating_duration_since(now)
            .saturating_sub(self.period * AT_ONCE)
            .min(LONGEST);
        self.due = Some(due.max(now) + self.period);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of pictures that are ready `every` so often: how many pass in a second.
    fn pass_in_a_second(rate: i32, every: Duration) -> usize {
        let mut pace = Pace::new(gst::Fraction::new(rate, 1)).unwrap();
        let start = Instant::now();
        let mut now = start;
        let mut passed = 0;
        while now < start + Duration::from_secs(1) {
            now += every + pace.wait(now + every);
            passed += 1;
        }
        passed
    }

    #[test]
    fn a_camera_that_is_faster_than_it_says_is_held_back() {
        let passed = pass_in_a_second(30, Duration::from_millis(1));
        assert!((30..=45).contains(&passed), "{passed}");
    }

    #[test]
    fn one_that_keeps_to_its_rate_never_waits_also_after_a_stall() {
        let mut pace = Pace::new(gst::Fraction::new(30, 1)).unwrap();
        let start = Instant::now();
        let ms = |ms| start + Duration::from_millis(ms);
        for number in 0..100 {
            // Each other one is late by a third of a picture.
            assert_eq!(pace.wait(ms(number * 33 + number % 2 * 11)), Duration::ZERO);
        }
        for _ in 0..AT_ONCE {
            assert_eq!(pace.wait(ms(5000)), Duration::ZERO);
        }
        for number in 0..100 {
            assert_eq!(pace.wait(ms(5033 + number * 33)), Duration::ZERO);
        }
    }

    #[test]
    fn nobody_waits_long_for_a_camera_that_is_stopped() {
        let mut pace = Pace::new(gst::Fraction::new(1, 10)).unwrap();
        let start = Instant::now();
        for _ in 0..20 {
            assert!(pace.wait(start) <= LONGEST);
        }
    }

    #[test]
    fn a_rate_that_varies_has_no_pace() {
        assert!(Pace::new(gst::Fraction::new(0, 1)).is_none());
    }
}
