// SPDX-License-Identifier: MPL-2.0
//! Cameras and users come, go and change, and what runs follows at once.

use std::collections::BTreeSet;
use std::time::Instant;

use porthole_protocol::wire::{Code, Extension};

use super::reconcile::may_go_on;
use super::table::{End, Ended, Tell, lease_end};
use super::{Action, Camera, Cameras, Rights, Room, User};

impl Room {
    /// A camera was enrolled, or has another name. The name is shown where the camera gives none itself.
    pub fn add_camera(&mut self, id: &str, name: &str) {
        let camera = Camera {
            name: name.to_owned(),
            client: None,
            listed: None,
            sessions: BTreeSet::new(),
            ended: Ended::default(),
            awaited: BTreeSet::new(),
        };
        let known = self.cameras.entry(id.to_owned());
        known
            .and_modify(|known| known.name.clone_from(&camera.name))
            .or_insert(camera);
    }

    /// A camera is no longer enrolled: its sessions end with `revoked`, its connection is dropped. Nobody's rights
    /// name it any longer, since another one may get its id.
    pub fn remove_camera(&mut self, id: &str, now: Instant) -> Vec<Action> {
        let Some(client) = self.cameras.get(id).map(|camera| camera.client) else {
            return Vec::new();
        };
        let words = "this camera was removed from the server";
        let end = End {
            reason: Code::Revoked,
            detail: Some(words),
        };
        self.end_all_at(id, end, Tell::Both);
        match client {
            Some(client) => self.expel(client, Code::Revoked, words, now),
            None => self.unlist(id),
        }
        if let Some(camera) = self.cameras.remove(id) {
            for (session, viewer) in camera.awaited {
                if let Some(client) = self.clients.get_mut(&viewer) {
                    client.awaited.remove(&session);
                }
                self.send_end(viewer, &session, end);
            }
        }
        for user in self.users.values_mut() {
            if let Cameras::Only(ids) = &mut user.rights.cameras {
                ids.remove(id);
            }
        }
        self.take_actions()
    }

    /// A user may connect, or its rights are other ones now: running sessions follow. A lease that differs from the
    /// one before counts from now; the same one leaves sessions the time they had.
    pub fn set_viewer(&mut self, rights: Rights, now: Instant) -> Vec<Action> {
        let name = rights.user.clone();
        let Some(user) = self.users.get_mut(&name) else {
            self.users.insert(name, User::new(rights));
            return Vec::new();
        };
        let old = std::mem::replace(&mut user.rights, rights);
        if old == user.rights {
            return Vec::new();
        }
        let connections = user.connections.len();
        match (old.shared, user.rights.shared) {
            (false, true) => self.shared_viewers += connections,
            (true, false) => self.shared_viewers -= connections,
            _ => (),
        }
        for id in user.sessions.clone() {
            self.apply_rights(&name, &old, &id, now);
        }
        self.tell_of_new_rights(&name, &old);
        self.take_actions()
    }

    fn apply_rights(&mut self, user: &str, old: &Rights, id: &str, now: Instant) {
        let (Some(user), Some(session)) = (self.users.get(user), self.sessions.get(id)) else {
            return;
        };
        let new = &user.rights;
        if let Err(reason) = may_go_on(new, &session.camera_id) {
            return self.end(id, reason, Tell::Both);
        }
        if (&new.perms, new.lease) == (&old.perms, old.lease) {
            return;
        }
        let perms = new.perms.clone();
        let until = (new.lease != old.lease).then(|| lease_end(now, new.lease));
        self.change_session(id, |session| {
            session.perms = perms;
            session.until = until.unwrap_or(session.until);
        });
        if let Err(reason) = self.renew(id, now) {
            return self.end(id, reason, Tell::Both);
        }
        if let Some(session) = self.sessions.get(id)
            && let Some(viewer) = session.viewer
        {
            let update = Extension::GrantUpdate {
                session_id: id.to_owned(),
                grant: None,
                terms: Some(session.terms(now)),
            };
            self.extend(viewer, update);
        }
    }

    /// A user's credential was withdrawn: the sessions end with `revoked`, the connections are dropped.
    pub fn remove_viewer(&mut self, user: &str, now: Instant) -> Vec<Action> {
        let Some(gone) = self.users.get(user) else {
            return Vec::new();
        };
        let (sessions, connections) = (gone.sessions.clone(), gone.connections.clone());
        for id in sessions {
            self.end(&id, Code::Revoked, Tell::Both);
        }
        for client in connections {
            self.expel(client, Code::Revoked, "your permission was withdrawn", now);
        }
        self.users.remove(user);
        self.take_actions()
    }

    pub(super) fn end_all_at(&mut self, camera_id: &str, end: impl Into<End>, tell: Tell) {
        let (own, end) = (
            self.cameras
                .get(camera_id)
                .map(|camera| camera.sessions.clone()),
            end.into(),
        );
        for id in own.unwrap_or_default() {
            self.end(&id, end, tell);
        }
    }
}
