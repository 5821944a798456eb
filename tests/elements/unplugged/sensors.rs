// SPDX-License-Identifier: MPL-2.0
//! Sensors that are not for eyes are shown all the same.

use std::time::Instant;

use gst::prelude::*;
use gst_app::AppSink;
use gst_video::{VideoConverter, VideoFormat, VideoFrameRef, VideoInfo, prelude::*};

use crate::common::{PATIENCE, Scene, fake::FakeCameras};

/// The colours of the left and of the right of a camera's picture, in RGB.
fn halves(
    name: &str,
    modes: &str,
    fits: impl Fn([u8; 3], [u8; 3]) -> bool,
) -> (Scene, FakeCameras) {
    let cameras = FakeCameras::with(name, modes);
    let scene = Scene::new(&format!(
        "portholesrc name=cam camera={name} ! appsink name=video sync=false"
    ));
    scene.set(gst::State::Playing);
    let video = scene.element("video").downcast::<AppSink>().unwrap();
    let start = Instant::now();
    loop {
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        let sample = video.try_pull_sample(patience).expect("no picture");
        let (left, right) = colours(&sample);
        if fits(left, right) {
            return (scene, cameras);
        }
        assert!(start.elapsed() < PATIENCE, "{left:?} {right:?}");
    }
}

fn colours(sample: &gst::Sample) -> ([u8; 3], [u8; 3]) {
    let from = VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let to = VideoInfo::builder(VideoFormat::Rgb, from.width(), from.height());
    let to = to.fps(from.fps()).build().unwrap();
    let mut buffer = gst::Buffer::with_size(to.size()).unwrap();
    let mut frame =
        VideoFrameRef::from_buffer_ref_writable(buffer.get_mut().unwrap(), &to).unwrap();
    let seen = VideoFrameRef::from_buffer_ref_readable(sample.buffer().unwrap(), &from).unwrap();
    VideoConverter::new(&from, &to, None)
        .unwrap()
        .frame_ref(&seen, &mut frame);
    let (width, stride) = (to.width() as usize, frame.plane_stride()[0] as usize);
    let row = &frame.plane_data(0).unwrap()[to.height() as usize / 8 * stride..];
    let at = |x: usize| [row[3 * x], row[3 * x + 1], row[3 * x + 2]];
    (at(width / 4), at(width * 3 / 4))
}

#[test]
fn sixteen_bits_of_grey_are_a_picture() {
    // A quarter and three quarters, in the range of video.
    halves("thermal", "modes=thermal", |left, right| {
        let is_grey =
            |colour: [u8; 3]| colour.iter().all(|channel| channel.abs_diff(colour[0]) < 4);
        is_grey(left) && is_grey(right) && left[0].abs_diff(54) < 8 && right[0].abs_diff(202) < 8
    });
}

#[test]
fn what_a_sensor_sees_is_put_together() {
    halves("bayer", "modes=bayer", |left, right| {
        let is_red = |[red, green, blue]: [u8; 3]| red > 200 && green < 50 && blue < 50;
        is_red(left) && is_red(right)
    });
}
