// SPDX-License-Identifier: MPL-2.0
//! What is shown while there is no picture: black with a word about why, raw or as H.264, once a second.

mod encode;
mod paint;
mod schedule;

pub(crate) use paint::silence;
pub(crate) use schedule::{PERIOD, Slate, Slates};
