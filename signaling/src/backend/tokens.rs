// SPDX-License-Identifier: MPL-2.0
//! Judges a bearer token (RFC 7519) of the backend. The library checks the signature and reads; what counts as missing,
//! over or for someone else is said here, since it leaves much of that to those who set the right switches.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use super::Identity;
use super::claims::{Mapping, find};
use super::keys::{Key, Keys};
use crate::model::Window;

/// Longest token that is looked at. Large ones of identity providers, with groups, have some 4 KiB.
pub(crate) const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Longest ID token that is looked at. It comes in the provider's answer and in no header, so it may be larger: names of
/// a thousand groups.
const MAX_ID_TOKEN_BYTES: usize = 64 * 1024;
/// How far the backend's clock may be ahead of ours. It is not granted at the end: a token is over when it says so.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Why a token is refused. None of the texts shows any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no signed token, or too long.
    #[error("it is no signed token (JWT)")]
    Malformed,
    /// It is one for something else.
    #[error("it is a token of another type")]
    Type,
    /// It says that it is signed in a way that no key here is for.
    #[error("it is signed with an algorithm that is not taken")]
    Algorithm,
    /// It names a key that is not there.
    #[error("it is signed with an unknown key")]
    UnknownKey,
    /// Its signature is wrong.
    #[error("its signature is wrong")]
    Signature,
    /// A claim is missing, or has another form.
    #[error("it has no claim {0}, or one of another form")]
    Missing(&'static str),
    /// `iss` is someone else.
    #[error("it is from another issuer")]
    Issuer,
    /// `aud` is someone else.
    #[error("it is for someone else")]
    Audience,
    /// `azp` is another client, or is missing where `aud` has several.
    #[error("it was made for another client")]
    Party,
    /// `nonce` is that of another log-in.
    #[error("it was made for another log-in")]
    Nonce,
    /// `exp` is past.
    #[error("it has expired")]
    Expired,
    /// `nbf` or `from` is ahead.
    #[error("it is not good yet")]
    NotYet,
    /// What it says of rights is not understood.
    #[error("{0}")]
    Claims(&'static str),
}

impl TokenError {
    /// Whether one of the backend's keys has signed the token: it may be shown why it is refused, and has guessed nothing.
    pub(crate) fn is_signed(&self) -> bool {
        match self {
            Self::Malformed | Self::Type | Self::Algorithm | Self::UnknownKey | Self::Signature => {
                false
            }
            Self::Missing(_)
            | Self::Issuer
            | Self::Audience
            | Self::Party
            | Self::Nonce
            | Self::Expired
            | Self::NotYet
            | Self::Claims(_) => true,
        }
    }
}

/// Whose tokens are taken, and for whom.
pub(crate) struct Issuer {
    issuer: String,
    audience: String,
    pub(crate) mapping: Mapping,
}

/// What an ID token is expected to be besides.
pub(crate) struct Expected<'a> {
    /// The one that this log-in was begun with.
    pub(crate) nonce: &'a str,
    /// Those that the provider says it signs with.
    pub(crate) algorithms: &'a [Algorithm],
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Issuer {
    pub(crate) fn new(issuer: &str, audience: &str) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            mapping: Mapping::default(),
        }
    }

    /// Who shows this token at `now`.
    pub(super) fn check(
        &self,
        token: &str,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Identity, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        check_header(&header)?;
        let payload = verified(token, &header, keys)?;
        self.read(&payload, now)
    }

    /// The claims of an ID token (OpenID Connect Core 1.0, 3.1.3.7) that the provider has sent for a log-in here.
    pub(crate) fn check_id(
        &self,
        token: &str,
        keys: &Keys,
        now: Timestamp,
        expected: &Expected<'_>,
    ) -> Result<Value, TokenError> {
        if token.len() > MAX_ID_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let header = decode_header(token).map_err(|_| TokenError::Malformed)?;
        check_header(&header)?;
        if header.typ.as_deref().is_some_and(is_access) {
            return Err(TokenError::Type);
        }
        if !expected.algorithms.contains(&header.alg) {
            return Err(TokenError::Algorithm);
        }
        let payload = verified(token, &header, keys)?;
        self.window(&payload, now)?;
        let is_among_many =
            matches!(claim(&payload, "aud")?, OneOrMany::Many(all) if all.len() > 1);
        match payload.get("azp") {
            None if is_among_many => return Err(TokenError::Party),
            Some(party) if party.as_str() != Some(&self.audience) => return Err(TokenError::Party),
            _ => (),
        }
        if claim::<String>(&payload, "nonce")? != expected.nonce {
            return Err(TokenError::Nonce);
        }
        Ok(payload)
    }

    /// Whom these claims name, and what they let it do.
    pub(crate) fn read(&self, payload: &Value, now: Timestamp) -> Result<Identity, TokenError> {
        let good = self.window(payload, now)?;
        let claim = self.mapping.name_claim();
        let name = find(payload, claim).and_then(Value::as_str);
        let name = name.ok_or(TokenError::Claims(
            "it has no claim of the name that name-claim says, or it is no text",
        ))?;
        if claim == "email" && !is_verified(payload) {
            return Err(TokenError::Claims("its e-mail address is not verified"));
        }
        let identity = self.mapping.identity(name, payload, good);
        identity.map_err(TokenError::Claims)
    }

    /// When it is good, which is now, if it is from this issuer and for this audience.
    fn window(&self, payload: &Value, now: Timestamp) -> Result<Window, TokenError> {
        if claim::<String>(payload, "iss")? != self.issuer {
            return Err(TokenError::Issuer);
        }
        let is_ours = match claim(payload, "aud")? {
            OneOrMany::One(audience) => audience == self.audience,
            OneOrMany::Many(audiences) => audiences.contains(&self.audience),
        };
        if !is_ours {
            return Err(TokenError::Audience);
        }
        let _: String = claim(payload, "sub")?;
        let good = Window {
            start: match payload.get("nbf") {
                None => Timestamp::UNIX_EPOCH,
                // As soon as it is taken, it counts.
                Some(_) => instant(payload, "nbf")?
                    .saturating_sub(CLOCK_SKEW)
                    .unwrap_or(now),
            },
            end: instant(payload, "exp")?,
        };
        if now >= good.end {
            return Err(TokenError::Expired);
        }
        if now < good.start {
            return Err(TokenError::NotYet);
        }
        Ok(good)
    }
}

/// Whether an address is the person's: many providers let people type in any, and then say so.
fn is_verified(payload: &Value) -> bool {
    match payload.get("email_verified") {
        None => true,
        Some(said) => *said == Value::Bool(true) || *said == "true",
    }
}

/// Whether this is the type of a token for access (RFC 9068), which is no ID token.
fn is_access(kind: &str) -> bool {
    let kind = kind.strip_prefix("application/").unwrap_or(kind);
    kind.eq_ignore_ascii_case("at+jwt")
}

/// Only tokens for access: RFC 7519 and RFC 9068. What must be understood, and is not known here, is refused.
fn check_header(header: &Header) -> Result<(), TokenError> {
    let kind = header.typ.as_deref().unwrap_or("JWT");
    let kind = kind.strip_prefix("application/").unwrap_or(kind);
    let is_known = ["JWT", "at+jwt"]
        .iter()
        .any(|known| kind.eq_ignore_ascii_case(known));
    match is_known && header.crit.is_none() && header.cty.is_none() && header.enc.is_none() {
        true => Ok(()),
        false => Err(TokenError::Type),
    }
}

/// The payload, if one of the keys signed it.
fn verified(token: &str, header: &Header, keys: &Keys) -> Result<Value, TokenError> {
    let mut refused = TokenError::UnknownKey;
    for Key {
        algorithms, key, ..
    } in keys.of(header.kid.as_deref())
    {
        if !algorithms.contains(&header.alg) {
            refused = TokenError::Algorithm;
            continue;
        }
        let mut validation = Validation::new(header.alg);
        validation.required_spec_claims = HashSet::new();
        validation.validate_exp = false;
        validation.validate_aud = false;
        match decode(token, key, &validation) {
            Ok(token) => return Ok(token.claims),
            Err(error) if *error.kind() == ErrorKind::InvalidSignature => {
                refused = TokenError::Signature;
            }
            Err(_) => return Err(TokenError::Malformed),
        }
    }
    Err(refused)
}

fn claim<T: for<'de> Deserialize<'de>>(
    payload: &Value,
    name: &'static str,
) -> Result<T, TokenError> {
    let claim = payload.get(name).ok_or(TokenError::Missing(name))?;
    T::deserialize(claim).map_err(|_| TokenError::Missing(name))
}

/// A NumericDate; fractions of a second are left out.
fn instant(payload: &Value, name: &'static str) -> Result<Timestamp, TokenError> {
    let seconds: f64 = claim(payload, name)?;
    // Casts of what is out of range saturate, and no such time exists.
    Timestamp::from_second(seconds as i64).map_err(|_| TokenError::Missing(name))
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
