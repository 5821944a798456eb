// SPDX-License-Identifier: MPL-2.0
//! Codes that change every half minute (TOTP, RFC 6238): six digits, SHA-1, 30 s, which is what every app takes. Pure: the
//! time is an argument.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;

/// Bytes of a secret: those of the hash (RFC 4226, 4).
pub(super) const SECRET_BYTES: usize = 20;
/// Seconds of a step.
const STEP: i64 = 30;
/// Steps by which a telephone's clock may be wrong, either way. Each makes guessing so much easier.
const SKEW: i64 = 1;
const DIGITS: usize = 6;
const MODULUS: u32 = 1_000_000;

/// Whether this is written as a code is.
pub(super) fn is_code(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|digit| digit.is_ascii_digit())
}

/// The step whose code this is, if that is near `now`, and after the last one that was taken.
pub(super) fn step_of(secret: &[u8], code: &str, last: i64, now: Timestamp) -> Option<i64> {
    let current = now.as_second().div_euclid(STEP);
    let mut steps = (current - SKEW..=current + SKEW).filter(|step| *step > last);
    steps.find(|step| {
        let expected = code_of(secret, *step);
        verify_slices_are_equal(expected.as_bytes(), code.as_bytes()).is_ok()
    })
}

/// RFC 4226, 5.3.
fn code_of(secret: &[u8], step: i64) -> String {
    let key = Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = sign(&key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last().copied().unwrap_or_default() & 0xf);
    let bytes = tag.iter().skip(offset).take(4);
    let number = bytes.fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
    format!("{:06}", (number & 0x7fff_ffff) % MODULUS)
}

/// The secret as people type it in.
pub(super) fn spelt(secret: &[u8]) -> String {
    BASE32_NOPAD.encode(secret)
}

/// The link that apps read, from a QR code or when it is opened.
pub(super) fn link(secret: &[u8], issuer: &str, user: &str) -> String {
    let part = |text: &str| {
        // Form encoding says + for a space, which apps show.
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        encoded.replace('+', "%20")
    };
    let (issuer, user, secret) = (part(issuer), part(user), spelt(secret));
    format!(
        "otpauth://totp/{issuer}:{user}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of RFC 6238, appendix B.
    const SECRET: &[u8; SECRET_BYTES] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn codes_are_those_of_the_appendix_of_rfc_6238() {
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_of(SECRET, second / STEP), code);
            assert_eq!(step_of(SECRET, code, 0, at(second)), Some(second / STEP));
        }
    }

    #[test]
    fn a_code_counts_for_a_while_and_never_again() {
        let step = 1_234_567_890 / STEP;
        let code = code_of(SECRET, step);
        let during = |away: i64| at(step * STEP + away);
        for away in [-STEP, 0, STEP - 1, 2 * STEP - 1] {
            assert_eq!(
                step_of(SECRET, &code, 0, during(away)),
                Some(step),
                "{away}"
            );
        }
        for away in [-STEP - 1, 2 * STEP] {
            assert_eq!(step_of(SECRET, &code, 0, during(away)), None, "{away}");
        }
        assert_eq!(step_of(SECRET, &code, step - 1, during(0)), Some(step));
        assert_eq!(
            step_of(SECRET, &code, step, during(0)),
            None,
            "it was taken"
        );
        assert_eq!(
            step_of(SECRET, &code, step + 1, during(0)),
            None,
            "a later one was"
        );
        for wrong in [
            "",
            "1",
            "000000",
            &code[1..],
            &format!("{code}0"),
            &format!(" {code}"),
        ] {
            assert_eq!(step_of(SECRET, wrong, 0, during(0)), None, "{wrong}");
        }
    }

    #[test]
    fn the_link_says_all_that_an_app_asks_for() {
        let link = link(SECRET, "Porthole (cams.example)", "anna b&c");
        assert_eq!(
            link,
            "otpauth://totp/Porthole%20%28cams.example%29:anna%20b%26c?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Porthole%20%28cams.example%29&algorithm=SHA1&digits=6&period=30"
        );
        assert!(is_code("012345"));
        for other in ["12345", "1234567", "12345a", "١٢٣٤٥٦"] {
            assert!(!is_code(other), "{other}");
        }
    }
}
