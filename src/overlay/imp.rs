// SPDX-License-Identifier: MPL-2.0
//! GObject glue of `portholeoverlay`.
//!
//! Locks: no thread holds two of `settings`, `learned` and `state` at a time. Nothing is pushed, posted or reconfigured under
//! any of them.

use std::sync::{Arc, LazyLock, Mutex};

use gst::glib;
use gst_video::prelude::*;
use gst_video::subclass::prelude::*;
use gst_video::{VideoFrameRef, VideoOrientationMethod};
use jiff::Timestamp;
use porthole_painter::Orientation;

use super::caps;
use super::direction::VideoDirection;
use super::learned::Learned;
use super::position::Position;
use super::settings::{self, Settings};
use super::state::State;
use crate::{lock::lock, properties::Snapshot};

pub(super) static CAT: LazyLock<gst::DebugCategory> = LazyLock::new(|| {
    gst::DebugCategory::new(
        "portholeoverlay",
        gst::DebugColorFlags::empty(),
        Some("Porthole flip and overlay"),
    )
});

/// The `portholeoverlay` element. All of its properties may change while playing.
#[derive(Default, glib::Properties)]
#[properties(wrapper_type = super::PortholeOverlay)]
pub struct PortholeOverlay {
    #[property(name = "video-direction", override_interface = VideoDirection, type = VideoOrientationMethod,
        member = direction, get, set = Self::set_direction)]
    #[property(name = "text", type = Option<String>, member = text, get, set = Self::set_text, nullable, mutable_playing,
        blurb = "Text to draw: strftime format with {camera}, {viewers}, {fps}, {res} and %n for a new line, up to 1024 \
                 characters; none draws nothing")]
    #[property(name = "font", type = Option<String>, member = font, get, set = Self::set_font, nullable, mutable_playing,
        blurb = "Font of the text: a family that is installed, or the path of a .ttf, .otf or .ttc file; none is the \
                 built-in DejaVu Sans")]
    #[property(name = "font-size", type = f64, member = font_size, get, set, controllable, mutable_playing,
        minimum = 0.01, maximum = 512.0, default_value = settings::FONT_SIZE,
        blurb = "Font size as a fraction of the picture's height, 0.01 to less than 1, or in pixels, 1 to 512")]
    #[property(name = "color", type = u32, member = color, get, set, controllable, mutable_playing,
        default_value = settings::COLOR,
        blurb = "Color of the text as 0xAARRGGBB, 0 to 0xffffffff; AA=00 is invisible, AA=ff opaque")]
    #[property(name = "background", type = u32, member = background, get, set, controllable, mutable_playing,
        default_value = settings::BACKGROUND,
        blurb = "Color of the box behind the text as 0xAARRGGBB, 0 to 0xffffffff; AA=00 is no box, AA=ff opaque")]
    #[property(name = "position", type = Position, member = position, get, set, controllable, mutable_playing,
        blurb = "Where in the turned picture the text is: one of nine places", builder(settings::POSITION))]
    #[property(name = "margin", type = f64, member = margin, get, set, controllable, mutable_playing,
        minimum = 0.0, maximum = 0.5, default_value = settings::MARGIN,
        blurb = "Distance of text and image from the picture's edges as a fraction of its height, 0 to 0.5")]
    #[property(name = "time-zone", type = Option<String>, member = zone, get, set = Self::set_time_zone, nullable,
        mutable_playing, blurb = "Time zone of the text as an IANA name such as Europe/Berlin; none is the system's")]
    #[property(name = "time", type = Option<String>, member = time, get, set = Self::set_time, nullable, mutable_playing,
        blurb = "Time to show in text and latency clock instead of the present one, for tests, as in RFC 3339: \
                 2026-03-07T08:09:10Z; none is the present")]
    #[property(name = "image", type = Option<String>, member = image, get, set = Self::set_image, nullable, mutable_playing,
        blurb = "Path of a PNG or JPEG file, up to 16 MiB, to lay over the picture; none draws nothing")]
    #[property(name = "image-position", type = Position, member = image_position, get, set, controllable, mutable_playing,
        blurb = "Where in the turned picture the image is: one of nine places", builder(settings::IMAGE_POSITION))]
    #[property(name = "image-size", type = f64, member = image_size, get, set = Self::set_image_size, controllable,
        mutable_playing, minimum = 0.01, maximum = 1.0, default_value = settings::IMAGE_SIZE,
        blurb = "Height of the image as a fraction of the picture's height, 0.01 to 1; its width follows")]
    #[property(name = "image-opacity", type = f64, member = image_opacity, get, set, controllable, mutable_playing,
        minimum = 0.0, maximum = 1.0, default_value = settings::IMAGE_OPACITY,
        blurb = "Opacity of the image, 0 (invisible) to 1")]
    #[property(name = "masks", type = Option<String>, member = masks, get, set = Self::set_masks, nullable, mutable_playing,
        blurb = "Parts of the turned picture that nobody may see, in fractions of its width and height, 0 to 1: \
                 'rect X Y WIDTH HEIGHT' or 'polygon X1 Y1 X2 Y2 X3 Y3 ...', each filled with black, or with a color after \
                 'fill=#RRGGBB', or made unrecognisable after 'pixelate'; separated by ';', up to 64. While a mask is \
                 not understood, the whole picture is covered")]
    #[property(name = "latency-clock", type = bool, member = latency_clock, get, set, controllable, mutable_playing,
        blurb = "Whether to paint the time of day in milliseconds as black and white blocks at the bottom left")]
    #[property(name = "threads", type = u32, member = threads, get, set = Self::set_threads, mutable_playing,
        minimum = 1, maximum = settings::MAX_THREADS, default_value = settings::THREADS,
        blurb = "Threads that share the work on a frame, 1 to 16; more than 1 pays for large frames that are turned")]
    pub(super) settings: Snapshot<Settings>,
    pub(super) learned: Mutex<Arc<Learned>>,
    pub(super) state: Mutex<Option<State>>,
}

impl PortholeOverlay {
    pub(super) fn learned(&self) -> Arc<Learned> {
        lock(&self.learned).clone()
    }

    /// The orientation asked for now; it is in effect from the next frame on.
    pub(super) fn wanted(&self) -> Orientation {
        let direction = self.settings.now().direction;
        self.learned().orientation(direction)
    }

    /// Chooses the cheapest way of working that does what is asked, and has allocation negotiated again if it changed.
    pub(super) fn choose_mode(&self, orientation: Orientation) {
        let element = self.obj();
        let in_place = orientation == Orientation::Identity;
        let passthrough = in_place && !self.settings.now().draws();
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
    pub(super) fn follow_settings(&self) {
        let settings = self.settings.now();
        let wanted = self.wanted();
        let mut warnings = Vec::new();
        let mut renegotiate = false;
        if let Some(state) = lock(&self.state).as_mut() {
            renegotiate = state.orientation.transposes() != wanted.transposes();
            warnings = state.take_settings(settings, Timestamp::now);
        }
        for warning in warnings {
            self.warn(&warning);
        }
        if renegotiate {
            self.obj().reconfigure_src();
        }
        self.choose_mode(wanted);
    }

    pub(super) fn warn(&self, sentence: &str) {
        gst::element_imp_warning!(self, gst::LibraryError::Settings, ("{sentence}"));
    }

    /// Sets the properties that a controller has values for at the time of this frame.
    pub(super) fn follow_controllers(&self, frame: &gst::BufferRef) {
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

    /// Puts the orientation into effect, as far as the negotiated sizes allow.
    pub(super) fn settle_orientation(&self) {
        let wanted = self.wanted();
        let chosen = {
            let mut state = lock(&self.state);
            let Some(state) = state.as_mut() else { return };
            state.settle(wanted)
        };
        self.choose_mode(chosen);
    }

    /// Paints a frame, turned from `input` or in place.
    pub(super) fn paint(
        &self,
        input: Option<&VideoFrameRef<&gst::BufferRef>>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        let learned = self.learned();
        let now = self
            .settings
            .now()
            .time
            .value
            .unwrap_or_else(Timestamp::now);
        let mut broken_font = false;
        let done = lock(&self.state).as_mut().and_then(|state| {
            let done = state.paint(input, output, &learned, now);
            broken_font = state.broken_font();
            done
        });
        if broken_font {
            self.warn(
                "The property font names a font that is broken; the built-in one is used, choose another",
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

#[glib::derived_properties]
impl ObjectImpl for PortholeOverlay {}

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
                gst::PadTemplate::new(name, direction, presence, &caps::TEMPLATE)
                    .inspect_err(|error| gst::error!(CAT, "no pad template {name}: {error}"))
                    .ok()
            })
            .collect()
        });
        &TEMPLATES
    }

    fn change_state(
        &self,
        transition: gst::StateChange,
    ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
        // The base class makes the pads in its constructor, which cannot fail.
        let pads = self.obj().num_pads();
        if transition == gst::StateChange::NullToReady && pads != 2 {
            gst::element_imp_error!(
                self,
                gst::CoreError::Pad,
                ("portholeoverlay has {pads} pads in place of two: GST_DEBUG=portholeoverlay:1 shows why; make the element anew")
            );
            return Err(gst::StateChangeError);
        }
        self.parent_change_state(transition)
    }
}
