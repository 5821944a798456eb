// SPDX-License-Identifier: MPL-2.0
//! A log-in under way. Pure: the time is an argument.
//!
//! It is kept by the browser, as a cookie that says when it was begun and where it is to end, and nothing here: strangers
//! who begin log-ins take no memory, and a restart ends none. `state`, `nonce` and PKCE's verifier are made of that cookie
//! with a key that only this server has. `state` so shows that the browser that comes back is the one that left, and that
//! it was here that it left from.

use std::collections::{HashSet, VecDeque};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::random_secret;

use crate::registry::SecretDigest;

/// For a person to log in at the provider, who may have to look for a second factor first.
pub(crate) const TRANSACTION_AGE: SignedDuration = SignedDuration::from_mins(10);
/// Longest place to go back to.
pub(super) const MAX_PLACE_BYTES: usize = 512;
/// Longest cookie that is looked at: an id, a time, and a place in base64.
const MAX_COOKIE_BYTES: usize = 43 + 1 + 20 + 1 + MAX_PLACE_BYTES * 4 / 3 + 4;
/// Log-ins that are remembered to be through. The provider takes a code once in any case, and the browser is told to forget
/// its cookie; beyond so many within [`TRANSACTION_AGE`] that alone has to do.
const MAX_SPENT: usize = 4096;

pub(super) struct Transactions(Key);

/// One of them.
pub(super) struct Transaction {
    pub(super) cookie: String,
    pub(super) state: String,
    pub(super) nonce: String,
    pub(super) verifier: String,
    /// Where it is to end.
    pub(super) place: String,
}

impl Transactions {
    /// `secret` is the server's own.
    pub(super) fn new(secret: &str) -> Self {
        Self(Key::new(HMAC_SHA256, secret.as_bytes()))
    }

    pub(super) fn begin(&self, place: &str, now: Timestamp) -> Transaction {
        let (id, at) = (random_secret(), now.as_second());
        let encoded = BASE64_URL_SAFE_NO_PAD.encode(place);
        self.named(format!("{id}.{at}.{encoded}"), place.to_owned())
    }

    /// The one of this cookie, if the provider's answer is for it.
    pub(super) fn of(&self, cookie: &str, state: &str, now: Timestamp) -> Option<Transaction> {
        if cookie.len() > MAX_COOKIE_BYTES {
            return None;
        }
        let tag = BASE64_URL_SAFE_NO_PAD.decode(state).ok()?;
        verify(&self.0, &labelled("state", cookie), &tag).ok()?;
        let mut parts = cookie.split('.');
        let (_id, at, place) = (parts.next()?, parts.next()?, parts.next()?);
        let age = now.duration_since(Timestamp::from_second(at.parse().ok()?).ok()?);
        if age.is_negative() || age >= TRANSACTION_AGE {
            return None;
        }
        let place = BASE64_URL_SAFE_NO_PAD.decode(place).ok()?;
        Some(self.named(cookie.to_owned(), String::from_utf8(place).ok()?))
    }

    fn named(&self, cookie: String, place: String) -> Transaction {
        let made = |label| BASE64_URL_SAFE_NO_PAD.encode(sign(&self.0, &labelled(label, &cookie)));
        Transaction {
            state: made("state"),
            nonce: made("nonce"),
            verifier: made("verifier"),
            cookie,
            place,
        }
    }
}

fn labelled(label: &str, cookie: &str) -> Vec<u8> {
    format!("{label} {cookie}").into_bytes()
}

impl Transaction {
    /// Of the verifier, by S256 (RFC 7636).
    pub(super) fn challenge(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(digest(&SHA256, self.verifier.as_bytes()))
    }
}

/// Those that are through.
#[derive(Default)]
pub(super) struct Spent {
    in_order: VecDeque<(Timestamp, SecretDigest)>,
    all: HashSet<SecretDigest>,
}

impl Spent {
    /// Whether it is not through yet; from now on it is.
    pub(super) fn take(&mut self, transaction: &Transaction, now: Timestamp) -> bool {
        let over = |at: Timestamp| now.duration_since(at) >= TRANSACTION_AGE;
        while self.in_order.len() >= MAX_SPENT
            || self.in_order.front().is_some_and(|(at, _)| over(*at))
        {
            let Some((_, first)) = self.in_order.pop_front() else {
                break;
            };
            self.all.remove(&first);
        }
        let id = SecretDigest::of(&transaction.cookie);
        let is_new = self.all.insert(id);
        if is_new {
            self.in_order.push_back((now, id));
        }
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn whoever_left_comes_back_by_the_same_browser_in_time() {
        let transactions = Transactions::new("secret");
        let left = transactions.begin("admin#users", at(100));
        let back = transactions.of(&left.cookie, &left.state, at(699)).unwrap();
        assert_eq!((&*back.place, &back.nonce), ("admin#users", &left.nonce));
        assert_eq!(back.verifier, left.verifier);
        assert_eq!(back.verifier.len(), 43);
        let other = transactions.begin("admin#users", at(100));
        assert_ne!(other.state, left.state);
        let of = |cookie: &str, state: &str, now| transactions.of(cookie, state, at(now)).is_some();
        assert!(!of(&left.cookie, &left.state, 700), "too late");
        assert!(!of(&left.cookie, &left.state, 99), "before it began");
        assert!(!of(&other.cookie, &left.state, 100), "by another browser");
        assert!(!of("", &left.state, 100) && !of(&left.cookie, "", 100));
        let moved = left.cookie.replace(".100.", ".200.");
        assert!(!of(&moved, &left.state, 200), "its cookie was changed");
        let elsewhere = left
            .cookie
            .replace(&BASE64_URL_SAFE_NO_PAD.encode("admin#users"), "Lw");
        assert!(!of(&elsewhere, &left.state, 200), "its place was changed");
        assert!(
            Transactions::new("other")
                .of(&left.cookie, &left.state, at(100))
                .is_none()
        );
        // What goes over the provider's hands is not what stays here.
        let made = [&left.state, &left.nonce, &left.verifier, &left.challenge()];
        for (i, one) in made.iter().enumerate() {
            assert!(made.iter().skip(i + 1).all(|other| one != other));
        }
    }

    #[test]
    fn the_longest_place_fits_into_a_cookie() {
        let transactions = Transactions::new("secret");
        let left = transactions.begin(&"x".repeat(MAX_PLACE_BYTES), Timestamp::MAX);
        assert!(left.cookie.len() <= MAX_COOKIE_BYTES);
        assert!(
            transactions
                .of(&left.cookie, &left.state, Timestamp::MAX)
                .is_some()
        );
    }

    #[test]
    fn the_verifier_is_hashed_as_in_the_appendix_of_rfc_7636() {
        let mut transaction = Transactions::new("secret").begin("", at(1));
        transaction.verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned();
        let challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        assert_eq!(transaction.challenge(), challenge);
    }

    #[test]
    fn each_is_through_once_and_not_all_are_remembered_for_ever() {
        let (transactions, mut spent) = (Transactions::new("secret"), Spent::default());
        let first = transactions.begin("", at(0));
        assert!(spent.take(&first, at(0)) && !spent.take(&first, at(1)));
        for _ in 0..2 * MAX_SPENT {
            assert!(spent.take(&transactions.begin("", at(2)), at(2)));
        }
        assert_eq!(
            (spent.all.len(), spent.in_order.len()),
            (MAX_SPENT, MAX_SPENT)
        );
        assert!(spent.take(&transactions.begin("", at(1000)), at(1000)));
        assert_eq!((spent.all.len(), spent.in_order.len()), (1, 1));
    }
}
