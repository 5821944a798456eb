// SPDX-License-Identifier: MPL-2.0
//! A list of bookings as calendars read it (iCalendar, RFC 5545). Pure. Times are in UTC, so that no zone has to be described.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::model::Window;

/// Longest line in bytes, without its end (3.1).
const MAX_LINE: usize = 75;

/// One window of a booking.
pub(crate) struct Event<'a> {
    /// The same as long as it is the same window.
    pub(crate) uid: String,
    pub(crate) window: Window,
    pub(crate) summary: &'a str,
    /// Where it is watched.
    pub(crate) url: &'a str,
}

/// All of it as the text of a file.
pub(crate) fn calendar<'a>(
    name: &str,
    events: impl Iterator<Item = Event<'a>>,
    now: Timestamp,
) -> String {
    let mut text = String::new();
    let name = escaped(name);
    for (key, value) in [
        ("BEGIN", "VCALENDAR"),
        ("VERSION", "2.0"),
        ("PRODID", "-//Porthole//Bookings//EN"),
        ("METHOD", "PUBLISH"),
        ("X-WR-CALNAME", name.as_str()),
    ] {
        line(&mut text, key, value);
    }
    for event in events {
        line(&mut text, "BEGIN", "VEVENT");
        line(&mut text, "UID", &escaped(&event.uid));
        line(&mut text, "DTSTAMP", &time(now));
        line(&mut text, "DTSTART", &time(event.window.start));
        line(&mut text, "DTEND", &time(event.window.end));
        line(&mut text, "SUMMARY", &escaped(event.summary));
        // An address is no text: nothing is escaped in it (3.3.13), and it holds no end of a line.
        line(&mut text, "URL", event.url);
        line(&mut text, "END", "VEVENT");
    }
    line(&mut text, "END", "VCALENDAR");
    text
}

/// A moment in UTC (3.3.5, form 2), in whole seconds.
fn time(at: Timestamp) -> String {
    let at = at.to_zoned(TimeZone::UTC);
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// A text (3.3.11). What has no place in one is left out.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\n' => escaped.push_str("\\n"),
            letter if letter.is_control() => (),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A line of content, folded where it is too long (3.1), never in the middle of a letter.
fn line(text: &mut String, key: &str, value: &str) {
    let mut used = 0;
    let mut content = String::new();
    let _ = write!(content, "{key}:{value}");
    for letter in content.chars() {
        if used + letter.len_utf8() > MAX_LINE {
            text.push_str("\r\n ");
            used = 1;
        }
        text.push(letter);
        used += letter.len_utf8();
    }
    text.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn one(summary: &str) -> String {
        let event = Event {
            uid: "b1@porthole".to_owned(),
            window: Window {
                start: at("2026-12-01T09:00:00.9Z"),
                end: at("2026-12-01T10:00:00Z"),
            },
            summary,
            url: "https://look.example.org/",
        };
        calendar("Porthole", [event].into_iter(), at("2026-11-30T12:00:00Z"))
    }

    #[test]
    fn it_is_what_the_standard_asks_for() {
        let expected = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Porthole//Bookings//EN\r\nMETHOD:PUBLISH\r\n\
                        X-WR-CALNAME:Porthole\r\nBEGIN:VEVENT\r\nUID:b1@porthole\r\nDTSTAMP:20261130T120000Z\r\n\
                        DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\nSUMMARY:Front door\r\n\
                        URL:https://look.example.org/\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
        assert_eq!(one("Front door"), expected);
    }

    #[test]
    fn a_name_begins_no_line_of_its_own() {
        let text = one("a;b,c\\d\nEND:VCALENDAR\r\u{1b}e");
        assert!(
            text.contains("SUMMARY:a\\;b\\,c\\\\d\\nEND:VCALENDARe\r\n"),
            "{text}"
        );
        assert_eq!(text.matches("\r\nEND:VCALENDAR\r\n").count(), 1);
    }

    #[test]
    fn long_lines_are_folded_between_letters() {
        let name = "Küche über dem Hof 📷 ".repeat(12);
        let text = one(&name);
        assert!(text.split("\r\n").all(|line| line.len() <= MAX_LINE));
        let unfolded = text.replace("\r\n ", "");
        assert!(
            unfolded.contains(&format!("SUMMARY:{name}\r\n")),
            "{unfolded}"
        );
    }
}
