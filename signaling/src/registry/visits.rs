// SPDX-License-Identifier: MPL-2.0
//! People for whom an existing backend has vouched, and until when. Pure: the time is an argument.
//!
//! Each token is a visit of its own, and so is each log-in that was made with one or with a password: two tokens of one
//! person may say different things, and neither lends the other anything.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use super::{Account, SecretDigest};
use crate::rights::{ByCamera, RightsId};

/// Visits at a time: more than can be connected, so that nobody is turned away while others only come and go.
const MAX_VISITS: usize = 40_000;
/// Visits of one person: as many log-ins as one may have, and tokens of browsers and programs beside them. Beyond that
/// the one that ends first gives way.
const MAX_VISITS_PER_USER: usize = 256 + 32;

struct Visit {
    account: Account,
    until: Instant,
    /// Whether the backend may have changed its mind since.
    is_doubted: bool,
}

#[derive(Default)]
pub(super) struct Visits {
    visits: HashMap<SecretDigest, Visit>,
    /// Which ends when.
    ends: BTreeSet<(Instant, SecretDigest)>,
    by_user: BTreeMap<Arc<str>, Vec<SecretDigest>>,
}

impl Visits {
    /// Takes over what was said of the bearer of `id`, and for how long. Names the visit that gave way; `None` if there
    /// was no room.
    pub(super) fn put(
        &mut self,
        id: SecretDigest,
        account: Account,
        (now, until): (Instant, Instant),
        index: &mut ByCamera,
    ) -> Option<Option<RightsId>> {
        let before = self.visits.get(&id);
        let is_other = before.is_some_and(|visit| visit.account.rights.user != account.rights.user);
        if until <= now || is_other || before.is_none() && self.visits.len() >= MAX_VISITS {
            return None;
        }
        let user = account.rights.user.clone();
        let new = account.rights.clone();
        self.ends.insert((until, id));
        let visit = Visit {
            account,
            until,
            is_doubted: false,
        };
        if let Some(old) = self.visits.insert(id, visit) {
            if old.until != until {
                self.ends.remove(&(old.until, id));
            }
            index.replace(&old.account.rights, &new);
            return Some(None);
        }
        index.add(&new);
        let own = self.by_user.entry(user).or_default();
        own.push(id);
        if own.len() <= MAX_VISITS_PER_USER {
            return Some(None);
        }
        let visits = &self.visits;
        let ends = |id: &&SecretDigest| visits.get(*id).map(|visit| visit.until);
        let first = own
            .iter()
            .filter(|own| **own != id)
            .min_by_key(ends)
            .copied();
        Some(first.and_then(|first| self.remove(&first, index)))
    }

    pub(super) fn get(&self, id: &SecretDigest) -> Option<&Account> {
        self.visits.get(id).map(|visit| &visit.account)
    }

    pub(super) fn get_mut(&mut self, id: &SecretDigest) -> Option<&mut Account> {
        self.visits.get_mut(id).map(|visit| &mut visit.account)
    }

    pub(super) fn end(&self, id: &SecretDigest) -> Option<Instant> {
        self.visits.get(id).map(|visit| visit.until)
    }

    /// Those of one name.
    pub(super) fn of(&self, user: &str) -> impl Iterator<Item = &Account> {
        let own = self.by_user.get(user).into_iter().flatten();
        own.filter_map(|id| self.get(id))
    }

    /// Whether this was good and is to be looked at again.
    pub(super) fn is_over(&self, id: &SecretDigest, now: Instant) -> bool {
        let again = |visit: &Visit| visit.is_doubted || visit.until <= now;
        self.visits.get(id).is_some_and(again)
    }

    /// Has each looked at again when it is shown the next time. What runs by it goes on to its end.
    pub(super) fn doubt(&mut self) {
        for visit in self.visits.values_mut() {
            visit.is_doubted = true;
        }
    }

    /// Whether someone of this name is here.
    pub(super) fn has(&self, user: &str) -> bool {
        self.by_user.contains_key(user)
    }

    /// Forgets those that are over, and names them.
    pub(super) fn forget(&mut self, now: Instant, index: &mut ByCamera) -> Vec<RightsId> {
        let mut gone = Vec::new();
        while self.ends.first().is_some_and(|(until, _)| *until <= now)
            && let Some((_, id)) = self.ends.pop_first()
        {
            gone.extend(self.remove(&id, index));
        }
        gone
    }

    /// Forgets all of this name, and names them.
    pub(super) fn remove_all(&mut self, user: &str, index: &mut ByCamera) -> Vec<RightsId> {
        let own = self.by_user.get(user).cloned().unwrap_or_default();
        let gone = own.iter().filter_map(|id| self.remove(id, index));
        gone.collect()
    }

    fn remove(&mut self, id: &SecretDigest, index: &mut ByCamera) -> Option<RightsId> {
        let Visit { account, until, .. } = self.visits.remove(id)?;
        self.ends.remove(&(until, *id));
        let rights = account.rights;
        index.remove(&rights);
        if let Some(own) = self.by_user.get_mut(&rights.user) {
            own.retain(|own| own != id);
            if own.is_empty() {
                self.by_user.remove(&rights.user);
            }
        }
        Some(rights.id())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::Role;
    use crate::registry::Origin;
    use crate::rights::{Cameras, Rights};

    fn visit(user: &str, name: &str) -> (SecretDigest, Account) {
        let id = SecretDigest::of(name);
        let rights = Rights::always(user, Cameras::All, &[], 1).of_token(id);
        let account = Account {
            rights: rights.into(),
            role: Role::Viewer,
            token: None,
            origin: Origin::Backend,
        };
        (id, account)
    }

    #[test]
    fn a_token_counts_until_its_end_and_is_forgotten_then() {
        let (mut visits, now) = (Visits::default(), Instant::now());
        let mut index = ByCamera::default();
        let ((token, alice), end) = (visit("alice", "t"), now + Duration::from_secs(10));
        assert!(visits.put(token, alice, (now, end), &mut index).is_some());
        assert_eq!(&*visits.get(&token).unwrap().rights.user, "alice");
        assert!(!visits.is_over(&token, now) && visits.is_over(&token, end));
        assert!(visits.forget(now, &mut index).is_empty() && visits.has("alice"));
        assert_eq!(visits.forget(end, &mut index)[0].token, Some(token));
        assert!(visits.get(&token).is_none() && !visits.has("alice"));
    }

    #[test]
    fn one_that_is_doubted_is_looked_at_again_and_stays_until_its_end() {
        let (mut visits, now) = (Visits::default(), Instant::now());
        let ((token, alice), end) = (visit("alice", "t"), now + Duration::from_secs(10));
        let mut index = ByCamera::default();
        let put = visits.put(token, alice.clone(), (now, end), &mut index);
        assert!(put.is_some());
        visits.doubt();
        assert!(visits.is_over(&token, now) && visits.forget(now, &mut index).is_empty());
        let put = visits.put(token, alice, (now, end), &mut index);
        assert!(put.is_some());
        assert!(!visits.is_over(&token, now));
    }

    #[test]
    fn what_is_over_already_is_not_taken_and_the_first_to_end_makes_room() {
        let (mut visits, now) = (Visits::default(), Instant::now());
        let mut index = ByCamera::default();
        let (id, alice) = visit("alice", "t");
        assert!(visits.put(id, alice, (now, now), &mut index).is_none());
        let mut gone = Vec::new();
        for n in 0..=MAX_VISITS_PER_USER as u64 {
            let (id, alice) = visit("alice", &n.to_string());
            let until = now + Duration::from_secs(1000 - n);
            gone.extend(visits.put(id, alice, (now, until), &mut index).unwrap());
        }
        let first = MAX_VISITS_PER_USER - 1;
        assert_eq!(gone.len(), 1);
        assert_eq!(gone[0].token, Some(SecretDigest::of(&first.to_string())));
        assert_eq!(visits.visits.len(), MAX_VISITS_PER_USER);
        assert_eq!(
            visits.remove_all("alice", &mut index).len(),
            MAX_VISITS_PER_USER
        );
        assert!(visits.by_user.is_empty() && visits.ends.is_empty() && index.is_empty());
    }

    #[test]
    fn nobody_takes_over_a_token_of_another() {
        let (mut visits, now) = (Visits::default(), Instant::now());
        let mut index = ByCamera::default();
        let end = now + Duration::from_secs(10);
        let ((id, alice), (_, bob)) = (visit("alice", "t"), visit("bob", "t"));
        assert!(visits.put(id, alice, (now, end), &mut index).is_some());
        assert!(visits.put(id, bob, (now, end), &mut index).is_none());
    }
}
