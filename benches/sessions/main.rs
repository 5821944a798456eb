// SPDX-License-Identifier: MPL-2.0
//! What `scripts/bench sessions` measures without a browser: the end of a lease while the application blocks, and an honest
//! client beside floods.
//!
//! A line of JSON goes to stdout; progress goes to stderr.

#[path = "../../tests/common/mod.rs"]
mod common;
mod flood;
mod lease;
mod peer;

use std::process::ExitCode;

/// What ends the benchmark, as a sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("bench sessions: {failure}");
            ExitCode::from(2)
        }
    }
}

/// `lease TRIALS`, or `flood` with its plan on stdin; cargo adds `--bench`.
fn run() -> Result<serde_json::Value, Failure> {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["lease", trials] => match trials.parse() {
            Ok(trials @ 1..100) => Ok(lease::run(trials)),
            _ => Err(format!("lease {trials}: give a number from 1 to 99").into()),
        },
        ["flood"] => flood::run(&serde_json::from_reader(std::io::stdin())?),
        _ => Err("the arguments are lease TRIALS, or flood with a plan on stdin".into()),
    }
}
