// SPDX-License-Identifier: MPL-2.0
//! The server as a whole: started on a listener, changed while it runs, shut down.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex};
use std::{fmt, io};

use ipnet::IpNet;
use porthole_protocol::grant::{GrantKey, GrantSigner, MAX_LEASE_SECONDS};
use porthole_protocol::key::is_camera_id;
use porthole_protocol::random_secret;
use porthole_protocol::wire::IceServer;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use url::Url;

use crate::accept::Acceptance;
use crate::hosts::Hosts;
use crate::http::app;
use crate::hub::{Change, Hub, Stats};
use crate::limit::Failures;
use crate::lock::lock;
use crate::places::{self, Addresses};
use crate::registry::{CameraEntry, Registry, SecretDigest, ViewerEntry};
use crate::room::{Counts, MAX_CAMERAS, Now, Room};
use crate::shutdown::stopped;
use crate::state::Shared;
use crate::timings::Timings;
use crate::tls::{CurrentTls, TlsFiles};
use crate::turn::{self, Turn};

/// What a server is started with.
#[derive(Debug)]
pub struct ServerOptions {
    /// Lets anyone who can reach the server see and hear all cameras.
    pub open_access: bool,
    /// STUN and TURN servers, told to both ends of every session.
    pub ice_servers: Vec<IceServer>,
    /// A TURN server besides, for which each session gets credentials of its own.
    pub turn: Option<Turn>,
    /// Where the server is reached from outside: http or https, host and port. Pages from there are its own.
    pub url: Option<Url>,
    /// Further host names it answers to, as `NAME` or `NAME:PORT`. Without any of these it answers to addresses,
    /// `localhost` and this machine's own name alone.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Connections at a time. `None`: a quarter of the process's file descriptors, at most 4584.
    pub max_connections: Option<usize>,
    /// Signs the grants.
    pub signer: GrantSigner,
    /// Certificate, for HTTPS. Without it the server speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Who may watch from the first connection on. A viewer that came back before its name was known would be told
    /// that it is not permitted.
    pub viewers: Vec<ViewerEntry>,
    /// The cameras that are enrolled from the first connection on.
    pub cameras: Vec<CameraEntry>,
    /// Deadlines. The defaults are right outside tests.
    pub timings: Timings,
}

impl ServerOptions {
    /// Plain HTTP, no guests, no ICE servers.
    pub fn new(signer: GrantSigner) -> Self {
        let timings = Timings::default();
        Self {
            open_access: false,
            ice_servers: Vec::new(),
            turn: None,
            url: None,
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
            max_connections: None,
            signer,
            tls: None,
            viewers: Vec::new(),
            cameras: Vec::new(),
            timings,
        }
    }
}

/// Why the server did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The listener cannot be used.
    #[error("cannot listen: {0}")]
    Listen(#[from] io::Error),
    /// The certificate or its key is missing or broken, and why.
    #[error("{0}")]
    Tls(String),
    /// `url` or `allowed_hosts` cannot be used, and why.
    #[error("{0}")]
    Hosts(String),
    /// There is a camera of this id already.
    #[error("there is a camera with the id \"{0}\" already: choose another id")]
    CameraExists(String),
    /// It cannot name a camera.
    #[error("\"{0}\" cannot be a camera's id: use 1 to 64 of a-z, 0-9 and -")]
    BadCameraId(String),
    /// There is no place for more cameras.
    #[error("there are {MAX_CAMERAS} cameras already, which is as many as one server takes")]
    TooManyCameras,
}

/// A running server. Cheap to clone; when the last clone is dropped the server shuts down.
///
/// All methods return at once and may be called from any thread, in or outside of a runtime.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    address: SocketAddr,
    grant_key: GrantKey,
    registry: Arc<Mutex<Registry>>,
    changes: mpsc::UnboundedSender<Change>,
    failures: Arc<Mutex<Failures>>,
    stats: Arc<Stats>,
    tls: Option<CurrentTls>,
    /// All tasks end when this is dropped. They hold no `Inner`, so that it can be.
    stop: Mutex<Option<watch::Sender<()>>>,
    /// Closed once the port is free and all connections are gone.
    closed: watch::Receiver<()>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("address", &self.inner.address)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// Starts a server on a listener that is bound already, as tasks of `runtime`.
    pub fn start(
        options: ServerOptions,
        listener: StdListener,
        runtime: &Handle,
    ) -> Result<Self, ServerError> {
        let tls = options
            .tls
            .map(|files| files.load())
            .transpose()
            .map_err(ServerError::Tls)?
            .map(CurrentTls::new);
        let hosts = Hosts::new(
            options.url.as_ref(),
            &options.allowed_hosts,
            &machine_name(),
        );
        let hosts = hosts.map_err(ServerError::Hosts)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let grant_key = options.signer.public_key();
        let ids = Box::new(|| uuid::Uuid::new_v4().to_string());
        let room = Room::new(
            options.signer,
            turn::source(options.ice_servers.clone(), options.turn),
            options.open_access,
            ids,
            Now::read(),
        );
        let registry = Arc::new(Mutex::new(Registry::default()));
        let (changes, on_change) = mpsc::unbounded_channel();
        let (hub, handle, _happenings) = Hub::new(room, registry.clone(), on_change);
        let (failures, stats) = (Arc::<Mutex<Failures>>::default(), handle.stats.clone());
        let max_connections = options
            .max_connections
            .unwrap_or_else(places::embedded)
            .max(1);
        let per_address = places::per_address(max_connections);
        tracing::info!(
            max_connections,
            per_address,
            "connections that are taken at a time"
        );
        let outside_port = options.url.as_ref().and_then(Url::port_or_known_default);
        let shared = Shared {
            registry: registry.clone(),
            failures: failures.clone(),
            hub: handle,
            open_access: options.open_access,
            ice_servers: options.ice_servers,
            tls: tls.is_some(),
            hosts,
            trusted_proxies: options.trusted_proxies.clone(),
            cookie_name: format!("porthole-{}", outside_port.unwrap_or(address.port())),
            sockets: Addresses::new(places::sockets_per_address(per_address)),
            timings: options.timings,
        };
        let (stop, on_stop) = watch::channel(());
        let router = app(Arc::new(shared));
        let (open, closed) = watch::channel(());
        let acceptance = Acceptance {
            listener,
            tls: tls.clone(),
            max_connections,
            addresses: Addresses::new(per_address),
            trusted_proxies: options.trusted_proxies,
            router,
            timings: options.timings,
            _open: open,
        };
        let stop = Mutex::new(Some(stop));
        let server = Self {
            inner: Arc::new(Inner {
                address,
                grant_key,
                registry,
                changes,
                failures,
                stats,
                tls,
                stop,
                closed,
            }),
        };
        // Before anyone can connect.
        for viewer in options.viewers {
            server.add_viewer(viewer);
        }
        for camera in options.cameras {
            server.enrol_camera(camera)?;
        }
        runtime.spawn(hub.run(on_stop.clone()));
        runtime.spawn(acceptance.run(on_stop));
        Ok(server)
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.inner.address
    }

    /// The key that its grants are verified with; it goes into camera keys.
    pub fn grant_key(&self) -> GrantKey {
        self.inner.grant_key
    }

    /// Enrols a camera and returns its secret.
    pub fn add_camera(&self, id: &str, name: &str) -> Result<String, ServerError> {
        let secret = random_secret();
        let digest = SecretDigest::of(&secret);
        let entry = CameraEntry {
            id: id.to_owned(),
            name: name.to_owned(),
            secret: digest,
        };
        self.enrol_camera(entry)?;
        Ok(secret)
    }

    /// Lets in a camera that was enrolled before and has its secret.
    pub fn enrol_camera(&self, camera: CameraEntry) -> Result<(), ServerError> {
        if !is_camera_id(&camera.id) {
            return Err(ServerError::BadCameraId(camera.id));
        }
        let mut registry = lock(&self.inner.registry);
        if registry.has_camera(&camera.id) {
            return Err(ServerError::CameraExists(camera.id));
        }
        if registry.camera_count() >= MAX_CAMERAS {
            return Err(ServerError::TooManyCameras);
        }
        // Sent under the lock, so that the hub hears of changes in the order they were made.
        self.tell(Change::CameraAdded {
            id: camera.id.clone(),
            name: camera.name.clone(),
        });
        registry.add_camera(camera);
        Ok(())
    }

    /// Changes an enrolled camera. One with another secret is cut off; a name is shown from the next time on that the
    /// camera tells about itself.
    pub fn update_camera(&self, camera: CameraEntry) -> Result<(), ServerError> {
        let mut registry = lock(&self.inner.registry);
        let known = registry.camera(&camera.id);
        if known.is_some_and(|known| known.secret.matches(&camera.secret)) {
            self.tell(Change::CameraAdded {
                id: camera.id.clone(),
                name: camera.name.clone(),
            });
            registry.add_camera(camera);
            return Ok(());
        }
        drop(registry);
        self.remove_camera(&camera.id);
        self.enrol_camera(camera)
    }

    /// Takes a camera's enrolment back: its sessions end, its connection is dropped.
    pub fn remove_camera(&self, id: &str) {
        let mut registry = lock(&self.inner.registry);
        if registry.remove_camera(id) {
            self.tell(Change::CameraRemoved { id: id.to_owned() });
        }
    }

    /// Lets a viewer in. One of the same name is replaced: its sessions end, its token is void.
    pub fn add_viewer(&self, mut viewer: ViewerEntry) {
        viewer.lease = viewer.lease.min(MAX_LEASE_SECONDS);
        let (user, rights) = (viewer.user.clone(), viewer.rights());
        let mut registry = lock(&self.inner.registry);
        if registry.add_viewer(viewer) {
            self.tell(Change::ViewerRemoved { user });
        }
        self.tell(Change::ViewerSet { rights });
    }

    /// Changes what a viewer may do. With the same token as before, running sessions follow at once: they get
    /// other terms, or end if they are no longer permitted. With another token, or if there is no such viewer, this is
    /// [`Self::add_viewer`].
    pub fn update_viewer(&self, mut viewer: ViewerEntry) {
        viewer.lease = viewer.lease.min(MAX_LEASE_SECONDS);
        let (user, rights) = (viewer.user.clone(), viewer.rights());
        let mut registry = lock(&self.inner.registry);
        let is_same = registry.is_same_viewer(&viewer);
        if registry.add_viewer(viewer) && !is_same {
            self.tell(Change::ViewerRemoved { user });
        }
        self.tell(Change::ViewerSet { rights });
    }

    /// Takes a viewer's permission back: the sessions end, the token is void.
    pub fn remove_viewer(&self, user: &str) {
        let mut registry = lock(&self.inner.registry);
        if registry.remove_viewer(user) {
            self.tell(Change::ViewerRemoved {
                user: user.to_owned(),
            });
        }
    }

    /// Uses this certificate for connections that come from now on. A server that was started without TLS stays so.
    pub fn reload_tls(&self, files: &TlsFiles) -> Result<(), ServerError> {
        let Some(tls) = &self.inner.tls else {
            let message = "the server was started without a certificate: restart it";
            return Err(ServerError::Tls(message.to_owned()));
        };
        tls.replace(files.load().map_err(ServerError::Tls)?);
        Ok(())
    }

    /// How much is going on.
    pub fn counts(&self) -> Counts {
        self.inner.stats.get()
    }

    /// Wrong credentials presented since the start.
    pub fn failed_credentials(&self) -> u64 {
        lock(&self.inner.failures).total()
    }

    /// Stops accepting, closes all connections and frees the port. Calling it again does nothing.
    pub fn shutdown(&self) {
        lock(&self.inner.stop).take();
    }

    /// Waits until the port is free and, at most for twice [`Timings::close`], all connections are gone.
    pub async fn closed(&self) {
        stopped(&mut self.inner.closed.clone()).await;
    }

    fn tell(&self, change: Change) {
        // It fails only after a shutdown, when there is nobody left to be told.
        let _ = self.inner.changes.send(change);
    }
}

/// What this machine calls itself in its network.
fn machine_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
