// SPDX-License-Identifier: MPL-2.0
//! Which cameras there are, and which of them a text names.

mod found;
mod monitor;
mod named;
mod watch;

pub use found::{Control, Found, Mode, cameras};
pub(super) use named::named;
