// SPDX-License-Identifier: MPL-2.0
//! Socket.IO of both generations at `/socket.io/`, by long polling and by WebSocket.
//!
//! The transports are engineioxide's. Of socketioxide, which stands on them, nothing is used: it gives each message a task of its
//! own, so that an offer and its candidates change places; and it has no way to hang up on one client, which a right that ends
//! asks for. What it adds on the wire is `packet`.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::{Extension, Router};
use engineioxide::config::EngineIoConfig;
use engineioxide::handler::EngineIoHandler;
use engineioxide::service::EngineIoService;
use engineioxide::socket::DisconnectReason;
use engineioxide::{ProtocolVersion, Socket, Str, TransportType};
use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use serde_json::Value;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, sleep, timeout_at};
use tower::ServiceExt as _;

use super::SocketIoOptions;
use super::bridge::{Bridge, Chore, Heard, Wire};
use super::entry::{FIRST_WORD, at_the_door, by_token, token_in};
use super::inbound::{Inbound, Message};
use super::packet::{self, Packet, Unreadable};
use super::translator::LabOffers;
use crate::auth::{Identity, no_credential};
use crate::error::ApiError;
use crate::lock::lock;
use crate::places::AddressPlace;
use crate::state::{Connection, Place, Shared};
use crate::timings::Timings;

/// Where clients ask, unless they are told another address.
pub(crate) const PATH: &str = "/socket.io/";
/// Largest body of a request: a message, and the frame around it.
pub(crate) const MAX_BODY_BYTES: usize = MAX_MESSAGE_BYTES + 1024;
/// Packets that wait in a transport. The hub's queue is before it, and counts bytes.
const MAX_PACKETS: usize = 16;
/// How soon it is tried again whether a transport has room. It cannot be waited for.
const ROOM_LOOK: Duration = Duration::from_millis(20);
/// For reading from a WebSocket: a candidate fits.
const READ_BUFFER: usize = 1024;
/// What the transports look at in an address. Of the rest, which may hold a token, nothing is kept.
const PARAMETERS: [&str; 4] = ["EIO", "transport", "sid", "b64"];
/// What the transports look at in a head.
const HEADERS: [HeaderName; 6] = [
    header::CONNECTION,
    header::CONTENT_TYPE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];
/// How long a browser keeps in mind that it may ask, in seconds.
const PREFLIGHT_SECONDS: &str = "600";

type Service = EngineIoService<Transport>;

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
    let service = EngineIoService::with_config(Arc::new(Transport), config);
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
    let (mut parts, body) = request.into_parts();
    parts.extensions.remove::<Connection>();
    let query = parts.uri.query().unwrap_or_default();
    let has = |name: &str| query.split('&').any(|pair| pair.starts_with(name));
    if has("sid=") {
        // The WebSocket that a session goes on by has a place of its own, for as long as it stands.
        if has("transport=websocket") {
            parts.extensions.insert(connection.place);
        }
    } else if parts.method == Method::GET {
        let seed = Seed::new(shared, &connection, &parts, options.lab_offers).await?;
        parts.extensions.insert(Arc::new(seed));
    }
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
        parts: &Parts,
        lab_offers: LabOffers,
    ) -> Result<Self, ApiError> {
        let (headers, peer) = (&parts.headers, connection.peer);
        let identity = at_the_door(&shared, headers, parts.uri.query(), peer).await?;
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

/// What engineioxide calls.
#[derive(Debug)]
struct Transport;

impl EngineIoHandler for Transport {
    type Data = Inbound;

    fn on_connect(self: Arc<Self>, socket: Arc<Socket<Inbound>>) {
        let seed = socket.req_parts.extensions.get::<Arc<Seed>>().cloned();
        match seed {
            Some(seed) => {
                // Boxed, since each session waits with it for as long as it lives.
                tokio::spawn(Box::pin(run(SocketWire { socket }, seed)));
            }
            // An address that we read as one of a session, and it did not.
            None => socket.close(DisconnectReason::TransportClose),
        }
    }

    fn on_disconnect(&self, socket: Arc<Socket<Inbound>>, _: DisconnectReason) {
        socket.data.close();
    }

    fn on_message(self: &Arc<Self>, message: Str, socket: Arc<Socket<Inbound>>) {
        take(&socket, Message::Text(message.into()));
    }

    fn on_binary(self: &Arc<Self>, data: Bytes, socket: Arc<Socket<Inbound>>) {
        take(&socket, Message::Binary(data.len()));
    }
}

/// Who says more than is read hangs up with that.
fn take(socket: &Socket<Inbound>, message: Message) {
    if !socket.data.push(message) {
        tracing::info!("a client is dropped: it says more than is read");
        socket.close(DisconnectReason::TransportClose);
    }
}

/// Runs a session to its end.
async fn run(mut wire: SocketWire, seed: Arc<Seed>) {
    let shared = &seed.shared;
    let known = lock(&seed.identity).take();
    let entered = timeout_at(Instant::now() + FIRST_WORD, wire.enter(&seed, known)).await;
    let Ok(Some((identity, first))) = entered else {
        return wire.hang_up("unauthorized").await;
    };
    wire.socket.data.let_in();
    let bridge = Bridge {
        hub: &shared.hub,
        address: seed.address,
        timings: shared.timings,
        stop: shared.adapters.stop.clone(),
        lab_offers: seed.lab_offers,
    };
    bridge.run(&mut wire, identity, first).await;
}

struct SocketWire {
    socket: Arc<Socket<Inbound>>,
}

impl SocketWire {
    fn is_newer(&self) -> bool {
        self.socket.protocol == ProtocolVersion::V4
    }

    /// Lets the client into the main namespace, and finds out who it is.
    async fn enter(
        &mut self,
        seed: &Seed,
        known: Option<Identity>,
    ) -> Option<(Identity, Option<Heard>)> {
        let (shared, address) = (&seed.shared, seed.address);
        let is_stranger = known.as_ref().is_none_or(Identity::is_guest);
        let token = match self.is_newer() {
            true => self.connect().await?,
            false => {
                self.put(packet::connect_text(None)).await;
                None
            }
        };
        if let Some(token) = token.filter(|_| is_stranger) {
            return match by_token(shared, &token, address).await {
                Ok(identity) => {
                    self.welcome().await;
                    Some((identity, None))
                }
                Err(error) => {
                    let (code, message) = error.words();
                    self.put(packet::refusal_text("/", code, message, true))
                        .await;
                    None
                }
            };
        }
        if self.is_newer() {
            self.welcome().await;
        }
        if !is_stranger {
            return Some((known?, None));
        }
        let first = self.next().await;
        let token = match &first {
            Heard::Event { data, .. } => token_in(data),
            Heard::Gone => return None,
            _ => None,
        };
        let shown = match (token, known) {
            (Some(token), _) => by_token(shared, token, address).await,
            (None, Some(guest)) => Ok(guest),
            (None, None) => Err(no_credential()),
        };
        match shown {
            Ok(identity) => Some((identity, Some(first))),
            Err(error) => {
                self.say("error", &error.as_event()).await;
                None
            }
        }
    }

    /// Waits for the newer generation to ask to be let in, and gives the token that comes with that.
    async fn connect(&mut self) -> Option<Option<String>> {
        loop {
            let Message::Text(text) = self.socket.data.next().await? else {
                return None;
            };
            match packet::read(&text) {
                Ok(Packet::Connect { namespace, auth }) if packet::is_main(&namespace) => {
                    return Some(token_in(&auth).map(str::to_owned));
                }
                Ok(Packet::Connect { namespace, .. }) => self.no_namespace(&namespace).await,
                _ => return None,
            };
        }
    }

    async fn welcome(&mut self) {
        // Not the session's own, by which whoever knows it goes on with it.
        let id = uuid::Uuid::new_v4().to_string();
        self.put(packet::connect_text(Some(&id))).await;
    }

    async fn no_namespace(&mut self, namespace: &str) -> bool {
        let text = packet::refusal_text(
            namespace,
            "no-such-namespace",
            "Invalid namespace",
            self.is_newer(),
        );
        self.put(text).await
    }

    /// Puts a packet into the transport, once there is room. Whether there was before its client has stalled.
    async fn put(&self, text: String) -> bool {
        let seed = self.socket.req_parts.extensions.get::<Arc<Seed>>();
        let patience = seed.map_or(Duration::ZERO, |seed| seed.shared.timings.write);
        let by = Instant::now() + patience;
        let mut text = Str::from(text);
        loop {
            text = match self.socket.emit(text) {
                Ok(()) => return true,
                Err(TrySendError::Closed(_)) => return false,
                Err(TrySendError::Full(text)) => text,
            };
            if Instant::now() >= by {
                tracing::info!("a client is dropped: it does not take what it is sent");
                return false;
            }
            sleep(ROOM_LOOK).await;
        }
    }
}

impl Wire for SocketWire {
    async fn next(&mut self) -> Heard {
        let Some(message) = self.socket.data.next().await else {
            return Heard::Gone;
        };
        let text = match message {
            Message::Text(text) => text,
            // It was announced, and complained of then.
            Message::Binary(bytes) => return Heard::Chore(Chore::None, bytes),
        };
        let bytes = text.len();
        match packet::read(&text) {
            Ok(Packet::Event { name, data, ack }) => Heard::Event {
                name,
                data,
                ack,
                bytes,
            },
            Ok(Packet::Disconnect) => Heard::Gone,
            Ok(Packet::Connect { namespace, .. }) if !packet::is_main(&namespace) => {
                let refusal = Chore::NoNamespace(namespace);
                Heard::Chore(refusal, bytes)
            }
            Ok(Packet::Connect { .. } | Packet::Other) => Heard::Chore(Chore::None, bytes),
            Err(Unreadable::Binary | Unreadable::Malformed) => Heard::Unreadable(bytes),
        }
    }

    async fn say(&mut self, event: &str, data: &Value) -> bool {
        self.put(packet::event_text(event, data)).await
    }

    async fn ack(&mut self, ack: u64) -> bool {
        self.put(packet::ack_text(ack)).await
    }

    async fn chore(&mut self, chore: Chore) -> bool {
        match chore {
            Chore::NoNamespace(namespace) => self.no_namespace(&namespace).await,
            // The transports keep themselves alive.
            Chore::Ping | Chore::Pong(_) | Chore::None => true,
        }
    }

    /// The last words are in the events before. A client that polls comes for them.
    async fn hang_up(&mut self, _: &str) {
        let said = self.socket.emit(packet::DISCONNECT).is_ok();
        if said && self.socket.transport_type() == TransportType::Polling {
            let seed = self.socket.req_parts.extensions.get::<Arc<Seed>>();
            let patience = seed.map_or(Duration::ZERO, |seed| seed.shared.timings.close);
            let by = Instant::now() + patience / 2;
            // Whatever it says meanwhile is too late.
            let _ = timeout_at(by, async {
                while self.socket.data.next().await.is_some() {}
            })
            .await;
        }
        self.socket.close(DisconnectReason::TransportClose);
    }
}
