// SPDX-License-Identifier: MPL-2.0
//! How long a viewer waits before it tries to get more again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(5);
/// A link that has become better is found within a minute even if nothing else tells.
const LONGEST: Duration = Duration::from_secs(60);
/// So long without a failure, and failures long past say nothing about the link any more.
const FORGOTTEN: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    wait: Duration,
    until: Duration,
    failed: Duration,
}

impl Backoff {
    pub(super) fn fail(&mut self, now: Duration) {
        if now.saturating_sub(self.failed) > FORGOTTEN {
            self.wait = Duration::ZERO;
        }
        self.wait = (self.wait * 2).clamp(FIRST, LONGEST);
        self.failed = now;
        self.until = now.saturating_add(self.wait);
    }

    pub(super) fn over(&self, now: Duration) -> bool {
        now >= self.until
    }
}
