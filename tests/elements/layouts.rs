// SPDX-License-Identifier: MPL-2.0
//! Sound in whatever layout comes to those who listen, and never costs the picture. What is heard of it:
//! src/sink/inputs/sound_tests.rs.

use std::{sync::mpsc::channel, time::Duration};

use crate::common::{PATIENCE, enrolled::Enrolled, viewer::Viewer};
use gst::prelude::*;

const VIDEO: &str = "videotestsrc is-live=true ! video/x-raw,width=160,height=120,framerate=10/1 ! portholesink name=sink";
/// Neither of the two has stopped.
const PACKETS: u64 = 5;

#[track_caller]
fn assert_seen_and_heard(viewer: &Viewer) {
    viewer.wait_for("audio", PACKETS);
    viewer.wait_for("video", PACKETS);
}

#[test]
fn sound_in_any_layout_is_heard_beside_the_picture() {
    const RAW: &str = "audiotestsrc is-live=true ! audio/x-raw";
    for sound in [
        format!("{RAW},channels=2,channel-mask=(bitmask)0"),
        format!("{RAW},channels=4,channel-mask=(bitmask)0"),
        format!("{RAW},rate=16000,channels=6,channel-mask=(bitmask)0"),
        format!("{RAW},channels=8,channel-mask=(bitmask)0"),
        format!("{RAW},channels=3,channel-mask=(bitmask)0x7"),
        format!("{RAW},channels=6,channel-mask=(bitmask)0x3f"),
        format!("{RAW},layout=non-interleaved,channels=12,channel-mask=(bitmask)0xfff"),
        // Opus that browsers do not take.
        format!("{RAW},channels=2,channel-mask=(bitmask)0 ! opusenc"),
        format!("{RAW},channels=6,channel-mask=(bitmask)0x3f ! opusenc"),
    ] {
        println!("{sound}");
        let camera = Enrolled::playing(&format!("{VIDEO} {sound} ! sink.audio"));
        let (mut scene, _server, viewer) = camera.watched("s");
        assert_seen_and_heard(&viewer);
        assert_eq!(scene.warnings(), [""; 0]);
    }
}

#[test]
fn sound_that_changes_its_layout_goes_on() {
    let sound =
        "audiotestsrc is-live=true ! capsfilter name=form caps=audio/x-raw,rate=48000,channels=2";
    let camera = Enrolled::playing(&format!("{VIDEO} {sound} ! sink.audio"));
    let (mut scene, _server, viewer) = camera.watched("s");
    assert_seen_and_heard(&viewer);
    for layout in [
        "rate=48000,channels=4,channel-mask=(bitmask)0",
        "rate=48000,channels=1",
        "rate=8000,channels=6,channel-mask=(bitmask)0x3f",
        "rate=44100,channels=2,channel-mask=(bitmask)0",
        "rate=48000,channels=2",
    ] {
        println!("{layout}");
        let (sender, changed) = channel();
        let pad = scene.pad("sink", "audio");
        let probe = pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().map(|event| event.type_()) == Some(gst::EventType::Caps) {
                let _ = sender.send(());
            }
            gst::PadProbeReturn::Ok
        });
        let caps: gst::Caps = format!("audio/x-raw,{layout}").parse().unwrap();
        scene.element("form").set_property("caps", caps);
        changed.recv_timeout(PATIENCE).unwrap();
        pad.remove_probe(probe.unwrap());
        assert_seen_and_heard(&viewer);
    }
    assert_eq!(scene.warnings(), [""; 0]);
}

#[test]
fn sound_that_cannot_be_encoded_costs_the_sound_alone_and_is_told_of_once() {
    let sound = "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=1 \
        ! capssetter name=form replace=true caps=audio/x-raw,format=S16LE,layout=interleaved,rate=48000,channels=1";
    let camera = Enrolled::playing(&format!("{VIDEO} {sound} ! sink.audio"));
    let (mut scene, _server, viewer) = camera.watched("s");
    assert_seen_and_heard(&viewer);
    let set = |format: &str| {
        let caps = format!("audio/x-raw,format={format},layout=interleaved,rate=48000,channels=1");
        let caps: gst::Caps = caps.parse().unwrap();
        scene.element("form").set_property("caps", caps);
    };
    set("OFTOMORROW");
    viewer.last("audio", Duration::from_secs(1));
    viewer.wait_for("video", PACKETS);
    set("S16LE");
    assert_seen_and_heard(&viewer);
    scene.warned("viewers have no sound");
    assert_eq!(scene.warnings().len(), 1);
}
