// SPDX-License-Identifier: MPL-2.0
//! Which cameras are listed, and who hears of it.

use jiff::Timestamp;
use porthole_protocol::wire::{
    Announce, Code, Extension, OutgoingMessage, Peer, PeerRole, PeerStatus, RunningSession,
    ToPeerExtra,
};
use serde_json::{Value, json};

use super::limits::{check_announce, check_status};
use super::now::Now;
use super::table::Tell;
use super::{Announced, ClientId, Event, Refusal, Rights, RightsId, Role, Room, UNKNOWN_SENDER};

impl Room {
    pub(super) fn set_status(
        &mut self,
        from: ClientId,
        status: PeerStatus,
        announce: Option<Announce>,
        now: Now,
    ) -> Result<(), Refusal> {
        let checked = announce.as_ref().map_or(Ok(()), check_announce);
        let (announced, reports) = match announce {
            Some(Announce {
                nonce, sessions, ..
            }) => {
                let nonce = nonce.filter(|_| checked.is_ok());
                (Some(Announced { nonce }), sessions)
            }
            None => (None, Vec::new()),
        };
        let client = self.clients.get_mut(&from).ok_or(UNKNOWN_SENDER)?;
        // Before anything is refused, so that the refusal carries its code.
        client.announced = announced;
        checked?;
        check_status(&status)?;
        match &client.role {
            Role::Camera(id) => {
                let id = id.clone();
                self.set_camera_status(from, &id, status, reports, now)
            }
            Role::Viewer(_) => self.set_viewer_status(from, status),
        }
    }

    fn set_camera_status(
        &mut self,
        from: ClientId,
        id: &str,
        status: PeerStatus,
        reports: Vec<RunningSession>,
        now: Now,
    ) -> Result<(), Refusal> {
        if status.listening() || status.consuming() {
            return Err(Refusal::new(
                Code::NotPermitted,
                "a camera can only be a producer",
            ));
        }
        let camera = self.cameras.get(id).ok_or(UNKNOWN_SENDER)?;
        let producing = status.producing();
        let meta = named_meta(status.meta, &camera.name)?;
        // Before the first grant on this connection.
        self.send_keys(from);
        let client = self.clients.get_mut(&from).ok_or(UNKNOWN_SENDER)?;
        if !std::mem::replace(&mut client.registered, true) {
            self.reconcile(from, id, reports, now);
            self.answer_awaited(id, now);
        }
        if !producing {
            self.end_all_at(id, Code::CameraGone, Tell::Both);
            self.unlist(id);
            return Ok(());
        }
        let camera = self.cameras.get_mut(id).ok_or(UNKNOWN_SENDER)?;
        if camera.listed.as_ref() != Some(&meta) {
            let is_back = camera.listed.replace(meta.clone()).is_none();
            if is_back {
                self.listed_cameras += 1;
                let camera = id.to_owned();
                self.happened(Event::CameraOnline { camera });
            }
            self.tell_listeners(id, &[PeerRole::Producer], &meta);
        }
        Ok(())
    }

    fn set_viewer_status(&mut self, from: ClientId, status: PeerStatus) -> Result<(), Refusal> {
        if status.producing() {
            return Err(Refusal::new(
                Code::NotPermitted,
                "only an enrolled camera can be a producer",
            ));
        }
        if !status.listening() {
            self.listeners.remove(&from);
            return Ok(());
        }
        self.listeners.insert(from);
        let client = self.clients.get(&from).ok_or(UNKNOWN_SENDER)?;
        // gstwebrtc-api takes the echo of its own status as the sign that it is registered.
        let peer_id = Some(client.peer_id.clone());
        let echo = OutgoingMessage::PeerStatusChanged(PeerStatus { peer_id, ..status });
        self.send(from, echo, ToPeerExtra::default());
        Ok(())
    }

    pub(super) fn visible_producers(&self, to: ClientId, now: Now) -> Vec<Peer> {
        let Some(user) = self.user_of(to) else {
            return Vec::new();
        };
        let cameras = self.cameras.iter();
        let listed = cameras.filter(|(id, _)| user.rights.may_see(id, now.wall));
        listed
            .filter_map(|(id, camera)| {
                camera.listed.clone().map(|meta| Peer {
                    id: id.clone(),
                    meta: Some(meta),
                })
            })
            .collect()
    }

    /// Tells a user's connections what has changed for them since they had these rights at that time, and which cameras
    /// have come and gone.
    pub(super) fn tell_of_change(&mut self, user: &RightsId, old: &Rights, before: Timestamp) {
        let Some(user) = self.users.get(user) else {
            return;
        };
        let (new, own, now) = (&user.rights, user.connections.clone(), user.told);
        let listeners: Vec<_> = own.intersection(&self.listeners).copied().collect();
        let listed = self.cameras.iter().filter_map(|(id, camera)| {
            let meta = camera.listed.as_ref()?;
            let (saw, sees) = (old.may_see(id, before), new.may_see(id, now));
            (saw != sees).then(|| (id.clone(), meta.clone(), sees))
        });
        for (id, meta, sees) in listed.collect::<Vec<_>>() {
            let roles: &[_] = if sees { &[PeerRole::Producer] } else { &[] };
            for listener in &listeners {
                self.tell_listener(*listener, &id, roles, &meta);
            }
        }
        for client in own {
            if !self.listeners.contains(&client) {
                continue;
            }
            self.extend(client, Extension::AccessChanged {});
        }
    }

    fn tell_listeners(&mut self, camera_id: &str, roles: &[PeerRole], meta: &Value) {
        let sees = |id: &&ClientId| {
            self.user_of(**id)
                .is_some_and(|user| user.rights.may_see(camera_id, self.clock.wall))
        };
        let listeners: Vec<_> = self.listeners.iter().filter(sees).copied().collect();
        for listener in listeners {
            self.tell_listener(listener, camera_id, roles, meta);
        }
    }

    fn tell_listener(&mut self, to: ClientId, camera_id: &str, roles: &[PeerRole], meta: &Value) {
        let status = PeerStatus {
            roles: roles.to_vec(),
            meta: Some(meta.clone()),
            peer_id: Some(camera_id.to_owned()),
        };
        let message = OutgoingMessage::PeerStatusChanged(status);
        self.send(to, message, ToPeerExtra::default());
    }

    /// Takes a camera off the list.
    pub(super) fn unlist(&mut self, id: &str) {
        let camera = self.cameras.get_mut(id);
        if let Some(meta) = camera.and_then(|camera| camera.listed.take()) {
            self.listed_cameras -= 1;
            let camera = id.to_owned();
            self.happened(Event::CameraOffline { camera });
            self.tell_listeners(id, &[], &meta);
        }
    }
}

/// A camera's `meta`, with a `name` in any case.
fn named_meta(meta: Option<Value>, name: &str) -> Result<Value, Refusal> {
    let mut meta = match meta {
        None | Some(Value::Null) => json!({}),
        Some(meta @ Value::Object(_)) => meta,
        Some(_) => {
            return Err(Refusal::new(
                Code::BadMessage,
                "meta must be an object or null",
            ));
        }
    };
    if let Some(fields) = meta.as_object_mut() {
        fields.entry("name").or_insert_with(|| name.into());
    }
    Ok(meta)
}
