// SPDX-License-Identifier: MPL-2.0
//! Where the samples of a pixel lie, for each format; names and layouts as in GStreamer's `GstVideoFormat`.

/// A raw video format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are GStreamer's")]
pub enum Format {
    I420,
    Yv12,
    Nv12,
    Nv21,
    Yuy2,
    Uyvy,
    Rgb,
    Bgr,
    Rgbx,
    Bgrx,
    Xrgb,
    Xbgr,
    Rgba,
    Bgra,
    Argb,
    Abgr,
    Gray8,
    I420Ten,
    P010,
}

/// What a sample says. `Alpha` is also the unused byte of a format with an `x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Y,
    U,
    V,
    Red,
    Green,
    Blue,
    Alpha,
}

/// No format has more components.
pub(crate) const MOST_COMPONENTS: usize = 4;

/// A plane is made of units: the smallest group of bytes that stays together when the picture is turned. In most formats
/// that is what belongs to one sample position; in YUY2 and UYVY it is a pair of pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlaneShape {
    /// Bytes of a unit.
    pub(crate) bytes: usize,
    /// A unit covers `1 << across` columns and `1 << down` rows of pixels.
    pub(crate) across: u32,
    pub(crate) down: u32,
}

impl PlaneShape {
    pub(crate) const NONE: Self = Self::new(0, 0, 0);

    const fn new(bytes: usize, across: u32, down: u32) -> Self {
        Self {
            bytes,
            across,
            down,
        }
    }

    /// Units in a row of a picture of this width in pixels.
    pub(crate) fn units(self, width: usize) -> usize {
        if self.bytes == 0 {
            0
        } else {
            width.div_ceil(1 << self.across)
        }
    }

    /// Bytes in a row of a picture of this width in pixels, without padding.
    pub(crate) fn row_bytes(self, width: usize) -> usize {
        self.units(width) * self.bytes
    }

    /// Rows for this number of rows of pixels.
    pub(crate) fn rows(self, height: usize) -> usize {
        if self.bytes == 0 {
            0
        } else {
            height.div_ceil(1 << self.down)
        }
    }
}

/// Where one channel's samples are: sample `i` of a row starts at byte `offset + i * pitch` and covers `1 << across`
/// columns and `1 << down` rows of pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component {
    pub(crate) channel: Channel,
    pub(crate) plane: usize,
    pub(crate) offset: usize,
    pub(crate) pitch: usize,
    pub(crate) across: u32,
    pub(crate) down: u32,
}

const fn at(channel: Channel, plane: usize, offset: usize, pitch: usize) -> Component {
    Component {
        channel,
        plane,
        offset,
        pitch,
        across: 0,
        down: 0,
    }
}

const fn halved(component: Component, down: u32) -> Component {
    Component {
        across: 1,
        down,
        ..component
    }
}

/// The formats of 32 or 24 bits a pixel: the channels in the order of the bytes.
macro_rules! packed {
    ($($channel:ident),*) => {{
        const ORDER: &[Channel] = &[$(Channel::$channel),*];
        const COMPONENTS: [Component; ORDER.len()] = {
            let mut list = [at(Channel::Y, 0, 0, 0); ORDER.len()];
            let mut i = 0;
            while i < ORDER.len() {
                list[i] = at(ORDER[i], 0, i, ORDER.len());
                i += 1;
            }
            list
        };
        &COMPONENTS
    }};
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 19] = [
        Self::I420,
        Self::Yv12,
        Self::Nv12,
        Self::Nv21,
        Self::Yuy2,
        Self::Uyvy,
        Self::Rgb,
        Self::Bgr,
        Self::Rgbx,
        Self::Bgrx,
        Self::Xrgb,
        Self::Xbgr,
        Self::Rgba,
        Self::Bgra,
        Self::Argb,
        Self::Abgr,
        Self::Gray8,
        Self::I420Ten,
        Self::P010,
    ];

    /// The shape of each plane; a plane that the format does not have has units of no bytes.
    pub(crate) const fn shapes(self) -> [PlaneShape; 3] {
        const NONE: PlaneShape = PlaneShape::NONE;
        const fn shape(bytes: usize, across: u32, down: u32) -> PlaneShape {
            PlaneShape::new(bytes, across, down)
        }
        match self {
            Self::I420 | Self::Yv12 => [shape(1, 0, 0), shape(1, 1, 1), shape(1, 1, 1)],
            Self::Nv12 | Self::Nv21 => [shape(1, 0, 0), shape(2, 1, 1), NONE],
            Self::I420Ten => [shape(2, 0, 0), shape(2, 1, 1), shape(2, 1, 1)],
            Self::P010 => [shape(2, 0, 0), shape(4, 1, 1), NONE],
            Self::Yuy2 | Self::Uyvy => [shape(4, 1, 0), NONE, NONE],
            Self::Rgb | Self::Bgr => [shape(3, 0, 0), NONE, NONE],
            Self::Gray8 => [shape(1, 0, 0), NONE, NONE],
            _ => [shape(4, 0, 0), NONE, NONE],
        }
    }

    pub(crate) const fn components(self) -> &'static [Component] {
        use Channel::{U, V, Y};
        match self {
            Self::I420 => &const { planar(1, 1, 2) },
            Self::Yv12 => &const { planar(1, 2, 1) },
            Self::I420Ten => &const { planar(2, 1, 2) },
            Self::Nv12 => &const { semi_planar(1, 0, 1) },
            Self::Nv21 => &const { semi_planar(1, 1, 0) },
            Self::P010 => &const { semi_planar(2, 0, 2) },
            Self::Yuy2 => {
                &const {
                    [
                        at(Y, 0, 0, 2),
                        halved(at(U, 0, 1, 4), 0),
                        halved(at(V, 0, 3, 4), 0),
                    ]
                }
            }
            Self::Uyvy => {
                &const {
                    [
                        at(Y, 0, 1, 2),
                        halved(at(U, 0, 0, 4), 0),
                        halved(at(V, 0, 2, 4), 0),
                    ]
                }
            }
            Self::Gray8 => &const { [at(Y, 0, 0, 1)] },
            Self::Rgb => packed!(Red, Green, Blue),
            Self::Bgr => packed!(Blue, Green, Red),
            Self::Rgbx | Self::Rgba => packed!(Red, Green, Blue, Alpha),
            Self::Bgrx | Self::Bgra => packed!(Blue, Green, Red, Alpha),
            Self::Xrgb | Self::Argb => packed!(Alpha, Red, Green, Blue),
            Self::Xbgr | Self::Abgr => packed!(Alpha, Blue, Green, Red),
        }
    }

    /// Bits that a sample of ten bits is moved up in its 16-bit word, or `None` for samples of eight bits.
    pub(crate) const fn ten_bit_shift(self) -> Option<u32> {
        match self {
            Self::I420Ten => Some(0),
            Self::P010 => Some(6),
            _ => None,
        }
    }
}

const fn planar(bytes: usize, u: usize, v: usize) -> [Component; 3] {
    [
        at(Channel::Y, 0, 0, bytes),
        halved(at(Channel::U, u, 0, bytes), 1),
        halved(at(Channel::V, v, 0, bytes), 1),
    ]
}

const fn semi_planar(bytes: usize, u: usize, v: usize) -> [Component; 3] {
    [
        at(Channel::Y, 0, 0, bytes),
        halved(at(Channel::U, 1, u, 2 * bytes), 1),
        halved(at(Channel::V, 1, v, 2 * bytes), 1),
    ]
}
