// SPDX-License-Identifier: MPL-2.0
//! How often: a limit on failed credentials, and one on a client's messages and bytes. Time comes in as an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use porthole_protocol::wire::{ClientExtension, ClientMessage, IncomingMessage};

use crate::digest::SecretDigest;
use crate::network::network;

/// Failed credentials from one address within [`FAILURE_WINDOW`]. A person mistypes a few, a fleet
/// of cameras behind one address with stale keys a few more.
pub(crate) const MAX_FAILURES: u32 = 20;
/// The time over which they are counted.
pub(crate) const FAILURE_WINDOW: Duration = Duration::from_secs(60);
/// Addresses remembered, at about 50 bytes each. Beyond that newcomers share one count.
const MAX_ADDRESSES: usize = 4096;

/// Lines in the log about failed credentials that come in a row, and how many a second after that.
const LOG_RATE: Rate = Rate {
    burst: 10,
    per_second: 1,
};

/// So much at once, and so much a second on average.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    burst: u32,
    per_second: u32,
}

/// How fast a client's messages are read. Those that come faster are read later.
#[derive(Clone, Copy)]
pub(crate) struct Pace {
    messages: Rate,
    bytes: Rate,
}

/// A viewer's: 16 sessions that start together send some 200 candidates and 16 answers of at most 8 KiB. All viewers
/// that a camera can have do not fill its queue with that (see the bounds of queues in `hub`).
pub(crate) const VIEWER_PACE: Pace = Pace {
    messages: Rate {
        burst: 200,
        per_second: 50,
    },
    bytes: Rate {
        burst: 128 * 1024,
        per_second: 16 * 1024,
    },
};
/// A camera's: it answers up to 64 viewers.
pub(crate) const CAMERA_PACE: Pace = Pace {
    messages: Rate {
        burst: 2000,
        per_second: 500,
    },
    bytes: Rate {
        burst: 4 * 1024 * 1024,
        per_second: 1024 * 1024,
    },
};

/// Requests of one address (IPv6: of one network of 2^64) by HTTP: an office of fifty that opens the page at nine, and after
/// that less than keeps a processor busy.
pub(crate) const REQUEST_RATE: Rate = Rate {
    burst: 3000,
    per_second: 100,
};

/// Statistics that one end of a session may have passed on: one every other second, and those that an interruption held up.
/// The rest is lost.
pub(crate) const STATS_RATE: Rate = Rate {
    burst: 3,
    per_second: 1,
};

/// What a camera may have written down of drives: a busy minute at once, and then one entry a second, which fills no disk.
pub(crate) const DRIVE_RATE: Rate = Rate {
    burst: 60,
    per_second: 1,
};

/// What coming back to a session counts for: a digest, and the camera's word.
const RESUME: u32 = 10;

/// What a message counts for: its work here, measured in candidates that are passed on.
pub(crate) fn cost(message: &ClientMessage, is_camera: bool) -> u32 {
    let message = match message {
        ClientMessage::Peer(message) => &message.message,
        ClientMessage::Extension(ClientExtension::ResumeSession { .. }) => return RESUME,
        ClientMessage::Extension(
            ClientExtension::ViewerStats(_)
            | ClientExtension::SessionStats(_)
            | ClientExtension::Drive(_),
        ) => return 1,
    };
    match message {
        // The answer is up to a thousand times as long as the question.
        IncomingMessage::List => 20,
        // A signature, and the camera's work.
        IncomingMessage::StartSession(_) => 10,
        // Told to every listener: two a second are enough for a camera.
        IncomingMessage::SetPeerStatus(_) if is_camera => 250,
        IncomingMessage::SetPeerStatus(_) => 10,
        _ => 1,
    }
}

/// Counts failed credentials per address, each once: whoever shows the same again has guessed nothing by it, as a camera that was
/// removed does, and must not lock out the people at its address.
///
/// A key or token that is right is never turned away: secrets are too long to guess, and one client
/// must not be able to lock out others behind the same proxy. The limit is on noise, not on luck. Passwords are
/// another matter: see [`Self::wait`] and `access::throttle`.
#[derive(Default)]
pub(crate) struct Failures {
    by_address: HashMap<IpAddr, Count>,
    others: Count,
    total: u64,
    unlogged: u64,
    log: Option<Bucket>,
}

#[derive(Clone, Default)]
struct Count {
    /// Those that were shown, by the beginnings of their digests; as many as count.
    shown: Vec<u64>,
    failures: u32,
    since: Option<Instant>,
}

impl Count {
    /// Counts one more, unless it was counted. If that is too many, says when the count starts over.
    fn add(&mut self, credential: u64, now: Instant) -> Result<(), Duration> {
        let since = match self.since {
            Some(since) if now < since + FAILURE_WINDOW => since,
            _ => {
                self.failures = 0;
                self.shown.clear();
                *self.since.insert(now)
            }
        };
        if !self.has(credential) {
            self.failures = self.failures.saturating_add(1);
            if self.failures <= MAX_FAILURES {
                self.shown.push(credential);
            }
        }
        if self.failures <= MAX_FAILURES {
            Ok(())
        } else {
            Err(since + FAILURE_WINDOW - now)
        }
    }

    fn has(&self, credential: u64) -> bool {
        self.shown.contains(&credential)
    }
}

impl Failures {
    /// Counts a failure with this credential. `Err` says how long the client should wait.
    pub(crate) fn add(
        &mut self,
        address: IpAddr,
        credential: &SecretDigest,
        now: Instant,
    ) -> Result<(), Duration> {
        let (key, credential) = (network(address), credential.beginning());
        self.total += 1;
        // What is shown again and again fills no log either.
        let known = |count: &Count| {
            count
                .since
                .is_some_and(|since| now < since + FAILURE_WINDOW)
                && count.has(credential)
        };
        self.unlogged += u64::from(!self.by_address.get(&key).is_some_and(known));
        if !self.by_address.contains_key(&key) && self.by_address.len() >= MAX_ADDRESSES {
            self.by_address
                .retain(|_, count| count.since.is_some_and(|s| now < s + FAILURE_WINDOW));
            if self.by_address.len() >= MAX_ADDRESSES {
                return self.others.add(credential, now);
            }
        }
        self.by_address.entry(key).or_default().add(credential, now)
    }

    /// How long this address should wait before it shows a password: those can be guessed.
    pub(crate) fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        let count = self.by_address.get(&network(address))?;
        let until = count.since? + FAILURE_WINDOW;
        (count.failures >= MAX_FAILURES && now < until).then(|| until - now)
    }

    /// Whether a line of the log is due, and how many failures it is about: nobody may fill a disk.
    pub(crate) fn take_log(&mut self, now: Instant) -> Option<u64> {
        if self.unlogged == 0 {
            return None;
        }
        let bucket = self.log.get_or_insert_with(|| Bucket::new(LOG_RATE, now));
        bucket
            .has_room(now)
            .then(|| std::mem::take(&mut self.unlogged))
    }

    /// All failures since the start.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

/// A leaky bucket.
pub(crate) struct Bucket {
    rate: Rate,
    /// When it is empty.
    next: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, next: now }
    }

    /// Takes so much in, and says how long until there is room again.
    fn add(&mut self, amount: u32, now: Instant) -> Duration {
        self.next = self.next.max(now) + self.time_of(amount);
        (self.next - now).saturating_sub(self.time_of(self.rate.burst))
    }

    /// Takes one in if there is room.
    pub(crate) fn has_room(&mut self, now: Instant) -> bool {
        let full = self.next.saturating_duration_since(now) + self.time_of(1)
            > self.time_of(self.rate.burst);
        if !full {
            self.add(1, now);
        }
        !full
    }

    /// Whether it has run empty.
    pub(crate) fn is_empty(&self, now: Instant) -> bool {
        self.next <= now
    }

    fn time_of(&self, amount: u32) -> Duration {
        Duration::from_secs(amount.into()) / self.rate.per_second
    }
}

/// Spaces out the messages of one client.
pub(crate) struct MessagePace {
    messages: Bucket,
    bytes: Bucket,
}

impl MessagePace {
    pub(crate) fn new(pace: Pace, now: Instant) -> Self {
        let bucket = |rate| Bucket::new(rate, now);
        Self {
            messages: bucket(pace.messages),
            bytes: bucket(pace.bytes),
        }
    }

    /// Counts a message as so many, and says how long to wait before the next one is read.
    pub(crate) fn message(&mut self, messages: u32, bytes: usize, now: Instant) -> Duration {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.messages
            .add(messages, now)
            .max(self.bytes.add(bytes, now))
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
            .map(|_| {
                let other = SecretDigest::of(&failures.total.to_string());
                failures.add(address.parse().unwrap(), &other, now)
            })
            .last()
            .unwrap()
    }

    #[test]
    fn the_same_again_is_no_further_guess_and_no_further_line() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        let void = SecretDigest::of("the key of a camera that was removed");
        let mut lines = 0;
        for _ in 0..10 * MAX_FAILURES {
            assert_eq!(failures.add(address, &void, now), Ok(()));
            lines += usize::from(failures.take_log(now).is_some());
        }
        assert_eq!((failures.wait(address, now), lines), (None, 1));
        // Others count beside it, and then it is told to wait like them.
        assert!(fail(&mut failures, "192.0.2.1", MAX_FAILURES - 1, now).is_ok());
        assert!(fail(&mut failures, "192.0.2.1", 1, now).is_err());
        assert!(failures.add(address, &void, now).is_err());
        let later = now + FAILURE_WINDOW;
        assert_eq!(failures.add(address, &void, later), Ok(()));
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
    fn who_failed_too_often_is_to_wait_with_passwords() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        assert!(fail(&mut failures, "192.0.2.1", MAX_FAILURES - 1, start).is_ok());
        assert_eq!(failures.wait(address, start), None);
        assert!(fail(&mut failures, "192.0.2.1", 1, start).is_ok());
        assert_eq!(failures.wait(address, start), Some(FAILURE_WINDOW));
        assert_eq!(failures.wait(address, start + FAILURE_WINDOW), None);
        assert_eq!(failures.wait("192.0.2.2".parse().unwrap(), start), None);
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
        let one = SecretDigest::of("one");
        for n in 0..(MAX_ADDRESSES as u32 + 10) {
            let _ = failures.add(IpAddr::from(n.to_be_bytes()), &one, now);
        }
        assert_eq!(failures.by_address.len(), MAX_ADDRESSES);
        assert!(
            failures
                .add("203.0.113.1".parse().unwrap(), &one, now + FAILURE_WINDOW)
                .is_ok()
        );
        assert_eq!(failures.by_address.len(), 1);
    }

    #[test]
    fn failures_are_counted_and_their_lines_in_the_log_are_few() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let mut lines = Vec::new();
        for _ in 0..1000 {
            let _ = fail(&mut failures, "192.0.2.1", 1, now);
            lines.extend(failures.take_log(now));
        }
        assert_eq!(lines, vec![1; LOG_RATE.burst as usize]);
        let later = now + Duration::from_secs(1);
        let _ = fail(&mut failures, "192.0.2.1", 1, later);
        assert_eq!(
            failures.take_log(later),
            Some(1001 - u64::from(LOG_RATE.burst))
        );
        assert_eq!(failures.total(), 1001);
    }

    #[test]
    fn large_messages_are_paced_by_their_bytes() {
        let start = Instant::now();
        let mut pace = MessagePace::new(VIEWER_PACE, start);
        let size = 64 * 1024;
        assert_eq!(pace.message(1, size, start), Duration::ZERO);
        assert_eq!(pace.message(1, size, start), Duration::ZERO);
        assert_eq!(pace.message(1, size, start), Duration::from_secs(4));
    }

    #[test]
    fn sixteen_sessions_that_start_together_do_not_wait() {
        let start = Instant::now();
        let mut pace = MessagePace::new(VIEWER_PACE, start);
        for _ in 0..16 {
            assert_eq!(pace.message(1, 7000, start), Duration::ZERO);
        }
        for _ in 0..100 {
            assert_eq!(pace.message(1, 150, start), Duration::ZERO);
        }
    }

    #[test]
    fn a_burst_passes_at_once_and_what_follows_is_paced() {
        let start = Instant::now();
        let mut pace = MessagePace::new(VIEWER_PACE, start);
        for _ in 0..VIEWER_PACE.messages.burst {
            assert_eq!(pace.message(1, 1, start), Duration::ZERO);
        }
        assert_eq!(
            pace.message(1, 1, start),
            Duration::from_secs(1) / VIEWER_PACE.messages.per_second
        );
        assert_eq!(
            pace.message(1, 1, start + Duration::from_secs(1)),
            Duration::ZERO
        );
    }
}
