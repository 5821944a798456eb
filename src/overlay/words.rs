// SPDX-License-Identifier: MPL-2.0
//! The text of a frame, from what the user wrote to a bitmap; made only when it has changed.

use jiff::Timestamp;
use porthole_painter::template::Values;
use porthole_painter::{Bitmap, Expander, Look, Rasteriser, Shape};

use super::learned::Learned;
use super::settings::Settings;

/// The box reaches over the text by this part of the font size.
const PADDING: f64 = 0.25;

pub(crate) struct Words {
    expander: Expander,
    rasteriser: Rasteriser,
    /// Whether the user has been warned of a broken font.
    font_warned: bool,
    /// Whether the bitmap is new to its user although the text and its look are what they were.
    stale: bool,
}

impl Words {
    pub(crate) fn new(settings: &Settings, now: Timestamp) -> Self {
        Self {
            expander: expander(settings, now),
            rasteriser: Rasteriser::with_font(settings.font.value.clone()),
            font_warned: false,
            stale: true,
        }
    }

    /// What is wrong with the text, if anything.
    pub(crate) fn problem(&self) -> Option<&str> {
        self.expander.problem()
    }

    /// The place of the text has changed.
    pub(crate) fn forget(&mut self) {
        self.stale = true;
    }

    /// Takes over what has changed; says what is wrong with a text that is new.
    pub(crate) fn take_settings(
        &mut self,
        old: &Settings,
        new: &Settings,
        now: Timestamp,
    ) -> Option<String> {
        // Only what is quick to compare: the rasteriser compares the rest.
        self.stale = true;
        if old.font.text() != new.font.text() {
            self.rasteriser = Rasteriser::with_font(new.font.value.clone());
            self.font_warned = false;
        }
        if old.text == new.text && old.zone.text() == new.zone.text() {
            return None;
        }
        self.expander = expander(new, now);
        self.problem().map(str::to_owned)
    }

    /// Whether the font has turned out to be broken since the last call; the built-in one is used instead.
    pub(crate) fn broken_font(&mut self) -> bool {
        let broken = self.rasteriser.has_broken_font();
        broken && !std::mem::replace(&mut self.font_warned, true)
    }

    /// The bitmap for a frame of this shape, if it is not that of the last frame.
    pub(crate) fn update(
        &mut self,
        settings: &Settings,
        learned: &Learned,
        now: Timestamp,
        fps: f64,
        shape: Shape,
    ) -> Option<&Bitmap> {
        let values = Values {
            camera: learned.camera(),
            viewers: learned.viewers,
            fps,
            size: (shape.width as u32, shape.height as u32),
        };
        let size = settings.font_pixels(shape.height);
        let margin = settings.margin_pixels(shape.height);
        let look = Look {
            size: size as f32,
            align: settings.position.column(),
            color: settings.color,
            background: settings.background,
            padding: (size * PADDING).round() as usize & !1,
            limit: (
                shape.width.saturating_sub(2 * margin),
                shape.height.saturating_sub(2 * margin),
            ),
        };
        let text = self.expander.expand(now, &values);
        let (bitmap, changed) = self.rasteriser.bitmap(text, &look);
        (std::mem::take(&mut self.stale) || changed).then_some(bitmap)
    }
}

fn expander(settings: &Settings, now: Timestamp) -> Expander {
    let text = settings.text.as_deref().unwrap_or("");
    Expander::new(text, settings.zone.value.clone(), now)
}
