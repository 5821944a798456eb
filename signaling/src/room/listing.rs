// SPDX-License-Identifier: MPL-2.0
//! Which cameras are listed, and who hears of it.

use porthole_protocol::wire::{
    Announce, Code, OutgoingMessage, Peer, PeerRole, PeerStatus, ToPeerExtra,
};
use serde_json::{Value, json};

use super::{Client, ClientId, MAX_META_BYTES, Principal, Refusal, Room, UNKNOWN_SENDER};

impl Room {
    pub(super) fn set_status(
        &mut self,
        from: ClientId,
        status: PeerStatus,
        announce: Option<Announce>,
    ) -> Result<(), Refusal> {
        let client = self.clients.get_mut(&from).ok_or(UNKNOWN_SENDER)?;
        client.announced = announce;
        match &client.principal {
            Principal::Camera { id } => {
                let id = id.clone();
                self.set_camera_status(&id, status)
            }
            Principal::Viewer(_) => self.set_viewer_status(from, status),
        }
    }

    fn set_camera_status(&mut self, id: &str, status: PeerStatus) -> Result<(), Refusal> {
        if status.listening() || status.consuming() {
            return Err(Refusal(
                Code::NotPermitted,
                "a camera can only be a producer",
            ));
        }
        let camera = self.cameras.get_mut(id).ok_or(UNKNOWN_SENDER)?;
        if !status.producing() {
            self.unlist(id, Code::CameraGone);
            return Ok(());
        }
        let meta = named_meta(status.meta, &camera.name)?;
        if camera.listed.as_ref() != Some(&meta) {
            camera.listed = Some(meta.clone());
            self.tell_listeners(id, vec![PeerRole::Producer], meta);
        }
        Ok(())
    }

    fn set_viewer_status(&mut self, from: ClientId, status: PeerStatus) -> Result<(), Refusal> {
        if status.producing() {
            return Err(Refusal(
                Code::NotPermitted,
                "only an enrolled camera can be a producer",
            ));
        }
        let client = self.clients.get_mut(&from).ok_or(UNKNOWN_SENDER)?;
        client.listening = status.listening();
        if client.listening {
            // gstwebrtc-api takes the echo of its own status as the sign that it is registered.
            let peer_id = Some(client.peer_id.clone());
            let echo = OutgoingMessage::PeerStatusChanged(PeerStatus { peer_id, ..status });
            self.send(from, echo, ToPeerExtra::default());
        }
        Ok(())
    }

    pub(super) fn visible_producers(&self, to: ClientId) -> Vec<Peer> {
        let Some(rights) = self.clients.get(&to).and_then(Client::rights) else {
            return Vec::new();
        };
        let listed = self.cameras.iter().filter(|(id, _)| rights.may_see(id));
        listed
            .filter_map(|(id, camera)| {
                camera.listed.clone().map(|meta| Peer {
                    id: id.clone(),
                    meta: Some(meta),
                })
            })
            .collect()
    }

    fn tell_listeners(&mut self, camera_id: &str, roles: Vec<PeerRole>, meta: Value) {
        let sees = |client: &Client| client.rights().is_some_and(|r| r.may_see(camera_id));
        let listeners = self.clients.iter().filter(|(_, c)| c.listening && sees(c));
        let mut listeners: Vec<_> = listeners.map(|(id, _)| *id).collect();
        listeners.sort();
        for listener in listeners {
            let status = PeerStatus {
                roles: roles.clone(),
                meta: Some(meta.clone()),
                peer_id: Some(camera_id.to_owned()),
            };
            let message = OutgoingMessage::PeerStatusChanged(status);
            self.send(listener, message, ToPeerExtra::default());
        }
    }

    /// Takes a camera off the list and ends its sessions.
    pub(super) fn unlist(&mut self, id: &str, reason: Code) {
        let Some(camera) = self.cameras.get_mut(id) else {
            return;
        };
        let (client, meta) = (camera.client, camera.listed.take());
        if let Some(client) = client {
            self.end_all_sessions(client, reason);
        }
        if let Some(meta) = meta {
            self.tell_listeners(id, Vec::new(), meta);
        }
    }
}

/// A camera's `meta`, with a `name` in any case.
fn named_meta(meta: Option<Value>, name: &str) -> Result<Value, Refusal> {
    let mut meta = match meta {
        None | Some(Value::Null) => json!({}),
        Some(meta @ Value::Object(_)) => meta,
        Some(_) => return Err(Refusal(Code::BadMessage, "meta must be an object or null")),
    };
    if meta.to_string().len() > MAX_META_BYTES {
        return Err(Refusal(
            Code::BadMessage,
            "meta is larger than 1024 bytes: shorten it",
        ));
    }
    if let Some(fields) = meta.as_object_mut() {
        fields.entry("name").or_insert_with(|| name.into());
    }
    Ok(meta)
}
