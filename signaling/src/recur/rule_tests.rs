// SPDX-License-Identifier: MPL-2.0

use super::*;

fn rule(text: &str, start: DateTime) -> Rule {
    let civil = |until: &str| DateTime::strptime("%Y%m%dT%H%M%SZ", until).ok();
    Rule::parse(text, start, civil).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn a_rule_recurs_on_the_days_that_dateutil_says() {
    let table = include_str!("dateutil.txt").lines();
    let mut rules = 0;
    for line in table.filter(|line| !line.starts_with('#')) {
        let mut words = line.split(' ');
        let day: Date = words.next().unwrap().parse().unwrap();
        let text = words.next().unwrap();
        let count: usize = words.next().unwrap().parse().unwrap();
        let days: Vec<Date> = words.map(|day| day.parse().unwrap()).collect();
        let rule = rule(text, day.at(9, 0, 0, 0));
        assert!(rule.begins_at_its_start(), "{line}");
        let times: Vec<_> = rule.times().map(DateTime::date).collect();
        assert_eq!(times, days, "{day} {text}");
        assert_eq!(times.len(), count);
        rules += 1;
    }
    assert_eq!(rules, 215);
}

#[test]
fn days_of_the_next_years_first_week_count_from_its_end_too() {
    // 29 December 2025 is a Monday of week 1 of 2026, the 53rd of that year's weeks from its end.
    let from_the_end = rule(
        "FREQ=YEARLY;BYWEEKNO=-53;COUNT=3",
        jiff::civil::date(2025, 12, 29).into(),
    );
    assert!(from_the_end.begins_at_its_start());
}

#[test]
fn the_last_week_of_a_year_has_its_days_in_january_too() {
    // By Python's isocalendar(): 2026 has 53 weeks, the last of which is from 28 December to 3 January; 2027 has 52,
    // the last from 27 December to 2 January; the next year of 53 is 2032, from 27 December.
    let days = |week| {
        let text = format!("FREQ=YEARLY;BYWEEKNO={week};COUNT=8");
        let rule = rule(&text, jiff::civil::date(2026, 12, 28).into());
        let days = rule.times().map(|time| time.strftime("%m%d").to_string());
        days.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(days("53"), "1228 1229 1230 1231 0101 0102 0103 1227");
    assert_eq!(days("-1"), "1228 1229 1230 1231 0101 0102 0103 1227");
}

#[test]
fn the_positions_of_a_first_week_are_those_of_the_whole_week() {
    let text = "FREQ=WEEKLY;BYDAY=MO,WE,FR;BYSETPOS=1;COUNT=2";
    let begins = |day| rule(text, jiff::civil::date(2026, 12, day).into()).begins_at_its_start();
    assert!(begins(7), "a Monday");
    assert!(!begins(9), "the Wednesday after it");
}

#[test]
fn all_weekdays_count_beside_a_numbered_one() {
    let start = jiff::civil::date(2026, 12, 1).into();
    let mixed = rule("FREQ=MONTHLY;BYDAY=1TU,FR;COUNT=5", start);
    let days: Vec<_> = mixed.times().map(|time| time.day()).collect();
    assert_eq!(days, [1, 4, 11, 18, 25]);
}

#[test]
fn what_the_rfc_forbids_is_refused() {
    for text in [
        "FREQ=WEEKLY;BYMONTHDAY=1",
        "FREQ=MONTHLY;BYYEARDAY=1",
        "FREQ=DAILY;BYWEEKNO=1",
        "FREQ=WEEKLY;BYDAY=1MO",
        "FREQ=YEARLY;BYWEEKNO=1;BYDAY=1MO",
        "FREQ=YEARLY;BYMONTH=13",
        "FREQ=YEARLY;BYMONTHDAY=0",
        "FREQ=YEARLY;BYYEARDAY=-367",
        "FREQ=YEARLY;BYDAY=54MO",
        "FREQ=YEARLY;BYDAY=MOX",
        "FREQ=YEARLY;WKST=X",
        "FREQ=YEARLY;INTERVAL=65536",
    ] {
        let start = jiff::civil::date(2026, 12, 1).into();
        let read = Rule::parse(&format!("{text};COUNT=2"), start, |_| None);
        assert!(
            matches!(read, Err(RecurrenceError::Unreadable(_))),
            "{text}"
        );
    }
}

/// The longest search there is: for a day that never comes again, day by day until the calendar ends.
#[test]
fn a_rule_that_never_recurs_ends() {
    let start = jiff::civil::date(2026, 12, 1).into();
    let lists: String = (1..=30).map(|_| "-31,").collect();
    let text = format!(
        "FREQ=DAILY;INTERVAL=1;COUNT=400;BYMONTHDAY={lists}31;BYMONTH=2,2,2,2,2,2,2,2,2,2,2"
    );
    let rule = rule(&text, start);
    assert!(!rule.begins_at_its_start());
    assert_eq!(rule.times().count(), 0);
}
