// SPDX-License-Identifier: MPL-2.0
//! Which cameras are listed, and who hears of it.

use std::ops::Bound::Unbounded;

use jiff::Timestamp;
use porthole_protocol::wire::{
    Announce, Code, Extension, OutgoingMessage, Peer, PeerRole, PeerStatus, RunningSession, ToPeer,
    ToPeerExtra,
};
use serde_json::{Value, json};

use super::limits::{LIST_PART, NEXT_PART, Part, check_announce, check_status};
use super::now::Now;
use super::table::Tell;
use super::{
    Action, Announced, Camera, ClientId, Event, Listed, Outgoing, Refusal, Role, Room,
    UNKNOWN_SENDER, beyond,
};
use crate::rights::{Rights, RightsId};

/// A part of a list.
#[derive(Default)]
struct Producers {
    producers: Vec<Peer>,
    /// Whether there are others after the last one.
    more: bool,
}

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
                nonce,
                sessions,
                offers,
                door,
                ..
            }) => {
                let nonce = nonce.filter(|_| checked.is_ok());
                let announced = Announced {
                    nonce,
                    offers,
                    door,
                };
                (Some(announced), sessions)
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
            Role::Viewer(_) => {
                self.set_viewer_status(from, status)?;
                self.tell_running_calls(from);
                self.tell_calls_elsewhere(from);
                Ok(())
            }
            Role::Sfu => Ok(()),
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
        let is_first = !std::mem::replace(&mut client.registered, true);
        if is_first {
            self.reconcile(from, id, reports, now);
            self.answer_awaited(id, now);
        }
        if !producing {
            self.end_all_at(id, Code::CameraGone, Tell::Both);
            self.unlist(id);
            self.call_camera_gone(id, now);
            return Ok(());
        }
        self.call_camera_back(from, id, is_first);
        let camera = self.cameras.get_mut(id).ok_or(UNKNOWN_SENDER)?;
        if camera.listed.as_ref().map(|listed| &listed.meta) != Some(&meta) {
            let is_back = camera.listed.is_none();
            camera.listed = Some(Listed::new(meta.clone(), true));
            if is_back {
                self.listed_cameras += 1;
                let camera = id.to_owned();
                self.happened(Event::CameraOnline { camera });
                self.actions.push(Action::Online(id.to_owned(), true));
            }
            self.tell_listeners(id, &[PeerRole::Producer], meta);
            self.tell_nodes_of(id);
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

    /// Sends the cameras that a viewer may see: as many as fit into one message, and the others when these are taken.
    pub(super) fn list(&mut self, to: ClientId, now: Now) {
        let part = self.producers_after(to, None, LIST_PART, now);
        let more = part.more;
        if let Some(client) = self.clients.get_mut(&to) {
            client.listed_to = part.producers.last().filter(|_| more).map(|p| p.id.clone());
        }
        if more {
            // Before what it waits for, which may be taken at once.
            self.actions.push(Action::ListOn(to));
        }
        let list = OutgoingMessage::List {
            producers: part.producers,
        };
        self.send(to, list, ToPeerExtra::default());
    }

    /// The client has taken what it was sent: the next cameras of its list follow, each as one that has just come. That is a
    /// message which every listener knows, where a second list would take the place of the first.
    pub fn list_on(&mut self, to: ClientId, now: Now) -> Vec<Action> {
        self.note(now);
        let client = self.clients.get_mut(&to);
        if let Some(after) = client.and_then(|client| client.listed_to.take()) {
            let part = self.producers_after(to, Some(&after), NEXT_PART, now);
            if part.more
                && let Some(client) = self.clients.get_mut(&to)
            {
                client.listed_to = part.producers.last().map(|last| last.id.clone());
                self.actions.push(Action::ListOn(to));
            }
            for Peer { id, meta } in part.producers {
                let message = status(&id, &[PeerRole::Producer], meta);
                self.send(to, message, ToPeerExtra::default());
            }
        }
        self.take_actions()
    }

    fn producers_after(
        &self,
        to: ClientId,
        after: Option<&str>,
        most: Part,
        now: Now,
    ) -> Producers {
        let mut part = Producers::default();
        let Some(user) = self.user_of(to) else {
            return part;
        };
        let all = self.cameras.range::<str, _>((beyond(after), Unbounded));
        let named = user.rights.cameras().map(|ids| {
            let ids = ids.range::<str, _>((beyond(after), Unbounded));
            ids.filter_map(|id| self.cameras.get_key_value(*id))
                .collect::<Vec<_>>()
        });
        let cameras: &mut dyn Iterator<Item = _> = match named {
            Some(named) => &mut named.into_iter(),
            None => &mut { all },
        };
        let mut bytes = 0;
        for (id, camera) in cameras {
            let Some(listed) = &camera.listed else {
                continue;
            };
            if !user.rights.may_see(id, now.wall) {
                continue;
            }
            bytes += id.len() + listed.bytes;
            part.more = part.producers.len() >= most.cameras || bytes > most.bytes;
            if part.more {
                break;
            }
            part.producers.push(Peer {
                id: id.clone(),
                meta: Some(listed.meta.clone()),
            });
        }
        part
    }

    /// Tells a user's connections what has changed for them since they had these rights at that time, and which cameras
    /// have come and gone.
    pub(super) fn tell_of_change(&mut self, user: &RightsId, old: &Rights, before: Timestamp) {
        let Some(user) = self.users.get(user) else {
            return;
        };
        let (new, now) = (user.rights.clone(), user.told);
        let listeners: Vec<_> = user
            .connections
            .intersection(&self.listeners)
            .copied()
            .collect();
        if listeners.is_empty() {
            return;
        }
        let changed = |(id, camera): (&String, &Camera)| {
            let listed = camera.listed.as_ref()?;
            let (saw, sees) = (old.may_see(id, before), new.may_see(id, now));
            (saw != sees).then(|| (id.clone(), listed.meta.clone(), sees))
        };
        let changes: Vec<_> = match (old.cameras(), new.cameras()) {
            _ if old.see_all_always() && new.see_all_always() => Vec::new(),
            (Some(old), Some(new)) => {
                let named = old.union(&new);
                let named = named.filter_map(|id| self.cameras.get_key_value(*id));
                named.filter_map(changed).collect()
            }
            _ => self.cameras.iter().filter_map(changed).collect(),
        };
        for (id, meta, sees) in changes {
            let roles: &[_] = if sees { &[PeerRole::Producer] } else { &[] };
            self.send_all(listeners.clone(), status(&id, roles, Some(meta)));
        }
        for client in listeners {
            self.extend(client, Extension::AccessChanged {});
        }
    }

    pub(super) fn tell_listeners(&mut self, camera_id: &str, roles: &[PeerRole], meta: Value) {
        let users = self.by_camera.of(camera_id);
        let users = users.filter_map(|id| self.users.get(id));
        let seeing = users.filter(|user| user.rights.may_see(camera_id, self.clock.wall));
        let connections = seeing.flat_map(|user| &user.connections);
        let listeners = connections.filter(|client| self.listeners.contains(client));
        let listeners: Vec<_> = listeners.copied().collect();
        self.send_all(listeners, status(camera_id, roles, Some(meta)));
    }

    /// The way out for what many hear in the same words.
    fn send_all(&mut self, to: Vec<ClientId>, message: OutgoingMessage) {
        if to.is_empty() {
            return;
        }
        let extra = ToPeerExtra::default();
        let message = Outgoing::Peer(Box::new(ToPeer { message, extra }));
        self.actions.push(Action::SendAll(to, message));
    }

    /// Takes a camera off the list.
    pub(super) fn unlist(&mut self, id: &str) {
        let camera = self.cameras.get_mut(id);
        if let Some(listed) = camera.and_then(|camera| camera.listed.take()) {
            if listed.here {
                self.listed_cameras -= 1;
                let camera = id.to_owned();
                self.happened(Event::CameraOffline { camera });
            }
            self.actions.push(Action::Online(id.to_owned(), false));
            self.tell_listeners(id, &[], listed.meta);
            self.tell_nodes_of(id);
        }
    }
}

/// That a camera is there, or is not.
fn status(camera_id: &str, roles: &[PeerRole], meta: Option<Value>) -> OutgoingMessage {
    OutgoingMessage::PeerStatusChanged(PeerStatus {
        roles: roles.to_vec(),
        meta,
        peer_id: Some(camera_id.to_owned()),
    })
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
