// SPDX-License-Identifier: MPL-2.0
//! The cookie of a device that has logged in to an account before. It logs nobody in: it only says whose wrong
//! attempts are counted apart from strangers'. Pure.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use porthole_protocol::grant::GrantSigner;

use crate::registry::SecretDigest;

/// Longest id of a device that is looked at; ours have 43 characters.
const MAX_DEVICE_CHARS: usize = 64;

/// What makes the cookies until something else is kept: no session has this id, so that it is nobody's secret.
pub(crate) fn first_device_secret(signer: &GrantSigner) -> String {
    signer.session_secret("devices")
}

pub(crate) struct Devices {
    key: Key,
}

impl Devices {
    pub(crate) fn new(secret: &str) -> Self {
        Self {
            key: Key::new(HMAC_SHA256, secret.as_bytes()),
        }
    }

    /// The cookie of this device at this account.
    pub(crate) fn cookie(&self, device: &str, user: &str) -> String {
        let tag = sign(&self.key, &signed(device, user));
        let tag: String = tag.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        format!("{device}.{tag}")
    }

    /// The device, if this is its cookie at this account.
    pub(crate) fn device<'a>(&self, cookie: &'a str, user: &str) -> Option<&'a str> {
        let (device, tag) = cookie.split_once('.')?;
        if device.len() > MAX_DEVICE_CHARS || tag.len() != 64 || !tag.is_ascii() {
            return None;
        }
        let pairs = tag.as_bytes().chunks_exact(2);
        let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        let tag: Vec<u8> = bytes.collect::<Option<_>>()?;
        verify(&self.key, &signed(device, user), &tag).ok()?;
        Some(device)
    }
}

/// The user's name stands as its digest, so that where it begins cannot be shifted.
fn signed(device: &str, user: &str) -> Vec<u8> {
    let user = SecretDigest::of(user).to_hex();
    format!("{user}{device}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_devices_cookie_counts_at_its_own_account_and_server_alone() {
        let (ours, theirs) = (Devices::new("a"), Devices::new("b"));
        let cookie = ours.cookie("phone", "alice");
        assert_eq!(ours.device(&cookie, "alice"), Some("phone"));
        assert_eq!(ours.device(&cookie, "bob"), None);
        assert_eq!(theirs.device(&cookie, "alice"), None);
        for bad in [
            "",
            ".",
            "phone",
            "phone.00",
            &cookie.replace("phone", "tablet"),
        ] {
            assert_eq!(ours.device(bad, "alice"), None, "{bad}");
        }
    }
}
