// SPDX-License-Identifier: MPL-2.0
//! One session that was asked for by HTTP: a client of the hub as a WebSocket is, from its offer to its end.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use porthole_protocol::wire::{
    self, Announce, ClientMessage, Code, EndSessionMessage, IceServer, IncomingMessage,
    PeerMessage, PeerMessageInner, PeerStatus, StartSessionMessage, ToServer, ToServerExtra,
};
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use super::heard::{Heard, Refused, read};
use crate::hub::{Event, HubHandle};
use crate::log_out::follow_login;
use crate::queue::{Dropped, Inbox, queue};
use crate::registry::{LoginEnd, SecretDigest};
use crate::rights::Rights;
use crate::room::{ClientId, Principal};

/// How long the answer waits for the camera's candidates. A STUN server answers in a fraction of it; a relay that does not
/// answer at all must not keep anyone from a picture in the same network.
const GATHERING: Duration = Duration::from_secs(2);
/// Candidates of the camera that are kept for the answer: those of eight addresses by UDP and TCP, and of as many relays.
const MAX_CANDIDATES: usize = 64;

/// What is asked for.
pub(crate) struct Asked {
    pub(crate) rights: Arc<Rights>,
    /// By which the viewer is known; `None` for a guest.
    pub(crate) credential: Option<SecretDigest>,
    pub(crate) login: Option<LoginEnd>,
    pub(crate) address: IpAddr,
    pub(crate) camera: String,
    pub(crate) offer: String,
}

/// What a viewer who was let in is told.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) answer: String,
    pub(crate) candidates: Vec<(u32, String)>,
    pub(crate) ice_servers: Vec<IceServer>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NotOpened {
    Refused(Refused),
    /// The camera does not answer.
    Silent,
    /// The server stops, or does not come round to it.
    Stuck,
}

/// What a request does with a session.
#[derive(Debug)]
pub(super) enum Command {
    Candidates(Vec<(u32, String)>),
    /// Answered when it is over.
    End(oneshot::Sender<()>),
}

/// A client of the hub.
struct Client<'a> {
    hub: &'a HubHandle,
    id: ClientId,
    inbox: Inbox,
    session: Option<String>,
}

/// Runs one session to its end. `opened` is told how it began; who asked may have left meanwhile.
pub(super) async fn run(
    hub: &HubHandle,
    asked: Asked,
    patience: Duration,
    opened: oneshot::Sender<Result<Opened, NotOpened>>,
    commands: mpsc::Receiver<Command>,
) {
    let id = hub.new_client();
    let (outbox, inbox, on_drop) = queue(hub.viewer_queue);
    let connected = hub.send(Event::Connected {
        client: id,
        principal: Principal::Viewer(asked.rights),
        credential: asked.credential,
        fence: None,
        address: asked.address,
        outbox,
    });
    if !connected.await {
        let _ = opened.send(Err(NotOpened::Stuck));
        return;
    }
    let mut client = Client {
        hub,
        id,
        inbox,
        session: None,
    };
    let whole = client.whole(
        (asked.camera, asked.offer),
        patience,
        opened,
        commands,
        on_drop,
    );
    let never = follow_login(asked.login, hub, id);
    let done = tokio::select! {
        done = whole => done,
        never = never => match never {},
    };
    client.leave().await;
    if let Some(done) = done {
        let _ = done.send(());
    }
}

impl Client<'_> {
    async fn whole(
        &mut self,
        (camera, offer): (String, String),
        patience: Duration,
        mut opened: oneshot::Sender<Result<Opened, NotOpened>>,
        commands: mpsc::Receiver<Command>,
        mut on_drop: oneshot::Receiver<Dropped>,
    ) -> Option<oneshot::Sender<()>> {
        let opening = tokio::select! {
            opening = timeout(patience, self.open(camera, offer)) => opening,
            // Who asked has left.
            () = opened.closed() => return None,
        };
        let opening = match opening {
            Ok(Ok(opening)) => Ok(opening),
            Ok(Err(Some(refused))) => Err(NotOpened::Refused(refused)),
            // What the hub has let go of without a word was told why here.
            Ok(Err(None)) => Err(match on_drop.try_recv() {
                Ok(Dropped::Because(code)) => NotOpened::Refused(Refused::bare(code)),
                _ => NotOpened::Stuck,
            }),
            Err(_) if self.session.is_some() => Err(NotOpened::Silent),
            Err(_) => Err(NotOpened::Stuck),
        };
        let is_open = opening.is_ok();
        // The answer is worth nothing to who has left, and so is the session.
        if opened.send(opening).is_err() || !is_open {
            return None;
        }
        self.last(commands, on_drop).await
    }

    async fn say(&self, message: impl Into<ClientMessage>) {
        let event = Event::Message(self.id, message.into(), Instant::now());
        self.hub.send(event).await;
    }

    /// `Err(None)` if the hub let go of the client.
    async fn open(&mut self, camera: String, offer: String) -> Result<Opened, Option<Refused>> {
        // So that it hears the reasons of refusals and ends.
        let announce = Announce {
            version: wire::VERSION,
            ..Announce::default()
        };
        let status = PeerStatus {
            roles: Vec::new(),
            meta: None,
            peer_id: None,
        };
        self.say(ToServer {
            message: IncomingMessage::SetPeerStatus(status),
            extra: ToServerExtra {
                porthole: Some(announce),
                ..ToServerExtra::default()
            },
        })
        .await;
        let start = StartSessionMessage {
            peer_id: camera,
            offer: Some(offer),
        };
        self.say(ToServer::from(IncomingMessage::StartSession(start)))
            .await;
        let mut opened = Opened {
            answer: String::new(),
            candidates: Vec::new(),
            ice_servers: Vec::new(),
        };
        let mut until = None;
        loop {
            let heard = tokio::select! {
                text = self.inbox.next() => read(&text.ok_or(None::<Refused>)?),
                () = by(until) => return Ok(opened),
            };
            match heard {
                Heard::Started {
                    session,
                    ice_servers,
                } => {
                    self.session = Some(session);
                    opened.ice_servers = ice_servers;
                }
                Heard::Answer(answer) => {
                    opened.answer = answer;
                    until = Some(Instant::now() + GATHERING);
                }
                Heard::Candidate(m_line, candidate) => {
                    if opened.candidates.len() < MAX_CANDIDATES {
                        opened.candidates.push((m_line, candidate));
                    }
                }
                Heard::Gathered if until.is_some() => return Ok(opened),
                Heard::Refused(refused) => return Err(Some(refused)),
                Heard::Ended(refused) => {
                    self.session = None;
                    return Err(Some(refused));
                }
                Heard::Gathered | Heard::Other => (),
            }
        }
    }

    /// Until the session is over, or a request ends it, which is to be told so.
    async fn last(
        &mut self,
        mut commands: mpsc::Receiver<Command>,
        mut on_drop: oneshot::Receiver<Dropped>,
    ) -> Option<oneshot::Sender<()>> {
        loop {
            let command = tokio::select! {
                command = commands.recv() => command,
                text = self.inbox.next() => match read(&text?) {
                    Heard::Ended(_) => {
                        self.session = None;
                        return None;
                    }
                    _ => continue,
                },
                // Its last words wait in the inbox, and change nothing any more.
                dropped = &mut on_drop => {
                    self.session = None;
                    note(dropped);
                    return None;
                }
            };
            match command {
                Some(Command::Candidates(candidates)) => self.trickle(candidates).await,
                Some(Command::End(done)) => return Some(done),
                // Nobody has its address any more.
                None => return None,
            }
        }
    }

    async fn trickle(&self, candidates: Vec<(u32, String)>) {
        let Some(session) = &self.session else { return };
        for (sdp_m_line_index, candidate) in candidates {
            let message = PeerMessage {
                session_id: session.clone(),
                peer_message: PeerMessageInner::Ice {
                    candidate,
                    sdp_m_line_index,
                },
            };
            self.say(ToServer::from(IncomingMessage::Peer(message)))
                .await;
        }
    }

    /// Ends the session, which nobody could come back to, and the connection.
    async fn leave(&mut self) {
        if let Some(session_id) = self.session.take() {
            let end = EndSessionMessage { session_id };
            self.say(ToServer::from(IncomingMessage::EndSession(end)))
                .await;
        }
        self.hub.send(Event::Gone(self.id)).await;
    }
}

impl Refused {
    fn bare(code: Code) -> Self {
        Self {
            code,
            details: String::new(),
            next: None,
        }
    }
}

/// Waits for this time, or for ever.
async fn by(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

fn note(dropped: Result<Dropped, RecvError>) {
    if matches!(dropped, Ok(Dropped::TooSlow)) {
        tracing::warn!("a session by WHEP did not keep up with what it was told");
    }
}
