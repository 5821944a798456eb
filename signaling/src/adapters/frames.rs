// SPDX-License-Identifier: MPL-2.0
//! A WebSocket that a client of another system speaks on by itself: texts, a heartbeat, and an end.

use std::time::Duration;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use tokio::io::{ReadHalf, WriteHalf, split};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout};
use tungstenite::protocol::frame::coding::CloseCode;

use super::bridge::Chore;
use crate::timings::Timings;
use crate::websocket::{Incoming, Reader, Writer, halves};

type Io = TokioIo<Upgraded>;

/// What comes.
pub(super) enum Came {
    Text(String),
    /// Of so many bytes.
    Binary(usize),
    /// What has to be seen to, of so many bytes.
    Chore(Chore, usize),
    /// Nothing comes any more.
    Gone,
}

pub(super) struct Frames {
    reader: Reader<ReadHalf<Io>>,
    writer: Writer<WriteHalf<Io>>,
    write: Duration,
    silence: Duration,
    ping: Interval,
    /// By when something has to be heard.
    alive: Instant,
}

impl Frames {
    pub(super) fn new(upgraded: Upgraded, timings: Timings) -> Self {
        let (read, write) = split(TokioIo::new(upgraded));
        let (reader, writer) = halves(read, write, MAX_MESSAGE_BYTES);
        let mut ping = interval(timings.ping);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.reset();
        let silence = timings.ping + timings.pong;
        Self {
            reader,
            writer,
            write: timings.write,
            silence,
            ping,
            alive: Instant::now() + silence,
        }
    }

    /// What comes next. It may be given up at any time.
    pub(super) async fn next(&mut self) -> Came {
        let incoming = tokio::select! {
            incoming = self.reader.next() => incoming,
            ping = self.writer.pinged() => return Came::Chore(Chore::Pong(ping), 0),
            _ = self.ping.tick() => return Came::Chore(Chore::Ping, 0),
            () = sleep_until(self.alive) => return Came::Gone,
        };
        self.alive = Instant::now() + self.silence;
        match incoming {
            Ok(Incoming::Text(text)) => Came::Text(text),
            Ok(Incoming::Binary(bytes)) => Came::Binary(bytes),
            Ok(Incoming::Control(bytes)) => Came::Chore(Chore::None, bytes),
            Ok(Incoming::Closed) | Err(_) => Came::Gone,
        }
    }

    /// Whether the client has taken it.
    pub(super) async fn text(&mut self, text: String) -> bool {
        let text = text.into();
        let writing = self.writer.text(&text);
        matches!(timeout(self.write, writing).await, Ok(Ok(())))
    }

    pub(super) async fn ping(&mut self) -> bool {
        matches!(timeout(self.write, self.writer.ping()).await, Ok(Ok(())))
    }

    pub(super) async fn pong(&mut self, ping: &[u8]) -> bool {
        let writing = self.writer.pong(ping);
        matches!(timeout(self.write, writing).await, Ok(Ok(())))
    }

    /// Hangs up, and reads on until the client has seen that, so that it loses nothing of what it was told before.
    pub(super) async fn hang_up(&mut self, why: CloseCode, reason: &str) {
        let closing = async {
            if self.writer.close(why, reason).await.is_ok() {
                while let Ok(Incoming::Text(_) | Incoming::Binary(_) | Incoming::Control(_)) =
                    self.reader.next().await
                {}
            }
        };
        let _ = timeout(self.write, closing).await;
    }
}
