// SPDX-License-Identifier: MPL-2.0
//! What becomes of the channels of sound: browsers take one or two, and opusenc with more, or with two that nobody has given a
//! place, makes a form of Opus (RFC 7845, mapping families 1 and 255) of which webrtcsink makes no offer that they take. Pure
//! but for the caps.

const RAW: &str = "audio/x-raw";
/// Left and right.
const STEREO: u64 = 0b11;
/// Those that Opus is made of.
const RATES: [i32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];
const FULL_RATE: i32 = 48_000;

/// The channels that come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    channels: usize,
    /// Whether it is known where each belongs, or they are but counted, as those of a microphone array.
    has_places: bool,
}

/// What the encoder is given. webrtcsink follows no change of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    channels: usize,
    rate: i32,
}

/// Whether it is Opus that browsers take as it is.
pub(super) fn passes(caps: &gst::CapsRef) -> bool {
    let Some(structure) = caps.structure(0) else {
        return false;
    };
    let is_plain = structure.get("channel-mapping-family").unwrap_or(0) == 0;
    !is_raw(caps) && is_plain && structure.get("channels").unwrap_or(2) <= 2
}

/// Whether it has to be decoded before it can be mixed.
pub(super) fn is_opus(caps: &gst::CapsRef) -> bool {
    !is_raw(caps)
}

/// Whether it is raw sound.
pub(super) fn is_raw(caps: &gst::CapsRef) -> bool {
    caps.structure(0)
        .is_some_and(|structure| structure.name() == RAW)
}

impl Layout {
    pub(super) fn of(caps: &gst::CapsRef) -> Option<Self> {
        let structure = caps.structure(0)?;
        let channels = usize::try_from(structure.get::<i32>("channels").ok()?).ok()?;
        let has_places = match is_raw(caps) {
            true => match structure.get::<gst::Bitmask>("channel-mask") {
                Ok(mask) => mask.0 != 0 || channels == 1,
                Err(_) => channels <= 2,
            },
            // Those of the other families are but counted.
            false => structure.get("channel-mapping-family").unwrap_or(0) <= 1,
        };
        Some(Self {
            channels,
            has_places,
        })
    }

    #[cfg(test)]
    pub(super) fn channels(self) -> usize {
        self.channels
    }

    /// How much of each channel (the columns) goes into each of the encoder's (the rows), where no places say so.
    fn matrix(self, form: Form) -> Option<Vec<Vec<f32>>> {
        if self.has_places {
            return None;
        }
        let share = 1. / self.channels.max(1) as f32;
        let weight = |row: usize, column: usize| match (self.channels, form.channels) {
            // Two are left and right, whatever they are called.
            (2, 2) => f32::from(u8::from(row == column)),
            _ => share,
        };
        let row = |row| {
            (0..self.channels)
                .map(|column| weight(row, column))
                .collect()
        };
        Some((0..form.channels).map(row).collect())
    }

    /// For the property `mix-matrix` of audioconvert.
    pub(super) fn mix_matrix(self, form: Form) -> Option<gst::Array> {
        let rows = self.matrix(form)?;
        let rows = rows.into_iter().map(gst::Array::new);
        Some(gst::Array::new(rows))
    }
}

impl Form {
    /// For sound that begins with these caps.
    pub(super) fn of(caps: &gst::CapsRef) -> Option<Self> {
        let layout = Layout::of(caps)?;
        let rate = caps.structure(0)?.get("rate").unwrap_or(FULL_RATE);
        let rate = RATES.into_iter().find(|known| *known >= rate);
        Some(Self {
            channels: match layout.channels {
                0 | 1 => 1,
                2 => 2,
                _ if layout.has_places => 2,
                // They hear the same, from nowhere in particular.
                _ => 1,
            },
            rate: rate.unwrap_or(FULL_RATE),
        })
    }

    pub(super) fn caps(self) -> gst::Caps {
        let channels = i32::try_from(self.channels).unwrap_or(1);
        let caps = gst::Caps::builder(RAW)
            .field("format", "S16LE")
            .field("layout", "interleaved")
            .field("rate", self.rate)
            .field("channels", channels);
        match self.channels {
            2 => caps.field("channel-mask", gst::Bitmask::new(STEREO)),
            _ => caps,
        }
        .build()
    }
}

/// The same caps with the word that channels have no places, which GStreamer wants of more than two. `None` where it is said.
pub(super) fn placeless(caps: &gst::CapsRef) -> Option<gst::Caps> {
    let structure = caps.structure(0).filter(|_| is_raw(caps))?;
    let is_silent = structure
        .get::<i32>("channels")
        .is_ok_and(|channels| channels > 2)
        && !structure.has_field("channel-mask");
    is_silent.then(|| {
        let mut caps = caps.to_owned();
        caps.make_mut().set("channel-mask", gst::Bitmask::new(0));
        caps
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caps(text: &str) -> gst::Caps {
        gst::init().expect("GStreamer is installed");
        text.parse().expect("these are caps")
    }

    /// The encoder's channels and rate, and the matrix.
    fn mixed(text: &str) -> (usize, i32, Option<Vec<Vec<f32>>>) {
        let caps = caps(text);
        let (layout, form) = (Layout::of(&caps).unwrap(), Form::of(&caps).unwrap());
        (form.channels, form.rate, layout.matrix(form))
    }

    #[test]
    fn channels_with_places_become_stereo_and_one_stays_mono() {
        let raw = |rest: &str| mixed(&format!("audio/x-raw,rate=44100,{rest}"));
        assert_eq!(raw("channels=1"), (1, 48_000, None));
        assert_eq!(raw("channels=1,channel-mask=(bitmask)0"), (1, 48_000, None));
        assert_eq!(raw("channels=2"), (2, 48_000, None));
        assert_eq!(
            raw("channels=6,channel-mask=(bitmask)0x3f"),
            (2, 48_000, None)
        );
    }

    #[test]
    fn channels_without_places_are_left_and_right_where_they_are_two_and_one_voice_where_they_are_more()
     {
        let raw = |rest: &str| mixed(&format!("audio/x-raw,rate=16000,{rest}"));
        let two = vec![vec![1., 0.], vec![0., 1.]];
        assert_eq!(
            raw("channels=2,channel-mask=(bitmask)0"),
            (2, 16_000, Some(two))
        );
        let four = vec![vec![0.25; 4]];
        assert_eq!(
            raw("channels=4,channel-mask=(bitmask)0"),
            (1, 16_000, Some(four.clone()))
        );
        assert_eq!(raw("channels=4"), (1, 16_000, Some(four)));
    }

    #[test]
    fn a_form_that_has_begun_is_kept_by_whatever_follows() {
        let stereo = Form::of(&caps("audio/x-raw,rate=48000,channels=2")).unwrap();
        let array = Layout::of(&caps("audio/x-raw,channels=4,channel-mask=(bitmask)0")).unwrap();
        assert_eq!(array.matrix(stereo), Some(vec![vec![0.25; 4]; 2]));
        let mono = Form::of(&caps("audio/x-raw,rate=48000,channels=1")).unwrap();
        let pair = Layout::of(&caps("audio/x-raw,channels=2,channel-mask=(bitmask)0")).unwrap();
        assert_eq!(pair.matrix(mono), Some(vec![vec![0.5; 2]]));
    }

    #[test]
    fn opus_passes_where_browsers_take_it() {
        for (rest, expected) in [
            ("channel-mapping-family=0,channels=2", true),
            ("channels=1", true),
            ("channel-mapping-family=0", true),
            ("channel-mapping-family=255,channels=2", false),
            ("channel-mapping-family=1,channels=6", false),
        ] {
            assert_eq!(
                passes(&caps(&format!("audio/x-opus,{rest}"))),
                expected,
                "{rest}"
            );
        }
        assert!(!passes(&caps("audio/x-raw,channels=2")));
        let surround = mixed("audio/x-opus,channel-mapping-family=1,channels=6,rate=48000");
        assert_eq!(surround, (2, 48_000, None));
        let counted = mixed("audio/x-opus,channel-mapping-family=255,channels=3,rate=48000");
        assert_eq!((counted.0, counted.2.unwrap().len()), (1, 1));
    }

    #[test]
    fn many_channels_of_which_nothing_is_said_have_no_places() {
        let said = placeless(&caps("audio/x-raw,channels=4")).unwrap();
        assert!(!Layout::of(&said).unwrap().has_places);
        assert!(said.to_string().contains("channel-mask"), "{said}");
        for text in [
            "audio/x-raw,channels=2",
            "audio/x-raw,channels=4,channel-mask=(bitmask)0xf",
            "video/x-raw",
        ] {
            assert_eq!(placeless(&caps(text)), None, "{text}");
        }
    }
}
