// SPDX-License-Identifier: MPL-2.0
//! Times as people type and read them: in this machine's time zone, unless an offset says otherwise.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Reads `2026-12-01T10:00`, `2026-12-01 10:00`, or one with an offset or `Z`.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let civil: DateTime = text
        .parse()
        .map_err(|_| "write it as 2026-12-01T10:00, or with an offset as 2026-12-01T10:00+01:00")?;
    let zoned = TimeZone::system()
        .to_ambiguous_zoned(civil)
        .unambiguous()
        .map_err(|_| "on that day the clock is changed and this time is there twice or never: add the offset, such as +01:00")?;
    Ok(zoned.timestamp())
}

/// A time of the API as it is shown here.
pub(super) fn here(text: &str) -> String {
    let Ok(at) = text.parse::<Timestamp>() else {
        return text.to_owned();
    };
    let zoned = at.to_zoned(TimeZone::system());
    zoned.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_with_an_offset_is_what_it_says_and_one_without_is_of_this_place() {
        let utc: Timestamp = "2026-12-01T09:00:00Z".parse().unwrap();
        assert_eq!(time("2026-12-01T10:00+01:00"), Ok(utc));
        assert_eq!(time("2026-12-01T09:00Z"), Ok(utc));
        let local = time("2026-12-01T10:00").unwrap();
        assert_eq!(time("2026-12-01 10:00"), Ok(local));
        assert!(here(&local.to_string()).starts_with("2026-12-01 10:00:00"));
        assert!(time("tomorrow").is_err());
        assert!(time("2026-13-01T10:00").is_err());
    }
}
