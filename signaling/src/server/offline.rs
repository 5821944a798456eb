// SPDX-License-Identifier: MPL-2.0
//! The API on a database without a server that listens: what a command does when none runs.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::{Extension, Router};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::parts::Parts;
use super::{Server, ServerError, ServerOptions};
use crate::control::owner;
use crate::state::Place;

/// The API, for its owner.
#[derive(Debug)]
pub(crate) struct Offline {
    /// It ends with this.
    server: Server,
    routes: Router,
}

impl Offline {
    /// `address` is where a server with these options would listen; it goes into keys and links.
    pub(crate) fn start(options: ServerOptions, address: SocketAddr) -> Result<Self, ServerError> {
        let parts = Parts::new(options, address, None, &Handle::current())?;
        let place = Arc::new(Semaphore::new(1)).try_acquire_owned();
        let place = Place {
            _among_all: place.map_err(|_| ServerError::Data("no place".to_owned()))?,
            _of_address: None,
        };
        let routes = parts
            .router
            .clone()
            .layer(Extension(owner(Arc::new(place))));
        let server = parts.run();
        Ok(Self { server, routes })
    }

    /// The API.
    pub(crate) fn routes(&self) -> Router {
        debug_assert_eq!(self.server.counts().sessions, 0);
        self.routes.clone()
    }
}
