// SPDX-License-Identifier: MPL-2.0
//! Pictures in memory that belongs to somebody else. Strides may be larger than rows, planes may lie anywhere.

use crate::pixels::format::{Format, PlaneShape};

/// The format of a picture and its size in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// How the pixels are stored.
    pub format: Format,
    /// Width in pixels.
    pub width: usize,
    /// Height in pixels.
    pub height: usize,
}

/// A plane to read; `stride` is the distance of two rows in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plane<'a> {
    /// From the first byte of the first row on.
    pub data: &'a [u8],
    /// Distance of two rows in bytes.
    pub stride: usize,
}

/// A plane to write; see [`Plane`].
#[derive(Debug, Default)]
pub struct PlaneMut<'a> {
    /// From the first byte of the first row on.
    pub data: &'a mut [u8],
    /// Distance of two rows in bytes.
    pub stride: usize,
}

/// A picture to read.
#[derive(Clone, Copy, Debug)]
pub struct Picture<'a> {
    pub(crate) shape: Shape,
    pub(crate) planes: [Plane<'a>; 3],
}

/// A picture, or a band of whole rows of one, to write.
#[derive(Debug)]
pub struct PictureMut<'a> {
    pub(crate) shape: Shape,
    /// First row of the band in the picture, in pixels; even.
    pub(crate) top: usize,
    /// Rows of the band, in pixels; even unless the band reaches the picture's end.
    pub(crate) rows: usize,
    pub(crate) planes: [PlaneMut<'a>; 3],
}

/// Whether planes of these strides and lengths in bytes hold a picture of this shape.
fn are_complete(shape: Shape, planes: impl Iterator<Item = (usize, usize)>) -> bool {
    let fits = |(plane, (stride, length)): (PlaneShape, (usize, usize))| {
        let row = plane.row_bytes(shape.width);
        let needed = match plane.rows(shape.height) {
            0 => Some(0),
            rows => stride
                .checked_mul(rows - 1)
                .and_then(|before| before.checked_add(row)),
        };
        stride >= row && needed.is_some_and(|needed| needed <= length)
    };
    shape.format.shapes().into_iter().zip(planes).all(fits)
}

impl<'a> Picture<'a> {
    /// A picture of these planes; `None` if one of them is too short for its size. Planes that the format does not have are
    /// ignored.
    pub fn new(shape: Shape, planes: [Plane<'a>; 3]) -> Option<Self> {
        let complete = are_complete(shape, planes.iter().map(|p| (p.stride, p.data.len())));
        complete.then_some(Self { shape, planes })
    }
}

impl<'a> PictureMut<'a> {
    /// As [`Picture::new`].
    pub fn new(shape: Shape, planes: [PlaneMut<'a>; 3]) -> Option<Self> {
        let complete = are_complete(shape, planes.iter().map(|p| (p.stride, p.data.len())));
        complete.then_some(Self {
            shape,
            top: 0,
            rows: shape.height,
            planes,
        })
    }

    /// The band's rows above and from `row` on, which is counted from the band's top and must be even, or its end.
    pub(crate) fn split_at(self, row: usize) -> (Self, Self) {
        debug_assert!((row.is_multiple_of(2) || row == self.rows) && row <= self.rows);
        let mut below: [PlaneMut<'a>; 3] = Default::default();
        let mut above: [PlaneMut<'a>; 3] = Default::default();
        for (i, (plane, shape)) in self
            .planes
            .into_iter()
            .zip(self.shape.format.shapes())
            .enumerate()
        {
            if shape.bytes > 0 {
                let stride = plane.stride;
                let at = (shape.rows(row) * stride).min(plane.data.len());
                let (first, second) = plane.data.split_at_mut(at);
                above[i] = PlaneMut {
                    data: first,
                    stride,
                };
                below[i] = PlaneMut {
                    data: second,
                    stride,
                };
            }
        }
        let shape = self.shape;
        (
            Self {
                shape,
                top: self.top,
                rows: row,
                planes: above,
            },
            Self {
                shape,
                top: self.top + row,
                rows: self.rows - row,
                planes: below,
            },
        )
    }

    /// The rows `from..to` of the whole picture, counted in rows of plane `plane`, as far as they lie in this band, each
    /// with its number; without padding.
    pub(crate) fn plane_rows(
        &mut self,
        plane: usize,
        from: usize,
        to: usize,
    ) -> impl Iterator<Item = (usize, &mut [u8])> {
        let shape = self.shape.format.shapes()[plane];
        let first = self.top >> shape.down;
        let end = first + shape.rows(self.rows);
        let from = from.clamp(first, end);
        let to = to.clamp(from, end);
        let bytes = shape.row_bytes(self.shape.width);
        let plane = &mut self.planes[plane];
        // A plane without rows has no stride either, and chunks of nothing do not exist.
        plane
            .data
            .chunks_mut(plane.stride.max(1))
            .skip(from - first)
            .take(to - from)
            .zip(from..)
            .map(move |(row, y)| (y, &mut row[..bytes]))
    }
}
