// SPDX-License-Identifier: MPL-2.0
//! A request that may be sent again: whoever asks for something that comes with a secret names the request, and what is made
//! follows from that name. An answer that was lost is so given once more, and nothing is made twice.

use aws_lc_rs::hmac::{HMAC_SHA256, Key, Tag, sign};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use super::password::generated_from;

/// Makes secrets of the names of requests.
pub(crate) struct Repeats(Key);

impl Repeats {
    /// `secret` is the server's own, and that of others on the same database.
    pub(crate) fn new(secret: &str) -> Self {
        Self(Key::new(HMAC_SHA256, secret.as_bytes()))
    }

    /// A camera's.
    pub(super) fn secret(&self, camera: &str, request: &str) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.tag("camera", camera, request))
    }

    /// A user's password.
    pub(super) fn password(&self, user: &str, request: &str) -> String {
        generated_from(self.tag("user", user, request).as_ref())
    }

    /// No request's name has a blank, and no kind.
    fn tag(&self, kind: &str, name: &str, request: &str) -> Tag {
        sign(&self.0, format!("{kind} {request} {name}").as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_follows_from_the_key_the_request_and_what_it_is_for() {
        let (ours, theirs) = (Repeats::new("a"), Repeats::new("b"));
        let secret = ours.secret("front", "1");
        assert_eq!(secret, ours.secret("front", "1"));
        assert_eq!(secret.len(), 43);
        for other in [
            theirs.secret("front", "1"),
            ours.secret("back", "1"),
            ours.secret("front", "2"),
        ] {
            assert_ne!(secret, other);
        }
        let password = ours.password("anna", "1");
        assert_eq!(password, ours.password("anna", "1"));
        assert_ne!(password, ours.password("bob", "1"));
        assert_eq!(password.len(), super::super::password::generate().len());
    }
}
