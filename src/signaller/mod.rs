// SPDX-License-Identifier: MPL-2.0
//! The camera's side of signalling: a `Signallable` for webrtcsink that holds one WebSocket to the
//! server and lets no session into webrtcsink before the gate has verified its grant.
//!
//! Pure, in the order in which a message meets them:
//! - [`link`]: what happened goes in, what is to be done comes out; both stand in [`message`].
//! - [`gate`]: grant in, verdict out; the one table of sessions.
//! - [`calls`]: a doorbell's presses, and the call that they make.
//! - `drives`: what the server has to hear of who drives.
//! - `doors`: the same of who wanted the door open.
//! - [`session`]: who looks, on which terms, and until when.
//! - [`untrusted`]: what a viewer sends, checked before webrtcsink sees it.
//! - [`offered`]: a viewer's own offer, narrowed to what the camera sends.
//!
//! Around them:
//! - `task`: owns the socket and the time, and runs the link.
//! - `socket`: one WebSocket that comes back by itself.
//! - [`upload`]: brings the server a ring's picture.
//! - [`whip`]: sends the picture on to an SFU.
//! - `imp`: GObject glue, and the thread that calls webrtcsink.

use std::{
    io,
    sync::{Arc, LazyLock, Mutex},
    time::{Duration, Instant},
};

use gst::{glib, prelude::*, subclass::prelude::*};
use gstrswebrtc::signaller::Signallable;
// By this path the fuzz target finds it as well.
use porthole_protocol::limits;
use porthole_protocol::wire::SessionStats;
use tokio::sync::broadcast;

pub(crate) mod calls;
mod doors;
mod drives;
pub(crate) mod gate;
mod imp;
pub(crate) mod link;
pub(crate) mod message;
pub(crate) mod offered;
pub(crate) mod session;
mod socket;
mod task;
pub(crate) mod untrusted;
pub(crate) mod upload;
pub(crate) mod whip;

pub(crate) use task::Options;

use offered::Sendable;

use crate::{
    calling::BellEvent, clock::Stopwatch, driving::DriverChange, lock::lock, opening::DoorAsked,
    worker,
};

/// What happened at the bell and was not yet heard of by one who listens: a call has three changes, and nobody who listens
/// waits for anything.
const MAX_BELL_EVENTS: usize = 64;

/// A camera's bell: what is known of it, and the way to those who must not wait for the application. A handle.
#[derive(Clone)]
pub(crate) struct Bell {
    pub(crate) calls: link::SharedCalls,
    pub(crate) events: broadcast::Sender<BellEvent>,
}

impl Default for Bell {
    fn default() -> Self {
        Self {
            calls: Arc::default(),
            events: broadcast::Sender::new(MAX_BELL_EVENTS),
        }
    }
}

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholesignaller",
        gst::DebugColorFlags::empty(),
        Some("Porthole's link to its signaling server"),
    )
});

glib::wrapper! {
    pub(crate) struct PortholeSignaller(ObjectSubclass<imp::PortholeSignaller>) @implements Signallable;
}

/// What webrtcsink's side of a run is asked for, in order with webrtcsink's calls and from the same thread.
pub(crate) struct Asked<F, G, S> {
    /// Hears the number of sessions.
    pub(crate) on_viewers: F,
    /// Finds out a session's statistics, to be given to [`PortholeSignaller::measured`].
    pub(crate) measure: G,
    /// What a viewer's own offer has to list one of.
    pub(crate) sendable: S,
}

/// One run of a sink at its server, from READY to READY. Each has a signaller and threads of its own, so that nothing of one
/// reaches the next.
pub(crate) struct Run {
    pub(crate) signaller: PortholeSignaller,
    media: worker::Ending,
    events: worker::Ending,
}

impl Run {
    /// Begins to connect. `on_event` is called from a thread that may block for as long as the application likes.
    pub(crate) fn start<M, F, G, S>(
        options: Options,
        runtime: &tokio::runtime::Handle,
        tables: (link::SharedGate<M>, Bell),
        clock: Stopwatch,
        asked: Asked<F, G, S>,
        on_event: impl FnMut(message::Event) + Send + 'static,
    ) -> io::Result<Self>
    where
        M: Default + Send + 'static,
        F: Fn(usize) + Send + 'static,
        G: Fn(&PortholeSignaller, &str) + Send + 'static,
        S: Fn() -> Sendable + Send + 'static,
    {
        let signaller: PortholeSignaller = glib::Object::new();
        let webrtcsink = imp::Webrtcsink::new(&signaller, asked);
        let (media, media_ends) =
            worker::spawn("porthole-media", move |call| webrtcsink.call(call))?;
        let (events, events_end) = worker::spawn("porthole-events", on_event)?;
        let commands = signaller.imp().open();
        runtime.spawn(task::run(options, tables, clock, media, events, commands));
        Ok(Self {
            signaller,
            media: media_ends,
            events: events_end,
        })
    }

    /// Ends all sessions and the connection. Does not wait.
    pub(crate) fn close(&self) {
        self.signaller.imp().close();
    }

    /// Waits, at most so long, until webrtcsink has been told of every end; then it is called no more.
    pub(crate) fn finish_media(&self, wait: Duration) {
        self.media.finish(wait);
    }

    /// Waits, at most so long, for what follows from [`Self::close`]; then nothing more comes of this run.
    pub(crate) fn finish(&self, wait: Duration) {
        self.media.finish(wait);
        self.events.finish(wait);
    }
}

impl PortholeSignaller {
    pub(crate) fn set_max_viewers(&self, max: usize) {
        self.imp().vital(message::Input::MaxViewers(max));
    }

    pub(crate) fn media_flows(&self, session: &str) {
        self.imp()
            .vital(message::Input::MediaFlows(session.to_owned()));
    }

    /// The session shows the certificate of this process, whose fingerprint its descriptions are to have.
    pub(crate) fn shows_certificate(&self, session: &str) {
        self.imp().shows_certificate(session);
    }

    /// The other side of the operator's own session is there. May be called from any thread, and never blocks.
    pub(crate) fn heard(&self, session: &str) {
        self.imp().vital(message::Input::Heard(session.to_owned()));
    }

    /// The other side of the session has closed its connection. May be called from any thread, and never blocks.
    pub(crate) fn closed(&self, session: &str) {
        self.imp().vital(message::Input::Closed(session.to_owned()));
    }

    /// No further candidate of the session comes. May be called from any thread, and never blocks.
    pub(crate) fn gathered(&self, session: &str) {
        self.imp().gathered(session);
    }

    /// What is sent in a session now. May be called from any thread, and never blocks.
    pub(crate) fn measured(&self, stats: SessionStats) {
        self.imp().vital(message::Input::Measured(stats));
    }

    /// Another one drives the robot, or nobody. May be called from any thread, and never blocks.
    pub(crate) fn driver_changed(&self, change: DriverChange) {
        self.imp().vital(message::Input::DriverChanged(change));
    }

    /// Somebody wanted the door open. May be called from any thread, and never blocks.
    pub(crate) fn door_asked(&self, asked: DoorAsked) {
        self.imp().vital(message::Input::DoorAsked(asked));
    }

    /// Presses the bell: whether that is a new press, and the press's id. Never blocks.
    pub(crate) fn ring(&self, calls: &link::SharedCalls, now: Instant) -> calls::Pressed {
        let new_id = || uuid::Uuid::new_v4().to_string();
        let pressed = lock(calls).press(new_id, now);
        if pressed.is_new {
            let ring_id = pressed.ring_id.clone();
            self.imp().vital(message::Input::Pressed(ring_id));
        }
        pressed
    }

    /// Ends the call at the door, if there is one. Never blocks.
    pub(crate) fn hang_up(&self) {
        self.imp().vital(message::Input::HangUp);
    }

    /// The object as webrtcsink wants it.
    pub(crate) fn as_signallable(&self) -> Signallable {
        self.clone().upcast()
    }
}

/// The table of sessions for a camera that is enrolled with `key`.
pub(crate) fn gate<M: Default>(options: &Options, max_viewers: usize) -> link::SharedGate<M> {
    let key = &options.key;
    let gate = gate::Gate::new(&key.id, key.grant_key, max_viewers, options.orphan_timeout);
    Arc::new(Mutex::new(gate))
}

#[cfg(test)]
mod simulation;
