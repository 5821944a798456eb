// SPDX-License-Identifier: MPL-2.0
//! What the database holds that counts now or later, in memory: nobody who asks waits for the database. Pure.
//!
//! A booking is held as a rule among its user's rights, which registry and room share. What else it says (its note, who made
//! it when) is read from the database by whoever asks for it.

mod differences;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::{Booking, Camera, Role, Share, User};
use crate::registry::SecretDigest;
use crate::rights::{Cameras, DEFAULT_LEASE_SECONDS, Perms, Rights, Rule, When};

/// A user, and what it may do now and later.
struct Held {
    user: User,
    rights: Arc<Rights>,
}

#[derive(Default)]
pub(crate) struct Ledger {
    users: BTreeMap<Arc<str>, Held>,
    administrators: usize,
    pub(super) cameras: BTreeMap<String, Camera>,
    /// Whose each booking is.
    bookings: HashMap<Arc<str>, Arc<str>>,
    shares: BTreeMap<String, Share>,
    shares_by_secret: HashMap<SecretDigest, String>,
}

/// What an administrator may do: anything at any camera at any time. What was booked permits nothing more, and goes before.
fn everything() -> Rule {
    Rule {
        cameras: Cameras::All,
        perms: Perms::all(),
        when: When::Always,
        lease: DEFAULT_LEASE_SECONDS,
        booked: false,
        saving: true,
        own: false,
        booking: None,
    }
}

fn rights(name: Arc<str>, role: Role, bookings: impl Iterator<Item = Rule>) -> Arc<Rights> {
    let everything = (role == Role::Administrator).then(everything);
    Arc::new(Rights::new(name, everything.into_iter().chain(bookings)))
}

impl Ledger {
    /// Takes over all users and bookings at once, each booking with the end of its last window.
    pub(super) fn new(users: Vec<User>, bookings: Vec<(Booking, Timestamp)>) -> Self {
        let mut ledger = Self::default();
        let mut names: Vec<(Arc<str>, User)> = Vec::with_capacity(users.len());
        names.extend(
            users
                .into_iter()
                .map(|user| (user.name.as_str().into(), user)),
        );
        let mut rules: HashMap<Arc<str>, Vec<Rule>> = HashMap::with_capacity(names.len());
        rules.extend(names.iter().map(|(name, _)| (name.clone(), Vec::new())));
        // Many bookings are of one camera: its id is kept once.
        let mut cameras: HashMap<String, Arc<str>> = HashMap::new();
        ledger.bookings.reserve(bookings.len());
        for (booking, over) in bookings {
            let mut rule = Rule::booking(&booking, over);
            let camera = cameras.entry(booking.camera);
            let camera = camera.or_insert_with_key(|id| id.as_str().into());
            rule.cameras = Cameras::One(camera.clone());
            if let Some((name, _)) = rules.get_key_value(booking.user.as_str())
                && let Some(id) = &rule.booking
            {
                ledger.bookings.insert(id.clone(), name.clone());
            }
            if let Some(own) = rules.get_mut(booking.user.as_str()) {
                own.push(rule);
            }
        }
        for (name, user) in names {
            ledger.administrators += usize::from(user.role == Role::Administrator);
            let own = rules.remove(&name).unwrap_or_default();
            let rights = rights(name.clone(), user.role, own.into_iter());
            ledger.users.insert(name, Held { user, rights });
        }
        ledger
    }

    pub(super) fn user(&self, name: &str) -> Option<&User> {
        self.users.get(name).map(|held| &held.user)
    }

    pub(super) fn rights(&self, name: &str) -> Option<Arc<Rights>> {
        self.users.get(name).map(|held| held.rights.clone())
    }

    /// By name, those after one.
    pub(super) fn users_after(&self, after: Option<&str>) -> impl Iterator<Item = &User> {
        let after = after.map_or(Unbounded, Excluded);
        let rest = self.users.range::<str, _>((after, Unbounded));
        rest.map(|(_, held)| &held.user)
    }

    pub(super) fn has_other_administrators(&self) -> bool {
        self.administrators > 1
    }

    /// Takes over a user, and says what it may do.
    pub(super) fn put_user(&mut self, user: User) -> Arc<Rights> {
        let old = self.users.remove_entry(user.name.as_str());
        let is_administrator = |user: &User| usize::from(user.role == Role::Administrator);
        self.administrators += is_administrator(&user);
        let (name, rights) = match old {
            Some((name, held)) => {
                self.administrators -= is_administrator(&held.user);
                let rights = match held.user.role == user.role {
                    true => held.rights,
                    false => {
                        let rules = held.rights.rules().iter();
                        let booked = rules.filter(|rule| rule.booking.is_some()).cloned();
                        rights(name.clone(), user.role, booked)
                    }
                };
                (name, rights)
            }
            None => {
                let name: Arc<str> = user.name.as_str().into();
                (name.clone(), rights(name, user.role, [].into_iter()))
            }
        };
        let held = Held {
            user,
            rights: rights.clone(),
        };
        self.users.insert(name, held);
        rights
    }

    /// Removes a user with its bookings.
    pub(super) fn remove_user(&mut self, name: &str) {
        let Some(held) = self.users.remove(name) else {
            return;
        };
        self.administrators -= usize::from(held.user.role == Role::Administrator);
        for booking in held
            .rights
            .rules()
            .iter()
            .filter_map(|rule| rule.booking.as_ref())
        {
            self.bookings.remove(booking);
        }
    }

    /// Whose booking this is, as far as is known here.
    pub(super) fn booked_by(&self, booking: &str) -> Option<Arc<str>> {
        self.bookings.get(booking).cloned()
    }

    /// Takes over a booking whose last window ends at `over`, and says who may do something else now.
    pub(super) fn put_booking(&mut self, booking: &Booking, over: Timestamp) -> Vec<Arc<Rights>> {
        let rule = Rule::booking(booking, over);
        let Some((name, _)) = self.users.get_key_value(booking.user.as_str()) else {
            return self.remove_booking(&booking.id).into_iter().collect();
        };
        let name = name.clone();
        let before = self.booked_by(&booking.id).filter(|before| *before != name);
        let before = before.and_then(|_| self.remove_booking(&booking.id));
        if let Some(id) = &rule.booking {
            self.bookings.insert(id.clone(), name.clone());
        }
        let now = self.change(&name, |rights| {
            let others = rights.without_booking(&booking.id);
            rights.with_rules(others.rules().iter().cloned().chain([rule]))
        });
        before.into_iter().chain(now).collect()
    }

    /// Removes a booking, and says what its user may do now.
    pub(super) fn remove_booking(&mut self, id: &str) -> Option<Arc<Rights>> {
        let name = self.bookings.remove(id)?;
        self.change(&name, |rights| rights.without_booking(id))
    }

    fn change(
        &mut self,
        name: &str,
        change: impl FnOnce(&Rights) -> Rights,
    ) -> Option<Arc<Rights>> {
        let held = self.users.get_mut(name)?;
        held.rights = Arc::new(change(&held.rights));
        Some(held.rights.clone())
    }

    /// Takes over rights from which a camera went, with its bookings.
    pub(super) fn without_camera(&mut self, rights: &Arc<Rights>) {
        let Some(held) = self.users.get_mut(&rights.user) else {
            return;
        };
        let before = std::mem::replace(&mut held.rights, rights.clone());
        let bookings = |rights: &Rights| -> Vec<_> {
            rights
                .rules()
                .iter()
                .filter_map(|rule| rule.booking.clone())
                .collect()
        };
        let rest = bookings(rights);
        for gone in bookings(&before) {
            if !rest.contains(&gone) {
                self.bookings.remove(&gone);
            }
        }
    }

    /// Forgets bookings that are over at `now`, and says whose. A share link stays until `links`, so that it can be said to
    /// be over; names those that are over.
    pub(super) fn forget(
        &mut self,
        now: Timestamp,
        links: Timestamp,
    ) -> (Vec<Arc<Rights>>, Vec<String>) {
        let mut changed = Vec::new();
        for held in self.users.values_mut() {
            let Some(rest) = held.rights.without_what_is_over(now) else {
                continue;
            };
            for rule in held.rights.rules() {
                if let Some(id) = &rule.booking
                    && rule.when.end().is_some_and(|end| end <= now)
                {
                    self.bookings.remove(id);
                }
            }
            held.rights = Arc::new(rest);
            changed.push(held.rights.clone());
        }
        let over = self.shares.values().filter(|share| share.window.end <= now);
        let over = over.map(|share| share.id.clone()).collect();
        self.shares.retain(|_, share| share.window.end > links);
        let shares = &self.shares;
        self.shares_by_secret
            .retain(|_, id| shares.contains_key(id));
        (changed, over)
    }

    /// The links in the order in which they were made, those after one.
    pub(super) fn shares_after(&self, after: Option<&str>) -> impl Iterator<Item = &Share> {
        let after = after.map_or(Unbounded, Excluded);
        let rest = self.shares.range::<str, _>((after, Unbounded));
        rest.map(|(_, share)| share)
    }

    pub(super) fn share(&self, id: &str) -> Option<&Share> {
        self.shares.get(id)
    }

    pub(super) fn share_by(&self, secret: &SecretDigest) -> Option<&Share> {
        self.shares.get(self.shares_by_secret.get(secret)?)
    }

    pub(super) fn put_share(&mut self, share: Share) {
        self.remove_share(&share.id);
        self.shares_by_secret.insert(share.secret, share.id.clone());
        self.shares.insert(share.id.clone(), share);
    }

    pub(super) fn remove_share(&mut self, id: &str) {
        if let Some(old) = self.shares.remove(id) {
            self.shares_by_secret.remove(&old.secret);
        }
    }

    /// How many bookings a user has that are not over, as far as is known here.
    pub(super) fn bookings_of(&self, name: &str) -> usize {
        let rules = self.users.get(name).map(|held| held.rights.rules());
        let rules = rules.unwrap_or_default().iter();
        rules.filter(|rule| rule.booking.is_some()).count()
    }

    /// How many bookings and links of a camera are not over.
    pub(super) fn at_camera(&self, id: &str, now: Timestamp) -> (usize, usize) {
        let rules = self.users.values().flat_map(|held| held.rights.rules());
        let bookings = rules.filter(|rule| rule.booking.is_some() && rule.cameras.contain(id));
        let links = self.shares.values().filter(|share| share.camera == id);
        let links = links.filter(|share| share.window.end > now);
        (bookings.count(), links.count())
    }
}
