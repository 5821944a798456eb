// SPDX-License-Identifier: MPL-2.0
//! The signaling server inside the process, for sinks without a camera key.
//!
//! Sinks with the same `listen` share one server, so that their cameras stand on one page. It stops
//! when the last of them does.
//!
//! Locks: `SERVERS` alone, held while a server is looked up or bound; never while anything is posted.

use std::{
    env, io,
    net::{IpAddr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, PoisonError, Weak, mpsc},
    time::Duration,
};

use porthole_protocol::{
    grant::GrantSigner,
    key::{CameraKey, slug},
    random_secret,
    wire::IceServer,
};
use porthole_signaling::{Server, ServerOptions, ViewerEntry};
use tokio::runtime::Handle;

use super::address;
use crate::runtime;

/// A viewer token of the user's own choice, so that a link outlives a restart.
const TOKEN_VARIABLE: &str = "PORTHOLE_VIEWER_TOKEN";
/// Shorter tokens could be guessed.
const MIN_TOKEN_CHARS: usize = 16;
/// A server that stops frees its port within twice its `Timings::close`, which is 1 s.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Cameras of one name on one page: `door`, `door-2`, ... This many must be a mistake.
const MAX_NAMESAKES: u32 = 64;

/// The server could not be started or joined. Names the property and the fix.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("listen={0}: {hint}", hint = hint(.1))]
    Bind(SocketAddr, io::Error),
    #[error(
        "listen={0}: another portholesink of this process has the same listen, but another {1}; give both the same"
    )]
    Differs(SocketAddr, &'static str),
    #[error(
        "{TOKEN_VARIABLE} has fewer than {MIN_TOKEN_CHARS} characters and could be guessed; make it longer or unset it"
    )]
    WeakToken,
    #[error(
        "camera-name={0}: there are too many cameras of this name on the page; give each another name"
    )]
    Namesakes(String),
    #[error("cannot start the signaling server: {0}")]
    Server(String),
}

fn hint(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program uses this port; end it, or choose another port with listen=0.0.0.0:PORT"
                .into()
        }
        io::ErrorKind::PermissionDenied => {
            "this port is for root alone; choose one above 1023".into()
        }
        io::ErrorKind::AddrNotAvailable => "this machine has no such address".into(),
        _ => error.to_string(),
    }
}

struct Shared {
    listen: SocketAddr,
    open_access: bool,
    stun_server: Option<String>,
    token: Option<String>,
    server: Server,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.server.shutdown();
        // A sink that starts again at once must find its port free.
        let (server, (open, closed)) = (self.server.clone(), mpsc::channel::<()>());
        if let Ok(runtime) = runtime::handle() {
            runtime.spawn(async move {
                server.closed().await;
                drop(open);
            });
            let _ = closed.recv_timeout(CLOSE_TIMEOUT);
        }
    }
}

static SERVERS: Mutex<Vec<Weak<Shared>>> = Mutex::new(Vec::new());

/// One camera's place at the server of this process; dropping it takes the camera off the page.
pub(crate) struct Embedded {
    shared: Arc<Shared>,
    pub(crate) key: CameraKey,
    /// The links, if this sink started the server and is to print them.
    pub(crate) links: Option<Vec<String>>,
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.shared.server.remove_camera(&self.key.id);
    }
}

pub(crate) struct Wish<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) open_access: bool,
    pub(crate) stun_server: Option<&'a str>,
    pub(crate) camera_name: &'a str,
}

/// Joins the server at `wish.listen`, which is started if it does not run.
pub(crate) fn join(wish: &Wish, runtime: &Handle) -> Result<Embedded, StartError> {
    let (shared, is_new) = find_or_start(wish, runtime)?;
    let (id, secret) = enrol(&shared.server, wish.camera_name)?;
    let address = shared.server.local_addr();
    let url = url::Url::parse(&format!("http://{}/", address::local(address)))
        .map_err(|error| StartError::Server(error.to_string()))?;
    let key = CameraKey {
        url,
        id,
        secret,
        grant_key: shared.server.grant_key(),
        ca: Vec::new(),
    };
    let links =
        is_new.then(|| address::links(address, &machine_addresses(), shared.token.as_deref()));
    Ok(Embedded { shared, key, links })
}

fn find_or_start(wish: &Wish, runtime: &Handle) -> Result<(Arc<Shared>, bool), StartError> {
    let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
    servers.retain(|server| server.strong_count() > 0);
    // Port 0 is a new port each time, so two sinks that ask for it do not mean the same server.
    let running = servers.iter().filter_map(Weak::upgrade);
    if let Some(shared) = running
        .into_iter()
        .find(|s| s.listen == wish.listen && s.listen.port() != 0)
    {
        if shared.open_access != wish.open_access {
            return Err(StartError::Differs(wish.listen, "open-access"));
        }
        if shared.stun_server.as_deref() != wish.stun_server {
            return Err(StartError::Differs(wish.listen, "stun-server"));
        }
        return Ok((shared, false));
    }
    let shared = Arc::new(start(wish, runtime)?);
    servers.push(Arc::downgrade(&shared));
    Ok((shared, true))
}

fn start(wish: &Wish, runtime: &Handle) -> Result<Shared, StartError> {
    let token = if wish.open_access {
        None
    } else {
        Some(viewer_token()?)
    };
    let listener =
        TcpListener::bind(wish.listen).map_err(|error| StartError::Bind(wish.listen, error))?;
    let failed = |error: &dyn std::fmt::Display| StartError::Server(error.to_string());
    let signer = GrantSigner::generate().map_err(|e| failed(&e))?;
    let mut options = ServerOptions::new(signer);
    options.open_access = wish.open_access;
    options.ice_servers = wish
        .stun_server
        .map(|stun| IceServer {
            urls: vec![address::stun_for_browsers(stun)],
            ..IceServer::default()
        })
        .into_iter()
        .collect();
    let server = Server::start(options, listener, runtime).map_err(|e| failed(&e))?;
    if let Some(token) = &token {
        server.add_viewer(ViewerEntry::new("viewer", token));
    }
    Ok(Shared {
        listen: wish.listen,
        open_access: wish.open_access,
        stun_server: wish.stun_server.map(str::to_owned),
        token,
        server,
    })
}

fn viewer_token() -> Result<String, StartError> {
    match env::var(TOKEN_VARIABLE) {
        Ok(token) if token.chars().count() < MIN_TOKEN_CHARS => Err(StartError::WeakToken),
        Ok(token) => Ok(token),
        Err(_) => Ok(random_secret()),
    }
}

fn enrol(server: &Server, name: &str) -> Result<(String, String), StartError> {
    let base = match slug(name) {
        slug if slug.is_empty() => "camera".to_owned(),
        slug => slug,
    };
    for n in 1..=MAX_NAMESAKES {
        let (id, name) = match n {
            1 => (base.clone(), name.to_owned()),
            n => (format!("{base}-{n}"), format!("{name} {n}")),
        };
        if let Ok(secret) = server.add_camera(&id, &name) {
            return Ok((id, secret));
        }
    }
    Err(StartError::Namesakes(name.to_owned()))
}

fn machine_addresses() -> Vec<IpAddr> {
    match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces
            .into_iter()
            .map(|interface| interface.ip())
            .collect(),
        Err(_) => vec![IpAddr::from([127, 0, 0, 1])],
    }
}
