// SPDX-License-Identifier: MPL-2.0
//! Who sends (VAPID, RFC 8292): a token for each push service, signed with the key that browsers subscribed for.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use axum::http::HeaderValue;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use url::Url;

/// For how long a token is good: at most a day (RFC 8292, 2), and clocks of servers may be wrong.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// The key. Browsers subscribe for its public half, so that with another one all would have to do so again.
#[derive(Clone)]
pub struct PushKey {
    pkcs8: Vec<u8>,
    public: String,
}

impl std::fmt::Debug for PushKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PushKey({})", self.public)
    }
}

impl PushKey {
    /// A new one, as it is kept. `None` if the system has no random numbers.
    pub fn generate() -> Option<String> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).ok()?;
        let pkcs8 = pair.to_pkcs8v1().ok()?;
        Some(BASE64_URL_SAFE_NO_PAD.encode(pkcs8.as_ref()))
    }

    /// Reads one that was kept.
    pub fn parse(text: &str) -> Option<Self> {
        let pkcs8 = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?;
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).ok()?;
        let public = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Some(Self { pkcs8, public })
    }

    /// Its public half: a point, uncompressed, in base64url.
    pub fn public(&self) -> &str {
        &self.public
    }
}

pub(super) struct Vapid {
    key: EncodingKey,
    public: String,
    contact: Option<String>,
}

#[derive(serde::Serialize)]
struct Claims<'a> {
    aud: String,
    exp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub: Option<&'a str>,
}

impl Vapid {
    pub(super) fn new(key: &PushKey, contact: Option<String>) -> Self {
        Self {
            key: EncodingKey::from_ec_der(&key.pkcs8),
            public: key.public.clone(),
            contact,
        }
    }

    /// What the push service of this endpoint is shown.
    pub(super) fn authorization(&self, endpoint: &Url, now: Timestamp) -> Option<HeaderValue> {
        let claims = Claims {
            aud: endpoint.origin().ascii_serialization(),
            exp: (now + LIFETIME).as_second(),
            sub: self.contact.as_deref(),
        };
        let token = encode(&Header::new(Algorithm::ES256), &claims, &self.key).ok()?;
        let mut value =
            HeaderValue::try_from(format!("vapid t={token}, k={}", self.public)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_token_is_for_one_push_service_and_signed_with_the_key_that_was_kept() {
        let kept = PushKey::generate().unwrap();
        let key = PushKey::parse(&kept).unwrap();
        let public = BASE64_URL_SAFE_NO_PAD.decode(key.public()).unwrap();
        assert_eq!((public.len(), public[0]), (65, 4));
        let vapid = Vapid::new(&key, Some("mailto:door@example.org".to_owned()));
        let endpoint = "https://push.example:8443/secret?x".parse().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let value = vapid.authorization(&endpoint, now).unwrap();
        let (token, shown) = value
            .to_str()
            .unwrap()
            .strip_prefix("vapid t=")
            .and_then(|rest| rest.split_once(", k="))
            .unwrap();
        assert_eq!(shown, key.public());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
        let verifier = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, public);
        verifier.verify(signed.as_bytes(), &signature).unwrap();
        let claims = BASE64_URL_SAFE_NO_PAD
            .decode(signed.split_once('.').unwrap().1)
            .unwrap();
        let claims: Value = serde_json::from_slice(&claims).unwrap();
        assert_eq!(claims["aud"], "https://push.example:8443");
        assert_eq!(claims["sub"], "mailto:door@example.org");
        assert_eq!(claims["exp"], 1_800_000_000 + 12 * 60 * 60);
    }

    #[test]
    fn what_is_no_key_is_none() {
        for text in ["", "x", "AAAA"] {
            assert!(PushKey::parse(text).is_none(), "{text}");
        }
    }
}
