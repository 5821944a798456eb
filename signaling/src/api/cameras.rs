// SPDX-License-Identifier: MPL-2.0
//! Cameras, for administrators.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use porthole_protocol::key::CameraKey;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::caller::{Admin, Body, CutParams, Name, Params, WithQr};
use super::{Page, settled};
use crate::access::{AccessError, NewKey};
use crate::error::ApiError;
use crate::lock::lock;
use crate::registry::{Enrolled, Origin};
use crate::room::CameraInfo;
use crate::state::Shared;

/// A camera.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Camera)]
pub(super) struct CameraView {
    #[schema(example = "front")]
    id: String,
    #[schema(example = "Front door")]
    name: String,
    /// Absent for a camera of the configuration file.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    online: bool,
    /// When it was last connected; absent if that was never noted.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_seen: Option<Timestamp>,
    /// How many sessions it has.
    viewers: usize,
    /// Whether it is in the configuration file, and is changed there.
    in_file: bool,
    /// How many bookings are not over, which go with it when it is removed. Where one camera is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    bookings: Option<usize>,
    /// The same of share links.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<usize>,
}

/// Cameras of the same name that are told: a few show what is wrong.
const MAX_SAME_NAME: usize = 5;

/// A camera and its key.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct WithKey {
    camera: CameraView,
    /// Ids of other cameras that have the same name, so that viewers cannot tell them apart; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    same_name: Vec<String>,
    /// For `portholesink camera-key-file=...`. Shown this once.
    #[schema(example = "phk1.eyJ1cmwiOiJodHRwczovL2NhbWVyYXMuZXhhbXBsZS5vcmcvIi4uLg")]
    key: String,
    /// The key as a QR code, an image as a `data:` address, if that was asked for. Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    qr: Option<String>,
}

/// A camera to enrol.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCamera {
    /// Made of the name if there is none.
    #[schema(pattern = "^[a-z0-9-]{1,64}$", example = "front")]
    id: Option<String>,
    #[schema(min_length = 1, max_length = 100, example = "Front door")]
    name: String,
    /// A UUID that you have made: the same again is answered with the same key, and nothing is enrolled twice.
    #[schema(pattern = "^[0-9a-fA-F-]{36}$")]
    request: Option<String>,
}

/// What is to be another.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CameraPatch {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
}

/// List cameras
#[utoipa::path(
    get, path = "/api/cameras", operation_id = "listCameras", tag = "administrator", params(CutParams),
    responses((status = 200, body = Page<CameraView>))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Params(cut): Params<CutParams>,
) -> Result<Json<Page<CameraView>>, ApiError> {
    let cut = cut.check()?;
    let part: Vec<_> = {
        let registry = lock(&shared.registry);
        let rest = registry.cameras_after(cut.after());
        let found = rest.filter(|camera| cut.finds(&[&camera.entry.id, &camera.entry.name]));
        found.take(cut.and_one()).cloned().collect()
    };
    let ids = part.iter().map(|camera| camera.entry.id.clone());
    let infos = infos(&shared, ids.collect()).await?;
    let key = |camera: &Enrolled| camera.entry.id.clone();
    let view = |camera| view(&shared, &infos, camera);
    Ok(Json(Page::of(part, &cut, key, view)))
}

/// Enrol a camera
#[utoipa::path(
    post, path = "/api/cameras", operation_id = "addCamera", tag = "administrator", params(WithQr),
    request_body = NewCamera,
    responses(
        (status = 201, body = WithKey),
        (status = 409, description = "`exists`, `too-many`; `id-taken` where there is another one than this `request` has made"),
        (status = 422, description = "`bad-name`, `bad-value`"),
    )
)]
pub(super) async fn add(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Params(qr): Params<WithQr>,
    headers: HeaderMap,
    Body(new): Body<NewCamera>,
) -> Result<(StatusCode, Json<WithKey>), ApiError> {
    let url = shared.base(&headers, &caller.connection)?;
    let (access, by) = (shared.access.clone(), caller.by());
    let added = async move { access.add_camera(&by, new.id, new.name, new.request).await };
    let added = settled(added);
    let with_key = with_key(&shared, url, added.await?, &qr).await?;
    Ok((StatusCode::CREATED, Json(with_key)))
}

/// Show a camera
#[utoipa::path(
    get, path = "/api/cameras/{id}", operation_id = "getCamera", tag = "administrator",
    params(("id" = String, Path, description = "The camera's id")),
    responses((status = 200, body = CameraView), (status = 404, description = "`not-found`"))
)]
pub(super) async fn get(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Name(id): Name,
) -> Result<Json<CameraView>, ApiError> {
    Ok(Json(look_up(&shared, &id).await?))
}

/// Rename a camera
#[utoipa::path(
    patch, path = "/api/cameras/{id}", operation_id = "renameCamera", tag = "administrator",
    request_body = CameraPatch,
    params(("id" = String, Path, description = "The camera's id")),
    responses(
        (status = 200, body = CameraView),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`in-file`"),
        (status = 422, description = "`bad-name`, `bad-value`"),
    )
)]
pub(super) async fn change(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
    Body(patch): Body<CameraPatch>,
) -> Result<Json<CameraView>, ApiError> {
    let (access, by, camera) = (shared.access.clone(), caller.by(), id.clone());
    settled(async move { access.rename_camera(&by, &camera, patch.name).await }).await?;
    Ok(Json(look_up(&shared, &id).await?))
}

/// Remove a camera
///
/// With its bookings and share links; what is watched through it ends.
#[utoipa::path(
    delete, path = "/api/cameras/{id}", operation_id = "removeCamera", tag = "administrator",
    params(("id" = String, Path, description = "The camera's id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`in-file`"),
    )
)]
pub(super) async fn remove(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
) -> Result<StatusCode, ApiError> {
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.remove_camera(&by, &id).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Give a camera another key
///
/// The old one is void at once: whoever is connected with it is cut off.
#[utoipa::path(
    post, path = "/api/cameras/{id}/rotate", operation_id = "rotateCameraKey", tag = "administrator",
    params(("id" = String, Path, description = "The camera's id"), WithQr),
    responses(
        (status = 200, body = WithKey),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`in-file`"),
    )
)]
pub(super) async fn rotate(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
    Params(qr): Params<WithQr>,
    headers: HeaderMap,
) -> Result<Json<WithKey>, ApiError> {
    let url = shared.base(&headers, &caller.connection)?;
    let (access, by) = (shared.access.clone(), caller.by());
    let rotated = settled(async move { access.rotate_camera(&by, &id).await }).await?;
    Ok(Json(with_key(&shared, url, rotated, &qr).await?))
}

async fn with_key(
    shared: &Shared,
    url: Url,
    NewKey { camera, secret }: NewKey,
    qr: &WithQr,
) -> Result<WithKey, ApiError> {
    let key = camera_key(shared, url, camera.id.clone(), secret).to_string();
    let others = |other: &&Enrolled| {
        other.entry.id != camera.id && other.entry.name.to_lowercase() == camera.name.to_lowercase()
    };
    let same_name = {
        let registry = lock(&shared.registry);
        let others = registry
            .cameras_after(None)
            .filter(others)
            .take(MAX_SAME_NAME);
        others.map(|other| other.entry.id.clone()).collect()
    };
    Ok(WithKey {
        same_name,
        camera: look_up(shared, &camera.id).await?,
        qr: qr.of(&key),
        key,
    })
}

/// For `portholesink camera-key-file=...`.
pub(super) fn camera_key(shared: &Shared, url: Url, id: String, secret: String) -> CameraKey {
    CameraKey {
        url,
        id,
        secret,
        grant_key: *lock(&shared.grant_key),
        ca: Vec::new(),
    }
}

async fn look_up(shared: &Shared, id: &str) -> Result<CameraView, ApiError> {
    let infos = infos(shared, vec![id.to_owned()]).await?;
    let camera = lock(&shared.registry).camera(id).cloned();
    let camera = camera.ok_or(AccessError::NotFound("no camera of this id"))?;
    let (bookings, links) = shared.access.at_camera(id, Timestamp::now());
    Ok(CameraView {
        bookings: Some(bookings),
        links: Some(links),
        ..view(shared, &infos, camera)
    })
}

type Infos = HashMap<String, CameraInfo>;

async fn infos(shared: &Shared, ids: Vec<String>) -> Result<Infos, ApiError> {
    let infos = shared.hub.cameras(ids).await;
    let infos = infos.ok_or_else(ApiError::stuck)?.into_iter();
    Ok(infos.map(|info| (info.id.clone(), info)).collect())
}

fn view(shared: &Shared, infos: &Infos, Enrolled { entry, origin }: Enrolled) -> CameraView {
    let times = shared.access.camera_times(&entry.id);
    let info = infos.get(&entry.id);
    let online = info.is_some_and(|info| info.online);
    CameraView {
        created: times.map(|(created, _)| created),
        online,
        last_seen: match online {
            true => Some(Timestamp::now()),
            false => times.and_then(|(_, seen)| seen),
        },
        viewers: info.map_or(0, |info| info.viewers),
        in_file: origin == Origin::File,
        bookings: None,
        links: None,
        id: entry.id,
        name: entry.name,
    }
}
