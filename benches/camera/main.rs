// SPDX-License-Identifier: MPL-2.0
//! What `scripts/bench camera` measures in one process: `portholesrc` with a fake camera beside that camera alone.
//!
//! A line of JSON goes to stdout; progress goes to stderr.

#[path = "../../tests/common/mod.rs"]
mod common;
mod measure;
mod sound;

use std::process::ExitCode;

/// What ends the benchmark, as a sentence.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("bench camera: {failure}");
            ExitCode::from(2)
        }
    }
}

/// `ROUNDS`; cargo adds `--bench`.
fn run() -> Result<serde_json::Value, Failure> {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let rounds = match (arguments.next().as_deref(), arguments.next()) {
        (Some(rounds), None) => rounds.parse().ok(),
        (None, _) => Some(1),
        _ => None,
    };
    let rounds = rounds.filter(|rounds| (1..1000).contains(rounds));
    let rounds = rounds.ok_or("the only argument is how many rounds, from 1 to 999")?;
    Ok(measure::all(rounds))
}
