// SPDX-License-Identifier: MPL-2.0
//! Who a client is, once its credential has been checked.

use std::collections::BTreeSet;

use porthole_protocol::grant::Permission;

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

/// What a viewer may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// The name that stands in grants, messages and logs.
    pub user: String,
    /// Which cameras.
    pub cameras: Cameras,
    /// What, at each of them.
    pub perms: Vec<Permission>,
    /// For how long a session is granted, in seconds.
    pub lease: u32,
    /// Whether many people go by this name, who must not count as one: guests, or those who were given one link.
    pub shared: bool,
}

/// A choice of cameras.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cameras {
    /// Every camera, also those enrolled later.
    All,
    /// These ids.
    Only(BTreeSet<String>),
}

impl Rights {
    /// What anyone may do on a server with open access: see and hear every camera.
    pub fn guest() -> Self {
        Self {
            user: GUEST.to_owned(),
            cameras: Cameras::All,
            perms: vec![Permission::View, Permission::Listen],
            lease: DEFAULT_LEASE_SECONDS,
            shared: true,
        }
    }

    /// Whether the camera exists for this viewer.
    pub fn may_see(&self, camera_id: &str) -> bool {
        match &self.cameras {
            Cameras::All => true,
            Cameras::Only(ids) => ids.contains(camera_id),
        }
    }
}
