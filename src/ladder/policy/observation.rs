// SPDX-License-Identifier: MPL-2.0
//! What the policy is told of a viewer's link.

use std::time::Duration;

/// A viewer notices a picture that comes so late.
const LONG_QUEUE: Duration = Duration::from_millis(150);

/// What is measured of one viewer's session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Observation {
    /// Bit/s, from congestion control, less what error correction takes of it.
    pub(crate) estimate: u32,
    /// Bit/s that arrived in the last 300 ms, with padding.
    pub(crate) delivered: u32,
    /// Bit/s of all that was sent in the last 500 ms but padding.
    pub(crate) sent: u32,
    /// Share of packets of the last 500 ms that were lost, 0 to 1.
    pub(crate) loss: f32,
    /// How long the oldest frame or packet has been waiting, or will have to.
    pub(crate) queued: Duration,
}

impl Observation {
    /// The same where a frame has been waiting for so long before anything here has seen it.
    pub(crate) fn with_wait(mut self, wait: Duration) -> Self {
        self.queued = self.queued.max(wait);
        self
    }

    pub(super) fn waits(&self) -> bool {
        self.queued > LONG_QUEUE
    }
}
