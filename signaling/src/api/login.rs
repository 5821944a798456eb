// SPDX-License-Identifier: MPL-2.0
//! Logging in and out.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::caller::bad_body;
use super::cookies::{self, Secure};
use super::{settled, tried};
use crate::access::{AccessError, Known, NewLogin, PasskeyAnswer, Shown};
use crate::auth::{Identity, check_page, confirm_failure, count_failure, identify};
use crate::backend::{BackendError, Credential};
use crate::error::ApiError;
use crate::lock::lock;
use crate::model::Role;
use crate::openid::Openid;
use crate::registry::SecretDigest;
use crate::rights::Rights;
use crate::room::Principal;
use crate::state::{Connection, Shared};

/// What a page logs in with, unless that is the bearer token of a personal link.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum Credentials {
    /// A user and the password.
    Password(Password),
    /// The secret of a share link.
    Share(ShareSecret),
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Password {
    #[schema(example = "alice")]
    user: String,
    #[schema(format = Password)]
    password: String,
    /// Of the second factor, or a recovery code.
    code: Option<String>,
    /// As it came with `second-factor-needed`, to have that second factor from now on.
    enrolment: Option<String>,
    /// In the place of a code.
    passkey: Option<Answer>,
}

/// What a browser says a device has done (WebAuthn).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PasskeyAnswer)]
pub(super) struct Answer {
    /// As it came with `options`.
    challenge: String,
    /// The browser's `PublicKeyCredential` as JSON (its `toJSON()`).
    #[schema(value_type = Object)]
    answer: Value,
    /// What a device is to be called that is added with this.
    #[schema(max_length = 64)]
    name: Option<String>,
}

impl From<Answer> for PasskeyAnswer {
    fn from(answer: Answer) -> Self {
        Self {
            challenge: answer.challenge,
            answer: answer.answer,
            name: answer.name,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ShareSecret {
    share: String,
}

/// Who is logged in now.
#[derive(Serialize, ToSchema)]
struct LoggedIn {
    user: String,
    role: Role,
    /// Whether many people may go by this name.
    shared: bool,
    /// The cameras that there are for this user at any time; absent if all are.
    #[serde(skip_serializing_if = "Option::is_none")]
    cameras: Option<Vec<String>>,
    /// Of a second factor that was made now: each takes the place of a code once. They are not shown again.
    #[serde(rename = "recoveryCodes", skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
}

impl LoggedIn {
    fn new(rights: &Rights, role: Role) -> Self {
        let cameras = rights.cameras();
        Self {
            user: rights.user.to_string(),
            role,
            shared: rights.shared,
            cameras: cameras.map(|ids| ids.into_iter().map(str::to_owned).collect()),
            recovery_codes: Vec::new(),
        }
    }
}

/// Log in
///
/// With a user and its password, with the secret of a share link, or, without a body, with the bearer token of a
/// personal link. The answer sets the cookie that counts from then on.
#[utoipa::path(
    post, path = "/api/session", operation_id = "logIn", tag = "anyone", security((), ("bearer" = [])),
    request_body(content = Option<Credentials>),
    responses(
        (status = 200, body = LoggedIn),
        (status = 401, description = "`wrong-credentials`, `unauthorized`, `code-needed` with `app` and perhaps `passkey`, `wrong-code`, `wrong-passkey`"),
        (status = 403, description = "`link-not-yet` with `opens`, `not-permitted`, `second-factor-needed` with `secret`, `link`, `qr`, `enrolment` and perhaps `passkey`, `enrolment-over`, `challenge-over`"),
        (status = 409, description = "`second-factor-lost`, `no-passkeys`, `call-elsewhere`"),
        (status = 410, description = "`link-spent`"),
        (status = 429, description = "`too-many`, with `Retry-After`"),
    )
)]
pub(super) async fn log_in(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, ApiError> {
    let body = body.map_err(|rejection| bad_body(rejection.into()))?;
    if body.is_empty() {
        return log_in_by_token(&shared, &connection, &headers).await;
    }
    check_page(&headers, &shared.hosts)?;
    let known = Known {
        address: Some(connection.peer),
        ..cookies::known(&shared, &headers)
    };
    // Of what was sent as a whole: the same again is no further guess.
    let shown = SecretDigest::of(&String::from_utf8_lossy(&body));
    let result = match parse(&headers, &body)? {
        Credentials::Password(wanted) => {
            return log_in_by_password(&shared, &connection, &headers, wanted, (known, shown))
                .await;
        }
        Credentials::Share(ShareSecret { share }) => {
            let secret = SecretDigest::of(&share);
            let access = shared.access.clone();
            let now = Timestamp::now();
            let opened = tried(async move { access.open_share(&secret, known, now).await }).await?;
            opened.map(|login| (login, Vec::new()))
        }
    };
    match result {
        Ok((login, codes)) => welcome(&shared, &connection, &headers, (&login, codes)),
        Err(error) => Err(refused(&shared, &connection, &shown, error)),
    }
}

fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Credentials, ApiError> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default();
    // Another type could be sent by a page of another site without asking first.
    if !kind.trim().eq_ignore_ascii_case("application/json") {
        let (status, code) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type");
        return Err(ApiError::new(status, code, "send application/json"));
    }
    serde_json::from_slice(body).map_err(|error| {
        let detail = "send {\"user\", \"password\"}, {\"share\"}, or nothing but a bearer token";
        match error.is_data() {
            true => ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-value", detail),
            false => ApiError::new(StatusCode::BAD_REQUEST, "bad-json", detail),
        }
    })
}

/// A guess is counted before the password is looked at, and a guesser turned away: that costs more than the guess.
async fn log_in_by_password(
    shared: &Arc<Shared>,
    connection: &Connection,
    headers: &HeaderMap,
    wanted: Password,
    (known, shown): (Known, SecretDigest),
) -> Result<Response, ApiError> {
    if shared.access.is_known(&wanted.user, &known) {
        let judged = judge_password(shared, connection, wanted, known).await?;
        return match judged {
            Ok((login, codes)) => welcome(shared, connection, headers, (&login, codes)),
            Err(error) => Err(refused(shared, connection, &shown, error)),
        };
    }
    let guess = lock(&shared.failures).guess(connection.peer, &shown, Instant::now());
    let guess = guess.map_err(ApiError::too_many_failures)?;
    let judged = judge_password(shared, connection, wanted, known).await;
    if let Ok(Err(error)) = &judged
        && is_wrong(error)
    {
        confirm_failure(shared, connection.peer, guess);
    } else {
        lock(&shared.failures).forgive(guess);
    }
    let (login, codes) = judged??;
    welcome(shared, connection, headers, (&login, codes))
}

async fn judge_password(
    shared: &Arc<Shared>,
    connection: &Connection,
    Password {
        user,
        password,
        code,
        enrolment,
        passkey,
    }: Password,
    known: Known,
) -> Result<Result<(NewLogin, Vec<String>), AccessError>, ApiError> {
    let access = shared.access.clone();
    let now = Timestamp::now();
    let backend = shared.backend.as_ref().filter(|b| b.takes_passwords());
    if let Some(backend) = backend.filter(|_| !access.has_user(&user)) {
        let credential = Credential::Password {
            user: &user,
            password: &password,
        };
        let attempt = match access.attempt(&user, &known) {
            Ok(attempt) => attempt,
            Err(error) => return Ok(Err(error)),
        };
        let identity = match backend.verify(credential, connection.peer, now).await {
            Ok(identity) => {
                access.forgive(attempt);
                identity
            }
            Err(BackendError::Unavailable(error)) => {
                access.forgive(attempt);
                tracing::warn!(error, "nobody whom only the backend knows is let in");
                return Err(ApiError::backend_unavailable());
            }
            Err(_) => return Ok(Err(AccessError::WrongPassword)),
        };
        let made = tried(async move { access.log_in_visitor(identity, known, now).await });
        return Ok(made.await?.map(|login| (login, Vec::new())));
    }
    let shown = Shown {
        code,
        enrolment,
        passkey: passkey.map(PasskeyAnswer::from),
    };
    tried(async move { access.log_in(&user, password, shown, known, now).await }).await
}

/// Trades the viewer's token for a cookie, so that the page need not keep the token.
async fn log_in_by_token(
    shared: &Arc<Shared>,
    connection: &Connection,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let identity = identify(shared, headers, None, connection.peer).await?;
    identity.check_page(headers, &shared.hosts)?;
    let by_cookie = identity.is_by_cookie();
    let Identity {
        principal,
        credential,
        role,
        ..
    } = identity;
    let Principal::Viewer(rights) = principal else {
        return Err(ApiError::not_permitted(
            "a camera's key is not for pages: use a viewer's link",
        ));
    };
    // A guest needs no cookie, and a cookie begets none: it has an end, after which the token is to be shown again.
    let Some(token) = credential.filter(|_| !by_cookie) else {
        return Ok(Json(LoggedIn::new(&rights, role)).into_response());
    };
    let access = shared.access.clone();
    let known = cookies::known(shared, headers);
    let now = Timestamp::now();
    let user = rights.user.clone();
    let login = settled(async move { access.log_in_by_token(&user, &token, known, now).await });
    welcome(shared, connection, headers, (&login.await?, Vec::new()))
}

fn welcome(
    shared: &Shared,
    connection: &Connection,
    headers: &HeaderMap,
    (login, recovery_codes): (&NewLogin, Vec<String>),
) -> Result<Response, ApiError> {
    let registry = lock(&shared.registry);
    let account = registry.account_of_login(&login.user, login.visit.as_ref());
    let account = account.cloned();
    drop(registry);
    // Removed at this very moment.
    let account = account.ok_or(AccessError::WrongSecret)?;
    let logged_in = LoggedIn {
        recovery_codes,
        ..LoggedIn::new(&account.rights, account.role)
    };
    let mut answer = Json(logged_in).into_response();
    let secure = Secure::of(shared, connection, headers);
    cookies::set(shared, secure, login, &mut answer)?;
    Ok(answer)
}

/// Whether it may have been a guess.
fn is_wrong(error: &AccessError) -> bool {
    use AccessError::{WrongCode, WrongPasskey, WrongPassword, WrongSecret};
    matches!(
        error,
        WrongCode | WrongPasskey | WrongPassword | WrongSecret
    )
}

/// Counts a wrong password or secret.
fn refused(
    shared: &Shared,
    connection: &Connection,
    shown: &SecretDigest,
    error: AccessError,
) -> ApiError {
    match is_wrong(&error).then(|| count_failure(shared, connection.peer, shown, Instant::now())) {
        Some(Err(wait)) => ApiError::too_many_failures(wait),
        _ => error.into(),
    }
}

/// That there is no log-in here now.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LoggedOut {
    /// Where to go to log out at the identity provider as well.
    log_out: String,
}

/// Log out
///
/// Ends the log-in of the cookie, and the connections that were made by it.
#[utoipa::path(
    delete, path = "/api/session", operation_id = "logOut", tag = "anyone", security((), ("cookie" = [])),
    responses(
        (status = 200, description = "There is no log-in here now, but one at the identity provider", body = LoggedOut),
        (status = 204, description = "There is no log-in now"),
    )
)]
pub(super) async fn log_out(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut elsewhere = None;
    if let Some(cookie) = cookies::known(&shared, &headers).cookie {
        let identity = identify(&shared, &headers, None, connection.peer).await?;
        identity.check_origin(&headers, &shared.hosts)?;
        let access = shared.access.clone();
        let openid = shared.openid.as_ref();
        elsewhere = openid.filter(|_| access.is_by_openid(&cookie));
        let now = Timestamp::now();
        settled(async move { access.log_out(&cookie, now).await }).await?;
    }
    let mut answer = match elsewhere.and_then(Openid::log_out) {
        Some(place) => {
            let log_out = place.to_string();
            Json(LoggedOut { log_out }).into_response()
        }
        None => StatusCode::NO_CONTENT.into_response(),
    };
    let secure = Secure::of(&shared, &connection, &headers);
    cookies::clear(&shared, secure, &mut answer)?;
    Ok(answer)
}
