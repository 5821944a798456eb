// SPDX-License-Identifier: MPL-2.0
//! Cameras and users come, go and change, and what runs follows at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use porthole_protocol::wire::{CallEnd, Code};

use super::now::Now;
use super::review::Because;
use super::table::{End, Ended, Tell};
use super::{Action, AuditPace, Camera, Fence, Room};
use crate::rights::{Rights, RightsId};

impl Room {
    /// A camera was enrolled, or has another name. The name is shown where the camera gives none itself.
    pub fn add_camera(&mut self, id: &str, name: &str) -> Vec<Action> {
        let camera = Camera {
            name: name.to_owned(),
            fence: Fence::default(),
            client: None,
            listed: None,
            sessions: BTreeSet::new(),
            ended: Ended::default(),
            awaited: BTreeSet::new(),
            elsewhere: BTreeMap::new(),
            drives: AuditPace::default(),
            doors: AuditPace::default(),
        };
        let known = self.cameras.entry(id.to_owned());
        known
            .and_modify(|known| known.name.clone_from(&camera.name))
            .or_insert(camera);
        self.heard_early(id);
        self.take_actions()
    }

    /// A camera is no longer enrolled: its sessions end with `revoked`, its connection is dropped. The rights of those who are
    /// here name it no longer, since another one may get its id.
    pub fn remove_camera(&mut self, id: &str, now: Now) -> Vec<Action> {
        self.note(now);
        let Some(client) = self.cameras.get(id).map(|camera| camera.client) else {
            return Vec::new();
        };
        let words = "this camera was removed from the server";
        let end = End {
            detail: Some(words),
            ..Code::Revoked.into()
        };
        self.end_call_at(id, CallEnd::CameraGone, now);
        self.calls.forget(id);
        self.end_all_at(id, end, Tell::Both);
        match client {
            Some(client) => self.expel(client, Code::Revoked, words, now),
            None => self.unlist(id),
        }
        if let Some(camera) = self.cameras.remove(id) {
            for (session, known) in camera.elsewhere {
                if let Some(client) = self.clients.get_mut(&known.client) {
                    client.elsewhere.remove(&session);
                }
                self.send_end(known.client, &session, end);
            }
            for (session, viewer) in camera.awaited {
                if let Some(client) = self.clients.get_mut(&viewer) {
                    client.awaited.remove(&session);
                }
                self.send_end(viewer, &session, end);
            }
        }
        for whose in self.by_camera.of(id).cloned().collect::<Vec<_>>() {
            let user = self.users.get(&whose);
            let Some(kept) = user.and_then(|user| user.kept.without_camera(id)) else {
                continue;
            };
            let kept = Arc::new(kept);
            let rights = self.with_calls(&kept);
            if let Some(user) = self.users.get_mut(&whose) {
                self.by_camera.remove(&user.rights);
                self.by_camera.add(&rights);
                (user.kept, user.rights) = (kept, rights);
            }
        }
        self.take_actions()
    }

    /// A user's rights are other ones now: what runs follows. A lease that differs from the one before counts from now; the
    /// same one leaves sessions the time they had. Whoever is not here is asked about when it comes.
    pub fn set_viewer(&mut self, rights: impl Into<Arc<Rights>>, now: Now) -> Vec<Action> {
        self.note(now);
        let rights = rights.into();
        let name = rights.id();
        self.change_rights(&name, rights, now);
        self.take_actions()
    }

    /// Someone who is here may do something else now: by what is kept, or by calls.
    pub(super) fn change_rights(&mut self, name: &RightsId, kept: Arc<Rights>, now: Now) {
        let rights = self.with_calls(&kept);
        let Some(user) = self.users.get_mut(name) else {
            return;
        };
        user.kept = kept;
        let old = std::mem::replace(&mut user.rights, rights);
        if Arc::ptr_eq(&old, &user.rights) || old == user.rights {
            return;
        }
        self.by_camera.remove(&old);
        self.by_camera.add(&user.rights);
        let before = std::mem::replace(&mut user.told, now.wall);
        let connections = user.connections_here();
        match (old.shared, user.rights.shared) {
            (false, true) => self.shared_viewers += connections,
            (true, false) => self.shared_viewers -= connections,
            _ => (),
        }
        for id in user.sessions.clone() {
            self.review(&id, Because::NewRights, now);
        }
        self.schedule(name, now);
        self.tell_of_change(name, &old, before);
    }

    /// These rights are there no more, since a credential was withdrawn or is over: the sessions end with `revoked`, the connections are dropped.
    pub fn remove_viewer(&mut self, user: &RightsId, now: Now) -> Vec<Action> {
        self.note(now);
        self.leave_calls(user, now);
        let Some(gone) = self.users.get(user) else {
            return self.take_actions();
        };
        let (sessions, connections) = (gone.sessions.clone(), gone.connections.clone());
        for id in sessions {
            self.end(&id, Code::Revoked, Tell::Both);
        }
        for client in connections {
            self.leave_nodes(client, true);
            self.expel(client, Code::Revoked, "your permission was withdrawn", now);
        }
        self.forget_idle(user);
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
