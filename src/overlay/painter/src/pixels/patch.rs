// SPDX-License-Identifier: MPL-2.0
//! A bitmap made ready for the pictures it is laid over: for each byte of each plane, how much of what is there stays and what
//! is added. All conversion is done once; a frame costs one multiplication a byte.

use crate::pixels::bitmap::Bitmap;
use crate::pixels::colour::{Affine, Matrix};
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
        let mut sums = Sums::new(bitmap, (x.into(), y.into()), area);
        for halved in [false, true] {
            for component in shape.format.components() {
                if (component.across > 0) == halved {
                    // All components of a format that are halved are so in the same way.
                    sums.halve_to(component);
                    let affine = Affine::new(component.channel, shape.format, matrix);
                    let plane = patch.planes.iter_mut().find(|p| p.plane == component.plane);
                    if let Some(plane) = plane {
                        plane.take(component, &affine, &sums);
                    }
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

/// The area's pixels, or the sums of those that share a sample.
struct Sums {
    width: usize,
    /// Components of premultiplied pixels, added up over `1 << shift` of them.
    sums: Vec<[u16; 4]>,
    shift: u32,
}

impl Sums {
    /// The bitmap at its place, and nothing around it.
    fn new(bitmap: &Bitmap, (x, y): (i64, i64), area: Area) -> Self {
        let width = area.right - area.left;
        let mut sums = vec![[0; 4]; width * (area.bottom - area.top)];
        let columns = bitmap.width as i64;
        // Where the bitmap's left edge is in the area, or how many of its columns are cut.
        let from = x - area.left as i64;
        let (skip, start) = ((-from).clamp(0, columns) as usize, from.max(0) as usize);
        for (row, to) in (area.top as i64..).zip(sums.chunks_exact_mut(width)) {
            let line = usize::try_from(row - y)
                .ok()
                .filter(|line| *line < bitmap.height);
            if let (Some(line), Some(to)) = (line, to.get_mut(start..)) {
                let pixels = &bitmap.pixels[line * bitmap.width..][skip..bitmap.width];
                for (to, pixel) in to.iter_mut().zip(pixels) {
                    *to = pixel.map(u16::from);
                }
            }
        }
        Self {
            width,
            sums,
            shift: 0,
        }
    }

    /// Adds up the pixels that share a sample of `component`, if that has not been done. A pixel at the picture's odd edge
    /// counts twice, since it has the sample to itself.
    fn halve_to(&mut self, component: &Component) {
        let shift = component.across + component.down;
        if shift == self.shift {
            return;
        }
        let add = |a: [u16; 4], b: [u16; 4]| std::array::from_fn(|i| a[i] + b[i]);
        let width = self.width.div_ceil(2);
        let step = self.width << component.down;
        let mut halved = Vec::with_capacity(width * self.sums.len().div_ceil(step));
        for rows in self.sums.chunks(step) {
            let (first, second) = rows.split_at(self.width);
            let second = if second.is_empty() { first } else { second };
            for (a, b) in first.chunks(2).zip(second.chunks(2)) {
                let pair = |pixels: &[[u16; 4]]| add(pixels[0], pixels[pixels.len() - 1]);
                halved.push(if component.down > 0 {
                    add(pair(a), pair(b))
                } else {
                    pair(a)
                });
            }
        }
        *self = Self {
            width,
            sums: halved,
            shift,
        };
    }
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

    fn take(&mut self, component: &Component, affine: &Affine, sums: &Sums) {
        let length = self.row_samples();
        let size = self.bytes / length;
        let (offset, pitch) = (component.offset / size, component.pitch / size);
        // Neighbours are alike more often than not.
        let (mut last, mut sample) = ([0; 4], (KEEP, 0));
        for (row, line) in sums.sums.chunks_exact(sums.width).enumerate() {
            let places = (row * length..(row + 1) * length)
                .skip(offset)
                .step_by(pitch);
            for (at, sum) in places.zip(line) {
                if *sum != last {
                    last = *sum;
                    sample = (weight(sum[3], sums.shift), affine.mean(*sum, sums.shift));
                }
                self.weight[at] = sample.0;
                match &mut self.add {
                    Added::Eight(add) => add[at] = sample.1 as u8,
                    Added::Ten { samples, shift } => samples[at] = sample.1 << *shift,
                }
            }
        }
    }
}

/// What is kept of a sample under `1 << shift` pixels whose opacities of 0 to 255 add up to `opacity`.
fn weight(opacity: u16, shift: u32) -> i16 {
    let (keep, most) = (u32::from(KEEP.unsigned_abs()), 255_u32 << shift);
    let covered = (u32::from(opacity) * keep + most / 2) / most;
    KEEP - covered.min(keep) as i16
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
