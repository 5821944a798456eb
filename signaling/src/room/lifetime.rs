// SPDX-License-Identifier: MPL-2.0
//! How long a session lasts: to the end of its terms, and without its viewer for a short while.

use std::time::{Duration, Instant};

use porthole_protocol::wire::{Code, Extension, SessionProof};

use super::limits::check_proof;
use super::now::Now;
use super::review::Because;
use super::table::{End, Tell};
use super::{Action, ClientId, Refusal, Role, Room, UNKNOWN_SENDER};
use crate::rights::Standing;

/// How long a session waits for its viewer to come back: a change of network and a few tries to connect, and not
/// so long that it takes a place from others.
pub const VIEWER_RETURN: Duration = Duration::from_secs(30);

/// What becomes of a viewer that came back.
enum Return {
    /// It has its session again.
    Attach,
    /// The camera is not back yet, and alone knows.
    Wait,
    Over(Code),
}

impl Room {
    /// When [`Self::tick`] next has something to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let sessions = self.deadlines.first().map(|(at, _)| *at);
        let users = self.user_deadlines.first().map(|(at, _)| *at);
        let calls = self.calls.next_deadline();
        [sessions, users, calls].into_iter().flatten().min()
    }

    /// Ends the sessions whose time is up, and follows the bookings that begin and end.
    pub fn tick(&mut self, now: Now) -> Vec<Action> {
        self.note(now);
        while let Some((at, id)) = self.deadlines.first()
            && *at <= now.mono
        {
            let id = id.clone();
            let Some(session) = self.sessions.get(&id) else {
                break;
            };
            if session.until <= now.mono {
                self.end(&id, Code::LeaseEnded, Tell::Both);
            } else if session.return_by.is_some_and(|at| at <= now.mono) {
                self.end(&id, Code::ViewerLeft, Tell::Both);
            } else {
                self.review(&id, Because::Due, now);
            }
        }
        while let Some((at, user)) = self.user_deadlines.first()
            && *at <= now.mono
        {
            self.turn(&user.clone(), now);
        }
        self.tick_calls(now);
        self.take_actions()
    }

    /// Ends a session on behalf of an administrator. Whether there was one.
    pub fn end_session(&mut self, id: &str, now: Now) -> (bool, Vec<Action>) {
        self.note(now);
        let end = End {
            detail: Some("an administrator ended it"),
            ..Code::Revoked.into()
        };
        let was_there = self.sessions.contains_key(id);
        self.end(id, end, Tell::Both);
        (was_there, self.take_actions())
    }

    /// A viewer is back after its connection broke.
    pub(super) fn resume(
        &mut self,
        from: ClientId,
        camera_id: &str,
        proof: &SessionProof,
        now: Now,
    ) -> Result<(), Refusal> {
        let client = self.clients.get(&from).ok_or(UNKNOWN_SENDER)?;
        if !matches!(client.role, Role::Viewer(_)) {
            return Err(Refusal::new(
                Code::NotPermitted,
                "a camera cannot resume a session",
            ));
        }
        if client.announced.is_none() {
            return Err(Refusal::new(
                Code::BadMessage,
                "send setPeerStatus with the field porthole first",
            ));
        }
        check_proof(proof)?;
        let id = &proof.session_id;
        if !self.signer.is_session_secret(id, &proof.secret) {
            self.send_end(from, id, Code::NoSuchSession);
            return Ok(());
        }
        if self.back_elsewhere(from, camera_id, id)? {
            return Ok(());
        }
        self.settle(from, camera_id, id, now)
    }

    /// Answers those who came back before this camera did.
    pub(super) fn answer_awaited(&mut self, camera_id: &str, now: Now) {
        let Some(camera) = self.cameras.get_mut(camera_id) else {
            return;
        };
        for (id, viewer) in std::mem::take(&mut camera.awaited) {
            if let Some(client) = self.clients.get_mut(&viewer) {
                client.awaited.remove(&id);
            }
            if let Err(refusal) = self.settle(viewer, camera_id, &id, now) {
                self.send_error(viewer, &refusal);
                self.session_is(viewer, camera_id, &id, false);
            }
        }
    }

    /// Takes a viewer that has shown the session's secret back.
    pub(super) fn settle(
        &mut self,
        viewer: ClientId,
        camera_id: &str,
        id: &str,
        now: Now,
    ) -> Result<(), Refusal> {
        let verdict = self.may_return(viewer, camera_id, id)?;
        match verdict {
            Return::Attach => self.attach(viewer, id, now),
            Return::Over(reason) => {
                self.send_end(viewer, id, reason);
                self.session_is(viewer, camera_id, id, false);
            }
            Return::Wait => {
                if let Some(client) = self.clients.get_mut(&viewer)
                    && let Some(camera) = self.cameras.get_mut(camera_id)
                {
                    client.awaited.insert(id.to_owned(), camera_id.to_owned());
                    camera.awaited.insert((id.to_owned(), viewer));
                }
            }
        }
        Ok(())
    }

    fn may_return(&self, viewer: ClientId, camera_id: &str, id: &str) -> Result<Return, Refusal> {
        const NONE: Return = Return::Over(Code::NoSuchSession);
        let (Some(user), Some(camera)) = (self.user_of(viewer), self.cameras.get(camera_id)) else {
            return Ok(NONE);
        };
        let rights = &user.rights;
        if let Some(session) = self.sessions.get(id) {
            if session.whose.user != rights.user || session.camera_id != camera_id {
                return Ok(NONE);
            }
            self.check_places(viewer, rights, camera_id, Some(id))?;
            return Ok(Return::Attach);
        }
        if let Some(reason) = camera.ended.reason(id, &rights.user) {
            return Ok(Return::Over(reason));
        }
        let standing = rights.at(camera_id, self.clock.wall);
        if standing == Standing::Unknown || self.is_registered(camera_id) {
            return Ok(NONE);
        }
        let client = self.clients.get(&viewer).ok_or(UNKNOWN_SENDER)?;
        if !client.awaited.contains_key(id) {
            self.check_places(viewer, rights, camera_id, None)?;
        }
        Ok(Return::Wait)
    }

    fn attach(&mut self, viewer: ClientId, id: &str, now: Now) {
        if let Some(old) = self.attach_viewer(id, viewer) {
            // Mostly a connection that is dead already. One that lives has to know.
            self.send_end(old, id, Code::Replaced);
            let camera = self
                .sessions
                .get(id)
                .map(|session| session.camera_id.clone());
            self.session_is(old, &camera.unwrap_or_default(), id, false);
        }
        // It goes on by what the viewer has shown now.
        let whose = self.user_of(viewer).map(|user| user.rights.id());
        let before = self.sessions.get(id).map(|session| session.whose.clone());
        if let Some(whose) = whose
            && before.is_some_and(|before| before != whose)
        {
            self.hand_to(id, &whose);
            self.review(id, Because::NewRights, now);
        }
        if self
            .clients
            .get(&viewer)
            .is_some_and(|client| client.called.is_some())
        {
            self.name_session(viewer, id, now);
        }
        if let Some(session) = self.sessions.get(id) {
            let resumed = Extension::SessionResumed {
                session_id: id.to_owned(),
                peer_id: session.camera_id.clone(),
                terms: session.terms(now),
            };
            self.extend(viewer, resumed);
        }
    }
}
