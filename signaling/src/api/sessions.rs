// SPDX-License-Identifier: MPL-2.0
//! Who watches what, for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use porthole_protocol::wire::{SessionStats, ViewerStats};
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Admin, CutParams, Name, Params};
use super::{Page, settled};
use crate::access::AccessError;
use crate::error::ApiError;
use crate::room::SessionInfo;
use crate::state::Shared;

/// One viewer's look through one camera.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    id: String,
    user: String,
    /// What a guest wants to be called, which proves nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    called: Option<String>,
    camera: String,
    #[schema(value_type = Vec<super::Permission>)]
    perms: Vec<Permission>,
    /// Since when the server knows of it.
    started: Timestamp,
    /// When it ends unless it is renewed.
    until: Timestamp,
    /// Whether both its ends are connected to the server.
    connected: bool,
    /// What its camera said last of what it sends; absent before it has said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<SentView>,
    /// What its viewer said last of what was shown; absent before it has said anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    shown: Option<ShownView>,
}

/// What a camera sends in a session.
#[derive(Serialize, ToSchema)]
#[schema(as = Sent)]
struct SentView {
    /// Which rung of the camera's ladder, counted from 0, the largest.
    rung: u32,
    /// How many there are; 0 without a ladder.
    rungs: u32,
    /// In pixels; 0 where it is not known.
    width: u32,
    height: u32,
    /// What the way to the viewer is estimated to carry, in bit/s; 0 where it is not known.
    estimate: u32,
    /// In bit/s; 0 where it is not known.
    rate: u32,
    /// The fraction of packets that were lost of late, 0 to 1.
    loss: f32,
    /// Round-trip time in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt: Option<f64>,
}

/// What a viewer has seen since the session began.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Shown)]
struct ShownView {
    frames: u32,
    freezes: u32,
    /// For how long the picture stood still in all.
    freeze_seconds: f64,
}

impl From<SessionStats> for SentView {
    fn from(stats: SessionStats) -> Self {
        Self {
            rung: stats.rung,
            rungs: stats.rungs,
            width: stats.width,
            height: stats.height,
            estimate: stats.estimate,
            rate: stats.sent,
            loss: stats.loss,
            rtt: stats.rtt,
        }
    }
}

impl From<ViewerStats> for ShownView {
    fn from(stats: ViewerStats) -> Self {
        Self {
            frames: stats.frames,
            freezes: stats.freezes,
            freeze_seconds: stats.freeze_seconds,
        }
    }
}

/// List sessions
#[utoipa::path(
    get, path = "/api/sessions", operation_id = "listSessions", tag = "administrator", params(CutParams),
    responses((status = 200, body = Page<SessionView>))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Params(cut): Params<CutParams>,
) -> Result<Json<Page<SessionView>>, ApiError> {
    let cut = cut.check()?;
    let after = cut.after.clone();
    // Who searches has all of them looked at.
    let most = if cut.is_search() {
        usize::MAX
    } else {
        cut.and_one()
    };
    let part = shared.hub.sessions(after, most).await;
    let mut part = part.ok_or_else(ApiError::stuck)?;
    part.retain(|session| {
        let called = session.called.as_deref().unwrap_or_default();
        cut.finds(&[&session.user, called, &session.camera])
    });
    part.truncate(cut.and_one());
    let now = Timestamp::now();
    let view = |session: SessionInfo| SessionView {
        id: session.id,
        user: session.user,
        called: session.called,
        camera: session.camera,
        started: session.started,
        until: now + SignedDuration::from_secs(session.terms.lease.into()),
        perms: session.terms.perms,
        connected: session.connected,
        sent: session.sent.map(SentView::from),
        shown: session.shown.map(ShownView::from),
    };
    let key = |session: &SessionInfo| session.id.clone();
    Ok(Json(Page::of(part, &cut, key, view)))
}

/// End a session
///
/// The viewer is told that the permission was withdrawn. It may start another one.
#[utoipa::path(
    delete, path = "/api/sessions/{id}", operation_id = "endSession", tag = "administrator",
    params(("id" = String, Path, description = "The session's id")),
    responses((status = 204, description = "It is over"), (status = 404, description = "`not-found`"))
)]
pub(super) async fn end(
    State(shared): State<Arc<Shared>>,
    Admin(caller): Admin,
    Name(id): Name,
) -> Result<StatusCode, ApiError> {
    let ended = shared.hub.end_session(id.clone()).await;
    let whose = ended.ok_or_else(ApiError::stuck)?;
    let whose = whose.ok_or(AccessError::NotFound("no session of this id"))?;
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.log_revoked(&by, id, whose).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
