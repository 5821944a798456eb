// SPDX-License-Identifier: MPL-2.0

//! What holds when, and how rights change.

use Permission::{Control, Listen, Talk, View};
use jiff::SignedDuration;
use porthole_protocol::grant::MAX_LEASE_SECONDS;
use porthole_protocol::wire::Code;

use super::*;
use crate::model::{Booking, Recurrence};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn window(start: i64, end: i64) -> Window {
    Window {
        start: at(start),
        end: at(end),
    }
}

fn rule(start: i64, end: i64, perms: &[Permission]) -> Rule {
    Rule {
        cameras: Cameras::One("front".into()),
        perms: perms.iter().copied().collect(),
        when: When::Within(window(start, end)),
        lease: MAX_LEASE_SECONDS,
        booked: true,
        saving: true,
        own: false,
        booking: None,
    }
}

fn rights(rules: Vec<Rule>) -> Rights {
    Rights::new("alice", rules)
}

fn open(rights: &Rights, seconds: i64) -> (Vec<Permission>, Option<i64>) {
    match rights.at("front", at(seconds)) {
        Standing::Open(span) => {
            let end = span.end.map(|end| end.duration_since(at(0)).as_secs());
            (span.perms, end)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_booking_is_open_from_its_start_to_before_its_end() {
    let rights = rights(vec![rule(10, 20, &[View])]);
    let closed = |next| Standing::Closed {
        code: Code::NoBooking,
        next,
    };
    assert_eq!(rights.at("front", at(9)), closed(Some(at(10))));
    assert_eq!(open(&rights, 10), (vec![View], Some(20)));
    assert_eq!(open(&rights, 19), (vec![View], Some(20)));
    assert_eq!(rights.at("front", at(20)), closed(None));
    assert_eq!(rights.at("back", at(15)), Standing::Unknown);
}

#[test]
fn bookings_that_touch_are_one_and_one_with_a_gap_is_not() {
    let touching = rights(vec![rule(10, 20, &[View]), rule(20, 30, &[View])]);
    assert_eq!(open(&touching, 15), (vec![View], Some(30)));
    let apart = rights(vec![rule(10, 20, &[View]), rule(21, 30, &[View])]);
    assert_eq!(open(&apart, 15), (vec![View], Some(20)));
}

#[test]
fn what_ends_while_the_picture_goes_on_ends_a_moment_before() {
    let rights = rights(vec![
        rule(10, 30, &[View]),
        rule(10, 20, &[View, Listen, Control]),
    ]);
    assert_eq!(open(&rights, 15), (vec![View, Listen, Control], Some(20)));
    assert_eq!(open(&rights, 19), (vec![View], Some(30)));
    let Standing::Open(span) = rights.at("front", at(15)) else {
        panic!("closed")
    };
    assert_eq!(span.review, Some(at(19)));
}

#[test]
fn what_begins_while_the_picture_goes_on_begins_on_time() {
    let rights = rights(vec![rule(10, 30, &[View]), rule(20, 30, &[View, Control])]);
    assert_eq!(open(&rights, 19), (vec![View], Some(30)));
    let Standing::Open(span) = rights.at("front", at(19)) else {
        panic!("closed")
    };
    assert_eq!(span.review, Some(at(20)));
    assert_eq!(open(&rights, 20), (vec![View, Control], Some(30)));
}

#[test]
fn what_a_booking_gives_is_told_from_what_is_permitted_anyway() {
    let always = Rights::always("alice", Cameras::All, &[View, Listen, Control], 60);
    let mut rules = vec![rule(10, 20, &[View, Control]), rule(20, 30, &[View])];
    rules.extend(always.rules);
    let rights = rights(rules);
    let span = |second| match rights.at("front", at(second)) {
        Standing::Open(span) => (span.perms, span.booked, span.review),
        other => panic!("{other:?}"),
    };
    let all = vec![View, Listen, Control];
    assert_eq!(span(5), (all.clone(), vec![], Some(at(9))));
    // To the very end: nothing is lost with it that another could have meanwhile.
    for second in [10, 19] {
        let (perms, booked, review) = span(second);
        assert_eq!((perms, booked), (all.clone(), vec![View, Control]));
        assert!(review.unwrap() <= at(20));
    }
    assert_eq!(span(20).1, [View]);
    assert_eq!(span(30), (all, vec![], None));
}

#[test]
fn a_rule_without_a_window_always_holds() {
    let all = [View, Listen];
    let rights = Rights::always("root", Cameras::All, &all, 60);
    assert_eq!(open(&rights, 0), (all.to_vec(), None));
    assert_eq!(rights.next_change(at(0)), None);
}

#[test]
fn without_view_nothing_is_open() {
    let rights = rights(vec![rule(10, 20, &[Control])]);
    let closed = Standing::Closed {
        code: Code::NotPermitted,
        next: None,
    };
    assert_eq!(rights.at("front", at(15)), closed);
}

/// Against a model that looks at each second: nothing is ever granted that is not permitted, and the picture is
/// granted for every second in which it is.
#[test]
fn a_session_that_follows_its_reviews_has_just_what_is_permitted() {
    use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
    const END: i64 = 60;
    for seed in 0..2_000 {
        let mut random = StdRng::seed_from_u64(seed);
        let rules = (0..random.random_range(1..6)).map(|_| {
            let start = random.random_range(0..END - 2);
            let perms: Vec<_> = [View, Listen, Control]
                .into_iter()
                .filter(|_| random.random_bool(0.7))
                .collect();
            rule(start, random.random_range(start + 1..END), &perms)
        });
        let rights = rights(rules.collect());
        let mut held: Option<Span> = None;
        for second in 0..=END {
            let now = at(second);
            let due = held.as_ref().is_none_or(|span| {
                span.review.is_some_and(|review| review <= now)
                    || span.end.is_some_and(|end| end <= now)
            });
            if due {
                held = match rights.at("front", now) {
                    Standing::Open(span) => Some(span),
                    _ => None,
                };
            }
            let permitted = rights.rules().iter().filter(|rule| rule.when.holds(now));
            let permitted = permitted.fold(Perms::NONE, |all, rule| all | rule.perms);
            let has = held.iter().flat_map(|span| &span.perms);
            let has: Perms = has.copied().collect();
            assert!(has.is_subset(permitted), "seed {seed}, second {second}");
            assert_eq!(
                has.contains(View),
                permitted.contains(View),
                "seed {seed}, second {second}"
            );
        }
    }
}

/// A booking of the front camera, daily from `start` for so many seconds, so many times.
fn daily(start: i64, seconds: i64, times: u32) -> Booking {
    Booking {
        id: "b1".to_owned(),
        camera: "front".to_owned(),
        user: "alice".to_owned(),
        window: window(start, start + seconds),
        perms: [View].into(),
        saving: true,
        recurrence: Some(Recurrence {
            rule: format!("FREQ=DAILY;COUNT={times}"),
            zone: "UTC".to_owned(),
        }),
        note: String::new(),
        own: false,
        created: at(0),
    }
}

const DAY: i64 = 24 * 60 * 60;

#[test]
fn a_booking_that_recurs_is_one_rule_and_holds_in_each_of_its_windows() {
    let booking = daily(100, 50, 400);
    let over = at(399 * DAY + 150);
    let rights = rights(vec![Rule::booking(&booking, over)]);
    assert_eq!(rights.rules().len(), 1);
    for day in [0, 1, 200, 399] {
        let day = day * DAY;
        assert!(!rights.may_see("front", at(day + 99)));
        assert_eq!(open(&rights, day + 100), (vec![View], Some(day + 150)));
        assert!(!rights.may_see("front", at(day + 150)));
    }
    assert_eq!(rights.next_start("front", at(DAY)), Some(at(DAY + 100)));
    assert_eq!(rights.next_change(at(120)), Some(at(150)));
    assert_eq!(rights.next_change(at(150)), Some(at(DAY + 100)));
    assert_eq!(rights.next_start("front", at(399 * DAY + 100)), None);
    assert_eq!(rights.next_change(over), None);
    let week = rights.booked_windows(at(DAY), at(8 * DAY), 5);
    let starts: Vec<_> = week.iter().map(|booked| booked.window.start).collect();
    let expected: Vec<_> = (1..6).map(|day| at(day * DAY + 100)).collect();
    assert_eq!(starts, expected);
    assert!(rights.without_what_is_over(at(399 * DAY + 149)).is_none());
    let rest = rights.without_what_is_over(over).unwrap();
    assert!(rest.rules().is_empty());
}

#[test]
fn days_back_to_back_are_one_picture_without_an_end_in_reach() {
    let rights = rights(vec![Rule::booking(&daily(0, DAY, 300), at(300 * DAY))]);
    let Standing::Open(span) = rights.at("front", at(10)) else {
        panic!("closed")
    };
    // It is looked at again at each edge, and the end is seen when it is near.
    assert_eq!((span.end, span.review), (None, Some(at(DAY - 1))));
    assert_eq!(open(&rights, 299 * DAY + 10).1, Some(300 * DAY));
    let until = rights.open("front", at(10)).unwrap().until;
    assert_eq!(until, Some(at(300 * DAY)));
}

#[test]
fn a_rule_that_this_machine_cannot_read_gives_nothing() {
    let mut booking = daily(0, DAY, 300);
    booking.recurrence.as_mut().unwrap().zone = "Mars/Olympus".to_owned();
    let rights = rights(vec![Rule::booking(&booking, at(300 * DAY))]);
    assert!(!rights.may_see("front", at(10)));
}

#[test]
fn what_counts_at_one_camera_is_found_among_those_of_many() {
    let at_camera = |n: usize| Rule {
        cameras: Cameras::One(format!("c{n}").into()),
        ..rule(10, 20, &[View])
    };
    let mut rules: Vec<_> = (0..1000).map(at_camera).collect();
    rules.push(Rule {
        cameras: Cameras::Only(["c7".to_owned(), "x".to_owned()].into()),
        ..rule(30, 40, &[View, Talk])
    });
    let rights = rights(rules);
    for n in [0, 7, 999] {
        assert_eq!(
            rights.rules_of(&format!("c{n}")).count(),
            1 + usize::from(n == 7)
        );
    }
    assert_eq!(rights.rules_of("c1000").count(), 0);
    assert_eq!(rights.rules_of("x").count(), 1);
    let less = rights.without_camera("c7").unwrap();
    assert_eq!((less.rules_of("c7").count(), less.rules().len()), (0, 1000));
    assert!(less.without_camera("c7").is_none());
    let named: Vec<_> = less.cameras().unwrap().into_iter().collect();
    assert!(named.contains(&"x") && !named.contains(&"c7"));
}

#[test]
fn a_camera_is_open_until_the_first_gap() {
    let rights = rights(vec![
        rule(10, 20, &[View]),
        rule(20, 30, &[View, Talk]),
        rule(40, 50, &[View]),
    ]);
    let until = |second| rights.open("front", at(second)).map(|open| open.until);
    assert_eq!(until(9), None);
    assert_eq!(until(10), Some(Some(at(30))));
    assert_eq!(until(30), None);
    assert_eq!(until(40), Some(Some(at(50))));
    assert!(rights.open("front", at(20)).unwrap().perms.contains(Talk));
    let always = Rights::always("root", Cameras::All, &[View], 1);
    assert_eq!(always.open("any", at(0)).unwrap().until, None);
}

#[test]
fn an_index_by_camera_follows_the_rights() {
    let (mut index, alice) = (ByCamera::default(), rights(vec![rule(10, 20, &[View])]));
    let root = Rights::always("root", Cameras::All, &[View], 1);
    index.add(&alice);
    index.add(&root);
    let of = |index: &ByCamera, camera: &str| -> Vec<String> {
        index.of(camera).map(|id| id.user.to_string()).collect()
    };
    assert_eq!(of(&index, "front"), ["alice", "root"]);
    assert_eq!(of(&index, "back"), ["root"]);
    index.remove(&alice);
    assert_eq!(of(&index, "front"), ["root"]);
    index.remove(&root);
    assert!(index.is_empty());
}

/// The window that holds, found by looking at each.
#[test]
fn edges_and_starts_are_those_of_a_look_at_every_window() {
    let when = Rule::booking(&daily(100, 50, 20), at(19 * DAY + 150)).when;
    let When::Recurring(recurring) = &when else {
        panic!("it recurs")
    };
    let all = recurring.windows().to_vec();
    assert_eq!(all.len(), 20);
    for second in (0..20 * DAY).step_by(97) {
        let now = at(second);
        assert_eq!(
            when.holds(now),
            all.iter().any(|window| window.contains(now))
        );
        let edges = all.iter().flat_map(|window| [window.start, window.end]);
        assert_eq!(when.next_edge(now), edges.filter(|edge| *edge > now).min());
        let starts = all.iter().map(|window| window.start);
        assert_eq!(
            when.next_start(now),
            starts.filter(|start| *start > now).min()
        );
    }
    let hour = SignedDuration::from_hours(1);
    assert_eq!(when.windows(all[3].start - hour, all[5].start).count(), 2);
}
