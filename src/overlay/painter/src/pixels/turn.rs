// SPDX-License-Identifier: MPL-2.0
//! Writing a picture turned.

use crate::pixels::format::Format;
use crate::pixels::orientation::{Lookup, Orientation};
use crate::pixels::picture::{Picture, PictureMut, Plane, PlaneMut};
use crate::pixels::simd::{self, Isa, Source, Target, Units};

/// Writes the part of the turned picture that belongs into the band `to`.
pub(crate) fn turn(
    isa: Isa,
    from: &Picture<'_>,
    to: &mut PictureMut<'_>,
    orientation: Orientation,
) {
    let lookup = orientation.lookup();
    let shape = from.shape;
    let pairs = match shape.format {
        Format::Yuy2 => Some((Units::Yuy2, [0, 1, 3])),
        Format::Uyvy => Some((Units::Uyvy, [1, 0, 2])),
        _ => None,
    };
    if let Some((units, offsets)) = pairs {
        let odd_height = lookup.transpose && !shape.height.is_multiple_of(2);
        if !shape.width.is_multiple_of(2) || odd_height {
            return turn_odd_pairs(from, to, lookup, offsets);
        }
        // In pixels of two bytes each.
        let job = Job {
            isa,
            units,
            bytes: 2,
            lookup,
            width: shape.width,
            height: shape.height,
            first: to.top,
            rows: to.rows,
        };
        return job.turn(from.planes[0], &mut to.planes[0]);
    }
    for (i, plane) in shape.format.shapes().into_iter().enumerate() {
        if plane.bytes > 0 {
            let job = Job {
                isa,
                units: Units::Bytes(plane.bytes),
                bytes: plane.bytes,
                lookup,
                width: plane.units(shape.width),
                height: plane.rows(shape.height),
                first: to.top >> plane.down,
                rows: plane.rows(to.rows),
            };
            job.turn(from.planes[i], &mut to.planes[i]);
        }
    }
}

/// A plane of `width` by `height` units of `bytes`, of which rows `first..first + rows` are wanted after it has been turned.
struct Job {
    isa: Isa,
    units: Units,
    bytes: usize,
    lookup: Lookup,
    width: usize,
    height: usize,
    first: usize,
    rows: usize,
}

impl Job {
    fn turn(&self, from: Plane<'_>, to: &mut PlaneMut<'_>) {
        let Lookup {
            transpose,
            flip_x,
            flip_y,
        } = self.lookup;
        if transpose {
            let column = if flip_x {
                self.width - self.first - self.rows
            } else {
                self.first
            };
            let source = Source {
                data: from.data.get(column * self.bytes..).unwrap_or(&[]),
                stride: from.stride,
                upwards: flip_y,
            };
            let mut target = Target {
                data: to.data,
                stride: to.stride,
                upwards: flip_x,
            };
            return simd::transpose(
                self.isa,
                self.units,
                &source,
                &mut target,
                self.height,
                self.rows,
            );
        }
        let bytes = self.width * self.bytes;
        for (i, to) in to
            .data
            .chunks_mut(to.stride.max(1))
            .take(self.rows)
            .enumerate()
        {
            let y = self.first + i;
            let start = from.stride * if flip_y { self.height - 1 - y } else { y };
            let (from, to) = (&from.data[start..start + bytes], &mut to[..bytes]);
            if flip_x {
                simd::reverse(self.isa, self.units, from, to);
            } else {
                to.copy_from_slice(from);
            }
        }
    }
}

/// YUY2 or UYVY, pixel by pixel, for the odd sizes that no camera has; what videoflip does. `offsets` are those of luma, U and V
/// in a pair of pixels.
///
/// A pair takes the chroma of the pair that its first pixel was in. In a transposed picture its pixels were one above the
/// other: it takes the mean of both, rounded down.
pub(crate) fn turn_odd_pairs(
    from: &Picture<'_>,
    to: &mut PictureMut<'_>,
    lookup: Lookup,
    [luma, u, v]: [usize; 3],
) {
    let (width, height) = (from.shape.width, from.shape.height);
    let Plane { data, stride } = from.planes[0];
    let find = |x: usize, y: usize| {
        let (x, y) = if lookup.transpose { (y, x) } else { (x, y) };
        (
            if lookup.flip_x { width - 1 - x } else { x },
            if lookup.flip_y { height - 1 - y } else { y },
        )
    };
    let last = to.shape.width - 1;
    for (y, row) in to.plane_rows(0, 0, usize::MAX) {
        for (i, pair) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let first = find(2 * i, y);
            // The last of an odd number of pixels has no partner but itself.
            let second = find((2 * i + 1).min(last), y);
            for (offset, (x, y)) in [(luma, first), (luma + 2, second)] {
                pair[offset] = data[y * stride + x * 2 + luma];
            }
            let other = if lookup.transpose { second } else { first };
            for offset in [u, v] {
                let chroma =
                    |(x, y): (usize, usize)| u16::from(data[y * stride + x / 2 * 4 + offset]);
                pair[offset] = ((chroma(first) + chroma(other)) / 2) as u8;
            }
        }
    }
}

#[cfg(test)]
#[path = "turn_tests.rs"]
mod tests;
