// SPDX-License-Identifier: MPL-2.0
//! Who a client is, once its credential has been checked.

use std::collections::BTreeSet;

use super::rights::Rights;

/// The user of everyone who comes without a credential, where that is allowed.
pub const GUEST: &str = "guest";

/// The lease of a viewer for whom none is set: 12 hours, so a page that is left open closes overnight.
pub const DEFAULT_LEASE_SECONDS: u32 = 12 * 60 * 60;

/// Who a client is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// An enrolled camera.
    Camera {
        /// Its id.
        id: String,
    },
    /// Someone who wants to watch.
    Viewer(Rights),
}

/// A choice of cameras.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cameras {
    /// Every camera, also those enrolled later.
    All,
    /// These ids.
    Only(BTreeSet<String>),
}

impl Cameras {
    /// Whether this camera is among them.
    pub fn contain(&self, camera_id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.contains(camera_id),
        }
    }
}
