// SPDX-License-Identifier: MPL-2.0
//! What is handed over of encoded video, as the supervisor hears of it.

use std::sync::mpsc::channel;

use super::*;
use crate::camera::{
    event,
    output::{Feed, Streams},
};

const GENERATION: u64 = 1;

fn encoded(ms: u64, is_delta: bool) -> gst::Sample {
    let mut picture = gst::Buffer::with_size(16).unwrap();
    let writable = picture.get_mut().unwrap();
    writable.set_pts(gst::ClockTime::from_mseconds(ms));
    if is_delta {
        writable.set_flags(gst::BufferFlags::DELTA_UNIT);
    }
    let caps = "video/x-h264,stream-format=byte-stream,alignment=au,width=16,height=16";
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    gst::Sample::builder()
        .buffer(&picture)
        .caps(&caps.parse::<gst::Caps>().unwrap())
        .segment(&segment)
        .build()
}

#[test]
fn a_camera_is_live_with_the_first_key_unit_that_goes_out_and_not_with_one_that_came_too_late() {
    gst::init().unwrap();
    let streams = Arc::new(Streams::new(Feed::video("src")));
    streams.open_for(GENERATION);
    streams.video.appsrc.set_state(gst::State::Playing).unwrap();
    let (inbox, events) = event::queue();
    let run = Run {
        element: glib::WeakRef::new(),
        clock: gst::SystemClock::obtain(),
        base_time: gst::ClockTime::ZERO,
        streams: streams.clone(),
        inbox,
        running: Arc::default(),
        microphones: Arc::default(),
    };
    let (commands, asked) = channel();
    let context = Context::new(GENERATION, &run, commands, AudioDevice::Silence);
    let pipeline = gst::Pipeline::new();
    pipeline.set_start_time(gst::ClockTime::NONE);
    pipeline.set_base_time(gst::ClockTime::ZERO);
    let hand_over = context.hand_over(&pipeline);
    let (key, delta) = (false, true);
    let live = |ms, is_delta| {
        hand_over(encoded(ms, is_delta)).unwrap();
        let reports = events.try_iter();
        reports
            .filter(|event| matches!(event, Event::Capture(GENERATION, Report::FirstFrame(_))))
            .count()
    };

    // Nothing refers to what has not come.
    assert_eq!(live(10, delta), 0);
    // A slate, a little later than the camera stamps what it makes meanwhile.
    let slate = gst::Buffer::with_size(16).unwrap();
    let time = gst::ClockTime::from_mseconds(1000);
    streams.video.push(slate, time).unwrap();
    assert_eq!(live(990, key), 0);
    assert!(
        matches!(asked.try_recv(), Ok(Command::KeyUnit(_))),
        "another one is asked for"
    );
    assert_eq!(live(1020, delta), 0);
    assert_eq!(live(1040, key), 1);
    assert_eq!(live(1060, delta), 0);
    streams.video.appsrc.set_state(gst::State::Null).unwrap();
}
