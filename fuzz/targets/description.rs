// SPDX-License-Identifier: MPL-2.0
//! What a viewer sends: the camera's offer, a zero byte, the viewer's description or candidate.
#![no_main]
#![allow(dead_code)]

#[path = "../../signaling/protocol/src/limits.rs"]
pub mod limits;
// By path, so that neither GStreamer nor TLS is linked.
#[path = "../../src/signaller/untrusted/mod.rs"]
mod untrusted;

use libfuzzer_sys::fuzz_target;
use untrusted::{Check, Kind};

fuzz_target!(|text: &str| {
    let (own, other) = text.split_once('\0').unwrap_or(("", text));
    if Check::new().offer(other).is_ok() {
        assert!(other.len() <= limits::MAX_DESCRIPTION_BYTES && other.contains("a=rtpmap:"));
    }
    let mut check = Check::new();
    check.sent(Kind::Offer, own);
    if check.answer(other).is_ok() {
        assert_eq!(own.matches("\nm=").count(), other.matches("\nm=").count());
        assert!(check.answer(other).is_err());
    }
    if check.candidate(0, other).is_ok() {
        assert!(other.len() <= limits::MAX_CANDIDATE_BYTES + "candidate:".len());
    }
});
