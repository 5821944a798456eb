// SPDX-License-Identifier: MPL-2.0
//! What `scripts/bench gateway` measures in one process, with viewers that are no browsers; and the programs that say what they hear.
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

/// `echo URL`, `relay`, `tell URL COUNT RATE`, or `TRIALS OFTEN` of what is measured here; cargo adds `--bench`.
fn run() -> Result<serde_json::Value, Failure> {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["echo", url] => trip::echo_at(url).map(|()| serde_json::Value::Null),
        ["relay"] => trip::echo_behind_relay().map(|()| serde_json::Value::Null),
        ["tell", url, count, rate] => telemetry::tell_at(url, count.parse()?, rate.parse()?)
            .map(|()| serde_json::Value::Null),
        [trials, often] => measure(trials.parse()?, often.parse()?),
        _ => Err("the arguments are TRIALS of what is tried, and how OFTEN drivers freeze; or `echo URL`, `relay`, `tell URL COUNT RATE`".into()),
    }
}

fn measure(trials: usize, often: usize) -> Result<serde_json::Value, Failure> {
    let progress = |what: &str| eprintln!("gateway: {what}");
    let mut all = serde_json::Map::new();
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
