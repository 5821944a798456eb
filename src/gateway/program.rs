// SPDX-License-Identifier: MPL-2.0
//! One program's connection: what it says goes to the hub, what waits for it is written to it. A ping follows each command, and
//! its pong says that the program, or its library, has taken it.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, Stream, StreamExt as _, sink::Sink};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{
    Error, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

use super::{
    envelope::MAX_PAYLOAD,
    handle::Handle,
    hub::{Input, Payload, ProgramId},
    queue::{Close, Item, Queue, Serial},
    words::{self, Refusal},
};

/// One message to a program; one that takes longer does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);
const NOT_READING: &str = "you do not read what is sent to you";
/// By which a program says itself that it has taken a command.
const TAKEN: &str = "porthole taken";

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
        hub.answer(Input::Undelivered(ticket, gone));
    }
    hub.program_gone(id).await;
}

async fn write(
    writer: &mut (impl Sink<Message, Error = Error> + Unpin),
    queue: &Queue,
    hub: &Handle,
) -> Option<CloseFrame> {
    loop {
        let (message, ping) = match queue.next().await {
            Item::Event(event) => (Some(Message::text(event)), None),
            Item::Command(Payload::Text(text), serial) => (Some(Message::text(text)), Some(serial)),
            Item::Command(Payload::Binary(bytes), serial) => {
                (Some(Message::binary(bytes)), Some(serial))
            }
            Item::Ping(serial) => (None, Some(serial)),
            Item::Refused(ticket, why) => {
                hub.answer(Input::Undelivered(ticket, why));
                continue;
            }
            Item::Close(close) => {
                let (code, reason) = match close {
                    Close::Stopping => (CloseCode::Away, "the camera stops"),
                    Close::NotReading => (CloseCode::Policy, NOT_READING),
                    Close::NotAnswering => (CloseCode::Policy, "you answer no pings"),
                    Close::Replaced => (CloseCode::Policy, "another program took this name"),
                };
                return frame(code, reason);
            }
        };
        let ping = ping.map(|serial: Serial| Message::Ping(serial.to_be_bytes().to_vec().into()));
        // Together, so that the program wakes up once for both.
        let written = async {
            for message in message.into_iter().chain(ping) {
                writer.feed(message).await?;
            }
            writer.flush().await
        };
        match timeout(WRITE_TIMEOUT, written).await {
            Ok(Ok(())) => (),
            Ok(Err(_)) => return None,
            Err(_) => return frame(CloseCode::Policy, NOT_READING),
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
            Ok(Message::Text(text)) if text.as_str() == TAKEN => {
                if let Some(ticket) = queue.taken() {
                    hub.answer(Input::Delivered(ticket));
                }
                continue;
            }
            Ok(Message::Pong(payload)) => {
                if let Ok(serial) = payload.as_ref().try_into() {
                    for ticket in queue.pong(Serial::from_be_bytes(serial)) {
                        hub.answer(Input::Delivered(ticket));
                    }
                }
                continue;
            }
            Ok(Message::Text(text)) => Payload::Text(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => Payload::Binary(bytes.to_vec()),
            // Pings are answered underneath.
            Ok(Message::Ping(_) | Message::Frame(_)) => continue,
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
        hub.program(Input::ProgramMessage(id, payload)).await;
    }
    None
}

fn frame(code: CloseCode, reason: &'static str) -> Option<CloseFrame> {
    Some(CloseFrame {
        code,
        reason: reason.into(),
    })
}
