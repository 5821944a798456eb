// SPDX-License-Identifier: MPL-2.0
//! What the user asks for: the values of the properties, understood.

use std::path::Path;
use std::sync::Arc;

use gst::glib;
use gst_video::VideoOrientationMethod;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use porthole_painter::{Bitmap, FontChoice, Mask, masks, parse_time, time_zone};
use rayon_core::{ThreadPool, ThreadPoolBuilder};

use super::image::Image;
use super::place::Position;

/// A property that is text with a meaning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Understood<T> {
    text: Option<String>,
    /// The meaning of the last text that had one.
    pub(crate) value: T,
    /// What is wrong with the text, if it has none.
    pub(crate) problem: Option<String>,
}

impl<T> Understood<T> {
    /// What the user wrote.
    pub(crate) fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    fn take(&mut self, text: Option<String>, result: Result<T, String>) {
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

/// The values of the properties.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) direction: VideoOrientationMethod,
    pub(crate) text: Option<String>,
    pub(crate) font: Understood<FontChoice>,
    pub(crate) font_size: f64,
    pub(crate) color: u32,
    pub(crate) background: u32,
    pub(crate) position: Position,
    pub(crate) margin: f64,
    pub(crate) image: Understood<Option<Arc<Image>>>,
    pub(crate) image_position: Position,
    pub(crate) image_size: f64,
    pub(crate) image_opacity: f64,
    pub(crate) masks: Understood<Arc<[Mask]>>,
    pub(crate) latency_clock: bool,
    pub(crate) zone: Understood<TimeZone>,
    /// The time to show instead of the present one.
    pub(crate) time: Understood<Option<Timestamp>>,
    threads: u32,
    /// Threads that help the streaming thread, if any.
    pub(crate) pool: Option<Arc<ThreadPool>>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            direction: VideoOrientationMethod::Identity,
            text: None,
            font: Understood::default(),
            font_size: 0.045,
            color: 0xFFFF_FFFF,
            background: 0x8000_0000,
            position: Position::default(),
            margin: 0.02,
            image: Understood::default(),
            image_position: Position::TopRight,
            image_size: 0.1,
            image_opacity: 1.0,
            masks: Understood {
                text: None,
                value: Arc::new([]),
                problem: None,
            },
            latency_clock: false,
            zone: Understood {
                text: None,
                value: TimeZone::system(),
                problem: None,
            },
            time: Understood::default(),
            threads: 1,
            pool: None,
        }
    }
}

/// A change that is ready to be made: whatever takes time has been done.
pub(crate) type Change = Box<dyn FnOnce(&mut Settings)>;

impl Settings {
    /// Whether a frame may have to be drawn on. With masks that were not understood no frame may pass at all.
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

    /// Properties that were not understood, each with what is wrong; a mask first.
    pub(crate) fn problems(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("masks", &self.masks.problem),
            ("image", &self.image.problem),
            ("font", &self.font.problem),
            ("time-zone", &self.zone.problem),
            ("time", &self.time.problem),
        ]
        .into_iter()
        .filter_map(|(name, problem)| Some((name, problem.as_deref()?)))
    }

    /// Makes a property's new value ready; `None` if there is no such property or the value has another type. May read a
    /// file, so that it is called without a lock.
    pub(crate) fn change(name: &str, value: &glib::Value) -> Option<Change> {
        /// A property that is what it is.
        macro_rules! plain {
            ($field:ident) => {{
                let value = value.get().ok()?;
                Box::new(move |settings: &mut Self| settings.$field = value)
            }};
        }
        /// A text with a meaning; none has the default one.
        macro_rules! understood {
            ($field:ident, $meaning:expr) => {{
                let text: Option<String> = value.get().ok()?;
                let typed = text.as_deref().unwrap_or("").trim();
                let result = $meaning(typed);
                Box::new(move |settings: &mut Self| settings.$field.take(text, result))
            }};
        }
        Some(match name {
            "video-direction" => plain!(direction),
            "text" => plain!(text),
            "font" => understood!(font, |text| FontChoice::find(text)
                .map_err(|e| e.to_string())),
            "font-size" => plain!(font_size),
            "color" => plain!(color),
            "background" => plain!(background),
            "position" => plain!(position),
            "margin" => plain!(margin),
            "image" => understood!(image, load),
            "image-position" => plain!(image_position),
            "image-size" => plain!(image_size),
            "image-opacity" => plain!(image_opacity),
            "masks" => understood!(masks, |text| masks::parse(text)
                .map(Arc::from)
                .map_err(|e| e.to_string())),
            "latency-clock" => plain!(latency_clock),
            "time-zone" => understood!(zone, |text| time_zone(text).map_err(|e| e.to_string())),
            "time" => understood!(time, |text: &str| match text {
                "" => Ok(None),
                text => parse_time(text).map(Some).map_err(|e| e.to_string()),
            }),
            "threads" => {
                let threads = value.get().ok()?;
                let pool = pool(threads);
                Box::new(move |settings: &mut Self| {
                    settings.threads = threads;
                    settings.pool = pool;
                })
            }
            _ => return None,
        })
    }

    /// A property's value, `None` if there is no such property.
    pub(crate) fn get(&self, name: &str) -> Option<glib::Value> {
        use glib::prelude::ToValue;
        Some(match name {
            "video-direction" => self.direction.to_value(),
            "text" => self.text.to_value(),
            "font" => self.font.text.to_value(),
            "font-size" => self.font_size.to_value(),
            "color" => self.color.to_value(),
            "background" => self.background.to_value(),
            "position" => self.position.to_value(),
            "margin" => self.margin.to_value(),
            "image" => self.image.text.to_value(),
            "image-position" => self.image_position.to_value(),
            "image-size" => self.image_size.to_value(),
            "image-opacity" => self.image_opacity.to_value(),
            "masks" => self.masks.text.to_value(),
            "latency-clock" => self.latency_clock.to_value(),
            "time-zone" => self.zone.text.to_value(),
            "time" => self.time.text.to_value(),
            "threads" => self.threads.to_value(),
            _ => return None,
        })
    }
}

fn load(path: &str) -> Result<Option<Arc<Image>>, String> {
    if path.is_empty() {
        return Ok(None);
    }
    let bitmap: Bitmap =
        porthole_painter::image::load(Path::new(path)).map_err(|e| e.to_string())?;
    Ok(Some(Arc::new(Image::new(bitmap))))
}

/// The threads that help the streaming thread, which counts as one; none if they cannot be had.
fn pool(threads: u32) -> Option<Arc<ThreadPool>> {
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
