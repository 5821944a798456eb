// SPDX-License-Identifier: MPL-2.0
//! One WebSocket to the server that comes back by itself, for ever.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::{SinkExt as _, StreamExt as _};
use porthole_protocol::{key::CameraKey, limits::MAX_MESSAGE_BYTES};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, connect_async_tls_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, header},
        protocol::WebSocketConfig,
    },
};

/// First pause before connecting again; short, since most outages are a server's restart.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause: a camera must be back within seconds of its server.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Connecting, TLS and the upgrade together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// One message to the server; a link that takes longer is dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The server pings every 15 s: two pings missed and some slack mean that it is gone.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(40);
/// A connection that stood this long counts as a success, after which pauses begin small again.
const STABLE: Duration = Duration::from_secs(10);
/// Messages waiting to be sent. A session's start takes about 30, mostly candidates.
const MAX_QUEUED: usize = 1024;

/// What happens on the socket.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A connection stands; what is sent on `outgoing` goes out on it and on no other.
    Online {
        outgoing: mpsc::Sender<String>,
    },
    Message(String),
    /// There is none, and why. Comes once for each failed try and each lost connection.
    Offline(Trouble),
}

/// Why there is no connection, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Trouble {
    #[error(
        "the server does not know this camera key (HTTP {0}): enrol the camera again with `porthole-signaling camera add`"
    )]
    Refused(u16),
    #[error(
        "cannot reach the server: {0}; is it running, and is its address in the camera key right?"
    )]
    Unreachable(String),
    #[error("the connection to the server broke off: {0}")]
    Lost(String),
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connects, reads and writes until `incoming` is closed.
pub(super) async fn run(key: CameraKey, incoming: mpsc::Sender<Incoming>) {
    let pauses = ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_delay(LONGEST_PAUSE)
        .with_jitter()
        .without_max_times();
    let mut pause = pauses.build();
    loop {
        let started = Instant::now();
        let trouble = match connect(&key).await {
            Ok(socket) => {
                let (outgoing, queue) = mpsc::channel(MAX_QUEUED);
                if incoming.send(Incoming::Online { outgoing }).await.is_err() {
                    return;
                }
                Trouble::Lost(converse(socket, queue, &incoming).await)
            }
            Err(trouble) => trouble,
        };
        if incoming.send(Incoming::Offline(trouble)).await.is_err() {
            return;
        }
        if started.elapsed() > STABLE {
            pause = pauses.build();
        }
        tokio::select! {
            () = sleep(pause.next().unwrap_or(LONGEST_PAUSE)) => (),
            () = incoming.closed() => return,
        }
    }
}

async fn connect(key: &CameraKey) -> Result<Socket, Trouble> {
    let unreachable = |error: &dyn std::fmt::Display| Trouble::Unreachable(error.to_string());
    let mut request = key
        .websocket_url()
        .as_str()
        .into_client_request()
        .map_err(|e| unreachable(&e))?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.secret))
        .map_err(|_| Trouble::Refused(401))?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);

    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .max_write_buffer_size(4 * MAX_MESSAGE_BYTES);
    let connector = match key.url.scheme() {
        "https" => Some(tls().map_err(|e| unreachable(&e))?),
        _ => None,
    };
    let connecting = connect_async_tls_with_config(request, Some(config), true, connector);
    match timeout(CONNECT_TIMEOUT, connecting).await {
        Ok(Ok((socket, _response))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => {
            let status = response.status();
            match status.as_u16() {
                401 | 403 => Err(Trouble::Refused(status.as_u16())),
                _ => Err(unreachable(&format!("it answered HTTP {status}"))),
            }
        }
        Ok(Err(error)) => Err(unreachable(&error)),
        Err(_) => Err(unreachable(&"no answer within 10 s")),
    }
}

fn tls() -> Result<Connector, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Connector::Rustls(Arc::new(config)))
}

/// Carries messages both ways until the connection ends, and says why it did.
async fn converse(
    socket: Socket,
    mut queue: mpsc::Receiver<String>,
    incoming: &mpsc::Sender<Incoming>,
) -> String {
    let (mut write, mut read) = socket.split();
    let writer = async {
        while let Some(text) = queue.recv().await {
            match timeout(WRITE_TIMEOUT, write.send(Message::text(text))).await {
                Ok(Ok(())) => (),
                Ok(Err(error)) => return error.to_string(),
                Err(_) => return "it does not read what we send".to_owned(),
            }
        }
        let _ = timeout(WRITE_TIMEOUT, write.close()).await;
        "closed by this camera".to_owned()
    };
    let reader = async {
        loop {
            match timeout(SILENCE_TIMEOUT, read.next()).await {
                Ok(Some(Ok(Message::Text(text)))) => {
                    if incoming
                        .send(Incoming::Message(text.as_str().to_owned()))
                        .await
                        .is_err()
                    {
                        return "closed by this camera".to_owned();
                    }
                }
                Ok(Some(Ok(Message::Close(_))) | None) => return "it was closed".to_owned(),
                Ok(Some(Ok(_))) => (),
                Ok(Some(Err(error))) => return error.to_string(),
                Err(_) => return "nothing came for 40 s".to_owned(),
            }
        }
    };
    tokio::select! { why = writer => why, why = reader => why }
}
