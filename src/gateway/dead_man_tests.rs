// SPDX-License-Identifier: MPL-2.0
//! The dead man from end to end under a clock of its own: the hub and the queue that run, between drivers whose messages are
//! late or lost and a program that follows docs/gateway.md. Each of them may be suspended at any moment.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use serde_json::Value;

use super::{
    envelope::{self, Kind, Mark},
    hub::{Config, Hub, Input, Output, Payload, Rights},
    queue::{Item, Queue, Serial},
    wheel::ViewerId,
};

const TIMEOUT: Duration = Duration::from_millis(500);
/// What DESIGN.md allows beyond it.
const LATE: Duration = Duration::from_millis(50);
const STEP: Duration = Duration::from_millis(5);
/// Six seconds.
const STEPS: u32 = 1200;
const SEEDS: u64 = 2_000;
const PROGRAM: u32 = 1;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Stands still now and then.
#[derive(Default)]
struct Nap {
    until: Option<Instant>,
}

impl Nap {
    fn is_asleep(&mut self, now: Instant, rng: &mut SmallRng) -> bool {
        if self.until.is_none() && rng.random_ratio(1, 300) {
            self.until = Some(now + ms(rng.random_range(5..1500)));
        }
        self.until = self.until.filter(|until| *until > now);
        self.until.is_some()
    }
}

/// A viewer who wants to drive, and now and then is not there.
struct Driver {
    id: ViewerId,
    nap: Nap,
    /// On their way: when they are there, and what.
    messages: VecDeque<(Instant, Vec<u8>)>,
    number: u16,
}

impl Driver {
    fn send(&mut self, at: Instant, kind: Kind, service: u8, payload: &[u8]) {
        self.number += 1;
        let mark = Mark {
            service,
            number: self.number,
        };
        self.messages
            .push_back((at, envelope::write(kind, mark, payload)));
    }

    fn act(&mut self, step: u32, now: Instant, rng: &mut SmallRng) {
        if self.nap.is_asleep(now, rng) {
            return;
        }
        let late = |rng: &mut SmallRng| now + ms(rng.random_range(0..80));
        if step.is_multiple_of(20) && rng.random_ratio(9, 10) {
            let at = late(rng);
            self.send(at, Kind::Alive, 0, b"");
        }
        if step.is_multiple_of(10) {
            let at = late(rng);
            self.send(at, Kind::Text, 1, format!("go {}", self.id).as_bytes());
        }
        if rng.random_ratio(1, 60) {
            let at = late(rng);
            self.send(at, Kind::Ask, 0, b"");
        }
        if rng.random_ratio(1, 400) {
            let at = late(rng);
            self.send(at, Kind::Stop, 0, b"");
        }
    }
}

/// A program as docs/gateway.md wants it, on the camera's machine: it goes by `until`.
#[derive(Default)]
struct Program {
    nap: Nap,
    socket: VecDeque<Item>,
    driver: Option<String>,
    until: Option<f64>,
    busy: Option<Instant>,
    moving: bool,
}

impl Program {
    fn may_move(&mut self, clock: f64) -> bool {
        if self.until.is_some_and(|until| until <= clock) {
            self.stop();
        }
        self.until.is_some()
    }

    fn stop(&mut self) {
        (self.moving, self.until) = (false, None);
    }

    fn hear(&mut self, text: &str, clock: f64) {
        let mut words = text.splitn(3, ' ');
        let (word, details) = (words.nth(1).unwrap(), words.next().unwrap());
        let details: Value = serde_json::from_str(details).unwrap();
        match word {
            "driver" => {
                self.driver = details["user"].as_str().map(str::to_owned);
                self.until = details["until"].as_f64();
            }
            "alive" if self.may_move(clock) => self.until = details["until"].as_f64(),
            "released" => {
                self.stop();
                self.driver = None;
            }
            _ => (),
        }
    }
}

struct World {
    rng: SmallRng,
    start: Instant,
    now: Instant,
    hub: Hub,
    queue: Queue,
    nap: Nap,
    drivers: Vec<Driver>,
    program: Program,
    pongs: VecDeque<(Instant, Serial)>,
    /// When the hub took in what a driver said last.
    heard: [Option<Instant>; 3],
    moved: u32,
}

impl World {
    fn new(seed: u64) -> Self {
        let start = Instant::now();
        let mut world = Self {
            rng: SmallRng::seed_from_u64(seed),
            start,
            now: start,
            hub: Hub::new(Config {
                control_timeout: TIMEOUT,
                gateway: true,
                talk: None,
                epoch: (start, 0.0),
            }),
            queue: Queue::default(),
            nap: Nap::default(),
            drivers: Vec::new(),
            program: Program::default(),
            pongs: VecDeque::new(),
            heard: [None; 3],
            moved: 0,
        };
        world.handle(Input::ProgramJoined(PROGRAM, "arm".into()));
        for viewer in 1..=2 {
            world.handle(Input::Joined {
                viewer,
                session: format!("s{viewer}"),
                user: viewer.to_string(),
                rights: Rights {
                    view: true,
                    talk: false,
                    control: true,
                    booked: viewer == 2,
                },
            });
            world.drivers.push(Driver {
                id: viewer,
                nap: Nap::default(),
                messages: VecDeque::new(),
                number: 0,
            });
        }
        world
    }

    fn clock(&self) -> f64 {
        (self.now - self.start).as_secs_f64()
    }

    fn handle(&mut self, input: Input) {
        let outputs = self.hub.handle(input, self.now);
        self.carry_out(outputs);
    }

    /// As `task` does.
    fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Event(_, event) => self.queue.event(event),
                Output::Alive(_, alive) => self.queue.alive(alive),
                Output::Command(_, command) => {
                    let _ = self.queue.command(command);
                }
                Output::Recall(_) => drop(self.queue.recall()),
                Output::Acknowledges(..) | Output::Viewer(..) | Output::Driver(..) => (),
            }
        }
    }

    fn step(&mut self, step: u32) {
        self.now += STEP;
        for driver in &mut self.drivers {
            driver.act(step, self.now, &mut self.rng);
        }
        if !self.nap.is_asleep(self.now, &mut self.rng) {
            self.gateway();
        }
        if !self.program.nap.is_asleep(self.now, &mut self.rng) {
            self.program();
        }
    }

    /// One round of the camera's process. What came while it stood still comes now.
    fn gateway(&mut self) {
        let ticks_first = self.rng.random();
        if ticks_first {
            let outputs = self.hub.tick(self.now);
            self.carry_out(outputs);
        }
        for place in 0..self.drivers.len() {
            while let Some((at, _)) = self.drivers[place].messages.front()
                && *at <= self.now
                && let Some((_, message)) = self.drivers[place].messages.pop_front()
            {
                let viewer = self.drivers[place].id;
                self.heard[viewer as usize] = Some(self.now);
                self.handle(Input::Message {
                    viewer,
                    at: self.now,
                    message,
                });
            }
        }
        let outputs = self.hub.tick(self.now);
        self.carry_out(outputs);
        while let Some((at, serial)) = self.pongs.front().copied()
            && at <= self.now
        {
            self.pongs.pop_front();
            for ticket in self.queue.pong(serial) {
                self.handle(Input::Delivered(ticket));
            }
        }
        while let Some(item) = self.queue.take(self.now) {
            match item {
                Item::Refused(ticket, why) => self.handle(Input::Undelivered(ticket, why)),
                // It was suspended for longer than pings allow; here the connection is kept, which is worse.
                Item::Close(_) => break,
                item => self.program.socket.push_back(item),
            }
        }
    }

    /// One round of the program. It reads one message after the other, and a command keeps it busy; its timer does not wait.
    fn program(&mut self) {
        let clock = self.clock();
        self.program.may_move(clock);
        self.program.busy = self.program.busy.filter(|busy| *busy > self.now);
        while self.program.busy.is_none()
            && let Some(item) = self.program.socket.pop_front()
        {
            match item {
                Item::Event(text) => self.program.hear(&text, clock),
                Item::Command(Payload::Text(text), serial) => {
                    self.pongs.push_back((self.now, serial));
                    if self.program.may_move(clock) {
                        let driver = text.strip_prefix("go ").map(str::to_owned);
                        assert_eq!(driver, self.program.driver, "a command of another");
                        self.program.moving = true;
                        self.program.busy = Some(self.now + ms(self.rng.random_range(0..120)));
                    }
                }
                Item::Ping(serial) => self.pongs.push_back((self.now, serial)),
                other => panic!("{other:?}"),
            }
        }
        if self.program.moving {
            self.moved += 1;
            let driver: usize = self.program.driver.as_ref().unwrap().parse().unwrap();
            let heard = self.heard[driver].unwrap();
            let late = self.now - heard;
            assert!(late <= TIMEOUT + LATE, "it moves after {late:?}");
        }
    }
}

/// The robot has stopped in time, whoever stands still: drivers, the camera's process, the program or all of them.
#[test]
fn whoever_stands_still_the_robot_stops_in_time() {
    let mut moved = 0;
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        for step in 0..STEPS {
            world.step(step);
        }
        moved += u64::from(world.moved);
    }
    // It does drive most of the time, or nothing would be proven.
    let share = moved * 100 / (SEEDS * u64::from(STEPS));
    assert!(share > 30, "it moves {share} % of the time");
}
