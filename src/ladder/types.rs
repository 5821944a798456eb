// SPDX-License-Identifier: MPL-2.0
//! What all rooms of the ladder speak of: what comes in, which rung a frame is of, and what was asked for.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
};

use super::{
    codec::Codec,
    rendition::{Rendition, Renditions},
};

/// A rung as the ladder is cut, before and while anything runs for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RungSpec {
    /// The number of the video pad that it comes from.
    pub(crate) source: usize,
    pub(crate) rendition: Rendition,
}

/// One run of a rung. Its frames carry it, so that nobody takes those of an encoder that was given up for its successor's, or
/// a place on the ladder for a pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RungId {
    /// The number of the video pad that it comes from.
    pub(crate) source: usize,
    /// Its size, and its ceiling as it was when it started.
    pub(crate) rendition: Rendition,
    /// Counts the rungs that this process started: no two have the same.
    generation: u64,
}

impl RungId {
    /// That of a rung which is about to start.
    pub(crate) fn new(spec: RungSpec) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            source: spec.source,
            rendition: spec.rendition,
            generation: NEXT.fetch_add(1, Relaxed),
        }
    }
}

/// One encoded frame.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) buffer: gst::Buffer,
    pub(crate) caps: gst::Caps,
    pub(crate) rung: RungId,
    pub(crate) is_key: bool,
    /// Running time, in the order of decoding.
    pub(crate) time: gst::ClockTime,
    /// By how many nanoseconds its timestamps are to be moved, which differs between viewers.
    pub(crate) shift: i64,
}

impl Frame {
    /// Any of its timestamps, as this viewer is to have it.
    pub(crate) fn shifted(&self, time: gst::ClockTime) -> gst::ClockTime {
        // The last of them stands for none.
        let nanos = time.nseconds().saturating_add_signed(self.shift);
        gst::ClockTime::from_nseconds(nanos.min(u64::MAX - 1))
    }

    /// When it is shown, in the order of decoding.
    #[cfg(test)]
    pub(crate) fn shown(&self) -> gst::ClockTime {
        self.shifted(self.time)
    }
}

/// What ended a rung.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

/// An encoder that failed, and the one that goes on.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) factory: &'static str,
    pub(super) failure: Failure,
    pub(super) next: Option<&'static str>,
}

/// What the user asked for.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// Best first.
    pub(crate) codecs: Vec<Codec>,
    pub(crate) renditions: Renditions,
    pub(crate) bitrates: Bitrates,
    /// Seconds between key units; 0 for none but those that are needed.
    pub(crate) keyframe_interval: u32,
}

/// What may change while playing, in bits each second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bitrates {
    /// Of the best rung; by its size if not given.
    pub(crate) best: Option<u32>,
    /// No encoder goes below.
    pub(crate) min: u32,
    /// Nor above.
    pub(crate) max: u32,
    /// What a viewer's network is thought to carry before anything is known of it.
    pub(crate) start: u32,
}

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    Raw {
        width: u32,
        height: u32,
        /// Rounded up, for counting key units.
        rate: u32,
        /// The element that brings it down from a device's memory, if it lies there.
        download: Option<&'static str>,
    },
    /// Best first, of which size and bitrate are known or guessed.
    Encoded(Codec, Vec<RungSpec>),
}

impl Input {
    /// Whether nothing but the frame rate, which encoders follow by themselves, is another.
    pub(crate) fn is_alike(&self, other: &Self) -> bool {
        let of = |input: &Self| match input {
            Self::Raw {
                width,
                height,
                download,
                ..
            } => Some((*width, *height, *download)),
            Self::Encoded(..) => None,
        };
        match of(self) {
            Some(raw) => of(other) == Some(raw),
            None => self == other,
        }
    }

    /// The rungs of a ladder that is made of it.
    pub(crate) fn cut(&self, config: &Config) -> Vec<RungSpec> {
        match self {
            Self::Encoded(_, specs) => specs.clone(),
            Self::Raw { width, height, .. } => {
                let list = config.renditions.of(*width, *height, config.bitrates.best);
                of_raw(super::rendition::cap(list, config.bitrates.max))
            }
        }
    }

    /// The same rungs with other bitrates: none comes or goes while viewers are on it.
    pub(crate) fn cut_again(&self, before: &[RungSpec], config: &Config) -> Vec<RungSpec> {
        match self {
            Self::Encoded(..) => before.to_vec(),
            Self::Raw { .. } => {
                let before: Vec<Rendition> = before.iter().map(|spec| spec.rendition).collect();
                let list = config.renditions.again(&before, config.bitrates.best);
                of_raw(super::rendition::cap(list, config.bitrates.max))
            }
        }
    }
}

/// Raw pictures come in on the first pad alone.
fn of_raw(list: Vec<Rendition>) -> Vec<RungSpec> {
    let spec = |rendition| RungSpec {
        source: 0,
        rendition,
    };
    list.into_iter().map(spec).collect()
}

/// Called with the codec, the rung's place (0 is the best) and the encoder.
pub(crate) type EncoderSetup = Arc<dyn Fn(Codec, usize, &gst::Element) + Send + Sync>;

/// Asks for a key unit where encoded video comes from, by the number of its pad.
pub(crate) type SourceKeyRequest = Arc<dyn Fn(usize) + Send + Sync>;

/// What the ladder and a rung's thread both know.
#[derive(Default)]
pub(super) struct Shared {
    /// Bits each second that the rung may cost.
    pub(super) target: AtomicU32,
    /// The pipeline runs.
    pub(super) is_open: AtomicBool,
    /// The thread has not got to these yet.
    pub(super) is_bitrate_due: AtomicBool,
    pub(super) is_key_due: AtomicBool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(renditions: &str, best: Option<u32>, max: u32) -> Config {
        Config {
            codecs: vec![Codec::Vp8],
            renditions: renditions.parse().expect("these are renditions"),
            bitrates: Bitrates {
                best,
                min: 60_000,
                max,
                start: 2_000_000,
            },
            keyframe_interval: 0,
        }
    }

    const RAW: Input = Input::Raw {
        width: 1280,
        height: 720,
        rate: 30,
        download: None,
    };

    fn ceilings(specs: &[RungSpec]) -> Vec<u32> {
        specs.iter().map(|spec| spec.rendition.ceiling).collect()
    }

    #[test]
    fn another_bitrate_while_playing_changes_every_ceiling_and_no_rung() {
        let before = RAW.cut(&config("auto", None, 20_000_000));
        assert_eq!(ceilings(&before), [2_000_000, 600_000, 180_000]);
        let table = [
            ("auto", None, 500_000, [500_000, 300_000, 180_000]),
            (
                "auto",
                Some(1_000_000),
                20_000_000,
                [1_000_000, 300_000, 90_000],
            ),
            ("auto", Some(100_000), 20_000_000, [100_000, 30_000, 9_000]),
            ("auto", None, 10_000, [10_000, 6_000, 3_600]),
        ];
        for (renditions, best, max, expected) in table {
            let after = RAW.cut_again(&before, &config(renditions, best, max));
            assert_eq!(ceilings(&after), expected, "{renditions} {best:?} {max}");
            let same = |(a, b): (&RungSpec, &RungSpec)| a.rendition.width == b.rendition.width;
            assert!(after.iter().zip(&before).all(same));
        }
        let given = config("1280x720@2M,640x360@1900k", None, 1_950_000);
        assert_eq!(ceilings(&RAW.cut(&given)), [1_950_000, 1_900_000]);
    }

    #[test]
    fn what_comes_in_encoded_costs_what_it_costs() {
        let specs = of_raw(Renditions::Auto.of(1280, 720, None));
        let input = Input::Encoded(Codec::Vp8, specs.clone());
        let narrow = config("auto", None, 100_000);
        assert_eq!(input.cut(&narrow), specs);
        assert_eq!(input.cut_again(&specs, &narrow), specs);
    }

    #[test]
    fn a_frame_rate_alone_makes_no_other_input() {
        let raw = |width, rate| Input::Raw {
            width,
            height: 720,
            rate,
            download: None,
        };
        assert!(raw(1280, 30).is_alike(&raw(1280, 15)));
        assert!(!raw(1280, 30).is_alike(&raw(640, 30)));
        assert!(!raw(1280, 30).is_alike(&Input::Encoded(Codec::Vp8, Vec::new())));
    }

    #[test]
    fn no_two_runs_of_a_rung_are_the_same() {
        let spec = RAW.cut(&config("auto", None, 20_000_000))[0];
        assert_ne!(RungId::new(spec), RungId::new(spec));
    }
}
