// SPDX-License-Identifier: MPL-2.0
//! The passkeys of whoever is logged in.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::caller::{Body, Caller, Name, Person};
use super::cookies::{self, Secure};
use super::login::Answer;
use super::{settled, tried};
use crate::access::{AddedPasskey, Ceremony, NewLogin, PasskeyAnswer};
use crate::error::ApiError;
use crate::model::Passkey;
use crate::state::Shared;

/// A device by which one shows who one is.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub(super) struct PasskeyView {
    id: String,
    #[schema(example = "Telephone")]
    name: String,
    created: Timestamp,
    /// When one last signed in with it; absent if one has not.
    #[serde(skip_serializing_if = "Option::is_none")]
    used: Option<Timestamp>,
}

impl From<Passkey> for PasskeyView {
    fn from(passkey: Passkey) -> Self {
        Self {
            id: passkey.id,
            name: passkey.name,
            created: passkey.created,
            used: passkey.used,
        }
    }
}

/// One's passkeys.
#[derive(Serialize, ToSchema)]
pub(super) struct Passkeys {
    /// The oldest first; at most eight.
    items: Vec<PasskeyView>,
}

/// A passkey that was just added.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Added {
    passkey: PasskeyView,
    /// If it is the first second factor: each takes the place of one once. They are not shown again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
}

/// The password, once more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordAgain {
    #[schema(format = Password)]
    password: String,
}

/// What a browser is to have a device do (WebAuthn).
#[derive(Serialize, ToSchema)]
pub(super) struct PasskeyChallenge {
    /// For `navigator.credentials.create`, as JSON (`PublicKeyCredential.parseCreationOptionsFromJSON` reads its `publicKey`).
    #[schema(value_type = Object)]
    options: Value,
    /// To be sent back with the answer, within five minutes, once.
    challenge: String,
}

/// What is to be another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasskeyPatch {
    #[schema(min_length = 1, max_length = 64)]
    name: String,
}

/// Only who has an account and shows a log-in has any.
fn owner(caller: &Caller) -> Result<String, ApiError> {
    match caller.is_user() {
        true => Ok(caller.rights.user.to_string()),
        false => Err(ApiError::not_permitted("only users have passkeys")),
    }
}

/// List my passkeys
#[utoipa::path(
    get, path = "/api/me/passkeys", operation_id = "listMyPasskeys", tag = "viewer",
    responses((status = 200, body = Passkeys), (status = 403, description = "`not-permitted`"))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
) -> Result<Json<Passkeys>, ApiError> {
    let user = owner(&caller)?;
    let passkeys = shared.access.passkeys(&user).await?;
    let items = passkeys.into_iter().map(PasskeyView::from).collect();
    Ok(Json(Passkeys { items }))
}

/// Begin to add a passkey
///
/// In the first quarter of an hour after signing in, by the page's cookie.
#[utoipa::path(
    post, path = "/api/me/passkeys/challenge", operation_id = "beginMyPasskey", tag = "viewer",
    request_body = PasswordAgain,
    responses(
        (status = 200, body = PasskeyChallenge),
        (status = 403, description = "`wrong-credentials`, `log-in-again`, `not-permitted`"),
        (status = 409, description = "`no-passkeys`, `too-many`, `in-file`, `no-database`"),
        (status = 429, description = "`too-many`, with `Retry-After`"),
    )
)]
pub(super) async fn begin(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Body(PasswordAgain { password }): Body<PasswordAgain>,
) -> Result<Json<PasskeyChallenge>, ApiError> {
    let user = owner(&caller)?;
    let (access, by, known) = (shared.access.clone(), caller.by(), caller.known());
    let begun = async move { access.begin_passkey(&by, &user, password, &known).await };
    let begun = tried(begun).await?;
    let Ceremony { options, challenge } = begun.map_err(ApiError::of_own_password)?;
    Ok(Json(PasskeyChallenge { options, challenge }))
}

/// Add a passkey
///
/// Ends the user's other log-ins and their connections, and gives this one another cookie.
#[utoipa::path(
    post, path = "/api/me/passkeys", operation_id = "addMyPasskey", tag = "viewer",
    request_body = Answer,
    responses(
        (status = 201, body = Added),
        (status = 403, description = "`enrolment-over`, `log-in-again`, `wrong-passkey`, `not-permitted`"),
        (status = 409, description = "`exists`, `no-passkeys`, `too-many`, `in-file`, `no-database`"),
        (status = 422, description = "`bad-name`"),
    )
)]
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    headers: HeaderMap,
    Body(answer): Body<Answer>,
) -> Result<Response, ApiError> {
    let user = owner(&caller)?;
    let (access, by, known) = (shared.access.clone(), caller.by(), caller.known());
    let answer = PasskeyAnswer::from(answer);
    let added = async move { access.add_passkey(&by, &user, answer, &known).await };
    let added = tried(added).await?;
    let AddedPasskey {
        passkey,
        codes,
        login,
    } = added.map_err(ApiError::of_own_password)?;
    let body = Json(Added {
        passkey: passkey.into(),
        recovery_codes: codes,
    });
    let answer = (StatusCode::CREATED, body).into_response();
    with_cookie(&shared, &caller, &headers, login, answer)
}

/// Rename a passkey
#[utoipa::path(
    patch, path = "/api/me/passkeys/{id}", operation_id = "renameMyPasskey", tag = "viewer",
    request_body = PasskeyPatch,
    params(("id" = String, Path, description = "The passkey's id")),
    responses(
        (status = 200, body = PasskeyView),
        (status = 403, description = "`not-permitted`"),
        (status = 404, description = "`not-found`"),
        (status = 422, description = "`bad-name`"),
    )
)]
pub(super) async fn rename(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Name(id): Name,
    Body(PasskeyPatch { name }): Body<PasskeyPatch>,
) -> Result<Json<PasskeyView>, ApiError> {
    let user = owner(&caller)?;
    let (access, by) = (shared.access.clone(), caller.by());
    let renamed = settled(async move { access.rename_passkey(&by, &user, &id, &name).await });
    Ok(Json(renamed.await?.into()))
}

/// Remove a passkey
///
/// In the first quarter of an hour after signing in, by the page's cookie. Ends the user's other log-ins and their
/// connections, and gives this one another cookie. Recovery codes go with the last second factor.
#[utoipa::path(
    delete, path = "/api/me/passkeys/{id}", operation_id = "removeMyPasskey", tag = "viewer",
    params(("id" = String, Path, description = "The passkey's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "`log-in-again`, `not-permitted`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`last-second-factor`, `in-file`"),
    )
)]
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    headers: HeaderMap,
    Name(id): Name,
) -> Result<Response, ApiError> {
    let user = owner(&caller)?;
    let (access, by, known) = (shared.access.clone(), caller.by(), caller.known());
    let removed = settled(async move { access.remove_passkey(&by, &user, &id, &known).await });
    let login = removed.await?;
    let answer = StatusCode::NO_CONTENT.into_response();
    with_cookie(&shared, &caller, &headers, login, answer)
}

fn with_cookie(
    shared: &Shared,
    caller: &Caller,
    headers: &HeaderMap,
    login: Option<NewLogin>,
    mut answer: Response,
) -> Result<Response, ApiError> {
    if let Some(login) = login {
        let secure = Secure::of(shared, &caller.connection, headers);
        cookies::set(shared, secure, &login, &mut answer)?;
    }
    Ok(answer)
}
