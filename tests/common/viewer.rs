// SPDX-License-Identifier: MPL-2.0
//! A viewer without a browser: a webrtcbin that answers what the camera offers and says which media reach it.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread,
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use porthole_protocol::wire::{
    IncomingMessage, OutgoingMessage, PeerMessage, PeerMessageInner, SdpMessage, ToPeer,
    ToPeerExtra,
};

use super::{PATIENCE, server::Connection};

pub struct Viewer {
    pipeline: gst::Pipeline,
    media: Receiver<String>,
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Viewer {
    /// Takes part in `session`, which has been asked for, with all that comes over `connection` from now on.
    ///
    /// It sends no candidates: the camera's lead to it, and the camera learns its address from its first packet.
    pub fn of(session: &str, mut connection: Connection) -> Self {
        let pipeline = gst::Pipeline::new();
        let webrtcbin = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .build()
            .unwrap();
        pipeline.add(&webrtcbin).unwrap();
        let (sender, media) = channel();
        webrtcbin.connect_pad_added(move |webrtcbin, pad| count(webrtcbin, pad, sender.clone()));
        pipeline.set_state(gst::State::Playing).unwrap();
        let session = session.to_owned();
        // Ends with the connection.
        thread::spawn(move || {
            while let Some(received) = connection.try_receive() {
                let IncomingMessage::Peer(peer) = received.message else {
                    continue;
                };
                match peer.peer_message {
                    PeerMessageInner::Sdp(SdpMessage::Offer { sdp }) => {
                        let answer = answer(&webrtcbin, &sdp);
                        connection.send(&ToPeer {
                            message: OutgoingMessage::Peer(PeerMessage {
                                session_id: session.clone(),
                                peer_message: PeerMessageInner::Sdp(SdpMessage::Answer {
                                    sdp: answer,
                                }),
                            }),
                            extra: ToPeerExtra::default(),
                        });
                    }
                    PeerMessageInner::Ice {
                        candidate,
                        sdp_m_line_index,
                    } => webrtcbin
                        .emit_by_name("add-ice-candidate", &[&sdp_m_line_index, &candidate]),
                    PeerMessageInner::Sdp(SdpMessage::Answer { .. }) => (),
                }
            }
        });
        Self { pipeline, media }
    }

    /// Waits for `count` packets of `media`, which is `audio` or `video`.
    pub fn wait_for(&self, media: &str, count: usize) {
        let mut left = count;
        while left > 0 {
            left -= usize::from(self.media.recv_timeout(PATIENCE).unwrap() == media);
        }
    }
}

fn count(webrtcbin: &gst::Element, pad: &gst::Pad, sender: Sender<String>) {
    if pad.direction() != gst::PadDirection::Src {
        return;
    }
    let caps = pad.current_caps().unwrap();
    let media: String = caps.structure(0).unwrap().get("media").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let _ = sender.send(media.clone());
        gst::PadProbeReturn::Ok
    });
    let sink = gst::ElementFactory::make("fakesink")
        .property("async", false)
        .build()
        .unwrap();
    let pipeline = webrtcbin.parent().unwrap().downcast::<gst::Bin>().unwrap();
    pipeline.add(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    pad.link(&sink.static_pad("sink").unwrap()).unwrap();
}

fn answer(webrtcbin: &gst::Element, offer: &str) -> String {
    let offer = gst_sdp::SDPMessage::parse_buffer(offer.as_bytes()).unwrap();
    let offer = WebRTCSessionDescription::new(WebRTCSDPType::Offer, offer);
    wait_for(webrtcbin, "set-remote-description", &offer);
    let none = None::<gst::Structure>;
    let reply = wait_for(webrtcbin, "create-answer", &none).unwrap();
    let answer: WebRTCSessionDescription = reply.get("answer").unwrap();
    wait_for(webrtcbin, "set-local-description", &answer);
    answer.sdp().as_text().unwrap()
}

fn wait_for(
    webrtcbin: &gst::Element,
    signal: &str,
    argument: &dyn ToValue,
) -> Option<gst::Structure> {
    let promise = gst::Promise::new();
    webrtcbin.emit_by_name_with_values(
        signal,
        &[argument.to_value(), promise.to_value()] as &[glib::Value],
    );
    promise.wait();
    promise.get_reply().map(ToOwned::to_owned)
}
