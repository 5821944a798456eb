// SPDX-License-Identifier: MPL-2.0
//! Puts glyph images together: first how much of each pixel they cover, then the colours.

use std::ops::Range;

use crate::Bitmap;

/// Premultiplied colour, `[r, g, b, a]`.
pub(crate) type Pixel = [u8; 4];

/// How much of each pixel is covered by text, 255 is all of it. It is summed up before it is coloured: letters that touch,
/// as in Arabic, would otherwise show a seam where the colour is translucent.
#[derive(Debug, Default)]
pub(crate) struct Coverage {
    width: usize,
    height: usize,
    data: Vec<u8>,
}

impl Coverage {
    /// Nothing is covered in this many pixels.
    pub(crate) fn reset(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.data.clear();
        self.data.resize(width * height, 0);
    }

    /// Adds the glyph `image`, one byte a pixel, `columns` wide; what is outside is cut.
    pub(crate) fn add(&mut self, (left, top): (i32, i32), columns: usize, image: &[u8]) {
        if columns == 0 {
            return;
        }
        let (Some(across), Some(down)) = (
            overlap(left, columns, self.width),
            overlap(top, image.len() / columns, self.height),
        ) else {
            return;
        };
        let rows = image.chunks_exact(columns).skip(down.skip);
        let drawn = self.data.chunks_exact_mut(self.width);
        let drawn = drawn.skip(down.to.start).take(down.to.len());
        for (drawn, row) in drawn.zip(rows) {
            let drawn = &mut drawn[across.to.clone()];
            for (drawn, coverage) in drawn.iter_mut().zip(&row[across.skip..]) {
                *drawn = drawn.saturating_add(*coverage);
            }
        }
    }

    /// Makes `bitmap` the text in `color` on a ground of `background`, both `0xAARRGGBB`.
    pub(crate) fn paint(&self, color: u32, background: u32, bitmap: &mut Bitmap) {
        let ground = premultiplied(background);
        let colors: [Pixel; 256] = std::array::from_fn(|coverage| {
            over(faded(premultiplied(color), coverage as u32), ground)
        });
        (bitmap.width, bitmap.height) = (self.width, self.height);
        bitmap.pixels.clear();
        let pixels = self.data.iter().map(|coverage| colors[*coverage as usize]);
        bitmap.pixels.extend(pixels);
    }
}

/// Lays the glyph `image` of a colour font, four bytes a pixel (`r, g, b, a`), over `bitmap`; what is outside is cut.
pub(crate) fn lay(
    bitmap: &mut Bitmap,
    (left, top): (i32, i32),
    columns: usize,
    image: &[u8],
    is_premultiplied: bool,
    alpha: u8,
) {
    if columns == 0 {
        return;
    }
    let (Some(across), Some(down)) = (
        overlap(left, columns, bitmap.width),
        overlap(top, image.len() / (4 * columns), bitmap.height),
    ) else {
        return;
    };
    let rows = image.chunks_exact(4 * columns).skip(down.skip);
    let drawn = bitmap.pixels.chunks_exact_mut(bitmap.width);
    let drawn = drawn.skip(down.to.start).take(down.to.len());
    for (drawn, row) in drawn.zip(rows) {
        let drawn = &mut drawn[across.to.clone()];
        for (drawn, pixel) in drawn.iter_mut().zip(row.chunks_exact(4).skip(across.skip)) {
            let [r, g, b, a] = [pixel[0], pixel[1], pixel[2], pixel[3]];
            let pixel = if is_premultiplied {
                // A font's rounding must not make a colour brighter than its opacity allows.
                [r.min(a), g.min(a), b.min(a), a]
            } else {
                premultiplied(u32::from_be_bytes([a, r, g, b]))
            };
            *drawn = over(faded(pixel, u32::from(alpha)), *drawn);
        }
    }
}

/// Which part of an image is inside the picture, along one axis.
struct Overlap {
    /// Pixels of the image that are cut off before the picture begins.
    skip: usize,
    to: Range<usize>,
}

fn overlap(start: i32, length: usize, available: usize) -> Option<Overlap> {
    let start = i64::from(start);
    let end = (start + length as i64).min(available as i64);
    let from = start.max(0);
    (from < end).then(|| Overlap {
        skip: (from - start) as usize,
        to: from as usize..end as usize,
    })
}

fn premultiplied(argb: u32) -> Pixel {
    let [a, r, g, b] = argb.to_be_bytes();
    faded([r, g, b, 255], u32::from(a))
}

/// `pixel` with `share` of 255 of its opacity.
fn faded(pixel: Pixel, share: u32) -> Pixel {
    pixel.map(|component| ((u32::from(component) * share + 127) / 255) as u8)
}

fn over(top: Pixel, below: Pixel) -> Pixel {
    let below = faded(below, 255 - u32::from(top[3]));
    std::array::from_fn(|i| top[i] + below[i])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn painted(coverage: &Coverage, color: u32, background: u32) -> Bitmap {
        let mut bitmap = Bitmap::default();
        coverage.paint(color, background, &mut bitmap);
        bitmap
    }

    #[test]
    fn coverage_mixes_text_and_ground() {
        let mut coverage = Coverage::default();
        coverage.reset(3, 1);
        coverage.add((0, 0), 3, &[0, 128, 255]);
        let bitmap = painted(&coverage, 0xff00_00ff, 0x80ff_0000);
        assert_eq!((bitmap.width, bitmap.height), (3, 1));
        assert_eq!(bitmap.pixels[0], [128, 0, 0, 128]);
        assert_eq!(bitmap.pixels[1], [64, 0, 128, 192]);
        assert_eq!(bitmap.pixels[2], [0, 0, 255, 255]);
    }

    #[test]
    fn overlapping_letters_show_no_seam() {
        let mut coverage = Coverage::default();
        coverage.reset(1, 1);
        coverage.add((0, 0), 1, &[255]);
        coverage.add((0, 0), 1, &[255]);
        assert_eq!(painted(&coverage, 0x80ff_ffff, 0).pixels[0], [128; 4]);
    }

    #[test]
    fn what_sticks_out_of_the_picture_is_cut() {
        let image: Vec<u8> = (1..=9).collect();
        for left in -5..5 {
            for top in -5..5 {
                let mut coverage = Coverage::default();
                coverage.reset(2, 2);
                coverage.add((left, top), 3, &image);
                for (i, drawn) in coverage.data.iter().enumerate() {
                    let (x, y) = ((i % 2) as i32 - left, (i / 2) as i32 - top);
                    let inside = (0..3).contains(&x) && (0..3).contains(&y);
                    let expected = if inside { y * 3 + x + 1 } else { 0 };
                    assert_eq!(i32::from(*drawn), expected, "{left} {top} {i}");
                }
            }
        }
    }

    #[test]
    fn a_colour_glyph_keeps_its_colours_and_fades_with_the_text() {
        let ground = Bitmap {
            width: 2,
            height: 1,
            pixels: vec![[0, 0, 0, 0]; 2],
        };
        let image = [255, 128, 0, 255, 200, 0, 0, 128];
        let laid = |is_premultiplied, alpha| {
            let mut bitmap = ground.clone();
            lay(&mut bitmap, (0, 0), 2, &image, is_premultiplied, alpha);
            bitmap.pixels
        };
        assert_eq!(laid(false, 255), [[255, 128, 0, 255], [100, 0, 0, 128]]);
        assert_eq!(laid(true, 255), [[255, 128, 0, 255], [128, 0, 0, 128]]);
        assert_eq!(laid(false, 128)[0], [128, 64, 0, 128]);
    }

    #[test]
    fn no_component_ever_exceeds_the_opacity() {
        for alphas in 0..=0xffff_u32 {
            let (top, below) = (alphas >> 8, alphas & 0xff);
            let pixel = over(
                premultiplied(top << 24 | 0xff_80_01),
                premultiplied(below << 24 | 0x01_ff_80),
            );
            assert!(pixel.iter().all(|component| *component <= pixel[3]));
        }
    }
}
