// SPDX-License-Identifier: MPL-2.0
//! A program on the robot that shows its battery to whoever looks, and knows WebSockets alone.
//!
//! ```sh
//! gst-launch-1.0 portholesrc ! portholesink gateway=127.0.0.1:8765
//! cargo run --release --example gateway-battery -- ws://127.0.0.1:8765
//! ```
//!
//! Here the battery is the first of the machine's own, or where there is none an imagined one that empties.

use std::{
    error::Error,
    fs,
    io::ErrorKind,
    net::TcpStream,
    time::{Duration, Instant},
};

use tokio_tungstenite::tungstenite::{self, Message, WebSocket, connect, stream::MaybeTlsStream};

/// Viewers need no more.
const PERIOD: Duration = Duration::from_secs(1);
const DESCRIPTION: &str =
    r#"{"title":"Battery","kind":"number","unit":"%","range":[0,100],"latest":true}"#;

/// What the machine says of its battery, in percent.
fn charge() -> Option<u32> {
    let supplies = fs::read_dir("/sys/class/power_supply").ok()?;
    let mut charges = supplies.flatten().filter_map(|supply| {
        let text = fs::read_to_string(supply.path().join("capacity")).ok()?;
        text.trim().parse().ok()
    });
    charges.next()
}

/// Reads what the camera says for a while. A program has to, whether it cares or not: who does not read is sent away, and pings
/// are answered here.
fn read_for(
    socket: &mut WebSocket<MaybeTlsStream<TcpStream>>,
    time: Duration,
) -> Result<(), Box<dyn Error>> {
    let end = Instant::now() + time;
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(left))?;
        }
        match socket.read() {
            Ok(_) => (),
            Err(tungstenite::Error::Io(error))
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
            {
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let gateway = std::env::args().nth(1);
    let gateway = gateway.as_deref().unwrap_or("ws://127.0.0.1:8765");
    let (mut socket, _) = connect(format!("{}/battery", gateway.trim_end_matches('/')))
        .map_err(|error| format!("{gateway}: {error}"))?;
    println!("battery: connected to {gateway}");
    socket.send(Message::text(format!("porthole describe {DESCRIPTION}")))?;
    let mut imagined = 100;
    loop {
        let charge = charge().unwrap_or(imagined);
        socket.send(Message::text(charge.to_string()))?;
        imagined = if imagined > 0 { imagined - 1 } else { 100 };
        read_for(&mut socket, PERIOD)?;
    }
}
