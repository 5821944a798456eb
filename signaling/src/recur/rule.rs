// SPDX-License-Identifier: MPL-2.0
//! Rules by which days recur (RFC 5545, 3.3.10). Nothing here knows a time zone; a time of day counts only against
//! `UNTIL`.

use std::collections::BTreeMap;
use std::iter::successors;
use std::ops::RangeInclusive;

use jiff::Span;
use jiff::civil::{Date, DateTime, Weekday};

use super::{MAX_WINDOWS, RecurrenceError};

/// Longest rule: all parts that are taken, with some days each.
pub(super) const MAX_RULE_BYTES: usize = 256;
/// The parts that are taken. Those about hours, minutes and seconds are left to the first window.
pub(super) const PARTS: [&str; 11] = [
    "FREQ",
    "COUNT",
    "UNTIL",
    "INTERVAL",
    "BYDAY",
    "BYMONTHDAY",
    "BYMONTH",
    "BYSETPOS",
    "BYYEARDAY",
    "BYWEEKNO",
    "WKST",
];
const WEEKDAYS: [(&str, Weekday); 7] = [
    ("MO", Weekday::Monday),
    ("TU", Weekday::Tuesday),
    ("WE", Weekday::Wednesday),
    ("TH", Weekday::Thursday),
    ("FR", Weekday::Friday),
    ("SA", Weekday::Saturday),
    ("SU", Weekday::Sunday),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frequency {
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A rule that begins on a day. An empty list of one of its parts leaves every day.
pub(super) struct Rule {
    start: DateTime,
    frequency: Frequency,
    interval: u16,
    count: usize,
    until: Option<DateTime>,
    week_start: Weekday,
    months: Vec<i16>,
    weeks: Vec<i16>,
    year_days: Vec<i16>,
    month_days: Vec<i16>,
    /// Which of these weekdays in the month or the year, from its end if below 0; 0 is every one.
    weekdays: Vec<(i16, Weekday)>,
    positions: Vec<i16>,
}

type Parts<'r> = BTreeMap<&'r str, &'r str>;

fn unreadable(part: &str) -> RecurrenceError {
    RecurrenceError::Unreadable(part.to_owned())
}

impl Rule {
    /// Reads a rule whose first window begins at `start`. `civil` makes `UNTIL` a time on the same clock.
    pub(super) fn parse(
        text: &str,
        start: DateTime,
        civil: impl Fn(&str) -> Option<DateTime>,
    ) -> Result<Self, RecurrenceError> {
        if text.len() > MAX_RULE_BYTES || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(RecurrenceError::Long);
        }
        let text = text.to_ascii_uppercase();
        let parts = split(&text)?;
        let frequency = match parts.get("FREQ").copied() {
            Some("DAILY") => Frequency::Daily,
            Some("WEEKLY") => Frequency::Weekly,
            Some("MONTHLY") => Frequency::Monthly,
            Some("YEARLY") => Frequency::Yearly,
            _ => return Err(RecurrenceError::Frequency),
        };
        let (count, until) = end(&parts, civil)?;
        if until.is_some_and(|until| until < start) {
            return Err(unreadable("UNTIL is before its first window"));
        }
        let interval = parts.get("INTERVAL").map_or(Ok(1), |n| n.parse());
        let week_start = parts
            .get("WKST")
            .map_or(Some(Weekday::Monday), |day| weekday(day));
        let rule = Self {
            start,
            frequency,
            interval: interval
                .ok()
                .filter(|interval| *interval > 0)
                .ok_or_else(|| unreadable("INTERVAL is 1 to 65535"))?,
            count,
            until,
            week_start: week_start.ok_or_else(|| unreadable("WKST is one of MO to SU"))?,
            months: numbers(&parts, "BYMONTH", 1..=12)?,
            weeks: numbers(&parts, "BYWEEKNO", -53..=53)?,
            year_days: numbers(&parts, "BYYEARDAY", -366..=366)?,
            month_days: numbers(&parts, "BYMONTHDAY", -31..=31)?,
            weekdays: weekdays(&parts)?,
            positions: numbers(&parts, "BYSETPOS", -366..=366)?,
        };
        rule.check()?;
        Ok(rule.with_parts_of_start())
    }

    /// What the RFC forbids.
    fn check(&self) -> Result<(), RecurrenceError> {
        use Frequency::{Monthly, Weekly, Yearly};
        let numbered = self.weekdays.iter().any(|(number, _)| *number != 0);
        let wrong = [
            (
                self.frequency == Weekly && !self.month_days.is_empty(),
                "BYMONTHDAY does not go with FREQ=WEEKLY",
            ),
            (
                self.frequency != Yearly && !self.year_days.is_empty(),
                "BYYEARDAY goes with FREQ=YEARLY alone",
            ),
            (
                self.frequency != Yearly && !self.weeks.is_empty(),
                "BYWEEKNO goes with FREQ=YEARLY alone",
            ),
            (
                numbered && !matches!(self.frequency, Monthly | Yearly),
                "BYDAY with numbers goes with FREQ=MONTHLY and FREQ=YEARLY alone",
            ),
            (
                numbered && !self.weeks.is_empty(),
                "BYDAY with numbers does not go with BYWEEKNO",
            ),
        ];
        match wrong.iter().find(|(is_wrong, _)| *is_wrong) {
            Some((_, words)) => Err(unreadable(words)),
            None => Ok(()),
        }
    }

    /// A rule that does not say on which day of its period it recurs means that of its start.
    fn with_parts_of_start(mut self) -> Self {
        let says_none = self.weeks.is_empty()
            && self.year_days.is_empty()
            && self.month_days.is_empty()
            && self.weekdays.is_empty();
        if !says_none {
            return self;
        }
        match self.frequency {
            Frequency::Daily => (),
            Frequency::Weekly => self.weekdays = vec![(0, self.start.weekday())],
            Frequency::Monthly => self.month_days = vec![self.start.day().into()],
            Frequency::Yearly => {
                if self.months.is_empty() {
                    self.months = vec![self.start.month().into()];
                }
                self.month_days = vec![self.start.day().into()];
            }
        }
        self
    }

    /// Whether it recurs on the day on which it begins.
    pub(super) fn begins_at_its_start(&self) -> bool {
        let day = self.start.date();
        let period = self.period(0);
        period.is_some_and(|(first, days)| self.days_of(first, days).contains(&day))
    }

    /// The times at which it recurs, in their order. They end with the rule, or with the calendar's year 9999.
    pub(super) fn times(&self) -> impl Iterator<Item = DateTime> {
        let periods = (0..).map_while(|number| self.period(number));
        let days = periods.flat_map(|(first, days)| self.days_of(first, days));
        let times = days.map(|day| day.to_datetime(self.start.time()));
        times
            .filter(|time| *time >= self.start)
            .take_while(|time| self.until.is_none_or(|until| *time <= until))
            .take(self.count)
    }

    /// The first day of a day, week, month or year in which it recurs, and how many that has.
    fn period(&self, number: i64) -> Option<(Date, usize)> {
        let start = self.start.date();
        let steps = number * i64::from(self.interval);
        let span = Span::new();
        let (first, span) = match self.frequency {
            Frequency::Daily => (start, span.try_days(steps)),
            Frequency::Weekly => {
                let days_before = i64::from(start.weekday().since(self.week_start));
                let first = start.checked_sub(Span::new().days(days_before)).ok()?;
                (first, span.try_weeks(steps))
            }
            Frequency::Monthly => (start.first_of_month(), span.try_months(steps)),
            Frequency::Yearly => (start.first_of_year(), span.try_years(steps)),
        };
        let first = first.checked_add(span.ok()?).ok()?;
        let days = match self.frequency {
            Frequency::Daily => 1,
            Frequency::Weekly => 7,
            Frequency::Monthly => first.days_in_month().into(),
            Frequency::Yearly => first.days_in_year(),
        };
        Some((first, usize::try_from(days).ok()?))
    }

    /// On which of these days it recurs.
    fn days_of(&self, first: Date, days: usize) -> Vec<Date> {
        let all = successors(Some(first), |day| day.tomorrow().ok()).take(days);
        let days: Vec<_> = all.filter(|day| self.has(*day)).collect();
        if self.positions.is_empty() {
            return days;
        }
        let count = days.len() as i16;
        let at = |(index, _): &(usize, &Date)| is_at(&self.positions, *index as i16 + 1, count);
        days.iter()
            .enumerate()
            .filter(at)
            .map(|(_, day)| *day)
            .collect()
    }

    fn has(&self, day: Date) -> bool {
        let (in_month, in_year) = (day.day().into(), day.day_of_year());
        let (month_length, year_length) = (day.days_in_month().into(), day.days_in_year());
        (self.months.is_empty() || self.months.contains(&day.month().into()))
            && (self.month_days.is_empty() || is_at(&self.month_days, in_month, month_length))
            && (self.year_days.is_empty() || is_at(&self.year_days, in_year, year_length))
            && (self.weekdays.is_empty() || self.has_weekday(day))
            && (self.weeks.is_empty() || self.has_week(day))
    }

    fn has_weekday(&self, day: Date) -> bool {
        let in_month = self.frequency == Frequency::Monthly || !self.months.is_empty();
        let (number, length) = match in_month {
            true => (day.day().into(), day.days_in_month().into()),
            false => (day.day_of_year(), day.days_in_year()),
        };
        let number_before = (number - 1) / 7;
        let number_after = (length - number) / 7;
        self.weekdays.iter().any(|(wanted, weekday)| {
            *weekday == day.weekday() && [0, number_before + 1, -number_after - 1].contains(wanted)
        })
    }

    /// A week is the year's in which four of its days are.
    fn has_week(&self, day: Date) -> bool {
        let fourth = 3 - i64::from(day.weekday().since(self.week_start));
        let Ok(fourth) = day.checked_add(Span::new().days(fourth)) else {
            return false;
        };
        let number_before = (fourth.day_of_year() - 1) / 7;
        let number_after = (fourth.days_in_year() - fourth.day_of_year()) / 7;
        is_at(
            &self.weeks,
            number_before + 1,
            number_before + 1 + number_after,
        )
    }
}

/// Whether the `number`th of `count`, from 1, is meant by one of these, of which those below 0 count from the end.
fn is_at(wanted: &[i16], number: i16, count: i16) -> bool {
    wanted.contains(&number) || wanted.contains(&(number - count - 1))
}

fn split(text: &str) -> Result<Parts<'_>, RecurrenceError> {
    let mut parts = Parts::new();
    for part in text.split(';') {
        let wrong = || RecurrenceError::Part(part.to_owned());
        let (key, value) = part.split_once('=').ok_or_else(wrong)?;
        if value.is_empty() || !PARTS.contains(&key) || parts.insert(key, value).is_some() {
            return Err(wrong());
        }
    }
    Ok(parts)
}

/// How often it recurs at most, and until when.
fn end(
    parts: &Parts<'_>,
    civil: impl Fn(&str) -> Option<DateTime>,
) -> Result<(usize, Option<DateTime>), RecurrenceError> {
    match (parts.get("COUNT"), parts.get("UNTIL")) {
        (Some(count), None) => match count.parse() {
            Ok(count @ 1..=MAX_WINDOWS) => Ok((count, None)),
            _ => Err(RecurrenceError::TooMany),
        },
        (None, Some(until)) => {
            let civil = civil(until).ok_or_else(|| unreadable(&format!("UNTIL={until}")))?;
            Ok((usize::MAX, Some(civil)))
        }
        _ => Err(RecurrenceError::Endless),
    }
}

/// The numbers of a part, of which none is 0.
fn numbers(
    parts: &Parts<'_>,
    key: &str,
    range: RangeInclusive<i16>,
) -> Result<Vec<i16>, RecurrenceError> {
    let Some(list) = parts.get(key) else {
        return Ok(Vec::new());
    };
    let number = |text: &str| text.parse().ok().filter(|n| range.contains(n) && *n != 0);
    let numbers = list.split(',').map(number).collect::<Option<_>>();
    numbers.ok_or_else(|| unreadable(&format!("{key}={list}")))
}

fn weekday(text: &str) -> Option<Weekday> {
    let found = WEEKDAYS.iter().find(|(name, _)| *name == text)?;
    Some(found.1)
}

fn weekdays(parts: &Parts<'_>) -> Result<Vec<(i16, Weekday)>, RecurrenceError> {
    let Some(list) = parts.get("BYDAY") else {
        return Ok(Vec::new());
    };
    let day = |text: &str| {
        let (number, name) = text.split_at_checked(text.len().checked_sub(2)?)?;
        let number = match number {
            "" => 0,
            number => number
                .parse()
                .ok()
                .filter(|n| (-53..=53).contains(n) && *n != 0)?,
        };
        Some((number, weekday(name)?))
    };
    let days = list.split(',').map(day).collect::<Option<_>>();
    days.ok_or_else(|| unreadable(&format!("BYDAY={list}")))
}

#[cfg(test)]
#[path = "rule_tests.rs"]
mod tests;
