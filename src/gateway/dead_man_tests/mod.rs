// SPDX-License-Identifier: MPL-2.0
//! The dead man from end to end under a clock of its own: the hub and the queue that run, between drivers whose messages are
//! late, lost or in another order, and a program that follows docs/gateway.md. Each of them may be suspended at any moment, and so
//! may all at once. Drivers are heard on both channels, on one alone, or once a second; they hand the wheel to each other.

mod driver;
mod network;
mod program;
mod world;

use std::time::Duration;

use world::World;

const TIMEOUT: Duration = Duration::from_millis(500);
/// What DESIGN.md allows beyond it.
const LATE: Duration = Duration::from_millis(50);
const STEP: Duration = Duration::from_millis(5);
/// Six seconds.
const STEPS: u32 = 1200;
const SEEDS: u64 = 2_000;
/// Set by scripts/soak, which runs more.
const MORE: &str = "PORTHOLE_SEEDS";
const PROGRAM: u32 = 1;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// The robot has stopped in time, whoever stands still: drivers, the camera's process, the program or all of them.
#[test]
fn whoever_stands_still_the_robot_stops_in_time() {
    let seeds = std::env::var(MORE).map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let (mut moved, mut states) = (0, 0);
    for seed in 0..seeds {
        let run = || {
            let mut world = World::new(seed);
            for step in 0..STEPS {
                world.step(step);
            }
            (
                u64::from(world.moved),
                u64::from(world.program.states_taken),
            )
        };
        let run = std::panic::catch_unwind(run);
        let run = run.unwrap_or_else(|_| panic!("seed {seed}"));
        (moved, states) = (moved + run.0, states + run.1);
    }
    // It does drive most of the time, or nothing would be proven.
    let share = moved * 100 / (seeds * u64::from(STEPS));
    assert!(share > 15, "it moves {share} % of the time");
    assert!(states > 3 * seeds, "{states} states got there");
}
