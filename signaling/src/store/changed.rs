// SPDX-License-Identifier: MPL-2.0
//! What has changed in the database, by its name. What it is now is read again by whoever holds a copy.

use jiff::Timestamp;

use crate::model::{Booking, Camera, Holder, Login, Share, User};

/// Something that has changed: added, changed or removed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Changed {
    /// The user of this name, or its log-ins.
    User(String),
    /// The camera of this id. With one that is gone, its bookings and share links are.
    Camera(String),
    /// The booking of this id.
    Booking(String),
    /// The share link of this id, or its log-ins.
    Share(String),
    /// Someone's log-ins.
    Logins(Holder),
}

/// What the database has of it.
#[derive(Clone, Debug)]
pub enum Row {
    /// A user, and its log-ins that are not over.
    User(Option<User>, Vec<Login>),
    /// A camera.
    Camera(Option<Camera>),
    /// A booking, with the end of its last window.
    Booking(Option<(Booking, Timestamp)>),
    /// A share link, and its log-ins that are not over.
    Share(Option<Share>, Vec<Login>),
    /// Log-ins that are not over.
    Logins(Vec<Login>),
}

/// What a server hears of others on the same database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Something has changed.
    Changed(Changed),
    /// It could not be heard for a while: anything may have changed.
    Missed,
}

impl Changed {
    /// As it is told to others: a word for what, and its key.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn to_text(&self) -> String {
        let (what, key) = match self {
            Self::User(name) => ("user", name),
            Self::Camera(id) => ("camera", id),
            Self::Booking(id) => ("booking", id),
            Self::Share(id) => ("share", id),
            Self::Logins(Holder::User(name)) => ("logins-of-user", name),
            Self::Logins(Holder::Share(id)) => ("logins-of-share", id),
        };
        format!("{what} {key}")
    }

    /// Reads it again. `None` is what another version says.
    #[cfg(any(feature = "postgres", test))]
    pub(super) fn of_text(text: &str) -> Option<Self> {
        let (what, key) = text.split_once(' ')?;
        let key = key.to_owned();
        Some(match what {
            "user" => Self::User(key),
            "camera" => Self::Camera(key),
            "booking" => Self::Booking(key),
            "share" => Self::Share(key),
            "logins-of-user" => Self::Logins(Holder::User(key)),
            "logins-of-share" => Self::Logins(Holder::Share(key)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_is_heard() {
        let name = "an odd name of two  spaces".to_owned();
        for changed in [
            Changed::User(name.clone()),
            Changed::Camera("front".to_owned()),
            Changed::Booking("b1".to_owned()),
            Changed::Share("s1".to_owned()),
            Changed::Logins(Holder::User(name)),
            Changed::Logins(Holder::Share("s1".to_owned())),
        ] {
            assert_eq!(Changed::of_text(&changed.to_text()), Some(changed));
        }
        for other in ["", "user", "moon full"] {
            assert_eq!(Changed::of_text(other), None, "{other}");
        }
    }
}
