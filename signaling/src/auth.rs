// SPDX-License-Identifier: MPL-2.0
//! Finds the credential of a request and says whose it is.
//!
//! A token comes in `Authorization: Bearer`, in the `access_token` query for clients that cannot set
//! a header, or stands behind the session cookie. A browser sends a cookie whoever asks it to, so a
//! cookie counts only together with an `Origin` that is ours. None of these is ever logged.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, header};

use crate::error::ApiError;
use crate::lock::lock;
use crate::registry::SecretDigest;
use crate::room::{Principal, Rights};
use crate::state::Shared;

/// Longest credential looked at: a secret has 43 characters.
const MAX_CREDENTIAL_BYTES: usize = 512;

const LOG_IN: &str =
    "no credential: open the link you were given, or send the token as a bearer token";
const WRONG: &str = "this key or link is not valid (any more): ask for a new one";

/// Who sent a request.
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    /// `None` for a guest.
    pub(crate) credential: Option<SecretDigest>,
    way: Way,
}

/// How a credential came.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Token,
    Cookie,
    /// Not at all.
    Guest,
}

/// Says who sent the request, or which answer it gets. `query` only where a query may hold a token.
pub(crate) fn identify(
    shared: &Shared,
    headers: &HeaderMap,
    query: Option<&str>,
    peer: IpAddr,
) -> Result<Identity, ApiError> {
    let now = Instant::now();
    let token = bearer(headers).or_else(|| query_token(query));
    let (digest, way) = match (token, cookie(headers, shared.tls)) {
        (Some(token), _) => (Some(SecretDigest::of(&token)), Way::Token),
        (None, Some(cookie)) => (lock(&shared.registry).logged_in(cookie, now), Way::Cookie),
        (None, None) => (None, Way::Guest),
    };
    let principal = digest.and_then(|digest| lock(&shared.registry).identify(&digest));
    match (principal, way) {
        (Some(principal), _) => Ok(Identity {
            principal,
            credential: digest,
            way,
        }),
        // A cookie that ran out is no attempt at anything.
        (None, Way::Guest | Way::Cookie) if shared.open_access => {
            let principal = Principal::Viewer(Rights::guest());
            Ok(Identity {
                principal,
                credential: None,
                way: Way::Guest,
            })
        }
        // The random cookie of a login that ended, or of a server before its restart, is nobody's guess.
        (None, Way::Guest | Way::Cookie) => Err(ApiError::unauthorized(LOG_IN)),
        (None, _) => match lock(&shared.failures).add(peer, now) {
            Ok(()) => Err(ApiError::unauthorized(WRONG)),
            Err(wait) => Err(ApiError::too_many_failures(wait)),
        },
    }
}

impl Identity {
    pub(crate) fn is_guest(&self) -> bool {
        self.way == Way::Guest
    }

    /// Refuses what a page of another site made the browser send (cross-site WebSocket hijacking).
    pub(crate) fn check_origin(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        let fine = match self.way {
            Way::Token => true,
            Way::Cookie => is_same_origin(headers),
            // Only browsers send an origin, and a guest need not be one.
            Way::Guest => !headers.contains_key(header::ORIGIN) || is_same_origin(headers),
        };
        let message = "the request comes from a page of another site: open this server's own page";
        if fine {
            Ok(())
        } else {
            Err(ApiError::not_permitted(message))
        }
    }
}

/// The token of `Authorization: Bearer`. Another scheme is an empty token, which nobody has.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?;
    let value = value
        .to_str()
        .ok()
        .filter(|value| value.len() <= MAX_CREDENTIAL_BYTES);
    let (scheme, token) = value
        .and_then(|value| value.split_once(' '))
        .unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case("bearer") {
        token.trim().to_owned()
    } else {
        String::new()
    })
}

fn query_token(query: Option<&str>) -> Option<String> {
    let (_, token) =
        form_urlencoded::parse(query?.as_bytes()).find(|(key, _)| key == "access_token")?;
    Some(token.into_owned())
}

/// The session cookie of this server.
pub(crate) fn cookie(headers: &HeaderMap, tls: bool) -> Option<&str> {
    let name = cookie_name(headers, tls);
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let pairs = cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs
        .filter(|(key, _)| *key == name)
        .map(|(_, value)| value)
        .next()
}

/// Cookies do not heed the port, so its number is in the name: two servers on one host, as every
/// developer has them, must not log each other's viewers out.
pub(crate) fn cookie_name(headers: &HeaderMap, tls: bool) -> String {
    let port = host(headers).and_then(|host| host.port_u16());
    format!("porthole-{}", port.unwrap_or(if tls { 443 } else { 80 }))
}

/// Whether the page that sent the request came by HTTPS, perhaps through a proxy.
pub(crate) fn is_https_origin(headers: &HeaderMap) -> bool {
    origin(headers).is_some_and(|origin| origin.scheme_str() == Some("https"))
}

fn host(headers: &HeaderMap) -> Option<Authority> {
    headers.get(header::HOST)?.to_str().ok()?.parse().ok()
}

fn origin(headers: &HeaderMap) -> Option<Uri> {
    headers.get(header::ORIGIN)?.to_str().ok()?.parse().ok()
}

/// Whether `Origin` names the host and port of `Host`.
fn is_same_origin(headers: &HeaderMap) -> bool {
    let (Some(origin), Some(host)) = (origin(headers), host(headers)) else {
        return false;
    };
    let default = match origin.scheme_str() {
        Some("http") => 80,
        Some("https") => 443,
        _ => return false,
    };
    let port = |port: Option<u16>| port.unwrap_or(default);
    origin
        .host()
        .is_some_and(|name| name.eq_ignore_ascii_case(host.host()))
        && port(origin.port_u16()) == port(host.port_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap()))
            .collect::<HeaderMap>()
    }

    #[test]
    fn an_origin_is_ours_if_host_and_port_are() {
        let cases = [
            ("http://pi:8080", "pi:8080", true),
            ("http://PI:8080", "pi:8080", true),
            ("https://example.org", "example.org", true),
            ("https://example.org", "example.org:443", true),
            ("http://[::1]:8080", "[::1]:8080", true),
            ("http://evil.example", "pi:8080", false),
            ("http://pi:8081", "pi:8080", false),
            ("http://pi", "pi:8080", false),
            ("http://pi.evil.example:8080", "pi:8080", false),
            ("null", "pi:8080", false),
            ("file://", "pi:8080", false),
        ];
        for (origin, host, expected) in cases {
            let headers = headers(&[("origin", origin), ("host", host)]);
            assert_eq!(is_same_origin(&headers), expected, "{origin} at {host}");
        }
        assert!(!is_same_origin(&headers(&[("host", "pi:8080")])));
    }

    #[test]
    fn a_cookie_is_found_by_the_port_it_was_made_for() {
        let jar = "a=b; porthole-8080=mine; porthole-9090=other";
        assert_eq!(
            cookie(&headers(&[("host", "pi:8080"), ("cookie", jar)]), false),
            Some("mine")
        );
        assert_eq!(
            cookie(&headers(&[("host", "pi"), ("cookie", jar)]), false),
            None
        );
    }

    #[test]
    fn a_token_may_come_in_the_header_or_the_query() {
        assert_eq!(
            bearer(&headers(&[("authorization", "bearer abc")])).as_deref(),
            Some("abc")
        );
        assert_eq!(
            bearer(&headers(&[("authorization", "Basic abc")])).as_deref(),
            Some("")
        );
        assert_eq!(
            query_token(Some("x=1&access_token=a%2Db")).as_deref(),
            Some("a-b")
        );
        assert_eq!(query_token(Some("x=1")), None);
    }
}
