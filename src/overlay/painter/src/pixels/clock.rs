// SPDX-License-Identifier: MPL-2.0
//! The latency clock: the time of day as a row of black and white blocks that survives encoding and can be read by a
//! program that looks at the decoded picture.
//!
//! # Geometry
//!
//! All numbers are luma pixels of the picture as it leaves the element, counted from its upper left corner. `/` is the
//! integer division, `even(n)` is `n` rounded down to an even number.
//!
//! - 42 square blocks in one row, without gaps, starting at the left edge.
//! - Side of a block: `side = max(8, even(width / 80))` if `width >= 336`, else `side = even(width / 42)`.
//!   There is no clock if `side` is less than 2 (`width < 84`) or greater than `height`.
//! - Upper edge: `top = even(height - side)`. An odd height leaves one row below the blocks.
//! - Block `i` (0 to 41) covers `x` from `i * side` to `(i + 1) * side - 1`, `y` from `top` to `top + side - 1`.
//! - White is luma 235, black is luma 16, chroma is 128, whatever the negotiated range (times four in samples of ten bits);
//!   in RGB formats white is 255 and black is 0.
//!
//! # Meaning, from left to right
//!
//! | blocks | what |
//! |---|---|
//! | 0, 1 | sync: white, black |
//! | 2 to 33 | 32 bits, most significant first: milliseconds since 1970-01-01 00:00 UTC, modulo 2^32 |
//! | 34 to 41 | 8 bits, most significant first: CRC-8 of those four bytes in the same order |
//!
//! White is 1, black is 0. The CRC has the polynomial 0x07 (x^8 + x^2 + x + 1), starts at 0xFF, is not reflected and not
//! inverted at the end: 00 00 00 00 gives 0xD1, 12 34 56 78 gives 0xCD, FF FF FF FF gives 0x0F.
//!
//! To read it: take the luma at the centre of each block, `x = i * side + side / 2`, `y = top + side / 2`; the threshold is
//! the mean of the two sync blocks; reject the reading if the first is not brighter than the second by at least 64 or the
//! checksum differs. The time is `now - ((now - ms) mod 2^32)` for a `now` in milliseconds on the same clock.

use crate::pixels::colour::{self, Ink};
use crate::pixels::picture::{PictureMut, Shape};

/// Blocks in the row: two for sync, 32 for the time, eight for the checksum.
pub const BLOCKS: usize = 42;

/// Smaller blocks do not survive encoding well; they are used only where the picture is too narrow for these.
const MIN_SIDE: usize = 8;

/// Luma of a block that means 1, and of one that means 0.
const WHITE: u8 = 235;
const BLACK: u8 = 16;

/// Where the row of blocks is, in luma pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Width and height of a block; even.
    pub side: usize,
    /// First row of the blocks; even.
    pub top: usize,
}

/// The geometry in a picture of this size in pixels, or `None` where the row does not fit.
pub fn geometry(width: usize, height: usize) -> Option<Geometry> {
    let side = if width >= BLOCKS * MIN_SIDE {
        MIN_SIDE.max((width / 80) & !1)
    } else {
        (width / BLOCKS) & !1
    };
    (side >= 2 && side <= height).then(|| Geometry {
        side,
        top: (height - side) & !1,
    })
}

/// The blocks for a time in milliseconds, modulo 2^32; `true` is white.
pub fn encode(ms: u32) -> [bool; BLOCKS] {
    let word = (u64::from(ms) << 8) | u64::from(checksum(ms));
    std::array::from_fn(|i| match i {
        0 => true,
        1 => false,
        _ => (word >> (BLOCKS - 1 - i)) & 1 == 1,
    })
}

/// The clock, ready to be copied into pictures of one shape.
#[derive(Debug)]
pub struct Clock {
    geometry: Geometry,
    shape: Shape,
    white: Ink,
    black: Ink,
    /// One row of blocks for each plane; all rows of a plane are equal.
    rows: [Vec<u8>; 3],
}

impl Clock {
    /// A clock for pictures of this shape, or `None` where it does not fit.
    pub fn new(shape: Shape) -> Option<Self> {
        let geometry = geometry(shape.width, shape.height)?;
        let width = geometry.side * BLOCKS;
        Some(Self {
            geometry,
            shape,
            white: Ink::block(WHITE, shape.format),
            black: Ink::block(BLACK, shape.format),
            rows: shape
                .format
                .shapes()
                .map(|plane| vec![0; plane.row_bytes(width)]),
        })
    }

    /// Sets the time to show, in milliseconds, modulo 2^32.
    pub fn set(&mut self, ms: u32) {
        let blocks = encode(ms);
        for (i, plane) in self.shape.format.shapes().into_iter().enumerate() {
            let bytes = plane.row_bytes(self.geometry.side).max(1);
            for (block, white) in self.rows[i].chunks_exact_mut(bytes).zip(blocks) {
                let ink = if white { &self.white } else { &self.black };
                colour::fill(block, ink.units[i], plane.bytes);
            }
        }
    }

    /// Paints the part that is in the band.
    pub(crate) fn paint(&self, band: &mut PictureMut<'_>) {
        let Geometry { side, top } = self.geometry;
        for (i, plane) in self.shape.format.shapes().into_iter().enumerate() {
            let strip = &self.rows[i];
            for (_, row) in band.plane_rows(i, top >> plane.down, (top + side) >> plane.down) {
                row[..strip.len()].copy_from_slice(strip);
            }
        }
    }
}

/// The time in milliseconds, modulo 2^32, or `None` if sync or checksum are wrong.
#[cfg(test)]
pub fn decode(blocks: &[bool; BLOCKS]) -> Option<u32> {
    if !blocks[0] || blocks[1] {
        return None;
    }
    let word = blocks[2..]
        .iter()
        .fold(0_u64, |word, bit| (word << 1) | u64::from(*bit));
    let ms = (word >> 8) as u32;
    (checksum(ms) == word as u8).then_some(ms)
}

fn checksum(ms: u32) -> u8 {
    ms.to_be_bytes().into_iter().fold(0xFF, |crc, byte| {
        (0..8).fold(crc ^ byte, |crc, _| {
            let shifted = crc << 1;
            if crc & 0x80 != 0 {
                shifted ^ 0x07
            } else {
                shifted
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_encoded_is_decoded() {
        for ms in [0, 1, 0x8000_0000, 0x1234_5678, u32::MAX] {
            assert_eq!(decode(&encode(ms)), Some(ms));
        }
    }

    #[test]
    fn a_single_wrong_block_is_noticed() {
        for i in 0..BLOCKS {
            let mut blocks = encode(0xDEAD_BEEF);
            blocks[i] = !blocks[i];
            assert_eq!(decode(&blocks), None, "block {i}");
        }
    }

    #[test]
    fn blank_rows_are_no_clock() {
        assert_eq!(decode(&[false; BLOCKS]), None);
        assert_eq!(decode(&[true; BLOCKS]), None);
        let mut dark = [false; BLOCKS];
        dark[0] = true;
        assert_eq!(decode(&dark), None);
    }

    #[test]
    fn the_blocks_are_most_significant_first_after_the_sync() {
        let blocks = encode(0x8000_0001);
        assert_eq!(blocks[..4], [true, false, true, false]);
        assert!(blocks[33]);
    }

    #[test]
    fn the_checksum_has_the_documented_values() {
        assert_eq!(checksum(0), 0xD1);
        assert_eq!(checksum(0x1234_5678), 0xCD);
        assert_eq!(checksum(u32::MAX), 0x0F);
    }

    #[test]
    fn the_row_fits_the_picture_and_lies_on_even_pixels() {
        for (width, height) in [
            (84, 9),
            (320, 240),
            (335, 31),
            (336, 240),
            (641, 481),
            (1280, 720),
            (3840, 2160),
        ] {
            let g = geometry(width, height).unwrap();
            assert!(g.side * BLOCKS <= width && g.top + g.side <= height);
            assert!(g.side.is_multiple_of(2) && g.top.is_multiple_of(2));
        }
    }

    #[test]
    fn common_sizes_have_the_documented_blocks() {
        assert_eq!(geometry(640, 480), Some(Geometry { side: 8, top: 472 }));
        assert_eq!(geometry(1280, 720), Some(Geometry { side: 16, top: 704 }));
        assert_eq!(
            geometry(1920, 1080),
            Some(Geometry {
                side: 24,
                top: 1056
            })
        );
    }

    #[test]
    fn a_picture_too_small_for_the_row_has_no_clock() {
        assert_eq!(geometry(83, 100), None);
        assert_eq!(geometry(640, 7), None);
        assert_eq!(geometry(0, 0), None);
    }
}
