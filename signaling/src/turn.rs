// SPDX-License-Identifier: MPL-2.0
//! The STUN and TURN servers of a session, with credentials that end.
//!
//! The credentials are those of draft-uberti-behave-turn-rest-00, which coturn calls `use-auth-secret`: the user name is
//! the second at which they end and what the person is known by, and the password follows from it and a secret that both
//! servers know. coturn's quotas count by what is behind the colon. Nothing has to be stored, and nothing here reads a clock.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::Timestamp;
use porthole_protocol::wire::IceServer;

use crate::lock::lock;
use crate::room::{Ice, IceSource};

/// How long credentials last at most, and thus outlive a session that was revoked. They matter only while a connection is
/// made, so a shorter time would do; but the clocks of the two servers may be minutes apart.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 60);
/// Fewer characters could be guessed, and one pair of credentials is all that a guesser needs to try.
const MIN_SECRET_CHARS: usize = 16;
/// URLs of one server: UDP, TCP and TLS, by IPv4 and IPv6. All of them go into each session's messages.
const MAX_URLS: usize = 8;

/// A TURN server that takes time-limited credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    urls: Vec<String>,
    secret: String,
}

/// Why a TURN server cannot be used. None of these shows the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadTurn {
    /// There must be some URLs, and not too many.
    #[error("urls: give 1 to {MAX_URLS}")]
    Count,
    /// A URL is none of a TURN server.
    #[error("urls: \"{0}\" does not begin with turn: or turns:")]
    Url(String),
    /// The secret is too short.
    #[error(
        "secret: use {MIN_SECRET_CHARS} characters or more, and the same as in static-auth-secret of the TURN server"
    )]
    WeakSecret,
}

impl Turn {
    /// The server at `urls` (`turn:` or `turns:`, RFC 7065), whose `static-auth-secret` is `secret`.
    pub fn new(urls: Vec<String>, secret: String) -> Result<Self, BadTurn> {
        if !(1..=MAX_URLS).contains(&urls.len()) {
            return Err(BadTurn::Count);
        }
        let is_turn = |url: &&String| url.starts_with("turn:") || url.starts_with("turns:");
        if let Some(other) = urls.iter().find(|url| !is_turn(url)) {
            return Err(BadTurn::Url(other.clone()));
        }
        if secret.chars().count() < MIN_SECRET_CHARS {
            return Err(BadTurn::WeakSecret);
        }
        Ok(Self { urls, secret })
    }

    /// Credentials for `user`, and when they end: after `lifetime` from `now`, in whole seconds and never later.
    fn credentials(
        &self,
        user: &str,
        lifetime: Duration,
        now: Timestamp,
    ) -> (IceServer, Timestamp) {
        let end = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        let end = end.as_second();
        let username = format!("{end}:{user}");
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, self.secret.as_bytes());
        let password = hmac::sign(&key, username.as_bytes());
        let server = IceServer {
            urls: self.urls.clone(),
            username: Some(username),
            credential: Some(BASE64_STANDARD.encode(password)),
        };
        (server, Timestamp::from_second(end).unwrap_or(now))
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// The server in use, if there is one. It may be another one next time.
#[derive(Clone, Default)]
pub(crate) struct CurrentTurn(Arc<Mutex<Option<Turn>>>);

impl CurrentTurn {
    pub(crate) fn new(turn: Option<Turn>) -> Self {
        Self(Arc::new(Mutex::new(turn)))
    }

    /// Sessions that run get credentials of this one when theirs are due.
    pub(crate) fn replace(&self, turn: Option<Turn>) {
        *lock(&self.0) = turn;
    }
}

/// What everyone gets: the same fixed servers, and one with credentials of their own.
#[derive(Clone)]
pub(crate) struct IceServers {
    fixed: Vec<IceServer>,
    turn: CurrentTurn,
}

impl IceServers {
    pub(crate) fn new(fixed: Vec<IceServer>, turn: CurrentTurn) -> Self {
        Self { fixed, turn }
    }

    /// Those that everyone has.
    pub(crate) fn fixed(&self) -> &[IceServer] {
        &self.fixed
    }

    /// For `user`, who may use them for `left` from now on.
    fn of(&self, user: &str, left: Duration, now: Timestamp) -> Ice {
        let turn = lock(&self.turn.0);
        let Some(turn) = turn.as_ref() else {
            return Ice {
                servers: self.fixed.clone(),
                until: None,
            };
        };
        let (own, until) = turn.credentials(user, left.min(MAX_LIFETIME), now);
        let servers = self.fixed.iter().cloned().chain([own]).collect();
        Ice {
            servers,
            until: Some(until),
        }
    }

    /// For a look whether they can be reached, before there is a session.
    pub(crate) fn to_try(&self, user: &str, now: Timestamp) -> Vec<IceServer> {
        self.of(user, MAX_LIFETIME, now).servers
    }

    /// For the sessions of a room.
    pub(crate) fn source(self) -> IceSource {
        Box::new(move |user, left, now| self.of(user, left, now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "north north north";

    fn turn() -> Turn {
        let urls = vec!["turn:turn.example.org:3478?transport=udp".to_owned()];
        Turn::new(urls, SECRET.to_owned()).unwrap()
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    /// The user name for a lease with so many milliseconds left, and the second at which it ends.
    fn user(left: u64, now: i64) -> (String, i64) {
        let source = IceServers::new(Vec::new(), CurrentTurn::new(Some(turn()))).source();
        let Ice { servers, until } = source("s", Duration::from_millis(left), at(now));
        (
            servers[0].username.clone().unwrap(),
            until.unwrap().as_second(),
        )
    }

    #[test]
    fn the_password_is_the_one_that_openssl_makes() {
        // printf 1700000060:5f8f | openssl dgst -sha1 -hmac 'north north north' -binary | base64
        let (server, _) =
            turn().credentials("5f8f", Duration::from_secs(60), at(1_700_000_000_000));
        assert_eq!(server.username.as_deref(), Some("1700000060:5f8f"));
        assert_eq!(
            server.credential.as_deref(),
            Some("7PNeP72GR9Tb267joMYoQRLXoQs=")
        );
        assert_eq!(server.urls, turn().urls);
    }

    #[test]
    fn credentials_never_outlive_the_lease_and_last_ten_minutes_at_most() {
        let ends = |second: i64| (format!("{second}:s"), second);
        assert_eq!(user(60_000, 1_000_000), ends(1060));
        assert_eq!(user(59_900, 1_000_050), ends(1059));
        assert_eq!(user(0, 1_000_000), ends(1000));
        assert_eq!(user(600_000, 1_000_000), ends(1600));
        assert_eq!(user(86_400_000, 1_000_000), ends(1600));
    }

    #[test]
    fn each_person_has_a_password_of_its_own_beside_the_fixed_servers() {
        let stun = IceServer {
            urls: vec!["stun:stun.example.org".into()],
            ..IceServer::default()
        };
        let of = IceServers::new(vec![stun.clone()], CurrentTurn::new(Some(turn()))).source();
        let [a, b] = ["a", "b"].map(|user| of(user, MAX_LIFETIME, at(0)).servers);
        assert_eq!((&a[0], &b[0]), (&stun, &stun));
        assert_ne!(a[1].credential, b[1].credential);
        let alone = IceServers::new(vec![stun.clone()], CurrentTurn::default());
        let alone = alone.of("a", MAX_LIFETIME, at(0));
        assert_eq!((alone.servers, alone.until), (vec![stun], None));
    }

    #[test]
    fn what_cannot_work_is_refused_without_showing_the_secret() {
        let new = |urls: &[&str], secret: &str| {
            let urls = urls.iter().map(|url| (*url).to_owned()).collect();
            Turn::new(urls, secret.to_owned()).unwrap_err()
        };
        assert_eq!(new(&[], SECRET), BadTurn::Count);
        assert_eq!(new(&["turn:x"; 9], SECRET), BadTurn::Count);
        assert_eq!(new(&["stun:x"], SECRET), BadTurn::Url("stun:x".into()));
        assert_eq!(new(&["turn:x"], "north"), BadTurn::WeakSecret);
        assert!(!new(&["turn:x"], "north").to_string().contains("north"));
        assert!(!format!("{:?}", turn()).contains("north"));
    }
}
