// SPDX-License-Identifier: MPL-2.0
//! One camera's life at its server: a task that owns the gate, the socket and every deadline.
//!
//! webrtcsink and the sink talk to it through [`Command`]s, it talks to them through [`Host`].

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use porthole_protocol::{
    grant::Permission,
    key::CameraKey,
    random_secret,
    wire::{
        self, Announce, Code, EndSessionMessage, Extension, IncomingMessage, OutgoingMessage,
        PeerMessage, PeerMessageInner, PeerRole, PeerStatus, SdpMessage, ToPeer, ToServer,
        ToServerExtra,
    },
};
use tokio::sync::mpsc;

use super::{
    gate::{Admitted, Gate, Refusal},
    socket::{self, Incoming, Trouble},
};

/// Commands waiting for the task. webrtcsink sends about 30 for each session's start, mostly candidates.
pub(crate) const MAX_COMMANDS: usize = 1024;
/// Messages read from the socket and not yet handled; the socket waits beyond that.
const MAX_INCOMING: usize = 64;
/// How long the last messages may take to leave when the camera stops.
const FAREWELL: Duration = Duration::from_millis(500);

/// What webrtcsink and the sink want of the link.
#[derive(Debug)]
pub(crate) enum Command {
    /// webrtcsink can (or can no longer) take sessions.
    Ready(bool),
    /// A session's description or candidate for its viewer.
    Peer(PeerMessage),
    /// webrtcsink ended the session by itself.
    Ended(String),
    /// Media of the session flows.
    Connected(String),
    MaxViewers(usize),
}

/// What the operator hears of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Online,
    /// Comes once for each outage.
    Offline {
        trouble: String,
    },
    Joined {
        session: String,
        user: String,
        permissions: Vec<Permission>,
        until: Instant,
    },
    Renewed {
        session: String,
        permissions: Vec<Permission>,
        until: Instant,
    },
    Left {
        session: String,
        user: String,
        permissions: Vec<Permission>,
        reason: Code,
    },
    Refused {
        session: String,
        refusal: Refusal,
    },
}

/// The side of webrtcsink and of the sink.
pub(crate) trait Host: Send + 'static {
    /// Starts a session; `offer` is the consumer's, if it made one.
    fn start_session(&self, session: &str, offer: Option<&str>);
    fn end_session(&self, session: &str);
    fn answer(&self, session: &str, sdp: &str);
    fn candidate(&self, session: &str, m_line: u32, candidate: &str);
    /// `viewers` is the number of admitted sessions after the event.
    fn event(&self, event: Event, viewers: usize);
}

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) key: CameraKey,
    /// Display name, sent as the `name` of the camera's meta; the server has one of its own.
    pub(crate) name: Option<String>,
    pub(crate) max_viewers: usize,
    pub(crate) orphan_timeout: Duration,
}

struct Link<H> {
    host: H,
    gate: Gate,
    name: Option<String>,
    outgoing: Option<mpsc::Sender<String>>,
    /// Whether webrtcsink takes sessions; until then they wait with their offers.
    ready: bool,
    waiting: HashMap<String, Option<String>>,
    /// An outage was reported, and is not over.
    reported: bool,
}

/// Runs until `commands` is closed, then ends all sessions.
pub(crate) async fn run<H: Host>(options: Options, host: H, mut commands: mpsc::Receiver<Command>) {
    let key = options.key;
    let mut link = Link {
        host,
        gate: Gate::new(
            &key.id,
            key.grant_key,
            options.max_viewers,
            options.orphan_timeout,
        ),
        name: options.name,
        outgoing: None,
        ready: false,
        waiting: HashMap::new(),
        reported: false,
    };
    let (sender, mut incoming) = mpsc::channel(MAX_INCOMING);
    let mut socket = tokio::spawn(socket::run(key, sender));
    loop {
        let deadline = link.gate.next_deadline();
        tokio::select! {
            // What is overdue comes first, and what the operator set counts for all that comes later.
            biased;
            () = until(deadline) => link.enforce(Instant::now()),
            command = commands.recv() => match command {
                Some(command) => link.command(command),
                None => break,
            },
            Some(event) = incoming.recv() => link.incoming(event),
        }
    }
    for session in link.gate.session_ids() {
        link.end(&session, Code::CameraGone, true);
    }
    // Dropping both ends lets the socket send what is queued, say goodbye and stop.
    drop((link, incoming));
    if tokio::time::timeout(FAREWELL, &mut socket).await.is_err() {
        socket.abort();
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

impl<H: Host> Link<H> {
    fn command(&mut self, command: Command) {
        match command {
            Command::Ready(ready) => {
                self.ready = ready;
                if ready {
                    for (session, offer) in std::mem::take(&mut self.waiting) {
                        self.host.start_session(&session, offer.as_deref());
                    }
                }
            }
            Command::Peer(message) if self.gate.contains(&message.session_id) => {
                self.send(IncomingMessage::Peer(message).into());
            }
            Command::Peer(_) => (),
            Command::Ended(session) => self.end(&session, Code::MediaFailed, false),
            Command::Connected(session) => self.gate.connected(&session),
            Command::MaxViewers(max) => self.gate.set_max_viewers(max),
        }
    }

    fn incoming(&mut self, incoming: Incoming) {
        match incoming {
            Incoming::Online { outgoing } => self.outgoing = Some(outgoing),
            Incoming::Offline(trouble) => self.offline(&trouble),
            Incoming::Message(text) => match serde_json::from_str::<Extension>(&text) {
                Ok(Extension::GrantUpdate {
                    session_id,
                    grant: Some(grant),
                    ..
                }) => self.renew(&session_id, &grant),
                Ok(_) => (),
                Err(_) => match serde_json::from_str::<ToPeer>(&text) {
                    Ok(message) => self.message(message),
                    Err(error) => gst::warning!(super::CAT, "unreadable message: {error}"),
                },
            },
        }
    }

    fn message(&mut self, ToPeer { message, extra }: ToPeer) {
        match message {
            OutgoingMessage::Welcome { peer_id } => self.register(peer_id),
            OutgoingMessage::StartSession {
                session_id, offer, ..
            } => {
                self.admit(session_id, offer, extra.grant.as_deref());
            }
            OutgoingMessage::EndSession(EndSessionMessage { session_id }) => {
                self.end(&session_id, extra.reason.unwrap_or(Code::ViewerLeft), true);
            }
            OutgoingMessage::Peer(PeerMessage {
                session_id,
                peer_message,
            }) if self.gate.contains(&session_id) => match peer_message {
                PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => {
                    self.host.answer(&session_id, &sdp);
                }
                PeerMessageInner::Ice {
                    candidate,
                    sdp_m_line_index,
                } => {
                    self.host
                        .candidate(&session_id, sdp_m_line_index, &candidate);
                }
                PeerMessageInner::Sdp(SdpMessage::Offer { .. }) => {
                    gst::warning!(super::CAT, "{session_id}: an offer in mid-session");
                }
            },
            OutgoingMessage::Error { details } => match extra.code {
                Some(Code::Replaced) => self.report(
                    "another process uses the same camera key and took over; \
                     enrol each camera with a key of its own"
                        .to_owned(),
                ),
                _ => gst::warning!(super::CAT, "the server says: {details}"),
            },
            _ => (),
        }
    }

    /// The server welcomed us: announce the camera, with a nonce for this connection.
    fn register(&mut self, peer_id: String) {
        let nonce = random_secret();
        self.gate.online(nonce.clone());
        self.reported = false;
        let status = PeerStatus {
            roles: vec![PeerRole::Producer],
            meta: self
                .name
                .as_ref()
                .map(|name| serde_json::json!({ "name": name })),
            peer_id: Some(peer_id),
        };
        let porthole = Some(Announce {
            version: wire::VERSION,
            nonce: Some(nonce),
            sessions: Vec::new(),
        });
        self.send(ToServer {
            message: IncomingMessage::SetPeerStatus(status),
            extra: ToServerExtra {
                porthole,
                ..ToServerExtra::default()
            },
        });
        self.host.event(Event::Online, self.gate.viewers());
    }

    fn admit(&mut self, session: String, offer: Option<String>, grant: Option<&str>) {
        match self.gate.admit(&session, grant, Instant::now()) {
            Ok(Admitted {
                user,
                permissions,
                until,
                ..
            }) => {
                let event = Event::Joined {
                    session: session.clone(),
                    user: user.clone(),
                    permissions: permissions.clone(),
                    until: *until,
                };
                self.host.event(event, self.gate.viewers());
                if self.ready {
                    self.host.start_session(&session, offer.as_deref());
                } else {
                    self.waiting.insert(session, offer);
                }
            }
            Err(refusal) => {
                // A replay must not make the server believe that the running session ended.
                if !self.gate.contains(&session) {
                    self.say_ended(&session, refusal.code());
                }
                self.host
                    .event(Event::Refused { session, refusal }, self.gate.viewers());
            }
        }
        if self.gate.is_worn() {
            self.outgoing = None;
        }
    }

    fn renew(&mut self, session: &str, grant: &str) {
        let event = match self.gate.update(session, grant, Instant::now()) {
            Ok(Admitted {
                permissions, until, ..
            }) => Event::Renewed {
                session: session.to_owned(),
                permissions: permissions.clone(),
                until: *until,
            },
            Err(refusal) => Event::Refused {
                session: session.to_owned(),
                refusal,
            },
        };
        self.host.event(event, self.gate.viewers());
    }

    fn enforce(&mut self, now: Instant) {
        for (session, code) in self.gate.due(now) {
            self.end(&session, code, true);
        }
    }

    /// Ends a session everywhere; `media` says whether webrtcsink still has it.
    fn end(&mut self, session: &str, reason: Code, media: bool) {
        let Some(Admitted {
            user, permissions, ..
        }) = self.gate.remove(session)
        else {
            return;
        };
        let waited = self.waiting.remove(session).is_some();
        if media && !waited {
            self.host.end_session(session);
        }
        if reason != Code::ViewerLeft {
            self.say_ended(session, reason);
        }
        let event = Event::Left {
            session: session.to_owned(),
            user,
            permissions,
            reason,
        };
        self.host.event(event, self.gate.viewers());
    }

    fn say_ended(&mut self, session: &str, reason: Code) {
        let end = EndSessionMessage {
            session_id: session.to_owned(),
        };
        self.send(ToServer {
            message: IncomingMessage::EndSession(end),
            extra: ToServerExtra {
                reason: Some(reason),
                ..ToServerExtra::default()
            },
        });
    }

    fn offline(&mut self, trouble: &Trouble) {
        self.outgoing = None;
        self.gate.offline(Instant::now());
        self.report(trouble.to_string());
    }

    fn report(&mut self, trouble: String) {
        if !std::mem::replace(&mut self.reported, true) {
            self.host
                .event(Event::Offline { trouble }, self.gate.viewers());
        }
    }

    fn send(&mut self, message: ToServer) {
        let Some(outgoing) = &self.outgoing else {
            return;
        };
        let Ok(text) = serde_json::to_string(&message) else {
            return;
        };
        if outgoing.try_send(text).is_err() {
            // The queue holds far more than any session needs: the connection is stuck. Make a new one.
            gst::warning!(super::CAT, "the server does not read; connecting again");
            self.outgoing = None;
        }
    }
}
