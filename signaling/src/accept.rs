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
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
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
    /// Dropped when no request is in flight any more: until then, there is somebody to answer it.
    pub(crate) busy: watch::Sender<()>,
    /// Dropped when all is over.
    pub(crate) _open: watch::Sender<()>,
}

/// The connections that are served, none of which is broken off while what was asked on it can still be answered.
#[derive(Default)]
pub(crate) struct InFlight {
    tasks: TaskTracker,
    late: CancellationToken,
}

impl InFlight {
    pub(crate) fn spawn(&self, serving: impl Future<Output = ()> + Send + 'static) {
        let late = self.late.clone();
        self.tasks.spawn(late.run_until_cancelled_owned(serving));
    }

    /// Waits for them to end, but no longer than so long.
    pub(crate) async fn finish(self, within: Duration) {
        self.tasks.close();
        if timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "broken off: what was asked was not answered, or not read, in time"
            );
            self.late.cancel();
        }
    }
}

impl Acceptance {
    pub(crate) async fn run(self, stop: watch::Receiver<()>) {
        let places = Arc::new(Semaphore::new(self.max_connections));
        let in_flight = InFlight::default();
        self.accept_all(&places, &in_flight, stop).await;
        let Self {
            listener,
            timings,
            max_connections,
            busy,
            _open,
            ..
        } = self;
        drop(listener);
        in_flight.finish(timings.finish).await;
        drop(busy);
        let all = u32::try_from(max_connections).unwrap_or(u32::MAX);
        let _ = timeout(timings.close * 2, places.acquire_many(all)).await;
    }

    async fn accept_all(
        &self,
        places: &Arc<Semaphore>,
        in_flight: &InFlight,
        stop: watch::Receiver<()>,
    ) {
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
                    let serving = Serving {
                        router: self.router.clone(),
                        connection,
                        timings: self.timings,
                        stop: stop.clone(),
                    };
                    in_flight.spawn(serving.serve(stream, tls));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
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

/// One connection on which HTTP is spoken.
pub(crate) struct Serving {
    pub(crate) router: Router,
    pub(crate) connection: Connection,
    pub(crate) timings: Timings,
    pub(crate) stop: watch::Receiver<()>,
}

impl Serving {
    async fn serve(mut self, stream: TcpStream, tls: Option<TlsAcceptor>) {
        // Candidates are small and urgent.
        let _ = stream.set_nodelay(true);
        let Some(acceptor) = tls else {
            return self.serve_http(stream).await;
        };
        let accepted = tokio::select! {
            accepted = timeout(self.timings.header, acceptor.accept(stream)) => accepted,
            () = stopped(&mut self.stop) => return,
        };
        match accepted {
            Ok(Ok(stream)) => self.serve_http(stream).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        }
    }

    pub(crate) async fn serve_http(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) {
        let Self {
            router,
            connection,
            timings,
            mut stop,
        } = self;
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
        let done = tokio::select! {
            biased;
            done = served.as_mut() => Some(done),
            () = stopped(&mut stop) => None,
            () = sleep(timings.http) => None,
        };
        let result = match done {
            Some(done) => Ok(done),
            None => {
                // What has been begun may be finished.
                served.as_mut().graceful_shutdown();
                timeout(timings.write, served).await
            }
        };
        match result {
            Ok(Ok(())) => (),
            // A client that went away or was too slow; hyper's errors hold no part of the request.
            Ok(Err(error)) => tracing::debug!(%error, "connection ended early"),
            Err(_) => tracing::debug!("a connection is closed: its answers are not read"),
        }
    }
}
