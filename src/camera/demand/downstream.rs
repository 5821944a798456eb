// SPDX-License-Identifier: MPL-2.0
//! What downstream has said: who wants the picture, and how.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use gst_video::VideoOrientationMethod;

use super::{listeners::Found, sinks::Sinks};
use crate::{
    camera::event::{Event, Inbox},
    events::demand::Demand,
    lock::lock,
};

#[derive(Debug)]
struct State {
    sinks: Sinks,
    direction: VideoOrientationMethod,
    /// Of the supervisor that runs now.
    inbox: Option<Inbox>,
}

/// The words of downstream. They come at any time, from any thread; the supervisor is told that there are some.
#[derive(Debug)]
pub(crate) struct Downstream {
    state: Mutex<State>,
    /// Whether the supervisor has been told and has not looked.
    told: AtomicBool,
}

impl Default for Downstream {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                sinks: Sinks::default(),
                direction: VideoOrientationMethod::Identity,
                inbox: None,
            }),
            told: AtomicBool::new(false),
        }
    }
}

impl Downstream {
    pub(crate) fn demand(&self, demand: &Demand) {
        let mut state = lock(&self.state);
        state.sinks.hear(demand.sink.as_deref(), demand.active);
        drop(state);
        self.changed();
    }

    pub(crate) fn turn(&self, direction: VideoOrientationMethod) {
        lock(&self.state).direction = direction;
        self.changed();
    }

    /// Has the supervisor look again.
    pub(crate) fn changed(&self) {
        if !self.told.swap(true, SeqCst) {
            self.tell(Event::Changed);
        }
    }

    pub(crate) fn take_change(&self) {
        self.told.store(false, SeqCst);
    }

    pub(crate) fn tell(&self, event: Event) {
        let inbox = lock(&self.state).inbox.clone();
        if let Some(inbox) = inbox {
            inbox.send(event);
        }
    }

    /// From now on this supervisor is told, or none.
    pub(crate) fn connect(&self, inbox: Option<Inbox>) {
        lock(&self.state).inbox = inbox;
        self.told.store(false, SeqCst);
    }

    /// Forgets what belonged to the run that has ended.
    pub(crate) fn forget(&self) {
        let mut state = lock(&self.state);
        state.sinks = Sinks::default();
        state.direction = VideoOrientationMethod::Identity;
    }

    pub(crate) fn direction(&self) -> VideoOrientationMethod {
        lock(&self.state).direction
    }

    /// Sinks that have spoken.
    pub(crate) fn sinks(&self) -> Vec<String> {
        lock(&self.state).sinks.ids()
    }

    /// Whether anybody wants the picture, given who stands downstream.
    pub(crate) fn is_wanted(&self, found: &Found) -> bool {
        let mut state = lock(&self.state);
        let all = state.sinks.look(|id| found.sinks.contains(id));
        // Where a sink that spoke is not found, an end that seems to say nothing may be that sink.
        state.sinks.want().unwrap_or(true) || (all && found.others)
    }
}
