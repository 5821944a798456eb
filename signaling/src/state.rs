// SPDX-License-Identifier: MPL-2.0
//! What requests share, and what is known of the connection one came on.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::http::HeaderMap;
use ipnet::IpNet;
use porthole_protocol::grant::GrantKey;
use tokio::sync::OwnedSemaphorePermit;
use url::Url;

use crate::access::Access;
#[cfg(feature = "adapters")]
use crate::adapters::config::Adapters;
use crate::backend::Backend;
use crate::calls::Calls;
use crate::embed::Embed;
use crate::error::ApiError;
use crate::failures::Failures;
use crate::history::History;
use crate::hosts::{Hosts, host};
use crate::hub::HubHandle;
use crate::metrics::Metrics;
#[cfg(feature = "notify")]
use crate::notify::Notifiers;
use crate::openid::Openid;
use crate::places::{AddressPlace, Addresses};
use crate::proxy::is_trusted;
use crate::registry::Registry;
use crate::requests::Requests;
use crate::timings::Timings;
use crate::turn::IceServers;
use crate::whep::Whep;

/// Web Push, where there is any.
#[derive(Clone)]
pub(crate) struct Push {
    /// By what push services know this server: a point of P-256 in base64url.
    pub(crate) public_key: String,
    /// Whether a push service may be in a private network.
    pub(crate) to_private: bool,
}

/// What every request may need.
pub(crate) struct Shared {
    pub(crate) registry: Arc<Mutex<Registry>>,
    pub(crate) access: Arc<Access>,
    /// Who knows people that are not known here.
    pub(crate) backend: Option<Arc<Backend>>,
    /// With whom people log in to the page.
    pub(crate) openid: Option<Openid>,
    pub(crate) failures: Arc<Mutex<Failures>>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) history: Arc<History>,
    pub(crate) hub: Arc<HubHandle>,
    /// By what browsers are told of calls.
    pub(crate) push: Arc<Mutex<Option<Push>>>,
    /// How people are told of calls.
    #[cfg(feature = "notify")]
    pub(crate) notifiers: Arc<Notifiers>,
    /// What is told and kept of calls.
    pub(crate) calls: Arc<Calls>,
    pub(crate) open_access: bool,
    pub(crate) ice: IceServers,
    pub(crate) tls: bool,
    pub(crate) hosts: Hosts,
    /// Pages of other sites that show our cameras, if there are any.
    pub(crate) embed: Option<Embed>,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// Where the server is reached from outside, if that was said.
    pub(crate) url: Option<Url>,
    /// The one that camera keys pin now.
    pub(crate) grant_key: Arc<Mutex<GrantKey>>,
    pub(crate) trusted_proxies: Vec<IpNet>,
    /// Cookies do not heed the port, so its number is in the name: two servers on one host, as every developer has
    /// them, must not log each other's viewers out.
    pub(crate) cookie_name: String,
    /// Requests of each address.
    pub(crate) requests: Mutex<Requests>,
    /// WebSockets of each address.
    pub(crate) sockets: Arc<Addresses>,
    pub(crate) timings: Timings,
    /// Clients of other systems.
    #[cfg(feature = "adapters")]
    pub(crate) adapters: Adapters,
    /// The sessions that players asked for by HTTP, if they may.
    pub(crate) whep: Option<Arc<Whep>>,
}

impl Shared {
    /// A place among the WebSockets of an address, unless these are not counted.
    pub(crate) fn socket_place(&self, peer: IpAddr) -> Result<Option<AddressPlace>, ApiError> {
        if is_uncounted(peer, &self.trusted_proxies) {
            return Ok(None);
        }
        let place = self.sockets.take(peer);
        place.map(Some).ok_or_else(ApiError::too_many_connections)
    }

    /// Where the server is reached from outside: as it was configured, or as whoever asks reaches it.
    pub(crate) fn base(
        &self,
        headers: &HeaderMap,
        connection: &Connection,
    ) -> Result<Url, ApiError> {
        if let Some(url) = &self.url {
            return Ok(url.clone());
        }
        if connection.is_owner && (self.address.ip().is_unspecified() || self.address.port() == 0) {
            return Err(ApiError::no_url());
        }
        let scheme = if self.tls || connection.https {
            "https"
        } else {
            "http"
        };
        let url = if connection.is_owner {
            format!("{scheme}://{}/", self.address).parse()
        } else {
            let host = host(headers).ok_or_else(ApiError::wrong_host)?;
            format!("{scheme}://{host}/").parse()
        };
        url.map_err(|_| ApiError::wrong_host())
    }
}

/// The connection a request came on.
#[derive(Clone)]
pub(crate) struct Connection {
    /// Who asks: the other end, or the client that a trusted proxy asks for.
    pub(crate) peer: IpAddr,
    /// Whether a trusted proxy says that it was asked by HTTPS.
    pub(crate) https: bool,
    /// Whether it came by the socket that only the owner may open.
    pub(crate) is_owner: bool,
    /// Its place among the bounded number of connections, which a WebSocket keeps.
    pub(crate) place: Arc<Place>,
}

/// A connection's place, among all and among those of its address.
pub(crate) struct Place {
    pub(crate) _among_all: OwnedSemaphorePermit,
    pub(crate) _of_address: Option<AddressPlace>,
}

/// Whether the connections of this address are not counted: those of this machine, and of proxies, which ask for many.
pub(crate) fn is_uncounted(address: IpAddr, trusted_proxies: &[IpNet]) -> bool {
    address.to_canonical().is_loopback() || is_trusted(address, trusted_proxies)
}
