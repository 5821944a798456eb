// SPDX-License-Identifier: MPL-2.0
//! From a video pad to the ladder: `clocksync ! appsink`, children of the sink for as long as the pad lives.
//!
//! A live source's pictures pass at once; only what could come faster than time (a file) is held to the clock.
//!
//! Lock: `ladder`, held to read or write a value.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Instant,
};

use gst::prelude::*;

use super::pads::{VIDEO, video_name};
use crate::{
    ladder::{
        Input, Ladder, RungSpec,
        codec::Codec,
        rendition::{Rendition, Renditions},
    },
    lock::lock,
};

/// Where pictures go between READY and NULL.
#[derive(Clone, Default)]
pub(in crate::sink) struct Current(Arc<Mutex<Option<Arc<Ladder>>>>);

impl Current {
    pub(super) fn set(&self, ladder: Option<Arc<Ladder>>) {
        *lock(&self.0) = ladder;
    }

    pub(in crate::sink) fn get(&self) -> Option<Arc<Ladder>> {
        lock(&self.0).clone()
    }
}

/// What a video pad leads to.
#[derive(Clone, Debug)]
pub(super) struct VideoBranch {
    clocksync: gst::Element,
    pub(super) sink: gst_app::AppSink,
}

impl VideoBranch {
    /// For the pad with this number; `on_end` is called when its stream ends.
    pub(super) fn new(
        number: usize,
        ladder: &Current,
        on_end: impl Fn() + Send + Sync + 'static,
    ) -> Option<Self> {
        let clocksync = gst::ElementFactory::make("clocksync")
            .property("sync", false)
            .build()
            .ok()?;
        let ladder = ladder.clone();
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Flushing)?;
                let ladder = ladder.get();
                if let Some(feed) = ladder.as_ref().and_then(|l| l.feeds().get(number)) {
                    feed.push(&sample, Instant::now(), || sink.current_running_time());
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| on_end())
            .build();
        let sink = gst_app::AppSink::builder()
            .sync(false)
            .async_(false)
            .enable_last_sample(false)
            .max_buffers(1)
            .callbacks(callbacks)
            .build();
        Some(Self { clocksync, sink })
    }

    /// Puts it into the bin; gives the pad that it begins with.
    pub(super) fn add_to(&self, bin: &gst::Bin) -> Option<gst::Pad> {
        let sink = self.sink.upcast_ref::<gst::Element>();
        bin.add_many([&self.clocksync, sink]).ok()?;
        self.clocksync.link(sink).ok()?;
        for element in [&self.clocksync, sink] {
            element.sync_state_with_parent().ok()?;
        }
        self.clocksync.static_pad("sink")
    }

    pub(super) fn take_from(&self, bin: &gst::Bin) {
        for element in [&self.clocksync, self.sink.upcast_ref()] {
            element.set_locked_state(true);
            let _ = element.set_state(gst::State::Null);
            // A bin that goes has let go of it already.
            if element.parent().as_ref() == Some(bin.upcast_ref()) {
                let _ = bin.remove(element);
            }
        }
    }

    /// Holds the stream to the clock if what makes it would not.
    pub(super) fn keep_time(&self, pad: &gst::Pad) {
        let mut query = gst::query::Latency::new();
        let is_live = pad.peer_query(&mut query) && query.result().0;
        self.clocksync.set_property("sync", !is_live);
    }
}

/// What came in is no ladder. Names the pads and the fix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadLadder {
    #[error(
        "pad {0} is for one more rendition that comes in encoded; say renditions=pads, or renditions=WIDTHxHEIGHT@BITRATE,... with one for each pad"
    )]
    Unmarked(String),
    #[error("pad {0}: renditions that come in must be encoded, on this pad and on pad {VIDEO}")]
    Raw(String),
    #[error("pad {0} has another codec than pad {1}; give all renditions of a picture the same")]
    Codec(String, String),
    #[error("renditions={0} are {1}, and {2} pads come in; give one for each pad")]
    Count(String, usize, usize),
}

/// What the caps of the video pads, by their numbers, are to the ladder. Any of them may be the first, and the only one.
pub(super) fn input(
    caps: &BTreeMap<usize, gst::Caps>,
    renditions: &Renditions,
    bitrate: Option<u32>,
) -> Result<Option<Input>, BadLadder> {
    let Some((first_number, first)) = caps.first_key_value() else {
        return Ok(None);
    };
    let Some(codec) = Codec::of_caps(first) else {
        return match caps.keys().nth(1) {
            Some(other) => Err(BadLadder::Raw(video_name(*other))),
            None => Ok(raw(first)),
        };
    };
    if let Some((number, _)) = caps
        .iter()
        .find(|(_, caps)| Codec::of_caps(caps) != Some(codec))
    {
        let (number, first) = (video_name(*number), video_name(*first_number));
        return Err(BadLadder::Codec(number, first));
    }
    let list = match renditions {
        Renditions::Given(list) if list.len() == caps.len() => list.clone(),
        Renditions::Given(list) if caps.len() > 1 => {
            let words: Vec<String> = list.iter().map(ToString::to_string).collect();
            return Err(BadLadder::Count(words.join(","), list.len(), caps.len()));
        }
        Renditions::Auto if caps.len() > 1 => {
            let further = caps.keys().nth(1).copied().unwrap_or_default();
            return Err(BadLadder::Unmarked(video_name(further)));
        }
        _ => falling(caps.values().filter_map(|caps| {
            // A stream that does not say its size is taken for the usual one.
            let (width, height) = size(caps).unwrap_or((1280, 720));
            let best = bitrate.filter(|_| caps == first);
            Renditions::Pads.of(width, height, best).pop()
        })),
    };
    let specs = caps.keys().zip(list).map(|(number, rendition)| RungSpec {
        source: *number,
        rendition,
    });
    Ok(Some(Input::Encoded(codec, specs.collect())))
}

/// Each costs less than the one before, or no viewer could be moved to it.
fn falling(list: impl Iterator<Item = Rendition>) -> Vec<Rendition> {
    let mut all: Vec<Rendition> = Vec::new();
    for mut rendition in list {
        if let Some(before) = all.last() {
            rendition.ceiling = rendition.ceiling.min(before.ceiling / 2);
        }
        all.push(rendition);
    }
    all
}

fn size(caps: &gst::CapsRef) -> Option<(u32, u32)> {
    let structure = caps.structure(0)?;
    let edge = |name| u32::try_from(structure.get::<i32>(name).ok()?).ok();
    Some((edge("width")?, edge("height")?))
}

/// The element that brings pictures down from the memory of a device.
pub(in crate::sink) fn download(caps: &gst::CapsRef) -> Option<&'static str> {
    const ELEMENTS: [(&str, &str); 5] = [
        ("memory:CUDAMemory", "cudadownload"),
        ("memory:GLMemory", "gldownload"),
        ("memory:NVMM", "nvvidconv"),
        ("memory:D3D11Memory", "d3d11download"),
        ("memory:VAMemory", "vapostproc"),
    ];
    let features = caps.features(0)?;
    let found = ELEMENTS
        .iter()
        .find(|(memory, _)| features.contains(*memory));
    found.map(|(_, element)| *element)
}

pub(super) fn raw(caps: &gst::CapsRef) -> Option<Input> {
    let (width, height) = size(caps)?;
    let rate = caps.structure(0)?.get::<gst::Fraction>("framerate").ok();
    let rate = rate.filter(|rate| rate.numer() > 0 && rate.denom() > 0);
    let rate = rate.map_or(30, |rate| rate.numer().div_euclid(rate.denom()).max(1));
    Some(Input::Raw {
        width,
        height,
        rate: u32::try_from(rate).unwrap_or(30),
        download: download(caps),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(pads: &[&str], renditions: &str) -> Result<Option<Input>, String> {
        gst::init().expect("GStreamer is installed");
        let caps = pads
            .iter()
            .map(|caps| caps.parse().expect("these are caps"));
        let caps: BTreeMap<usize, gst::Caps> = caps.enumerate().collect();
        let renditions = renditions.parse().expect("these are renditions");
        input(&caps, &renditions, None).map_err(|error| error.to_string())
    }

    #[test]
    fn encoded_pads_are_a_ladder_when_they_are_marked_so() {
        let full = "video/x-h264,width=1280,height=720";
        let half = "video/x-h264,width=640,height=360";
        let sizes = |input| match input {
            Ok(Some(Input::Encoded(Codec::H264, list))) => {
                let words = list.iter().map(|spec| spec.rendition.to_string());
                words.collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(
            sizes(judged(&[full, half], "pads")),
            ["1280x720@2000k", "640x360@600k"]
        );
        assert_eq!(
            sizes(judged(&[full, half], "1280x720@4M,640x360@1M")),
            ["1280x720@4000k", "640x360@1000k"]
        );
        assert_eq!(sizes(judged(&[full], "auto")), ["1280x720@2000k"]);
        assert_eq!(sizes(judged(&["video/x-h264"], "auto")), ["1280x720@2000k"]);
        assert_eq!(
            sizes(judged(&[full, full], "pads")),
            ["1280x720@2000k", "1280x720@1000k"]
        );
    }

    #[test]
    fn the_number_of_each_pad_stays_with_its_rendition() {
        gst::init().expect("GStreamer is installed");
        let caps: gst::Caps = "video/x-h264,width=1280,height=720".parse().unwrap();
        let all: BTreeMap<usize, gst::Caps> = [(2, caps.clone()), (5, caps)].into();
        let sources = |renditions: &str| {
            let renditions = renditions.parse().expect("these are renditions");
            match input(&all, &renditions, None) {
                Ok(Some(Input::Encoded(_, specs))) => {
                    specs.iter().map(|spec| spec.source).collect::<Vec<_>>()
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(sources("pads"), [2, 5]);
        assert_eq!(sources("1280x720@2M,640x360@600k"), [2, 5]);
    }

    #[test]
    fn pads_that_make_no_ladder_are_refused_by_name_and_remedy() {
        let h264 = "video/x-h264,width=1280,height=720";
        let table: [(&[&str], &str, [&str; 2]); 4] = [
            (&[h264, h264], "auto", ["pad video_1", "renditions=pads"]),
            (&[h264, "video/x-vp8"], "pads", ["pad video_1", "the same"]),
            (
                &["video/x-raw,width=64,height=64", h264],
                "pads",
                ["pad video_1", "encoded"],
            ),
            (&[h264, h264], "640x360@1M", ["640x360@1000k", "2 pads"]),
        ];
        for (pads, renditions, words) in table {
            let error = judged(pads, renditions).expect_err(renditions);
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        }
    }
}
