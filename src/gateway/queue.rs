// SPDX-License-Identifier: MPL-2.0
//! What waits to be written to one program.
//!
//! Lock: a queue's, held to put something in or take something out.

use std::{collections::VecDeque, sync::Mutex};

use tokio::sync::Notify;

use super::{
    hub::{Payload, Ticket},
    words::Refusal,
};
use crate::lock::lock;

/// Commands that wait to be written. A driver who sticks to 20 a second gets here in three seconds.
const MAX_COMMANDS: usize = 64;
/// Events that wait to be written: who reads none of so many reads nothing.
const MAX_EVENTS: usize = 256;

/// Why a connection is closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Close {
    Stopping,
    NotReading,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<String>,
    commands: VecDeque<(Payload, Ticket)>,
    /// Of the command that is being written.
    writing: Option<Ticket>,
    close: Option<Close>,
}

/// What waits for one program.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    more: Notify,
}

pub(super) enum Item {
    Event(String),
    Command(Payload, Ticket),
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

    pub(super) fn command(&self, payload: Payload, ticket: Ticket) -> Result<(), Refusal> {
        {
            let mut waiting = lock(&self.waiting);
            if waiting.close.is_some() {
                return Err(Refusal::ServiceGone);
            }
            if waiting.commands.len() >= MAX_COMMANDS {
                return Err(Refusal::Busy);
            }
            waiting.commands.push_back((payload, ticket));
        }
        self.more.notify_one();
        Ok(())
    }

    /// Takes back the commands that were not written.
    pub(super) fn recall(&self) -> Vec<Ticket> {
        let commands = std::mem::take(&mut lock(&self.waiting).commands);
        commands.into_iter().map(|(_, ticket)| ticket).collect()
    }

    /// After what waits. From then on no command is taken.
    pub(super) fn close(&self, why: Close) {
        lock(&self.waiting).close.get_or_insert(why);
        self.more.notify_one();
    }

    /// Events before commands: nothing of a driver who was released is among the latter.
    fn take(&self) -> Option<Item> {
        let mut waiting = lock(&self.waiting);
        if waiting.close == Some(Close::NotReading) {
            return Some(Item::Close(Close::NotReading));
        }
        if let Some(event) = waiting.events.pop_front() {
            return Some(Item::Event(event));
        }
        if let Some(close) = waiting.close {
            return Some(Item::Close(close));
        }
        let (payload, ticket) = waiting.commands.pop_front()?;
        waiting.writing = Some(ticket);
        Some(Item::Command(payload, ticket))
    }

    /// The command that was being written has been answered.
    pub(super) fn answered(&self) {
        lock(&self.waiting).writing = None;
    }

    /// All commands that nobody has answered.
    pub(super) fn unanswered(&self) -> Vec<Ticket> {
        let writing = lock(&self.waiting).writing.take();
        writing.into_iter().chain(self.recall()).collect()
    }

    pub(super) async fn next(&self) -> Item {
        loop {
            if let Some(item) = self.take() {
                return item;
            }
            self.more.notified().await;
        }
    }
}
