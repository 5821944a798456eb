// SPDX-License-Identifier: MPL-2.0
//! SSE2, which every 64-bit x86 processor has, and AVX2, which most have.

use std::arch::x86_64::*;

use super::tile::{self, Tiles, Unit, Vector};

/// One lane.
#[derive(Clone, Copy)]
pub(super) struct Sse2(__m128i);

// Safety of all blocks: SSE2 is there on every 64-bit x86 processor; the pointers are the caller's.
impl Vector for Sse2 {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn load(from: *const u8, _apart: isize) -> Self {
        Self(unsafe { _mm_loadu_si128(from.cast()) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        unsafe { _mm_storeu_si128(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn zip<const N: usize>(self, Self(other): Self) -> (Self, Self) {
        let own = self.0;
        let (low, high) = unsafe {
            match N {
                1 => (_mm_unpacklo_epi8(own, other), _mm_unpackhi_epi8(own, other)),
                2 => (
                    _mm_unpacklo_epi16(own, other),
                    _mm_unpackhi_epi16(own, other),
                ),
                _ => (
                    _mm_unpacklo_epi32(own, other),
                    _mm_unpackhi_epi32(own, other),
                ),
            }
        };
        (Self(low), Self(high))
    }

    #[inline(always)]
    unsafe fn reverse<const N: usize>(self) -> Self {
        unsafe {
            let words = _mm_shuffle_epi32::<0b00_01_10_11>(self.0);
            if N == 4 {
                return Self(words);
            }
            let halves = Self(words).swap();
            if N == 2 {
                return halves;
            }
            let (up, down) = (_mm_slli_epi16::<8>(halves.0), _mm_srli_epi16::<8>(halves.0));
            Self(_mm_or_si128(up, down))
        }
    }

    #[inline(always)]
    unsafe fn splat(pair: u32) -> Self {
        Self(unsafe { _mm_set1_epi32(pair as i32) })
    }

    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        Self(unsafe { _mm_and_si128(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        Self(unsafe { _mm_or_si128(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mean(self, other: Self) -> Self {
        // The instruction rounds up, which shows where the lowest bits differ.
        Self(unsafe {
            let up = _mm_avg_epu8(self.0, other.0);
            let lowest = _mm_and_si128(_mm_xor_si128(self.0, other.0), _mm_set1_epi8(1));
            _mm_sub_epi8(up, lowest)
        })
    }

    #[inline(always)]
    unsafe fn spread<const N: usize>(self) -> Self {
        unsafe {
            let chosen = self.and(Self::splat(0xFF << (8 * N)));
            chosen.or(chosen.swap())
        }
    }

    #[inline(always)]
    unsafe fn swap(self) -> Self {
        Self(unsafe {
            let low = _mm_shufflelo_epi16::<0b10_11_00_01>(self.0);
            _mm_shufflehi_epi16::<0b10_11_00_01>(low)
        })
    }

    #[inline(always)]
    unsafe fn weighted(self, weight: *const i16) -> Self {
        unsafe {
            // The product of two words comes in two halves; it is wanted without its 15 lowest bits, rounded.
            let times = |samples, weight: *const i16| {
                let weight = _mm_loadu_si128(weight.cast());
                let low = _mm_srli_epi16::<14>(_mm_mullo_epi16(samples, weight));
                let high = _mm_slli_epi16::<2>(_mm_mulhi_epi16(samples, weight));
                _mm_srli_epi16::<1>(_mm_add_epi16(_mm_or_si128(low, high), _mm_set1_epi16(1)))
            };
            let zero = _mm_setzero_si128();
            let low = times(_mm_unpacklo_epi8(self.0, zero), weight);
            let high = times(_mm_unpackhi_epi8(self.0, zero), weight.add(8));
            Self(_mm_packus_epi16(low, high))
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm_adds_epu8(self.0, other.0) })
    }
}

/// Two lanes.
#[derive(Clone, Copy)]
struct Avx2(__m256i);

impl Avx2 {
    /// In each lane the bytes at these places.
    ///
    /// # Safety
    /// As for [`Vector`].
    #[inline(always)]
    unsafe fn shuffle(self, order: [u8; 16]) -> Self {
        // Safety: the caller's; the array is as long as the register that is read from it.
        Self(unsafe {
            let order = _mm_loadu_si128(order.as_ptr().cast());
            _mm256_shuffle_epi8(self.0, _mm256_broadcastsi128_si256(order))
        })
    }
}

// Safety of all blocks: only the functions below, which demand AVX2, use this type; the pointers are the caller's.
impl Vector for Avx2 {
    const LANES: usize = 2;

    #[inline(always)]
    unsafe fn load(from: *const u8, apart: isize) -> Self {
        unsafe {
            let low = _mm_loadu_si128(from.cast());
            let high = _mm_loadu_si128(from.offset(apart).cast());
            Self(_mm256_inserti128_si256::<1>(
                _mm256_castsi128_si256(low),
                high,
            ))
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        unsafe { _mm256_storeu_si256(to.cast(), self.0) }
    }

    #[inline(always)]
    unsafe fn zip<const N: usize>(self, Self(other): Self) -> (Self, Self) {
        let own = self.0;
        let (low, high) = unsafe {
            match N {
                1 => (
                    _mm256_unpacklo_epi8(own, other),
                    _mm256_unpackhi_epi8(own, other),
                ),
                2 => (
                    _mm256_unpacklo_epi16(own, other),
                    _mm256_unpackhi_epi16(own, other),
                ),
                _ => (
                    _mm256_unpacklo_epi32(own, other),
                    _mm256_unpackhi_epi32(own, other),
                ),
            }
        };
        (Self(low), Self(high))
    }

    #[inline(always)]
    unsafe fn reverse<const N: usize>(self) -> Self {
        unsafe {
            let lanes = Self(_mm256_permute4x64_epi64::<0b01_00_11_10>(self.0));
            lanes.shuffle(std::array::from_fn(|i| {
                ((16 / N - 1 - i / N) * N + i % N) as u8
            }))
        }
    }

    #[inline(always)]
    unsafe fn splat(pair: u32) -> Self {
        Self(unsafe { _mm256_set1_epi32(pair as i32) })
    }

    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        Self(unsafe { _mm256_or_si256(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mean(self, other: Self) -> Self {
        // The instruction rounds up, which shows where the lowest bits differ.
        Self(unsafe {
            let up = _mm256_avg_epu8(self.0, other.0);
            let lowest = _mm256_and_si256(_mm256_xor_si256(self.0, other.0), _mm256_set1_epi8(1));
            _mm256_sub_epi8(up, lowest)
        })
    }

    #[inline(always)]
    unsafe fn spread<const N: usize>(self) -> Self {
        // An index with its highest bit set gives 0.
        let order = std::array::from_fn(|i| {
            if i % 2 == N % 2 {
                (i & !3 | N) as u8
            } else {
                0x80
            }
        });
        unsafe { self.shuffle(order) }
    }

    #[inline(always)]
    unsafe fn swap(self) -> Self {
        unsafe { self.shuffle(std::array::from_fn(|i| (i ^ 2) as u8)) }
    }

    #[inline(always)]
    unsafe fn weighted(self, weight: *const i16) -> Self {
        unsafe {
            let times = |samples, weight: *const i16| {
                let words = _mm256_cvtepu8_epi16(samples);
                _mm256_mulhrs_epi16(words, _mm256_loadu_si256(weight.cast()))
            };
            let low = times(_mm256_castsi256_si128(self.0), weight);
            let high = times(_mm256_extracti128_si256::<1>(self.0), weight.add(16));
            // Packing takes the halves of both in turns.
            let packed = _mm256_packus_epi16(low, high);
            Self(_mm256_permute4x64_epi64::<0b11_01_10_00>(packed))
        }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { _mm256_adds_epu8(self.0, other.0) })
    }
}

/// [`tile::transpose`], compiled for AVX2.
///
/// # Safety
/// As for that function.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn transpose_avx2<U: Unit>(tiles: Tiles) {
    // Safety: the caller's.
    unsafe { tile::transpose::<Avx2, U>(tiles) }
}

/// [`tile::reverse`], compiled for AVX2.
///
/// # Safety
/// As for that function.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn reverse_avx2<U: Unit>(from: &[u8], to: &mut [u8]) {
    // Safety: the caller's.
    unsafe { tile::reverse::<Avx2, U>(from, to) }
}

/// [`tile::blend`], compiled for AVX2.
///
/// # Safety
/// As for that function.
#[target_feature(enable = "avx2")]
pub(super) unsafe fn blend_avx2(row: &mut [u8], weight: &[i16], add: &[u8]) {
    // Safety: the caller's.
    unsafe { tile::blend::<Avx2>(row, weight, add) }
}
