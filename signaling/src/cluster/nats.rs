// SPDX-License-Identifier: MPL-2.0
//! Frames of the servers go by NATS: each listens on a subject of its own, and all on one by which they find each other.
//!
//! Nobody waits for NATS: what finds no room in the queue to it is lost, and so is the link that it was for, which begins anew.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use async_nats::{Client, ConnectOptions, Event, Message, Subscriber};
use futures_util::StreamExt as _;
use percent_encoding::percent_decode_str;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use url::Url;

use super::link::{Frame, HEARTBEAT, Links, Outbound};
use super::{Answer, Asks};
use crate::shutdown::stopped;

/// Frames that wait for NATS, and frames of others that wait for the room: some seconds of a busy server.
const MAX_WAITING: usize = 4096;
/// How often a server says to all that it is there.
const PRESENCE: Duration = Duration::from_secs(1);
/// How long the first connection may take, before the start fails: broken TLS or a wrong credential is not waited for.
const FIRST_WITHIN: Duration = Duration::from_secs(10);
/// Between two tries to connect again.
const RETRY: Duration = Duration::from_millis(250);
/// What a server that ends waits for, so that the others hear of it.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The largest frame that is read: a message to clients (64 KiB) as text in JSON, or a part of the list of cameras.
const MAX_FRAME: usize = 1024 * 1024;

/// How servers reach each other.
#[derive(Clone, PartialEq, Eq)]
pub struct ClusterOptions {
    /// `nats://` or `tls://`, with a name and a password where the server asks for them.
    pub nats: Url,
    /// A file of NATS credentials (a JWT and its key).
    pub credentials: Option<PathBuf>,
    /// Certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// A certificate and its key to show.
    pub certificate: Option<(PathBuf, PathBuf)>,
    /// What the servers of one service have in common, and those of another at the same NATS have not.
    pub name: String,
}

impl std::fmt::Debug for ClusterOptions {
    /// The address may hold a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClusterOptions")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

/// What comes from NATS.
pub(crate) enum Wire {
    /// A frame of another server's.
    Frame(Box<Frame>),
    /// A server has said that it is there.
    Presence(String),
    /// The connection broke: frames are lost.
    Broke,
}

/// The links of this server as its hub has them, and the way to NATS.
pub(crate) struct Member {
    pub(crate) links: Links,
    /// What others were asked.
    pub(crate) asks: Asks<oneshot::Sender<Answer>>,
    wire: mpsc::Receiver<Wire>,
    frames: mpsc::Sender<Outbound>,
    beat: tokio::time::Interval,
}

/// What a [`Member`] hears.
pub(crate) enum Turn {
    /// Something came.
    Wire(Wire),
    /// It is time to say that this server is there.
    Beat,
}

impl Member {
    /// What comes next.
    pub(crate) async fn next(&mut self) -> Turn {
        tokio::select! {
            Some(wire) = self.wire.recv() => Turn::Wire(wire),
            _ = self.beat.tick() => Turn::Beat,
        }
    }

    /// Sends a frame; `false` if it is lost.
    pub(crate) fn send(&self, frame: Outbound) -> bool {
        match self.frames.try_send(frame) {
            // With the task its server ends.
            Ok(()) | Err(TrySendError::Closed(_)) => true,
            Err(TrySendError::Full(_)) => false,
        }
    }
}

/// Whether NATS can be reached.
#[derive(Clone, Default)]
pub(crate) struct Reached(Arc<AtomicBool>);

impl Reached {
    pub(crate) fn get(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// A connection to NATS before it is used.
pub(crate) struct Nats {
    client: Client,
    own: Subscriber,
    all: Subscriber,
    subject: String,
    id: String,
    to_hub: mpsc::Sender<Wire>,
    frames: mpsc::Receiver<Outbound>,
    reached: Reached,
}

/// This server's place among the others, before it starts.
pub struct Cluster {
    pub(crate) nats: Nats,
    pub(crate) member: Member,
    pub(crate) reached: Reached,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster").finish_non_exhaustive()
    }
}

impl Cluster {
    /// Connects to NATS.
    ///
    /// # Errors
    /// A sentence that says what is wrong: it does not answer, refuses the credential, or its certificate is not trusted.
    pub async fn connect(options: &ClusterOptions) -> Result<Self, String> {
        let (nats, member, reached) = connect(options).await?;
        Ok(Self {
            nats,
            member,
            reached,
        })
    }
}

async fn connect(options: &ClusterOptions) -> Result<(Nats, Member, Reached), String> {
    let (to_hub, wire) = mpsc::channel(MAX_WAITING);
    let (frames, on_frame) = mpsc::channel(MAX_WAITING);
    let reached = Reached::default();
    let connecting = open(options, to_hub.clone(), reached.clone());
    let client = timeout(FIRST_WITHIN, connecting)
        .await
        .unwrap_or_else(|_| Err("it does not answer".to_owned()))
        .map_err(|error| format!("cluster.nats: {}: {error}", without_secrets(&options.nats)))?;
    let id = uuid::Uuid::new_v4().to_string();
    let subject = format!("porthole.{}", options.name);
    let own = subscribe(&client, format!("{subject}.to.{id}")).await?;
    let all = subscribe(&client, format!("{subject}.all")).await?;
    // Whoever may not subscribe hears it by then.
    let flushed = timeout(FIRST_WITHIN, client.flush()).await;
    flushed
        .map_err(|_| "cluster.nats does not answer".to_owned())?
        .map_err(|error| format!("cluster.nats: {error}"))?;
    reached.0.store(true, Relaxed);
    let mut beat = interval(HEARTBEAT);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let member = Member {
        links: Links::new(id.clone()),
        asks: Asks::new(),
        wire,
        frames,
        beat,
    };
    let nats = Nats {
        client,
        own,
        all,
        subject,
        id,
        to_hub,
        frames: on_frame,
        reached: reached.clone(),
    };
    Ok((nats, member, reached))
}

async fn subscribe(client: &Client, subject: String) -> Result<Subscriber, String> {
    let subscribed = client.subscribe(subject).await;
    subscribed.map_err(|error| format!("cluster.nats: {error}"))
}

async fn open(
    options: &ClusterOptions,
    to_hub: mpsc::Sender<Wire>,
    reached: Reached,
) -> Result<Client, String> {
    let mut connect = ConnectOptions::new()
        .name("porthole-signaling")
        .subscription_capacity(MAX_WAITING)
        .reconnect_delay_callback(|_| RETRY)
        .event_callback(move |event| {
            let (to_hub, reached) = (to_hub.clone(), reached.clone());
            async move {
                match event {
                    Event::Connected => {
                        tracing::info!("NATS can be reached");
                        reached.0.store(true, Relaxed);
                    }
                    Event::Disconnected | Event::Closed => {
                        tracing::warn!("NATS cannot be reached: other servers are out of reach");
                        reached.0.store(false, Relaxed);
                        let _ = to_hub.send(Wire::Broke).await;
                    }
                    Event::SlowConsumer(_) => {
                        let _ = to_hub.send(Wire::Broke).await;
                    }
                    event => tracing::info!(%event, "NATS"),
                }
            }
        });
    if let Some(file) = &options.credentials {
        let read = connect.credentials_file(file).await;
        connect = read.map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if let Some(ca) = &options.ca {
        connect = connect.add_root_certificates(ca.clone());
    }
    if let Some((certificate, key)) = &options.certificate {
        connect = connect.add_client_certificate(certificate.clone(), key.clone());
    }
    let (name, password) = (decoded(options.nats.username()), options.nats.password());
    connect = match (name.as_str(), password.map(decoded)) {
        ("", None) => connect,
        (_, Some(password)) => connect.user_and_password(name, password),
        // As NATS has it: what stands alone is a token.
        (_, None) => connect.token(name),
    };
    let connected = connect.connect(without_secrets(&options.nats)).await;
    connected.map_err(|error| error.to_string())
}

/// A part of an address as it was before it stood there.
fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

/// As it may stand in a log.
fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    if url.password().is_some() || !url.username().is_empty() {
        let _ = url.set_password(None);
        let _ = url.set_username("");
    }
    url.to_string()
}

impl Nats {
    /// Carries frames until the server stops.
    pub(crate) async fn run(mut self, mut stop: watch::Receiver<()>) {
        let mut presence = interval(PRESENCE);
        presence.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let all = format!("{}.all", self.subject);
        loop {
            tokio::select! {
                () = stopped(&mut stop) => break,
                Some(frame) = self.frames.recv() => self.publish(frame).await,
                Some(message) = self.own.next() => self.take(&message).await,
                Some(message) = self.all.next() => {
                    // Anybody may be there, in few words.
                    if let Ok(id) = std::str::from_utf8(&message.payload)
                        && uuid::Uuid::parse_str(id).is_ok()
                    {
                        let _ = self.to_hub.send(Wire::Presence(id.to_owned())).await;
                    }
                }
                _ = presence.tick() => {
                    let _ = self.client.publish(all.clone(), self.id.clone().into()).await;
                }
                else => break,
            }
        }
        // The hub says good-bye as it ends.
        let last = Instant::now() + LAST_WORDS;
        let words = async {
            while let Some(frame) = self.frames.recv().await {
                self.publish(frame).await;
            }
            let _ = self.client.flush().await;
        };
        let _ = tokio::time::timeout_at(last, words).await;
        self.reached.0.store(false, Relaxed);
    }

    async fn publish(&self, Outbound { to, frame }: Outbound) {
        let subject = format!("{}.to.{to}", self.subject);
        match serde_json::to_vec(&frame) {
            Ok(bytes) => {
                // Too large, or refused: its place among the others is missed, so that the link begins anew.
                if let Err(error) = self.client.publish(subject, bytes.into()).await {
                    tracing::warn!(%error, "a frame for another server is lost");
                }
            }
            Err(error) => tracing::error!(%error, "a frame could not be written as JSON"),
        }
    }

    async fn take(&self, message: &Message) {
        if message.payload.len() > MAX_FRAME {
            return tracing::warn!("a frame of another server is too large: it is left out");
        }
        match serde_json::from_slice(&message.payload) {
            Ok(frame) => {
                let _ = self.to_hub.send(Wire::Frame(Box::new(frame))).await;
            }
            // What a later version says; its place among the others is missed, so that the link begins anew.
            Err(error) => tracing::warn!(%error, "a frame of another server cannot be read"),
        }
    }
}
