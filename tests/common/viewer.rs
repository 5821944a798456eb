// SPDX-License-Identifier: MPL-2.0
//! A viewer that really receives: a webrtcbin which answers the camera's offer and counts what comes.

use std::{
    sync::{Arc, Mutex, mpsc::channel},
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use porthole_protocol::wire::{IncomingMessage, PeerMessage, PeerMessageInner, SdpMessage};

use super::{PATIENCE, server::Connection};

/// Packets of one kind of media.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packets {
    pub count: u64,
    pub last: Option<Instant>,
}

#[derive(Clone, Default)]
struct Counts(Arc<Mutex<[Packets; 2]>>);

pub struct Viewer {
    pipeline: gst::Pipeline,
    webrtcbin: gst::Element,
    counts: Counts,
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn place(kind: &str) -> usize {
    usize::from(kind == "audio")
}

impl Viewer {
    /// Takes part in `session`, whose grant was sent on `connection`, until media is connected.
    pub fn watch(connection: &mut Connection, session: &str) -> Self {
        let pipeline = gst::Pipeline::new();
        let webrtcbin = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .build()
            .unwrap();
        pipeline.add(&webrtcbin).unwrap();
        let counts = Counts::default();
        {
            let (counts, pipeline) = (counts.clone(), pipeline.downgrade());
            webrtcbin.connect_pad_added(move |_, pad| {
                if pad.direction() == gst::PadDirection::Src
                    && let Some(pipeline) = pipeline.upgrade()
                {
                    count(&pipeline, pad, counts.clone());
                }
            });
        }
        pipeline.set_state(gst::State::Playing).unwrap();
        let viewer = Self {
            pipeline,
            webrtcbin,
            counts,
        };
        let offer = connection.offer_of(session);
        let answer = viewer.answer(&offer);
        connection.say(
            session,
            PeerMessageInner::Sdp(SdpMessage::Answer { sdp: answer }),
        );
        viewer.connect(connection, session);
        viewer
    }

    /// The answer with all candidates in it.
    fn answer(&self, offer: &str) -> String {
        let offer = gst_sdp::SDPMessage::parse_buffer(offer.as_bytes()).unwrap();
        let offer = WebRTCSessionDescription::new(WebRTCSDPType::Offer, offer);
        self.promise("set-remote-description", &offer);
        let (sender, answer) = channel();
        let promise = gst::Promise::with_change_func(move |reply| {
            let answer = reply
                .unwrap()
                .unwrap()
                .get::<WebRTCSessionDescription>("answer");
            sender.send(answer.unwrap()).unwrap();
        });
        self.webrtcbin
            .emit_by_name::<()>("create-answer", &[&None::<gst::Structure>, &promise]);
        let answer = answer.recv_timeout(PATIENCE).unwrap();
        let (sender, gathered) = channel();
        self.webrtcbin
            .connect_notify(Some("ice-gathering-state"), move |webrtcbin, _| {
                let state = webrtcbin
                    .property::<gst_webrtc::WebRTCICEGatheringState>("ice-gathering-state");
                if state == gst_webrtc::WebRTCICEGatheringState::Complete {
                    let _ = sender.send(());
                }
            });
        self.promise("set-local-description", &answer);
        gathered.recv_timeout(PATIENCE).unwrap();
        let local = self
            .webrtcbin
            .property::<WebRTCSessionDescription>("local-description");
        local.sdp().as_text().unwrap()
    }

    fn promise(&self, action: &str, description: &WebRTCSessionDescription) {
        let (sender, done) = channel();
        let promise = gst::Promise::with_change_func(move |_| sender.send(()).unwrap());
        self.webrtcbin
            .emit_by_name::<()>(action, &[description, &promise]);
        done.recv_timeout(PATIENCE).unwrap();
    }

    /// Hands on the camera's candidates until video comes.
    fn connect(&self, connection: &mut Connection, session: &str) {
        let start = Instant::now();
        while self.packets("video").count == 0 {
            assert!(start.elapsed() < PATIENCE, "no video came");
            let Some(message) = connection.receive_within(Duration::from_millis(20)) else {
                continue;
            };
            if let IncomingMessage::Peer(PeerMessage {
                session_id,
                peer_message:
                    PeerMessageInner::Ice {
                        candidate,
                        sdp_m_line_index,
                    },
            }) = message.message
                && session_id == session
            {
                self.webrtcbin
                    .emit_by_name::<()>("add-ice-candidate", &[&sdp_m_line_index, &candidate]);
            }
        }
    }

    /// What has come of `video` or `audio`.
    pub fn packets(&self, kind: &str) -> Packets {
        self.counts.0.lock().unwrap()[place(kind)]
    }

    /// Waits until `more` further packets of `kind` have come.
    pub fn wait_for(&self, kind: &str, more: u64) {
        let (start, goal) = (Instant::now(), self.packets(kind).count + more);
        while self.packets(kind).count < goal {
            assert!(start.elapsed() < PATIENCE, "no {kind} comes");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }

    /// Waits until for `quiet` nothing of `kind` has come, and says when the last packet did.
    pub fn last(&self, kind: &str, quiet: Duration) -> Instant {
        let start = Instant::now();
        loop {
            let last = self.packets(kind).last.unwrap_or(start);
            if last.elapsed() >= quiet {
                return last;
            }
            assert!(start.elapsed() < PATIENCE, "{kind} goes on");
            std::thread::park_timeout(Duration::from_millis(2));
        }
    }
}

fn count(pipeline: &gst::Pipeline, pad: &gst::Pad, counts: Counts) {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let media = caps
        .structure(0)
        .and_then(|s| s.get::<String>("media").ok());
    let place = place(&media.unwrap_or_default());
    pad.add_probe(
        gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST,
        move |_, _| {
            let packets = &mut counts.0.lock().unwrap()[place];
            packets.count += 1;
            packets.last = Some(Instant::now());
            gst::PadProbeReturn::Ok
        },
    );
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", false)
        .property("async", false)
        .build()
        .unwrap();
    pipeline.add(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    pad.link(&sink.static_pad("sink").unwrap()).unwrap();
}
