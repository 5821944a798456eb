// SPDX-License-Identifier: MPL-2.0
//! Pictures in BT.601's colours and the range that video has: what browsers take a picture for that says nothing of it, as VP8 cannot, and
//! what all of them show right. Not by videoconvert, which leaves the range as it is where the matrix stays (docs/upstream.md), and
//! goes by red, green and blue where it does not.

mod convert;

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use gst_video::{VideoColorRange, VideoFormat, VideoFrameRef, VideoInfo, prelude::*};
use porthole_painter::Matrix;

use crate::{frame, lock::lock};
use convert::Conversion;

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
    let now: Arc<Mutex<Option<(VideoInfo, Conversion)>>> = Arc::default();
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
                if let Some((info, conversion)) = now {
                    convert(buffer.make_mut(), &info, &conversion);
                }
            }
            _ => (),
        }
        gst::PadProbeReturn::Ok
    });
}

fn needed(caps: &gst::CapsRef) -> Option<(VideoInfo, Conversion)> {
    let info = VideoInfo::from_caps(caps).ok()?;
    let conversion = Conversion::new(frame::matrix(&info), Matrix::BT601)?;
    FORMATS
        .contains(&info.format())
        .then_some((info, conversion))
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

fn convert(buffer: &mut gst::BufferRef, info: &VideoInfo, conversion: &Conversion) -> Option<()> {
    let mut frame = VideoFrameRef::from_buffer_ref_writable(buffer, info).ok()?;
    let (width, height) = (frame.width() as usize, frame.height() as usize);
    let format = info.format_info();
    let shift = |shifts: &[u32]| shifts.get(1).map(|shift| *shift as usize);
    let (across, down) = (shift(format.w_sub())?, shift(format.h_sub())?);
    let mut strides = [0; 3];
    for (to, from) in strides.iter_mut().zip(frame.plane_stride()) {
        *to = usize::try_from(*from).ok()?;
    }
    let (is_paired, is_swapped) = match info.format() {
        VideoFormat::Nv12 => (true, false),
        VideoFormat::Nv21 => (true, true),
        other => (false, other == VideoFormat::Yv12),
    };
    let [luma, first, second, _] = frame.planes_data_mut();
    let columns = width.div_ceil(1 << across);
    let mut shares = vec![0; columns];
    for (row, luma) in luma
        .chunks_mut(strides[0] << down)
        .take(height.div_ceil(1 << down))
        .enumerate()
    {
        let first = first.get_mut(row * strides[1]..)?;
        match is_paired {
            true => {
                let pairs = first.chunks_exact_mut(2).take(columns);
                for (pair, share) in pairs.zip(&mut shares) {
                    if let [one, other] = pair {
                        *share = rewrite(conversion, is_swapped, one, other);
                    }
                }
            }
            false => {
                let second = second.get_mut(row * strides[2]..)?;
                let pairs = first.iter_mut().zip(second);
                for ((one, other), share) in pairs.take(columns).zip(&mut shares) {
                    *share = rewrite(conversion, is_swapped, one, other);
                }
            }
        }
        for luma in luma.chunks_mut(strides[0]) {
            brighten(conversion, &shares, across, luma.get_mut(..width)?);
        }
    }
    Some(())
}

/// Writes a pair of differences anew; what luma has of the old ones.
fn rewrite(conversion: &Conversion, is_swapped: bool, one: &mut u8, other: &mut u8) -> i32 {
    let (blue, red) = match is_swapped {
        true => (other, one),
        false => (one, other),
    };
    let old = [*blue, *red];
    [*blue, *red] = conversion.differences(old);
    conversion.share(old)
}

fn brighten(conversion: &Conversion, shares: &[i32], across: usize, luma: &mut [u8]) {
    match across {
        0 => {
            for (luma, share) in luma.iter_mut().zip(shares) {
                *luma = conversion.luma(*luma, *share);
            }
        }
        _ => {
            for (pair, share) in luma.chunks_mut(1 << across).zip(shares) {
                for luma in pair {
                    *luma = conversion.luma(*luma, *share);
                }
            }
        }
    }
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
