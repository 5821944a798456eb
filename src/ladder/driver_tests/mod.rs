// SPDX-License-Identifier: MPL-2.0
//! The ladder with real encoders, fed with pictures by hand; viewers' networks are made up.

mod scene;
mod sizes;
mod slow;

use std::{
    sync::{atomic::Ordering::SeqCst, mpsc},
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::{
    Event, Ladder,
    codec::Codec,
    rendition::Renditions,
    types::{Bitrates, Config, Input, RungSpec},
};
use crate::lock::lock;
use scene::{Link, RAW, Scene, Watcher, bitrates, config, next};

#[test]
fn all_viewers_of_a_codec_share_one_encoder_and_begin_with_a_key_unit() {
    let scene = Scene::raw(config(&[Codec::H264, Codec::Vp8]));
    let link = Link::of(5_000_000);
    let viewers: Vec<Watcher> = (0..8).map(|_| scene.join(Codec::Vp8, &link)).collect();
    for viewer in &viewers {
        let (width, is_key, _) = next(viewer);
        assert_eq!((width, is_key), (320, true));
    }
    let of_vp8 = lock(&scene.encoders)
        .iter()
        .filter(|(c, ..)| *c == Codec::Vp8)
        .count();
    assert_eq!(of_vp8, 1, "the one that was tried is the one that runs");
}

#[test]
fn when_it_has_ended_no_encoder_is_tried_any_more_and_those_that_were_have_stopped() {
    let scene = Scene::still(config(&[Codec::Vp8, Codec::H264]));
    scene.ladder.set_input(RAW);
    // As an application does that stops at once, and then ends GStreamer.
    scene.ladder.end();
    let (made, states) = {
        let all = lock(&scene.encoders);
        let states: Vec<_> = all.iter().map(|(.., e)| e.current_state()).collect();
        (all.len(), states)
    };
    assert!(made > 0, "it was asked before");
    assert!(
        states.iter().all(|state| *state == gst::State::Null),
        "{states:?}"
    );
}

#[test]
fn who_has_a_slow_network_gets_a_smaller_picture_and_the_other_one_keeps_its_own() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let (fast, slow) = (Link::of(5_000_000), Link::of(5_000_000));
    let (first, second) = (scene.join(Codec::Vp8, &fast), scene.join(Codec::Vp8, &slow));
    assert_eq!(next(&second).0, 320);
    slow.set(200_000);
    let mut last = gst::ClockTime::ZERO;
    let (mut width, mut longest) = (320, gst::ClockTime::ZERO);
    while width == 320 {
        let (now, is_key, time) = next(&second);
        assert!(
            now == width || is_key,
            "another size begins with a key unit"
        );
        assert!(time > last, "time goes on");
        if !last.is_zero() {
            longest = longest.max(time - last);
        }
        (width, last) = (now, time);
        assert_eq!(next(&first).0, 320);
    }
    assert_eq!(width, 160);
    // Ten pictures here, on a quiet machine: ticks until the estimate has followed, and the start of an encoder. How soon a rung
    // changes is the policy's promise, under its own clock.
    assert!(longest < gst::ClockTime::from_mseconds(600), "{longest}");
    for _ in 0..20 {
        assert_eq!(next(&first).0, 320);
    }
    assert_eq!((scene.running(0), scene.running(1)), (1, 1));
}

#[test]
fn encoders_that_nobody_watches_stop_and_one_of_another_codec_never_starts() {
    let scene = Scene::raw(config(&[Codec::Vp8, Codec::H264]));
    let link = Link::of(100_000);
    let viewer = scene.join(Codec::Vp8, &link);
    scene.until("the smaller rung runs", |scene| scene.running(1) == 1);
    assert_eq!(next(&viewer).0, 160);
    let of_h264 = || {
        lock(&scene.encoders)
            .iter()
            .filter(|(c, ..)| *c == Codec::H264)
            .count()
    };
    assert_eq!(of_h264(), 1, "tried, and no more");
    drop(viewer);
    scene.until("both stop, and what was tried as well", |scene| {
        let all = lock(&scene.encoders);
        all.iter()
            .all(|(.., e)| e.current_state() == gst::State::Null)
    });
    scene.ladder.expect();
    scene.until("who is expected finds one", |scene| scene.running(0) == 1);
    assert_eq!(of_h264(), 1, "of the codec that was watched last");
}

#[test]
fn an_encoder_that_fails_while_it_runs_is_followed_by_the_next_and_says_so() {
    let scene = Scene::raw(config(&[Codec::H264]));
    let viewer = scene.join(Codec::H264, &Link::of(5_000_000));
    assert_eq!(next(&viewer).0, 320);
    let failing = lock(&scene.encoders)[0].2.clone();
    let name = failing.factory().expect("made by a factory").name();
    gst::element_error!(failing, gst::LibraryError::Encode, ("made to fail"));
    let Event::Encoder {
        factory,
        failure,
        next: Some(follower),
    } = scene.event(|event| matches!(event, Event::Encoder { .. }))
    else {
        panic!("there is another encoder of H.264");
    };
    assert_eq!(factory, name);
    assert!(failure.contains("made to fail"), "{failure}");
    scene.until("the next one runs", |scene| {
        let all = lock(&scene.encoders);
        let is_next = |e: &gst::Element| e.factory().is_some_and(|f| f.name() == follower);
        all.iter()
            .any(|(_, _, e)| is_next(e) && e.current_state() == gst::State::Playing)
    });
    // What was on its way may come first.
    while !next(&viewer).1 {}
}

#[test]
fn the_last_encoder_begins_anew_when_it_fails_and_is_given_up_if_it_fails_again() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let viewer = scene.join(Codec::Vp8, &Link::of(5_000_000));
    assert_eq!(next(&viewer).0, 320);
    let fail = || {
        let all = lock(&scene.encoders);
        let running = all.iter().rev().map(|(.., e)| e);
        let mut running = running.filter(|e| e.current_state() == gst::State::Playing);
        let failing = running.next().expect("one runs").clone();
        drop(all);
        gst::element_error!(failing, gst::LibraryError::Encode, ("made to fail"));
        let Event::Encoder { factory, next, .. } =
            scene.event(|event| matches!(event, Event::Encoder { .. }))
        else {
            panic!("it was told of");
        };
        (factory, next)
    };
    assert_eq!(fail(), ("vp8enc", Some("vp8enc")));
    // What was on its way may come first.
    while !next(&viewer).1 {}
    assert_eq!(fail(), ("vp8enc", None));
}

#[test]
fn where_no_encoder_works_it_says_why() {
    let scene = Scene::new(Config {
        // No encoder takes a picture of this size.
        renditions: "16384x16384@1M".parse().expect("a rendition"),
        ..config(&[Codec::Vp8])
    });
    scene.ladder.set_input(RAW);
    let Event::NoEncoder(why) = scene.event(|event| matches!(event, Event::NoEncoder(_))) else {
        panic!();
    };
    assert!(why.contains("vp8"), "{why}");
}

#[test]
fn encoded_frames_pass_and_key_units_are_asked_for_where_they_come_from() {
    let scene = Scene::still(config(&[Codec::H264]));
    // The caps of a second pad follow those of the first.
    scene.ladder.set_input(encoded(&[0, 1]));
    scene.ladder.set_input(encoded(&[0]));
    scene.until("a key unit is asked for", |scene| {
        scene.keys.load(SeqCst) > 0
    });
    let (end, ended) = mpsc::channel::<()>();
    let ladder = scene.ladder.clone();
    // A key unit, then one that needs it, and so on, since nothing tells when the ladder listens.
    let camera = thread::spawn(move || {
        let mut number = 0;
        while ended.recv_timeout(Duration::from_millis(5)) == Err(mpsc::RecvTimeoutError::Timeout) {
            push_vp8(&ladder, 0, 33 * number, number % 2 == 0);
            number += 1;
        }
    });
    let Event::Ready(offered) = scene.event(|event| matches!(event, Event::Ready(_))) else {
        panic!();
    };
    assert_eq!(offered[0].0, Codec::Vp8);
    let before = scene.keys.load(SeqCst);
    let viewer = scene.join(Codec::Vp8, &Link::of(1_000_000));
    scene.until("its key unit is asked for", |scene| {
        scene.keys.load(SeqCst) > before
    });
    let (width, is_key, _) = next(&viewer);
    assert_eq!((width, is_key), (1280, true));
    drop(end);
    camera.join().expect("it pushed to the end");
}

/// Renditions that come in encoded by these pads.
fn encoded(pads: &[usize]) -> Input {
    let list = Renditions::Auto.of(1280, 720, None);
    let specs = pads.iter().zip(list);
    let specs = specs.map(|(pad, rendition)| RungSpec {
        source: *pad,
        rendition,
    });
    Input::Encoded(Codec::Vp8, specs.collect())
}

/// A frame of 1280x720 as an encoder would give it.
fn push_vp8(ladder: &Ladder, pad: usize, ms: u64, is_key: bool) {
    let caps: gst::Caps = "video/x-vp8,width=1280,height=720".parse().expect("caps");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    let mut buffer = gst::Buffer::from_slice([1, 2, 3]);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::from_mseconds(ms));
        if !is_key {
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
    }
    let sample = gst::Sample::builder()
        .buffer(&buffer)
        .caps(&caps)
        .segment(&segment)
        .build();
    ladder.feeds()[pad].push(&sample, Instant::now(), || None);
}

#[test]
fn viewers_that_come_and_go_all_the_time_leave_nothing_behind() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let link = Link::of(5_000_000);
    let stays = scene.join(Codec::Vp8, &link);
    for _ in 0..200 {
        drop(scene.join(Codec::Vp8, &link));
    }
    assert_eq!(next(&stays).0, 320);
    let made = lock(&scene.encoders).len();
    assert!(made <= 2, "{made} encoders were made");
}

#[test]
fn a_bitrate_that_changes_while_playing_reaches_the_encoder_that_runs() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let viewer = scene.join(Codec::Vp8, &Link::of(5_000_000));
    assert_eq!(next(&viewer).0, 320);
    let encoder = lock(&scene.encoders)[0].2.clone();
    let set_to = |bits: i32| {
        scene.until(&format!("it encodes at {bits} bit/s"), |_| {
            encoder.property::<i32>("target-bitrate") == bits
        });
    };
    set_to(1_000_000);
    let change = |change: fn(&mut Bitrates)| {
        let mut all = bitrates();
        change(&mut all);
        scene.ladder.set_bitrates(all);
    };
    change(|all| all.max = 250_000);
    set_to(250_000);
    change(|all| all.best = Some(700_000));
    set_to(700_000);
    change(|all| (all.best, all.max) = (Some(100_000), 10_000_000));
    set_to(100_000);
    assert_eq!(scene.running(0), 1);
    // No rung is lost, though so little would be cut into fewer.
    let slow = scene.join(Codec::Vp8, &Link::of(20_000));
    while next(&slow).0 != 160 {}
}

#[test]
fn what_comes_in_encoded_by_any_pad_is_shown_and_of_no_other() {
    let scene = Scene::still(config(&[Codec::Vp8]));
    scene.ladder.set_input(encoded(&[2, 5]));
    let (end, ended) = mpsc::channel::<()>();
    let ladder = scene.ladder.clone();
    let camera = thread::spawn(move || {
        let mut number = 0;
        while ended.recv_timeout(Duration::from_millis(5)) == Err(mpsc::RecvTimeoutError::Timeout) {
            push_vp8(&ladder, 2, 33 * number, number % 2 == 0);
            number += 1;
        }
    });
    scene.event(|event| matches!(event, Event::Ready(_)));
    let viewer = scene.join(Codec::Vp8, &Link::of(5_000_000));
    assert_eq!(next(&viewer).0, 1280);
    // One that is left goes on when another pad is released.
    scene.ladder.set_input(encoded(&[2]));
    while !next(&viewer).1 {}
    drop(end);
    camera.join().expect("it pushed to the end");
}

#[test]
fn a_machine_that_is_too_slow_for_the_best_rung_shows_the_next_and_says_so() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let viewer = scene.join(Codec::Vp8, &Link::of(5_000_000));
    assert_eq!(next(&viewer).0, 320);
    let slow = lock(&scene.encoders)[0].2.clone();
    let pad = slow.static_pad("sink").expect("an encoder's pad");
    // An encoder that takes a tenth of a second for a picture.
    pad.add_probe(gst::PadProbeType::BUFFER, |_, _| {
        thread::sleep(Duration::from_millis(100));
        gst::PadProbeReturn::Ok
    });
    let Event::Overloaded(codec, rendition) =
        scene.event(|event| matches!(event, Event::Overloaded(..)))
    else {
        panic!();
    };
    assert_eq!((codec, rendition.width), (Codec::Vp8, 320));
    while next(&viewer).0 != 160 {}
    let (begun, mut frames) = (Instant::now(), 0);
    while begun.elapsed() < Duration::from_secs(1) {
        next(&viewer);
        frames += 1;
    }
    assert!(frames > 15, "{frames} frames in a second");
}

#[test]
fn a_source_whose_time_jumps_back_or_stands_still_is_shown_all_the_time() {
    // A minute back after a second and a half; each timestamp comes twice.
    let times = |number: u64| match number {
        0..45 => 60_000 + number / 2 * 66,
        _ => (number - 45) / 2 * 66,
    };
    let scene = Scene::timed(config(&[Codec::Vp8]), times).ready();
    let viewer = scene.join(Codec::Vp8, &Link::of(5_000_000));
    next(&viewer);
    let (begun, mut last, mut longest) = (Instant::now(), Instant::now(), Duration::ZERO);
    let mut frames = 0;
    while begun.elapsed() < Duration::from_secs(3) {
        next(&viewer);
        longest = longest.max(last.elapsed());
        last = Instant::now();
        frames += 1;
    }
    assert!(
        frames > 30 && longest < Duration::from_secs(1),
        "{frames}, {longest:?}"
    );
}
