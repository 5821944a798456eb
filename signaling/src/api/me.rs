// SPDX-License-Identifier: MPL-2.0
//! What whoever is logged in may see, and its password.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use porthole_protocol::wire::IceServer;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::{Body, Params, Person};
use super::cookies::{self, Secure};
use super::tried;
use crate::error::ApiError;
use crate::lock::lock;
use crate::model::{Role, User};
use crate::registry::Enrolled;
use crate::rights::Rights;
use crate::room::{relay_name, relay_user};
use crate::state::Shared;

/// How far ahead a user is told of bookings.
const UPCOMING: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Of how many of them.
const MAX_UPCOMING: usize = 100;
/// Cameras in one answer: as many as the page shows.
const MAX_OPEN: usize = 1_000;

/// What whoever is logged in may see.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    user: String,
    role: Role,
    shared: bool,
    /// Whether this user may have passkeys.
    passkeys: bool,
    /// The server's time, by which the other times are.
    now: Timestamp,
    /// Those that are open now, by their ids, at most 1,000.
    cameras: Vec<OpenCamera>,
    /// Ask for `camerasAfter` this for the next of them; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cameras: Option<String>,
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
    /// Whether the user made it, and may cancel it.
    own: bool,
}

/// Which part of the cameras.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct MeParams {
    /// Those after the camera of this id, as `nextCameras` said.
    cameras_after: Option<String>,
}

/// What I may see
#[utoipa::path(
    get, path = "/api/me", operation_id = "getMe", tag = "viewer", params(MeParams),
    responses((status = 200, body = Me))
)]
pub(super) async fn me(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Params(asked): Params<MeParams>,
) -> Result<Json<Me>, ApiError> {
    let now = Timestamp::now();
    let rights = &caller.rights;
    let mut cameras = open_cameras(&shared, rights, asked.cameras_after, now);
    let next_cameras = (cameras.len() > MAX_OPEN).then(|| {
        cameras.truncate(MAX_OPEN);
        cameras[MAX_OPEN - 1].id.clone()
    });
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
        next_cameras,
        bookings: upcoming(&shared, rights, now),
    }))
}

/// Those that are open now, in the order of their ids: one more than are told, if there is one.
fn open_cameras(
    shared: &Shared,
    rights: &Rights,
    mut after: Option<String>,
    now: Timestamp,
) -> Vec<OpenCamera> {
    let named = rights.cameras();
    let mut open = Vec::new();
    loop {
        let bounds = (after.as_deref().map_or(Unbounded, Excluded), Unbounded);
        let name = |camera: &Enrolled| (camera.entry.id.clone(), camera.entry.name.clone());
        // Rights are looked at without the lock, part by part, so that many cameras hold nobody up.
        let part: Vec<_> = {
            let registry = lock(&shared.registry);
            match &named {
                None => {
                    let rest = registry.cameras_after(after.as_deref());
                    rest.take(MAX_OPEN).map(name).collect()
                }
                Some(named) => {
                    let rest = named.range::<str, _>(bounds);
                    let known = rest.filter_map(|id| registry.camera(id));
                    known.take(MAX_OPEN).map(name).collect()
                }
            }
        };
        let is_last = part.len() < MAX_OPEN;
        after = part.last().map(|(id, _)| id.clone());
        for (id, name) in part {
            let Some(window) = rights.open(&id, now) else {
                continue;
            };
            open.push(OpenCamera {
                id,
                name,
                online: false,
                perms: window.perms.into(),
                until: window.until,
            });
            if open.len() > MAX_OPEN {
                return open;
            }
        }
        if is_last {
            return open;
        }
    }
}

/// The windows that are not over.
fn upcoming(shared: &Shared, rights: &Rights, now: Timestamp) -> Vec<OwnBooking> {
    let upcoming = rights.booked_windows(now, now + UPCOMING, MAX_UPCOMING);
    let registry = lock(&shared.registry);
    let name = |id: &str| Some(registry.camera(id)?.entry.name.clone());
    let bookings = upcoming.into_iter().map(|booked| OwnBooking {
        id: booked.booking.to_string(),
        camera_name: name(&booked.camera).unwrap_or_default(),
        camera: booked.camera.to_string(),
        start: booked.window.start,
        end: booked.window.end,
        perms: booked.perms.into(),
        own: booked.own,
    });
    bookings.collect()
}

/// The servers of a session before there is one.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Ways {
    /// In the shape of `RTCIceServer` (W3C WebRTC). Those of a relay hold credentials that end after ten minutes.
    #[schema(value_type = Vec<Object>)]
    ice_servers: Vec<IceServer>,
}

/// Try my connection
///
/// The STUN and TURN servers that a session of mine would have, to see before it begins whether they can be reached. For whoever
/// may watch something now, or has a booking of the next 31 days.
#[utoipa::path(
    post, path = "/api/me/ice-servers", operation_id = "tryIceServers", tag = "viewer",
    responses(
        (status = 200, body = Ways),
        (status = 403, description = "`not-permitted`: there is nothing to watch"),
    )
)]
pub(super) async fn ice_servers(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
) -> Result<Json<Ways>, ApiError> {
    let (rights, now) = (&caller.rights, Timestamp::now());
    let is_open = match rights.cameras() {
        None => true,
        Some(cameras) => cameras.iter().any(|id| rights.open(id, now).is_some()),
    };
    if !is_open && rights.booked_windows(now, now + UPCOMING, 1).is_empty() {
        return Err(ApiError::not_permitted(
            "there is no camera that you may watch, now or within a month",
        ));
    }
    // Many may have one link; those at one address count as one at the relay.
    let user = relay_user(
        rights,
        &relay_name(&format!("{} {}", rights.user, caller.connection.peer)),
    );
    Ok(Json(Ways {
        ice_servers: shared.ice.to_try(&user, now),
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
