// SPDX-License-Identifier: MPL-2.0
//! How long the server waits for a client.

use std::time::Duration;

/// How long the server waits for a client.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// For a TLS handshake, for a whole request head, and between requests. 5 s: slower than any
    /// honest client, and short enough that idle connections do not pile up.
    pub header: Duration,
    /// For all requests of one connection together, until it becomes a WebSocket: 60 s. Who reads slower than the page
    /// can be read on any network does not hold a place for ever.
    pub http: Duration,
    /// Between pings. 15 s keeps a connection alive in the address translations on its way.
    pub ping: Duration,
    /// For any sign of life after a ping. 10 s: together with `ping`, a client that is cut off is
    /// noticed within 25 s.
    pub pong: Duration,
    /// For a camera to answer the offer of a player: 20 s. One that has just begun tries its encoders first, which takes a few
    /// seconds on a Pi; it gives a session up itself after 30 s.
    pub answer: Duration,
    /// For a client to take one message. 20 s: the longest list arrives at 500 kbit/s, and who has stalled does not
    /// hold on to memory.
    pub write: Duration,
    /// From a log-in to its end: 12 hours, a working day, like the default lease.
    pub login: Duration,
    /// For what is still queued to go out when a client is let go of: 1 s.
    pub close: Duration,
    /// For what was asked already when the server ends to be answered, and then for the audit log to be written: 5 s each.
    /// A change takes milliseconds; a service manager waits for more than a minute.
    pub finish: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(5),
            http: Duration::from_secs(60),
            ping: Duration::from_secs(15),
            pong: Duration::from_secs(10),
            answer: Duration::from_secs(20),
            write: Duration::from_secs(20),
            login: Duration::from_secs(12 * 60 * 60),
            close: Duration::from_secs(1),
            finish: Duration::from_secs(5),
        }
    }
}
