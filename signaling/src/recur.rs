// SPDX-License-Identifier: MPL-2.0
//! The windows of a booking that recurs.
//!
//! A rule says on which days; the time of day is that of the first window, in the rule's time zone, on every one of
//! them, also after the clocks there have changed. So a night from 22:00 to 06:00 is an hour shorter once a year, and an
//! hour longer once. A time that the clocks skip is taken as it would be without the change (RFC 5545, 3.3.5); of two
//! that bear the same name, the first is meant.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rrule::RRuleSet;

use crate::model::{Recurrence, Window};
use crate::store::MAX_WINDOWS;

/// Longest rule: all parts that are taken, with some days each.
const MAX_RULE_BYTES: usize = 256;
/// The parts that are taken. Those about hours, minutes and seconds are left to the first window.
const PARTS: [&str; 11] = [
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
const FREQUENCIES: [&str; 4] = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY"];

/// Why a booking cannot recur like this.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecurrenceError {
    /// The rule has more than 256 characters, or some beyond ASCII.
    #[error(
        "the rule has more than {MAX_RULE_BYTES} characters, or some that no rule has: shorten it"
    )]
    Long,
    /// The time zone is not known.
    #[error("there is no such time zone: give its name as Europe/Berlin or UTC")]
    Zone,
    /// A part of the rule is not taken, stands twice, or has no value.
    #[error(
        "{0:?} is no part of a rule, or stands there twice: take KEY=VALUE with keys out of FREQ, COUNT, UNTIL, \
             INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, BYYEARDAY, BYWEEKNO and WKST"
    )]
    Part(String),
    /// It recurs more often than daily, or there is no `FREQ`.
    #[error("FREQ is one of DAILY, WEEKLY, MONTHLY and YEARLY")]
    Frequency,
    /// It has no end, or two.
    #[error("the rule needs an end: either COUNT or UNTIL")]
    Endless,
    /// There would be too many.
    #[error("a booking recurs up to {MAX_WINDOWS} times: lower COUNT, or set an earlier UNTIL")]
    TooMany,
    /// The rule cannot be read.
    #[error("the rule cannot be read: {0}")]
    Unreadable(String),
    /// The first window is not one of the rule's.
    #[error("the first window is not on a day of the rule: begin on one of its days")]
    First,
    /// It would begin again before it is over.
    #[error(
        "a window would begin before the one before it is over: make them shorter, or recur less often"
    )]
    Overlap,
}

/// All windows of a booking with this first window, in their order. There are 1 to [`MAX_WINDOWS`], and none overlap.
///
/// # Errors
/// If the rule or the zone is not one that is taken, or the windows would be too many or overlap.
pub fn expand(first: Window, recurrence: &Recurrence) -> Result<Vec<Window>, RecurrenceError> {
    let zone = TimeZone::get(&recurrence.zone).map_err(|_| RecurrenceError::Zone)?;
    let civil = |at| zone.to_datetime(at);
    let start = civil(first.start);
    let starts = civil_starts(start, &floating(&recurrence.rule, &zone)?)?;
    let length = match civil(first.end).duration_since(start) {
        // The clocks went back within it.
        short if short <= SignedDuration::ZERO => first.end.duration_since(first.start),
        length => length,
    };
    if starts
        .windows(2)
        .any(|pair| pair[1].duration_since(pair[0]) < length)
    {
        return Err(RecurrenceError::Overlap);
    }
    let later = starts[1..]
        .iter()
        .map(|start| window(*start, length, &zone));
    let mut windows = vec![first];
    for window in later
        .collect::<Option<Vec<_>>>()
        .ok_or(RecurrenceError::TooMany)?
    {
        // Where the clocks skip the end of one and the start of the next, the one before gives way.
        if let Some(before) = windows.last_mut() {
            before.end = before.end.min(window.start);
        }
        windows.push(window);
    }
    Ok(windows)
}

/// The rule without a time zone, checked part by part: its `UNTIL` is the time of day in `zone`, called UTC.
fn floating(rule: &str, zone: &TimeZone) -> Result<String, RecurrenceError> {
    if rule.len() > MAX_RULE_BYTES || !rule.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(RecurrenceError::Long);
    }
    let rule = rule.to_ascii_uppercase();
    let mut parts = BTreeMap::new();
    for part in rule.split(';') {
        let wrong = || RecurrenceError::Part(part.to_owned());
        let (key, value) = part.split_once('=').ok_or_else(wrong)?;
        if value.is_empty()
            || !PARTS.contains(&key)
            || parts.insert(key, value.to_owned()).is_some()
        {
            return Err(wrong());
        }
    }
    if !parts
        .get("FREQ")
        .is_some_and(|freq| FREQUENCIES.contains(&freq.as_str()))
    {
        return Err(RecurrenceError::Frequency);
    }
    match (parts.get("COUNT"), parts.get("UNTIL")) {
        (Some(count), None) => match count.parse() {
            Ok(1..=MAX_WINDOWS) => (),
            _ => return Err(RecurrenceError::TooMany),
        },
        (None, Some(until)) => {
            let wrong = || RecurrenceError::Unreadable(format!("UNTIL={until}"));
            let until = civil_until(until, zone).ok_or_else(wrong)?;
            parts.insert("UNTIL", until.strftime("%Y%m%dT%H%M%SZ").to_string());
        }
        _ => return Err(RecurrenceError::Endless),
    }
    let parts: Vec<_> = parts
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    Ok(parts.join(";"))
}

/// A point in time, a time of day, or a day, of which all counts.
fn civil_until(until: &str, zone: &TimeZone) -> Option<DateTime> {
    if let Some(utc) = until.strip_suffix('Z') {
        let at = DateTime::strptime("%Y%m%dT%H%M%S", utc).ok()?;
        return Some(zone.to_datetime(TimeZone::UTC.to_timestamp(at).ok()?));
    }
    match Date::strptime("%Y%m%d", until) {
        Ok(day) => Some(day.at(23, 59, 59, 0)),
        Err(_) => DateTime::strptime("%Y%m%dT%H%M%S", until).ok(),
    }
}

/// When the rule's windows begin, by the clock on the wall: it is expanded as if that showed UTC, so that no zone takes
/// part in it.
fn civil_starts(start: DateTime, rule: &str) -> Result<Vec<DateTime>, RecurrenceError> {
    // Rules know no fractions of a second.
    let fraction = SignedDuration::from_nanos(start.subsec_nanosecond().into());
    let text = format!("DTSTART:{}\nRRULE:{rule}", start.strftime("%Y%m%dT%H%M%SZ"));
    let unreadable = |error: rrule::RRuleError| RecurrenceError::Unreadable(error.to_string());
    let set: RRuleSet = text.parse().map_err(unreadable)?;
    let most = u16::try_from(MAX_WINDOWS + 1).unwrap_or(u16::MAX);
    let found = set.all(most);
    let civil = |seconds| {
        let at = Timestamp::from_second(seconds).ok()?;
        TimeZone::UTC.to_datetime(at).checked_add(fraction).ok()
    };
    let starts = found.dates.iter().map(|date| civil(date.timestamp()));
    let starts: Vec<_> = starts
        .collect::<Option<_>>()
        .ok_or(RecurrenceError::TooMany)?;
    if starts.first() != Some(&start) {
        return Err(RecurrenceError::First);
    }
    // The crate gave up looking, or there is one more than there may be.
    if found.limited {
        return Err(RecurrenceError::TooMany);
    }
    Ok(starts)
}

/// `None` beyond the year 9999.
fn window(start: DateTime, length: SignedDuration, zone: &TimeZone) -> Option<Window> {
    let instant = |civil| zone.to_ambiguous_timestamp(civil).compatible().ok();
    let end = instant(start.checked_add(length).ok()?)?;
    let start = instant(start)?;
    let end = match end > start {
        true => end,
        // The clocks skip its start, and so it is moved behind its end.
        false => start.checked_add(length).ok()?,
    };
    Some(Window { start, end })
}

#[cfg(test)]
#[path = "recur_tests.rs"]
mod tests;
