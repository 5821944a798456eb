// SPDX-License-Identifier: MPL-2.0
//! What a server listens on besides its own address.

use std::io;
use std::net::TcpListener as StdListener;

use axum::Router;
use tokio::net::TcpListener;

use super::Server;
use crate::accept::Acceptance;
use crate::http::one_camera;
use crate::lock::lock;
use crate::places::Addresses;

/// Connections at the address for metrics: some that collect them, and a person.
const METRICS_CONNECTIONS: usize = 16;
/// Connections at the port of one camera: all its viewers, and as many again that come and go.
const CAMERA_CONNECTIONS: usize = 128;

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

    fn serve_beside(
        &self,
        listener: StdListener,
        router: Router,
        name: &'static str,
        max_connections: usize,
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
            tls: None,
            max_connections,
            addresses: Addresses::new(max_connections),
            trusted_proxies: Vec::new(),
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
