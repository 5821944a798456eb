// SPDX-License-Identifier: MPL-2.0
//! Turns a text into the coverage mask of its glyphs, and keeps the last one.

use cosmic_text::{Attrs, Buffer, Family, Metrics, Shaping, SwashCache, SwashContent, Wrap};

use super::blend::Mask;
use super::font::{FAMILY, Fonts};

/// Distance of two lines, as a multiple of the font size.
const LINE_HEIGHT: f32 = 1.25;

/// Glyph images kept between texts. A clock needs a dozen; the limit keeps a text that never repeats from growing the cache
/// for ever.
const MAX_GLYPHS: usize = 1024;

/// Where shorter lines go in a text of several lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Align {
    #[default]
    Left,
    Centre,
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
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Look {
    /// Font size in pixels, at least 1.
    pub(crate) size: f32,
    pub(crate) align: Align,
    /// Width and height in pixels that the mask never exceeds.
    pub(crate) limit: (usize, usize),
}

/// Draws text; shapes and rasterises only when the text or its look has changed.
pub(crate) struct Rasteriser {
    fonts: Fonts,
    glyphs: SwashCache,
    text: String,
    look: Look,
    mask: Mask,
    #[cfg(test)]
    pub(crate) rendered: usize,
}

impl Rasteriser {
    pub(crate) fn new() -> Self {
        Self {
            fonts: Fonts::new(),
            glyphs: SwashCache::new(),
            text: String::new(),
            look: Look::default(),
            mask: Mask::default(),
            #[cfg(test)]
            rendered: 0,
        }
    }

    /// The mask of `text`; empty if there is nothing to see.
    pub(crate) fn mask(&mut self, text: &str, look: Look) -> &Mask {
        if self.text != text || self.look != look {
            self.text.clear();
            self.text.push_str(text);
            self.look = look;
            self.render();
        }
        &self.mask
    }

    fn render(&mut self) {
        #[cfg(test)]
        {
            self.rendered += 1;
        }
        self.mask.width = 0;
        self.mask.height = 0;
        self.mask.data.clear();
        if self.text.trim().is_empty() {
            return;
        }
        self.fonts.prepare(&self.text);
        if self.glyphs.image_cache.len() > MAX_GLYPHS {
            self.glyphs.image_cache.clear();
        }
        let buffer = self.layout();
        let (width, height) = buffer
            .layout_runs()
            .fold((0.0_f32, 0.0_f32), |(w, h), run| {
                (w.max(run.line_w), h.max(run.line_top + run.line_height))
            });
        self.mask.width = (width.ceil() as usize).min(self.look.limit.0);
        self.mask.height = (height.ceil() as usize).min(self.look.limit.1);
        self.mask.data.resize(self.mask.width * self.mask.height, 0);
        for run in buffer.layout_runs() {
            let shift = self.look.align.shift(width - run.line_w);
            for glyph in run.glyphs {
                let glyph = glyph.physical((shift, run.line_y), 1.0);
                let image = self
                    .glyphs
                    .get_image(&mut self.fonts.system, glyph.cache_key);
                let Some(image) = image else { continue };
                let bytes = match image.content {
                    SwashContent::Mask => 1,
                    SwashContent::Color | SwashContent::SubpixelMask => 4,
                };
                let left = glyph.x + image.placement.left;
                let top = glyph.y - image.placement.top;
                let columns = image.placement.width as usize;
                // The last byte of a pixel is its opacity.
                let coverage = image.data.iter().skip(bytes - 1).step_by(bytes);
                for (i, coverage) in coverage.enumerate() {
                    let x = left + (i % columns) as i32;
                    let y = top + (i / columns) as i32;
                    self.mask.cover(x, y, *coverage);
                }
            }
        }
    }

    fn layout(&mut self) -> Buffer {
        let metrics = Metrics::relative(self.look.size.max(1.0), LINE_HEIGHT);
        let mut buffer = Buffer::new_empty(metrics);
        buffer.set_wrap(Wrap::None);
        let attrs = Attrs::new().family(Family::Name(FAMILY));
        buffer.set_text(&self.text, &attrs, Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut self.fonts.system, false);
        buffer
    }
}

impl Mask {
    fn cover(&mut self, x: i32, y: i32, coverage: u8) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x < self.width && y < self.height {
            let pixel = &mut self.data[y * self.width + x];
            *pixel = pixel.saturating_add(coverage);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look {
        size: 24.0,
        align: Align::Left,
        limit: (1000, 1000),
    };

    /// The first and the last column of these rows with a covered pixel.
    fn extent(mask: &Mask, rows: std::ops::Range<usize>) -> (usize, usize) {
        let columns: Vec<_> = (0..mask.width)
            .filter(|x| rows.clone().any(|y| mask.data[y * mask.width + x] > 64))
            .collect();
        (columns[0], columns[columns.len() - 1])
    }

    #[test]
    fn a_text_covers_pixels_fully_and_leaves_others_free() {
        let mut rasteriser = Rasteriser::new();
        let mask = rasteriser.mask("Hello", LOOK);
        assert!(mask.width > 40 && mask.width < 90, "{}", mask.width);
        assert_eq!(mask.height, 30);
        assert!(mask.data.contains(&255) && mask.data.contains(&0));
    }

    #[test]
    fn the_same_text_is_not_rendered_again() {
        let mut rasteriser = Rasteriser::new();
        rasteriser.mask("12:00", LOOK);
        rasteriser.mask("12:00", LOOK);
        assert_eq!(rasteriser.rendered, 1);
        rasteriser.mask("12:01", LOOK);
        assert_eq!(rasteriser.rendered, 2);
    }

    #[test]
    fn blank_text_has_an_empty_mask() {
        let mut rasteriser = Rasteriser::new();
        for blank in ["", " ", "\n\n"] {
            assert_eq!(rasteriser.mask(blank, LOOK), &Mask::default());
        }
    }

    #[test]
    fn a_mask_never_exceeds_its_limit() {
        let mut rasteriser = Rasteriser::new();
        let look = Look {
            limit: (31, 9),
            ..LOOK
        };
        let mask = rasteriser.mask("far too long\nfor this", look);
        assert_eq!((mask.width, mask.height, mask.data.len()), (31, 9, 279));
    }

    #[test]
    fn every_line_adds_its_height() {
        let mut rasteriser = Rasteriser::new();
        assert_eq!(rasteriser.mask("a\nb\nc", LOOK).height, 90);
    }

    #[test]
    fn a_short_line_goes_where_it_is_aligned() {
        let mut rasteriser = Rasteriser::new();
        let mut short = |align| {
            let mask = rasteriser.mask("wwwwwwww\nI", Look { align, ..LOOK });
            (extent(mask, 30..60), mask.width)
        };
        let ((left, _), width) = short(Align::Left);
        assert!(left < width / 8);
        let ((left, right), _) = short(Align::Centre);
        assert!(left > width / 3 && right < width * 2 / 3);
        let ((_, right), _) = short(Align::Right);
        assert!(right > width * 7 / 8);
    }
}
