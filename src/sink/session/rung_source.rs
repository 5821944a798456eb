// SPDX-License-Identifier: MPL-2.0
//! Where a session's picture comes from: the one element of ours in its stream of video, between webrtcsink's own source,
//! which never gives anything, and the payloader. It sends what the viewer's [`Outlet`] has, on a thread of the session's own,
//! and answers the requests for key units that come the other way. Not an element one can make by name.
//!
//! What goes wrong behind it stays there, as in [`super::filter`].

use std::{sync::Mutex, time::Instant};

use gst::{glib, prelude::*, subclass::prelude::*};
use porthole_protocol::grant::Permission;

use super::frame_list::FrameList;
use crate::{
    ladder::{Frame, Viewer},
    lock::lock,
    signaller::session::Permit,
    sink::{any_pads, inputs::without_profile, pacer::Network},
};

glib::wrapper! {
    pub(crate) struct RungSource(ObjectSubclass<imp::RungSource>) @extends gst::Element, gst::Object;
}

/// What is sent.
pub(crate) enum Source {
    /// A session's picture, as long as the permit allows it, and the network that it goes to.
    Viewer(
        std::sync::Arc<Viewer>,
        Permit,
        Option<std::sync::Arc<Network>>,
    ),
    /// One frame, by which webrtcsink finds out what an offer must say of the stream.
    Sample(Box<Frame>),
}

impl RungSource {
    pub(crate) fn new(source: Source) -> Self {
        let rung_source: Self = glib::Object::new();
        *lock(&rung_source.imp().source) = Some(std::sync::Arc::new(source));
        rung_source
    }
}

mod imp {
    use std::sync::{Arc, LazyLock};

    use super::*;

    pub(crate) struct RungSource {
        pub(super) source: Mutex<Option<Arc<Source>>>,
        sink: gst::Pad,
        src: gst::Pad,
    }

    /// What has been said downstream.
    #[derive(Default)]
    struct Said {
        caps: Option<gst::Caps>,
        /// A buffer was left out.
        gap: bool,
        frames: u32,
        list: Option<FrameList>,
        /// Frames are moved back by so much, so that none is of the future.
        back: gst::ClockTime,
    }

    /// After so many frames what follows is as it will be.
    const SETTLES: u32 = 10;

    impl RungSource {
        fn source(&self) -> Option<Arc<Source>> {
            lock(&self.source).clone()
        }

        fn activate(&self, active: bool) -> Result<(), gst::LoggableError> {
            let source = self.source();
            if let Some(Source::Viewer(viewer, ..)) = source.as_deref() {
                viewer.outlet.flush(!active);
            }
            if active {
                let rung_source = self.obj().downgrade();
                let mut said = None;
                self.src.start_task(move || {
                    let Some(rung_source) = rung_source.upgrade() else {
                        return;
                    };
                    rung_source.imp().step(&mut said);
                })?;
            } else {
                self.src.stop_task()?;
            }
            Ok(())
        }

        /// One turn of the session's thread.
        fn step(&self, said: &mut Option<Said>) {
            let frame = match self.source().as_deref() {
                Some(Source::Viewer(viewer, permit, network)) => match viewer.outlet.next() {
                    Some(frame) if permit.allows(Permission::View) => {
                        if let Some(network) = network.as_ref().filter(|_| frame.is_key) {
                            network.begin_key();
                        }
                        Some(frame)
                    }
                    Some(_) => {
                        viewer.outlet.skip();
                        return;
                    }
                    None => None,
                },
                Some(Source::Sample(frame)) if said.is_none() => Some((**frame).clone()),
                _ => None,
            };
            match frame {
                Some(frame) => self.send(frame, said),
                None => {
                    let _ = self.src.pause_task();
                }
            }
        }

        fn send(&self, frame: Frame, said: &mut Option<Said>) {
            if said.is_none() {
                let id = self.src.create_stream_id(&*self.obj(), Some("video"));
                self.src.push_event(gst::event::StreamStart::new(&id));
            }
            let begins = said.is_none();
            let said = said.get_or_insert_default();
            if said.caps.as_ref() != Some(&frame.caps) {
                let caps = without_profile(&frame.caps);
                self.src.push_event(gst::event::Caps::new(&caps));
                said.caps = Some(frame.caps.clone());
            }
            if begins {
                let segment = gst::FormattedSegment::<gst::ClockTime>::new();
                self.src.push_event(gst::event::Segment::new(&segment));
            }
            let mut buffer = frame.buffer.clone();
            let mut pts = buffer.pts().map(|pts| frame.shifted(pts));
            if let (Some(pts), Some(now)) = (&mut pts, self.obj().current_running_time()) {
                // webrtcbin would wait for their time: for as long as the source's own is ahead of the clock.
                said.back = said.back.max(pts.saturating_sub(now));
                *pts = pts.saturating_sub(said.back);
            }
            if buffer.pts() != pts || said.gap {
                let buffer = buffer.make_mut();
                buffer.set_pts(pts);
                if said.gap {
                    buffer.set_flags(gst::BufferFlags::DISCONT);
                }
            }
            said.gap = false;
            if (1..SETTLES).contains(&said.frames) && said.list.is_none() {
                said.list = self.settle();
            }
            said.frames = said.frames.saturating_add(1);
            if let Some(list) = &said.list {
                list.begin();
            }
            let pushed = self.src.push(buffer);
            let sent = said.list.as_ref().map(FrameList::end);
            match pushed.and(sent.unwrap_or(pushed)) {
                Ok(_) => (),
                Err(gst::FlowError::Flushing | gst::FlowError::Eos) => {
                    let _ = self.src.pause_task();
                }
                // webrtcsink, which only looks, tries the next form that the viewer takes when it hears of it.
                Err(error) if matches!(self.source().as_deref(), Some(Source::Sample(_))) => {
                    gst::element_imp_error!(self, gst::StreamError::Format, ("{error}"));
                }
                Err(error) => {
                    said.gap = true;
                    gst::debug!(gst::CAT_RUST, imp = self, "kept back: {error}");
                }
            }
        }

        /// A frame has passed: from now on packets keep together, and webrtcsink's own source, which waits for what never comes, has no
        /// thread any more.
        fn settle(&self) -> Option<FrameList> {
            let source = self.source();
            let Some(Source::Viewer(_, permit, _)) = source.as_deref() else {
                return None;
            };
            let list = FrameList::behind(&self.src, permit.clone())?;
            if let Some(idle) = first_before(&self.sink) {
                idle.set_locked_state(true);
                let _ = idle.set_state(gst::State::Null);
            }
            Some(list)
        }

        /// What comes from the viewer's side ends here: the ladder knows what to make of it.
        fn upstream(&self, event: &gst::EventRef) -> bool {
            if gst_video::ForceKeyUnitEvent::is(event)
                && let Some(Source::Viewer(viewer, ..)) = self.source().as_deref()
            {
                viewer.outlet.lost(Instant::now());
            }
            true
        }
    }

    /// The element at the beginning of what leads to a pad.
    fn first_before(sink: &gst::Pad) -> Option<gst::Element> {
        let mut element = sink.peer()?.parent_element()?;
        while let Some(sink) = element.static_pad("sink") {
            element = sink.peer()?.parent_element()?;
        }
        Some(element)
    }

    #[glib::object_subclass]
    impl ObjectSubclass for RungSource {
        const NAME: &'static str = "GstPortholeRungSource";
        type Type = super::RungSource;
        type ParentType = gst::Element;

        fn with_class(_: &Self::Class) -> Self {
            // Nothing ever comes this way but what webrtcsink's source says at its start.
            let sink = any_pads::sink()
                .chain_function(|_, _, _| Ok(gst::FlowSuccess::Ok))
                .event_function(|_, _, _| true)
                .build();
            let of =
                |parent: Option<&gst::Object>| parent?.downcast_ref::<super::RungSource>().cloned();
            let src = any_pads::src()
                .activatemode_function(move |_, parent, mode, active| match of(parent) {
                    Some(rung_source) if mode == gst::PadMode::Push => {
                        rung_source.imp().activate(active)
                    }
                    _ => Err(gst::loggable_error!(gst::CAT_RUST, "push only")),
                })
                .event_function(move |_, parent, event| {
                    of(parent).is_some_and(|rung_source| rung_source.imp().upstream(&event))
                })
                .query_function(|pad, parent, query| match query.view_mut() {
                    gst::QueryViewMut::Latency(query) => {
                        // The session's clock need wait for nothing: what comes is sent.
                        query.set(true, gst::ClockTime::ZERO, gst::ClockTime::NONE);
                        true
                    }
                    _ => gst::Pad::query_default(pad, parent, query),
                })
                .build();
            Self {
                source: Mutex::default(),
                sink,
                src,
            }
        }
    }

    impl ObjectImpl for RungSource {
        fn constructed(&self) {
            self.parent_constructed();
            any_pads::add(&*self.obj(), [&self.sink, &self.src]);
        }
    }

    impl GstObjectImpl for RungSource {}

    impl ElementImpl for RungSource {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                any_pads::metadata(
                    "Porthole rung source",
                    "Source/Video",
                    "Sends a session the rung of its viewer",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            any_pads::templates()
        }
    }
}
