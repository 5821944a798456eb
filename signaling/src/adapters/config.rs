// SPDX-License-Identifier: MPL-2.0
//! Which adapters there are, and what they share.

use std::sync::Arc;

use tokio::sync::{Semaphore, watch};

use super::translator::LabOffers;

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
    pub(super) options: AdapterOptions,
    /// Sessions of Socket.IO: a place for each, whichever connections it uses.
    pub(super) sessions: Arc<Semaphore>,
    pub(super) stop: watch::Receiver<()>,
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
