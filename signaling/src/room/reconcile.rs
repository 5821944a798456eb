// SPDX-License-Identifier: MPL-2.0
//! A camera that registers says which sessions it has, and the room says which of them go on.
//!
//! The room may have been restarted since, and then knows of a session only what its own signature on the camera's
//! grant proves. What the user may do counts as it is now.

use std::collections::BTreeSet;
use std::time::Instant;

use porthole_protocol::grant::{Grant, Permission};
use porthole_protocol::limits::MAX_SESSIONS_PER_CAMERA;
use porthole_protocol::wire::{Code, Extension, RunningSession};

use super::lifetime::VIEWER_RETURN;
use super::limits::{MAX_ID_BYTES, MAX_SESSIONS_PER_PERSON};
use super::table::{End, Session, Tell, lease_end};
use super::{ClientId, Rights, Room};

impl Room {
    /// Whether the camera has said on its present connection what it has.
    pub(super) fn is_registered(&self, camera_id: &str) -> bool {
        let camera = self.cameras.get(camera_id);
        let client = camera.and_then(|camera| self.clients.get(&camera.client?));
        client.is_some_and(|client| client.registered)
    }

    /// Answers each session that the camera reported, and ends those that it did not.
    pub(super) fn reconcile(
        &mut self,
        camera: ClientId,
        camera_id: &str,
        reports: Vec<RunningSession>,
        now: Instant,
    ) {
        let mut reported = BTreeSet::new();
        let reports: Vec<_> = reports
            .into_iter()
            .filter(|report| report.session_id.len() <= MAX_ID_BYTES)
            .filter(|report| reported.insert(report.session_id.clone()))
            .collect();
        let known = self.cameras.get(camera_id).map(|c| c.sessions.clone());
        for lost in known.unwrap_or_default().difference(&reported) {
            let end = End {
                reason: Code::CameraGone,
                detail: Some("the camera came back without this picture"),
            };
            self.end(lost, end, Tell::Viewer);
        }
        for (n, report) in reports.iter().enumerate() {
            let id = &report.session_id;
            let verdict = if n < MAX_SESSIONS_PER_CAMERA {
                self.confirm(camera, camera_id, report, now)
            } else {
                Err(Code::TooMany)
            };
            if let Err(reason) = verdict {
                let is_its_own = self
                    .sessions
                    .get(id)
                    .is_some_and(|s| s.camera_id == camera_id);
                if is_its_own {
                    self.end(id, reason, Tell::Viewer);
                }
                self.send_end(camera, id, reason);
            }
        }
    }

    /// Lets a reported session go on, or says why not.
    fn confirm(
        &mut self,
        camera: ClientId,
        camera_id: &str,
        report: &RunningSession,
        now: Instant,
    ) -> Result<(), Code> {
        let id = &report.session_id;
        let announced = self.clients.get(&camera).and_then(|c| c.announced.as_ref());
        if announced.is_none_or(|announced| announced.nonce.is_none()) {
            return Err(Code::NoSuchSession);
        }
        let grant = self.signer.public_key().read(&report.grant);
        let grant = grant.map_err(|_| Code::NoSuchSession)?;
        if grant.aud != camera_id || grant.sid != *id {
            return Err(Code::NoSuchSession);
        }
        let seen = self.cameras.get(camera_id).ok_or(Code::NoSuchSession)?;
        if let Some(reason) = seen.ended.reason(id, &grant.sub) {
            return Err(reason);
        }
        let seq = grant.seq;
        if !self.sessions.contains_key(id) {
            let session = self.restored(camera_id, grant, report.lease, now)?;
            self.insert_session(id, session);
        }
        self.change_session(id, |session| {
            session.camera = Some(camera);
            session.seq = session.seq.max(seq);
        });
        self.renew(id, now)
    }

    /// A session that only its camera remembers, as of before the server was restarted.
    fn restored(
        &self,
        camera_id: &str,
        grant: Grant,
        left: u32,
        now: Instant,
    ) -> Result<Session, Code> {
        let user = self.users.get(&grant.sub).ok_or(Code::Revoked)?;
        may_go_on(&user.rights, camera_id)?;
        let camera = self.cameras.get(camera_id).ok_or(Code::NoSuchSession)?;
        let own = camera
            .sessions
            .iter()
            .filter_map(|id| self.sessions.get(id));
        let own = own.filter(|session| session.user == grant.sub).count();
        if camera.sessions.len() >= MAX_SESSIONS_PER_CAMERA
            || (own >= MAX_SESSIONS_PER_PERSON && !user.rights.shared)
        {
            return Err(Code::TooMany);
        }
        let lease = left.min(grant.lease).min(user.rights.lease);
        Ok(Session {
            user: grant.sub,
            camera_id: camera_id.to_owned(),
            viewer: None,
            camera: None,
            has_secret: true,
            network: None,
            perms: user.rights.perms.clone(),
            until: lease_end(now, lease),
            seq: grant.seq,
            return_by: Some(now + VIEWER_RETURN),
        })
    }

    /// Sends the camera a fresh grant with the terms as they are now.
    pub(super) fn renew(&mut self, id: &str, now: Instant) -> Result<(), Code> {
        self.change_session(id, |session| session.seq = session.seq.saturating_add(1));
        let session = self.sessions.get(id).ok_or(Code::NoSuchSession)?;
        if session.terms(now).lease == 0 {
            return Err(Code::LeaseEnded);
        }
        let Some(camera) = session.camera else {
            // It gets the terms when it is back.
            return Ok(());
        };
        let grant = self.grant(id, session, now).map_err(|refusal| refusal.0)?;
        // A stock camera knows no terms: it hears of the end alone.
        if grant.is_some() {
            let update = Extension::GrantUpdate {
                session_id: id.to_owned(),
                grant,
                terms: None,
            };
            self.extend(camera, update);
        }
        Ok(())
    }
}

/// Whether a session of someone with these rights may go on at this camera.
pub(super) fn may_go_on(rights: &Rights, camera_id: &str) -> Result<(), Code> {
    if !rights.may_see(camera_id) {
        return Err(Code::Revoked);
    }
    if !rights.perms.contains(&Permission::View) {
        return Err(Code::NotPermitted);
    }
    if rights.lease == 0 {
        return Err(Code::LeaseEnded);
    }
    Ok(())
}
