// SPDX-License-Identifier: MPL-2.0
//! From a viewer to a program and back, and from a driver's last sign of life to the robot's release.

use std::{
    io,
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
/// What is on its way when the last message has been sent.
const REST: Duration = Duration::from_millis(500);

/// Sends the time at a rate, and notes how old each is that comes back.
fn trips(
    rate: u32,
    time: Duration,
    mut send: impl FnMut(&str),
    mut receive: impl FnMut(Duration) -> Option<String>,
) -> Vec<u64> {
    let period = Duration::from_secs(1) / rate;
    let start = Instant::now();
    let (mut due, mut ages) = (start, Vec::new());
    loop {
        let now = Instant::now();
        if now >= start + time + REST {
            return ages;
        }
        if now < start + time && now >= due {
            send(&start.elapsed().as_micros().to_string());
            due += period;
            continue;
        }
        let until = if now < start + time {
            due
        } else {
            start + time + REST
        };
        let sent = receive(until - now).and_then(|text| text.parse::<u64>().ok());
        let now = u64::try_from(start.elapsed().as_micros()).unwrap();
        ages.extend(sent.map(|sent| now - sent));
    }
}

/// A program that says what it hears.
fn echo(mut socket: WebSocket<TcpStream>) {
    thread::spawn(move || {
        while let Ok(message) = socket.read() {
            let is_event =
                matches!(&message, Message::Text(text) if text.as_str().starts_with("porthole "));
            if message.is_text() && !is_event && socket.send(message).is_err() {
                return;
            }
        }
    });
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

/// Microseconds of each trip.
pub(crate) fn gateway(rate: u32, time: Duration) -> Vec<u64> {
    let robot = Robot::new("control-timeout=10000");
    let program = Program::socket(&robot.url, "echo", &[]).unwrap();
    program.get_ref().set_nodelay(true).unwrap();
    echo(program);
    let guest = std::cell::RefCell::new(driver(&robot));
    let mut number = 0;
    trips(
        rate,
        time,
        |text| {
            number = if number == u16::MAX { 1 } else { number + 1 };
            guest.borrow().send(TEXT, (1, number), text.as_bytes());
        },
        |wait| {
            let word = guest.borrow_mut().next_within(wait)?;
            (word.kind == TEXT).then(|| String::from_utf8(word.payload).unwrap())
        },
    )
}

/// The same through the relay.
pub(crate) fn relay(rate: u32, time: Duration) -> Vec<u64> {
    let relay = Relay::start();
    let connect = || {
        let stream = TcpStream::connect(relay.address).unwrap();
        stream.set_nodelay(true).unwrap();
        tungstenite::client("ws://localhost/", stream).unwrap().0
    };
    let viewer = std::cell::RefCell::new(connect());
    echo(connect());
    trips(
        rate,
        time,
        |text| viewer.borrow_mut().send(Message::text(text)).unwrap(),
        |wait| {
            let mut viewer = viewer.borrow_mut();
            let wait = wait.max(Duration::from_micros(1));
            viewer.get_ref().set_read_timeout(Some(wait)).unwrap();
            match viewer.read() {
                Ok(message) => Some(message.to_text().unwrap().to_owned()),
                Err(tungstenite::Error::Io(error))
                    if matches!(
                        error.kind(),
                        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut
                    ) =>
                {
                    None
                }
                Err(error) => panic!("{error}"),
            }
        },
    )
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
