// SPDX-License-Identifier: MPL-2.0
//! What the server is, and whether it does its work.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use porthole_protocol::wire::IceServer;
use serde::Serialize;
use tokio::time::timeout;
use utoipa::ToSchema;

use super::HUB_TIMEOUT;
use super::caller::Admin;
use crate::auth::{Identity, identify};
use crate::error::ApiError;
use crate::room::Principal;
use crate::state::{Connection, Shared};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// For the database to answer whether it is there.
const PING_TIMEOUT: Duration = Duration::from_secs(2);
/// As Prometheus and others read it (OpenMetrics 1.0).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a page needs to know before it connects.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config {
    version: &'static str,
    /// Whether anyone may watch.
    open_access: bool,
    /// Whether users can log in with a password.
    passwords: bool,
    /// The identity provider with which one logs in, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    openid: Option<OpenidConfig>,
    /// Whether the request came with a credential that is known.
    authenticated: bool,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// Those without credentials; the others come with each session.
    #[schema(value_type = Vec<Object>)]
    ice_servers: Vec<IceServer>,
    /// Where the WebSocket is.
    websocket: &'static str,
}

/// The identity provider.
#[derive(Serialize, ToSchema)]
struct OpenidConfig {
    /// What people call it.
    name: String,
    /// Where the browser goes to log in, with the place to come back to as `return`: an address seen from the server's own.
    login: String,
}

/// What a page needs to know
#[utoipa::path(
    get, path = "/api/config", operation_id = "getConfig", tag = "anyone", security((), ("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = Config))
)]
pub(super) async fn config(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Json<Config> {
    let identity = identify(&shared, &headers, None, connection.peer).await;
    let user = match &identity {
        Ok(Identity {
            principal: Principal::Viewer(rights),
            ..
        }) => Some(rights.user.to_string()),
        _ => None,
    };
    let known = identity.is_ok_and(|identity| !identity.is_guest());
    let ice_servers = shared.ice.fixed().iter();
    let open = ice_servers.filter(|server| server.credential.is_none());
    Json(Config {
        version: VERSION,
        open_access: shared.open_access,
        passwords: shared.access.has_accounts(),
        openid: shared.openid.as_ref().map(|openid| OpenidConfig {
            name: openid.name().to_owned(),
            login: openid.login().to_string(),
        }),
        authenticated: known && user.is_some(),
        user,
        ice_servers: open.cloned().collect(),
        websocket: "/ws",
    })
}

/// Whether the server does its work.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok` or `stuck`.
    status: &'static str,
    version: &'static str,
}

/// Whether the server lives
///
/// The hub is asked. Who watches is nobody's business here.
#[utoipa::path(
    get, path = "/health", operation_id = "getHealth", tag = "anyone", security(()),
    responses((status = 200, body = Health), (status = 503, description = "It is stuck", body = Health))
)]
pub(super) async fn health(State(shared): State<Arc<Shared>>) -> (StatusCode, Json<Health>) {
    let (code, status) = match shared.hub.answers(HUB_TIMEOUT).await {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "stuck"),
    };
    let version = VERSION;
    (code, Json(Health { status, version }))
}

/// Whether the server is ready
///
/// The hub and the database are asked, and where several servers are one, whether this one reaches the others.
#[utoipa::path(
    get, path = "/ready", operation_id = "getReady", tag = "anyone", security(()),
    responses((status = 200, body = Health), (status = 503, description = "`not-ready`"))
)]
pub(super) async fn ready(State(shared): State<Arc<Shared>>) -> Result<Json<Health>, ApiError> {
    let database = timeout(PING_TIMEOUT, shared.access.ping());
    let (hub, database) = tokio::join!(shared.hub.answers(HUB_TIMEOUT), database);
    match hub && shared.hub.reaches_others() && matches!(database, Ok(Ok(()))) {
        true => Ok(Json(Health {
            status: "ok",
            version: VERSION,
        })),
        false => Err(ApiError::stuck()),
    }
}

/// Read the metrics
///
/// For administrators: a program shows the token of an administrator's personal link. Programs that can show nothing ask at
/// the address that `metrics-listen` of the configuration gives.
#[utoipa::path(
    get, path = "/metrics", operation_id = "getMetrics", tag = "administrator",
    responses((status = 200, description = "OpenMetrics text", body = String, content_type = OPEN_METRICS))
)]
pub(super) async fn metrics(State(shared): State<Arc<Shared>>, _: Admin) -> Response {
    open_metrics(State(shared)).await
}

/// The same for whoever reaches the address that is for nothing else.
pub(crate) async fn open_metrics(State(shared): State<Arc<Shared>>) -> Response {
    let text = shared.metrics.text(shared.hub.stats.get());
    ([(header::CONTENT_TYPE, OPEN_METRICS)], text).into_response()
}
