// SPDX-License-Identifier: MPL-2.0
//! When somebody is not to be disturbed. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::civil::Time;
use jiff::tz::TimeZone;

/// That no doorbell rings someone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// Whom.
    pub user: String,
    /// At these cameras; `None` is all.
    pub cameras: Option<BTreeSet<String>>,
    /// In these hours of each day; `None` is always.
    pub hours: Option<Hours>,
}

/// Hours of a day, also over midnight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    /// Their first moment.
    pub from: Time,
    /// The first moment after them.
    pub to: Time,
    /// Whose midnight it is.
    pub zone: TimeZone,
}

impl Quiet {
    pub(super) fn covers(&self, user: &str, camera: &str, at: Timestamp) -> bool {
        let cameras = self.cameras.as_ref();
        self.user == user
            && cameras.is_none_or(|cameras| cameras.contains(camera))
            && self.hours.as_ref().is_none_or(|hours| hours.contain(at))
    }
}

impl Hours {
    fn contain(&self, at: Timestamp) -> bool {
        let time = at.to_zoned(self.zone.clone()).time();
        match self.from <= self.to {
            true => self.from <= time && time < self.to,
            false => self.from <= time || time < self.to,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night() -> Quiet {
        Quiet {
            user: "alice".to_owned(),
            cameras: Some(["front".to_owned()].into()),
            hours: Some(Hours {
                from: Time::constant(22, 0, 0, 0),
                to: Time::constant(7, 0, 0, 0),
                zone: TimeZone::fixed(jiff::tz::offset(1)),
            }),
        }
    }

    #[test]
    fn a_night_is_over_midnight_where_the_person_is() {
        let night = night();
        let at = |text: &str| night.covers("alice", "front", text.parse().unwrap());
        for (time, is_quiet) in [
            ("2026-12-01T20:59:59Z", false),
            ("2026-12-01T21:00:00Z", true),
            ("2026-12-01T23:30:00Z", true),
            ("2026-12-02T05:59:59Z", true),
            ("2026-12-02T06:00:00Z", false),
        ] {
            assert_eq!(at(time), is_quiet, "{time}");
        }
    }

    #[test]
    fn it_is_one_persons_at_the_cameras_that_are_named() {
        let midnight = "2026-12-01T23:30:00Z".parse().unwrap();
        assert!(!night().covers("bob", "front", midnight));
        assert!(!night().covers("alice", "back", midnight));
        let everywhere = Quiet {
            cameras: None,
            hours: None,
            ..night()
        };
        assert!(everywhere.covers("alice", "back", Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn hours_by_day_are_within_it_and_none_are_none() {
        let hours = |from, to| Hours {
            from: Time::constant(from, 0, 0, 0),
            to: Time::constant(to, 0, 0, 0),
            zone: TimeZone::UTC,
        };
        let noon = "2026-12-01T12:00:00Z".parse().unwrap();
        assert!(hours(11, 13).contain(noon));
        assert!(!hours(12, 12).contain(noon) && !hours(13, 14).contain(noon));
    }
}
