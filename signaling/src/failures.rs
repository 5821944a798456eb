// SPDX-License-Identifier: MPL-2.0
//! Wrong credentials, and how many of them there may be. Time comes in as an argument.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::digest::SecretDigest;
use crate::limit::{Bucket, Rate};
use crate::network::{network, site};

/// Failed credentials from one address within [`FAILURE_WINDOW`]. A person mistypes a few, a fleet
/// of cameras behind one address with stale keys a few more.
pub(crate) const MAX_FAILURES: u32 = 20;
/// The time over which they are counted.
pub(crate) const FAILURE_WINDOW: Duration = Duration::from_secs(60);
/// The same from one site, which is an IPv6 /48 with its 65,536 networks: several households, or an office in which many
/// mistype. IPv4 addresses are counted one by one alone.
pub(crate) const MAX_SITE_FAILURES: u32 = 100;
/// Addresses remembered, and sites, at 50 to 200 bytes each, or 1 KB for a site that has failed as often as it may. Beyond
/// that newcomers share one count, so that they guess no more than one address does.
const MAX_ADDRESSES: usize = 4096;

/// Lines in the log about failed credentials that come in a row, and how many a second after that.
const LOG_RATE: Rate = Rate::new(10, 1);

/// Counts failed credentials per address, each once: whoever shows the same again has guessed nothing by it, as a camera that was
/// removed does, and must not lock out the people at its address.
///
/// A key or token that is right is never turned away: secrets are too long to guess, and one client
/// must not be able to lock out others behind the same proxy. The limit is on noise, not on luck. Passwords are
/// another matter: see [`Self::guess`] and `access::throttle`.
#[derive(Default)]
pub(crate) struct Failures {
    by_address: HashMap<IpAddr, Count>,
    by_site: HashMap<IpAddr, Count>,
    /// Of newcomers for whom there is no place.
    others: Count,
    total: u64,
    unlogged: u64,
    log: Option<Bucket>,
}

/// A password that was counted before it was judged: many at once are not more than many in a row.
#[must_use]
pub(crate) struct Guess {
    address: IpAddr,
    credential: u64,
    /// Whether it was not counted before.
    is_new: bool,
}

#[derive(Clone, Default)]
struct Count {
    /// Those that were shown, by the beginnings of their digests; as many as count.
    shown: Vec<u64>,
    failures: u32,
    since: Option<Instant>,
}

impl Count {
    /// Counts one more, unless it was counted; whether it was not. So many are remembered.
    fn add(&mut self, credential: u64, max: u32, now: Instant) -> bool {
        if self.until(now).is_none() {
            (self.failures, self.since) = (0, Some(now));
            self.shown.clear();
        }
        let is_new = !self.shown.contains(&credential);
        if is_new {
            self.failures = self.failures.saturating_add(1);
            if self.failures <= max {
                self.shown.push(credential);
            }
        }
        is_new
    }

    /// Takes one back.
    fn forgive(&mut self, credential: u64) {
        if let Some(place) = self.shown.iter().position(|shown| *shown == credential) {
            self.shown.swap_remove(place);
            self.failures = self.failures.saturating_sub(1);
        }
    }

    /// When it starts over, while it counts anything.
    fn until(&self, now: Instant) -> Option<Instant> {
        let until = self.since? + FAILURE_WINDOW;
        (now < until).then_some(until)
    }

    /// How long to wait if there were so many.
    fn wait(&self, max: u32, now: Instant) -> Option<Duration> {
        let until = self.until(now)?;
        (self.failures >= max).then(|| until - now)
    }
}

type Counts = HashMap<IpAddr, Count>;

/// The count of this address or site, or that of all for whom there is no place.
fn count_of<'a>(
    counts: &'a mut Counts,
    others: &'a mut Count,
    key: IpAddr,
    now: Instant,
) -> &'a mut Count {
    if !counts.contains_key(&key) && counts.len() >= MAX_ADDRESSES {
        counts.retain(|_, count| count.until(now).is_some());
        if counts.len() >= MAX_ADDRESSES {
            return others;
        }
    }
    counts.entry(key).or_default()
}

impl Failures {
    /// Counts a failure with this credential. `Err` says how long the client should wait.
    pub(crate) fn add(
        &mut self,
        address: IpAddr,
        credential: &SecretDigest,
        now: Instant,
    ) -> Result<(), Duration> {
        let is_new = self.count(address, credential.beginning(), now);
        self.note(is_new);
        self.beyond(address, 1, now).map_or(Ok(()), Err)
    }

    /// Counts a password that is about to be judged, or says how long this address has to wait: those can be guessed.
    pub(crate) fn guess(
        &mut self,
        address: IpAddr,
        credential: &SecretDigest,
        now: Instant,
    ) -> Result<Guess, Duration> {
        if let Some(wait) = self.wait(address, now) {
            return Err(wait);
        }
        let credential = credential.beginning();
        Ok(Guess {
            address,
            credential,
            is_new: self.count(address, credential, now),
        })
    }

    /// It was wrong.
    pub(crate) fn confirm(&mut self, guess: Guess) {
        self.note(guess.is_new);
    }

    /// It was right, or was not judged at all.
    pub(crate) fn forgive(&mut self, guess: Guess) {
        if !guess.is_new {
            return;
        }
        let (network, site) = (network(guess.address), site(guess.address));
        match self.by_address.get_mut(&network) {
            Some(count) => count.forgive(guess.credential),
            None => self.others.forgive(guess.credential),
        }
        if let Some(count) = site.and_then(|site| self.by_site.get_mut(&site)) {
            count.forgive(guess.credential);
        }
    }

    /// How long this address should wait before it shows what can be guessed.
    pub(crate) fn wait(&self, address: IpAddr, now: Instant) -> Option<Duration> {
        self.beyond(address, 0, now)
    }

    /// The same if so many more are fine.
    fn beyond(&self, address: IpAddr, more: u32, now: Instant) -> Option<Duration> {
        let of = |counts: &Counts, key, max| match counts.get(&key) {
            Some(count) => count.wait(max + more, now),
            None if counts.len() >= MAX_ADDRESSES => self.others.wait(MAX_FAILURES + more, now),
            None => None,
        };
        let (network, site) = (network(address), site(address));
        let of_network = of(&self.by_address, network, MAX_FAILURES);
        let of_site = site.and_then(|site| of(&self.by_site, site, MAX_SITE_FAILURES));
        of_network.max(of_site)
    }

    /// Whether it was not counted before.
    fn count(&mut self, address: IpAddr, credential: u64, now: Instant) -> bool {
        let (network, site) = (network(address), site(address));
        let own = count_of(&mut self.by_address, &mut self.others, network, now);
        let is_new = own.add(credential, MAX_FAILURES, now);
        if let Some(site) = site.filter(|_| is_new) {
            let all = count_of(&mut self.by_site, &mut self.others, site, now);
            all.add(credential, MAX_SITE_FAILURES, now);
        }
        is_new
    }

    /// What is shown again and again fills no log either.
    fn note(&mut self, is_new: bool) {
        self.total += 1;
        self.unlogged += u64::from(is_new);
    }

    /// Whether a line of the log is due, and how many failures it is about: nobody may fill a disk.
    pub(crate) fn take_log(&mut self, now: Instant) -> Option<u64> {
        if self.unlogged == 0 {
            return None;
        }
        let bucket = self.log.get_or_insert_with(|| Bucket::new(LOG_RATE, now));
        bucket
            .has_room(now)
            .then(|| std::mem::take(&mut self.unlogged))
    }

    /// All failures since the start.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fail(
        failures: &mut Failures,
        address: &str,
        times: u32,
        now: Instant,
    ) -> Result<(), Duration> {
        (0..times)
            .map(|_| {
                let other = SecretDigest::of(&failures.total.to_string());
                failures.add(address.parse().unwrap(), &other, now)
            })
            .last()
            .unwrap()
    }

    #[test]
    fn the_same_again_is_no_further_guess_and_no_further_line() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        let void = SecretDigest::of("the key of a camera that was removed");
        let mut lines = 0;
        for _ in 0..10 * MAX_FAILURES {
            assert_eq!(failures.add(address, &void, now), Ok(()));
            lines += usize::from(failures.take_log(now).is_some());
        }
        assert_eq!((failures.wait(address, now), lines), (None, 1));
        // Others count beside it, and then it is told to wait like them.
        assert!(fail(&mut failures, "192.0.2.1", MAX_FAILURES - 1, now).is_ok());
        assert!(fail(&mut failures, "192.0.2.1", 1, now).is_err());
        assert!(failures.add(address, &void, now).is_err());
        let later = now + FAILURE_WINDOW;
        assert_eq!(failures.add(address, &void, later), Ok(()));
    }

    #[test]
    fn failures_are_counted_per_address_and_forgotten_after_the_window() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        assert_eq!(
            fail(&mut failures, "192.0.2.1", MAX_FAILURES, start),
            Ok(())
        );
        assert_eq!(
            fail(&mut failures, "192.0.2.1", 1, start),
            Err(FAILURE_WINDOW)
        );
        assert_eq!(fail(&mut failures, "192.0.2.2", 1, start), Ok(()));
        assert_eq!(
            fail(&mut failures, "192.0.2.1", 1, start + FAILURE_WINDOW),
            Ok(())
        );
    }

    #[test]
    fn who_failed_too_often_is_to_wait_with_passwords() {
        let (mut failures, start) = (Failures::default(), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        assert!(fail(&mut failures, "192.0.2.1", MAX_FAILURES - 1, start).is_ok());
        assert_eq!(failures.wait(address, start), None);
        assert!(fail(&mut failures, "192.0.2.1", 1, start).is_ok());
        assert_eq!(failures.wait(address, start), Some(FAILURE_WINDOW));
        assert_eq!(failures.wait(address, start + FAILURE_WINDOW), None);
        assert_eq!(failures.wait("192.0.2.2".parse().unwrap(), start), None);
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        assert!(fail(&mut failures, "2001:db8::1", MAX_FAILURES, now).is_ok());
        assert!(fail(&mut failures, "2001:db8::2", 1, now).is_err());
        assert!(fail(&mut failures, "2001:db8:0:1::1", 1, now).is_ok());
    }

    #[test]
    fn a_site_with_all_its_networks_guesses_no_more_than_is_said_and_fills_no_table() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let mut guesses = 0;
        for n in 0..200_000_u32 {
            let network = u128::from(n % 65_536) << 64;
            let base = u128::from_str_radix("20010db8000100000000000000000000", 16).unwrap();
            let address = IpAddr::from((base | network | u128::from(n)).to_be_bytes());
            let shown = SecretDigest::of(&n.to_string());
            guesses += u32::from(failures.guess(address, &shown, now).is_ok());
        }
        assert_eq!(guesses, MAX_SITE_FAILURES);
        assert_eq!(failures.by_address.len(), MAX_SITE_FAILURES as usize);
        let neighbour = "2001:db8:2::1".parse().unwrap();
        assert_eq!(failures.wait(neighbour, now), None);
        assert_eq!(failures.wait("192.0.2.1".parse().unwrap(), now), None);
    }

    #[test]
    fn passwords_that_are_tried_at_once_are_counted_before_they_are_judged() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        let shown = |n: u32| SecretDigest::of(&n.to_string());
        let guesses: Vec<_> = (0..100)
            .filter_map(|n| failures.guess(address, &shown(n), now).ok())
            .collect();
        assert_eq!(guesses.len(), MAX_FAILURES as usize);
        // None was judged; then there is room for as many again.
        for guess in guesses {
            failures.forgive(guess);
        }
        assert_eq!(failures.wait(address, now), None);
        assert_eq!((failures.total(), failures.take_log(now)), (0, None));
        for n in 0..MAX_FAILURES {
            let guess = failures.guess(address, &shown(n), now).unwrap();
            failures.confirm(guess);
        }
        assert_eq!(failures.total(), u64::from(MAX_FAILURES));
        assert!(failures.take_log(now).is_some());
        let refused = failures.guess(address, &shown(MAX_FAILURES), now);
        assert_eq!(refused.err(), Some(FAILURE_WINDOW));
    }

    #[test]
    fn newcomers_for_whom_there_is_no_place_guess_as_one_address() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let shown = |n: u32| SecretDigest::of(&n.to_string());
        for n in 0..MAX_ADDRESSES as u32 {
            let _ = failures.add(IpAddr::from(n.to_be_bytes()), &shown(n), now);
        }
        let newcomer = |n: u32| IpAddr::from((n + 0xCB00_0000).to_be_bytes());
        let guesses = (0..1000).filter(|n| failures.guess(newcomer(*n), &shown(*n), now).is_ok());
        assert_eq!(guesses.count(), MAX_FAILURES as usize);
        // Who was there before is counted as before.
        assert_eq!(failures.wait(IpAddr::from([0, 0, 0, 1]), now), None);
    }

    #[test]
    fn the_table_of_addresses_is_bounded() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let one = SecretDigest::of("one");
        for n in 0..(MAX_ADDRESSES as u32 + 10) {
            let _ = failures.add(IpAddr::from(n.to_be_bytes()), &one, now);
        }
        assert_eq!(failures.by_address.len(), MAX_ADDRESSES);
        assert!(
            failures
                .add("203.0.113.1".parse().unwrap(), &one, now + FAILURE_WINDOW)
                .is_ok()
        );
        assert_eq!(failures.by_address.len(), 1);
    }

    #[test]
    fn failures_are_counted_and_their_lines_in_the_log_are_few() {
        let (mut failures, now) = (Failures::default(), Instant::now());
        let mut lines = Vec::new();
        for _ in 0..1000 {
            let _ = fail(&mut failures, "192.0.2.1", 1, now);
            lines.extend(failures.take_log(now));
        }
        assert_eq!(lines, vec![1; LOG_RATE.burst() as usize]);
        let later = now + Duration::from_secs(1);
        let _ = fail(&mut failures, "192.0.2.1", 1, later);
        assert_eq!(
            failures.take_log(later),
            Some(1001 - u64::from(LOG_RATE.burst()))
        );
        assert_eq!(failures.total(), 1001);
    }
}
