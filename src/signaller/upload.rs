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
    use porthole_protocol::{grant::GrantSigner, key::Certificate};
    use porthole_signaling::{Server, ServerOptions, TlsFiles};

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

    /// A server with a certificate of its own making, on localhost.
    fn server(folder: &std::path::Path, runtime: &tokio::runtime::Handle) -> (Server, CameraKey) {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let files = TlsFiles {
            cert: folder.join("cert.pem"),
            key: folder.join("key.pem"),
        };
        std::fs::write(&files.cert, made.cert.pem()).unwrap();
        std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        let mut options = ServerOptions::new(GrantSigner::generate().unwrap());
        options.tls = Some(files);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Server::start(options, listener, runtime).unwrap();
        let key = CameraKey {
            url: format!("https://localhost:{}/", server.local_addr().port())
                .parse()
                .unwrap(),
            id: "front".into(),
            secret: server.add_camera("front", "Front").unwrap(),
            grant_key: server.grant_key(),
            ca: vec![Certificate(made.cert.der().to_vec())],
        };
        (server, key)
    }

    /// The picture goes to nobody but the server of the key, and the secret neither.
    #[test]
    fn a_picture_goes_over_tls_to_the_server_whose_certificate_the_key_has_and_to_no_other() {
        const RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let folder = std::env::temp_dir().join(format!("porthole-upload-{}", std::process::id()));
        let (here, there) = (folder.join("here"), folder.join("there"));
        for folder in [&here, &there] {
            std::fs::create_dir_all(folder).unwrap();
        }
        let (_server, key) = server(&here, runtime.handle());
        let (_other, other) = server(&there, runtime.handle());
        std::fs::remove_dir_all(&folder).unwrap();
        let send = |key: &CameraKey| {
            let jpeg = vec![0xff, 0xd8, 0xff, 0xd9];
            let sent = snapshot(key, RING, jpeg, || false);
            runtime.block_on(sent).unwrap_err()
        };
        // It is read there, and of no call.
        assert_eq!(send(&key), UploadError::Refused(404));
        let secret = "another".into();
        let wrong = CameraKey {
            secret,
            ..key.clone()
        };
        assert_eq!(send(&wrong), UploadError::Refused(401));
        for ca in [Vec::new(), other.ca] {
            let wrong = CameraKey { ca, ..key.clone() };
            let UploadError::Unreachable(words) = send(&wrong) else {
                panic!("it was sent");
            };
            assert!(words.contains("certificate"), "{words}");
        }
    }
}
