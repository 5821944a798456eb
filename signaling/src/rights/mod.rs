// SPDX-License-Identifier: MPL-2.0
//! What someone may do: at which camera, when, and whether that is a booking. Pure.
//!
//! [`Rights`] are one person's (or one token's) rules, shared by everyone who needs them (`Arc`) and replaced as a whole when
//! they change. A booking is one [`Rule`], however often it recurs: [`When`] resolves the recurrence when somebody asks.
//! [`Rights::at`] says how matters stand at one camera at one time, and when to ask again.
//!
//! Room, registry, backend and access use this; it knows none of them.

mod by_camera;
mod perms;
mod rule;
mod standing;
#[cfg(test)]
mod tests;
mod when;

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use serde::{Deserialize, Serialize};

pub(crate) use by_camera::ByCamera;
pub use perms::Perms;
pub use rule::{Cameras, Rule};
pub(crate) use standing::{Span, Standing};
pub use when::{Recurring, When};

use crate::digest::SecretDigest;
use crate::model::Window;

/// The user of everyone who comes without a credential, where that is allowed.
pub const GUEST: &str = "guest";

/// The lease of a viewer for whom none is set: 12 hours, so a page that is left open closes overnight.
pub const DEFAULT_LEASE_SECONDS: u32 = 12 * 60 * 60;

/// How the user of a share link is called in grants, messages and logs. No user's name has a colon.
pub(crate) fn share_user(id: &str) -> String {
    format!("share:{id}")
}

/// Whose rights these are.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RightsId {
    /// The name that stands in grants, messages and logs.
    pub user: Arc<str>,
    /// Of someone whom a backend knows: of which token, or of which log-in. Each has rights of its own.
    pub token: Option<SecretDigest>,
}

impl RightsId {
    /// Those of an account, which has one set.
    pub fn account(user: &str) -> Self {
        Self {
            user: user.into(),
            token: None,
        }
    }
}

/// What a viewer may do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The name that stands in grants, messages and logs.
    pub user: Arc<str>,
    /// As in [`RightsId`].
    pub token: Option<SecretDigest>,
    /// Whether many people go by this name, who must not count as one: guests, or those who were given one link.
    pub shared: bool,
    /// What any of them permits is permitted. Those for several cameras first, then by camera, so that what counts at one is
    /// found without a look at the others.
    rules: Vec<Rule>,
}

/// A window of someone's booking.
pub(crate) struct BookedWindow {
    pub(crate) booking: Arc<str>,
    pub(crate) camera: Arc<str>,
    pub(crate) window: Window,
    pub(crate) perms: Perms,
    /// Whether it is one of several.
    pub(crate) recurring: bool,
    /// Whether its user made it.
    pub(crate) own: bool,
}

impl Rights {
    /// Those that the rules give together.
    pub fn new(user: impl Into<Arc<str>>, rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut rights = Self {
            user: user.into(),
            token: None,
            shared: false,
            rules: rules.into_iter().collect(),
        };
        rights.order();
        rights
    }

    /// The same of one token, or of one log-in, of someone whom a backend knows.
    #[must_use]
    pub fn of_token(self, token: SecretDigest) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    /// The same of a name that many people go by, or of one that they do not.
    #[must_use]
    pub fn shared(self, shared: bool) -> Self {
        Self { shared, ..self }
    }

    /// The same with other rules.
    #[must_use]
    pub fn with_rules(&self, rules: impl IntoIterator<Item = Rule>) -> Self {
        let mut rights = Self {
            rules: rules.into_iter().collect(),
            ..self.clone_without_rules()
        };
        rights.order();
        rights
    }

    fn clone_without_rules(&self) -> Self {
        Self {
            user: self.user.clone(),
            token: self.token,
            shared: self.shared,
            rules: Vec::new(),
        }
    }

    fn order(&mut self) {
        self.rules.sort_by(|a, b| a.camera().cmp(&b.camera()));
        self.rules.shrink_to_fit();
    }

    /// Someone who may do the same at any time.
    pub fn always(user: &str, cameras: Cameras, perms: &[Permission], lease: u32) -> Self {
        Self::new(
            user,
            [Rule {
                cameras,
                perms: perms.iter().copied().collect(),
                when: When::Always,
                lease,
                booked: false,
                saving: true,
                own: false,
                booking: None,
            }],
        )
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

    /// All rules, in no order that means anything.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The ids of the cameras that any rule names; `None` if one names all.
    pub fn cameras(&self) -> Option<BTreeSet<&str>> {
        let mut named = BTreeSet::new();
        for rule in &self.rules {
            match &rule.cameras {
                Cameras::All => return None,
                Cameras::One(id) => {
                    named.insert(&**id);
                }
                Cameras::Only(ids) => named.extend(ids.iter().map(String::as_str)),
            }
        }
        Some(named)
    }

    /// Whether every camera is always listed for them.
    pub(crate) fn see_all_always(&self) -> bool {
        let all = |rule: &Rule| rule.cameras == Cameras::All && rule.when == When::Always;
        self.rules.iter().any(all)
    }

    /// The same without a camera whose id may be given to another. `None` if no rule names it.
    pub(crate) fn without_camera(&self, camera: &str) -> Option<Self> {
        let names = |rule: &Rule| rule.cameras != Cameras::All && rule.cameras.contain(camera);
        if !self.rules.iter().any(names) {
            return None;
        }
        let rules = self.rules.iter().filter_map(|rule| match &rule.cameras {
            Cameras::One(id) if &**id == camera => None,
            Cameras::Only(ids) if ids.contains(camera) => {
                let mut ids = ids.clone();
                ids.remove(camera);
                Some(Rule {
                    cameras: Cameras::Only(ids),
                    ..rule.clone()
                })
            }
            _ => Some(rule.clone()),
        });
        Some(self.with_rules(rules))
    }

    /// The same with what someone may do besides at a camera for a while. `None` if that is nothing more than at any time.
    pub(crate) fn with(&self, camera: &str, perms: Perms, window: Window) -> Option<Self> {
        let has = |rule: &Rule| rule.when == When::Always && perms.is_subset(rule.perms);
        if self.rules_of(camera).any(has) {
            return None;
        }
        let more = Rule::call(camera, perms, window);
        Some(self.with_rules(self.rules.iter().cloned().chain([more])))
    }

    /// The same without one booking.
    pub(crate) fn without_booking(&self, booking: &str) -> Self {
        let others = |rule: &&Rule| rule.booking.as_deref() != Some(booking);
        self.with_rules(self.rules.iter().filter(others).cloned())
    }

    /// The same without what is over at `now`. `None` if nothing is.
    pub(crate) fn without_what_is_over(&self, now: Timestamp) -> Option<Self> {
        let over = |rule: &Rule| rule.when.end().is_some_and(|end| end <= now);
        self.rules.iter().any(over).then(|| {
            let rest = self.rules.iter().filter(|rule| !over(rule));
            self.with_rules(rest.cloned())
        })
    }

    /// Windows of bookings that end after `from` and start before `to`, by their start, so many at most.
    pub(crate) fn booked_windows(
        &self,
        from: Timestamp,
        to: Timestamp,
        at_most: usize,
    ) -> Vec<BookedWindow> {
        let all = self.rules.iter().flat_map(|rule| {
            let own = rule.booking.as_ref().zip(rule.camera());
            let windows = rule.when.windows(from, to);
            own.into_iter().flat_map(move |(booking, camera)| {
                windows.clone().map(move |window| BookedWindow {
                    booking: booking.clone(),
                    camera: camera.clone(),
                    window,
                    perms: rule.perms,
                    recurring: matches!(rule.when, When::Recurring(_)),
                    own: rule.own,
                })
            })
        });
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|booked| booked.window);
        all.truncate(at_most);
        all
    }

    fn rules_of(&self, camera: &str) -> impl Iterator<Item = &Rule> + Clone {
        let wide = self.rules.partition_point(|rule| rule.camera().is_none());
        let (wide, own) = self.rules.split_at(wide);
        let id = |rule: &Rule| rule.camera().map(|id| (**id).cmp(camera));
        let start = own.partition_point(|rule| id(rule).is_some_and(|order| order.is_lt()));
        let own = &own[start..];
        let end = own.partition_point(|rule| id(rule).is_some_and(|order| order.is_eq()));
        let wide = wide.iter().filter(move |rule| rule.cameras.contain(camera));
        wide.chain(&own[..end])
    }
}
