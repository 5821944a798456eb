// SPDX-License-Identifier: MPL-2.0
//! A program as docs/gateway.md wants it, on the camera's machine: it goes by `until`.

use std::{collections::VecDeque, time::Instant};

use serde_json::Value;

use super::network::Nap;
use crate::gateway::queue::Item;

#[derive(Default)]
pub(super) struct Program {
    pub(super) nap: Nap,
    pub(super) socket: VecDeque<Item>,
    pub(super) driver: Option<String>,
    until: Option<f64>,
    pub(super) busy: Option<Instant>,
    pub(super) moving: bool,
    /// The number of the newest state it got, of each driver and in all its drives.
    states: [u16; 3],
    pub(super) states_taken: u32,
}

impl Program {
    pub(super) fn may_move(&mut self, clock: f64) -> bool {
        if self.until.is_some_and(|until| until <= clock) {
            self.stop();
        }
        self.until.is_some()
    }

    fn stop(&mut self) {
        (self.moving, self.until) = (false, None);
    }

    pub(super) fn hear(&mut self, text: &str, clock: f64) {
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

    /// A command of the one who drives. States come in the order of their numbers, and each once.
    pub(super) fn obey(&mut self, text: &str) {
        let driver = self.driver.clone().unwrap();
        let Some(of) = text.strip_prefix("go ") else {
            let state: Value = serde_json::from_str(text).unwrap();
            let number = u16::try_from(state["n"].as_u64().unwrap()).unwrap();
            assert_eq!(state["x"].to_string(), driver, "a state of another");
            let newest = &mut self.states[driver.parse::<usize>().unwrap()];
            assert!(number > *newest, "{number} is not newer than {newest}");
            *newest = number;
            self.moving = state["y"] != 0;
            self.states_taken += 1;
            return;
        };
        assert_eq!(of, driver, "a command of another");
        self.moving = true;
    }
}
