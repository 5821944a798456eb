// SPDX-License-Identifier: MPL-2.0
//! Commands on what is kept in the data directory: each is one call of the REST API, so that it means the same whoever
//! asks. With a running server it goes through the socket in the data directory; without one, to the database.

mod bookings;
mod call;
mod cameras;
mod sessions;
mod shares;
mod show;
mod times;
mod users;

pub(super) use bookings::BookingCommand;
pub(super) use call::{Asked, Call};
pub(super) use cameras::CameraData;
pub(super) use sessions::{AuditArgs, SessionCommand, audit};
pub(super) use shares::ShareCommand;
pub(super) use show::Output;
pub(super) use users::UserCommand;
