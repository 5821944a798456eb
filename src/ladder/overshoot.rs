// SPDX-License-Identifier: MPL-2.0
//! Keeps a rung at its bitrate when its encoder cannot: a picture like snow costs more than it may at the coarsest quantiser,
//! and right after a key unit any picture does. Pictures are left out then, as WebRTC's own senders do. Pure.

/// What may be over the target, in seconds of it, before pictures are left out: a key unit of a common picture.
const SLACK: f64 = 0.25;
/// What is remembered of it: so much, and no more, is made up for.
const MOST: f64 = 1.5;
/// Pictures are left out for so long in a row: three are shown each second, come what may, if as many come.
const LONGEST_SKIP: f64 = 0.33;
/// Nothing is known of a longer pause.
const LONGEST_PAUSE: f64 = 1.;

/// A leaky bucket of bits.
#[derive(Debug, Default)]
pub(super) struct Overshoot {
    level: f64,
    at: Option<u64>,
    /// For how long pictures have been left out.
    skipped: f64,
}

impl Overshoot {
    /// A picture is about to be encoded, `pts` nanoseconds in, for so many bits each second; whether it is left out.
    pub(super) fn skips(&mut self, pts: u64, target: u32) -> bool {
        let target = f64::from(target);
        let since = self.at.replace(pts).map_or(0, |at| pts.saturating_sub(at));
        let since = (since as f64 / 1e9).min(LONGEST_PAUSE);
        self.level = (self.level - target * since).max(0.);
        let skips = self.level > target * SLACK && self.skipped + since < LONGEST_SKIP;
        self.skipped = if skips { self.skipped + since } else { 0. };
        skips
    }

    /// A frame has come out.
    pub(super) fn came(&mut self, bytes: usize, target: u32) {
        self.level = (self.level + bytes as f64 * 8.).min(f64::from(target) * MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: u64 = 33_333_333;

    /// Frames a second and bits a second of an encoder whose frames have `bytes`.
    fn run(bytes: usize, target: u32) -> (u64, u64) {
        let (mut overshoot, mut frames) = (Overshoot::default(), 0);
        for number in 0..300 {
            if !overshoot.skips(number * FRAME, target) {
                overshoot.came(bytes, target);
                frames += 1;
            }
        }
        (frames / 10, frames * bytes as u64 * 8 / 10)
    }

    #[test]
    fn an_encoder_that_keeps_its_rate_loses_no_picture() {
        assert_eq!(run(2_000, 500_000).0, 30);
    }

    #[test]
    fn one_that_cannot_shows_fewer_pictures_at_the_rate() {
        let (frames, bits) = run(8_000, 500_000);
        assert!((6..=9).contains(&frames), "{frames}");
        assert!(bits < 575_000, "{bits}");
    }

    #[test]
    fn three_pictures_a_second_are_shown_come_what_may() {
        assert_eq!(run(1_000_000, 100_000).0, 3);
        assert_eq!(run(1_000, 1).0, 3);
    }

    #[test]
    fn a_second_without_a_picture_is_longer_than_any_skip_at_few_pictures_a_second_as_well() {
        for (every, least) in [
            (FRAME, 30),
            (100_000_000, 25),
            (200_000_000, 24),
            (500_000_000, 19),
        ] {
            let (mut overshoot, mut shown) = (Overshoot::default(), Vec::new());
            for number in 0..(10_000_000_000 / every) {
                if !overshoot.skips(number * every, 100_000) {
                    overshoot.came(1_000_000, 100_000);
                    shown.push(number * every);
                }
            }
            assert!(shown.len() >= least, "{} of one in {every} ns", shown.len());
            let longest = shown.windows(2).map(|two| two[1] - two[0]).max();
            assert!(longest <= Some(every.max(400_000_000)), "{longest:?}");
        }
    }

    #[test]
    fn a_key_unit_in_a_common_stream_costs_no_picture() {
        let mut overshoot = Overshoot::default();
        let skipped = (0..300u64)
            .filter(|number| {
                let skips = overshoot.skips(number * FRAME, 2_000_000);
                overshoot.came(if number % 60 == 0 { 50_000 } else { 7_000 }, 2_000_000);
                skips
            })
            .count();
        assert_eq!(skipped, 0);
    }
}
