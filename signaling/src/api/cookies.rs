// SPDX-License-Identifier: MPL-2.0
//! The two cookies: that of a log-in, and that of a device which has logged in before.
//!
//! By HTTPS their names say that they are of this host and came by HTTPS (RFC 6265bis, 4.1.3): then no other host of the
//! same domain, and nobody on the way of a plain request, can put another one in their place. Those without that in their
//! names are read as long as there is no other, so that nobody is logged out by it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::tried;
use crate::access::{By, Known, NewLogin};
use crate::auth::{HOST_PREFIX, cookie, cookie_named};
use crate::error::ApiError;
use crate::hosts::is_https_origin;
use crate::lock::lock;
use crate::registry::SecretDigest;
use crate::state::{Connection, Shared};

/// How long a device is remembered: who has not logged in for half a year is a stranger.
const DEVICE_AGE: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// Of a cookie that has no path of its own to keep: `__Host-` is for every path.
const SECURE_PREFIX: &str = "__Secure-";

/// Whether cookies are for HTTPS alone.
#[derive(Clone, Copy)]
pub(super) struct Secure(bool);

impl Secure {
    pub(super) fn of(shared: &Shared, connection: &Connection, headers: &HeaderMap) -> Self {
        Self(shared.tls || connection.https || is_https_origin(headers))
    }

    /// The same, or because it is known otherwise.
    pub(super) fn or(self, secure: bool) -> Self {
        Self(self.0 || secure)
    }

    /// The name of a cookie for every path, or for some.
    fn name(self, name: &str, path: &str) -> String {
        match (self.0, path) {
            (false, _) => name.to_owned(),
            (true, "/") => format!("{HOST_PREFIX}{name}"),
            (true, _) => format!("{SECURE_PREFIX}{name}"),
        }
    }
}

/// What the browser shows.
pub(super) fn known(shared: &Shared, headers: &HeaderMap) -> Known {
    Known {
        cookie: cookie(headers, &shared.cookie_name).map(SecretDigest::of),
        device: device_cookie(shared, headers).map(str::to_owned),
        address: None,
    }
}

/// Puts a log-in's cookies on an answer.
pub(super) fn set(
    shared: &Shared,
    secure: Secure,
    login: &NewLogin,
    answer: &mut Response,
) -> Result<(), ApiError> {
    let name = &shared.cookie_name;
    let own = set_cookie((name, &login.cookie), login.lasts, "/", secure)?;
    answer.headers_mut().append(header::SET_COOKIE, own);
    if secure.0 {
        // What it was called before must not come back when this one has ended.
        let old = set_cookie((name, ""), Duration::ZERO, "/", Secure(false))?;
        answer.headers_mut().append(header::SET_COOKIE, old);
    }
    if let Some(device) = &login.device {
        let name = device_name(shared);
        let device = set_cookie((&name, device), DEVICE_AGE, "/api", secure)?;
        answer.headers_mut().append(header::SET_COOKIE, device);
    }
    Ok(())
}

/// Takes the log-in's cookie away, under both its names.
pub(super) fn clear(
    shared: &Shared,
    secure: Secure,
    answer: &mut Response,
) -> Result<(), ApiError> {
    let name = &shared.cookie_name;
    let plain = [Secure(false)].into_iter();
    for secure in plain.chain(secure.0.then_some(secure)) {
        let gone = set_cookie((name, ""), Duration::ZERO, "/", secure)?;
        answer.headers_mut().append(header::SET_COOKIE, gone);
    }
    Ok(())
}

fn device_cookie<'a>(shared: &Shared, headers: &'a HeaderMap) -> Option<&'a str> {
    let name = device_name(shared);
    let secure = cookie_named(headers, &format!("{SECURE_PREFIX}{name}"));
    secure.or_else(|| cookie_named(headers, &name))
}

fn device_name(shared: &Shared) -> String {
    format!("{}-device", shared.cookie_name)
}

fn set_cookie(
    (name, value): (&str, &str),
    age: Duration,
    path: &str,
    Secure(secure): Secure,
) -> Result<HeaderValue, ApiError> {
    let name = Secure(secure).name(name, path);
    let secure = if secure { "; Secure" } else { "" };
    let age = age.as_secs();
    let attributes = "HttpOnly; SameSite=Strict";
    let cookie = format!("{name}={value}; Max-Age={age}; {attributes}; Path={path}{secure}");
    // Both values are made here, of letters, digits, -, _ and dots.
    let mut cookie = HeaderValue::try_from(cookie).map_err(|_| ApiError::stuck())?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

/// Gives the cookie of a log-in a successor when it is due for one, with whatever is answered.
pub(super) async fn rotate(
    State(shared): State<Arc<Shared>>,
    request: Request,
    next: Next,
) -> Response {
    let headers = request.headers();
    let old = cookie(headers, &shared.cookie_name).map(SecretDigest::of);
    let stale = old.and_then(|old| {
        let login = lock(&shared.registry).logins.get(&old, Instant::now())?;
        login.is_stale.then_some((old, login.user))
    });
    let connection = request.extensions().get::<Connection>();
    let secure = connection.map(|connection| Secure::of(&shared, connection, headers));
    let mut answer = next.run(request).await;
    let (Some((old, user)), Some(secure)) = (stale, secure) else {
        return answer;
    };
    if !answer.status().is_success() || answer.headers().contains_key(header::SET_COOKIE) {
        return answer;
    }
    let access = shared.access.clone();
    let by = By::now(&user);
    let succeeded = tried(async move { access.go_on(&old, &user, &by).await }).await;
    if let Ok(Ok(Some(login))) = succeeded {
        // If it cannot be set, the old one goes on.
        let _ = set(&shared, secure, &login, &mut answer);
    }
    answer
}
