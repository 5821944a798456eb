// SPDX-License-Identifier: MPL-2.0
//! Socket.IO of both generations at `/socket.io/`, by long polling and by WebSocket.
//!
//! - `session` runs one client's session, by whichever transport; what Socket.IO adds on the wire is `packet`.
//! - `engine` has the sessions that begin by polling, `websocket` those that begin as what they are.
//!
//! Of socketioxide nothing is used: it gives each message a task of its own, so that an offer and its candidates change places; and
//! it has no way to hang up on one client, which a right that ends asks for.

mod engine;
mod session;
mod websocket;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use engineioxide::config::EngineIoConfig;
use engineioxide::service::EngineIoService;
use hyper::upgrade::OnUpgrade;
use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use tokio::sync::OwnedSemaphorePermit;
use tower::ServiceExt as _;

use super::SocketIoOptions;
use super::entry::at_the_door;
use super::translator::LabOffers;
use crate::auth::Identity;
use crate::error::ApiError;
use crate::places::AddressPlace;
use crate::state::{Connection, Place, Shared};
use crate::timings::Timings;

/// Where clients ask, unless they are told another address.
pub(crate) const PATH: &str = "/socket.io/";
/// Largest body of a request: a message, and the frame around it.
pub(crate) const MAX_BODY_BYTES: usize = MAX_MESSAGE_BYTES + 1024;
/// Packets that wait in a transport. The hub's queue is before it, and counts bytes.
const MAX_PACKETS: usize = 16;
/// For reading from a WebSocket: a candidate fits.
const READ_BUFFER: usize = 1024;
/// What the transports look at in an address. Of the rest, which may hold a token, nothing is kept.
const PARAMETERS: [&str; 4] = ["EIO", "transport", "sid", "b64"];
/// What the transports look at in a head.
const HEADERS: [HeaderName; 2] = [header::CONTENT_TYPE, header::SEC_WEBSOCKET_KEY];
/// How long a browser keeps in mind that it may ask, in seconds.
const PREFLIGHT_SECONDS: &str = "600";

type Service = EngineIoService<engine::Handler>;

pub(super) fn routes(options: &SocketIoOptions, timings: Timings) -> Router<Arc<Shared>> {
    let largest = u64::try_from(MAX_BODY_BYTES).unwrap_or(u64::MAX);
    let config = EngineIoConfig::builder()
        .req_path(PATH)
        .ping_interval(timings.ping)
        .ping_timeout(timings.pong)
        .upgrade_timeout(timings.header)
        .max_buffer_size(MAX_PACKETS)
        .max_payload(largest)
        .ws_read_buffer_size(READ_BUFFER)
        .ws_max_message_size(MAX_BODY_BYTES)
        .ws_max_frame_size(MAX_BODY_BYTES)
        .build();
    let service = EngineIoService::with_config(Arc::new(engine::Handler), config);
    let options = Arc::new(options.clone());
    let serve =
        move |State(shared): State<Arc<Shared>>,
              Extension(connection): Extension<Connection>,
              request: Request| { answer(service, options, shared, connection, request) };
    Router::new()
        .route(PATH, any(serve.clone()))
        .route(PATH.trim_end_matches('/'), any(serve))
}

/// Answers, to pages of these origins so that they can read it.
async fn answer(
    service: Service,
    options: Arc<SocketIoOptions>,
    shared: Arc<Shared>,
    connection: Connection,
    request: Request,
) -> Response {
    let origin = request.headers().get(header::ORIGIN);
    let allowed = |origin: &&HeaderValue| {
        let mut origins = options.origins.iter();
        origins.any(|allowed| allowed.as_bytes() == origin.as_bytes())
    };
    let origin = origin.filter(allowed).cloned();
    let mut response = match request.method() == Method::OPTIONS {
        true => StatusCode::NO_CONTENT.into_response(),
        false => {
            let answered = pass_on(service, &options, shared, connection, request).await;
            answered.unwrap_or_else(IntoResponse::into_response)
        }
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        let ways = HeaderValue::from_static("GET, POST");
        let names = HeaderValue::from_static("authorization, content-type");
        let age = HeaderValue::from_static(PREFLIGHT_SECONDS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        // Clients of the older generation ask so, whether there is a cookie or not. Ours is not taken from there.
        let credentials = HeaderValue::from_static("true");
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, credentials);
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, ways);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, age);
    }
    response
}

async fn pass_on(
    service: Service,
    options: &SocketIoOptions,
    shared: Arc<Shared>,
    connection: Connection,
    request: Request,
) -> Result<Response, ApiError> {
    let query = request.uri().query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.starts_with(name));
    let (is_websocket, goes_on) = (has("transport=websocket"), has("sid="));
    if is_websocket && request.extensions().get::<OnUpgrade>().is_none() {
        return Err(ApiError::no_websocket());
    }
    let mut extensions = Extensions::new();
    if goes_on {
        // The WebSocket that a session goes on by has a place of its own, for as long as it stands.
        if is_websocket {
            extensions.insert(connection.place);
        }
    } else if request.method() == Method::GET {
        let head = (request.headers(), request.uri().query());
        let generation = websocket::is_newer(query).filter(|_| is_websocket);
        let seed = Seed::new(shared, &connection, head, options.lab_offers).await?;
        match generation {
            Some(is_newer) => return websocket::begin(request, is_newer, seed),
            None => extensions.insert(Arc::new(seed)),
        };
    }
    let (mut parts, body) = request.into_parts();
    if let Some(upgrade) = parts.extensions.remove::<OnUpgrade>() {
        extensions.insert(upgrade);
    }
    parts.extensions = extensions;
    strip(&mut parts);
    let request = Request::from_parts(parts, body);
    let answered = service.oneshot(request).await;
    let response = answered.unwrap_or_else(|never| match never {});
    Ok(response.map(Body::new))
}

/// Leaves of a head what a transport needs: it keeps that as long as the session lives.
fn strip(parts: &mut Parts) {
    let query = parts.uri.query().unwrap_or_default();
    let is_needed = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        PARAMETERS.contains(&name)
    };
    let needed: Vec<_> = query.split('&').filter(is_needed).collect();
    parts.uri = format!("{PATH}?{}", needed.join("&"))
        .parse()
        .unwrap_or(Uri::from_static(PATH));
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        if let Some(value) = parts.headers.remove(&name) {
            headers.insert(name, value);
        }
    }
    parts.headers = headers;
}

/// What a session begins with.
struct Seed {
    shared: Arc<Shared>,
    address: IpAddr,
    lab_offers: LabOffers,
    /// Until it is taken.
    identity: Mutex<Option<Identity>>,
    _session: OwnedSemaphorePermit,
    _of_address: Option<AddressPlace>,
    /// That of a WebSocket's connection, which nobody else holds then.
    _connection: Option<Arc<Place>>,
}

impl Seed {
    async fn new(
        shared: Arc<Shared>,
        connection: &Connection,
        (headers, query): (&HeaderMap, Option<&str>),
        lab_offers: LabOffers,
    ) -> Result<Self, ApiError> {
        let peer = connection.peer;
        let identity = at_the_door(&shared, headers, query, peer).await?;
        let of_address = shared.socket_place(peer)?;
        let session = shared.adapters.sessions.clone().try_acquire_owned();
        let session = session.map_err(|_| ApiError::too_many_sessions())?;
        let is_websocket = headers.contains_key(header::SEC_WEBSOCKET_KEY);
        Ok(Self {
            address: peer,
            lab_offers,
            identity: Mutex::new(identity),
            _session: session,
            _of_address: of_address,
            _connection: is_websocket.then(|| connection.place.clone()),
            shared,
        })
    }
}
