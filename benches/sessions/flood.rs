// SPDX-License-Identifier: MPL-2.0
//! How long an honest viewer's message takes to its camera and back while others flood the server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use futures_util::{SinkExt as _, StreamExt as _};
use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use serde_json::{Value, json};
use tokio::{
    runtime::{Builder, Runtime},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    time::{interval_at, sleep, sleep_until},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    Failure,
    peer::{Peer, Socket, text_of},
};

/// Between two of the honest viewer's messages, which come whether or not those before were answered. A viewer may send
/// 50 a second.
const EVERY: Duration = Duration::from_millis(25);
/// For what has not come back when the last one was due.
const PATIENCE: Duration = Duration::from_secs(10);
/// Messages that a flood sends on one connection before it makes a new one: what the server takes at once from one.
const BURST: usize = 2;
/// Between two tries of a flood to connect, when it was turned away.
const TURNED_AWAY: Duration = Duration::from_millis(10);
/// The camera is sent all the floods by a server that lets them pass; what is longer than this is not for it to read.
const HONEST_BYTES: usize = 1024;

/// Measures with nobody else there, beside floods that stay, and beside floods that connect again and again.
///
/// `plan` has the server's `url`, the camera's id (`cameraId`, or null where the server gives it one), the tokens `camera`,
/// `honest` and `floods` (null where the server wants none), and the seconds of each of the three measurements, `seconds`.
pub(crate) fn run(plan: &Value) -> Result<Value, Failure> {
    let url = text_of(plan, "url")?;
    let token = |value: &Value| value.as_str().map(str::to_owned);
    let seconds: Vec<u64> = serde_json::from_value(plan["seconds"].clone())?;
    let [quiet, staying, returning] = seconds[..] else {
        return Err("seconds: give three numbers".into());
    };
    let runtime = one_thread()?;
    let (mut camera, mut honest) = runtime.block_on(async {
        let mut camera = Peer::connect(&url, plan["camera"].as_str()).await?;
        camera.produce().await?;
        let honest = Peer::connect(&url, plan["honest"].as_str()).await?;
        Ok::<_, Failure>((camera, honest))
    })?;
    let id = plan["cameraId"].as_str().unwrap_or(&camera.id).to_owned();
    let session = runtime.block_on(honest.watch(&mut camera, &id))?;
    let mut floods = Vec::new();
    for value in plan["floods"].as_array().ok_or("no floods")? {
        let token = token(value);
        let (session, peer) = runtime.block_on(async {
            let mut peer = Peer::connect(&url, token.as_deref()).await?;
            let session = peer.watch(&mut camera, &id).await?;
            Ok::<_, Failure>((session, peer))
        })?;
        floods.push(Flood {
            url: url.clone(),
            token,
            message: message_of(&session),
            socket: Some(peer.socket),
        });
    }
    let mut line = runtime.block_on(async { Line::new(session, camera, honest) });
    let mut measure = |seconds: u64| runtime.block_on(line.measure(Duration::from_secs(seconds)));

    // The first message of all finds memory that was never used.
    measure(1)?;
    eprintln!("flood: {quiet} s with nobody else");
    let quiet = measure(quiet)?;
    eprintln!("flood: {staying} s beside floods");
    let running = Floods::start(floods, false);
    let staying = measure(staying)?;
    let (floods, sent) = running.stop();
    // A server that lets the floods pass has some of them in its queues still.
    measure(1)?;
    eprintln!("flood: {returning} s beside floods that connect again and again");
    let running = Floods::start(floods, true);
    let returning = measure(returning)?;
    let (_, returned) = running.stop();
    Ok(json!({
        "quietMs": quiet, "floodMs": staying, "returningMs": returning, "floodMessages": sent, "returningMessages": returned,
    }))
}

fn one_thread() -> Result<Runtime, Failure> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// The largest message that Porthole's server reads.
fn message_of(session: &str) -> Message {
    let message = |sdp: &str| {
        json!({"type": "peer", "sessionId": session, "sdp": {"type": "answer", "sdp": sdp}})
            .to_string()
    };
    let filler = "v".repeat(MAX_MESSAGE_BYTES - message("").len());
    Message::text(message(&filler))
}

/// The honest viewer's way to its camera and back.
struct Line {
    session: String,
    to_server: UnboundedSender<Message>,
    back: UnboundedReceiver<(usize, Instant)>,
    sent: usize,
}

impl Line {
    fn new(session: String, camera: Peer, honest: Peer) -> Self {
        passer(camera.socket, |text, reply| {
            if number_of(text).is_some() {
                let _ = reply.send(Message::text(text.to_owned()));
            }
        });
        let (told, back) = unbounded_channel();
        let to_server = passer(honest.socket, move |text, _| {
            if let Some(number) = number_of(text) {
                let _ = told.send((number, Instant::now()));
            }
        });
        Self {
            session,
            to_server,
            back,
            sent: 0,
        }
    }

    /// Milliseconds from when each message was to be sent to its return.
    async fn measure(&mut self, length: Duration) -> Result<Vec<f64>, Failure> {
        let (first, start) = (self.sent, Instant::now() + EVERY);
        let count = usize::try_from(length.as_millis() / EVERY.as_millis())?;
        let due = |n: usize| start + EVERY * u32::try_from(n).unwrap_or(u32::MAX);
        let mut times = vec![None; count];
        let mut ticks = interval_at(start.into(), EVERY);
        let end = due(count) + PATIENCE;
        while times.iter().any(Option::is_none) {
            tokio::select! {
                _ = ticks.tick(), if self.sent < first + count => {
                    // Where it is thrown out, nothing comes back.
                    let _ = self.to_server.send(candidate(&self.session, self.sent));
                    self.sent += 1;
                }
                heard = self.back.recv() => {
                    let Some((number, at)) = heard else { break };
                    if let Some(n) = number.checked_sub(first).filter(|n| *n < count) {
                        times[n] = Some(at.saturating_duration_since(due(n)));
                    }
                }
                () = sleep_until(end.into()) => break,
            }
        }
        // What has not come took so long at least.
        let times = (0..)
            .zip(times)
            .map(|(n, time)| time.unwrap_or(end - due(n)));
        Ok(times.map(|time| 1000.0 * time.as_secs_f64()).collect())
    }
}

fn candidate(session: &str, number: usize) -> Message {
    let ice = json!({"candidate": format!("candidate:{number} 1 UDP 1 192.0.2.1 9 typ host"), "sdpMLineIndex": 0});
    Message::text(json!({"type": "peer", "sessionId": session, "ice": ice}).to_string())
}

/// The number of an honest message.
fn number_of(text: &str) -> Option<usize> {
    let text = (text.len() <= HONEST_BYTES).then_some(text)?;
    let message: Value = serde_json::from_str(text).ok()?;
    let candidate = message["ice"]["candidate"].as_str()?;
    let number = candidate.strip_prefix("candidate:")?.split(' ').next()?;
    number.parse().ok()
}

/// Reads a socket and writes to it, neither waiting for the other: a server that is full must not block both ways. What is
/// sent to the result is written, until the connection ends.
fn passer(
    socket: Socket,
    hear: impl Fn(&str, &UnboundedSender<Message>) + Send + 'static,
) -> UnboundedSender<Message> {
    let (mut sink, mut stream) = socket.split();
    let (sender, mut queue) = unbounded_channel();
    let reply = sender.clone();
    tokio::spawn(async move {
        while let Some(message) = queue.recv().await {
            if sink.send(message).await.is_err() {
                return;
            }
        }
    });
    tokio::spawn(async move {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                hear(&text, &reply);
            }
        }
    });
    sender
}

/// Someone who sends as fast as the server takes it, and reads nothing.
struct Flood {
    url: String,
    token: Option<String>,
    message: Message,
    socket: Option<Socket>,
}

impl Flood {
    /// Sends until it is stopped. One that is `returning` leaves its connection after each burst.
    async fn run(mut self, returning: bool, sent: Arc<AtomicU64>) {
        loop {
            if self.socket.is_none() {
                match Peer::connect(&self.url, self.token.as_deref()).await {
                    Ok(peer) => self.socket = Some(peer.socket),
                    Err(_) => sleep(TURNED_AWAY).await,
                }
            }
            if let Some(socket) = &mut self.socket {
                for _ in 0..BURST {
                    if socket.send(self.message.clone()).await.is_err() {
                        self.socket = None;
                        break;
                    }
                    sent.fetch_add(1, Relaxed);
                }
                if returning {
                    self.socket = None;
                }
            }
        }
    }

    /// One that begins anew.
    fn fresh(&self) -> Self {
        Self {
            url: self.url.clone(),
            token: self.token.clone(),
            message: self.message.clone(),
            socket: None,
        }
    }
}

/// All floods, on a thread of their own.
struct Floods {
    thread: thread::JoinHandle<Vec<Flood>>,
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
}

impl Floods {
    fn start(floods: Vec<Flood>, returning: bool) -> Self {
        let (stop, sent) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU64::new(0)),
        );
        let (stopped, count) = (stop.clone(), sent.clone());
        let thread = thread::spawn(move || {
            let again = floods.iter().map(Flood::fresh).collect();
            let Ok(runtime) = one_thread() else {
                return again;
            };
            runtime.block_on(async {
                for flood in floods {
                    tokio::spawn(flood.run(returning, count.clone()));
                }
                while !stopped.load(Relaxed) {
                    sleep(EVERY).await;
                }
            });
            again
        });
        Self { thread, stop, sent }
    }

    /// Ends them, and gives them back with how many messages they sent.
    fn stop(self) -> (Vec<Flood>, u64) {
        self.stop.store(true, Relaxed);
        let floods = self.thread.join().unwrap_or_default();
        (floods, self.sent.load(Relaxed))
    }
}
