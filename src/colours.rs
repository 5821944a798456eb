// SPDX-License-Identifier: MPL-2.0
//! Pictures in BT.601's colours and the range that video has: what browsers take a picture for that says nothing of it, as VP8 cannot, and
//! what all of them show right. Not by videoconvert, which leaves the range as it is where the matrix stays (docs/upstream.md), and
//! goes by red, green and blue where it does not.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gst_video::{VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo, prelude::*};
use porthole_painter::{Differences, Matrix, PlaneMut, Recolouring, Subsampled};

use crate::{frame, lock::lock};

/// As caps have it.
const BT601: &str = "bt601";
/// Those in which luma and both differences have eight bits each, in planes, or the differences in pairs.
const FORMATS: [VideoFormat; 6] = [
    VideoFormat::I420,
    VideoFormat::Yv12,
    VideoFormat::Y42b,
    VideoFormat::Y444,
    VideoFormat::Nv12,
    VideoFormat::Nv21,
];

/// Has what passes a pad be so, in place where it can be written to.
pub(crate) fn write_as_bt601(pad: &gst::Pad) {
    let now: Arc<Mutex<Option<(VideoInfo, Recolouring)>>> = Arc::default();
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(kinds, move |_, info| {
        match &mut info.data {
            Some(gst::PadProbeData::Event(event)) => {
                if let gst::EventView::Caps(caps) = event.view() {
                    let needed = needed(caps.caps());
                    let caps = needed.as_ref().map(|_| renamed(caps.caps()));
                    *lock(&now) = needed;
                    if let Some(caps) = caps {
                        *event = gst::event::Caps::new(&caps);
                    }
                }
            }
            Some(gst::PadProbeData::Buffer(buffer)) => {
                let now = lock(&now).clone();
                if let Some((info, by)) = now {
                    convert(buffer.make_mut(), &info, &by);
                }
            }
            _ => (),
        }
        gst::PadProbeReturn::Ok
    });
}

fn needed(caps: &gst::CapsRef) -> Option<(VideoInfo, Recolouring)> {
    let info = VideoInfo::from_caps(caps).ok()?;
    let by = Recolouring::new(frame::matrix(&info), Matrix::BT601)?;
    FORMATS.contains(&info.format()).then_some((info, by))
}

fn renamed(caps: &gst::CapsRef) -> gst::Caps {
    let mut caps = caps.to_owned();
    caps.make_mut().set("colorimetry", BT601);
    caps
}

/// Whether caps say that their colours have the range that video has.
pub(crate) fn is_limited(caps: &gst::CapsRef) -> bool {
    let info = VideoInfo::from_caps(caps);
    info.is_ok_and(|info| {
        info.is_yuv() && info.colorimetry().range() == VideoColorRange::Range16_235
    })
}

fn convert(buffer: &mut gst::BufferRef, info: &VideoInfo, by: &Recolouring) -> Option<()> {
    let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, info).ok()?;
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let format = info.format_info();
    let shift = |shifts: &[u32]| shifts.get(1).map(|shift| *shift as usize);
    let shift = (shift(format.w_sub())?, shift(format.h_sub())?);
    let mut strides = [0; 3];
    for (to, from) in strides.iter_mut().zip(frame.plane_stride()) {
        *to = usize::try_from(*from).ok()?;
    }
    let [luma, first, second, _] = frame.planes_data_mut();
    let plane = |data, stride| PlaneMut { data, stride };
    let (luma, first) = (plane(luma, strides[0]), plane(first, strides[1]));
    let second = plane(second, strides[2]);
    let differences = match info.format() {
        VideoFormat::Nv12 => Differences::BlueRed(first),
        VideoFormat::Nv21 => Differences::RedBlue(first),
        VideoFormat::Yv12 => Differences::Planes(second, first),
        _ => Differences::Planes(first, second),
    };
    by.apply(Subsampled {
        width,
        height,
        shift,
        luma,
        differences,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes behind the pad of a picture of one colour.
    fn converted(caps: &str, picture: Vec<u8>) -> (gst::Caps, Vec<u8>) {
        gst::init().unwrap();
        let caps: gst::Caps = caps.parse().unwrap();
        let from = gst_app::AppSrc::builder()
            .caps(&caps)
            .format(gst::Format::Time)
            .build();
        let to = gst_app::AppSink::builder().sync(false).build();
        let pipeline = gst::Pipeline::new();
        pipeline
            .add_many([from.upcast_ref::<gst::Element>(), to.upcast_ref()])
            .unwrap();
        from.link(&to).unwrap();
        write_as_bt601(&to.static_pad("sink").unwrap());
        pipeline.set_state(gst::State::Playing).unwrap();
        from.push_buffer(gst::Buffer::from_slice(picture)).unwrap();
        let patience = gst::ClockTime::from_seconds(20);
        let sample = to.try_pull_sample(patience).expect("no picture");
        let bytes = sample.buffer().unwrap().map_readable().unwrap().to_vec();
        let caps = sample.caps_owned().unwrap();
        pipeline.set_state(gst::State::Null).unwrap();
        (caps, bytes)
    }

    /// Of 8x4 pixels: planes with these samples.
    fn planes(samples: [u8; 3], chroma: usize) -> Vec<u8> {
        let [luma, blue, red] = samples;
        [vec![luma; 32], vec![blue; chroma], vec![red; chroma]].concat()
    }

    #[test]
    fn every_format_and_range_becomes_the_same_red() {
        let red = [[81, 90, 240], [63, 102, 240], [76, 85, 255]];
        let colorimetries = ["bt601", "bt709", "1:4:0:0"];
        for (colorimetry, [luma, blue, red]) in colorimetries.iter().zip(red) {
            let caps = |format: &str| {
                format!(
                    "video/x-raw,format={format},width=8,height=4,framerate=30/1,colorimetry={colorimetry}"
                )
            };
            let pairs = |one, other| [vec![luma; 32], [one, other].repeat(8)].concat();
            for (format, picture) in [
                ("I420", planes([luma, blue, red], 8)),
                ("YV12", planes([luma, red, blue], 8)),
                ("Y42B", planes([luma, blue, red], 16)),
                ("Y444", planes([luma, blue, red], 32)),
                ("NV12", pairs(blue, red)),
                ("NV21", pairs(red, blue)),
            ] {
                // Rows of the differences are padded to four bytes, which these sizes are.
                let (caps, bytes) = converted(&caps(format), picture);
                let info = VideoInfo::from_caps(&caps).unwrap();
                assert_eq!(frame::matrix(&info), Matrix::BT601, "{format}");
                let close = |at: usize, wanted: u8| bytes[at].abs_diff(wanted) <= 1;
                let [first, second] = match format {
                    "YV12" | "NV21" => [240, 90],
                    _ => [90, 240],
                };
                let last = bytes.len() - 1;
                let all = close(0, 81) && close(31, 81) && close(32, first) && close(last, second);
                assert!(all, "{format} of {colorimetry}: {bytes:?}");
            }
        }
    }

    #[test]
    fn what_has_another_form_passes_as_it_is() {
        let caps = "video/x-raw,format=RGB,width=4,height=1,framerate=30/1";
        let (_, bytes) = converted(caps, vec![7; 12]);
        assert_eq!(bytes, [7; 12]);
    }
}
