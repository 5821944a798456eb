// SPDX-License-Identifier: MPL-2.0
//! Clients of other systems on the same hub: [`socketio`], and the JSON of a [`three_service`] system.
//!
//! An adapter turns what they say into the room's messages and back. It is to the hub what a WebSocket's connection is: the same
//! events, the same queue, the same pace. It adds no rights, and keeps nothing but who speaks with whom on this connection.
//!
//! - `packet` reads and writes Socket.IO's packets, `translator` knows what the events mean; both are pure.
//! - `bridge` runs one client to its end, by whichever `Wire`; `frames` is a WebSocket that one speaks on.
//! - `inbound` holds what a client has said and nobody has read yet.

mod bridge;
pub(crate) mod config;
mod entry;
mod frames;
mod inbound;
mod packet;
mod socketio;
mod three_service;
mod translator;

use std::sync::Arc;

use axum::Router;

use crate::state::Shared;

pub(crate) use config::Adapters;
pub use config::{AdapterOptions, SocketIoOptions};
pub use translator::LabOffers;

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
