// SPDX-License-Identifier: MPL-2.0
//! Sessions that begin by long polling, and go on by WebSocket where the client can: engineioxide's.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use engineioxide::handler::EngineIoHandler;
use engineioxide::socket::DisconnectReason;
use engineioxide::{ProtocolVersion, Socket, Str, TransportType};
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, sleep, timeout_at};

use super::Seed;
use super::session::{self, Transport};
use crate::adapters::bridge::Chore;
use crate::adapters::frames::Came;
use crate::adapters::inbound::{Inbound, Message};
use crate::adapters::packet;
use crate::timings::Timings;

/// How soon it is tried again whether a transport has room. It cannot be waited for.
const ROOM_LOOK: Duration = Duration::from_millis(20);

/// What engineioxide calls.
#[derive(Debug)]
pub(super) struct Handler;

impl EngineIoHandler for Handler {
    type Data = Inbound;

    fn on_connect(self: Arc<Self>, socket: Arc<Socket<Inbound>>) {
        let seed = socket.req_parts.extensions.get::<Arc<Seed>>().cloned();
        match seed {
            Some(seed) => {
                tokio::spawn(async move {
                    let timings = seed.shared.timings;
                    session::run(Engine { socket, timings }, &seed).await;
                });
            }
            // An address that we read as one of a session, and it did not.
            None => socket.close(DisconnectReason::TransportClose),
        }
    }

    fn on_disconnect(&self, socket: Arc<Socket<Inbound>>, _: DisconnectReason) {
        socket.data.close();
    }

    fn on_message(self: &Arc<Self>, message: Str, socket: Arc<Socket<Inbound>>) {
        take(&socket, Message::Text(message.into()));
    }

    fn on_binary(self: &Arc<Self>, data: Bytes, socket: Arc<Socket<Inbound>>) {
        take(&socket, Message::Binary(data.len()));
    }
}

/// Who says more than is read hangs up with that.
fn take(socket: &Socket<Inbound>, message: Message) {
    if !socket.data.push(message) {
        tracing::info!("a client is dropped: it says more than is read");
        socket.close(DisconnectReason::TransportClose);
    }
}

struct Engine {
    socket: Arc<Socket<Inbound>>,
    timings: Timings,
}

impl Transport for Engine {
    fn is_newer(&self) -> bool {
        self.socket.protocol == ProtocolVersion::V4
    }

    fn let_in(&mut self) {
        self.socket.data.let_in();
    }

    async fn next(&mut self) -> Came {
        match self.socket.data.next().await {
            Some(Message::Text(text)) => Came::Text(text),
            Some(Message::Binary(bytes)) => Came::Binary(bytes),
            None => Came::Gone,
        }
    }

    /// Once there is room. Whether there was before the client has stalled.
    async fn put(&mut self, text: String) -> bool {
        let by = Instant::now() + self.timings.write;
        let mut text = Str::from(text);
        loop {
            text = match self.socket.emit(text) {
                Ok(()) => return true,
                Err(TrySendError::Closed(_)) => return false,
                Err(TrySendError::Full(text)) => text,
            };
            if Instant::now() >= by {
                tracing::info!("a client is dropped: it does not take what it is sent");
                return false;
            }
            sleep(ROOM_LOOK).await;
        }
    }

    /// It keeps itself alive.
    async fn chore(&mut self, _: Chore) -> bool {
        true
    }

    /// A client that polls comes for its last words.
    async fn hang_up(&mut self) {
        let said = self.socket.emit(packet::DISCONNECT).is_ok();
        if said && self.socket.transport_type() == TransportType::Polling {
            let by = Instant::now() + self.timings.close / 2;
            // Whatever it says meanwhile is too late.
            let _ = timeout_at(by, async {
                while self.socket.data.next().await.is_some() {}
            })
            .await;
        }
        self.socket.close(DisconnectReason::TransportClose);
    }
}
