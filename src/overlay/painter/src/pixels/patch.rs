// SPDX-License-Identifier: MPL-2.0
//! A bitmap made ready for the pictures it is laid over: for each byte of each plane, how much of what is there stays and what
//! is added. All conversion is done once; a frame costs one multiplication a byte.

use std::ops::Range;

use crate::pixels::bitmap::Bitmap;
use crate::pixels::colour::{Affine, Matrix, rounded};
use crate::pixels::format::{Component, Format, PlaneShape};
use crate::pixels::picture::{PictureMut, Shape};
use crate::pixels::simd::scalar::KEEP;
use crate::pixels::simd::{self, Isa};

/// Columns of pixels that are made full, so that no row ends with a remainder sample by sample.
const STEP: usize = 64;

/// A bitmap at its place in pictures of one shape.
#[derive(Debug, Default)]
pub struct Patch {
    planes: Vec<PlanePatch>,
}

#[derive(Debug)]
struct PlanePatch {
    plane: usize,
    /// First row, in rows of the plane.
    top: usize,
    /// First byte of the row.
    left: usize,
    /// Bytes of a row.
    bytes: usize,
    /// Of each sample, row by row; see [`simd::scalar::blend`].
    weight: Vec<i16>,
    add: Added,
}

#[derive(Debug)]
enum Added {
    Eight(Vec<u8>),
    Ten { samples: Vec<u16>, shift: u32 },
}

/// The part of the picture that the bitmap covers, in pixels, grown to whole units.
#[derive(Clone, Copy)]
struct Area {
    left: usize,
    top: usize,
    right: usize,
    bottom: usize,
}

impl Patch {
    /// `bitmap` with its upper left corner at pixel `(x, y)`, which may lie outside; what does not lie in the picture is cut.
    pub fn new(bitmap: &Bitmap, (x, y): (i32, i32), shape: Shape, matrix: &Matrix) -> Self {
        let reach = |from: i32, length: usize, limit: usize| {
            let from = i64::from(from);
            let end = from.saturating_add(i64::try_from(length).unwrap_or(i64::MAX));
            let clamp = |v: i64| usize::try_from(v.max(0)).map_or(limit, |v| v.min(limit));
            (clamp(from) & !1, clamp(end).next_multiple_of(2).min(limit))
        };
        let (left, right) = reach(x, bitmap.width, shape.width);
        // Whole steps of the widest instructions, also in halved planes, as far as there is a picture.
        let right = (left + (right - left).next_multiple_of(STEP)).min(shape.width);
        let (top, bottom) = reach(y, bitmap.height, shape.height);
        if left >= right || top >= bottom {
            return Self::default();
        }
        let area = Area {
            left,
            top,
            right,
            bottom,
        };
        let shapes = shape.format.shapes().into_iter().enumerate();
        let planes = shapes
            .filter(|(_, plane)| plane.bytes > 0)
            .map(|(i, plane)| PlanePatch::new(i, plane, area, shape.format));
        let mut patch = Self {
            planes: planes.collect(),
        };
        let inks: Vec<_> = shape
            .format
            .components()
            .iter()
            .map(|component| Inker {
                component,
                affine: Affine::new(component.channel, shape.format, matrix),
            })
            .collect();
        let mut strip = Strip::new(bitmap, (x.into(), y.into()), area);
        for y in (area.top..area.bottom).step_by(2) {
            strip.load(y);
            for ink in &inks {
                let plane = patch
                    .planes
                    .iter_mut()
                    .find(|p| p.plane == ink.component.plane);
                if let Some(plane) = plane {
                    plane.take(ink, &strip, (y - area.top) >> ink.component.down);
                }
            }
        }
        patch
    }

    /// Lays it over the part of the picture that is in the band.
    pub(crate) fn blend(&self, isa: Isa, band: &mut PictureMut<'_>) {
        for patch in &self.planes {
            let (top, left, bytes) = (patch.top, patch.left, patch.bytes);
            let length = patch.row_samples();
            let rows = patch.weight.len() / length;
            for (y, row) in band.plane_rows(patch.plane, top, top + rows) {
                let range = (y - top) * length..(y - top + 1) * length;
                let (row, weight) = (&mut row[left..left + bytes], &patch.weight[range.clone()]);
                match &patch.add {
                    Added::Eight(add) => simd::blend(isa, row, weight, &add[range]),
                    Added::Ten { samples, shift } => {
                        simd::scalar::blend_ten(row, weight, &samples[range], *shift);
                    }
                }
            }
        }
    }
}

/// Red, green, blue and opacity, premultiplied, of one pixel after the other, or added up over those that share a sample.
type Line = [Vec<f32>; 4];

/// Two rows of the area, first as they are, then with the pixels added up that share a sample.
struct Strip<'a> {
    bitmap: &'a Bitmap,
    /// The place of the bitmap in the picture, and the part of the picture that is wanted.
    at: (i64, i64),
    area: Area,
    rows: [Line; 2],
    /// Pairs of pixels of either row, and all four.
    pairs: [Line; 2],
    quads: Line,
}

impl<'a> Strip<'a> {
    fn new(bitmap: &'a Bitmap, at: (i64, i64), area: Area) -> Self {
        let width = area.right - area.left;
        let line = |length: usize| std::array::from_fn(|_| vec![0.0; length]);
        let half = width.div_ceil(2);
        Self {
            bitmap,
            at,
            area,
            rows: [line(width), line(width)],
            pairs: [line(half), line(half)],
            quads: line(half),
        }
    }

    /// Takes rows `y` and `y + 1` of the picture.
    ///
    /// A pixel at the picture's odd edge counts twice, since it has the sample to itself.
    fn load(&mut self, y: usize) {
        let last = self.area.bottom - 1;
        for (row, y) in self.rows.iter_mut().zip([y, (y + 1).min(last)]) {
            let line = usize::try_from(y as i64 - self.at.1).ok();
            let line = line.filter(|line| *line < self.bitmap.height);
            // Where the bitmap's left edge is in the area, or how many of its columns are cut.
            let from = self.at.0 - self.area.left as i64;
            let cut = (-from).clamp(0, self.bitmap.width as i64) as usize;
            let pixels = line.map_or(&[][..], |line| {
                &self.bitmap.pixels[line * self.bitmap.width..][cut..self.bitmap.width]
            });
            let start = (from.max(0) as usize).min(row[0].len());
            for (i, values) in row.iter_mut().enumerate() {
                let (before, values) = values.split_at_mut(start);
                let (values, after) = values.split_at_mut(pixels.len().min(values.len()));
                before.fill(0.0);
                after.fill(0.0);
                for (value, pixel) in values.iter_mut().zip(pixels) {
                    // As a whole number that is moved, four at a time are taken apart at once.
                    let pixel = u32::from_le_bytes(*pixel) >> (8 * i);
                    *value = (pixel & 0xFF) as i32 as f32;
                }
            }
        }
        for (row, pairs) in self.rows.iter().zip(&mut self.pairs) {
            for (values, sums) in row.iter().zip(pairs) {
                let (pairs, odd) = values.as_chunks::<2>();
                for (sum, pair) in sums.iter_mut().zip(pairs) {
                    *sum = pair[0] + pair[1];
                }
                if let (Some(sum), [value]) = (sums.last_mut(), odd) {
                    *sum = 2.0 * value;
                }
            }
        }
        let [first, second] = &self.pairs;
        for ((a, b), sums) in first.iter().zip(second).zip(&mut self.quads) {
            for ((a, b), sum) in a.iter().zip(b).zip(sums) {
                *sum = a + b;
            }
        }
    }
}

/// How samples of one component are made.
struct Inker<'a> {
    component: &'a Component,
    affine: Affine,
}

impl PlanePatch {
    /// A patch that changes nothing.
    fn new(plane: usize, shape: PlaneShape, area: Area, format: Format) -> Self {
        let left = (area.left >> shape.across) * shape.bytes;
        let bytes = shape.row_bytes(area.right) - left;
        let (top, end) = (area.top >> shape.down, shape.rows(area.bottom));
        let count = bytes * (end - top);
        let (count, add) = match format.ten_bit_shift() {
            None => (count, Added::Eight(vec![0; count])),
            Some(shift) => {
                let samples = vec![0; count / 2];
                (count / 2, Added::Ten { samples, shift })
            }
        };
        Self {
            plane,
            top,
            left,
            bytes,
            weight: vec![KEEP; count],
            add,
        }
    }

    /// Samples in a row.
    fn row_samples(&self) -> usize {
        match self.add {
            Added::Eight(_) => self.bytes,
            Added::Ten { .. } => self.bytes / 2,
        }
    }

    /// Takes the rows that a strip has for the component; `row` is the first of them in the patch.
    fn take(&mut self, ink: &Inker<'_>, strip: &Strip<'_>, row: usize) {
        let lines: &[Line] = match (ink.component.across, ink.component.down) {
            (0, _) => &strip.rows,
            (_, 0) => &strip.pairs,
            _ => std::slice::from_ref(&strip.quads),
        };
        let length = self.row_samples();
        for (line, start) in lines.iter().zip((row * length..).step_by(length)) {
            if start < self.weight.len() {
                self.take_row(ink, line, start..start + length);
            }
        }
    }

    fn take_row(&mut self, ink: &Inker<'_>, line: &Line, row: Range<usize>) {
        let size = self.bytes / row.len();
        let place = (ink.component.offset / size, ink.component.pitch / size);
        let weight = &mut self.weight[row.clone()];
        match &mut self.add {
            Added::Eight(add) => {
                write_row(ink, line, weight, &mut add[row], place, |value| value as u8)
            }
            Added::Ten { samples, shift } => {
                let shift = *shift;
                write_row(ink, line, weight, &mut samples[row], place, |value| {
                    value << shift
                });
            }
        }
    }
}

/// Writes a component's samples, which are at `offset` of every `pitch` samples.
#[inline(always)]
fn write_row<T>(
    ink: &Inker<'_>,
    [red, green, blue, opacity]: &Line,
    weight: &mut [i16],
    add: &mut [T],
    (offset, pitch): (usize, usize),
    as_stored: impl Fn(u16) -> T,
) {
    let pixels = 1 << (ink.component.across + ink.component.down);
    let mean = ink.affine.mean_of(pixels);
    let kept = kept_under(pixels);
    let colours = red.iter().zip(green).zip(blue).zip(opacity);
    if pitch == 1 {
        // The same as below; the compiler does not see that a step of one needs no steps.
        for ((((r, g), b), a), (weight, add)) in colours.zip(weight.iter_mut().zip(add)) {
            (*weight, *add) = (kept(*a), as_stored(mean([*r, *g, *b, *a])));
        }
        return;
    }
    let places = weight.chunks_mut(pitch).zip(add.chunks_mut(pitch));
    for ((((r, g), b), a), (weight, add)) in colours.zip(places) {
        (weight[offset], add[offset]) = (kept(*a), as_stored(mean([*r, *g, *b, *a])));
    }
}

/// The weight of a sample under so many pixels, whose opacities of 0 to 255 add up to what it is called with.
#[inline(always)]
fn kept_under(pixels: u32) -> impl Fn(f32) -> i16 {
    let step = f32::from(KEEP) / (255 * pixels) as f32;
    move |opacity| KEEP - rounded(opacity * step) as i16
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
