// SPDX-License-Identifier: MPL-2.0
//! The last element of ours in a session: every packet passes it on its way to the network, and what the viewer reports of
//! their arrival comes back through it. Not an element one can make by name.
//!
//! Upstream's `rtpgccbwe` estimates the network here as it does in webrtcsink, but beside the packets' way and not on it: it hands
//! packets on every 5 ms and no faster than its estimate, which holds up each frame by half of that and a key unit by 30 ms. It is
//! never started, so that it has no thread.
//! This pacer lets a frame through at once and spreads only what is large for the network, at a multiple of the estimate
//! (as draft-ietf-rmcat-gcc-02, section 4, and libwebrtc do).
//!
//! Locks: `MADE` and `network`, each held to read or write a value.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Instant,
};

use gst::{glib, prelude::*, subclass::prelude::*};

use super::network::{Network, is_report};
use crate::{lock::lock, sink::any_pads};

glib::wrapper! {
    pub(crate) struct Pacer(ObjectSubclass<imp::Pacer>) @extends gst::Element, gst::Object;
}

/// Pacers that were made. webrtcbin never lets go of one that it was given (docs/upstream.md), so those of sessions that are
/// over serve others.
static MADE: Mutex<Vec<Pacer>> = Mutex::new(Vec::new());
/// As many as a few cameras of one process have viewers; what is made beyond stays in memory for ever.
const MAX_MADE: usize = 256;

impl Pacer {
    /// One for a new session.
    pub(crate) fn take() -> Self {
        let mut made = lock(&MADE);
        let idle = made.iter().find(|pacer| pacer.imp().begin());
        if let Some(pacer) = idle {
            return pacer.clone();
        }
        let pacer: Self = glib::Object::new();
        pacer.imp().begin();
        if made.len() < MAX_MADE {
            made.push(pacer.clone());
        }
        pacer
    }

    pub(crate) fn network(&self) -> Arc<Network> {
        self.imp().network()
    }
}

mod imp {
    use std::sync::LazyLock;

    use super::*;

    pub(crate) struct Pacer {
        network: Mutex<Arc<Network>>,
        is_used: AtomicBool,
        sink: gst::Pad,
        src: gst::Pad,
    }

    impl Pacer {
        pub(super) fn network(&self) -> Arc<Network> {
            lock(&self.network).clone()
        }

        /// Takes it into use, if it is in none.
        pub(super) fn begin(&self) -> bool {
            let is_free = self.obj().parent().is_none()
                && self.obj().current_state() == gst::State::Null
                && !self.is_used.swap(true, Relaxed);
            if is_free {
                *lock(&self.network) = Arc::new(Network::new());
            }
            is_free
        }

        fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
            let (network, now) = (self.network(), Instant::now());
            if !network.admits(&buffer, now) {
                return Ok(gst::FlowSuccess::Ok);
            }
            self.pad_out(&network, now);
            self.send(&network, buffer)
        }

        fn chain_list(&self, list: gst::BufferList) -> Result<gst::FlowSuccess, gst::FlowError> {
            let (network, now) = (self.network(), Instant::now());
            let takes_at_once = network.admits_list(&list, now);
            self.pad_out(&network, now);
            if takes_at_once {
                return self.src.push_list(list);
            }
            for buffer in list.iter_owned() {
                if !network.is_permitted() {
                    break;
                }
                self.send(&network, buffer)?;
            }
            Ok(gst::FlowSuccess::Ok)
        }

        /// In its turn.
        fn send(
            &self,
            network: &Network,
            buffer: gst::Buffer,
        ) -> Result<gst::FlowSuccess, gst::FlowError> {
            let wait = network.pace(buffer.size(), Instant::now());
            if !wait.is_zero() {
                thread::sleep(wait);
            }
            self.src.push(buffer)
        }

        /// While a probe runs, lets packets be sent once more: retransmissions, which a receiver takes for such and drops.
        fn pad_out(&self, network: &Network, now: Instant) {
            let (ssrc, due) = network.padding(now);
            for seqnum in due {
                let request = gst::Structure::builder("GstRTPRetransmissionRequest")
                    .field("seqnum", u32::from(seqnum))
                    .field("ssrc", ssrc)
                    .build();
                let _ = self
                    .sink
                    .push_event(gst::event::CustomUpstream::new(request));
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Pacer {
        const NAME: &'static str = "GstPortholePacer";
        type Type = super::Pacer;
        type ParentType = gst::Element;

        fn with_class(_: &Self::Class) -> Self {
            let flags = gst::PadFlags::PROXY_CAPS | gst::PadFlags::PROXY_ALLOCATION;
            let of = |parent: Option<&gst::Object>| parent?.downcast_ref::<super::Pacer>().cloned();
            let flushing = gst::FlowError::Flushing;
            let sink = any_pads::sink()
                .chain_function(move |_, parent, buffer| {
                    of(parent).ok_or(flushing)?.imp().chain(buffer)
                })
                .chain_list_function(move |_, parent, list| {
                    of(parent).ok_or(flushing)?.imp().chain_list(list)
                })
                .flags(flags)
                .build();
            let src = any_pads::src()
                .event_function(move |pad, parent, event| {
                    if is_report(&event) {
                        // Nobody further up has a use for it.
                        if let Some(pacer) = of(parent) {
                            pacer.imp().network().report(event, Instant::now());
                        }
                        return true;
                    }
                    gst::Pad::event_default(pad, parent, event)
                })
                .flags(flags)
                .build();
            Self {
                network: Mutex::new(Arc::new(Network::unknown())),
                is_used: AtomicBool::new(false),
                sink,
                src,
            }
        }
    }

    impl ObjectImpl for Pacer {
        fn constructed(&self) {
            self.parent_constructed();
            any_pads::add(&*self.obj(), [&self.sink, &self.src]);
        }
    }

    impl GstObjectImpl for Pacer {}

    impl ElementImpl for Pacer {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                any_pads::metadata(
                    "Porthole pacer",
                    "Filter/Network/RTP",
                    "Sends packets no faster than the viewer's network takes them",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            any_pads::templates()
        }

        fn change_state(
            &self,
            transition: gst::StateChange,
        ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
            let result = self.parent_change_state(transition);
            match transition {
                // What a session knew of its network goes with it.
                gst::StateChange::PausedToReady => {
                    *lock(&self.network) = Arc::new(Network::unknown());
                }
                gst::StateChange::ReadyToNull => self.is_used.store(false, Relaxed),
                _ => (),
            }
            result
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use porthole_protocol::grant::Permission;

    use super::*;
    use crate::{ladder::Path as _, signaller::session::Permit};

    #[test]
    fn what_is_being_paced_stops_when_its_viewer_may_no_longer_look() {
        gst::init().expect("GStreamer is installed");
        let pacer = Pacer::take();
        let (network, permit) = (pacer.network(), Permit::of(&[Permission::View]));
        network.set_permit(permit.clone());
        // A network on which what follows would take four seconds.
        network.raise(100_000);
        let source = gst::Pad::builder(gst::PadDirection::Src)
            .name("out")
            .build();
        let came = Arc::new(AtomicUsize::new(0));
        let counted = came.clone();
        let sink = gst::Pad::builder(gst::PadDirection::Sink)
            .name("in")
            .chain_function(move |_, _, _| {
                counted.fetch_add(1, Relaxed);
                permit.close();
                Ok(gst::FlowSuccess::Ok)
            })
            .build();
        let pad = |name| pacer.static_pad(name).expect("its pad");
        source.link(&pad("sink")).expect("they fit");
        pad("src").link(&sink).expect("they fit");
        sink.set_active(true).expect("it can be active");
        pacer.set_state(gst::State::Playing).expect("it plays");
        source.set_active(true).expect("it can be active");
        assert!(source.push_event(gst::event::StreamStart::new("s")));
        let caps = gst::Caps::new_empty_simple("application/x-rtp");
        assert!(source.push_event(gst::event::Caps::new(&caps)));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        assert!(source.push_event(gst::event::Segment::new(&segment)));
        let mut list = gst::BufferList::new();
        if let Some(list) = list.get_mut() {
            (0..100).for_each(|_| list.add(gst::Buffer::from_slice([0; 1_200])));
        }
        source.push_list(list).expect("it is taken");
        assert_eq!(came.load(Relaxed), 1);
        pacer.set_state(gst::State::Null).expect("it stops");
    }
}
