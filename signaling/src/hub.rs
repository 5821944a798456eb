// SPDX-License-Identifier: MPL-2.0
//! The one task that owns the [`Room`], and its clock. It waits for nothing but its inputs and the room's next
//! deadline: a client whose queue is full is dropped, so nobody waits for anyone else's network.

use std::collections::HashMap;
use std::future::pending;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use porthole_protocol::grant::GrantSigner;
use porthole_protocol::wire::{ClientMessage, Code};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::lock::lock;
use crate::metrics::Metrics;
use crate::registry::{Registry, SecretDigest};
use crate::room::{
    Action, CameraInfo, ClientId, Counts, Happening, Now, Outgoing, Principal, Rights, RightsId,
    Room, SessionInfo,
};
use crate::shutdown::stopped;

/// Events waiting for the room. Clients wait when it is full; the room takes microseconds for each.
const MAX_EVENTS: usize = 1024;
/// Happenings that wait to be written down. A burst of a thousand sessions fits; beyond that they are counted as lost,
/// since nobody who watches may wait for a disk.
const MAX_HAPPENINGS: usize = 4096;
/// How often the room is told the time while something is due at a time of day: the clock may have been set.
const CLOCK_LOOK: Duration = Duration::from_secs(1);
/// What may wait for one client.
#[derive(Clone, Copy)]
pub(crate) struct QueueBounds {
    messages: usize,
    bytes: usize,
}

/// A viewer's: one list of every camera fits, and a client that does not read costs no more.
pub(crate) const VIEWER_QUEUE: QueueBounds = QueueBounds {
    messages: 1024,
    bytes: 2 * 1024 * 1024,
};
/// A camera's: what all of its 64 viewers can send it at once by their pace, so that they cannot fill it.
pub(crate) const CAMERA_QUEUE: QueueBounds = QueueBounds {
    messages: 16 * 1024,
    bytes: 9 * 1024 * 1024,
};

/// A client for which more than this share of its queue waits is behind: it is spared what is expendable.
const BEHIND: usize = 8;

/// What happens to a client.
pub(crate) enum Event {
    /// It connected. `credential` is `None` for a guest.
    Connected {
        client: ClientId,
        principal: Principal,
        credential: Option<SecretDigest>,
        address: IpAddr,
        outbox: Outbox,
    },
    /// A message, and when it was read.
    Message(ClientId, ClientMessage, Instant),
    Unreadable(ClientId),
    /// The log-in by which it connected was ended.
    LoggedOut(ClientId),
    /// The log-in by which it connected has come to its end.
    LoginOver(ClientId),
    Gone(ClientId),
    /// Is anybody there?
    Health(oneshot::Sender<()>),
    /// Who watches what?
    Sessions(oneshot::Sender<Vec<SessionInfo>>),
    /// Which cameras are here?
    Cameras(oneshot::Sender<Vec<CameraInfo>>),
    /// An administrator ends the session of this id. Whether there was one.
    EndSession(String, oneshot::Sender<bool>),
}

/// What the application that runs the server changes.
pub(crate) enum Change {
    CameraAdded {
        id: String,
        name: String,
    },
    CameraRemoved {
        id: String,
    },
    /// A viewer was added, or may do something else now.
    ViewerSet {
        rights: Rights,
    },
    ViewerRemoved {
        id: RightsId,
    },
    /// Grants are signed by the next key.
    Signer(Box<GrantSigner>),
}

/// Why the hub let go of a client.
pub(crate) enum Dropped {
    Because(Code),
    TooSlow,
}

/// The hub's end of a client's queue.
pub(crate) struct Outbox {
    messages: mpsc::Sender<Utf8Bytes>,
    max_bytes: usize,
    queued_bytes: Arc<AtomicUsize>,
    dropped: oneshot::Sender<Dropped>,
}

/// The socket's end of it.
pub(crate) struct Inbox {
    messages: mpsc::Receiver<Utf8Bytes>,
    queued_bytes: Arc<AtomicUsize>,
}

/// Makes a client's queue, and the signal that the hub has let go of the client.
pub(crate) fn queue(bounds: QueueBounds) -> (Outbox, Inbox, oneshot::Receiver<Dropped>) {
    let (sender, receiver) = mpsc::channel(bounds.messages);
    let (dropped, on_drop) = oneshot::channel();
    let queued_bytes = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox {
        messages: sender,
        max_bytes: bounds.bytes,
        queued_bytes: queued_bytes.clone(),
        dropped,
    };
    (
        outbox,
        Inbox {
            messages: receiver,
            queued_bytes,
        },
        on_drop,
    )
}

impl Outbox {
    /// Whether so much waits already that nothing should that can be left out.
    fn is_behind(&self) -> bool {
        let free = self.messages.capacity();
        let max = self.messages.max_capacity();
        max - free > max / BEHIND || self.queued_bytes.load(Relaxed) > self.max_bytes / BEHIND
    }

    /// Whether there was room for it.
    fn push(&self, message: Utf8Bytes) -> bool {
        let bytes = message.len();
        let queued = self.queued_bytes.fetch_add(bytes, Relaxed);
        queued + bytes <= self.max_bytes && self.messages.try_send(message).is_ok()
    }
}

impl Inbox {
    /// The next message, or `None` once the hub has let go of the client and all messages are out.
    pub(crate) async fn next(&mut self) -> Option<Utf8Bytes> {
        let message = self.messages.recv().await?;
        self.queued_bytes.fetch_sub(message.len(), Relaxed);
        Some(message)
    }
}

/// How much is going on.
#[derive(Default)]
pub(crate) struct Stats {
    cameras: AtomicUsize,
    sessions: AtomicUsize,
}

impl Stats {
    fn set(&self, counts: Counts) {
        self.cameras.store(counts.cameras, Relaxed);
        self.sessions.store(counts.sessions, Relaxed);
    }

    pub(crate) fn get(&self) -> Counts {
        Counts {
            cameras: self.cameras.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
        }
    }
}

/// The way to the hub.
pub(crate) struct HubHandle {
    events: mpsc::Sender<Event>,
    next_client: AtomicU64,
    pub(crate) stats: Arc<Stats>,
}

impl HubHandle {
    pub(crate) fn new_client(&self) -> ClientId {
        ClientId(self.next_client.fetch_add(1, Relaxed))
    }

    /// Whether the hub takes up an event and answers it within this time.
    pub(crate) async fn answers(&self, within: Duration) -> bool {
        let (answer, answered) = oneshot::channel();
        let asked = async { self.send(Event::Health(answer)).await && answered.await.is_ok() };
        timeout(within, asked).await.unwrap_or(false)
    }

    /// Asks the hub something; `None` if it does not answer within this time.
    pub(crate) async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> Event,
        within: Duration,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.send(question(answer)).await;
            answered.await.ok()
        };
        timeout(within, asked).await.ok().flatten()
    }

    /// Whether the hub still runs.
    pub(crate) async fn send(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }
}

/// The hub before it runs.
pub(crate) struct Hub {
    room: Room,
    registry: Arc<Mutex<Registry>>,
    events: mpsc::Receiver<Event>,
    changes: mpsc::UnboundedReceiver<Change>,
    happenings: mpsc::Sender<Happening>,
    stats: Arc<Stats>,
    metrics: Arc<Metrics>,
    outboxes: HashMap<ClientId, Outbox>,
}

impl Hub {
    /// Changes come by an unbounded queue because their senders may neither wait nor lose one; each
    /// is one call of the application's own, not of anyone in the network.
    pub(crate) fn new(
        room: Room,
        registry: Arc<Mutex<Registry>>,
        changes: mpsc::UnboundedReceiver<Change>,
        metrics: Arc<Metrics>,
    ) -> (Self, HubHandle, mpsc::Receiver<Happening>) {
        let (sender, events) = mpsc::channel(MAX_EVENTS);
        let (happenings, on_happening) = mpsc::channel(MAX_HAPPENINGS);
        let stats = Arc::new(Stats::default());
        let handle = HubHandle {
            events: sender,
            next_client: AtomicU64::new(1),
            stats: stats.clone(),
        };
        (
            Self {
                room,
                registry,
                events,
                changes,
                happenings,
                stats,
                metrics,
                outboxes: HashMap::new(),
            },
            handle,
            on_happening,
        )
    }

    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>) {
        loop {
            let deadline = self.room.next_deadline();
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                Some(change) = self.changes.recv() => self.change(change),
                () = until(deadline) => {
                    let actions = self.room.tick(Now::read());
                    self.act(actions);
                }
                Some(event) = self.events.recv() => {
                    // A camera may connect right after it was added: the change goes first.
                    while let Ok(change) = self.changes.try_recv() {
                        self.change(change);
                    }
                    self.event(event);
                }
                else => break,
            }
            self.stats.set(self.room.counts());
        }
    }

    fn change(&mut self, change: Change) {
        let now = Now::read();
        let actions = match change {
            Change::CameraAdded { id, name } => {
                self.room.add_camera(&id, &name);
                return;
            }
            Change::CameraRemoved { id } => self.room.remove_camera(&id, now),
            Change::ViewerSet { rights } => self.room.set_viewer(rights, now),
            Change::ViewerRemoved { id } => self.room.remove_viewer(&id, now),
            Change::Signer(signer) => self.room.set_signer(*signer, now),
        };
        self.act(actions);
    }

    fn event(&mut self, event: Event) {
        let now = Now::read();
        let actions = match event {
            Event::Connected {
                client,
                principal,
                credential,
                address,
                outbox,
            } => {
                self.outboxes.insert(client, outbox);
                let Some(principal) = self.as_of_now(principal, credential) else {
                    let actions = self.room.unauthorized(client);
                    return self.act(actions);
                };
                match &principal {
                    Principal::Camera { id } => {
                        tracing::info!(client = client.0, camera = id, "connected")
                    }
                    Principal::Viewer(v) => {
                        tracing::info!(client = client.0, user = v.user, "connected")
                    }
                }
                self.room.connected(client, principal, address, now)
            }
            Event::Message(client, message, read) => {
                let actions = self.room.message(client, message, now);
                self.act(actions);
                self.metrics.latency.observe(read.elapsed().as_secs_f64());
                return;
            }
            Event::Unreadable(client) => self.room.unreadable(client),
            Event::LoggedOut(client) => self.room.log_out(client, now),
            Event::LoginOver(client) => self.room.login_over(client, now),
            Event::Health(answer) => {
                let _ = answer.send(());
                return;
            }
            Event::Sessions(answer) => {
                let _ = answer.send(self.room.session_infos(now));
                return;
            }
            Event::Cameras(answer) => {
                let _ = answer.send(self.room.camera_infos());
                return;
            }
            Event::EndSession(id, answer) => {
                let (was_there, actions) = self.room.end_session(&id, now);
                let _ = answer.send(was_there);
                actions
            }
            Event::Gone(client) => {
                self.outboxes.remove(&client);
                tracing::info!(client = client.0, "disconnected");
                self.room.gone(client, now)
            }
        };
        self.act(actions);
    }

    /// The credential may have been withdrawn between the HTTP request and now.
    fn as_of_now(&self, was: Principal, credential: Option<SecretDigest>) -> Option<Principal> {
        match credential {
            Some(secret) => lock(&self.registry).identify(&secret),
            None => Some(was),
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        let mut slow = Vec::new();
        for action in actions {
            match action {
                Action::Send(to, message) => {
                    if !self.send(to, &message) {
                        slow.push(to);
                    }
                }
                Action::Drop(client, code) => self.let_go(client, Dropped::Because(code)),
                Action::Note(happening) => {
                    if let Err(TrySendError::Full(_)) = self.happenings.try_send(happening) {
                        self.metrics.unwritten.inc();
                    }
                }
            }
        }
        // Each of these shrinks `outboxes`, so the recursion ends.
        for client in slow {
            if self.outboxes.contains_key(&client) {
                tracing::warn!(
                    client = client.0,
                    "dropped: it does not read what it is sent"
                );
                self.metrics.slow.inc();
                self.let_go(client, Dropped::TooSlow);
                let actions = self.room.gone(client, Now::read());
                self.act(actions);
            }
        }
    }

    /// Whether the client keeps up. One that is gone already does.
    fn send(&self, to: ClientId, message: &Outgoing) -> bool {
        let Some(outbox) = self.outboxes.get(&to) else {
            return true;
        };
        if message.is_expendable() && outbox.is_behind() {
            return true;
        }
        match serde_json::to_string(message) {
            Ok(text) => outbox.push(text.into()),
            Err(error) => {
                tracing::error!(%error, "a message could not be written as JSON");
                true
            }
        }
    }

    fn let_go(&mut self, client: ClientId, why: Dropped) {
        if let Some(outbox) = self.outboxes.remove(&client) {
            let _ = outbox.dropped.send(why);
        }
    }
}

/// Waits for the room's next deadline, or for ever if there is none. It comes early to look at the clock.
async fn until(deadline: Option<std::time::Instant>) {
    match deadline {
        Some(deadline) => {
            sleep_until(Instant::from(deadline).min(Instant::now() + CLOCK_LOOK)).await
        }
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_reads_slowly_is_behind_long_before_its_queue_is_full() {
        let bounds = QueueBounds {
            messages: 64,
            bytes: 64 * 100,
        };
        for size in [1, 700] {
            let (outbox, _inbox, _dropped) = queue(bounds);
            assert!(!outbox.is_behind());
            let message = || Utf8Bytes::from("x".repeat(size));
            let before = (0..64).take_while(|_| !outbox.is_behind() && outbox.push(message()));
            assert!((1..=9).contains(&before.count()));
            assert!(outbox.is_behind() && outbox.push(message()));
        }
    }

    #[tokio::test]
    async fn a_hub_that_does_nothing_or_is_gone_does_not_answer_whether_its_events_fit_or_not() {
        const SOON: Duration = Duration::from_millis(20);
        for room in [1, 2] {
            let (events, taken) = mpsc::channel(room);
            let hub = HubHandle {
                events,
                next_client: AtomicU64::new(0),
                stats: Arc::default(),
            };
            for _ in 0..3 {
                assert!(!hub.answers(SOON).await, "nobody takes up what it is asked");
            }
            drop(taken);
            assert!(!hub.answers(SOON).await, "it is gone");
        }
        let (events, mut taken) = mpsc::channel(1);
        let hub = HubHandle {
            events,
            next_client: AtomicU64::new(0),
            stats: Arc::default(),
        };
        let works = async {
            if let Some(Event::Health(answer)) = taken.recv().await {
                let _ = answer.send(());
            }
        };
        let (answers, ()) = tokio::join!(hub.answers(Duration::from_secs(60)), works);
        assert!(answers);
    }
}
