// SPDX-License-Identifier: MPL-2.0
//! The two cookies: that of a log-in, and that of a device which has logged in before.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::tried;
use crate::access::{By, Known, NewLogin};
use crate::auth::cookie;
use crate::error::ApiError;
use crate::hosts::is_https_origin;
use crate::lock::lock;
use crate::registry::SecretDigest;
use crate::state::{Connection, Shared};

/// How long a device is remembered: who has not logged in for half a year is a stranger.
const DEVICE_AGE: Duration = Duration::from_secs(180 * 24 * 60 * 60);

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
}

/// What the browser shows.
pub(super) fn known(shared: &Shared, headers: &HeaderMap) -> Known {
    Known {
        cookie: cookie(headers, &shared.cookie_name).map(SecretDigest::of),
        device: cookie(headers, &device_name(shared)).map(str::to_owned),
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
    if let Some(device) = &login.device {
        let name = device_name(shared);
        let device = set_cookie((&name, device), DEVICE_AGE, "/api", secure)?;
        answer.headers_mut().append(header::SET_COOKIE, device);
    }
    Ok(())
}

/// What takes the log-in's cookie away.
pub(super) fn clear(shared: &Shared, secure: Secure) -> Result<HeaderValue, ApiError> {
    set_cookie((&shared.cookie_name, ""), Duration::ZERO, "/", secure)
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
