// SPDX-License-Identifier: MPL-2.0
//! A bitmap made ready for the pictures it is laid over: for each byte of each plane, how much of what is there stays and what
//! is added. All conversion is done once; a frame costs one multiplication a byte.

use crate::pixels::bitmap::Bitmap;
use crate::pixels::colour::{Affine, Matrix};
use crate::pixels::format::Component;
use crate::pixels::picture::{PictureMut, Shape};
use crate::pixels::simd::{self, Isa};

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
    samples: Samples,
}

/// Weight and addend of each sample, row by row; see [`simd::scalar`].
#[derive(Debug)]
enum Samples {
    Eight {
        weight: Vec<u8>,
        add: Vec<u8>,
    },
    Ten {
        weight: Vec<u16>,
        add: Vec<u16>,
        shift: u32,
    },
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
        let mut planes: Vec<_> = shape
            .format
            .shapes()
            .into_iter()
            .enumerate()
            .filter(|(_, plane)| plane.bytes > 0)
            .map(|(plane, units)| {
                let left = (area.left >> units.across) * units.bytes;
                let bytes = units.row_bytes(area.right) - left;
                let (top, end) = (area.top >> units.down, units.rows(area.bottom));
                let count = bytes * (end - top);
                let samples = match shape.format.ten_bit_shift() {
                    None => Samples::Eight {
                        weight: vec![255; count],
                        add: vec![0; count],
                    },
                    Some(shift) => Samples::Ten {
                        weight: vec![u16::MAX; count / 2],
                        add: vec![0; count / 2],
                        shift,
                    },
                };
                PlanePatch {
                    plane,
                    top,
                    left,
                    bytes,
                    samples,
                }
            })
            .collect();
        for component in shape.format.components() {
            let affine = Affine::new(component.channel, shape.format, matrix);
            if let Some(plane) = planes.iter_mut().find(|p| p.plane == component.plane) {
                plane.take(
                    component,
                    &affine,
                    &Placed {
                        bitmap,
                        x: x.into(),
                        y: y.into(),
                    },
                    area,
                );
            }
        }
        Self { planes }
    }

    /// Lays it over the part of the picture that is in the band.
    pub(crate) fn blend(&self, isa: Isa, band: &mut PictureMut<'_>) {
        for patch in &self.planes {
            let (top, left, bytes) = (patch.top, patch.left, patch.bytes);
            match &patch.samples {
                Samples::Eight { weight, add } => {
                    let rows = weight.len() / bytes;
                    for (y, row) in band.plane_rows(patch.plane, top, top + rows) {
                        let at = (y - top) * bytes;
                        let (weight, add) = (&weight[at..at + bytes], &add[at..at + bytes]);
                        simd::blend(isa, &mut row[left..left + bytes], weight, add);
                    }
                }
                Samples::Ten { weight, add, shift } => {
                    let length = bytes / 2;
                    let rows = weight.len() / length;
                    for (y, row) in band.plane_rows(patch.plane, top, top + rows) {
                        let at = (y - top) * length;
                        let (weight, add) = (&weight[at..at + length], &add[at..at + length]);
                        simd::blend_ten(isa, &mut row[left..left + bytes], weight, add, *shift);
                    }
                }
            }
        }
    }
}

/// A bitmap with its place in the picture.
struct Placed<'a> {
    bitmap: &'a Bitmap,
    x: i64,
    y: i64,
}

impl Placed<'_> {
    /// Pixels `from..to` of the picture's row `y`, as far as the bitmap covers them.
    fn row(&self, y: usize, from: usize, to: usize) -> &[[u8; 4]] {
        let (width, height) = (self.bitmap.width as i64, self.bitmap.height as i64);
        let row = y as i64 - self.y;
        let (from, to) = (
            (from as i64 - self.x).clamp(0, width),
            (to as i64 - self.x).clamp(0, width),
        );
        if !(0..height).contains(&row) || from >= to {
            return &[];
        }
        let start = row * width;
        &self.bitmap.pixels[(start + from) as usize..(start + to) as usize]
    }
}

impl PlanePatch {
    fn take(&mut self, component: &Component, affine: &Affine, bitmap: &Placed<'_>, area: Area) {
        let (across, down) = (1 << component.across, 1 << component.down);
        let samples = (area.right - area.left).div_ceil(across);
        for (row, y) in (area.top..area.bottom).step_by(down).enumerate() {
            let bottom = (y + down).min(area.bottom);
            for i in 0..samples {
                let x = area.left + i * across;
                let right = (x + across).min(area.right);
                let mut sum = [0_u32; 4];
                for pixel in (y..bottom).flat_map(|y| bitmap.row(y, x, right)) {
                    for (sum, value) in sum.iter_mut().zip(pixel) {
                        *sum += u32::from(*value);
                    }
                }
                if sum[3] > 0 {
                    let count = ((right - x) * (bottom - y)) as u32;
                    let at = row * self.bytes + component.offset + i * component.pitch;
                    self.samples.set(at, affine.mean(sum, count), sum[3], count);
                }
            }
        }
    }
}

impl Samples {
    /// The sample that starts at byte `at`; `opacity` is the sum over `count` pixels.
    fn set(&mut self, at: usize, value: u16, opacity: u32, count: u32) {
        match self {
            Self::Eight { weight, add } => {
                weight[at] = 255 - ((opacity + count / 2) / count) as u8;
                add[at] = value as u8;
            }
            Self::Ten { weight, add, shift } => {
                weight[at / 2] = u16::MAX - ((opacity * 257 + count / 2) / count) as u16;
                add[at / 2] = value << *shift;
            }
        }
    }
}

#[cfg(test)]
#[path = "patch_tests.rs"]
mod tests;
