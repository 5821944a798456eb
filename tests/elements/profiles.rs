// SPDX-License-Identifier: MPL-2.0
//! H.264 is offered as what it is, and under the names by which browsers take it; who takes none of it is told so.

use std::{
    fs,
    path::Path,
    sync::mpsc::channel,
    time::{Duration, Instant},
};

use crate::common::{
    PATIENCE,
    enrolled::Enrolled,
    viewer::{Viewer, hear},
};
use gst::prelude::*;
use porthole_protocol::wire::{Code, IncomingMessage, PeerMessage, PeerMessageInner, SdpMessage};

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(20);
const SINK: &str = "portholesink name=sink";

/// Live video of this size and profile, encoded with what makes the profile: x264 says no more than is so.
fn encoded(size: &str, profile: &str) -> String {
    let dct8x8 = profile == "high";
    format!(
        "videotestsrc is-live=true ! video/x-raw,{size},framerate=10/1 \
         ! x264enc tune=zerolatency speed-preset=superfast dct8x8={dct8x8} key-int-max=10 \
         ! video/x-h264,profile={profile} ! h264parse ! {SINK}"
    )
}

fn raw(size: &str) -> String {
    format!("videotestsrc is-live=true ! video/x-raw,{size},framerate=10/1 ! {SINK}")
}

const SMALL: &str = "width=320,height=240";

/// The payload types of H.264 in a description, and the `profile-level-id` of each.
fn named(sdp: &str) -> Vec<(&str, &str)> {
    let parameters = sdp
        .lines()
        .filter_map(|line| line.strip_prefix("a=fmtp:")?.split_once(' '));
    parameters
        .filter_map(|(payload, parameters)| {
            let id = parameters
                .split(';')
                .find_map(|pair| pair.trim().strip_prefix("profile-level-id="))?;
            Some((payload, id))
        })
        .collect()
}

fn ids(sdp: &str) -> Vec<&str> {
    named(sdp).into_iter().map(|(_, id)| id).collect()
}

#[test]
fn the_offer_names_the_profile_and_level_that_there_are_and_those_that_browsers_list() {
    for (description, expected) in [
        (encoded(SMALL, "high"), &["64001f", "640c1f", "42e01f"][..]),
        (encoded(SMALL, "main"), &["4d401f", "42e01f"]),
        (encoded(SMALL, "constrained-baseline"), &["42c01f"]),
        (
            encoded("width=1920,height=1080", "high"),
            &["640028", "640c28", "42e028"],
        ),
        (raw(SMALL), &["42c01f"]),
        (raw("width=1920,height=1080"), &["42c028"]),
    ] {
        let mut camera = Enrolled::playing(&description);
        let offer = camera.offer("s");
        assert_eq!(ids(&offer), expected, "{description}: {offer}");
        for (payload, _) in named(&offer) {
            let apt = format!("apt={payload}\r\n");
            assert_eq!(offer.matches(&apt).count(), 1, "{apt} in {offer}");
        }
        assert_eq!(
            offer.matches("level-asymmetry-allowed=1").count(),
            expected.len(),
            "{offer}"
        );
        assert_eq!(
            offer.matches("packetization-mode=1").count(),
            expected.len(),
            "{offer}"
        );
    }
}

/// The offer as a browser takes it that lists this profile alone.
fn listing(sdp: &str, profile: &str) -> String {
    let others: Vec<&str> = named(sdp)
        .into_iter()
        .filter(|(_, id)| !id.starts_with(profile))
        .map(|(payload, _)| payload)
        .collect();
    let without = |line: &str| {
        let words = line.split(' ').filter(|word| !others.contains(word));
        words.collect::<Vec<_>>().join(" ")
    };
    let lines = sdp.lines().map(|line| match line.starts_with("m=video") {
        true => format!("{}\r\n", without(line)),
        false => format!("{line}\r\n"),
    });
    lines.collect()
}

#[test]
fn a_high_stream_reaches_a_viewer_that_lists_constrained_baseline_alone() {
    for profile in ["high", "main"] {
        let mut camera = Enrolled::playing(&encoded(SMALL, profile));
        camera.request("s", None);
        let viewer = Viewer::new();
        let start = Instant::now();
        while viewer.packets("video").count == 0 {
            assert!(start.elapsed() < PATIENCE, "{profile}: no video came");
            let Some(received) = camera.connection.receive_within(LOOK) else {
                continue;
            };
            let mut message = received.message;
            if let IncomingMessage::Peer(PeerMessage {
                peer_message: PeerMessageInner::Sdp(SdpMessage::Offer { sdp }),
                ..
            }) = &mut message
            {
                *sdp = listing(sdp, "42e0");
            }
            hear(
                &viewer.webrtcbin,
                None,
                &mut camera.connection,
                "s",
                message,
            );
        }
        viewer.wait_for("video", 20);
    }
}

/// Says of each of a stream's parameter sets that it has no interlaced pictures, as encoders in hardware do.
fn say_progressive(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::BUFFER, |_, info| {
        let Some(buffer) = info.buffer_mut() else {
            return gst::PadProbeReturn::Ok;
        };
        let mut map = buffer.make_mut().map_writable().unwrap();
        let bytes = map.as_mut_slice();
        for at in 0..bytes.len().saturating_sub(6) {
            if matches!(bytes[at..at + 5], [0, 0, 1, header, 100] if header & 0x1f == 7) {
                bytes[at + 5] |= 0x08;
            }
        }
        gst::PadProbeReturn::Ok
    });
}

#[test]
fn a_profile_that_webrtcsink_has_not_heard_of_is_shown() {
    let stream = "video/x-h264,stream-format=byte-stream,alignment=au ! identity name=tap";
    let description = encoded(SMALL, "high");
    let (encoder, sink) = description.split_once("! h264parse").unwrap();
    let camera = Enrolled::playing_after(
        &format!("{encoder} ! h264parse ! {stream} {sink}"),
        |scene| {
            say_progressive(&scene.pad("tap", "src"));
        },
    );
    let (_scene, _server, viewer) = camera.watched("s");
    viewer.wait_for("video", 20);
}

#[test]
fn an_offer_has_the_level_of_what_comes_in_now() {
    let mut camera = Enrolled::playing(&format!(
        "videotestsrc is-live=true ! capsfilter name=size caps=video/x-raw,{SMALL},framerate=10/1 ! {SINK}"
    ));
    assert_eq!(ids(&camera.offer("s")), ["42c01f"]);
    let (sender, grown) = channel();
    let pad = camera.scene.pad("sink", "sink");
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, _| {
        let caps = pad.current_caps().unwrap();
        if caps.structure(0).unwrap().get("width") == Ok(1920) {
            let _ = sender.send(());
        }
        gst::PadProbeReturn::Ok
    });
    let caps: gst::Caps = "video/x-raw,width=1920,height=1080,framerate=10/1"
        .parse()
        .unwrap();
    camera.scene.element("size").set_property("caps", caps);
    grown.recv_timeout(PATIENCE).unwrap();
    assert_eq!(ids(&camera.offer("t")), ["42c028"]);
}

fn recorded(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/descriptions");
    fs::read_to_string(folder.join(name)).unwrap()
}

/// What the camera answers to a viewer's own offer.
fn answer(camera: &mut Enrolled, offer: String) -> String {
    camera.request("s", Some(offer));
    loop {
        let message = camera.connection.receive().message;
        if let IncomingMessage::Peer(PeerMessage {
            peer_message: PeerMessageInner::Sdp(SdpMessage::Answer { sdp }),
            ..
        }) = message
        {
            return sdp;
        }
        assert!(
            !matches!(message, IncomingMessage::EndSession(_)),
            "{message:?}"
        );
    }
}

#[test]
fn a_viewers_own_offer_is_answered_by_the_best_of_its_names_in_its_own_words() {
    let offer = recorded("chromium-offers-h264.offer.sdp");
    for (profile, payload, id) in [
        ("high", "116", "4d001f"),
        ("main", "116", "4d001f"),
        ("constrained-baseline", "108", "42e01f"),
    ] {
        let mut camera = Enrolled::playing(&encoded(SMALL, profile));
        let answer = answer(&mut camera, offer.clone());
        assert_eq!(named(&answer), [(payload, id)], "{profile}: {answer}");
        let picture = answer
            .split("m=")
            .find(|line| line.starts_with("video "))
            .unwrap();
        assert!(picture.contains("a=sendonly"), "{profile}: {answer}");
        assert!(!picture.contains("VP8"), "{profile}: {answer}");
    }
}

#[test]
fn a_viewers_own_offer_of_other_codecs_is_refused_and_the_operator_told_why() {
    let mut camera = Enrolled::playing(&encoded(SMALL, "high"));
    camera.request("s", Some(recorded("firefox-offers-vp8.offer.sdp")));
    assert_eq!(camera.connection.refusal_of("s"), Some(Code::OfferRefused));
    camera.scene.warned("H264 (64001f, 640c1f, 42e01f)");
    camera.scene.warned("decodebin");
}

#[test]
fn a_viewer_that_rejects_the_picture_is_told_so_and_the_operator_why() {
    let mut camera = Enrolled::playing(&encoded(SMALL, "constrained-baseline"));
    camera.offer("s");
    // As Firefox without its plugin for H.264 says no.
    let sdp = recorded("firefox-h264-rejected.answer.sdp");
    camera
        .connection
        .say("s", PeerMessageInner::Sdp(SdpMessage::Answer { sdp }));
    assert_eq!(camera.connection.end_of("s"), Some(Code::OfferRefused));
    camera.scene.warned("rejects the picture");
}
