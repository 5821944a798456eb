// SPDX-License-Identifier: MPL-2.0
//! What waits for one client: a bounded queue between the hub and the client's socket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

use porthole_protocol::limits::MAX_META_BYTES;
use porthole_protocol::wire::Code;
use tokio::sync::{mpsc, oneshot};
use tungstenite::Utf8Bytes;

/// A message as it goes out. A clone is the same text, not another.
pub(crate) type Text = Utf8Bytes;

/// What may wait for one client.
#[derive(Clone, Copy)]
pub(crate) struct QueueBounds {
    messages: usize,
    bytes: usize,
}

/// Of what a viewer is told of one camera: its `meta`, its id and what is around them.
const CAMERA_BYTES: usize = MAX_META_BYTES + 256;

/// A viewer's, on a server for so many cameras: all of them may come back at once, and a reader that takes a moment for that
/// is not thrown out. What many are told is held once for all, and a list comes in parts, so that one that does not read
/// costs no more than the part of it that waits.
pub(crate) fn viewer_queue(cameras: usize) -> QueueBounds {
    QueueBounds {
        messages: cameras.saturating_mul(2).saturating_add(1024),
        bytes: cameras
            .saturating_mul(CAMERA_BYTES)
            .saturating_add(2 * 1024 * 1024),
    }
}

/// A camera's: what all of its 64 viewers can send it at once by their pace, so that they cannot fill it.
pub(crate) const CAMERA_QUEUE: QueueBounds = QueueBounds {
    messages: 16 * 1024,
    bytes: 9 * 1024 * 1024,
};

/// A client for which more than this waits is behind: it is spared what is expendable.
const BEHIND: QueueBounds = QueueBounds {
    messages: 128,
    bytes: 256 * 1024,
};

/// Why the hub let go of a client.
pub(crate) enum Dropped {
    Because(Code),
    TooSlow,
    /// Its server is about to end, and others are there.
    #[cfg_attr(
        not(feature = "cluster"),
        expect(dead_code, reason = "there are no others")
    )]
    Moves,
}

#[derive(Default)]
struct Waiting {
    bytes: AtomicUsize,
    /// Whether the hub wants to hear when nothing waits any more.
    ask: AtomicBool,
}

/// The hub's end of a client's queue.
pub(crate) struct Outbox {
    messages: mpsc::Sender<Text>,
    max_bytes: usize,
    waiting: Arc<Waiting>,
    dropped: oneshot::Sender<Dropped>,
}

/// The socket's end of it.
pub(crate) struct Inbox {
    messages: mpsc::Receiver<Text>,
    waiting: Arc<Waiting>,
}

/// Makes a client's queue, and the signal that the hub has let go of the client.
pub(crate) fn queue(bounds: QueueBounds) -> (Outbox, Inbox, oneshot::Receiver<Dropped>) {
    let (sender, receiver) = mpsc::channel(bounds.messages);
    let (dropped, on_drop) = oneshot::channel();
    let waiting = Arc::<Waiting>::default();
    let outbox = Outbox {
        messages: sender,
        max_bytes: bounds.bytes,
        waiting: waiting.clone(),
        dropped,
    };
    let inbox = Inbox {
        messages: receiver,
        waiting,
    };
    (outbox, inbox, on_drop)
}

impl Outbox {
    /// Whether so much waits already that nothing should that can be left out.
    pub(crate) fn is_behind(&self) -> bool {
        let waiting = self.messages.max_capacity() - self.messages.capacity();
        let most = BEHIND.messages.min(self.messages.max_capacity() / 8);
        waiting > most || self.waiting.bytes.load(Relaxed) > BEHIND.bytes.min(self.max_bytes / 8)
    }

    /// Whether there was room for it.
    pub(crate) fn push(&self, message: Text) -> bool {
        let bytes = message.len();
        let queued = self.waiting.bytes.fetch_add(bytes, Relaxed);
        queued + bytes <= self.max_bytes && self.messages.try_send(message).is_ok()
    }

    /// Has the socket say so when all that waits is out.
    pub(crate) fn ask_when_empty(&self) {
        self.waiting.ask.store(true, Relaxed);
    }

    pub(crate) fn drop_because(self, why: Dropped) {
        let _ = self.dropped.send(why);
    }
}

impl Inbox {
    /// The next message, or `None` once the hub has let go of the client and all messages are out.
    pub(crate) async fn next(&mut self) -> Option<Text> {
        let message = self.messages.recv().await?;
        self.waiting.bytes.fetch_sub(message.len(), Relaxed);
        Some(message)
    }

    /// Whether all is out and the hub wants to hear that. It is asked after every message that was written, and so after the
    /// last of those before which the hub asked.
    pub(crate) fn is_asked(&self) -> bool {
        self.messages.is_empty() && self.waiting.ask.swap(false, Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(size: usize) -> Text {
        Text::from("x".repeat(size))
    }

    #[test]
    fn who_reads_slowly_is_behind_long_before_its_queue_is_full() {
        let bounds = QueueBounds {
            messages: 64,
            bytes: 64 * 100,
        };
        for size in [1, 700] {
            let (outbox, _inbox, _dropped) = queue(bounds);
            assert!(!outbox.is_behind());
            let before = (0..64).take_while(|_| !outbox.is_behind() && outbox.push(message(size)));
            assert!((1..=9).contains(&before.count()));
            assert!(outbox.is_behind() && outbox.push(message(size)));
        }
    }

    #[test]
    fn all_cameras_of_a_large_server_may_come_back_at_once() {
        for cameras in [1, 1000, 1900, 10_000] {
            let (outbox, _inbox, _dropped) = queue(viewer_queue(cameras));
            assert!(outbox.push(message(1024 * 1024)), "a list");
            for _ in 0..cameras {
                assert!(outbox.push(message(MAX_META_BYTES + 200)));
            }
            assert!(outbox.is_behind() || cameras < 128);
        }
    }

    #[tokio::test]
    async fn the_hub_is_asked_for_more_when_nothing_waits_and_once() {
        let (outbox, mut inbox, _dropped) = queue(viewer_queue(1));
        assert!(outbox.push(message(1)) && outbox.push(message(1)));
        outbox.ask_when_empty();
        inbox.next().await.unwrap();
        assert!(!inbox.is_asked(), "another one waits");
        inbox.next().await.unwrap();
        assert!(inbox.is_asked() && !inbox.is_asked());
    }
}
