// SPDX-License-Identifier: MPL-2.0
//! The router: the API, the WebSocket upgrade, and what holds for every answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use porthole_protocol::random_secret;
use serde_json::json;

use crate::auth::{Identity, cookie, identify};
use crate::error::ApiError;
use crate::hosts::is_https_origin;
use crate::lock::lock;
use crate::page;
use crate::proxy::client;
use crate::room::Principal;
use crate::socket;
use crate::state::{Connection, Shared, is_uncounted};

/// Largest request body. No request of this API has one.
const MAX_BODY_BYTES: u64 = 1024;

/// For the hub to answer. It takes microseconds for what is before it in its queue.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn app(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/ws", get(websocket))
        .route("/api/session", post(log_in).delete(log_out))
        .route("/api/config", get(config))
        .route("/health", get(health))
        .merge(page::routes())
        .fallback(|| async {
            ApiError::new(
                StatusCode::NOT_FOUND,
                "not-found",
                "there is nothing at this address",
            )
        })
        .method_not_allowed_fallback(|| async {
            let message = "this address does not take that method";
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                message,
            )
        })
        .layer(from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// Refuses what is not for us and large bodies, finds out for whom a proxy asks, and puts the security headers on
/// every answer.
async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok())
        .unwrap_or(0);
    let mut response = if !shared.hosts.is_for_us(request.headers(), request.uri()) {
        ApiError::wrong_host().into_response()
    } else if length > MAX_BODY_BYTES {
        let message = "the request body is too large: this API needs none";
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message).into_response()
    } else {
        if let Some(mut connection) = request.extensions().get::<Connection>().cloned() {
            let peer = connection.peer;
            (connection.peer, connection.https) =
                client(peer, request.headers(), &shared.trusted_proxies);
            request.extensions_mut().insert(connection);
        }
        next.run(request).await
    };
    let headers = response.headers_mut();
    for (name, value) in page::SECURITY_HEADERS {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn websocket(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, ApiError> {
    let identity = identify(&shared, &headers, uri.query(), connection.peer)?;
    identity.check_origin(&headers, &shared.hosts)?;
    let upgrade = upgrade.map_err(|_| {
        let message = "this address speaks WebSocket (RFC 6455) only";
        ApiError::new(StatusCode::UPGRADE_REQUIRED, "bad-message", message)
    })?;
    let counted = !is_uncounted(connection.peer, &shared.trusted_proxies);
    let of_address = counted.then(|| shared.sockets.take(connection.peer));
    if matches!(of_address, Some(None)) {
        return Err(ApiError::too_many_connections());
    }
    Ok(socket::bounded(upgrade).on_upgrade(async move |socket| {
        let address = connection.peer;
        socket::run(socket, identity, address, &shared.hub, shared.timings).await;
        drop((connection.place, of_address));
    }))
}

/// Trades the viewer's token for a cookie, so that the page need not keep the token.
async fn log_in(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let identity = identify(&shared, &headers, None, connection.peer)?;
    identity.check_page(&headers, &shared.hosts)?;
    let by_cookie = identity.is_by_cookie();
    let Identity {
        principal,
        credential,
        ..
    } = identity;
    let Principal::Viewer(rights) = principal else {
        return Err(ApiError::not_permitted(
            "a camera's key is not for pages: use a viewer's link",
        ));
    };
    let mut answer = json!({ "user": rights.user });
    if let Some(cameras) = rights.cameras() {
        answer["cameras"] = json!(cameras);
    }
    // A guest needs no cookie, and a cookie begets none: it has an end, after which the token is to be shown again.
    let Some(token) = credential.filter(|_| !by_cookie) else {
        return Ok(Json(answer).into_response());
    };
    let now = Instant::now();
    let until = now + shared.timings.login;
    let known = cookie(&headers, &shared.cookie_name);
    let known = known.filter(|known| lock(&shared.registry).log_in_again(known, token, now, until));
    let secret = known.map_or_else(random_secret, str::to_owned);
    if known.is_none() {
        lock(&shared.registry).log_in(&secret, token, now, until);
    }
    let https = connection.https || is_https_origin(&headers);
    let cookie = set_cookie(&shared, https, &secret, shared.timings.login.as_secs())?;
    Ok(([(header::SET_COOKIE, cookie)], Json(answer)).into_response())
}

async fn log_out(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    if let Some(secret) = cookie(&headers, &shared.cookie_name) {
        identify(&shared, &headers, None, connection.peer)?
            .check_origin(&headers, &shared.hosts)?;
        lock(&shared.registry).log_out(secret);
    }
    let https = connection.https || is_https_origin(&headers);
    let cookie = set_cookie(&shared, https, "", 0)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

fn set_cookie(
    shared: &Shared,
    https: bool,
    value: &str,
    max_age: u64,
) -> Result<HeaderValue, ApiError> {
    let secure = if shared.tls || https { "; Secure" } else { "" };
    let name = &shared.cookie_name;
    let attributes = "HttpOnly; SameSite=Strict; Path=/";
    let cookie = format!("{name}={value}; Max-Age={max_age}; {attributes}{secure}");
    // Only a cookie that a client sent, and that is known, could be one it cannot be.
    let mut cookie = HeaderValue::try_from(cookie).map_err(|_| {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "bad-message",
            "the cookie is not valid",
        )
    })?;
    cookie.set_sensitive(true);
    Ok(cookie)
}

/// What the page needs to know before it connects. Anyone may read it.
async fn config(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    headers: HeaderMap,
) -> Response {
    let identity = identify(&shared, &headers, None, connection.peer);
    let user = match identity {
        Ok(Identity {
            principal: Principal::Viewer(ref rights),
            ..
        }) => Some(rights.user.clone()),
        _ => None,
    };
    let authenticated = identity.is_ok_and(|identity| !identity.is_guest()) && user.is_some();
    // Those with credentials come with each session.
    let ice_servers: Vec<_> = shared
        .ice_servers
        .iter()
        .filter(|server| server.credential.is_none())
        .collect();
    let mut answer = json!({
        "version": VERSION,
        "openAccess": shared.open_access,
        "authenticated": authenticated,
        "iceServers": ice_servers,
        "websocket": "/ws",
    });
    if let Some(user) = user {
        answer["user"] = user.into();
    }
    Json(answer).into_response()
}

/// Whether the server does its work: the hub is asked. Who watches is nobody's business here.
async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let (status, text) = if shared.hub.answers(HEALTH_TIMEOUT).await {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "stuck")
    };
    (status, Json(json!({ "status": text, "version": VERSION }))).into_response()
}
