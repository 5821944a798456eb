// SPDX-License-Identifier: MPL-2.0
//! What webrtcsink is told of the picture. It offers what it has looked at and never carries any of it: the frames go from the
//! ladder into each session (see `session::rung_source`).
//!
//! webrtcsink takes one codec in each stream. It keeps a payload type for each of `video-caps` all the same, and takes the
//! codec that a viewer's answer names; so our offer names them all.

use gst::prelude::*;
use gstrswebrtc::webrtcsink::BaseWebRTCSink;

use super::retransmission;
use crate::{
    heap,
    ladder::{Frame, codec::Codec},
    runtime,
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
pub(crate) struct OfferCodecs(Vec<(Codec, Frame)>);

impl OfferCodecs {
    pub(crate) fn new(codecs: Vec<(Codec, Frame)>) -> Self {
        Self(codecs)
    }

    /// A frame by which webrtcsink sees what a stream of this kind is.
    pub(crate) fn sample(&self, caps: &gst::CapsRef) -> Option<Frame> {
        let codec = Codec::of_caps(caps)?;
        let found = self.0.iter().find(|(of, _)| *of == codec);
        found.map(|(_, frame)| frame.clone())
    }

    /// For `video-caps`.
    fn caps(&self) -> gst::Caps {
        let names = self.0.iter().map(|(codec, _)| codec.media_type());
        names.map(gst::Structure::new_empty).collect()
    }

    /// What the offer's media line says, given what webrtcsink would have it say of the first codec alone.
    pub(crate) fn preferences(&self, of_first: &gst::CapsRef) -> Option<gst::Caps> {
        let first = of_first.structure(0)?;
        let mut codecs = gst::Caps::new_empty();
        let mut repairs = gst::Caps::new_empty();
        let needs_repairs = self.0.len() > 1 && !retransmission::is_written_for_each_codec();
        for (index, (codec, frame)) in self.0.iter().enumerate() {
            let payload = i32::try_from(FIRST_PAYLOAD + index).ok()?;
            let mut structure = common(first);
            structure.set("encoding-name", codec.encoding_name());
            structure.set("payload", payload);
            for (name, value) in codec.offer_fields(Some(&frame.caps)) {
                structure.set(name, value);
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
    let Some((_, frame)) = offered.0.first() else {
        return;
    };
    let mut buffer = frame.buffer.copy();
    if let Some(buffer) = buffer.get_mut() {
        // Due at once, whatever the clock says.
        buffer.set_pts(gst::ClockTime::NONE);
    }
    let (target, caps) = (target.clone(), frame.caps.clone());
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
