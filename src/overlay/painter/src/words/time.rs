// SPDX-License-Identifier: MPL-2.0
//! Times and time zones as the user writes them.

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// Why a time or a time zone cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TimeError {
    /// The time zone database has no such name.
    #[error(
        "no time zone \"{name}\"; give an IANA name such as Europe/Berlin or UTC, or nothing for the one of this system"
    )]
    UnknownZone {
        /// As the user gave it.
        name: String,
    },
    /// The text is no time, or one without a zone.
    #[error(
        "\"{text}\" is no point in time; write it as in 2026-03-07T08:09:10Z or 2026-03-07T08:09:10+01:00"
    )]
    NotATime {
        /// As the user gave it.
        text: String,
    },
}

/// The time zone of this IANA name; that of the system if `name` is empty.
pub fn time_zone(name: &str) -> Result<TimeZone, TimeError> {
    let name = name.trim();
    if name.is_empty() {
        return Ok(TimeZone::system());
    }
    TimeZone::get(name).map_err(|_| TimeError::UnknownZone {
        name: name.to_owned(),
    })
}

/// The point in time that `text` means, RFC 3339 or RFC 9557: `2026-03-07T08:09:10Z`, `2026-03-07T08:09:10[Europe/Berlin]`.
pub fn parse_time(text: &str) -> Result<Timestamp, TimeError> {
    let text = text.trim();
    let time = text.parse::<Timestamp>();
    let time = time.or_else(|_| text.parse::<Zoned>().map(|time| time.timestamp()));
    time.map_err(|_| TimeError::NotATime {
        text: text.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iana_names_are_time_zones() {
        let berlin = time_zone(" Europe/Berlin ").unwrap();
        assert_eq!(berlin.iana_name(), Some("Europe/Berlin"));
        assert_eq!(time_zone("UTC").unwrap(), TimeZone::UTC);
        assert_eq!(time_zone("").unwrap(), TimeZone::system());
    }

    #[test]
    fn an_unknown_time_zone_is_named_in_the_error() {
        for name in ["Europe/Bärlin", "Nowhere", "../../etc/passwd", "+25"] {
            let err = time_zone(name).unwrap_err().to_string();
            assert!(err.contains(name) && err.contains("Europe/Berlin"), "{err}");
        }
    }

    #[test]
    fn the_usual_ways_to_write_a_time_mean_the_same() {
        for text in [
            "2026-03-07T08:09:10Z",
            "2026-03-07 08:09:10Z",
            "2026-03-07T09:09:10+01:00",
            "2026-03-07T09:09:10+01:00[Europe/Berlin]",
            "2026-03-07T09:09:10[Europe/Berlin]",
        ] {
            assert_eq!(
                parse_time(text).unwrap().as_second(),
                1_772_870_950,
                "{text}"
            );
        }
        let time = parse_time("2026-03-07T08:09:10.25Z").unwrap();
        assert_eq!(time.subsec_millisecond(), 250);
    }

    #[test]
    fn a_time_without_a_zone_is_an_error_that_shows_how_to_write_it() {
        for text in ["", "now", "2026-03-07", "2026-03-07T08:09:10", "25:00"] {
            let err = parse_time(text).unwrap_err().to_string();
            assert!(err.contains("2026-03-07T08:09:10Z"), "{err}");
        }
    }
}
