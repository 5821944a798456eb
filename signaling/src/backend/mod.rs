// SPDX-License-Identifier: MPL-2.0
//! People whom an existing backend knows: it signs tokens for them, or is asked about each.
//!
//! - `claims` says what a token or an answer lets someone do: pure.
//! - `keys` and `tokens` judge a token: pure, the time is an argument.
//! - `fetched` has the keys at hand, `webhook` asks; both through `fetch`.
//!
//! Whatever is not understood is refused: an unknown role, permission or kind of key never widens anything.

mod claims;
mod fetch;
mod fetched;
mod keys;
mod tokens;
mod webhook;

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::Serialize;
use url::Url;

pub use self::claims::{Group, Mapping};
pub(crate) use self::fetch::{Fetch, TIMEOUT, check_url};
pub(crate) use self::fetched::{AskedBy, Fetched};
pub use self::keys::Keys;
pub use self::tokens::TokenError;
pub(crate) use self::tokens::{Expected, Issuer, MAX_TOKEN_BYTES};
use self::webhook::Webhook;
use crate::lock::lock;
use crate::model::Role;
use crate::rights::Rights;

/// What someone shows.
#[derive(Clone, Copy, Serialize)]
#[serde(untagged)]
pub enum Credential<'a> {
    /// A bearer token.
    Token {
        /// As it was sent.
        token: &'a str,
    },
    /// What was typed in.
    Password {
        /// A name.
        user: &'a str,
        /// A password.
        password: &'a str,
    },
}

/// Who someone is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it may do with the server.
    pub role: Role,
    /// Its name, and what it may do at cameras. Every rule has a window that ends.
    pub rights: Rights,
    /// When the backend has to be asked again, or another token shown.
    pub until: Timestamp,
}

/// Why someone is nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BackendError {
    /// The token is not one of the backend's, or not good now.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// The backend said no.
    #[error("the credential was refused")]
    Refused,
    /// The backend, or its keys, cannot be had: nobody is let in meanwhile. The text is for the log.
    #[error("the backend does not answer: {0}")]
    Unavailable(String),
}

/// Why there cannot be such a backend: errors of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The secret could be guessed.
    #[error("hs256-secret has fewer than 32 bytes and could be guessed: take 32 random ones")]
    WeakSecret,
    /// No usable key.
    #[error(
        "there is no key for signatures in the key set: it needs RSA (2048 bits or more), EC (P-256, P-384) or Ed25519"
    )]
    NoKeys,
    /// Not JSON with a list `keys`.
    #[error("the key set is no JSON object with a list \"keys\"")]
    KeySet,
    /// Someone on the way could read and change what is said.
    #[error("{0} must be an https:// URL; http:// is for this machine (localhost) only")]
    Insecure(&'static str),
    /// The system's list of certificate authorities cannot be read.
    #[error("the certificates of this system cannot be read: {0}")]
    Roots(String),
    /// An OpenID provider that cannot be one.
    #[error("issuer must be the provider's URL as it writes it, without ? and #")]
    Issuer,
    /// `issuer` or `audience` is empty.
    #[error("issuer and audience are needed: what the tokens say in iss and aud")]
    Unnamed,
}

/// A backend. What it is like may change while it is used.
pub struct Backend(Mutex<Arc<Kind>>);

enum Kind {
    Tokens { issuer: Issuer, keys: Source },
    Webhook(Box<Webhook>),
}

enum Source {
    Fixed(Keys),
    Fetched(Box<Fetched<Keys>>),
}

impl fmt::Debug for Backend {
    /// There are secrets in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Backend(..)")
    }
}

impl Backend {
    /// One whose tokens have `iss` and `aud` as said here, and are signed with one of these keys.
    ///
    /// # Errors
    /// [`SetupError::Unnamed`]
    pub fn with_keys(keys: Keys, issuer: &str, audience: &str) -> Result<Self, SetupError> {
        Self::tokens(issuer, audience, Source::Fixed(keys))
    }

    /// The same, with keys that are fetched from `url` when they are needed, and again from time to time.
    ///
    /// # Errors
    /// [`SetupError::Unnamed`], [`SetupError::Insecure`], [`SetupError::Roots`]
    pub fn with_jwks_url(url: &Url, issuer: &str, audience: &str) -> Result<Self, SetupError> {
        check_url(url, "jwks-url")?;
        let keys = key_set((url.clone(), "jwks-url"), AskedBy::Strangers, Fetch::new()?);
        Self::tokens(issuer, audience, Source::Fetched(Box::new(keys)))
    }

    /// One that is asked about everyone, at `url`. `secret` tells it that the question is from this server, as a bearer
    /// token.
    ///
    /// # Errors
    /// [`SetupError::Insecure`], [`SetupError::Roots`]
    pub fn with_webhook(url: &Url, secret: Option<&str>) -> Result<Self, SetupError> {
        let webhook = Webhook::new(url, secret)?;
        Ok(Self::of(Kind::Webhook(Box::new(webhook))))
    }

    fn tokens(issuer: &str, audience: &str, keys: Source) -> Result<Self, SetupError> {
        if issuer.is_empty() || audience.is_empty() {
            return Err(SetupError::Unnamed);
        }
        let issuer = Issuer::new(issuer, audience);
        Ok(Self::of(Kind::Tokens { issuer, keys }))
    }

    fn of(kind: Kind) -> Self {
        Self(Mutex::new(Arc::new(kind)))
    }

    fn current(&self) -> Arc<Kind> {
        lock(&self.0).clone()
    }

    /// Becomes like another: what is asked from now on is asked there.
    pub(crate) fn replace(&self, other: &Self) {
        let other = other.current();
        *lock(&self.0) = other;
    }

    /// The same, whose tokens say otherwise who someone is and what it may do. A webhook says it in words of its own.
    #[must_use]
    pub fn mapped(self, mapping: Mapping) -> Self {
        // Nobody else has it yet.
        if let Some(Kind::Tokens { issuer, .. }) = Arc::get_mut(&mut lock(&self.0)) {
            issuer.mapping = mapping;
        }
        self
    }

    /// Says who shows this credential from `peer`, if anyone.
    ///
    /// # Errors
    /// [`BackendError`]; none of its texts shows any of the credential.
    pub async fn verify(
        &self,
        credential: Credential<'_>,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<Identity, BackendError> {
        let current = self.current();
        let (issuer, keys) = match &*current {
            Kind::Webhook(webhook) => return webhook.ask(credential, peer, now).await,
            Kind::Tokens { issuer, keys } => (issuer, keys),
        };
        let Credential::Token { token } = credential else {
            return Err(BackendError::Refused);
        };
        match keys {
            Source::Fixed(keys) => Ok(issuer.check(token, keys, now)?),
            Source::Fetched(jwks) => {
                let checked = issuer.check(token, &*jwks.get(false).await?, now);
                match checked {
                    // The backend may have a new key.
                    Err(TokenError::UnknownKey) => {
                        Ok(issuer.check(token, &*jwks.get(true).await?, now)?)
                    }
                    checked => Ok(checked?),
                }
            }
        }
    }

    /// Whether it takes names and passwords.
    pub fn takes_passwords(&self) -> bool {
        matches!(*self.current(), Kind::Webhook(_))
    }
}

/// The keys that stand at an address.
pub(crate) fn key_set(
    place: (Url, &'static str),
    asked_by: AskedBy,
    fetch: Fetch,
) -> Fetched<Keys> {
    Fetched::new(place, asked_by, fetch, |text| {
        Keys::from_jwks(text).map_err(|error| error.to_string())
    })
}
