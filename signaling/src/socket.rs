// SPDX-License-Identifier: MPL-2.0
//! One client's WebSocket: frames in, events to the hub; messages from the hub, frames out.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Instant;

use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use porthole_protocol::wire::ClientMessage;
use tokio::io::{AsyncRead, AsyncWrite, split};
use tokio::sync::oneshot::error::RecvError;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tungstenite::protocol::frame::coding::CloseCode;

use crate::auth::Identity;
use crate::hub::{Event, HubHandle};
use crate::limit::{CAMERA_PACE, MessagePace, VIEWER_PACE, cost};
use crate::log_out::follow_login;
use crate::one_camera::OneCamera;
use crate::queue::{CAMERA_QUEUE, Dropped, Inbox, Text, queue};
use crate::room::{ClientId, Principal};
use crate::timings::Timings;
use crate::websocket::{Broken, Incoming, Reader, Writer, halves};

/// With what a connection is closed, and why.
type Farewell = (CloseCode, Cow<'static, str>);

/// Runs one client, which comes from `address`, to its end. `fence` is a camera's, by which this server owns it.
pub(crate) async fn run(
    socket: impl AsyncRead + AsyncWrite,
    (identity, fence): (Identity, Option<u64>),
    address: IpAddr,
    only: Option<OneCamera>,
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
            fence,
            address,
            outbox,
        })
        .await
    {
        return;
    }
    let (read_half, write_half) = split(socket);
    let (mut reader, sink) = halves(read_half, write_half, MAX_MESSAGE_BYTES);
    let asker = Some((hub, client));
    let mut writer = std::pin::pin!(write(sink, inbox, only, asker, timings));
    let mut written = None;
    let logged_out = follow_login(login, hub, client);
    let frame = tokio::select! {
        sink = &mut writer => {
            // The end of the queue may be seen before its reason, which is there by then.
            let drained = sink.is_some();
            written = Some(sink);
            if drained { farewell(on_drop.await) } else { close(CloseCode::Normal, "") }
        }
        frame = read(&mut reader, pace, client, is_camera, hub, timings) => frame,
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
        let (code, reason) = frame;
        if let Some(mut sink) = sink
            && sink.close(code, &reason).await.is_ok()
        {
            while let Ok(Incoming::Text(_) | Incoming::Binary(_) | Incoming::Control(_)) =
                reader.next().await
            {}
        }
    })
    .await;
}

/// What is written next.
enum Outgoing {
    Text(Text),
    /// The message was not for this client.
    Nothing,
    Pong(Vec<u8>),
    Ping,
}

/// Writes until the hub lets go of the client, and returns the sink unless it broke before. Has a list go on once what is
/// before it was taken.
async fn write<W: AsyncWrite + Unpin>(
    mut sink: Writer<W>,
    mut inbox: Inbox,
    only: Option<OneCamera>,
    asker: Option<(&HubHandle, ClientId)>,
    timings: Timings,
) -> Option<Writer<W>> {
    let mut ping = interval(timings.ping);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    loop {
        let outgoing = tokio::select! {
            message = inbox.next() => match message {
                Some(text) => match told(only.as_ref(), text) {
                    Some(text) => Outgoing::Text(text),
                    None => Outgoing::Nothing,
                },
                None => return Some(sink),
            },
            ping = sink.pinged() => Outgoing::Pong(ping),
            _ = ping.tick() => Outgoing::Ping,
        };
        let sending = async {
            match &outgoing {
                Outgoing::Text(text) => sink.text(text).await,
                Outgoing::Pong(ping) => sink.pong(ping).await,
                Outgoing::Ping => sink.ping().await,
                Outgoing::Nothing => Ok(()),
            }
        };
        match timeout(timings.write, sending).await {
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

fn told(only: Option<&OneCamera>, text: Text) -> Option<Text> {
    match only {
        Some(only) => only.told(text),
        None => Some(text),
    }
}

fn farewell(why: Result<Dropped, RecvError>) -> Farewell {
    match why {
        Ok(Dropped::Because(code)) => close(CloseCode::Policy, code.to_string()),
        Ok(Dropped::TooSlow) => close(CloseCode::Again, "too-slow"),
        // 1012 (Service Restart, IANA): whoever is told connects again at once.
        Ok(Dropped::Moves) => close(CloseCode::Restart, "moves"),
        Err(_) => close(CloseCode::Away, "the server shuts down"),
    }
}

/// Reads until the client leaves or has to, and says why.
async fn read<R: AsyncRead + Unpin>(
    reader: &mut Reader<R>,
    mut pace: MessagePace,
    client: ClientId,
    is_camera: bool,
    hub: &HubHandle,
    timings: Timings,
) -> Farewell {
    loop {
        // Whoever lives answers the ping that falls into this time.
        let incoming = match timeout(timings.ping + timings.pong, reader.next()).await {
            Err(_) => return close(CloseCode::Away, "no answer"),
            Ok(Ok(incoming)) => incoming,
            Ok(Err(broken)) => return close_for(&broken),
        };
        let (event, bytes) = match incoming {
            Incoming::Closed => return close(CloseCode::Normal, ""),
            Incoming::Text(text) => {
                let event = match serde_json::from_str::<ClientMessage>(&text) {
                    Ok(message) => Event::Message(client, message, Instant::now().into()),
                    Err(_) => Event::Unreadable(client),
                };
                (Some(event), text.len())
            }
            Incoming::Binary(bytes) => (Some(Event::Unreadable(client)), bytes),
            Incoming::Control(bytes) => (None, bytes),
        };
        let counts_for = match &event {
            Some(Event::Message(_, message, _)) => cost(message, is_camera),
            _ => 1,
        };
        if let Some(event) = event
            && !hub.send(event).await
        {
            return close(CloseCode::Away, "the server shuts down");
        }
        sleep(pace.message(counts_for, bytes, Instant::now())).await;
    }
}

fn close_for(broken: &Broken) -> Farewell {
    let (code, reason) = broken.code();
    close(code, reason)
}

fn close(code: CloseCode, reason: impl Into<Cow<'static, str>>) -> Farewell {
    (code, reason.into())
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use super::*;

    /// Takes nothing, as a reader that has stalled.
    struct Stalled;

    impl AsyncWrite for Stalled {
        fn poll_write(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            _: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Pending
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Pending
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
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
        let (_, sink) = halves(tokio::io::empty(), Stalled, 1);
        assert!(write(sink, inbox, None, None, timings).await.is_none());
        assert!(start.elapsed() >= timings.write);
    }
}
