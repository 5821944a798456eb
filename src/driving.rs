// SPDX-License-Identifier: MPL-2.0
//! Who drives the robot: what the gateway decides, the application hears and the server writes down.

pub(crate) use porthole_protocol::drive::DriveReason;

/// A viewer at the wheel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Driver {
    pub(crate) session: String,
    pub(crate) user: String,
}

/// Another one drives, or nobody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DriverChange {
    pub(crate) driver: Option<Driver>,
    /// Who drove before, and why no more.
    pub(crate) before: Option<(Driver, DriveReason)>,
}
