// SPDX-License-Identifier: MPL-2.0
//! Viewers in numbers, and one who says nothing.

use std::{
    sync::atomic::Ordering::SeqCst,
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{Live, SEEN, VIDEO, VP8, key_requests};
use crate::common::{PATIENCE, frames::longest_gap, viewer::Viewer};

#[test]
fn ten_viewers_who_ask_for_a_key_unit_at_once_are_one_request_upstream() {
    let encoder = VP8.replace("keyframe-max-dist=40", "keyframe-max-dist=100000");
    let mut live = Live::playing(&format!("{VIDEO} {encoder}"), "", |_| ());
    let requests = key_requests(&live.scene);
    let viewers: Vec<Viewer> = (0..10).map(|n| live.watch(&format!("s{n}"))).collect();
    for viewer in &viewers {
        viewer.frames.next(5);
    }
    // What the last of them has caused is over.
    viewers[0].frames.next(30);
    let (before, start) = (requests.load(SeqCst), Instant::now());
    for viewer in &viewers {
        viewer.ask_for_key();
    }
    for viewer in &viewers {
        viewer.frames.wait_for_size_since(start, (160, 120));
    }
    let asked = requests.load(SeqCst) - before;
    // One, and one more where a slow machine had some of them ask later.
    assert!((1..=3).contains(&asked), "{asked}");
}

#[test]
fn thirty_viewers_at_once_share_the_encoder_and_see_all_the_time() {
    const VIEWERS: usize = 30;
    let mut live = Live::playing(
        VIDEO,
        "codec=vp8 renditions=160x120@100k max-viewers=30",
        |_| (),
    );
    let viewers: Vec<Viewer> = (0..VIEWERS).map(|n| live.watch(&format!("s{n}"))).collect();
    let begun = Instant::now();
    for viewer in &viewers {
        viewer.frames.next(20);
    }
    for (number, viewer) in viewers.iter().enumerate() {
        let frames = viewer.frames.since(begun);
        let gap = longest_gap(&frames);
        assert!(gap < 2 * SEEN, "viewer {number}: {gap:?}");
    }
    let sink = live.scene.element("sink");
    assert_eq!(sink.property::<u32>("viewers"), VIEWERS as u32);
}

#[test]
fn a_viewer_who_reports_nothing_is_sent_less_and_less() {
    const SECOND: Duration = Duration::from_secs(1);
    let video =
        "videotestsrc is-live=true pattern=snow ! video/x-raw,width=640,height=360,framerate=20/1";
    let mut live = Live::playing(video, "codec=vp8 bitrate=1500000", |_| ());
    live.request("s");
    let viewer = Viewer::new();
    viewer.fall_silent();
    let viewer = viewer.watching(&mut live.connection, "s");
    let begun = Instant::now();
    let sent = |from: Instant| {
        let frames = viewer.frames.since(from);
        let bytes: usize = frames
            .iter()
            .filter(|f| f.at < from + SECOND)
            .map(|f| f.bytes)
            .sum();
        bytes * 8
    };
    let first = loop {
        viewer.frames.next(5);
        if begun.elapsed() > 2 * SECOND {
            break sent(begun + SECOND);
        }
    };
    loop {
        viewer.frames.next(1);
        let last = sent(Instant::now() - SECOND);
        if begun.elapsed() > 3 * SECOND && last < first / 4 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{first}, then {last}");
    }
    assert!(begun.elapsed() < 15 * SECOND, "{:?}", begun.elapsed());
}
