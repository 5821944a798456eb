// SPDX-License-Identifier: MPL-2.0
//! Turns a template into text again only when that may give another text, so that most frames cost a comparison.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::template::{Template, Values};

/// Two times within a second that differ in every decimal place.
const FRACTIONS: [i32; 2] = [123_456_789, 987_654_321];

/// How often the text may change with the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Never,
    EachSecond,
    Always,
}

/// A template, its time zone, and the text it gave last.
#[derive(Debug)]
pub struct Expander {
    template: Template,
    zone: TimeZone,
    pace: Pace,
    last: Option<Last>,
    text: String,
}

/// What the last text was made of.
#[derive(Debug)]
struct Last {
    time: (i64, i32),
    camera: String,
    viewers: u32,
    fps: u64,
    size: (u32, u32),
}

impl Expander {
    /// Understands `text` as [`Template::new`] does; times are shown in `zone`.
    ///
    /// `now` is any time; it serves to try the text out.
    pub fn new(text: &str, zone: TimeZone, now: Timestamp) -> Self {
        let template = Template::new(text, &now.to_zoned(zone.clone()));
        let pace = if !template.shows_time() {
            Pace::Never
        } else if shows_fractions(&template, &zone, now) {
            Pace::Always
        } else {
            Pace::EachSecond
        };
        Self {
            template,
            zone,
            pace,
            last: None,
            text: String::new(),
        }
    }

    /// What is wrong with the text, if anything; the wrong specifier is shown as it was written.
    pub fn problem(&self) -> Option<&str> {
        self.template.problem()
    }

    /// The text of a frame shown at `now`.
    pub fn expand(&mut self, now: Timestamp, values: &Values<'_>) -> &str {
        let time = self.pace.of(now);
        if !self.last.as_ref().is_some_and(|last| last.is(time, values)) {
            let now = now.to_zoned(self.zone.clone());
            self.template.expand(&now, values, &mut self.text);
            self.last = Some(Last::new(time, values));
        }
        &self.text
    }
}

impl Pace {
    /// As much of `now` as the text may show: whole seconds and nanoseconds.
    fn of(self, now: Timestamp) -> (i64, i32) {
        let nanoseconds = now.subsec_nanosecond();
        match self {
            Self::Never => (0, 0),
            // Before 1970 both parts are negative, but a clock counts up.
            Self::EachSecond => (now.as_second() - i64::from(nanoseconds < 0), 0),
            Self::Always => (now.as_second(), nanoseconds),
        }
    }
}

impl Last {
    fn new(time: (i64, i32), values: &Values<'_>) -> Self {
        Self {
            time,
            camera: values.camera.to_owned(),
            viewers: values.viewers,
            fps: values.fps.to_bits(),
            size: values.size,
        }
    }

    fn is(&self, time: (i64, i32), values: &Values<'_>) -> bool {
        self.time == time
            && self.viewers == values.viewers
            && self.fps == values.fps.to_bits()
            && self.size == values.size
            && self.camera == values.camera
    }
}

/// Trying it out sees every specifier there is, and every width and flag of one.
fn shows_fractions(template: &Template, zone: &TimeZone, now: Timestamp) -> bool {
    let [first, second] = FRACTIONS.map(|nanoseconds| {
        let mut text = String::new();
        if let Ok(time) = Timestamp::new(now.as_second().max(0), nanoseconds) {
            let time = time.to_zoned(zone.clone());
            template.expand(&time, &Values::default(), &mut text);
        }
        text
    });
    first != second
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_772_870_950;

    fn at(second: i64, nanosecond: i32) -> Timestamp {
        Timestamp::new(second, nanosecond).unwrap()
    }

    fn expander(text: &str) -> Expander {
        Expander::new(text, TimeZone::UTC, at(SECOND, 0))
    }

    /// Whether the second time is expanded anew; the text is overwritten to see it.
    fn works(text: &str, times: [Timestamp; 2], values: [&Values<'_>; 2]) -> bool {
        let mut expander = expander(text);
        expander.expand(times[0], values[0]);
        expander.text = "as before".to_owned();
        expander.expand(times[1], values[1]) != "as before"
    }

    #[test]
    fn a_clock_is_expanded_once_a_second() {
        let same = &Values::default();
        let early = at(SECOND, 1);
        assert!(!works(
            "%H:%M:%S",
            [early, at(SECOND, 999_999_999)],
            [same; 2]
        ));
        assert!(works("%H:%M:%S", [early, at(SECOND + 1, 1)], [same; 2]));
        assert!(works("%H:%M:%S", [early, at(SECOND - 1, 1)], [same; 2]));
        assert!(works(
            "%S",
            [at(0, 500_000_000), at(0, -500_000_000)],
            [same; 2]
        ));
    }

    #[test]
    fn a_text_without_time_is_expanded_once() {
        let same = &Values::default();
        for text in ["", "front door", "{camera} {fps}"] {
            assert!(!works(text, [at(SECOND, 0), at(0, 0)], [same; 2]));
        }
    }

    #[test]
    fn fractions_of_a_second_are_expanded_each_time() {
        let same = &Values::default();
        let times = [at(SECOND, 1), at(SECOND, 1_000_000)];
        for text in ["%f", "%.3f", "%N", "%.f", "%9N", "%S%.6f {camera}", "%1f"] {
            assert!(works(text, times, [same; 2]), "{text}");
            assert!(!works(text, [times[0]; 2], [same; 2]), "{text}");
        }
    }

    #[test]
    fn a_changed_value_is_expanded() {
        let same = &Values {
            camera: "front",
            viewers: 1,
            fps: 30.0,
            size: (640, 480),
        };
        let others = [
            Values {
                camera: "rear",
                ..*same
            },
            Values {
                viewers: 2,
                ..*same
            },
            Values {
                fps: 29.97,
                ..*same
            },
            Values {
                size: (480, 640),
                ..*same
            },
        ];
        let times = [at(SECOND, 0); 2];
        assert!(!works("{camera}", times, [same; 2]));
        for other in &others {
            assert!(works("{camera}", times, [same, other]), "{other:?}");
        }
    }

    #[test]
    fn the_time_is_that_of_the_zone() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        let mut expander = Expander::new("%H:%M %Z", zone, at(SECOND, 0));
        let text = expander.expand(at(SECOND, 0), &Values::default());
        assert_eq!(text, "13:39 IST");
    }
}
