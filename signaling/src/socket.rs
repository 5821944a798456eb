// SPDX-License-Identifier: MPL-2.0
//! One client's WebSocket: frames in, events to the hub; messages from the hub, frames out.

use std::borrow::Cow;
use std::time::Instant;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use porthole_protocol::wire::{Code, IncomingMessage, ToServer};
use tokio::sync::oneshot::error::RecvError;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::auth::Identity;
use crate::hub::{Dropped, Event, HubHandle, Inbox, queue};
use crate::limit::{CAMERA_PACE, LIST_MESSAGES, MessagePace, VIEWER_PACE};
use crate::room::{ClientId, Principal};
use crate::timings::Timings;

/// A signaling message is mostly under 4 KiB. The default of 128 KiB makes ten thousand idle
/// connections cost 1.3 GB.
const READ_BUFFER_BYTES: usize = 4096;
/// Frames are written out as they come; nothing is gained by collecting more.
const WRITE_BUFFER_BYTES: usize = 4096;
/// One list of every camera fits.
const MAX_WRITE_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// Sets the bounds of a WebSocket before it is accepted.
pub(crate) fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
}

/// Runs one client to its end.
pub(crate) async fn run(socket: WebSocket, identity: Identity, hub: &HubHandle, timings: Timings) {
    let client = hub.new_client();
    let (outbox, inbox, mut on_drop) = queue();
    let Identity {
        principal,
        credential,
        ..
    } = identity;
    let pace = match principal {
        Principal::Camera { .. } => CAMERA_PACE,
        Principal::Viewer(_) => VIEWER_PACE,
    };
    let pace = MessagePace::new(pace, Instant::now());
    if !hub
        .send(Event::Connected {
            client,
            principal,
            credential,
            outbox,
        })
        .await
    {
        return;
    }
    let (sink, mut stream) = socket.split();
    let mut writer = std::pin::pin!(write(sink, inbox, timings));
    let mut written = None;
    let frame = tokio::select! {
        sink = &mut writer => {
            // The end of the queue may be seen before its reason, which is there by then.
            let drained = sink.is_some();
            written = Some(sink);
            if drained { farewell(on_drop.await) } else { close(close_code::NORMAL, "") }
        }
        frame = read(&mut stream, pace, client, hub, timings) => frame,
        why = &mut on_drop => farewell(why),
    };
    hub.send(Event::Gone(client)).await;
    // What is queued goes out first, and a client that does not take it waits in vain.
    let _ = timeout(timings.close, async {
        let sink = match written {
            Some(sink) => sink,
            None => writer.await,
        };
        if let Some(mut sink) = sink
            && sink.send(Message::Close(Some(frame))).await.is_ok()
        {
            while let Some(Ok(_)) = stream.next().await {}
        }
    })
    .await;
}

/// Writes until the hub lets go of the client, and returns the sink unless it broke before.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut inbox: Inbox,
    timings: Timings,
) -> Option<SplitSink<WebSocket, Message>> {
    let mut ping = interval(timings.ping);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    loop {
        let message = tokio::select! {
            message = inbox.next() => match message {
                Some(text) => Message::Text(text),
                None => return Some(sink),
            },
            _ = ping.tick() => Message::Ping(Vec::new().into()),
        };
        sink.send(message).await.ok()?;
    }
}

fn farewell(why: Result<Dropped, RecvError>) -> CloseFrame {
    match why {
        Ok(Dropped::Because(code)) => close(close_code::POLICY, code_name(code)),
        Ok(Dropped::TooSlow) => close(close_code::AGAIN, "too-slow"),
        Err(_) => close(close_code::AWAY, "the server shuts down"),
    }
}

/// Reads until the client leaves or has to, and says why.
async fn read(
    stream: &mut SplitStream<WebSocket>,
    mut pace: MessagePace,
    client: ClientId,
    hub: &HubHandle,
    timings: Timings,
) -> CloseFrame {
    loop {
        // Whoever lives answers the ping that falls into this time.
        let message = match timeout(timings.ping + timings.pong, stream.next()).await {
            Err(_) => return close(close_code::AWAY, "no answer"),
            Ok(Some(Ok(Message::Close(_))) | None) => return close(close_code::NORMAL, ""),
            Ok(Some(Err(error))) => return close_for(&error),
            Ok(Some(Ok(message))) => message,
        };
        let event = match message {
            Message::Text(text) => match serde_json::from_str::<ToServer>(&text) {
                Ok(message) => Some(Event::Message(client, Box::new(message))),
                Err(_) => Some(Event::Unreadable(client)),
            },
            Message::Binary(_) => Some(Event::Unreadable(client)),
            _ => None,
        };
        let counts_for = match &event {
            Some(Event::Message(_, message))
                if matches!(message.message, IncomingMessage::List) =>
            {
                LIST_MESSAGES
            }
            _ => 1,
        };
        if let Some(event) = event
            && !hub.send(event).await
        {
            return close(close_code::AWAY, "the server shuts down");
        }
        sleep(pace.message(counts_for, Instant::now())).await;
    }
}

fn close_for(error: &axum::Error) -> CloseFrame {
    // axum hides the type of the error; only its text tells a message that is too long.
    match error.to_string() {
        text if text.contains("too long") => close(close_code::SIZE, "message too large"),
        _ => close(close_code::PROTOCOL, ""),
    }
}

fn close(code: u16, reason: impl Into<Cow<'static, str>>) -> CloseFrame {
    CloseFrame {
        code,
        reason: reason.into().as_ref().into(),
    }
}

/// The code as it is spelt on the wire.
fn code_name(code: Code) -> String {
    match serde_json::to_value(code) {
        Ok(serde_json::Value::String(name)) => name,
        _ => "other".to_owned(),
    }
}
