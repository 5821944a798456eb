// SPDX-License-Identifier: MPL-2.0
//! Viewers who watch at an SFU, on this server's word.
//!
//! The room gives this client their sessions in place of the camera (`room::sfu`). For each it takes the viewer's offer to the SFU by
//! WHEP, whose credential no viewer ever has, brings the answer back, and ends the session there with the right.
//!
//! - [`run`]: the client of the hub.
//! - `kept`: what runs at the SFU, on disk, so that a server that comes up ends what it had left.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use porthole_protocol::wire::{
    Code, EndSessionMessage, IncomingMessage, OutgoingMessage, PeerMessage, PeerMessageInner,
    SdpMessage, ToPeer, ToServer, ToServerExtra,
};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use url::Url;

use crate::hub::{Event, HubHandle};
use crate::queue::{CAMERA_QUEUE, queue};
use crate::shutdown::stopped;
use crate::whip_client::{Created, Failure, Resource, WhipClient};
use kept::Kept;

mod kept;

/// Stands for the camera's id in the address.
const CAMERA: &str = "{camera}";
/// Requests to the SFU at a time. What is beyond waits; a session that ends meanwhile is not asked for.
const MAX_REQUESTS: usize = 32;
/// Answers of the SFU that wait to be taken up.
const MAX_ANSWERS: usize = 64;
/// In a server that stops: for ending what runs at the SFU.
const GOODBYE: Duration = Duration::from_secs(2);

/// Where some watch.
#[derive(Clone)]
pub struct SfuOptions {
    /// WHEP endpoint of a camera's picture, with `{camera}` for the camera's id.
    pub whep: String,
    /// The bearer token that it wants.
    pub token: Option<String>,
    /// So many viewers watch a camera itself; those that come then watch at the SFU.
    pub from_viewers: usize,
    /// Where is written what runs at the SFU.
    pub kept: Option<PathBuf>,
}

impl std::fmt::Debug for SfuOptions {
    /// Without the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SfuOptions({}, from {})", self.whep, self.from_viewers)
    }
}

impl SfuOptions {
    /// The endpoint of this camera's picture.
    ///
    /// # Errors
    /// In words, if the address is none.
    pub fn endpoint(&self, camera: &str) -> Result<Url, String> {
        let url = Url::parse(&self.whep.replace(CAMERA, camera));
        let url = url.map_err(|error| format!("{}: {error}", self.whep))?;
        match url.scheme() {
            "https" | "http" if url.has_host() => Ok(url),
            _ => Err(format!("{}: give an address with https://", self.whep)),
        }
    }
}

/// A session that the room has given us.
enum Session {
    /// Its viewer has yet to offer.
    Waiting {
        camera: String,
    },
    /// The SFU has yet to answer.
    Asked,
    Runs,
}

struct Sfu {
    hub: Arc<HubHandle>,
    options: SfuOptions,
    client: Arc<WhipClient>,
    id: crate::room::ClientId,
    sessions: HashMap<String, Session>,
    /// Ended before the SFU answered.
    ended: HashSet<String>,
    kept: Kept,
    requests: Arc<Semaphore>,
    answers: mpsc::Sender<(String, Result<Created, Failure>)>,
    /// Ends that the SFU is being told of.
    ends: JoinSet<()>,
}

/// Runs until the server stops.
pub(crate) async fn run(hub: Arc<HubHandle>, options: SfuOptions, mut stop: watch::Receiver<()>) {
    let endpoint = options.endpoint("camera");
    let client = endpoint.and_then(|url| {
        WhipClient::new(url, options.token.as_deref()).map_err(|error| error.to_string())
    });
    let client = match client {
        Ok(client) => Arc::new(client),
        Err(error) => return tracing::error!(error, "[sfu]: nobody watches at the SFU"),
    };
    while attend(&hub, &options, &client, &mut stop).await {
        tracing::error!(
            "[sfu]: more happened at once than could be waited for; all there has ended, and it begins anew"
        );
    }
}

/// Whether the hub goes on without us.
async fn attend(
    hub: &Arc<HubHandle>,
    options: &SfuOptions,
    client: &Arc<WhipClient>,
    stop: &mut watch::Receiver<()>,
) -> bool {
    let (outbox, mut inbox, _on_drop) = queue(CAMERA_QUEUE);
    let (answers, mut answered) = mpsc::channel(MAX_ANSWERS);
    let id = hub.new_client();
    let mut sfu = Sfu {
        kept: Kept::open(options.kept.clone()).await,
        hub: hub.clone(),
        client: client.clone(),
        id,
        sessions: HashMap::new(),
        ended: HashSet::new(),
        requests: Arc::new(Semaphore::new(MAX_REQUESTS)),
        answers,
        ends: JoinSet::new(),
        options: options.clone(),
    };
    // What a server that was killed has left there: nobody watches over it.
    for resource in sfu.kept.take_all() {
        sfu.delete(resource);
    }
    let connected = Event::SfuConnected {
        client: id,
        from_viewers: sfu.options.from_viewers,
        outbox,
    };
    if !hub.send(connected).await {
        return false;
    }
    let goes_on = loop {
        tokio::select! {
            message = inbox.next() => match message.map(|text| serde_json::from_str::<ToPeer>(&text)) {
                Some(Ok(message)) => sfu.told(message),
                // Our own additions: of terms that change, only the end is for the SFU.
                Some(Err(_)) => (),
                None => break true,
            },
            Some((session, answer)) = answered.recv() => sfu.answered(session, answer).await,
            Some(_) = sfu.ends.join_next() => (),
            () = stopped(stop) => break false,
        }
    };
    sfu.stop().await;
    goes_on
}

impl Sfu {
    fn told(&mut self, message: ToPeer) {
        match message.message {
            OutgoingMessage::StartSession {
                session_id, offer, ..
            } => {
                if let Some(camera) = message.extra.camera {
                    let waiting = Session::Waiting { camera };
                    self.sessions.insert(session_id.clone(), waiting);
                }
                if let Some(offer) = offer {
                    self.ask(session_id, offer);
                }
            }
            OutgoingMessage::Peer(PeerMessage {
                session_id,
                peer_message: PeerMessageInner::Sdp(SdpMessage::Offer { sdp }),
            }) => self.ask(session_id, sdp),
            OutgoingMessage::EndSession(EndSessionMessage { session_id }) => self.end(&session_id),
            _ => (),
        }
    }

    /// Takes a viewer's offer to the SFU. There is one in a session: a second is nobody's.
    fn ask(&mut self, session: String, offer: String) {
        let Some(state @ Session::Waiting { .. }) = self.sessions.get_mut(&session) else {
            return;
        };
        let Session::Waiting { camera } = std::mem::replace(state, Session::Asked) else {
            return;
        };
        let (client, answers) = (self.client.clone(), self.answers.clone());
        let (requests, endpoint) = (self.requests.clone(), self.options.endpoint(&camera));
        tokio::spawn(async move {
            let _place = requests.acquire().await;
            let answer = match endpoint {
                Ok(url) => client.create_at(&url, offer).await,
                Err(error) => Err(Failure::Unreachable(error)),
            };
            // It fails when the server stops; what was made there then is ended by its next start, if it was written down, or
            // else by the viewer, who has no answer.
            let _ = answers.send((session, answer)).await;
        });
    }

    async fn answered(&mut self, session: String, answer: Result<Created, Failure>) {
        let is_over = self.ended.remove(&session);
        match answer {
            Ok(Created { answer, resource }) => {
                let Some(resource) = resource else {
                    // It could never be ended.
                    tracing::error!(
                        "the SFU names no resource for a session, so that nobody watches there: it speaks no WHEP"
                    );
                    return self.refuse(session, Code::MediaFailed).await;
                };
                if is_over {
                    return self.delete(resource);
                }
                // Before the viewer can see anything, so that a server that is killed finds it again.
                if let Err(error) = self.kept.add(&session, resource.clone()).await {
                    tracing::error!(%error, "cannot write down what runs at the SFU, so that nobody watches there");
                    self.delete(resource);
                    return self.refuse(session, Code::MediaFailed).await;
                }
                self.sessions.insert(session.clone(), Session::Runs);
                // The SFU's candidates are in the answer, and there are no others.
                for peer_message in [
                    PeerMessageInner::Sdp(SdpMessage::Answer { sdp: answer }),
                    PeerMessageInner::Ice {
                        candidate: String::new(),
                        sdp_m_line_index: 0,
                    },
                ] {
                    self.say(ToServer::from(IncomingMessage::Peer(PeerMessage {
                        session_id: session.clone(),
                        peer_message,
                    })))
                    .await;
                }
            }
            Err(failure) if !is_over => {
                tracing::warn!(session, "no place at the SFU: {failure}");
                let code = match failure {
                    Failure::Busy(_) | Failure::NoSuchEndpoint(_) => Code::CameraFull,
                    _ => Code::MediaFailed,
                };
                self.refuse(session, code).await;
            }
            Err(_) => (),
        }
    }

    async fn refuse(&mut self, session: String, reason: Code) {
        self.sessions.remove(&session);
        let end = EndSessionMessage {
            session_id: session,
        };
        self.say(ToServer {
            message: IncomingMessage::EndSession(end),
            extra: ToServerExtra {
                reason: Some(reason),
                ..ToServerExtra::default()
            },
        })
        .await;
    }

    async fn say(&self, message: ToServer) {
        let event = Event::Message(self.id, message.into(), Instant::now().into());
        self.hub.send(event).await;
    }

    fn end(&mut self, session: &str) {
        match self.sessions.remove(session) {
            Some(Session::Asked) => {
                self.ended.insert(session.to_owned());
            }
            Some(Session::Runs) => {
                if let Some(resource) = self.kept.take(session) {
                    self.delete(resource);
                }
            }
            Some(Session::Waiting { .. }) | None => (),
        }
    }

    /// Has the SFU end it. It is tried once more, since nobody else does.
    fn delete(&mut self, resource: Resource) {
        let client = self.client.clone();
        self.ends.spawn(async move {
            for _ in 0..2 {
                match timeout(GOODBYE, client.delete(resource.clone())).await {
                    Ok(Ok(())) => return,
                    Ok(Err(error)) => {
                        tracing::error!("a session at the SFU could not be ended: {error}")
                    }
                    Err(_) => tracing::error!(
                        "a session at the SFU could not be ended within {GOODBYE:?}"
                    ),
                }
            }
        });
    }

    /// A server that stops leaves nobody behind.
    async fn stop(mut self) {
        for resource in self.kept.take_all() {
            self.delete(resource);
        }
        let all = async { while self.ends.join_next().await.is_some() {} };
        if timeout(GOODBYE, all).await.is_ok() {
            self.kept.close().await;
        }
    }
}
