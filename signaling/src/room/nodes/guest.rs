// SPDX-License-Identifier: MPL-2.0
//! Viewers of other servers with sessions at this one's cameras. They are clients like any other but for this: their own server
//! counts and closes their connections, and lists cameras to them; and here they are for as long as they have a session.

use std::collections::{BTreeMap, BTreeSet};

use porthole_protocol::wire::{
    ClientMessage, Code, EndSessionMessage, OutgoingMessage, ToPeer, ToPeerExtra,
};

use super::super::admission::WITHDRAWN;
use super::super::table::{End, Tell};
use super::{ClientId, NodeId, NodeMessage, ViewerOfNode};
use crate::room::{Action, Announced, Client, LOGIN_ENDED, Now, Outgoing, Refusal, Role, Room};

impl Room {
    /// Who a viewer of another server is, or has become.
    pub(super) fn guest_is(&mut self, guest: ClientId, viewer: ViewerOfNode, now: Now) {
        let ViewerOfNode {
            whose,
            rights,
            network,
            peer_id,
            announced,
            offers,
            called,
        } = viewer;
        match (self.users.contains_key(&whose), rights) {
            (true, Some(rights)) if rights.id() == whose => {
                self.change_rights(&whose, rights, now);
            }
            (true, _) => (),
            (false, Some(rights)) if rights.id() == whose => self.take_in(rights, now),
            (false, _) => {
                let kept = self.kept_rights(&whose.user).into_iter();
                match kept.into_iter().find(|rights| rights.id() == whose) {
                    Some(rights) => self.take_in(rights, now),
                    // What it says next is nobody's.
                    None => return self.refuse_stranger(guest, &WITHDRAWN),
                }
            }
        }
        let announced = announced.then_some(Announced {
            nonce: None,
            offers,
            door: false,
        });
        if let Some(client) = self.clients.get_mut(&guest) {
            (client.announced, client.network, client.called) = (announced, network, called);
            for session in client.sessions.clone() {
                self.name_session(guest, &session, now);
            }
            return;
        }
        if let Some(user) = self.users.get_mut(&whose) {
            user.connections.insert(guest);
        }
        let client = Client {
            role: Role::Viewer(whose),
            network,
            peer_id,
            announced,
            registered: false,
            login_over: false,
            called,
            listed_to: None,
            sessions: BTreeSet::new(),
            awaited: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
        };
        self.clients.insert(guest, client);
    }

    /// It says something to a camera of this server.
    pub(super) fn guest_said(&mut self, guest: ClientId, message: ClientMessage, now: Now) {
        self.answer(guest, message, now);
        self.idle_guests.insert(guest);
    }

    /// It is back for a session, whose secret its own server has seen.
    pub(super) fn guest_is_back(&mut self, guest: ClientId, camera: &str, id: &str, now: Now) {
        if !self.clients.contains_key(&guest) {
            // Refused a moment ago: nothing that it was given by those rights runs.
            let end = OutgoingMessage::EndSession(EndSessionMessage {
                session_id: id.to_owned(),
            });
            let extra = ToPeerExtra {
                reason: Some(Code::Revoked),
                ..ToPeerExtra::default()
            };
            self.tell_stranger(guest, end, extra);
            return self.session_is(guest, camera, id, false);
        }
        if let Err(refusal) = self.settle(guest, camera, id, now) {
            self.send_error(guest, &refusal);
            self.session_is(guest, camera, id, false);
        }
        self.idle_guests.insert(guest);
    }

    /// It has left.
    pub(super) fn guest_is_gone(&mut self, guest: ClientId, now: Now) {
        self.forget(guest, now);
    }

    /// It may not watch any more.
    pub(super) fn guest_is_out(&mut self, guest: ClientId, now: Now) {
        let Some(client) = self.clients.get(&guest) else {
            return;
        };
        let end = End {
            detail: Some(LOGIN_ENDED),
            ..Code::Revoked.into()
        };
        for session in client.sessions.clone() {
            self.end(&session, end, Tell::Both);
        }
        self.forget(guest, now);
    }

    /// The link to a server is gone, and with it all its viewers.
    pub(super) fn forget_guests(&mut self, node: NodeId, now: Now) {
        let its = self.clients.keys().filter(|client| client.node == node);
        let mut its: Vec<_> = its.copied().collect();
        its.sort();
        for guest in its {
            self.forget(guest, now);
        }
    }

    /// Tells a viewer's own server that a session is its viewer's, or is not any more.
    pub(in crate::room) fn session_is(
        &mut self,
        viewer: ClientId,
        camera: &str,
        id: &str,
        runs: bool,
    ) {
        if viewer.is_here() {
            return;
        }
        if !runs {
            self.idle_guests.insert(viewer);
        }
        let session = NodeMessage::Session {
            client: viewer.number,
            camera: camera.to_owned(),
            session: id.to_owned(),
            runs,
        };
        self.tell_node(viewer.node, session);
    }

    /// Forgets those who have no session here any more.
    pub(in crate::room) fn forget_idle_guests(&mut self) {
        for guest in std::mem::take(&mut self.idle_guests) {
            let client = self.clients.get(&guest);
            if client.is_some_and(|c| c.sessions.is_empty() && c.awaited.is_empty()) {
                self.forget(guest, self.clock);
            }
        }
    }

    fn refuse_stranger(&mut self, guest: ClientId, refusal: &Refusal) {
        let (details, extra) = refusal.on_the_wire();
        self.tell_stranger(guest, OutgoingMessage::Error { details }, extra);
    }

    fn tell_stranger(&mut self, guest: ClientId, message: OutgoingMessage, extra: ToPeerExtra) {
        let message = Outgoing::Peer(Box::new(ToPeer { message, extra }));
        self.actions.push(Action::Send(guest, message));
    }
}
