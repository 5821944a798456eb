// SPDX-License-Identifier: MPL-2.0
//! Everything that touches the pixels of a frame.

pub(crate) mod bitmap;
pub mod clock;
mod colour;
mod format;
mod hidden;
mod mask;
mod orientation;
mod paint;
mod patch;
mod picture;
mod recolour;
mod simd;
#[cfg(test)]
mod test_picture;
mod turn;

pub use bitmap::Bitmap;
pub use clock::Clock;
pub use colour::Matrix;
pub use format::Format;
pub use hidden::Hidden;
pub use mask::{Cover, Mask};
pub use orientation::Orientation;
pub use paint::{Drawing, Input, paint};
pub use patch::Patch;
pub use picture::{Picture, PictureMut, Plane, PlaneMut, Shape};
pub use recolour::{Differences, Recolouring, Subsampled};
pub use simd::Isa;
