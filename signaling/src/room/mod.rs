// SPDX-License-Identifier: MPL-2.0
//! Who is here, who may see whom, and which sessions run: a pure state machine.
//!
//! Something happens to a client, or it is time for something, and [`Room`] answers with the list of
//! [`Action`]s that follow from it. It knows no sockets and reads no clock: the time is an argument, and
//! [`Room::next_deadline`] says when [`Room::tick`] has something to do. Session and peer ids come from a
//! source given to it.
//!
//! A session outlives the connections of both its ends: `lifetime` says for how long, and `reconcile` how a
//! camera that was away and the room agree again on what runs.
//!
//! Porthole's additions to the wire protocol leave through `Room::send` and `Room::extend` alone, which hold
//! them back from peers that did not announce themselves.

mod admission;
mod called;
mod calls;
mod doors;
mod drives;
mod enrolment;
mod happening;
mod ice;
mod lifetime;
pub(crate) mod limits;
mod listing;
mod nodes;
mod now;
mod present;
mod principal;
mod reconcile;
mod refusal;
mod review;
mod rotation;
mod sessions;
mod sfu;
mod stats;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::ops::Bound::{self, Excluded, Unbounded};
use std::sync::Arc;
use std::time::Instant;

use jiff::Timestamp;
use porthole_protocol::grant::GrantSigner;
use porthole_protocol::wire::{
    ClientExtension, ClientMessage, Code, Extension, IncomingMessage, OutgoingMessage,
    SessionStats, Terms, ToPeer, ToPeerExtra, ToServer, ViewerStats,
};
use serde_json::Value;

pub(crate) use calls::call_perms;
pub use calls::{
    CAMERA_RETURN, CallChange, CallEvent, CandidateSource, Doorbell, Doorbells, Hours,
    LONGEST_CALL, MAX_AFTER, MAX_RECIPIENTS, MEDIA_RETURN, MayOpen, NO_ANSWER, NO_MEDIA, Quiet,
    Rang, RingRefused, Target,
};
use calls::{Calls, Word};
use drives::AuditPace;
pub use happening::{Event, Happening};
pub use ice::{Ice, IceSource, fixed};
pub(crate) use ice::{relay_name, relay_user};
pub use lifetime::VIEWER_RETURN;
pub use limits::{
    MAX_CAMERAS, MAX_CONNECTIONS_PER_USER, MAX_SESSIONS_PER_ADDRESS, MAX_SESSIONS_PER_PERSON,
    MAX_SESSIONS_PER_VIEWER, MAX_VIEWERS,
};
use nodes::{CallsElsewhere, Early, Elsewhere, Fence};
pub use nodes::{ClientId, NODE_RETURN, NodeId, NodeMessage, OwnedCamera, ViewerOfNode};
pub use now::Now;
use present::User;
pub use principal::Principal;
use refusal::{LOGIN_ENDED, LOGIN_OVER, NO_SUCH_SESSION, Refusal, UNKNOWN_SENDER};
pub use sfu::MAX_SFU_SESSIONS_PER_CAMERA;
use sfu::Sfu;
use table::{Ended, Session};

use crate::rights::{ByCamera, Rights, RightsId};

/// What the caller has to do next.
#[derive(Debug)]
pub enum Action {
    /// Send a message to a client.
    Send(ClientId, Outgoing),
    /// Send the same message to each of these.
    SendAll(Vec<ClientId>, Outgoing),
    /// Call [`Room::list_on`] once the client has taken all that it was sent.
    ListOn(ClientId),
    /// Close a client's connection once what it was sent is out. The room has forgotten it already.
    Drop(ClientId, Code),
    /// Tell another server.
    ToNode(NodeId, NodeMessage),
    /// A camera can be watched now, here or at another server, or cannot any more.
    Online(String, bool),
    /// Write down or count what happened. It changes nothing.
    Note(Happening),
}

/// A message to a client.
#[derive(Debug, serde::Serialize)]
#[serde(untagged)]
pub enum Outgoing {
    /// An upstream message.
    Peer(Box<ToPeer>),
    /// One of Porthole's own.
    Extension(Extension),
}

impl Outgoing {
    /// Whether a client that is behind rather loses it than that it waits with the others.
    pub fn is_expendable(&self) -> bool {
        use Extension::{SessionStats, ViewerStats};
        matches!(self, Self::Extension(ViewerStats(_) | SessionStats(_)))
    }

    /// The session that it is about.
    pub fn session(&self) -> Option<&str> {
        use Extension as E;
        use OutgoingMessage as M;
        let session = match self {
            Self::Peer(peer) => match &peer.message {
                M::SessionStarted { session_id, .. } | M::StartSession { session_id, .. } => {
                    session_id
                }
                M::Peer(message) => &message.session_id,
                M::EndSession(end) => &end.session_id,
                _ => return None,
            },
            Self::Extension(own) => match own {
                E::GrantUpdate { session_id, .. } | E::SessionResumed { session_id, .. } => {
                    session_id
                }
                E::ViewerStats(stats) => &stats.session_id,
                E::SessionStats(stats) => &stats.session_id,
                _ => return None,
            },
        };
        Some(session)
    }
}

/// How much is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cameras that are listed.
    pub cameras: usize,
    /// Sessions that run, also those of which one end is away.
    pub sessions: usize,
}

/// A session, as an administrator sees it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct SessionInfo {
    /// Its id.
    pub id: String,
    /// Whose.
    pub user: String,
    /// What a guest wants to be called.
    pub called: Option<String>,
    /// Through which camera.
    pub camera: String,
    /// Since when this server knows of it.
    pub started: Timestamp,
    /// What it may do, and for how long.
    pub terms: Terms,
    /// Whether both its ends are connected to the server.
    pub connected: bool,
    /// What its camera said last of what it sends. Cameras say it while the viewer's page asks.
    pub sent: Option<SessionStats>,
    /// What its viewer said last of what was shown.
    pub shown: Option<ViewerStats>,
}

/// A camera, as an administrator sees it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct CameraInfo {
    /// Its id.
    pub id: String,
    /// Whether it can be watched.
    pub online: bool,
    /// How many sessions it has.
    pub viewers: usize,
}

/// Which end of the wire a client is at.
#[derive(Clone, PartialEq, Eq)]
enum Role {
    /// The camera of this id.
    Camera(String),
    /// A connection of this user.
    Viewer(RightsId),
    /// The way to the SFU.
    Sfu,
}

/// That a client understands Porthole's additions.
struct Announced {
    /// A camera's, without which it can check no grant.
    nonce: Option<String>,
    /// A viewer's that makes the offer when it is asked to.
    offers: bool,
    /// A camera's that knows the permission `door`.
    door: bool,
}

struct Client {
    role: Role,
    /// The network it comes from; see [`network`](crate::network).
    network: IpAddr,
    peer_id: String,
    announced: Option<Announced>,
    /// A camera whose status was taken on this connection.
    registered: bool,
    /// A viewer's whose log-in has come to its end.
    login_over: bool,
    /// What a guest wants to be called.
    called: Option<Arc<str>>,
    /// Of a list that is sent in parts: the last camera that was.
    listed_to: Option<String>,
    /// A viewer's sessions.
    sessions: BTreeSet<String>,
    /// A viewer's sessions that it came back for before their camera did, and those cameras.
    awaited: BTreeMap<String, String>,
    /// Those of its sessions that are at another server, and their cameras.
    elsewhere: BTreeMap<String, String>,
}

struct Camera {
    name: String,
    /// Which server it is connected to.
    fence: Fence,
    /// Its connection to this one.
    client: Option<ClientId>,
    /// Its `meta` while it is listed.
    listed: Option<Listed>,
    sessions: BTreeSet<String>,
    /// Sessions that are over, of which the camera or the viewer may not have heard.
    ended: Ended,
    /// Who waits for which session until the camera is back.
    awaited: BTreeSet<(String, ClientId)>,
    /// Of another server's camera: the sessions of this one's viewers.
    elsewhere: BTreeMap<String, Elsewhere>,
    /// How much may still be written down of who drives there.
    drives: AuditPace,
    /// The same of who opened its door.
    doors: AuditPace,
}

/// A camera's `meta`, and how long that is as JSON.
struct Listed {
    meta: Value,
    bytes: usize,
    /// Whether it is connected to this server.
    here: bool,
}

impl Listed {
    fn new(meta: Value, here: bool) -> Self {
        Self {
            bytes: meta.to_string().len(),
            meta,
            here,
        }
    }
}

/// Where session ids and viewers' peer ids come from. They must be unguessable and never repeat.
pub type IdSource = Box<dyn FnMut() -> String + Send>;

/// All the rights that go by a name at present. Asked for those who come; those who are here are told of changes by
/// [`Room::set_viewer`] and [`Room::remove_viewer`].
pub type RightsSource = Box<dyn Fn(&str) -> Vec<Arc<Rights>> + Send>;

/// The state machine. See the [module](self).
pub struct Room {
    signer: GrantSigner,
    ice: IceSource,
    next_id: IdSource,
    rights: RightsSource,
    guest: Option<Arc<Rights>>,
    /// The latest moment it was told of.
    clock: Now,
    cameras: BTreeMap<String, Camera>,
    users: BTreeMap<RightsId, User>,
    /// Which of these rights are about which camera.
    by_camera: ByCamera,
    clients: HashMap<ClientId, Client>,
    sessions: BTreeMap<String, Session>,
    /// When each session is due, in that order.
    deadlines: BTreeSet<(Instant, String)>,
    /// When the list of each user who is here changes.
    user_deadlines: BTreeSet<(Instant, RightsId)>,
    /// Viewers that hear of cameras.
    listeners: BTreeSet<ClientId>,
    max_viewers: usize,
    viewers: usize,
    shared_viewers: usize,
    listed_cameras: usize,
    /// The other servers that can be reached.
    nodes: BTreeSet<NodeId>,
    /// What they said of cameras of which this one has not heard yet.
    early: Early,
    /// Calls of others' cameras.
    calls_elsewhere: CallsElsewhere,
    /// Viewers of others that may have no session here any more.
    idle_guests: BTreeSet<ClientId>,
    sfu: Option<Sfu>,
    calls: Calls,
    actions: Vec<Action>,
}

impl Room {
    /// An empty room. `ice` says what both ends of a session are told; with `open_access`, those without a
    /// credential may watch too.
    pub fn new(
        signer: GrantSigner,
        ice: IceSource,
        rights: RightsSource,
        open_access: bool,
        next_id: IdSource,
        now: Now,
    ) -> Self {
        Self {
            signer,
            ice,
            next_id,
            rights,
            guest: open_access.then(|| Arc::new(Rights::guest())),
            clock: now,
            cameras: BTreeMap::new(),
            users: BTreeMap::new(),
            by_camera: ByCamera::default(),
            clients: HashMap::new(),
            sessions: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            user_deadlines: BTreeSet::new(),
            listeners: BTreeSet::new(),
            max_viewers: MAX_VIEWERS,
            viewers: 0,
            shared_viewers: 0,
            listed_cameras: 0,
            nodes: BTreeSet::new(),
            early: Early::default(),
            calls_elsewhere: CallsElsewhere::default(),
            idle_guests: BTreeSet::new(),
            sfu: None,
            calls: Calls::new(),
            actions: Vec::new(),
        }
    }

    /// The same for so many viewers at a time.
    #[must_use]
    pub fn with_max_viewers(self, max_viewers: usize) -> Self {
        Self {
            max_viewers,
            ..self
        }
    }

    /// How much is going on.
    pub fn counts(&self) -> Counts {
        Counts {
            cameras: self.listed_cameras,
            sessions: self.sessions.len(),
        }
    }

    /// What so many sessions are up to, by id, those after one.
    pub fn session_infos(&self, after: Option<&str>, most: usize, now: Now) -> Vec<SessionInfo> {
        let sessions = self.sessions.range::<str, _>((beyond(after), Unbounded));
        let infos = sessions.take(most).map(|(id, session)| SessionInfo {
            id: id.clone(),
            user: session.whose.user.to_string(),
            called: session.called.as_deref().map(str::to_owned),
            camera: session.camera_id.clone(),
            started: session.started,
            terms: session.terms(now),
            connected: session.viewer.is_some() && session.camera.is_some(),
            sent: session.sent.clone(),
            shown: session.shown.clone(),
        });
        infos.collect()
    }

    /// What these cameras are up to; those that are not enrolled are left out.
    pub fn camera_infos(&self, ids: &[String]) -> Vec<CameraInfo> {
        let infos = ids.iter().filter_map(|id| {
            let camera = self.cameras.get(id)?;
            Some(CameraInfo {
                id: id.clone(),
                online: camera.listed.is_some(),
                viewers: camera.sessions.len(),
            })
        });
        infos.collect()
    }

    /// A client has sent a message.
    pub fn message(&mut self, from: ClientId, message: ClientMessage, now: Now) -> Vec<Action> {
        self.note(now);
        self.answer(from, message, now);
        self.take_actions()
    }

    fn answer(&mut self, from: ClientId, message: ClientMessage, now: Now) {
        if self.clients.contains_key(&from)
            && let Err(refusal) = self.handle(from, message, now)
            && !self.is_stale(from, refusal.code)
        {
            self.send_error(from, &refusal);
        }
    }

    /// A message that crosses the end of its session on the wire is ordinary. A camera has nothing to do about
    /// it, and a stock `webrtcsink` ends its pipeline at any `error`: as upstream does, say nothing.
    fn is_stale(&self, to: ClientId, code: Code) -> bool {
        code == Code::NoSuchSession
            && self.clients.get(&to).is_some_and(|client| {
                client.announced.is_none() || matches!(client.role, Role::Camera(_))
            })
    }

    /// A client has sent something that is no message of the protocol.
    pub fn unreadable(&mut self, from: ClientId) -> Vec<Action> {
        if self.clients.contains_key(&from) {
            let words = "the message is not one of the protocol's";
            self.send_error(from, &Refusal::new(Code::BadMessage, words));
        }
        self.take_actions()
    }

    fn take_actions(&mut self) -> Vec<Action> {
        self.forget_idle_guests();
        std::mem::take(&mut self.actions)
    }

    fn handle(&mut self, from: ClientId, message: ClientMessage, now: Now) -> Result<(), Refusal> {
        let Some(message) = self.pass_on(from, message)? else {
            return Ok(());
        };
        let ToServer { message, extra } = match message {
            ClientMessage::Peer(message) => *message,
            ClientMessage::Extension(message) => return self.handle_own(from, message, now),
        };
        match message {
            IncomingMessage::SetPeerStatus(status) => {
                self.set_status(from, status, extra.porthole, now)
            }
            IncomingMessage::List => {
                self.list(from, now);
                Ok(())
            }
            IncomingMessage::ListConsumers => {
                // Who watches is nobody else's business.
                let consumers = Vec::new();
                let answer = OutgoingMessage::ListConsumers { consumers };
                self.send(from, answer, ToPeerExtra::default());
                Ok(())
            }
            IncomingMessage::StartSession(wanted) => {
                self.start_session(from, wanted, extra.replaces, now)
            }
            IncomingMessage::Peer(message) => self.forward(from, message),
            IncomingMessage::EndSession(end) => {
                self.leave_session(from, &end.session_id, extra.reason, extra.detail)
            }
            IncomingMessage::NewPeer => Err(Refusal::new(
                Code::BadMessage,
                "newPeer is not for clients to send",
            )),
        }
    }

    /// One of Porthole's own.
    fn handle_own(
        &mut self,
        from: ClientId,
        message: ClientExtension,
        now: Now,
    ) -> Result<(), Refusal> {
        use ClientExtension as E;
        match message {
            E::ResumeSession { peer_id, proof } => self.resume(from, &peer_id, &proof, now),
            E::ViewerStats(stats) => self.viewer_stats(from, stats, now),
            E::SessionStats(stats) => self.session_stats(from, stats, now),
            E::Drive(drive) => self.drive(from, drive, now),
            E::Door(request) => self.door(from, request, now),
            E::Ring(ring) => self.camera_rings(from, ring, now),
            E::EndCall(call) => self.camera_ends_call(from, &call.call_id, now),
            E::AnswerCall(call) => self.call_word(from, &call.call_id, Word::Answer, now),
            E::DeclineCall(call) => self.call_word(from, &call.call_id, Word::Decline, now),
            E::NobodyHome(call) => self.call_word(from, &call.call_id, Word::NobodyHome, now),
            E::HangUp(call) => self.call_word(from, &call.call_id, Word::HangUp, now),
            E::CallMe { name } => self.call_me(from, &name, now),
        }
    }

    fn send_error(&mut self, to: ClientId, refusal: &Refusal) {
        let (details, extra) = refusal.on_the_wire();
        self.send(to, OutgoingMessage::Error { details }, extra);
    }

    fn happened(&mut self, event: Event) {
        let at = self.clock.wall;
        self.actions.push(Action::Note(Happening { at, event }));
    }

    /// The way out for upstream's messages: a stock peer gets them without Porthole's additions.
    fn send(&mut self, to: ClientId, message: OutgoingMessage, extra: ToPeerExtra) {
        let extra = if self.has_announced(to) {
            extra
        } else {
            ToPeerExtra::default()
        };
        let message = Outgoing::Peer(Box::new(ToPeer { message, extra }));
        self.actions.push(Action::Send(to, message));
    }

    /// The way out for Porthole's own messages, of which a stock peer hears nothing.
    fn extend(&mut self, to: ClientId, message: Extension) {
        if self.has_announced(to) {
            self.actions
                .push(Action::Send(to, Outgoing::Extension(message)));
        }
    }

    fn has_announced(&self, client: ClientId) -> bool {
        let client = self.clients.get(&client);
        client.is_some_and(|client| client.announced.is_some())
    }

    /// The user of a viewer's connection; `None` for a camera's.
    fn user_of(&self, client: ClientId) -> Option<&User> {
        match &self.clients.get(&client)?.role {
            Role::Viewer(user) => self.users.get(user),
            Role::Camera(_) | Role::Sfu => None,
        }
    }
}

/// What comes after this key, or everything.
fn beyond(after: Option<&str>) -> Bound<&str> {
    after.map_or(Unbounded, Excluded)
}
