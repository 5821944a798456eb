// SPDX-License-Identifier: MPL-2.0
//! How often someone may try to log in to an account. Pure: the time is an argument.
//!
//! A device that has logged in to the account before shows a signed cookie and is counted by itself, so that strangers
//! who guess lock out each other and not the account's owner (OWASP, "slow down online guessing attacks with device
//! cookies"). Attempts are counted before they are judged: many at once are not more than many in a row.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::time::{Duration, Instant};

/// Wrong attempts within [`WINDOW`] at one account, or by one known device: a person mistypes a few; a guesser gets
/// a thousand a day, with which a password of a hundred million guesses holds for centuries.
const MAX_ATTEMPTS: u32 = 10;
/// The time over which they are counted.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Counts, each shared by the accounts whose names fall on it; which these are is decided by a key that nobody
/// knows. So the table is as large as it is whatever names are tried, and says nothing of which exist.
const COUNTS: usize = 4096;

#[derive(Clone, Copy, Default)]
struct Count {
    attempts: u32,
    since: Option<Instant>,
}

/// An attempt that was let through.
#[must_use]
pub(crate) struct Attempt(usize);

pub(super) struct Throttle {
    key: RandomState,
    counts: Box<[Count]>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            key: RandomState::new(),
            counts: vec![Count::default(); COUNTS].into(),
        }
    }
}

impl Throttle {
    /// Counts an attempt at an account by this known device, or by a stranger. `Err` says how long to wait.
    pub(super) fn attempt(
        &mut self,
        account: &str,
        device: Option<&str>,
        now: Instant,
    ) -> Result<Attempt, Duration> {
        let slot = self.slot((account, device));
        let Some(count) = self.counts.get_mut(slot) else {
            return Ok(Attempt(slot));
        };
        let since = match count.since {
            Some(since) if now < since + WINDOW => since,
            _ => {
                count.attempts = 0;
                *count.since.insert(now)
            }
        };
        if count.attempts >= MAX_ATTEMPTS {
            return Err(since + WINDOW - now);
        }
        count.attempts += 1;
        Ok(Attempt(slot))
    }

    /// The attempt was none at guessing.
    pub(super) fn forgive(&mut self, Attempt(slot): Attempt) {
        if let Some(count) = self.counts.get_mut(slot) {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is less than the number of counts"
    )]
    fn slot(&self, whose: impl Hash) -> usize {
        (self.key.hash_one(whose) % COUNTS as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(throttle: &mut Throttle, device: Option<&str>, times: u32, now: Instant) -> bool {
        (0..times).all(|_| throttle.attempt("alice", device, now).is_ok())
    }

    #[test]
    fn wrong_attempts_are_counted_and_forgotten_after_the_window() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        assert!(wrong(&mut throttle, None, MAX_ATTEMPTS, start));
        let half = start + WINDOW / 2;
        assert_eq!(
            throttle.attempt("alice", None, half).err(),
            Some(WINDOW / 2)
        );
        assert!(wrong(&mut throttle, None, 1, start + WINDOW));
    }

    #[test]
    fn strangers_do_not_lock_out_a_device_that_was_here_before() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        assert!(!wrong(&mut throttle, None, MAX_ATTEMPTS + 1, now));
        assert!(wrong(&mut throttle, Some("phone"), MAX_ATTEMPTS, now));
        // Whoever has the device does not guess for ever either.
        assert!(!wrong(&mut throttle, Some("phone"), 1, now));
    }

    #[test]
    fn who_gets_it_right_is_never_held_up() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for _ in 0..MAX_ATTEMPTS * 3 {
            let attempt = throttle.attempt("alice", None, now).unwrap();
            throttle.forgive(attempt);
        }
    }
}
