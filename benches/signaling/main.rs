// SPDX-License-Identifier: MPL-2.0
//! What `scripts/bench signaling` measures of the server. A line of JSON goes to stdout; progress goes to stderr.

mod connections;
mod foreign;
mod population;
#[path = "../../signaling/tests/store/postgres.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "tests use more of it")]
mod postgres;
mod servers;
mod store;

use std::process::ExitCode;
use std::time::Duration;

/// What ends the benchmark, as a sentence.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("bench signaling: {failure}");
            ExitCode::from(2)
        }
    }
}

/// `store KIND WRITERS SECONDS`, `connections KIND PROGRAM COUNT SECONDS`, `population PROGRAM USERS BOOKINGS CAMERAS CONNECTIONS
/// SESSIONS SECONDS`, `foreign PROGRAM KIND COUNT`, `relay PROGRAM KIND COUNT SECONDS`, `servers PROGRAM ROUNDS` or `disk SECONDS`; cargo adds `--bench`.
async fn run() -> Result<serde_json::Value, Failure> {
    let arguments: Vec<_> = std::env::args()
        .skip(1)
        .filter(|a| a != "--bench")
        .collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    let time = |seconds: &str| Ok::<_, Failure>(Duration::from_secs(seconds.parse()?));
    match words[..] {
        ["store", kind, writers, seconds] => {
            store::bookings(kind, writers.parse()?, time(seconds)?).await
        }
        ["connections", kind, program, count, seconds] => {
            connections::measure(kind, program, count.parse()?, time(seconds)?).await
        }
        [
            "population",
            program,
            users,
            bookings,
            cameras,
            connections,
            sessions,
            seconds,
        ] => {
            let of = population::Population {
                users: users.parse()?,
                bookings: bookings.parse()?,
                cameras: cameras.parse()?,
                connections: connections.parse()?,
                sessions: sessions.parse()?,
            };
            population::measure(program, of, time(seconds)?).await
        }
        ["foreign", program, kind, count] => foreign::memory(program, kind, count.parse()?).await,
        ["relay", program, kind, count, seconds] => {
            foreign::relay(program, kind, count.parse()?, time(seconds)?).await
        }
        ["servers", program, rounds] => servers::measure(program, rounds.parse()?).await,
        ["disk", seconds] => store::syncs(time(seconds)?),
        _ => Err("the arguments are store sqlite|postgres WRITERS SECONDS, connections ours|stock PROGRAM COUNT SECONDS, \
                 population PROGRAM USERS BOOKINGS CAMERAS CONNECTIONS SESSIONS SECONDS, foreign PROGRAM plain|socketio|three-service COUNT, \
                 relay PROGRAM plain|socketio COUNT SECONDS, servers PROGRAM ROUNDS, or disk SECONDS".into()),
    }
}
