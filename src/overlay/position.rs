// SPDX-License-Identifier: MPL-2.0
//! The nine places for a text or an image.

use gst::glib;
use porthole_painter::Align;

/// Where in the picture something is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, glib::Enum)]
#[enum_type(name = "GstPortholeOverlayPosition")]
pub enum Position {
    #[default]
    #[enum_value(name = "Top left", nick = "top-left")]
    TopLeft,
    #[enum_value(name = "Top", nick = "top")]
    Top,
    #[enum_value(name = "Top right", nick = "top-right")]
    TopRight,
    #[enum_value(name = "Left", nick = "left")]
    Left,
    #[enum_value(name = "Center", nick = "center")]
    Center,
    #[enum_value(name = "Right", nick = "right")]
    Right,
    #[enum_value(name = "Bottom left", nick = "bottom-left")]
    BottomLeft,
    #[enum_value(name = "Bottom", nick = "bottom")]
    Bottom,
    #[enum_value(name = "Bottom right", nick = "bottom-right")]
    BottomRight,
}

impl Position {
    /// How lines of a text are aligned there.
    pub(crate) fn column(self) -> Align {
        match self {
            Self::TopLeft | Self::Left | Self::BottomLeft => Align::Left,
            Self::Top | Self::Center | Self::Bottom => Align::Centre,
            Self::TopRight | Self::Right | Self::BottomRight => Align::Right,
        }
    }

    /// `Left` is the top, `Right` the bottom.
    fn row(self) -> Align {
        match self {
            Self::TopLeft | Self::Top | Self::TopRight => Align::Left,
            Self::Left | Self::Center | Self::Right => Align::Centre,
            Self::BottomLeft | Self::Bottom | Self::BottomRight => Align::Right,
        }
    }

    /// The upper left corner of a box of `size` in a `picture`, width and height in pixels. The corner is even, so that a
    /// chroma sample belongs to the box or does not; a box that is too large starts at the picture's edge.
    pub(crate) fn corner(
        self,
        size: (usize, usize),
        margin: usize,
        picture: (usize, usize),
    ) -> (i32, i32) {
        let along = |align, length: usize, available: usize| {
            let free = available.saturating_sub(length);
            let start = match align {
                Align::Left => margin.min(free),
                Align::Centre => free / 2,
                Align::Right => free.saturating_sub(margin),
            };
            i32::try_from(start & !1).unwrap_or(i32::MAX)
        };
        (
            along(self.column(), size.0, picture.0),
            along(self.row(), size.1, picture.1),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Position; 9] = [
        Position::TopLeft,
        Position::Top,
        Position::TopRight,
        Position::Left,
        Position::Center,
        Position::Right,
        Position::BottomLeft,
        Position::Bottom,
        Position::BottomRight,
    ];

    #[test]
    fn every_place_keeps_the_box_inside_the_picture_and_even() {
        for position in ALL {
            let (x, y) = position.corner((39, 21), 6, (321, 241));
            assert!(x + 39 <= 321 && y + 21 <= 241);
            assert!(x % 2 == 0 && y % 2 == 0);
        }
    }

    #[test]
    fn the_margin_is_kept_at_both_ends() {
        assert_eq!(Position::TopLeft.corner((30, 12), 6, (320, 240)), (6, 6));
        let (x, y) = Position::BottomRight.corner((30, 12), 6, (320, 240));
        assert_eq!((320 - x - 30, 240 - y - 12), (6, 6));
    }

    #[test]
    fn a_box_larger_than_the_picture_starts_at_its_edge() {
        for position in ALL {
            assert_eq!(position.corner((400, 400), 9, (320, 240)), (0, 0));
        }
    }
}
