// SPDX-License-Identifier: MPL-2.0
//! The servers that are one, for administrators.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::caller::{Admin, Name};
use crate::access::AccessError;
use crate::cluster::NodeInfo;
use crate::error::ApiError;
use crate::state::Shared;

/// The servers that are one.
#[derive(Serialize, ToSchema)]
pub(super) struct Nodes {
    items: Vec<Node>,
}

/// One of them.
#[derive(Serialize, ToSchema)]
struct Node {
    /// By which the others know it until it ends; absent of a server that is alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// Its machine's name.
    name: String,
    version: String,
    /// Cameras that can be watched there.
    cameras: usize,
    /// Sessions of those.
    sessions: usize,
    /// Clients that are connected to it.
    connections: usize,
    /// Whether its clients are on their way to the others.
    drains: bool,
}

impl From<NodeInfo> for Node {
    fn from(info: NodeInfo) -> Self {
        Self {
            id: Some(info.id).filter(|id| !id.is_empty()),
            name: info.name,
            version: info.version,
            cameras: info.cameras,
            sessions: info.sessions,
            connections: info.connections,
            drains: info.drains,
        }
    }
}

/// List servers
///
/// Those that are one and can be reached, or the only one.
#[utoipa::path(
    get, path = "/api/nodes", operation_id = "listNodes", tag = "administrator",
    responses((status = 200, body = Nodes))
)]
pub(super) async fn list(
    State(shared): State<Arc<Shared>>,
    _: Admin,
) -> Result<Json<Nodes>, ApiError> {
    let all = shared.hub.nodes().await.ok_or_else(ApiError::stuck)?;
    let items = all.into_iter().map(Node::from).collect();
    Ok(Json(Nodes { items }))
}

/// Drain a server
///
/// Nobody new is let in there, and its clients go to the others, some at a time. It stays so until it is started again.
#[utoipa::path(
    post, path = "/api/nodes/{id}/drain", operation_id = "drainNode", tag = "administrator",
    params(("id" = String, Path, description = "The server's id")),
    responses((status = 204, description = "They go"), (status = 404, description = "`not-found`"))
)]
pub(super) async fn drain(
    State(shared): State<Arc<Shared>>,
    _: Admin,
    Name(id): Name,
) -> Result<StatusCode, ApiError> {
    let is_there = shared.hub.drain_node(id).await;
    match is_there.ok_or_else(ApiError::stuck)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(AccessError::NotFound("no server of this id can be reached").into()),
    }
}
