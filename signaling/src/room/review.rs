// SPDX-License-Identifier: MPL-2.0
//! What a session may do follows what its user may do, as bookings begin, end and change.

use std::time::{Duration, Instant};

use porthole_protocol::wire::{Code, Extension, IceServer};

use super::ice::{IceTerm, relay_user};
use super::now::Now;
use super::table::{End, Session, Tell, lease_end};
use super::{Refusal, Room};
use crate::rights::{RightsId, Span, Standing};

/// What a session was told may be a little off what it would be told now, since the two clocks are never read at the
/// very same moment. Beyond this, the time of day was set.
const CLOCK_SET: Duration = Duration::from_millis(250);

/// Why there is a look at a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Because {
    /// It is time to.
    Due,
    /// Someone set the clock.
    ClockSet,
    /// The user's rights are other ones.
    NewRights,
}

impl Room {
    /// Notes the time, and looks at what runs and at those who are here again if the clock was set.
    pub(super) fn note(&mut self, now: Now) {
        let was_set = now.set_since(self.clock) > CLOCK_SET;
        self.clock = now;
        if was_set {
            self.calls_after_clock_set(now);
            for id in self.sessions.keys().cloned().collect::<Vec<_>>() {
                self.review(&id, Because::ClockSet, now);
            }
            for user in self.users.keys().cloned().collect::<Vec<_>>() {
                self.turn(&user, now);
            }
        }
    }

    /// How a user stands at a camera now.
    pub(super) fn standing(&self, user: &RightsId, camera_id: &str, now: Now) -> Standing {
        let user = self.users.get(user);
        user.map_or(Standing::Unknown, |user| {
            user.rights.at(camera_id, now.wall)
        })
    }

    /// Looks what a session's user may do now: the session ends, or both its ends hear of new terms.
    pub(super) fn review(&mut self, id: &str, because: Because, now: Now) {
        let Some(session) = self.sessions.get(id) else {
            return;
        };
        let span = match self.standing(&session.whose, &session.camera_id, now) {
            Standing::Open(span) => span,
            Standing::Closed { code, .. } if code != Code::NoBooking => {
                return self.end(id, code, Tell::Both);
            }
            _ if because == Because::NewRights => return self.end(id, Code::Revoked, Tell::Both),
            _ => return self.end(id, Code::LeaseEnded, Tell::Both),
        };
        let mut is_new = because == Because::ClockSet;
        let user = self.users.get(&session.whose);
        let door_call =
            user.and_then(|user| self.door_call(&user.kept, &session.camera_id, &span.perms, now));
        self.change_session(id, |session| is_new |= session.follow(span, door_call, now));
        let ice = self.renew_ice(id, now);
        if !is_new && ice.is_none() {
            return;
        }
        let ice = ice.unwrap_or_default();
        if let Err(reason) = self.renew(id, ice.clone(), now) {
            return self.end(id, reason, Tell::Both);
        }
        if let Some(session) = self.sessions.get(id)
            && let Some(viewer) = session.viewer
        {
            let update = Extension::GrantUpdate {
                session_id: id.to_owned(),
                grant: None,
                terms: Some(session.terms(now)),
                ice_servers: ice,
            };
            self.extend(viewer, update);
        }
    }

    /// New credentials for the session's relays, if the old ones run out or it lasts longer or shorter than they do.
    fn renew_ice(&mut self, id: &str, now: Now) -> Option<Vec<IceServer>> {
        let session = self.sessions.get(id)?;
        session.ice.filter(|ice| ice.is_due(session.until, now))?;
        let until = session.until;
        let user = self.users.get(&session.whose)?;
        let ice = self.ice_for(&relay_user(&user.rights, id), until, now);
        let servers = ice.servers.clone();
        self.change_session(id, |session| {
            session.ice = IceTerm::new(&ice, session.until, now)
        });
        Some(servers)
    }

    pub(super) fn ice_for(&self, user: &str, until: Instant, now: Now) -> super::Ice {
        let left = until.saturating_duration_since(now.mono);
        (self.ice)(user, left, now.wall)
    }

    /// A booking of a user who is here began or ended: the list is another one.
    pub(super) fn turn(&mut self, name: &RightsId, now: Now) {
        let Some(user) = self.users.get_mut(name) else {
            return;
        };
        let before = std::mem::replace(&mut user.told, now.wall);
        let rights = user.rights.clone();
        self.schedule(name, now);
        self.tell_of_change(name, &rights, before);
    }

    /// Notes when the list of a user who is here changes next.
    pub(super) fn schedule(&mut self, name: &RightsId, now: Now) {
        let Some(user) = self.users.get_mut(name) else {
            return;
        };
        let change = user.rights.next_change(now.wall);
        let change = change.filter(|_| user.connections_here() > 0);
        let due = change.map(|at| now.instant_of(at));
        let before = std::mem::replace(&mut user.due, due);
        if let Some(before) = before {
            self.user_deadlines.remove(&(before, name.clone()));
        }
        if let Some(due) = due {
            self.user_deadlines.insert((due, name.clone()));
        }
    }

    /// A refusal of a camera that is closed for now, or of one that is not there for this user.
    pub(super) fn refused(standing: Standing) -> Result<Span, Refusal> {
        match standing {
            Standing::Open(span) => Ok(span),
            // A camera that exists for others only must look like one that does not exist.
            Standing::Unknown => Err(Refusal::new(Code::NoSuchCamera, "there is no such camera")),
            Standing::Closed { code, next } => Err(Refusal {
                next,
                ..Refusal::new(code, in_words(code))
            }),
        }
    }
}

fn in_words(code: Code) -> &'static str {
    match code {
        Code::NotPermitted => "you may not view this camera",
        Code::LeaseEnded => "your time is over",
        _ => "you have no booking of this camera now",
    }
}

impl Session {
    /// Takes over what is permitted now. Whether that is news to its ends.
    fn follow(&mut self, span: Span, door_call: Option<String>, now: Now) -> bool {
        let mut is_new = self.perms != span.perms
            || self.booked != span.booked
            || self.saving != span.saving
            || self.end != span.end
            || self.door_call != door_call;
        if self.lease != span.lease {
            // Another lease counts from now; the same one leaves the session the time it had.
            is_new = true;
            self.cap = lease_end(now, span.lease);
            self.lease = span.lease;
        }
        self.perms = span.perms;
        self.booked = span.booked;
        self.saving = span.saving;
        self.door_call = door_call;
        self.end = span.end;
        self.review = span.review.map(|at| now.instant_of(at));
        self.until = self.lasts_until(now);
        is_new
    }

    /// The end of what is permitted, or of the lease if that comes first.
    pub(super) fn lasts_until(&self, now: Now) -> Instant {
        let end = self.end.map(|end| now.instant_of(end));
        end.map_or(self.cap, |end| end.min(self.cap))
    }
}

/// The end of a session, with what its viewer may hope for.
impl Room {
    pub(super) fn with_next(&self, end: End, session: &Session) -> End {
        let hopes = matches!(end.reason, Code::LeaseEnded | Code::Revoked);
        let user = self.users.get(&session.whose).filter(|_| hopes);
        let next = user.and_then(|user| {
            let wall = self.clock.wall;
            user.rights.next_start(&session.camera_id, wall)
        });
        End { next, ..end }
    }
}
