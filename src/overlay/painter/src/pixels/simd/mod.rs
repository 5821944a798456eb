// SPDX-License-Identifier: MPL-2.0
//! The loops that touch every byte of a picture, in the widest instructions that this processor has. Each has a twin in
//! [`scalar`] that says what it does and that tests compare it with.
//!
//! All of the crate's `unsafe` is in this folder. The functions here are safe: they check what the loops rely on.

#![allow(
    unsafe_code,
    reason = "pointers and instructions that not every processor has"
)]

pub(crate) mod scalar;
mod tile;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(target_arch = "aarch64")]
mod arm;

/// An instruction set. A value other than `Scalar` exists only where the processor has it: nobody else can make one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Scalar,
    #[cfg(target_arch = "x86_64")]
    Sse2,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
}

impl Isa {
    /// What this processor has, the slowest first.
    pub fn available() -> impl Iterator<Item = Self> {
        let list = [
            Some(Kind::Scalar),
            // Every 64-bit x86 processor has SSE2, every 64-bit Arm one that runs an operating system has NEON.
            #[cfg(target_arch = "x86_64")]
            Some(Kind::Sse2),
            #[cfg(target_arch = "x86_64")]
            std::is_x86_feature_detected!("avx2").then_some(Kind::Avx2),
            #[cfg(target_arch = "aarch64")]
            Some(Kind::Neon),
        ];
        list.into_iter().flatten().map(Self)
    }

    /// The fastest that this processor has.
    pub fn best() -> Self {
        Self::available().last().unwrap_or(Self(Kind::Scalar))
    }

    /// Its usual name.
    pub fn name(self) -> &'static str {
        match self.0 {
            Kind::Scalar => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Sse2 => "SSE2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "AVX2",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => "NEON",
        }
    }
}

/// Part of a plane whose units of `N` bytes are to be transposed; rows are `stride` bytes apart.
pub(crate) struct Source<'a> {
    pub(crate) data: &'a [u8],
    pub(crate) stride: usize,
    /// Whether to read the rows from the last to the first.
    pub(crate) upwards: bool,
}

/// Where they go.
pub(crate) struct Target<'a> {
    pub(crate) data: &'a mut [u8],
    pub(crate) stride: usize,
    /// Whether to write the rows from the last to the first.
    pub(crate) upwards: bool,
}

/// What a plane is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    /// Units of so many bytes (1 to 4) that stay as they are.
    Bytes(usize),
    /// Words of YUY2: the luma of a pixel, and the chroma that it shares with its neighbour, U in even columns.
    Yuy2,
    /// As YUY2, with the chroma first.
    Uyvy,
}

impl Units {
    /// Bytes that stay together when a plane is transposed.
    const fn transposed_bytes(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Yuy2 | Self::Uyvy => 2,
        }
    }

    /// Bytes that stay together when a row is reversed.
    const fn reversed_bytes(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Yuy2 | Self::Uyvy => 4,
        }
    }
}

/// Calls a function that is generic in the kind of unit.
macro_rules! for_units {
    ($units:expr, $unit:ident => $call:expr) => {
        match $units {
            Units::Bytes(1) => {
                type $unit = tile::Bytes<1>;
                $call
            }
            Units::Bytes(2) => {
                type $unit = tile::Bytes<2>;
                $call
            }
            Units::Bytes(3) => {
                type $unit = tile::Bytes<3>;
                $call
            }
            Units::Bytes(_) => {
                type $unit = tile::Bytes<4>;
                $call
            }
            Units::Yuy2 => {
                type $unit = tile::Yuv422<true>;
                $call
            }
            Units::Uyvy => {
                type $unit = tile::Yuv422<false>;
                $call
            }
        }
    };
}

/// Writes unit `x` of row `y` of `from` to unit `y` of row `x` of `to`, where `to` has `width` units in each of `height` rows.
/// YUY2 and UYVY, which must have an even number of both, get the mean of the chroma of two columns, rounded down.
pub(crate) fn transpose(
    isa: Isa,
    units: Units,
    from: &Source<'_>,
    to: &mut Target<'_>,
    width: usize,
    height: usize,
) {
    if width == 0 || height == 0 {
        return;
    }
    let bytes = units.transposed_bytes();
    let end = |stride: usize, rows: usize, length: usize| (rows - 1) * stride + length * bytes;
    assert!(from.stride >= height * bytes && to.stride >= width * bytes);
    assert!(end(from.stride, width, height) <= from.data.len());
    assert!(end(to.stride, height, width) <= to.data.len());
    assert!(
        matches!(units, Units::Bytes(1..=4))
            || (width.is_multiple_of(2) && height.is_multiple_of(2))
    );
    let tiles = tile::Tiles::new(from, to, width, height);
    // Safety: both planes hold the rows that the tiles speak of, as asserted above; a kind exists only where the processor
    // has its instructions.
    for_units!(units, Unit => unsafe {
        match isa.0 {
            Kind::Scalar => tile::transpose::<scalar::Lane, Unit>(tiles),
            #[cfg(target_arch = "x86_64")]
            Kind::Sse2 => tile::transpose::<x86::Sse2, Unit>(tiles),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::transpose_avx2::<Unit>(tiles),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => tile::transpose::<arm::Neon, Unit>(tiles),
        }
    });
}

/// See [`scalar::blend`]; all slices must be equally long.
pub(crate) fn blend(isa: Isa, row: &mut [u8], weight: &[i16], add: &[u8]) {
    assert!(row.len() == weight.len() && row.len() == add.len());
    // Safety: the lengths are equal; a kind exists only where the processor has its instructions.
    unsafe {
        match isa.0 {
            Kind::Scalar => scalar::blend(row, weight, add),
            #[cfg(target_arch = "x86_64")]
            Kind::Sse2 => tile::blend::<x86::Sse2>(row, weight, add),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::blend_avx2(row, weight, add),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => tile::blend::<arm::Neon>(row, weight, add),
        }
    }
}

/// Writes the units of `from` in reverse order to `to`, which must be as long. YUY2 and UYVY are reversed in pairs of pixels
/// whose luma is exchanged, so that the length is a multiple of four.
pub(crate) fn reverse(isa: Isa, units: Units, from: &[u8], to: &mut [u8]) {
    assert_eq!(from.len(), to.len());
    assert!(from.len().is_multiple_of(units.reversed_bytes()));
    // Safety: the lengths are equal and whole units; a kind exists only where the processor has its instructions.
    for_units!(units, Unit => unsafe {
        match isa.0 {
            Kind::Scalar => tile::reverse::<scalar::Lane, Unit>(from, to),
            #[cfg(target_arch = "x86_64")]
            Kind::Sse2 => tile::reverse::<x86::Sse2, Unit>(from, to),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => x86::reverse_avx2::<Unit>(from, to),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon => tile::reverse::<arm::Neon, Unit>(from, to),
        }
    });
}
