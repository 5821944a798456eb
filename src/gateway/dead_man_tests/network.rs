// SPDX-License-Identifier: MPL-2.0
//! What stands still now and then, and what is on its way.

use std::{collections::BTreeMap, time::Instant};

use rand::{RngExt as _, rngs::SmallRng};

use super::ms;

/// Stands still now and then.
#[derive(Default)]
pub(super) struct Nap {
    until: Option<Instant>,
}

impl Nap {
    pub(super) fn is_asleep(&mut self, now: Instant, rng: &mut SmallRng) -> bool {
        if self.until.is_none() && rng.random_ratio(1, 300) {
            self.until = Some(now + ms(rng.random_range(5..1500)));
        }
        self.until = self.until.filter(|until| *until > now);
        self.until.is_some()
    }
}

/// What is on its way, by when it is there: in order, or as it comes.
#[derive(Default)]
pub(super) struct Channel {
    messages: BTreeMap<(Instant, u64), Vec<u8>>,
    sent: u64,
    last: Option<Instant>,
}

impl Channel {
    pub(super) fn send(&mut self, at: Instant, message: Vec<u8>) {
        self.sent += 1;
        self.messages.insert((at, self.sent), message);
    }

    /// Not before what was sent before.
    pub(super) fn send_in_order(&mut self, at: Instant, message: Vec<u8>) {
        let at = self.last.map_or(at, |last| last.max(at));
        self.last = Some(at);
        self.send(at, message);
    }

    pub(super) fn receive(&mut self, now: Instant) -> Option<Vec<u8>> {
        let (key, _) = self.messages.first_key_value()?;
        let key = Some(*key).filter(|(at, _)| *at <= now)?;
        self.messages.remove(&key)
    }
}
