// SPDX-License-Identifier: MPL-2.0
//! Which host names and origins are ours. Pure.
//!
//! A page of another site can have its name point to this machine (DNS rebinding): the browser then takes this
//! server for a part of that site, but still sends the site's name as `Host`. So only names that no stranger can
//! own are answered to, and those that the configuration gives.

use std::net::IpAddr;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};
use url::Url;

/// Under these, names are given out within one network alone (RFC 6762, RFC 8375, and habit).
const LOCAL_SUFFIXES: [&str; 6] = [
    "local",
    "lan",
    "home",
    "home.arpa",
    "localdomain",
    "internal",
];
/// The names this server answers to.
#[derive(Debug, Default)]
pub(crate) struct Hosts {
    /// Lower case, without the dot at the end.
    machine: String,
    named: Vec<Named>,
}

#[derive(Debug)]
struct Named {
    name: String,
    port: Option<u16>,
    /// Of `url`: whose scheme and port an origin must have.
    scheme: Option<&'static str>,
}

impl Hosts {
    /// `allowed` are `NAME` or `NAME:PORT`; `machine` is what this machine calls itself.
    pub(crate) fn new(
        url: Option<&Url>,
        allowed: &[String],
        machine: &str,
    ) -> Result<Self, String> {
        let mut named = Vec::new();
        if let Some(url) = url {
            named.push(of_url(url)?);
        }
        for host in allowed {
            let authority = host.parse::<Authority>().ok();
            let authority = authority
                .filter(|authority| !host.contains(['@', '*']) && !authority.host().is_empty());
            let authority = authority.ok_or_else(|| {
                format!("allowed-hosts: \"{host}\" is no host name: use NAME or NAME:PORT")
            })?;
            named.push(Named {
                name: normal(authority.host()),
                port: authority.port_u16(),
                scheme: None,
            });
        }
        Ok(Self {
            machine: normal(machine),
            named,
        })
    }

    /// Whether the request is for us: the one `Host` it names, and the authority in its first line if there is one.
    pub(crate) fn is_for_us(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let one = hosts.next().is_some() && hosts.next().is_none();
        one && host(headers).is_some_and(|host| self.is_ours(&host))
            && uri.authority().is_none_or(|host| self.is_ours(host))
    }

    fn is_ours(&self, host: &Authority) -> bool {
        let name = normal(host.host());
        if is_ip(&name) || name == "localhost" || name.ends_with(".localhost") {
            return true;
        }
        let own = name
            .strip_prefix(self.machine.as_str())
            .is_some_and(|rest| {
                let suffix = rest.strip_prefix('.');
                rest.is_empty() || suffix.is_some_and(|suffix| LOCAL_SUFFIXES.contains(&suffix))
            });
        let named = |named: &Named| {
            let port = named.port.filter(|_| named.scheme.is_none());
            named.name == name && port.is_none_or(|port| Some(port) == host.port_u16())
        };
        (own && !self.machine.is_empty()) || self.named.iter().any(named)
    }

    /// Whether `Origin` is a page of this server: that of `Host`, of `url`, or one of `allowed-hosts`.
    pub(crate) fn is_own_origin(&self, headers: &HeaderMap) -> bool {
        let (Some(origin), Some(host)) = (origin(headers), host(headers)) else {
            return false;
        };
        let (scheme, default) = match origin.scheme_str() {
            Some("http") => ("http", 80),
            Some("https") => ("https", 443),
            _ => return false,
        };
        let Some(name) = origin.host().map(normal) else {
            return false;
        };
        let port = origin.port_u16().unwrap_or(default);
        let of_host = name == normal(host.host()) && port == host.port_u16().unwrap_or(default);
        let named = |named: &Named| {
            named.name == name
                && named.port.unwrap_or(default) == port
                && named.scheme.is_none_or(|wanted| wanted == scheme)
        };
        of_host || self.named.iter().any(named)
    }
}

fn of_url(url: &Url) -> Result<Named, String> {
    check_url(url)?;
    let scheme = if url.scheme() == "https" {
        "https"
    } else {
        "http"
    };
    Ok(Named {
        name: normal(url.host_str().unwrap_or_default()),
        port: url.port_or_known_default(),
        scheme: Some(scheme),
    })
}

/// Whether a server can be reached at `url`: the root of a host, or a folder that a proxy before it takes off.
pub(crate) fn check_url(url: &Url) -> Result<(), String> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err("use an address that begins with http:// or https://".to_owned());
    }
    if !url.path().ends_with('/') {
        return Err(
            "end the path with /, as in https://example.org/look/: the page's own addresses begin there"
                .to_owned(),
        );
    }
    if url.query().is_some()
        || url.fragment().is_some()
        || !url.username().is_empty()
        || url.password().is_some()
    {
        return Err(
            "use scheme, host, port and folder alone, such as https://cameras.example.org"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether the page that sent the request came by HTTPS, perhaps through a proxy.
pub(crate) fn is_https_origin(headers: &HeaderMap) -> bool {
    origin(headers).is_some_and(|origin| origin.scheme_str() == Some("https"))
}

fn is_ip(name: &str) -> bool {
    let bare = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    bare.unwrap_or(name).parse::<IpAddr>().is_ok()
}

fn normal(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// The host, and its port if there is one, that the request is for.
pub(crate) fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

fn origin(headers: &HeaderMap) -> Option<Uri> {
    headers.get(header::ORIGIN)?.to_str().ok()?.parse().ok()
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

    fn hosts(url: &str, allowed: &[&str]) -> Hosts {
        let url = (!url.is_empty()).then(|| url.parse().unwrap());
        let allowed: Vec<_> = allowed.iter().map(|host| (*host).to_owned()).collect();
        Hosts::new(url.as_ref(), &allowed, "Pi").unwrap()
    }

    fn is_for_us(hosts: &Hosts, host: &str) -> bool {
        hosts.is_for_us(&headers(&[("host", host)]), &Uri::from_static("/"))
    }

    #[test]
    fn with_nothing_configured_only_names_that_no_stranger_can_own_are_ours() {
        let hosts = hosts("", &[]);
        let ours = [
            "127.0.0.1:8080",
            "192.0.2.7",
            "[::1]:8080",
            "[2001:db8::1]",
            "localhost",
            "LOCALHOST:1",
            "a.localhost",
            "pi",
            "PI:8080",
            "pi.",
            "pi.local",
            "pi.local.",
            "pi.lan:80",
            "pi.home",
            "pi.home.arpa",
            "pi.localdomain",
            "pi.internal",
        ];
        for host in ours {
            assert!(is_for_us(&hosts, host), "{host}");
        }
        let others = [
            "evil.example",
            "pi.evil.example",
            "pi.example.org",
            "other.local",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "pix.local",
            "xpi.local",
            "pi.local.evil.example",
            "pi..local",
            "",
        ];
        for host in others {
            assert!(!is_for_us(&hosts, host), "{host}");
        }
    }

    #[test]
    fn a_machine_without_a_name_owns_no_suffix() {
        let hosts = Hosts::new(None, &[], "").unwrap();
        for host in [".local", "evil.example", ".", "local"] {
            assert!(!is_for_us(&hosts, host), "{host}");
        }
    }

    #[test]
    fn url_and_allowed_hosts_add_names() {
        let hosts = hosts(
            "https://look.example.org",
            &["cam.example.net", "b.example:8443"],
        );
        for host in [
            "look.example.org",
            "look.example.org:8080",
            "cam.example.net:1",
            "b.example:8443",
            "10.0.0.1",
        ] {
            assert!(is_for_us(&hosts, host), "{host}");
        }
        for host in [
            "example.org",
            "x.look.example.org",
            "b.example",
            "b.example:1",
        ] {
            assert!(!is_for_us(&hosts, host), "{host}");
        }
    }

    #[test]
    fn a_second_host_or_one_in_the_first_line_does_not_slip_through() {
        let hosts = hosts("", &[]);
        let two = headers(&[("host", "pi"), ("host", "evil.example")]);
        assert!(!hosts.is_for_us(&two, &Uri::from_static("/")));
        let absolute = Uri::from_static("http://evil.example/ws");
        assert!(!hosts.is_for_us(&headers(&[("host", "pi")]), &absolute));
        assert!(!hosts.is_for_us(&HeaderMap::new(), &Uri::from_static("/")));
    }

    #[test]
    fn an_origin_is_ours_if_it_is_that_of_the_host_or_of_the_configuration() {
        let (plain, url) = (
            hosts("", &[]),
            hosts("https://look.example.org", &["a.example", "b.example:8443"]),
        );
        let cases = [
            (&plain, "http://pi:8080", "pi:8080", true),
            (&plain, "http://PI:8080", "pi:8080", true),
            (&plain, "https://example.org", "example.org:443", true),
            (&plain, "http://[::1]:8080", "[::1]:8080", true),
            (&plain, "http://evil.example", "pi:8080", false),
            (&plain, "http://pi:8081", "pi:8080", false),
            (&plain, "http://pi", "pi:8080", false),
            (&plain, "http://pi.evil.example:8080", "pi:8080", false),
            (&plain, "null", "pi:8080", false),
            (&plain, "file://", "pi:8080", false),
            // A proxy with the default `Host` of nginx.
            (&url, "https://look.example.org", "127.0.0.1:8080", true),
            (&url, "https://look.example.org:443", "127.0.0.1:8080", true),
            (&url, "http://look.example.org", "127.0.0.1:8080", false),
            (
                &url,
                "https://look.example.org:8443",
                "127.0.0.1:8080",
                false,
            ),
            (&url, "https://a.example", "backend", true),
            (&url, "https://a.example:444", "backend", false),
            (&url, "https://b.example:8443", "backend", true),
            (&url, "https://b.example", "backend", false),
            (&url, "https://evil.example", "127.0.0.1:8080", false),
        ];
        for (hosts, origin, host, expected) in cases {
            let headers = headers(&[("origin", origin), ("host", host)]);
            assert_eq!(
                hosts.is_own_origin(&headers),
                expected,
                "{origin} at {host}"
            );
        }
        assert!(!plain.is_own_origin(&headers(&[("host", "pi:8080")])));
    }

    #[test]
    fn what_is_no_host_or_no_usable_url_is_refused() {
        for host in [
            "",
            "https://a.example",
            "a b",
            "u@a.example",
            "*.example",
            "a/b",
        ] {
            assert!(
                Hosts::new(None, &[host.to_owned()], "pi").is_err(),
                "{host}"
            );
        }
        for url in [
            "https://a.example/cams",
            "https://a.example/?x",
            "https://u:p@a.example",
            "ftp://a.example",
        ] {
            assert!(check_url(&url.parse().unwrap()).is_err(), "{url}");
        }
        assert_eq!(check_url(&"https://a.example".parse().unwrap()), Ok(()));
    }
}
