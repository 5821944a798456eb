// SPDX-License-Identifier: MPL-2.0
//! Brings the server the picture that was taken at a press, over HTTP: it has no place on the socket, where all else would wait
//! behind it.

use std::time::Duration;

use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use porthole_protocol::key::CameraKey;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::{
    Bytes,
    http::{HeaderValue, Request, StatusCode, header},
};
use url::Url;

use super::socket;

/// For one try: 100 kB on the slowest uplink that carries a picture at all.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Between tries. A picture that comes later than these is no use to whoever looks who is there.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// Why the server does not have it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UploadError {
    #[error("the camera key has no address for it")]
    Address,
    #[error("TLS: {0}")]
    Tls(String),
    #[error("the server was not reached: {0}")]
    Unreachable(String),
    #[error("the server has not taken it within {TIMEOUT:?}")]
    TooLate,
    #[error("the server refuses it (HTTP {0})")]
    Refused(u16),
}

impl UploadError {
    /// Whether it may go better in a moment.
    fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TooLate => true,
            Self::Refused(status) => *status >= 500,
            Self::Address | Self::Tls(_) => false,
        }
    }
}

/// Where the picture of a press belongs.
fn address(key: &CameraKey, ring_id: &str) -> Option<Url> {
    let mut url = key.url.clone();
    url.set_query(None);
    url.set_fragment(None);
    let parts = ["api", "v1", "cameras", &key.id, "snapshots", ring_id];
    url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
    Some(url)
}

/// Sends it, while `is_wanted` still says so.
pub(crate) async fn snapshot(
    key: &CameraKey,
    ring_id: &str,
    jpeg: Vec<u8>,
    is_wanted: impl Fn() -> bool,
) -> Result<(), UploadError> {
    let url = address(key, ring_id).ok_or(UploadError::Address)?;
    let client = client(key)?;
    let jpeg = Bytes::from(jpeg);
    let mut pauses = PAUSES.into_iter();
    loop {
        let sent = timeout(TIMEOUT, put(&client, key, &url, jpeg.clone())).await;
        let error = match sent.unwrap_or(Err(UploadError::TooLate)) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        match pauses.next().filter(|_| error.may_pass() && is_wanted()) {
            Some(pause) => sleep(pause).await,
            None => return Err(error),
        }
        if !is_wanted() {
            return Err(error);
        }
    }
}

type Http = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

fn client(key: &CameraKey) -> Result<Http, UploadError> {
    let tls = socket::tls(key).map_err(|error| UploadError::Tls(error.to_string()))?;
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

async fn put(http: &Http, key: &CameraKey, url: &Url, jpeg: Bytes) -> Result<(), UploadError> {
    let unreachable =
        |error: &dyn std::error::Error| UploadError::Unreachable(socket::with_source(error));
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.secret))
        .map_err(|_| UploadError::Refused(401))?;
    bearer.set_sensitive(true);
    let request = Request::put(url.as_str())
        .header(header::AUTHORIZATION, bearer)
        .header(header::CONTENT_TYPE, "image/jpeg")
        .body(Full::new(jpeg))
        .map_err(|error| unreachable(&error))?;
    let answer = http.request(request).await;
    let status = answer.map_err(|error| unreachable(&error))?.status();
    match status {
        StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => Ok(()),
        other => Err(UploadError::Refused(other.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    use porthole_protocol::grant::GrantSigner;

    use super::*;

    fn key(url: &str) -> CameraKey {
        CameraKey {
            url: url.parse().unwrap(),
            id: "front".into(),
            secret: "s3cret".into(),
            grant_key: GrantSigner::generate().unwrap().public_key(),
            ca: Vec::new(),
        }
    }

    #[test]
    fn the_address_is_below_the_servers_own_and_leads_nowhere_else() {
        let of = |url, ring| address(&key(url), ring).unwrap().to_string();
        assert_eq!(
            of("https://example.org/base/", "1-2"),
            "https://example.org/base/api/v1/cameras/front/snapshots/1-2"
        );
        assert_eq!(
            of("http://127.0.0.1:8080", "1"),
            "http://127.0.0.1:8080/api/v1/cameras/front/snapshots/1"
        );
        assert!(!of("http://a/", "../../x?y#z").contains("/x"));
    }

    #[test]
    fn what_the_server_refuses_is_not_tried_again() {
        for (status, may_pass) in [
            (401, false),
            (404, false),
            (409, false),
            (413, false),
            (503, true),
        ] {
            assert_eq!(
                UploadError::Refused(status).may_pass(),
                may_pass,
                "{status}"
            );
        }
        assert!(UploadError::TooLate.may_pass());
    }
}
