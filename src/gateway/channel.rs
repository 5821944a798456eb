// SPDX-License-Identifier: MPL-2.0
//! The data channels of one session, in its webrtcbin. What comes is handed on without waiting: the thread it comes on is
//! that of the whole session's data.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState};

use super::{
    envelope::{self, Mark},
    hub::{Input, Rights},
    outbox::Parcel,
    task::{FromViewer, Handle},
    wheel::ViewerId,
};

const RELIABLE: &str = "porthole";
const NOW: &str = "porthole-now";

/// Sent, and not yet on its way: more only grows old. A round trip of 100 ms at 5 Mbit/s.
const MAX_BUFFERED: u64 = 64 * 1024;
/// From here on there is room again.
const LOW: u64 = 16 * 1024;
/// A viewer's messages that wait for the hub; a driver's usual rate fills it in ten seconds.
const MAX_WAITING: usize = 256;
/// So many wait of a viewer who goes on although each further one is refused: its channels are closed.
const DROWNED: usize = 1024;

/// One viewer's end of the gateway.
pub(crate) struct Line {
    pub(super) viewer: ViewerId,
    reliable: WebRTCDataChannel,
    now: WebRTCDataChannel,
    waiting: AtomicUsize,
    is_drowned: AtomicBool,
    hub: Handle,
}

impl Line {
    /// Asks for both channels, before the session's offer is made. `None` if webrtcbin makes none.
    pub(crate) fn ask(
        webrtcbin: &gst::Element,
        hub: &Handle,
        session: &str,
        user: &str,
        rights: impl Fn() -> Rights + Send + Sync + 'static,
    ) -> Option<Arc<Self>> {
        let no_repeat = gst::Structure::builder("options")
            .field("ordered", false)
            .field("max-retransmits", 0i32)
            .build();
        let channel = |label: &str, options: Option<gst::Structure>| {
            let options = options.to_value();
            let channel = webrtcbin
                .emit_by_name_with_values("create-data-channel", &[label.to_value(), options])?;
            channel.get::<Option<WebRTCDataChannel>>().ok().flatten()
        };
        let line = Arc::new(Self {
            viewer: hub.next_viewer(),
            reliable: channel(RELIABLE, None)?,
            now: channel(NOW, Some(no_repeat))?,
            waiting: AtomicUsize::new(0),
            is_drowned: AtomicBool::new(false),
            hub: hub.clone(),
        });
        let (session, user) = (session.to_owned(), user.to_owned());
        let opening = Arc::downgrade(&line);
        line.reliable.connect_on_open(move |_| {
            if let Some(line) = opening.upgrade() {
                let here = Input::Here {
                    viewer: line.viewer,
                    session: session.clone(),
                    user: user.clone(),
                    rights: rights(),
                };
                line.hub.viewer(FromViewer::Open(line.clone(), here));
            }
        });
        for channel in [&line.reliable, &line.now] {
            line.watch(channel);
        }
        Some(line)
    }

    fn watch(self: &Arc<Self>, channel: &WebRTCDataChannel) {
        channel.set_buffered_amount_low_threshold(LOW);
        let line = Arc::downgrade(self);
        channel.connect_on_buffered_amount_low(move |_| {
            if let Some(line) = line.upgrade() {
                line.hub.viewer(FromViewer::Writable(line.viewer));
            }
        });
        let line = Arc::downgrade(self);
        channel.connect_on_message_data(move |_, data| {
            if let Some(line) = line.upgrade() {
                line.take(data.map(AsRef::as_ref).unwrap_or_default());
            }
        });
        let line = Arc::downgrade(self);
        channel.connect_on_message_string(move |_, _| {
            // All messages are bytes; it is answered as one that has none.
            if let Some(line) = line.upgrade() {
                line.take(&[]);
            }
        });
    }

    /// A message came.
    fn take(self: &Arc<Self>, message: &[u8]) {
        if self.is_drowned.load(Relaxed) {
            return;
        }
        let waiting = self.waiting.fetch_add(1, Relaxed);
        let viewer = self.viewer;
        if waiting >= DROWNED {
            self.is_drowned.store(true, Relaxed);
            let gone = Input::Gone(viewer, super::wheel::Reason::Left);
            return self.hub.viewer(FromViewer::Told(gone));
        }
        let input = if waiting < MAX_WAITING {
            Input::Said {
                viewer,
                at: Instant::now(),
                // The hub looks at no more, and a hostile message may have any size that SCTP takes.
                message: message[..message.len().min(envelope::MAX_MESSAGE + 1)].to_owned(),
            }
        } else {
            Input::TooMuch(viewer, Mark::of(message))
        };
        self.hub.viewer(FromViewer::Said(self.clone(), input));
    }

    /// One that waited has been taken in.
    pub(super) fn heard(&self) {
        self.waiting.fetch_sub(1, Relaxed);
    }

    pub(super) fn has_room(&self) -> bool {
        self.reliable.buffered_amount() + self.now.buffered_amount() < MAX_BUFFERED
    }

    pub(super) fn send(&self, parcel: &Parcel) {
        let is_open =
            |channel: &&WebRTCDataChannel| channel.ready_state() == WebRTCDataChannelState::Open;
        let now = Some(&self.now).filter(|channel| parcel.now && is_open(channel));
        let channel = now.or(Some(&self.reliable)).filter(is_open);
        if let Some(channel) = channel {
            let bytes = glib::Bytes::from_owned(parcel.bytes.clone());
            // One that is just closing takes nothing, and nobody is there to read it.
            let _ = channel.send_data_full(Some(&bytes));
        }
    }

    pub(super) fn close(&self) {
        for channel in [&self.reliable, &self.now] {
            if channel.ready_state() == WebRTCDataChannelState::Open {
                channel.close();
            }
        }
    }

    pub(crate) fn viewer(&self) -> ViewerId {
        self.viewer
    }
}
