// SPDX-License-Identifier: MPL-2.0
//! Connections come and go.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use porthole_protocol::wire::{Code, OutgoingMessage, ToPeer, ToPeerExtra};

use super::limits::{MAX_CONNECTIONS_PER_USER, shared_viewers};
use super::now::Now;
use super::present::User;
use super::table::{End, Tell};
use super::{Action, Client, ClientId, LOGIN_ENDED, Outgoing, Principal, Refusal, Role, Room};
use crate::network::network;
use crate::rights::RightsId;

impl Room {
    /// A client has connected from `address` and shown who it is. What a viewer may do is what the source of rights says
    /// now, or, of someone who is here, what [`Self::set_viewer`] said last.
    pub fn connected(
        &mut self,
        id: ClientId,
        principal: Principal,
        address: IpAddr,
        now: Now,
    ) -> Vec<Action> {
        self.note(now);
        let admitted = match principal {
            Principal::Camera { id: camera_id } => self.admit_camera(id, camera_id, now),
            Principal::Viewer(rights) => self.admit_viewer(rights.id(), now),
        };
        match admitted {
            Ok((role, peer_id)) => {
                let client = Client {
                    role,
                    network: network(address),
                    peer_id: peer_id.clone(),
                    announced: None,
                    registered: false,
                    login_over: false,
                    called: None,
                    listed_to: None,
                    sessions: BTreeSet::new(),
                    awaited: BTreeMap::new(),
                    elsewhere: BTreeMap::new(),
                };
                self.enter(id, client, now);
                let welcome = OutgoingMessage::Welcome { peer_id };
                self.send(id, welcome, ToPeerExtra::default());
            }
            Err(refusal) => self.turn_away(id, &refusal),
        }
        self.take_actions()
    }

    /// A client's credential was withdrawn while it was connecting.
    pub fn unauthorized(&mut self, id: ClientId) -> Vec<Action> {
        self.turn_away(id, &WITHDRAWN);
        self.take_actions()
    }

    /// The log-in by which a viewer connected was ended: its sessions end, its connection is dropped.
    pub fn log_out(&mut self, id: ClientId, now: Now) -> Vec<Action> {
        self.note(now);
        if let Some(client) = self.clients.get_mut(&id) {
            client.login_over = false;
            let end = End {
                detail: Some(LOGIN_ENDED),
                ..Code::Revoked.into()
            };
            for session in client.sessions.clone() {
                self.end(&session, end, Tell::Both);
            }
            self.leave_nodes(id, true);
            self.expel(id, Code::Revoked, LOGIN_ENDED, now);
        }
        self.take_actions()
    }

    /// The log-in by which a viewer connected has come to its end: nobody is cut off in the middle, so its connection is
    /// dropped when its last session ends, and there is no further one.
    pub fn login_over(&mut self, id: ClientId, now: Now) -> Vec<Action> {
        self.note(now);
        if let Some(client) = self.clients.get_mut(&id) {
            client.login_over = true;
        }
        self.drop_if_over(id, now);
        self.take_actions()
    }

    /// Drops the connection of a log-in that is over, once nothing runs on it.
    pub(super) fn drop_if_over(&mut self, id: ClientId, now: Now) {
        let over = |client: &Client| {
            client.login_over && client.sessions.is_empty() && client.elsewhere.is_empty()
        };
        if self.clients.get(&id).is_some_and(over) {
            self.expel(id, Code::Revoked, LOGIN_ENDED, now);
        }
    }

    /// A client's connection is gone.
    pub fn gone(&mut self, id: ClientId, now: Now) -> Vec<Action> {
        self.note(now);
        self.forget(id, now);
        self.take_actions()
    }

    /// Nobody that is turned away had the time to announce itself, and all need to know why.
    fn turn_away(&mut self, id: ClientId, refusal: &Refusal) {
        let (details, extra) = refusal.on_the_wire();
        let message = OutgoingMessage::Error { details };
        let message = Outgoing::Peer(Box::new(ToPeer { message, extra }));
        self.actions.push(Action::Send(id, message));
        self.actions.push(Action::Drop(id, refusal.code));
    }

    fn admit_camera(
        &mut self,
        id: ClientId,
        camera_id: String,
        now: Now,
    ) -> Result<(Role, String), Refusal> {
        let camera = self.cameras.get_mut(&camera_id).ok_or(Refusal::new(
            Code::Unauthorized,
            "the camera is not enrolled",
        ))?;
        // Whoever is too late takes nobody's place.
        if !camera.fence.take() {
            return Err(Refusal::new(Code::Replaced, REPLACED));
        }
        if let Some(old) = camera.client {
            self.expel(old, Code::Replaced, REPLACED, now);
        }
        if let Some(camera) = self.cameras.get_mut(&camera_id) {
            camera.client = Some(id);
        }
        self.came_here(&camera_id);
        Ok((Role::Camera(camera_id.clone()), camera_id))
    }

    fn admit_viewer(&mut self, whose: RightsId, now: Now) -> Result<(Role, String), Refusal> {
        let mut all = self.kept_rights(&whose.user).into_iter();
        let rights = all.find(|rights| rights.id() == whose).ok_or(WITHDRAWN)?;
        let shared = rights.shared;
        let full = self.viewers >= self.max_viewers;
        if full || shared && self.shared_viewers >= shared_viewers(self.max_viewers) {
            return Err(Refusal::new(
                Code::TooMany,
                "the server is full: try again later",
            ));
        }
        let own = self.all_of(&whose.user);
        let connections: usize = own.map(User::connections_here).sum();
        if !shared && connections >= MAX_CONNECTIONS_PER_USER {
            return Err(Refusal::new(
                Code::TooMany,
                "too many connections: close some of your pages",
            ));
        }
        self.take_in(rights, now);
        Ok((Role::Viewer(whose), (self.next_id)()))
    }

    fn enter(&mut self, id: ClientId, client: Client, now: Now) {
        if let Role::Viewer(name) = &client.role
            && let Some(user) = self.users.get_mut(name)
        {
            let is_first = user.connections_here() == 0;
            user.connections.insert(id);
            self.viewers += 1;
            self.shared_viewers += usize::from(user.rights.shared);
            if is_first {
                user.told = now.wall;
                self.schedule(&name.clone(), now);
            }
        }
        self.clients.insert(id, client);
    }

    /// Tells a client why, and closes its connection. A viewer of another server is that one's to close.
    pub(super) fn expel(&mut self, id: ClientId, code: Code, details: &'static str, now: Now) {
        if !id.is_here() {
            return self.forget(id, now);
        }
        self.send_error(id, &Refusal::new(code, details));
        self.forget(id, now);
        self.actions.push(Action::Drop(id, code));
    }

    pub(super) fn forget(&mut self, id: ClientId, now: Now) {
        self.leave_nodes(id, false);
        let Some(client) = self.clients.remove(&id) else {
            return;
        };
        match &client.role {
            Role::Camera(camera_id) => self.forget_camera(id, camera_id, &client, now),
            Role::Viewer(user) => self.forget_viewer(id, user, &client, now),
            Role::Sfu => self.forget_sfu(id),
        }
    }

    /// A camera that can report its sessions keeps them; a stock one cannot come back to any.
    fn forget_camera(&mut self, id: ClientId, camera_id: &str, client: &Client, now: Now) {
        let Some(camera) = self.cameras.get_mut(camera_id) else {
            return;
        };
        camera.client = None;
        let reports = client.announced.as_ref().is_some_and(|a| a.nonce.is_some());
        for session in camera.sessions.clone() {
            let is_on_it = |s: &super::Session| s.camera == Some(id);
            if !self.sessions.get(&session).is_some_and(is_on_it) {
                continue;
            }
            if reports {
                self.change_session(&session, |session| session.camera = None);
            } else {
                self.end(&session, Code::CameraGone, Tell::Viewer);
            }
        }
        self.unlist(camera_id);
        self.call_camera_gone(camera_id, now);
    }

    /// A viewer that was told a secret may come back to its sessions.
    fn forget_viewer(&mut self, id: ClientId, name: &RightsId, client: &Client, now: Now) {
        self.listeners.remove(&id);
        let is_here = id.is_here();
        self.viewers -= usize::from(is_here);
        if let Some(user) = self.users.get_mut(name) {
            user.connections.remove(&id);
            self.shared_viewers -= usize::from(is_here && user.rights.shared);
            let was_last = user.connections_here() == 0;
            if was_last {
                self.schedule(name, now);
            }
        }
        for (session, camera_id) in &client.awaited {
            if let Some(camera) = self.cameras.get_mut(camera_id) {
                camera.awaited.remove(&(session.clone(), id));
            }
        }
        for session in &client.sessions {
            if self.sessions.get(session).is_some_and(|s| s.has_secret) {
                self.detach_viewer(session, now + self.return_of(id));
            } else {
                self.end(session, Code::ViewerLeft, Tell::Camera);
            }
        }
        self.forget_idle(name);
    }
}

pub(super) const WITHDRAWN: Refusal = Refusal::new(
    Code::Unauthorized,
    "this key or link is not valid any more: ask for a new one",
);
pub(super) const REPLACED: &str = "the same camera connected again elsewhere";
