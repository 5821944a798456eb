// SPDX-License-Identifier: MPL-2.0
//! Keeps a rung at its bitrate when its encoder cannot: a picture like snow costs more than it may at the coarsest quantiser,
//! and right after a key unit any picture does. Pictures are left out then, as WebRTC's own senders do. Pure.

/// What may be over the target, in seconds of it, before pictures are left out: a key unit of a common picture.
const SLACK: f64 = 0.25;
/// What is remembered of it: so much, and no more, is made up for.
const MOST: f64 = 1.5;
/// Pictures left out in a row: at 30 a second three are shown each second, come what may.
const MAX_SKIPPED: u32 = 9;
/// Nothing is known of a longer pause.
const LONGEST_PAUSE: f64 = 1.;

/// A leaky bucket of bits.
#[derive(Debug, Default)]
pub(super) struct Overshoot {
    level: f64,
    at: Option<u64>,
    skipped: u32,
}

impl Overshoot {
    /// A picture is about to be encoded, `pts` nanoseconds in, for so many bits each second; whether it is left out.
    pub(super) fn skips(&mut self, pts: u64, target: u32) -> bool {
        let target = f64::from(target);
        let since = self.at.replace(pts).map_or(0, |at| pts.saturating_sub(at));
        let since = (since as f64 / 1e9).min(LONGEST_PAUSE);
        self.level = (self.level - target * since).max(0.);
        let skips = self.level > target * SLACK && self.skipped < MAX_SKIPPED;
        self.skipped = if skips { self.skipped + 1 } else { 0 };
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
