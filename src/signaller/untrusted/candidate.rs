// SPDX-License-Identifier: MPL-2.0
//! One ICE candidate (RFC 8839, section 5.1), without "candidate:" in front.

use std::net::IpAddr;

use super::{BadDescription, MAX_CANDIDATE_BYTES, number};

/// A DNS name has at most this many bytes (RFC 1035); a browser's `.local` names have 42.
const MAX_HOST_NAME_BYTES: usize = 253;
/// Extensions after the type: browsers send five, libnice three.
const MAX_EXTENSIONS: usize = 16;

pub(super) fn check(text: &str) -> Result<(), BadDescription> {
    if text.len() > MAX_CANDIDATE_BYTES {
        return Err(BadDescription::CandidateTooLarge(text.len()));
    }
    problem(text).map_or(Ok(()), |what| Err(BadDescription::Candidate(what)))
}

fn problem(text: &str) -> Option<&'static str> {
    if !text
        .bytes()
        .all(|byte| byte == b' ' || byte.is_ascii_graphic())
    {
        return Some("other than printable ASCII");
    }
    let mut words = text.split(' ');
    let mut word = || words.next().unwrap_or_default();
    let foundation = word();
    if !(1..=32).contains(&foundation.len()) || !foundation.bytes().all(is_ice_char) {
        return Some("the foundation is not 1 to 32 letters, digits, + or /");
    }
    if !number::<u16>(word()).is_some_and(|component| (1..=256).contains(&component)) {
        return Some("the component is not 1 to 256");
    }
    let transport = word();
    if !["udp", "tcp"]
        .iter()
        .any(|known| transport.eq_ignore_ascii_case(known))
    {
        return Some("the transport is neither udp nor tcp");
    }
    if number::<u32>(word()).is_none() {
        return Some("the priority is no 32-bit number");
    }
    if !is_reachable(word()) {
        return Some("the address is neither a host's nor a .local name");
    }
    if number::<u16>(word()).is_none_or(|port| port == 0) {
        return Some("the port is not 1 to 65535");
    }
    if word() != "typ" {
        return Some("no typ");
    }
    if !["host", "srflx", "prflx", "relay"].contains(&word()) {
        return Some("the type is not host, srflx, prflx or relay");
    }
    extensions(&words.collect::<Vec<_>>())
}

/// Pairs of a name and a value; those with a meaning have one that fits.
fn extensions(words: &[&str]) -> Option<&'static str> {
    if !words.len().is_multiple_of(2) || words.len() > 2 * MAX_EXTENSIONS {
        return Some("extensions are not pairs of name and value, or too many");
    }
    let fits = |pair: &[&str]| match *pair {
        ["", _] | [_, ""] => false,
        // A browser that hides its address sends 0.0.0.0 and port 0 here.
        ["raddr", address] => address.parse::<IpAddr>().is_ok() || is_local_name(address),
        ["rport", port] => number::<u16>(port).is_some(),
        ["tcptype", kind] => ["active", "passive", "so"].contains(&kind),
        ["ufrag", ufrag] => (4..=256).contains(&ufrag.len()) && ufrag.bytes().all(is_ice_char),
        _ => true,
    };
    (!words.chunks(2).all(fits)).then_some("an extension's value does not fit its name")
}

/// An address that one host has. The agent would send its requests to all others, too, and a name other than mDNS's
/// would let a viewer choose what the camera asks its DNS server for.
fn is_reachable(address: &str) -> bool {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(v4)) => !v4.is_multicast() && !v4.is_unspecified() && !v4.is_broadcast(),
        Ok(IpAddr::V6(v6)) => !v6.is_multicast() && !v6.is_unspecified(),
        Err(_) => is_local_name(address),
    }
}

/// Whether its address is a name.
pub(super) fn is_hidden(candidate: &str) -> bool {
    candidate.split(' ').nth(4).is_some_and(is_local_name)
}

fn is_local_name(name: &str) -> bool {
    name.len() <= MAX_HOST_NAME_BYTES
        && name.strip_suffix(".local").is_some_and(|label| {
            (1..=63).contains(&label.len())
                && label
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}

pub(super) fn is_ice_char(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/'
}
