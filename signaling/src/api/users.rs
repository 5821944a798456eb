// SPDX-License-Identifier: MPL-2.0
//! Accounts, for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::caller::{Admin, Body, CutParams, Name, Params, WithQr};
use super::{Page, settled};
use crate::access::{NewPassword, UserChange};
use crate::error::ApiError;
use crate::model::{Role, User};
use crate::state::Shared;
use crate::token::token_fragment;

/// A person with an account.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = User)]
pub(super) struct UserView {
    #[schema(example = "alice")]
    name: String,
    role: Role,
    has_password: bool,
    /// Whether it has a link of its own.
    has_token: bool,
    created: Timestamp,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            name: user.name,
            role: user.role,
            has_password: user.password.is_some(),
            has_token: user.token.is_some(),
            created: user.created,
        }
    }
}

/// A user, and its password if it was made just now.
#[derive(Serialize, ToSchema)]
pub(super) struct WithPassword {
    user: UserView,
    /// Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<String>,
}

/// A link that holds a secret.
#[derive(Serialize, ToSchema)]
pub(super) struct Link {
    /// Shown this once.
    #[schema(example = "https://cameras.example.org/#token=...")]
    link: String,
    /// The link as a QR code, an image as a `data:` address, if that was asked for. Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<String>,
}

/// A user to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    #[schema(min_length = 1, max_length = 64, example = "alice")]
    name: String,
    /// A viewer if nothing is said.
    role: Option<Role>,
    /// One is made if there is none.
    #[schema(min_length = 10, max_length = 256)]
    password: Option<String>,
    /// A UUID that you have made: the same again is answered with the same, and nobody is added twice.
    #[schema(pattern = "^[0-9a-fA-F-]{36}$")]
    request: Option<String>,
}

/// What is to be another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UserPatch {
    role: Option<Role>,
    password: Option<PasswordWish>,
}

/// A password, or `true` for one that is made.
#[derive(Deserialize, ToSchema)]
#[serde(untagged)]
enum PasswordWish {
    Given(String),
    Made(bool),
}

/// List users
#[utoipa::path(
    get, path = "/api/users", operation_id = "listUsers", tag = "administrator", params(CutParams),
    responses((status = 200, body = Page<UserView>))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Params(cut): Params<CutParams>,
) -> Result<Json<Page<UserView>>, ApiError> {
    let cut = cut.check()?;
    let found = |user: &User| cut.finds(&[&user.name]);
    let users = shared.access.users(cut.after(), cut.and_one(), found)?;
    let key = |user: &User| user.name.clone();
    Ok(Json(Page::of(users, &cut, key, UserView::from)))
}

/// Add a user
#[utoipa::path(
    post, path = "/api/users", operation_id = "addUser", tag = "administrator",
    request_body = NewUser,
    responses(
        (status = 201, body = WithPassword),
        (status = 409, description = "`exists`; `id-taken` where there is another one than this `request` has made"),
        (status = 422, description = "`bad-name`, `weak-password`, `bad-value`"),
    )
)]
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<WithPassword>), ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    let password = new
        .password
        .map_or(NewPassword::Generated, NewPassword::Given);
    let role = new.role.unwrap_or(Role::Viewer);
    let added = async move {
        let request = new.request;
        access
            .add_user(&by, &new.name, role, password, request)
            .await
    };
    let added = settled(added);
    let (user, password) = added.await?;
    let user = user.into();
    Ok((StatusCode::CREATED, Json(WithPassword { user, password })))
}

/// Show a user
#[utoipa::path(
    get, path = "/api/users/{name}", operation_id = "getUser", tag = "administrator",
    params(("name" = String, Path, description = "The user's name")),
    responses((status = 200, body = UserView), (status = 404, description = "`not-found`"))
)]
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Name(name): Name,
) -> Result<Json<UserView>, ApiError> {
    Ok(Json(shared.access.user(&name)?.into()))
}

/// Change a user
///
/// The user has to log in again; what it watches ends.
#[utoipa::path(
    patch, path = "/api/users/{name}", operation_id = "changeUser", tag = "administrator",
    request_body = UserPatch,
    params(("name" = String, Path, description = "The user's name")),
    responses(
        (status = 200, body = WithPassword),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`last-administrator`, `in-file`"),
        (status = 422, description = "`weak-password`, `bad-value`"),
    )
)]
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(name): Name,
    Body(patch): Body<UserPatch>,
) -> Result<Json<WithPassword>, ApiError> {
    let password = match patch.password {
        None => None,
        Some(PasswordWish::Given(password)) => Some(NewPassword::Given(password)),
        Some(PasswordWish::Made(true)) => Some(NewPassword::Generated),
        Some(PasswordWish::Made(false)) => {
            let detail = "password is a text, or true for one that is made";
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return Err(ApiError::new(status, "bad-value", detail));
        }
    };
    let change = UserChange {
        role: patch.role,
        password,
    };
    let (access, by) = (shared.access.clone(), caller.by());
    let changed = settled(async move { access.change_user(&by, &name, change).await });
    let (user, password) = changed.await?;
    let user = user.into();
    Ok(Json(WithPassword { user, password }))
}

/// Remove a user
///
/// With its bookings; what it watches ends.
#[utoipa::path(
    delete, path = "/api/users/{name}", operation_id = "removeUser", tag = "administrator",
    params(("name" = String, Path, description = "The user's name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`last-administrator`, `in-file`"),
    )
)]
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.remove_user(&by, &name).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sign a user out everywhere
///
/// Its log-ins end, what it watches and its connections. The password, a personal link and its bookings stay.
#[utoipa::path(
    delete, path = "/api/users/{name}/logins", operation_id = "signOutUser", tag = "administrator",
    params(("name" = String, Path, description = "The user's name")),
    responses(
        (status = 204, description = "It is signed out"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`in-file`"),
    )
)]
pub(super) async fn sign_out(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.sign_out(&by, &name).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a personal link
///
/// It logs in whoever has it, without a password. The one before is void, and whatever the user watches ends.
#[utoipa::path(
    post, path = "/api/users/{name}/token", operation_id = "makeUserLink", tag = "administrator",
    params(("name" = String, Path, description = "The user's name"), WithQr),
    responses(
        (status = 200, body = Link),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`in-file`"),
    )
)]
pub(super) async fn token(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(name): Name,
    Params(qr): Params<WithQr>,
    headers: HeaderMap,
) -> Result<Json<Link>, ApiError> {
    let url = shared.base(&headers, &caller.connection)?;
    let (access, by) = (shared.access.clone(), caller.by());
    let token = settled(async move { access.new_token(&by, &name).await }).await?;
    let link = personal_link(url, &token);
    let qr = qr.of(&link);
    Ok(Json(Link { link, qr }))
}

/// Where the bearer of a token is let in.
pub(super) fn personal_link(mut url: Url, token: &str) -> String {
    url.set_fragment(Some(&token_fragment(token)));
    url.into()
}

/// Take a second factor away
///
/// Of who has lost the app or the passkeys, and the recovery codes: all of them. The user's log-ins end, and the next one makes
/// another second factor, where one is asked for.
#[utoipa::path(
    delete, path = "/api/users/{name}/second-factor", operation_id = "resetSecondFactor", tag = "administrator",
    params(("name" = String, Path, description = "The user's name")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`in-file`"),
    )
)]
pub(super) async fn reset_second_factor(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.reset_second_factor(&by, &name).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
