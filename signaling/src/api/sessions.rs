// SPDX-License-Identifier: MPL-2.0
//! Who watches what, for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Admin, CutParams, Name, Params};
use super::{HUB_TIMEOUT, Page, settled};
use crate::access::AccessError;
use crate::error::ApiError;
use crate::hub::Event;
use crate::room::SessionInfo;
use crate::state::Shared;

/// One viewer's look through one camera.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(super) struct SessionView {
    id: String,
    user: String,
    camera: String,
    #[schema(value_type = Vec<super::Permission>)]
    perms: Vec<Permission>,
    /// Since when the server knows of it.
    started: Timestamp,
    /// When it ends unless it is renewed.
    until: Timestamp,
    /// Whether both its ends are connected to the server.
    connected: bool,
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
    let wanted = |answer| Event::Sessions(after, most, answer);
    let part = shared.hub.ask(wanted, HUB_TIMEOUT).await;
    let mut part = part.ok_or_else(ApiError::stuck)?;
    part.retain(|session| cut.finds(&[&session.user, &session.camera]));
    part.truncate(cut.and_one());
    let now = Timestamp::now();
    let view = |session: SessionInfo| SessionView {
        id: session.id,
        user: session.user,
        camera: session.camera,
        started: session.started,
        until: now + SignedDuration::from_secs(session.terms.lease.into()),
        perms: session.terms.perms,
        connected: session.connected,
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
    let end = |answer| Event::EndSession(id.clone(), answer);
    let ended = shared.hub.ask(end, HUB_TIMEOUT).await;
    let whose = ended.ok_or_else(ApiError::stuck)?;
    let whose = whose.ok_or(AccessError::NotFound("no session of this id"))?;
    let (access, by) = (shared.access.clone(), caller.by());
    settled(async move { access.log_revoked(&by, id, whose).await }).await?;
    Ok(StatusCode::NO_CONTENT)
}
