// SPDX-License-Identifier: MPL-2.0
//! One program's connection: what it says goes to the hub, what waits for it is written to it.

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
    queue::{Close, Item, Queue},
    words::{self, Refusal},
};

/// One message to a program; one that takes longer does not read.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

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
