// SPDX-License-Identifier: MPL-2.0
//! Pictures for tests: every plane an allocation of its own that ends with the last row's last byte, so that tools that watch
//! memory notice what reads or writes beyond it.

use crate::pixels::format::Format;
use crate::pixels::picture::{Picture, PictureMut, Plane, PlaneMut, Shape};

/// What padding holds.
const PADDING: u8 = 0xA5;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TestPicture {
    pub(crate) shape: Shape,
    pub(crate) planes: [Vec<u8>; 3],
    strides: [usize; 3],
}

impl TestPicture {
    /// A picture of bytes that differ, with `padding` bytes between rows.
    pub(crate) fn new(shape: Shape, padding: usize, seed: u64) -> Self {
        let mut state = seed | 1;
        let mut byte = move || {
            // The generator of Knuth's MMIX; its upper bits are good enough here.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let mut strides = [0; 3];
        let mut planes: [Vec<u8>; 3] = Default::default();
        for (i, plane) in shape.format.shapes().into_iter().enumerate() {
            let (row, rows) = (plane.row_bytes(shape.width), plane.rows(shape.height));
            strides[i] = row + padding;
            for y in 0..rows {
                if y > 0 {
                    planes[i].extend(std::iter::repeat_n(PADDING, padding));
                }
                planes[i].extend((0..row).map(|_| byte()));
            }
            planes[i].shrink_to_fit();
        }
        let mut picture = Self {
            shape,
            planes,
            strides,
        };
        if let Some(shift) = shape.format.ten_bit_shift() {
            picture
                .planes
                .iter_mut()
                .flat_map(|plane| plane.as_chunks_mut::<2>().0)
                .for_each(|sample| {
                    *sample = ((u16::from_le_bytes(*sample) & 1023) << shift).to_le_bytes();
                });
        }
        picture
    }

    pub(crate) fn read(&self) -> Picture<'_> {
        let planes = [0, 1, 2].map(|i| Plane {
            data: &self.planes[i],
            stride: self.strides[i],
        });
        Picture::new(self.shape, planes).expect("the planes are complete")
    }

    pub(crate) fn write(&mut self) -> PictureMut<'_> {
        let strides = self.strides;
        let mut i = 0;
        let planes = self.planes.each_mut().map(|data| {
            i += 1;
            PlaneMut {
                data,
                stride: strides[i - 1],
            }
        });
        PictureMut::new(self.shape, planes).expect("the planes are complete")
    }

    /// The planes without padding, which is checked to be what it was, and without the sample that an odd row of pairs
    /// has too many.
    pub(crate) fn content(&self) -> [Vec<u8>; 3] {
        let shapes = self.shape.format.shapes();
        let unused = match self.shape.format {
            Format::Yuy2 => Some(2),
            Format::Uyvy => Some(1),
            _ => None,
        };
        [0, 1, 2].map(|i| {
            let row = shapes[i].row_bytes(self.shape.width);
            self.planes[i]
                .chunks(self.strides[i].max(1))
                .flat_map(|line| {
                    assert!(
                        self.shape.format.ten_bit_shift().is_some()
                            || line[row..].iter().all(|b| *b == PADDING)
                    );
                    let mut line = line[..row].to_vec();
                    if let (Some(unused), false) = (unused, self.shape.width.is_multiple_of(2)) {
                        line[row - unused] = 0;
                    }
                    line
                })
                .collect()
        })
    }
}

/// A shape in fewer words.
pub(crate) fn shape(format: Format, width: usize, height: usize) -> Shape {
    Shape {
        format,
        width,
        height,
    }
}
