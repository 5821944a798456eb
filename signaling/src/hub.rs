// SPDX-License-Identifier: MPL-2.0
//! The one task that owns the [`Room`], and its clock. It waits for nothing but its inputs and the room's next
//! deadline: a client whose queue is full is dropped, so nobody waits for anyone else's network.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use porthole_protocol::grant::GrantSigner;
use porthole_protocol::wire::ClientMessage;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::cluster::{Member, Turn};
use crate::lock::lock;
use crate::metrics::Metrics;
use crate::queue::{Dropped, Outbox, QueueBounds, Text, viewer_queue};
use crate::registry::{Registry, SecretDigest};
use crate::rights::{Rights, RightsId};
use crate::room::{
    self, Action, CameraInfo, ClientId, Counts, Doorbells, Happening, MAX_CAMERAS, Now, Outgoing,
    Principal, Rang, RingRefused, Room, SessionInfo,
};
use crate::shutdown::stopped;
#[cfg(feature = "cluster")]
use crate::{
    cluster::{Heard, Outbound, Reached, Wire},
    store::Store,
};

/// Events waiting for the room. Clients wait when it is full; the room takes microseconds for each.
const MAX_EVENTS: usize = 1024;
/// Happenings that wait to be written down. A burst of a thousand sessions fits; beyond that they are counted as lost,
/// since nobody who watches may wait for a disk.
const MAX_HAPPENINGS: usize = 4096;
/// What happens in calls that waits to be told to people. A hundred doorbells at once fit, each with all whom it rings.
const MAX_CALL_EVENTS: usize = 8192;
/// How long the database has to say who owns a camera. It tries again elsewhere, or here.
#[cfg(feature = "cluster")]
const DECIDED_WITHIN: Duration = Duration::from_secs(2);
/// How often the room is told the time while something is due at a time of day: the clock may have been set.
const CLOCK_LOOK: Duration = Duration::from_secs(1);
/// The database did not say who owns a camera.
pub(crate) struct Undecided;

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
    /// Who watches what? So many sessions, by id, those after one.
    Sessions(Option<String>, usize, oneshot::Sender<Vec<SessionInfo>>),
    /// How much is sent to viewers, in bit/s?
    Sent(oneshot::Sender<u64>),
    /// What are these cameras up to?
    Cameras(Vec<String>, oneshot::Sender<Vec<CameraInfo>>),
    /// Someone rings a camera's bell by the API. The flag is whether that one may control the camera.
    Ring(
        String,
        String,
        bool,
        oneshot::Sender<Result<Rang, RingRefused>>,
    ),
    /// Someone declines a call by the API. Whether it is one that rings this person.
    DeclineCall {
        user: String,
        call: String,
        answer: oneshot::Sender<bool>,
    },
    /// There is a picture of the press that made this call.
    CallSnapshot(String),
    /// An administrator ends the session of this id. Whose it was, at which camera, if there was one.
    EndSession(String, oneshot::Sender<Option<(String, String)>>),
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
    /// The cameras that can be watched, for those who need not wait for the hub to know.
    pub(crate) online: Arc<Mutex<HashSet<String>>>,
    /// What may wait for a viewer.
    pub(crate) viewer_queue: QueueBounds,
    /// The other servers, if there are any.
    #[cfg(feature = "cluster")]
    pub(crate) others: Option<Others>,
}

/// What a server that is one of several asks before it lets somebody in.
#[cfg(feature = "cluster")]
pub(crate) struct Others {
    store: Arc<dyn Store>,
    pub(crate) nats: Reached,
}

impl HubHandle {
    /// One of several servers, which that store makes one.
    #[cfg(feature = "cluster")]
    pub(crate) fn among_others(self, store: Arc<dyn Store>, nats: Reached) -> Self {
        let others = Some(Others { store, nats });
        Self { others, ..self }
    }

    /// By which fence this server owns a camera that connects, if it is one of several. `Err` if the database does not say.
    pub(crate) async fn fence_of(&self, principal: &Principal) -> Result<Option<u64>, Undecided> {
        #[cfg(feature = "cluster")]
        if let (Some(others), Principal::Camera { id }) = (&self.others, principal) {
            let next = timeout(DECIDED_WITHIN, others.store.next_fence(id)).await;
            return match next {
                Ok(Ok(fence)) => Ok(Some(fence)),
                _ => Err(Undecided),
            };
        }
        let _ = principal;
        Ok(None)
    }

    /// Whether the other servers can be reached, if there are to be any.
    pub(crate) fn reaches_others(&self) -> bool {
        #[cfg(feature = "cluster")]
        if let Some(others) = &self.others {
            return others.nats.get();
        }
        true
    }

    /// Whether somebody new may be let in: not by a server that can reach neither the others nor the database.
    pub(crate) async fn admits(&self) -> bool {
        #[cfg(feature = "cluster")]
        if let Some(others) = self.others.as_ref().filter(|others| !others.nats.get()) {
            let database = timeout(DECIDED_WITHIN, others.store.ping()).await;
            return matches!(database, Ok(Ok(())));
        }
        true
    }

    /// One for so many cameras.
    pub(crate) fn for_cameras(self, cameras: usize) -> Self {
        Self {
            viewer_queue: viewer_queue(cameras),
            ..self
        }
    }

    pub(crate) fn new_client(&self) -> ClientId {
        ClientId::here(self.next_client.fetch_add(1, Relaxed))
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
        let handle = HubHandle {
            events: sender,
            next_client: AtomicU64::new(1),
            stats: stats.clone(),
            online: online.clone(),
            viewer_queue: viewer_queue(MAX_CAMERAS),
            #[cfg(feature = "cluster")]
            others: None,
        };
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
                Some(event) = self.events.recv() => {
                    // A camera may connect right after it was added: the change goes first.
                    while let Ok(change) = self.changes.try_recv() {
                        self.change(change);
                    }
                    self.event(event);
                }
                turn = next_of(&mut self.cluster) => self.of_others(turn),
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
            Event::Sessions(after, most, answer) => {
                let infos = self.room.session_infos(after.as_deref(), most, now);
                let _ = answer.send(infos);
                return;
            }
            Event::Sent(answer) => {
                let _ = answer.send(self.room.sent());
                return;
            }
            Event::Cameras(ids, answer) => {
                let _ = answer.send(self.room.camera_infos(&ids));
                return;
            }
            Event::Ring(camera, by, may, answer) => {
                let (rang, actions) = self.room.ring(&camera, &by, may, now);
                let _ = answer.send(rang);
                actions
            }
            Event::DeclineCall { user, call, answer } => {
                let (is_there, actions) = self.room.decline(&user, &call, now);
                let _ = answer.send(is_there);
                actions
            }
            Event::CallSnapshot(call) => self.room.call_has_snapshot(&call, now),
            Event::EndSession(id, answer) => {
                let (was_there, actions) = self.room.end_session(&id, now);
                let whose = actions.iter().find_map(ended).unwrap_or_default();
                let _ = answer.send(was_there.then_some(whose));
                actions
            }
            Event::Gone(client) => {
                self.outboxes.remove(&client);
                tracing::info!(client = client.number, "disconnected");
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

#[cfg(feature = "cluster")]
impl Hub {
    /// Something comes of the other servers, or it is time to say to them that this one is there.
    fn of_others(&mut self, turn: Turn) {
        let now = std::time::Instant::now();
        let Some(member) = &mut self.cluster else {
            return;
        };
        let heard = match turn {
            Turn::Beat => member.links.tick(now),
            Turn::Wire(Wire::Frame(frame)) => member.links.heard(*frame, now),
            Turn::Wire(Wire::Presence(id)) => member.links.presence(&id, now),
            Turn::Wire(Wire::Broke) => member.links.broke_all(now),
        };
        self.heard(heard);
    }

    fn heard(&mut self, all: Vec<Heard>) {
        for heard in all {
            let now = Now::read();
            let actions = match heard {
                Heard::Send(frame) => {
                    self.send_frame(frame);
                    continue;
                }
                Heard::Found(node) => self.room.node_found(node, now),
                Heard::Lost(node) => self.room.node_lost(node, now),
                Heard::Room(node, message) => self.room.node_message(node, message, now),
                Heard::Tell(node, tell) => {
                    let session = tell.session.as_deref();
                    let clients = tell.clients.into_iter();
                    let may = clients.filter(|client| self.room.may_hear(*client, session, node));
                    let to: Vec<_> = may.map(ClientId::here).collect();
                    let mut slow = Vec::new();
                    self.push(&to, &tell.text.into(), tell.expendable, &mut slow);
                    self.drop_slow(slow);
                    continue;
                }
            };
            self.act(actions);
        }
    }

    /// What is for other servers goes there.
    fn pass(&mut self, action: Action) -> Option<Action> {
        let Some(member) = &mut self.cluster else {
            return Some(action);
        };
        let mut frames = Vec::new();
        let own = member
            .links
            .pass(action, std::time::Instant::now(), &mut frames);
        for frame in frames {
            self.send_frame(frame);
        }
        own
    }

    /// Nobody waits for another server: what finds no room ends the link, and what is said on the next finds some.
    fn send_frame(&mut self, frame: Outbound) {
        let Some(member) = &mut self.cluster else {
            return;
        };
        let to = frame.to.clone();
        if !member.send(frame) {
            tracing::warn!("NATS does not take what other servers are told");
            let heard = member.links.broke(&to, std::time::Instant::now());
            self.heard(heard);
        }
    }
}

#[cfg(not(feature = "cluster"))]
impl Hub {
    fn of_others(&mut self, turn: Turn) {
        match turn {}
    }

    fn pass(&mut self, action: Action) -> Option<Action> {
        Some(action)
    }
}

#[cfg(not(feature = "cluster"))]
async fn next_of(_: &mut Option<Member>) -> Turn {
    pending().await
}

#[cfg(feature = "cluster")]
async fn next_of(cluster: &mut Option<Member>) -> Turn {
    match cluster {
        Some(member) => member.next().await,
        None => pending().await,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hub_that_does_nothing_or_is_gone_does_not_answer_whether_its_events_fit_or_not() {
        const SOON: Duration = Duration::from_millis(20);
        for room in [1, 2] {
            let (events, taken) = mpsc::channel(room);
            let hub = HubHandle {
                events,
                next_client: AtomicU64::new(0),
                stats: Arc::default(),
                online: Arc::default(),
                viewer_queue: viewer_queue(1),
                #[cfg(feature = "cluster")]
                others: None,
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
            online: Arc::default(),
            viewer_queue: viewer_queue(1),
            #[cfg(feature = "cluster")]
            others: None,
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
