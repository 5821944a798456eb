// SPDX-License-Identifier: MPL-2.0
//! Keys that the backend signs with. Which algorithms a key is for is said by the key, never by a token.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

use super::SetupError;

/// Fewer bytes of a shared secret could be guessed by whoever has one token: as many as HS256's digest (RFC 7518, 3.2).
const MIN_SECRET_BYTES: usize = 32;
/// Smaller RSA keys can be broken, or soon (RFC 7518, 3.3): bytes of a modulus of 2048 bits.
const MIN_RSA_BYTES: usize = 256;
/// More keys than any backend has at once; a token is tried with those that fit it.
const MAX_KEYS: usize = 32;

const RSA: &[Algorithm] = &[
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// The keys of a backend.
#[derive(Clone, Debug)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({:?}, {:?})", self.id, self.algorithms)
    }
}

impl Keys {
    /// A secret that the backend shares with this server, for HS256.
    ///
    /// # Errors
    /// [`SetupError::WeakSecret`]
    pub fn from_secret(secret: &str) -> Result<Self, SetupError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(SetupError::WeakSecret);
        }
        Ok(Self(vec![Key {
            id: None,
            algorithms: vec![Algorithm::HS256],
            key: DecodingKey::from_secret(secret.as_bytes()),
        }]))
    }

    /// A key set (RFC 7517, 5). Keys of other kinds and uses are left out, as it asks for; so are secrets, which have no
    /// place in what anyone may fetch.
    ///
    /// # Errors
    /// [`SetupError::KeySet`], [`SetupError::NoKeys`]
    pub fn from_jwks(text: &str) -> Result<Self, SetupError> {
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = serde_json::from_str(text).map_err(|_| SetupError::KeySet)?;
        let keys = set
            .keys
            .into_iter()
            .filter_map(|key| usable(&serde_json::from_value(key).ok()?));
        let keys: Vec<_> = keys.take(MAX_KEYS).collect();
        match keys.is_empty() {
            true => Err(SetupError::NoKeys),
            false => Ok(Self(keys)),
        }
    }

    /// Those that a token with this key id may be signed with.
    pub(super) fn of(&self, id: Option<&str>) -> impl Iterator<Item = &Key> {
        let fits = move |key: &&Key| id.is_none() || key.id.is_none() || key.id.as_deref() == id;
        self.0.iter().filter(fits)
    }
}

fn usable(jwk: &Jwk) -> Option<Key> {
    if !matches!(
        jwk.common.public_key_use,
        None | Some(PublicKeyUse::Signature)
    ) {
        return None;
    }
    let mut algorithms = match &jwk.algorithm {
        AlgorithmParameters::RSA(rsa) => {
            // Four characters are three bytes.
            let is_long = rsa.n.len() * 3 / 4 >= MIN_RSA_BYTES;
            is_long.then(|| RSA.to_vec())?
        }
        AlgorithmParameters::EllipticCurve(ec) => match ec.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(pair) => match pair.curve {
            EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
            _ => return None,
        },
        _ => return None,
    };
    if let Some(only) = jwk.common.key_algorithm {
        algorithms.retain(|algorithm| only == (*algorithm).into());
    }
    let key = DecodingKey::from_jwk(jwk).ok()?;
    (!algorithms.is_empty()).then(|| Key {
        id: jwk.common.key_id.clone(),
        algorithms,
        key,
    })
}
