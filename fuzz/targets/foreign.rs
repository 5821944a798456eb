// SPDX-License-Identifier: MPL-2.0
//! What clients of other systems say, as packets of Socket.IO and as the events in them, and what the room answers: lines, of which
//! the first says whether the client is a camera. One that begins with `{` is the room's.
#![no_main]

use std::collections::HashSet;
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use porthole_protocol::wire::{IncomingMessage, OutgoingMessage, ToPeer};

#[path = "../../signaling/src/adapters/packet.rs"]
#[allow(dead_code)]
mod packet;
#[path = "../../signaling/src/adapters/translator/mod.rs"]
#[allow(dead_code)]
mod translator;

use packet::Packet;
use translator::{LabOffers, Step, Translator};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let mut lines = text.lines();
    let mut client = match lines.next() {
        Some("camera") => Translator::camera("front", LabOffers::Viewer),
        Some("offering camera") => Translator::camera("front", LabOffers::Camera),
        Some("invited viewer") => Translator::viewer(LabOffers::Camera),
        _ => Translator::viewer(LabOffers::Viewer),
    };
    let mut now = Instant::now();
    let mut known = HashSet::new();
    check(&client.greeting(), &known);
    for line in lines {
        let steps = if line.starts_with('{') {
            let Ok(message) = serde_json::from_str::<ToPeer>(line) else {
                continue;
            };
            match &message.message {
                OutgoingMessage::StartSession { session_id, .. }
                | OutgoingMessage::SessionStarted { session_id, .. } => {
                    known.insert(session_id.clone());
                }
                _ => (),
            }
            client.told(message, now)
        } else if line == "later" {
            now += Duration::from_millis(500);
            client.tick(now)
        } else if let Ok(Packet::Event { name, data, .. }) = packet::read(line) {
            client.heard(&name, &data, now)
        } else {
            continue;
        };
        check(&steps, &known);
    }
    for message in client.leave() {
        check(&[Step::Room(message)], &known);
    }
});

/// Nobody speaks in a session that it was not told of, and what a client is told can be written.
fn check(steps: &[Step], known: &HashSet<String>) {
    for step in steps {
        match step {
            Step::Room(message) => match &message.message {
                IncomingMessage::Peer(peer) => assert!(known.contains(&peer.session_id)),
                IncomingMessage::EndSession(end) => assert!(known.contains(&end.session_id)),
                _ => (),
            },
            Step::Client(event, data) => assert!(packet::event_text(event, data).len() > 4),
        }
    }
}
