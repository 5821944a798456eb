// SPDX-License-Identifier: MPL-2.0
//! A flash that is heard: the picture is white and the microphone beeps for a tenth of a second, once a second, at the same time. All
//! cameras and microphones of a process share it.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Frames from one flash to the next; frames that one lasts; and frames before one in which the microphone is told.
const PERIOD: u64 = 30;
const LENGTH: u64 = 3;
const AHEAD: u64 = 5;
/// How long a beep lasts.
const BEEP: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// Nanoseconds, by the system's clock, at which the last flash began, or the next one will.
static BEGINS: AtomicU64 = AtomicU64::new(0);

/// Whether the frame with this number is white.
pub(crate) fn is_lit(number: u64) -> bool {
    number % PERIOD < LENGTH
}

/// Tells the microphone of the flash that is near: the frame with this number is seen at `seen`.
pub(crate) fn plan(number: u64, seen: gst::ClockTime, period: gst::ClockTime) {
    if number % PERIOD == PERIOD - AHEAD {
        BEGINS.store((seen + period * AHEAD).nseconds(), Relaxed);
    }
}

/// Whether there is a beep at this time.
pub(crate) fn is_loud(at: gst::ClockTime) -> bool {
    let begins = gst::ClockTime::from_nseconds(BEGINS.load(Relaxed));
    !begins.is_zero() && at >= begins && at < begins + BEEP
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beep_begins_with_the_first_white_frame() {
        let period = gst::ClockTime::from_mseconds(33);
        let first = gst::ClockTime::from_seconds(9);
        for number in 0..PERIOD {
            plan(number, first + period * number, period);
        }
        let lit = (LENGTH..).find(|number| is_lit(*number)).expect("a flash");
        let seen = first + period * lit;
        assert!(is_loud(seen) && !is_loud(seen - gst::ClockTime::MSECOND));
        assert!(!is_loud(seen + BEEP));
    }
}
