// SPDX-License-Identifier: MPL-2.0
//! Accepts connections and serves HTTP on them, with the deadlines that `axum::serve` lacks.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::room::{MAX_CAMERAS, MAX_VIEWERS};
use crate::shutdown::stopped;
use crate::state::Connection;
use crate::timings::Timings;
use crate::tls::Acceptor;

/// Connections at a time: every client the room takes, and some pages that are just loading.
/// Beyond that, new ones wait in the backlog of the listener.
const MAX_CONNECTIONS: usize = MAX_CAMERAS + MAX_VIEWERS + 512;
/// Largest request head: cookies of other servers on the same host included.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// How long to wait when the system has no more file descriptors: it will not change at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Acceptance {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<Acceptor>,
    pub(crate) router: Router,
    pub(crate) timings: Timings,
    /// Dropped when all is over.
    pub(crate) _open: watch::Sender<()>,
}

impl Acceptance {
    pub(crate) async fn run(self, stop: watch::Receiver<()>) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        self.accept_all(&places, stop).await;
        let Self {
            listener,
            timings,
            _open,
            ..
        } = self;
        drop(listener);
        let _ = timeout(
            timings.close * 2,
            places.acquire_many(MAX_CONNECTIONS as u32),
        )
        .await;
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
                Ok((stream, connection)) => {
                    let tls = self.tls.clone();
                    let serving = serve(
                        stream,
                        tls,
                        self.router.clone(),
                        connection,
                        self.timings.header,
                    );
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

    async fn accept(&self, places: &Arc<Semaphore>) -> io::Result<(TcpStream, Connection)> {
        let place = places
            .clone()
            .acquire_owned()
            .await
            .map_err(io::Error::other)?;
        let (stream, peer) = self.listener.accept().await?;
        Ok((stream, connection(peer, place)))
    }
}

fn connection(peer: SocketAddr, place: OwnedSemaphorePermit) -> Connection {
    Connection {
        peer: peer.ip(),
        place: Arc::new(place),
    }
}

async fn serve(
    stream: TcpStream,
    tls: Option<Acceptor>,
    router: Router,
    connection: Connection,
    header_timeout: Duration,
) {
    // Candidates are small and urgent.
    let _ = stream.set_nodelay(true);
    match tls {
        None => serve_http(stream, router, connection, header_timeout).await,
        Some(acceptor) => serve_tls(acceptor, stream, router, connection, header_timeout).await,
    }
}

#[cfg(feature = "tls")]
async fn serve_tls(
    acceptor: Acceptor,
    stream: TcpStream,
    router: Router,
    connection: Connection,
    header_timeout: Duration,
) {
    match tokio::time::timeout(header_timeout, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => serve_http(stream, router, connection, header_timeout).await,
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

#[cfg(not(feature = "tls"))]
async fn serve_tls(acceptor: Acceptor, _: TcpStream, _: Router, _: Connection, _: Duration) {
    match acceptor {}
}

async fn serve_http(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    router: Router,
    connection: Connection,
    header_timeout: Duration,
) {
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(connection.clone());
        router.clone().oneshot(request)
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    if let Err(error) = served.await {
        // A client that went away or was too slow; hyper's errors hold no part of the request.
        tracing::debug!(%error, "connection ended early");
    }
}
