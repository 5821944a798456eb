// SPDX-License-Identifier: MPL-2.0
//! `serve`: the server until it is told to end.

use std::io::{self, IsTerminal as _};
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tracing::Level;
use tracing_subscriber::filter::{FilterExt as _, Targets, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::environment::remark_on;
use super::file::{grant_key_beside, grant_signer, read, read_or_default, text_variables};
use super::notify::ServiceManager;
use super::place::{Kept, Place};
use super::reload::{Running, warn_of_strays};
use super::start::{load, options};
use super::{Failure, remark};
#[cfg(feature = "cluster")]
use crate::cluster::Cluster;
use crate::data_dir::{DataDirError, OwnSocket};
use crate::data_lock::DataDirLock;
use crate::server::{Server, ServerError};

/// How much is logged, as other services have it; the second is older, and wins.
const LOG_VARIABLES: [&str; 2] = ["PORTHOLE_LOG", "LOG_LEVEL"];

/// What is typed, which goes over what is configured.
pub(super) struct Typed {
    pub(super) listen: Option<SocketAddr>,
    pub(super) socketio: bool,
    pub(super) three_service: bool,
}

pub(super) fn run(place: &Place, typed: &Typed) -> Result<(), Failure> {
    log_to_stderr("info")?;
    for remark in text_variables().filter_map(|(name, _)| remark_on(&name)) {
        tracing::warn!("{remark}");
    }
    let (config_path, config, data) = match place {
        Place::File(path) => (path.clone(), read(path)?, None),
        Place::Data(data) => {
            let config = read_or_default(&data.config_path)?;
            (data.config_path.clone(), config, Some(data))
        }
    };
    // Before anything of it is read: a command that comes later waits until this server hears it.
    let lock = data.map(|data| lock_data_dir(data)).transpose()?;
    let path = config_path.as_path();
    let (signer, key) = match data {
        Some(data) => (data.signer()?, data.dir.grant_key()),
        None => (grant_signer(path, &config)?, grant_key_beside(path)),
    };
    let mut options = options(&config, path, signer)?;
    if typed.socketio {
        options.adapters.socketio.get_or_insert_default();
    }
    options.adapters.three_service |= typed.three_service;
    let sfu = config
        .sfu(path, data.map(|data| data.dir.path()))
        .map_err(|e| Failure::input(format!("{}: [sfu]: {e}", path.display())))?;
    let (turn, notify) = (options.turn.clone(), options.notify.clone());
    let backend = config.backend_contents(path).map_err(Failure::input)?;
    let scheme = if options.tls.is_some() {
        "https"
    } else {
        "http"
    };
    if config.open_access {
        tracing::warn!("open-access is on: whoever reaches this server sees and hears all cameras");
    }

    let address = typed.listen.unwrap_or(config.listen);
    if scheme == "http" && !address.ip().is_loopback() {
        tracing::warn!(
            "plain HTTP: who is on the way can read links and keys, so trust the network or set tls-cert"
        );
    }
    let listener = TcpListener::bind(address)
        .map_err(|e| Failure::system(format!("cannot listen on {address}: {e}")))?;
    let runtime = Runtime::new().map_err(Failure::system)?;
    if let (Some(data), Some(lock)) = (data, lock) {
        options.data = Some(runtime.block_on(load(data, lock))?);
    }
    #[cfg(feature = "cluster")]
    {
        let cluster = config.cluster(path);
        let cluster =
            cluster.map_err(|e| Failure::input(format!("{}: [cluster]: {e}", path.display())))?;
        if let Some(cluster) = cluster {
            let connected = runtime.block_on(Cluster::connect(&cluster));
            options.cluster = Some(connected.map_err(Failure::system)?);
        }
    }
    let server = Server::start(options, listener, runtime.handle()).map_err(|e| match e {
        ServerError::Listen(_) => Failure::system(e),
        ServerError::Tls(_) => {
            Failure::input(format!("{}: tls-cert, tls-key: {e}", path.display()))
        }
        _ => Failure::input(format!("{}: {e}", path.display())),
    })?;
    if let Some(sfu) = sfu {
        server.watch_at_sfu(sfu);
    }
    if let Some(address) = config.metrics_listen {
        let served = TcpListener::bind(address).and_then(|listener| {
            remark(format_args!(
                "metrics on http://{}/metrics",
                listener.local_addr()?
            ));
            server.serve_metrics(listener)
        });
        served.map_err(|e| {
            Failure::system(format!("metrics-listen: cannot listen on {address}: {e}"))
        })?;
    }
    if let Some(address) = config.three_service_listen() {
        let served = TcpListener::bind(address).and_then(|listener| {
            let address = listener.local_addr()?;
            server.serve_three_service(listener)?;
            remark(format_args!("three-service clients on {address}"));
            Ok(())
        });
        served.map_err(|e| {
            Failure::system(format!(
                "[three-service] listen: cannot listen on {address}: {e}"
            ))
        })?;
    }
    let (reload, on_reload) = mpsc::channel(1);
    let socket = data
        .map(|data| OwnSocket::open(&data.dir, &server, reload))
        .transpose()
        .map_err(Failure::input)?;
    warn_of_strays(&config);
    let running = Running {
        server,
        path: config_path,
        key,
        config,
        backend,
        turn,
        notify,
    };
    let ended = runtime.block_on(until_signal(running, scheme, on_reload));
    drop(socket);
    ended.map_err(Failure::system)
}

async fn until_signal(
    mut running: Running,
    scheme: &str,
    mut on_reload: mpsc::Receiver<()>,
) -> io::Result<()> {
    // Before the line is printed, so that whoever reads it may signal the server right away.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let status = format!("listening on {scheme}://{}", running.server.local_addr());
    remark(&status);
    let manager = ServiceManager::of_this_process();
    manager.ready(&status);
    let server = running.server.clone();
    let mut feeding = pin!(manager.feed_watchdog(async |within| server.is_alive(within).await));
    loop {
        tokio::select! {
            name = server.lost() => return Err(io::Error::other(format!("the {name} is lost"))),
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hangup.recv() => (),
            Some(()) = on_reload.recv() => (),
            () = &mut feeding => continue,
        }
        manager.reloading();
        running.reload();
        manager.ready(&status);
    }
    manager.stopping();
    // Whoever says it again does not want to wait.
    tokio::select! {
        () = running.server.drain() => (),
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
    tracing::info!("shutting down");
    running.server.shutdown();
    running.server.closed().await;
    Ok(())
}

fn lock_data_dir(data: &Kept) -> Result<DataDirLock, Failure> {
    super::runtime()?
        .block_on(data.dir.lock())
        .map_err(|e| match e {
            DataDirError::Busy(_) => Failure::input(e),
            _ => Failure::system(e),
        })
}

/// `usual` is how much is logged where nothing is said.
pub(super) fn log_to_stderr(usual: &str) -> Result<(), Failure> {
    let set = |name: &&str| std::env::var(name).is_ok();
    let variable = LOG_VARIABLES
        .into_iter()
        .find(set)
        .unwrap_or(LOG_VARIABLES[1]);
    let filter = std::env::var(variable).unwrap_or_else(|_| usual.to_owned());
    let filter = filter
        .parse::<Targets>()
        .map_err(|e| Failure::input(format!("{variable}: {e}: use e.g. info or debug")))?;
    // Libraries may log whole messages at their finer levels, and messages hold grants and tokens.
    // A passkey that is not taken is told to whoever showed it, and is no error of the server as webauthn-rs says.
    let safe = filter_fn(|metadata| {
        let target = metadata.target();
        let is_told = target.starts_with("webauthn");
        target.starts_with("porthole") || *metadata.level() <= Level::WARN && !is_told
    });
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_filter(filter.and(safe));
    tracing_subscriber::registry().with(layer).init();
    Ok(())
}
