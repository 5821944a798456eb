// SPDX-License-Identifier: MPL-2.0
//! When a rung's encoder, or whoever encodes elsewhere, is asked for a key unit: one request for all who need one. Pure.

use std::time::{Duration, Instant};

/// Key units are at least so far apart, whoever asks.
const PAUSE: Duration = Duration::from_millis(250);
/// Who was asked for a key unit has made one by then, if pictures come; else it did not hear.
const LATE: Duration = Duration::from_millis(500);
/// And by so many frames: where few come in a second it takes longer.
const LATE_FRAMES: u64 = 2;
/// However few frames come.
const LOST: Duration = Duration::from_secs(3);

/// How much has come out of a rung.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Output {
    pub(super) frames: u64,
    pub(super) keys: u64,
}

#[derive(Debug, Default)]
pub(super) struct KeyRequests {
    last: Option<Instant>,
    is_waiting: bool,
    /// What had come out when the last was asked for.
    before: Output,
    /// The first that has not been answered, and how many had been by then.
    unanswered: Option<(Instant, u64)>,
}

impl KeyRequests {
    /// Somebody needs a key unit; whether it is to be asked for now. If not, it is under way, or [`Self::due`] soon.
    pub(super) fn want(&mut self, now: Instant, out: Output) -> bool {
        if self.is_coming(now, out) {
            return false;
        }
        self.is_waiting = true;
        self.due(now, out)
    }

    /// Whether one that was put off is to be asked for now. To be called every now and then.
    pub(super) fn due(&mut self, now: Instant, out: Output) -> bool {
        let is_over = |last: Instant| now.saturating_duration_since(last) >= PAUSE;
        if !self.is_waiting || !self.last.is_none_or(is_over) {
            return false;
        }
        self.last = Some(now);
        self.is_waiting = false;
        self.before = out;
        if self.unanswered(out).is_none() {
            self.unanswered = Some((now, out.keys));
        }
        true
    }

    /// Nobody has seen what has come out so far, nor waits for it: the next request is not put off because of it.
    pub(super) fn forget(&mut self) {
        self.last = None;
        self.is_waiting = false;
    }

    /// Since when one has been asked for and has not come.
    pub(super) fn unanswered(&self, out: Output) -> Option<Instant> {
        let first = self.unanswered.filter(|(_, keys)| *keys == out.keys);
        first.map(|(at, _)| at)
    }

    /// The last that was asked for has not come out yet, and may still.
    fn is_coming(&self, now: Instant, out: Output) -> bool {
        let Some(last) = self.last.filter(|_| self.before.keys == out.keys) else {
            return false;
        };
        let since = now.saturating_duration_since(last);
        let frames = out.frames.saturating_sub(self.before.frames);
        since < LATE || (frames < LATE_FRAMES && since < LOST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(frames: u64, keys: u64) -> Output {
        Output { frames, keys }
    }

    #[test]
    fn ten_who_ask_at_once_are_one_request() {
        let (mut requests, start) = (KeyRequests::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let asked = (0..10).filter(|ms| requests.want(at(*ms), out(0, 0)));
        assert_eq!(asked.count(), 1);
        // It has come, and one more needs one: not before the pause is over.
        assert!(!requests.want(at(100), out(3, 1)));
        assert!(!requests.due(at(200), out(6, 1)));
        assert!(requests.due(at(250), out(7, 1)));
        assert!(!requests.due(at(600), out(18, 2)));
    }

    #[test]
    fn one_that_does_not_come_is_asked_for_again_after_some_pictures() {
        for (every, again) in [(33_u64, 500_u64), (1_000, 2_000), (10_000, 3_000)] {
            let (mut requests, start) = (KeyRequests::default(), Instant::now());
            let mut asked = (0..10_000).filter(|ms| {
                let frames = out(ms / every, 0);
                requests.want(start + Duration::from_millis(*ms), frames)
            });
            assert_eq!((asked.next(), asked.next()), (Some(0), Some(again)));
        }
    }

    #[test]
    fn it_is_known_since_when_one_has_been_asked_for_in_vain() {
        let (mut requests, start) = (KeyRequests::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(requests.unanswered(out(0, 0)), None);
        for second in 1..5 {
            requests.want(at(second * 1_000), out(second * 30, 0));
        }
        assert_eq!(requests.unanswered(out(150, 0)), Some(at(1_000)));
        assert_eq!(requests.unanswered(out(150, 1)), None);
        requests.want(at(6_000), out(180, 1));
        assert_eq!(requests.unanswered(out(180, 1)), Some(at(6_000)));
    }

    #[test]
    fn what_nobody_has_seen_puts_nothing_off() {
        let (mut requests, now) = (KeyRequests::default(), Instant::now());
        assert!(requests.want(now, out(0, 0)));
        assert!(!requests.want(now, out(1, 1)));
        requests.forget();
        assert!(requests.want(now, out(1, 1)));
    }
}
