// SPDX-License-Identifier: MPL-2.0
//! Telemetry of many small messages as few large ones (docs/gateway.md, `bundle`): for all viewers that understand it the bytes
//! are made once. Pure: time is an argument.
//!
//! What comes seldom leaves at once, as an answer to each of a hundred commands a second does; where more comes, all of a period
//! leaves together at its end.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    envelope::{self, Kind, Mark},
    outbox::{Class, QueuedMessage},
};

/// From one bundle to the next: a picture is as old.
const PERIOD: Duration = Duration::from_millis(33);
/// Messages of a period that leave at once, if the period before had no more either.
pub(super) const MAX_ALONE: usize = 8;
/// Bytes of a bundle after its header: a channel that sends one does not keep an answer waiting for long.
const MAX_BUNDLE: usize = 16 * 1024;
/// As much on the channel that repeats nothing: one datagram, so that a loss costs one bundle and no more.
const MAX_NOW_BUNDLE: usize = 1100;
/// Bytes before each message: its length.
const PREFIX: usize = 2;

/// What waits for the end of the period, for one of the channels.
#[derive(Debug, Default)]
struct Pending {
    messages: Vec<QueuedMessage>,
    bytes: usize,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Bundler {
    reliable: Pending,
    now: Pending,
    /// The end of the period, if one runs.
    due: Option<Instant>,
    /// Messages of this period.
    count: usize,
    /// More came in the period before than leave at once.
    is_busy: bool,
}

impl Bundler {
    /// When [`Self::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.due
    }

    /// Takes a message of a service, and returns what leaves for it.
    pub(crate) fn push(&mut self, message: QueuedMessage, now: Instant) -> Vec<QueuedMessage> {
        self.due.get_or_insert(now + PERIOD);
        self.count += 1;
        if !self.is_busy && self.count <= MAX_ALONE {
            return vec![message];
        }
        match message.now {
            true => self.now.push(message, MAX_NOW_BUNDLE),
            false => self.reliable.push(message, MAX_BUNDLE),
        }
    }

    /// What leaves at the end of a period; after that nothing may leave for another.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<QueuedMessage> {
        if self.due.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let count = std::mem::take(&mut self.count);
        self.is_busy = count > MAX_ALONE;
        self.due = (count > 0).then_some(now + PERIOD);
        self.flush()
    }

    /// All that waits, before something changes that it must not be behind.
    pub(crate) fn flush(&mut self) -> Vec<QueuedMessage> {
        let pending = [&mut self.reliable, &mut self.now];
        pending.into_iter().filter_map(Pending::bundle).collect()
    }
}

impl Pending {
    fn push(&mut self, message: QueuedMessage, most: usize) -> Vec<QueuedMessage> {
        let size = PREFIX + message.bytes.len();
        let is_latest = matches!(message.class, Class::Service { latest: true, .. });
        if is_latest && let Some(place) = self.place(message.class) {
            let old = self.messages.remove(place);
            self.bytes -= PREFIX + old.bytes.len();
        }
        let mut leaves = Vec::new();
        if self.bytes + size > most {
            leaves.extend(self.bundle());
        }
        if size > most {
            leaves.push(message);
        } else {
            self.bytes += size;
            self.messages.push(message);
        }
        leaves
    }

    fn place(&self, class: Class) -> Option<usize> {
        self.messages.iter().position(|old| old.class == class)
    }

    /// What waits, as one message.
    fn bundle(&mut self) -> Option<QueuedMessage> {
        let capacity = std::mem::take(&mut self.bytes);
        let messages = std::mem::take(&mut self.messages);
        if messages.len() <= 1 {
            return messages.into_iter().next();
        }
        let now = messages.iter().any(|message| message.now);
        let mut payload = Vec::with_capacity(capacity);
        for message in &messages {
            let length = u16::try_from(message.bytes.len()).unwrap_or(u16::MAX);
            payload.extend(length.to_be_bytes());
            payload.extend_from_slice(&message.bytes);
        }
        let bytes = envelope::write(Kind::Bundle, Mark::NONE, &payload);
        let mut bundle = QueuedMessage::new(Class::Bundle, now, bytes);
        bundle.bundled = Some(Arc::from(messages));
        Some(bundle)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

    use super::*;

    fn message(service: u8, latest: bool, now: bool, text: &[u8]) -> QueuedMessage {
        let class = Class::Service { service, latest };
        let mark = Mark { service, number: 0 };
        QueuedMessage::new(class, now, envelope::write(Kind::Text, mark, text))
    }

    /// The texts in a message, by service.
    fn read(message: &QueuedMessage) -> Vec<(u8, Vec<u8>)> {
        if message.bytes[0] != Kind::Bundle as u8 {
            return vec![(message.bytes[1], message.bytes[4..].to_vec())];
        }
        let mut rest = &message.bytes[4..];
        let mut all = Vec::new();
        while let [high, low, more @ ..] = rest {
            let (one, more) = more.split_at(u16::from_be_bytes([*high, *low]).into());
            assert_eq!(one[0], Kind::Text as u8);
            all.push((one[1], one[4..].to_vec()));
            rest = more;
        }
        all
    }

    #[test]
    fn what_comes_seldom_leaves_at_once_and_more_leaves_together() {
        let (mut bundler, mut now) = (Bundler::default(), Instant::now());
        let mut number = 0u8;
        // A hundred a second.
        for _ in 0..100 {
            now += Duration::from_millis(10);
            assert!(bundler.tick(now).is_empty());
            number += 1;
            let left = bundler.push(message(1, false, false, &[number]), now);
            assert_eq!(read(&left[0]), [(1, vec![number])]);
        }
        // And where some of them are late, and come with the next ones.
        now += PERIOD;
        bundler.tick(now);
        for _ in 0..2 * PERIOD.as_millis() / 10 {
            assert_eq!(bundler.push(message(1, false, false, b"0"), now).len(), 1);
        }
        now += PERIOD;
        bundler.tick(now);
        // More than that: those of the first period that are too many, and then all.
        for _ in 0..MAX_ALONE {
            assert_eq!(bundler.push(message(1, false, false, b"0"), now).len(), 1);
        }
        for (service, latest, text) in [
            (1, false, b"2"),
            (2, true, b"a"),
            (1, false, b"3"),
            (2, true, b"b"),
        ] {
            let left = bundler.push(message(service, latest, false, text), now);
            assert!(left.is_empty());
        }
        assert!(bundler.tick(now + PERIOD / 2).is_empty());
        now = bundler.deadline().unwrap();
        let left = bundler.tick(now);
        assert_eq!(left.len(), 1);
        let expected = [(1, b"2".to_vec()), (1, b"3".to_vec()), (2, b"b".to_vec())];
        assert_eq!(read(&left[0]), expected);
        assert_eq!(left[0].bundled.as_ref().unwrap().len(), 3);
        // The next period holds the first back too; after a quiet one it leaves at once, and in the end nothing is due.
        assert!(bundler.push(message(1, false, false, b"4"), now).is_empty());
        now += PERIOD;
        assert_eq!(bundler.tick(now).len(), 1);
        assert_eq!(bundler.push(message(1, false, false, b"5"), now).len(), 1);
        for _ in 0..2 {
            now += PERIOD;
            assert!(bundler.tick(now).is_empty());
        }
        assert_eq!(bundler.deadline(), None);
    }

    /// Whatever comes: bounded, complete but for what a newer one replaced, and in order for each service and channel.
    #[test]
    fn thousands_of_runs_lose_nothing_and_keep_their_bounds() {
        for seed in 0..2_000 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let (mut bundler, mut now) = (Bundler::default(), Instant::now());
            let (mut sent, mut got) = ([0u32; 5], [0u32; 5]);
            let mut left = Vec::new();
            for _ in 0..300 {
                let service = rng.random_range(1..5u8);
                // 1 and 2 are latest, 2 and 4 never repeated.
                let (latest, is_now) = (service < 3, service % 2 == 0);
                let count = &mut sent[usize::from(service)];
                *count += 1;
                let longest = [40, 40, 1200, 20_000][rng.random_range(0..4)];
                let mut text = vec![0; rng.random_range(4..longest)];
                text[..4].copy_from_slice(&count.to_be_bytes());
                left.extend(bundler.push(message(service, latest, is_now, &text), now));
                if rng.random_bool(0.2) {
                    now += PERIOD / 3;
                    left.extend(bundler.tick(now));
                }
            }
            left.extend(bundler.flush());
            for message in left {
                if message.class == Class::Bundle {
                    let most = if message.now {
                        MAX_NOW_BUNDLE
                    } else {
                        MAX_BUNDLE
                    };
                    assert!(message.bytes.len() - 4 <= most);
                }
                for (service, text) in read(&message) {
                    let number = u32::from_be_bytes(text[..4].try_into().unwrap());
                    let got = &mut got[usize::from(service)];
                    assert!(
                        number > *got && (service < 3 || number == *got + 1),
                        "seed {seed}"
                    );
                    *got = number;
                }
            }
            assert_eq!(got, sent, "seed {seed}");
        }
    }
}
