// SPDX-License-Identifier: MPL-2.0
//! Whose retransmissions (RFC 4588) webrtcbin writes into an offer by itself: those of a media line's first codec alone
//! (GStreamer 1.22), or of each (1.26). What it does not write is written by us, and what stands there twice, or for a
//! retransmission, makes Chromium refuse the offer. It is asked, once a process, by one offer that goes nowhere, when
//! the first session comes: the libraries of webrtcbin take 13 MB, which a camera does without until then.

use std::sync::{OnceLock, mpsc};
use std::time::Duration;

use gst::prelude::*;
use gst_webrtc::{WebRTCRTPTransceiver, WebRTCRTPTransceiverDirection, WebRTCSessionDescription};

use crate::sink::CAT;

/// Longest that webrtcbin may take for an offer without candidates. It takes a few milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// The payload types of the two codecs of the offer that asks.
const ASKED: [i32; 2] = [96, 97];

/// Whether webrtcbin writes them for each codec. Waits for webrtcbin the first time.
pub(super) fn is_written_for_each_codec() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| match ask() {
        Some(offer) => {
            let is_written = retransmitted(offer.sdp()).contains(&ASKED[1]);
            gst::debug!(
                CAT,
                "webrtcbin writes retransmissions of each codec: {is_written}"
            );
            is_written
        }
        None => {
            // A viewer without retransmissions of one codec has a picture; one whose offer says them twice has none.
            gst::warning!(
                CAT,
                "webrtcbin made no offer to be looked at: retransmissions are left to it"
            );
            true
        }
    })
}

/// What webrtcbin makes of two codecs.
fn ask() -> Option<WebRTCSessionDescription> {
    let webrtcbin = gst::ElementFactory::make("webrtcbin")
        .property_from_str("bundle-policy", "max-bundle")
        .build()
        .ok()?;
    let offer = offer_of(&webrtcbin);
    let _ = webrtcbin.set_state(gst::State::Null);
    offer
}

fn offer_of(webrtcbin: &gst::Element) -> Option<WebRTCSessionDescription> {
    webrtcbin.set_state(gst::State::Ready).ok()?;
    let codecs: gst::Caps = ["H264", "VP8"]
        .into_iter()
        .zip(ASKED)
        .map(|(name, payload)| {
            gst::Structure::builder("application/x-rtp")
                .field("media", "video")
                .field("encoding-name", name)
                .field("clock-rate", 90_000i32)
                .field("payload", payload)
                .field("ssrc", 1u32)
                .build()
        })
        .collect();
    let transceiver = webrtcbin.emit_by_name::<WebRTCRTPTransceiver>(
        "add-transceiver",
        &[&WebRTCRTPTransceiverDirection::Sendonly, &codecs],
    );
    transceiver.set_property("do-nack", true);
    let (answer, answered) = mpsc::sync_channel(1);
    let promise = gst::Promise::with_change_func(move |reply| {
        let offer = reply.ok().flatten();
        let offer = offer.and_then(|reply| reply.get::<WebRTCSessionDescription>("offer").ok());
        let _ = answer.send(offer);
    });
    webrtcbin.emit_by_name::<()>("create-offer", &[&None::<gst::Structure>, &promise]);
    answered.recv_timeout(PATIENCE).ok().flatten()
}

/// The payload types for which a description has retransmissions.
fn retransmitted(description: &gst_sdp::SDPMessageRef) -> Vec<i32> {
    description
        .medias()
        .flat_map(|media| media.attributes())
        .filter(|attribute| attribute.key() == "fmtp")
        .filter_map(|attribute| {
            let (_, parameters) = attribute.value()?.split_once(' ')?;
            let of = parameters
                .split(';')
                .find_map(|p| p.trim().strip_prefix("apt="))?;
            of.parse().ok()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn webrtcbin_says_whose_retransmissions_it_writes() {
        gst::init().expect("GStreamer is installed");
        let offer = ask().expect("webrtcbin makes an offer");
        let mut times = BTreeMap::new();
        for payload in retransmitted(offer.sdp()) {
            *times.entry(payload).or_insert(0) += 1;
        }
        assert_eq!(
            times.get(&ASKED[0]),
            Some(&1),
            "the first codec's are webrtcbin's own"
        );
        assert!(times.values().all(|count| *count == 1), "{times:?}");
        assert_eq!(times.contains_key(&ASKED[1]), is_written_for_each_codec());
    }
}
