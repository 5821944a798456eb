// SPDX-License-Identifier: MPL-2.0
//! Addresses: what `listen` and `allowed-hosts` may say, and the links that lead there. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use porthole_signaling::token_fragment;

/// Why a text is not an address to listen on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadAddress {
    #[error(
        "give ADDRESS:PORT, for example 0.0.0.0:8080 for the whole network or 127.0.0.1:8080 for this machine alone"
    )]
    Form,
    #[error("give host names separated by commas, for example look.example.org,door.example.org")]
    Host,
}

/// Reads `ADDRESS:PORT`; `localhost` stands for 127.0.0.1, and a missing address for all of them.
pub(crate) fn parse(text: &str) -> Result<SocketAddr, BadAddress> {
    let text = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None if text.starts_with(':') => format!("0.0.0.0{text}"),
        None => text.to_owned(),
    };
    text.parse().map_err(|_| BadAddress::Form)
}

/// Reads names separated by commas, each with a port or without; a text without any is an empty list.
pub(crate) fn hosts(text: &str) -> Result<Vec<String>, BadAddress> {
    let names = text.split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).map(host).collect()
}

fn host(text: &str) -> Result<String, BadAddress> {
    let (name, port) = match text.rsplit_once(':') {
        Some((name, port)) => (name, Some(port)),
        None => (text, None),
    };
    let name = url::Host::parse(name).map_err(|_| BadAddress::Host)?;
    match port.map(str::parse::<u16>) {
        None => Ok(name.to_string()),
        Some(Ok(port)) => Ok(format!("{name}:{port}")),
        Some(Err(_)) => Err(BadAddress::Host),
    }
}

/// Whether webrtcbin understands `text` as a STUN server.
pub(crate) fn is_stun(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| url.scheme() == "stun" && url.host_str().is_some())
}

/// The STUN server in the form browsers want it (RFC 7064).
pub(crate) fn stun_for_browsers(text: &str) -> String {
    text.replacen("stun://", "stun:", 1)
}

/// Where this machine itself reaches a server that listens on `address`.
pub(crate) fn local(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

/// One link for each of the machine's addresses that `address` covers, those of other machines' use
/// first and loopback last. The token goes into the fragment, which browsers do not send.
pub(crate) fn links(address: SocketAddr, machine: &[IpAddr], token: Option<&str>) -> Vec<String> {
    let mut ips: Vec<IpAddr> = if address.ip().is_unspecified() {
        let covered = |ip: &&IpAddr| match ip {
            IpAddr::V4(_) => address.is_ipv4(),
            // A link-local address needs a zone, which URLs cannot carry.
            IpAddr::V6(ip) => address.is_ipv6() && !ip.is_unicast_link_local(),
        };
        machine.iter().filter(covered).copied().collect()
    } else {
        vec![address.ip()]
    };
    ips.sort_by_key(|ip| (ip.is_loopback(), *ip));
    ips.dedup();
    let fragment = token
        .map(|token| format!("#{}", token_fragment(token)))
        .unwrap_or_default();
    ips.into_iter()
        .map(|ip| format!("http://{}/{fragment}", SocketAddr::new(ip, address.port())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listen_takes_an_address_a_bare_port_and_localhost() {
        assert_eq!(parse("0.0.0.0:8080").unwrap().to_string(), "0.0.0.0:8080");
        assert_eq!(parse(":9000").unwrap().to_string(), "0.0.0.0:9000");
        assert_eq!(parse("localhost:0").unwrap().to_string(), "127.0.0.1:0");
        assert_eq!(parse("[::]:8080").unwrap().to_string(), "[::]:8080");
        assert_eq!(parse("8080"), Err(BadAddress::Form));
        assert_eq!(parse("camera.local:8080"), Err(BadAddress::Form));
    }

    #[test]
    fn each_address_of_the_machine_gets_a_link_loopback_last() {
        let machine = ["127.0.0.1", "192.0.2.7", "::1"].map(|ip| ip.parse().unwrap());
        assert_eq!(
            links(parse("0.0.0.0:8080").unwrap(), &machine, Some("t")),
            [
                "http://192.0.2.7:8080/#token=t",
                "http://127.0.0.1:8080/#token=t"
            ]
        );
        assert_eq!(
            links(parse("127.0.0.1:1").unwrap(), &machine, None),
            ["http://127.0.0.1:1/"]
        );
    }

    #[test]
    fn a_token_of_any_characters_survives_the_pages_reading_of_the_link() {
        for token in ["a+b c%20d/e#f&g=h?", "ünïcödé", "plain-Token_1.0"] {
            let links = links(parse("127.0.0.1:1").unwrap(), &[], Some(token));
            let url = url::Url::parse(&links[0]).unwrap();
            // URLSearchParams of a browser parses exactly so.
            let fields = url::form_urlencoded::parse(url.fragment().unwrap().as_bytes());
            let fields: Vec<_> = fields.into_owned().collect();
            assert_eq!(fields, [("token".to_owned(), token.to_owned())]);
        }
    }

    #[test]
    fn hosts_are_names_with_or_without_a_port() {
        assert_eq!(hosts("").unwrap(), [""; 0]);
        assert_eq!(
            hosts("Look.example.org, door:8443").unwrap(),
            ["look.example.org", "door:8443"]
        );
        for bad in [
            "https://look.example.org",
            "door:",
            "door:x",
            "door/x",
            "a b",
        ] {
            assert_eq!(hosts(bad), Err(BadAddress::Host), "{bad}");
        }
    }

    #[test]
    fn stun_servers_are_given_as_webrtcbin_wants_them() {
        assert!(is_stun("stun://stun.example.org:3478"));
        assert!(!is_stun("stun.example.org:3478") && !is_stun("http://example.org"));
        assert_eq!(stun_for_browsers("stun://a:1"), "stun:a:1");
    }
}
