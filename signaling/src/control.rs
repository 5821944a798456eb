// SPDX-License-Identifier: MPL-2.0
//! The owner's own way in: a socket in the data directory, which only its owner may open. What comes by it is an
//! administrator, without a credential.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::net::UnixListener as StdListener;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use rustix::process::geteuid;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc, watch};

use crate::accept::{InFlight, Serving};
use crate::shutdown::stopped;
use crate::state::{Connection, Place};
use crate::timings::Timings;

/// Commands at a time. A script that starts more of them waits.
const MAX_COMMANDS: usize = 16;

/// Reads the configuration again, as SIGHUP does. Only here.
pub(crate) const RELOAD: &str = "/reload";

/// Who such commands are in the audit log.
pub(crate) const OWNER: &str = "cli";

pub(crate) struct Control {
    listener: UnixListener,
    router: Router,
    timings: Timings,
    /// Dropped when no command is in flight any more.
    busy: watch::Sender<()>,
}

impl Control {
    /// Must be called in a runtime. `reload` is told when the configuration is to be read again.
    pub(crate) fn new(
        listener: StdListener,
        router: Router,
        timings: Timings,
        reload: mpsc::Sender<()>,
        busy: watch::Sender<()>,
    ) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let reload = post(async move || {
            // One that waits already will read what is there then.
            let _ = reload.try_send(());
            StatusCode::NO_CONTENT
        });
        let router = router.route(RELOAD, reload);
        Ok(Self {
            listener: UnixListener::from_std(listener)?,
            router,
            timings,
            busy,
        })
    }

    /// Takes commands until the server stops, and finishes those that were begun.
    pub(crate) async fn run(self, stop: watch::Receiver<()>) {
        let in_flight = InFlight::default();
        self.accept_all(&in_flight, stop).await;
        let Self {
            listener,
            timings,
            busy,
            ..
        } = self;
        drop(listener);
        in_flight.finish(timings.finish).await;
        drop(busy);
    }

    async fn accept_all(&self, in_flight: &InFlight, stop: watch::Receiver<()>) {
        let places = Arc::new(Semaphore::new(MAX_COMMANDS));
        let mut stop_accepting = stop.clone();
        loop {
            let accepted = tokio::select! {
                biased;
                () = stopped(&mut stop_accepting) => return,
                accepted = self.accept(&places) => accepted,
            };
            let Some((stream, connection)) = accepted else {
                continue;
            };
            let serving = Serving {
                router: self.router.clone(),
                connection,
                timings: self.timings,
                stop: stop.clone(),
            };
            in_flight.spawn(serving.serve_http(stream));
        }
    }

    async fn accept(&self, places: &Arc<Semaphore>) -> Option<(UnixStream, Connection)> {
        let place = places.clone().acquire_owned().await.ok()?;
        let (stream, _) = self.listener.accept().await.ok()?;
        // The mode of the file says the same, wherever modes of sockets count.
        let peer = stream.peer_cred().ok()?.uid();
        if peer != 0 && peer != geteuid().as_raw() {
            tracing::warn!(uid = peer, "someone else opened the owner's socket");
            return None;
        }
        let place = Place {
            _among_all: place,
            _of_address: None,
        };
        Some((stream, owner(Arc::new(place))))
    }
}

/// The connection of the owner.
pub(crate) fn owner(place: Arc<Place>) -> Connection {
    Connection {
        peer: IpAddr::V4(Ipv4Addr::LOCALHOST),
        https: false,
        is_owner: true,
        place,
    }
}
