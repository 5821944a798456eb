// SPDX-License-Identifier: MPL-2.0
//! What the user asks for: the values of the properties, understood.

use std::path::Path;
use std::sync::Arc;

use gst::glib::{self, prelude::*};
use gst_video::VideoOrientationMethod;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use porthole_painter::{Bitmap, FontChoice, Mask};
use rayon_core::{ThreadPool, ThreadPoolBuilder};

use super::image::Image;
use super::position::Position;

/// More threads than this do not make a frame ready sooner: it is memory that they wait for.
pub(crate) const MAX_THREADS: u32 = 16;

// Defaults, for the declarations of the properties.
pub(crate) const FONT_SIZE: f64 = 0.045;
pub(crate) const COLOR: u32 = 0xFFFF_FFFF;
pub(crate) const BACKGROUND: u32 = 0x8000_0000;
pub(crate) const POSITION: Position = Position::TopLeft;
pub(crate) const MARGIN: f64 = 0.02;
pub(crate) const IMAGE_POSITION: Position = Position::TopRight;
pub(crate) const IMAGE_SIZE: f64 = 0.1;
pub(crate) const IMAGE_OPACITY: f64 = 1.0;
pub(crate) const THREADS: u32 = 1;

/// Why a property is not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) property: &'static str,
    /// Names the fix.
    pub(crate) why: String,
}

/// A property that is text, and what it was parsed to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parsed<T> {
    text: Option<String>,
    /// The meaning of the last text that had one.
    pub(crate) value: T,
    /// What is wrong with the text, if it has none.
    pub(crate) problem: Option<Problem>,
}

impl<T> Parsed<T> {
    /// What the user wrote.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// Takes a text and what was made of it.
    pub(crate) fn take(&mut self, text: Option<String>, result: Result<T, Problem>) {
        self.text = text;
        self.problem = match result {
            Ok(value) => {
                self.value = value;
                None
            }
            Err(problem) => Some(problem),
        };
    }
}

/// Such a property reads as what the user wrote.
impl<T> ToValue for Parsed<T> {
    fn to_value(&self) -> glib::Value {
        self.text.to_value()
    }

    fn value_type(&self) -> glib::Type {
        String::static_type()
    }
}

/// The values of the properties.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) direction: VideoOrientationMethod,
    pub(crate) text: Option<String>,
    pub(crate) font: Parsed<FontChoice>,
    pub(crate) font_size: f64,
    pub(crate) color: u32,
    pub(crate) background: u32,
    pub(crate) position: Position,
    pub(crate) margin: f64,
    pub(crate) image: Parsed<Option<Arc<Image>>>,
    pub(crate) image_position: Position,
    pub(crate) image_size: f64,
    pub(crate) image_opacity: f64,
    pub(crate) masks: Parsed<Arc<[Mask]>>,
    pub(crate) latency_clock: bool,
    pub(crate) zone: Parsed<TimeZone>,
    /// The time to show instead of the present one.
    pub(crate) time: Parsed<Option<Timestamp>>,
    pub(crate) threads: u32,
    /// Threads that help the streaming thread, if any.
    pub(crate) pool: Option<Arc<ThreadPool>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            direction: VideoOrientationMethod::Identity,
            text: None,
            font: Parsed::default(),
            font_size: FONT_SIZE,
            color: COLOR,
            background: BACKGROUND,
            position: POSITION,
            margin: MARGIN,
            image: Parsed::default(),
            image_position: IMAGE_POSITION,
            image_size: IMAGE_SIZE,
            image_opacity: IMAGE_OPACITY,
            masks: Parsed {
                text: None,
                value: Arc::new([]),
                problem: None,
            },
            latency_clock: false,
            zone: Parsed {
                text: None,
                value: TimeZone::system(),
                problem: None,
            },
            time: Parsed::default(),
            threads: THREADS,
            pool: None,
        }
    }
}

impl Settings {
    /// Whether a frame may have to be drawn on. Masks that were not understood cover all of it.
    pub(crate) fn draws(&self) -> bool {
        self.latency_clock
            || self.text.as_ref().is_some_and(|text| !text.is_empty())
            || self.image.value.is_some()
            || !self.masks.value.is_empty()
            || self.masks.problem.is_some()
    }

    /// Distance of text and image from the edges of a picture of this height, in pixels.
    pub(crate) fn margin_pixels(&self, height: usize) -> usize {
        (self.margin * height as f64).round() as usize & !1
    }

    /// Height of the image on a picture of this height, in pixels.
    pub(crate) fn image_height(&self, height: usize) -> usize {
        (self.image_size * height as f64).round() as usize
    }

    /// Font size on a picture of this height, in pixels.
    pub(crate) fn font_pixels(&self, height: usize) -> f64 {
        if self.font_size < 1.0 {
            (self.font_size * height as f64).max(1.0)
        } else {
            self.font_size
        }
    }

    /// Looks for fonts with the characters of the text, which may take a second: not for the streaming thread.
    pub(crate) fn find_glyphs(&self) {
        if let Some(text) = &self.text {
            self.font.value.prepare(text);
        }
    }

    /// What is wrong with properties that were not understood; a mask first.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Problem> {
        [
            &self.masks.problem,
            &self.image.problem,
            &self.font.problem,
            &self.zone.problem,
            &self.time.problem,
        ]
        .into_iter()
        .flatten()
    }
}

/// The image in a file; none for no path.
pub(crate) fn load(path: &str) -> Result<Option<Arc<Image>>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let bitmap: Bitmap =
        porthole_painter::image::load(Path::new(path)).map_err(|e| e.to_string())?;
    Ok(Some(Arc::new(Image::new(bitmap))))
}

/// The threads that help the streaming thread, which counts as one; none if they cannot be had.
pub(crate) fn pool(threads: u32) -> Option<Arc<ThreadPool>> {
    let helpers = usize::try_from(threads)
        .ok()?
        .checked_sub(1)
        .filter(|helpers| *helpers > 0)?;
    ThreadPoolBuilder::new()
        .num_threads(helpers)
        .thread_name(|i| format!("porthole-paint{i}"))
        .build()
        .ok()
        .map(Arc::new)
}
