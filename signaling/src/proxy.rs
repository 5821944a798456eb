// SPDX-License-Identifier: MPL-2.0
//! On whose behalf a proxy asks. Pure.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

/// Proxies that a request may have come through; more are not looked at.
const MAX_PROXIES: usize = 16;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// Who asks, and whether by HTTPS, when `peer` is at the other end of the connection. What a proxy says counts only
/// if it is one of `trusted`: anyone can write these headers. Of the addresses in `X-Forwarded-For`, each appended
/// by the next proxy, the last one that is no trusted proxy's is the client's.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> (IpAddr, bool) {
    let peer = peer.to_canonical();
    if !is_trusted(peer, trusted) {
        return (peer, false);
    }
    let protocol = list(headers, &FORWARDED_PROTO).pop();
    let https = protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("https"));
    let mut client = peer;
    for address in list(headers, &FORWARDED_FOR)
        .into_iter()
        .rev()
        .take(MAX_PROXIES)
    {
        let Some(address) = address_of(address) else {
            break;
        };
        client = address;
        if !is_trusted(client, trusted) {
            break;
        }
    }
    (client, https)
}

/// Whether `address` is one of these proxies'.
pub(crate) fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted
        .iter()
        .any(|net| net.contains(&address.to_canonical()))
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1` or `[2001:db8::1]:80`.
fn address_of(text: &str) -> Option<IpAddr> {
    let address = text.parse::<IpAddr>().ok();
    let socket = || Some(text.parse::<SocketAddr>().ok()?.ip());
    let bracketed = || {
        text.strip_prefix('[')?
            .strip_suffix(']')?
            .parse::<Ipv6Addr>()
            .ok()
    };
    let address = address
        .or_else(socket)
        .or_else(|| bracketed().map(IpAddr::V6));
    address.map(|address| address.to_canonical())
}

/// The values of a header that is a list, over all its lines.
fn list<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Vec<&'a str> {
    let lines = headers.get_all(name).iter();
    // A line that is no text is an entry that is no address.
    lines
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(str::trim)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (key, value) in pairs {
            map.append(*key, value.parse().unwrap());
        }
        map
    }

    #[test]
    fn forwarded_headers_count_from_trusted_proxies_alone() {
        let trusted =
            ["127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"].map(|net| net.parse().unwrap());
        let who = |peer: &str, forwarded: &[&str]| {
            let pairs: Vec<_> = forwarded
                .iter()
                .map(|line| ("x-forwarded-for", *line))
                .collect();
            client(peer.parse().unwrap(), &headers(&pairs), &trusted)
                .0
                .to_string()
        };
        // A stranger's own words are not believed.
        assert_eq!(who("203.0.113.9", &["198.51.100.1"]), "203.0.113.9");
        assert_eq!(who("127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(who("::ffff:127.0.0.1", &["198.51.100.1"]), "198.51.100.1");
        // What the client itself wrote stands to the left of what the proxies added.
        assert_eq!(
            who("127.0.0.1", &["1.1.1.1, 198.51.100.1, 10.0.0.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            who("127.0.0.1", &["1.1.1.1", "198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(
            who("127.0.0.1", &["[2001:db9::1]:80, [2001:db8::1]"]),
            "2001:db9::1"
        );
        // All the way trusted: the first of them. Nonsense: the last one before it.
        assert_eq!(who("127.0.0.1", &["10.0.0.3, 10.0.0.2"]), "10.0.0.3");
        assert_eq!(
            who("127.0.0.1", &["198.51.100.1, nonsense, 10.0.0.2"]),
            "10.0.0.2"
        );
        assert_eq!(who("127.0.0.1", &["unknown"]), "127.0.0.1");
        assert_eq!(who("127.0.0.1", &[]), "127.0.0.1");
    }

    #[test]
    fn https_in_front_is_believed_of_trusted_proxies_alone() {
        let trusted = ["127.0.0.1/32".parse().unwrap()];
        let https = headers(&[("x-forwarded-proto", "https")]);
        assert!(client("127.0.0.1".parse().unwrap(), &https, &trusted).1);
        assert!(!client("192.0.2.1".parse().unwrap(), &https, &trusted).1);
        assert!(!client("127.0.0.1".parse().unwrap(), &headers(&[]), &trusted).1);
    }
}
