// SPDX-License-Identifier: MPL-2.0
//! A camera that registers says which sessions it has, and the room says which of them go on.
//!
//! The room may have been restarted since, and then knows of a session only what its own signature on the camera's
//! grant proves. What the user may do counts as it is now.

use std::collections::BTreeSet;
use std::sync::Arc;

use porthole_protocol::grant::{Grant, user_and_called};
use porthole_protocol::limits::MAX_SESSIONS_PER_CAMERA;
use porthole_protocol::wire::{Code, Extension, IceServer, RunningSession};

use super::ice::{IceTerm, relay_user};
use super::lifetime::VIEWER_RETURN;
use super::limits::{MAX_ID_BYTES, MAX_SESSIONS_PER_PERSON};
use super::now::Now;
use super::stats::StatsPace;
use super::table::{End, Session, Tell, lease_end};
use super::{ClientId, Event, Room};
use crate::rights::{Rights, Standing};

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
        now: Now,
    ) {
        let mut reported = BTreeSet::new();
        let reports: Vec<_> = reports
            .into_iter()
            .filter(|report| report.session_id.len() <= MAX_ID_BYTES)
            .filter(|report| reported.insert(report.session_id.clone()))
            .collect();
        let known = self.cameras.get(camera_id).map(|c| c.sessions.clone());
        for lost in known.unwrap_or_default().difference(&reported) {
            if self.is_at_sfu(lost) {
                continue;
            }
            let end = End {
                detail: Some("the camera came back without this picture"),
                ..Code::CameraGone.into()
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
        now: Now,
    ) -> Result<(), Code> {
        let id = &report.session_id;
        let announced = self.clients.get(&camera).and_then(|c| c.announced.as_ref());
        if announced.is_none_or(|announced| announced.nonce.is_none()) {
            return Err(Code::NoSuchSession);
        }
        let grant = self.signer.read(&report.grant);
        let grant = grant.map_err(|_| Code::NoSuchSession)?;
        if grant.aud != camera_id || grant.sid != *id {
            return Err(Code::NoSuchSession);
        }
        let seen = self.cameras.get(camera_id).ok_or(Code::NoSuchSession)?;
        let (user, _) = user_and_called(&grant.sub);
        if let Some(reason) = seen.ended.reason(id, user) {
            return Err(reason);
        }
        let seq = grant.seq;
        if !self.sessions.contains_key(id) {
            let (rights, mut session) = self.restored(id, camera_id, grant, report.lease, now)?;
            // A camera that does not say has kept it for as long as the server was away.
            session.has_media = report.connected.unwrap_or(true);
            self.happened(Event::SessionRestored {
                session: id.clone(),
                user: session.whose.user.to_string(),
                camera: camera_id.to_owned(),
            });
            self.take_in(rights, now);
            self.insert_session(id, session);
        }
        self.change_session(id, |session| {
            session.camera = Some(camera);
            session.seq = session.seq.max(seq);
        });
        // A call that the server took up again may be its.
        if self.sessions.get(id).is_some_and(|s| s.has_media) {
            self.call_media(id, now);
        }
        self.renew(id, Vec::new(), now)
    }

    /// A session that only its camera remembers, as of before the server was restarted.
    fn restored(
        &self,
        id: &str,
        camera_id: &str,
        grant: Grant,
        left: u32,
        now: Now,
    ) -> Result<(Arc<Rights>, Session), Code> {
        // Of someone whom a backend knows, with any token of today's until the viewer is back with its own.
        let open =
            |rights: &&Arc<Rights>| matches!(rights.at(camera_id, now.wall), Standing::Open(_));
        let (user, called) = user_and_called(&grant.sub);
        let kept = self.kept_rights(user);
        let all: Vec<_> = kept.iter().map(|kept| self.with_calls(kept)).collect();
        let found = all.iter().position(|rights| open(&rights)).unwrap_or(0);
        let rights = all.get(found).ok_or(Code::Revoked)?;
        let kept = kept.get(found).cloned().ok_or(Code::Revoked)?;
        let span = match rights.at(camera_id, now.wall) {
            Standing::Open(span) => span,
            Standing::Closed { code, .. } if code != Code::NoBooking => return Err(code),
            _ => return Err(Code::Revoked),
        };
        let camera = self.cameras.get(camera_id).ok_or(Code::NoSuchSession)?;
        let own = camera
            .sessions
            .iter()
            .filter_map(|id| self.sessions.get(id));
        let own = own.filter(|session| *session.whose.user == *user).count();
        if camera.sessions.len() >= MAX_SESSIONS_PER_CAMERA
            || (own >= MAX_SESSIONS_PER_PERSON && !rights.shared)
        {
            return Err(Code::TooMany);
        }
        let lease = left.min(grant.lease).min(span.lease);
        let door_call = self.door_call(&kept, camera_id, &span.perms, now);
        let mut session = Session {
            whose: rights.id(),
            called: called.map(Arc::from),
            camera_id: camera_id.to_owned(),
            viewer: None,
            camera: None,
            has_secret: true,
            network: None,
            perms: span.perms,
            booked: span.booked,
            saving: span.saving,
            door_call,
            until: now.mono,
            cap: lease_end(now, lease),
            lease: span.lease,
            end: span.end,
            review: span.review.map(|at| now.instant_of(at)),
            ice: None,
            started: now.wall,
            seq: grant.seq,
            return_by: Some(now + VIEWER_RETURN),
            stats: StatsPace::new(now),
            sent: None,
            shown: None,
            has_media: false,
            drives: None,
        };
        session.until = session.lasts_until(now);
        // Which credentials its ends have is forgotten: they get new ones when these would run out.
        session.ice = {
            let relayed = relay_user(rights, id);
            IceTerm::new(
                &self.ice_for(&relayed, session.until, now),
                session.until,
                now,
            )
        };
        Ok((kept, session))
    }

    /// Sends the camera a fresh grant with the terms as they are now.
    pub(super) fn renew(&mut self, id: &str, ice: Vec<IceServer>, now: Now) -> Result<(), Code> {
        self.change_session(id, |session| session.seq = session.seq.saturating_add(1));
        let session = self.sessions.get(id).ok_or(Code::NoSuchSession)?;
        if session.terms(now).lease == 0 {
            return Err(Code::LeaseEnded);
        }
        let Some(camera) = session.camera else {
            // It gets the terms when it is back.
            return Ok(());
        };
        let grant = self
            .grant(id, session, now)
            .map_err(|refusal| refusal.code)?;
        // A stock camera knows no terms: it hears of the end alone.
        if grant.is_some() {
            let update = Extension::GrantUpdate {
                session_id: id.to_owned(),
                grant,
                terms: None,
                ice_servers: ice,
            };
            self.extend(camera, update);
        }
        Ok(())
    }
}
