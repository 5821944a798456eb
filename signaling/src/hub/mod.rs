// SPDX-License-Identifier: MPL-2.0
//! The one task that owns the [`Room`], and its clock. It waits for nothing but its inputs and the room's next
//! deadline: a client whose queue is full is dropped, so nobody waits for anyone else's network.
//!
//! - `handle` is the way to it;
//! - `others` is about the other servers, where several are one.

mod handle;
mod others;

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use porthole_protocol::grant::GrantSigner;
use porthole_protocol::wire::ClientMessage;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};

pub(crate) use handle::{HubHandle, Stats};
use others::next_of;

use crate::cluster::{Answer, Member, NodeInfo, Question};
use crate::lock::lock;
use crate::machine::machine_name;
use crate::metrics::Metrics;
use crate::queue::{Dropped, Outbox, Text};
use crate::registry::{Registry, SecretDigest};
use crate::rights::{Rights, RightsId};
use crate::room::{self, Action, ClientId, Doorbells, Happening, Now, Outgoing, Principal, Room};
use crate::shutdown::stopped;

/// Of this program, as others are told it.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Events waiting for the room. Clients wait when it is full; the room takes microseconds for each.
const MAX_EVENTS: usize = 1024;
/// Happenings that wait to be written down. A burst of a thousand sessions fits; beyond that they are counted as lost,
/// since nobody who watches may wait for a disk.
const MAX_HAPPENINGS: usize = 4096;
/// What happens in calls that waits to be told to people. A hundred doorbells at once fit, each with all whom it rings.
const MAX_CALL_EVENTS: usize = 8192;
/// How often the room is told the time while something is due at a time of day: the clock may have been set.
const CLOCK_LOOK: Duration = Duration::from_secs(1);

/// What happens to a client.
pub(crate) enum Event {
    /// It connected. `credential` is `None` for a guest.
    Connected {
        client: ClientId,
        principal: Principal,
        credential: Option<SecretDigest>,
        /// Of a camera, where several servers are one: by which this one owns it.
        fence: Option<u64>,
        address: IpAddr,
        outbox: Outbox,
    },
    /// The client that speaks to the SFU is there; of each camera so many viewers watch that itself.
    #[cfg(feature = "adapters")]
    SfuConnected {
        client: ClientId,
        from_viewers: usize,
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
    /// It has taken all that it was sent, and there is more of its list.
    ListOn(ClientId),
    /// How much is sent to viewers, in bit/s?
    Sent(oneshot::Sender<u64>),
    /// The API asks, of all servers.
    Ask(Question, oneshot::Sender<Answer>),
    /// So many clients are to go to other servers; how many are left. `None` if there are no others.
    MoveOn(usize, oneshot::Sender<Option<usize>>),
    /// There is a picture of the press that made this call.
    CallSnapshot(String),
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
        rights: Arc<Rights>,
    },
    ViewerRemoved {
        id: RightsId,
    },
    /// Grants are signed by the next key.
    Signer(Box<GrantSigner>),
    /// Doorbells ring others.
    Doorbells(Box<Doorbells>),
}

/// What happens in the room.
pub(crate) struct Happenings {
    /// All of it, to be written down.
    pub(crate) all: mpsc::Receiver<Happening>,
    /// That in calls, which waits for no disk.
    pub(crate) of_calls: mpsc::Receiver<Happening>,
}

/// The hub before it runs.
pub(crate) struct Hub {
    room: Room,
    registry: Arc<Mutex<Registry>>,
    events: mpsc::Receiver<Event>,
    changes: mpsc::UnboundedReceiver<Change>,
    happenings: mpsc::Sender<Happening>,
    /// What happens in calls, for those who tell people of it.
    call_events: mpsc::Sender<Happening>,
    stats: Arc<Stats>,
    online: Arc<Mutex<HashSet<String>>>,
    metrics: Arc<Metrics>,
    outboxes: HashMap<ClientId, Outbox>,
    cluster: Option<Member>,
    /// Has the clients go elsewhere, and whether they are on their way.
    drain: Arc<Notify>,
    drains: Arc<AtomicBool>,
}

impl Hub {
    /// Changes come by an unbounded queue because their senders may neither wait nor lose one; each
    /// is one call of the application's own, not of anyone in the network.
    pub(crate) fn new(
        room: Room,
        registry: Arc<Mutex<Registry>>,
        changes: mpsc::UnboundedReceiver<Change>,
        metrics: Arc<Metrics>,
    ) -> (Self, HubHandle, Happenings) {
        let (sender, events) = mpsc::channel(MAX_EVENTS);
        let (happenings, on_happening) = mpsc::channel(MAX_HAPPENINGS);
        let (call_events, on_call) = mpsc::channel(MAX_CALL_EVENTS);
        let stats = Arc::new(Stats::default());
        let online = Arc::<Mutex<HashSet<String>>>::default();
        let handle = HubHandle::new(sender, stats.clone(), online.clone());
        (
            Self {
                room,
                registry,
                events,
                changes,
                happenings,
                call_events,
                stats,
                online,
                metrics,
                outboxes: HashMap::new(),
                cluster: None,
                drain: handle.drain_asked.clone(),
                drains: handle.drains.clone(),
            },
            handle,
            Happenings {
                all: on_happening,
                of_calls: on_call,
            },
        )
    }

    /// The same as one of several servers.
    #[cfg(feature = "cluster")]
    pub(crate) fn among_others(self, member: Member) -> Self {
        let cluster = Some(member);
        Self { cluster, ..self }
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
                // Before the clients, so that others do not miss this server while it is busy. What waits there is bounded.
                turn = next_of(&mut self.cluster) => self.of_others(turn),
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
        #[cfg(feature = "cluster")]
        if let Some(member) = &mut self.cluster {
            for bye in member.links.bye() {
                member.send(bye);
            }
        }
    }

    fn change(&mut self, change: Change) {
        let now = Now::read();
        let actions = match change {
            Change::CameraAdded { id, name } => self.room.add_camera(&id, &name),
            Change::CameraRemoved { id } => self.room.remove_camera(&id, now),
            Change::ViewerSet { rights } => self.room.set_viewer(rights, now),
            Change::ViewerRemoved { id } => self.room.remove_viewer(&id, now),
            Change::Signer(signer) => self.room.set_signer(*signer, now),
            Change::Doorbells(doorbells) => self.room.set_doorbells(*doorbells, now),
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
                fence,
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
                        tracing::info!(client = client.number, camera = id, "connected")
                    }
                    Principal::Viewer(v) => {
                        tracing::info!(client = client.number, user = &*v.user, "connected")
                    }
                }
                if let (Principal::Camera { id }, Some(fence)) = (&principal, fence) {
                    self.room.claimed(id, fence);
                }
                self.room.connected(client, principal, address, now)
            }
            #[cfg(feature = "adapters")]
            Event::SfuConnected {
                client,
                from_viewers,
                outbox,
            } => {
                self.outboxes.insert(client, outbox);
                self.room.sfu_connected(client, from_viewers, now)
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
            Event::ListOn(client) => self.room.list_on(client, now),
            Event::Ask(question, done) => return self.ask(question, done, now),
            Event::Sent(answer) => {
                let _ = answer.send(self.room.sent());
                return;
            }
            Event::MoveOn(most, answer) => {
                let _ = answer.send(self.move_on(most, now));
                return;
            }
            Event::CallSnapshot(call) => self.room.call_has_snapshot(&call, now),
            Event::Gone(client) => {
                self.outboxes.remove(&client);
                tracing::info!(client = client.number, "disconnected");
                self.room.gone(client, now)
            }
        };
        self.act(actions);
    }

    fn node_info(&self) -> NodeInfo {
        let counts = self.room.counts();
        NodeInfo {
            id: self.own_id().cloned().unwrap_or_default(),
            name: machine_name(),
            version: VERSION.to_owned(),
            cameras: counts.cameras,
            sessions: counts.sessions,
            connections: self.outboxes.len(),
            drains: self.drains.load(Relaxed),
        }
    }

    /// What this server's room says.
    fn answer(&mut self, question: &Question, now: Now) -> (Answer, Vec<Action>) {
        let room = &mut self.room;
        match question {
            Question::Sessions(after, most) => {
                let infos = room.session_infos(after.as_deref(), *most, now);
                (Answer::Sessions(infos), Vec::new())
            }
            Question::Cameras(ids) => (Answer::Cameras(room.camera_infos(ids)), Vec::new()),
            Question::EndSession(id) => {
                let (was_there, actions) = room.end_session(id, now);
                let whose = actions.iter().find_map(ended).unwrap_or_default();
                (Answer::Ended(was_there.then_some(whose)), actions)
            }
            Question::Ring(camera, by, may) => {
                let (rang, actions) = room.ring(camera, by, *may, now);
                (Answer::Rang(rang), actions)
            }
            Question::Node => (Answer::Nodes(vec![self.node_info()]), Vec::new()),
            Question::Drain(id) => {
                let is_this = self.own_id() == Some(id);
                if is_this {
                    self.drain.notify_one();
                }
                (Answer::Drains(is_this), Vec::new())
            }
            Question::Decline(user, call) => {
                let (is_there, actions) = room.decline(user, call, now);
                (Answer::Declined(is_there), actions)
            }
        }
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
            let Some(action) = self.pass(action) else {
                continue;
            };
            match action {
                Action::Send(to, message) => self.send(&[to], &message, &mut slow),
                Action::SendAll(to, message) => self.send(&to, &message, &mut slow),
                Action::ListOn(client) => self.list_on(client),
                Action::Drop(client, code) => self.let_go(client, Dropped::Because(code)),
                Action::Online(camera, online) => self.note_online(camera, online),
                // There are no others.
                Action::ToNode(..) => (),
                Action::Note(happening) => {
                    self.note_call(&happening);
                    if let Err(TrySendError::Full(_)) = self.happenings.try_send(happening) {
                        self.metrics.unwritten.inc();
                    }
                }
            }
        }
        self.drop_slow(slow);
    }

    /// Each of these shrinks `outboxes`, so the recursion ends.
    fn drop_slow(&mut self, slow: Vec<ClientId>) {
        for client in slow {
            if self.outboxes.contains_key(&client) {
                tracing::warn!(
                    client = client.number,
                    "dropped: it does not read what it is sent"
                );
                self.metrics.slow.inc();
                self.let_go(client, Dropped::TooSlow);
                let actions = self.room.gone(client, Now::read());
                self.act(actions);
            }
        }
    }

    /// Says the same to each of these, and finds out who does not keep up.
    fn send(&self, to: &[ClientId], message: &Outgoing, slow: &mut Vec<ClientId>) {
        if !to.iter().any(|client| self.outboxes.contains_key(client)) {
            return;
        }
        match serde_json::to_string(message) {
            Ok(text) => self.push(to, &text.into(), message.is_expendable(), slow),
            Err(error) => tracing::error!(%error, "a message could not be written as JSON"),
        }
    }

    fn push(&self, to: &[ClientId], text: &Text, expendable: bool, slow: &mut Vec<ClientId>) {
        for client in to {
            let Some(outbox) = self.outboxes.get(client) else {
                continue;
            };
            if expendable && outbox.is_behind() {
                continue;
            }
            if !outbox.push(text.clone()) {
                slow.push(*client);
            }
        }
    }

    /// Has the rest of a list asked for, once its reader has taken what is before it.
    fn list_on(&self, client: ClientId) {
        if let Some(outbox) = self.outboxes.get(&client) {
            outbox.ask_when_empty();
        }
    }

    /// Before it is written down, since somebody waits at a door.
    fn note_call(&self, happening: &Happening) {
        if matches!(happening.event, room::Event::Call(_))
            && let Err(TrySendError::Full(_)) = self.call_events.try_send(happening.clone())
        {
            self.metrics.unwritten.inc();
        }
    }

    fn note_online(&self, camera: String, online: bool) {
        let mut all = lock(&self.online);
        match online {
            true => all.insert(camera),
            false => all.remove(&camera),
        };
    }

    fn let_go(&mut self, client: ClientId, why: Dropped) {
        if let Some(outbox) = self.outboxes.remove(&client) {
            outbox.drop_because(why);
        }
    }
}

/// Whose session ended, and at which camera.
fn ended(action: &Action) -> Option<(String, String)> {
    match action {
        Action::Note(Happening {
            event: room::Event::SessionEnded { user, camera, .. },
            ..
        }) => Some((user.clone(), camera.clone())),
        _ => None,
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
