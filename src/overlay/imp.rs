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
use jiff::Timestamp;
use porthole_painter::Orientation;

use crate::events::{
    demand::Demand,
    turn::{Turn, Turned},
};

use super::direction::VideoDirection;
use super::learned::Learned;
use super::settings::Settings;
use super::state::{Format, State};
use super::{caps, events, metas, properties};

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
    fn follow_settings(&self) -> Result<(), gst::FlowError> {
        let settings = self.settings();
        if let Some(problem) = &settings.masks.problem {
            gst::element_imp_error!(
                self,
                gst::LibraryError::Settings,
                ("The property masks is not understood, so that no frame passes: {problem}")
            );
            return Err(gst::FlowError::Error);
        }
        let wanted = self.wanted();
        let mut problem = None;
        let mut renegotiate = false;
        if let Some(state) = lock(&self.state).as_mut() {
            renegotiate = state.orientation.transposes() != wanted.transposes();
            problem = state.take_settings(settings, Timestamp::now);
        }
        if let Some(problem) = problem {
            self.warn_of_text(&problem);
        }
        if renegotiate {
            self.obj().reconfigure_src();
        }
        self.choose_mode(wanted);
        Ok(())
    }

    fn warn_of_text(&self, problem: &str) {
        gst::element_imp_warning!(
            self,
            gst::LibraryError::Settings,
            ("The property text is shown as it is where it is not understood: {problem}")
        );
    }

    /// Sets the properties that a controller has values for at the time of this frame.
    fn follow_controllers(&self, frame: &gst::BufferRef) {
        let element = self.obj();
        if !element.has_active_control_bindings() {
            return;
        }
        let segment = element.segment();
        let time = segment
            .downcast_ref::<gst::ClockTime>()
            .and_then(|segment| segment.to_stream_time(frame.pts()));
        if let Some(time) = time {
            let _ = element.sync_values(time);
        }
    }

    /// What remains to be done after a property has changed; by the thread that changed it.
    fn changed(&self, property: &str) {
        let output = lock(&self.state)
            .as_ref()
            .map(|state| state.format.as_ref().map(|format| format.output));
        // Before start() there is nobody to warn: start() itself refuses.
        let Some(output) = output else { return };
        let settings = self.settings();
        if let (Some(image), Some(output), true) =
            (&settings.image.value, output, property.starts_with("image"))
        {
            image.at_height(settings.image_height(output.height));
        }
        match property {
            "video-direction" => self.ask_upstream(),
            "text" | "font" => settings.find_glyphs(),
            _ => (),
        }
        let problem = settings
            .problems()
            .find(|(name, _)| *name == property && *name != "masks");
        if let Some((name, problem)) = problem {
            gst::element_imp_warning!(
                self,
                gst::LibraryError::Settings,
                ("The property {name} stays as it was: {problem}")
            );
        }
    }

    /// Lets a camera that can turn the picture for nothing know how it is wanted.
    fn ask_upstream(&self) {
        let direction = self.settings().direction;
        let event = Turn(self.learned().method(direction)).event();
        let _ = self.obj().sink_pad().push_event(event);
    }

    /// Puts the orientation into effect, as far as the negotiated sizes allow.
    fn settle_orientation(&self) {
        let wanted = self.wanted();
        let chosen = {
            let mut state = lock(&self.state);
            let Some(state) = state.as_mut() else { return };
            state.settle(wanted)
        };
        self.choose_mode(chosen);
    }

    /// Paints a frame, turned from `input` or in place.
    fn paint(
        &self,
        input: Option<&VideoFrameRef<&gst::BufferRef>>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let learned = self.learned();
        let now = self.settings().time.value.unwrap_or_else(Timestamp::now);
        let mut broken_font = false;
        let done = lock(&self.state).as_mut().and_then(|state| {
            let done = state.paint(input, output, &learned, now);
            broken_font = state.broken_font();
            done
        });
        if broken_font {
            gst::element_imp_warning!(
                self,
                gst::LibraryError::Settings,
                ("The property font names a font that is broken; the built-in one is used, choose another")
            );
        }
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
}

#[glib::object_subclass]
impl ObjectSubclass for PortholeOverlay {
    const NAME: &'static str = "GstPortholeOverlay";
    type Type = super::PortholeOverlay;
    type ParentType = gst_video::VideoFilter;
    type Interfaces = (VideoDirection,);
}

impl ObjectImpl for PortholeOverlay {
    fn properties() -> &'static [glib::ParamSpec] {
        properties::all()
    }

    fn set_property(&self, _id: usize, value: &glib::Value, pspec: &glib::ParamSpec) {
        let Some(change) = Settings::change(pspec.name(), value) else {
            gst::error!(CAT, imp = self, "Cannot set property {}", pspec.name());
            return;
        };
        change(Arc::make_mut(&mut lock(&self.settings)));
        self.changed(pspec.name());
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
                "Flips and rotates video, hides parts of it and draws text, an image and a latency clock on it, in one pass",
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
        let settings = self.settings();
        if let Some((name, problem)) = settings.problems().next() {
            return Err(gst::error_msg!(
                gst::LibraryError::Settings,
                ("The property {name} is not understood: {problem}")
            ));
        }
        settings.find_glyphs();
        let state = State::new(settings, Timestamp::now());
        if let Some(problem) = state.text_problem() {
            self.warn_of_text(problem);
        }
        *lock(&self.state) = Some(state);
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
                if self.settings().direction != gst_video::VideoOrientationMethod::Identity {
                    self.ask_upstream();
                }
                event
            }
            EventView::CustomDownstreamSticky(_) => {
                if let Some(Turned(direction)) = Turned::parse(&event) {
                    Arc::make_mut(&mut lock(&self.learned)).take_turned(direction);
                    return true;
                }
                event
            }
            EventView::Tag(tag) => {
                Arc::make_mut(&mut lock(&self.learned)).take_tags(tag.tag());
                let auto = self.settings().direction == gst_video::VideoOrientationMethod::Auto;
                if auto {
                    self.ask_upstream();
                    events::upright(&event, tag.tag())
                } else {
                    event
                }
            }
            _ => event,
        };
        self.parent_sink_event(event)
    }

    fn src_event(&self, event: gst::Event) -> bool {
        use gst::EventView;
        let event = match event.view() {
            EventView::CustomUpstream(_) => {
                if let Some(demand) = Demand::parse(&event) {
                    Arc::make_mut(&mut lock(&self.learned)).take_demand(demand);
                }
                event
            }
            EventView::Navigation(_) => {
                let turned = lock(&self.state).as_ref().and_then(|state| {
                    let format = state.format.as_ref()?;
                    Some((state.orientation, format.input.width, format.input.height))
                });
                match turned {
                    Some((orientation, width, height)) => {
                        events::pointer_to_source(event, orientation, (width, height))
                    }
                    None => event,
                }
            }
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
        self.follow_controllers(&inbuf);
        self.follow_settings()?;
        // Negotiates, if anything above asked for it.
        let flow = self.parent_submit_input_buffer(is_discont, inbuf)?;
        self.settle_orientation();
        Ok(flow)
    }

    fn transform_meta<'a>(
        &self,
        outbuf: &mut gst::BufferRef,
        meta: gst::MetaRef<'a, gst::Meta>,
        inbuf: &'a gst::BufferRef,
    ) -> bool {
        let turned = match lock(&self.state).as_ref() {
            Some(State {
                format: Some(format),
                orientation,
                ..
            }) if *orientation != Orientation::Identity => Some((*orientation, format.input)),
            _ => None,
        };
        if let Some((orientation, input)) = turned {
            let size = (input.width as u32, input.height as u32);
            if metas::turn(&meta, outbuf, orientation, size) {
                return false;
            }
        }
        self.parent_transform_meta(outbuf, meta, inbuf)
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
        let format = Format::new(input, output)
            .ok_or_else(|| gst::loggable_error!(CAT, "Cannot paint {:?}", output.format()))?;
        if let Some(state) = lock(&self.state).as_mut() {
            state.set_format(format);
        }
        self.settle_orientation();
        Ok(())
    }

    fn transform_frame(
        &self,
        input: &VideoFrameRef<&gst::BufferRef>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.paint(Some(input), output)
    }

    fn transform_frame_ip(
        &self,
        frame: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.paint(None, frame)
    }
}
