// SPDX-License-Identifier: MPL-2.0
//! Many things at once, for administrators.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use porthole_protocol::key::CameraKey;
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use utoipa::{IntoParams, ToSchema};

use super::bookings::{RecurrenceView, or_default};
use super::caller::{Admin, Body, Params};
use crate::access::{BookingFields, Refused, Wanted};
use crate::error::ApiError;
use crate::lock::lock;
use crate::model::{Recurrence, Role};
use crate::state::Shared;
use crate::store::Item;
use crate::token::token_fragment;

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
    bookings: Vec<ImportedBooking>,
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

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ImportedBooking {
    #[schema(example = "front")]
    camera: String,
    #[schema(example = "alice")]
    user: String,
    start: Timestamp,
    end: Timestamp,
    /// `view` and `listen` if nothing is said.
    #[schema(value_type = Option<Vec<super::Permission>>)]
    perms: Option<BTreeSet<Permission>>,
    recurrence: Option<RecurrenceView>,
    #[serde(default)]
    #[schema(max_length = 500)]
    note: String,
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
    let grant_key = *lock(&shared.grant_key);
    let users = added.users.into_iter().map(|(name, token)| {
        let mut link = url.clone();
        link.set_fragment(Some(&token_fragment(&token)));
        let link = link.to_string();
        WithUserLink { name, link }
    });
    let cameras = added.cameras.into_iter().map(|(id, secret)| {
        let key = CameraKey {
            url: url.clone(),
            id: id.clone(),
            secret,
            grant_key,
            ca: Vec::new(),
        };
        let key = key.to_string();
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
        let booking = |booking: ImportedBooking| BookingFields {
            id: None,
            camera: booking.camera,
            user: booking.user,
            start: booking.start,
            end: booking.end,
            perms: or_default(booking.perms),
            recurrence: booking.recurrence.map(Recurrence::from),
            note: booking.note,
        };
        Wanted {
            users: self.users.into_iter().map(user).collect(),
            cameras: self.cameras.into_iter().map(camera).collect(),
            bookings: self.bookings.into_iter().map(booking).collect(),
        }
    }
}
