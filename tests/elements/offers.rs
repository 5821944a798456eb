// SPDX-License-Identifier: MPL-2.0
//! Viewers that make the offer themselves, as those do that come by HTTP: a real `webrtcbin` at a real `portholesink`.

use std::{
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use crate::common::{
    PATIENCE, Scene,
    server::{Connection, FakeServer, viewer_left},
    talker::{Ear, tone},
    viewer::{Viewer, hear, offer},
};
use gst::prelude::*;
use gst_webrtc::WebRTCDataChannel;
use porthole_protocol::{
    grant::Permission::{self, Listen, Talk, View},
    wire::{IncomingMessage, PeerMessageInner, SdpMessage},
};

const VIDEO: &str = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1";
const HERTZ: u32 = 400;
/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(20);

fn camera(server: &FakeServer, rest: &str) -> Scene {
    let scene = Scene::new(&format!("{VIDEO} ! portholesink name=sink {rest}"));
    let key = server.key().to_string();
    scene.element("sink").set_property("camera-key", key);
    scene
}

/// A viewer with an offer of its own, and what came of it.
struct Offering {
    viewer: Viewer,
    connection: Connection,
    answer: String,
    /// Candidates that came before the word that they are all.
    candidates: usize,
}

impl Offering {
    /// Takes part in the session `s` until the camera has said all.
    fn join(
        server: &FakeServer,
        mut connection: Connection,
        may: &[Permission],
        (voice, data): (Option<&gst::Element>, bool),
    ) -> Self {
        let viewer = Viewer::new();
        Self::join_as(server, &mut connection, may, &viewer, (voice, data));
        let (mut answer, mut candidates) = (String::new(), 0);
        let start = Instant::now();
        loop {
            assert!(
                start.elapsed() < PATIENCE,
                "no end of {candidates} candidates: {answer}"
            );
            let Some(received) = connection.receive_within(LOOK) else {
                continue;
            };
            let mut is_all = false;
            if let IncomingMessage::Peer(peer) = &received.message {
                match &peer.peer_message {
                    PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => answer.clone_from(sdp),
                    PeerMessageInner::Ice { candidate, .. } => {
                        is_all = candidate.is_empty();
                        candidates += usize::from(!is_all);
                    }
                    PeerMessageInner::Sdp(_) => panic!("an offer of the camera's"),
                }
            }
            let message = received.message;
            hear(&viewer.webrtcbin, None, &mut connection, "s", message);
            if is_all {
                break;
            }
        }
        Self {
            viewer,
            connection,
            answer,
            candidates,
        }
    }

    fn join_as(
        server: &FakeServer,
        connection: &mut Connection,
        may: &[Permission],
        viewer: &Viewer,
        (voice, data): (Option<&gst::Element>, bool),
    ) {
        let offer = offer(&viewer.webrtcbin, voice, data);
        let grant = server.grant(connection, "s", |grant| grant.perms = may.to_vec());
        connection.start_session_with("s", Some(grant), Some(offer));
    }

    /// What the answer says of the direction of this medium.
    fn direction(&self, media: &str) -> &str {
        let mut lines = self.answer.split("\r\nm=").skip(1);
        let of = lines.find(|line| line.starts_with(media)).unwrap();
        let known = ["sendrecv", "sendonly", "recvonly", "inactive"];
        let mut found = of.lines().filter_map(|line| line.strip_prefix("a="));
        found.find(|name| known.contains(name)).unwrap()
    }
}

#[test]
fn a_viewers_offer_is_answered_and_all_candidates_come_before_the_word_that_they_are_all() {
    let server = FakeServer::start();
    let scene = camera(&server, "");
    scene.set(gst::State::Playing);
    let mut offering = Offering::join(&server, server.camera(), &[View], (None, false));
    assert_eq!(offering.direction("video"), "sendonly");
    // There is no sound here.
    assert_eq!(offering.direction("audio"), "inactive");
    assert!(offering.candidates > 0);
    offering.viewer.wait_for("video", 10);
    offering.connection.send(&viewer_left("s"));
    offering.viewer.last("video", Duration::from_secs(1));
}

#[test]
fn who_offers_a_voice_is_heard_if_it_may_talk_and_there_is_somebody_to_talk_to() {
    let sound = "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1 ! sink.audio";
    let ear = "sink.talk ! appsink name=ear sync=false async=false";
    for (rest, direction) in [
        (format!("{ear} {sound}"), "sendrecv"),
        (ear.to_owned(), "recvonly"),
    ] {
        for may in [&[View, Listen, Talk][..], &[View, Listen]] {
            let server = FakeServer::start();
            let scene = camera(&server, &rest);
            let ear = Ear::at(&scene);
            scene.set(gst::State::Playing);
            let voice = gst::parse::bin_from_description(&tone(HERTZ), true).unwrap();
            let voice: gst::Element = voice.upcast();
            let offering = Offering::join(&server, server.camera(), may, (Some(&voice), false));
            assert_eq!(offering.direction("audio"), direction);
            offering.viewer.wait_for("video", 5);
            if may.contains(&Talk) {
                ear.wait_for_tone(HERTZ);
            } else {
                ear.wait_for_silence();
            }
            if direction == "sendrecv" {
                offering.viewer.wait_for("audio", 5);
            }
        }
    }
}

#[test]
fn who_offers_a_voice_where_nobody_listens_only_hears() {
    let server = FakeServer::start();
    let sound = "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1 ! sink.audio";
    let scene = camera(&server, sound);
    scene.set(gst::State::Playing);
    let voice = gst::parse::bin_from_description(&tone(HERTZ), true).unwrap();
    // A webrtcbin that sends what is not taken is given up.
    voice.by_name("button").unwrap().set_property("drop", true);
    let voice: gst::Element = voice.upcast();
    let may = &[View, Listen, Talk];
    let offering = Offering::join(&server, server.camera(), may, (Some(&voice), false));
    assert_eq!(offering.direction("audio"), "sendonly");
    offering.viewer.wait_for("audio", 5);
}

#[test]
fn who_offers_data_channels_gets_those_of_the_gateway() {
    let server = FakeServer::start();
    let scene = camera(&server, "gateway=127.0.0.1:0");
    scene.set(gst::State::Playing);
    let mut connection = server.camera();
    let viewer = Viewer::new();
    let (opened, channels) = channel();
    viewer
        .webrtcbin
        .connect("on-data-channel", false, move |args| {
            let channel = args[1].get::<WebRTCDataChannel>().unwrap();
            let _ = opened.send(channel.label().unwrap());
            None
        });
    Offering::join_as(&server, &mut connection, &[View], &viewer, (None, true));
    let start = Instant::now();
    let mut labels = Vec::new();
    while labels.len() < 2 {
        assert!(start.elapsed() < PATIENCE, "{labels:?}");
        labels.extend(channels.try_iter());
        if let Some(received) = connection.receive_within(LOOK) {
            hear(
                &viewer.webrtcbin,
                None,
                &mut connection,
                "s",
                received.message,
            );
        }
    }
    labels.sort();
    assert_eq!(labels, ["porthole", "porthole-now"]);
}
