// SPDX-License-Identifier: MPL-2.0
//! What may be done at a camera at some time: the union of the rules that hold then.

use std::iter::successors;

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::{MAX_LEASE_SECONDS, Permission};
use porthole_protocol::wire::Code;

use super::{Perms, Rights, Rule};

/// What is lost while the picture goes on is lost this much earlier, so that the news is at the camera before the
/// lease that it replaces is over: late would be a permission beyond its end, and no news a gap in the picture.
pub(crate) const HANDOVER: SignedDuration = SignedDuration::from_secs(1);

/// How far ahead an end is looked for: no session lasts longer without a look at its rights.
const HORIZON: SignedDuration = SignedDuration::from_secs(MAX_LEASE_SECONDS as i64 + 1);

/// How a user stands at a camera at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Open(Span),
    /// Not now. The camera may be known to the user nevertheless.
    Closed {
        code: Code,
        /// When it next opens.
        next: Option<Timestamp>,
    },
    /// For this user there is no such camera.
    Unknown,
}

/// What is permitted without a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) perms: Vec<Permission>,
    /// Those of them that a booking gives.
    pub(crate) booked: Vec<Permission>,
    /// Whether any rule that shows the camera lets the page save what it shows.
    pub(crate) saving: bool,
    /// The longest a session may be granted, in seconds.
    pub(crate) lease: u32,
    /// The first moment at which not all of it is permitted any more; `None` if there is none for longer than any lease.
    pub(crate) end: Option<Timestamp>,
    /// When to look again: there may be more or less then.
    pub(crate) review: Option<Timestamp>,
}

/// That a camera is open to someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) perms: Perms,
    /// The first moment at which it is not, if there is one.
    pub(crate) until: Option<Timestamp>,
}

impl Rights {
    /// How matters stand at this camera.
    pub(crate) fn at(&self, camera_id: &str, at: Timestamp) -> Standing {
        let perms = self.perms_at(camera_id, at);
        if !perms.contains(Permission::View) {
            return self.closed(camera_id, at);
        }
        let lease = self.rules_at(camera_id, at).filter(|rule| rule.shows());
        let lease = lease.map(|rule| rule.lease).max().unwrap_or(0);
        if lease == 0 {
            let next = self.next_start(camera_id, at);
            return Standing::Closed {
                code: Code::LeaseEnded,
                next,
            };
        }
        let booked = self.rules_at(camera_id, at).filter(|rule| rule.booked);
        let booked = booked.fold(Perms::NONE, |all, rule| all | rule.perms);
        let mut showing = self.rules_at(camera_id, at).filter(|rule| rule.shows());
        let saving = showing.any(|rule| rule.saving);
        let soon = self.perms_at(camera_id, at + HANDOVER);
        let perms = match soon.contains(Permission::View) {
            true => perms & soon,
            false => perms,
        };
        Standing::Open(Span {
            booked: (booked & perms).iter().collect(),
            perms: perms.iter().collect(),
            saving,
            lease: lease.min(MAX_LEASE_SECONDS),
            end: self.first_loss(camera_id, perms, at),
            review: self.next_look(camera_id, at),
        })
    }

    fn closed(&self, camera_id: &str, at: Timestamp) -> Standing {
        if self.rules_of(camera_id).next().is_none() {
            return Standing::Unknown;
        }
        let code = match self.may_see(camera_id, at) {
            true => Code::NotPermitted,
            false => Code::NoBooking,
        };
        let next = self.next_start(camera_id, at);
        Standing::Closed { code, next }
    }

    /// Whether the camera is listed for this user at `at`.
    pub fn may_see(&self, camera_id: &str, at: Timestamp) -> bool {
        self.rules_at(camera_id, at).next().is_some()
    }

    /// When the user may next look through the camera, after `at`.
    pub fn next_start(&self, camera_id: &str, at: Timestamp) -> Option<Timestamp> {
        let own = self.rules_of(camera_id).filter(|rule| rule.shows());
        own.filter_map(|rule| rule.when.next_start(at)).min()
    }

    /// The first time after `at` at which the list of cameras may change.
    pub(crate) fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let rules = self.rules().iter();
        rules.filter_map(|rule| rule.when.next_edge(at)).min()
    }

    /// Whether the camera is open at `now`, and until when: windows that touch count as one.
    pub(crate) fn open(&self, camera: &str, now: Timestamp) -> Option<Open> {
        let perms = self.perms_at(camera, now);
        let shows = |at: Timestamp| self.perms_at(camera, at).contains(Permission::View);
        perms.contains(Permission::View).then(|| Open {
            perms,
            until: self.edges(camera, now).find(|edge| !shows(*edge)),
        })
    }

    /// When not all of these is permitted any more.
    fn first_loss(&self, camera: &str, perms: Perms, at: Timestamp) -> Option<Timestamp> {
        let edges = self.edges(camera, at);
        let mut near = edges.take_while(|edge| edge.duration_since(at) <= HORIZON);
        near.find(|edge| !perms.is_subset(self.perms_at(camera, *edge)))
    }

    /// The first edge, or a moment before one.
    fn next_look(&self, camera: &str, at: Timestamp) -> Option<Timestamp> {
        let mut edges = self.edges(camera, at).peekable();
        let first = *edges.peek()?;
        let ahead = edges.map(|edge| edge - HANDOVER).find(|ahead| *ahead > at);
        Some(ahead.map_or(first, |ahead| ahead.min(first)))
    }

    /// When something may begin or end at this camera, after `at`.
    fn edges(&self, camera: &str, at: Timestamp) -> impl Iterator<Item = Timestamp> {
        let rules = self.rules_of(camera);
        let next = move |at: &Timestamp| {
            let edges = rules.clone().filter_map(|rule| rule.when.next_edge(*at));
            edges.min()
        };
        successors(next(&at), next)
    }

    fn rules_at(&self, camera: &str, at: Timestamp) -> impl Iterator<Item = &Rule> {
        let rules = self.rules_of(camera);
        rules.filter(move |rule| rule.when.holds(at))
    }

    fn perms_at(&self, camera: &str, at: Timestamp) -> Perms {
        let rules = self.rules_at(camera, at);
        rules.fold(Perms::NONE, |all, rule| all | rule.perms)
    }
}
