// SPDX-License-Identifier: MPL-2.0
//! Sessions that begin by WebSocket, as robots' do: a packet of Engine.IO in each frame, and three kinds of them besides messages.
//!
//! Such a session takes as much memory as a connection of our own. engineioxide's, with three tasks and four channels for each, took
//! four times as much.

use axum::extract::Request;
use axum::response::Response;
use hyper::upgrade::Upgraded;
use serde_json::json;
use tungstenite::protocol::frame::coding::CloseCode;

use super::session::{self, Transport};
use super::{MAX_BODY_BYTES, Seed};
use crate::adapters::bridge::Chore;
use crate::adapters::frames::{Came, Frames};
use crate::adapters::packet;
use crate::error::ApiError;
use crate::timings::Timings;
use crate::upgrade::upgrade;

// Kinds of packets (Engine.IO's protocol, generations 3 and 4).
const OPEN: char = '0';
const CLOSE: char = '1';
const PING: char = '2';
const PONG: char = '3';
const MESSAGE: char = '4';

/// The generation that is asked for, if it is one of the two that are spoken.
pub(super) fn is_newer(query: &str) -> Option<bool> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    match pairs.find(|(name, _)| *name == "EIO")?.1 {
        "4" => Some(true),
        "3" => Some(false),
        _ => None,
    }
}

/// Begins a session.
pub(super) fn begin(request: Request, is_newer: bool, seed: Seed) -> Result<Response, ApiError> {
    let (answer, upgraded) = upgrade(request)?;
    tokio::spawn(async move {
        // One that went away meanwhile needs nothing.
        let Ok(upgraded) = upgraded.await else {
            return;
        };
        let mut socket = WebSocket::new(upgraded, is_newer, seed.shared.timings);
        if socket.open(seed.shared.timings).await {
            session::run(socket, &seed).await;
        }
    });
    Ok(answer)
}

struct WebSocket {
    frames: Frames,
    is_newer: bool,
}

impl WebSocket {
    fn new(upgraded: Upgraded, is_newer: bool, timings: Timings) -> Self {
        Self {
            frames: Frames::new(upgraded, timings),
            is_newer,
        }
    }

    /// Says what the client has to know. Nobody can go on with this session elsewhere, so that its name is no secret.
    async fn open(&mut self, timings: Timings) -> bool {
        let handshake = json!({
            "sid": uuid::Uuid::new_v4(),
            "upgrades": [],
            "pingInterval": timings.ping.as_millis(),
            "pingTimeout": timings.pong.as_millis(),
            "maxPayload": MAX_BODY_BYTES,
        });
        self.frames.text(format!("{OPEN}{handshake}")).await
    }
}

impl Transport for WebSocket {
    fn is_newer(&self) -> bool {
        self.is_newer
    }

    async fn next(&mut self) -> Came {
        let text = match self.frames.next().await {
            Came::Text(text) => text,
            other => return other,
        };
        let mut characters = text.chars();
        let kind = characters.next();
        let rest = characters.as_str();
        match kind {
            Some(MESSAGE) => Came::Text(rest.to_owned()),
            Some(PING) => Came::Chore(Chore::Answer(format!("{PONG}{rest}")), text.len()),
            Some(PONG) => Came::Chore(Chore::None, text.len()),
            // It closes, or says what only a server says.
            _ => Came::Gone,
        }
    }

    async fn put(&mut self, text: String) -> bool {
        let taken = self.frames.text(format!("{MESSAGE}{text}")).await;
        if !taken {
            tracing::info!("a client is dropped: it does not take what it is sent");
        }
        taken
    }

    async fn chore(&mut self, chore: Chore) -> bool {
        match chore {
            // Clients of the older generation are those who ping.
            Chore::Ping if !self.is_newer => true,
            Chore::Ping => self.frames.text(PING.to_string()).await,
            Chore::Answer(text) => self.frames.text(text).await,
            Chore::Pong(ping) => self.frames.pong(&ping).await,
            Chore::NoNamespace(_) | Chore::None => true,
        }
    }

    async fn hang_up(&mut self) {
        let said = self.put(packet::DISCONNECT.to_owned()).await;
        if said && self.frames.text(CLOSE.to_string()).await {
            self.frames.hang_up(CloseCode::Normal, "").await;
        }
    }
}
