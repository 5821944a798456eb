// SPDX-License-Identifier: MPL-2.0
//! Many things at once, for administrators.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::bookings::NewBooking;
use super::caller::{Admin, Body, Params};
use super::cameras::camera_key;
use super::users::personal_link;
use crate::access::{BookingFields, Refused, Wanted};
use crate::error::ApiError;
use crate::model::Role;
use crate::state::Shared;
use crate::store::Item;

/// For all of it to be on the disk: thousands of rows, and as many windows of each booking.
const IMPORT_TIMEOUT: Duration = Duration::from_secs(120);
/// Largest body: ten thousand bookings with notes.
pub(crate) const MAX_IMPORT_BYTES: usize = 8 * 1024 * 1024;
/// Users, cameras and bookings together: more are imported in parts. Nobody else changes anything meanwhile.
const MAX_ROWS: usize = 10_000;

/// What is to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Import {
    #[serde(default)]
    users: Vec<ImportedUser>,
    #[serde(default)]
    cameras: Vec<ImportedCamera>,
    /// Of users and cameras that are there, or that are added with them.
    #[serde(default)]
    bookings: Vec<NewBooking>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportedUser {
    #[schema(min_length = 1, max_length = 64, example = "alice")]
    name: String,
    /// A viewer if nothing is said.
    role: Option<Role>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportedCamera {
    /// Made of the name if there is none.
    #[schema(pattern = "^[a-z0-9-]{1,64}$", example = "front")]
    id: Option<String>,
    #[schema(min_length = 1, max_length = 100, example = "Front door")]
    name: String,
}

/// How it is added.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct How {
    /// Whether it is only tried: all is looked at as if it were added, and nothing is.
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
}

/// What was added; nothing if it was only tried.
#[derive(Serialize, ToSchema)]
pub(super) struct Imported {
    users: Vec<WithUserLink>,
    cameras: Vec<WithCameraKey>,
    /// Their ids.
    bookings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct WithUserLink {
    name: String,
    /// A personal link. Shown this once.
    link: String,
}

#[derive(Serialize, ToSchema)]
struct WithCameraKey {
    id: String,
    /// Shown this once.
    key: String,
}

/// Add many
///
/// All of it, or nothing: what is refused says with `of` and `row`, counted from 0, because of which. Users get a personal
/// link and no password.
#[utoipa::path(
    post, path = "/api/import", operation_id = "importAll", tag = "administrator", params(How),
    request_body = Import,
    responses(
        (status = 200, body = Imported),
        (status = 409, description = "`exists`, `too-many`, `control-taken`"),
        (status = 422, description = "`bad-name`, `bad-window`, `bad-rule`, `bad-value`, `no-such-camera`, `no-such-user`"),
    )
)]
pub(super) async fn import(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Params(how): Params<How>,
    headers: HeaderMap,
    Body(import): Body<Import>,
) -> Result<Json<Imported>, ApiError> {
    if import.users.len() + import.cameras.len() + import.bookings.len() > MAX_ROWS {
        return Err(ApiError::too_many_rows(MAX_ROWS));
    }
    let url = shared.base(&headers, &caller.connection)?;
    let (access, by, keep) = (shared.access.clone(), caller.by(), !how.dry_run);
    let wanted = import.wanted();
    // To its end, whatever becomes of whoever asked.
    let importing = tokio::spawn(async move { access.import(&by, wanted, keep).await });
    let done = match timeout(IMPORT_TIMEOUT, importing).await {
        Ok(Ok(done)) => done,
        Ok(Err(_)) | Err(_) => return Err(ApiError::stuck()),
    };
    let added = done.map_err(refused)?;
    let users = added.users.into_iter().map(|(name, token)| {
        let link = personal_link(url.clone(), &token);
        WithUserLink { name, link }
    });
    let cameras = added.cameras.into_iter().map(|(id, secret)| {
        let key = camera_key(&shared, url.clone(), id.clone(), secret).to_string();
        WithCameraKey { id, key }
    });
    Ok(Json(Imported {
        users: users.collect(),
        cameras: cameras.collect(),
        bookings: added.bookings,
    }))
}

fn refused(Refused { row, error }: Refused) -> ApiError {
    let error = ApiError::from(error);
    let (of, row) = match row {
        None => return error,
        Some(Item::User(row)) => ("users", row),
        Some(Item::Camera(row)) => ("cameras", row),
        Some(Item::Booking(row)) => ("bookings", row),
    };
    error.with("of", of).with("row", row)
}

impl Import {
    fn wanted(self) -> Wanted {
        let user = |user: ImportedUser| (user.name, user.role.unwrap_or(Role::Viewer));
        let camera = |camera: ImportedCamera| (camera.id, camera.name);
        Wanted {
            users: self.users.into_iter().map(user).collect(),
            cameras: self.cameras.into_iter().map(camera).collect(),
            bookings: self.bookings.into_iter().map(BookingFields::from).collect(),
        }
    }
}
