// SPDX-License-Identifier: MPL-2.0
//! The dead man from end to end under a clock of its own: the hub and the queue that run, between drivers whose messages are
//! late, lost or in another order, and a program that follows docs/gateway.md. Each of them may be suspended at any moment.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use serde_json::Value;

use super::{
    envelope::{self, Kind, Mark},
    hub::{Config, Hub, Input, Output, Payload, Rights},
    queue::{Item, Queue, Serial},
    wheel::ViewerId,
    words::Refusal,
};

const TIMEOUT: Duration = Duration::from_millis(500);
/// What DESIGN.md allows beyond it.
const LATE: Duration = Duration::from_millis(50);
const STEP: Duration = Duration::from_millis(5);
/// Six seconds.
const STEPS: u32 = 1200;
const SEEDS: u64 = 2_000;
/// Set by scripts/soak, which runs more.
const MORE: &str = "PORTHOLE_SEEDS";
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

/// What is on its way, by when it is there: in order, or as it comes.
#[derive(Default)]
struct Channel {
    messages: BTreeMap<(Instant, u64), Vec<u8>>,
    sent: u64,
    last: Option<Instant>,
}

impl Channel {
    fn send(&mut self, at: Instant, message: Vec<u8>) {
        self.sent += 1;
        self.messages.insert((at, self.sent), message);
    }

    /// Not before what was sent before.
    fn send_in_order(&mut self, at: Instant, message: Vec<u8>) {
        let at = self.last.map_or(at, |last| last.max(at));
        self.last = Some(at);
        self.send(at, message);
    }

    fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (key, _) = self.messages.first_key_value()?;
        let key = Some(*key).filter(|(at, _)| *at <= now)?;
        self.messages.remove(&key)
    }
}

/// A viewer who wants to drive, and now and then is not there. It says what docs/gateway.md has a client say.
struct Driver {
    id: ViewerId,
    nap: Nap,
    reliable: Channel,
    /// `porthole-now`: one message of five is lost, and others overtake each other.
    now: Channel,
    /// Of its steering states, and of the last that was confirmed.
    state: u16,
    confirmed: u16,
    command: u16,
}

impl Driver {
    fn new(id: ViewerId) -> Self {
        Self {
            id,
            nap: Nap::default(),
            reliable: Channel::default(),
            now: Channel::default(),
            state: 0,
            confirmed: 0,
            command: 0,
        }
    }

    fn say(&mut self, now: Instant, rng: &mut SmallRng, kind: Kind, (service, number): (u8, u16)) {
        let at = now + ms(rng.random_range(0..80));
        let text = format!("go {}", self.id);
        let payload = if kind == Kind::Text { &text } else { "" };
        let message = envelope::write(kind, Mark { service, number }, payload.as_bytes());
        self.reliable.send_in_order(at, message);
    }

    fn say_now(&mut self, now: Instant, rng: &mut SmallRng, message: Vec<u8>) {
        if rng.random_ratio(4, 5) {
            self.now.send(now + ms(rng.random_range(0..80)), message);
        }
    }

    /// The state of now, whose number says what is held: odd ones move, even ones are zeros.
    fn steer(&mut self, now: Instant, rng: &mut SmallRng) {
        let mark = Mark {
            service: 1,
            number: self.state,
        };
        let y = self.state % 2;
        let text = format!(r#"{{"x":{},"y":{y},"n":{}}}"#, self.id, self.state);
        self.say_now(
            now,
            rng,
            envelope::write(Kind::Steer, mark, text.as_bytes()),
        );
    }

    fn act(&mut self, step: u32, now: Instant, rng: &mut SmallRng) {
        if self.nap.is_asleep(now, rng) {
            return;
        }
        if rng.random_ratio(1, 40) {
            self.state += 1;
            self.steer(now, rng);
        } else if step.is_multiple_of(5) && self.confirmed != self.state
            || step.is_multiple_of(20) && self.state > 0
        {
            self.steer(now, rng);
        } else if step.is_multiple_of(20) {
            let alive = envelope::write(Kind::Alive, Mark::NONE, b"");
            self.say_now(now, rng, alive);
        }
        if step.is_multiple_of(10) && rng.random_ratio(1, 2) {
            self.command += 1;
            self.say(now, rng, Kind::Text, (1, self.command));
        }
        if rng.random_ratio(1, 60) {
            self.say(now, rng, Kind::Ask, (0, self.state));
        }
        if rng.random_ratio(1, 400) {
            self.say(now, rng, Kind::Stop, (0, 0));
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
    /// The number of the newest state it got, of each driver and in all its drives.
    states: [u16; 3],
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
    /// Somebody pressed Stop, and nobody has asked for the wheel since.
    is_stopped: bool,
    moved: u32,
    states: u32,
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
            is_stopped: false,
            moved: 0,
            states: 0,
        };
        world.handle(Input::ProgramJoined(PROGRAM, "arm".into()));
        let describe = r#"porthole describe {"drive":true}"#;
        world.handle(Input::ProgramMessage(
            PROGRAM,
            Payload::Text(describe.into()),
        ));
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
            world.drivers.push(Driver::new(viewer));
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
                Output::Hold(_, at) => self.queue.hold(at),
                Output::Command(_, command) => {
                    let ticket = command.ticket;
                    if let Err(why) = self.queue.command(command) {
                        self.handle(Input::Undelivered(ticket, why));
                    }
                }
                Output::Recall(_) => {
                    for ticket in self.queue.recall() {
                        self.handle(Input::Undelivered(ticket, Refusal::Released));
                    }
                }
                Output::Viewer(viewer, message) => self.answer(viewer, &message.bytes),
                Output::Acknowledges(..) | Output::Driver(..) => (),
            }
        }
    }

    /// Answers to states, one of five of which is lost.
    fn answer(&mut self, viewer: ViewerId, message: &[u8]) {
        if message[..2] == [Kind::Steered as u8, 1]
            && message.len() == 4
            && self.rng.random_ratio(4, 5)
        {
            let driver = &mut self.drivers[viewer as usize - 1];
            driver.confirmed = Mark::of(message).number;
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
            let driver = &mut self.drivers[place];
            let viewer = driver.id;
            let channels = [&mut driver.reliable, &mut driver.now];
            let messages: Vec<_> = channels
                .into_iter()
                .flat_map(|channel| std::iter::from_fn(|| channel.receive(self.now)))
                .collect();
            for message in messages {
                self.heard[viewer as usize] = Some(self.now);
                let kind = message[0];
                self.handle(Input::Message {
                    viewer,
                    at: self.now,
                    message,
                });
                match kind {
                    kind if kind == Kind::Stop as u8 => self.is_stopped = true,
                    kind if kind == Kind::Ask as u8 => self.is_stopped = false,
                    _ => (),
                }
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
                Item::Command(..) if self.is_stopped => panic!("a command after the stop"),
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
                        self.obey(&text);
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

    /// A command of the one who drives. States come in the order of their numbers, and each once.
    fn obey(&mut self, text: &str) {
        let driver = self.program.driver.clone().unwrap();
        let Some(of) = text.strip_prefix("go ") else {
            let state: Value = serde_json::from_str(text).unwrap();
            let number = u16::try_from(state["n"].as_u64().unwrap()).unwrap();
            assert_eq!(state["x"].to_string(), driver, "a state of another");
            let newest = &mut self.program.states[driver.parse::<usize>().unwrap()];
            assert!(number > *newest, "{number} is not newer than {newest}");
            *newest = number;
            self.program.moving = state["y"] != 0;
            self.states += 1;
            return;
        };
        assert_eq!(of, driver, "a command of another");
        self.program.moving = true;
    }
}

/// The robot has stopped in time, whoever stands still: drivers, the camera's process, the program or all of them.
#[test]
fn whoever_stands_still_the_robot_stops_in_time() {
    let seeds = std::env::var(MORE).map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let (mut moved, mut states) = (0, 0);
    for seed in 0..seeds {
        let run = || {
            let mut world = World::new(seed);
            for step in 0..STEPS {
                world.step(step);
            }
            (u64::from(world.moved), u64::from(world.states))
        };
        let run = std::panic::catch_unwind(run);
        let run = run.unwrap_or_else(|_| panic!("seed {seed}"));
        (moved, states) = (moved + run.0, states + run.1);
    }
    // It does drive most of the time, or nothing would be proven.
    let share = moved * 100 / (seeds * u64::from(STEPS));
    assert!(share > 25, "it moves {share} % of the time");
    assert!(states > 5 * seeds, "{states} states got there");
}
