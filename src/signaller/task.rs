// SPDX-License-Identifier: MPL-2.0
//! The task that runs the [`link`](super::link): it owns the socket and the time, and hands on what the link puts out.
//!
//! It never blocks: webrtcsink and the application, which may, have threads of their own.

use std::time::{Duration, Instant};

use porthole_protocol::{key::CameraKey, random_secret, wire::PeerMessage};
use serde_json::{Map, Value};
use tokio::{sync::mpsc, task::JoinHandle};

use super::{
    Bell,
    link::{Link, SharedGate},
    message::{Event, Input, Media, Output, Publication, Publish, Why},
    socket::{self, Incoming, Outgoing, Pace},
    whip,
};
use crate::{clock::Stopwatch, worker::Worker};

/// Messages from webrtcsink waiting for the task: about 30 for each session's start, mostly candidates. Beyond that
/// candidates are lost, and never more.
pub(super) const MAX_PEER_MESSAGES: usize = 1024;
/// Messages read from the socket and not yet handled; the socket waits beyond that.
const MAX_INCOMING: usize = 64;
/// Calls waiting for webrtcsink, or events for the application, beyond which newcomers are turned away: a dozen
/// sessions that start together.
const MAX_BACKLOG: usize = 512;
/// How long the last messages may take to leave when the camera stops.
const FAREWELL: Duration = Duration::from_millis(500);
/// Timers stand still while the machine is suspended, leases do not: so often they are looked at.
const LOOK_AT_CLOCK: Duration = Duration::from_secs(1);

#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) key: CameraKey,
    /// Display name, sent as the `name` of the camera's meta; the server has one of its own.
    pub(crate) name: Option<String>,
    pub(crate) orphan_timeout: Duration,
    /// The SFU that has the picture for more viewers.
    pub(crate) whip: Option<whip::Target>,
}

impl Options {
    /// What the camera says of itself, if anything.
    fn meta(&self) -> Option<Value> {
        let mut meta = Map::new();
        if let Some(name) = &self.name {
            meta.insert("name".to_owned(), name.as_str().into());
        }
        if self.whip.is_some() {
            // So that the server may have some watch there.
            meta.insert("whip".to_owned(), true.into());
        }
        (!meta.is_empty()).then_some(Value::Object(meta))
    }
}

/// The ends of the queues by which the task is told.
pub(super) struct Commands {
    /// What must not be lost. Unbounded, because webrtcsink's threads may not wait; each session sends a handful.
    pub(super) vital: mpsc::UnboundedReceiver<Input>,
    pub(super) peer: mpsc::Receiver<PeerMessage>,
}

struct Task<M> {
    link: Link<M>,
    clock: Stopwatch,
    outgoing: Option<mpsc::Sender<Outgoing>>,
    media: Worker<Media>,
    events: Worker<Event>,
    bell: Bell,
    publisher: Option<mpsc::UnboundedSender<Publication>>,
    busy: bool,
}

/// Runs until `commands` are closed, then ends all sessions.
pub(super) async fn run<M: Default + Send>(
    options: Options,
    (gate, bell): (SharedGate<M>, Bell),
    clock: Stopwatch,
    media: Worker<Media>,
    events: Worker<Event>,
    mut commands: Commands,
) {
    let meta = options.meta();
    let (publisher, mut published, publishing) = publish(options.whip);
    let mut task = Task {
        link: Link::new(gate, bell.calls.clone(), meta, Box::new(random_secret)),
        clock,
        outgoing: None,
        media,
        events,
        bell,
        publisher,
        busy: false,
    };
    let (sender, mut incoming) = mpsc::channel(MAX_INCOMING);
    let pace = Pace::new(options.orphan_timeout);
    let socket = tokio::spawn(socket::run(options.key, pace, sender));
    loop {
        let deadline = task.link.next_deadline();
        tokio::select! {
            // What is overdue comes first, and what the operator set counts for all that comes later.
            biased;
            () = until(deadline, clock) => {
                let outputs = task.link.tick(clock.now());
                task.perform(outputs);
            }
            input = commands.vital.recv() => match input {
                Some(input) => task.handle(input),
                None => break,
            },
            Some(message) = commands.peer.recv() => task.handle(Input::Peer(message)),
            Some(event) = incoming.recv() => task.incoming(event),
            Some(publish) = published.recv() => task.handle(Input::Publish(publish)),
        }
    }
    task.handle(Input::Stop);
    // Dropping both ends lets the socket send what is queued, say goodbye and stop.
    drop((task, incoming));
    let leave_by = tokio::time::Instant::now() + FAREWELL;
    for mut leaving in [Some(socket), publishing].into_iter().flatten() {
        if tokio::time::timeout_at(leave_by, &mut leaving)
            .await
            .is_err()
        {
            leaving.abort();
        }
    }
}

/// The ways to and from the publisher, and what it runs in.
type Publishing = (
    Option<mpsc::UnboundedSender<Publication>>,
    mpsc::UnboundedReceiver<Publish>,
    Option<JoinHandle<()>>,
);

fn publish(target: Option<whip::Target>) -> Publishing {
    let (to_link, published) = mpsc::unbounded_channel();
    let Some(target) = target else {
        return (None, published, None);
    };
    let (publisher, from_link) = mpsc::unbounded_channel();
    let ends = whip::Ends { from_link, to_link };
    let running = tokio::spawn(whip::run(target, ends));
    (Some(publisher), published, Some(running))
}

async fn until(deadline: Option<Instant>, clock: Stopwatch) {
    match deadline {
        Some(at) => {
            let left = at.saturating_duration_since(clock.now());
            tokio::time::sleep(left.min(LOOK_AT_CLOCK)).await;
        }
        None => std::future::pending().await,
    }
}

impl<M: Default> Task<M> {
    fn incoming(&mut self, incoming: Incoming) {
        let input = match incoming {
            Incoming::Online { outgoing } => {
                self.outgoing = Some(outgoing);
                Input::Connected
            }
            Incoming::Offline(error) => {
                self.outgoing = None;
                Input::Lost(error.to_string())
            }
            Incoming::Alive => Input::Alive,
            Incoming::Message(text) => Input::Message(text),
        };
        self.handle(input);
    }

    fn handle(&mut self, input: Input) {
        let now = self.clock.now();
        let busy = self.media.backlog() > MAX_BACKLOG || self.events.backlog() > MAX_BACKLOG;
        if std::mem::replace(&mut self.busy, busy) != busy {
            let outputs = self.link.handle(Input::Busy(busy), now);
            self.perform(outputs);
        }
        let outputs = self.link.handle(input, now);
        self.perform(outputs);
    }

    fn perform(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(text) => self.send(Outgoing::Text(text)),
                Output::Reconnect(Why::Anew) => self.outgoing = None,
                Output::Reconnect(Why::Replaced) => {
                    self.send(Outgoing::Replaced);
                    self.outgoing = None;
                }
                Output::Media(media) => self.media.push(media),
                Output::Publication(publication) => {
                    if let Some(publisher) = &self.publisher {
                        // It fails when the publisher has given up, and said so.
                        let _ = publisher.send(publication);
                    }
                }
                Output::Event(event) => self.event(event),
                Output::Bell(event) => {
                    // Nobody may be there to hear it.
                    let _ = self.bell.events.send(event.clone());
                    self.event(Event::Bell(event));
                }
                Output::Warning(words) => gst::warning!(super::CAT, "{words}"),
            }
        }
    }

    /// That someone came or went is never lost; other news is, when the application takes none in.
    fn event(&self, event: Event) {
        let vital = matches!(event, Event::Joined { .. } | Event::Left { .. });
        if vital || self.events.backlog() <= MAX_BACKLOG {
            self.events.push(event);
        } else {
            gst::warning!(
                super::CAT,
                "the application's handlers block; lost {event:?}"
            );
        }
    }

    fn send(&mut self, message: Outgoing) {
        if let Some(outgoing) = &self.outgoing
            && outgoing.try_send(message).is_err()
        {
            // The queue holds far more than any session needs: the connection is stuck. Make a new one.
            gst::warning!(super::CAT, "the server does not read; connecting again");
            self.outgoing = None;
        }
    }
}
