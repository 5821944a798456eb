// SPDX-License-Identifier: MPL-2.0
//! Commands on what is kept in the data directory: each is one call of the REST API, so that it means the same whoever
//! asks. With a running server it goes through the socket in the data directory; without one, to the database.

mod bookings;
mod bulk;
mod call;
mod calls;
mod cameras;
mod confirm;
mod nodes;
mod notify;
mod self_booking;
mod sessions;
mod shares;
mod show;
mod times;
mod users;

/// What a viewer may do.
const PERMS: [&str; 5] = ["view", "listen", "talk", "control", "door"];

pub(super) use bookings::BookingCommand;
pub(super) use bulk::{ExportArgs, ImportArgs};
pub(super) use call::{Asked, Call};
pub(super) use calls::{CallsArgs, RingArgs};
pub(super) use cameras::{CameraData, same_name};
pub(super) use nodes::NodeCommand;
pub(super) use notify::NotifyCommand;
pub(super) use self_booking::SelfBookingCommand;
pub(super) use sessions::{AuditArgs, SessionCommand, audit};
pub(super) use shares::ShareCommand;
pub(super) use show::Output;
pub(super) use users::UserCommand;
