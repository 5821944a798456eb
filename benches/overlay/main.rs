// SPDX-License-Identifier: MPL-2.0
//! CPU time a frame in whole chains of elements: `portholeoverlay`, its stock peers, and a copy of the frame.
//!
//! `scripts/bench overlay` runs this and makes a table of it. A line of JSON goes to stdout for each format and size, and
//! one for the change of the text; progress goes to stderr.

mod cases;
mod chain;
mod measure;

use std::process::ExitCode;

use cases::{FORMATS, SIZES};

/// What ends the benchmark, as a sentence.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bench overlay: {failure}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Failure> {
    let rounds = rounds()?;
    gst::init()?;
    gstporthole::plugin_register_static()?;
    cases::find_elements()?;
    for format in FORMATS {
        for size in SIZES {
            eprintln!("pipelines: {format} {}x{}", size.0, size.1);
            println!("{}", measure::frames(format, size, rounds)?);
        }
    }
    eprintln!("pipelines: change of the text");
    println!("{}", measure::text_changes()?);
    Ok(())
}

/// From `--rounds N`; cargo adds `--bench`.
fn rounds() -> Result<usize, Failure> {
    let mut arguments = std::env::args().skip(1).filter(|a| a != "--bench");
    let rounds = match (arguments.next().as_deref(), arguments.next()) {
        (Some("--rounds"), Some(rounds)) => rounds.parse().ok(),
        (None, _) => Some(1),
        _ => None,
    };
    rounds
        .filter(|rounds| (1..1000).contains(rounds))
        .ok_or_else(|| "the only argument is --rounds N, from 1 to 999".into())
}
