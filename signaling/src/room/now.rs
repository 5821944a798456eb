// SPDX-License-Identifier: MPL-2.0
//! What time it is, on the clock that never jumps and on the one that people book by.

use std::ops::{Add, AddAssign};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

/// One moment on two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// The stopwatch by which everything is enforced.
    pub mono: Instant,
    /// The time of day, which only says when bookings begin and end.
    pub wall: Timestamp,
}

impl Now {
    /// This moment.
    pub fn read() -> Self {
        Self {
            mono: Instant::now(),
            wall: Timestamp::now(),
        }
    }

    /// When the stopwatch will show this time of day, if nobody sets the clock. What is past is now.
    pub(super) fn instant_of(self, at: Timestamp) -> Instant {
        let left = Duration::try_from(at.duration_since(self.wall)).unwrap_or_default();
        self.mono.checked_add(left).unwrap_or(self.mono)
    }

    /// How far the clock was set since `earlier`, forwards or backwards.
    pub(super) fn set_since(self, earlier: Self) -> Duration {
        let ran = self.mono.saturating_duration_since(earlier.mono);
        let ran = SignedDuration::try_from(ran).unwrap_or(SignedDuration::MAX);
        let said = self.wall.duration_since(earlier.wall);
        said.saturating_sub(ran).unsigned_abs()
    }
}

impl Add<Duration> for Now {
    type Output = Instant;

    fn add(self, time: Duration) -> Instant {
        self.mono + time
    }
}

impl AddAssign<Duration> for Now {
    fn add_assign(&mut self, time: Duration) {
        self.mono += time;
        self.wall += time;
    }
}
