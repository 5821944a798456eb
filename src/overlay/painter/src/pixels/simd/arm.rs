// SPDX-License-Identifier: MPL-2.0
//! NEON, which every 64-bit Arm processor that runs an operating system has.

use std::arch::aarch64::*;

use super::tile::Vector;

/// One lane.
#[derive(Clone, Copy)]
pub(super) struct Neon(uint8x16_t);

// Safety of all blocks: NEON is there on every 64-bit Arm target that this is compiled for; the pointers are the caller's.
impl Vector for Neon {
    const LANES: usize = 1;

    #[inline(always)]
    unsafe fn load(from: *const u8, _apart: isize) -> Self {
        Self(unsafe { vld1q_u8(from) })
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut u8) {
        unsafe { vst1q_u8(to, self.0) }
    }

    #[inline(always)]
    unsafe fn zip<const N: usize>(self, Self(other): Self) -> (Self, Self) {
        let own = self.0;
        let (low, high) = unsafe {
            match N {
                1 => (vzip1q_u8(own, other), vzip2q_u8(own, other)),
                2 => {
                    let (own, other) = (vreinterpretq_u16_u8(own), vreinterpretq_u16_u8(other));
                    (
                        vreinterpretq_u8_u16(vzip1q_u16(own, other)),
                        vreinterpretq_u8_u16(vzip2q_u16(own, other)),
                    )
                }
                _ => {
                    let (own, other) = (vreinterpretq_u32_u8(own), vreinterpretq_u32_u8(other));
                    (
                        vreinterpretq_u8_u32(vzip1q_u32(own, other)),
                        vreinterpretq_u8_u32(vzip2q_u32(own, other)),
                    )
                }
            }
        };
        (Self(low), Self(high))
    }

    #[inline(always)]
    unsafe fn reverse<const N: usize>(self) -> Self {
        unsafe {
            let halves = match N {
                1 => vrev64q_u8(self.0),
                2 => vreinterpretq_u8_u16(vrev64q_u16(vreinterpretq_u16_u8(self.0))),
                _ => vreinterpretq_u8_u32(vrev64q_u32(vreinterpretq_u32_u8(self.0))),
            };
            Self(vextq_u8::<8>(halves, halves))
        }
    }

    #[inline(always)]
    unsafe fn splat(pair: u32) -> Self {
        Self(unsafe { vreinterpretq_u8_u32(vdupq_n_u32(pair)) })
    }

    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        Self(unsafe { vandq_u8(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn or(self, other: Self) -> Self {
        Self(unsafe { vorrq_u8(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn mean(self, other: Self) -> Self {
        Self(unsafe { vhaddq_u8(self.0, other.0) })
    }

    #[inline(always)]
    unsafe fn spread<const N: usize>(self) -> Self {
        // An index beyond the table gives 0.
        let order: [u8; 16] = std::array::from_fn(|i| {
            if i % 2 == N % 2 {
                (i & !3 | N) as u8
            } else {
                0xFF
            }
        });
        Self(unsafe { vqtbl1q_u8(self.0, vld1q_u8(order.as_ptr())) })
    }

    #[inline(always)]
    unsafe fn swap(self) -> Self {
        Self(unsafe { vreinterpretq_u8_u16(vrev32q_u16(vreinterpretq_u16_u8(self.0))) })
    }

    #[inline(always)]
    unsafe fn weighted(self, weight: *const i16) -> Self {
        Self(unsafe {
            let low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(self.0)));
            let high = vreinterpretq_s16_u16(vmovl_u8(vget_high_u8(self.0)));
            let low = vqrdmulhq_s16(low, vld1q_s16(weight));
            let high = vqrdmulhq_s16(high, vld1q_s16(weight.add(8)));
            vcombine_u8(vqmovun_s16(low), vqmovun_s16(high))
        })
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        Self(unsafe { vqaddq_u8(self.0, other.0) })
    }
}
