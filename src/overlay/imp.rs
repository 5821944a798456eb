// SPDX-License-Identifier: MPL-2.0
//! GObject glue of `portholeoverlay`.
//!
//! Locks: no thread holds two of `settings`, `learned` and `state` at a time. Nothing is pushed, posted or reconfigured under
//! any of them.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use gst::glib;
use gst_base::subclass::BaseTransformMode;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use crate::demand;

use super::blend::Canvas;
use super::learned::Learned;
use super::orient::Orientation;
use super::settings::{self, Settings};
use super::state::{Format, State};
use super::{caps, picture};

static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholeoverlay",
        gst::DebugColorFlags::empty(),
        Some("Porthole flip and overlay"),
    )
});

/// The `portholeoverlay` element.
#[derive(Default)]
pub struct PortholeOverlay {
    settings: Mutex<Arc<Settings>>,
    learned: Mutex<Arc<Learned>>,
    state: Mutex<Option<State>>,
}

/// A panic while drawing must not make every later call panic too: all that is guarded is valid at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PortholeOverlay {
    fn settings(&self) -> Arc<Settings> {
        lock(&self.settings).clone()
    }

    fn learned(&self) -> Arc<Learned> {
        lock(&self.learned).clone()
    }

    /// The orientation asked for now; it is in effect from the next frame on.
    fn wanted(&self) -> Orientation {
        let direction = self.settings().direction;
        self.learned().orientation(direction)
    }

    /// Chooses the cheapest way of working that does what is asked, and has allocation negotiated again if it changed.
    fn choose_mode(&self, orientation: Orientation) {
        let element = self.obj();
        let in_place = orientation == Orientation::Identity;
        let passthrough = in_place && !self.settings().draws();
        if element.is_passthrough() != passthrough || element.is_in_place() != in_place {
            gst::debug!(
                CAT,
                imp = self,
                "{orientation:?}, passthrough {passthrough}"
            );
            element.set_passthrough(passthrough);
            element.set_in_place(in_place);
            element.reconfigure_src();
        }
    }

    /// Takes the current settings over into the state, before a frame is handled.
    fn follow_settings(&self, now: &Zoned) {
        let settings = self.settings();
        let wanted = self.wanted();
        let mut problem = None;
        let mut renegotiate = false;
        if let Some(state) = lock(&self.state).as_mut() {
            renegotiate = state.orientation.transposes() != wanted.transposes();
            problem = state.take_settings(settings, now);
        }
        if let Some(problem) = problem {
            gst::element_imp_warning!(
                self,
                gst::LibraryError::Settings,
                ("The text is not a valid strftime format: {problem}. The wrong part is shown as it is")
            );
        }
        if renegotiate {
            self.obj().reconfigure_src();
        }
        self.choose_mode(wanted);
    }

    /// Puts the orientation into effect, as far as the negotiated sizes allow.
    fn settle_orientation(&self) {
        let wanted = self.wanted();
        let chosen = {
            let mut state = lock(&self.state);
            let Some(state) = state.as_mut() else { return };
            if let Some(format) = &state.format {
                state.orientation = format.fit(wanted);
            }
            state.orientation
        };
        self.choose_mode(chosen);
    }

    /// Lets `paint` make the picture on `canvas`, then draws on it. `None` from either means that something was not negotiated
    /// or could not be mapped.
    fn finish(
        &self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
        paint: impl FnOnce(&mut Canvas<'_>, Orientation) -> Option<()>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let learned = self.learned();
        let done = lock(&self.state).as_mut().and_then(|state| {
            let mut canvas = picture::canvas(frame)?;
            paint(&mut canvas, state.orientation)?;
            state.draw(&mut canvas, &learned, &time_of_day())
        });
        if done.is_none() {
            gst::element_imp_error!(
                self,
                gst::CoreError::Negotiation,
                ("A frame arrived that does not match the negotiated format")
            );
            return Err(gst::FlowError::NotNegotiated);
        }
        Ok(gst::FlowSuccess::Ok)
    }

    /// The tags to pass on: once the picture is turned, it needs no turning any more.
    fn tags_downstream(&self, event: gst::Event, tags: &gst::TagListRef) -> gst::Event {
        let auto = self.settings().direction == gst_video::VideoOrientationMethod::Auto;
        if !auto || tags.get::<gst::tags::ImageOrientation>().is_none() {
            return event;
        }
        let mut tags = tags.to_owned();
        tags.make_mut()
            .add::<gst::tags::ImageOrientation>(&"rotate-0", gst::TagMergeMode::Replace);
        gst::event::Tag::builder(tags)
            .seqnum(event.seqnum())
            .build()
    }

    /// Moves a pointer from the picture as it leaves the element to the picture as it comes in.
    fn navigation_upstream(&self, mut event: gst::Event) -> gst::Event {
        let (orientation, width, height) = match lock(&self.state).as_ref() {
            Some(State {
                format: Some(format),
                orientation,
                ..
            }) => (*orientation, format.input.width(), format.input.height()),
            _ => return event,
        };
        let pointer = event.structure().and_then(|s| {
            let x = s.get::<f64>("pointer_x").ok()?;
            Some((x, s.get::<f64>("pointer_y").ok()?))
        });
        if let Some((x, y)) = pointer {
            let (x, y) = orientation.to_source(x, y, width.into(), height.into());
            let structure = event.make_mut().structure_mut();
            structure.set("pointer_x", x);
            structure.set("pointer_y", y);
        }
        event
    }
}

fn time_of_day() -> Zoned {
    Timestamp::now().to_zoned(TimeZone::system())
}

#[glib::object_subclass]
impl ObjectSubclass for PortholeOverlay {
    const NAME: &'static str = "GstPortholeOverlay";
    type Type = super::PortholeOverlay;
    type ParentType = gst_video::VideoFilter;
}

impl ObjectImpl for PortholeOverlay {
    fn properties() -> &'static [glib::ParamSpec] {
        settings::properties()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let taken = Arc::make_mut(&mut lock(&self.settings)).set(pspec.name(), value);
        if taken.is_none() {
            gst::error!(CAT, imp = self, "Cannot set property {}", pspec.name());
        }
    }

    fn property(&self, _id: usize, pspec: &glib::ParamSpec) -> glib::Value {
        let value = self.settings().get(pspec.name());
        value.unwrap_or_else(|| pspec.default_value().clone())
    }
}

impl GstObjectImpl for PortholeOverlay {}

impl ElementImpl for PortholeOverlay {
    fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
        static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
            gst::subclass::ElementMetadata::new(
                "Porthole overlay",
                "Filter/Effect/Video",
                "Flips and rotates video and draws text and a latency clock on it, in one pass",
                "The Porthole developers",
            )
        });
        Some(&METADATA)
    }

    fn pad_templates() -> &'static [gst::PadTemplate] {
        static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
            [
                ("sink", gst::PadDirection::Sink),
                ("src", gst::PadDirection::Src),
            ]
            .into_iter()
            .filter_map(|(name, direction)| {
                let presence = gst::PadPresence::Always;
                gst::PadTemplate::new(name, direction, presence, &caps::TEMPLATE).ok()
            })
            .collect()
        });
        &TEMPLATES
    }
}

impl BaseTransformImpl for PortholeOverlay {
    const MODE: BaseTransformMode = BaseTransformMode::Both;
    const PASSTHROUGH_ON_SAME_CAPS: bool = false;
    const TRANSFORM_IP_ON_PASSTHROUGH: bool = false;

    fn start(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = Some(State::new());
        Ok(())
    }

    fn stop(&self) -> Result<(), gst::ErrorMessage> {
        *lock(&self.state) = None;
        *lock(&self.learned) = Arc::default();
        Ok(())
    }

    fn transform_caps(
        &self,
        _direction: gst::PadDirection,
        caps: &gst::Caps,
        filter: Option<&gst::Caps>,
    ) -> Option<gst::Caps> {
        let other = caps::transform(caps, self.wanted().transposes());
        Some(match filter {
            Some(filter) => filter.intersect_with_mode(&other, gst::CapsIntersectMode::First),
            None => other,
        })
    }

    fn sink_event(&self, event: gst::Event) -> bool {
        use gst::EventView;
        let event = match event.view() {
            EventView::Caps(caps) if caps::is_interlaced(caps.caps()) => {
                gst::element_imp_error!(
                    self,
                    gst::StreamError::Format,
                    ("Interlaced video is not supported, put a deinterlace element before this one")
                );
                return false;
            }
            EventView::StreamStart(_) => {
                Arc::make_mut(&mut lock(&self.learned)).forget_stream();
                event
            }
            EventView::Tag(tag) => {
                Arc::make_mut(&mut lock(&self.learned)).take_tags(tag.tag());
                let tags = tag.tag_owned();
                self.tags_downstream(event, &tags)
            }
            _ => event,
        };
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        use gst::EventView;
        let event = match event.view() {
            EventView::CustomUpstream(custom) => {
                if let Some(demand) = custom.structure().filter(|s| s.name() == demand::NAME) {
                    Arc::make_mut(&mut lock(&self.learned)).take_demand(demand);
                }
                event
            }
            EventView::Navigation(_) => self.navigation_upstream(event),
            _ => event,
        };
        self.parent_src_event(event)
    }

    fn submit_input_buffer(
        &self,
        is_discont: bool,
        inbuf: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if let (Some(state), Some(pts)) = (lock(&self.state).as_mut(), inbuf.pts()) {
            state.rate.push(pts.nseconds());
        }
        self.follow_settings(&time_of_day());
        // Negotiates, if anything above asked for it.
        let flow = self.parent_submit_input_buffer(is_discont, inbuf)?;
        self.settle_orientation();
        Ok(flow)
    }
}

impl VideoFilterImpl for PortholeOverlay {
    fn set_info(
        &self,
        _incaps: &gst::Caps,
        input: &VideoInfo,
        _outcaps: &gst::Caps,
        output: &VideoInfo,
    ) -> Result<(), gst::LoggableError> {
        if let Some(state) = lock(&self.state).as_mut() {
            state.format = Some(Format::new(input, output));
        }
        self.settle_orientation();
        Ok(())
    }

    fn transform_frame(
        &self,
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.finish(output, |canvas, orientation| {
            picture::orient(input, canvas, orientation)
        })
    }

    fn transform_frame_ip(
        &self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.finish(frame, |_, _| Some(()))
    }
}
