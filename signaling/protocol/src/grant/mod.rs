// SPDX-License-Identifier: MPL-2.0
//! Grants: EdDSA-signed JWTs (RFC 7519, RFC 8037) that let one session through the gate of one camera.
//!
//! A camera has no clock it can trust, so a grant carries no point in time. It is bound to a `nonce`
//! the camera chose for its present connection, and `lease` is a duration to be counted on a
//! stopwatch from the moment the grant arrives.

use std::fmt;

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// The `typ` header of every grant, so that no other token of the same key can pass for one (RFC 8725, 3.11).
pub const GRANT_TYPE: &str = "porthole-grant+jwt";

/// The longest lease a grant may carry: one day. A session that outlives it asks again.
pub const MAX_LEASE_SECONDS: u32 = 24 * 60 * 60;

/// What a viewer may do in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// See the camera's picture.
    View,
    /// Hear the camera's microphone.
    Listen,
    /// Speak through the camera's loudspeaker.
    Talk,
    /// Send control messages.
    Control,
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::View => "view",
            Self::Listen => "listen",
            Self::Talk => "talk",
            Self::Control => "control",
        })
    }
}

/// The claims of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Camera the grant is for (its id).
    pub aud: String,
    /// User it was given to, as shown in bus messages and logs.
    pub sub: String,
    /// Session it is for.
    pub sid: String,
    /// The nonce the camera announced on the connection the grant arrives on.
    pub nonce: String,
    /// Place in the session's row of grants, from 0: an update must carry a higher one than the last.
    #[serde(default)]
    pub seq: u32,
    /// Whole seconds from arrival to the end of the permission.
    pub lease: u32,
    /// What the viewer may do.
    pub perms: Vec<Permission>,
}

/// Why a token is not a grant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GrantError {
    /// The signature, the algorithm or the shape is wrong.
    #[error("the grant's signature or form is not valid")]
    Invalid,
    /// It is signed with the right key, but is another kind of token.
    #[error("the token is not of type {GRANT_TYPE}")]
    WrongType,
}

/// The server's half: signs grants.
pub struct GrantSigner {
    encoding: EncodingKey,
    pkcs8: Vec<u8>,
    public: [u8; 32],
    secrets: hmac::Key,
}

impl fmt::Debug for GrantSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GrantSigner").finish_non_exhaustive()
    }
}

/// A signing key could not be made or read.
#[derive(Debug, thiserror::Error)]
#[error("not an Ed25519 private key in PKCS#8 form")]
pub struct BadSigningKey;

impl GrantSigner {
    /// Makes a new key pair.
    pub fn generate() -> Result<Self, BadSigningKey> {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&aws_lc_rs::rand::SystemRandom::new())
            .map_err(|_| BadSigningKey)?;
        Self::from_pkcs8(pkcs8.as_ref())
    }

    /// Reads a key pair from PKCS#8 DER.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, BadSigningKey> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| BadSigningKey)?;
        let public = pair
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| BadSigningKey)?;
        Ok(Self {
            encoding: EncodingKey::from_ed_der(pkcs8),
            pkcs8: pkcs8.to_vec(),
            public,
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

    /// The private key as PKCS#8 DER, to be stored where only the server can read it.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// The raw Ed25519 public key that goes into camera keys.
    pub fn public_key(&self) -> GrantKey {
        GrantKey(self.public)
    }

    /// What a viewer is told with its session and shows to come back to it. It follows from the key and the id, so
    /// that a server that was restarted still knows it.
    pub fn session_secret(&self, session: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(hmac::sign(&self.secrets, session.as_bytes()))
    }

    /// Whether `secret` is that of `session`. Compares in constant time.
    pub fn is_session_secret(&self, session: &str, secret: &str) -> bool {
        BASE64_URL_SAFE_NO_PAD
            .decode(secret)
            .is_ok_and(|tag| hmac::verify(&self.secrets, session.as_bytes(), &tag).is_ok())
    }

    /// Signs a grant and returns the compact JWT.
    pub fn sign(&self, grant: &Grant) -> Result<String, GrantError> {
        let header = Header {
            typ: Some(GRANT_TYPE.into()),
            ..Header::new(Algorithm::EdDSA)
        };
        jsonwebtoken::encode(&header, grant, &self.encoding).map_err(|_| GrantError::Invalid)
    }
}

/// The camera's half: the server's public key, which reads grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantKey(pub [u8; 32]);

impl GrantKey {
    /// Checks signature, algorithm and type, and returns the claims. Whether the claims fit the camera,
    /// the session and the connection is the gate's to decide.
    pub fn read(&self, token: &str) -> Result<Grant, GrantError> {
        let mut validation = Validation::new(Algorithm::EdDSA);
        // Grants carry no times, and the gate compares the audience itself.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let data =
            jsonwebtoken::decode::<Grant>(token, &DecodingKey::from_ed_der(&self.0), &validation)
                .map_err(|_| GrantError::Invalid)?;
        match data.header.typ.as_deref() {
            Some(GRANT_TYPE) => Ok(data.claims),
            _ => Err(GrantError::WrongType),
        }
    }
}

impl Serialize for GrantKey {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&BASE64_URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl<'de> Deserialize<'de> for GrantKey {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let bytes = BASE64_URL_SAFE_NO_PAD
            .decode(text)
            .map_err(serde::de::Error::custom)?;
        let bytes = bytes
            .try_into()
            .map_err(|_| serde::de::Error::custom("not 32 bytes"))?;
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant() -> Grant {
        Grant {
            aud: "front".into(),
            sub: "alice".into(),
            sid: "s1".into(),
            nonce: "n1".into(),
            seq: 0,
            lease: 60,
            perms: vec![Permission::View],
        }
    }

    #[test]
    fn a_signed_grant_reads_back() {
        let signer = GrantSigner::generate().unwrap();
        let token = signer.sign(&grant()).unwrap();
        assert_eq!(signer.public_key().read(&token), Ok(grant()));
    }

    #[test]
    fn a_grant_of_another_key_is_invalid() {
        let token = GrantSigner::generate().unwrap().sign(&grant()).unwrap();
        let other = GrantSigner::generate().unwrap().public_key();
        assert_eq!(other.read(&token), Err(GrantError::Invalid));
    }

    #[test]
    fn an_ordinary_jwt_of_the_same_key_is_not_a_grant() {
        let signer = GrantSigner::generate().unwrap();
        let token =
            jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &grant(), &signer.encoding)
                .unwrap();
        assert_eq!(signer.public_key().read(&token), Err(GrantError::WrongType));
    }

    #[test]
    fn an_unsigned_token_is_invalid() {
        let signer = GrantSigner::generate().unwrap();
        let token = signer.sign(&grant()).unwrap();
        let body = token.split('.').nth(1).unwrap();
        let none = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"porthole-grant+jwt"}"#);
        assert_eq!(
            signer.public_key().read(&format!("{none}.{body}.")),
            Err(GrantError::Invalid)
        );
    }

    #[test]
    fn a_sessions_secret_is_its_own_and_outlives_a_restart() {
        let signer = GrantSigner::generate().unwrap();
        let again = GrantSigner::from_pkcs8(signer.pkcs8()).unwrap();
        let secret = signer.session_secret("s");
        assert!(again.is_session_secret("s", &secret));
        assert!(!again.is_session_secret("t", &secret));
        assert!(!again.is_session_secret("s", "") && !again.is_session_secret("s", "??"));
        assert!(
            !GrantSigner::generate()
                .unwrap()
                .is_session_secret("s", &secret)
        );
    }

    #[test]
    fn a_stored_key_signs_like_the_first() {
        let signer = GrantSigner::generate().unwrap();
        let again = GrantSigner::from_pkcs8(signer.pkcs8()).unwrap();
        assert!(
            signer
                .public_key()
                .read(&again.sign(&grant()).unwrap())
                .is_ok()
        );
    }
}
