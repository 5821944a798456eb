// SPDX-License-Identifier: MPL-2.0
//! The router: the WebSocket upgrade, the API and the page, and what holds for every answer.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Router};
use hyper_util::rt::TokioIo;
use tower::Layer as _;
use tower::util::{MapRequest, MapRequestLayer};

#[cfg(feature = "adapters")]
use crate::adapters;
use crate::api;
use crate::auth::{check_page, identify, is_own_page};
use crate::embed::{self, Visit};
use crate::error::ApiError;
use crate::lock::lock;
use crate::one_camera::OneCamera;
use crate::page;
use crate::proxy::client;
use crate::socket;
use crate::state::{Connection, Shared, is_uncounted};
use crate::upgrade::upgrade;

/// Largest request body: a booking with the longest note, each character of it escaped, and the longest rule.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// By HTTPS alone, where browsers heed it: for a year nothing of this host is asked for by plain HTTP. Not of hosts below
/// it, which are others' affair.
const STRICT_TRANSPORT: &str = "max-age=31536000";

pub(crate) fn app(shared: Arc<Shared>) -> Router {
    #[cfg(feature = "adapters")]
    let address: fn(Request) -> Request = match shared.adapters.takes_root() {
        true => |request| adapted(unversioned(request)),
        false => unversioned,
    };
    #[cfg(not(feature = "adapters"))]
    let address = unversioned;
    let addressed = with_addresses(routes(shared), address);
    Router::new().fallback_service(addressed)
}

/// The routes, each by its other addresses as well: of the API, by that with a version and that without one.
fn with_addresses(
    routes: Router,
    address: fn(Request) -> Request,
) -> MapRequest<Router, fn(Request) -> Request> {
    MapRequestLayer::new(address).layer(routes)
}

/// The first version is what the API is where no version is said, so that what was written before there were any goes on.
fn unversioned(mut request: Request) -> Request {
    let path = request.uri().path_and_query().map(|path| path.as_str());
    let rest = path.and_then(|path| path.strip_prefix(api::VERSION));
    let rest = rest.filter(|rest| rest.starts_with('/'));
    if let Some(path) = rest.map(|rest| format!("/api{rest}")) {
        move_to(&mut request, &path);
    }
    request
}

/// What a client of another system asks for, where we have it.
#[cfg(feature = "adapters")]
fn adapted(mut request: Request) -> Request {
    if let Some(path) = adapters::path_of(&request) {
        move_to(&mut request, &path);
    }
    request
}

/// Has a request ask for this path and query instead, if it is one.
fn move_to(request: &mut Request, path: &str) {
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = path.parse().ok();
    if parts.path_and_query.is_some()
        && let Ok(uri) = Uri::from_parts(parts)
    {
        *request.uri_mut() = uri;
    }
}

/// What is at the address for metrics alone.
pub(crate) fn metrics(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/metrics", get(api::open_metrics))
        .layer(from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// What is at an address for clients of three-service systems alone.
#[cfg(feature = "adapters")]
pub(crate) fn three_service(shared: Arc<Shared>) -> Router {
    adapters::three_service()
        .layer(from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// What is at the port of one camera: the WebSocket, wherever a client looks for it.
pub(crate) fn one_camera(shared: Arc<Shared>, camera: &str) -> Router {
    Router::new()
        .route("/", get(websocket))
        .route("/{*path}", get(websocket))
        .layer(Extension(OneCamera(camera.into())))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

fn routes(shared: Arc<Shared>) -> Router {
    let router = Router::new().route("/ws", get(websocket));
    #[cfg(feature = "adapters")]
    let router = router.merge(adapters::routes(&shared));
    router
        .merge(api::routes(&shared))
        .merge(api::whep::routes(&shared))
        .merge(page::routes())
        .fallback(nothing_here)
        .method_not_allowed_fallback(|| async {
            let message = "this address does not take that method";
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                message,
            )
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(from_fn_with_state(shared.clone(), guard))
        .with_state(shared)
}

/// The page that was meant, or that there is none.
async fn nothing_here(uri: Uri) -> Response {
    match page::meant(uri.path()) {
        Some(location) => {
            let location = [(header::LOCATION, location)];
            (StatusCode::PERMANENT_REDIRECT, location).into_response()
        }
        None => {
            let message = "there is nothing at this address";
            ApiError::new(StatusCode::NOT_FOUND, "not-found", message).into_response()
        }
    }
}

/// Refuses what is not for us and large bodies, finds out for whom a proxy asks, and puts the security headers on
/// every answer.
async fn guard(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok())
        .unwrap_or(0);
    let mut is_https = shared.tls;
    let is_person = page::is_person(&request);
    let is_for_us = shared.hosts.is_for_us(request.headers(), request.uri());
    let embed = shared.embed.as_ref().filter(|_| is_for_us);
    let visit = embed.map(|embed| {
        let visit = embed.visit(request.method(), request.uri().path(), request.headers());
        // A browser sends the cookie along where it takes both for one site. It is not that page's to use.
        if visit.is_named() && !is_own_page(request.headers(), &shared.hosts) {
            request.headers_mut().remove(header::COOKIE);
        }
        visit
    });
    let is_question = visit.as_ref().is_some_and(Visit::is_question);
    let mut response = if !is_for_us {
        ApiError::wrong_host().into_response()
    } else if length > most_bytes(&request) {
        let message = "the request body is larger than this address takes, which is mostly 16 KiB";
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", message).into_response()
    } else {
        if let Some(mut connection) = request.extensions().get::<Connection>().cloned()
            && !connection.is_owner
        {
            let peer = connection.peer;
            (connection.peer, connection.https) =
                client(peer, request.headers(), &shared.trusted_proxies);
            is_https |= connection.https;
            let peer = connection.peer;
            request.extensions_mut().insert(connection);
            match count(&shared, peer) {
                Ok(()) if is_question => StatusCode::NO_CONTENT.into_response(),
                Ok(()) => next.run(request).await,
                Err(wait) => ApiError::too_many_requests(wait).into_response(),
            }
        } else {
            next.run(request).await
        }
    };
    if is_person {
        response = page::in_words(response);
    }
    let headers = response.headers_mut();
    if is_https {
        let value = HeaderValue::from_static(STRICT_TRANSPORT);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    if let Some((embed, visit)) = embed.zip(visit) {
        embed.mark(visit, headers);
    }
    for (name, value) in page::SECURITY_HEADERS {
        // A page may have a policy of its own.
        let name = HeaderName::from_static(name);
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Counts a request, unless this machine or a proxy asks. `Err` says how long to wait instead of an answer.
fn count(shared: &Shared, peer: IpAddr) -> Result<(), Duration> {
    match is_uncounted(peer, &shared.trusted_proxies) {
        true => Ok(()),
        false => lock(&shared.requests).take(peer, Instant::now()),
    }
}

fn most_bytes(request: &Request) -> usize {
    match request.uri().path() {
        api::IMPORT => api::MAX_IMPORT_BYTES,
        #[cfg(feature = "adapters")]
        adapters::SOCKETIO_PATH => adapters::MAX_BODY_BYTES,
        path if path.starts_with(api::whep::PREFIX) => api::whep::MAX_BYTES,
        path => api::snapshot_bytes(path).unwrap_or(MAX_BODY_BYTES),
    }
}

async fn websocket(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let is_in_protocol = embed::take_token(request.headers_mut());
    let only = request.extensions().get::<OneCamera>().cloned();
    let (headers, query) = (request.headers(), request.uri().query());
    let identity = identify(&shared, headers, query, connection.peer).await?;
    // Whoever watches where anyone may needs no token there either.
    let is_named = (shared.embed.as_ref()).is_some_and(|embed| embed.is_named(headers));
    if !(is_named && identity.is_guest()) {
        identity.check_origin(headers, &shared.hosts)?;
    }
    if is_in_protocol && !is_named {
        check_page(headers, &shared.hosts)?;
    }
    if !shared.hub.admits().await {
        return Err(ApiError::stuck());
    }
    let fence = shared.hub.fence_of(&identity.principal).await;
    let fence = fence.map_err(|_| ApiError::stuck())?;
    let (mut answer, upgrade) = upgrade(request)?;
    if is_in_protocol {
        embed::agree(answer.headers_mut());
    }
    let of_address = shared.socket_place(connection.peer)?;
    tokio::spawn(async move {
        // One that went away meanwhile needs nothing.
        if let Ok(upgraded) = upgrade.await {
            let (socket, address) = (TokioIo::new(upgraded), connection.peer);
            let (hub, timings) = (&shared.hub, shared.timings);
            socket::run(socket, (identity, fence), address, only, hub, timings).await;
        }
        drop((connection.place, of_address));
    });
    Ok(answer)
}
