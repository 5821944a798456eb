// SPDX-License-Identifier: MPL-2.0
//! A sound card beside a clock, simulated, for tests and the benchmark. Pure.

use super::{
    align::{Aligned, Aligner},
    drift::RATE,
    resample::Frame,
};

pub(crate) const BLOCK: usize = 480;
/// Seconds by the clock at which the first frame is captured.
const BEGINS: f64 = 5.0;
/// Frames that the aligner keeps, to look ahead.
const KEPT: f64 = 2.0;

/// Numbers that look like chance, and are the same each time.
struct Chance(u64);

impl Chance {
    /// From 0 to 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 24) as f64
    }
}

/// A sound card whose crystal is off by so much, and whose reader is late: by up to 3 ms, and now and then by much more.
pub(crate) struct Card {
    /// Seconds by the clock that a frame takes.
    frame: f64,
    captured: u64,
    chance: Chance,
}

impl Card {
    pub(crate) fn new(off: f64) -> Self {
        Self {
            frame: (1.0 + off) / f64::from(RATE),
            captured: 0,
            chance: Chance(1),
        }
    }

    /// The next buffer, and when it is believed to have been captured, in nanoseconds.
    pub(crate) fn block(&mut self) -> (u64, Vec<Frame>) {
        let late = match self.chance.next() {
            chance if chance < 0.01 => 0.120 * self.chance.next(),
            _ => 0.003 * self.chance.next(),
        };
        let at = BEGINS + self.captured as f64 * self.frame + late;
        self.captured += BLOCK as u64;
        ((at * 1e9) as u64, vec![[0; 2]; BLOCK])
    }

    pub(crate) fn lose(&mut self, frames: u64) {
        self.captured += frames;
    }

    /// By how many seconds what comes out was captured after the time that it has, when it is all that came out so far.
    pub(crate) fn out_of_step(&self, out: &Aligned) -> f64 {
        let captured = BEGINS + (self.captured as f64 - KEPT) * self.frame;
        captured - out.at as f64 / 1e9 - out.frames.len() as f64 / f64::from(RATE)
    }

    /// Has it heard for so many seconds; gives the most that the sound was out of step from `settled` seconds on, and that in the end.
    pub(crate) fn hear(
        &mut self,
        aligner: &mut Aligner,
        (settled, seconds): (u64, u64),
    ) -> (f64, f64) {
        let (mut most, mut end) = (0.0_f64, 0.0);
        let blocks = |seconds: u64| seconds * u64::from(RATE) / BLOCK as u64;
        for block in 0..blocks(seconds) {
            let (at, frames) = self.block();
            end = self.out_of_step(&aligner.push(at, &frames, false)).abs();
            if block >= blocks(settled) {
                most = most.max(end);
            }
        }
        (most, end)
    }
}
