// SPDX-License-Identifier: MPL-2.0
//! Tokens for which an existing backend has vouched, and until when. Pure: the time is an argument.

use std::collections::HashMap;
use std::time::Instant;

use super::SecretDigest;

/// Users of a backend at a time: more than can be connected, so that nobody is turned away while others only come and
/// go.
const MAX_VISITORS: usize = 20_000;
/// Tokens of one user that are known: browsers, programs, and those that were just renewed.
const MAX_TOKENS: usize = 8;

struct Visit {
    until: Instant,
    /// The latest last.
    tokens: Vec<SecretDigest>,
}

#[derive(Default)]
pub(super) struct Visits {
    visits: HashMap<String, Visit>,
    /// Whose a token is, and until when.
    tokens: HashMap<SecretDigest, (String, Instant)>,
}

impl Visits {
    /// Whether there was room.
    pub(super) fn add(
        &mut self,
        user: &str,
        token: Option<SecretDigest>,
        now: Instant,
        until: Instant,
    ) -> bool {
        if until <= now || !self.visits.contains_key(user) && self.visits.len() >= MAX_VISITORS {
            return false;
        }
        let visit = self.visits.entry(user.to_owned()).or_insert(Visit {
            until,
            tokens: Vec::new(),
        });
        visit.until = visit.until.max(until);
        let Some(token) = token else {
            return true;
        };
        if self
            .tokens
            .insert(token, (user.to_owned(), until))
            .is_none()
        {
            visit.tokens.push(token);
        }
        if visit.tokens.len() > MAX_TOKENS {
            let oldest = visit.tokens.remove(0);
            self.tokens.remove(&oldest);
        }
        true
    }

    pub(super) fn user(&self, token: &SecretDigest) -> Option<&str> {
        self.tokens.get(token).map(|(user, _)| user.as_str())
    }

    pub(super) fn end(&self, user: &str) -> Option<Instant> {
        self.visits.get(user).map(|visit| visit.until)
    }

    /// Whether this token was good and is to be looked at again.
    pub(super) fn is_over(&self, token: &SecretDigest, now: Instant) -> bool {
        self.tokens
            .get(token)
            .is_some_and(|(_, until)| *until <= now)
    }

    /// Forgets those that are over, and names their users.
    pub(super) fn forget(&mut self, now: Instant) -> Vec<String> {
        let over = self.visits.iter().filter(|(_, visit)| visit.until <= now);
        let over: Vec<_> = over.map(|(user, _)| user.clone()).collect();
        for user in &over {
            self.remove(user);
        }
        over
    }

    pub(super) fn remove(&mut self, user: &str) {
        let visit = self.visits.remove(user);
        for token in visit.into_iter().flat_map(|visit| visit.tokens) {
            self.tokens.remove(&token);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_token_counts_until_its_end_and_the_user_is_forgotten_then() {
        let (mut visits, now) = (Visits::default(), Instant::now());
        let (token, end) = (SecretDigest::of("t"), now + Duration::from_secs(10));
        assert!(visits.add("alice", Some(token), now, end));
        assert_eq!(visits.user(&token), Some("alice"));
        assert!(!visits.is_over(&token, now) && visits.is_over(&token, end));
        assert!(visits.forget(now).is_empty());
        assert_eq!(visits.forget(end), ["alice"]);
        assert_eq!((visits.user(&token), visits.tokens.len()), (None, 0));
    }

    #[test]
    fn what_is_over_already_is_not_taken_and_old_tokens_make_room() {
        let (mut visits, now) = (Visits::default(), Instant::now());
        assert!(!visits.add("alice", None, now, now));
        let end = now + Duration::from_secs(10);
        for n in 0..=MAX_TOKENS {
            let token = SecretDigest::of(&n.to_string());
            assert!(visits.add("alice", Some(token), now, end));
        }
        assert_eq!(visits.tokens.len(), MAX_TOKENS);
        assert_eq!(visits.user(&SecretDigest::of("0")), None);
        assert_eq!(visits.user(&SecretDigest::of("1")), Some("alice"));
    }
}
