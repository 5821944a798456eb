// SPDX-License-Identifier: MPL-2.0
//! How the elements speak to each other: custom events, each with its builder and its parser in one file.
//!
//! Events cross elements of other people, so that each may come from anybody: a parser takes what it understands and
//! says `None` to what is not its event.

pub(crate) mod demand;
pub(crate) mod slate;
pub(crate) mod turn;
