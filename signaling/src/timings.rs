// SPDX-License-Identifier: MPL-2.0
//! How long the server waits for a client.

use std::time::Duration;

/// How long the server waits for a client.
#[derive(Clone, Copy, Debug)]
pub struct Timings {
    /// For a TLS handshake, for a whole request head, and between requests. 5 s: slower than any
    /// honest client, and short enough that idle connections do not pile up.
    pub header: Duration,
    /// Between pings. 15 s keeps a connection alive in the address translations on its way.
    pub ping: Duration,
    /// For any sign of life after a ping. 10 s: together with `ping`, a client that is cut off is
    /// noticed within 25 s.
    pub pong: Duration,
    /// For what is still queued to go out when a client is let go of: 1 s.
    pub close: Duration,
}

impl Default for Timings {
    fn default() -> Self {
        Self {
            header: Duration::from_secs(5),
            ping: Duration::from_secs(15),
            pong: Duration::from_secs(10),
            close: Duration::from_secs(1),
        }
    }
}
