// SPDX-License-Identifier: MPL-2.0
//! Formats, and turning beside videoflip.

use super::*;

/// All that the element takes.
const FORMATS: [&str; 19] = [
    "I420",
    "YV12",
    "NV12",
    "NV21",
    "YUY2",
    "UYVY",
    "RGB",
    "BGR",
    "RGBx",
    "BGRx",
    "xRGB",
    "xBGR",
    "RGBA",
    "BGRA",
    "ARGB",
    "ABGR",
    "GRAY8",
    "I420_10LE",
    "P010_10LE",
];

fn same_as_videoflip(formats: &[&str], width: u32, height: u32) {
    init();
    for format in formats {
        let caps = caps(format, width, height);
        let frame = test_frame(&caps);
        for direction in DIRECTIONS {
            let mut ours = overlay(&format!("video-direction={direction}"), &caps);
            let mut theirs = Harness::new_parse(&format!("videoflip video-direction={direction}"));
            theirs.set_src_caps(caps.clone());
            let expected = pass(&mut theirs, frame.copy());
            assert!(
                pass(&mut ours, frame.copy()) == expected,
                "{format} {direction} {width}x{height}"
            );
            let (ours, theirs) = (out_info(&ours), out_info(&theirs));
            assert_eq!(
                (ours.width(), ours.height(), ours.par()),
                (theirs.width(), theirs.height(), theirs.par())
            );
        }
    }
}

/// Formats that videoflip takes too: all but P010_10LE.
fn shared_formats() -> Vec<&'static str> {
    FORMATS
        .into_iter()
        .filter(|format| *format != "P010_10LE")
        .collect()
}

#[test]
fn every_direction_turns_every_format_as_videoflip_does() {
    same_as_videoflip(&shared_formats(), 320, 240);
    same_as_videoflip(&shared_formats(), 130, 258);
}

#[test]
fn odd_sizes_turn_as_videoflip_turns_them() {
    for (width, height) in [(67, 35), (34, 53), (1, 1), (3, 130)] {
        same_as_videoflip(&shared_formats(), width, height);
    }
}

#[test]
fn p010_turns_as_the_same_picture_in_i420_10le() {
    let (ten, p010) = (caps("I420_10LE", 66, 36), caps("P010_10LE", 66, 36));
    let convert = |frame: gst::Buffer, from: &gst::Caps, to: &str| {
        let mut converter = Harness::new_parse(&format!(
            "videoconvert dither=none chroma-resampler=nearest ! capsfilter caps=\"video/x-raw,format={to}\""
        ));
        converter.set_src_caps(from.clone());
        converter.push_and_pull(frame).unwrap()
    };
    for direction in DIRECTIONS {
        let frame = test_frame(&ten);
        let mut ours = overlay(&format!("video-direction={direction}"), &p010);
        let turned = ours
            .push_and_pull(convert(frame.copy(), &ten, "P010_10LE"))
            .unwrap();
        let info = out_info(&ours);
        let mut expected = overlay(&format!("video-direction={direction}"), &ten);
        let expected = expected.push_and_pull(frame).unwrap();
        let ten = caps("I420_10LE", info.width(), info.height());
        assert!(
            pixels(&turned, &info) == pixels(&convert(expected, &ten, "P010_10LE"), &info),
            "{direction}"
        );
    }
}

#[test]
fn every_format_is_drawn_on_at_once_and_after_turning_alike() {
    for format in FORMATS {
        let (plain, turned) = (caps(format, 322, 242), caps(format, 242, 322));
        let drawn = "text=Hello latency-clock=true time=2026-03-07T08:09:10Z masks=\"rect\\ 0.5\\ 0.5\\ 0.2\\ 0.2\"";
        // Turned twice and drawn on in place, or drawn on while it is turned the second time.
        let mut first = overlay("video-direction=90r", &turned);
        let upright = first.push_and_pull(test_frame(&turned)).unwrap();
        let in_place = pass(&mut overlay(drawn, &plain), upright.copy_deep().unwrap());
        let mut once = overlay(&format!("{drawn} video-direction=90r"), &turned);
        assert!(pass(&mut once, test_frame(&turned)) == in_place, "{format}");
        assert!(pixels(&upright, &out_info(&first)) != in_place, "{format}");
    }
}

#[test]
fn several_threads_make_the_same_picture() {
    for format in ["I420", "YUY2", "BGRx"] {
        let caps = caps(format, 640, 1080);
        let frame = test_frame(&caps);
        let properties =
            "video-direction=90r text=Hello masks=\"pixelate\\ rect\\ 0.2\\ 0.2\\ 0.5\\ 0.5\"";
        let one = pass(&mut overlay(properties, &caps), frame.copy());
        let four = pass(
            &mut overlay(&format!("{properties} threads=4"), &caps),
            frame,
        );
        assert!(one == four, "{format}");
    }
}

#[test]
fn turned_frames_come_from_a_pool() {
    let caps = caps("I420", 64, 48);
    let mut harness = overlay("video-direction=180", &caps);
    let mut addresses: Vec<_> = (0..20)
        .map(|_| {
            let out = harness.push_and_pull(grey_frame(&caps, 90)).unwrap();
            out.peek_memory(0).as_ptr() as usize
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert!(
        addresses.len() < 5,
        "{} buffers for frames that are used one by one",
        addresses.len()
    );
}

#[test]
fn padded_strides_and_plane_offsets_are_honoured() {
    let caps = caps("I420", 30, 18);
    let info = VideoInfo::from_caps(&caps).unwrap();
    init();
    let compact = test_frame(&caps);
    let mut padded = gst::Buffer::from_mut_slice(vec![7_u8; 4096]);
    gst_video::VideoMeta::add_full(
        padded.make_mut(),
        gst_video::VideoFrameFlags::empty(),
        gst_video::VideoFormat::I420,
        30,
        18,
        &[100, 1500, 2500],
        &[64, 48, 48],
    )
    .unwrap();
    let source = VideoFrameRef::from_buffer_ref_readable(&compact, &info).unwrap();
    let mut target = VideoFrameRef::from_buffer_ref_writable(padded.make_mut(), &info).unwrap();
    source.copy(&mut target).unwrap();
    drop((source, target));
    for properties in ["video-direction=90r", "text=Hi font-size=0.5"] {
        let expected = pass(&mut overlay(properties, &caps), compact.copy());
        assert!(pass(&mut overlay(properties, &caps), padded.copy_deep().unwrap()) == expected);
    }
}

#[test]
fn other_formats_are_refused() {
    let caps = caps("Y444", 64, 48);
    let mut harness = overlay("", &caps);
    let flow = harness.push(grey_frame(&caps, 90));
    assert_eq!(flow, Err(gst::FlowError::NotNegotiated));
}
