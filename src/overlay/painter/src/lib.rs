// SPDX-License-Identifier: MPL-2.0
//! Turns, redacts and draws on pictures in memory, in one pass; knows nothing of GStreamer.
//!
//! [`paint`] does the work for each frame. What it draws is made ready before, for pictures of one [`Shape`]: [`Hidden`] from
//! [`Mask`]s, [`Patch`]es from [`Bitmap`]s, the latency [`Clock`]. The loops over pixels are in `pixels/simd`, in SSE2, AVX2 and
//! NEON, with a scalar twin each.
//!
//! `words` makes bitmaps and masks of what a user wrote. It is a feature, on by default, so that `pixels` alone can be built
//! and tested quickly for another processor.

mod pixels;
#[cfg(feature = "words")]
mod words;

pub use pixels::*;
#[cfg(feature = "words")]
pub use words::*;
