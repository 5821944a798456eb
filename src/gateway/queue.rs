// SPDX-License-Identifier: MPL-2.0
//! What waits to be written to one program, and what the program has not yet acknowledged.
//!
//! Lock: a queue's, held to put something in or take something out.

use std::{
    collections::VecDeque,
    sync::Mutex,
    time::{Duration, Instant},
};

use tokio::{sync::Notify, time::timeout_at};

use super::{
    hub::{Command, Payload, Ticket, TicketKind},
    words::Refusal,
};
use crate::lock::lock;

/// Commands that wait to be written. A driver who sticks to 20 a second gets here in three seconds.
const MAX_COMMANDS: usize = 64;
/// Commands that are written and not acknowledged: one that the program works at, and the next one.
const MAX_IN_FLIGHT: usize = 2;
/// Events that wait to be written: who reads none of so many reads nothing.
const MAX_EVENTS: usize = 256;
/// From one ping to the next.
const PING_PERIOD: Duration = Duration::from_millis(500);
/// A program that answers no ping for so long is gone: with the period, two seconds.
const PING_PATIENCE: Duration = Duration::from_millis(1500);

/// Why a connection is closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    Stopping,
    NotReading,
    NotAnswering,
    Replaced,
}

/// Which ping is answered: each command has one behind it, and there are some of their own.
pub(super) type Serial = u32;

#[derive(Default)]
struct Waiting {
    events: VecDeque<String>,
    alive: Option<String>,
    commands: VecDeque<Command>,
    /// That the door opens: it waits for no driver, and for nothing but events.
    door: Option<Command>,
    /// From then on commands wait, until the driver is heard again.
    hold: Option<Instant>,
    /// The driver's newest state, which waits behind no queue; it and commands take turns.
    state: Option<Command>,
    state_was_last: bool,
    /// Written and not acknowledged, the oldest first.
    in_flight: VecDeque<(Serial, Ticket)>,
    refused: VecDeque<(Ticket, Refusal)>,
    close: Option<Close>,
    acknowledges: bool,
    serial: Serial,
    /// The newest ping that was answered.
    answered: Serial,
    /// The ping by which it is seen whether the program is there, and when it was sent.
    ping: Option<(Serial, Instant)>,
    next_ping: Option<Instant>,
}

/// What waits for one program.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

#[derive(Debug, PartialEq)]
pub(super) enum Item {
    Event(String),
    /// To be followed by a ping of this number.
    Command(Payload, Serial),
    Ping(Serial),
    /// It was not delivered.
    Refused(Ticket, Refusal),
    Close(Close),
}

impl Queue {
    pub(super) fn event(&self, event: String) {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.events.len() >= MAX_EVENTS {
                waiting.close = Some(Close::NotReading);
            } else {
                waiting.events.push_back(event);
            }
        }
        self.more.notify_one();
    }

    /// Of these only the newest counts.
    pub(super) fn alive(&self, alive: String) {
        lock(&self.waiting).alive = Some(alive);
        self.more.notify_one();
    }

    /// From `at` on commands are held, unless another such word comes before.
    pub(super) fn hold(&self, at: Instant) {
        lock(&self.waiting).hold = Some(at);
        self.more.notify_one();
    }

    pub(super) fn command(&self, command: Command) -> Result<(), Refusal> {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.close.is_some() {
                return Err(Refusal::ServiceGone);
            }
            if command.ticket.kind == TicketKind::State {
                if let Some(old) = waiting.state.replace(command) {
                    waiting.refused.push_back((old.ticket, Refusal::Superseded));
                }
                drop(waiting);
                self.more.notify_one();
                return Ok(());
            }
            if command.steers {
                let old = waiting.commands.iter().position(|old| old.steers);
                if let Some(old) = old.and_then(|place| waiting.commands.remove(place)) {
                    waiting.refused.push_back((old.ticket, Refusal::Superseded));
                }
            }
            if waiting.commands.len() >= MAX_COMMANDS {
                return Err(Refusal::Busy);
            }
            waiting.commands.push_back(command);
        }
        self.more.notify_one();
        Ok(())
    }

    /// The door opens; of this there is one at a time.
    pub(super) fn open(&self, command: Command) -> Result<(), Refusal> {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.close.is_some() {
                return Err(Refusal::ServiceGone);
            }
            if let Some(old) = waiting.door.replace(command) {
                waiting.refused.push_back((old.ticket, Refusal::Superseded));
            }
        }
        self.more.notify_one();
        Ok(())
    }

    /// Takes that back, if it was not written.
    pub(super) fn recall_door(&self) -> Option<Ticket> {
        let door = lock(&self.waiting).door.take()?;
        Some(door.ticket)
    }

    /// Takes back the commands that were not written, and what is said of a driver who drives no more.
    pub(super) fn recall(&self) -> Vec<Ticket> {
        let mut waiting = lock(&self.waiting);
        (waiting.alive, waiting.hold) = (None, None);
        let state = waiting.state.take();
        let commands = std::mem::take(&mut waiting.commands);
        let all = state.into_iter().chain(commands);
        all.map(|command| command.ticket).collect()
    }

    /// After what waits. From then on no command is taken.
    pub(super) fn close(&self, why: Close) {
        lock(&self.waiting).close.get_or_insert(why);
        self.more.notify_one();
    }

    /// Whether the program acknowledges commands itself.
    pub(super) fn acknowledges(&self, itself: bool) {
        lock(&self.waiting).acknowledges = itself;
    }

    /// A ping was answered: the commands before it, which the program has taken.
    pub(super) fn pong(&self, serial: Serial) -> Vec<Ticket> {
        let mut waiting = lock(&self.waiting);
        if serial > waiting.serial {
            // It was never asked.
            return Vec::new();
        }
        waiting.answered = waiting.answered.max(serial);
        let mut taken = Vec::new();
        while !waiting.acknowledges
            && let Some((_, ticket)) = waiting.in_flight.pop_front_if(|(of, _)| *of <= serial)
        {
            taken.push(ticket);
        }
        drop(waiting);
        if !taken.is_empty() {
            self.more.notify_one();
        }
        taken
    }

    /// The program said itself that it has taken the oldest command.
    pub(super) fn taken(&self) -> Option<Ticket> {
        let (_, ticket) = lock(&self.waiting).in_flight.pop_front()?;
        self.more.notify_one();
        Some(ticket)
    }

    /// All commands that nobody has answered.
    pub(super) fn unanswered(&self) -> Vec<Ticket> {
        let in_flight = std::mem::take(&mut lock(&self.waiting).in_flight);
        let written = in_flight.into_iter().map(|(_, ticket)| ticket);
        written
            .chain(self.recall())
            .chain(self.recall_door())
            .collect()
    }

    #[cfg(test)]
    pub(super) fn take(&self, now: Instant) -> Option<Item> {
        lock(&self.waiting).take(now)
    }

    /// Whose command was written last.
    #[cfg(test)]
    pub(super) fn written(&self) -> Option<Ticket> {
        let waiting = lock(&self.waiting);
        waiting.in_flight.back().map(|(_, ticket)| *ticket)
    }

    /// A command that waits for nothing but its driver.
    #[cfg(test)]
    pub(super) fn held(&self, now: Instant) -> Option<Ticket> {
        let waiting = lock(&self.waiting);
        let is_held = waiting.hold.is_some_and(|at| at <= now);
        let mut all = waiting.state.iter().chain(&waiting.commands);
        all.next().filter(|_| is_held).map(|command| command.ticket)
    }

    pub(super) async fn next(&self) -> Item {
        loop {
            let at = {
                let mut waiting = lock(&self.waiting);
                if let Some(item) = waiting.take(Instant::now()) {
                    return item;
                }
                waiting.deadline()
            };
            let _ = timeout_at(at.into(), self.more.notified()).await;
        }
    }
}

impl Waiting {
    /// Events before commands: nothing of a driver who was released is among the latter.
    fn take(&mut self, now: Instant) -> Option<Item> {
        if let Some(close @ (Close::NotReading | Close::Replaced)) = self.close {
            return Some(Item::Close(close));
        }
        if let Some(event) = self.events.pop_front().or_else(|| self.alive.take()) {
            return Some(Item::Event(event));
        }
        if let Some(close) = self.close {
            return Some(Item::Close(close));
        }
        let door = self.door.take_if(|door| door.due <= now);
        let state = self.state.take_if(|state| state.due <= now);
        let command = self.commands.pop_front_if(|command| command.due <= now);
        for stale in door.into_iter().chain(state).chain(command) {
            self.refused.push_back((stale.ticket, Refusal::Stale));
        }
        if let Some((ticket, why)) = self.refused.pop_front() {
            return Some(Item::Refused(ticket, why));
        }
        if let Some(Command {
            payload: Payload::Text(open),
            ..
        }) = self.door.take()
        {
            return Some(Item::Event(open));
        }
        if self.in_flight.len() < MAX_IN_FLIGHT
            && self.hold.is_none_or(|at| now < at)
            && let Some(command) = self.next_command()
        {
            self.serial += 1;
            self.in_flight.push_back((self.serial, command.ticket));
            return Some(Item::Command(command.payload, self.serial));
        }
        self.ping(now)
    }

    fn next_command(&mut self) -> Option<Command> {
        let state = match self.state_was_last && !self.commands.is_empty() {
            true => None,
            false => self.state.take(),
        };
        self.state_was_last = state.is_some();
        state.or_else(|| self.commands.pop_front())
    }

    fn ping(&mut self, now: Instant) -> Option<Item> {
        if let Some((serial, sent)) = self.ping {
            if self.answered >= serial {
                self.ping = None;
            } else if sent + PING_PATIENCE <= now {
                return Some(Item::Close(Close::NotAnswering));
            }
        }
        let is_due = *self.next_ping.get_or_insert(now + PING_PERIOD) <= now;
        if !is_due || self.ping.is_some() {
            return None;
        }
        self.serial += 1;
        self.ping = Some((self.serial, now));
        self.next_ping = Some(now + PING_PERIOD);
        Some(Item::Ping(self.serial))
    }

    /// When [`Self::take`] has something although nothing came.
    fn deadline(&self) -> Instant {
        let ping = self.ping.map(|(_, sent)| sent + PING_PATIENCE);
        let ping = ping.or(self.next_ping);
        let waiting = self.state.iter().chain(self.commands.front());
        let waiting = waiting.chain(&self.door);
        let stale = waiting.map(|command| command.due);
        let first = ping.into_iter().chain(stale).min();
        // With neither there is nothing to wait for but more.
        first.unwrap_or_else(|| Instant::now() + PING_PERIOD)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
