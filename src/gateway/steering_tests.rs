// SPDX-License-Identifier: MPL-2.0
//! How late a robot hears that a key was let go, where packets are lost: the hub and the queue that run, under a clock of its
//! own. What the page does of it is tested in signaling/web/steering-state.test.mjs, and told here in a few lines.

use std::time::{Duration, Instant};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::{
    envelope::{self, Kind, Mark},
    hub::{Config, Hub, Input, Output, Payload, Rights},
    queue::{Item, Queue},
};

const PROGRAM: u32 = 1;
const DRIVER: u32 = 1;
/// In milliseconds: from a new state to the next while a key is held, to its repetition until it is confirmed, and after that.
const SEND: u32 = 50;
const REPEAT: u32 = 25;
const ALIVE: u32 = 50;
const PRESSES: usize = 5_000;
/// What is promised of 99 in 100.
const P99: u32 = 150;

struct Link {
    rng: SmallRng,
    loss: f64,
    /// When each message arrives.
    messages: Vec<(u32, Vec<u8>)>,
}

impl Link {
    /// Half of the way there and back over a home's network and a mobile one.
    fn send(&mut self, now: u32, message: Vec<u8>) {
        if !self.rng.random_bool(self.loss) {
            let at = now + self.rng.random_range(5..40);
            self.messages.push((at, message));
        }
    }

    fn receive(&mut self, now: u32) -> Vec<Vec<u8>> {
        let due = self.messages.extract_if(.., |(at, _)| *at <= now);
        due.map(|(_, message)| message).collect()
    }
}

/// Of each time that a key was let go: after how many ms the program got zeros.
fn zeros_at_program(loss: f64) -> Vec<u32> {
    let link = |seed| Link {
        rng: SmallRng::seed_from_u64(seed),
        loss,
        messages: Vec::new(),
    };
    let (mut there, mut back) = (link(1), link(2));
    let start = Instant::now();
    let mut hub = Hub::new(Config {
        control_timeout: Duration::from_millis(500),
        gateway: true,
        talk: None,
        epoch: (start, 0.0),
    });
    let queue = Queue::default();
    let mut inputs = vec![
        Input::ProgramJoined(PROGRAM, "arm".into()),
        Input::ProgramMessage(
            PROGRAM,
            Payload::Text(r#"porthole describe {"drive":true}"#.into()),
        ),
        Input::Joined {
            viewer: DRIVER,
            session: "s".into(),
            user: "ann".into(),
            rights: Rights {
                view: true,
                control: true,
                ..Rights::default()
            },
        },
        Input::Message {
            viewer: DRIVER,
            at: start,
            message: envelope::write(Kind::Ask, Mark::NONE, b""),
        },
    ];
    // It begins with zeros, as a sign of life.
    let mut number = 1u16;
    let (mut confirmed, mut sent, mut numbered) = (0, 0, 0);
    let (mut held, mut changed) = (false, 0);
    let (mut moves, mut late) = (false, Vec::new());
    for now in 0.. {
        if late.len() == PRESSES {
            break;
        }
        // The hand holds a key for 200 to 400 ms, and lets go for longer than any state is late.
        let time = now - changed;
        let turns = match held {
            true => time >= 200 + 50 * (u32::from(number) % 5),
            false => time >= 1500,
        };
        if turns {
            (held, changed) = (!held, now);
        }
        if turns || held && now - numbered >= SEND {
            (number, numbered) = (number % u16::MAX + 1, now);
        }
        let period = if confirmed == number { ALIVE } else { REPEAT };
        if numbered == now || now - sent >= period {
            sent = now;
            let mark = Mark { service: 1, number };
            let state = format!(r#"{{"x":0,"y":{}}}"#, u8::from(held));
            let steer = envelope::write(Kind::Steer, mark, state.as_bytes());
            there.send(now, steer);
        }
        let at = start + Duration::from_millis(now.into());
        inputs.extend(
            there
                .receive(now)
                .into_iter()
                .map(|message| Input::Message {
                    viewer: DRIVER,
                    at,
                    message,
                }),
        );
        for bytes in back.receive(now) {
            if bytes.len() == 4 {
                confirmed = Mark::of(&bytes).number;
            }
        }
        let mut outputs = hub.tick(at);
        while !inputs.is_empty() || !outputs.is_empty() {
            for input in inputs.drain(..) {
                outputs.extend(hub.handle(input, at));
            }
            for output in outputs.drain(..) {
                match output {
                    Output::Event(_, event) => assert!(!event.contains("stalled"), "{event}"),
                    Output::Command(_, command) => queue.command(command).unwrap(),
                    Output::Viewer(_, message) if message.bytes[0] == Kind::Steered as u8 => {
                        back.send(now, message.bytes.to_vec());
                    }
                    _ => (),
                }
            }
            while let Some(item) = queue.take(at) {
                match item {
                    Item::Command(Payload::Text(text), serial) => {
                        let stops = text.ends_with(":0}");
                        if stops && moves {
                            late.push(now - changed);
                        }
                        moves = !stops;
                        inputs.extend(queue.pong(serial).into_iter().map(Input::Delivered));
                    }
                    Item::Refused(ticket, why) => inputs.push(Input::Undelivered(ticket, why)),
                    Item::Ping(serial) => drop(queue.pong(serial)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
    late.sort_unstable();
    late
}

#[test]
fn with_one_packet_of_five_lost_zeros_are_at_the_program_in_time() {
    let none = zeros_at_program(0.0);
    assert!(*none.last().unwrap() <= 40, "{:?}", none.last());
    let late = zeros_at_program(0.2);
    let p99 = late[late.len() * 99 / 100];
    assert!(
        p99 <= P99,
        "{p99} ms of 99 in 100; the latest {:?}",
        late.last()
    );
}
