// SPDX-License-Identifier: MPL-2.0
//! The audit log, for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::caller::{Admin, Params, limit, search};
use super::settled;
use crate::error::ApiError;
use crate::model::AuditEntry;
use crate::state::Shared;
use crate::store::AuditFilter;

/// Something that happened.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
struct EntryView {
    /// Its number.
    id: i64,
    at: Timestamp,
    /// Who did it: a user's name, `share:ID`, `camera:ID`, `cli`, `file` or `server`.
    actor: String,
    #[schema(example = "session.started")]
    action: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    camera: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The session, booking or share link concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// What else there is to say.
    #[schema(value_type = Object)]
    details: serde_json::Value,
}

/// A part of the audit log, the latest first.
#[derive(Serialize, ToSchema)]
pub(super) struct AuditPage {
    items: Vec<EntryView>,
    /// Ask for what comes `before` this for the next part; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<i64>,
}

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    /// About this camera.
    camera: Option<String>,
    /// About or by this user.
    user: Option<String>,
    /// Those in whose words this is, in small letters or capitals: who did what, the camera, the user, the subject, the details.
    #[param(max_length = 100)]
    search: Option<String>,
    /// Those before the entry of this number, as `next` said.
    before: Option<i64>,
    /// Those from this time on.
    from: Option<Timestamp>,
    /// Only what failed: refusals, wrong credentials, and sessions that something broke off.
    #[serde(default)]
    #[param(required = false)]
    failed: bool,
    /// So many at most.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<u32>,
}

/// Read the audit log
#[utoipa::path(
    get, path = "/api/audit", operation_id = "readAudit", tag = "administrator", params(Which),
    responses((status = 200, body = AuditPage))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Params(which): Params<Which>,
) -> Result<Json<AuditPage>, ApiError> {
    let limit = limit(which.limit)?;
    let filter = AuditFilter {
        camera: which.camera,
        user: which.user,
        search: search(which.search)?,
        before: which.before,
        from: which.from,
        failed: which.failed,
        limit,
    };
    let access = shared.access.clone();
    let found = settled(async move { access.audit(&filter).await }).await?;
    let is_full = found.len() == limit as usize;
    let next = found.last().filter(|_| is_full).map(|(id, _)| *id);
    let items = found.into_iter().map(view).collect();
    Ok(Json(AuditPage { items, next }))
}

fn view((id, entry): (i64, AuditEntry)) -> EntryView {
    EntryView {
        id,
        at: entry.at,
        actor: entry.actor,
        action: entry.action,
        camera: entry.camera,
        user: entry.user,
        subject: entry.subject,
        details: entry.details,
    }
}
