// SPDX-License-Identifier: MPL-2.0
//! The picture of a press: taken from its camera, shown to those whom it rang.

use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{FromRequest as _, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use porthole_protocol::ring::{MAX_SNAPSHOT_BYTES, is_ring_id};

use super::caller::{Name, Person};
use super::calls::broken;
use crate::access::AccessError;
use crate::auth::identify;
use crate::calls::SnapshotRefused;
use crate::error::ApiError;
use crate::model::Role;
use crate::room::Principal;
use crate::state::{Connection, Shared};

/// How a JPEG begins: start of image, and the next marker (ITU T.81, B.1.1.3).
const JPEG_START: [u8; 3] = [0xff, 0xd8, 0xff];
/// How it ends.
const JPEG_END: [u8; 2] = [0xff, 0xd9];

/// Show who rang
///
/// What the camera saw at the press. For those whom the call rang, and for administrators.
#[utoipa::path(
    get, path = "/api/calls/{id}/snapshot", operation_id = "getCallSnapshot", tag = "viewer",
    params(("id" = String, Path, description = "The call's id")),
    responses(
        (status = 200, description = "A JPEG", body = String, content_type = "image/jpeg"),
        (status = 404, description = "`not-found`"),
    )
)]
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Name(id): Name,
) -> Result<Response, ApiError> {
    let is_admin = caller.role == Role::Administrator;
    let (calls, user) = (&shared.calls, &caller.rights.user);
    let jpeg = match is_ring_id(&id) {
        true => calls.snapshot(&id, user, is_admin).await.map_err(broken)?,
        false => None,
    };
    let jpeg = jpeg.ok_or(AccessError::NotFound("no picture of such a call"))?;
    let body = Bytes::from_owner(jpeg);
    Ok(([(header::CONTENT_TYPE, "image/jpeg")], body).into_response())
}

/// Take the picture of a press
///
/// From the camera itself, with its secret as bearer token: once, while the call of this press runs or shortly after it.
#[utoipa::path(
    put, path = "/api/cameras/{id}/snapshots/{ringId}", operation_id = "putSnapshot", tag = "camera",
    params(
        ("id" = String, Path, description = "The camera's id"),
        ("ringId" = String, Path, description = "The id of the press"),
    ),
    request_body(content = String, content_type = "image/jpeg", description = "A JPEG of at most 100,000 bytes"),
    responses(
        (status = 204, description = "It is kept"),
        (status = 403, description = "`not-permitted`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`exists`"),
        (status = 413, description = "`too-large`"),
        (status = 415, description = "`unsupported-media-type`"),
        (status = 422, description = "`bad-value`"),
    )
)]
pub(super) async fn put(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Extension(connection): Extension<Connection>,
    Path((camera, ring)): Path<(String, String)>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let identity = identify(&shared, &headers, None, connection.peer).await?;
    if identity.principal != (Principal::Camera { id: camera.clone() }) {
        return Err(ApiError::not_permitted(
            "a picture of a press comes from its camera, with that one's secret",
        ));
    }
    let kind = headers.get(header::CONTENT_TYPE);
    if kind.is_none_or(|kind| kind != "image/jpeg") {
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        let detail = "send the picture as image/jpeg";
        return Err(ApiError::new(status, "unsupported-media-type", detail));
    }
    let body = Bytes::from_request(request, &()).await;
    let jpeg = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("a picture has at most {MAX_SNAPSHOT_BYTES} bytes: make it smaller"),
        ),
        status => ApiError::new(status, "bad-body", rejection.body_text()),
    })?;
    if !jpeg.starts_with(&JPEG_START) || !jpeg.ends_with(&JPEG_END) {
        return Err(AccessError::BadValue("this is no whole JPEG").into());
    }
    let taken = match is_ring_id(&ring) {
        true => shared.calls.take_snapshot(&camera, &ring, &jpeg).await,
        false => Err(SnapshotRefused::NoSuchCall),
    };
    match taken {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(SnapshotRefused::NoSuchCall) => {
            Err(AccessError::NotFound("no call of this press runs").into())
        }
        Err(SnapshotRefused::Twice) => Err(AccessError::Exists("a picture of this press").into()),
    }
}
