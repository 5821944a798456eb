// SPDX-License-Identifier: MPL-2.0
//! Which retransmissions (RFC 4588) a viewer gets of those that it asks for. Pure.
//!
//! A viewer may ask for as many as it likes, and report what it likes of what arrives. So the bound is the picture that it was
//! really sent within the last second.

use std::time::{Duration, Instant};

use super::{
    bucket::{LeakyBucket, Limit},
    reports::Sent,
};

/// They get this share of the estimate. Behind a network that has just narrowed half of all packets are lost, and a viewer asks
/// for each; they would hold up the key unit that makes them needless.
const OF_ESTIMATE: f64 = 0.35;
/// And of the picture: with more of it lost, retransmissions are not what helps.
const OF_PICTURE: f64 = 0.5;
const PICTURE: Duration = Duration::from_secs(1);
const AT_ONCE: Duration = Duration::from_millis(300);
/// The packets of one lost frame.
const LEAST_AT_ONCE: f64 = 15_000.;

#[derive(Debug)]
pub(crate) struct Retransmissions {
    picture: Sent,
    bucket: LeakyBucket,
    key: Key,
}

/// Where the newest key unit begins.
#[derive(Clone, Copy, Debug, Default)]
enum Key {
    #[default]
    Unknown,
    /// The picture's next packet is its first.
    Next,
    At(u16),
}

impl Default for Retransmissions {
    fn default() -> Self {
        Self {
            picture: Sent::of(PICTURE),
            bucket: LeakyBucket::default(),
            key: Key::Unknown,
        }
    }
}

impl Retransmissions {
    /// The picture's next packet is the first of a key unit.
    pub(crate) fn begin_key(&mut self) {
        self.key = Key::Next;
    }

    /// A packet of the picture leaves for the first time.
    pub(crate) fn note(&mut self, seqnum: u16, bytes: usize, now: Instant) {
        if matches!(self.key, Key::Next) {
            self.key = Key::At(seqnum);
        }
        self.picture.add(bytes, now);
    }

    /// Whether one is worth its place.
    pub(crate) fn admits(
        &mut self,
        original: Option<u16>,
        bytes: usize,
        estimate: u32,
        now: Instant,
    ) -> bool {
        if original.is_some_and(|original| self.is_needless(original)) {
            return false;
        }
        let picture = self.picture.bytes(now) as f64 / PICTURE.as_secs_f64() * OF_PICTURE;
        let rate = (f64::from(estimate) / 8. * OF_ESTIMATE).min(picture);
        let depth = (rate * AT_ONCE.as_secs_f64()).max(LEAST_AT_ONCE.min(picture));
        self.bucket.try_put(bytes, Limit { rate, depth }, now)
    }

    /// Whether nobody can decode anything by it any more: it is of before the newest key unit.
    fn is_needless(&self, original: u16) -> bool {
        match self.key {
            // The difference of sequence numbers is signed.
            Key::At(key) => original.wrapping_sub(key) > u16::MAX / 2,
            Key::Unknown | Key::Next => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that are sent again in the last eight seconds of ten to a viewer that asks for all it can, whose picture has so many
    /// bit/s and whose reports say so many.
    fn sent_again(picture: u64, estimate: u32) -> u64 {
        let (mut all, start) = (Retransmissions::default(), Instant::now());
        let mut sum = 0;
        for ms in 0..10_000u64 {
            let now = start + Duration::from_millis(ms);
            all.note(0, usize::try_from(picture / 8_000).unwrap_or(0), now);
            // A thousand small ones and a thousand large ones a second.
            for bytes in [1_200, 100] {
                if all.admits(Some(1), bytes, estimate, now) && ms >= 2_000 {
                    sum += bytes as u64;
                }
            }
        }
        sum * 8 / 8
    }

    #[test]
    fn a_viewer_that_lies_gets_no_more_than_half_of_its_picture_again() {
        for picture in [0, 100_000, 500_000, 2_000_000] {
            let again = sent_again(picture, 50_000_000);
            assert!(again <= picture * 55 / 100, "{again} of {picture}");
        }
    }

    #[test]
    fn one_that_does_not_gets_a_share_of_its_network() {
        let again = sent_again(500_000, 500_000);
        assert!((150_000..=190_000).contains(&again), "{again}");
    }

    #[test]
    fn what_is_of_before_the_newest_key_unit_is_not_sent_again() {
        let (mut all, now) = (Retransmissions::default(), Instant::now());
        all.note(1, 100_000, now);
        all.begin_key();
        for seqnum in [3, 4] {
            all.note(seqnum, 1_200, now);
        }
        for (original, admitted) in [(3, true), (4, true), (2, false), (65_535, false)] {
            let admits = all.admits(Some(original), 1_000, 10_000_000, now);
            assert_eq!(admits, admitted, "{original}");
        }
    }
}
