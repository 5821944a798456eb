// SPDX-License-Identifier: MPL-2.0
//! The slate as H.264, for cameras whose pictures come encoded: one picture that needs no other, by whichever encoder is installed.

use gst::prelude::*;
use gst_video::VideoInfo;
use porthole_painter::Orientation;

use super::paint;
use crate::camera::caps::h264;

/// How long an encoder may take for its one picture.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(2);

/// Those in software first: they need no device that may be busy.
const ENCODERS: [&str; 3] = ["x264enc", "openh264enc", "v4l2h264enc"];

/// A slate for H.264 of these caps; `None` where no encoder works. Blocks.
pub(crate) fn picture(caps: &gst::Caps, text: &str, turn: Orientation) -> Option<gst::Buffer> {
    let structure = caps.structure(0)?;
    let size = |name| structure.get::<i32>(name).ok();
    let (width, height) = (size("width")?.max(2), size("height")?.max(2));
    let info = VideoInfo::builder(
        gst_video::VideoFormat::I420,
        width.unsigned_abs(),
        height.unsigned_abs(),
    )
    .fps(gst::Fraction::new(1, 1))
    .build()
    .ok()?;
    let raw = info.to_caps().ok()?;
    let black = paint::picture(&raw, text, turn)?;
    ENCODERS
        .iter()
        .find_map(|encoder| encode(encoder, &raw, black.copy()))
}

fn encode(encoder: &str, raw: &gst::Caps, mut picture: gst::Buffer) -> Option<gst::Buffer> {
    let encoder = gst::ElementFactory::make(encoder).build().ok()?;
    let parser = gst::ElementFactory::make("h264parse")
        .property("config-interval", -1_i32)
        .build()
        .ok()?;
    let profile = gst::ElementFactory::make("capsfilter")
        .property(
            "caps",
            gst::Caps::builder("video/x-h264")
                .field(
                    "profile",
                    gst::List::new(["constrained-baseline", "baseline"]),
                )
                .build(),
        )
        .build()
        .ok()?;
    let from = gst_app::AppSrc::builder()
        .caps(raw)
        .format(gst::Format::Time)
        .max_bytes(0)
        .build();
    let to = gst_app::AppSink::builder()
        .caps(&h264())
        .sync(false)
        .build();
    let chain = [
        from.upcast_ref(),
        &encoder,
        &profile,
        &parser,
        to.upcast_ref(),
    ];
    let pipeline = gst::Pipeline::new();
    pipeline.add_many(chain).ok()?;
    gst::Element::link_many(chain).ok()?;
    picture.make_mut().set_pts(gst::ClockTime::ZERO);
    let started = pipeline.set_state(gst::State::Playing).is_ok()
        && from.push_buffer(picture).is_ok()
        && from.end_of_stream().is_ok();
    let sample = started.then(|| to.try_pull_sample(PATIENCE)).flatten();
    let _ = pipeline.set_state(gst::State::Null);
    let mut buffer = sample?.buffer_owned()?;
    buffer.make_mut().unset_flags(gst::BufferFlags::DELTA_UNIT);
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_picture_that_needs_no_other() {
        gst::init().unwrap();
        let caps = "video/x-h264,width=320,height=240,framerate=30/1"
            .parse()
            .unwrap();
        let buffer = picture(&caps, "The camera has gone", Orientation::Identity).unwrap();
        let map = buffer.map_readable().unwrap();
        let units: Vec<u8> = map
            .windows(4)
            .filter(|bytes| bytes[..3] == [0, 0, 1])
            .map(|bytes| bytes[3] & 0x1f)
            .collect();
        // Sequence and picture parameters, and a slice of an instantaneous refresh.
        for kind in [7, 8, 5] {
            assert!(units.contains(&kind), "{units:?}");
        }
    }
}
