// SPDX-License-Identifier: MPL-2.0
//! How a session starts, what goes back and forth in it, and how one of its ends leaves it.

use porthole_protocol::grant::{Grant, Permission, subject};
use porthole_protocol::wire::{
    Code, Offerer, OutgoingMessage, PeerMessage, SessionProof, StartSessionMessage, ToPeerExtra,
};

use super::ice::{IceTerm, relay_user};
use super::limits::{check_description, check_peer_message, check_proof, short_line};
use super::now::Now;
use super::stats::StatsPace;
use super::table::{Session, Tell, lease_end};
use super::{ClientId, Event, LOGIN_OVER, NO_SUCH_SESSION, Refusal, Role, Room, UNKNOWN_SENDER};

impl Room {
    pub(super) fn start_session(
        &mut self,
        viewer: ClientId,
        wanted: StartSessionMessage,
        replaces: Option<SessionProof>,
        now: Now,
    ) -> Result<(), Refusal> {
        let camera = wanted.peer_id.clone();
        let started = self.admit_session(viewer, wanted, replaces, now);
        if let (Err(refusal), Some(user)) = (&started, self.user_of(viewer)) {
            self.happened(Event::SessionRefused {
                user: user.rights.user.to_string(),
                camera: self.cameras.contains_key(&camera).then_some(camera),
                reason: refusal.code,
            });
        }
        started
    }

    fn admit_session(
        &mut self,
        viewer: ClientId,
        wanted: StartSessionMessage,
        replaces: Option<SessionProof>,
        now: Now,
    ) -> Result<(), Refusal> {
        if let Some(offer) = &wanted.offer {
            check_description(offer)?;
        }
        let camera_id = wanted.peer_id;
        let has_offered = wanted.offer.is_some();
        if let Some(proof) = replaces {
            self.replace_session(viewer, &camera_id, &proof);
        }
        let client = self.clients.get(&viewer).ok_or(UNKNOWN_SENDER)?;
        let user = self.user_of(viewer).ok_or(Refusal::new(
            Code::NotPermitted,
            "a camera cannot start a session",
        ))?;
        if client.login_over {
            return Err(LOGIN_OVER);
        }
        let rights = &user.rights;
        let span = Self::refused(rights.at(&camera_id, now.wall))?;
        let camera = self.connection_of(&camera_id)?;
        let sfu = self.sfu_for(&camera_id, client, has_offered, &span.perms)?;
        self.check_places(viewer, rights, &camera_id, None)?;
        let camera = sfu.unwrap_or(camera);
        let door_call = self.door_call(&user.kept, &camera_id, &span.perms, now);
        let mut session = Session {
            whose: rights.id(),
            called: client.called.clone(),
            camera_id: camera_id.clone(),
            viewer: Some(viewer),
            camera: Some(camera),
            has_secret: client.announced.is_some(),
            network: Some(client.network),
            perms: span.perms,
            booked: span.booked,
            saving: span.saving,
            door_call,
            until: now.mono,
            cap: lease_end(now, span.lease),
            lease: span.lease,
            end: span.end,
            review: span.review.map(|at| now.instant_of(at)),
            ice: None,
            started: now.wall,
            seq: 0,
            return_by: None,
            stats: StatsPace::new(now),
            sent: None,
            shown: None,
            has_media: false,
            drives: None,
        };
        session.until = session.lasts_until(now);
        let terms = session.terms(now);
        if terms.lease == 0 {
            return Err(Refusal::new(Code::LeaseEnded, "your time is over"));
        }
        let viewer_peer_id = client.peer_id.clone();
        let session_id = (self.next_id)();
        let grant = self.grant(&session_id, &session, now)?;
        let rights = self.users.get(&session.whose).map(|user| &user.rights);
        let relayed = rights.map_or_else(String::new, |rights| relay_user(rights, &session_id));
        let ice = self.ice_for(&relayed, session.until, now);
        session.ice = IceTerm::new(&ice, session.until, now);
        self.happened(Event::SessionStarted {
            session: session_id.clone(),
            user: session.whose.user.to_string(),
            called: session.called.as_deref().map(str::to_owned),
            camera: camera_id.clone(),
            perms: session.perms.clone(),
        });
        self.insert_session(&session_id, session);

        let extra = ToPeerExtra {
            ice_servers: ice.servers,
            ..ToPeerExtra::default()
        };
        let started = OutgoingMessage::SessionStarted {
            peer_id: camera_id.clone(),
            session_id: session_id.clone(),
        };
        let to_viewer = ToPeerExtra {
            secret: Some(self.signer.session_secret(&session_id)),
            terms: Some(terms),
            offers: sfu.filter(|_| !has_offered).map(|_| Offerer::Viewer),
            ..extra.clone()
        };
        self.send(viewer, started, to_viewer);
        let start = OutgoingMessage::StartSession {
            peer_id: viewer_peer_id,
            session_id,
            offer: wanted.offer,
        };
        let to_camera = ToPeerExtra {
            grant,
            camera: sfu.map(|_| camera_id),
            ..extra
        };
        self.send(camera, start, to_camera);
        Ok(())
    }

    /// The connection of a camera that can be watched.
    fn connection_of(&self, id: &str) -> Result<ClientId, Refusal> {
        let camera = self.cameras.get(id);
        let camera = camera.ok_or(Refusal::new(Code::NoSuchCamera, "there is no such camera"))?;
        let client = camera.client.filter(|_| camera.listed.is_some());
        client.ok_or(Refusal::new(
            Code::CameraOffline,
            "the camera is not connected",
        ))
    }

    /// The grant of a session for a camera that announced itself; a stock one cannot check any.
    pub(super) fn grant(
        &self,
        id: &str,
        session: &Session,
        now: Now,
    ) -> Result<Option<String>, Refusal> {
        let client = session.camera.and_then(|camera| self.clients.get(&camera));
        let announced = client.and_then(|client| client.announced.as_ref());
        let Some(nonce) = announced.and_then(|announced| announced.nonce.clone()) else {
            return Ok(None);
        };
        let knows = |permission: &&Permission| {
            **permission != Permission::Door || announced.is_some_and(|announced| announced.door)
        };
        let known = |all: &[Permission]| all.iter().filter(knows).copied().collect::<Vec<_>>();
        let terms = session.terms(now);
        let grant = Grant {
            aud: session.camera_id.clone(),
            sub: subject(&session.whose.user, session.called.as_deref()),
            sid: id.to_owned(),
            nonce,
            seq: session.seq,
            lease: terms.lease,
            perms: known(&terms.perms),
            booked: Some(known(&session.booked)),
            door_call: session.door_call.clone(),
        };
        let token = self.signer.sign(&grant);
        token
            .map(Some)
            .map_err(|_| Refusal::new(Code::Other, "the server could not sign the grant"))
    }

    /// A page that was loaded again has lost its peer connection: its old session ends first, so that it is not in
    /// the way of the new one. A proof that is none changes nothing.
    fn replace_session(&mut self, viewer: ClientId, camera_id: &str, proof: &SessionProof) {
        let id = &proof.session_id;
        let Some(user) = self.user_of(viewer).map(|user| user.rights.user.clone()) else {
            return;
        };
        if check_proof(proof).is_err() || !self.signer.is_session_secret(id, &proof.secret) {
            return;
        }
        match self.sessions.get(id) {
            Some(session) if session.whose.user == user && session.camera_id == camera_id => {
                self.end(id, Code::ViewerLeft, Tell::Both);
            }
            Some(_) => (),
            // This server does not know it, but the camera may report it when it is back.
            None => self.remember_left(id, &user, camera_id),
        }
    }

    /// A session of which only its camera knows, and that camera is away: its end waits there.
    pub(super) fn remember_left(&mut self, id: &str, user: &str, camera_id: &str) {
        if !self.is_registered(camera_id)
            && let Some(camera) = self.cameras.get_mut(camera_id)
            && camera.ended.reason(id, user).is_none()
        {
            camera.ended.remember(id, user, None, Code::ViewerLeft);
        }
    }

    pub(super) fn forward(&mut self, from: ClientId, message: PeerMessage) -> Result<(), Refusal> {
        let client = self.clients.get(&from).ok_or(UNKNOWN_SENDER)?;
        if matches!(client.role, Role::Viewer(_)) {
            check_peer_message(&message.peer_message)?;
        }
        let session = self.sessions.get(&message.session_id);
        let session = session.ok_or(NO_SUCH_SESSION)?;
        let to = match Some(from) {
            viewer if viewer == session.viewer => session.camera,
            camera if camera == session.camera => session.viewer,
            _ => return Err(NO_SUCH_SESSION),
        };
        // What is said while the other end is away is lost, as it would be on the wire.
        if let Some(to) = to {
            self.send(to, OutgoingMessage::Peer(message), ToPeerExtra::default());
        }
        Ok(())
    }

    pub(super) fn leave_session(
        &mut self,
        from: ClientId,
        id: &str,
        reason: Option<Code>,
        words: Option<String>,
    ) -> Result<(), Refusal> {
        let client = self.clients.get_mut(&from).ok_or(UNKNOWN_SENDER)?;
        if let Some(camera_id) = client.awaited.remove(id)
            && let Role::Viewer(user) = &client.role
        {
            let user = user.clone();
            if let Some(camera) = self.cameras.get_mut(&camera_id) {
                camera.awaited.remove(&(id.to_owned(), from));
            }
            self.remember_left(id, &user.user, &camera_id);
            return Ok(());
        }
        let session = self.sessions.get(id).ok_or(NO_SUCH_SESSION)?;
        match Some(from) {
            viewer if viewer == session.viewer => {
                let reason = viewers_reason(reason);
                let said = words.filter(|_| reason == Code::OfferRefused);
                let said = said.map(|words| short_line(&words));
                self.end_saying(id, reason, Tell::Camera, said);
            }
            camera if camera == session.camera => {
                self.end(id, cameras_reason(reason), Tell::Viewer);
            }
            _ => return Err(NO_SUCH_SESSION),
        }
        Ok(())
    }
}

/// The reason shows in the camera's messages: a viewer can only speak for itself there.
fn viewers_reason(said: Option<Code>) -> Code {
    match said {
        Some(code @ (Code::MediaFailed | Code::OfferRefused)) => code,
        _ => Code::ViewerLeft,
    }
}

/// What a camera can know. The rest is the server's to say.
fn cameras_reason(said: Option<Code>) -> Code {
    match said {
        Some(
            code @ (Code::BadDescription
            | Code::CameraFull
            | Code::GrantRefused
            | Code::LeaseEnded
            | Code::MediaFailed
            | Code::NotPermitted
            | Code::OfferRefused
            | Code::ServerUnreachable
            | Code::TooLarge
            | Code::Unconfirmed
            | Code::ViewerLeft),
        ) => code,
        _ => Code::CameraGone,
    }
}
