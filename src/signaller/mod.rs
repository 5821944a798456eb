// SPDX-License-Identifier: MPL-2.0
//! The camera's side of signalling: a `Signallable` for webrtcsink that holds one WebSocket to the
//! server and lets no session into webrtcsink before the gate has verified its grant.
//!
//! - [`gate`]: grant in, verdict out. Pure.
//! - [`link`]: the task that owns the gate, the socket and every deadline.
//! - `socket`: one WebSocket that comes back by itself.
//! - [`untrusted`]: what a viewer sends, checked before webrtcsink sees it. Pure.
//! - `imp`: GObject glue.

use std::sync::LazyLock;

use gst::{glib, prelude::*, subclass::prelude::*};
use gstrswebrtc::signaller::Signallable;
use porthole_protocol::limits;

pub(crate) mod gate;
mod imp;
pub(crate) mod link;
mod socket;
#[allow(dead_code, reason = "the link does not call it yet")]
pub(crate) mod untrusted;

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

impl PortholeSignaller {
    /// A signaller that is connecting, and reports to `observe` from its own task.
    pub(crate) fn start(
        options: link::Options,
        runtime: &tokio::runtime::Handle,
        observe: impl Fn(link::Event, usize) + Send + Sync + 'static,
    ) -> Self {
        let signaller: Self = glib::Object::new();
        let (sender, commands) = tokio::sync::mpsc::channel(link::MAX_COMMANDS);
        signaller.imp().set_commands(sender);
        let host = imp::Webrtcsink::new(&signaller, observe);
        runtime.spawn(link::run(options, host, commands));
        signaller
    }

    /// Ends all sessions and the connection. Does not wait.
    pub(crate) fn close(&self) {
        self.imp().close();
    }

    pub(crate) fn set_max_viewers(&self, max: usize) {
        self.imp().command(link::Command::MaxViewers(max));
    }

    pub(crate) fn connected(&self, session: &str) {
        self.imp()
            .command(link::Command::Connected(session.to_owned()));
    }

    /// The object as webrtcsink wants it.
    pub(crate) fn as_signallable(&self) -> Signallable {
        self.clone().upcast()
    }
}
