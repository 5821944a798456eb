// SPDX-License-Identifier: MPL-2.0
//! Puts a text in its box and the clock in its corner, on a picture that is already the right way up.

use super::blend::{Canvas, Mask, Matrix, Rect};
use super::clock;
use super::text::{Align, Look, Rasteriser};

/// How the text is set; lengths are fractions of the picture's height, colours `0xAARRGGBB`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Style {
    pub(crate) font_size: f64,
    pub(crate) margin: f64,
    pub(crate) color: u32,
    pub(crate) background: u32,
    /// Column and row of the nine places; `Left` and `Right` mean top and bottom for the row.
    pub(crate) anchor: (Align, Align),
}

/// Draws `text` and, behind it, its box. Nothing is drawn for a blank text.
pub(crate) fn draw_text(
    rasteriser: &mut Rasteriser,
    canvas: &mut Canvas<'_>,
    text: &str,
    style: &Style,
    matrix: &Matrix,
) {
    let (width, height) = (canvas.width(), canvas.height());
    let size = (style.font_size * height as f64).max(1.0);
    let look = Look {
        size: size as f32,
        align: style.anchor.0,
        limit: (width, height),
    };
    let mask = rasteriser.mask(text, look);
    if mask.width == 0 || mask.height == 0 {
        return;
    }
    let padding = even(size / 4.0);
    let margin = even(style.margin * height as f64);
    let area = place(mask, padding, margin, style.anchor, (width, height));
    canvas.fill(area, matrix.ink(style.background));
    canvas.stamp(
        mask,
        area.x + padding,
        area.y + padding,
        matrix.ink(style.color),
    );
}

/// Draws the latency clock, if the picture is large enough for it.
pub(crate) fn draw_clock(canvas: &mut Canvas<'_>, ms: u32) {
    let Some(geometry) = clock::geometry(canvas.width(), canvas.height()) else {
        return;
    };
    for (i, white) in clock::encode(ms).into_iter().enumerate() {
        let area = Rect {
            x: i * geometry.side,
            y: geometry.top,
            width: geometry.side,
            height: geometry.side,
        };
        canvas.fill(area, if white { clock::WHITE } else { clock::BLACK });
    }
}

/// The box of a text. It starts on an even pixel, so that chroma samples belong to it or not.
fn place(
    mask: &Mask,
    padding: usize,
    margin: usize,
    anchor: (Align, Align),
    picture: (usize, usize),
) -> Rect {
    let along = |align, length: usize, available: usize| match align {
        Align::Left => margin,
        Align::Centre => (available.saturating_sub(length) / 2) & !1,
        Align::Right => available.saturating_sub(length + margin) & !1,
    };
    let width = (mask.width + 2 * padding).next_multiple_of(2);
    let height = (mask.height + 2 * padding).next_multiple_of(2);
    Rect {
        x: along(anchor.0, width, picture.0),
        y: along(anchor.1, height, picture.1),
        width,
        height,
    }
}

fn even(length: f64) -> usize {
    length.round() as usize & !1
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIGNS: [Align; 3] = [Align::Left, Align::Centre, Align::Right];

    #[test]
    fn every_anchor_keeps_the_box_inside_the_picture_and_even() {
        let mask = Mask {
            width: 31,
            height: 13,
            data: Vec::new(),
        };
        for x in ALIGNS {
            for y in ALIGNS {
                let area = place(&mask, 4, 6, (x, y), (321, 241));
                assert!(area.x + area.width <= 321 && area.y + area.height <= 241);
                assert!(area.x.is_multiple_of(2) && area.y.is_multiple_of(2));
            }
        }
    }

    #[test]
    fn the_margin_is_kept_at_both_ends() {
        let mask = Mask {
            width: 30,
            height: 12,
            data: Vec::new(),
        };
        let first = place(&mask, 4, 6, (Align::Left, Align::Left), (320, 240));
        assert_eq!((first.x, first.y), (6, 6));
        let last = place(&mask, 4, 6, (Align::Right, Align::Right), (320, 240));
        assert_eq!(320 - last.x - last.width, 6);
        assert_eq!(240 - last.y - last.height, 6);
    }

    #[test]
    fn a_box_larger_than_the_picture_starts_at_its_edge() {
        let mask = Mask {
            width: 400,
            height: 400,
            data: Vec::new(),
        };
        let area = place(&mask, 4, 0, (Align::Right, Align::Centre), (320, 240));
        assert_eq!((area.x, area.y), (0, 0));
    }
}
