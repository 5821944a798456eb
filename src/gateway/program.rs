// SPDX-License-Identifier: MPL-2.0
//! One program's connection: what it says goes to the hub, what waits for it is written to it.
//!
//! Lock: a queue's, held to put something in or take something out.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::{SinkExt as _, Stream, StreamExt as _, sink::Sink};
use tokio::{sync::Notify, time::timeout};
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    envelope::MAX_PAYLOAD,
    hub::{Input, Payload, ProgramId, Ticket},
    task::Handle,
    words::{self, Refusal},
};
use crate::lock::lock;

/// Commands that wait to be written. A driver who sticks to 20 a second gets here in three seconds.
const MAX_COMMANDS: usize = 64;
/// Events that wait to be written: who reads none of so many reads nothing.
const MAX_EVENTS: usize = 256;
/// One message to a program; one that takes longer does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a connection is closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    Stopping,
    NotReading,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<String>,
    commands: VecDeque<(Payload, Ticket)>,
    /// Of the command that is being written.
    writing: Option<Ticket>,
    close: Option<Close>,
}

/// What waits for one program.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

enum Item {
    Event(String),
    Command(Payload, Ticket),
    Close(Close),
}

impl Queue {
    pub(super) fn event(&self, event: String) {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.events.len() >= MAX_EVENTS {
                waiting.close = Some(Close::NotReading);
            } else {
                waiting.events.push_back(event);
            }
        }
        self.more.notify_one();
    }

    pub(super) fn command(&self, payload: Payload, ticket: Ticket) -> Result<(), Refusal> {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.close.is_some() {
                return Err(Refusal::ServiceGone);
            }
            if waiting.commands.len() >= MAX_COMMANDS {
                return Err(Refusal::Busy);
            }
            waiting.commands.push_back((payload, ticket));
        }
        self.more.notify_one();
        Ok(())
    }

    /// Takes back the commands that were not written.
    pub(super) fn recall(&self) -> Vec<Ticket> {
        let commands = std::mem::take(&mut lock(&self.waiting).commands);
        commands.into_iter().map(|(_, ticket)| ticket).collect()
    }

    /// After what waits. From then on no command is taken.
    pub(super) fn close(&self, why: Close) {
        lock(&self.waiting).close.get_or_insert(why);
        self.more.notify_one();
    }

    /// Events before commands: nothing of a driver who was released is among the latter.
    fn take(&self) -> Option<Item> {
        let mut waiting = lock(&self.waiting);
        if waiting.close == Some(Close::NotReading) {
            return Some(Item::Close(Close::NotReading));
        }
        if let Some(event) = waiting.events.pop_front() {
            return Some(Item::Event(event));
        }
        if let Some(close) = waiting.close {
            return Some(Item::Close(close));
        }
        let (payload, ticket) = waiting.commands.pop_front()?;
        waiting.writing = Some(ticket);
        Some(Item::Command(payload, ticket))
    }

    /// The command that was being written has been answered.
    fn answered(&self) {
        lock(&self.waiting).writing = None;
    }

    /// All commands that nobody has answered.
    fn unanswered(&self) -> Vec<Ticket> {
        let writing = lock(&self.waiting).writing.take();
        writing.into_iter().chain(self.recall()).collect()
    }

    async fn next(&self) -> Item {
        loop {
            if let Some(item) = self.take() {
                return item;
            }
            self.more.notified().await;
        }
    }
}

/// Serves one program until either side ends it.
pub(super) async fn serve<S>(socket: S, id: ProgramId, queue: Arc<Queue>, hub: Handle)
where
    S: Stream<Item = Result<Message, Error>> + Sink<Message, Error = Error> + Unpin,
{
    let (mut writer, reader) = socket.split();
    let frame = tokio::select! {
        frame = write(&mut writer, &queue, &hub) => frame,
        frame = read(reader, id, &queue, &hub) => frame,
    };
    queue.close(Close::Stopping);
    if let Some(frame) = frame {
        let close = writer.send(Message::Close(Some(frame)));
        let _ = timeout(WRITE_TIMEOUT, close).await;
    }
    for ticket in queue.unanswered() {
        let gone = Refusal::ServiceGone;
        hub.program(Input::Undelivered(ticket, gone)).await;
    }
    hub.program_gone(id).await;
}

async fn write(
    writer: &mut (impl Sink<Message, Error = Error> + Unpin),
    queue: &Queue,
    hub: &Handle,
) -> Option<CloseFrame> {
    loop {
        let (message, ticket) = match queue.next().await {
            Item::Event(event) => (Message::text(event), None),
            Item::Command(Payload::Text(text), ticket) => (Message::text(text), Some(ticket)),
            Item::Command(Payload::Binary(bytes), ticket) => (Message::binary(bytes), Some(ticket)),
            Item::Close(Close::Stopping) => {
                return frame(CloseCode::Away, "the camera stops");
            }
            Item::Close(Close::NotReading) => {
                return frame(CloseCode::Policy, "you do not read what is sent to you");
            }
        };
        let written = timeout(WRITE_TIMEOUT, writer.send(message)).await;
        if let Some(ticket) = ticket {
            hub.program(match written {
                Ok(Ok(())) => Input::Delivered(ticket),
                _ => Input::Undelivered(ticket, Refusal::ServiceGone),
            })
            .await;
            queue.answered();
        }
        match written {
            Ok(Ok(())) => (),
            Ok(Err(_)) => return None,
            Err(_) => return frame(CloseCode::Policy, "you do not read what is sent to you"),
        }
    }
}

async fn read(
    mut reader: impl Stream<Item = Result<Message, Error>> + Unpin,
    id: ProgramId,
    queue: &Queue,
    hub: &Handle,
) -> Option<CloseFrame> {
    while let Some(message) = reader.next().await {
        let payload = match message {
            Ok(Message::Text(text)) => Payload::Text(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => Payload::Binary(bytes.to_vec()),
            // Pings are answered underneath.
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => continue,
            Err(Error::Capacity(_)) => {
                return frame(CloseCode::Size, "a message has at most 65536 bytes");
            }
            Ok(Message::Close(_)) | Err(_) => return None,
        };
        let length = match &payload {
            Payload::Text(text) => text.len(),
            Payload::Binary(bytes) => bytes.len(),
        };
        if length > MAX_PAYLOAD {
            let message = format!("a message has at most {MAX_PAYLOAD} bytes, not {length}");
            let details = serde_json::json!({ "code": "too-large", "message": message });
            queue.event(words::event("error", &details));
            continue;
        }
        // Waits where the hub does not keep up, so that a flood holds up nobody but itself.
        hub.program(Input::ProgramSaid(id, payload)).await;
    }
    None
}

fn frame(code: CloseCode, reason: &'static str) -> Option<CloseFrame> {
    Some(CloseFrame {
        code,
        reason: reason.into(),
    })
}
