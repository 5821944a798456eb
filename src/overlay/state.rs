// SPDX-License-Identifier: MPL-2.0
//! What the element knows between start and stop, and how a frame is drawn from it.

use std::sync::Arc;

use gst_video::VideoInfo;
use jiff::Zoned;

use super::blend::{Canvas, Matrix};
use super::learned::Learned;
use super::orient::Orientation;
use super::rate::Rate;
use super::settings::Settings;
use super::template::{Template, Values};
use super::text::Rasteriser;
use super::{painter, picture};

/// What was negotiated.
pub(crate) struct Format {
    pub(crate) input: VideoInfo,
    output: VideoInfo,
    matrix: Matrix,
}

impl Format {
    pub(crate) fn new(input: &VideoInfo, output: &VideoInfo) -> Self {
        Self {
            input: input.clone(),
            output: output.clone(),
            matrix: picture::matrix(output),
        }
    }

    /// `wanted`, if it leads from one size to the other; else (it changed while caps were being negotiated) one that does,
    /// until the next frame negotiates again.
    pub(crate) fn fit(&self, wanted: Orientation) -> Orientation {
        let input = (self.input.width(), self.input.height());
        let output = (self.output.width(), self.output.height());
        match wanted.transposes() {
            true if input != (output.1, output.0) => Orientation::Identity,
            false if input != output => Orientation::Right90,
            _ => wanted,
        }
    }

    /// Frames a second, 0 if that varies.
    fn fps(&self) -> f64 {
        let fps = self.output.fps();
        f64::from(fps.numer()) / f64::from(fps.denom().max(1))
    }
}

/// What lives from start to stop; changed by the streaming thread only.
pub(crate) struct State {
    pub(crate) format: Option<Format>,
    pub(crate) orientation: Orientation,
    pub(crate) rate: Rate,
    /// The settings that `template` was made from.
    settings: Option<Arc<Settings>>,
    template: Template,
    rasteriser: Rasteriser,
    /// The text of the current frame; kept for its allocation.
    text: String,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            format: None,
            orientation: Orientation::default(),
            rate: Rate::default(),
            settings: None,
            template: Template::default(),
            rasteriser: Rasteriser::new(),
            text: String::new(),
        }
    }

    /// Takes the settings for the next frame; says what is wrong with a text that is new.
    pub(crate) fn take_settings(&mut self, settings: Arc<Settings>, now: &Zoned) -> Option<String> {
        let old = self.settings.replace(settings.clone());
        if old.is_some_and(|old| old.text == settings.text) {
            return None;
        }
        self.template = Template::new(settings.text.as_deref().unwrap_or(""), now);
        self.template.problem().map(str::to_owned)
    }

    /// Draws everything that was asked for; `None` before negotiation.
    pub(crate) fn draw(
        &mut self,
        canvas: &mut Canvas<'_>,
        learned: &Learned,
        now: &Zoned,
    ) -> Option<()> {
        let (settings, format) = (self.settings.as_ref()?, self.format.as_ref()?);
        let negotiated = format.fps();
        let values = Values {
            camera: learned.camera(),
            viewers: learned.viewers,
            fps: if negotiated > 0.0 {
                negotiated
            } else {
                self.rate.fps()
            },
            size: (format.output.width(), format.output.height()),
        };
        self.template.expand(now, &values, &mut self.text);
        painter::draw_text(
            &mut self.rasteriser,
            canvas,
            &self.text,
            &settings.style(),
            &format.matrix,
        );
        if settings.latency_clock {
            // The clock counts modulo 2^32.
            painter::draw_clock(canvas, now.timestamp().as_millisecond() as u32);
        }
        Some(())
    }
}
