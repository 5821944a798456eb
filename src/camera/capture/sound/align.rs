// SPDX-License-Identifier: MPL-2.0
//! Sound whose samples and timestamps agree, for hours: of buffers that are stamped by the clock, and hold what a sound card counted
//! by its own, one unbroken row of samples that are in step with the clock. Encoders count samples, and look at timestamps only when
//! they are off by a few hundredths of a second. Pure.

use super::{
    drift::{Drift, RATE},
    resample::{Frame, Resampler},
};

/// Seconds that the sound may be out of step and still be the same sound; else it begins anew, as behind a device that was away.
const LONGEST_GAP: f64 = 0.5;

const NANOSECONDS: u64 = 1_000_000_000;

/// What comes of a buffer.
#[derive(Debug, PartialEq)]
pub(crate) struct Aligned {
    /// Nanoseconds, of the first frame.
    pub(crate) at: u64,
    pub(crate) frames: Vec<Frame>,
    /// Whether it follows nothing.
    pub(crate) is_first: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Aligner(Option<Row>);

/// Sound without a break.
#[derive(Debug)]
struct Row {
    begins: u64,
    sent: u64,
    drift: Drift,
    resampler: Resampler,
}

impl Aligner {
    /// Takes a buffer whose first frame was captured at `at`, in nanoseconds, as far as that was measured. `is_gap` says that something
    /// is missing in front of it.
    pub(crate) fn push(&mut self, at: u64, input: &[Frame], is_gap: bool) -> Aligned {
        let row = self.0.take();
        let row = row.filter(|row| row.error(at).abs() < LONGEST_GAP);
        let is_first = row.is_none();
        let row = self.0.insert(row.unwrap_or_else(|| Row::new(at)));
        Aligned {
            at: row.time(),
            frames: row.push(at, input, is_gap && !is_first),
            is_first,
        }
    }
}

impl Row {
    fn new(begins: u64) -> Self {
        Self {
            begins,
            sent: 0,
            drift: Drift::new(),
            resampler: Resampler::new(),
        }
    }

    /// When what goes out next is to be heard, in nanoseconds.
    fn time(&self) -> u64 {
        let rate = u64::from(RATE);
        let (seconds, frames) = (self.sent / rate, self.sent % rate);
        self.begins + seconds * NANOSECONDS + frames * NANOSECONDS / rate
    }

    /// By how many seconds what goes out next was captured after its time, if what comes in next was captured at `at`.
    fn error(&self, at: u64) -> f64 {
        let late = (i128::from(at) - i128::from(self.time())) as f64 / NANOSECONDS as f64;
        late + self.resampler.pending() / f64::from(RATE)
    }

    fn push(&mut self, at: u64, input: &[Frame], is_gap: bool) -> Vec<Frame> {
        let mut output = Vec::with_capacity(input.len() + 1);
        if let Some(jump) = self.drift.measure(self.error(at), input.len(), is_gap) {
            let frames = (jump * f64::from(RATE)).round();
            if frames > 0.0 {
                output.resize(frames as usize, [0; 2]);
            } else {
                self.resampler.skip(-frames);
            }
        }
        self.resampler.run(input, self.drift.ratio(), &mut output);
        self.sent += output.len() as u64;
        output
    }
}

#[cfg(test)]
#[path = "align_tests.rs"]
mod tests;
