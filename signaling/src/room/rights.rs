// SPDX-License-Identifier: MPL-2.0
//! What a user may do at a camera at some time: the union of the rules that hold then.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::{MAX_LEASE_SECONDS, Permission};
use porthole_protocol::wire::Code;

use crate::digest::SecretDigest;
use crate::model::Window;

/// What is lost while the picture goes on is lost this much earlier, so that the news is at the camera before the
/// lease that it replaces is over: late would be a permission beyond its end, and no news a gap in the picture.
pub(super) const HANDOVER: SignedDuration = SignedDuration::from_secs(1);

/// The user of everyone who comes without a credential, where that is allowed.
pub const GUEST: &str = "guest";

/// The lease of a viewer for whom none is set: 12 hours, so a page that is left open closes overnight.
pub const DEFAULT_LEASE_SECONDS: u32 = 12 * 60 * 60;

/// Whose rights these are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RightsId {
    /// The name that stands in grants, messages and logs.
    pub user: String,
    /// Of someone whom a backend knows: of which token, or of which log-in. Each has rights of its own.
    pub token: Option<SecretDigest>,
}

impl RightsId {
    /// Those of an account, which has one set.
    pub fn account(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            token: None,
        }
    }
}

/// What a viewer may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The name that stands in grants, messages and logs.
    pub user: String,
    /// As in [`RightsId`].
    pub token: Option<SecretDigest>,
    /// Whether many people go by this name, who must not count as one: guests, or those who were given one link.
    pub shared: bool,
    /// What, where and when. What any of them permits is permitted.
    pub rules: Vec<Rule>,
}

/// A choice of cameras.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cameras {
    /// Every camera, also those enrolled later.
    All,
    /// These ids.
    Only(BTreeSet<String>),
}

impl Cameras {
    /// Whether this camera is among them.
    pub fn contain(&self, camera_id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(camera_id),
        }
    }
}

/// That someone may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// At which cameras.
    pub cameras: Cameras,
    /// What.
    pub perms: BTreeSet<Permission>,
    /// When; `None` is always.
    pub window: Option<Window>,
    /// For how long a session is granted at most, in seconds.
    pub lease: u32,
    /// Whether it is a booking: who has booked goes before who merely may.
    pub booked: bool,
}

/// How a user stands at a camera at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
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
pub(super) struct Span {
    pub(super) perms: Vec<Permission>,
    /// Those of them that a booking gives.
    pub(super) booked: Vec<Permission>,
    /// The longest a session may be granted, in seconds.
    pub(super) lease: u32,
    /// The first moment at which not all of it is permitted any more; `None` if there is none.
    pub(super) end: Option<Timestamp>,
    /// When to look again: there may be more or less then.
    pub(super) review: Option<Timestamp>,
}

impl Rights {
    /// Someone who may do the same at any time.
    pub fn always(user: &str, cameras: Cameras, perms: &[Permission], lease: u32) -> Self {
        let rule = Rule {
            cameras,
            perms: perms.iter().copied().collect(),
            window: None,
            lease,
            booked: false,
        };
        Self {
            user: user.to_owned(),
            token: None,
            shared: false,
            rules: vec![rule],
        }
    }

    /// What anyone may do on a server with open access: see and hear every camera.
    pub fn guest() -> Self {
        let perms = [Permission::View, Permission::Listen];
        Self {
            shared: true,
            ..Self::always(GUEST, Cameras::All, &perms, DEFAULT_LEASE_SECONDS)
        }
    }

    /// Whose they are.
    pub fn id(&self) -> RightsId {
        RightsId {
            user: self.user.clone(),
            token: self.token,
        }
    }

    /// The ids of the cameras that any rule names; `None` if one names all.
    pub fn cameras(&self) -> Option<BTreeSet<&str>> {
        let mut named = BTreeSet::new();
        for rule in &self.rules {
            match &rule.cameras {
                Cameras::All => return None,
                Cameras::Only(ids) => named.extend(ids.iter().map(String::as_str)),
            }
        }
        Some(named)
    }

    /// Whether the camera is listed for this user at `at`.
    pub fn may_see(&self, camera_id: &str, at: Timestamp) -> bool {
        self.rules_at(camera_id, at).next().is_some()
    }

    /// Forgets a camera whose id may be given to another.
    pub(crate) fn forget(&mut self, camera_id: &str) {
        for rule in &mut self.rules {
            if let Cameras::Only(ids) = &mut rule.cameras {
                ids.remove(camera_id);
            }
        }
    }

    /// When the user may next look through the camera, after `at`.
    pub fn next_start(&self, camera_id: &str, at: Timestamp) -> Option<Timestamp> {
        let own = self.rules_of(camera_id).filter(|rule| rule.shows());
        let starts = own.filter_map(|rule| Some(rule.window?.start));
        starts.filter(|start| *start > at).min()
    }

    /// The first time after `at` at which the list of cameras may change.
    pub(super) fn next_change(&self, at: Timestamp) -> Option<Timestamp> {
        let edges = self.rules.iter().flat_map(Rule::edges);
        edges.filter(|edge| *edge > at).min()
    }

    pub(super) fn at(&self, camera_id: &str, at: Timestamp) -> Standing {
        let perms = self.perms_at(camera_id, at);
        if !perms.contains(&Permission::View) {
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
        let rules = self.rules_at(camera_id, at).filter(|rule| rule.booked);
        let booked: BTreeSet<_> = rules.flat_map(|rule| &rule.perms).copied().collect();
        let soon = self.perms_at(camera_id, at + HANDOVER);
        let perms = match soon.contains(&Permission::View) {
            true => &perms & &soon,
            false => perms,
        };
        let mut edges: Vec<_> = self.rules_of(camera_id).flat_map(Rule::edges).collect();
        edges.retain(|edge| *edge > at);
        edges.sort_unstable();
        let lost = |edge: &&Timestamp| !perms.is_subset(&self.perms_at(camera_id, **edge));
        let end = edges.iter().find(lost).copied();
        let reviews = edges.iter().flat_map(|edge| [*edge - HANDOVER, *edge]);
        let review = reviews.filter(|review| *review > at).min();
        Standing::Open(Span {
            booked: booked.intersection(&perms).copied().collect(),
            perms: perms.into_iter().collect(),
            lease: lease.min(MAX_LEASE_SECONDS),
            end,
            review,
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

    fn rules_of(&self, camera_id: &str) -> impl Iterator<Item = &Rule> {
        let own = |rule: &&Rule| rule.cameras.contain(camera_id);
        self.rules.iter().filter(own)
    }

    fn rules_at(&self, camera_id: &str, at: Timestamp) -> impl Iterator<Item = &Rule> {
        self.rules_of(camera_id)
            .filter(move |rule| rule.window.is_none_or(|window| window.contains(at)))
    }

    fn perms_at(&self, camera_id: &str, at: Timestamp) -> BTreeSet<Permission> {
        let rules = self.rules_at(camera_id, at);
        rules.flat_map(|rule| &rule.perms).copied().collect()
    }
}

impl Rule {
    fn shows(&self) -> bool {
        self.perms.contains(&Permission::View)
    }

    fn edges(&self) -> impl Iterator<Item = Timestamp> {
        let window = self.window.into_iter();
        window.flat_map(|window| [window.start, window.end])
    }
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
