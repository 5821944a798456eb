// SPDX-License-Identifier: MPL-2.0
//! Which of a camera's modes is taken, and what has to be done to its pictures then. Pure.

mod asked;
pub(super) mod mode;
pub(super) mod plan;
mod values;

pub(in crate::camera) use asked::{mode_as_asked, usual};
pub(super) use values::rate_words;
