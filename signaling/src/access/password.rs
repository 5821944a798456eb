// SPDX-License-Identifier: MPL-2.0
//! Passwords: hashed by argon2id, off the async threads, a few at a time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use aws_lc_rs::rand;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::AccessError;
use crate::lock::lock;
use crate::network::{network, site};
use crate::token::MAX_PASSWORD_BYTES;

/// What hashing one password costs: OWASP's recommendation for argon2id (19 MiB, 2 passes, 1 lane), about 20 ms.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Passwords that are hashed at a time: 38 MiB, and two threads. A Pi has four.
const AT_A_TIME: usize = 2;
/// Log-ins that wait for their turn: a second or two. Who comes later is told to come again.
const MAX_WAITING: usize = 64;
/// Of these, strangers at most. The others are kept for devices that were here before, and for administrators.
const MAX_STRANGERS: usize = 48;
/// Strangers of one site (IPv6: a /48; IPv4: an address): a household that logs in at once.
const MAX_STRANGERS_OF_SITE: usize = 8;
/// All of one site, so that one who has a device and an address of an office does not have the queue.
const MAX_OF_SITE: usize = 24;

/// Letters that are hard to mistake for one another (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Letters of a password that is made here, five bits each: 100 bits.
const GENERATED_LETTERS: usize = 20;
/// Letters of a group, as they are read out.
const GENERATED_GROUP: usize = 5;

/// What a password turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Wrong,
    Right,
    /// Right, but its hash is of another cost than is asked for today.
    Outdated,
}

/// Who waits for a password to be hashed.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    /// Where it is; `None` for who has shown who it is.
    site: Option<IpAddr>,
    is_known: bool,
}

impl Asker {
    /// Whoever is logged in, or the server itself.
    const INSIDE: Self = Self {
        site: None,
        is_known: true,
    };

    /// Someone who is about to log in from `address`, perhaps with a device that was here before.
    pub(super) fn new(address: Option<IpAddr>, is_known: bool) -> Self {
        // At this machine's own address may be a proxy of which nothing was said, and behind it everybody.
        let elsewhere = address.filter(|address| !address.to_canonical().is_loopback());
        Self {
            site: elsewhere.map(|address| site(address).unwrap_or_else(|| network(address))),
            is_known: is_known || address.is_none(),
        }
    }
}

#[derive(Clone)]
pub(super) struct Passwords {
    turns: Arc<Semaphore>,
    queue: Arc<Mutex<Queue>>,
    /// What the password of an account that is not there, or has none, is compared with: it takes as long.
    nobodys: Arc<str>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        let nobodys = hash(&generate()).unwrap_or_default();
        Self {
            turns: Arc::new(Semaphore::new(AT_A_TIME)),
            queue: Arc::default(),
            nobodys: nobodys.into(),
        }
    }

    /// Hashes a password, for the database.
    pub(super) async fn hash(&self, password: String) -> Result<String, AccessError> {
        self.in_turn(Asker::INSIDE, move || hash(&password))
            .await?
            .ok_or(AccessError::Busy)
    }

    /// Compares a password with the hash of the account that is meant, if there is one.
    pub(super) async fn verify(
        &self,
        asker: Asker,
        password: String,
        hash: Option<String>,
    ) -> Result<Verdict, AccessError> {
        let exists = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.nobodys.to_string());
        let judged = self.in_turn(asker, move || verify(&password, &hash));
        let verdict = judged.await?;
        Ok(if exists { verdict } else { Verdict::Wrong })
    }

    /// Runs it when it is its turn. The permit goes with it: who gives up waiting does not make room for another.
    async fn in_turn<T: Send + 'static>(
        &self,
        asker: Asker,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AccessError> {
        let waiting = Waiting::enter(&self.queue, asker)?;
        let turn = self.turns.clone().acquire_owned().await;
        let turn = turn.map_err(|_| AccessError::Busy)?;
        drop(waiting);
        let done = spawn_blocking(move || {
            let result = work();
            drop(turn);
            result
        });
        done.await.map_err(|_| AccessError::Busy)
    }
}

/// How many wait.
#[derive(Default)]
struct Queue {
    all: usize,
    strangers: usize,
    /// Those who wait alone, so no more than [`MAX_WAITING`].
    by_site: HashMap<IpAddr, usize>,
}

impl Queue {
    fn has_room(&self, Asker { site, is_known }: Asker) -> bool {
        let of_site = site.and_then(|site| self.by_site.get(&site)).copied();
        let most = if is_known {
            MAX_OF_SITE
        } else {
            MAX_STRANGERS_OF_SITE
        };
        self.all < MAX_WAITING
            && (is_known || self.strangers < MAX_STRANGERS)
            && of_site.unwrap_or(0) < most
    }
}

/// A place among those who wait.
struct Waiting<'a> {
    queue: &'a Mutex<Queue>,
    asker: Asker,
}

impl<'a> Waiting<'a> {
    fn enter(queue: &'a Mutex<Queue>, asker: Asker) -> Result<Self, AccessError> {
        let mut waiting = lock(queue);
        if !waiting.has_room(asker) {
            return Err(AccessError::Busy);
        }
        waiting.all += 1;
        waiting.strangers += usize::from(!asker.is_known);
        if let Some(site) = asker.site {
            *waiting.by_site.entry(site).or_default() += 1;
        }
        drop(waiting);
        Ok(Self { queue, asker })
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = lock(self.queue);
        waiting.all -= 1;
        waiting.strangers -= usize::from(!self.asker.is_known);
        if let Some(site) = self.asker.site
            && let Some(count) = waiting.by_site.get_mut(&site)
        {
            *count -= 1;
            if *count == 0 {
                waiting.by_site.remove(&site);
            }
        }
    }
}

/// A password of 100 random bits that can be read out on the telephone.
pub(super) fn generate() -> String {
    random_letters::<GENERATED_LETTERS>(GENERATED_GROUP)
}

/// The same, of bytes that nobody guesses.
pub(super) fn generated_from(bytes: &[u8]) -> String {
    letters(
        &bytes[..GENERATED_LETTERS.min(bytes.len())],
        GENERATED_GROUP,
    )
}

/// So many random letters, five bits each, in groups.
pub(super) fn random_letters<const N: usize>(group: usize) -> String {
    let mut bytes = [0; N];
    // It fails only where the system has no randomness, and then nothing here is safe.
    assert!(
        rand::fill(&mut bytes).is_ok(),
        "the system has no randomness"
    );
    letters(&bytes, group)
}

fn letters(bytes: &[u8], group: usize) -> String {
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    let groups = bytes
        .chunks(group)
        .map(|group| group.iter().map(letter).collect::<String>());
    groups.collect::<Vec<_>>().join("-")
}

fn argon2() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hash(password: &str) -> Option<String> {
    let mut salt = [0; 16];
    rand::fill(&mut salt).ok()?;
    let hash = argon2()?.hash_password_with_salt(password.as_bytes(), &salt);
    Some(hash.ok()?.to_string())
}

fn verify(password: &str, hash: &str) -> Verdict {
    if password.len() > MAX_PASSWORD_BYTES {
        return Verdict::Wrong;
    }
    let (Some(argon2), Ok(hash)) = (argon2(), PasswordHash::new(hash)) else {
        return Verdict::Wrong;
    };
    if argon2.verify_password(password.as_bytes(), &hash).is_err() {
        return Verdict::Wrong;
    }
    let current = Params::try_from(&hash).is_ok_and(|params| {
        let cost = (params.m_cost(), params.t_cost(), params.p_cost());
        cost == (MEMORY_KIB, PASSES, LANES)
    });
    match current && hash.algorithm == Algorithm::Argon2id.ident() {
        true => Verdict::Right,
        false => Verdict::Outdated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::check_password;

    #[test]
    fn a_password_is_known_by_its_hash() {
        let hash = hash("plum tractor glacier").unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert_eq!(verify("plum tractor glacier", &hash), Verdict::Right);
        assert_eq!(verify("plum tractor glacie", &hash), Verdict::Wrong);
        assert_eq!(verify("plum tractor glacier", "no hash"), Verdict::Wrong);
    }

    #[test]
    fn a_hash_of_another_cost_is_right_and_outdated() {
        let params = Params::new(8, 1, 1, None).unwrap();
        let cheap = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash = cheap.hash_password_with_salt(b"p", b"0123456789abcdef");
        assert_eq!(verify("p", &hash.unwrap().to_string()), Verdict::Outdated);
    }

    #[test]
    fn a_generated_password_is_long_random_and_plain() {
        let (one, other) = (generate(), generate());
        assert_ne!(one, other);
        assert_eq!(one.len(), 23);
        assert!(check_password(&one, "alice").is_ok());
    }

    #[tokio::test]
    async fn an_account_that_is_not_there_has_no_right_password() {
        let passwords = Passwords::new();
        let asker = Asker::INSIDE;
        let verdict = passwords.verify(asker, "x".to_owned(), None);
        let verdict = verdict.await.unwrap();
        assert_eq!(verdict, Verdict::Wrong);
    }

    #[tokio::test]
    async fn who_comes_when_too_many_wait_is_told_to_come_again() {
        let passwords = Passwords::new();
        lock(&passwords.queue).all = MAX_WAITING;
        let refused = passwords.hash("x".to_owned()).await;
        assert!(matches!(refused, Err(AccessError::Busy)));
        assert_eq!(lock(&passwords.queue).all, MAX_WAITING);
    }

    #[test]
    fn strangers_of_one_site_and_strangers_at_all_leave_places_for_who_was_here_before() {
        let queue = Mutex::default();
        let enter = |address: &str, is_known| {
            let asker = Asker::new(Some(address.parse().unwrap()), is_known);
            Waiting::enter(&queue, asker).ok()
        };
        let mut held = Vec::new();
        for n in 0..1000 {
            held.extend(enter(&format!("2001:db8:1:{n:x}::1"), false));
        }
        assert_eq!(held.len(), MAX_STRANGERS_OF_SITE);
        for n in 0..1000 {
            held.extend(enter(&format!("2001:db8:{n:x}::1"), false));
        }
        assert_eq!(held.len(), MAX_STRANGERS);
        // Beside strangers of the same site as well, and one site does not take all of these either.
        let known: Vec<_> = (0..100)
            .map_while(|_| enter("2001:db8:1::1", true))
            .collect();
        assert_eq!(known.len(), MAX_OF_SITE - MAX_STRANGERS_OF_SITE);
        assert!(enter("192.0.2.1", false).is_none());
        drop((held, known));
        let queue = lock(&queue);
        assert_eq!((queue.all, queue.strangers, queue.by_site.len()), (0, 0, 0));
    }
}
