// SPDX-License-Identifier: MPL-2.0
//! Asks the backend over HTTP: no redirects, bounded time, bounded answers.

use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, StatusCode};
use tokio::time::timeout;
use url::{Host, Url};

use super::{BackendError, SetupError};
use crate::http_client::{HttpClient, Reach, http_client, innermost};

/// How long the backend may take in all. Someone waits at a page meanwhile.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer: a key set with chains of certificates.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

#[derive(Clone)]
pub(crate) struct Fetch(HttpClient);

impl Fetch {
    pub(crate) fn new() -> Result<Self, SetupError> {
        let client = http_client(Reach::Configured, |_| ());
        client
            .map(Self)
            .map_err(|error| SetupError::Roots(error.to_string()))
    }

    /// The answer's status and text.
    pub(crate) async fn answer(
        &self,
        request: Request<Body>,
    ) -> Result<(StatusCode, Bytes), BackendError> {
        let unavailable =
            |error: &dyn std::error::Error| BackendError::Unavailable(innermost(error));
        let answer = async {
            let answer = self
                .0
                .request(request)
                .await
                .map_err(|error| unavailable(&error))?;
            let status = answer.status();
            let text = to_bytes(Body::new(answer.into_body()), MAX_ANSWER_BYTES).await;
            Ok((status, text.map_err(|error| unavailable(&error))?))
        };
        let too_long = |_| BackendError::Unavailable(format!("no answer within {TIMEOUT:?}"));
        timeout(TIMEOUT, answer).await.map_err(too_long)?
    }
}

/// Credentials and keys go over TLS, or do not leave this machine.
pub(crate) fn check_url(url: &Url, key: &'static str) -> Result<(), SetupError> {
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_here => Ok(()),
        _ => Err(SetupError::Insecure(key)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        let check = |url: &str| check_url(&url.parse().unwrap(), "webhook");
        for good in [
            "https://id.example/keys",
            "http://localhost:8000/",
            "http://127.0.0.1:1/",
            "http://[::1]/",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "http://id.example/",
            "http://192.168.1.2/",
            "http://localhost.example/",
            "ftp://localhost/",
            "file:///etc/passwd",
        ] {
            assert_eq!(check(bad), Err(SetupError::Insecure("webhook")), "{bad}");
        }
    }
}
