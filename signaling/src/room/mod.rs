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
mod enrolment;
mod lifetime;
pub(crate) mod limits;
mod listing;
mod principal;
mod reconcile;
mod sessions;
mod table;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Instant;

use porthole_protocol::grant::GrantSigner;
use porthole_protocol::wire::{
    ClientExtension, ClientMessage, Code, Extension, IceServer, IncomingMessage, OutgoingMessage,
    ToPeer, ToPeerExtra, ToServer,
};
use serde_json::Value;

pub use lifetime::VIEWER_RETURN;
pub use limits::{
    MAX_CAMERAS, MAX_CONNECTIONS_PER_USER, MAX_SESSIONS_PER_ADDRESS, MAX_SESSIONS_PER_PERSON,
    MAX_SESSIONS_PER_VIEWER, MAX_SHARED_VIEWERS, MAX_VIEWERS,
};
pub use principal::{Cameras, DEFAULT_LEASE_SECONDS, GUEST, Principal, Rights};
use table::{Ended, Session};

/// A connected client, as the caller numbers them. A number is never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// What the caller has to do next.
#[derive(Debug)]
pub enum Action {
    /// Send a message to a client.
    Send(ClientId, Outgoing),
    /// Close a client's connection once what it was sent is out. The room has forgotten it already.
    Drop(ClientId, Code),
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

/// How much is going on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Cameras that are listed.
    pub cameras: usize,
    /// Sessions that run, also those of which one end is away.
    pub sessions: usize,
}

/// Why a message was not followed: a stable code, and a sentence that says what to do.
#[derive(Debug)]
struct Refusal(Code, &'static str);

const UNKNOWN_SENDER: Refusal = Refusal(Code::Unauthorized, "you are not connected");

/// Which end of the wire a client is at.
#[derive(Clone, PartialEq, Eq)]
enum Role {
    /// The camera of this id.
    Camera(String),
    /// A connection of this user.
    Viewer(String),
}

/// That a client understands Porthole's additions.
struct Announced {
    /// A camera's, without which it can check no grant.
    nonce: Option<String>,
}

struct Client {
    role: Role,
    /// The network it comes from; see [`network`](crate::network).
    network: IpAddr,
    peer_id: String,
    announced: Option<Announced>,
    /// A camera whose status was taken on this connection.
    registered: bool,
    /// A viewer's sessions.
    sessions: BTreeSet<String>,
    /// A viewer's sessions that it came back for before their camera did, and those cameras.
    awaited: BTreeMap<String, String>,
}

struct Camera {
    name: String,
    client: Option<ClientId>,
    /// Its `meta` while it is listed.
    listed: Option<Value>,
    sessions: BTreeSet<String>,
    /// Sessions that are over, of which the camera or the viewer may not have heard.
    ended: Ended,
    /// Who waits for which session until the camera is back.
    awaited: BTreeSet<(String, ClientId)>,
}

/// Someone who may connect as a viewer.
struct User {
    rights: Rights,
    connections: BTreeSet<ClientId>,
    sessions: BTreeSet<String>,
}

/// Where session ids and viewers' peer ids come from. They must be unguessable and never repeat.
pub type IdSource = Box<dyn FnMut() -> String + Send>;

/// The state machine. See the [module](self).
pub struct Room {
    signer: GrantSigner,
    ice_servers: Vec<IceServer>,
    next_id: IdSource,
    cameras: BTreeMap<String, Camera>,
    users: BTreeMap<String, User>,
    clients: HashMap<ClientId, Client>,
    sessions: HashMap<String, Session>,
    /// When each session is due, in that order.
    deadlines: BTreeSet<(Instant, String)>,
    /// Viewers that hear of cameras.
    listeners: BTreeSet<ClientId>,
    viewers: usize,
    shared_viewers: usize,
    listed_cameras: usize,
    actions: Vec<Action>,
}

impl Room {
    /// An empty room. `ice_servers` are told to both ends of every session; with `open_access`, those without
    /// a credential may watch too.
    pub fn new(
        signer: GrantSigner,
        ice_servers: Vec<IceServer>,
        open_access: bool,
        next_id: IdSource,
    ) -> Self {
        let guest = open_access.then(|| (GUEST.to_owned(), User::new(Rights::guest())));
        Self {
            signer,
            ice_servers,
            next_id,
            cameras: BTreeMap::new(),
            users: guest.into_iter().collect(),
            clients: HashMap::new(),
            sessions: HashMap::new(),
            deadlines: BTreeSet::new(),
            listeners: BTreeSet::new(),
            viewers: 0,
            shared_viewers: 0,
            listed_cameras: 0,
            actions: Vec::new(),
        }
    }

    /// How much is going on.
    pub fn counts(&self) -> Counts {
        Counts {
            cameras: self.listed_cameras,
            sessions: self.sessions.len(),
        }
    }

    /// A client has sent a message.
    pub fn message(&mut self, from: ClientId, message: ClientMessage, now: Instant) -> Vec<Action> {
        if self.clients.contains_key(&from)
            && let Err(Refusal(code, details)) = self.handle(from, message, now)
            && !self.is_stale(from, code)
        {
            self.send_error(from, code, details);
        }
        self.take_actions()
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
            self.send_error(
                from,
                Code::BadMessage,
                "the message is not one of the protocol's",
            );
        }
        self.take_actions()
    }

    fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    fn handle(
        &mut self,
        from: ClientId,
        message: ClientMessage,
        now: Instant,
    ) -> Result<(), Refusal> {
        let ToServer { message, extra } = match message {
            ClientMessage::Peer(message) => *message,
            ClientMessage::Extension(ClientExtension::ResumeSession { peer_id, proof }) => {
                return self.resume(from, &peer_id, &proof, now);
            }
        };
        match message {
            IncomingMessage::SetPeerStatus(status) => {
                self.set_status(from, status, extra.porthole, now)
            }
            IncomingMessage::List => {
                let producers = self.visible_producers(from);
                let list = OutgoingMessage::List { producers };
                self.send(from, list, ToPeerExtra::default());
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
                self.leave_session(from, &end.session_id, extra.reason)
            }
            IncomingMessage::NewPeer => Err(Refusal(
                Code::BadMessage,
                "newPeer is not for clients to send",
            )),
        }
    }

    fn send_error(&mut self, to: ClientId, code: Code, details: &str) {
        let details = details.to_owned();
        let extra = ToPeerExtra {
            code: Some(code),
            ..ToPeerExtra::default()
        };
        self.send(to, OutgoingMessage::Error { details }, extra);
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
            Role::Camera(_) => None,
        }
    }
}

impl User {
    fn new(rights: Rights) -> Self {
        Self {
            rights,
            connections: BTreeSet::new(),
            sessions: BTreeSet::new(),
        }
    }
}
