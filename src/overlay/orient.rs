// SPDX-License-Identifier: MPL-2.0
//! Turning and mirroring of planes. Knows pixels of a fixed number of bytes, rows and strides; nothing of video formats.

/// One of the eight ways to lay a rectangular picture down, named after `GstVideoOrientationMethod`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Orientation {
    #[default]
    Identity,
    /// A quarter turn clockwise.
    Right90,
    Half,
    /// A quarter turn counter-clockwise.
    Left90,
    /// Left and right change places.
    MirrorHorizontal,
    /// Top and bottom change places.
    MirrorVertical,
    /// Mirrored across the diagonal from the upper left to the lower right.
    Transpose,
    /// Mirrored across the diagonal from the upper right to the lower left.
    AntiTranspose,
}

/// How to find the source of an output pixel: swap the coordinates if `transpose`, then count from the far end of the
/// source's width if `flip_x`, of its height if `flip_y`.
#[derive(Clone, Copy)]
struct Lookup {
    transpose: bool,
    flip_x: bool,
    flip_y: bool,
}

impl Orientation {
    fn lookup(self) -> Lookup {
        let (transpose, flip_x, flip_y) = match self {
            Self::Identity => (false, false, false),
            Self::Right90 => (true, false, true),
            Self::Half => (false, true, true),
            Self::Left90 => (true, true, false),
            Self::MirrorHorizontal => (false, true, false),
            Self::MirrorVertical => (false, false, true),
            Self::Transpose => (true, false, false),
            Self::AntiTranspose => (true, true, true),
        };
        Lookup {
            transpose,
            flip_x,
            flip_y,
        }
    }

    /// Whether width and height change places.
    pub(crate) fn transposes(self) -> bool {
        self.lookup().transpose
    }

    /// Where a point (in pixels) of the turned picture lies in the source, which measures `width` by `height` pixels.
    pub(crate) fn to_source(self, x: f64, y: f64, width: f64, height: f64) -> (f64, f64) {
        let lookup = self.lookup();
        let (x, y) = if lookup.transpose { (y, x) } else { (x, y) };
        (
            if lookup.flip_x { width - x } else { x },
            if lookup.flip_y { height - y } else { y },
        )
    }
}

/// A plane to read: `width` and `height` in pixels of this plane, `stride` in bytes.
#[derive(Clone, Copy)]
pub(crate) struct Plane<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) stride: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// A plane to write; units as in [`Plane`].
pub(crate) struct PlaneMut<'a> {
    pub(crate) data: &'a mut [u8],
    pub(crate) stride: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl<'a> Plane<'a> {
    fn row<const N: usize>(&self, y: usize) -> &'a [[u8; N]] {
        let start = y * self.stride;
        self.data[start..start + self.width * N].as_chunks().0
    }
}

impl PlaneMut<'_> {
    /// The pixels of one row, without its padding.
    pub(crate) fn row<const N: usize>(&mut self, y: usize) -> &mut [[u8; N]] {
        let start = y * self.stride;
        self.data[start..start + self.width * N].as_chunks_mut().0
    }
}

/// A tile of a transposed plane touches this many rows and columns, so that both sides stay in the first-level cache.
const TILE: usize = 32;

/// Writes `src` into `dst` turned by `orientation`; a pixel is `N` bytes.
///
/// `dst` must have the turned size of `src`.
pub(crate) fn orient_plane<const N: usize>(
    src: Plane<'_>,
    dst: &mut PlaneMut<'_>,
    orientation: Orientation,
) {
    let lookup = orientation.lookup();
    if lookup.transpose {
        debug_assert_eq!((src.width, src.height), (dst.height, dst.width));
        transpose::<N>(src, dst, lookup);
        return;
    }
    debug_assert_eq!((src.width, src.height), (dst.width, dst.height));
    for y in 0..dst.height {
        let from = src.row::<N>(if lookup.flip_y { src.height - 1 - y } else { y });
        let to = dst.row::<N>(y);
        if lookup.flip_x {
            for (to, from) in to.iter_mut().zip(from.iter().rev()) {
                *to = *from;
            }
        } else {
            to.copy_from_slice(from);
        }
    }
}

fn transpose<const N: usize>(src: Plane<'_>, dst: &mut PlaneMut<'_>, lookup: Lookup) {
    for top in (0..dst.height).step_by(TILE) {
        let rows = TILE.min(dst.height - top);
        for left in (0..dst.width).step_by(TILE) {
            let columns = TILE.min(dst.width - left);
            let mut sources = [[].as_slice(); TILE];
            for (column, source) in sources.iter_mut().enumerate().take(columns) {
                let x = left + column;
                *source = src.row::<N>(if lookup.flip_y { src.height - 1 - x } else { x });
            }
            for y in top..top + rows {
                let column = if lookup.flip_x { src.width - 1 - y } else { y };
                let to = &mut dst.row::<N>(y)[left..left + columns];
                for (to, source) in to.iter_mut().zip(&sources) {
                    *to = source[column];
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Orientation; 8] = [
        Orientation::Identity,
        Orientation::Right90,
        Orientation::Half,
        Orientation::Left90,
        Orientation::MirrorHorizontal,
        Orientation::MirrorVertical,
        Orientation::Transpose,
        Orientation::AntiTranspose,
    ];

    /// The pixel of the source that ends up at (x, y), spelled out case by case.
    fn reference(o: Orientation, x: usize, y: usize, w: usize, h: usize) -> (usize, usize) {
        match o {
            Orientation::Identity => (x, y),
            Orientation::Right90 => (y, h - 1 - x),
            Orientation::Half => (w - 1 - x, h - 1 - y),
            Orientation::Left90 => (w - 1 - y, x),
            Orientation::MirrorHorizontal => (w - 1 - x, y),
            Orientation::MirrorVertical => (x, h - 1 - y),
            Orientation::Transpose => (y, x),
            Orientation::AntiTranspose => (w - 1 - y, h - 1 - x),
        }
    }

    fn check<const N: usize>(w: usize, h: usize, src_pad: usize, dst_pad: usize) {
        let src_stride = w * N + src_pad;
        let data: Vec<u8> = (0..src_stride * h)
            .map(|i| (i * 31 + i / 251) as u8)
            .collect();
        for o in ALL {
            let (out_w, out_h) = if o.transposes() { (h, w) } else { (w, h) };
            let dst_stride = out_w * N + dst_pad;
            let mut out = vec![0xAA; dst_stride * out_h];
            let src = Plane {
                data: &data,
                stride: src_stride,
                width: w,
                height: h,
            };
            let mut dst = PlaneMut {
                data: &mut out,
                stride: dst_stride,
                width: out_w,
                height: out_h,
            };
            orient_plane::<N>(src, &mut dst, o);
            for y in 0..out_h {
                for x in 0..out_w {
                    let (sx, sy) = reference(o, x, y, w, h);
                    let from = sy * src_stride + sx * N;
                    let to = y * dst_stride + x * N;
                    assert_eq!(out[to..to + N], data[from..from + N], "{o:?} at {x},{y}");
                }
                let padding = y * dst_stride + out_w * N;
                assert!(out[padding..padding + dst_pad].iter().all(|b| *b == 0xAA));
            }
        }
    }

    #[test]
    fn every_orientation_equals_the_naive_reference_on_odd_sizes() {
        for (w, h) in [
            (1, 1),
            (1, 7),
            (7, 1),
            (5, 3),
            (33, 31),
            (65, 67),
            (101, 37),
        ] {
            check::<1>(w, h, 0, 0);
            check::<2>(w, h, 0, 0);
        }
    }

    #[test]
    fn padding_is_neither_read_nor_written() {
        check::<1>(35, 33, 5, 9);
        check::<2>(35, 33, 7, 3);
    }

    #[test]
    fn a_point_is_found_back_in_the_source() {
        for o in ALL {
            for (x, y) in [(0, 0), (2, 1), (1, 2)] {
                let (sx, sy) = reference(o, x, y, 5, 4);
                let centre = |v: usize| v as f64 + 0.5;
                let found = o.to_source(centre(x), centre(y), 5.0, 4.0);
                assert_eq!(found, (centre(sx), centre(sy)), "{o:?}");
            }
        }
    }

    #[test]
    fn quarter_turns_and_diagonals_swap_width_and_height() {
        let swapped: Vec<_> = ALL.into_iter().filter(|o| o.transposes()).collect();
        assert_eq!(
            swapped,
            [
                Orientation::Right90,
                Orientation::Left90,
                Orientation::Transpose,
                Orientation::AntiTranspose
            ]
        );
    }
}
