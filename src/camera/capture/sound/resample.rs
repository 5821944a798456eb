// SPDX-License-Identifier: MPL-2.0
//! Sound with a little more or fewer samples, by a ratio that changes while it flows, which audioresample's cannot. Pure.
//!
//! A cubic through four neighbours (Catmull and Rom): at ratios within a thousandth of one what it adds lies far below what Opus does.

/// A sample of the left and of the right.
pub(crate) type Frame = [i16; 2];

/// Frames around the place that is read: one before, three from it on.
const TAPS: usize = 4;
/// Taps from the place that is read on, which have to be there first.
const AHEAD: f64 = (TAPS - 1) as f64;

#[derive(Debug)]
pub(super) struct Resampler {
    taps: [[f32; 2]; TAPS],
    /// The place that is read next, in frames from the second tap on; from 1 on a further frame has to come in first.
    place: f64,
}

impl Resampler {
    pub(super) fn new() -> Self {
        Self {
            taps: [[0.0; 2]; TAPS],
            place: AHEAD,
        }
    }

    /// The place that is read next, in frames from the first one that has not come in.
    pub(super) fn pending(&self) -> f64 {
        self.place - AHEAD
    }

    /// Passes over so many frames that come in.
    pub(super) fn skip(&mut self, frames: f64) {
        self.place += frames;
    }

    /// Takes all of `input`, and reads a frame each `ratio` frames of it.
    pub(super) fn run(&mut self, input: &[Frame], ratio: f64, output: &mut Vec<Frame>) {
        let mut input = input.iter();
        loop {
            while self.place >= 1.0 {
                let Some(frame) = input.next() else { return };
                self.taps.rotate_left(1);
                self.taps[TAPS - 1] = frame.map(f32::from);
                self.place -= 1.0;
            }
            output.push(self.read());
            self.place += ratio;
        }
    }

    fn read(&self) -> Frame {
        let place = self.place as f32;
        let [before, at, next, after] = self.taps;
        let channel = |c: usize| {
            let slope = (next[c] - before[c]) / 2.0;
            let next_slope = (after[c] - at[c]) / 2.0;
            let step = next[c] - at[c];
            let third = slope + next_slope - 2.0 * step;
            let second = step - slope - third;
            let value = at[c] + place * (slope + place * (second + place * third));
            // The cast saturates.
            value.round() as i16
        };
        [channel(0), channel(1)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(frames: std::ops::Range<u32>) -> Vec<Frame> {
        let at = |i: u32| (f64::from(i) * 1000.0 / 48_000.0 * std::f64::consts::TAU).sin();
        frames
            .map(|i| [(at(i) * 20_000.0) as i16, (at(i) * -9_000.0) as i16])
            .collect()
    }

    fn run(input: &[Frame], ratio: f64) -> Vec<Frame> {
        let (mut resampler, mut output) = (Resampler::new(), Vec::new());
        for block in input.chunks(480) {
            resampler.run(block, ratio, &mut output);
        }
        output
    }

    #[test]
    fn by_a_ratio_of_one_nothing_changes() {
        let input = tone(0..4800);
        let output = run(&input, 1.0);
        assert_eq!(output[..], input[..output.len()]);
        assert!(input.len() - output.len() < TAPS);
    }

    #[test]
    fn a_tone_stays_a_tone_in_both_channels() {
        const RATIO: f64 = 1.0005;
        let output = run(&tone(0..48_000), RATIO);
        assert!((output.len() as f64 - 48_000.0 / RATIO).abs() < TAPS as f64);
        let at = |i: usize| (i as f64 * RATIO * 1000.0 / 48_000.0 * std::f64::consts::TAU).sin();
        for (i, [left, right]) in output.iter().enumerate().skip(TAPS) {
            assert!((f64::from(*left) - at(i) * 20_000.0).abs() < 20.0, "{i}");
            assert!((f64::from(*right) + at(i) * 9_000.0).abs() < 10.0, "{i}");
        }
    }

    #[test]
    fn what_is_skipped_does_not_come_out() {
        let input = tone(0..960);
        let (mut resampler, mut output) = (Resampler::new(), Vec::new());
        resampler.run(&input[..480], 1.0, &mut output);
        let before = output.len();
        resampler.skip(100.0);
        resampler.run(&input[480..], 1.0, &mut output);
        assert_eq!(output[before], input[before + 100]);
    }

    #[test]
    fn what_is_loudest_stays_within_its_range() {
        let square: Vec<Frame> = (0..480)
            .map(|i| [if i / 24 % 2 == 0 { i16::MAX } else { i16::MIN }; 2])
            .collect();
        let output = run(&square, 0.9995);
        assert!(output.iter().all(|[left, _]| left.unsigned_abs() > 20_000));
    }
}
