// SPDX-License-Identifier: MPL-2.0
//! One foreign client's connection: to the hub it is what `socket` is for our own.

use std::future::pending;
use std::net::IpAddr;
use std::time::Instant;

use porthole_protocol::wire::{ClientMessage, Code, ToPeer};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{sleep_until, timeout};

use super::translator::{LabOffers, Step, Translator, error};
use crate::auth::Identity;
use crate::hub::{Event, HubHandle};
use crate::limit::{CAMERA_PACE, MessagePace, VIEWER_PACE, cost};
use crate::log_out::follow_login;
use crate::queue::{CAMERA_QUEUE, Dropped, queue};
use crate::room::{ClientId, Principal};
use crate::shutdown::stopped;
use crate::timings::Timings;

/// What a client does.
pub(super) enum Heard {
    /// An event, of so many bytes; `ack` is where it waits for an answer.
    Event {
        name: String,
        data: Value,
        ack: Option<u64>,
        bytes: usize,
    },
    /// What is no event, of so many bytes.
    Unreadable(usize),
    /// What the wire itself has to see to.
    Chore(Chore, usize),
    /// It is gone.
    Gone,
}

/// What keeps a connection alive.
pub(super) enum Chore {
    Ping,
    Pong(Vec<u8>),
    /// A text of the client's own heartbeat waits for this one.
    Answer(String),
    /// It asks for a namespace that there is not.
    NoNamespace(String),
    None,
}

/// What events come and go by.
pub(super) trait Wire: Send {
    /// What comes next. It may be given up at any time.
    fn next(&mut self) -> impl Future<Output = Heard> + Send;

    /// Whether the client has taken an event, or will.
    fn say(&mut self, event: &str, data: &Value) -> impl Future<Output = bool> + Send;

    /// Answers an event that waits for that.
    fn ack(&mut self, ack: u64) -> impl Future<Output = bool> + Send;

    fn chore(&mut self, chore: Chore) -> impl Future<Output = bool> + Send;

    /// Hangs up, for this reason.
    fn hang_up(&mut self, code: &str) -> impl Future<Output = ()> + Send;
}

/// A client on its way to the hub.
pub(super) struct Bridge<'a> {
    pub(super) hub: &'a HubHandle,
    pub(super) address: IpAddr,
    pub(super) timings: Timings,
    pub(super) stop: watch::Receiver<()>,
    pub(super) lab_offers: LabOffers,
}

/// A client that is in.
struct Client<'a, W> {
    wire: &'a mut W,
    hub: &'a HubHandle,
    id: ClientId,
    is_camera: bool,
    translator: Translator,
    pace: MessagePace,
    /// Before this, nothing more is read.
    next: Instant,
}

impl Bridge<'_> {
    /// Runs a client to its end; `first` is what it has said already.
    pub(super) async fn run(
        mut self,
        wire: &mut impl Wire,
        identity: Identity,
        first: Option<Heard>,
    ) {
        let hub = self.hub;
        let id = hub.new_client();
        let Identity {
            principal,
            credential,
            login,
            ..
        } = identity;
        let (translator, pace, bounds) = match &principal {
            Principal::Camera { id } => (
                Translator::camera(id, self.lab_offers),
                CAMERA_PACE,
                CAMERA_QUEUE,
            ),
            Principal::Viewer(_) => (
                Translator::viewer(self.lab_offers),
                VIEWER_PACE,
                hub.viewer_queue,
            ),
        };
        let is_camera = matches!(translator, Translator::Camera(_));
        let (outbox, mut inbox, mut on_drop) = queue(bounds);
        if !hub.admits().await {
            return wire.hang_up("").await;
        }
        let Ok(fence) = hub.fence_of(&principal).await else {
            return wire.hang_up("").await;
        };
        let connected = Event::Connected {
            client: id,
            principal,
            credential,
            fence,
            address: self.address,
            outbox,
        };
        if !hub.send(connected).await {
            return wire.hang_up("").await;
        }
        let now = Instant::now();
        let mut client = Client {
            wire,
            hub,
            id,
            is_camera,
            pace: MessagePace::new(pace, now),
            next: now,
            translator,
        };
        let greeting = client.translator.greeting();
        let mut goes_on = client.take(greeting, &mut 0).await;
        if let Some(first) = first {
            goes_on = goes_on && client.hear(first).await;
        }
        let mut logged_out = std::pin::pin!(follow_login(login, hub, id));
        let mut is_dropped = None;
        while goes_on {
            let (resume, deadline) = (client.next, client.translator.deadline());
            let wire = &mut client.wire;
            let read = async {
                sleep_until(resume.into()).await;
                wire.next().await
            };
            tokio::select! {
                heard = read => goes_on = client.hear(heard).await,
                message = inbox.next() => match message {
                    Some(text) => {
                        goes_on = client.tell(&text).await;
                        if inbox.is_asked() {
                            hub.send(Event::ListOn(id)).await;
                        }
                    }
                    None => {
                        is_dropped = (&mut on_drop).await.ok();
                        break;
                    }
                },
                () = until(deadline) => {
                    let steps = client.translator.tick(Instant::now());
                    goes_on = client.take(steps, &mut 0).await;
                }
                () = stopped(&mut self.stop) => break,
                never = &mut logged_out => match never {},
            }
        }
        // Whoever went, or is too slow, is sent nothing more.
        let code = match is_dropped.or_else(|| on_drop.try_recv().ok()) {
            Some(Dropped::Because(code)) => code.to_string(),
            Some(Dropped::TooSlow) => "too-slow".to_owned(),
            Some(Dropped::Moves) => "moves".to_owned(),
            None => String::new(),
        };
        for message in client.translator.leave() {
            let message = Event::Message(id, message.into(), Instant::now().into());
            hub.send(message).await;
        }
        hub.send(Event::Gone(id)).await;
        let _ = timeout(self.timings.close, client.wire.hang_up(&code)).await;
    }
}

impl<W: Wire> Client<'_, W> {
    /// Whether it goes on.
    async fn hear(&mut self, heard: Heard) -> bool {
        let mut counts_for = 0;
        let (goes_on, bytes) = match heard {
            Heard::Gone => return false,
            Heard::Chore(chore, bytes) => (self.wire.chore(chore).await, bytes),
            Heard::Unreadable(bytes) => {
                let step = error(Code::BadMessage, "this is no event of JSON");
                (self.take(vec![step], &mut counts_for).await, bytes)
            }
            Heard::Event {
                name,
                data,
                ack,
                bytes,
            } => {
                let steps = self.translator.heard(&name, &data, Instant::now());
                let mut goes_on = self.take(steps, &mut counts_for).await;
                if let Some(ack) = ack {
                    goes_on = goes_on && self.wire.ack(ack).await;
                }
                (goes_on, bytes)
            }
        };
        let now = Instant::now();
        self.next = now + self.pace.message(counts_for.max(1), bytes, now);
        goes_on
    }

    /// Passes on what the hub says. What the translator does not read is not for such a client.
    async fn tell(&mut self, text: &str) -> bool {
        let Ok(message) = serde_json::from_str::<ToPeer>(text) else {
            return true;
        };
        let steps = self.translator.told(message, Instant::now());
        self.take(steps, &mut 0).await
    }

    async fn take(&mut self, steps: Vec<Step>, counts_for: &mut u32) -> bool {
        for step in steps {
            let taken = match step {
                Step::Client(event, data) => self.wire.say(event, &data).await,
                Step::Room(message) => {
                    let message = ClientMessage::from(message);
                    *counts_for += cost(&message, self.is_camera);
                    let event = Event::Message(self.id, message, Instant::now().into());
                    self.hub.send(event).await
                }
            };
            if !taken {
                return false;
            }
        }
        true
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => pending().await,
    }
}
