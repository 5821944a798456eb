// SPDX-License-Identifier: MPL-2.0
//! What a server listens on besides its own address.

use std::io;
use std::net::TcpListener as StdListener;
use std::sync::Arc;

use axum::Router;
use ipnet::IpNet;
use tokio::net::TcpListener;

use super::Server;
use crate::accept::Acceptance;
use crate::http::one_camera;
use crate::lock::lock;
use crate::places::Addresses;
use crate::tls::CurrentTls;

/// Connections at the address for metrics: some that collect them, and a person.
const METRICS_CONNECTIONS: usize = 16;
/// Connections at the port of one camera: all its viewers, and as many again that come and go.
const CAMERA_CONNECTIONS: usize = 128;

/// How a further listener takes its connections.
struct Address {
    tls: Option<CurrentTls>,
    addresses: Arc<Addresses>,
    trusted_proxies: Vec<IpNet>,
    max_connections: usize,
}

impl Server {
    /// Serves the metrics to whoever reaches this listener, which is for nothing else, until the server stops.
    pub fn serve_metrics(&self, listener: StdListener) -> io::Result<()> {
        let router = self.inner.metrics_router.clone();
        self.serve_beside(listener, router, "metrics", METRICS_CONNECTIONS)
    }

    /// Takes WebSockets for one camera on this listener, which is for nothing else, until the server stops: for programs that
    /// know a camera by its port. By plain HTTP, for those who show their credential as elsewhere.
    pub fn serve_camera(&self, listener: StdListener, camera: &str) -> io::Result<()> {
        let router = one_camera(self.inner.shared.clone(), camera);
        self.serve_beside(listener, router, "port of a camera", CAMERA_CONNECTIONS)
    }

    /// Lets clients of three-service systems in that connect to this listener, at whichever path, until the server stops. With
    /// a certificate it speaks TLS, as the server's own.
    #[cfg(feature = "adapters")]
    pub fn serve_three_service(&self, listener: StdListener) -> io::Result<()> {
        let other = &self.inner.three_service;
        let address = Address {
            tls: self.inner.tls.clone(),
            addresses: other.addresses.clone(),
            trusted_proxies: other.trusted_proxies.clone(),
            max_connections: other.max_connections,
        };
        let router = other.router.clone();
        self.serve_at(listener, router, "three-service acceptance", address)
    }

    /// By plain HTTP, and without proxies.
    fn serve_beside(
        &self,
        listener: StdListener,
        router: Router,
        name: &'static str,
        max_connections: usize,
    ) -> io::Result<()> {
        let address = Address {
            tls: None,
            addresses: Addresses::new(max_connections),
            trusted_proxies: Vec::new(),
            max_connections,
        };
        self.serve_at(listener, router, name, address)
    }

    fn serve_at(
        &self,
        listener: StdListener,
        router: Router,
        name: &'static str,
        address: Address,
    ) -> io::Result<()> {
        let inner = &self.inner;
        listener.set_nonblocking(true)?;
        let _inside = inner.runtime.enter();
        let listener = TcpListener::from_std(listener)?;
        let stop = lock(&inner.stop);
        // After a shutdown there is nothing to serve.
        let Some(stop) = stop.as_ref() else {
            return Ok(());
        };
        let acceptance = Acceptance {
            listener,
            tls: address.tls,
            max_connections: address.max_connections,
            addresses: address.addresses,
            trusted_proxies: address.trusted_proxies,
            router,
            timings: inner.timings,
            busy: stop.busy.clone(),
            _open: stop.open.clone(),
        };
        let on_stop = inner.on_stop.clone();
        inner
            .lost
            .supervise(&inner.runtime, name, acceptance.run(on_stop));
        Ok(())
    }
}
