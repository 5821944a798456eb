// SPDX-License-Identifier: MPL-2.0
//! The HTTP client by which this server asks others, of which there is one kind, since each kind has all of it compiled anew.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::TokioExecutor;
use tokio::net::lookup_host;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tower::Service;

use crate::network::is_public;

pub(crate) type HttpClient = Client<HttpsConnector<HttpConnector<Resolver>>, Body>;

/// What is said of an address that is not asked.
pub(crate) const NOT_PUBLIC: &str = "its address is in a private network";

/// Whom a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Whoever runs the server has said whom.
    Configured,
    /// A user has: only the internet, only by TLS.
    #[cfg_attr(
        not(feature = "notify"),
        expect(dead_code, reason = "only notifiers ask so")
    )]
    Internet,
}

/// A client that trusts the certificates of the system, and follows nobody elsewhere.
pub(crate) fn http_client(
    reach: Reach,
    setup: impl FnOnce(&mut HttpConnector<Resolver>),
) -> io::Result<HttpClient> {
    let mut connector = HttpConnector::new_with_resolver(Resolver(reach));
    connector.enforce_http(false);
    setup(&mut connector);
    let builder = HttpsConnectorBuilder::new()
        .with_provider_and_native_roots(aws_lc_rs::default_provider())?;
    let builder = match reach {
        Reach::Configured => builder.https_or_http(),
        Reach::Internet => builder.https_only(),
    };
    let connector = builder.enable_http1().wrap_connector(connector);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// Finds the addresses of names. Those that may not be asked are left out here, where the connection is made, so that no second
/// look could find another one.
#[derive(Clone)]
pub(crate) struct Resolver(Reach);

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.0;
        Box::pin(async move {
            let found: Vec<_> = lookup_host((name.as_str(), 0)).await?.collect();
            let may = |address: &SocketAddr| reach.has(address.ip());
            let (may, not): (Vec<_>, Vec<_>) = found.into_iter().partition(may);
            match may.is_empty() && !not.is_empty() {
                true => Err(io::Error::other(NOT_PUBLIC)),
                false => Ok(may.into_iter()),
            }
        })
    }
}

impl Reach {
    /// Whether this address may be asked.
    pub(crate) fn has(self, address: IpAddr) -> bool {
        self == Self::Configured || is_public(address)
    }

    /// Whether this host of a URL may be: one that is an address, and so never resolved.
    #[cfg(feature = "notify")]
    pub(crate) fn has_host(self, host: &str) -> bool {
        let address = host.trim_start_matches('[').trim_end_matches(']').parse();
        address.map_or(true, |address| self.has(address))
    }
}

/// The cause that says most, such as "connection refused".
pub(crate) fn innermost(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_found_by_those_alone_who_may() {
        let find = |reach| Resolver(reach).call("localhost".parse().unwrap());
        let found: Vec<_> = find(Reach::Configured).await.unwrap().collect();
        assert!(found.iter().all(|address| address.ip().is_loopback()) && !found.is_empty());
        let refused = find(Reach::Internet).await.unwrap_err();
        assert_eq!(refused.to_string(), NOT_PUBLIC);
    }
}
