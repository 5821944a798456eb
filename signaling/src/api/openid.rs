// SPDX-License-Identifier: MPL-2.0
//! Logging in with an identity provider. A browser comes here by itself and not for a page's script, so what goes wrong is a
//! page; a program that does not ask for one gets a problem document with the same code.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::caller::Params;
use super::cookies::{self, Secure};
use super::tried;
use crate::auth::{cookie, count_failure};
use crate::error::ApiError;
use crate::lock::lock;
use crate::openid::{Answer, Openid, OpenidError, TRANSACTION_AGE};
use crate::registry::SecretDigest;
use crate::state::{Connection, Shared};

const PAGE: &str = include_str!("openid.html");

/// Why nobody is logged in, as it is told.
struct Refusal {
    status: StatusCode,
    code: &'static str,
    words: String,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, words: impl Into<String>) -> Self {
        let words = words.into();
        Self {
            status,
            code,
            words,
        }
    }

    fn of(openid: &Openid, error: &OpenidError) -> Self {
        use OpenidError as E;
        use StatusCode as S;
        let name = openid.name();
        let operator = "Tell whoever runs this server; its log says more.";
        match error {
            E::State => Self::new(
                S::BAD_REQUEST,
                "openid-state",
                "This sign-in was not begun in this browser, is older than ten minutes, or is through already. Sign in again.",
            ),
            E::Return => Self::new(
                S::BAD_REQUEST,
                "openid-return",
                "The address to go back to is not one of this server. Open its own page, and sign in there.",
            ),
            E::Denied(_) => Self::new(
                S::FORBIDDEN,
                "openid-denied",
                format!("{name} did not let you in, or you said no there."),
            ),
            E::MixedUp => Self::new(
                S::BAD_REQUEST,
                "openid-mixed-up",
                format!(
                    "The answer is not from {name}. Sign in again, and only from this server's own page."
                ),
            ),
            E::Code => Self::new(
                S::FORBIDDEN,
                "openid-code",
                format!(
                    "{name} does not take the code that came with this address. Sign in again."
                ),
            ),
            E::Client(_) => Self::new(
                S::BAD_GATEWAY,
                "openid-client",
                format!("{name} does not take this server for the one it knows. {operator}"),
            ),
            E::Token(why) => Self::new(
                S::BAD_GATEWAY,
                "openid-token",
                format!("What {name} says of you is not taken: {why}. {operator}"),
            ),
            E::NotPermitted(why) => Self::new(
                S::FORBIDDEN,
                "openid-not-permitted",
                format!(
                    "{name} knows you, but its sign-in lets you do nothing here: {why}. Ask whoever runs this server."
                ),
            ),
            E::Unavailable(_) => Self::new(
                S::SERVICE_UNAVAILABLE,
                "openid-unavailable",
                format!("{name} does not answer as it should. Try again in a while."),
            ),
        }
    }

    fn answer(self, headers: &HeaderMap) -> Response {
        let accepts = headers
            .get(header::ACCEPT)
            .and_then(|kinds| kinds.to_str().ok());
        let mut answer = match accepts.is_some_and(|kinds| kinds.contains("text/html")) {
            true => {
                let page = PAGE.replace("{code}", self.code);
                let page = page.replace("{words}", &escaped(&self.words));
                (self.status, Html(page)).into_response()
            }
            false => ApiError::new(self.status, self.code, self.words).into_response(),
        };
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            let soon = HeaderValue::from_static("10");
            answer.headers_mut().insert(header::RETRY_AFTER, soon);
        }
        answer
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Where it is to end.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BeginParams {
    /// A place of this server, seen from its own address, such as `admin#users`.
    #[serde(rename = "return")]
    #[param(rename = "return")]
    place: Option<String>,
}

/// Begin to log in with the identity provider
///
/// For a browser, which is sent on to the provider and comes back to `/api/openid/callback`.
#[utoipa::path(
    get, path = "/api/openid/login", operation_id = "beginSignIn", tag = "anyone", security(()),
    params(BeginParams),
    responses(
        (status = 303, description = "To the provider"),
        (status = 400, description = "`openid-return`"),
        (status = 404, description = "`no-openid`"),
        (status = 503, description = "`openid-unavailable`"),
    )
)]
pub(super) async fn begin(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Params(BeginParams { place }): Params<BeginParams>,
) -> Result<Response, ApiError> {
    let openid = configured(&shared)?;
    match openid.begin(place.as_deref(), Timestamp::now()).await {
        Ok(begun) => {
            let kept = set_cookie(&shared, openid, &begun.cookie)?;
            sent_to(begun.location.as_str(), [kept])
        }
        Err(error) => {
            note(&error, connection.peer);
            Ok(Refusal::of(openid, &error).answer(&headers))
        }
    }
}

/// What the provider says; it may say more.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct FinishParams {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// Log in with what the identity provider says
///
/// Where the provider sends a browser back to. The answer sets the cookie that counts from then on.
#[utoipa::path(
    get, path = "/api/openid/callback", operation_id = "finishSignIn", tag = "anyone", security(()),
    params(FinishParams),
    responses(
        (status = 303, description = "Logged in, and back to where it was begun"),
        (status = 400, description = "`openid-state`, `openid-mixed-up`"),
        (status = 403, description = "`openid-denied`, `openid-code`, `openid-not-permitted`, `openid-name-taken`"),
        (status = 404, description = "`no-openid`"),
        (status = 429, description = "`too-many`, with `Retry-After`"),
        (status = 502, description = "`openid-client`, `openid-token`"),
        (status = 503, description = "`openid-unavailable`"),
    )
)]
pub(super) async fn finish(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    Params(params): Params<FinishParams>,
) -> Result<Response, ApiError> {
    let openid = configured(&shared)?;
    // A guesser costs the provider nothing.
    if let Some(wait) = lock(&shared.failures).wait(connection.peer, Instant::now()) {
        return Err(ApiError::too_many_failures(wait));
    }
    let mut answer = match log_in(&shared, openid, &connection, &headers, params).await? {
        Ok(answer) => answer,
        Err(refusal) => refusal.answer(&headers),
    };
    // It is through, whatever became of it.
    let over = set_cookie(&shared, openid, "")?;
    answer.headers_mut().append(header::SET_COOKIE, over);
    Ok(answer)
}

async fn log_in(
    shared: &Arc<Shared>,
    openid: &Openid,
    connection: &Connection,
    headers: &HeaderMap,
    params: FinishParams,
) -> Result<Result<Response, Refusal>, ApiError> {
    let now = Timestamp::now();
    let FinishParams {
        code,
        state,
        iss,
        error,
    } = params;
    let shown = SecretDigest::of(code.as_deref().unwrap_or_default());
    let kept = cookie(headers, &cookie_name(shared, openid)).map(str::to_owned);
    let answer = Answer {
        code,
        state,
        iss,
        error,
    };
    let (identity, place) = match openid.finish(kept.as_deref(), answer, now).await {
        Ok(finished) => finished,
        Err(error) => {
            note(&error, connection.peer);
            if error == OpenidError::Code {
                let counted = count_failure(shared, connection.peer, &shown, Instant::now());
                counted.map_err(ApiError::too_many_failures)?;
            }
            return Ok(Err(Refusal::of(openid, &error)));
        }
    };
    let user = identity.rights.user.clone();
    if shared.access.has_user(&user) {
        let words = format!(
            "This server has an account called {user} of its own. Sign in with its password, or ask whoever runs this server."
        );
        return Ok(Err(Refusal::new(
            StatusCode::FORBIDDEN,
            "openid-name-taken",
            words,
        )));
    }
    let (access, known) = (shared.access.clone(), cookies::known(shared, headers));
    // What the provider took of its time is not to be added to the log-in's.
    let now = Timestamp::now();
    let made = tried(async move { access.log_in_by_openid(identity, known, now).await });
    let login = made.await??;
    let mut answer = sent_to(place.as_str(), [])?;
    let secure = Secure::of(shared, connection, headers).or(openid.is_https());
    cookies::set(shared, secure, &login, &mut answer)?;
    Ok(Ok(answer))
}

/// What strangers bring about as often as they like is for those who look for it.
fn note(error: &OpenidError, peer: IpAddr) {
    let words = "nobody is logged in with the identity provider";
    match error {
        OpenidError::State | OpenidError::Return | OpenidError::MixedUp => {
            tracing::debug!(%error, %peer, "{words}");
        }
        _ => tracing::warn!(%error, %peer, "{words}"),
    }
}

fn configured(shared: &Shared) -> Result<&Openid, ApiError> {
    let none = || {
        let detail = "people do not log in here with an identity provider: see [auth.openid] of the configuration";
        ApiError::new(StatusCode::NOT_FOUND, "no-openid", detail)
    };
    shared.openid.as_ref().ok_or_else(none)
}

fn sent_to<const N: usize>(place: &str, cookies: [HeaderValue; N]) -> Result<Response, ApiError> {
    let location = HeaderValue::try_from(place).map_err(|_| ApiError::stuck())?;
    let mut answer = (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response();
    for cookie in cookies {
        answer.headers_mut().append(header::SET_COOKIE, cookie);
    }
    Ok(answer)
}

/// No other site of the same domain can set a cookie of the first name.
fn cookie_name(shared: &Shared, openid: &Openid) -> String {
    let prefix = if openid.is_https() { "__Host-" } else { "" };
    format!("{prefix}{}-openid", shared.cookie_name)
}

/// The browser comes back from another site, so that a cookie for this site's own requests alone would stay away.
fn set_cookie(shared: &Shared, openid: &Openid, value: &str) -> Result<HeaderValue, ApiError> {
    let name = cookie_name(shared, openid);
    let age = if value.is_empty() {
        0
    } else {
        TRANSACTION_AGE.as_secs()
    };
    let secure = if openid.is_https() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Max-Age={age}; HttpOnly; SameSite=Lax; Path=/{secure}");
    let mut cookie = HeaderValue::try_from(cookie).map_err(|_| ApiError::stuck())?;
    cookie.set_sensitive(true);
    Ok(cookie)
}
