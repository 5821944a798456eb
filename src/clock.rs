// SPDX-License-Identifier: MPL-2.0
//! The stopwatch by which leases are counted.

use std::time::{Duration, Instant};

/// Gives instants that go on while the machine is suspended, which `Instant::now` on Linux does not: a lease must not be
/// longer because the camera's machine slept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch {
    start: Instant,
    boot: Duration,
}

impl Stopwatch {
    pub(crate) fn start() -> Self {
        // In this order it is never behind.
        let boot = since_boot();
        Self {
            start: Instant::now(),
            boot,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.start + since_boot().saturating_sub(self.boot)
    }
}

#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Elsewhere the monotonic clock has to do.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    use std::sync::LazyLock;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_with_the_clock_that_instants_use() {
        let (watch, before) = (Stopwatch::start(), Instant::now());
        assert!(watch.now() >= before);
        assert!(watch.now() < Instant::now() + Duration::from_secs(1));
    }
}
