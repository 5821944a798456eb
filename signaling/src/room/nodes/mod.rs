// SPDX-License-Identifier: MPL-2.0
//! Several servers are one service: each has a room, and they tell each other what the others need to know.
//!
//! The room of the server a camera is connected to decides about that camera: its *owner*. A viewer of another server is a
//! client of the owner's room like any other, with that server in its [`ClientId`]; the room of its own server, its *home*,
//! passes on what it says of such sessions and what it is told. So there is one table of each camera's sessions, wherever
//! those who watch are connected.
//!
//! Which of two servers owns a camera says a fence, a number that grows with each connection of the camera to any of them and
//! is given by the one database: the higher one counts, and what an older owner says of the camera has no effect.
//!
//! What servers tell each other arrives in order or not at all: `crate::cluster` sees to it that a message which is lost ends
//! the link, which is [`Room::node_lost`], and begins another, which is [`Room::node_found`]. A link that broke is what a
//! broken connection is to the viewers behind it: their sessions run on and wait for them.
//!
//! - `message` is what they tell each other;
//! - `directory` says which cameras are where;
//! - `calls` are those of other servers' cameras that ring people here;
//! - `home` is about the viewers of this server whose sessions are elsewhere, `guest` about those of others who are here.

mod calls;
mod directory;
mod guest;
mod home;
mod message;

use std::fmt;
use std::time::Duration;

pub(super) use calls::CallsElsewhere;
pub(super) use directory::{Early, Fence};
pub(super) use home::Elsewhere;
pub use message::{NodeMessage, OwnedCamera, ViewerOfNode};

use super::lifetime::VIEWER_RETURN;
use super::now::Now;
use super::{Action, Role, Room};

/// How long a session waits for a viewer whose server cannot be reached. Longer than for one whose own connection broke: the
/// picture may well go on, and its camera ends it where nobody takes it (RFC 7675, 30 s). An operator mends a network meanwhile.
pub const NODE_RETURN: Duration = Duration::from_secs(600);

/// One of the servers, as this one numbers them. A number is never given twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    /// This one.
    pub const HERE: Self = Self(0);
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HERE => f.write_str("here"),
            Self(number) => write!(f, "node {number}"),
        }
    }
}

/// A connected client: the server it is connected to, and its number there, which is never given twice.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientId {
    /// Where it is connected.
    pub node: NodeId,
    /// Its number there.
    pub number: u64,
}

impl ClientId {
    /// A client of this server.
    pub const fn here(number: u64) -> Self {
        Self {
            node: NodeId::HERE,
            number,
        }
    }

    pub(super) fn is_here(self) -> bool {
        self.node == NodeId::HERE
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "client {} {:?}", self.number, self.node)
    }
}

impl Room {
    /// A link to this server stands: it is told which cameras are here. What it owns it tells itself.
    pub fn node_found(&mut self, node: NodeId, now: Now) -> Vec<Action> {
        self.note(now);
        self.nodes.insert(node);
        self.tell_owned(node);
        self.tell_all_calls();
        self.forget_calls_elsewhere(now);
        self.take_actions()
    }

    /// The link to this server is gone: it was ended, or cannot be reached.
    pub fn node_lost(&mut self, node: NodeId, now: Now) -> Vec<Action> {
        self.note(now);
        if self.nodes.remove(&node) {
            self.forget_guests(node, now);
            self.disown(node);
            self.sessions_lost_at(node);
            self.calls_lost_at(node);
        }
        self.take_actions()
    }

    /// Another server says something.
    pub fn node_message(&mut self, from: NodeId, message: NodeMessage, now: Now) -> Vec<Action> {
        self.note(now);
        if !self.nodes.contains(&from) {
            return Vec::new();
        }
        let guest = |number| ClientId { node: from, number };
        match message {
            NodeMessage::Owned { cameras } => {
                for camera in cameras {
                    self.owned_elsewhere(from, camera, now);
                }
            }
            NodeMessage::Viewer { client, viewer } => self.guest_is(guest(client), viewer, now),
            NodeMessage::Said { client, message } => self.guest_said(guest(client), *message, now),
            NodeMessage::Back {
                client,
                camera,
                session,
            } => self.guest_is_back(guest(client), &camera, &session, now),
            NodeMessage::Gone { client } => self.guest_is_gone(guest(client), now),
            NodeMessage::LoggedOut { client } => self.guest_is_out(guest(client), now),
            NodeMessage::Session {
                client,
                camera,
                session,
                runs,
            } => self.session_elsewhere(from, client, (&camera, session), runs, now),
            NodeMessage::Picture { call } => self.picture_of(&call),
            NodeMessage::Call {
                users,
                window,
                call,
            } => self.call_elsewhere(from, users, window, call, now),
        }
        self.take_actions()
    }

    /// How long the sessions of a viewer wait for it once it is gone.
    pub(super) fn return_of(&self, viewer: ClientId) -> Duration {
        match viewer.is_here() || self.nodes.contains(&viewer.node) {
            true => VIEWER_RETURN,
            false => NODE_RETURN,
        }
    }

    /// Whether a client can connect to another server: not the way to an SFU, which is a part of this one.
    pub fn may_move(&self, client: ClientId) -> bool {
        let client = self.clients.get(&client);
        client.is_some_and(|client| client.role != Role::Sfu)
    }

    fn tell_node(&mut self, node: NodeId, message: NodeMessage) {
        self.actions.push(Action::ToNode(node, message));
    }
}
