// SPDX-License-Identifier: MPL-2.0

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::select;

use super::rule::PARTS;
use super::*;

const FREQUENCIES: [&str; 4] = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];

fn window_of(start: &str, end: &str) -> Window {
    Window {
        start: start.parse().unwrap(),
        end: end.parse().unwrap(),
    }
}

fn expand_in(
    zone: &str,
    rule: &str,
    start: &str,
    end: &str,
) -> Result<Vec<Window>, RecurrenceError> {
    let recurrence = Recurrence {
        rule: rule.to_owned(),
        zone: zone.to_owned(),
    };
    expand(window_of(start, end), &recurrence)
}

/// The windows' starts and ends by the clock in `zone`.
fn local(zone: &str, rule: &str, start: &str, end: &str) -> Vec<String> {
    let zoned = TimeZone::get(zone).unwrap();
    let civil = |at| {
        zoned
            .to_datetime(at)
            .strftime("%a %d.%m. %H:%M")
            .to_string()
    };
    let windows = expand_in(zone, rule, start, end).unwrap();
    windows
        .iter()
        .map(|window| format!("{} - {}", civil(window.start), civil(window.end)))
        .collect()
}

fn refused(rule: &str) -> RecurrenceError {
    expand_in("UTC", rule, "2026-12-01T10:00:00Z", "2026-12-01T11:00:00Z").unwrap_err()
}

#[test]
fn the_time_of_day_stays_when_the_clocks_change() {
    let windows = local(
        "Europe/Berlin",
        "FREQ=DAILY;COUNT=3",
        "2027-03-27T10:00+01:00",
        "2027-03-27T11:00+01:00",
    );
    assert_eq!(
        windows,
        [
            "Sat 27.03. 10:00 - Sat 27.03. 11:00",
            "Sun 28.03. 10:00 - Sun 28.03. 11:00",
            "Mon 29.03. 10:00 - Mon 29.03. 11:00",
        ]
    );
    let windows = expand_in(
        "Europe/Berlin",
        "FREQ=DAILY;COUNT=3",
        "2027-03-27T10:00+01:00",
        "2027-03-27T11:00+01:00",
    );
    assert_eq!(
        windows.unwrap()[1],
        window_of("2027-03-28T08:00Z", "2027-03-28T09:00Z")
    );
}

#[test]
fn a_night_is_an_hour_shorter_in_spring_and_longer_in_autumn() {
    let hours = |start: &str, end: &str| -> Vec<i64> {
        let windows = expand_in("Europe/Berlin", "FREQ=DAILY;COUNT=2", start, end).unwrap();
        windows
            .iter()
            .map(|window| window.end.duration_since(window.start).as_hours())
            .collect()
    };
    assert_eq!(
        hours("2027-03-26T22:00+01:00", "2027-03-27T06:00+01:00"),
        [8, 7]
    );
    assert_eq!(
        hours("2026-10-23T22:00+02:00", "2026-10-24T06:00+02:00"),
        [8, 9]
    );
}

#[test]
fn whole_days_follow_each_other_without_a_gap() {
    let windows = expand_in(
        "Europe/Berlin",
        "FREQ=DAILY;COUNT=400",
        "2026-12-01T00:00+01:00",
        "2026-12-02T00:00+01:00",
    )
    .unwrap();
    assert_eq!(windows.len(), 400);
    assert!(windows.windows(2).all(|pair| pair[0].end == pair[1].start));
}

#[test]
fn a_time_that_the_clocks_skip_is_an_hour_later() {
    let windows = local(
        "Europe/Berlin",
        "FREQ=DAILY;COUNT=2",
        "2027-03-27T02:15+01:00",
        "2027-03-27T02:45+01:00",
    );
    assert_eq!(windows[1], "Sun 28.03. 03:15 - Sun 28.03. 03:45");
    // Its end is not skipped: as long as it is on other days.
    let windows = local(
        "Europe/Berlin",
        "FREQ=DAILY;COUNT=2",
        "2027-03-27T02:30+01:00",
        "2027-03-27T03:00+01:00",
    );
    assert_eq!(windows[1], "Sun 28.03. 03:30 - Sun 28.03. 04:00");
}

#[test]
fn of_two_times_with_one_name_the_first_is_meant() {
    let windows = expand_in(
        "Europe/Berlin",
        "FREQ=DAILY;COUNT=2",
        "2026-10-24T02:30+02:00",
        "2026-10-24T03:30+02:00",
    )
    .unwrap();
    assert_eq!(
        windows[1],
        window_of("2026-10-25T00:30Z", "2026-10-25T02:30Z")
    );
}

#[test]
fn the_first_window_is_the_one_that_was_given() {
    // The second 02:30 of that night, and an end that has the earlier name.
    let (start, end) = ("2026-10-25T02:45+02:00", "2026-10-25T02:15+01:00");
    let windows = expand_in("Europe/Berlin", "FREQ=DAILY;COUNT=2", start, end).unwrap();
    assert_eq!(windows[0], window_of(start, end));
    assert_eq!(
        windows[1],
        window_of("2026-10-26T01:45Z", "2026-10-26T02:15Z")
    );
    let fraction = expand_in(
        "UTC",
        "FREQ=DAILY;COUNT=2",
        "2026-12-01T10:00:00.123Z",
        "2026-12-01T11:00Z",
    )
    .unwrap();
    assert_eq!(
        fraction[1],
        window_of("2026-12-02T10:00:00.123Z", "2026-12-02T11:00Z")
    );
}

#[test]
fn the_days_are_those_of_the_rule() {
    let windows = local(
        "Europe/Berlin",
        "freq=weekly;byday=mo,we;count=4",
        "2026-11-30T10:00+01:00",
        "2026-11-30T11:00+01:00",
    );
    let days: Vec<_> = windows.iter().map(|window| &window[..10]).collect();
    assert_eq!(
        days,
        ["Mon 30.11.", "Wed 02.12.", "Mon 07.12.", "Wed 09.12."]
    );
    let windows = local(
        "UTC",
        "FREQ=MONTHLY;BYDAY=-1FR;COUNT=3",
        "2026-11-27T10:00Z",
        "2026-11-27T11:00Z",
    );
    let days: Vec<_> = windows.iter().map(|window| &window[..10]).collect();
    assert_eq!(days, ["Fri 27.11.", "Fri 25.12.", "Fri 29.01."]);
    let windows = local(
        "UTC",
        "FREQ=MONTHLY;BYMONTHDAY=31;COUNT=3",
        "2026-12-31T10:00Z",
        "2026-12-31T11:00Z",
    );
    let days: Vec<_> = windows.iter().map(|window| &window[..10]).collect();
    assert_eq!(days, ["Thu 31.12.", "Sun 31.01.", "Wed 31.03."]);
}

#[test]
fn until_is_a_day_a_time_of_day_or_a_point_in_time() {
    let count = |until: &str| {
        let rule = format!("FREQ=DAILY;UNTIL={until}");
        let windows = expand_in(
            "America/New_York",
            &rule,
            "2026-12-01T10:00-05:00",
            "2026-12-01T11:00-05:00",
        );
        windows.map(|windows| windows.len())
    };
    assert_eq!(count("20261205"), Ok(5), "all of that day");
    assert_eq!(count("20261205T100000"), Ok(5), "inclusive");
    assert_eq!(count("20261205T095959"), Ok(4));
    assert_eq!(count("20261205T150000Z"), Ok(5));
    assert_eq!(count("20261205T145959Z"), Ok(4));
    for wrong in [
        "20261305",
        "2026-12-05",
        "20261205T100000+0100",
        "Z",
        "20261205T25",
    ] {
        assert!(
            matches!(count(wrong), Err(RecurrenceError::Unreadable(_))),
            "{wrong}"
        );
    }
    assert!(
        matches!(count("20261130"), Err(RecurrenceError::Unreadable(_))),
        "before its first window"
    );
}

#[test]
fn a_rule_has_one_end_and_not_too_many_windows() {
    use RecurrenceError::*;
    assert_eq!(refused("FREQ=DAILY"), Endless);
    assert_eq!(refused("FREQ=DAILY;COUNT=3;UNTIL=20270101"), Endless);
    for count in ["0", "401", "-1", "x", "99999999999999999999"] {
        assert_eq!(refused(&format!("FREQ=DAILY;COUNT={count}")), TooMany);
    }
    assert_eq!(refused("FREQ=DAILY;UNTIL=20290101"), TooMany);
    assert_eq!(
        refused("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2"),
        First
    );
    assert_eq!(refused("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=2"), First);
    assert_eq!(refused("FREQ=WEEKLY;BYDAY=WE;COUNT=2"), First);
}

#[test]
fn what_is_no_rule_is_refused() {
    use RecurrenceError::*;
    for freq in [
        "FREQ=HOURLY;COUNT=2",
        "FREQ=SECONDLY;COUNT=2",
        "FREQ=X;COUNT=2",
        "COUNT=2",
    ] {
        assert_eq!(refused(freq), Frequency, "{freq}");
    }
    for (rule, part) in [
        ("FREQ=DAILY;COUNT=2;BYHOUR=1", "BYHOUR=1"),
        ("FREQ=DAILY;COUNT=2;BYEASTER=1", "BYEASTER=1"),
        ("FREQ=DAILY;COUNT=2;COUNT=3", "COUNT=3"),
        ("FREQ=DAILY;COUNT=", "COUNT="),
        ("FREQ=DAILY;;COUNT=2", ""),
        ("RRULE:FREQ=DAILY;COUNT=2", "RRULE:FREQ=DAILY"),
        ("", ""),
    ] {
        assert_eq!(refused(rule), Part(part.to_owned()));
    }
    assert_eq!(refused("FREQ=DAILY;COUNT=2\nRDATE:20261203T000000Z"), Long);
    assert_eq!(
        refused(&format!("FREQ=DAILY;COUNT=2;BYDAY={}", "MO,".repeat(100))),
        Long
    );
    assert!(matches!(
        refused("FREQ=DAILY;COUNT=2;INTERVAL=0"),
        First | Unreadable(_)
    ));
    assert!(matches!(
        refused("FREQ=DAILY;COUNT=2;BYDAY=XX"),
        Unreadable(_)
    ));
    let nowhere = expand_in(
        "Europe/Atlantis",
        "FREQ=DAILY;COUNT=2",
        "2026-12-01T10:00Z",
        "2026-12-01T11:00Z",
    );
    assert_eq!(nowhere, Err(Zone));
}

#[test]
fn a_window_is_over_before_it_recurs() {
    let long = expand_in(
        "UTC",
        "FREQ=DAILY;COUNT=2",
        "2026-12-01T10:00Z",
        "2026-12-02T10:00:01Z",
    );
    assert_eq!(long, Err(RecurrenceError::Overlap));
    let weekly = expand_in(
        "UTC",
        "FREQ=WEEKLY;COUNT=2",
        "2026-12-01T10:00Z",
        "2026-12-08T10:00Z",
    );
    assert_eq!(weekly.unwrap().len(), 2);
}

proptest! {
    /// Whatever the rule: sorted windows without overlap, each at the first one's time of day unless the clocks skip it.
    #[test]
    fn windows_are_sorted_apart_and_at_their_time_of_day(
        zone in select(&["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"][..]),
        freq in select(&FREQUENCIES[..]),
        by in select(&["", ";BYDAY=MO,TH,SU", ";BYMONTHDAY=1,15,-1", ";BYMONTH=3,10,11", ";BYYEARDAY=87,300", ";BYDAY=1SU,-1SU"][..]),
        interval in 1..5_u32,
        count in 1..=MAX_WINDOWS,
        start in 0..2_000_000_000_i64,
        length in 1..200_000_i64,
    ) {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let first = Window { start: at(start), end: at(start + length) };
        let rule = format!("FREQ={freq};INTERVAL={interval};COUNT={count}{by}");
        let recurrence = Recurrence { rule, zone: zone.to_owned() };
        let tz = TimeZone::get(zone).unwrap();
        if let Ok(windows) = expand(first, &recurrence) {
            prop_assert!(windows.len() <= count && windows[0].start == first.start);
            prop_assert!(windows.iter().all(|window| window.start < window.end));
            prop_assert!(windows.windows(2).all(|pair| pair[0].end <= pair[1].start));
            let time = tz.to_datetime(first.start).time();
            for window in &windows {
                let civil = tz.to_datetime(window.start);
                let skipped = tz.to_ambiguous_timestamp(civil.date().to_datetime(time)).is_ambiguous();
                prop_assert!(civil.time() == time || skipped || civil.date() == jiff::civil::date(2011, 12, 31), "{civil}");
            }
        }
    }

    /// Whatever the text, there is an answer, soon.
    #[test]
    fn any_text_is_answered(text in "(FREQ|COUNT|UNTIL|INTERVAL|BYDAY|BYMONTHDAY|BYMONTH|BYSETPOS|BYYEARDAY|BYWEEKNO|WKST|=|;|,|-|DAILY|WEEKLY|MONTHLY|YEARLY|MO|SU|[0-9]{1,10}|20270101T000000Z){0,20}") {
        let _ = expand_in("Europe/Berlin", &text, "2026-12-01T10:00Z", "2026-12-01T11:00Z");
    }

    /// The same, of rules that come as far as being expanded.
    #[test]
    fn any_rule_is_answered(
        freq in select(&FREQUENCIES[..]),
        parts in proptest::collection::btree_map(select(&PARTS[3..10]), "-?[0-9]{1,10}(MO|SU)?(,-?[0-9]{1,3}(TU|FR)?)?", 0..4),
    ) {
        let parts: String = parts.iter().map(|(key, value)| format!(";{key}={value}")).collect();
        let _ = expand_in("UTC", &format!("FREQ={freq};COUNT=400{parts}"), "2026-12-01T10:00Z", "2026-12-01T11:00Z");
    }
}
