// SPDX-License-Identifier: MPL-2.0
//! What the camera's thread is told, by the sink, by its own pipeline and by the element.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use super::CAT;

/// Events that wait for the worker. Each comes at most once per camera start, loop or change of viewers.
const MAX_EVENTS: usize = 64;

#[derive(Debug)]
pub(crate) enum Event {
    /// Whether somebody watches.
    Demand(bool),
    /// The camera's mode, known before its first frame.
    Mode(gst::Caps),
    /// The camera's first frame.
    FirstFrame,
    /// The file is at its end.
    EndOfFile,
    /// Why the camera's pipeline cannot go on.
    Failed(String),
    Quit,
}

/// Where events are sent to.
#[derive(Clone, Debug)]
pub(crate) struct EventSender(SyncSender<Event>);

/// A queue for the events of one run.
pub(crate) fn queue() -> (EventSender, Receiver<Event>) {
    let (sender, receiver) = sync_channel(MAX_EVENTS);
    (EventSender(sender), receiver)
}

impl EventSender {
    /// Sends an event without waiting. It is of use only while the worker runs and has room: what it misses then it does not
    /// need.
    pub(crate) fn send(&self, event: Event) {
        if let Err(TrySendError::Full(event)) = self.0.try_send(event) {
            gst::warning!(CAT, "the camera's worker is stuck; dropped {event:?}");
        }
    }

    /// Has the worker end; waits until there is room to say so.
    pub(crate) fn quit(&self) {
        // A worker that is gone has quit.
        let _ = self.0.send(Event::Quit);
    }
}
