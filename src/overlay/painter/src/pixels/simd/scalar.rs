// SPDX-License-Identifier: MPL-2.0
//! What the loops do, in plain Rust: the reference for the others, and what runs where there is nothing better.

use super::tile::Vector;

/// Lays something over a row: `row = row * weight / 255 + add`, rounded.
#[inline(always)]
pub(crate) fn blend(row: &mut [u8], weight: &[u8], add: &[u8]) {
    for ((sample, weight), add) in row.iter_mut().zip(weight).zip(add) {
        // The rounded quotient by 255, exact for all products of two bytes.
        let product = u16::from(*sample) * u16::from(*weight) + 128;
        let kept = (product + (product >> 8)) >> 8;
        *sample = (kept as u8).saturating_add(*add);
    }
}

/// As [`blend`] for samples of ten bits, moved up by `shift` bits in words of 16 bits, least significant byte first. A weight
/// of 65535 keeps a sample as it is. `add` is moved up already.
#[inline(always)]
pub(crate) fn blend_ten(row: &mut [u8], weight: &[u16], add: &[u16], shift: u32) {
    let up = 6 - shift;
    for ((bytes, weight), add) in row.as_chunks_mut::<2>().0.iter_mut().zip(weight).zip(add) {
        let sample = u16::from_le_bytes(*bytes) << up;
        let product = ((u32::from(sample) * u32::from(*weight)) >> 16) as u16;
        let kept = (product.saturating_add(32) >> 6) << shift;
        *bytes = kept.wrapping_add(*add).to_le_bytes();
    }
}

/// A lane in plain Rust.
#[derive(Clone, Copy)]
pub(super) struct Lane(pub(super) [u8; 16]);

impl Lane {
    #[inline(always)]
    fn bytes(self, other: Self, each: impl Fn(u8, u8) -> u8) -> Self {
        Self(std::array::from_fn(|i| each(self.0[i], other.0[i])))
    }
}

impl Vector for Lane {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn load(from: *const u8, _apart: isize) -> Self {
        // Safety: the caller's.
        Self(unsafe { from.cast::<[u8; 16]>().read_unaligned() })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        // Safety: the caller's.
        unsafe { to.cast::<[u8; 16]>().write_unaligned(self.0) }
    }

    #[inline(always)]
    unsafe fn zip<const N: usize>(self, other: Self) -> (Self, Self) {
        let pick = |half: usize| {
            Self(std::array::from_fn(|i| {
                let (unit, byte) = (half * 8 / N + i / N / 2, i % N);
                let side = if (i / N).is_multiple_of(2) {
                    &self.0
                } else {
                    &other.0
                };
                side[unit * N + byte]
            }))
        };
        (pick(0), pick(1))
    }

    #[inline(always)]
    unsafe fn reverse<const N: usize>(self) -> Self {
        Self(std::array::from_fn(|i| {
            self.0[(16 / N - 1 - i / N) * N + i % N]
        }))
    }

    #[inline(always)]
    unsafe fn splat(pair: u32) -> Self {
        let bytes = pair.to_le_bytes();
        Self(std::array::from_fn(|i| bytes[i % 4]))
    }

    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        self.bytes(other, |a, b| a & b)
    }

    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        self.bytes(other, |a, b| a | b)
    }

    #[inline(always)]
    unsafe fn mean(self, other: Self) -> Self {
        self.bytes(other, |a, b| ((u16::from(a) + u16::from(b)) >> 1) as u8)
    }

    #[inline(always)]
    unsafe fn spread<const N: usize>(self) -> Self {
        Self(std::array::from_fn(|i| {
            if i % 2 == N % 2 {
                self.0[i & !3 | N]
            } else {
                0
            }
        }))
    }

    #[inline(always)]
    unsafe fn swap(self) -> Self {
        Self(std::array::from_fn(|i| self.0[i ^ 2]))
    }
}
