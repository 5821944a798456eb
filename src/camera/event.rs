// SPDX-License-Identifier: MPL-2.0
//! What the camera's supervisor is told: by the element, and by each capture under its generation.

use std::sync::mpsc::{Receiver, Sender, channel};

use super::problem::Problem;

#[derive(Debug)]
pub(crate) enum Event {
    /// Something that the supervisor looks up itself: settings, demand, pads.
    Changed,
    /// Downstream wants to negotiate anew.
    Reconfigure,
    /// The application answers an element's question for a context, such as a display.
    Context(gst::Context),
    /// A viewer needs a picture that needs no other.
    KeyUnit(gst::Event),
    /// A slate that took long to make; `None` if it cannot be made.
    Slate(Option<gst::Buffer>),
    /// From the capture of this generation.
    Capture(u64, Report),
    Quit,
}

/// What a capture tells.
#[derive(Debug)]
pub(crate) enum Report {
    /// What it opened, and what is to be said about that.
    Opened {
        device: String,
        /// Whether it is played, as a file, and so may have long pauses between pictures.
        paced: bool,
        warning: Option<String>,
    },
    /// The mode that the camera will have: it was looked at, and not opened.
    Mode(gst::Caps),
    /// The first picture has gone out, in these caps.
    FirstFrame(gst::Caps),
    Failed(Problem),
    /// The file has come to its end, and another is in its place.
    Replaced,
    Warning(String),
    /// From the camera to the outlet.
    Latency(gst::ClockTime),
    /// The same of a microphone beside it.
    SoundLatency(gst::ClockTime),
    /// The thread is done and the device closed.
    Ended,
}

/// Where events are sent to. The queue has no bound of its own, since neither a streaming thread may wait nor the end of a
/// capture be lost: a capture sends a bounded number, there are few of them, and of `Changed` at most one waits.
#[derive(Clone, Debug)]
pub(crate) struct Inbox(Sender<Event>);

pub(crate) fn queue() -> (Inbox, Receiver<Event>) {
    let (sender, receiver) = channel();
    (Inbox(sender), receiver)
}

impl Inbox {
    /// A supervisor that is gone needs to hear nothing.
    pub(crate) fn send(&self, event: Event) {
        let _ = self.0.send(event);
    }
}
