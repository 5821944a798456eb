// SPDX-License-Identifier: MPL-2.0
//! How often: limits on a client's messages and bytes. Time comes in as an argument.

use std::time::{Duration, Instant};

use porthole_protocol::wire::{ClientExtension, ClientMessage, IncomingMessage};

/// So much at once, and so much a second (or in so many) on average.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    burst: u32,
    per_second: u32,
    seconds: u32,
}

impl Rate {
    pub(crate) const fn new(burst: u32, per_second: u32) -> Self {
        Self {
            burst,
            per_second,
            seconds: 1,
        }
    }

    /// One in so many seconds.
    pub(crate) const fn every(burst: u32, seconds: u32) -> Self {
        Self {
            burst,
            per_second: 1,
            seconds,
        }
    }

    #[cfg(test)]
    pub(crate) fn burst(self) -> u32 {
        self.burst
    }
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
    messages: Rate::new(200, 50),
    bytes: Rate::new(128 * 1024, 16 * 1024),
};
/// A camera's: it answers up to 64 viewers.
pub(crate) const CAMERA_PACE: Pace = Pace {
    messages: Rate::new(2000, 500),
    bytes: Rate::new(4 * 1024 * 1024, 1024 * 1024),
};

/// Requests of one address (IPv6: of one network of 2^64) by HTTP: an office of fifty that opens the page at nine, and after
/// that less than keeps a processor busy.
pub(crate) const REQUEST_RATE: Rate = Rate::new(3000, 100);

/// Statistics that one end of a session may have passed on: one every other second, and those that an interruption held up.
/// The rest is lost.
pub(crate) const STATS_RATE: Rate = Rate::new(3, 1);

/// What a camera may have written down of drives: a busy minute at once, and then one entry a second, which fills no disk.
pub(crate) const DRIVE_RATE: Rate = Rate::new(60, 1);

/// Calls that one doorbell may make: somebody who rings again when nobody came, and no child that leans on the button. A press
/// while a call runs is part of that one, and counts for nothing here.
pub(crate) const RING_RATE: Rate = Rate::every(4, 15);

/// What coming back to a session counts for: a digest, and the camera's word.
const RESUME: u32 = 10;
/// What another name counts for: a signature for each of the guest's pictures, and a line of the log.
const NAMED: u32 = 50;
/// What a press counts for, and what is said to one: all whom it rings are told.
const RING: u32 = 10;

/// What a message counts for: its work here, measured in candidates that are passed on.
pub(crate) fn cost(message: &ClientMessage, is_camera: bool) -> u32 {
    let message = match message {
        ClientMessage::Peer(message) => &message.message,
        ClientMessage::Extension(ClientExtension::ResumeSession { .. }) => return RESUME,
        ClientMessage::Extension(
            ClientExtension::ViewerStats(_)
            | ClientExtension::SessionStats(_)
            | ClientExtension::Drive(_)
            | ClientExtension::Door(_),
        ) => return 1,
        ClientMessage::Extension(
            ClientExtension::Ring(_)
            | ClientExtension::EndCall(_)
            | ClientExtension::AnswerCall(_)
            | ClientExtension::DeclineCall(_)
            | ClientExtension::NobodyHome(_)
            | ClientExtension::HangUp(_),
        ) => return RING,
        ClientMessage::Extension(ClientExtension::CallMe { .. }) => return NAMED,
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
        Duration::from_secs(amount.into()) * self.rate.seconds / self.rate.per_second
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
