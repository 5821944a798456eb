// SPDX-License-Identifier: MPL-2.0
//! Messages that one browser alone can read (RFC 8291): one record of `aes128gcm` (RFC 8188), whose key follows from a key pair
//! that is made for it, the browser's own, and a secret of the browser's.
//!
//! By the same aws-lc-rs that does TLS: crates for it bring a second P-256, AES and SHA-2, or OpenSSL.

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::rand;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::model::PushSubscription;

/// Of a record, which is all there is. Push services take messages of 4096 bytes (RFC 8291, 4).
const RECORD_BYTES: u32 = 4096;
const SALT_BYTES: usize = 16;
/// Before what is encrypted: salt, record size, and the public key with its length.
const HEADER_BYTES: usize = SALT_BYTES + 4 + 1 + 65;
/// Behind it: the mark of the last record, and the tag.
const TRAILER_BYTES: usize = 1 + 16;
/// So much can be said.
const MAX_BYTES: usize = RECORD_BYTES as usize - HEADER_BYTES - TRAILER_BYTES;
const LAST_RECORD: u8 = 2;

/// The key of the browser's is none, or there is more to say than fits.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unusable;

impl From<Unspecified> for Unusable {
    fn from(_: Unspecified) -> Self {
        Self
    }
}

pub(super) fn encrypt(message: &[u8], to: &PushSubscription) -> Result<Vec<u8>, Unusable> {
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt)?;
    encrypt_by(&PrivateKey::generate(&ECDH_P256)?, salt, message, to)
}

/// The same by this key and this salt, each of which is good for one message.
fn encrypt_by(
    own: &PrivateKey,
    salt: [u8; SALT_BYTES],
    message: &[u8],
    to: &PushSubscription,
) -> Result<Vec<u8>, Unusable> {
    if message.len() > MAX_BYTES {
        return Err(Unusable);
    }
    let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text.trim_end_matches('='));
    let (Ok(theirs), Ok(auth)) = (decode(&to.p256dh), decode(&to.auth)) else {
        return Err(Unusable);
    };
    let public = own.compute_public_key()?;
    let public = public.as_ref();
    let peer = UnparsedPublicKey::new(&ECDH_P256, &theirs);
    // Section 3.4: from what both sides know to what only these two can.
    let input = agree(own, peer, Unusable, |secret| {
        let info: [&[u8]; 3] = [b"WebPush: info\0", &theirs, public];
        expand::<32>(&auth, secret, &info)
    })?;
    let key = expand::<16>(&salt, &input, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce = expand::<12>(&salt, &input, &[b"Content-Encoding: nonce\0"])?;
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let mut record = message.to_vec();
    record.push(LAST_RECORD);
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;
    let mut whole = Vec::with_capacity(HEADER_BYTES + record.len());
    whole.extend_from_slice(&salt);
    whole.extend_from_slice(&RECORD_BYTES.to_be_bytes());
    whole.push(u8::try_from(public.len()).map_err(|_| Unusable)?);
    whole.extend_from_slice(public);
    whole.append(&mut record);
    Ok(whole)
}

/// HKDF with SHA-256, of so many bytes.
fn expand<const BYTES: usize>(
    salt: &[u8],
    secret: &[u8],
    info: &[&[u8]],
) -> Result<[u8; BYTES], Unusable> {
    struct Length(usize);
    impl KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut out = [0; BYTES];
    let key = Salt::new(HKDF_SHA256, salt).extract(secret);
    key.expand(info, Length(BYTES))?.fill(&mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn subscription(p256dh: &str, auth: &str) -> PushSubscription {
        PushSubscription {
            user: "alice".to_owned(),
            endpoint: "https://push.example/".to_owned(),
            p256dh: p256dh.to_owned(),
            auth: auth.to_owned(),
            created: Timestamp::UNIX_EPOCH,
        }
    }

    const P256DH: &str =
        "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    /// RFC 8291, appendix A.
    #[test]
    fn the_example_of_the_rfc_comes_out() {
        let decode = |text: &str| BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        let own = decode("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw");
        let own = PrivateKey::from_private_key(&ECDH_P256, &own).unwrap();
        let salt = decode("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let message = b"When I grow up, I want to be a watermelon";
        let whole = encrypt_by(&own, salt, message, &subscription(P256DH, AUTH)).unwrap();
        assert_eq!(
            BASE64_URL_SAFE_NO_PAD.encode(whole),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    #[test]
    fn each_message_is_another_and_none_is_too_long() {
        let to = subscription(P256DH, AUTH);
        let long = vec![b'x'; MAX_BYTES];
        let (one, other) = (encrypt(&long, &to).unwrap(), encrypt(&long, &to).unwrap());
        assert_eq!(one.len(), RECORD_BYTES as usize);
        assert!(one[..SALT_BYTES] != other[..SALT_BYTES] && one[21..86] != other[21..86]);
        assert_eq!(encrypt(&[0; MAX_BYTES + 1], &to), Err(Unusable));
    }

    #[test]
    fn a_key_that_is_no_point_of_the_curve_is_refused() {
        let mut point = BASE64_URL_SAFE_NO_PAD.decode(P256DH).unwrap();
        *point.last_mut().unwrap() ^= 1;
        let off_the_curve = BASE64_URL_SAFE_NO_PAD.encode(point);
        for key in ["", "x", "AAAA", &off_the_curve] {
            assert_eq!(
                encrypt(b"x", &subscription(key, AUTH)),
                Err(Unusable),
                "{key}"
            );
        }
    }
}
