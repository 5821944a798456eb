// SPDX-License-Identifier: MPL-2.0
//! What webrtcsink is told of the picture. It offers what it has looked at and never carries any of it: the frames go from the
//! ladder into each session (see `session::rung_source`).
//!
//! webrtcsink takes one codec in each stream. It keeps a payload type for each of `video-caps` all the same, and takes the
//! codec that a viewer's answer names; so our offer names them all.

use std::fmt;

use gst::prelude::*;
use gstrswebrtc::webrtcsink::BaseWebRTCSink;

use super::{assumptions, video};
use crate::{
    h264::{self, ProfileLevel},
    heap,
    ladder::{Frame, Input, codec::Codec},
    runtime,
    signaller::offered::Sendable,
};

/// The first that webrtcsink gives; it counts on from there in the order of `video-caps`.
const FIRST_PAYLOAD: usize = 96;
/// Retransmissions (RFC 4588) of codecs other than the first, where webrtcbin does not write and number them itself: beyond all
/// that webrtcsink and webrtcbin number from 96 on.
const FIRST_RTX_PAYLOAD: usize = 115;
/// The header extension by which viewers report what arrives.
const TWCC: &str = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";

/// The codecs that are offered, best first, each with a frame of its stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct OfferCodecs {
    codecs: Vec<(Codec, Frame)>,
    /// What the offer has a payload type for, in the order of their numbers.
    formats: Vec<Format>,
}

/// A codec under one of the names by which viewers take its stream.
#[derive(Clone, Copy, Debug)]
struct Format {
    codec: Codec,
    h264: Option<ProfileLevel>,
}

impl Format {
    fn of((codec, frame): &(Codec, Frame)) -> Vec<Self> {
        let codec = *codec;
        match codec {
            Codec::H264 => {
                let names = stream_of(frame).offered().into_iter();
                names
                    .map(|name| Self {
                        codec,
                        h264: Some(name),
                    })
                    .collect()
            }
            _ => vec![Self { codec, h264: None }],
        }
    }
}

/// What a stream of H.264 says of itself; what its caps say where that cannot be read.
fn stream_of(frame: &Frame) -> ProfileLevel {
    let map = frame.buffer.map_readable().ok();
    let own = map.and_then(|map| ProfileLevel::of_stream(map.as_slice()));
    own.or_else(|| h264_of_caps(&frame.caps))
        .unwrap_or_default()
}

fn h264_of_caps(caps: &gst::CapsRef) -> Option<ProfileLevel> {
    let structure = caps.structure(0)?;
    let profile = structure.get::<&str>("profile").ok()?;
    ProfileLevel::of_names(profile, structure.get("level").ok())
}

/// The level of H.264 that what comes in has, or that is made of it.
fn level_of(caps: &gst::CapsRef) -> Option<u8> {
    if let Some(Codec::H264) = Codec::of_caps(caps) {
        return Some(h264_of_caps(caps)?.level());
    }
    match video::raw(caps)? {
        Input::Raw {
            width,
            height,
            rate,
            ..
        } => Some(h264::level(width, height, rate)),
        Input::Encoded(..) => None,
    }
}

impl OfferCodecs {
    pub(crate) fn new(codecs: Vec<(Codec, Frame)>) -> Self {
        let formats = codecs.iter().flat_map(Format::of).collect();
        Self { codecs, formats }
    }

    /// The same for what comes in now, which may be larger than what came in first.
    pub(super) fn raised<'a>(&self, inputs: impl Iterator<Item = &'a gst::Caps>) -> Self {
        let level = inputs.filter_map(|caps| level_of(caps)).max();
        let raise = |format: &Format| Format {
            h264: format
                .h264
                .map(|own| own.at_least(level.unwrap_or_default())),
            ..*format
        };
        Self {
            codecs: self.codecs.clone(),
            formats: self.formats.iter().map(raise).collect(),
        }
    }

    /// A frame by which webrtcsink sees what a stream of this kind is.
    pub(crate) fn sample(&self, caps: &gst::CapsRef) -> Option<Frame> {
        let codec = Codec::of_caps(caps)?;
        let found = self.codecs.iter().find(|(of, _)| *of == codec);
        found.map(|(_, frame)| frame.clone())
    }

    /// What a viewer's own offer has to list one of.
    pub(crate) fn sendable(&self) -> Sendable {
        let codecs = self.codecs.iter().map(|(codec, frame)| match codec {
            Codec::H264 => (codec.encoding_name(), Some(stream_of(frame))),
            _ => (codec.encoding_name(), None),
        });
        Sendable::new(codecs)
    }

    /// What does not hold of webrtcsink's numbers.
    pub(super) fn numbering(&self) -> Vec<String> {
        let names = self
            .formats
            .iter()
            .map(|format| format.codec.encoding_name());
        let names: Vec<&str> = names.collect();
        let first = i32::try_from(FIRST_PAYLOAD).unwrap_or_default();
        assumptions::numbering(&self.caps(), &names, first)
    }

    /// For `video-caps`.
    fn caps(&self) -> gst::Caps {
        let names = self.formats.iter().map(|format| format.codec.media_type());
        names.map(gst::Structure::new_empty).collect()
    }

    /// What the offer's media line says, given what webrtcsink would have it say of the first codec alone.
    pub(crate) fn preferences(&self, of_first: &gst::CapsRef) -> Option<gst::Caps> {
        let first = of_first.structure(0)?;
        let mut codecs = gst::Caps::new_empty();
        let mut repairs = gst::Caps::new_empty();
        let needs_repairs = self.formats.len() > 1 && !assumptions::is_written_for_each_codec();
        for (index, Format { codec, h264 }) in self.formats.iter().enumerate() {
            let payload = i32::try_from(FIRST_PAYLOAD + index).ok()?;
            let mut structure = common(first);
            structure.set("encoding-name", codec.encoding_name());
            structure.set("payload", payload);
            if let Some(h264) = h264 {
                structure.set("packetization-mode", "1");
                structure.set("profile-level-id", h264.to_string());
                structure.set("level-asymmetry-allowed", "1");
            }
            codecs.make_mut().append_structure(structure);
            if index > 0 && needs_repairs {
                let mut repair = gst::Structure::builder("application/x-rtp")
                    .field("media", "video")
                    .field("encoding-name", "RTX")
                    .field("clock-rate", 90_000i32)
                    .field("payload", i32::try_from(FIRST_RTX_PAYLOAD + index).ok()?)
                    .field("apt", payload.to_string())
                    .build();
                if let Ok(ssrc) = first.get::<u32>("ssrc") {
                    repair.set("ssrc", ssrc);
                }
                repairs.make_mut().append_structure(repair);
            }
        }
        codecs.make_mut().append(repairs);
        Some(codecs)
    }
}

impl fmt::Display for OfferCodecs {
    /// "H264 (640028, 640c28, 42e028), VP8"
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (codec, _)) in self.codecs.iter().enumerate() {
            let separator = if index > 0 { ", " } else { "" };
            write!(f, "{separator}{}", codec.encoding_name())?;
            let of_codec = self.formats.iter().filter(|format| format.codec == *codec);
            let names: Vec<String> = of_codec
                .filter_map(|format| Some(format.h264?.to_string()))
                .collect();
            if !names.is_empty() {
                write!(f, " ({})", names.join(", "))?;
            }
        }
        Ok(())
    }
}

/// The same caps without what H.264 says of itself: webrtcsink holds a session's stream to the profile that its viewer has
/// named, which is another one than it has where the viewer lists that one alone, and aborts where it has not heard of it.
pub(crate) fn without_profile(caps: &gst::Caps) -> gst::Caps {
    let mut caps = caps.clone();
    if Codec::of_caps(&caps) == Some(Codec::H264) {
        for structure in caps.make_mut().iter_mut() {
            structure.remove_fields(["profile", "level"]);
        }
    }
    caps
}

/// What webrtcsink takes the stream for: of all that a viewer may name of H.264 it looks up this alone, and knows it.
fn with_any_profile(caps: &gst::Caps) -> gst::Caps {
    let mut caps = caps.clone();
    if Codec::of_caps(&caps) == Some(Codec::H264) {
        for structure in caps.make_mut().iter_mut() {
            structure.set("profile", "high-4:4:4");
            structure.set("level", "6.2");
            structure.set("profile-level-id", "f4003e");
        }
    }
    caps
}

/// What all codecs of a media line have in common.
fn common(first: &gst::StructureRef) -> gst::Structure {
    let mut structure = gst::Structure::builder("application/x-rtp")
        .field("media", "video")
        .field("clock-rate", 90_000i32)
        .field("rtcp-fb-nack", true)
        .field("rtcp-fb-nack-pli", true)
        .field("rtcp-fb-ccm-fir", true)
        .field("rtcp-fb-transport-cc", true)
        .field("extmap-1", TWCC)
        .build();
    for name in ["ssrc", "a-mid", "a-msid"] {
        if let Ok(value) = first.value(name) {
            structure.set_value(name, value.clone());
        }
    }
    structure
}

/// Tells webrtcsink which codecs there are, before it looks at any stream.
pub(crate) fn announce(webrtcsink: &BaseWebRTCSink, offered: &OfferCodecs) {
    webrtcsink.set_property("video-caps", offered.caps());
}

/// Lets webrtcsink look at the picture, so that it begins to take sessions. Does not wait.
pub(crate) fn begin(target: &gst::Pad, offered: &OfferCodecs) {
    let Some((_, frame)) = offered.codecs.first() else {
        return;
    };
    let mut buffer = frame.buffer.copy();
    if let Some(buffer) = buffer.get_mut() {
        // Due at once, whatever the clock says.
        buffer.set_pts(gst::ClockTime::NONE);
    }
    let (target, caps) = (target.clone(), with_any_profile(&frame.caps));
    let look = move || {
        let _ = target.send_event(gst::event::StreamStart::new("porthole-video"));
        let _ = target.send_event(gst::event::Caps::new(&caps));
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let _ = target.send_event(gst::event::Segment::new(&segment));
        // Waits for PLAYING, or for the end.
        let _ = target.chain(buffer);
    };
    if let Ok(runtime) = runtime::handle() {
        runtime.spawn_blocking(look);
        // What the encoders' trial took.
        heap::trim_soon();
    }
}

/// Tells webrtcsink that the picture has ended. Does not wait: webrtcsink's own sinks do, for PLAYING, and the stream that
/// ends would hold the lock that its sink needs to stop.
pub(crate) fn end(target: &gst::Pad) {
    let target = target.clone();
    if let Ok(runtime) = runtime::handle() {
        runtime.spawn_blocking(move || target.send_event(gst::event::Eos::new()));
    }
}
