// SPDX-License-Identifier: MPL-2.0
//! Where programs connect: a WebSocket server, whose path names the service.
//!
//! A page in a browser on this machine could reach loopback as well, and browsers ask nobody before they open a WebSocket.
//! They name the page's origin, which programs do not: with an origin nobody comes in.
//!
//! Lock: the table of services, held to look one up.

#![allow(
    clippy::result_large_err,
    reason = "the type of tungstenite's own callback"
)]

use std::{
    collections::BTreeMap,
    fs, io,
    net::SocketAddr,
    os::unix::fs::{FileTypeExt as _, PermissionsExt as _},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use porthole_signaling::SecretDigest;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    task::AbortHandle,
    time::timeout,
};
use tokio_tungstenite::{
    accept_hdr_async_with_config,
    tungstenite::{
        handshake::server::{ErrorResponse, Request, Response},
        http::{StatusCode, header},
        protocol::WebSocketConfig,
    },
};

use super::{
    address::Address,
    handle::Handle,
    hub::MAX_SERVICES,
    program,
    queue::{Close, Queue},
    words::is_name,
};
use crate::lock::lock;

/// From the connection to its upgrade; programs are on the same machine or in the same robot.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections at once: each service's program, and as many that are about to be told something.
const MAX_CONNECTIONS: usize = 2 * MAX_SERVICES;
/// The largest message that is read to its end, to be answered with what is wrong; a larger one ends the connection.
const MAX_MESSAGE: usize = 1024 * 1024;
/// What is read and written at once; small, since a robot has many small messages.
const BUFFER: usize = 8 * 1024;
/// After an error of the listener itself, such as no more file descriptors.
const RETRY: Duration = Duration::from_millis(250);

/// The listener of a camera that has just stopped goes with its task, a moment after.
const BIND_PATIENCE: Duration = Duration::from_millis(500);
const BIND_LOOK: Duration = Duration::from_millis(5);

/// The door cannot be opened, in words for the user.
#[derive(Debug, thiserror::Error)]
#[error("gateway={place}: {error}; give another place, or end what listens there")]
pub(crate) struct NoDoor {
    place: String,
    error: io::Error,
}

/// Open as long as it lives.
pub(crate) struct Door {
    /// Where programs connect, for people.
    pub(crate) url: String,
    listening: AbortHandle,
    socket: Option<PathBuf>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.listening.abort();
        if let Some(path) = &self.socket {
            let _ = fs::remove_file(path);
        }
    }
}

/// What all connections share.
struct Shared {
    hub: Handle,
    token: Option<SecretDigest>,
    /// Whoever gets here may end what is there: it is the same user, or has shown the token.
    replaces: bool,
    /// Who serves which service, by name; none is forgotten, since a service keeps its number.
    services: Mutex<BTreeMap<String, Option<Holder>>>,
    next: AtomicU32,
}

/// The program that serves a service.
struct Holder {
    peer: String,
    queue: Arc<Queue>,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Opens the door.
pub(crate) fn open(
    address: &Address,
    token: Option<SecretDigest>,
    hub: Handle,
    runtime: &tokio::runtime::Handle,
) -> Result<Door, NoDoor> {
    let place = |error: io::Error| NoDoor {
        place: match address {
            Address::Tcp(address) => address.to_string(),
            Address::Unix(path) => format!("unix:{}", path.display()),
        },
        error,
    };
    let _inside = runtime.enter();
    let (listener, url, socket) = match address {
        Address::Tcp(address) => {
            let listener = bind_tcp(address).map_err(place)?;
            listener.set_nonblocking(true).map_err(place)?;
            let listener = TcpListener::from_std(listener).map_err(place)?;
            let url = format!("ws://{}/", listener.local_addr().map_err(place)?);
            (Listener::Tcp(listener), url, None)
        }
        Address::Unix(path) => {
            let listener = bind(path).map_err(place)?;
            let url = format!("unix:{}:/", path.display());
            (Listener::Unix(listener), url, Some(path.clone()))
        }
    };
    let shared = Arc::new(Shared {
        hub,
        replaces: token.is_some() || socket.is_some(),
        token,
        services: Mutex::default(),
        next: AtomicU32::new(1),
    });
    let listening = runtime.spawn(listen(listener, shared)).abort_handle();
    Ok(Door {
        url,
        listening,
        socket,
    })
}

fn bind_tcp(address: &SocketAddr) -> io::Result<std::net::TcpListener> {
    let start = Instant::now();
    loop {
        match std::net::TcpListener::bind(address) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && start.elapsed() < BIND_PATIENCE =>
            {
                thread::park_timeout(BIND_LOOK);
            }
            bound => return bound,
        }
    }
}

/// A socket for this user alone. One that is left over from a process that is no more gives way.
fn bind(path: &PathBuf) -> io::Result<UnixListener> {
    let is_socket = fs::symlink_metadata(path).is_ok_and(|data| data.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(path).is_err() {
        fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

async fn listen(listener: Listener, shared: Arc<Shared>) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        // Who finds no place waits in the system's own queue.
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        let shared = shared.clone();
        let accepted = match &listener {
            Listener::Tcp(listener) => listener.accept().await.map(|(stream, peer)| {
                let _ = stream.set_nodelay(true);
                tokio::spawn(async move {
                    welcome(stream, peer.to_string(), shared).await;
                    drop(place);
                })
            }),
            Listener::Unix(listener) => listener.accept().await.map(|(stream, _)| {
                let pid = stream.peer_cred().ok().and_then(|peer| peer.pid());
                let peer = pid.map_or_else(|| "a process".into(), |pid| format!("process {pid}"));
                tokio::spawn(async move {
                    welcome(stream, peer, shared).await;
                    drop(place);
                })
            }),
        };
        if accepted.is_err() {
            tokio::time::sleep(RETRY).await;
        }
    }
}

async fn welcome(stream: impl AsyncRead + AsyncWrite + Unpin, peer: String, shared: Arc<Shared>) {
    let mut claim = None;
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(2 * MAX_MESSAGE);
    let queue = Arc::new(Queue::default());
    let callback =
        |request: &Request, response: Response| match shared.claim(request, &peer, &queue) {
            Ok(name) => {
                claim = Some(Claim {
                    shared: shared.clone(),
                    queue: queue.clone(),
                    name,
                });
                Ok(response)
            }
            Err(refusal) => Err(refusal),
        };
    let socket = accept_hdr_async_with_config(stream, callback, Some(config));
    let Ok(Ok(socket)) = timeout(UPGRADE_TIMEOUT, socket).await else {
        return;
    };
    let Some(claim) = claim else { return };
    let id = shared.next.fetch_add(1, Relaxed);
    let hub = shared.hub.clone();
    hub.program_here(id, claim.name.clone(), queue.clone())
        .await;
    program::serve(socket, id, queue, hub).await;
    // Only now, so that the hub hears of the end before it hears of a successor.
    drop(claim);
}

/// A program's hold on its service's name.
struct Claim {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    name: String,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(holder) = lock(&self.shared.services).get_mut(&self.name) {
            // Unless another has taken its place.
            holder.take_if(|holder| Arc::ptr_eq(&holder.queue, &self.queue));
        }
    }
}

impl Shared {
    /// Finds out whether a program may come in, and as which service.
    fn claim(
        &self,
        request: &Request,
        peer: &str,
        queue: &Arc<Queue>,
    ) -> Result<String, ErrorResponse> {
        if request.headers().contains_key(header::ORIGIN) {
            return Err(refusal(
                StatusCode::FORBIDDEN,
                "origin",
                "pages cannot connect here, only programs: leave the Origin header out",
            ));
        }
        if let Some(token) = &self.token
            && !presented(request).any(|given| SecretDigest::of(&given) == *token)
        {
            return Err(refusal(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "send the token of gateway-token-file as Authorization: Bearer TOKEN, or as ?token=TOKEN",
            ));
        }
        let name = request.uri().path().trim_start_matches('/');
        if !is_name(name) {
            return Err(refusal(
                StatusCode::NOT_FOUND,
                "no-service",
                "connect to ws://HOST:PORT/SERVICE, where SERVICE is 1 to 32 letters, digits, '-', '_' or '.'",
            ));
        }
        let mut services = lock(&self.services);
        if let Some(Some(Holder { peer, queue })) = services.get(name) {
            if !self.replaces {
                let message = format!("{peer} serves {name} already; end it, or take another name");
                return Err(refusal(StatusCode::CONFLICT, "taken", &message));
            }
            // One that was restarted, or whose machine lost its power.
            queue.close(Close::Replaced);
        }
        if services.len() >= MAX_SERVICES && !services.contains_key(name) {
            let message = format!("there have been {MAX_SERVICES} services, the most there can be");
            return Err(refusal(StatusCode::SERVICE_UNAVAILABLE, "full", &message));
        }
        let holder = Holder {
            peer: peer.to_owned(),
            queue: queue.clone(),
        };
        services.insert(name.to_owned(), Some(holder));
        Ok(name.to_owned())
    }
}

/// The credentials in a request.
fn presented(request: &Request) -> impl Iterator<Item = String> {
    let header = request.headers().get(header::AUTHORIZATION);
    let bearer = header.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let query = request.uri().query().unwrap_or_default();
    let query = url::form_urlencoded::parse(query.as_bytes());
    let token = query
        .filter(|(name, _)| name == "token")
        .map(|(_, token)| token.into_owned());
    bearer.map(str::to_owned).into_iter().chain(token)
}

fn refusal(status: StatusCode, code: &str, message: &str) -> ErrorResponse {
    let body = serde_json::json!({ "error": { "code": code, "message": message } });
    let mut response = ErrorResponse::new(Some(format!("{body}\n")));
    *response.status_mut() = status;
    response
}
