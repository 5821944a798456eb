// SPDX-License-Identifier: MPL-2.0
//! What a data channel's message is made of (docs/gateway.md): four bytes, then the payload. Pure.

use std::borrow::Cow;

/// Bytes before the payload: kind, service, and the number of a command in two bytes, the big end first.
const HEADER: usize = 4;
/// A message with its header.
const MAX_MESSAGE: usize = HEADER + MAX_PAYLOAD;
/// The most that a program or a driver may send at once: what fits into one SCTP message of every browser.
pub(crate) const MAX_PAYLOAD: usize = 64 * 1024;

/// The longest that goes over a data channel at once: webrtcbin says so in its descriptions and holds itself to it.
const MAX_PART: usize = 64 * 1024;
/// Added to the kind of a part that is not the last.
const MORE: u8 = 128;

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    Text = 1,
    Binary = 2,
    Services = 3,
    Wheel = 4,
    Lost = 5,
    Accepted = 6,
    Refused = 7,
    Talk = 8,
    Hello = 9,
    Steered = 10,
    Bundle = 11,
    DoorNonce = 12,
    Ask = 16,
    Release = 17,
    HandOver = 18,
    Alive = 19,
    Stop = 20,
    Steer = 21,
    Bundles = 22,
    HoldDoor = 23,
    OpenDoor = 24,
}

/// Where a command came from, so that it can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) service: u8,
    /// The client's own; 0 is none.
    pub(crate) number: u16,
}

/// A viewer's message, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    pub(crate) kind: Kind,
    pub(crate) mark: Mark,
    pub(crate) payload: &'a [u8],
}

/// A viewer's message that is none, and of which command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadMessage {
    /// No header, or a kind that viewers do not send.
    Unknown(Mark),
    TooLarge(Mark),
    /// A text that is not UTF-8.
    NotText(Mark),
}

impl Mark {
    /// Of a message that concerns no command.
    pub(crate) const NONE: Self = Self {
        service: 0,
        number: 0,
    };

    /// Of a message that may be anything.
    pub(crate) fn of(message: &[u8]) -> Self {
        match message {
            [_, service, high, low, ..] => Self {
                service: *service,
                number: u16::from_be_bytes([*high, *low]),
            },
            _ => Self::NONE,
        }
    }
}

/// Reads what a viewer sent.
pub(crate) fn read(message: &[u8]) -> Result<Message<'_>, BadMessage> {
    let mark = Mark::of(message);
    let (Some(kind), Some(payload)) = (message.first(), message.get(HEADER..)) else {
        return Err(BadMessage::Unknown(mark));
    };
    let kind = match *kind {
        1 => Kind::Text,
        2 => Kind::Binary,
        16 => Kind::Ask,
        17 => Kind::Release,
        18 => Kind::HandOver,
        19 => Kind::Alive,
        20 => Kind::Stop,
        21 => Kind::Steer,
        22 => Kind::Bundles,
        23 => Kind::HoldDoor,
        24 => Kind::OpenDoor,
        _ => return Err(BadMessage::Unknown(mark)),
    };
    if payload.len() > MAX_PAYLOAD {
        return Err(BadMessage::TooLarge(mark));
    }
    if kind == Kind::Text && std::str::from_utf8(payload).is_err() {
        return Err(BadMessage::NotText(mark));
    }
    Ok(Message {
        kind,
        mark,
        payload,
    })
}

/// The bytes of a message for a viewer.
pub(crate) fn write(kind: Kind, mark: Mark, payload: &[u8]) -> Vec<u8> {
    let [high, low] = mark.number.to_be_bytes();
    let mut message = Vec::with_capacity(HEADER + payload.len());
    message.extend([kind as u8, mark.service, high, low]);
    message.extend_from_slice(payload);
    message
}

/// A message in the parts in which it goes over a channel.
pub(crate) fn parts(message: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let (header, payload) = message.split_at_checked(HEADER).unwrap_or((message, &[]));
    let count = payload.len().div_ceil(MAX_PART - HEADER).max(1);
    let chunks = payload.chunks(MAX_PART - HEADER).enumerate();
    let whole = (count == 1).then_some(Cow::Borrowed(message));
    let parts = chunks
        .filter(move |_| count > 1)
        .map(move |(index, chunk)| {
            let mut part = [header, chunk].concat();
            if let Some(kind) = part.first_mut().filter(|_| index + 1 < count) {
                *kind |= MORE;
            }
            Cow::Owned(part)
        });
    whole.into_iter().chain(parts)
}

/// Puts the parts of one channel together again.
#[derive(Debug, Default)]
pub(crate) struct Joiner(Vec<u8>);

impl Joiner {
    /// A whole message, if `part` is the last of one. What is longer than any message ends at one byte more than that, so
    /// that it is refused as what it is.
    pub(crate) fn take<'a>(&mut self, part: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        let has_more = part.first().is_some_and(|kind| kind & MORE > 0);
        if !has_more && self.0.is_empty() {
            return Some(Cow::Borrowed(&part[..part.len().min(MAX_MESSAGE + 1)]));
        }
        let new = match self.0.is_empty() {
            true => part,
            false => part.get(HEADER..).unwrap_or_default(),
        };
        let room = (MAX_MESSAGE + 1).saturating_sub(self.0.len());
        self.0.extend_from_slice(&new[..new.len().min(room)]);
        if has_more {
            return None;
        }
        let mut message = std::mem::take(&mut self.0);
        if let Some(kind) = message.first_mut() {
            *kind &= !MORE;
        }
        Some(Cow::Owned(message))
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::SmallRng};

    use super::*;

    const MARK: Mark = Mark {
        service: 3,
        number: 0x0102,
    };

    #[test]
    fn the_bytes_are_those_of_the_docs() {
        assert_eq!(write(Kind::Text, MARK, b"hi"), b"\x01\x03\x01\x02hi");
        let message = read(b"\x02\x03\x01\x02\xff").unwrap();
        assert_eq!(message.kind, Kind::Binary);
        assert_eq!(message.mark, MARK);
        assert_eq!(message.payload, b"\xff");
    }

    #[test]
    fn what_is_no_message_is_refused_by_its_mark() {
        assert_eq!(read(b""), Err(BadMessage::Unknown(Mark::NONE)));
        assert_eq!(read(b"\x01\x03\x01"), Err(BadMessage::Unknown(Mark::NONE)));
        // What only the camera sends.
        assert_eq!(read(b"\x06\x03\x01\x02"), Err(BadMessage::Unknown(MARK)));
        assert_eq!(
            read(b"\x01\x03\x01\x02\xff"),
            Err(BadMessage::NotText(MARK))
        );
        let mut large = write(Kind::Binary, MARK, &[0; MAX_PAYLOAD]);
        assert!(read(&large).is_ok());
        large.push(0);
        assert_eq!(read(&large), Err(BadMessage::TooLarge(MARK)));
    }

    #[test]
    fn what_is_too_long_for_a_channel_goes_in_parts() {
        for length in [0, 1, 65_532, 65_533, MAX_PAYLOAD, 3 * MAX_PART] {
            let payload: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let message = write(Kind::Binary, MARK, &payload);
            let parts: Vec<_> = parts(&message).collect();
            assert!(parts.iter().all(|part| part.len() <= MAX_PART));
            assert_eq!(parts.len(), length.div_ceil(65_532).max(1));
            let mut joiner = Joiner::default();
            let mut whole = parts.iter().filter_map(|part| joiner.take(part));
            let joined = whole.next().unwrap();
            assert_eq!(joined[..], message[..message.len().min(MAX_MESSAGE + 1)]);
            assert!(whole.next().is_none());
        }
        // Parts without an end take no room beyond one message.
        let mut joiner = Joiner::default();
        for _ in 0..100 {
            assert_eq!(joiner.take(&[MORE | 2; MAX_PART]), None);
        }
        assert!(joiner.0.capacity() <= 2 * MAX_MESSAGE);
    }

    #[test]
    fn whatever_comes_is_read_or_refused() {
        let mut rng = SmallRng::seed_from_u64(1);
        for _ in 0..10_000 {
            let mut message = vec![0; rng.random_range(0..16)];
            rng.fill_bytes(&mut message);
            if let Ok(read) = read(&message) {
                assert_eq!(write(read.kind, read.mark, read.payload), message);
            }
        }
    }
}
