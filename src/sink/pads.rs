// SPDX-License-Identifier: MPL-2.0
//! The sink's pads: ghosts that get a target when webrtcsink is there.

use std::sync::LazyLock;

use gst::prelude::*;

pub(crate) const VIDEO: &str = "sink";
pub(crate) const AUDIO: &str = "audio";

pub(crate) static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> = LazyLock::new(|| {
    let video = [
        "video/x-raw",
        "video/x-vp8",
        "video/x-vp9",
        "video/x-h264",
        "video/x-h265",
        "video/x-av1",
    ];
    let audio = ["audio/x-raw", "audio/x-opus"];
    let template = |name, presence, kinds: &[&str]| {
        let caps: gst::Caps = kinds
            .iter()
            .map(|k| gst::Structure::new_empty(*k))
            .collect();
        gst::PadTemplate::new(name, gst::PadDirection::Sink, presence, &caps).ok()
    };
    [
        template(VIDEO, gst::PadPresence::Always, &video),
        template(AUDIO, gst::PadPresence::Request, &audio),
    ]
    .into_iter()
    .flatten()
    .collect()
});

/// A ghost pad without a target that calls `on_stream_start` whenever a stream starts, which is when
/// something new may stand upstream that has not heard of the demand.
pub(crate) fn ghost(
    template: &gst::PadTemplate,
    on_stream_start: impl Fn(&gst::Pad) + Send + Sync + 'static,
) -> gst::GhostPad {
    let pad = gst::GhostPad::builder_from_template(template)
        .name(template.name_template())
        .build();
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        if info
            .event()
            .is_some_and(|event| event.type_() == gst::EventType::StreamStart)
        {
            on_stream_start(pad.upcast_ref());
        }
        gst::PadProbeReturn::Ok
    });
    pad
}

/// What comes in, as far as upstream can say before data flows.
pub(crate) fn input(pad: &gst::GhostPad) -> super::webrtc::Input {
    let caps = pad.peer_query_caps(None);
    if caps
        .iter()
        .all(|structure| structure.name() == "video/x-raw")
    {
        super::webrtc::Input::Raw
    } else {
        super::webrtc::Input::Encoded
    }
}
