// SPDX-License-Identifier: MPL-2.0
//! The one task that owns the [`Room`]. It waits for nothing but its inputs: a client whose queue is
//! full is dropped, so nobody waits for anyone else's network.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use axum::extract::ws::Utf8Bytes;
use porthole_protocol::wire::{Code, ToServer};
use tokio::sync::{mpsc, oneshot, watch};

use crate::lock::lock;
use crate::registry::{Registry, SecretDigest};
use crate::room::{Action, ClientId, Counts, Outgoing, Principal, Room};
use crate::shutdown::stopped;

/// Events waiting for the room. Clients wait when it is full; the room takes microseconds for each.
const MAX_EVENTS: usize = 1024;
/// Messages waiting for one client: the candidates of 64 sessions that start together.
const MAX_QUEUED_MESSAGES: usize = 1024;
/// Bytes waiting for one client: one list of every camera fits, twice, and a client that does not
/// read costs no more.
const MAX_QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// What happens to a client.
pub(crate) enum Event {
    /// It connected. `credential` is `None` for a guest.
    Connected {
        client: ClientId,
        principal: Principal,
        credential: Option<SecretDigest>,
        outbox: Outbox,
    },
    Message(ClientId, Box<ToServer>),
    Unreadable(ClientId),
    Gone(ClientId),
}

/// What the application that runs the server changes.
pub(crate) enum Change {
    CameraAdded { id: String, name: String },
    CameraRemoved { id: String },
    ViewerRevoked { user: String },
}

/// Why the hub let go of a client.
pub(crate) enum Dropped {
    Because(Code),
    TooSlow,
}

/// The hub's end of a client's queue.
pub(crate) struct Outbox {
    messages: mpsc::Sender<Utf8Bytes>,
    queued_bytes: Arc<AtomicUsize>,
    dropped: oneshot::Sender<Dropped>,
}

/// The socket's end of it.
pub(crate) struct Inbox {
    messages: mpsc::Receiver<Utf8Bytes>,
    queued_bytes: Arc<AtomicUsize>,
}

/// Makes a client's queue, and the signal that the hub has let go of the client.
pub(crate) fn queue() -> (Outbox, Inbox, oneshot::Receiver<Dropped>) {
    let (sender, receiver) = mpsc::channel(MAX_QUEUED_MESSAGES);
    let (dropped, on_drop) = oneshot::channel();
    let queued_bytes = Arc::new(AtomicUsize::new(0));
    let outbox = Outbox {
        messages: sender,
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
    /// Whether there was room for it.
    fn push(&self, message: Utf8Bytes) -> bool {
        let bytes = message.len();
        let queued = self.queued_bytes.fetch_add(bytes, Relaxed);
        queued + bytes <= MAX_QUEUED_BYTES && self.messages.try_send(message).is_ok()
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

/// How much is going on, for `/health`.
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
    stats: Arc<Stats>,
    outboxes: HashMap<ClientId, Outbox>,
}

impl Hub {
    /// Changes come by an unbounded queue because their senders may neither wait nor lose one; each
    /// is one call of the application's own, not of anyone in the network.
    pub(crate) fn new(
        room: Room,
        registry: Arc<Mutex<Registry>>,
        changes: mpsc::UnboundedReceiver<Change>,
    ) -> (Self, HubHandle) {
        let (sender, events) = mpsc::channel(MAX_EVENTS);
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
                stats,
                outboxes: HashMap::new(),
            },
            handle,
        )
    }

    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>) {
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                Some(change) = self.changes.recv() => self.change(change),
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
        let actions = match change {
            Change::CameraAdded { id, name } => {
                self.room.add_camera(&id, &name);
                return;
            }
            Change::CameraRemoved { id } => self.room.remove_camera(&id),
            Change::ViewerRevoked { user } => self.room.revoke_viewer(&user),
        };
        self.act(actions);
    }

    fn event(&mut self, event: Event) {
        let actions = match event {
            Event::Connected {
                client,
                principal,
                credential,
                outbox,
            } => {
                let Some(principal) = self.as_of_now(principal, credential) else {
                    let _ = outbox.dropped.send(Dropped::Because(Code::Unauthorized));
                    return;
                };
                match &principal {
                    Principal::Camera { id } => {
                        tracing::info!(client = client.0, camera = id, "connected")
                    }
                    Principal::Viewer(v) => {
                        tracing::info!(client = client.0, user = v.user, "connected")
                    }
                }
                self.outboxes.insert(client, outbox);
                self.room.connected(client, principal)
            }
            Event::Message(client, message) => self.room.message(client, *message),
            Event::Unreadable(client) => self.room.unreadable(client),
            Event::Gone(client) => {
                self.outboxes.remove(&client);
                tracing::info!(client = client.0, "disconnected");
                self.room.gone(client)
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
            }
        }
        // Each of these shrinks `outboxes`, so the recursion ends.
        for client in slow {
            if self.outboxes.contains_key(&client) {
                tracing::warn!(
                    client = client.0,
                    "dropped: it does not read what it is sent"
                );
                self.let_go(client, Dropped::TooSlow);
                let actions = self.room.gone(client);
                self.act(actions);
            }
        }
    }

    /// Whether the client keeps up. One that is gone already does.
    fn send(&self, to: ClientId, message: &Outgoing) -> bool {
        let Some(outbox) = self.outboxes.get(&to) else {
            return true;
        };
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
