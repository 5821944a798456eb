// SPDX-License-Identifier: MPL-2.0
//! Accepts connections and serves HTTP on them, with the deadlines that `axum::serve` lacks.

use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use crate::places::Addresses;
use crate::shutdown::stopped;
use crate::state::{Connection, Place, is_uncounted};
use crate::timings::Timings;
use crate::tls::CurrentTls;

/// Largest request head: cookies of other servers on the same host included.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long to wait when the system has no more file descriptors: it will not change at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Acceptance {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<CurrentTls>,
    /// Connections at a time.
    pub(crate) max_connections: usize,
    /// Connections of each address.
    pub(crate) addresses: Arc<Addresses>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    pub(crate) router: Router,
    pub(crate) timings: Timings,
    /// Dropped when all is over.
    pub(crate) _open: watch::Sender<()>,
}

impl Acceptance {
    pub(crate) async fn run(self, stop: watch::Receiver<()>) {
        let places = Arc::new(Semaphore::new(self.max_connections));
        self.accept_all(&places, stop).await;
        let Self {
            listener,
            timings,
            max_connections,
            _open,
            ..
        } = self;
        drop(listener);
        let all = u32::try_from(max_connections).unwrap_or(u32::MAX);
        let _ = timeout(timings.close * 2, places.acquire_many(all)).await;
    }

    async fn accept_all(&self, places: &Arc<Semaphore>, stop: watch::Receiver<()>) {
        let mut stop_accepting = stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopped(&mut stop_accepting) => return,
                accepted = self.accept(places) => accepted,
            };
            match accepted {
                Ok((_, None)) => tracing::debug!("closed: too many connections from this address"),
                Ok((stream, Some(connection))) => {
                    let tls = self.tls.as_ref().map(CurrentTls::get);
                    let serving = serve(stream, tls, self.router.clone(), connection, self.timings);
                    let mut stop = stop.clone();
                    tokio::spawn(async move {
                        tokio::select! {
                            () = serving => (),
                            () = stopped(&mut stop) => (),
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// The next connection, and its place if its address may have one more.
    async fn accept(&self, places: &Arc<Semaphore>) -> io::Result<(TcpStream, Option<Connection>)> {
        let place = places
            .clone()
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, peer) = self.listener.accept().await?;
        Ok((stream, self.connection(peer.ip(), place)))
    }

    fn connection(&self, peer: IpAddr, place: OwnedSemaphorePermit) -> Option<Connection> {
        let of_address = if is_uncounted(peer, &self.trusted_proxies) {
            None
        } else {
            Some(self.addresses.take(peer)?)
        };
        let place = Place {
            _among_all: place,
            _of_address: of_address,
        };
        Some(Connection {
            peer: peer.to_canonical(),
            https: false,
            is_owner: false,
            place: Arc::new(place),
        })
    }
}

async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    connection: Connection,
    timings: Timings,
) {
    // Candidates are small and urgent.
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve_http(stream, router, connection, timings).await,
        Some(acceptor) => serve_tls(acceptor, stream, router, connection, timings).await,
    }
}

async fn serve_tls(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    router: Router,
    connection: Connection,
    timings: Timings,
) {
    match tokio::time::timeout(timings.header, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve_http(stream, router, connection, timings).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

pub(crate) async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    connection: Connection,
    timings: Timings,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timings.header)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut served = pin!(served);
    // It ends as well when the connection becomes a WebSocket, which has deadlines of its own.
    let mut result = timeout(timings.http, served.as_mut()).await;
    if result.is_err() {
        // What has been begun may be finished.
        served.as_mut().graceful_shutdown();
        result = timeout(timings.write, served).await;
    }
    match result {
        Ok(Ok(())) => (),
        // A client that went away or was too slow; hyper's errors hold no part of the request.
        Ok(Err(error)) => tracing::debug!(%error, "connection ended early"),
        Err(_) => tracing::debug!("a connection is closed: its answers are not read"),
    }
}
