// SPDX-License-Identifier: MPL-2.0
//! The server's room, the camera's link with its gate, and viewers, together under virtual time: they crash, restart, are cut
//! off, delayed and replayed to; grant keys are rotated and stolen; people come, reload, go, are revoked and shortened; a
//! stranger sends what he likes.
//!
//! What must hold whatever happens is in `world.rs`, after each step. A seed that breaks it is printed;
//! `PORTHOLE_SEED=N cargo test --lib simulation` runs that one alone (and `PORTHOLE_TELL=1` tells what
//! happens in it), `PORTHOLE_SEEDS=N` so many.

mod net;
mod viewer;
mod world;

use std::{env, panic};

use world::World;

const CAMERA: &str = "front";
/// A pair that was recorded; the camera's check looks at them.
const OFFER: &str = include_str!("../../../tests/descriptions/page-vp8.offer.sdp");
const ANSWER: &str = include_str!("../../../tests/descriptions/page-vp8.answer.sdp");

/// Each is some minutes of the life of a camera and its viewers. `scripts/soak simulation` runs ten thousands.
const SEEDS: u64 = 800;

fn number(name: &str) -> Option<u64> {
    env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_nobody_watches_beyond_their_terms_and_nobody_else_is_thrown_out() {
    let seeds = match number("PORTHOLE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PORTHOLE_SEEDS").unwrap_or(SEEDS),
    };
    let (mut sessions, mut statistics) = (0, 0);
    for seed in seeds.clone() {
        match panic::catch_unwind(|| World::new(seed).run()) {
            Ok((joined, told)) => {
                sessions += joined;
                statistics += told;
            }
            Err(_) => panic!("seed {seed}: run it alone with PORTHOLE_SEED={seed}"),
        }
    }
    // A simulation in which nobody watches shows nothing.
    let runs = seeds.end - seeds.start;
    assert!(sessions >= 2 * runs, "{sessions} sessions in {runs} runs");
    assert!(statistics >= runs, "{statistics} statistics in {runs} runs");
}
