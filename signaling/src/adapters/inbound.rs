// SPDX-License-Identifier: MPL-2.0
//! What a client has said and nobody has read yet. The transport calls; it cannot wait, so that what does not fit ends it.

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::sync::Notify;

use crate::lock::lock;

/// Messages that wait of a client that is let in: what 64 sessions that start together say at once.
const MAX_MESSAGES: usize = 1024;
/// Bytes of these: four times what anyone says at once.
const MAX_BYTES: usize = 1024 * 1024;
/// Messages of a client that has not shown who it is: a greeting and what follows it at once.
const MAX_MESSAGES_BEFORE: usize = 16;
/// Bytes of these.
const MAX_BYTES_BEFORE: usize = 64 * 1024;

/// A message, or what is none.
pub(super) enum Message {
    Text(String),
    /// Of so many bytes.
    Binary(usize),
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    bytes: usize,
    is_let_in: bool,
    is_closed: bool,
}

#[derive(Default)]
pub(super) struct Inbound {
    state: Mutex<State>,
    changed: Notify,
}

impl Inbound {
    /// Whether there was room for it.
    pub(super) fn push(&self, message: Message) -> bool {
        let mut state = lock(&self.state);
        let (messages, bytes) = match state.is_let_in {
            true => (MAX_MESSAGES, MAX_BYTES),
            false => (MAX_MESSAGES_BEFORE, MAX_BYTES_BEFORE),
        };
        let size = message.size();
        if state.is_closed || state.messages.len() >= messages || state.bytes + size > bytes {
            return false;
        }
        state.bytes += size;
        state.messages.push_back(message);
        drop(state);
        self.changed.notify_one();
        true
    }

    pub(super) fn let_in(&self) {
        lock(&self.state).is_let_in = true;
    }

    /// Nothing more comes, and what has come of one that is gone is not worth reading.
    pub(super) fn close(&self) {
        *lock(&self.state) = State {
            is_closed: true,
            ..State::default()
        };
        self.changed.notify_one();
    }

    /// The next message, or `None` when nothing more comes. It may be given up at any time.
    pub(super) async fn next(&self) -> Option<Message> {
        loop {
            {
                let mut state = lock(&self.state);
                if let Some(message) = state.messages.pop_front() {
                    state.bytes -= message.size();
                    if state.messages.is_empty() {
                        state.messages = VecDeque::new();
                    }
                    return Some(message);
                }
                if state.is_closed {
                    return None;
                }
            }
            self.changed.notified().await;
        }
    }
}

impl Message {
    /// In bytes that are kept.
    fn size(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Binary(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(size: usize) -> Message {
        Message::Text("x".repeat(size))
    }

    #[tokio::test]
    async fn a_stranger_has_less_room_than_who_is_let_in_and_neither_has_more() {
        let inbound = Inbound::default();
        assert!(inbound.push(text(MAX_BYTES_BEFORE)) && !inbound.push(text(1)));
        inbound.let_in();
        assert!(inbound.push(text(1)));
        let more = (0..2 * MAX_MESSAGES).take_while(|_| inbound.push(text(1)));
        assert_eq!(more.count(), MAX_MESSAGES - 2);
        for _ in 0..MAX_MESSAGES {
            assert!(inbound.next().await.is_some());
        }
        assert!(inbound.push(text(MAX_BYTES)) && !inbound.push(text(1)));
        inbound.close();
        assert!(!inbound.push(text(1)) && inbound.next().await.is_none());
    }
}
