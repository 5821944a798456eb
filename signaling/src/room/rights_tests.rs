// SPDX-License-Identifier: MPL-2.0

use Permission::{Control, Listen, View};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).unwrap()
}

fn rule(start: i64, end: i64, perms: &[Permission]) -> Rule {
    Rule {
        cameras: Cameras::Only(["front".to_owned()].into()),
        perms: perms.iter().copied().collect(),
        window: Some(Window {
            start: at(start),
            end: at(end),
        }),
        lease: MAX_LEASE_SECONDS,
        booked: true,
    }
}

fn rights(rules: Vec<Rule>) -> Rights {
    Rights {
        token: None,
        user: "alice".to_owned(),
        shared: false,
        rules,
    }
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
    let mut rights = rights(vec![rule(10, 20, &[View, Control]), rule(20, 30, &[View])]);
    let always = Rights::always("alice", Cameras::All, &[View, Listen, Control], 60);
    rights.rules.extend(always.rules);
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
            let permitted = rights.perms_at("front", now);
            let has = held.iter().flat_map(|span| &span.perms);
            let has: BTreeSet<_> = has.copied().collect();
            assert!(has.is_subset(&permitted), "seed {seed}, second {second}");
            assert_eq!(
                has.contains(&View),
                permitted.contains(&View),
                "seed {seed}, second {second}"
            );
        }
    }
}
