// SPDX-License-Identifier: MPL-2.0
//! What leaves the robot's loudspeaker: the sound of those who are heard, in frames of 10 ms. Pure.

use std::collections::VecDeque;

pub(crate) const RATE: usize = 48_000;
/// Samples of a frame of 10 ms.
pub(crate) const FRAME: usize = RATE / 100;
/// Sound that waits for one session, 100 ms: older sound than this is dropped, since nobody wants to be heard late.
pub(crate) const MAX_HELD: usize = RATE / 10;
/// A voice begins with 30 ms in hand: a packet of 20 ms, and a frame for the jitter of threads.
pub(crate) const FIRST_HELD: usize = 3 * FRAME;
/// A voice comes and goes within 5 ms, which is heard as no click.
const FADE: usize = FRAME / 2;
/// The sum of what may be mixed fits.
pub(super) type Sum = i32;

/// The sound of one session.
#[derive(Debug, Default)]
pub(crate) struct Voice {
    held: VecDeque<i16>,
    is_on: bool,
    /// Samples of the fade that are still to come.
    fade: usize,
    /// What left last, from which a voice that ends falls to silence.
    last: i16,
}

impl Voice {
    /// Takes in sound; drops the oldest where there is too much.
    pub(crate) fn push(&mut self, samples: impl ExactSizeIterator<Item = i16>) {
        let more = samples.len().min(MAX_HELD);
        let excess = (self.held.len() + more).saturating_sub(MAX_HELD);
        self.held.drain(..excess);
        let skipped = samples.len() - more;
        self.held.extend(samples.skip(skipped));
    }

    /// Forgets what was not heard.
    pub(crate) fn clear(&mut self) {
        self.held.clear();
    }

    /// Whether nothing of it is to come.
    pub(crate) fn is_over(&self) -> bool {
        !self.is_on && self.fade == 0
    }

    pub(crate) fn held(&self) -> usize {
        self.held.len()
    }

    /// Adds the next 10 ms to the mix, if the session is heard.
    fn add(&mut self, is_heard: bool, mix: &mut [Sum; FRAME]) {
        if !is_heard {
            // What waits is what came last, so that a voice begins with what is said then.
            let excess = self.held.len().saturating_sub(FIRST_HELD);
            self.held.drain(..excess);
        }
        if !self.is_on && is_heard && self.held.len() >= FIRST_HELD {
            self.is_on = true;
            self.fade = FADE;
        }
        for sum in mix {
            let next = if self.is_on && is_heard {
                self.held.pop_front()
            } else {
                None
            };
            if let Some(sample) = next {
                self.fade = self.fade.saturating_sub(1);
                self.last = scaled(sample, FADE - self.fade);
                *sum += Sum::from(self.last);
                continue;
            }
            if self.is_on {
                // Cut, or nothing came in time: no further sound, only the way to silence.
                self.is_on = false;
                self.fade = FADE;
            }
            self.fade = self.fade.saturating_sub(1);
            *sum += Sum::from(scaled(self.last, self.fade));
        }
    }
}

/// `sample` at so many of `FADE` parts.
fn scaled(sample: i16, parts: usize) -> i16 {
    let parts = i32::try_from(parts.min(FADE)).unwrap_or_default();
    let all = i32::try_from(FADE).unwrap_or(1);
    i16::try_from(i32::from(sample) * parts / all).unwrap_or_default()
}

/// Mixes the next frame of all voices, each with whether it is heard, into what sounds besides.
pub(crate) fn mix<'a>(
    voices: impl Iterator<Item = (&'a mut Voice, bool)>,
    mut sums: [Sum; FRAME],
    out: &mut [i16; FRAME],
) {
    for (voice, is_heard) in voices {
        voice.add(is_heard, &mut sums);
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = i16::try_from(sum).unwrap_or(if sum < 0 { i16::MIN } else { i16::MAX });
    }
}

/// How loud what left is, over some frames.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Level {
    power: f64,
    samples: u32,
}

impl Level {
    pub(crate) fn add(&mut self, frame: &[i16; FRAME]) {
        self.power += frame.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
        self.samples += u32::try_from(FRAME).unwrap_or_default();
    }

    /// Of all frames so far, in dBFS (0 for a square wave as loud as can be); `None` for silence. Begins anew.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a level needs no more digits"
    )]
    pub(crate) fn take(&mut self) -> Option<f32> {
        let Self { power, samples } = std::mem::take(self);
        if power == 0.0 {
            return None;
        }
        let full = f64::from(i16::MAX).powi(2);
        Some((10.0 * (power / f64::from(samples) / full).log10()) as f32)
    }
}

#[cfg(test)]
#[path = "mixer_tests.rs"]
mod tests;
