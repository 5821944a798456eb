// SPDX-License-Identifier: MPL-2.0
//! A session of Socket.IO as a wire that events come and go by, whichever transport it uses.

use std::sync::Arc;
use std::time::Duration;

use engineioxide::socket::DisconnectReason;
use engineioxide::{ProtocolVersion, Socket, Str, TransportType};
use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, sleep, timeout_at};

use super::Seed;
use crate::adapters::bridge::{Bridge, Chore, Heard, Wire};
use crate::adapters::entry::{by_token, first_word, token_in};
use crate::adapters::inbound::{Inbound, Message};
use crate::adapters::packet::{self, Packet, Unreadable};
use crate::auth::{Identity, no_credential};
use crate::lock::lock;

/// How soon it is tried again whether a transport has room. It cannot be waited for.
const ROOM_LOOK: Duration = Duration::from_millis(20);

/// Runs a session to its end.
pub(super) async fn run(socket: Arc<Socket<Inbound>>, seed: Arc<Seed>) {
    let mut wire = SocketWire { socket };
    let shared = &seed.shared;
    let known = lock(&seed.identity).take();
    let Some((identity, first)) = wire.enter(&seed, known).await else {
        return wire.hang_up("unauthorized").await;
    };
    wire.socket.data.let_in();
    let bridge = Bridge {
        hub: &shared.hub,
        address: seed.address,
        timings: shared.timings,
        stop: shared.adapters.stop.clone(),
        lab_offers: seed.lab_offers,
    };
    bridge.run(&mut wire, identity, first).await;
}

struct SocketWire {
    socket: Arc<Socket<Inbound>>,
}

impl SocketWire {
    fn is_newer(&self) -> bool {
        self.socket.protocol == ProtocolVersion::V4
    }

    /// Lets the client into the main namespace, and finds out who it is.
    async fn enter(
        &mut self,
        seed: &Seed,
        known: Option<Identity>,
    ) -> Option<(Identity, Option<Heard>)> {
        let (shared, address) = (&seed.shared, seed.address);
        let by = Instant::now() + first_word(shared.timings);
        let is_stranger = known.as_ref().is_none_or(Identity::is_guest);
        let token = match self.is_newer() {
            true => timeout_at(by, self.connect()).await.ok()??,
            false => {
                self.put(packet::connect_text(None)).await;
                None
            }
        };
        if let Some(token) = token.filter(|_| is_stranger) {
            let shown = by_token(shared, &token, address).await;
            return match shown {
                Ok(identity) => {
                    self.welcome().await;
                    Some((identity, None))
                }
                Err(error) => {
                    let (code, message) = error.words();
                    self.put(packet::refusal_text("/", code, message, true))
                        .await;
                    None
                }
            };
        }
        if self.is_newer() {
            self.welcome().await;
        }
        if !is_stranger {
            return Some((known?, None));
        }
        let first = match timeout_at(by, self.next()).await {
            Ok(Heard::Gone) => return None,
            Ok(first) => Some(first),
            Err(_) => None,
        };
        let token = match &first {
            Some(Heard::Event { data, .. }) => token_in(data),
            _ => None,
        };
        let shown = match (token, known) {
            (Some(token), _) => by_token(shared, token, address).await,
            (None, Some(guest)) => Ok(guest),
            (None, None) => Err(no_credential()),
        };
        match shown {
            Ok(identity) => Some((identity, first)),
            Err(error) => {
                self.say("error", &error.as_event()).await;
                None
            }
        }
    }

    /// Waits for the newer generation to ask to be let in, and gives the token that comes with that.
    async fn connect(&mut self) -> Option<Option<String>> {
        loop {
            let Message::Text(text) = self.socket.data.next().await? else {
                return None;
            };
            match packet::read(&text) {
                Ok(Packet::Connect { namespace, auth }) if packet::is_main(&namespace) => {
                    return Some(token_in(&auth).map(str::to_owned));
                }
                Ok(Packet::Connect { namespace, .. }) => self.no_namespace(&namespace).await,
                _ => return None,
            };
        }
    }

    async fn welcome(&mut self) {
        // Not the session's own, by which whoever knows it goes on with it.
        let id = uuid::Uuid::new_v4().to_string();
        self.put(packet::connect_text(Some(&id))).await;
    }

    async fn no_namespace(&mut self, namespace: &str) -> bool {
        let text = packet::refusal_text(
            namespace,
            "no-such-namespace",
            "Invalid namespace",
            self.is_newer(),
        );
        self.put(text).await
    }

    /// Puts a packet into the transport, once there is room. Whether there was before its client has stalled.
    async fn put(&self, text: String) -> bool {
        let seed = self.socket.req_parts.extensions.get::<Arc<Seed>>();
        let patience = seed.map_or(Duration::ZERO, |seed| seed.shared.timings.write);
        let by = Instant::now() + patience;
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
}

impl Wire for SocketWire {
    async fn next(&mut self) -> Heard {
        let Some(message) = self.socket.data.next().await else {
            return Heard::Gone;
        };
        let text = match message {
            Message::Text(text) => text,
            // It was announced, and complained of then.
            Message::Binary(bytes) => return Heard::Chore(Chore::None, bytes),
        };
        let bytes = text.len();
        match packet::read(&text) {
            Ok(Packet::Event { name, data, ack }) => Heard::Event {
                name,
                data,
                ack,
                bytes,
            },
            Ok(Packet::Disconnect) => Heard::Gone,
            Ok(Packet::Connect { namespace, .. }) if !packet::is_main(&namespace) => {
                let refusal = Chore::NoNamespace(namespace);
                Heard::Chore(refusal, bytes)
            }
            Ok(Packet::Connect { .. } | Packet::Other) => Heard::Chore(Chore::None, bytes),
            Err(Unreadable::Binary | Unreadable::Malformed) => Heard::Unreadable(bytes),
        }
    }

    async fn say(&mut self, event: &str, data: &Value) -> bool {
        self.put(packet::event_text(event, data)).await
    }

    async fn ack(&mut self, ack: u64) -> bool {
        self.put(packet::ack_text(ack)).await
    }

    async fn chore(&mut self, chore: Chore) -> bool {
        match chore {
            Chore::NoNamespace(namespace) => self.no_namespace(&namespace).await,
            // The transports keep themselves alive.
            Chore::Ping | Chore::Pong(_) | Chore::None => true,
        }
    }

    /// The last words are in the events before. A client that polls comes for them.
    async fn hang_up(&mut self, _: &str) {
        let said = self.socket.emit(packet::DISCONNECT).is_ok();
        if said && self.socket.transport_type() == TransportType::Polling {
            let seed = self.socket.req_parts.extensions.get::<Arc<Seed>>();
            let patience = seed.map_or(Duration::ZERO, |seed| seed.shared.timings.close);
            let by = Instant::now() + patience / 2;
            // Whatever it says meanwhile is too late.
            let _ = timeout_at(by, async {
                while self.socket.data.next().await.is_some() {}
            })
            .await;
        }
        self.socket.close(DisconnectReason::TransportClose);
    }
}
