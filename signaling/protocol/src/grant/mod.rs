// SPDX-License-Identifier: MPL-2.0
//! Grants: EdDSA-signed JWTs (RFC 7519, RFC 8037) that let one session through the gate of one camera.
//!
//! A camera has no clock it can trust, so a grant carries no point in time. It is bound to a `nonce`
//! the camera chose for its present connection, and `lease` is a duration to be counted on a
//! stopwatch from the moment the grant arrives.

//!
//! - [`signer`](GrantSigner) is the server's half, and what it keeps on disk.
//! - [`chain`](KeyRing) is how a camera follows its server when that takes a new key.

mod chain;
mod signer;

use std::fmt;

use aws_lc_rs::digest;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize};

pub use chain::{KEY_TYPE, KeyRing, MAX_CHAIN, NextKey};
pub use signer::{BadSigningKey, GrantSigner};

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
    /// Open the door at the camera.
    Door,
}

impl Permission {
    /// All there are, in the order of their declaration.
    pub const ALL: [Self; 5] = [
        Self::View,
        Self::Listen,
        Self::Talk,
        Self::Control,
        Self::Door,
    ];
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::View => "view",
            Self::Listen => "listen",
            Self::Talk => "talk",
            Self::Control => "control",
            Self::Door => "door",
        })
    }
}

/// The claims of a grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Camera the grant is for (its id).
    pub aud: String,
    /// User it was given to, as shown in bus messages and logs; see [`subject`].
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
    /// What the viewer may do. What this version does not know is left out.
    #[serde(deserialize_with = "known")]
    pub perms: Vec<Permission>,
    /// Which of `perms` a booking of the user's gives; the others come from an account, a link or the server's
    /// configuration. `None` from a server that does not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub booked: Option<Vec<Permission>>,
    /// The call that gives `door`, which is good while that call is answered. `None` if there is no `door` in `perms`, or if
    /// something else gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub door_call: Option<String>,
}

/// Between a user and what that one wants to be called. No user's name has one.
const CALLED: char = '/';

/// How a grant names its user: `alice`, or `share:018f2b7e/Anna` of a guest who has said a name. What is behind the stroke is
/// said by the guest alone, and proves nothing.
pub fn subject(user: &str, called: Option<&str>) -> String {
    match called {
        Some(called) => format!("{user}{CALLED}{called}"),
        None => user.to_owned(),
    }
}

/// The user of a [`subject`], and what that one wants to be called.
pub fn user_and_called(subject: &str) -> (&str, Option<&str>) {
    match subject.split_once(CALLED) {
        Some((user, called)) => (user, Some(called)),
        None => (subject, None),
    }
}

/// Permissions, without those of later versions.
fn known<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Permission>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Known(Permission),
        Later(IgnoredAny),
    }
    let said = Vec::<Said>::deserialize(d)?;
    let known = said.into_iter().filter_map(|said| match said {
        Said::Known(permission) => Some(permission),
        Said::Later(IgnoredAny) => None,
    });
    Ok(known.collect())
}

impl Grant {
    /// Whether a booking gives this permission.
    pub fn is_booked(&self, permission: Permission) -> bool {
        let booked = self.booked.as_deref().unwrap_or_default();
        booked.contains(&permission) && self.perms.contains(&permission)
    }
}

/// Why a token is not a grant.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum GrantError {
    /// The signature, the algorithm or the shape is wrong.
    #[error("the grant's signature or form is not valid")]
    Invalid,
    /// It is signed with the right key, but is another kind of token.
    #[error("the token is of another type")]
    WrongType,
    /// It names another key than the one it is read with.
    #[error("the token is signed with another key")]
    OtherKey,
}

/// The camera's half: the server's public key, which reads grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantKey(pub [u8; 32]);

impl GrantKey {
    /// What a token names it by (`kid`): its thumbprint (RFC 7638, RFC 8037).
    pub fn id(&self) -> String {
        let jwk = format!(
            r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#,
            BASE64_URL_SAFE_NO_PAD.encode(self.0)
        );
        BASE64_URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, jwk.as_bytes()))
    }

    /// Checks signature, algorithm and type, and returns the claims. Whether the claims fit the camera,
    /// the session and the connection is the gate's to decide.
    pub fn read(&self, token: &str) -> Result<Grant, GrantError> {
        self.read_as(GRANT_TYPE, token)
    }

    /// Reads what this key says of the one after it.
    pub(crate) fn read_next(&self, token: &str) -> Result<NextKey, GrantError> {
        self.read_as(KEY_TYPE, token)
    }

    fn read_as<T: DeserializeOwned + Clone>(
        &self,
        typ: &str,
        token: &str,
    ) -> Result<T, GrantError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| GrantError::Invalid)?;
        // A token of a server that names no keys has none; its signature says whose it is.
        if header.kid.is_some_and(|kid| kid != self.id()) {
            return Err(GrantError::OtherKey);
        }
        let mut validation = Validation::new(Algorithm::EdDSA);
        // These tokens carry no times, and the gate compares the audience itself.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let data =
            jsonwebtoken::decode::<T>(token, &DecodingKey::from_ed_der(&self.0), &validation)
                .map_err(|_| GrantError::Invalid)?;
        if data.header.typ.as_deref() == Some(typ) {
            Ok(data.claims)
        } else {
            Err(GrantError::WrongType)
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
