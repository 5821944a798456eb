// SPDX-License-Identifier: MPL-2.0
//! A client of a signaling server, Porthole's or the stock one: both speak the same messages.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest as _, http::HeaderValue},
};

use crate::Failure;

/// Longest wait for an answer while nobody floods.
const ANSWER: Duration = Duration::from_secs(20);

pub(crate) type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

pub(crate) struct Peer {
    pub(crate) socket: Socket,
    /// What the server calls it.
    pub(crate) id: String,
}

impl Peer {
    /// Connects, with a bearer token where the server wants one, and is welcomed.
    pub(crate) async fn connect(url: &str, token: Option<&str>) -> Result<Self, Failure> {
        let mut request = url.into_client_request()?;
        if let Some(token) = token {
            let bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
            request.headers_mut().insert("authorization", bearer);
        }
        let (socket, _) = connect_async(request).await?;
        let mut peer = Self {
            socket,
            id: String::new(),
        };
        peer.id = text_of(&peer.hear("welcome").await?, "peerId")?;
        Ok(peer)
    }

    /// Announces itself as a camera, and waits until the server has taken that in.
    pub(crate) async fn produce(&mut self) -> Result<(), Failure> {
        self.say(json!({"type": "setPeerStatus", "roles": ["producer"], "meta": null, "porthole": {"version": 1, "nonce": "n"}}))
            .await?;
        self.say(json!({"type": "list"})).await?;
        self.hear("list").await.map(drop)
    }

    /// Starts a session at the camera `id`, whose connection is `camera`, and returns its id.
    pub(crate) async fn watch(&mut self, camera: &mut Self, id: &str) -> Result<String, Failure> {
        self.say(json!({"type": "startSession", "peerId": id}))
            .await?;
        let started = self.hear("sessionStarted").await?;
        camera.hear("startSession").await?;
        text_of(&started, "sessionId")
    }

    async fn say(&mut self, message: Value) -> Result<(), Failure> {
        Ok(self.socket.send(Message::text(message.to_string())).await?)
    }

    /// Waits for a message of this type.
    async fn hear(&mut self, kind: &str) -> Result<Value, Failure> {
        let wait = async {
            while let Some(message) = self.socket.next().await {
                let Message::Text(text) = message? else {
                    continue;
                };
                let message: Value = serde_json::from_str(&text)?;
                if message["type"] == kind {
                    return Ok(message);
                }
                if message["type"] == "error" || message["type"] == "endSession" {
                    return Err(format!("{message} in place of {kind}").into());
                }
            }
            Err(format!("the connection ended before {kind}").into())
        };
        timeout(ANSWER, wait)
            .await
            .map_err(|_| format!("no {kind} came"))?
    }
}

pub(crate) fn text_of(value: &Value, field: &str) -> Result<String, Failure> {
    let text = value[field].as_str();
    Ok(text.ok_or_else(|| format!("no {field}"))?.to_owned())
}
