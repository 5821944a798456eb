// SPDX-License-Identifier: MPL-2.0
//! Where memory and database differ, when some changes were not heard.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Ledger;
use crate::model::{Booking, Camera, Share, User};
use crate::rights::Rule;

/// What the database has where memory has something else; `None` where it has nothing.
#[derive(Debug, Default)]
pub(crate) struct Differences {
    pub(crate) users: Vec<(String, Option<User>)>,
    pub(crate) cameras: Vec<(String, Option<Camera>)>,
    pub(crate) bookings: Vec<(String, Option<(Booking, Timestamp)>)>,
    pub(crate) shares: Vec<(String, Option<Share>)>,
}

impl Ledger {
    /// Compares with all that the database has.
    pub(crate) fn differences(
        &self,
        users: Vec<User>,
        cameras: Vec<Camera>,
        bookings: Vec<(Booking, Timestamp)>,
        shares: Vec<Share>,
    ) -> Differences {
        let mut differ = Differences::default();
        let mut gone: BTreeSet<&str> = self.users.keys().map(|name| &**name).collect();
        for user in users {
            gone.remove(user.name.as_str());
            if self.user(&user.name) != Some(&user) {
                differ.users.push((user.name.clone(), Some(user)));
            }
        }
        differ.users.extend(none(gone));

        let mut gone: BTreeSet<&str> = self.cameras.keys().map(String::as_str).collect();
        for camera in cameras {
            gone.remove(camera.id.as_str());
            let is_same =
                |known: &&Camera| (&known.name, known.secret) == (&camera.name, camera.secret);
            if self.cameras.get(&camera.id).filter(is_same).is_none() {
                differ.cameras.push((camera.id.clone(), Some(camera)));
            }
        }
        differ.cameras.extend(none(gone));

        let mut gone: BTreeSet<&str> = self.bookings.keys().map(|id| &**id).collect();
        for (booking, over) in bookings {
            gone.remove(booking.id.as_str());
            let held = self.users.get(booking.user.as_str());
            let mut rules = held.into_iter().flat_map(|held| held.rights.rules());
            let known = rules.find(|rule| rule.booking.as_deref() == Some(&*booking.id));
            if known != Some(&Rule::booking(&booking, over)) {
                let id = booking.id.clone();
                differ.bookings.push((id, Some((booking, over))));
            }
        }
        differ.bookings.extend(none(gone));

        let mut gone: BTreeSet<&str> = self.shares.keys().map(String::as_str).collect();
        for share in shares {
            gone.remove(share.id.as_str());
            if self.share(&share.id) != Some(&share) {
                differ.shares.push((share.id.clone(), Some(share)));
            }
        }
        differ.shares.extend(none(gone));
        differ
    }
}

fn none<T>(gone: BTreeSet<&str>) -> impl Iterator<Item = (String, Option<T>)> {
    gone.into_iter().map(|id| (id.to_owned(), None))
}
