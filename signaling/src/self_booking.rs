// SPDX-License-Identifier: MPL-2.0
//! What viewers may book themselves: whether one more booking fits into what a rule allows. Pure; the store asks it in the
//! transaction that adds the booking.

use std::collections::BTreeSet;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};

use crate::model::{SelfBookingRule, Window};
use crate::rights::Perms;

/// For the way from the page to here: who books from now on has not booked the past.
const SLACK: SignedDuration = SignedDuration::from_secs(60);
/// Shortest window: a calendar of seconds would be full of entries and of no use.
pub(crate) const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
/// Bookings that one may have made and that are not over.
pub(crate) const MAX_OWN: usize = 200;

/// Why a viewer may not book this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SelfBookingRefused {
    /// No rule is for this user and this camera.
    NotYours,
    /// It would permit more than the rule does.
    Permissions,
    /// It begins in the past.
    Past,
    /// It is shorter than any may be.
    TooShort,
    /// It ends later than one may book ahead: this is the latest.
    TooFar(Timestamp),
    /// It is longer than one booking may be.
    TooLong(SignedDuration),
    /// It is more than is left of a week.
    WeekFull(SignedDuration),
    /// There are too many.
    TooMany,
}

/// A booking that a viewer has made, as far as it counts.
#[derive(Clone, Debug)]
pub struct Own {
    /// Of which camera.
    pub camera: String,
    /// When.
    pub window: Window,
}

impl SelfBookingRule {
    /// Whether it says anything of this user at this camera.
    pub(crate) fn is_for(&self, user: &str, camera: &str) -> bool {
        let has = |all: &Option<BTreeSet<String>>, one: &str| {
            all.as_ref().is_none_or(|all| all.contains(one))
        };
        has(&self.users, user) && has(&self.cameras, camera)
    }

    /// The week in which this moment is: from Monday to Monday, in the rule's zone.
    pub(crate) fn week_of(&self, at: Timestamp) -> Window {
        // Checked when it was kept; a database of zones may have lost it since.
        let zone = TimeZone::get(&self.zone).unwrap_or(TimeZone::UTC);
        let day = at.to_zoned(zone.clone()).date();
        let since = i64::from(day.weekday().since(Weekday::Monday));
        let begin = |days: i64| {
            let day = day.checked_add(days.days()).ok()?;
            Some(day.to_zoned(zone.clone()).ok()?.timestamp())
        };
        let start = begin(-since).unwrap_or(at);
        Window {
            start,
            end: begin(7 - since).unwrap_or(start + SignedDuration::from_hours(7 * 24)),
        }
    }

    /// How much of a week is booked already, of what counts by this rule.
    pub(crate) fn used(&self, week: Window, own: &[Own]) -> SignedDuration {
        let counts = |own: &&Own| {
            let cameras = self.cameras.as_ref();
            cameras.is_none_or(|all| all.contains(&own.camera))
        };
        let of_week = own.iter().filter(counts);
        of_week.fold(SignedDuration::ZERO, |sum, own| {
            sum + overlap(own.window, week)
        })
    }

    fn check(
        &self,
        wanted: Window,
        perms: Perms,
        own: &[Own],
        now: Timestamp,
    ) -> Result<(), SelfBookingRefused> {
        let length = wanted.end.duration_since(wanted.start);
        if !perms.is_subset((&self.perms).into()) {
            return Err(SelfBookingRefused::Permissions);
        }
        if wanted.start < now - SLACK {
            return Err(SelfBookingRefused::Past);
        }
        if length < SHORTEST {
            return Err(SelfBookingRefused::TooShort);
        }
        if wanted.end.duration_since(now) > self.ahead {
            return Err(SelfBookingRefused::TooFar(now + self.ahead));
        }
        if length > self.longest {
            return Err(SelfBookingRefused::TooLong(self.longest));
        }
        let mut week = self.week_of(wanted.start);
        while week.start < wanted.end {
            let left = self.week - self.used(week, own);
            if overlap(wanted, week) > left {
                return Err(SelfBookingRefused::WeekFull(left.max(SignedDuration::ZERO)));
            }
            week = self.week_of(week.end);
        }
        Ok(())
    }
}

/// For how long both are at once.
fn overlap(a: Window, b: Window) -> SignedDuration {
    let both = a.end.min(b.end).duration_since(a.start.max(b.start));
    both.max(SignedDuration::ZERO)
}

/// Whether a user may book this, beside what it has booked itself already. One rule that allows it is enough; otherwise
/// the answer is of the one that comes nearest.
pub(crate) fn check(
    rules: &[SelfBookingRule],
    (user, camera): (&str, &str),
    (wanted, perms): (Window, &BTreeSet<porthole_protocol::grant::Permission>),
    own: &[Own],
    now: Timestamp,
) -> Result<(), SelfBookingRefused> {
    if own.iter().filter(|own| own.window.end > now).count() >= MAX_OWN {
        return Err(SelfBookingRefused::TooMany);
    }
    let mut refused = SelfBookingRefused::NotYours;
    for rule in rules.iter().filter(|rule| rule.is_for(user, camera)) {
        match rule.check(wanted, perms.into(), own, now) {
            Ok(()) => return Ok(()),
            Err(why) => refused = refused.max(why),
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use porthole_protocol::grant::Permission::{Control, Listen, View};

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn window(start: &str, end: &str) -> Window {
        Window {
            start: at(start),
            end: at(end),
        }
    }

    fn hours(hours: i64) -> SignedDuration {
        SignedDuration::from_hours(hours)
    }

    fn rule() -> SelfBookingRule {
        SelfBookingRule {
            id: "r".to_owned(),
            users: None,
            cameras: Some(["front".to_owned(), "yard".to_owned()].into()),
            perms: [View, Listen].into(),
            saving: true,
            ahead: hours(24 * 7),
            week: hours(5),
            longest: hours(2),
            zone: "Europe/Berlin".to_owned(),
            created: at("2026-11-01T00:00:00Z"),
        }
    }

    /// A Monday at noon in Berlin.
    const NOW: &str = "2026-11-30T11:00:00Z";

    fn asked(
        rule: &SelfBookingRule,
        wanted: Window,
        own: &[Own],
    ) -> Result<(), SelfBookingRefused> {
        check(
            std::slice::from_ref(rule),
            ("alice", "front"),
            (wanted, &[View].into()),
            own,
            at(NOW),
        )
    }

    fn own(camera: &str, start: &str, end: &str) -> Own {
        Own {
            camera: camera.to_owned(),
            window: window(start, end),
        }
    }

    #[test]
    fn what_is_at_a_bound_is_allowed_and_a_second_beyond_is_not() {
        let two = window("2026-12-01T10:00:00Z", "2026-12-01T12:00:00Z");
        assert_eq!(asked(&rule(), two, &[]), Ok(()));
        let longer = window("2026-12-01T10:00:00Z", "2026-12-01T12:00:01Z");
        assert_eq!(
            asked(&rule(), longer, &[]),
            Err(SelfBookingRefused::TooLong(hours(2)))
        );
        let last = window("2026-12-07T10:00:00Z", "2026-12-07T11:00:00Z");
        assert_eq!(asked(&rule(), last, &[]), Ok(()));
        let later = window("2026-12-07T10:00:00Z", "2026-12-07T11:00:01Z");
        assert_eq!(
            asked(&rule(), later, &[]),
            Err(SelfBookingRefused::TooFar(at("2026-12-07T11:00:00Z")))
        );
        let now = window("2026-11-30T10:59:00Z", "2026-11-30T11:30:00Z");
        assert_eq!(asked(&rule(), now, &[]), Ok(()));
        let past = window("2026-11-30T10:58:59Z", "2026-11-30T11:30:00Z");
        assert_eq!(asked(&rule(), past, &[]), Err(SelfBookingRefused::Past));
        let short = window("2026-12-01T10:00:00Z", "2026-12-01T10:04:59Z");
        assert_eq!(
            asked(&rule(), short, &[]),
            Err(SelfBookingRefused::TooShort)
        );
    }

    #[test]
    fn a_week_holds_so_much_of_all_cameras_of_the_rule_together() {
        let booked = [
            own("front", "2026-12-01T08:00:00Z", "2026-12-01T10:00:00Z"),
            own("yard", "2026-12-02T08:00:00Z", "2026-12-02T10:00:00Z"),
            own("attic", "2026-12-03T08:00:00Z", "2026-12-03T20:00:00Z"),
        ];
        let one = window("2026-12-04T08:00:00Z", "2026-12-04T09:00:00Z");
        assert_eq!(asked(&rule(), one, &booked), Ok(()));
        let more = window("2026-12-04T08:00:00Z", "2026-12-04T09:00:01Z");
        assert_eq!(
            asked(&rule(), more, &booked),
            Err(SelfBookingRefused::WeekFull(hours(1)))
        );
        // Of one over midnight to Monday, each week has its own part.
        let over = window("2026-12-06T22:00:00Z", "2026-12-07T00:00:00Z");
        assert_eq!(
            asked(&rule(), over, &booked),
            Ok(()),
            "in Berlin it is one hour of either"
        );
        let mut full = booked.to_vec();
        full.push(own("front", "2026-12-05T08:00:00Z", "2026-12-05T08:30:00Z"));
        let half = SignedDuration::from_mins(30);
        assert_eq!(
            asked(&rule(), over, &full),
            Err(SelfBookingRefused::WeekFull(half))
        );
    }

    #[test]
    fn a_week_in_which_clocks_change_is_as_long_as_it_is() {
        let week = rule().week_of(at("2026-10-22T12:00:00Z"));
        assert_eq!(week, window("2026-10-18T22:00:00Z", "2026-10-25T23:00:00Z"));
        assert_eq!(week.end.duration_since(week.start), hours(7 * 24 + 1));
        let spring = rule().week_of(at("2026-03-29T23:30:00Z"));
        assert_eq!(
            spring.start,
            at("2026-03-29T22:00:00Z"),
            "Monday has begun in Berlin"
        );
        // An hour that the clock shows twice counts twice.
        let night = own("front", "2026-10-25T00:00:00Z", "2026-10-25T03:00:00Z");
        let of_autumn = rule().week_of(night.window.start);
        assert_eq!(rule().used(of_autumn, &[night]), hours(3));
        let nowhere = SelfBookingRule {
            zone: "Middle/Earth".to_owned(),
            ..rule()
        };
        assert_eq!(nowhere.week_of(at(NOW)).start, at("2026-11-30T00:00:00Z"));
    }

    #[test]
    fn whoever_no_rule_is_for_books_nothing_and_nobody_gets_more_than_the_rule_gives() {
        let one = window("2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z");
        let ask = |rules: &[SelfBookingRule], user, camera, perms: &[_]| {
            let perms = perms.iter().copied().collect();
            check(rules, (user, camera), (one, &perms), &[], at(NOW))
        };
        let bobs = SelfBookingRule {
            users: Some(["bob".to_owned()].into()),
            perms: [View, Control].into(),
            ..rule()
        };
        let rules = [rule(), bobs];
        assert_eq!(
            ask(&[], "alice", "front", &[View]),
            Err(SelfBookingRefused::NotYours)
        );
        assert_eq!(
            ask(&rules, "alice", "attic", &[View]),
            Err(SelfBookingRefused::NotYours)
        );
        assert_eq!(
            ask(&rules, "alice", "front", &[View, Control]),
            Err(SelfBookingRefused::Permissions)
        );
        assert_eq!(ask(&rules, "bob", "front", &[View, Control]), Ok(()));
        let all = [View, Listen, Control];
        assert_eq!(
            ask(&rules, "bob", "front", &all),
            Err(SelfBookingRefused::Permissions),
            "no sum of two"
        );
    }

    #[test]
    fn nobody_fills_the_calendar() {
        let all = vec![own("attic", "2026-12-01T08:00:00Z", "2026-12-01T10:00:00Z"); MAX_OWN];
        let one = window("2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z");
        assert_eq!(asked(&rule(), one, &all), Err(SelfBookingRefused::TooMany));
        assert_eq!(asked(&rule(), one, &all[1..]), Ok(()));
    }
}
