// SPDX-License-Identifier: MPL-2.0
//! Times as people type and read them: in the time zone that is said, or this machine's, unless an offset says otherwise.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::super::Failure;

/// What was typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Time {
    /// With an offset or `Z`.
    At(Timestamp),
    /// What clocks show somewhere.
    Civil(DateTime),
}

/// A time zone and its name.
#[derive(Clone, Debug)]
pub(crate) struct Zone {
    pub(super) name: String,
    zone: TimeZone,
}

/// Reads `2026-12-01T10:00`, `2026-12-01 10:00`, or one with an offset or `Z`.
pub(super) fn time(text: &str) -> Result<Time, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(Time::At(at));
    }
    let civil = text.parse::<DateTime>().map(Time::Civil);
    civil.map_err(|_| {
        "write it as 2026-12-01T10:00, or with an offset as 2026-12-01T10:00+01:00".to_owned()
    })
}

/// Reads the IANA name of a time zone.
pub(super) fn zone(name: &str) -> Result<Zone, String> {
    let zone = TimeZone::get(name);
    let zone = zone.map_err(|_| "there is no such time zone: write it as Europe/Berlin or UTC")?;
    let name = name.to_owned();
    Ok(Zone { name, zone })
}

impl Time {
    /// When that is, in this zone or, if none is said, this machine's.
    pub(super) fn at(self, zone: Option<&Zone>) -> Result<Timestamp, Failure> {
        let civil = match self {
            Self::At(at) => return Ok(at),
            Self::Civil(civil) => civil,
        };
        let zone = zone.map_or_else(TimeZone::system, |zone| zone.zone.clone());
        let zoned = zone.to_ambiguous_zoned(civil).unambiguous();
        let zoned = zoned.map_err(|_| {
            Failure::input(format!(
                "{civil}: on that day the clock is changed and this time is there twice or never: add the offset, such \
                 as +01:00"
            ))
        })?;
        Ok(zoned.timestamp())
    }
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

    fn at(text: &str, zone: Option<&str>) -> Result<Timestamp, String> {
        let zone = zone.map(super::zone).transpose()?;
        time(text)?
            .at(zone.as_ref())
            .map_err(|failure| match failure {
                Failure::Input(message) | Failure::System(message) => message,
            })
    }

    #[test]
    fn a_time_with_an_offset_is_what_it_says_and_one_without_is_of_its_zone_or_this_place() {
        let utc: Timestamp = "2026-12-01T09:00:00Z".parse().unwrap();
        for zone in [None, Some("America/New_York")] {
            assert_eq!(at("2026-12-01T10:00+01:00", zone), Ok(utc));
            assert_eq!(at("2026-12-01T09:00Z", zone), Ok(utc));
        }
        assert_eq!(at("2026-12-01T10:00", Some("Europe/Berlin")), Ok(utc));
        let local = at("2026-12-01T10:00", None).unwrap();
        assert_eq!(at("2026-12-01 10:00", None), Ok(local));
        assert!(here(&local.to_string()).starts_with("2026-12-01 10:00:00"));
        assert!(time("tomorrow").is_err() && time("2026-13-01T10:00").is_err());
        assert!(zone("Middle/Earth").is_err());
        // Clocks are put back at three: half past two is there twice.
        let twice = at("2026-10-25T02:30", Some("Europe/Berlin")).unwrap_err();
        assert!(twice.contains("twice or never"), "{twice}");
    }
}
