// SPDX-License-Identifier: MPL-2.0
//! What the loops do, in plain Rust: the reference for the others, and what runs where there is nothing better.

use super::tile::Vector;

/// A weight that keeps a sample as it is.
pub(crate) const KEEP: i16 = i16::MAX;

/// A sample of up to 15 bits times a weight of 0 to [`KEEP`], which stands for 1; rounded. In this form it is one instruction
/// on most processors.
#[inline(always)]
fn weighted(sample: i16, weight: i16) -> i16 {
    ((((i32::from(sample) * i32::from(weight)) >> 14) + 1) >> 1) as i16
}

/// Lays something over a row: each sample times its weight, plus what is added.
#[inline(always)]
pub(crate) fn blend(row: &mut [u8], weight: &[i16], add: &[u8]) {
    for ((sample, weight), add) in row.iter_mut().zip(weight).zip(add) {
        *sample = (weighted(i16::from(*sample), *weight) as u8).saturating_add(*add);
    }
}

/// As [`blend`] for samples of ten bits, moved up by `shift` bits in words of 16 bits, least significant byte first. What is
/// added is moved up already.
#[inline(always)]
pub(crate) fn blend_ten(row: &mut [u8], weight: &[i16], add: &[u16], shift: u32) {
    for ((bytes, weight), add) in row.as_chunks_mut::<2>().0.iter_mut().zip(weight).zip(add) {
        let sample = (u16::from_le_bytes(*bytes) >> shift) as i16;
        let kept = (weighted(sample, *weight) as u16) << shift;
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

    #[inline(always)]
    unsafe fn weighted(self, weight: *const i16) -> Self {
        // Safety: the caller's.
        let weight = unsafe { weight.cast::<[i16; 16]>().read_unaligned() };
        Self(std::array::from_fn(|i| {
            weighted(i16::from(self.0[i]), weight[i]) as u8
        }))
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.bytes(other, u8::saturating_add)
    }
}
