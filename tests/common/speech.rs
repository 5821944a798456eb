// SPDX-License-Identifier: MPL-2.0
//! Something that is like speech, for what is measured.

#![allow(
    unreachable_pub,
    reason = "the module is private to each test file that includes it"
)]

use std::f64::consts::TAU;

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

const RATE: usize = 48_000;

/// So many seconds of what a coder and an echo canceller take for speech: four syllables a second of a hiss and a vowel, whose
/// pitch falls, and pauses. Half as loud as can be.
#[allow(clippy::cast_possible_truncation, reason = "samples are within i16")]
pub fn speech(seconds: usize, seed: u64) -> Vec<i16> {
    const VOWELS: [[f64; 3]; 5] = [
        [730.0, 1090.0, 2440.0],
        [530.0, 1840.0, 2480.0],
        [270.0, 2290.0, 3010.0],
        [570.0, 840.0, 2410.0],
        [300.0, 870.0, 2240.0],
    ];
    let mut rng = StdRng::seed_from_u64(seed);
    let syllable = RATE / 4;
    let (mut all, mut phase) = (Vec::new(), 0.0);
    // Of the three resonances, what left last and before.
    let mut held = [[0.0_f64; 2]; 3];
    for number in 0..4 * seconds {
        let vowel = VOWELS[rng.random_range(0..VOWELS.len())];
        let (high, is_pause) = (rng.random_range(100.0..180.0), number % 7 == 6);
        for i in 0..syllable {
            let part = i as f64 / syllable as f64;
            let pitch = high * (1.1 - 0.2 * part);
            phase += pitch / RATE as f64;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase %= 1.0;
            let (voice, hiss) = match part {
                _ if is_pause => (0.0, 0.0),
                part if part < 0.25 => (0.0, (part / 0.25 * TAU / 2.0).sin()),
                part => (((part - 0.25) / 0.75 * TAU / 2.0).sin(), 0.02),
            };
            let mut sound = pulse;
            for (formant, held) in vowel.iter().zip(&mut held) {
                let radius = 1.0 - 80.0 * TAU / 2.0 / RATE as f64;
                let turn = 2.0 * radius * (TAU * formant / RATE as f64).cos();
                let next = sound + turn * held[0] - radius * radius * held[1];
                *held = [next, held[0]];
                sound = next * (1.0 - radius) * 3.0;
            }
            let noise = rng.random_range(-1.0..1.0) * hiss;
            all.push(sound * voice + 0.003 * noise);
        }
    }
    let most = all.iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    let scaled = all.into_iter().map(|x| (x / most * 16_000.0) as i16);
    scaled.collect()
}
