// SPDX-License-Identifier: MPL-2.0
//! A session of Socket.IO as a wire that events come and go by, whichever transport it uses.

use std::net::IpAddr;

use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::Seed;
use crate::adapters::bridge::{Bridge, Chore, Heard, Wire};
use crate::adapters::entry::{by_token, first_word, token_in};
use crate::adapters::frames::Came;
use crate::adapters::packet::{self, Packet, Unreadable};
use crate::auth::{Identity, no_credential};
use crate::lock::lock;
use crate::state::Shared;

/// What carries packets.
pub(super) trait Transport: Send {
    /// Whether it is of the fourth generation of Engine.IO.
    fn is_newer(&self) -> bool;

    /// Whoever it is may say more from now on.
    fn let_in(&mut self) {}

    /// What comes next. It may be given up at any time.
    fn next(&mut self) -> impl Future<Output = Came> + Send;

    /// Whether the client has taken it, or will.
    fn put(&mut self, text: String) -> impl Future<Output = bool> + Send;

    /// Sees to what keeps it alive.
    fn chore(&mut self, chore: Chore) -> impl Future<Output = bool> + Send;

    /// Says that it ends, and hangs up when what was said before has been taken.
    fn hang_up(&mut self) -> impl Future<Output = ()> + Send;
}

/// Runs a session to its end.
pub(super) async fn run(transport: impl Transport, seed: &Seed) {
    let mut wire = SocketWire { transport };
    let shared = &seed.shared;
    let known = lock(&seed.identity).take();
    let entered = wire.enter(shared, seed.address, known).await;
    let Some((identity, first)) = entered else {
        return wire.hang_up("unauthorized").await;
    };
    wire.transport.let_in();
    let bridge = Bridge {
        hub: &shared.hub,
        address: seed.address,
        timings: shared.timings,
        stop: shared.adapters.stop.clone(),
        lab_offers: seed.lab_offers,
    };
    // Boxed, since each session waits with it for as long as it lives.
    Box::pin(bridge.run(&mut wire, identity, first)).await;
}

struct SocketWire<T> {
    transport: T,
}

impl<T: Transport> SocketWire<T> {
    /// Lets the client into the main namespace, and finds out who it is.
    async fn enter(
        &mut self,
        shared: &Shared,
        address: IpAddr,
        known: Option<Identity>,
    ) -> Option<(Identity, Option<Heard>)> {
        let by = Instant::now() + first_word(shared.timings);
        let is_stranger = known.as_ref().is_none_or(Identity::is_guest);
        let token = match self.transport.is_newer() {
            true => timeout_at(by, self.connect()).await.ok()??,
            false => {
                self.transport.put(packet::connect_text(None)).await;
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
                    self.transport
                        .put(packet::refusal_text("/", code, message, true))
                        .await;
                    None
                }
            };
        }
        if self.transport.is_newer() {
            self.welcome().await;
        }
        if !is_stranger {
            return Some((known?, None));
        }
        let first = match timeout_at(by, self.first()).await {
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
            let text = match self.transport.next().await {
                Came::Text(text) => text,
                Came::Chore(chore, _) => match self.transport.chore(chore).await {
                    true => continue,
                    false => return None,
                },
                Came::Binary(_) | Came::Gone => return None,
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
        self.transport.put(packet::connect_text(Some(&id))).await;
    }

    async fn no_namespace(&mut self, namespace: &str) -> bool {
        let text = packet::refusal_text(
            namespace,
            "no-such-namespace",
            "Invalid namespace",
            self.transport.is_newer(),
        );
        self.transport.put(text).await
    }

    /// The first word, whatever has to be seen to before it comes.
    async fn first(&mut self) -> Heard {
        loop {
            match self.next().await {
                Heard::Chore(chore, _) => {
                    if !self.chore(chore).await {
                        return Heard::Gone;
                    }
                }
                first => return first,
            }
        }
    }
}

impl<T: Transport> Wire for SocketWire<T> {
    async fn next(&mut self) -> Heard {
        let text = match self.transport.next().await {
            Came::Text(text) => text,
            // It was announced, and complained of then.
            Came::Binary(bytes) => return Heard::Chore(Chore::None, bytes),
            Came::Chore(chore, bytes) => return Heard::Chore(chore, bytes),
            Came::Gone => return Heard::Gone,
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
        self.transport.put(packet::event_text(event, data)).await
    }

    async fn ack(&mut self, ack: u64) -> bool {
        self.transport.put(packet::ack_text(ack)).await
    }

    async fn chore(&mut self, chore: Chore) -> bool {
        match chore {
            Chore::NoNamespace(namespace) => self.no_namespace(&namespace).await,
            chore => self.transport.chore(chore).await,
        }
    }

    /// The last words are in the events before.
    async fn hang_up(&mut self, _: &str) {
        self.transport.hang_up().await;
    }
}
