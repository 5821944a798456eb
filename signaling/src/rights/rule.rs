// SPDX-License-Identifier: MPL-2.0
//! That someone may do something.

use std::collections::BTreeSet;
use std::sync::Arc;

use porthole_protocol::grant::{MAX_LEASE_SECONDS, Permission};
use serde::{Deserialize, Serialize};

use super::{Perms, Recurring, When};
use crate::model::{Booking, Share, Window};

/// A choice of cameras.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cameras {
    /// Every camera, also those enrolled later.
    All,
    /// The one of this id.
    One(Arc<str>),
    /// These ids.
    Only(BTreeSet<String>),
}

impl Cameras {
    /// Whether this camera is among them.
    pub fn contain(&self, camera_id: &str) -> bool {
        match self {
            Self::All => true,
            Self::One(id) => **id == *camera_id,
            Self::Only(ids) => ids.contains(camera_id),
        }
    }
}

/// That someone may do something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// At which cameras.
    pub cameras: Cameras,
    /// What.
    pub perms: Perms,
    /// When.
    pub when: When,
    /// For how long a session is granted at most, in seconds.
    pub lease: u32,
    /// Whether it is a booking: who has booked goes before who merely may.
    pub booked: bool,
    /// Whether the page may offer to save what it shows.
    pub saving: bool,
    /// Whether it is a booking that its user made.
    pub own: bool,
    /// Of a booking that is kept here: its id.
    pub booking: Option<Arc<str>>,
}

impl Rule {
    /// Of a booking, however often it recurs. `over` is the end of its last window.
    pub fn booking(booking: &Booking, over: jiff::Timestamp) -> Self {
        let when = match &booking.recurrence {
            None => When::Within(booking.window),
            Some(recurrence) => {
                let recurring = Recurring::new(booking.window, recurrence.clone(), over);
                When::Recurring(Arc::new(recurring))
            }
        };
        Self {
            booked: true,
            saving: booking.saving,
            own: booking.own,
            booking: Some(booking.id.as_str().into()),
            ..Self::at(&booking.camera, (&booking.perms).into(), when)
        }
    }

    /// Of a share link.
    pub fn share(share: &Share) -> Self {
        let when = When::Within(share.window);
        Self {
            saving: share.saving,
            ..Self::at(&share.camera, (&share.perms).into(), when)
        }
    }

    /// Of a call that rings someone at a camera.
    pub(crate) fn call(camera: &str, perms: Perms, window: Window) -> Self {
        let length = window.end.duration_since(window.start).as_secs();
        Self {
            lease: u32::try_from(length).map_or(0, |length| length.min(MAX_LEASE_SECONDS)),
            ..Self::at(camera, perms, When::Within(window))
        }
    }

    fn at(camera: &str, perms: Perms, when: When) -> Self {
        Self {
            cameras: Cameras::One(camera.into()),
            perms,
            when,
            lease: MAX_LEASE_SECONDS,
            booked: false,
            saving: true,
            own: false,
            booking: None,
        }
    }

    /// The camera, if it is for one alone.
    pub(super) fn camera(&self) -> Option<&Arc<str>> {
        match &self.cameras {
            Cameras::One(id) => Some(id),
            Cameras::All | Cameras::Only(_) => None,
        }
    }

    pub(super) fn shows(&self) -> bool {
        self.perms.contains(Permission::View)
    }
}
