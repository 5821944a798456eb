// SPDX-License-Identifier: MPL-2.0
//! How often someone may try to log in to an account. Pure: the time is an argument.
//!
//! A device that has logged in to the account before shows a signed cookie and is counted by itself, so that strangers
//! who guess lock out each other and not the account's owner (OWASP, "slow down online guessing attacks with device
//! cookies"). Attempts are counted before they are judged: many at once are not more than many in a row.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hash};
use std::time::{Duration, Instant};

/// Wrong attempts within [`WINDOW`] at one account, or by one known device: a person mistypes a few; a guesser gets
/// a thousand a day, with which a password of a hundred million guesses holds for centuries.
const MAX_ATTEMPTS: u32 = 10;
/// The time over which they are counted.
const WINDOW: Duration = Duration::from_secs(15 * 60);
/// Counts of strangers, each shared by the accounts whose names fall on it; which these are is decided by a key that
/// nobody knows. So the table is as large as it is whatever names are tried, and says nothing of which exist.
const STRANGERS: usize = 4096;
/// Devices of one account that are counted each by itself. Whoever has an account can have any number of cookies for
/// it, and shares the last count among those beyond: that takes nothing from the devices of others.
const MAX_DEVICES: usize = 32;
/// Accounts whose devices have a count: each has one for a quarter of an hour after a wrong password. Beyond that their
/// devices count as strangers do.
const MAX_ACCOUNTS: usize = 4096;

#[derive(Clone, Copy, Default)]
struct Count {
    attempts: u32,
    since: Option<Instant>,
}

impl Count {
    /// Counts one more, or says how long to wait.
    fn add(&mut self, now: Instant) -> Result<(), Duration> {
        let since = match self.since {
            Some(since) if now < since + WINDOW => since,
            _ => {
                self.attempts = 0;
                *self.since.insert(now)
            }
        };
        if self.attempts >= MAX_ATTEMPTS {
            return Err(since + WINDOW - now);
        }
        self.attempts += 1;
        Ok(())
    }

    fn is_over(&self, now: Instant) -> bool {
        self.attempts == 0 || self.since.is_none_or(|since| now >= since + WINDOW)
    }
}

/// An attempt that was let through.
#[must_use]
pub(crate) struct Attempt(Place);

/// Where it was counted.
enum Place {
    Stranger(usize),
    Device { account: u64, device: u64 },
}

/// The devices of one account, by what their ids fall on; the last of them stands for those beyond [`MAX_DEVICES`].
#[derive(Default)]
struct Devices(Vec<(u64, Count)>);

impl Devices {
    fn of(&mut self, device: u64, now: Instant) -> Option<(u64, &mut Count)> {
        self.0
            .retain(|(own, count)| *own == device || !count.is_over(now));
        let known = self.0.iter().position(|(own, _)| *own == device);
        let place = match known {
            Some(place) => place,
            None if self.0.len() < MAX_DEVICES => {
                self.0.push((device, Count::default()));
                self.0.len() - 1
            }
            None => self.0.len() - 1,
        };
        let (own, count) = self.0.get_mut(place)?;
        Some((*own, count))
    }
}

pub(super) struct Throttle {
    key: RandomState,
    strangers: Box<[Count]>,
    devices: HashMap<u64, Devices>,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            key: RandomState::new(),
            strangers: vec![Count::default(); STRANGERS].into(),
            devices: HashMap::new(),
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
        let device = device.map(|device| self.key.hash_one(device));
        let hash = self.key.hash_one(account);
        if let Some(device) = device
            && self.has_place(hash, now)
            && let Some((device, count)) = self.devices.entry(hash).or_default().of(device, now)
        {
            count.add(now)?;
            let account = hash;
            return Ok(Attempt(Place::Device { account, device }));
        }
        let slot = self.slot(account);
        if let Some(count) = self.strangers.get_mut(slot) {
            count.add(now)?;
        }
        Ok(Attempt(Place::Stranger(slot)))
    }

    /// The attempt was none at guessing.
    pub(super) fn forgive(&mut self, Attempt(place): Attempt) {
        let count = match place {
            Place::Stranger(slot) => self.strangers.get_mut(slot),
            Place::Device { account, device } => {
                let devices = self.devices.get_mut(&account).map(|own| own.0.iter_mut());
                let mut own = devices.into_iter().flatten();
                own.find_map(|(own, count)| (*own == device).then_some(count))
            }
        };
        if let Some(count) = count {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }

    /// Whether the devices of this account are counted by themselves, or can be.
    fn has_place(&mut self, account: u64, now: Instant) -> bool {
        if !self.devices.contains_key(&account) && self.devices.len() >= MAX_ACCOUNTS {
            let counts = |own: &Devices| own.0.iter().any(|(_, count)| !count.is_over(now));
            self.devices.retain(|_, own| counts(own));
        }
        self.devices.contains_key(&account) || self.devices.len() < MAX_ACCOUNTS
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "the remainder is less than the number of counts"
    )]
    fn slot(&self, whose: impl Hash) -> usize {
        (self.key.hash_one(whose) % STRANGERS as u64) as usize
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
        assert!(wrong(&mut throttle, Some("phone"), 1, now + WINDOW));
    }

    #[test]
    fn strangers_at_every_name_there_is_take_no_count_from_a_device() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for n in 0..STRANGERS as u32 * 20 {
            let _ = throttle.attempt(&format!("name{n}"), None, now);
        }
        assert!(throttle.strangers.iter().all(|count| count.attempts > 0));
        assert!(wrong(&mut throttle, Some("phone"), MAX_ATTEMPTS, now));
    }

    #[test]
    fn who_has_an_account_and_any_number_of_cookies_for_it_takes_nothing_from_others() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        let mut guesses = 0;
        for n in 0..1000 * MAX_ATTEMPTS {
            let device = format!("cookie{}", n / MAX_ATTEMPTS);
            guesses += u32::from(throttle.attempt("mallory", Some(&device), now).is_ok());
        }
        assert_eq!(guesses, MAX_DEVICES as u32 * MAX_ATTEMPTS);
        assert!(wrong(&mut throttle, Some("phone"), MAX_ATTEMPTS, now));
        assert_eq!(throttle.devices.len(), 2);
    }

    #[test]
    fn the_table_of_devices_is_bounded_and_forgets_what_is_over() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for n in 0..MAX_ACCOUNTS + 10 {
            let _ = throttle.attempt(&n.to_string(), Some("phone"), now);
        }
        assert_eq!(throttle.devices.len(), MAX_ACCOUNTS);
        // Then it is as it is for strangers, and not without a bound.
        assert!(!wrong(&mut throttle, Some("phone"), MAX_ATTEMPTS + 1, now));
        assert!(wrong(&mut throttle, Some("phone"), 1, now + WINDOW));
        assert_eq!(throttle.devices.len(), 1);
    }

    #[test]
    fn who_gets_it_right_is_never_held_up() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for device in [None, Some("phone")] {
            for _ in 0..MAX_ATTEMPTS * 3 {
                let attempt = throttle.attempt("alice", device, now).unwrap();
                throttle.forgive(attempt);
            }
        }
    }
}
