// SPDX-License-Identifier: MPL-2.0
//! What leaves portholesrc: one stream of pictures, and one of sound while its pad is there.

mod feed;
mod streams;

pub(crate) use feed::{Bases, Feed, Pushed};
pub(crate) use streams::{NOBODY, Streams};
