// SPDX-License-Identifier: MPL-2.0
//! A viewer who wants to drive, and now and then is not there. It says what docs/gateway.md has a client say.

use std::time::Instant;

use rand::{RngExt as _, rngs::SmallRng};

use super::{
    ms,
    network::{Channel, Nap},
};
use crate::gateway::{
    envelope::{self, Kind, Mark},
    wheel::ViewerId,
};

/// How a driver is heard, all the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Both,
    /// `porthole-now` never opened: a client says everything on the other.
    ReliableAlone,
    /// What is repeated until it is there stands still for seconds at a time, and with it all that follows.
    NowAlone,
    /// Its page is in the background, and its timers run once a second.
    Background,
}

impl Way {
    pub(super) const ALL: [Self; 4] = [
        Self::Both,
        Self::ReliableAlone,
        Self::NowAlone,
        Self::Background,
    ];
}

pub(super) struct Driver {
    pub(super) id: ViewerId,
    way: Way,
    nap: Nap,
    pub(super) reliable: Channel,
    /// `porthole-now`: one message of five is lost, and others overtake each other.
    pub(super) now: Channel,
    /// Of its steering states, and of the last that was confirmed.
    state: u16,
    pub(super) confirmed: u16,
    command: u16,
}

impl Driver {
    pub(super) fn new(id: ViewerId, way: Way) -> Self {
        Self {
            id,
            way,
            nap: Nap::default(),
            reliable: Channel::default(),
            now: Channel::default(),
            state: 0,
            confirmed: 0,
            command: 0,
        }
    }

    fn say(&mut self, now: Instant, rng: &mut SmallRng, kind: Kind, (service, number): (u8, u16)) {
        let payload = match kind {
            Kind::Text => format!("go {}", self.id),
            // To the other one.
            Kind::HandOver => format!(r#"{{"to":{}}}"#, 3 - self.id),
            _ => String::new(),
        };
        let message = envelope::write(kind, Mark { service, number }, payload.as_bytes());
        self.say_in_order(now, rng, message);
    }

    fn say_in_order(&mut self, now: Instant, rng: &mut SmallRng, message: Vec<u8>) {
        let most = match self.way {
            Way::NowAlone if rng.random_ratio(1, 20) => 4_000,
            _ => 80,
        };
        let at = now + ms(rng.random_range(0..most));
        self.reliable.send_in_order(at, message);
    }

    fn say_now(&mut self, now: Instant, rng: &mut SmallRng, message: Vec<u8>) {
        if self.way == Way::ReliableAlone {
            return self.say_in_order(now, rng, message);
        }
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

    pub(super) fn act(&mut self, step: u32, now: Instant, rng: &mut SmallRng) {
        if self.nap.is_asleep(now, rng) {
            return;
        }
        if self.way == Way::Background && !step.is_multiple_of(200) {
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
        for (seldom, kind) in [
            (400, Kind::Stop),
            (200, Kind::HandOver),
            (600, Kind::Release),
        ] {
            if rng.random_ratio(1, seldom) {
                self.say(now, rng, kind, (0, 0));
            }
        }
    }
}
