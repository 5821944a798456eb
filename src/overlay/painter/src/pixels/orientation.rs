// SPDX-License-Identifier: MPL-2.0
//! The eight ways to lay a picture down.

/// One of the eight ways to lay a rectangular picture down, named after `GstVideoOrientationMethod`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Orientation {
    /// As it is.
    #[default]
    Identity,
    /// A quarter turn clockwise.
    Right90,
    /// Half a turn.
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
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lookup {
    pub(crate) transpose: bool,
    pub(crate) flip_x: bool,
    pub(crate) flip_y: bool,
}

impl Orientation {
    /// All eight.
    pub const ALL: [Self; 8] = [
        Self::Identity,
        Self::Right90,
        Self::Half,
        Self::Left90,
        Self::MirrorHorizontal,
        Self::MirrorVertical,
        Self::Transpose,
        Self::AntiTranspose,
    ];

    pub(crate) const fn lookup(self) -> Lookup {
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

    const fn from_lookup(lookup: Lookup) -> Self {
        match (lookup.transpose, lookup.flip_x, lookup.flip_y) {
            (false, false, false) => Self::Identity,
            (true, false, true) => Self::Right90,
            (false, true, true) => Self::Half,
            (true, true, false) => Self::Left90,
            (false, true, false) => Self::MirrorHorizontal,
            (false, false, true) => Self::MirrorVertical,
            (true, false, false) => Self::Transpose,
            (true, true, true) => Self::AntiTranspose,
        }
    }

    /// Whether width and height change places.
    pub const fn transposes(self) -> bool {
        self.lookup().transpose
    }

    /// The orientation that undoes this one.
    pub const fn inverse(self) -> Self {
        match self {
            Self::Right90 => Self::Left90,
            Self::Left90 => Self::Right90,
            own => own,
        }
    }

    /// This orientation followed by `next`.
    pub const fn then(self, next: Self) -> Self {
        let (own, next) = (self.lookup(), next.lookup());
        let (flip_x, flip_y) = if own.transpose {
            (next.flip_y, next.flip_x)
        } else {
            (next.flip_x, next.flip_y)
        };
        Self::from_lookup(Lookup {
            transpose: own.transpose != next.transpose,
            flip_x: own.flip_x != flip_x,
            flip_y: own.flip_y != flip_y,
        })
    }

    /// Where a point (in pixels) of the turned picture lies in the source, which measures `width` by `height` pixels.
    pub fn to_source(self, x: f64, y: f64, width: f64, height: f64) -> (f64, f64) {
        let lookup = self.lookup();
        let (x, y) = if lookup.transpose { (y, x) } else { (x, y) };
        (
            if lookup.flip_x { width - x } else { x },
            if lookup.flip_y { height - y } else { y },
        )
    }

    /// Where a rectangle `[x, y, width, height]` of the source, which measures `width` by `height` pixels, lies in the
    /// turned picture.
    pub fn turn_rect(self, rect: [u32; 4], width: u32, height: u32) -> [u32; 4] {
        let lookup = self.lookup();
        let [x, y, w, h] = rect;
        let x = if lookup.flip_x {
            width.saturating_sub(x.saturating_add(w))
        } else {
            x
        };
        let y = if lookup.flip_y {
            height.saturating_sub(y.saturating_add(h))
        } else {
            y
        };
        if lookup.transpose {
            [y, x, h, w]
        } else {
            [x, y, w, h]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pixel of the source that ends up at (x, y), spelled out case by case.
    pub(crate) fn reference(
        o: Orientation,
        x: usize,
        y: usize,
        w: usize,
        h: usize,
    ) -> (usize, usize) {
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

    #[test]
    fn a_point_is_found_back_in_the_source() {
        for o in Orientation::ALL {
            for (x, y) in [(0, 0), (2, 1), (1, 2)] {
                let (sx, sy) = reference(o, x, y, 5, 4);
                let centre = |v: usize| v as f64 + 0.5;
                let found = o.to_source(centre(x), centre(y), 5.0, 4.0);
                assert_eq!(found, (centre(sx), centre(sy)), "{o:?}");
            }
        }
    }

    #[test]
    fn a_rectangle_goes_where_its_pixels_go() {
        for o in Orientation::ALL {
            let [x, y, w, h] = o.turn_rect([1, 2, 2, 1], 7, 5).map(|v| v as usize);
            let mut found: Vec<_> = (y..y + h)
                .flat_map(|y| (x..x + w).map(move |x| reference(o, x, y, 7, 5)))
                .collect();
            found.sort_unstable();
            assert_eq!(found, [(1, 2), (2, 2)], "{o:?}");
        }
    }

    #[test]
    fn one_after_the_other_is_what_the_two_do() {
        for first in Orientation::ALL {
            for second in Orientation::ALL {
                let (w, h) = if first.transposes() {
                    (4.0, 5.0)
                } else {
                    (5.0, 4.0)
                };
                let (x, y) = second.to_source(1.5, 0.5, w, h);
                let expected = first.to_source(x, y, 5.0, 4.0);
                assert_eq!(first.then(second).to_source(1.5, 0.5, 5.0, 4.0), expected);
            }
            assert_eq!(first.then(first.inverse()), Orientation::Identity);
            assert_eq!(first.inverse().then(first), Orientation::Identity);
        }
    }

    #[test]
    fn quarter_turns_and_diagonals_swap_width_and_height() {
        let swapped: Vec<_> = Orientation::ALL
            .into_iter()
            .filter(|o| o.transposes())
            .collect();
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
