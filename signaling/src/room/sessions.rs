// SPDX-License-Identifier: MPL-2.0
//! The life of a session: one viewer's connection looking through one camera's.

use porthole_protocol::grant::{Grant, MAX_LEASE_SECONDS, Permission};
use porthole_protocol::wire::{
    Code, EndSessionMessage, OutgoingMessage, PeerMessage, StartSessionMessage, ToPeerExtra,
};

use super::{
    ClientId, MAX_SESSIONS_PER_CAMERA, MAX_SESSIONS_PER_VIEWER, Principal, Refusal, Rights, Room,
    UNKNOWN_SENDER,
};

const NO_SUCH_SESSION: Refusal = Refusal(
    Code::NoSuchSession,
    "there is no such session of yours: it may have ended",
);

pub(super) struct Session {
    viewer: ClientId,
    camera: ClientId,
}

impl Session {
    fn other_end(&self, client: ClientId) -> Option<ClientId> {
        match client {
            _ if client == self.viewer => Some(self.camera),
            _ if client == self.camera => Some(self.viewer),
            _ => None,
        }
    }
}

impl Room {
    pub(super) fn start_session(
        &mut self,
        viewer: ClientId,
        wanted: StartSessionMessage,
    ) -> Result<(), Refusal> {
        let client = self.clients.get(&viewer).ok_or(UNKNOWN_SENDER)?;
        let Some(rights) = client.rights().cloned() else {
            return Err(Refusal(
                Code::NotPermitted,
                "a camera cannot start a session",
            ));
        };
        let camera = self.camera_for(&rights, &wanted.peer_id)?;
        if client.sessions.len() >= MAX_SESSIONS_PER_VIEWER {
            return Err(Refusal(Code::TooMany, "too many sessions: end one first"));
        }
        let viewer_peer_id = client.peer_id.clone();
        let session_id = (self.next_id)();
        let grant = self.grant(camera, &rights, &wanted.peer_id, &session_id)?;

        self.sessions
            .insert(session_id.clone(), Session { viewer, camera });
        for end in [viewer, camera] {
            if let Some(client) = self.clients.get_mut(&end) {
                client.sessions.insert(session_id.clone());
            }
        }
        let ice_servers = self.ice_servers.clone();
        let extra = ToPeerExtra {
            ice_servers,
            ..ToPeerExtra::default()
        };
        let peer_id = wanted.peer_id;
        let started = OutgoingMessage::SessionStarted {
            peer_id,
            session_id: session_id.clone(),
        };
        self.send(viewer, started, extra.clone());
        let start = OutgoingMessage::StartSession {
            peer_id: viewer_peer_id,
            session_id,
            offer: wanted.offer,
        };
        self.send(camera, start, ToPeerExtra { grant, ..extra });
        Ok(())
    }

    /// The connection of a camera that this viewer may watch now.
    fn camera_for(&self, rights: &Rights, id: &str) -> Result<ClientId, Refusal> {
        // A camera that exists for others only must look like one that does not exist.
        let camera = self.cameras.get(id).filter(|_| rights.may_see(id));
        let camera = camera.ok_or(Refusal(Code::NoSuchCamera, "there is no such camera"))?;
        if !rights.perms.contains(&Permission::View) {
            return Err(Refusal(Code::NotPermitted, "you may not view this camera"));
        }
        let client = camera.client.filter(|_| camera.listed.is_some());
        let client = client.ok_or(Refusal(Code::CameraOffline, "the camera is not connected"))?;
        let sessions = self
            .clients
            .get(&client)
            .map_or(0, |client| client.sessions.len());
        if sessions >= MAX_SESSIONS_PER_CAMERA {
            return Err(Refusal(
                Code::TooMany,
                "the camera has too many viewers: try again later",
            ));
        }
        Ok(client)
    }

    /// The grant for a camera that announced itself; a stock one cannot check any.
    fn grant(
        &self,
        camera: ClientId,
        rights: &Rights,
        camera_id: &str,
        session_id: &str,
    ) -> Result<Option<String>, Refusal> {
        let announce = self
            .clients
            .get(&camera)
            .and_then(|client| client.announced.as_ref());
        let Some(nonce) = announce.and_then(|announce| announce.nonce.clone()) else {
            return Ok(None);
        };
        let grant = Grant {
            aud: camera_id.to_owned(),
            sub: rights.user.clone(),
            sid: session_id.to_owned(),
            nonce,
            seq: 0,
            lease: rights.lease.min(MAX_LEASE_SECONDS),
            perms: rights.perms.clone(),
        };
        let token = self.signer.sign(&grant);
        token
            .map(Some)
            .map_err(|_| Refusal(Code::Other, "the server could not sign the grant"))
    }

    pub(super) fn forward(&mut self, from: ClientId, message: PeerMessage) -> Result<(), Refusal> {
        let session = self.sessions.get(&message.session_id);
        let to = session
            .and_then(|session| session.other_end(from))
            .ok_or(NO_SUCH_SESSION)?;
        self.send(to, OutgoingMessage::Peer(message), ToPeerExtra::default());
        Ok(())
    }

    pub(super) fn leave_session(
        &mut self,
        from: ClientId,
        session_id: &str,
        reason: Option<Code>,
    ) -> Result<(), Refusal> {
        let session = self.sessions.get(session_id);
        let to = session
            .and_then(|session| session.other_end(from))
            .ok_or(NO_SUCH_SESSION)?;
        let is_camera = self.clients.get(&from).map(|client| &client.principal);
        let default = match is_camera {
            Some(Principal::Camera { .. }) => Code::CameraGone,
            _ => Code::ViewerLeft,
        };
        self.remove_session(session_id);
        self.send_end(to, session_id, reason.unwrap_or(default));
        Ok(())
    }

    /// Ends all sessions of a client and tells the other ends.
    pub(super) fn end_all_sessions(&mut self, client: ClientId, reason: Code) {
        let Some(own) = self
            .clients
            .get(&client)
            .map(|client| client.sessions.clone())
        else {
            return;
        };
        for id in own {
            let other = self
                .sessions
                .get(&id)
                .and_then(|session| session.other_end(client));
            self.remove_session(&id);
            if let Some(other) = other {
                self.send_end(other, &id, reason);
            }
        }
    }

    /// Tells a client of the end of its own sessions.
    pub(super) fn tell_own_sessions(&mut self, client: ClientId, reason: Code) {
        let own = self
            .clients
            .get(&client)
            .map(|client| client.sessions.clone());
        for id in own.unwrap_or_default() {
            self.send_end(client, &id, reason);
        }
    }

    fn remove_session(&mut self, id: &str) {
        let Some(session) = self.sessions.remove(id) else {
            return;
        };
        for end in [session.viewer, session.camera] {
            if let Some(client) = self.clients.get_mut(&end) {
                client.sessions.remove(id);
            }
        }
    }

    fn send_end(&mut self, to: ClientId, session_id: &str, reason: Code) {
        let end = EndSessionMessage {
            session_id: session_id.to_owned(),
        };
        let extra = ToPeerExtra {
            reason: Some(reason),
            ..ToPeerExtra::default()
        };
        self.send(to, OutgoingMessage::EndSession(end), extra);
    }
}
