// SPDX-License-Identifier: MPL-2.0
//! Who is here, who may see whom, and which sessions run: a pure state machine.
//!
//! Something happens to a client, and [`Room`] answers with the list of [`Action`]s that follow from it.
//! It knows no sockets and reads no clock; session and peer ids come from a source given to it. A
//! grant holds a duration and not a time, so the room needs no time at all.
//!
//! Porthole's additions to the wire protocol leave through `Room::send` alone, which holds them
//! back from peers that did not announce themselves.

mod listing;
mod principal;
mod sessions;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use porthole_protocol::grant::GrantSigner;
use porthole_protocol::wire::{
    Announce, Code, Extension, IceServer, IncomingMessage, OutgoingMessage, ToPeer, ToPeerExtra,
    ToServer,
};
use serde_json::Value;

pub use principal::{Cameras, DEFAULT_LEASE_SECONDS, GUEST, Principal, Rights};
use sessions::Session;

/// Cameras that can be enrolled. A fleet of robots fits, and a list of all of them with the largest
/// `meta` stays near one MiB.
pub const MAX_CAMERAS: usize = 1000;
/// Viewers connected at a time, beside which every camera still finds a place: 4072 clients of about
/// 6 KiB each are 24 MiB.
pub const MAX_VIEWERS: usize = 3072;
/// Connections of one user: some browser tabs on some devices, and no more, so that one token cannot
/// take up all the places. Guests are many people under one name and are exempt.
pub const MAX_CONNECTIONS_PER_USER: usize = 64;
/// Sessions of one viewer's connection: a page that shows a wall of 4 by 4 cameras.
pub const MAX_SESSIONS_PER_VIEWER: usize = 16;
/// Sessions of one camera. Its uplink gives out long before; the camera's own `max-viewers` is lower.
pub const MAX_SESSIONS_PER_CAMERA: usize = 64;
/// Size of a camera's `meta` as JSON: a name, a place and some tags. It is sent to every listener.
pub const MAX_META_BYTES: usize = 1024;

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
    /// Sessions that run.
    pub sessions: usize,
}

/// Why a message was not followed: a stable code, and a sentence that says what to do.
struct Refusal(Code, &'static str);

struct Client {
    principal: Principal,
    peer_id: String,
    announced: Option<Announce>,
    listening: bool,
    sessions: BTreeSet<String>,
}

struct Camera {
    name: String,
    client: Option<ClientId>,
    /// Its `meta` while it is listed.
    listed: Option<Value>,
}

/// Where session ids and viewers' peer ids come from. They must be unguessable and never repeat.
pub type IdSource = Box<dyn FnMut() -> String + Send>;

/// The state machine. See the [module](self).
pub struct Room {
    signer: GrantSigner,
    ice_servers: Vec<IceServer>,
    next_id: IdSource,
    cameras: BTreeMap<String, Camera>,
    clients: HashMap<ClientId, Client>,
    sessions: HashMap<String, Session>,
    actions: Vec<Action>,
}

impl Room {
    /// An empty room. `ice_servers` are told to both ends of every session.
    pub fn new(signer: GrantSigner, ice_servers: Vec<IceServer>, next_id: IdSource) -> Self {
        Self {
            signer,
            ice_servers,
            next_id,
            cameras: BTreeMap::new(),
            clients: HashMap::new(),
            sessions: HashMap::new(),
            actions: Vec::new(),
        }
    }

    /// How much is going on.
    pub fn counts(&self) -> Counts {
        let cameras = self
            .cameras
            .values()
            .filter(|camera| camera.listed.is_some())
            .count();
        Counts {
            cameras,
            sessions: self.sessions.len(),
        }
    }

    /// A camera was enrolled, or has another name. The name is shown where the camera gives none itself.
    pub fn add_camera(&mut self, id: &str, name: &str) {
        let camera = Camera {
            name: name.to_owned(),
            client: None,
            listed: None,
        };
        let known = self.cameras.entry(id.to_owned());
        known
            .and_modify(|known| known.name.clone_from(&camera.name))
            .or_insert(camera);
    }

    /// A camera is no longer enrolled: its sessions end with `revoked`, its connection is dropped.
    pub fn remove_camera(&mut self, id: &str) -> Vec<Action> {
        if let Some(client) = self.cameras.get(id).and_then(|camera| camera.client) {
            self.expel(
                client,
                Code::Revoked,
                "this camera was removed from the server",
            );
        }
        self.cameras.remove(id);
        self.take_actions()
    }

    /// A user's credential was withdrawn: the sessions end with `revoked`, the connections are dropped.
    pub fn revoke_viewer(&mut self, user: &str) -> Vec<Action> {
        let mut clients: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, c)| c.is_user(user))
            .map(|(id, _)| *id)
            .collect();
        clients.sort();
        for client in clients {
            self.expel(client, Code::Revoked, "your permission was withdrawn");
        }
        self.take_actions()
    }

    /// The log-in by which a client connected has ended: its sessions end, its connection is dropped.
    pub fn log_out(&mut self, id: ClientId) -> Vec<Action> {
        if self.clients.contains_key(&id) {
            let details = "your log-in has ended: open your link again";
            self.expel(id, Code::Revoked, details);
        }
        self.take_actions()
    }

    /// A client has connected and shown who it is.
    pub fn connected(&mut self, id: ClientId, principal: Principal) -> Vec<Action> {
        if let Err(Refusal(code, details)) = self.admit(id, principal) {
            self.send_error(id, code, details);
            self.actions.push(Action::Drop(id, code));
        }
        self.take_actions()
    }

    /// A client has sent a message.
    pub fn message(&mut self, from: ClientId, message: ToServer) -> Vec<Action> {
        if self.clients.contains_key(&from)
            && let Err(Refusal(code, details)) = self.handle(from, message)
            && !self.is_stale_to_stock_peer(from, code)
        {
            self.send_error(from, code, details);
        }
        self.take_actions()
    }

    /// A candidate that crosses the end of its session on the wire is ordinary, and a stock
    /// `webrtcsink` ends its pipeline at any `error`: as upstream does, say nothing to it.
    fn is_stale_to_stock_peer(&self, to: ClientId, code: Code) -> bool {
        code == Code::NoSuchSession && self.clients.get(&to).is_some_and(|c| c.announced.is_none())
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

    /// A client's connection is gone.
    pub fn gone(&mut self, id: ClientId) -> Vec<Action> {
        self.forget(id, None);
        self.take_actions()
    }

    fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    fn admit(&mut self, id: ClientId, principal: Principal) -> Result<(), Refusal> {
        let peer_id = match &principal {
            Principal::Camera { id: camera_id } => {
                let camera = self.cameras.get(camera_id);
                let camera =
                    camera.ok_or(Refusal(Code::Unauthorized, "the camera is not enrolled"))?;
                if let Some(old) = camera.client {
                    self.expel(
                        old,
                        Code::Replaced,
                        "the same camera connected again elsewhere",
                    );
                }
                camera_id.clone()
            }
            Principal::Viewer(rights) => {
                self.check_room_for(&rights.user)?;
                (self.next_id)()
            }
        };
        if let Principal::Camera { id: camera_id } = &principal
            && let Some(camera) = self.cameras.get_mut(camera_id)
        {
            camera.client = Some(id);
        }
        let client = Client {
            principal,
            peer_id: peer_id.clone(),
            announced: None,
            listening: false,
            sessions: BTreeSet::new(),
        };
        self.clients.insert(id, client);
        self.send(
            id,
            OutgoingMessage::Welcome { peer_id },
            ToPeerExtra::default(),
        );
        Ok(())
    }

    fn check_room_for(&self, user: &str) -> Result<(), Refusal> {
        let viewers = self
            .clients
            .values()
            .filter(|c| matches!(c.principal, Principal::Viewer(_)));
        if viewers.count() >= MAX_VIEWERS {
            return Err(Refusal(
                Code::TooMany,
                "the server is full: try again later",
            ));
        }
        let own = self
            .clients
            .values()
            .filter(|client| client.is_user(user))
            .count();
        if user != GUEST && own >= MAX_CONNECTIONS_PER_USER {
            return Err(Refusal(
                Code::TooMany,
                "too many connections: close some of your pages",
            ));
        }
        Ok(())
    }

    fn handle(&mut self, from: ClientId, message: ToServer) -> Result<(), Refusal> {
        match message.message {
            IncomingMessage::SetPeerStatus(status) => {
                self.set_status(from, status, message.extra.porthole)
            }
            IncomingMessage::List => {
                let producers = self.visible_producers(from);
                self.send(
                    from,
                    OutgoingMessage::List { producers },
                    ToPeerExtra::default(),
                );
                Ok(())
            }
            IncomingMessage::ListConsumers => {
                // Who watches is nobody else's business.
                let answer = OutgoingMessage::ListConsumers {
                    consumers: Vec::new(),
                };
                self.send(from, answer, ToPeerExtra::default());
                Ok(())
            }
            IncomingMessage::StartSession(wanted) => self.start_session(from, wanted),
            IncomingMessage::Peer(message) => self.forward(from, message),
            IncomingMessage::EndSession(end) => {
                self.leave_session(from, &end.session_id, message.extra.reason)
            }
            IncomingMessage::NewPeer => Err(Refusal(
                Code::BadMessage,
                "newPeer is not for clients to send",
            )),
        }
    }

    /// Tells a client why, and closes its connection.
    fn expel(&mut self, id: ClientId, code: Code, details: &'static str) {
        let revoked = (code == Code::Revoked).then_some(code);
        if revoked.is_some() {
            // Unlike one that was replaced, it may still hold the session and has to end it.
            self.tell_own_sessions(id, Code::Revoked);
        }
        self.send_error(id, code, details);
        self.forget(id, revoked);
        self.actions.push(Action::Drop(id, code));
    }

    fn forget(&mut self, id: ClientId, reason: Option<Code>) {
        let Some(client) = self.clients.get(&id) else {
            return;
        };
        match &client.principal {
            Principal::Camera { id: camera_id } => {
                let camera_id = camera_id.clone();
                self.unlist(&camera_id, reason.unwrap_or(Code::CameraGone));
                if let Some(camera) = self.cameras.get_mut(&camera_id) {
                    camera.client = None;
                }
            }
            Principal::Viewer(_) => self.end_all_sessions(id, reason.unwrap_or(Code::ViewerLeft)),
        }
        self.clients.remove(&id);
    }

    fn send_error(&mut self, to: ClientId, code: Code, details: &str) {
        let message = OutgoingMessage::Error {
            details: details.to_owned(),
        };
        self.send(
            to,
            message,
            ToPeerExtra {
                code: Some(code),
                ..ToPeerExtra::default()
            },
        );
    }

    /// The one way out for messages: a stock peer gets them without Porthole's additions.
    fn send(&mut self, to: ClientId, message: OutgoingMessage, extra: ToPeerExtra) {
        let announced = self
            .clients
            .get(&to)
            .is_some_and(|client| client.announced.is_some());
        let extra = if announced {
            extra
        } else {
            ToPeerExtra::default()
        };
        self.actions.push(Action::Send(
            to,
            Outgoing::Peer(Box::new(ToPeer { message, extra })),
        ));
    }
}

const UNKNOWN_SENDER: Refusal = Refusal(Code::Unauthorized, "you are not connected");

impl Client {
    fn rights(&self) -> Option<&Rights> {
        match &self.principal {
            Principal::Viewer(rights) => Some(rights),
            Principal::Camera { .. } => None,
        }
    }

    fn is_user(&self, user: &str) -> bool {
        self.rights().is_some_and(|rights| rights.user == user)
    }
}
