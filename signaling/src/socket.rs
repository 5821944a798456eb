// SPDX-License-Identifier: MPL-2.0
//! One client's WebSocket: frames in, events to the hub; messages from the hub, frames out.

use std::borrow::Cow;
use std::convert::Infallible;
use std::future::pending;
use std::net::IpAddr;
use std::time::Instant;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use futures_util::stream::SplitStream;
use futures_util::{Sink, SinkExt as _, StreamExt as _};
use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use porthole_protocol::wire::ClientMessage;
use tokio::sync::oneshot::error::RecvError;
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until, timeout};

use crate::auth::Identity;
use crate::hub::{Event, HubHandle};
use crate::limit::{CAMERA_PACE, MessagePace, VIEWER_PACE, cost};
use crate::queue::{CAMERA_QUEUE, Dropped, Inbox, queue};
use crate::registry::LoginEnd;
use crate::room::{ClientId, Principal};
use crate::timings::Timings;

/// A signaling message is mostly under 4 KiB. The default of 128 KiB makes ten thousand idle
/// connections cost 1.3 GB.
const READ_BUFFER_BYTES: usize = 1024;
/// Frames are written out as they come; nothing is gained by collecting more.
const WRITE_BUFFER_BYTES: usize = 0;
/// One list of every camera fits; a message is written out before the next one is taken.
const MAX_WRITE_BUFFER_BYTES: usize = 2 * 1024 * 1024;

/// Sets the bounds of a WebSocket before it is accepted.
pub(crate) fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(MAX_WRITE_BUFFER_BYTES)
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
}

/// Runs one client, which comes from `address`, to its end.
pub(crate) async fn run(
    socket: WebSocket,
    identity: Identity,
    address: IpAddr,
    hub: &HubHandle,
    timings: Timings,
) {
    let client = hub.new_client();
    let Identity {
        principal,
        credential,
        login,
        ..
    } = identity;
    let is_camera = matches!(principal, Principal::Camera { .. });
    let (pace, bounds) = match is_camera {
        true => (CAMERA_PACE, CAMERA_QUEUE),
        false => (VIEWER_PACE, hub.viewer_queue),
    };
    let (outbox, inbox, mut on_drop) = queue(bounds);
    let pace = MessagePace::new(pace, Instant::now());
    if !hub
        .send(Event::Connected {
            client,
            principal,
            credential,
            address,
            outbox,
        })
        .await
    {
        return;
    }
    let (sink, mut stream) = socket.split();
    let asker = Some((hub, client));
    let mut writer = std::pin::pin!(write(sink, inbox, asker, timings));
    let mut written = None;
    let logged_out = async {
        let Some(mut login) = login else {
            return pending::<Infallible>().await;
        };
        if over(&mut login).await {
            hub.send(Event::LoginOver(client)).await;
            // What runs goes on, unless the person logs out or may do no more.
            while login.changed().await.is_ok() {}
        }
        hub.send(Event::LoggedOut(client)).await;
        // The hub lets go of it.
        pending::<Infallible>().await
    };
    let frame = tokio::select! {
        sink = &mut writer => {
            // The end of the queue may be seen before its reason, which is there by then.
            let drained = sink.is_some();
            written = Some(sink);
            if drained { farewell(on_drop.await) } else { close(close_code::NORMAL, "") }
        }
        frame = read(&mut stream, pace, client, is_camera, hub, timings) => frame,
        why = &mut on_drop => farewell(why),
        never = logged_out => match never {},
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

/// Waits for the end of a log-in, which may be put off meanwhile. Whether it came by itself.
async fn over(login: &mut LoginEnd) -> bool {
    loop {
        let until = *login.borrow_and_update();
        tokio::select! {
            changed = login.changed() => if changed.is_err() { return false },
            () = sleep_until(until.into()) => return true,
        }
    }
}

/// Writes until the hub lets go of the client, and returns the sink unless it broke before. Has a list go on once what is
/// before it was taken.
async fn write<S: Sink<Message> + Unpin>(
    mut sink: S,
    mut inbox: Inbox,
    asker: Option<(&HubHandle, ClientId)>,
    timings: Timings,
) -> Option<S> {
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
        match timeout(timings.write, sink.send(message)).await {
            Ok(sent) => sent.ok()?,
            Err(_) => {
                tracing::info!("a client is dropped: it does not take what it is sent");
                return None;
            }
        }
        if inbox.is_asked()
            && let Some((hub, client)) = asker
        {
            hub.send(Event::ListOn(client)).await;
        }
    }
}

fn farewell(why: Result<Dropped, RecvError>) -> CloseFrame {
    match why {
        Ok(Dropped::Because(code)) => close(close_code::POLICY, code.to_string()),
        Ok(Dropped::TooSlow) => close(close_code::AGAIN, "too-slow"),
        Err(_) => close(close_code::AWAY, "the server shuts down"),
    }
}

/// Reads until the client leaves or has to, and says why.
async fn read(
    stream: &mut SplitStream<WebSocket>,
    mut pace: MessagePace,
    client: ClientId,
    is_camera: bool,
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
        let bytes = size(&message);
        let event = match message {
            Message::Text(text) => match serde_json::from_str::<ClientMessage>(&text) {
                Ok(message) => Some(Event::Message(client, message, Instant::now().into())),
                Err(_) => Some(Event::Unreadable(client)),
            },
            Message::Binary(_) => Some(Event::Unreadable(client)),
            _ => None,
        };
        let counts_for = match &event {
            Some(Event::Message(_, message, _)) => cost(message, is_camera),
            _ => 1,
        };
        if let Some(event) = event
            && !hub.send(event).await
        {
            return close(close_code::AWAY, "the server shuts down");
        }
        sleep(pace.message(counts_for, bytes, Instant::now())).await;
    }
}

fn size(message: &Message) -> usize {
    match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
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

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use super::*;

    /// Takes nothing, as a reader that has stalled.
    struct Stalled;

    impl Sink<Message> for Stalled {
        type Error = ();

        fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Ready(Ok(()))
        }

        fn start_send(self: Pin<&mut Self>, _: Message) -> Result<(), ()> {
            Ok(())
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Pending
        }

        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), ()>> {
            Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_reader_that_has_stalled_is_given_up_after_the_deadline() {
        let timings = Timings {
            ping: Duration::from_millis(1),
            write: Duration::from_millis(50),
            ..Timings::default()
        };
        let (_outbox, inbox, _) = queue(CAMERA_QUEUE);
        let start = Instant::now();
        assert!(write(Stalled, inbox, None, timings).await.is_none());
        assert!(start.elapsed() >= timings.write);
    }
}
