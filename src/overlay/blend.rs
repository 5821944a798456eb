// SPDX-License-Identifier: MPL-2.0
//! Drawing on a picture with one luma plane and chroma at half the width and height.

use super::orient::PlaneMut;

/// A colour with 8 bits of each component and of opacity (0 to 255).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ink {
    pub(crate) y: u8,
    pub(crate) u: u8,
    pub(crate) v: u8,
    pub(crate) alpha: u8,
}

/// How the picture's luma and chroma are made from red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Matrix {
    /// Weight of red in luma, between 0 and 1.
    pub(crate) kr: f64,
    /// Weight of blue in luma, between 0 and 1.
    pub(crate) kb: f64,
    /// Whether components use 0 to 255 instead of 16 to 235 (luma) and 16 to 240 (chroma).
    pub(crate) full_range: bool,
}

impl Matrix {
    /// Converts a colour given as `0xAARRGGBB`.
    pub(crate) fn ink(&self, argb: u32) -> Ink {
        let [alpha, r, g, b] = argb.to_be_bytes();
        let [r, g, b] = [r, g, b].map(|c| f64::from(c) / 255.0);
        let luma = self.kr * r + (1.0 - self.kr - self.kb) * g + self.kb * b;
        let u = (b - luma) / (2.0 * (1.0 - self.kb));
        let v = (r - luma) / (2.0 * (1.0 - self.kr));
        let (black, luma_span, chroma_span) = if self.full_range {
            (0.0, 255.0, 255.0)
        } else {
            (16.0, 219.0, 224.0)
        };
        Ink {
            y: (black + luma_span * luma).round() as u8,
            u: (128.0 + chroma_span * u).round() as u8,
            v: (128.0 + chroma_span * v).round() as u8,
            alpha,
        }
    }
}

/// A rectangle in luma pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rect {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// Coverage of a shape, one byte a pixel, 0 (not covered) to 255, rows without padding.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mask {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) data: Vec<u8>,
}

impl Mask {
    /// Coverage of the four luma pixels of a chroma sample, counted from the mask's corner.
    fn quad(&self, column: usize, row: usize) -> u32 {
        let sum: u32 = (row * 2..(row * 2 + 2).min(self.height))
            .map(|y| {
                let line = &self.data[y * self.width..(y + 1) * self.width];
                let pair = column * 2..(column * 2 + 2).min(self.width);
                line[pair].iter().map(|c| u32::from(*c)).sum::<u32>()
            })
            .sum();
        sum / 4
    }
}

/// The chroma planes of I420, or the one of NV12.
pub(crate) enum Chroma<'a> {
    Planar(PlaneMut<'a>, PlaneMut<'a>),
    Interleaved(PlaneMut<'a>),
}

/// A picture to draw on.
pub(crate) struct Canvas<'a> {
    pub(crate) luma: PlaneMut<'a>,
    pub(crate) chroma: Chroma<'a>,
}

impl Canvas<'_> {
    /// Width in luma pixels.
    pub(crate) fn width(&self) -> usize {
        self.luma.width
    }

    /// Height in luma pixels.
    pub(crate) fn height(&self) -> usize {
        self.luma.height
    }

    /// Fills a rectangle, cut at the picture's edges; its corner should be even, since chroma is filled in whole samples.
    pub(crate) fn fill(&mut self, rect: Rect, ink: Ink) {
        if ink.alpha == 0 {
            return;
        }
        let alpha = u32::from(ink.alpha);
        let right = (rect.x + rect.width).min(self.width());
        let bottom = (rect.y + rect.height).min(self.height());
        if rect.x >= right || rect.y >= bottom {
            return;
        }
        for y in rect.y..bottom {
            for [d] in &mut self.luma.row::<1>(y)[rect.x..right] {
                *d = mix(*d, ink.y, alpha);
            }
        }
        for y in rect.y / 2..bottom.div_ceil(2) {
            let columns = rect.x / 2..right.div_ceil(2);
            self.chroma.row(y, columns, ink, |_| alpha);
        }
    }

    /// Draws a shape with its upper left corner at (x, y), both even, cut at the picture's edges.
    pub(crate) fn stamp(&mut self, mask: &Mask, x: usize, y: usize, ink: Ink) {
        debug_assert!(x.is_multiple_of(2) && y.is_multiple_of(2));
        let alpha = u32::from(ink.alpha);
        let right = (x + mask.width).min(self.width());
        let bottom = (y + mask.height).min(self.height());
        if alpha == 0 || x >= right || y >= bottom {
            return;
        }
        for (line, row) in mask.data.chunks_exact(mask.width).zip(y..bottom) {
            let pixels = &mut self.luma.row::<1>(row)[x..right];
            for ([d], coverage) in pixels.iter_mut().zip(line) {
                *d = mix(*d, ink.y, scale(alpha, u32::from(*coverage)));
            }
        }
        for (row, y) in (y / 2..bottom.div_ceil(2)).enumerate() {
            let columns = x / 2..right.div_ceil(2);
            self.chroma.row(y, columns, ink, |column| {
                scale(alpha, mask.quad(column, row))
            });
        }
    }
}

impl Chroma<'_> {
    /// Blends `ink` into samples of one row; `alpha` gives the opacity of a sample counted from the first of `columns`.
    fn row(
        &mut self,
        y: usize,
        columns: std::ops::Range<usize>,
        ink: Ink,
        alpha: impl Fn(usize) -> u32,
    ) {
        match self {
            Self::Planar(u, v) => {
                let us = &mut u.row::<1>(y)[columns.clone()];
                let vs = &mut v.row::<1>(y)[columns];
                for (i, ([u], [v])) in us.iter_mut().zip(vs).enumerate() {
                    let alpha = alpha(i);
                    *u = mix(*u, ink.u, alpha);
                    *v = mix(*v, ink.v, alpha);
                }
            }
            Self::Interleaved(uv) => {
                for (i, [u, v]) in uv.row::<2>(y)[columns].iter_mut().enumerate() {
                    let alpha = alpha(i);
                    *u = mix(*u, ink.u, alpha);
                    *v = mix(*v, ink.v, alpha);
                }
            }
        }
    }
}

/// The product of two opacities of 0 to 255, rounded.
fn scale(a: u32, b: u32) -> u32 {
    (a * b + 127) / 255
}

/// `over` laid on `under` with an opacity of 0 to 255, rounded.
fn mix(under: u8, over: u8, alpha: u32) -> u8 {
    ((u32::from(under) * (255 - alpha) + u32::from(over) * alpha + 127) / 255) as u8
}

#[cfg(test)]
#[path = "blend_tests.rs"]
mod tests;
