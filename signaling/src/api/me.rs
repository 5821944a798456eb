// SPDX-License-Identifier: MPL-2.0
//! What whoever is logged in may see, and its password.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Body, Person};
use super::cookies::{self, Secure};
use super::tried;
use crate::error::ApiError;
use crate::lock::lock;
use crate::model::{Role, User};
use crate::registry::Enrolled;
use crate::state::Shared;

/// How far ahead a user is told of bookings.
const UPCOMING: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Of how many of them.
const MAX_UPCOMING: usize = 100;

/// What whoever is logged in may see.
#[derive(Serialize, ToSchema)]
pub(super) struct Me {
    user: String,
    role: Role,
    shared: bool,
    /// Whether this user may have passkeys.
    passkeys: bool,
    /// The server's time, by which the other times are.
    now: Timestamp,
    /// Those that are open now.
    cameras: Vec<OpenCamera>,
    /// The windows of the next 31 days that are not over, at most 100, by their start.
    bookings: Vec<OwnBooking>,
}

/// A camera that is open now.
#[derive(Serialize, ToSchema)]
struct OpenCamera {
    id: String,
    name: String,
    online: bool,
    #[schema(value_type = Vec<super::Permission>)]
    perms: BTreeSet<Permission>,
    /// The first moment at which it is not; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
}

/// A window of one of the user's bookings.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OwnBooking {
    id: String,
    camera: String,
    camera_name: String,
    start: Timestamp,
    end: Timestamp,
    #[schema(value_type = Vec<super::Permission>)]
    perms: BTreeSet<Permission>,
}

/// What I may see
#[utoipa::path(
    get, path = "/api/me", operation_id = "getMe", tag = "viewer",
    responses((status = 200, body = Me))
)]
pub(super) async fn me(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
) -> Result<Json<Me>, ApiError> {
    let now = Timestamp::now();
    let rights = &caller.rights;
    let upcoming = rights.booked_windows(now, now + UPCOMING, MAX_UPCOMING);
    let registry = lock(&shared.registry);
    let names = |camera: &Enrolled| (camera.entry.id.clone(), camera.entry.name.clone());
    let known: Vec<_> = match rights.cameras() {
        None => registry.cameras_after(None).map(names).collect(),
        Some(named) => {
            let named = named.into_iter().filter_map(|id| registry.camera(id));
            named.map(names).collect()
        }
    };
    let name = |id: &str| Some(registry.camera(id)?.entry.name.clone());
    let bookings = upcoming.into_iter().map(|booked| OwnBooking {
        id: booked.booking.to_string(),
        camera_name: name(&booked.camera).unwrap_or_default(),
        camera: booked.camera.to_string(),
        start: booked.window.start,
        end: booked.window.end,
        perms: booked.perms.into(),
    });
    let bookings = bookings.collect();
    // What takes longer with more cameras holds nobody up.
    drop(registry);
    let open = |(id, name): (String, String)| {
        let open = rights.open(&id, now)?;
        Some(OpenCamera {
            id,
            name,
            online: false,
            perms: open.perms.into(),
            until: open.until,
        })
    };
    let mut cameras: Vec<_> = known.into_iter().filter_map(open).collect();
    {
        let online = lock(&shared.hub.online);
        for camera in &mut cameras {
            camera.online = online.contains(&camera.id);
        }
    }
    let access = &shared.access;
    let has_password = |user: User| user.password.is_some();
    let passkeys = caller.is_user() && access.has_passkeys();
    Ok(Json(Me {
        passkeys: passkeys && access.user(&rights.user).is_ok_and(has_password),
        user: rights.user.to_string(),
        role: caller.role,
        shared: rights.shared,
        now,
        cameras,
        bookings,
    }))
}

/// The password as it was, and as it is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PasswordChange {
    #[schema(format = Password)]
    old: String,
    #[schema(format = Password, min_length = 10)]
    new: String,
}

/// Change my password
///
/// Ends the user's other log-ins and their connections, and gives this one another cookie.
#[utoipa::path(
    put, path = "/api/me/password", operation_id = "changeMyPassword", tag = "viewer",
    request_body = PasswordChange,
    responses(
        (status = 204, description = "It is changed"),
        (status = 403, description = "`wrong-credentials`, `not-permitted`"),
        (status = 422, description = "`weak-password`"),
        (status = 429, description = "`too-many`, with `Retry-After`"),
    )
)]
pub(super) async fn change_password(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    headers: HeaderMap,
    Body(PasswordChange { old, new }): Body<PasswordChange>,
) -> Result<Response, ApiError> {
    if !caller.is_user() {
        return Err(ApiError::not_permitted("only users have a password"));
    }
    let (access, by, known) = (shared.access.clone(), caller.by(), caller.known());
    let name = caller.rights.user.to_string();
    let changed = async move { access.change_password(&by, &name, (old, new), known).await };
    let login = tried(changed).await?.map_err(ApiError::of_own_password)?;
    let mut answer = StatusCode::NO_CONTENT.into_response();
    if let Some(login) = login {
        let secure = Secure::of(&shared, &caller.connection, &headers);
        cookies::set(&shared, secure, &login, &mut answer)?;
    }
    Ok(answer)
}
