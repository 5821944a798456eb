// SPDX-License-Identifier: MPL-2.0
//! A session's picture: from the ladder, by our own element and pacer, to its network.

use std::sync::Arc;

use gst::prelude::*;
use gst_webrtc::WebRTCRTPTransceiver;
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use porthole_protocol::grant::Permission;

use super::{
    Sessions, Stream,
    filter::Filter,
    media, permit,
    rung_source::{RungSource, Source},
    stats,
};
use crate::{
    ladder::{Path, codec::Codec},
    lock::lock,
    sink::{inputs::Inputs, pacer::Pacer},
};

/// Puts our element into every stream of every session: the rungs of the ladder into the picture's, a valve into the sound's.
pub(crate) fn filter(webrtcsink: &BaseWebRTCSink, sessions: &Sessions, inputs: &Arc<Inputs>) {
    let (sessions, inputs) = (sessions.clone(), Arc::downgrade(inputs));
    webrtcsink.connect("request-encoded-filter", false, move |args| {
        let filter = || -> Option<gst::Element> {
            let session = args.get(1)?.get::<Option<String>>().ok()?;
            let stream = args.get(2)?.get::<String>().ok()?;
            let caps = args.get(3)?.get::<gst::Caps>().ok()?;
            if stream.starts_with("audio") {
                let permit = permit(&sessions, &session?);
                return Some(Filter::new(permit, Permission::Listen).upcast());
            }
            let inputs = inputs.upgrade()?;
            match session {
                Some(session) => join(&sessions, &inputs, &session, &caps),
                // webrtcsink only looks.
                None => {
                    let frame = inputs.offered().sample(&caps)?;
                    Some(RungSource::new(Source::Sample(Box::new(frame))).upcast())
                }
            }
        };
        Some(filter().to_value())
    });
}

/// Gives a session a place on the ladder, and the element that its picture comes from.
fn join(
    sessions: &Sessions,
    inputs: &Inputs,
    session: &str,
    caps: &gst::CapsRef,
) -> Option<gst::Element> {
    let codec = Codec::of_caps(caps)?;
    let ladder = inputs.ladder.get()?;
    let mut gate = lock(sessions);
    let session_of_gate = gate.session(session)?;
    let network = session_of_gate.media.network.clone();
    let path = network.clone().map(|network| network as Arc<dyn Path>);
    let size = session_of_gate.viewer_stats.as_ref().and_then(stats::size);
    let viewer = Arc::new(ladder.join(session, codec, path, size));
    let permit = session_of_gate.permit.clone();
    session_of_gate.media.viewer = Some(viewer.clone());
    Some(RungSource::new(Source::Viewer(viewer, permit, network)).upcast())
}

/// The picture's transceiver and what webrtcsink would have it offer. A viewer who offers itself has chosen already.
pub(super) fn transceiver(webrtcbin: &gst::Element) -> Option<(WebRTCRTPTransceiver, gst::Caps)> {
    let transceivers = webrtcbin.sink_pads().into_iter();
    transceivers
        .map(|pad| pad.property::<WebRTCRTPTransceiver>("transceiver"))
        .find_map(|transceiver| {
            let caps = transceiver.property::<Option<gst::Caps>>("codec-preferences")?;
            (media(&caps) == Some("video")).then_some((transceiver, caps))
        })
}

/// Puts our pacer before the network.
pub(super) fn pace(
    webrtcbin: &gst::Element,
    picture: Option<(WebRTCRTPTransceiver, gst::Caps)>,
    sessions: &Sessions,
    id: &str,
) {
    let (sessions, id) = (Arc::downgrade(sessions), id.to_owned());
    let picture = picture.map(|(transceiver, caps)| (transceiver.downgrade(), Stream::of(&caps)));
    webrtcbin.connect("request-aux-sender", false, move |_| {
        let pacer = Pacer::take();
        let network = pacer.network();
        let transceiver = picture.as_ref().and_then(|(of, _)| of.upgrade());
        if let Some(transceiver) = transceiver {
            network.set_transceiver(&transceiver);
        }
        if let Some(sessions) = sessions.upgrade()
            && let Some(session) = lock(&sessions).session(&id)
        {
            network.set_permit(session.permit.clone());
            session.media.set_network(network);
            if let Some(stream) = picture.as_ref().and_then(|(_, stream)| *stream) {
                session.media.add_stream(stream);
            }
        }
        Some(pacer.upcast::<gst::Element>().to_value())
    });
}
