// SPDX-License-Identifier: MPL-2.0
//! What goes out, what is left out, and what waits.

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use super::*;

/// Until a picture is through, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn a_task_that_a_short_pause_stopped_goes_on_with_the_next_picture() {
    gst::init().unwrap();
    let feed = Feed::video("src");
    feed.set_caps(
        &"video/x-raw,format=GRAY8,width=4,height=4,framerate=30/1"
            .parse()
            .unwrap(),
    );
    let pipeline = gst::Pipeline::new();
    let sink = gst::ElementFactory::make("fakesink")
        .property("async", false)
        .build()
        .unwrap();
    let (through, pictures) = mpsc::channel();
    let pad = sink.static_pad("sink").unwrap();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let _ = through.send(());
        gst::PadProbeReturn::Ok
    });
    pipeline
        .add_many([feed.appsrc.upcast_ref(), &sink])
        .unwrap();
    feed.appsrc.link(&sink).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut number = 0;
    let mut push = || {
        number += 1;
        let picture = gst::Buffer::with_size(16).unwrap();
        feed.push(picture, gst::ClockTime::from_mseconds(number))
            .unwrap();
    };
    push();
    pictures.recv_timeout(PATIENCE).unwrap();
    // As basesrc leaves it. It waits for the task, which waits for a picture.
    let source = feed.pad.clone().unwrap();
    let stopping = thread::spawn(move || source.pause_task());
    let deadline = Instant::now() + PATIENCE;
    while feed.pad.as_ref().unwrap().task_state() != gst::TaskState::Paused {
        assert!(Instant::now() < deadline, "it was not stopped");
        thread::yield_now();
    }
    while pictures.try_recv().is_ok() {}
    push();
    pictures.recv_timeout(PATIENCE).unwrap();
    push();
    pictures.recv_timeout(PATIENCE).expect("it stood still");
    // A task that runs keeps the lock that its pausing waits for.
    pipeline.set_state(gst::State::Null).unwrap();
    let _ = stopping.join().unwrap();
}

#[test]
fn a_downstream_that_takes_nothing_holds_four_pictures_of_any_size_and_the_latency_says_so() {
    gst::init().unwrap();
    let feed = Feed::video("src");
    let caps: gst::Caps = "video/x-raw,format=I420,width=1280,height=720,framerate=30/1"
        .parse()
        .unwrap();
    feed.set_caps(&caps);
    let pipeline = gst::Pipeline::new();
    let sink = gst::ElementFactory::make("fakesink")
        .property("sync", true)
        .build()
        .unwrap();
    pipeline
        .add_many([feed.appsrc.upcast_ref(), &sink])
        .unwrap();
    feed.appsrc.link(&sink).unwrap();
    // The sink keeps the first one, and takes no other.
    pipeline.set_state(gst::State::Paused).unwrap();
    for number in 0..20 {
        let picture = gst::Buffer::with_size(1280 * 720 * 3 / 2).unwrap();
        feed.push(picture, gst::ClockTime::from_mseconds(33 * number))
            .unwrap();
    }
    assert!(feed.appsrc.current_level_buffers() <= MAX_PICTURES);
    assert!(feed.appsrc.current_level_buffers() >= MAX_PICTURES - 1);

    let (own, period) = (
        gst::ClockTime::from_mseconds(20),
        gst::ClockTime::from_mseconds(33),
    );
    feed.set_latency(own, period);
    let mut query = gst::query::Latency::new();
    assert!(feed.appsrc.static_pad("src").unwrap().query(&mut query));
    assert_eq!(query.result(), (true, own, Some(own + period * 4)));
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn of_encoded_video_that_downstream_does_not_take_in_time_all_is_left_out_to_the_next_key_unit() {
    gst::init().unwrap();
    let feed = Feed::video("src");
    let caps =
        "video/x-h264,stream-format=byte-stream,alignment=au,width=16,height=16,framerate=30/1";
    feed.set_caps(&caps.parse().unwrap());
    let pipeline = gst::Pipeline::new();
    let sink = gst_app::AppSink::builder()
        .sync(false)
        .max_buffers(1)
        .build();
    pipeline
        .add_many([feed.appsrc.upcast_ref::<gst::Element>(), sink.upcast_ref()])
        .unwrap();
    feed.appsrc.link(&sink).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let mut number = 0;
    let mut push = |is_delta| {
        let mut picture = gst::Buffer::with_size(16).unwrap();
        if is_delta {
            let writable = picture.get_mut().unwrap();
            writable.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        number += 1;
        feed.push(picture, gst::ClockTime::from_mseconds(number))
            .unwrap()
    };
    assert_eq!(push(false), Pushed::Sent);
    // Until the sink, the task and the queue hold all that they can.
    let mut sent = 1;
    loop {
        match push(true) {
            Pushed::Sent => sent += 1,
            other => {
                assert_eq!(other, Pushed::Broken);
                break;
            }
        }
        assert!(sent < 100, "it has no bound");
    }
    assert_eq!(push(true), Pushed::Left, "it is asked for once");
    // Now there is room, and still nothing that can be decoded.
    let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
    for _ in 0..sent {
        let sample = sink.try_pull_sample(patience).expect("what was sent");
        assert!(sample.buffer().unwrap().pts().unwrap() <= gst::ClockTime::from_mseconds(sent));
    }
    assert_eq!(push(true), Pushed::Left);
    assert_eq!(push(false), Pushed::Sent);
    assert_eq!(push(true), Pushed::Sent);
    let key = sink.try_pull_sample(patience).unwrap();
    assert!(
        !key.buffer()
            .unwrap()
            .flags()
            .contains(gst::BufferFlags::DELTA_UNIT)
    );
    pipeline.set_state(gst::State::Null).unwrap();
}

#[test]
fn what_refers_to_a_key_unit_that_came_too_late_does_not_go_out() {
    gst::init().unwrap();
    let feed = Feed::video("src");
    let caps =
        "video/x-h264,stream-format=byte-stream,alignment=au,width=16,height=16,framerate=30/1";
    let caps: gst::Caps = caps.parse().unwrap();
    feed.appsrc.set_state(gst::State::Playing).unwrap();
    let forward = |ms, is_delta| {
        let mut picture = gst::Buffer::with_size(16).unwrap();
        let writable = picture.get_mut().unwrap();
        writable.set_pts(gst::ClockTime::from_mseconds(ms));
        if is_delta {
            writable.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        let sample = gst::Sample::builder()
            .buffer(&picture)
            .caps(&caps)
            .segment(&segment)
            .build();
        let bases = Bases {
            ours: gst::ClockTime::ZERO,
            theirs: gst::ClockTime::ZERO,
        };
        feed.forward(sample, bases, || None).unwrap()
    };
    let (key, delta) = (false, true);
    // As a slate that was stamped a little later.
    assert_eq!(forward(1000, key), Pushed::Sent);
    assert_eq!(forward(990, key), Pushed::Broken);
    assert_eq!(forward(1020, delta), Pushed::Left);
    assert_eq!(forward(1040, key), Pushed::Sent);
    // Pictures that refer to both sides come in another order than they are shown.
    assert_eq!(forward(1030, delta), Pushed::Late);
    assert_eq!(forward(1060, delta), Pushed::Sent);
    // A camera whose clock was set back.
    assert_eq!(forward(400, delta), Pushed::Broken);
    assert_eq!(forward(440, delta), Pushed::Left);
    assert_eq!(forward(1100, delta), Pushed::Left);
    feed.appsrc.set_state(gst::State::Null).unwrap();
}

#[test]
fn a_buffer_that_came_too_late_has_not_gone_out() {
    gst::init().unwrap();
    let feed = Feed::video("src");
    let push = |ms| {
        let picture = gst::Buffer::with_size(16).unwrap();
        feed.push(picture, gst::ClockTime::from_mseconds(ms))
    };
    feed.appsrc.set_state(gst::State::Playing).unwrap();
    assert_eq!(push(40), Ok(Pushed::Sent));
    assert_eq!(push(39), Ok(Pushed::Late));
    feed.appsrc.set_state(gst::State::Null).unwrap();
}
