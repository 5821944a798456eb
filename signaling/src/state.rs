// SPDX-License-Identifier: MPL-2.0
//! What requests share, and what is known of the connection one came on.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use porthole_protocol::wire::IceServer;
use tokio::sync::OwnedSemaphorePermit;

use crate::hub::HubHandle;
use crate::limit::Failures;
use crate::registry::Registry;
use crate::timings::Timings;

/// What every request may need.
pub(crate) struct Shared {
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) failures: Mutex<Failures>,
    pub(crate) hub: HubHandle,
    pub(crate) open_access: bool,
    pub(crate) ice_servers: Vec<IceServer>,
    pub(crate) tls: bool,
    pub(crate) timings: Timings,
}

/// The connection a request came on.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) peer: IpAddr,
    /// Its place among the bounded number of connections, which a WebSocket keeps.
    pub(crate) place: Arc<OwnedSemaphorePermit>,
}
