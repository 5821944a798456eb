// SPDX-License-Identifier: MPL-2.0
//! What the user wrote, turned into what can be painted: texts, images, masks.

mod area;
mod compose;
mod decode;
mod exif;
mod expander;
mod font;
pub mod image;
pub mod masks;
mod scale;
mod system;
pub mod template;
mod text;
mod time;

pub use expander::Expander;
pub use font::{FontChoice, FontError};
pub use text::{Align, Look, Rasteriser};
pub use time::{TimeError, parse_time, time_zone};
