// SPDX-License-Identifier: MPL-2.0
//! What waits to be sent to one viewer. Pure.
//!
//! Of a state only the newest counts, so that a new one takes the place of one that waits; of messages the oldest give way,
//! and the viewer is told how many. Answers may not be lost: who lets too many pile up reads nothing and is given up.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::envelope::{Kind, Mark, write};

/// Messages of one service that wait. At 10 a second they are six seconds old.
const MAX_OF_SERVICE: usize = 64;
/// All that waits for one viewer.
const MAX_BYTES: usize = 1024 * 1024;
/// Answers to commands that wait: four times what an honest client has under way.
const MAX_ANSWERS: usize = 1024;

/// What is to become of a message for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The newest of this kind counts.
    State(Kind),
    Answer,
    /// Of this service; with `latest`, the newest counts.
    Service {
        service: u8,
        latest: bool,
    },
    /// Messages of services, together; who is behind gets them one by one.
    Bundle,
}

/// A message on its way to a viewer.
#[derive(Clone, Debug)]
pub(crate) struct QueuedMessage {
    pub(crate) class: Class,
    /// On the channel that repeats nothing.
    pub(crate) now: bool,
    pub(crate) bytes: Arc<[u8]>,
    /// Of a bundle: what is in it.
    pub(crate) bundled: Option<Arc<[QueuedMessage]>>,
}

impl QueuedMessage {
    pub(crate) fn new(class: Class, now: bool, bytes: Vec<u8>) -> Self {
        Self {
            class,
            now,
            bytes: bytes.into(),
            bundled: None,
        }
    }
}

/// The viewer does not take in what it asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

/// See the [module](self).
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    queue: VecDeque<QueuedMessage>,
    bytes: usize,
    lost: BTreeMap<u8, u32>,
}

impl Outbox {
    /// Returns the services of which a message gave way for this one.
    pub(crate) fn push(&mut self, message: QueuedMessage) -> Result<Vec<u8>, Overflow> {
        let is_telemetry = matches!(message.class, Class::Service { .. } | Class::Bundle);
        let mut lost = Vec::new();
        if is_telemetry && let Some(place) = self.place_of_bundle() {
            // This viewer is behind: what it has not got gives way by the rules of each service.
            let bundle = self.queue.remove(place);
            self.bytes -= bundle.as_ref().map_or(0, |bundle| bundle.bytes.len());
            lost.extend(self.push_bundled(bundle)?);
        }
        if message.class == Class::Bundle && self.has_telemetry() {
            lost.extend(self.push_bundled(Some(message))?);
        } else {
            lost.extend(self.push_one(message)?);
        }
        Ok(lost)
    }

    fn place_of_bundle(&self) -> Option<usize> {
        self.queue.iter().position(|m| m.class == Class::Bundle)
    }

    fn has_telemetry(&self) -> bool {
        let mut queue = self.queue.iter();
        queue.any(|m| matches!(m.class, Class::Service { .. }))
    }

    /// What is in a bundle, one by one.
    fn push_bundled(&mut self, bundle: Option<QueuedMessage>) -> Result<Vec<u8>, Overflow> {
        let mut lost = Vec::new();
        let bundled = bundle.and_then(|bundle| bundle.bundled);
        for message in bundled.iter().flat_map(|bundled| bundled.iter()) {
            lost.extend(self.push_one(message.clone())?);
        }
        Ok(lost)
    }

    fn push_one(&mut self, message: QueuedMessage) -> Result<Vec<u8>, Overflow> {
        let is_newest = match message.class {
            Class::State(_) => true,
            Class::Answer | Class::Bundle => false,
            Class::Service { latest, .. } => latest,
        };
        if is_newest && let Some(old) = self.queue.iter_mut().find(|m| m.class == message.class) {
            self.bytes = self.bytes + message.bytes.len() - old.bytes.len();
            *old = message;
            return Ok(Vec::new());
        }
        let of_its_class = self.queue.iter().filter(|m| m.class == message.class);
        let most = match message.class {
            Class::Answer => MAX_ANSWERS,
            _ => MAX_OF_SERVICE,
        };
        let is_full = of_its_class.count() >= most;
        if is_full && message.class == Class::Answer {
            return Err(Overflow);
        }
        let mut lost = Vec::new();
        if is_full && let Some(service) = self.drop_oldest(Some(message.class)) {
            lost.push(service);
        }
        self.bytes += message.bytes.len();
        self.queue.push_back(message);
        while self.bytes > MAX_BYTES {
            match self.drop_oldest(None) {
                Some(service) => lost.push(service),
                // Only answers and states are left, which are small and bounded.
                None => break,
            }
        }
        Ok(lost)
    }

    /// The next to be sent.
    pub(crate) fn pop(&mut self) -> Option<QueuedMessage> {
        if let Some((service, count)) = self.lost.pop_first() {
            let mark = Mark { service, number: 0 };
            let bytes = write(Kind::Lost, mark, &count.to_be_bytes());
            return Some(QueuedMessage::new(Class::Answer, false, bytes));
        }
        let message = self.queue.pop_front()?;
        self.bytes -= message.bytes.len();
        Some(message)
    }

    /// Takes out the oldest message of a service, of this class if one is given.
    fn drop_oldest(&mut self, class: Option<Class>) -> Option<u8> {
        let gives_way = |message: &QueuedMessage| match message.class {
            Class::Service { .. } => class.is_none_or(|class| class == message.class),
            _ => false,
        };
        let place = self.queue.iter().position(gives_way)?;
        let message = self.queue.remove(place)?;
        self.bytes -= message.bytes.len();
        let Class::Service { service, .. } = message.class else {
            return None;
        };
        let count = self.lost.entry(service).or_default();
        *count = count.saturating_add(1);
        Some(service)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

    use super::*;

    fn message(class: Class, bytes: &[u8]) -> QueuedMessage {
        QueuedMessage {
            class,
            now: false,
            bytes: bytes.into(),
            bundled: None,
        }
    }

    fn service(service: u8, latest: bool) -> Class {
        Class::Service { service, latest }
    }

    #[test]
    fn of_states_and_latest_services_the_newest_waits() {
        let mut outbox = Outbox::default();
        for (class, bytes) in [
            (Class::State(Kind::Wheel), b"w1"),
            (service(1, true), b"a1"),
            (service(2, false), b"b1"),
            (service(1, true), b"a2"),
            (service(2, false), b"b2"),
            (Class::State(Kind::Wheel), b"w2"),
        ] {
            assert_eq!(outbox.push(message(class, bytes)), Ok(Vec::new()));
        }
        let all: Vec<_> = std::iter::from_fn(|| outbox.pop())
            .map(|message| message.bytes.to_vec())
            .collect();
        assert_eq!(all, [b"w2", b"a2", b"b1", b"b2"]);
        assert_eq!(outbox.bytes, 0);
    }

    #[test]
    fn the_oldest_messages_give_way_and_are_counted() {
        let mut outbox = Outbox::default();
        let answer = message(Class::Answer, b"yes");
        assert_eq!(outbox.push(answer), Ok(Vec::new()));
        for number in 0..70u8 {
            let lost = outbox.push(message(service(7, false), &[number]));
            let expected = if number < 64 { vec![] } else { vec![7] };
            assert_eq!(lost, Ok(expected));
        }
        assert_eq!(
            outbox.pop().map(|m| m.bytes.to_vec()),
            Some(vec![5, 7, 0, 0, 0, 0, 0, 6])
        );
        assert_eq!(outbox.pop().map(|m| m.bytes.to_vec()), Some(b"yes".into()));
        assert_eq!(outbox.pop().map(|m| m.bytes.to_vec()), Some(vec![6]));
    }

    /// A bundle of one message each of service 1, which is latest, and service 2.
    fn bundle(number: u8) -> QueuedMessage {
        let both = [service(1, true), service(2, false)];
        let mut bundle = message(Class::Bundle, &[0, number]);
        bundle.bundled = Some(both.map(|class| message(class, &[number])).into());
        bundle
    }

    #[test]
    fn who_keeps_up_gets_bundles_and_who_is_behind_what_is_in_them() {
        let mut outbox = Outbox::default();
        let bytes = |outbox: &mut Outbox| outbox.pop().map(|m| m.bytes.to_vec());
        for number in 0..3 {
            assert_eq!(outbox.push(bundle(number)), Ok(vec![]));
            assert_eq!(bytes(&mut outbox), Some(vec![0, number]));
        }
        assert_eq!(outbox.push(message(Class::Answer, b"yes")), Ok(vec![]));
        for number in 0..70u8 {
            let lost = outbox.push(bundle(number)).unwrap();
            assert_eq!(lost, if number < 64 { vec![] } else { vec![2] });
        }
        assert_eq!(bytes(&mut outbox), Some(vec![5, 2, 0, 0, 0, 0, 0, 6]));
        assert_eq!(bytes(&mut outbox), Some(b"yes".to_vec()));
        // The newest of what is latest, and the last 64 of the others.
        assert_eq!(bytes(&mut outbox), Some(vec![69]));
        for number in 6..70 {
            assert_eq!(bytes(&mut outbox), Some(vec![number]));
        }
        assert_eq!((outbox.pop().is_none(), outbox.bytes), (true, 0));
    }

    #[test]
    fn who_reads_no_answers_is_given_up() {
        let mut outbox = Outbox::default();
        let full = (0..=MAX_ANSWERS)
            .map(|_| outbox.push(message(Class::Answer, b"no")))
            .find_map(Result::err);
        assert_eq!(full, Some(Overflow));
    }

    /// Whatever comes: bounded, in order, and what is missing is what was counted.
    #[test]
    fn thousands_of_runs_lose_nothing_that_is_not_counted() {
        for seed in 0..2_000 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut outbox = Outbox::default();
            let mut sent = [0u32; 4];
            let mut next = [0u32; 4];
            let mut lost = [0u32; 4];
            for _ in 0..400 {
                let of = rng.random_range(1..4u8);
                let index = usize::from(of);
                if rng.random_bool(0.7) {
                    let size = rng.random_range(4..60_000);
                    let mut bytes = vec![0; size];
                    bytes[..4].copy_from_slice(&sent[index].to_be_bytes());
                    sent[index] += 1;
                    outbox.push(message(service(of, false), &bytes)).unwrap();
                } else if let Some(message) = outbox.pop() {
                    let bytes: [u8; 4] = message.bytes[message.bytes.len().min(8) - 4..][..4]
                        .try_into()
                        .unwrap();
                    match message.class {
                        Class::Service { service, .. } => {
                            let index = usize::from(service);
                            let number = u32::from_be_bytes(message.bytes[..4].try_into().unwrap());
                            assert_eq!(number, next[index] + lost[index], "seed {seed}");
                            next[index] += 1;
                        }
                        _ => lost[usize::from(message.bytes[1])] += u32::from_be_bytes(bytes),
                    }
                }
                assert!(outbox.bytes <= MAX_BYTES);
                assert!(outbox.queue.len() <= 3 * MAX_OF_SERVICE);
            }
        }
    }
}
