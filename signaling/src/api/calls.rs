// SPDX-License-Identifier: MPL-2.0
//! Calls of doorbells: to ring, and to look back.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use porthole_protocol::ring::is_ring_id;
use porthole_protocol::wire::{CallEnd, CallState};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::{Name, Params, Person, limit};
use crate::access::AccessError;
use crate::error::ApiError;
use crate::model::{CallRecord, Role};
use crate::room::{Rang, RingRefused};
use crate::state::Shared;
use crate::store::{CallFilter, StoreError};

/// When a bell that was rung too often may be rung again.
const RING_RETRY: Duration = Duration::from_secs(15);

/// What has come of ringing.
#[derive(Serialize, ToSchema)]
pub(super) struct RungCall {
    /// The call, which others may have made before.
    #[schema(example = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f")]
    id: String,
    state: CallState,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CallEnd>,
    /// So many people are rung now. Others may be later.
    ringing: usize,
}

/// A call of a doorbell.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Call)]
pub(super) struct CallView {
    id: String,
    #[schema(example = "front")]
    camera: String,
    /// What the camera was called.
    #[schema(example = "Front door")]
    name: String,
    state: CallState,
    /// When somebody rang.
    rang: Timestamp,
    /// Who rang by the API; absent where the camera said it.
    #[serde(skip_serializing_if = "Option::is_none")]
    rang_by: Option<String>,
    /// Whom it rang.
    recipients: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answered_by: Option<String>,
    /// When the door was opened first; null if it was not.
    door_opened: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CallEnd>,
    /// For how long people could talk, in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<u64>,
    /// Path of the picture that was taken at the press, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot: Option<String>,
}

impl From<CallRecord> for CallView {
    fn from(call: CallRecord) -> Self {
        let state = match (call.ended, call.talking, call.answered) {
            (Some(_), ..) => CallState::Ended,
            (_, Some(_), _) => CallState::Talking,
            (_, _, Some(_)) => CallState::Answered,
            _ => CallState::Ringing,
        };
        let talked = call.talking.zip(call.ended);
        let seconds = talked.map(|(from, to)| to.duration_since(from).as_secs());
        Self {
            state,
            seconds: seconds.map(|seconds| u64::try_from(seconds).unwrap_or(0)),
            snapshot: call
                .has_snapshot
                .then(|| format!("/api/v1/calls/{}/snapshot", call.id)),
            recipients: call.recipients.into_keys().collect(),
            id: call.id,
            camera: call.camera,
            name: call.name,
            rang: call.rang,
            rang_by: call.rang_by,
            answered: call.answered,
            answered_by: call.answered_by,
            door_opened: call.door_opened,
            ended: call.ended,
            reason: call.reason,
        }
    }
}

/// A part of the history, the latest first.
#[derive(Serialize, ToSchema)]
pub(super) struct CallPage {
    items: Vec<CallView>,
    /// Ask for what comes `before` this for the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Which calls.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// Of this camera.
    camera: Option<String>,
    /// Those before that one, as `next` said.
    before: Option<String>,
    /// So many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
}

/// Where a page ends: the time of its last call, and its id.
fn cursor(call: &CallRecord) -> String {
    format!("{}.{}", call.rang.as_millisecond(), call.id)
}

fn read_cursor(text: &str) -> Option<(Timestamp, String)> {
    let (at, id) = text.split_once('.')?;
    let at = Timestamp::from_millisecond(at.parse().ok()?).ok()?;
    is_ring_id(id).then(|| (at, id.to_owned()))
}

/// Ring a camera's bell
///
/// For administrators, for those who may `control` the camera, and for those whom its rule lets ring (`press`). While a call
/// runs there, this is part of it.
#[utoipa::path(
    post, path = "/api/cameras/{id}/ring", operation_id = "ringCamera", tag = "viewer",
    params(("id" = String, Path, description = "The camera's id")),
    responses(
        (status = 201, body = RungCall),
        (status = 403, description = "`not-permitted`"),
        (status = 404, description = "`not-found`"),
        (status = 409, description = "`camera-offline`"),
        (status = 429, description = "`too-many`"),
    )
)]
pub(super) async fn ring(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Name(id): Name,
) -> Result<(StatusCode, Json<RungCall>), ApiError> {
    let rights = &caller.rights;
    let open = rights.open(&id, Timestamp::now());
    let controls = open.is_some_and(|open| open.perms.contains(Permission::Control));
    let may = controls || caller.role == Role::Administrator;
    let by = rights.user.to_string();
    let rang = shared.hub.ring(id.clone(), by, may).await;
    match rang.ok_or_else(ApiError::stuck)? {
        Ok(Rang { call, ringing }) => {
            let rung = RungCall {
                id: call.id,
                state: call.state,
                reason: call.reason,
                ringing,
            };
            Ok((StatusCode::CREATED, Json(rung)))
        }
        Err(RingRefused::NotPermitted) if rights.may_see(&id, Timestamp::now()) => {
            Err(ApiError::not_permitted(
                "you may not ring here: that is for who may control the camera, and for those in press of its [[doorbell]]",
            ))
        }
        // A camera that exists for others only must look like one that does not exist.
        Err(RingRefused::NotPermitted | RingRefused::NoSuchCamera) => {
            Err(AccessError::NotFound("no camera of this id").into())
        }
        Err(RingRefused::Offline) => Err(ApiError::new(
            StatusCode::CONFLICT,
            "camera-offline",
            "the camera is not connected: nobody could look who is there",
        )),
        Err(RingRefused::TooOften) => Err(ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many",
            "it was rung too often of late: wait a moment",
        )
        .after(RING_RETRY)),
    }
}

/// Decline a call
///
/// For those whom it rings, and who have no page open: a notification of it. It rings on for the others.
#[utoipa::path(
    post, path = "/api/calls/{id}/decline", operation_id = "declineCall", tag = "viewer",
    params(("id" = String, Path, description = "The call's id")),
    responses(
        (status = 204, description = "It rings there no more"),
        (status = 404, description = "`not-found`"),
    )
)]
pub(super) async fn decline(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Name(call): Name,
) -> Result<StatusCode, ApiError> {
    let user = caller.rights.user.to_string();
    let is_there = shared.hub.decline(user, call).await;
    match is_there.ok_or_else(ApiError::stuck)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(AccessError::NotFound("no call rings you under this id").into()),
    }
}

/// List calls
///
/// Those that rang me, and for administrators all.
#[utoipa::path(
    get, path = "/api/calls", operation_id = "listCalls", tag = "viewer", params(Which),
    responses((status = 200, body = CallPage))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    Person(caller): Person,
    Params(which): Params<Which>,
) -> Result<Json<CallPage>, ApiError> {
    let limit = limit(which.limit)?;
    let before = which.before.as_deref().map(|text| {
        let bad = || {
            ApiError::new(
                StatusCode::BAD_REQUEST,
                "bad-query",
                "before is no next of a list of calls",
            )
        };
        read_cursor(text).ok_or_else(bad)
    });
    let is_admin = caller.role == Role::Administrator;
    let filter = CallFilter {
        camera: which.camera,
        user: (!is_admin).then(|| caller.rights.user.to_string()),
        before: before.transpose()?,
        limit,
        ..CallFilter::default()
    };
    let found = shared.calls.list(&filter).await.map_err(broken)?;
    let found = found.ok_or(AccessError::NoDatabase)?;
    let is_full = found.len() == limit as usize;
    let next = found.last().filter(|_| is_full).map(cursor);
    let items = found.into_iter().map(CallView::from).collect();
    Ok(Json(CallPage { items, next }))
}

pub(super) fn broken(error: StoreError) -> ApiError {
    tracing::error!(%error, "the database failed");
    AccessError::Database.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_page_ends_is_read_again_and_nothing_else_is() {
        let id = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
        let text = format!("1800000000123.{id}");
        let (at, found) = read_cursor(&text).unwrap();
        assert_eq!((at.as_millisecond(), &*found), (1_800_000_000_123, id));
        for other in [
            "",
            ".",
            id,
            "1.x",
            &format!("x.{id}"),
            &format!("99999999999999999999.{id}"),
            &format!("9223372036854775807.{id}"),
        ] {
            assert_eq!(read_cursor(other), None, "{other}");
        }
    }
}
