// SPDX-License-Identifier: MPL-2.0
//! A simulated robot that is driven from the page, and stops when nobody drives or nothing more is heard.
//!
//! ```sh
//! gst-launch-1.0 portholesrc ! portholesink gateway=127.0.0.1:8765
//! cargo run --release --example gateway-drive -- ws://127.0.0.1:8765
//! ```
//!
//! In a robot of your own, `Robot::command` and `Robot::stop` speak to the motors.

use std::{error::Error, future::pending, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use rustix::time::{ClockId, clock_gettime};
use serde::Deserialize;
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Instant, MissedTickBehavior, interval, sleep, sleep_until},
};
use tokio_tungstenite::{
    connect_async_with_config,
    tungstenite::{
        Error as WebSocketError, Message, client::IntoClientRequest as _, protocol::WebSocketConfig,
    },
};

/// Between two steps of the simulation.
const STEP: Duration = Duration::from_millis(50);
const STEPS_PER_REPORT: u32 = 2;
/// Before the next try to connect.
const AGAIN: Duration = Duration::from_secs(1);
/// Metres in a second.
const FASTEST: f64 = 1.0;
/// Degrees in a second.
const SHARPEST: f64 = 90.0;
/// The gateway sends no longer ones.
const MAX_MESSAGE: usize = 64 * 1024;
/// `drive` asks the page for its steering; of what the robot sends back only the newest counts.
const DESCRIPTION: &str =
    r#"porthole describe {"title":"Robot","kind":"json","drive":true,"latest":true}"#;

/// What `driver` and `alive` say.
#[derive(Deserialize)]
struct Lease {
    /// Milliseconds from now.
    #[serde(rename = "for")]
    time: u32,
    /// The same end, in seconds of CLOCK_MONOTONIC.
    until: f64,
}

/// What the page sends: right and forward, from -1 to 1.
#[derive(Deserialize)]
struct Command {
    x: f64,
    y: f64,
}

/// Seconds of CLOCK_MONOTONIC, which all programs of a machine have in common.
fn monotonic() -> f64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

/// Where it is, in metres and degrees, and how it moves.
#[derive(Default)]
struct Robot {
    x: f64,
    y: f64,
    heading: f64,
    speed: f64,
    turn: f64,
    /// Then its clock is the camera's as well.
    is_same_machine: bool,
    /// It may move until then.
    until: Option<Instant>,
}

impl Robot {
    // [the rule]
    /// The dead man: once the time is over it stops, and only a new driver makes it move again.
    fn may_move(&mut self) -> bool {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            self.release();
            eprintln!("drive: nothing more was heard; stopped");
        }
        self.until.is_some()
    }

    /// `driver` (is_new) and `alive` say how long it may go on without a further word.
    fn lease(&mut self, given: &Lease, is_new: bool) {
        if !is_new && !self.may_move() {
            return;
        }
        let mut left = Duration::from_millis(given.time.into());
        if self.is_same_machine {
            // Nothing is left of what is over.
            let until = Duration::try_from_secs_f64(given.until - monotonic());
            left = left.min(until.unwrap_or_default());
        }
        self.until = Some(Instant::now() + left);
    }

    /// After `released`, and when the connection has ended.
    fn release(&mut self) {
        self.stop();
        self.until = None;
    }
    // [end]

    fn stop(&mut self) {
        (self.speed, self.turn) = (0.0, 0.0);
    }

    fn command(&mut self, json: &[u8]) -> Result<(), Box<dyn Error>> {
        let Command { x, y } = serde_json::from_slice(json)?;
        let range = -1.0..=1.0;
        if !range.contains(&x) || !range.contains(&y) {
            return Err("x and y go from -1 to 1".into());
        }
        (self.speed, self.turn) = (FASTEST * y, SHARPEST * x);
        Ok(())
    }

    /// Moves on by a step.
    fn step(&mut self) {
        let seconds = STEP.as_secs_f64();
        self.heading = (self.heading + self.turn * seconds).rem_euclid(360.0);
        let (sine, cosine) = self.heading.to_radians().sin_cos();
        self.x += self.speed * seconds * sine;
        self.y += self.speed * seconds * cosine;
    }

    /// What the page shows.
    fn state(&self) -> String {
        let round = |value: f64| (value * 100.0).round() / 100.0;
        serde_json::json!({
            "x": round(self.x), "y": round(self.y), "heading": round(self.heading), "speed": round(self.speed),
        })
        .to_string()
    }

    /// One message: from the gateway, or from the one who drives.
    fn hear(&mut self, message: &Message) {
        if let Message::Text(text) = message
            && let Some(event) = text.as_str().strip_prefix("porthole ")
        {
            let (word, details) = event.split_once(' ').unwrap_or((event, ""));
            match (word, serde_json::from_str(details)) {
                ("driver" | "alive", Ok(lease)) => self.lease(&lease, word == "driver"),
                // Whatever it is that is not understood: it is no leave to go on.
                ("driver" | "alive", Err(_)) | ("released", _) => self.release(),
                _ => (),
            }
            if word != "alive" {
                println!("drive: porthole {event}");
            }
            return;
        }
        // What comes later was given by one who drives no more.
        if (message.is_text() || message.is_binary())
            && self.may_move()
            && let Err(error) = self.command(&message.clone().into_data())
        {
            self.stop();
            eprintln!("drive: this is no command, and stops the robot: {error}");
        }
    }
}

/// At that time, or never.
async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// One connection to the gateway, as long as it lasts.
async fn serve(robot: &mut Robot, gateway: &str) -> Result<(), Box<dyn Error>> {
    let mut request = format!("{gateway}/drive").into_client_request()?;
    let host = request.uri().host();
    robot.is_same_machine = matches!(host, Some("127.0.0.1" | "[::1]" | "localhost"));
    if let Ok(token) = std::env::var("PORTHOLE_GATEWAY_TOKEN") {
        let bearer = format!("Bearer {token}").parse()?;
        request.headers_mut().insert("authorization", bearer);
    }
    let bounds = WebSocketConfig::default().max_message_size(Some(MAX_MESSAGE));
    let (socket, _) = connect_async_with_config(request, Some(bounds), true).await?;
    println!("drive: connected");
    let (mut to, mut from) = socket.split();
    // Whoever writes may have to wait, and whoever has to stop may not.
    let (state, mut states) = watch::channel(DESCRIPTION.to_owned());
    let writer = tokio::spawn(async move {
        let mut next = DESCRIPTION.to_owned();
        while to.send(Message::text(next)).await.is_ok() && states.changed().await.is_ok() {
            next = states.borrow_and_update().clone();
        }
    });
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut count = 0;
    loop {
        tokio::select! {
            biased;
            () = at(robot.until) => { robot.may_move(); }
            message = from.next() => match message {
                Some(Ok(message)) => robot.hear(&message),
                Some(Err(_)) | None => break,
            },
            _ = steps.tick() => {
                robot.may_move();
                robot.step();
                count += 1;
                if count % STEPS_PER_REPORT == 0 {
                    let _ = state.send(robot.state());
                }
            }
        }
    }
    writer.abort();
    Ok(())
}

/// The error in words, with what to do about it where that is known.
fn explained(error: &(dyn Error + 'static), gateway: &str) -> String {
    match error.downcast_ref() {
        Some(WebSocketError::Http(response)) if response.status() == 409 => {
            "another program serves drive already: end it first".to_owned()
        }
        Some(WebSocketError::Http(response)) if response.status() == 401 => {
            "the gateway wants its token: set PORTHOLE_GATEWAY_TOKEN to the first line of its token file".to_owned()
        }
        _ => format!("{gateway}: {error}"),
    }
}

/// Comes back by itself, also when the camera is started later.
async fn run(gateway: &str) {
    let mut robot = Robot::default();
    loop {
        let ended = serve(&mut robot, gateway).await;
        robot.release(); // Nobody can drive it without the gateway.
        let why = match ended {
            Ok(()) => "the gateway closed the connection".to_owned(),
            Err(error) => explained(error.as_ref(), gateway),
        };
        eprintln!("drive: {why}; trying again");
        sleep(AGAIN).await;
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let gateway = std::env::args().nth(1);
    let gateway = gateway.as_deref().unwrap_or("ws://127.0.0.1:8765");
    let mut end = [
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    ];
    let [interrupt, terminate] = &mut end;
    tokio::select! {
        () = run(gateway.trim_end_matches('/')) => (),
        _ = interrupt.recv() => (),
        _ = terminate.recv() => (),
    }
    Ok(())
}
