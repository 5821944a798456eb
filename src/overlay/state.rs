// SPDX-License-Identifier: MPL-2.0
//! What the element knows between start and stop, and what it makes ready so that a frame only has to be painted.

use std::sync::Arc;

use gst_video::{VideoFrameRef, VideoInfo};
use jiff::Timestamp;
use porthole_painter::{
    Bitmap, Clock, Cover, Drawing, Hidden, Input, Isa, Mask, Matrix, Orientation, Patch, Shape,
};

use super::learned::Learned;
use super::rate::Rate;
use super::settings::{Problem, Settings};
use super::words::Words;
use crate::frame;

/// What was negotiated.
pub(crate) struct Format {
    pub(crate) input: Shape,
    pub(crate) output: Shape,
    matrix: Matrix,
    /// Frames a second, 0 if that varies.
    fps: f64,
}

impl Format {
    /// `None` if such frames cannot be painted.
    pub(crate) fn new(input: &VideoInfo, output: &VideoInfo) -> Option<Self> {
        let fps = output.fps();
        Some(Self {
            input: frame::shape(input)?,
            output: frame::shape(output)?,
            matrix: frame::matrix(output),
            fps: f64::from(fps.numer()) / f64::from(fps.denom().max(1)),
        })
    }

    /// `wanted`, if it leads from one size to the other; else (it changed while caps were being negotiated) `last`, if that
    /// does, until the next frame negotiates again.
    fn fit(&self, wanted: Orientation, last: Option<Orientation>) -> Option<Orientation> {
        let Shape { width, height, .. } = self.output;
        let leads_there = |orientation: &Orientation| {
            let turned = if orientation.transposes() {
                (height, width)
            } else {
                (width, height)
            };
            (self.input.width, self.input.height) == turned
        };
        [Some(wanted), last].into_iter().flatten().find(leads_there)
    }

    /// Any orientation that leads from one size to the other.
    fn any(&self) -> Orientation {
        if (self.input.width, self.input.height) == (self.output.width, self.output.height) {
            Orientation::Identity
        } else {
            Orientation::Right90
        }
    }
}

/// What lives from start to stop; changed by the streaming thread only.
pub(crate) struct State {
    pub(crate) format: Option<Format>,
    pub(crate) orientation: Orientation,
    /// The last one that was in effect because it was asked for.
    asked: Option<Orientation>,
    /// Whether the orientation is one that nobody asked for, so that nobody knows what the masks lie on.
    is_unsure: bool,
    pub(crate) rate: Rate,
    isa: Isa,
    /// What the rest was made from.
    settings: Arc<Settings>,
    words: Words,
    text: Option<Patch>,
    image: Option<Patch>,
    hidden: Option<Hidden>,
    clock: Option<Clock>,
}

impl State {
    pub(crate) fn new(settings: Arc<Settings>, now: Timestamp) -> Self {
        Self {
            words: Words::new(&settings, now),
            format: None,
            orientation: Orientation::default(),
            asked: None,
            is_unsure: false,
            rate: Rate::default(),
            isa: Isa::best(),
            settings,
            text: None,
            image: None,
            hidden: None,
            clock: None,
        }
    }

    /// What is wrong with the text, if anything, in a whole sentence.
    pub(crate) fn text_warning(&self) -> Option<String> {
        self.words.problem().map(text_warning)
    }

    /// Whether the font has turned out to be broken since the last call.
    pub(crate) fn broken_font(&mut self) -> bool {
        self.words.broken_font()
    }

    /// Takes over what was negotiated, and makes everything ready anew.
    pub(crate) fn set_format(&mut self, format: Format) {
        self.format = Some(format);
        self.words.forget();
        self.make_image();
        self.make_hidden();
        self.make_clock();
    }

    /// Puts `wanted` into effect for the next frame, as far as the negotiated sizes allow; what is in effect then.
    pub(crate) fn settle(&mut self, wanted: Orientation) -> Orientation {
        if let Some(format) = &self.format {
            // What was only taken because it fits must not pass for an orientation that somebody asked for.
            let found = format.fit(wanted, self.asked);
            self.is_unsure = found.is_none();
            self.asked = found.or(self.asked);
            self.orientation = found.unwrap_or_else(|| format.any());
        }
        self.orientation
    }

    /// Takes the settings for the next frame; says, in whole sentences, what is wrong with a text or masks that are new.
    pub(crate) fn take_settings(
        &mut self,
        settings: Arc<Settings>,
        now: impl FnOnce() -> Timestamp,
    ) -> Vec<String> {
        if Arc::ptr_eq(&self.settings, &settings) {
            return Vec::new();
        }
        let old = std::mem::replace(&mut self.settings, settings);
        let new = &self.settings;
        let text_problem = self.words.take_settings(&old, new, now());
        let mut warnings: Vec<String> = text_problem
            .as_deref()
            .map(text_warning)
            .into_iter()
            .collect();
        let same_image = match (&old.image.value, &new.image.value) {
            (Some(old), Some(new)) => Arc::ptr_eq(old, new),
            (None, None) => true,
            _ => false,
        };
        let look = |s: &Settings| (s.image_size, s.image_opacity, s.image_position, s.margin);
        let same_masks = Arc::ptr_eq(&old.masks.value, &new.masks.value)
            && old.masks.problem == new.masks.problem;
        if !same_masks {
            warnings.extend(new.masks.problem.as_ref().map(masks_warning));
        }
        let same_clock = old.latency_clock == new.latency_clock;
        if !same_image || look(&old) != look(new) {
            self.make_image();
        }
        if !same_masks {
            self.make_hidden();
        }
        if !same_clock {
            self.make_clock();
        }
        warnings
    }

    fn make_image(&mut self) {
        self.image = None;
        let (Some(format), Some(image)) = (&self.format, &self.settings.image.value) else {
            return;
        };
        let settings = &self.settings;
        let Shape { width, height, .. } = format.output;
        let scaled = image.at_height(settings.image_height(height));
        let margin = settings.margin_pixels(height);
        let at =
            settings
                .image_position
                .corner((scaled.width, scaled.height), margin, (width, height));
        let opacity = (settings.image_opacity * 255.0).round() as u8;
        let patch = match opacity {
            255 => Patch::new(&scaled, at, format.output, &format.matrix),
            _ => Patch::new(&scaled.faded(opacity), at, format.output, &format.matrix),
        };
        self.image = Some(patch);
    }

    fn make_hidden(&mut self) {
        // Nobody knows what a mask that is not understood was to hide.
        let everything = [whole_picture()];
        let masks = match &self.settings.masks {
            masks if masks.problem.is_some() => &everything,
            masks => &*masks.value,
        };
        self.hidden = self
            .format
            .as_ref()
            .filter(|_| !masks.is_empty())
            .map(|format| Hidden::new(masks, format.output, &format.matrix));
    }

    fn make_clock(&mut self) {
        let format = self.format.as_ref().filter(|_| self.settings.latency_clock);
        self.clock = format.and_then(|format| Clock::new(format.output));
    }

    /// Brings text and clock up to date.
    fn prepare(&mut self, learned: &Learned, now: Timestamp) -> Option<()> {
        let format = self.format.as_ref()?;
        let fps = if format.fps > 0.0 {
            format.fps
        } else {
            self.rate.fps()
        };
        let shape = format.output;
        if let Some(bitmap) = self.words.update(&self.settings, learned, now, fps, shape) {
            self.text = place_text(bitmap, &self.settings, format);
        }
        if let Some(clock) = &mut self.clock {
            // The clock counts modulo 2^32.
            clock.set(now.as_millisecond() as u32);
        }
        Some(())
    }

    /// Paints a frame: turned from `input`, or as it is where there is none. `None` if something was not negotiated or the
    /// frames are not what was.
    pub(crate) fn paint(
        &mut self,
        input: Option<&VideoFrameRef<&gst::BufferRef>>,
        output: &mut VideoFrameRef<&mut gst::BufferRef>,
        learned: &Learned,
        now: Timestamp,
    ) -> Option<()> {
        self.prepare(learned, now)?;
        let format = self.format.as_ref()?;
        let source = match input {
            Some(input) => Some(frame::read(input, format.input)?),
            None => None,
        };
        let input = source
            .as_ref()
            .map_or(Input::InPlace, |from| Input::Turned(from, self.orientation));
        let everything;
        let hidden = match &self.hidden {
            Some(_) if self.is_unsure => {
                everything = Hidden::new(&[whole_picture()], format.output, &format.matrix);
                Some(&everything)
            }
            hidden => hidden.as_ref(),
        };
        let drawing = Drawing {
            hidden,
            patches: [self.image.as_ref(), self.text.as_ref()],
            clock: self.clock.as_ref(),
        };
        let output = frame::write(output, format.output)?;
        let pool = self.settings.pool.as_deref();
        porthole_painter::paint(self.isa, input, &drawing, output, pool)
    }
}

fn text_warning(problem: &str) -> String {
    format!("The property text is shown as it is where it is not understood: {problem}")
}

fn masks_warning(Problem { property, why }: &Problem) -> String {
    format!(
        "The property {property} is not understood, so that the whole picture is covered until it is: {why}"
    )
}

/// A mask over all of the picture.
fn whole_picture() -> Mask {
    Mask {
        corners: vec![(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)],
        cover: Cover::Fill([0; 3]),
    }
}

/// The text at its place, none if there is nothing to see.
fn place_text(bitmap: &Bitmap, settings: &Settings, format: &Format) -> Option<Patch> {
    let Shape { width, height, .. } = format.output;
    let size = (bitmap.width, bitmap.height);
    let margin = settings.margin_pixels(height);
    let at = settings.position.corner(size, margin, (width, height));
    let visible = bitmap.width > 0 && bitmap.height > 0;
    visible.then(|| Patch::new(bitmap, at, format.output, &format.matrix))
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
