// SPDX-License-Identifier: MPL-2.0
//! Who wants the picture: what downstream says of it, and who stands there.

mod downstream;
mod listeners;
mod sinks;

pub(crate) use downstream::Downstream;
pub(crate) use listeners::find;
