// SPDX-License-Identifier: MPL-2.0
//! The one table of sessions, and the indexes into it. Only this file adds, attaches, changes and removes.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use porthole_protocol::grant::{MAX_LEASE_SECONDS, Permission};
use porthole_protocol::wire::{
    Code, EndSessionMessage, OutgoingMessage, SessionStats, Terms, ToPeerExtra, ViewerStats,
};

use super::ice::IceTerm;
use super::now::Now;
use super::stats::StatsPace;
use super::{ClientId, Event, Room};
use crate::rights::RightsId;

/// Ends remembered for one camera: twice as many as it has sessions. What is forgotten beyond that is decided by
/// the user's rights again.
const MAX_ENDED: usize = 2 * porthole_protocol::limits::MAX_SESSIONS_PER_CAMERA;

/// One viewer's look through one camera. Either end may be away for a while.
pub(super) struct Session {
    /// By whose rights it runs.
    pub(super) whose: RightsId,
    /// What its viewer, a guest, wants to be called.
    pub(super) called: Option<Arc<str>>,
    pub(super) camera_id: String,
    pub(super) viewer: Option<ClientId>,
    /// The connection on which the camera is known to have it.
    pub(super) camera: Option<ClientId>,
    /// Whether the viewer was told the secret, without which it cannot come back.
    pub(super) has_secret: bool,
    /// Where the viewer was last; not known after a restart.
    pub(super) network: Option<IpAddr>,
    pub(super) perms: Vec<Permission>,
    /// Those of them that a booking gives.
    pub(super) booked: Vec<Permission>,
    /// Whether its page may offer to save what it shows.
    pub(super) saving: bool,
    /// The call that gives `door`, if nothing else does.
    pub(super) door_call: Option<String>,
    /// When its time is up.
    pub(super) until: Instant,
    /// When its lease is over, whatever else is permitted: `lease` seconds after it was granted.
    pub(super) cap: Instant,
    pub(super) lease: u32,
    /// The time of day at which something of what is permitted ends.
    pub(super) end: Option<Timestamp>,
    /// When to look at the user's rights again.
    pub(super) review: Option<Instant>,
    pub(super) ice: Option<IceTerm>,
    pub(super) started: Timestamp,
    /// Of the last grant that was signed.
    pub(super) seq: u32,
    /// While the viewer is away: when it is too late to come back.
    pub(super) return_by: Option<Instant>,
    /// How many statistics its ends may still have passed on.
    pub(super) stats: StatsPace,
    /// What its camera said last of what it sends, and its viewer of what was shown.
    pub(super) sent: Option<SessionStats>,
    pub(super) shown: Option<ViewerStats>,
    /// Whether its viewer has had a picture, as far as is known.
    pub(super) has_media: bool,
    /// Since when it drives, if its camera has said that it does.
    pub(super) drives: Option<Timestamp>,
}

impl Session {
    fn due(&self) -> Instant {
        let renew_ice = self.ice.and_then(|ice| ice.renew_at);
        let others = [self.return_by, self.review, renew_ice];
        let others = others.into_iter().flatten();
        others.fold(self.until, Instant::min)
    }

    /// As they are told to anyone: whole seconds, and never more than are left.
    pub(super) fn terms(&self, now: Now) -> Terms {
        let left = self.until.saturating_duration_since(now.mono).as_secs();
        Terms {
            lease: u32::try_from(left).unwrap_or(MAX_LEASE_SECONDS),
            perms: self.perms.clone(),
            saving: self.saving,
        }
    }
}

/// The end of a lease of so many seconds.
pub(super) fn lease_end(now: Now, seconds: u32) -> Instant {
    now + Duration::from_secs(seconds.min(MAX_LEASE_SECONDS).into())
}

/// Why a session ends.
#[derive(Clone, Copy)]
pub(super) struct End {
    pub(super) reason: Code,
    /// More than the code says, for the viewer.
    pub(super) detail: Option<&'static str>,
    /// When the viewer may watch again.
    pub(super) next: Option<Timestamp>,
}

impl From<Code> for End {
    fn from(reason: Code) -> Self {
        Self {
            reason,
            detail: None,
            next: None,
        }
    }
}

/// Who is told of an end. Whoever caused it knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tell {
    Both,
    Viewer,
    Camera,
}

/// Sessions of one camera that are over, the latest last.
#[derive(Default)]
pub(super) struct Ended {
    sessions: VecDeque<EndedSession>,
}

struct EndedSession {
    id: String,
    user: String,
    /// Not known of one that this server never had.
    started: Option<Timestamp>,
    reason: Code,
}

impl Ended {
    pub(super) fn remember(
        &mut self,
        id: &str,
        user: &str,
        started: Option<Timestamp>,
        reason: Code,
    ) {
        if self.sessions.len() >= MAX_ENDED {
            self.sessions.pop_front();
        }
        self.sessions.push_back(EndedSession {
            id: id.to_owned(),
            user: user.to_owned(),
            started,
            reason,
        });
    }

    /// Why this session of this user ended.
    pub(super) fn reason(&self, id: &str, user: &str) -> Option<Code> {
        let mut all = self.sessions.iter().rev();
        let ended = all.find(|ended| ended.id == id && ended.user == user)?;
        Some(ended.reason)
    }

    /// Whose session it was that ran here, and since when.
    pub(super) fn whose(&self, id: &str) -> Option<(&str, Timestamp)> {
        let mut all = self.sessions.iter().rev().filter(|ended| ended.id == id);
        all.find_map(|ended| Some((ended.user.as_str(), ended.started?)))
    }
}

impl Room {
    pub(super) fn insert_session(&mut self, id: &str, session: Session) {
        if let Some(camera) = self.cameras.get_mut(&session.camera_id) {
            camera.sessions.insert(id.to_owned());
        }
        if let Some(user) = self.users.get_mut(&session.whose) {
            user.sessions.insert(id.to_owned());
        }
        if let Some(client) = session.viewer.and_then(|v| self.clients.get_mut(&v)) {
            client.sessions.insert(id.to_owned());
        }
        self.deadlines.insert((session.due(), id.to_owned()));
        if let Some(viewer) = session.viewer {
            self.session_is(viewer, &session.camera_id, id, true);
        }
        self.sessions.insert(id.to_owned(), session);
    }

    /// Takes a session out of the table and its indexes. Nobody is told.
    pub(super) fn take_session(&mut self, id: &str) -> Option<Session> {
        let session = self.sessions.remove(id)?;
        self.deadlines.remove(&(session.due(), id.to_owned()));
        if let Some(camera) = self.cameras.get_mut(&session.camera_id) {
            camera.sessions.remove(id);
        }
        if let Some(user) = self.users.get_mut(&session.whose) {
            user.sessions.remove(id);
        }
        if let Some(client) = session.viewer.and_then(|v| self.clients.get_mut(&v)) {
            client.sessions.remove(id);
        }
        Some(session)
    }

    /// Changes a session and keeps its deadline in order.
    pub(super) fn change_session(&mut self, id: &str, change: impl FnOnce(&mut Session)) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let before = session.due();
        change(session);
        let due = session.due();
        if due != before {
            self.deadlines.remove(&(before, id.to_owned()));
            self.deadlines.insert((due, id.to_owned()));
        }
    }

    /// Gives a session to this connection, and returns the one that had it.
    pub(super) fn attach_viewer(&mut self, id: &str, viewer: ClientId) -> Option<ClientId> {
        let network = self.clients.get(&viewer).map(|client| client.network);
        let camera = self
            .sessions
            .get(id)
            .map(|session| session.camera_id.clone());
        let mut old = None;
        self.change_session(id, |session| {
            old = session.viewer.replace(viewer).filter(|old| *old != viewer);
            session.network = network;
            session.return_by = None;
        });
        if let Some(client) = old.and_then(|old| self.clients.get_mut(&old)) {
            client.sessions.remove(id);
        }
        if let Some(client) = self.clients.get_mut(&viewer) {
            client.sessions.insert(id.to_owned());
        }
        if let Some(camera) = camera {
            self.session_is(viewer, &camera, id, true);
        }
        old
    }

    /// From now on a session runs by these rights.
    pub(super) fn hand_to(&mut self, id: &str, whose: &RightsId) {
        let Some(session) = self.sessions.get_mut(id) else {
            return;
        };
        let before = std::mem::replace(&mut session.whose, whose.clone());
        if let Some(user) = self.users.get_mut(&before) {
            user.sessions.remove(id);
        }
        if let Some(user) = self.users.get_mut(whose) {
            user.sessions.insert(id.to_owned());
        }
        self.forget_idle(&before);
    }

    /// Leaves a session without its viewer until `return_by`.
    pub(super) fn detach_viewer(&mut self, id: &str, return_by: Instant) {
        let mut old = None;
        self.change_session(id, |session| {
            old = session.viewer.take();
            session.return_by = Some(return_by);
        });
        if let Some(client) = old.and_then(|old| self.clients.get_mut(&old)) {
            client.sessions.remove(id);
        }
    }

    /// Ends a session and remembers why.
    pub(super) fn end(&mut self, id: &str, end: impl Into<End>, tell: Tell) {
        self.end_saying(id, end, tell, None);
    }

    /// As `end`, with what the viewer said of it for the camera's operator.
    pub(super) fn end_saying(
        &mut self,
        id: &str,
        end: impl Into<End>,
        tell: Tell,
        said: Option<String>,
    ) {
        let end = end.into();
        let Some(session) = self.take_session(id) else {
            return;
        };
        if let Some(camera) = self.cameras.get_mut(&session.camera_id) {
            let started = Some(session.started);
            camera
                .ended
                .remember(id, &session.whose.user, started, end.reason);
        }
        if let Some(viewer) = session.viewer.filter(|_| tell != Tell::Camera) {
            let end = self.with_next(end, &session);
            self.send_end(viewer, id, end);
        }
        if let Some(camera) = session.camera.filter(|_| tell != Tell::Viewer) {
            self.send_end_saying(camera, id, end.reason.into(), said.clone());
        }
        if let Some(viewer) = session.viewer {
            self.session_is(viewer, &session.camera_id, id, false);
            self.drop_if_over(viewer, self.clock);
        }
        if session.camera.is_none()
            && let Some(began) = session.drives
        {
            self.lost_driver(id, &session, began);
        }
        self.call_lost_session(&session);
        self.forget_idle(&session.whose);
        self.happened(Event::SessionEnded {
            session: id.to_owned(),
            user: session.whose.user.to_string(),
            camera: session.camera_id,
            started: session.started,
            reason: end.reason,
            said,
        });
    }

    pub(super) fn send_end(&mut self, to: ClientId, session_id: &str, end: impl Into<End>) {
        self.send_end_saying(to, session_id, end.into(), None);
    }

    fn send_end_saying(&mut self, to: ClientId, session_id: &str, end: End, said: Option<String>) {
        let End {
            reason,
            detail,
            next,
        } = end;
        let session_id = session_id.to_owned();
        let extra = ToPeerExtra {
            reason: Some(reason),
            detail: said.or(detail.map(str::to_owned)),
            next_booking: next,
            ..ToPeerExtra::default()
        };
        let end = OutgoingMessage::EndSession(EndSessionMessage { session_id });
        self.send(to, end, extra);
    }
}
