// SPDX-License-Identifier: MPL-2.0
//! The server as a whole: started on a listener, changed while it runs, shut down.

mod entries;
mod listeners;
#[cfg(feature = "cli")]
mod offline;
mod options;
mod parts;
mod supervise;

use std::net::{SocketAddr, TcpListener as StdListener};
use std::os::unix::net::UnixListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{fmt, io};

use axum::Router;
#[cfg(feature = "adapters")]
use ipnet::IpNet;
use porthole_protocol::grant::{GrantKey, GrantSigner};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};

#[cfg(feature = "cli")]
pub(crate) use offline::Offline;
pub use options::{
    DEFAULT_AUDIT_DAYS, DEFAULT_AUDIT_ROWS, DEFAULT_CALL_DAYS, DEFAULT_CALL_SNAPSHOTS, ServerError,
    ServerOptions,
};
use parts::Parts;

use crate::accept::Acceptance;
use crate::access::Access;
use crate::backend::Backend;
use crate::control::Control;
use crate::data_lock::DataDirLock;
use crate::failures::Failures;
use crate::hub::{Change, HubHandle, Stats};
use crate::lock::lock;
#[cfg(feature = "notify")]
use crate::notify::NotifyOptions;
use crate::places::Addresses;
use crate::registry::Registry;
use crate::room::{Counts, Doorbells};
#[cfg(feature = "adapters")]
use crate::sfu::{self, SfuOptions};
use crate::shutdown::stopped;
use crate::state::Shared;
use crate::timings::Timings;
use crate::tls::{CurrentTls, TlsFiles};
use crate::turn::{CurrentTurn, Turn};
use supervise::Lost;

/// A running server. Cheap to clone; when the last clone is dropped the server shuts down.
///
/// All methods return at once and may be called from any thread, in or outside of a runtime.
#[derive(Clone)]
pub struct Server {
    inner: Arc<Inner>,
}

struct Inner {
    /// Of the data directory, if there is one.
    _lock: Option<DataDirLock>,
    lost: Lost,
    address: SocketAddr,
    grant_key: Arc<Mutex<GrantKey>>,
    turn: CurrentTurn,
    backend: Option<Arc<Backend>>,
    registry: Arc<Mutex<Registry>>,
    access: Arc<Access>,
    changes: mpsc::UnboundedSender<Change>,
    failures: Arc<Mutex<Failures>>,
    stats: Arc<Stats>,
    hub: Arc<HubHandle>,
    tls: Option<CurrentTls>,
    router: Router,
    metrics_router: Router,
    #[cfg(feature = "adapters")]
    three_service: OtherListener,
    shared: Arc<Shared>,
    timings: Timings,
    runtime: Handle,
    on_stop: watch::Receiver<()>,
    /// All tasks end when this is dropped. They hold no `Inner`, so that it can be.
    stop: Mutex<Option<Stop>>,
    /// Closed once the port is free and all connections are gone.
    closed: watch::Receiver<()>,
}

/// What a further listener for clients of other systems needs.
#[cfg(feature = "adapters")]
struct OtherListener {
    router: Router,
    max_connections: usize,
    addresses: Arc<Addresses>,
    trusted_proxies: Vec<IpNet>,
}

/// What the server's tasks go on by.
struct Stop {
    /// Without it, nothing more is taken in.
    _stop: watch::Sender<()>,
    /// Held as well by all who finish what was taken in. Once nobody does, the hub ends.
    busy: watch::Sender<()>,
    /// Held as well by all who have something open.
    open: watch::Sender<()>,
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
        mut options: ServerOptions,
        listener: StdListener,
        runtime: &Handle,
    ) -> Result<Self, ServerError> {
        let tls = options
            .tls
            .take()
            .map(|files| files.load())
            .transpose()
            .map_err(ServerError::Tls)?
            .map(CurrentTls::new);
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (trusted_proxies, timings) = (options.trusted_proxies.clone(), options.timings);
        let parts = Parts::new(options, address, tls.clone(), runtime)?;
        tracing::info!(
            max_connections = parts.max_connections,
            per_address = parts.per_address,
            "connections that are taken at a time"
        );
        let acceptance = Acceptance {
            listener,
            tls,
            max_connections: parts.max_connections,
            addresses: Addresses::new(parts.per_address),
            trusted_proxies,
            router: parts.router.clone(),
            timings,
            busy: parts.busy.clone(),
            _open: parts.open.clone(),
        };
        let on_stop = parts.on_stop.clone();
        let server = parts.run();
        let lost = &server.inner.lost;
        lost.supervise(runtime, "acceptance", acceptance.run(on_stop));
        Ok(server)
    }

    /// Takes the owner's commands on this socket, until the server stops. `reload` hears when one is to read the
    /// configuration again.
    pub fn take_commands(
        &self,
        listener: UnixListener,
        reload: mpsc::Sender<()>,
    ) -> io::Result<()> {
        let inner = &self.inner;
        let _inside = inner.runtime.enter();
        // After a shutdown there is nothing to take them.
        let Some(busy) = lock(&inner.stop).as_ref().map(|stop| stop.busy.clone()) else {
            return Ok(());
        };
        let control = Control::new(listener, inner.router.clone(), inner.timings, reload, busy)?;
        inner.runtime.spawn(control.run(inner.on_stop.clone()));
        Ok(())
    }

    /// Has viewers beyond some watch at an SFU, until the server stops.
    #[cfg(feature = "adapters")]
    pub fn watch_at_sfu(&self, options: SfuOptions) {
        let inner = &self.inner;
        let running = sfu::run(inner.hub.clone(), options, inner.on_stop.clone());
        inner
            .lost
            .supervise(&inner.runtime, "way to the SFU", running);
    }

    /// Waits until the server cannot go on, since one of its tasks is lost, and names it. Whoever runs it ends it then.
    pub async fn lost(&self) -> &'static str {
        self.inner.lost.any().await
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.inner.address
    }

    /// The key that its grants are verified with; it goes into camera keys.
    pub fn grant_key(&self) -> GrantKey {
        *lock(&self.inner.grant_key)
    }

    /// Signs grants with the next key from now on, and new camera keys pin that one. Sessions go on. `signer` is what the
    /// present one's [`rotated`](GrantSigner::rotated) made; the present one again changes nothing.
    pub fn set_signer(&self, signer: GrantSigner) -> Result<(), ServerError> {
        let mut key = lock(&self.inner.grant_key);
        if signer.public_key() == *key {
            return Ok(());
        }
        if !signer.follows(*key) {
            return Err(ServerError::ForeignKey);
        }
        *key = signer.public_key();
        self.tell(Change::Signer(Box::new(signer)));
        Ok(())
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

    /// Makes the credentials of sessions for this TURN server from now on: new sessions', and those of sessions that run
    /// when theirs are due.
    pub fn set_turn(&self, turn: Option<Turn>) {
        self.inner.turn.replace(turn);
    }

    /// Doorbells ring these from the next press on.
    pub fn set_doorbells(&self, doorbells: Doorbells) {
        self.tell(Change::Doorbells(Box::new(doorbells)));
    }

    /// Has people told of calls by these from now on. `Err` says what cannot be used; then nothing changes.
    #[cfg(feature = "notify")]
    pub fn set_notifiers(&self, options: &NotifyOptions) -> Result<(), ServerError> {
        let set = self.inner.shared.notifiers.set(options);
        set.map_err(ServerError::Notify)
    }

    /// Asks this backend from now on, and again about everyone whose token was taken; what runs goes on until its end.
    /// A server that was started without one stays so.
    pub fn set_backend(&self, backend: &Backend) -> Result<(), ServerError> {
        let Some(current) = &self.inner.backend else {
            let message = "the server was started without [auth]: restart it";
            return Err(ServerError::Data(message.to_owned()));
        };
        current.replace(backend);
        lock(&self.inner.registry).doubt_visitors();
        Ok(())
    }

    /// How much is going on.
    pub fn counts(&self) -> Counts {
        self.inner.stats.get()
    }

    /// Whether the hub, through which everything goes, takes up a question and answers it within this time.
    pub async fn is_alive(&self, within: Duration) -> bool {
        self.inner.hub.answers(within).await
    }

    /// Wrong credentials presented since the start.
    pub fn failed_credentials(&self) -> u64 {
        lock(&self.inner.failures).total()
    }

    /// Where several servers are one: has all clients go to the others, some at a time, so that pictures go on. Nobody new is let in
    /// from then on. It returns when they have gone, and at once if no other server can be reached.
    pub async fn drain(&self) {
        self.inner.hub.drain().await;
    }

    /// Stops accepting, frees the port, answers what was asked already and closes all connections. Calling it again does
    /// nothing.
    pub fn shutdown(&self) {
        lock(&self.inner.stop).take();
    }

    /// Waits until the port is free and all connections are gone: at most for twice [`Timings::finish`] and twice
    /// [`Timings::close`].
    pub async fn closed(&self) {
        stopped(&mut self.inner.closed.clone()).await;
    }

    fn tell(&self, change: Change) {
        // It fails only after a shutdown, when there is nobody left to be told.
        let _ = self.inner.changes.send(change);
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::hub::Event;
    use crate::queue::{CAMERA_QUEUE, queue};
    use crate::registry::SecretDigest;
    use crate::room::Principal;

    /// More than any busy machine needs.
    const PATIENCE: Duration = Duration::from_secs(60);
    /// In which a hub that stands still does not answer.
    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_server_whose_hub_stands_still_is_not_alive_until_it_goes_on() {
        let options = ServerOptions::new(GrantSigner::generate().unwrap());
        let listener = StdListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = Server::start(options, listener, &Handle::current()).unwrap();
        assert!(server.is_alive(PATIENCE).await);

        // Whoever connects with a credential is looked up, and has to wait while that is locked.
        let locked = server.clone();
        let (release, on_release) = std::sync::mpsc::channel::<()>();
        let (is_locked, on_lock) = tokio::sync::oneshot::channel();
        let holder = std::thread::spawn(move || {
            let _registry = lock(&locked.inner.registry);
            is_locked.send(()).unwrap();
            on_release.recv().unwrap();
        });
        on_lock.await.unwrap();
        let (outbox, _inbox, _dropped) = queue(CAMERA_QUEUE);
        let connected = Event::Connected {
            client: server.inner.hub.new_client(),
            principal: Principal::Camera {
                id: "front".to_owned(),
            },
            credential: Some(SecretDigest::of("unknown")),
            fence: None,
            address: Ipv4Addr::LOCALHOST.into(),
            outbox,
        };
        assert!(server.inner.hub.send(connected).await);
        // Asked from a runtime of its own: the worker that stands still may be the one that this runtime's timers wait for.
        let asked = server.clone();
        let is_alive = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build();
            runtime.unwrap().block_on(asked.is_alive(SHORT))
        });
        assert!(!is_alive.join().unwrap());
        release.send(()).unwrap();
        holder.join().unwrap();
        assert!(server.is_alive(PATIENCE).await);

        server.shutdown();
        server.closed().await;
        assert!(!server.is_alive(PATIENCE).await, "there is no hub any more");
    }
}
