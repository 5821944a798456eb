// SPDX-License-Identifier: MPL-2.0
//! Finds the credential of a request and says whose it is.
//!
//! A token comes in `Authorization: Bearer`, in the `access_token` query for clients that cannot set
//! a header, or stands behind the session cookie. A browser sends a cookie whoever asks it to, so a cookie that
//! changes something counts only on requests of our own pages. None of these is ever logged.

use std::net::IpAddr;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use axum::http::{HeaderMap, HeaderName, Method, header};
use jiff::Timestamp;

use crate::backend::{BackendError, Credential, MAX_TOKEN_BYTES};
use crate::error::ApiError;
use crate::failures::{Failures, Guess};
use crate::hosts::Hosts;
use crate::lock::lock;
use crate::model::Role;
use crate::registry::{LoginEnd, SecretDigest};
use crate::rights::Rights;
use crate::room::Principal;
use crate::state::Shared;

/// Longest credential of this server's own that is looked at: a secret has 43 characters. Those of a backend may have
/// [`MAX_TOKEN_BYTES`].
const MAX_SECRET_BYTES: usize = 512;

/// By which browsers say what a request comes from (W3C Fetch Metadata). No page can write it.
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

const LOG_IN: &str =
    "no credential: open the link you were given, or send the token as a bearer token";
const FOREIGN: &str = "the request comes from a page of another site: open this server's own page, or set url in its \
                       configuration to the address of the proxy in front of it";
const WRONG: &str = "this key or link is not valid (any more): ask for a new one";

/// Who sent a request.
pub(crate) struct Identity {
    pub(crate) principal: Principal,
    pub(crate) role: Role,
    /// Digest of the key, the token or the cookie; `None` for a guest.
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
pub(crate) async fn identify(
    shared: &Shared,
    headers: &HeaderMap,
    query: Option<&str>,
    peer: IpAddr,
) -> Result<Identity, ApiError> {
    let now = Instant::now();
    let token = bearer(headers).or_else(|| query_token(query));
    if let Some(token) = &token {
        let most = match &shared.backend {
            Some(_) => MAX_TOKEN_BYTES,
            None => MAX_SECRET_BYTES,
        };
        if token.len() > most {
            return Err(ApiError::credential_too_large(most));
        }
        ask_backend(shared, token, peer, now).await?;
    }
    let (credential, way) = match (token, cookie(headers, &shared.cookie_name)) {
        (Some(token), _) => (Some(SecretDigest::of(&token)), Way::Token),
        (None, Some(cookie)) => (Some(SecretDigest::of(cookie)), Way::Cookie),
        (None, None) => (None, Way::Guest),
    };
    match (
        credential.and_then(|secret| known(shared, secret, way, now)),
        way,
    ) {
        (Some(identity), _) => Ok(identity),
        // A cookie that ran out is no attempt at anything.
        (None, Way::Guest | Way::Cookie) if shared.open_access => Ok(Identity {
            principal: Principal::Viewer(Rights::guest().into()),
            role: Role::Viewer,
            credential: None,
            login: None,
            way: Way::Guest,
        }),
        // The random cookie of a login that ended is nobody's guess.
        (None, Way::Guest | Way::Cookie) => Err(ApiError::unauthorized(LOG_IN)),
        (None, Way::Token) => Err(failed(shared, peer, credential, now)),
    }
}

/// Asks the backend about a token that nobody here has, or has no more. What it does not know is not known here either,
/// which is for the caller to see. What it has signed is nobody's guess, and whoever shows it hears what is wrong with it.
async fn ask_backend(
    shared: &Shared,
    token: &str,
    peer: IpAddr,
    now: Instant,
) -> Result<(), ApiError> {
    let Some(backend) = &shared.backend else {
        return Ok(());
    };
    let digest = SecretDigest::of(token);
    {
        let registry = lock(&shared.registry);
        if registry.bearer(&digest).is_some() && !registry.is_stale(&digest, now) {
            return Ok(());
        }
    }
    // A guesser costs the backend nothing.
    if let Some(wait) = lock(&shared.failures).wait(peer, now) {
        return Err(ApiError::too_many_failures(wait));
    }
    let wall = Timestamp::now();
    match backend
        .verify(Credential::Token { token }, peer, wall)
        .await
    {
        Ok(identity) => {
            // A name that is taken makes it nobody's token.
            let _ = shared.access.admit(identity, digest, wall);
            Ok(())
        }
        Err(BackendError::Unavailable(error)) => {
            tracing::warn!(error, "nobody whom only the backend knows is let in");
            Err(ApiError::backend_unavailable())
        }
        Err(BackendError::Token(why)) if why.is_signed() => Err(ApiError::token_refused(&why)),
        Err(_) => Ok(()),
    }
}

fn known(shared: &Shared, secret: SecretDigest, way: Way, now: Instant) -> Option<Identity> {
    let mut registry = lock(&shared.registry);
    let ((principal, role), login) = match way {
        Way::Cookie => {
            let login = registry.logins.get(&secret, now)?;
            let account = registry.account_of_login(&login.user, login.visit.as_ref())?;
            (account.principal(), Some(login.end))
        }
        _ if registry.is_stale(&secret, now) => return None,
        _ => (registry.bearer(&secret)?, None),
    };
    Some(Identity {
        principal,
        role,
        credential: Some(secret),
        login,
        way,
    })
}

/// Counts a wrong credential, and now and then says in the log from where they come.
fn failed(
    shared: &Shared,
    peer: IpAddr,
    credential: Option<SecretDigest>,
    now: Instant,
) -> ApiError {
    let shown = credential.unwrap_or(SecretDigest::of(""));
    match count_failure(shared, peer, &shown, now) {
        Ok(()) => ApiError::unauthorized(WRONG),
        Err(wait) => ApiError::too_many_failures(wait),
    }
}

/// Counts a wrong credential. `Err` says how long the client should wait.
pub(crate) fn count_failure(
    shared: &Shared,
    peer: IpAddr,
    credential: &SecretDigest,
    now: Instant,
) -> Result<(), Duration> {
    let mut failures = lock(&shared.failures);
    let added = failures.add(peer, credential, now);
    tell_of_failure(shared, failures, peer, now);
    added
}

/// Says that a password was wrong which was counted when it came.
pub(crate) fn confirm_failure(shared: &Shared, peer: IpAddr, guess: Guess) {
    let mut failures = lock(&shared.failures);
    failures.confirm(guess);
    tell_of_failure(shared, failures, peer, Instant::now());
}

fn tell_of_failure(
    shared: &Shared,
    mut failures: MutexGuard<'_, Failures>,
    peer: IpAddr,
    now: Instant,
) {
    shared.metrics.failed_logins.inc();
    let (to_log, total) = (failures.take_log(now), failures.total());
    drop(failures);
    if let Some(failures) = to_log {
        tracing::warn!(%peer, failures, total, "a wrong key, link, token or password was presented");
        let access = shared.access.clone();
        tokio::spawn(async move { access.log_refused(peer, failures, Timestamp::now()).await });
    }
}

/// Of one who showed none where it had to.
#[cfg(feature = "adapters")]
pub(crate) fn no_credential() -> ApiError {
    ApiError::unauthorized(LOG_IN)
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
        check_page(headers, hosts)?;
        self.check_origin(headers, hosts)
    }

    /// Refuses what a page of another site made the browser send (cross-site WebSocket hijacking, and forgery of
    /// requests that change something).
    pub(crate) fn check_origin(&self, headers: &HeaderMap, hosts: &Hosts) -> Result<(), ApiError> {
        let fine = match self.way {
            Way::Token => true,
            Way::Cookie => is_own_page(headers, hosts),
            // Only browsers send an origin, and a guest need not be one.
            Way::Guest => !headers.contains_key(header::ORIGIN) || is_own_page(headers, hosts),
        };
        if fine {
            Ok(())
        } else {
            Err(ApiError::not_permitted(FOREIGN))
        }
    }

    /// The same for a request by this method: what only reads may come without an origin, as browsers send it.
    pub(crate) fn check_request(
        &self,
        method: &Method,
        headers: &HeaderMap,
        hosts: &Hosts,
    ) -> Result<(), ApiError> {
        let reads = method.is_safe() && !headers.contains_key(header::ORIGIN);
        if self.way == Way::Cookie && reads && fetch_site(headers) != Some("cross-site") {
            return Ok(());
        }
        self.check_origin(headers, hosts)
    }
}

/// Refuses to log in for a page of another site. What the browser says of the site does not count here: it says nothing of
/// it with a WebSocket, which would be refused next.
pub(crate) fn check_page(headers: &HeaderMap, hosts: &Hosts) -> Result<(), ApiError> {
    match headers.contains_key(header::ORIGIN) && !hosts.is_own_origin(headers) {
        true => Err(ApiError::not_permitted(FOREIGN)),
        false => Ok(()),
    }
}

/// Whether a page of this server sent the request. What the browser says of it counts, since behind a proxy that
/// changes `Host` nothing else can.
pub(crate) fn is_own_page(headers: &HeaderMap, hosts: &Hosts) -> bool {
    hosts.is_own_origin(headers) || fetch_site(headers) == Some("same-origin")
}

fn fetch_site(headers: &HeaderMap) -> Option<&str> {
    headers.get(FETCH_SITE)?.to_str().ok()
}

/// The token of `Authorization: Bearer`. Another scheme is an empty token, which nobody has.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok();
    let (scheme, token) = value
        .and_then(|value| value.split_once(' '))
        .unwrap_or_default();
    Some(if scheme.eq_ignore_ascii_case("bearer") {
        token.trim().to_owned()
    } else {
        String::new()
    })
}

/// Whether a request has a token, of whichever kind.
pub(crate) fn shows_token(headers: &HeaderMap, query: Option<&str>) -> bool {
    headers.contains_key(header::AUTHORIZATION) || query_token(query).is_some()
}

fn query_token(query: Option<&str>) -> Option<String> {
    let (_, token) =
        form_urlencoded::parse(query?.as_bytes()).find(|(key, _)| key == "access_token")?;
    Some(token.into_owned())
}

/// Before the name of a cookie that came by HTTPS from this host.
pub(crate) const HOST_PREFIX: &str = "__Host-";

/// The session cookie of this server.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let of_host = cookie_named(headers, &format!("{HOST_PREFIX}{name}"));
    of_host.or_else(|| cookie_named(headers, name))
}

pub(crate) fn cookie_named<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
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
        // One that another host of the domain may have put there does not count beside it.
        let jar = "porthole-8080=tossed; __Host-porthole-8080=mine";
        let headers = self::headers(&[("host", "pi"), ("cookie", jar)]);
        assert_eq!(cookie(&headers, "porthole-8080"), Some("mine"));
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
