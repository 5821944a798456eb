// SPDX-License-Identifier: MPL-2.0
//! What `scripts/bench gateway` measures in one process: the gateway, with viewers that are no browsers, beside a plain relay.
//!
//! A line of JSON goes to stdout; progress goes to stderr.

#![allow(
    clippy::unwrap_used,
    reason = "what fails here ends the benchmark, and says where"
)]

#[path = "../../tests/common/mod.rs"]
mod common;
mod relay;
mod telemetry;
mod trip;
mod voice;

use std::{process::ExitCode, thread, time::Duration};

use common::room;
use serde_json::json;

/// What ends the benchmark, as a sentence.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("bench gateway: {failure}");
            ExitCode::from(2)
        }
    }
}

/// `SECONDS TRIALS OFTEN`; cargo adds `--bench`.
fn run() -> Result<serde_json::Value, Failure> {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let [seconds, trials, often] = &arguments[..] else {
        return Err("the arguments are SECONDS of each window, TRIALS of what is tried, and how OFTEN drivers freeze".into());
    };
    let seconds = Duration::from_secs(seconds.parse()?);
    let (trials, often) = (trials.parse()?, often.parse()?);
    let progress = |what: &str| eprintln!("gateway: {what}");
    let mut all = serde_json::Map::new();
    for rate in [100, 1000] {
        progress(&format!("{rate} commands a second, and as many echoes"));
        all.insert(format!("trip{rate}Us"), json!(trip::gateway(rate, seconds)));
        all.insert(format!("relay{rate}Us"), json!(trip::relay(rate, seconds)));
    }
    progress("10 services at 100 Hz, 8 viewers");
    all.insert("telemetry".into(), telemetry::measure(seconds));
    progress("drivers that freeze, a slow program, guests that flood");
    all.insert("frozenMs".into(), json!(trip::frozen(often)));
    progress("mouth to ear");
    all.insert("voiceMs".into(), json!(voice::measure(trials)));
    for (name, measure) in [
        (
            "cancelledDb",
            (|| room::cancelled(200)) as fn() -> room::Measured,
        ),
        ("halfDuplexDb", room::half_duplex),
    ] {
        progress(&format!("{name}: the echo of a room"));
        let measured = measure();
        all.insert(
            name.into(),
            json!({"echo": measured.echo, "near": measured.near}),
        );
    }
    Ok(all.into())
}

/// Waits as users do: the clock of the machine is what is measured.
fn pause(time: Duration) {
    thread::sleep(time);
}
