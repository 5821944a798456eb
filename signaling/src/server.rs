// SPDX-License-Identifier: MPL-2.0
//! The server as a whole: started on a listener, changed while it runs, shut down.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex};
use std::{fmt, io};

use porthole_protocol::grant::{GrantKey, GrantSigner, MAX_LEASE_SECONDS};
use porthole_protocol::key::is_camera_id;
use porthole_protocol::random_secret;
use porthole_protocol::wire::IceServer;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

use crate::accept::Acceptance;
use crate::http::app;
use crate::hub::{Change, Hub};
use crate::lock::lock;
use crate::registry::{CameraEntry, Registry, SecretDigest, ViewerEntry};
use crate::room::{MAX_CAMERAS, Room};
use crate::shutdown::stopped;
use crate::state::Shared;
use crate::timings::Timings;
use crate::tls::TlsFiles;

/// What a server is started with.
#[derive(Debug)]
pub struct ServerOptions {
    /// Lets anyone who can reach the server see and hear all cameras.
    pub open_access: bool,
    /// STUN and TURN servers, told to both ends of every session.
    pub ice_servers: Vec<IceServer>,
    /// Signs the grants.
    pub signer: GrantSigner,
    /// Certificate, for HTTPS. Without it the server speaks plain HTTP.
    pub tls: Option<TlsFiles>,
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
            signer,
            tls: None,
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
            .map_err(ServerError::Tls)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let grant_key = options.signer.public_key();
        let ids = Box::new(|| uuid::Uuid::new_v4().to_string());
        let room = Room::new(options.signer, options.ice_servers.clone(), ids);
        let registry = Arc::new(Mutex::new(Registry::default()));
        let (changes, on_change) = mpsc::unbounded_channel();
        let (hub, handle) = Hub::new(room, registry.clone(), on_change);
        let shared = Shared {
            registry: registry.clone(),
            failures: Mutex::default(),
            hub: handle,
            open_access: options.open_access,
            ice_servers: options.ice_servers,
            tls: tls.is_some(),
            timings: options.timings,
        };
        let (stop, on_stop) = watch::channel(());
        let router = app(Arc::new(shared));
        let (open, closed) = watch::channel(());
        let acceptance = Acceptance {
            listener,
            tls,
            router,
            timings: options.timings,
            _open: open,
        };
        runtime.spawn(hub.run(on_stop.clone()));
        runtime.spawn(acceptance.run(on_stop));
        let stop = Mutex::new(Some(stop));
        Ok(Self {
            inner: Arc::new(Inner {
                address,
                grant_key,
                registry,
                changes,
                stop,
                closed,
            }),
        })
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
        let user = viewer.user.clone();
        let mut registry = lock(&self.inner.registry);
        if registry.add_viewer(viewer) {
            self.tell(Change::ViewerRevoked { user });
        }
    }

    /// Takes a viewer's permission back: the sessions end, the token is void.
    pub fn remove_viewer(&self, user: &str) {
        let mut registry = lock(&self.inner.registry);
        if registry.remove_viewer(user) {
            self.tell(Change::ViewerRevoked {
                user: user.to_owned(),
            });
        }
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
