// SPDX-License-Identifier: MPL-2.0
//! Turns a text into a bitmap of its glyphs on their box, and keeps the last one.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use cosmic_text::{Buffer, Metrics, Shaping, SwashCache, SwashContent, SwashImage, Wrap};
use swash::scale::Source;

use super::compose::{self, Coverage};
use super::font::{FontChoice, Fonts};
use super::system;
use crate::Bitmap;

/// Distance of two lines, as a multiple of the font size.
const LINE_HEIGHT: f32 = 1.25;

/// A larger font size is taken for this one: a single letter then fills most pictures, and its image takes a megabyte.
const MAX_SIZE: f32 = 1024.0;

/// Glyph images kept between texts. A clock needs a few dozen; the limit keeps a text that never repeats from growing the
/// cache for ever.
const MAX_GLYPHS: usize = 1024;

/// What the kept glyph images may take, so that a thousand large ones do not fill the memory of a small machine.
const MAX_GLYPH_BYTES: usize = 8 << 20;

/// Where shorter lines go in a text of several lines, whatever the direction of their script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Align {
    /// All lines begin at the left edge.
    #[default]
    Left,
    /// The middles of all lines are above each other.
    Centre,
    /// All lines end at the right edge.
    Right,
}

impl Align {
    fn shift(self, free: f32) -> f32 {
        match self {
            Self::Left => 0.0,
            Self::Centre => free / 2.0,
            Self::Right => free,
        }
    }
}

/// How a text is to look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Font size in pixels, 1 to 1024.
    pub size: f32,
    /// Where short lines go.
    pub align: Align,
    /// Colour of the text, `0xAARRGGBB`. Glyphs that have colours of their own take only its opacity.
    pub color: u32,
    /// Colour of the box, `0xAARRGGBB`; 0 is no box.
    pub background: u32,
    /// Pixels of the box on each side of the text; fewer if the limit leaves no room.
    pub padding: usize,
    /// Width and height in pixels that the bitmap, with its padding, never exceeds. Lines that are too long are wrapped,
    /// lines that are too many are cut.
    pub limit: (usize, usize),
}

impl Default for Look {
    /// White, 32 pixels high, no box, room for a line on any picture.
    fn default() -> Self {
        Self {
            size: 32.0,
            align: Align::Left,
            color: 0xffff_ffff,
            background: 0,
            padding: 0,
            limit: (1920, 1080),
        }
    }
}

/// Draws text; shapes and rasterises only when the text, its look or its fonts have changed.
pub struct Rasteriser {
    fonts: Fonts,
    glyphs: SwashCache,
    /// Kept for its allocations.
    buffer: Buffer,
    coverage: Coverage,
    bitmap: Bitmap,
    /// What `bitmap` shows; `None` before the first text and after a change of the font.
    shown: Option<(String, Look)>,
    /// While characters lack a font: the count of finished searches that `bitmap` has seen.
    waiting: Option<usize>,
    /// Set when a font made the libraries panic: only the built-in one is used from then on.
    is_broken: bool,
    #[cfg(test)]
    rendered: usize,
}

impl Default for Rasteriser {
    fn default() -> Self {
        Self::new()
    }
}

impl Rasteriser {
    /// Draws with the built-in font.
    pub fn new() -> Self {
        Self::with_font(FontChoice::default())
    }

    /// Draws with this font, and with the built-in one what this lacks.
    pub fn with_font(font: FontChoice) -> Self {
        Self {
            fonts: Fonts::new(&font),
            glyphs: SwashCache::new(),
            buffer: Buffer::new_empty(Metrics::new(1.0, 1.0)),
            coverage: Coverage::default(),
            bitmap: Bitmap::default(),
            shown: None,
            waiting: None,
            is_broken: false,
            #[cfg(test)]
            rendered: 0,
        }
    }

    /// The bitmap of `text` on its box, empty if there is nothing to see, and whether it may differ from that of the last
    /// call.
    ///
    /// Characters that neither the chosen nor the built-in font has are looked for in the system's fonts, in the
    /// background; they appear in a later call with the same text, unless [`FontChoice::prepare`] has found them before.
    pub fn bitmap(&mut self, text: &str, look: &Look) -> (&Bitmap, bool) {
        let is_same = matches!(&self.shown, Some((shown, with)) if shown == text && with == look);
        let may_complete = self.waiting.is_some_and(|seen| seen != system::finished());
        if is_same && !may_complete {
            return (&self.bitmap, false);
        }
        self.remember(text, look);
        let drawn = catch_unwind(AssertUnwindSafe(|| self.render_unguarded(text, look)));
        if drawn.is_err() {
            self.recover(text, look);
        }
        (&self.bitmap, true)
    }

    /// Whether the chosen font has turned out to be broken, so that text is drawn with the built-in one from then on.
    pub fn has_broken_font(&self) -> bool {
        self.is_broken
    }

    fn remember(&mut self, text: &str, look: &Look) {
        let (shown, with) = self.shown.get_or_insert_default();
        text.clone_into(shown);
        *with = *look;
    }

    /// Draws again with the built-in font alone, after a broken font has made the libraries panic.
    fn recover(&mut self, text: &str, look: &Look) {
        let shown = self.shown.take();
        *self = Self {
            is_broken: true,
            shown,
            ..Self::new()
        };
        if catch_unwind(AssertUnwindSafe(|| self.render_unguarded(text, look))).is_err() {
            self.bitmap = Bitmap::default();
        }
    }

    /// Draws `text`; a broken font may make it panic.
    pub(crate) fn render_unguarded(&mut self, text: &str, look: &Look) {
        #[cfg(test)]
        {
            self.rendered += 1;
        }
        self.waiting = None;
        self.coverage.reset(0, 0);
        let (width, height) = look.limit;
        if text.trim().is_empty() || width == 0 || height == 0 {
            self.coverage.paint(0, 0, &mut self.bitmap);
            return;
        }
        self.complete_fonts(text);
        self.forget_glyphs(look);
        self.draw(text, look);
    }

    fn complete_fonts(&mut self, text: &str) {
        if self.is_broken {
            return;
        }
        let seen = system::finished();
        let mut lacking = self.fonts.lacking(text);
        if !lacking.is_empty() && self.fonts.take_found() {
            lacking = self.fonts.lacking(text);
        }
        if !lacking.is_empty() && !system::has_searched(lacking.iter().copied()) {
            self.waiting = Some(seen);
            system::search_in_background(text, lacking);
        }
    }

    fn forget_glyphs(&mut self, look: &Look) {
        let side = font_size(look) as usize;
        let limit = (MAX_GLYPH_BYTES / (side * side)).clamp(64, MAX_GLYPHS);
        if self.glyphs.image_cache.len() > limit {
            self.glyphs.image_cache.clear();
        }
    }

    fn draw(&mut self, text: &str, look: &Look) {
        let padding = (
            look.padding.min((look.limit.0 - 1) / 2),
            look.padding.min((look.limit.1 - 1) / 2),
        );
        let room = (look.limit.0 - 2 * padding.0, look.limit.1 - 2 * padding.1);
        let (width, height) = self.lay_out(text, look, room);
        if width == 0 || height == 0 {
            self.coverage.paint(0, 0, &mut self.bitmap);
            return;
        }
        let placed = Placed {
            align: look.align,
            width,
            padding,
        };
        let (width, height) = (width + 2 * padding.0, height + 2 * padding.1);
        self.coverage.reset(width, height);
        let mut has_colors = false;
        let coverage = &mut self.coverage;
        placed.each_glyph(
            &self.buffer,
            &mut self.fonts,
            &mut self.glyphs,
            |at, image| match image.content {
                SwashContent::Mask => {
                    coverage.add(at, image.placement.width as usize, &image.data);
                }
                SwashContent::Color => has_colors = true,
                SwashContent::SubpixelMask => {}
            },
        );
        self.coverage
            .paint(look.color, look.background, &mut self.bitmap);
        if has_colors {
            self.draw_colors(&placed, (look.color >> 24) as u8);
        }
    }

    fn draw_colors(&mut self, placed: &Placed, alpha: u8) {
        let bitmap = &mut self.bitmap;
        placed.each_glyph(
            &self.buffer,
            &mut self.fonts,
            &mut self.glyphs,
            |at, image| {
                if image.content == SwashContent::Color {
                    let columns = image.placement.width as usize;
                    // Layers of outlines come mixed with their opacity, bitmaps as they are in the font.
                    let is_premultiplied = matches!(image.source, Source::ColorOutline(_));
                    compose::lay(bitmap, at, columns, &image.data, is_premultiplied, alpha);
                }
            },
        );
    }

    /// Lays `text` out in `room`; the width and height that it takes there.
    fn lay_out(&mut self, text: &str, look: &Look, room: (usize, usize)) -> (usize, usize) {
        let size = font_size(look);
        let buffer = &mut self.buffer;
        // Lines that begin on whole pixels are as sharp as each other, and share their glyph images.
        buffer.set_metrics(Metrics::new(size, (size * LINE_HEIGHT).round()));
        buffer.set_size(Some(room.0 as f32), Some(room.1 as f32));
        buffer.set_wrap(Wrap::WordOrGlyph);
        // All lines are aligned to the left here, also from right to left; `Placed` moves them.
        let align = Some(cosmic_text::Align::Left);
        buffer.set_text(
            &with_new_lines(text),
            &self.fonts.attrs,
            Shaping::Advanced,
            align,
        );
        buffer.shape_until_scroll(&mut self.fonts.system, false);
        let (width, height) = buffer.layout_runs().fold((0.0_f32, 0.0), |(w, _), run| {
            (w.max(run.line_w), run.line_top + run.line_height)
        });
        (
            (width.ceil() as usize).min(room.0),
            (height.ceil() as usize).min(room.1),
        )
    }
}

/// The text with `\n` for everything that ends a line or a paragraph. The layout only knows some of them, and panics on
/// directions that differ on both sides of the others.
pub(crate) fn with_new_lines(text: &str) -> Cow<'_, str> {
    let ends_line = |c| {
        matches!(
            c,
            '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        )
    };
    if text.contains(ends_line) {
        text.replace("\r\n", "\n").replace(ends_line, "\n").into()
    } else {
        text.into()
    }
}

fn font_size(look: &Look) -> f32 {
    if look.size.is_nan() {
        return 1.0;
    }
    look.size.clamp(1.0, MAX_SIZE)
}

/// Where a layout is in the bitmap.
struct Placed {
    align: Align,
    /// Width of the text without its padding.
    width: usize,
    padding: (usize, usize),
}

impl Placed {
    /// Calls `draw` with the upper left corner and the image of each glyph.
    fn each_glyph(
        &self,
        buffer: &Buffer,
        fonts: &mut Fonts,
        glyphs: &mut SwashCache,
        mut draw: impl FnMut((i32, i32), &SwashImage),
    ) {
        for run in buffer.layout_runs() {
            let shift = self.align.shift(self.width as f32 - run.line_w).max(0.0);
            let origin = (
                shift + self.padding.0 as f32,
                run.line_y.round() + self.padding.1 as f32,
            );
            for glyph in run.glyphs {
                let glyph = glyph.physical(origin, 1.0);
                if let Some(image) = glyphs.get_image(&mut fonts.system, glyph.cache_key) {
                    let left = glyph.x.saturating_add(image.placement.left);
                    let top = glyph.y.saturating_sub(image.placement.top);
                    draw((left, top), image);
                }
            }
        }
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
