// SPDX-License-Identifier: MPL-2.0
//! What is sent beside the picture to find out what a network carries: packets of the picture once more, which a receiver takes
//! for retransmissions and drops. Pure.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::bucket::{LeakyBucket, Limit};

/// Packets that are repeated.
const RECENT: usize = 32;
/// What is asked for and has not come by the time that as much again was, does not come.
const MAX_AWAITED: usize = 2 * RECENT;
/// It is sent when the picture's packets are: with four frames a second so much at once.
const AT_ONCE: Duration = Duration::from_millis(250);

#[derive(Debug, Default)]
pub(crate) struct Padding {
    /// Bits each second.
    rate: u32,
    bucket: LeakyBucket,
    has_begun: bool,
    recent: VecDeque<(u16, usize)>,
    next: usize,
    /// What was asked for and has not come yet.
    awaited: VecDeque<u16>,
}

impl Padding {
    pub(crate) fn set(&mut self, rate: u32) {
        self.rate = rate;
        if rate == 0 {
            self.awaited.clear();
            self.has_begun = false;
        }
    }

    /// A packet of the picture leaves for the first time.
    pub(crate) fn note(&mut self, seqnum: u16, bytes: usize) {
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((seqnum, bytes));
    }

    /// Packets to send once more.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<u16> {
        let mut due = Vec::new();
        if self.rate == 0 || self.recent.is_empty() {
            return due;
        }
        let limit = Limit::of(self.rate.into(), AT_ONCE);
        if !std::mem::replace(&mut self.has_begun, true) {
            // It comes by and by, and not with a burst.
            self.bucket.fill(limit, now);
        }
        while due.len() < RECENT {
            let next = (self.next + 1) % self.recent.len();
            let (seqnum, bytes) = self.recent[next];
            if !self.bucket.try_put_last(bytes, limit, now) {
                break;
            }
            self.next = next;
            if self.awaited.len() >= MAX_AWAITED {
                self.awaited.pop_front();
            }
            self.awaited.push_back(seqnum);
            due.push(seqnum);
        }
        due
    }

    /// Whether a retransmission is one that was asked for here, and not by the viewer.
    pub(crate) fn takes(&mut self, original: u16) -> bool {
        let found = self.awaited.iter().position(|seqnum| *seqnum == original);
        found.and_then(|at| self.awaited.remove(at)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes of padding in two seconds beside so many frames a second of some packets.
    fn padded(rate: u32, frames: u16) -> usize {
        let (mut padding, start) = (Padding::default(), Instant::now());
        padding.set(rate);
        let mut bytes = 0;
        for frame in 0..=2 * frames {
            (0..4).for_each(|packet| padding.note(frame * 4 + packet, 1_000));
            let millis = u64::from(frame) * 1_000 / u64::from(frames);
            let now = start + Duration::from_millis(millis);
            // Each that is sent again passes as well.
            loop {
                let due = padding.due(now);
                bytes += due.len() * 1_000;
                assert!(due.iter().all(|seqnum| padding.takes(*seqnum)));
                if due.is_empty() {
                    break;
                }
            }
        }
        bytes
    }

    #[test]
    fn as_much_is_repeated_as_was_asked_for() {
        for (rate, frames) in [
            (100_000, 30),
            (400_000, 30),
            (4_000_000, 30),
            (4_000_000, 5),
        ] {
            let bytes = padded(rate, frames);
            let goal = rate as usize / 4;
            assert!(
                bytes.abs_diff(goal) <= goal / 20 + 1_000,
                "{bytes} of {goal}"
            );
        }
        assert_eq!(padded(0, 30), 0);
    }

    #[test]
    fn what_a_viewer_asks_for_is_no_padding() {
        let (mut padding, now) = (Padding::default(), Instant::now());
        padding.note(7, 1_000);
        assert!(!padding.takes(7));
        padding.set(1_000_000);
        assert!(padding.due(now).is_empty(), "not at once");
        let later = now + AT_ONCE;
        assert_eq!(padding.due(later)[0], 7);
        assert!(padding.takes(7));
        padding.due(later + AT_ONCE);
        padding.set(0);
        assert!(!padding.takes(7), "the probe is over");
    }
}
