// SPDX-License-Identifier: MPL-2.0
//! What users may do, as the room takes it. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use porthole_protocol::grant::{MAX_LEASE_SECONDS, Permission};

use crate::model::{Booking, Share, Window};
use crate::room::{Cameras, DEFAULT_LEASE_SECONDS, Rights, Rule};

/// What an administrator may do: everything there is.
const EVERYTHING: [Permission; 4] = [
    Permission::View,
    Permission::Listen,
    Permission::Talk,
    Permission::Control,
];

/// How the user of a share link is called in grants, messages and logs. No user's name has a colon.
pub(crate) fn share_user(id: &str) -> String {
    format!("share:{id}")
}

/// Any camera at any time; what was booked permits nothing more, and goes before.
pub(super) fn administrator<'a>(user: &str, bookings: impl Iterator<Item = &'a Booked>) -> Rights {
    let mut rights = Rights::always(user, Cameras::All, &EVERYTHING, DEFAULT_LEASE_SECONDS);
    rights.rules.extend(booked(user, bookings).rules);
    rights
}

/// A booking with those of its windows that are not over.
pub(crate) type Booked = (Booking, Vec<Window>);

/// What was booked.
pub(super) fn booked<'a>(user: &str, bookings: impl Iterator<Item = &'a Booked>) -> Rights {
    let rules = bookings.flat_map(|(booking, windows)| {
        let rule = |window: &Window| Rule {
            booked: true,
            ..rule(&booking.camera, &booking.perms, *window)
        };
        windows.iter().map(rule)
    });
    Rights {
        user: user.to_owned(),
        token: None,
        shared: false,
        rules: rules.collect(),
    }
}

/// What a link is for.
pub(super) fn of_share(share: &Share) -> Rights {
    Rights {
        user: share_user(&share.id),
        token: None,
        shared: true,
        rules: vec![rule(&share.camera, &share.perms, share.window)],
    }
}

fn rule(camera: &str, perms: &BTreeSet<Permission>, window: Window) -> Rule {
    Rule {
        cameras: Cameras::Only([camera.to_owned()].into()),
        perms: perms.clone(),
        window: Some(window),
        lease: MAX_LEASE_SECONDS,
        booked: false,
    }
}

/// That a camera is open to someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) perms: BTreeSet<Permission>,
    /// The first moment at which it is not, if there is one.
    pub(crate) until: Option<Timestamp>,
}

/// Whether the camera is open at `now`, and until when: windows that touch count as one.
pub(crate) fn open(rights: &Rights, camera: &str, now: Timestamp) -> Option<Open> {
    let own = || {
        rights
            .rules
            .iter()
            .filter(|rule| rule.cameras.contain(camera))
    };
    let at = |at: Timestamp| own().filter(move |r| r.window.is_none_or(|w| w.contains(at)));
    let perms: BTreeSet<_> = at(now).flat_map(|rule| &rule.perms).copied().collect();
    if !perms.contains(&Permission::View) {
        return None;
    }
    let shows = |at_: Timestamp| at(at_).filter(|rule| rule.perms.contains(&Permission::View));
    let mut until = now;
    loop {
        let ends: Vec<_> = shows(until)
            .map(|rule| rule.window.map(|w| w.end))
            .collect();
        if ends.contains(&None) {
            return Some(Open { perms, until: None });
        }
        match ends.into_iter().flatten().max() {
            Some(end) => until = end,
            None => break,
        }
    }
    Some(Open {
        perms,
        until: Some(until),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Booking;

    fn at(hour: i8) -> Timestamp {
        let time = jiff::civil::date(2026, 12, 1).at(hour, 0, 0, 0);
        time.in_tz("UTC").unwrap().timestamp()
    }

    fn booked_at(camera: &str, hours: &[(i8, i8)], perms: &[Permission]) -> Booked {
        let windows = hours.iter().map(|(start, end)| Window {
            start: at(*start),
            end: at(*end),
        });
        let windows: Vec<_> = windows.collect();
        let booking = Booking {
            id: String::new(),
            camera: camera.to_owned(),
            user: "alice".to_owned(),
            window: windows[0],
            perms: perms.iter().copied().collect(),
            recurrence: None,
            note: String::new(),
            created: at(0),
        };
        (booking, windows)
    }

    #[test]
    fn an_administrator_watches_anything_at_any_time() {
        let rights = administrator("root", [].iter());
        let open = open(&rights, "any", at(3)).unwrap();
        assert_eq!((open.until, open.perms.len()), (None, 4));
    }

    #[test]
    fn windows_that_touch_count_as_one_and_a_gap_ends_it() {
        let booked_by_alice = [
            booked_at("front", &[(10, 11), (13, 14)], &[Permission::View]),
            booked_at("front", &[(11, 12)], &[Permission::View, Permission::Talk]),
            booked_at("back", &[(12, 13)], &[Permission::View]),
        ];
        let rights = booked("alice", booked_by_alice.iter());
        let until = |camera, hour| open(&rights, camera, at(hour)).map(|open| open.until);
        assert_eq!(until("front", 9), None);
        assert_eq!(until("front", 10), Some(Some(at(12))));
        assert_eq!(until("front", 12), None);
        assert_eq!(until("front", 13), Some(Some(at(14))));
        assert_eq!(until("back", 10), None);
        let perms = open(&rights, "front", at(11)).unwrap().perms;
        assert!(perms.contains(&Permission::Talk));
    }
}
