// SPDX-License-Identifier: MPL-2.0
//! Finds the credential of a request and says whose it is.
//!
//! A token comes in `Authorization: Bearer`, in the `access_token` query for clients that cannot set
//! a header, or stands behind the session cookie. A browser sends a cookie whoever asks it to, so a
//! cookie counts only together with an `Origin` that is ours. None of these is ever logged.

use std::net::IpAddr;
use std::time::Instant;

use axum::http::{HeaderMap, header};

use crate::error::ApiError;
use crate::hosts::Hosts;
use crate::lock::lock;
use crate::registry::{LoginEnd, SecretDigest};
use crate::room::{Principal, Rights};
use crate::state::Shared;

/// Longest credential looked at: a secret has 43 characters.
const MAX_CREDENTIAL_BYTES: usize = 512;

const LOG_IN: &str =
    "no credential: open the link you were given, or send the token as a bearer token";
const FOREIGN: &str = "the request comes from a page of another site: open this server's own page, or set url in its \
                       configuration to the address of the proxy in front of it";
const WRONG: &str = "this key or link is not valid (any more): ask for a new one";

/// Who sent a request.
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    /// `None` for a guest.
    pub(crate) credential: Option<SecretDigest>,
    /// Of a credential that is a cookie.
    pub(crate) login: Option<LoginEnd>,
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
    let (digest, login, way) = match (token, cookie(headers, &shared.cookie_name)) {
        (Some(token), _) => (Some(SecretDigest::of(&token)), None, Way::Token),
        (None, Some(cookie)) => {
            let found = lock(&shared.registry).logged_in(cookie, now);
            let (digest, login) = found.unzip();
            (digest, login, Way::Cookie)
        }
        (None, None) => (None, None, Way::Guest),
    };
    let principal = digest.and_then(|digest| lock(&shared.registry).identify(&digest));
    match (principal, way) {
        (Some(principal), _) => Ok(Identity {
            principal,
            credential: digest,
            login,
            way,
        }),
        // A cookie that ran out is no attempt at anything.
        (None, Way::Guest | Way::Cookie) if shared.open_access => {
            let principal = Principal::Viewer(Rights::guest());
            Ok(Identity {
                principal,
                credential: None,
                login: None,
                way: Way::Guest,
            })
        }
        // The random cookie of a login that ended, or of a server before its restart, is nobody's guess.
        (None, Way::Guest | Way::Cookie) => Err(ApiError::unauthorized(LOG_IN)),
        (None, Way::Token) => Err(failed(shared, peer, now)),
    }
}

/// Counts a wrong credential, and now and then says in the log from where they come.
fn failed(shared: &Shared, peer: IpAddr, now: Instant) -> ApiError {
    let mut failures = lock(&shared.failures);
    let added = failures.add(peer, now);
    let (to_log, total) = (failures.take_log(now), failures.total());
    drop(failures);
    if let Some(failures) = to_log {
        tracing::warn!(%peer, failures, total, "a wrong key, link or token was presented");
    }
    match added {
        Ok(()) => ApiError::unauthorized(WRONG),
        Err(wait) => ApiError::too_many_failures(wait),
    }
}

impl Identity {
    pub(crate) fn is_guest(&self) -> bool {
        self.way == Way::Guest
    }

    pub(crate) fn is_by_cookie(&self) -> bool {
        self.way == Way::Cookie
    }

    /// Refuses to log in for a page on which the cookie would count for nothing. Mostly it is this server's own, behind
    /// a proxy of which it does not know: a refused WebSocket could not tell the page why.
    pub(crate) fn check_page(&self, headers: &HeaderMap, hosts: &Hosts) -> Result<(), ApiError> {
        if headers.contains_key(header::ORIGIN) && !hosts.is_own_origin(headers) {
            return Err(ApiError::not_permitted(FOREIGN));
        }
        self.check_origin(headers, hosts)
    }

    /// Refuses what a page of another site made the browser send (cross-site WebSocket hijacking).
    pub(crate) fn check_origin(&self, headers: &HeaderMap, hosts: &Hosts) -> Result<(), ApiError> {
        let fine = match self.way {
            Way::Token => true,
            Way::Cookie => hosts.is_own_origin(headers),
            // Only browsers send an origin, and a guest need not be one.
            Way::Guest => !headers.contains_key(header::ORIGIN) || hosts.is_own_origin(headers),
        };
        if fine {
            Ok(())
        } else {
            Err(ApiError::not_permitted(FOREIGN))
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
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
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
    fn a_cookie_is_found_by_its_name_whatever_the_host_is_called() {
        let jar = "a=b; porthole-8080=mine; porthole-9090=other";
        let headers = headers(&[("host", "pi"), ("cookie", jar)]);
        assert_eq!(cookie(&headers, "porthole-8080"), Some("mine"));
        assert_eq!(cookie(&headers, "porthole-80"), None);
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
