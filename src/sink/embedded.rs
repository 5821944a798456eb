// SPDX-License-Identifier: MPL-2.0
//! The signaling server inside the process, for sinks without a camera key.
//!
//! Sinks with the same `listen` share one server, so that their cameras stand on one page. It stops
//! when the last of them does; a start that meets it while it closes waits for it.
//!
//! Lock order: an element's `Token`, then `TOKENS`; `SERVERS` alone, held while a server is looked up or bound. An `Arc` of
//! a server is never dropped under `SERVERS`, since the last one takes it.

use std::{
    collections::BTreeSet,
    env, io,
    net::{IpAddr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError, Weak, mpsc},
    time::{Duration, Instant},
};

use porthole_protocol::{
    grant::{GrantSigner, Permission},
    key::{CameraKey, slug},
    random_secret,
    wire::IceServer,
};
use porthole_signaling::{
    DataDir, Opened, OwnSocket, Server, ServerOptions, ViewerEntry, WeakToken, WhepOptions,
    check_token,
};
use tokio::runtime::Handle;

use super::address;
use crate::{lock::lock, runtime};

/// What the holder of the link may do.
const EVERYTHING: [Permission; 5] = Permission::ALL;
/// A viewer token of the user's own choice, so that a link outlives a restart.
const TOKEN_VARIABLE: &str = "PORTHOLE_VIEWER_TOKEN";
/// A server that stops frees its port within twice its `Timings::close`, which is 1 s.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a start waits for a server of this process that closes on the same port; it is given up as long after
/// [`CLOSE_TIMEOUT`] as a loaded machine may take to say so.
const HANDOVER_TIMEOUT: Duration = Duration::from_secs(5);
/// For the database to be opened, which takes a few milliseconds, on a busy SD card a few seconds.
const DATABASE_TIMEOUT: Duration = Duration::from_secs(15);
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
    #[error("{TOKEN_VARIABLE}: {0}. Unset it for a random one")]
    WeakToken(WeakToken),
    #[error(
        "camera-name={0}: there are too many cameras of this name on the page; give each another name"
    )]
    Namesakes(String),
    #[error("data-dir={0}: {1}")]
    DataDir(PathBuf, String),
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

/// The part of a link that lets its holder watch, kept for as long as an element lives, so that its link outlives a
/// stop. Sinks with the same `listen` have one.
#[derive(Default)]
pub(crate) struct Token(Mutex<Option<Arc<TokenOf>>>);

struct TokenOf {
    listen: SocketAddr,
    text: String,
}

/// Those of the elements that live.
static TOKENS: Mutex<Vec<Weak<TokenOf>>> = Mutex::new(Vec::new());

impl Token {
    /// The token for `listen`, made at first use.
    fn text(&self, listen: SocketAddr) -> String {
        let mut own = lock(&self.0);
        let mut tokens = lock(&TOKENS);
        tokens.retain(|token| token.strong_count() > 0);
        // Port 0 is a new port each time, so two sinks that ask for it have nothing in common.
        let mut living = tokens.iter().filter_map(Weak::upgrade);
        let same = living.find(|token| token.listen == listen && listen.port() != 0);
        let token = same.unwrap_or_else(|| {
            let text = own.as_ref().map(|own| own.text.clone());
            let text = text.unwrap_or_else(random_secret);
            let token = Arc::new(TokenOf { listen, text });
            tokens.push(Arc::downgrade(&token));
            token
        });
        let text = token.text.clone();
        *own = Some(token);
        text
    }
}

struct Shared {
    data_dir: Option<PathBuf>,
    /// While the server takes commands there.
    _commands: Option<OwnSocket>,
    /// Cameras of this process that are kept there, by id.
    kept: Mutex<BTreeSet<String>>,
    /// Of the first administrator, if it was just made.
    password: Option<String>,
    open_access: bool,
    stun_server: Option<String>,
    whep: bool,
    allowed_hosts: Vec<String>,
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
        lock(&SERVERS).retain(|place| !std::ptr::eq(place.server.as_ptr(), self));
        CLOSED.notify_all();
    }
}

/// A server of this process, running or closing.
struct Place {
    listen: SocketAddr,
    port: u16,
    /// Dead while it closes.
    server: Weak<Shared>,
}

static SERVERS: Mutex<Vec<Place>> = Mutex::new(Vec::new());
/// Signalled when one of them has closed.
static CLOSED: Condvar = Condvar::new();

/// One camera's place at the server of this process; dropping it takes the camera off the page.
pub(crate) struct Embedded {
    shared: Arc<Shared>,
    /// Whether the camera stays enrolled, as those in a database do.
    is_kept: bool,
    pub(crate) key: CameraKey,
    /// The links, if this sink started the server and is to print them.
    pub(crate) links: Option<Vec<String>>,
    /// The first administrator's, if this sink has just made one.
    pub(crate) password: Option<String>,
}

impl Drop for Embedded {
    fn drop(&mut self) {
        if self.is_kept {
            lock(&self.shared.kept).remove(&self.key.id);
        } else {
            self.shared.server.remove_camera(&self.key.id);
        }
    }
}

/// What the settings of one element ask of the server.
pub(crate) struct Config<'a> {
    pub(crate) listen: SocketAddr,
    pub(crate) open_access: bool,
    /// Accounts and bookings are kept here.
    pub(crate) data_dir: Option<&'a Path>,
    pub(crate) stun_server: Option<&'a str>,
    /// Whether players may ask by WHEP.
    pub(crate) whep: bool,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) camera_name: &'a str,
    pub(crate) token: &'a Token,
}

/// Joins the server at `config.listen`, which is started if it does not run.
pub(crate) fn join(config: &Config, runtime: &Handle) -> Result<Embedded, StartError> {
    let token = match config.open_access || config.data_dir.is_some() {
        true => None,
        false => Some(viewer_token(env::var(TOKEN_VARIABLE).ok(), config)?),
    };
    let (shared, is_new) = find_or_start(config, token, runtime)?;
    let is_kept = shared.data_dir.is_some();
    let (id, secret) = match is_kept {
        true => keep(&shared, config.camera_name, runtime)?,
        false => enrol(&shared.server, config.camera_name)?,
    };
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
    let password = shared.password.clone().filter(|_| is_new);
    Ok(Embedded {
        shared,
        is_kept,
        key,
        links,
        password,
    })
}

fn find_or_start(
    config: &Config,
    token: Option<String>,
    runtime: &Handle,
) -> Result<(Arc<Shared>, bool), StartError> {
    let deadline = Instant::now() + HANDOVER_TIMEOUT;
    let mut servers = lock(&SERVERS);
    loop {
        let running = servers
            .iter()
            .filter(|place| place.server.strong_count() > 0);
        // Port 0 is a new port each time, so two sinks that ask for it do not mean the same server.
        let same = running
            .into_iter()
            .find(|place| place.listen == config.listen && config.listen.port() != 0);
        if let Some(shared) = same.and_then(|place| place.server.upgrade()) {
            drop(servers);
            agree(&shared, config)?;
            return Ok((shared, false));
        }
        let closing = servers
            .iter()
            .any(|place| place.server.strong_count() == 0 && place.port == config.listen.port());
        let left = deadline.saturating_duration_since(Instant::now());
        if !closing || left.is_zero() {
            break;
        }
        let waited = CLOSED.wait_timeout(servers, left);
        (servers, _) = waited.unwrap_or_else(PoisonError::into_inner);
    }
    let shared = Arc::new(start(config, token, runtime)?);
    servers.push(Place {
        listen: config.listen,
        port: shared.server.local_addr().port(),
        server: Arc::downgrade(&shared),
    });
    Ok((shared, true))
}

/// A server has one way to be, whichever of its sinks started it.
fn agree(shared: &Shared, config: &Config) -> Result<(), StartError> {
    let differs = |property| Err(StartError::Differs(config.listen, property));
    if shared.data_dir.as_deref() != config.data_dir {
        return differs("data-dir");
    }
    if shared.open_access != config.open_access {
        return differs("open-access");
    }
    if shared.stun_server.as_deref() != config.stun_server {
        return differs("stun-server");
    }
    if shared.whep != config.whep {
        return differs("whep");
    }
    if shared.allowed_hosts != config.allowed_hosts {
        return differs("allowed-hosts");
    }
    Ok(())
}

fn start(config: &Config, token: Option<String>, runtime: &Handle) -> Result<Shared, StartError> {
    let listener =
        TcpListener::bind(config.listen).map_err(|error| StartError::Bind(config.listen, error))?;
    let failed = |error: &dyn std::fmt::Display| StartError::Server(error.to_string());
    let dir = config.data_dir.map(DataDir::at);
    let opened = dir.clone().map(|dir| open(dir, runtime)).transpose()?;
    let (mut options, password) = match opened {
        Some(opened) => {
            let mut options = ServerOptions::new(opened.signer);
            options.data = Some(opened.data);
            (options, opened.password)
        }
        None => {
            let signer = GrantSigner::generate().map_err(|e| failed(&e))?;
            (ServerOptions::new(signer), None)
        }
    };
    options.reached_at = reached_at(&listener);
    options.open_access = config.open_access;
    options.ice_servers = config
        .stun_server
        .map(|stun| IceServer {
            urls: vec![address::stun_for_browsers(stun)],
            ..IceServer::default()
        })
        .into_iter()
        .collect();
    options.whep = config.whep.then(WhepOptions::default);
    options.allowed_hosts = config.allowed_hosts.clone();
    // Many people have the one link, and may do all that this camera is set up for: whoever wants to decide that for each
    // gives a data-dir.
    let viewer = |token: &String| ViewerEntry {
        perms: EVERYTHING.to_vec(),
        ..ViewerEntry::new("viewer", token).shared(true)
    };
    options.viewers = token.iter().map(viewer).collect();
    let server = Server::start(options, listener, runtime).map_err(|e| failed(&e))?;
    // There is no configuration to read again.
    let (reload, _) = tokio::sync::mpsc::channel(1);
    let commands = dir.map(|dir| OwnSocket::open(&dir, &server, reload));
    let commands = commands.transpose().map_err(|e| failed(&e))?;
    Ok(Shared {
        data_dir: config.data_dir.map(Path::to_owned),
        _commands: commands,
        kept: Mutex::default(),
        password,
        open_access: config.open_access,
        stun_server: config.stun_server.map(str::to_owned),
        whep: config.whep,
        allowed_hosts: config.allowed_hosts.clone(),
        token,
        server,
    })
}

/// The token that `variable` gives, if it is no guessable one, or else the element's own.
fn viewer_token(variable: Option<String>, config: &Config) -> Result<String, StartError> {
    match variable {
        Some(token) => match check_token(&token) {
            Ok(()) => Ok(token),
            Err(weak) => Err(StartError::WeakToken(weak)),
        },
        None => Ok(config.token.text(config.listen)),
    }
}

/// The runtime does it, since this thread may be one that must not.
fn wait_for<T: Send + 'static>(
    runtime: &Handle,
    what: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    runtime.spawn(async move {
        let _ = sender.send(what.await);
    });
    receiver.recv_timeout(DATABASE_TIMEOUT).ok()
}

fn open(dir: DataDir, runtime: &Handle) -> Result<Opened, StartError> {
    let path = dir.path().to_owned();
    let failed =
        |error: &dyn std::fmt::Display| StartError::DataDir(path.clone(), error.to_string());
    let opened = wait_for(runtime, async move { dir.open_or_make().await });
    opened
        .ok_or_else(|| failed(&"the disk does not answer"))?
        .map_err(|e| failed(&e))
}

/// The camera's place in the database, where bookings name it.
fn keep(shared: &Shared, name: &str, runtime: &Handle) -> Result<(String, String), StartError> {
    let mut free = namesakes(name).filter(|(id, _)| lock(&shared.kept).insert(id.clone()));
    let (id, name) = free
        .next()
        .ok_or_else(|| StartError::Namesakes(name.to_owned()))?;
    let (server, kept) = (shared.server.clone(), id.clone());
    let secret = wait_for(
        runtime,
        async move { server.keep_camera(&kept, &name).await },
    );
    let secret = secret.ok_or_else(|| StartError::Server("the disk does not answer".to_owned()))?;
    let secret = secret.map_err(|e| StartError::Server(e.to_string()))?;
    Ok((id, secret))
}

/// Where the page is reached, for the links that are made by commands at this machine.
fn reached_at(listener: &TcpListener) -> Option<SocketAddr> {
    let mut address = listener.local_addr().ok()?;
    if address.ip().is_unspecified() {
        let outside = |ip: &IpAddr| ip.is_ipv4() && !ip.is_loopback();
        let here = IpAddr::from([127, 0, 0, 1]);
        address.set_ip(
            machine_addresses()
                .into_iter()
                .find(outside)
                .unwrap_or(here),
        );
    }
    Some(address)
}

/// Ids and names for cameras that are called the same.
fn namesakes(name: &str) -> impl Iterator<Item = (String, String)> {
    let base = match slug(name) {
        slug if slug.is_empty() => "camera".to_owned(),
        slug => slug,
    };
    (1..=MAX_NAMESAKES).map(move |n| match n {
        1 => (base.clone(), name.to_owned()),
        n => (format!("{base}-{n}"), format!("{name} {n}")),
    })
}

fn enrol(server: &Server, name: &str) -> Result<(String, String), StartError> {
    for (id, name) in namesakes(name) {
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
