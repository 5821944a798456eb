// SPDX-License-Identifier: MPL-2.0
//! Programs that say what they hear, at the gateway and behind a relay, and from a driver's last sign of life to the robot's release.

use std::{
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant},
};

use porthole_protocol::grant::Permission::{Control, View};
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use crate::{
    Failure,
    common::{
        PATIENCE,
        robot::{Guest, Program, Robot},
    },
    pause,
    relay::Relay,
};

const TEXT: u8 = 1;
const WHEEL: u8 = 4;
const RELEASE: u8 = 17;
const ASK: u8 = 16;
/// Of a slow program, for each command.
const WORK: Duration = Duration::from_millis(100);

/// Says what it hears, until the other side is gone.
fn echo(mut socket: WebSocket<TcpStream>) {
    while let Ok(message) = socket.read() {
        let is_event =
            matches!(&message, Message::Text(text) if text.as_str().starts_with("porthole "));
        if message.is_text() && !is_event && socket.send(message).is_err() {
            return;
        }
    }
}

fn driver(robot: &Robot) -> Guest {
    let mut guest = robot.guest("ann", &[View, Control]);
    take(&mut guest);
    guest
}

fn take(guest: &mut Guest) {
    guest.send(ASK, (0, 0), b"");
    guest.hear_json(WHEEL, "you", "driving");
}

/// A program that says what it hears, as the service `echo` of the gateway at `url`. It says "connected" when it is.
pub(crate) fn echo_at(url: &str) -> Result<(), Failure> {
    let program =
        Program::socket(url, "echo", &[]).map_err(|(status, body)| format!("{status}: {body}"))?;
    program.get_ref().set_nodelay(true)?;
    program.get_ref().set_read_timeout(None)?;
    println!("connected");
    echo(program);
    Ok(())
}

/// The same behind a relay, whose port it says first.
pub(crate) fn echo_behind_relay() -> Result<(), Failure> {
    let relay = Relay::start();
    let stream = TcpStream::connect(relay.address)?;
    stream.set_nodelay(true)?;
    let (program, _) = tungstenite::client("ws://localhost/", stream)?;
    println!("relay at {}", relay.address.port());
    echo(program);
    Ok(())
}

/// A program to whom each command is 100 ms of work; it notes when it reads `released`.
fn slow(mut socket: WebSocket<TcpStream>) -> Receiver<Instant> {
    let (sender, released) = channel();
    thread::spawn(move || {
        while let Ok(message) = socket.read() {
            let text = message.to_text().unwrap_or_default();
            if text.starts_with("porthole released") {
                let _ = sender.send(Instant::now());
            } else if message.is_text() && !text.starts_with("porthole ") {
                pause(WORK);
            }
        }
    });
    released
}

/// Says as much as it is let, of what needs no wheel, until it is dropped.
struct Flood(Arc<AtomicBool>);

impl Flood {
    fn start(guest: Guest) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let flag = over.clone();
        thread::spawn(move || {
            // As one who knows how much is taken before its channels are closed.
            while !flag.load(Relaxed) && guest.try_send_bytes(&[RELEASE, 0, 0, 0]) {
                pause(Duration::from_millis(4));
            }
        });
        Self(over)
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Milliseconds from a driver's last sign of life to the moment at which a program that is slow reads `released`, while two
/// guests flood, with a control-timeout of 500 ms.
pub(crate) fn frozen(trials: usize) -> Vec<f64> {
    let robot = Robot::new("");
    let program = Program::socket(&robot.url, "arm", &[]).unwrap();
    program.get_ref().set_read_timeout(None).unwrap();
    let released = slow(program);
    let _floods = ["eve", "mallory"].map(|user| Flood::start(robot.guest(user, &[View])));
    let mut guest = driver(&robot);
    let mut all = Vec::new();
    for trial in 0..trials {
        if trial > 0 {
            take(&mut guest);
        }
        while released.try_recv().is_ok() {}
        let mut last = Instant::now();
        for number in 1..=20 {
            last = Instant::now();
            guest.send(TEXT, (1, number), b"on");
            pause(Duration::from_millis(50));
        }
        let read = released.recv_timeout(PATIENCE).unwrap();
        all.push(read.duration_since(last).as_secs_f64() * 1e3);
        guest.hear_json(WHEEL, "reason", "stalled");
    }
    all
}
