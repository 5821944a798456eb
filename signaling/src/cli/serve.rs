// SPDX-License-Identifier: MPL-2.0
//! `serve`: the server until it is told to end.

use std::io::{self, IsTerminal as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, FilterExt as _, filter_fn};
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::file::{grant_signer, read};
use super::reload::{Running, warn_of_strays};
use super::{Failure, remark};
use crate::places;
use crate::server::{Server, ServerError, ServerOptions};

const LOG_VARIABLE: &str = "PORTHOLE_LOG";

pub(super) fn run(path: &Path, listen: Option<SocketAddr>) -> Result<(), Failure> {
    log_to_stderr()?;
    let config = read(path)?;
    let tls = config.tls(path);
    let scheme = if tls.is_some() { "https" } else { "http" };
    let mut options = ServerOptions::new(grant_signer(path, &config)?);
    options.open_access = config.open_access;
    options.ice_servers = config.ice_servers();
    options.turn = config
        .turn(path)
        .map_err(|e| Failure::input(format!("{}: [turn]: {e}", path.display())))?;
    options.url = config.url.clone();
    options.allowed_hosts = config.allowed_hosts.clone();
    options.trusted_proxies = config.trusted_proxies.clone();
    options.max_connections = Some(places::standalone());
    options.tls = tls;
    options.viewers = config.viewers().collect();
    options.cameras = config.cameras().collect();
    if config.open_access {
        tracing::warn!("open-access is on: whoever reaches this server sees and hears all cameras");
    }

    let address = listen.unwrap_or(config.listen);
    if scheme == "http" && !address.ip().is_loopback() {
        tracing::warn!(
            "plain HTTP: who is on the way can read links and keys, so trust the network or set tls-cert"
        );
    }
    let listener = TcpListener::bind(address)
        .map_err(|e| Failure::system(format!("cannot listen on {address}: {e}")))?;
    let runtime = Runtime::new().map_err(Failure::system)?;
    let server = Server::start(options, listener, runtime.handle()).map_err(|e| match e {
        ServerError::Listen(_) => Failure::system(e),
        ServerError::Tls(_) => {
            Failure::input(format!("{}: tls-cert, tls-key: {e}", path.display()))
        }
        _ => Failure::input(format!("{}: {e}", path.display())),
    })?;
    warn_of_strays(&config);
    let running = Running {
        server,
        path: path.to_owned(),
        config,
    };
    runtime
        .block_on(until_signal(running, scheme))
        .map_err(Failure::system)
}

async fn until_signal(mut running: Running, scheme: &str) -> io::Result<()> {
    // Before the line is printed, so that whoever reads it may signal the server right away.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    remark(format_args!(
        "listening on {scheme}://{}",
        running.server.local_addr()
    ));
    loop {
        tokio::select! {
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            _ = hangup.recv() => running.reload(),
        }
    }
    tracing::info!("shutting down");
    running.server.shutdown();
    running.server.closed().await;
    Ok(())
}

fn log_to_stderr() -> Result<(), Failure> {
    let filter = std::env::var(LOG_VARIABLE).unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(filter)
        .map_err(|e| Failure::input(format!("{LOG_VARIABLE}: {e}: use e.g. info or debug")))?;
    // Libraries may log whole messages at their finer levels, and messages hold grants and tokens.
    let safe = filter_fn(|metadata| {
        metadata.target().starts_with("porthole") || *metadata.level() <= Level::WARN
    });
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_filter(filter.and(safe));
    tracing_subscriber::registry().with(layer).init();
    Ok(())
}
