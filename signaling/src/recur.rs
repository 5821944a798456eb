// SPDX-License-Identifier: MPL-2.0
//! The windows of a booking that recurs.
//!
//! A rule says on which days; the time of day is that of the first window, in the rule's time zone, on every one of
//! them, also after the clocks there have changed. So a night from 22:00 to 06:00 is an hour shorter once a year, and an
//! hour longer once. A time that the clocks skip is taken as it would be without the change (RFC 5545, 3.3.5); of two
//! that bear the same name, the first is meant.

mod rule;

use jiff::SignedDuration;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use rule::{MAX_RULE_BYTES, Rule};

use crate::model::{Recurrence, Window};

/// Most windows that one recurring booking has: a year of days, and some.
pub const MAX_WINDOWS: usize = 400;

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
    let starts = civil_starts(start, &recurrence.rule, |until| civil_until(until, &zone))?;
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

/// When the rule's windows begin, by the clock on the wall: no zone takes part in it.
fn civil_starts(
    start: DateTime,
    rule: &str,
    until: impl Fn(&str) -> Option<DateTime>,
) -> Result<Vec<DateTime>, RecurrenceError> {
    // Rules know no fractions of a second.
    let fraction = SignedDuration::from_nanos(start.subsec_nanosecond().into());
    let rule = Rule::parse(rule, start.saturating_sub(fraction), until)?;
    if !rule.begins_at_its_start() {
        return Err(RecurrenceError::First);
    }
    let starts = rule.times().map(|time| time.checked_add(fraction).ok());
    let starts: Option<Vec<_>> = starts.take(MAX_WINDOWS + 1).collect();
    starts
        .filter(|starts| starts.len() <= MAX_WINDOWS)
        .ok_or(RecurrenceError::TooMany)
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
