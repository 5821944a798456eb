// SPDX-License-Identifier: MPL-2.0
//! What a stream of H.264 says of itself, and what browsers call that. Pure.
//!
//! Browsers name a few profiles in their descriptions (Chromium without a decoder in hardware: Constrained Baseline, Baseline
//! and Main; Firefox the first two; Safari Constrained Baseline and Constrained High), take an offer only by one of these
//! names, and decode the other profiles all the same.

use std::fmt;

/// `profile-level-id` (RFC 6184, 8.1): the first three bytes of a sequence parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ProfileLevel {
    profile: u8,
    constraints: u8,
    level: u8,
}

/// Those that browsers know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    ConstrainedBaseline,
    Baseline,
    Main,
    ConstrainedHigh,
    High,
    Other,
}

/// Level 3.1: browsers take an offer for more than they are sent, and refuse none for it.
const LEAST_LEVEL: u8 = 31;
/// Constrained baseline.
const USUAL: ProfileLevel = ProfileLevel {
    profile: 66,
    constraints: 0xc0,
    level: LEAST_LEVEL,
};
/// The same as browsers write it.
const BROWSERS: ProfileLevel = ProfileLevel {
    constraints: 0xe0,
    ..USUAL
};
/// Macroblocks of a picture and each second, by level (H.264, table A-1).
const LEVELS: [(u8, u64, u64); 11] = [
    (31, 3_600, 108_000),
    (32, 5_120, 216_000),
    (40, 8_192, 245_760),
    (42, 8_704, 522_240),
    (50, 22_080, 589_824),
    (51, 36_864, 983_040),
    (52, 36_864, 2_073_600),
    (60, 139_264, 4_177_920),
    (61, 139_264, 8_355_840),
    (62, 139_264, 16_711_680),
    // No picture is too large to be offered.
    (62, u64::MAX, u64::MAX),
];

/// The level of pictures of this size, so many each second.
pub(crate) fn level(width: u32, height: u32, rate: u32) -> u8 {
    let picture = u64::from(width.div_ceil(16)) * u64::from(height.div_ceil(16));
    let second = picture * u64::from(rate);
    let fits =
        |(_, most, most_a_second): &(u8, u64, u64)| picture <= *most && second <= *most_a_second;
    LEVELS
        .into_iter()
        .find(fits)
        .map_or(62, |(level, ..)| level)
}

impl Default for ProfileLevel {
    fn default() -> Self {
        USUAL
    }
}

impl fmt::Display for ProfileLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            profile,
            constraints,
            level,
        } = self;
        write!(f, "{profile:02x}{constraints:02x}{level:02x}")
    }
}

impl ProfileLevel {
    /// Six digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_hex = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok().filter(|_| is_hex)?;
        let [_, profile, constraints, level] = number.to_be_bytes();
        Some(Self {
            profile,
            constraints,
            level,
        })
    }

    /// Of the first sequence parameter set of a stream with start codes (Annex B).
    pub(crate) fn of_stream(bytes: &[u8]) -> Option<Self> {
        const SEQUENCE_PARAMETERS: u8 = 7;
        bytes.windows(7).find_map(|window| match *window {
            [0, 0, 1, header, profile, constraints, level]
                if header & 0x1f == SEQUENCE_PARAMETERS =>
            {
                Some(Self {
                    profile,
                    constraints,
                    level,
                })
            }
            _ => None,
        })
    }

    /// By the names that GStreamer's caps have for it.
    pub(crate) fn of_names(profile: &str, level: Option<&str>) -> Option<Self> {
        let (profile, constraints) = match profile {
            "constrained-baseline" => (66, 0xc0),
            "baseline" => (66, 0),
            "main" => (77, 0),
            "high" | "progressive-high" => (100, 0),
            "constrained-high" => (100, 0x0c),
            "high-10" => (110, 0),
            "high-4:2:2" => (122, 0),
            "high-4:4:4" => (244, 0),
            _ => return None,
        };
        let level = level.and_then(|level| level.parse::<f32>().ok());
        // Level 3.1 is the number 31.
        let level = level.map_or(LEAST_LEVEL, |level| (level * 10.).round() as u8);
        Some(Self {
            profile,
            constraints,
            level,
        })
    }

    /// With this level, if its own is below.
    pub(crate) fn at_least(self, level: u8) -> Self {
        Self {
            level: self.level.max(level),
            ..self
        }
    }

    pub(crate) fn level(self) -> u8 {
        self.level
    }

    fn kind(self) -> Profile {
        let is_set = |constraint: u8| self.constraints & (0x80 >> constraint) != 0;
        match self.profile {
            66 if is_set(1) => Profile::ConstrainedBaseline,
            66 => Profile::Baseline,
            // What keeps to Baseline as well.
            77 if is_set(0) => Profile::ConstrainedBaseline,
            77 => Profile::Main,
            100 if is_set(4) && is_set(5) => Profile::ConstrainedHigh,
            100 => Profile::High,
            _ => Profile::Other,
        }
    }

    /// Without the bits by which libwebrtc would no longer know it.
    fn plain(self) -> Self {
        let constraints = match self.kind() {
            Profile::ConstrainedBaseline | Profile::Baseline => self.constraints & 0xf0,
            Profile::Main => self.constraints & 0x40,
            Profile::ConstrainedHigh => 0x0c,
            Profile::High | Profile::Other => 0,
        };
        Self {
            constraints,
            ..self
        }
    }

    /// The names under which a stream is offered: its own, and then those under which browsers take it that do not list that
    /// one.
    pub(crate) fn offered(self) -> Vec<Self> {
        let own = self.plain().at_least(LEAST_LEVEL);
        let as_browsers = Self {
            level: own.level,
            ..BROWSERS
        };
        let other_high = |constraints| Self { constraints, ..own };
        match own.kind() {
            Profile::ConstrainedBaseline | Profile::Other => vec![own],
            Profile::Baseline | Profile::Main => vec![own, as_browsers],
            Profile::High => vec![own, other_high(0x0c), as_browsers],
            Profile::ConstrainedHigh => vec![own, other_high(0), as_browsers],
        }
    }

    /// How well a viewer that lists `listed`, if it says what that is, is sent this stream by it: the least is best. `None` if
    /// it cannot decode it.
    pub(crate) fn rank(self, listed: Option<Self>) -> Option<usize> {
        use Profile::{Baseline, ConstrainedBaseline, ConstrainedHigh, High, Main, Other};
        /// Behind all that are named.
        const UNNAMED: usize = 5;
        let Some(listed) = listed else {
            return Some(UNNAMED);
        };
        // Its own, then those that have all of it, then those under whose name it is decoded as well.
        let order = match self.kind() {
            ConstrainedBaseline => [ConstrainedBaseline, Baseline, Main, ConstrainedHigh, High],
            Baseline => [Baseline, ConstrainedBaseline, Main, High, ConstrainedHigh],
            Main => [Main, High, ConstrainedHigh, ConstrainedBaseline, Baseline],
            ConstrainedHigh => [ConstrainedHigh, High, Main, ConstrainedBaseline, Baseline],
            High => [High, ConstrainedHigh, Main, ConstrainedBaseline, Baseline],
            Other => return (self.profile == listed.profile).then_some(0),
        };
        order.into_iter().position(|kind| kind == listed.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ProfileLevel {
        ProfileLevel::parse(text).expect("six digits")
    }

    fn offered(text: &str) -> Vec<String> {
        id(text).offered().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_stream_is_offered_as_what_it_is_and_then_as_what_browsers_list() {
        for (own, expected) in [
            ("42c01f", &["42c01f"][..]),
            ("42e028", &["42e028"]),
            ("42000d", &["42001f", "42e01f"]),
            ("4d4028", &["4d4028", "42e028"]),
            ("640032", &["640032", "640c32", "42e032"]),
            // Progressive High, which libwebrtc does not know.
            ("640829", &["640029", "640c29", "42e029"]),
            ("640c1f", &["640c1f", "64001f", "42e01f"]),
            // Decoders of browsers do not have these, unless they say so.
            ("f4001f", &["f4001f"]),
            ("6e0028", &["6e0028"]),
        ] {
            assert_eq!(offered(own), expected, "{own}");
        }
        assert_eq!(ProfileLevel::default().to_string(), "42c01f");
    }

    #[test]
    fn what_a_stream_says_of_itself_is_read_from_its_parameters() {
        let delimiter = [0, 0, 0, 1, 9, 0xf0];
        let parameters = [0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xac];
        let stream = [&delimiter[..], &parameters].concat();
        assert_eq!(ProfileLevel::of_stream(&stream), Some(id("640028")));
        assert_eq!(ProfileLevel::of_stream(&delimiter), None);
        assert_eq!(ProfileLevel::of_stream(&parameters[..7]), None);
        for (profile, level, expected) in [
            ("constrained-baseline", Some("1"), "42c00a"),
            ("high", Some("4"), "640028"),
            ("main", None, "4d001f"),
            ("progressive-high", Some("4.1"), "640029"),
        ] {
            assert_eq!(ProfileLevel::of_names(profile, level), Some(id(expected)));
        }
        assert_eq!(ProfileLevel::of_names("cavlc-4:4:4-intra", None), None);
    }

    #[test]
    fn the_level_is_that_of_the_pictures() {
        for (size, expected) in [
            ((320, 240, 30), 31),
            ((1280, 720, 30), 31),
            ((1280, 720, 60), 32),
            ((1920, 1080, 30), 40),
            ((1920, 1080, 60), 42),
            ((3840, 2160, 30), 51),
            ((3840, 2160, 60), 52),
            ((15_360, 8_640, 30), 62),
        ] {
            assert_eq!(level(size.0, size.1, size.2), expected, "{size:?}");
        }
    }

    #[test]
    fn a_viewers_own_list_has_a_best_name_for_a_stream() {
        let best = |stream: &str, listed: &[&'static str]| {
            let stream = id(stream);
            let ranked = listed
                .iter()
                .filter_map(|listed| Some((stream.rank(Some(id(listed)))?, *listed)));
            ranked.min().map(|(_, listed)| listed)
        };
        let chromium = ["42001f", "42e01f", "4d001f", "f4001f"];
        let firefox = ["42e01f", "42001f"];
        let safari = ["640c1f", "42e01f"];
        assert_eq!(best("640028", &chromium), Some("4d001f"));
        assert_eq!(best("640028", &firefox), Some("42e01f"));
        assert_eq!(best("640028", &safari), Some("640c1f"));
        assert_eq!(best("42c01f", &chromium), Some("42e01f"));
        assert_eq!(best("4d4028", &safari), Some("640c1f"));
        assert_eq!(best("f4001f", &chromium), Some("f4001f"));
        assert_eq!(best("f4001f", &firefox), None);
        assert_eq!(best("6e0028", &chromium), None);
        assert!(id("640028").rank(None) > id("640028").rank(Some(id("42001f"))));
    }
}
