// SPDX-License-Identifier: MPL-2.0
//! How often: a limit on failed credentials, and one on a client's messages. Time comes in as an argument.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// Failed credentials from one address within [`FAILURE_WINDOW`]. A person mistypes a few, a fleet
/// of cameras behind one address with stale keys a few more.
pub(crate) const MAX_FAILURES: u32 = 20;
/// The time over which they are counted.
pub(crate) const FAILURE_WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered, at about 50 bytes each. Beyond that newcomers share one count.
const MAX_ADDRESSES: usize = 4096;

/// How fast a client's messages are read. Those that come faster are read later.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    /// Messages in a row.
    burst: u32,
    /// Messages per second on average.
    per_second: u32,
}

/// A viewer's: 16 sessions that start together send some 200 candidates. It cannot fill the queue of
/// the camera it talks to.
pub(crate) const VIEWER_PACE: Pace = Pace {
    burst: 200,
    per_second: 50,
};
/// A camera's: it answers up to 64 viewers.
pub(crate) const CAMERA_PACE: Pace = Pace {
    burst: 2000,
    per_second: 500,
};

/// What a `list` counts for: its answer is up to a thousand times as long as its question.
pub(crate) const LIST_MESSAGES: u32 = 20;

/// Counts failed credentials per address.
///
/// A credential that is right is never turned away: secrets are too long to guess, and one client
/// must not be able to lock out others behind the same proxy. The limit is on noise, not on luck.
#[derive(Default)]
pub(crate) struct Failures {
    by_address: HashMap<IpAddr, Count>,
    others: Count,
}

#[derive(Clone, Copy, Default)]
struct Count {
    failures: u32,
    since: Option<Instant>,
}

impl Count {
    /// Counts one more. If that is too many, says when the count starts over.
    fn add(&mut self, now: Instant) -> Result<(), Duration> {
        let since = match self.since {
            Some(since) if now < since + FAILURE_WINDOW => since,
            _ => {
                self.failures = 0;
                *self.since.insert(now)
            }
        };
        self.failures = self.failures.saturating_add(1);
        if self.failures <= MAX_FAILURES {
            Ok(())
        } else {
            Err(since + FAILURE_WINDOW - now)
        }
    }
}

impl Failures {
    /// Counts a failure. `Err` says how long the client should wait.
    pub(crate) fn add(&mut self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let key = network(address);
        if !self.by_address.contains_key(&key) && self.by_address.len() >= MAX_ADDRESSES {
            self.by_address
                .retain(|_, count| count.since.is_some_and(|s| now < s + FAILURE_WINDOW));
            if self.by_address.len() >= MAX_ADDRESSES {
                return self.others.add(now);
            }
        }
        self.by_address.entry(key).or_default().add(now)
    }
}

/// Whoever has one IPv6 address has the other 2^64 of its network as well.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

/// Spaces out the messages of one client (a leaky bucket).
pub(crate) struct MessagePace {
    pace: Pace,
    next: Instant,
}

impl MessagePace {
    pub(crate) fn new(pace: Pace, now: Instant) -> Self {
        Self { pace, next: now }
    }

    /// Counts a message as so many, and says how long to wait before the next one is read.
    pub(crate) fn message(&mut self, messages: u32, now: Instant) -> Duration {
        let interval = Duration::from_secs(1) / self.pace.per_second;
        self.next = self.next.max(now) + interval * messages;
        (self.next - now).saturating_sub(interval * self.pace.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(
        failures: &mut Failures,
        address: &str,
        times: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        (0..times)
            .map(|_| failures.add(address.parse().unwrap(), now))
            .last()
            .unwrap()
    }

    #[test]
    fn failures_are_counted_per_address_and_forgotten_after_the_window() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        assert_eq!(
            fail(&mut failures, "192.0.2.1", MAX_FAILURES, start),
            Ok(())
        );
        assert_eq!(
            fail(&mut failures, "192.0.2.1", 1, start),
            Err(FAILURE_WINDOW)
        );
        assert_eq!(fail(&mut failures, "192.0.2.2", 1, start), Ok(()));
        assert_eq!(
            fail(&mut failures, "192.0.2.1", 1, start + FAILURE_WINDOW),
            Ok(())
        );
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        assert!(fail(&mut failures, "2001:db8::1", MAX_FAILURES, now).is_ok());
        assert!(fail(&mut failures, "2001:db8::2", 1, now).is_err());
        assert!(fail(&mut failures, "2001:db8:0:1::1", 1, now).is_ok());
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        for n in 0..(MAX_ADDRESSES as u32 + 10) {
            let _ = failures.add(IpAddr::from(n.to_be_bytes()), now);
        }
        assert_eq!(failures.by_address.len(), MAX_ADDRESSES);
        assert!(
            failures
                .add("203.0.113.1".parse().unwrap(), now + FAILURE_WINDOW)
                .is_ok()
        );
        assert_eq!(failures.by_address.len(), 1);
    }

    #[test]
    fn a_burst_passes_at_once_and_what_follows_is_paced() {
        let start = Instant::now();
        let mut pace = MessagePace::new(VIEWER_PACE, start);
        for _ in 0..VIEWER_PACE.burst {
            assert_eq!(pace.message(1, start), Duration::ZERO);
        }
        assert_eq!(
            pace.message(1, start),
            Duration::from_secs(1) / VIEWER_PACE.per_second
        );
        assert_eq!(
            pace.message(1, start + Duration::from_secs(1)),
            Duration::ZERO
        );
    }
}
