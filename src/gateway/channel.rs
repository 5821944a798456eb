// SPDX-License-Identifier: MPL-2.0
//! The data channels of one session, in its webrtcbin. What comes is handed on without waiting: the thread it comes on is
//! that of the whole session's data.

use std::{
    borrow::Cow,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCDataChannel, WebRTCDataChannelState};

use super::{
    envelope::{Joiner, Kind, Mark, parts},
    handle::{FromViewer, Handle, ViewerChannel},
    hub::{Input, Rights},
    outbox::QueuedMessage,
    wheel::ViewerId,
};
use crate::{
    bucket::{Bucket, Rate},
    lock::lock,
};

const RELIABLE: &str = "porthole";
const NOW: &str = "porthole-now";

/// Sent, and not yet on its way: more only grows old. A round trip of 100 ms at 5 Mbit/s.
const MAX_BUFFERED: u64 = 64 * 1024;
/// From here on there is room again.
const LOW: u64 = 16 * 1024;
/// What is taken of a viewer: a driver's page sends 30 a second, a client that measures some hundred.
const MESSAGES: Rate = Rate {
    burst: 512,
    period: Duration::from_millis(4),
};
/// Stop and giving up the wheel are heard besides that, also of who has said too much.
const STOPS: Rate = Rate {
    burst: 20,
    period: Duration::from_millis(100),
};
/// So many more are refused before the viewer's channels are closed.
const MAX_EXCESS: usize = 1024;

/// How much is taken of a viewer.
struct Intake {
    bucket: Bucket,
    stops: Bucket,
    /// What was refused since the bucket was full.
    excess: usize,
}

enum Admission {
    Accept,
    Refuse,
    /// It goes on after all those that were refused.
    Close,
}

impl Intake {
    fn admit(&mut self, message: &[u8], now: Instant) -> Admission {
        if self.bucket.is_full(now) {
            self.excess = 0;
        }
        let kind = message.first();
        let stops = [Kind::Stop, Kind::Release]
            .map(|kind| kind as u8)
            .iter()
            .any(|stop| Some(stop) == kind);
        if stops && self.stops.take(now) || self.bucket.take(now) {
            return Admission::Accept;
        }
        self.excess += 1;
        if self.excess > MAX_EXCESS {
            return Admission::Close;
        }
        Admission::Refuse
    }
}

/// Both channels of one session.
pub(crate) struct Channels {
    viewer: ViewerId,
    reliable: WebRTCDataChannel,
    now: WebRTCDataChannel,
    is_closed: AtomicBool,
    /// Lock: held to look at it.
    intake: Mutex<Intake>,
    /// Lock: held while a message of the reliable channel is put together, on the thread it came on.
    joiner: Mutex<Joiner>,
    hub: Handle,
}

impl Channels {
    /// Asks for both channels, before the session's offer is made. `None` if webrtcbin makes none.
    pub(crate) fn ask(
        webrtcbin: &gst::Element,
        hub: &Handle,
        session: &str,
        terms: impl Fn() -> (String, Rights) + Send + Sync + 'static,
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
        let channels = Arc::new(Self {
            viewer: hub.next_viewer(),
            reliable: channel(RELIABLE, None)?,
            now: channel(NOW, Some(no_repeat))?,
            intake: Mutex::new(Intake {
                bucket: Bucket::new(MESSAGES),
                stops: Bucket::new(STOPS),
                excess: 0,
            }),
            is_closed: AtomicBool::new(false),
            joiner: Mutex::default(),
            hub: hub.clone(),
        });
        let session = session.to_owned();
        let opening = Arc::downgrade(&channels);
        channels.reliable.connect_on_open(move |_| {
            if let Some(channels) = opening.upgrade() {
                let (user, rights) = terms();
                let here = Input::Joined {
                    viewer: channels.viewer,
                    session: session.clone(),
                    user,
                    rights,
                };
                channels
                    .hub
                    .viewer(FromViewer::Open(channels.clone(), here));
            }
        });
        for channel in [&channels.reliable, &channels.now] {
            channels.watch(channel);
        }
        Some(channels)
    }

    fn watch(self: &Arc<Self>, channel: &WebRTCDataChannel) {
        channel.set_buffered_amount_low_threshold(LOW);
        let channels = Arc::downgrade(self);
        channel.connect_on_buffered_amount_low(move |_| {
            if let Some(channels) = channels.upgrade() {
                channels.hub.viewer(FromViewer::Writable(channels.viewer));
            }
        });
        let channels = Arc::downgrade(self);
        let is_reliable = *channel == self.reliable;
        channel.connect_on_message_data(move |_, data| {
            let part: &[u8] = data.map(AsRef::as_ref).unwrap_or_default();
            let Some(channels) = channels.upgrade() else {
                return;
            };
            let message = match is_reliable {
                true => lock(&channels.joiner).take(part),
                // There they could not be told apart, so that one alone is no message.
                false => Some(Cow::Borrowed(part)),
            };
            if let Some(message) = message {
                channels.take(message);
            }
        });
        let channels = Arc::downgrade(self);
        channel.connect_on_message_string(move |_, _| {
            // All messages are bytes; it is answered as one that has none.
            if let Some(channels) = channels.upgrade() {
                channels.take(Cow::Borrowed(&[]));
            }
        });
    }

    /// A message came.
    fn take(self: &Arc<Self>, message: Cow<'_, [u8]>) {
        if self.is_closed.load(Relaxed) {
            return;
        }
        let (viewer, at) = (self.viewer, Instant::now());
        let input = match lock(&self.intake).admit(&message, at) {
            Admission::Accept => Input::Message {
                viewer,
                at,
                message: message.into_owned(),
            },
            Admission::Refuse => Input::Excess(viewer, Mark::of(&message)),
            Admission::Close => {
                self.is_closed.store(true, Relaxed);
                Input::Left(viewer, super::wheel::Reason::Left)
            }
        };
        self.hub.notify(input);
    }

    pub(crate) fn viewer(&self) -> ViewerId {
        self.viewer
    }
}

impl ViewerChannel for Channels {
    fn viewer(&self) -> ViewerId {
        self.viewer
    }

    fn has_room(&self) -> bool {
        self.reliable.buffered_amount() + self.now.buffered_amount() < MAX_BUFFERED
    }

    fn send(&self, message: &QueuedMessage) {
        let is_open =
            |channel: &&WebRTCDataChannel| channel.ready_state() == WebRTCDataChannelState::Open;
        // Parts need the channel that keeps them in order.
        let is_short = parts(&message.bytes).nth(1).is_none();
        let now = Some(&self.now).filter(|c| message.now && is_short && is_open(c));
        let channel = now.or(Some(&self.reliable)).filter(is_open);
        if let Some(channel) = channel {
            for part in parts(&message.bytes) {
                let bytes = match part {
                    Cow::Borrowed(_) => glib::Bytes::from_owned(message.bytes.clone()),
                    Cow::Owned(part) => glib::Bytes::from_owned(part),
                };
                // One that is just closing takes nothing, and nobody is there to read it.
                let _ = channel.send_data_full(Some(&bytes));
            }
        }
    }

    fn close(&self) {
        for channel in [&self.reliable, &self.now] {
            if channel.ready_state() == WebRTCDataChannelState::Open {
                channel.close();
            }
        }
    }
}
