// SPDX-License-Identifier: MPL-2.0
//! One WebSocket to the server that comes back by itself, for ever.

use std::{sync::Arc, time::Duration};

use backon::{BackoffBuilder as _, ExponentialBuilder};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use hyper_util::client::legacy::connect::HttpConnector;
use porthole_protocol::{key::CameraKey, limits::MAX_MESSAGE_BYTES};
use tokio::{
    net::TcpStream,
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout},
};
use tokio_tungstenite::{
    Connector, MaybeTlsStream, WebSocketStream, client_async_tls_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        http::{HeaderValue, Uri, header},
        protocol::WebSocketConfig,
    },
};
use tower_service::Service as _;

/// From one try to the next at first; short, since most outages are a server's restart.
const FIRST_PERIOD: Duration = Duration::from_millis(250);
/// The longest time from one try to the next, jitter included: the camera is back within 3 s of its server.
const LONGEST_PERIOD: Duration = Duration::from_secs(2);
/// How long after one address of the server the next is tried, until one answers (RFC 8305, 8).
const NEXT_ADDRESS: Duration = Duration::from_millis(250);
/// A TCP connection, over all addresses. No more than a period, so that a try into an outage does not outlast it.
const TCP_TIMEOUT: Duration = LONGEST_PERIOD;
/// TLS and the upgrade together, on a slow uplink.
const UPGRADE_TIMEOUT: Duration = Duration::from_secs(10);
/// One message to the server; a link that takes longer is dead.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest time between our pings, by which the camera knows that the server is there.
const LONGEST_PING: Duration = Duration::from_secs(5);
/// The shortest: an orphan timeout of a second needs no more.
const SHORTEST_PING: Duration = Duration::from_millis(200);
/// So many pings fall into an orphan timeout, so that one late answer ends nothing.
const PINGS_PER_ORPHAN_TIMEOUT: u32 = 4;
/// Two pings without an answer, and some slack: the server is gone.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(12);
/// A connection that stood this long counts as a success, after which tries begin fast again.
const STABLE: Duration = Duration::from_secs(10);
/// From one try to the next while the server does not know the key, at first: it may be about to be told.
const FIRST_REFUSED: Duration = Duration::from_secs(2);
/// And at last: the camera was removed, and its tries must not be in the way of others at its address.
const LONGEST_REFUSED: Duration = Duration::from_secs(4 * 60);
/// When another camera with our key took over, and we with it: two that fight change places this seldom.
const REPLACED_PAUSE: Duration = Duration::from_secs(30);
/// Messages waiting to be sent. A session's start takes about 30, mostly candidates.
const MAX_QUEUED: usize = 1024;

/// What happens on the socket.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A connection stands; what is sent on `outgoing` goes out on it and on no other.
    Online {
        outgoing: mpsc::Sender<Outgoing>,
    },
    Message(String),
    /// A ping or a pong.
    Alive,
    /// There is none, and why. Comes once for each failed try and each lost connection.
    Offline(LinkError),
}

/// What the socket is told.
#[derive(Debug)]
pub(super) enum Outgoing {
    Text(String),
    /// Another camera took over: close, and leave it alone for a while.
    Replaced,
}

/// Why there is no connection, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum LinkError {
    #[error(
        "the server does not know this camera key (HTTP {0}): enrol the camera again with `porthole-signaling camera add`"
    )]
    Refused(u16),
    #[error(
        "the server turns this address away for now (HTTP 429), since too much that is wrong came from it; the camera tries again"
    )]
    TurnedAway,
    #[error(
        "cannot reach the server: {0}; is it running, and is its address in the camera key right?"
    )]
    Unreachable(String),
    #[error("the connection to the server broke off: {0}")]
    Lost(String),
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How the camera tries.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    ping: Duration,
}

impl Pace {
    pub(super) fn new(orphan_timeout: Duration) -> Self {
        let ping = orphan_timeout / PINGS_PER_ORPHAN_TIMEOUT;
        Self {
            ping: ping.clamp(SHORTEST_PING, LONGEST_PING),
        }
    }
}

/// The times between tries: doubling, and jittered by up to as much again, so that a fleet does not come back in step.
fn periods() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PERIOD)
        .with_max_delay(LONGEST_PERIOD / 2)
        .with_jitter()
        .without_max_times()
        .build()
        .map(|period| period.min(LONGEST_PERIOD))
}

/// The same while the server refuses, which passes by itself only when someone there does something.
fn refused_periods() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_REFUSED)
        .with_max_delay(LONGEST_REFUSED / 2)
        .with_jitter()
        .without_max_times()
        .build()
        .map(|period| period.min(LONGEST_REFUSED))
}

/// Connects, reads and writes until `incoming` is closed.
pub(super) async fn run(key: CameraKey, pace: Pace, incoming: mpsc::Sender<Incoming>) {
    let mut period = periods();
    let mut refused = refused_periods();
    loop {
        let started = Instant::now();
        let mut next = period.next().unwrap_or(LONGEST_PERIOD);
        let error = match connect(&key).await {
            Ok(socket) => {
                refused = refused_periods();
                let (outgoing, queue) = mpsc::channel(MAX_QUEUED);
                if incoming.send(Incoming::Online { outgoing }).await.is_err() {
                    return;
                }
                let end = converse(socket, queue, pace, &incoming).await;
                if end == End::Replaced {
                    next = started.elapsed() + REPLACED_PAUSE;
                } else if started.elapsed() > STABLE {
                    period = periods();
                    next = started.elapsed() + period.next().unwrap_or(LONGEST_PERIOD);
                }
                LinkError::Lost(end.to_string())
            }
            Err(error) => {
                if matches!(error, LinkError::Refused(_) | LinkError::TurnedAway) {
                    next = refused.next().unwrap_or(LONGEST_REFUSED);
                }
                error
            }
        };
        if incoming.send(Incoming::Offline(error)).await.is_err() {
            return;
        }
        tokio::select! {
            () = sleep_until(started + next) => (),
            () = incoming.closed() => return,
        }
    }
}

async fn connect(key: &CameraKey) -> Result<Socket, LinkError> {
    let unreachable = |error: &dyn std::fmt::Display| LinkError::Unreachable(error.to_string());
    let mut request = key
        .websocket_url()
        .as_str()
        .into_client_request()
        .map_err(|e| unreachable(&e))?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", key.secret))
        .map_err(|_| LinkError::Refused(401))?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_MESSAGE_BYTES))
        .max_frame_size(Some(MAX_MESSAGE_BYTES))
        .max_write_buffer_size(4 * MAX_MESSAGE_BYTES);
    let connector = match key.url.scheme() {
        "https" => {
            let config = tls(key).map_err(|e| unreachable(&e))?;
            Some(Connector::Rustls(Arc::new(config)))
        }
        _ => None,
    };
    let stream = tcp(request.uri().clone())
        .await
        .map_err(|e| unreachable(&e))?;
    let upgrading = client_async_tls_with_config(request, stream, Some(config), connector);
    match timeout(UPGRADE_TIMEOUT, upgrading).await {
        Ok(Ok((socket, _response))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(response))) => {
            let status = response.status();
            match status.as_u16() {
                401 | 403 => Err(LinkError::Refused(status.as_u16())),
                429 => Err(LinkError::TurnedAway),
                _ => Err(unreachable(&format!("it answered HTTP {status}"))),
            }
        }
        Ok(Err(error)) => Err(unreachable(&error)),
        Err(_) => Err(unreachable(&"no answer within 10 s")),
    }
}

/// A connection to whichever of the server's addresses answers first (RFC 8305).
async fn tcp(uri: Uri) -> Result<TcpStream, String> {
    let mut connector = HttpConnector::new();
    // It refuses other schemes than http unless told otherwise; TLS comes after it.
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector.set_happy_eyeballs_timeout(Some(NEXT_ADDRESS));
    connector.set_connect_timeout(Some(TCP_TIMEOUT));
    let connected = timeout(TCP_TIMEOUT, connector.call(uri)).await;
    match connected {
        Ok(Ok(stream)) => Ok(stream.into_inner()),
        Ok(Err(error)) => Err(with_source(&error)),
        Err(_) => Err("no answer within 2 s".to_owned()),
    }
}

/// The connector's own words are "tcp connect error"; what is wrong stands behind them.
pub(super) fn with_source(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

/// How the server is known by TLS.
pub(super) fn tls(key: &CameraKey) -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    if key.ca.is_empty() {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    } else {
        // A server with a certificate of its own is trusted by that alone.
        for certificate in &key.ca {
            roots.add(certificate.0.clone().into())?;
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}

/// Why a connection ended, in words for the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum End {
    #[error("closed by this camera")]
    Ours,
    #[error("another camera with the same key took over")]
    Replaced,
    #[error("it was closed")]
    Closed,
    #[error("it does not read what we send")]
    Stalled,
    #[error("nothing came for 12 s")]
    Silent,
    #[error("{0}")]
    Broken(String),
}

/// Carries messages both ways until the connection ends, and says why it did.
async fn converse(
    socket: Socket,
    queue: mpsc::Receiver<Outgoing>,
    pace: Pace,
    incoming: &mpsc::Sender<Incoming>,
) -> End {
    let (write, read) = socket.split();
    tokio::select! {
        end = write_all(write, queue, pace) => end,
        end = read_all(read, incoming) => end,
    }
}

async fn write_all(
    mut write: SplitSink<Socket, Message>,
    mut queue: mpsc::Receiver<Outgoing>,
    pace: Pace,
) -> End {
    let mut ping = interval(pace.ping);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = loop {
        let message = tokio::select! {
            message = queue.recv() => match message {
                Some(Outgoing::Text(text)) => Message::text(text),
                Some(Outgoing::Replaced) => break End::Replaced,
                None => break End::Ours,
            },
            _ = ping.tick() => Message::Ping(Vec::new().into()),
        };
        match timeout(WRITE_TIMEOUT, write.send(message)).await {
            Ok(Ok(())) => (),
            Ok(Err(error)) => return End::Broken(error.to_string()),
            Err(_) => return End::Stalled,
        }
    };
    let _ = timeout(WRITE_TIMEOUT, write.close()).await;
    end
}

async fn read_all(mut read: SplitStream<Socket>, incoming: &mpsc::Sender<Incoming>) -> End {
    loop {
        let event = match timeout(SILENCE_TIMEOUT, read.next()).await {
            Ok(Some(Ok(Message::Text(text)))) => Incoming::Message(text.as_str().to_owned()),
            Ok(Some(Ok(Message::Close(_))) | None) => return End::Closed,
            Ok(Some(Ok(_))) => Incoming::Alive,
            Ok(Some(Err(error))) => return End::Broken(error.to_string()),
            Err(_) => return End::Silent,
        };
        // Where nobody listens any more, what is queued is still to be sent: that ends the connection.
        let _ = incoming.send(event).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_tries_are_further_apart_than_the_longest_period() {
        for _ in 0..50 {
            let all: Vec<_> = periods().take(20).collect();
            assert!(
                all.iter().all(|period| *period <= LONGEST_PERIOD),
                "{all:?}"
            );
            assert!(all[0] < LONGEST_PERIOD / 2, "{all:?}");
        }
    }

    #[test]
    fn a_camera_that_was_removed_tries_every_few_minutes() {
        for _ in 0..50 {
            let all: Vec<_> = refused_periods().take(20).collect();
            assert!(
                all[0] >= FIRST_REFUSED && all[0] <= 2 * FIRST_REFUSED,
                "{all:?}"
            );
            let late = &all[10..];
            assert!(
                late.iter().all(|period| *period >= LONGEST_REFUSED / 2),
                "{all:?}"
            );
            assert!(
                late.iter().all(|period| *period <= LONGEST_REFUSED),
                "{all:?}"
            );
        }
    }

    #[test]
    fn pings_are_frequent_enough_for_the_orphan_timeout() {
        for (orphan, ping) in [(1, 250), (4, 1000), (60, 5000), (86_400, 5000)] {
            let pace = Pace::new(Duration::from_secs(orphan));
            assert_eq!(pace.ping, Duration::from_millis(ping));
        }
    }
}
