// SPDX-License-Identifier: MPL-2.0
//! `portholesink`: the gate.
//!
//! A bin around webrtcsink that serves its stream to browsers, and to nobody without a grant it has
//! verified itself. Without a camera key it runs the signaling server in its own process, serves the
//! page on `listen`, and prints the viewer's link:
//!
//! ```sh
//! gst-launch-1.0 portholesrc camera=test ! portholeoverlay text="%H:%M:%S" ! portholesink
//! ```
//!
//! With a camera key it registers at the server that made the key:
//!
//! ```sh
//! gst-launch-1.0 portholesrc camera=test ! portholesink camera-key-file=/etc/porthole/front.key
//! ```
//!
//! Sound goes to the request pad `audio`, which may come and go while playing:
//!
//! ```sh
//! gst-launch-1.0 portholesrc name=cam ! portholesink name=out  cam.audio ! out.audio
//! ```
//!
//! Programs on the robot connect to `gateway` and reach viewers, and the one who drives reaches them (docs/gateway.md):
//!
//! ```sh
//! gst-launch-1.0 portholesrc ! portholesink gateway=127.0.0.1:8765
//! ```
//!
//! What viewers say who may talk leaves by the request pad `talk`:
//!
//! ```sh
//! gst-launch-1.0 portholesrc camera=test ! portholesink name=out  out.talk ! audioconvert ! autoaudiosink
//! ```
//!
//! It is 16-bit mono sound of 48 kHz, live and silent while nobody speaks. With `talk=one` one viewer is heard and the next
//! waits until that one has stopped, with `talk=mix` all are. Sessions that begin while there is the pad can talk; link `audio`
//! before that, since they do not hear sound that is added later (docs/upstream.md).
//!
//! What comes in is judged when its caps come (see `inputs`), so both pads may be linked at any time.
//!
//! Messages on the bus: `porthole/server` (state, url, detail or links), `porthole/viewer-joined` (session,
//! user, permissions), `porthole/viewer-renewed` (and seconds), `porthole/viewer-left` (and reason, detail),
//! `porthole/viewer-refused` (session, reason, detail), `porthole/gateway` (url), `porthole/talk` (session, user of who is
//! heard, empty for nobody; sessions, users of all; waiting, waiting-users), `porthole/driver` (session,
//! user of who drives the robot, empty for nobody; last-session, last-user, from, to, reason of who drove before). They and the
//! signals of the same names (`driver-changed` for the last, `rung` and `call-changed` for `porthole/ring` (ring-id, camera) and
//! `porthole/call` (call-id, ring-id, state, by, reason) of a doorbell) come in order from a thread of their own, on which an application
//! may take its time.

use std::sync::LazyLock;

use gst::{glib, prelude::*};

mod address;
mod any_pads;
mod bus;
mod doorbell;
mod element;
mod embedded;
mod ice;
mod imp;
mod inputs;
mod pacer;
mod registration;
mod report;
mod run;
mod session;
mod settings;
#[cfg(test)]
mod simulation;
mod talk;
mod webrtc;

/// `GST_DEBUG=portholesink:5`
static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholesink",
        gst::DebugColorFlags::empty(),
        Some("Porthole's sink: the gate"),
    )
});

glib::wrapper! {
    /// The element `portholesink`.
    pub struct PortholeSink(ObjectSubclass<imp::PortholeSink>) @extends gst::Bin, gst::Element, gst::Object, @implements gst::ChildProxy;
}

pub(crate) fn register(plugin: &gst::Plugin) -> Result<(), glib::BoolError> {
    let _ = webrtc::check();
    gst::Element::register(
        Some(plugin),
        "portholesink",
        gst::Rank::NONE,
        PortholeSink::static_type(),
    )
}
