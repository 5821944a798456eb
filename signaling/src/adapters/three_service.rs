// SPDX-License-Identifier: MPL-2.0
//! The JSON of three-service systems: a camera's program, a page, and between them a signaling server to which both speak over
//! a plain WebSocket, in objects with a `type`. The words are the robots'.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use tungstenite::protocol::frame::coding::CloseCode;

use super::bridge::{Bridge, Chore, Heard, Wire};
use super::entry::{at_the_door, by_token, first_word, token_in};
use super::frames::{Came, Frames};
use super::translator::LabOffers;
use crate::auth::{Identity, no_credential};
use crate::error::ApiError;
use crate::state::{Connection, Shared};
use crate::upgrade::upgrade;

/// Where it is served; WebSockets at the root come here as well, as those systems have it.
const PATH: &str = "/three-service";

pub(super) fn routes() -> Router<Arc<Shared>> {
    Router::new().route(PATH, get(websocket))
}

pub(super) fn everywhere() -> Router<Arc<Shared>> {
    Router::new().fallback(websocket)
}

/// Where a WebSocket at the root belongs.
pub(crate) fn path_of(request: &Request) -> Option<String> {
    let is_upgrade = request.headers().contains_key(header::SEC_WEBSOCKET_KEY);
    let query = request.uri().query().unwrap_or_default();
    (request.uri().path() == "/" && is_upgrade).then(|| format!("{PATH}?{query}"))
}

async fn websocket(
    State(shared): State<Arc<Shared>>,
    Extension(connection): Extension<Connection>,
    request: Request,
) -> Result<Response, ApiError> {
    let query = request.uri().query();
    let identity = at_the_door(&shared, request.headers(), query, connection.peer).await?;
    let (answer, upgraded) = upgrade(request)?;
    let of_address = shared.socket_place(connection.peer)?;
    tokio::spawn(async move {
        // One that went away meanwhile needs nothing.
        if let Ok(upgraded) = upgraded.await {
            let frames = Frames::new(upgraded, shared.timings);
            run(&shared, frames, identity, connection.peer).await;
        }
        drop((connection.place, of_address));
    });
    Ok(answer)
}

async fn run(shared: &Shared, frames: Frames, identity: Option<Identity>, address: IpAddr) {
    let mut wire = JsonWire(frames);
    let (identity, first) = match identity {
        Some(identity) if !identity.is_guest() => (Some(identity), None),
        guest => wire.enter(shared, guest, address).await,
    };
    let Some(identity) = identity else {
        return wire.hang_up("unauthorized").await;
    };
    let bridge = Bridge {
        hub: &shared.hub,
        address,
        timings: shared.timings,
        stop: shared.adapters.stop.clone(),
        lab_offers: LabOffers::default(),
    };
    // Boxed, since each connection waits with it for as long as it lives.
    Box::pin(bridge.run(&mut wire, identity, first)).await;
}

struct JsonWire(Frames);

impl JsonWire {
    /// Waits for the word with which a client shows who it is; `guest` is who it is otherwise.
    async fn enter(
        &mut self,
        shared: &Shared,
        guest: Option<Identity>,
        address: IpAddr,
    ) -> (Option<Identity>, Option<Heard>) {
        let by = Instant::now() + first_word(shared.timings);
        loop {
            let first = match timeout_at(by, self.next()).await {
                Ok(Heard::Chore(chore, _)) => {
                    self.chore(chore).await;
                    continue;
                }
                Ok(first) => first,
                Err(_) => return (guest, None),
            };
            let token = match &first {
                Heard::Event { data, .. } => token_in(data),
                _ => None,
            };
            let Some(token) = token else {
                if guest.is_none() {
                    self.refuse(&no_credential()).await;
                }
                return (guest, Some(first));
            };
            return match by_token(shared, token, address).await {
                Ok(identity) => (Some(identity), Some(first)),
                Err(error) => {
                    self.refuse(&error).await;
                    (None, None)
                }
            };
        }
    }

    async fn refuse(&mut self, error: &ApiError) {
        self.say("error", &error.as_event()).await;
    }
}

impl Wire for JsonWire {
    async fn next(&mut self) -> Heard {
        match self.0.next().await {
            Came::Text(text) => event(&text),
            Came::Binary(bytes) => Heard::Unreadable(bytes),
            Came::Chore(chore, bytes) => Heard::Chore(chore, bytes),
            Came::Gone => Heard::Gone,
        }
    }

    async fn say(&mut self, event: &str, data: &Value) -> bool {
        self.0.text(said(event, data).to_string()).await
    }

    async fn ack(&mut self, _: u64) -> bool {
        true
    }

    async fn chore(&mut self, chore: Chore) -> bool {
        match chore {
            Chore::Ping => self.0.ping().await,
            Chore::Pong(ping) => self.0.pong(&ping).await,
            Chore::Answer(_) | Chore::NoNamespace(_) | Chore::None => true,
        }
    }

    async fn hang_up(&mut self, code: &str) {
        let why = if code.is_empty() {
            CloseCode::Away
        } else {
            CloseCode::Policy
        };
        self.0.hang_up(why, code).await;
    }
}

fn event(text: &str) -> Heard {
    match serde_json::from_str::<Map<String, Value>>(text) {
        Ok(fields) => match fields.get("type").and_then(Value::as_str) {
            Some(name) => Heard::Event {
                name: name.to_owned(),
                bytes: text.len(),
                data: Value::Object(fields),
                ack: None,
            },
            None => Heard::Unreadable(text.len()),
        },
        Err(_) => Heard::Unreadable(text.len()),
    }
}

/// An event as an object: a description stands in it as the text that it is, so that the object can be taken for one.
fn said(event: &str, data: &Value) -> Value {
    let mut fields = match data {
        Value::Object(fields) => fields.clone(),
        Value::Null => Map::new(),
        data => Map::from_iter([("data".to_owned(), data.clone())]),
    };
    if let Some(Value::Object(mut description)) = fields.remove(event)
        && let Some(sdp) = description.remove("sdp")
    {
        fields.insert("sdp".to_owned(), sdp);
    }
    fields.insert("type".to_owned(), event.into());
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_an_object_that_is_a_description_where_it_brings_one() {
        let offer = json!({"from": "s", "offer": {"type": "offer", "sdp": "v=0"}});
        let expected = json!({"type": "offer", "from": "s", "sdp": "v=0"});
        assert_eq!(said("offer", &offer), expected);
        assert_eq!(said("x", &json!(null)), json!({"type": "x"}));
        assert_eq!(
            said("created", &json!("lab")),
            json!({"type": "created", "data": "lab"})
        );
        for text in ["[]", "{}", "{\"type\":1}", "x"] {
            assert!(matches!(event(text), Heard::Unreadable(_)), "{text}");
        }
    }
}
