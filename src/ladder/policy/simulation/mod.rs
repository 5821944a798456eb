// SPDX-License-Identifier: MPL-2.0
//! The policy together with links, congestion control and encoders in virtual time. A seed that fails is printed.

mod crowd;
mod golden;
mod link;
mod scenarios;
mod sizes;
mod storm;
mod world;

use std::{env, panic};

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

/// Runs `run` with so many seeds; the one that fails is printed. `PORTHOLE_SEED=N` runs that one alone, `PORTHOLE_SEEDS=N` so many.
pub(crate) fn seeds(count: u64, mut run: impl FnMut(u64)) {
    let seeds = match number("PORTHOLE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PORTHOLE_SEEDS").unwrap_or(count),
    };
    for seed in seeds {
        let outcome = panic::catch_unwind(panic::AssertUnwindSafe(|| run(seed)));
        if let Err(reason) = outcome {
            println!("seed {seed}: run it alone with PORTHOLE_SEED={seed}");
            panic::resume_unwind(reason);
        }
    }
}

/// Splitmix64: small, and the same everywhere, so that golden traces hold.
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn word(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap()
    }

    pub(crate) fn below(&mut self, end: u32) -> u32 {
        self.word() % end
    }

    /// From 0 to 1.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(self.word()) / f64::from(u32::MAX)
    }
}
