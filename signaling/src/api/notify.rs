// SPDX-License-Identifier: MPL-2.0
//! Notifiers are tried.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::caller::{Admin, Body};
use crate::error::ApiError;
use crate::state::Shared;

/// Who is told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Whom {
    #[schema(example = "alice", max_length = 64)]
    user: String,
}

/// What came of telling somebody by one of the targets.
#[derive(Serialize, ToSchema)]
struct TargetResult {
    /// As in the configuration.
    #[schema(example = "ntfy")]
    kind: &'static str,
    told: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What came of it.
#[derive(Serialize, ToSchema)]
pub(super) struct TestResult {
    /// One for each address by which the user is told; a browser is one.
    items: Vec<TargetResult>,
}

/// Try notifiers
///
/// Tells a user, once by each address, of a call that there is not.
#[utoipa::path(
    post, path = "/api/notify/test", operation_id = "testNotifiers", tag = "administrator",
    request_body = Whom,
    responses((status = 200, body = TestResult))
)]
pub(super) async fn test(
    State(shared): State<Arc<Shared>>,
    Admin(_caller): Admin,
    Body(Whom { user }): Body<Whom>,
) -> Result<Json<TestResult>, ApiError> {
    let tested = shared.notifiers.test(&user).await;
    let items = tested.into_iter().map(|tested| TargetResult {
        kind: tested.kind,
        told: tested.error.is_none(),
        error: tested.error,
    });
    Ok(Json(TestResult {
        items: items.collect(),
    }))
}
