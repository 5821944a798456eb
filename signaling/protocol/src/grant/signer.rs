// SPDX-License-Identifier: MPL-2.0
//! The server's half: the key that signs grants, those before it, and the chain that leads from one to the next.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;

use super::chain::{KEY_TYPE, KeyRing, MAX_CHAIN, NextKey};
use super::{GRANT_TYPE, Grant, GrantError, GrantKey};

/// Signs grants, and knows its own again.
///
/// [`Display`](fmt::Display) and [`FromStr`] are its form on disk, to be kept where only the server can read it: a line
/// with the private key (PKCS#8, base64), one for each key before it, the latest first, and one for each statement of the
/// chain, the latest last. The first line alone is a key that was never rotated.
pub struct GrantSigner {
    current: Pair,
    /// The latest first. Sessions that began with them still run.
    previous: Vec<Pair>,
    /// Signed by each key for the one after it, the latest last.
    chain: Vec<String>,
}

/// Keys before the present one by which sessions are known again. A session lasts a day at most, in which nobody rotates so
/// often. What they sign is good for nothing else, and nothing at a camera.
const MAX_PREVIOUS: usize = 8;

/// A signing key could not be made or read.
#[derive(Debug, thiserror::Error)]
#[error("not an Ed25519 private key in PKCS#8 form, or not with the chain that leads to it")]
pub struct BadSigningKey;

struct Pair {
    encoding: EncodingKey,
    pkcs8: Vec<u8>,
    public: GrantKey,
    secrets: hmac::Key,
}

impl Pair {
    fn generate() -> Result<Self, BadSigningKey> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new())
            .map_err(|_| BadSigningKey)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BadSigningKey> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| BadSigningKey)?;
        let public = pair.public_key().as_ref().try_into();
        Ok(Self {
            encoding: EncodingKey::from_ed_der(pkcs8),
            pkcs8: pkcs8.to_vec(),
            public: GrantKey(public.map_err(|_| BadSigningKey)?),
            // A key of its own for each use (RFC 5869 in spirit; one block needs no more than one HMAC).
            secrets: hmac::Key::new(
                hmac::HMAC_SHA256,
                hmac::sign(
                    &hmac::Key::new(hmac::HMAC_SHA256, pkcs8),
                    b"porthole session secret",
                )
                .as_ref(),
            ),
        })
    }

    fn sign(&self, typ: &str, claims: &impl Serialize) -> Result<String, GrantError> {
        let header = Header {
            typ: Some(typ.into()),
            kid: Some(self.public.id()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, claims, &self.encoding).map_err(|_| GrantError::Invalid)
    }
}

impl GrantSigner {
    /// Makes a new key pair.
    pub fn generate() -> Result<Self, BadSigningKey> {
        Pair::generate().map(Self::first)
    }

    /// Reads a key pair from PKCS#8 DER.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BadSigningKey> {
        Pair::from_pkcs8(pkcs8).map(Self::first)
    }

    fn first(current: Pair) -> Self {
        Self {
            current,
            previous: Vec::new(),
            chain: Vec::new(),
        }
    }

    /// The signer after this one: with a new key, that this one vouches for. Store it before it signs anything.
    pub fn rotated(&self) -> Result<Self, BadSigningKey> {
        let next = Pair::generate()?;
        let seq = self.chain.last().and_then(|last| self.current_seq(last));
        let statement = NextKey {
            key: next.public,
            seq: seq.unwrap_or(0).saturating_add(1),
        };
        let statement = self.current.sign(KEY_TYPE, &statement);
        let mut chain = self.chain.clone();
        chain.push(statement.map_err(|_| BadSigningKey)?);
        // Who was enrolled with a key from before the first one that is left has to be enrolled again.
        chain.drain(..chain.len().saturating_sub(MAX_CHAIN));
        let previous = self.pairs().take(MAX_PREVIOUS);
        let previous = previous.map(|pair| Pair::from_pkcs8(&pair.pkcs8));
        Ok(Self {
            current: next,
            previous: previous.collect::<Result<_, _>>()?,
            chain,
        })
    }

    /// The place of the current key, as the last statement says.
    fn current_seq(&self, last: &str) -> Option<u32> {
        let before = self.previous.first()?.public;
        Some(before.read_next(last).ok()?.seq)
    }

    /// The private key as PKCS#8 DER, to be stored where only the server can read it.
    pub fn pkcs8(&self) -> &[u8] {
        &self.current.pkcs8
    }

    /// The raw Ed25519 public key that goes into camera keys.
    pub fn public_key(&self) -> GrantKey {
        self.current.public
    }

    /// What leads a camera that was enrolled with an earlier key to this one. Empty for a key that was never rotated.
    pub fn chain(&self) -> &[String] {
        &self.chain
    }

    /// Whether a camera that knows `key` follows to this signer's.
    pub fn follows(&self, key: GrantKey) -> bool {
        let mut ring = KeyRing::new(key);
        ring.learn(&self.chain).is_ok() && ring.newest() == self.public_key()
    }

    /// What a viewer is told with its session and shows to come back to it. It follows from the key and the id, so
    /// that a server that was restarted still knows it.
    pub fn session_secret(&self, session: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.current.secrets, session.as_bytes()))
    }

    /// Whether `secret` is that of `session`, by this key or one before it. Compares in constant time.
    pub fn is_session_secret(&self, session: &str, secret: &str) -> bool {
        let Ok(tag) = BASE64_URL_SAFE_NO_PAD.decode(secret) else {
            return false;
        };
        self.pairs()
            .any(|pair| hmac::verify(&pair.secrets, session.as_bytes(), &tag).is_ok())
    }

    /// Signs a grant and returns the compact JWT.
    pub fn sign(&self, grant: &Grant) -> Result<String, GrantError> {
        self.current.sign(GRANT_TYPE, grant)
    }

    /// Reads a grant that was signed by this key or one before it.
    pub fn read(&self, token: &str) -> Result<Grant, GrantError> {
        let mut read = self.pairs().map(|pair| pair.public.read(token));
        let named = read.find(|read| *read != Err(GrantError::OtherKey));
        named.unwrap_or(Err(GrantError::OtherKey))
    }

    fn pairs(&self) -> impl Iterator<Item = &Pair> {
        std::iter::once(&self.current).chain(&self.previous)
    }

    /// Whether each statement was signed by the key of the one before it, and the last one by the previous key for this.
    /// Whose the first one is may be forgotten.
    fn is_whole(&self) -> bool {
        let Some(previous) = self.previous.first() else {
            return self.chain.is_empty();
        };
        let mut signer = None;
        for statement in &self.chain {
            if signer.is_some_and(|key: GrantKey| key.read_next(statement).is_err()) {
                return false;
            }
            signer = NextKey::unverified(statement).map(|next| next.key);
            if signer.is_none() {
                return false;
            }
        }
        let last = self.chain.last();
        let last = last.and_then(|last| previous.public.read_next(last).ok());
        let is_bounded = self.chain.len() <= MAX_CHAIN && self.previous.len() <= MAX_PREVIOUS;
        is_bounded && last.is_some_and(|next| next.key == self.current.public)
    }
}

impl fmt::Debug for GrantSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantSigner")
            .field("key", &self.current.public.id())
            .finish_non_exhaustive()
    }
}

/// Its form on disk, which is a secret.
impl fmt::Display for GrantSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for pair in self.pairs() {
            writeln!(f, "{}", BASE64_STANDARD.encode(&pair.pkcs8))?;
        }
        self.chain.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for GrantSigner {
    type Err = BadSigningKey;

    fn from_str(text: &str) -> Result<Self, BadSigningKey> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        // Base64 has no dots, and a JWT has two.
        let (chain, keys): (Vec<_>, Vec<_>) = lines.partition(|line| line.contains('.'));
        let pair = |line: &&str| {
            let pkcs8 = BASE64_STANDARD.decode(line).map_err(|_| BadSigningKey)?;
            Pair::from_pkcs8(&pkcs8)
        };
        let mut pairs = keys.iter().map(pair);
        let current = pairs.next().ok_or(BadSigningKey)??;
        let previous = pairs.collect::<Result<_, _>>()?;
        let signer = Self {
            current,
            previous,
            chain: chain.into_iter().map(str::to_owned).collect(),
        };
        signer.is_whole().then_some(signer).ok_or(BadSigningKey)
    }
}

#[cfg(test)]
#[path = "signer_tests.rs"]
mod tests;
