// SPDX-License-Identifier: MPL-2.0
//! The sink's pads: what they take, and what of it is what. Pure but for the caps.

use std::sync::LazyLock;

use crate::talk;

pub(crate) const VIDEO: &str = "sink";
pub(crate) const AUDIO: &str = "audio";
/// What viewers say.
pub(crate) const TALK: &str = "talk";
/// Further renditions of the same picture, encoded by someone else: `video_1`, `video_2`, ...
pub(crate) const RENDITION: &str = "video_%u";

/// The name of the video pad with this number.
pub(crate) fn video_name(number: usize) -> String {
    match number {
        0 => VIDEO.to_owned(),
        _ => format!("video_{number}"),
    }
}

/// The number of the video pad of this name.
pub(crate) fn video_number(name: &str) -> Option<usize> {
    match name {
        VIDEO => Some(0),
        _ => name.strip_prefix("video_")?.parse().ok(),
    }
}

/// Whether a pad of this name takes pictures.
pub(crate) fn is_video(name: &str) -> bool {
    name != AUDIO && name != TALK
}

/// Raw video in the memory of a device that webrtcsink has converters for.
const MEMORIES: [&str; 5] = [
    "memory:CUDAMemory",
    "memory:GLMemory",
    "memory:NVMM",
    "memory:D3D11Memory",
    "memory:VAMemory",
];
/// Buffers of a driver that the processor can map as they are: raw video as any other, once the feature is taken off.
const DMABUF: &str = "memory:DMABuf";
/// The format of DMABuf video whose layout is the driver's own.
const OPAQUE: &str = "DMA_DRM";

const RAW: &str = "video/x-raw";
const ENCODED: [&str; 5] = [
    "video/x-vp8",
    "video/x-vp9",
    "video/x-h264",
    "video/x-h265",
    "video/x-av1",
];
const RAW_SOUND: &str = "audio/x-raw";
const SOUND: [&str; 2] = [RAW_SOUND, "audio/x-opus"];

pub(crate) static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
    let plain = |name: &str| (gst::Structure::new_empty(name), None);
    let memory = |feature| {
        let features = gst::CapsFeatures::new([feature]);
        (gst::Structure::new_empty(RAW), Some(features))
    };
    let memories = MEMORIES.into_iter().chain([DMABUF]);
    let video = [plain(RAW)]
        .into_iter()
        .chain(memories.map(memory))
        .chain(ENCODED.map(plain));
    let audio = SOUND.map(plain);
    [
        template(VIDEO, gst::PadPresence::Always, video),
        template(RENDITION, gst::PadPresence::Request, ENCODED.map(plain)),
        template(AUDIO, gst::PadPresence::Request, audio),
        gst::PadTemplate::new(
            TALK,
            gst::PadDirection::Src,
            gst::PadPresence::Request,
            &talk::caps(),
        )
        .ok(),
    ]
    .into_iter()
    .flatten()
    .collect()
});

fn template(
    name: &str,
    presence: gst::PadPresence,
    kinds: impl IntoIterator<Item = (gst::Structure, Option<gst::CapsFeatures>)>,
) -> Option<gst::PadTemplate> {
    let caps = kinds
        .into_iter()
        .fold(
            gst::Caps::builder_full(),
            |caps, (structure, features)| match features {
                Some(features) => caps.structure_with_features(structure, features),
                None => caps.structure(structure),
            },
        )
        .build();
    gst::PadTemplate::new(name, gst::PadDirection::Sink, presence, &caps).ok()
}

/// What reaches the video pad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Raw,
    Encoded,
}

/// What comes in cannot be shown. Names the pad and the fix.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BadInput {
    #[error("pad {pad}: viewers cannot be shown {caps}; put {remedy} before portholesink")]
    Unknown {
        pad: String,
        caps: String,
        remedy: &'static str,
    },
    #[error(
        "pad {0}: this DMABuf video is laid out in the driver's own way; put vapostproc, glcolorconvert or v4l2convert before portholesink"
    )]
    Opaque(String),
    #[error(
        "pad {pad}: what comes in changed from {old} to {new}, which viewers who watch cannot follow; hold it to one format with a capsfilter, or stop the pipeline and start it again"
    )]
    Changed {
        pad: String,
        old: String,
        new: String,
    },
    #[error(
        "pad {0}: data without caps; say in its source what it is, as in appsrc caps=video/x-raw,format=I420,width=640,height=480,framerate=30/1"
    )]
    Untyped(String),
    #[error("pad {0}: webrtcsink takes no more streams")]
    Full(String),
    #[error("{0}")]
    Ladder(String),
}

/// What `caps`, which are fixed, turn out to be on `pad`.
pub(crate) fn kind(pad: &str, caps: &gst::CapsRef) -> Result<Kind, BadInput> {
    let unknown = |remedy| BadInput::Unknown {
        pad: pad.into(),
        caps: caps.to_string(),
        remedy,
    };
    let Some(structure) = caps.structure(0) else {
        return Err(unknown("decodebin"));
    };
    let name = structure.name().as_str();
    match pad {
        AUDIO if SOUND.contains(&name) => Ok(match name {
            RAW_SOUND => Kind::Raw,
            _ => Kind::Encoded,
        }),
        AUDIO => Err(unknown("decodebin")),
        _ if name == "image/jpeg" => Err(unknown("jpegdec or decodebin")),
        _ if ENCODED.contains(&name) => Ok(Kind::Encoded),
        _ if name != RAW => Err(unknown("decodebin")),
        _ if is_dmabuf(caps) && structure.get("format") == Ok(OPAQUE) => {
            Err(BadInput::Opaque(pad.into()))
        }
        _ => Ok(Kind::Raw),
    }
}

/// Raw sound of any kind.
pub(crate) fn raw_sound() -> gst::Caps {
    gst::Caps::new_empty_simple(RAW_SOUND)
}

pub(crate) fn is_dmabuf(caps: &gst::CapsRef) -> bool {
    caps.features(0)
        .is_some_and(|features| features.contains(DMABUF))
}

/// `caps` as they are for a reader that maps the buffers.
pub(crate) fn mapped(caps: &gst::CapsRef) -> gst::Caps {
    let mut caps = caps.to_owned();
    for features in caps.make_mut().iter_with_features_mut().map(|(_, f)| f) {
        features.remove(DMABUF);
    }
    caps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(pad: &str, caps: &str) -> Result<Kind, String> {
        gst::init().expect("GStreamer is installed");
        let caps: gst::Caps = caps.parse().expect("these are caps");
        kind(pad, &caps).map_err(|error| error.to_string())
    }

    #[test]
    fn raw_video_is_raw_in_whatever_memory_it_lies() {
        for feature in MEMORIES.into_iter().chain([DMABUF]) {
            let caps = format!("video/x-raw({feature}),format=NV12");
            assert_eq!(judge(VIDEO, &caps), Ok(Kind::Raw), "{caps}");
        }
        assert_eq!(judge(VIDEO, "video/x-raw"), Ok(Kind::Raw));
        assert_eq!(judge(VIDEO, "video/x-h264"), Ok(Kind::Encoded));
        assert_eq!(judge(AUDIO, "audio/x-raw"), Ok(Kind::Raw));
    }

    #[test]
    fn what_viewers_cannot_be_shown_is_refused_by_pad_and_remedy() {
        let table = [
            (VIDEO, "image/jpeg", "jpegdec"),
            (VIDEO, "video/x-theora", "decodebin"),
            (
                VIDEO,
                "video/x-raw(memory:DMABuf),format=DMA_DRM",
                "v4l2convert",
            ),
            (AUDIO, "audio/mpeg", "decodebin"),
            (AUDIO, "video/x-raw", "decodebin"),
        ];
        for (pad, caps, remedy) in table {
            let error = judge(pad, caps).expect_err(caps);
            assert!(error.contains(&format!("pad {pad}")), "{error}");
            assert!(error.contains(remedy), "{error}");
        }
    }

    #[test]
    fn dmabuf_that_can_be_mapped_is_plain_video() {
        gst::init().expect("GStreamer is installed");
        let caps: gst::Caps = "video/x-raw(memory:DMABuf),format=NV12"
            .parse()
            .expect("these are caps");
        let plain: gst::Caps = "video/x-raw,format=NV12".parse().expect("these are caps");
        assert!(mapped(&caps).is_strictly_equal(&plain), "{}", mapped(&caps));
    }
}
