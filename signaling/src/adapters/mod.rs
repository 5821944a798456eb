// SPDX-License-Identifier: MPL-2.0
//! Clients of other systems on the same hub: [`socketio`], and the JSON of a [`three_service`] system.
//!
//! An adapter turns what they say into the room's messages and back. It is to the hub what a WebSocket's connection is: the same
//! events, the same queue, the same pace. It adds no rights, and keeps nothing but who speaks with whom on this connection.
//!
//! - `packet` reads and writes Socket.IO's packets, `translator` knows what the events mean; both are pure.
//! - `bridge` runs one client to its end, by whichever `Wire`.
//! - `inbound` holds what a client has said and nobody has read yet.

mod bridge;
mod entry;
mod inbound;
mod packet;
mod socketio;
mod three_service;
mod translator;

use std::sync::Arc;

use axum::Router;
use tokio::sync::{Semaphore, watch};

use crate::state::Shared;

pub use translator::LabOffers;

/// Which clients of other systems are let in beside our own; none unless it is said.
#[derive(Clone, Debug, Default)]
pub struct AdapterOptions {
    /// Those that speak Socket.IO.
    pub socketio: Option<SocketIoOptions>,
    /// Those that speak the JSON of a three-service system, at the root.
    pub three_service: bool,
}

/// What Socket.IO is spoken like.
#[derive(Clone, Debug, Default)]
pub struct SocketIoOptions {
    /// Who offers in a lab's room.
    pub lab_offers: LabOffers,
    /// Origins of pages elsewhere that may ask by HTTP, such as `https://robots.example.org`.
    pub origins: Vec<String>,
}

/// What the adapters share.
pub(crate) struct Adapters {
    options: AdapterOptions,
    /// Sessions of Socket.IO: a place for each, whichever connections it uses.
    sessions: Arc<Semaphore>,
    stop: watch::Receiver<()>,
}

impl Adapters {
    pub(crate) fn new(options: AdapterOptions, most: usize, stop: watch::Receiver<()>) -> Self {
        Self {
            options,
            sessions: Arc::new(Semaphore::new(most)),
            stop,
        }
    }

    /// Whether WebSockets at the root are for one of them.
    pub(crate) fn takes_root(&self) -> bool {
        self.options.three_service
    }
}

/// Where they are served.
pub(crate) fn routes(shared: &Shared) -> Router<Arc<Shared>> {
    let mut router = Router::new();
    if let Some(options) = &shared.adapters.options.socketio {
        router = router.merge(socketio::routes(options, shared.timings));
    }
    if shared.adapters.options.three_service {
        router = router.merge(three_service::routes());
    }
    router
}

/// Where the clients of three-service systems alone are served: they have all addresses.
pub(crate) fn three_service() -> Router<Arc<Shared>> {
    three_service::everywhere()
}

pub(crate) use socketio::{MAX_BODY_BYTES, PATH as SOCKETIO_PATH};
pub(crate) use three_service::path_of;
