// SPDX-License-Identifier: MPL-2.0
//! Secrets that have to be known again, and not just recognised: sealed (AES-256-GCM) with a key that is not in the database,
//! so that a copy of the database holds none.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::registry::SecretDigest;

/// Seals, and opens what it has sealed.
pub(super) struct Seal {
    key: RandomizedNonceKey,
    /// For what need not be opened.
    digests: Key,
}

/// There is no key, or the system gives no random numbers.
pub(super) struct Unsealable;

impl Seal {
    /// `secret` has 128 random bits at least.
    pub(super) fn new(secret: &str) -> Option<Self> {
        // A key of its own for each use.
        let root = Key::new(HMAC_SHA256, secret.as_bytes());
        let of = |label: &str| sign(&root, label.as_bytes());
        let key = RandomizedNonceKey::new(&AES_256_GCM, of("seal").as_ref()).ok()?;
        Some(Self {
            key,
            digests: Key::new(HMAC_SHA256, of("digests").as_ref()),
        })
    }

    /// `purpose` says what for, and whose it is: only for the same it is opened again.
    pub(super) fn seal(&self, purpose: &str, secret: &[u8]) -> Result<String, Unsealable> {
        let mut bytes = secret.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        let nonce = self.key.seal_in_place_append_tag(aad, &mut bytes);
        let nonce = nonce.map_err(|_| Unsealable)?;
        let whole = [&nonce.as_ref()[..], &bytes].concat();
        Ok(BASE64_URL_SAFE_NO_PAD.encode(whole))
    }

    pub(super) fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let whole = BASE64_URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, bytes) = whole.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut bytes = bytes.to_vec();
        let aad = Aad::from(purpose.as_bytes());
        let opened = self.key.open_in_place(nonce, aad, &mut bytes).ok()?;
        Some(opened.to_vec())
    }

    /// What someone shows is recognised by this, and guessed from it by nobody who has not the key.
    pub(super) fn digest(&self, purpose: &str, secret: &str) -> SecretDigest {
        let tag = sign(&self.digests, format!("{purpose} {secret}").as_bytes());
        SecretDigest::of(&BASE64_URL_SAFE_NO_PAD.encode(tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_by_the_same_key_for_the_same_purpose() {
        let (ours, theirs) = (Seal::new("a").unwrap(), Seal::new("b").unwrap());
        let seal = |text: &[u8]| ours.seal("of alice", text).unwrap_or_default();
        let sealed = seal(b"secret");
        assert_ne!(
            sealed,
            seal(b"secret"),
            "nobody sees that they are the same"
        );
        assert_eq!(
            ours.open("of alice", &sealed).as_deref(),
            Some(&b"secret"[..])
        );
        assert_eq!(ours.open("of bob", &sealed), None);
        assert_eq!(theirs.open("of alice", &sealed), None);
        for place in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert_eq!(ours.open("of alice", &changed), None, "{place}");
        }
        for none in ["", "AAAA", &sealed[..20], "no base 64!"] {
            assert_eq!(ours.open("of alice", none), None, "{none}");
        }
    }

    #[test]
    fn a_digest_is_of_one_secret_of_one_person_by_one_key() {
        let (ours, theirs) = (Seal::new("a").unwrap(), Seal::new("b").unwrap());
        let digest = ours.digest("alice", "code");
        assert!(digest == ours.digest("alice", "code"));
        assert!(digest != ours.digest("bob", "code") && digest != theirs.digest("alice", "code"));
        assert!(digest != ours.digest("alice", "other"));
    }
}
