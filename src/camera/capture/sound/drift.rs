// SPDX-License-Identifier: MPL-2.0
//! By how much sound is out of step, and what is done about it. Pure: errors in, a ratio for the resampler out.
//!
//! A sound card counts by a crystal of its own, which is off by up to some 100 ppm: a third of a second in an hour. When a buffer was
//! captured is measured late by whatever held a thread up, and hardly ever early; so of all that is measured in a while the least
//! counts. That goes through a loop filter with a proportional and an integral part, as in a phase-locked loop: the integral part
//! learns the drift, and the proportional one takes out what is left.

/// Frames a second of all sound here.
pub(super) const RATE: u32 = 48_000;

/// Frames from one correction to the next: half a second, in which some buffer is measured in time also on a busy machine.
const WINDOW: usize = RATE as usize / 2;
const WINDOW_SECONDS: f64 = 0.5;
/// Corrections that an error of a second is worth: of the ratio, and of what the ratio gains each second. Critically damped (the second is
/// a quarter of the first squared), within ten seconds.
const PROPORTIONAL: f64 = 0.2;
const INTEGRAL: f64 = PROPORTIONAL * PROPORTIONAL / 4.0;
/// The most that the ratio is off one: a thirtieth of a semitone, which nobody hears.
const MOST: f64 = 0.002;
/// The most that a crystal is off. What is more is no drift.
const MOST_DRIFT: f64 = 0.001;
/// Seconds. Less is the rounding of timestamps; a source that keeps time itself passes untouched.
const LEAST: f64 = 20e-6;
/// Seconds out of step that are not worth a slow correction: samples were lost, or are too many. Half of what people begin to notice
/// (ITU-R BT.1359 has 45 ms).
const JUMP: f64 = 0.020;
/// The same where nothing was heard before, since the first buffer may have been measured late, or where the source itself says that
/// something is missing.
const FIRST_JUMP: f64 = 0.002;

#[derive(Debug)]
pub(super) struct Drift {
    /// Frames in this window so far.
    frames: usize,
    /// The least error in this window, in seconds.
    least: f64,
    /// What has been learnt of the drift.
    drift: f64,
    ratio: f64,
    is_first: bool,
}

impl Drift {
    pub(super) fn new() -> Self {
        Self {
            frames: 0,
            least: f64::INFINITY,
            drift: 0.0,
            ratio: 1.0,
            is_first: true,
        }
    }

    /// Frames that come in for each that goes out.
    pub(super) fn ratio(&self) -> f64 {
        self.ratio
    }

    /// What goes out next was captured `error` seconds after the time that it would be stamped with, and `frames` come in. Seconds to be
    /// made up at once: silence to be added, or, below 0, sound to be left out.
    pub(super) fn measure(&mut self, error: f64, frames: usize, is_gap: bool) -> Option<f64> {
        if is_gap && error.abs() > FIRST_JUMP {
            self.begin();
            // It may have been measured late.
            self.is_first = true;
            return Some(error);
        }
        self.least = self.least.min(error);
        self.frames += frames;
        if self.frames < WINDOW {
            return None;
        }
        let error = self.least;
        let most = if self.is_first { FIRST_JUMP } else { JUMP };
        self.begin();
        if error.abs() > most {
            self.ratio = 1.0 - self.drift;
            return Some(error);
        }
        self.correct(error);
        None
    }

    /// Begins a new window.
    fn begin(&mut self) {
        self.frames = 0;
        self.least = f64::INFINITY;
        self.is_first = false;
    }

    fn correct(&mut self, error: f64) {
        let error = if error.abs() < LEAST { 0.0 } else { error };
        let wanted = PROPORTIONAL * error + self.drift;
        let correction = wanted.clamp(-MOST, MOST);
        // What cannot be carried out teaches nothing.
        if correction == wanted {
            let learnt = INTEGRAL * WINDOW_SECONDS * error;
            self.drift = (self.drift + learnt).clamp(-MOST_DRIFT, MOST_DRIFT);
        }
        // Captured later than it is stamped: the card is slow, and more has to go out than comes in.
        self.ratio = 1.0 - correction;
    }
}
