// SPDX-License-Identifier: MPL-2.0
//! All of them under one clock.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

use super::{
    LATE, PROGRAM, STEP, TIMEOUT,
    driver::{Driver, Way},
    ms,
    network::Nap,
    program::Program,
};
use crate::gateway::{
    envelope::{Kind, Mark},
    hub::{Config, Hub, Input, Output, Payload, Rights, Ticket},
    queue::{Item, Queue, Serial},
    wheel::ViewerId,
    words::Refusal,
};

/// What a program that acknowledges commands says of one, or of none that it has got.
enum Answer {
    Pong(Serial),
    Taken,
}

pub(super) struct World {
    rng: SmallRng,
    start: Instant,
    now: Instant,
    hub: Hub,
    queue: Queue,
    nap: Nap,
    drivers: Vec<Driver>,
    pub(super) program: Program,
    /// The program acknowledges commands itself.
    acknowledges: bool,
    answers: VecDeque<(Instant, Answer)>,
    /// Commands that were written to the program, and that are not answered.
    written: Vec<Ticket>,
    /// When the hub took in what a driver said last.
    heard: [Option<Instant>; 3],
    /// Somebody pressed Stop, and nobody has asked for the wheel since.
    is_stopped: bool,
    pub(super) moved: u32,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let start = Instant::now();
        let mut rng = SmallRng::seed_from_u64(seed);
        let acknowledges = rng.random_ratio(1, 4);
        let mut world = Self {
            rng,
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
            acknowledges,
            answers: VecDeque::new(),
            written: Vec::new(),
            heard: [None; 3],
            is_stopped: false,
            moved: 0,
        };
        world.handle(Input::ProgramJoined(PROGRAM, "arm".into()));
        let describe =
            format!(r#"porthole describe {{"drive":true,"acknowledge":{acknowledges}}}"#);
        world.handle(Input::ProgramMessage(PROGRAM, Payload::Text(describe)));
        for viewer in 1..=2 {
            world.handle(Input::Joined {
                viewer,
                session: format!("s{viewer}"),
                user: viewer.to_string(),
                rights: Rights {
                    view: true,
                    control: true,
                    // Else neither can hand it to the other.
                    booked: viewer == 2 && !acknowledges,
                    ..Rights::default()
                },
            });
            let way = Way::ALL[world.rng.random_range(0..Way::ALL.len())];
            // Most have both channels.
            let way = if world.rng.random() { way } else { Way::Both };
            world.drivers.push(Driver::new(viewer, way));
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

    /// What became of a command, of which it has not been said before.
    fn answered(&mut self, ticket: Ticket) {
        let place = self.written.iter().position(|written| *written == ticket);
        let place = place.expect("it was written, and not answered");
        self.written.remove(place);
        self.handle(Input::Delivered(ticket));
    }

    /// As `task` does.
    fn carry_out(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Event(_, event) => self.queue.event(event),
                Output::Alive(_, alive) => self.queue.alive(alive),
                Output::Hold(_, at) => self.queue.hold(at),
                Output::Acknowledges(_, itself) => self.queue.acknowledges(itself),
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
                Output::Driver(..) | Output::Bell(..) => (),
                Output::Open(..) | Output::RecallDoor(_) | Output::Door(_) => (),
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

    pub(super) fn step(&mut self, step: u32) {
        self.now += STEP;
        if self.rng.random_ratio(1, 1_000) {
            // The whole machine stood still, or its clock was set: for all of them alike.
            self.now += ms(self.rng.random_range(0..3_000));
        }
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
        while let Some((_, answer)) = self.answers.pop_front_if(|(at, _)| *at <= self.now) {
            match answer {
                Answer::Pong(serial) => {
                    for ticket in self.queue.pong(serial) {
                        self.answered(ticket);
                    }
                }
                Answer::Taken => {
                    if let Some(ticket) = self.queue.taken() {
                        self.answered(ticket);
                    }
                }
            }
        }
        self.write();
    }

    /// What the connection's writer takes from the queue.
    fn write(&mut self) {
        while let Some(item) = self.queue.take(self.now) {
            match &item {
                Item::Refused(ticket, why) => {
                    self.handle(Input::Undelivered(*ticket, *why));
                    continue;
                }
                // It was suspended for longer than pings allow; here the connection is kept, which is worse.
                Item::Close(_) => break,
                Item::Command(..) => {
                    assert!(!self.is_stopped, "a command after the stop");
                    let ticket = self.queue.written().unwrap();
                    let heard = self.heard[ticket.viewer as usize].unwrap();
                    let silent = self.now - heard;
                    assert!(silent < TIMEOUT / 2, "a command after {silent:?}");
                    self.written.push(ticket);
                }
                Item::Event(_) | Item::Ping(_) => (),
            }
            self.program.socket.push_back(item);
        }
        let is_heard = |at: &Option<Instant>| *at == Some(self.now);
        let driver = self.queue.held(self.now).map(|ticket| ticket.viewer);
        let driver = driver.filter(|viewer| is_heard(&self.heard[*viewer as usize]));
        assert_eq!(driver, None, "held, though the driver is heard");
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
                    self.answers.push_back((self.now, Answer::Pong(serial)));
                    if self.acknowledges {
                        self.answers.push_back((self.now, Answer::Taken));
                    }
                    if self.program.may_move(clock) {
                        self.program.obey(&text);
                        let work = ms(self.rng.random_range(0..120));
                        self.program.busy = Some(self.now + work);
                    }
                }
                Item::Ping(serial) => {
                    self.answers.push_back((self.now, Answer::Pong(serial)));
                }
                other => panic!("{other:?}"),
            }
        }
        if self.acknowledges && self.rng.random_ratio(1, 50) {
            // Of a command that it has not got, which may be held.
            self.answers.push_back((self.now, Answer::Taken));
        }
        if self.program.moving {
            self.moved += 1;
            let driver: usize = self.program.driver.as_ref().unwrap().parse().unwrap();
            let heard = self.heard[driver].unwrap();
            let late: Duration = self.now - heard;
            assert!(late <= TIMEOUT + LATE, "it moves after {late:?}");
        }
    }
}
