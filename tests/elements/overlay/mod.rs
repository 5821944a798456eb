// SPDX-License-Identifier: MPL-2.0
//! `portholeoverlay` as a pipeline sees it.

mod clock;
mod formats;
mod image;
mod masks;
mod playing;
mod text;

use gst::prelude::*;
use gst_check::Harness;
use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};

const DIRECTIONS: [&str; 8] = [
    "identity", "90r", "180", "90l", "horiz", "vert", "ul-lr", "ur-ll",
];

fn init() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        gst::init().unwrap();
        gstporthole::plugin_register_static().unwrap();
    });
}

fn caps(format: &str, width: u32, height: u32) -> gst::Caps {
    init();
    gst::Caps::builder("video/x-raw")
        .field("format", format)
        .field("width", width as i32)
        .field("height", height as i32)
        .field("framerate", gst::Fraction::new(25, 1))
        .build()
}

/// A colourful frame that no orientation but identity leaves as it is.
fn test_frame(caps: &gst::Caps) -> gst::Buffer {
    let mut source = Harness::new_parse(&format!(
        "videotestsrc num-buffers=1 ! capsfilter caps=\"{caps}\""
    ));
    source.play();
    source.pull().unwrap()
}

/// A frame with the same value in all bytes.
fn grey_frame(caps: &gst::Caps, value: u8) -> gst::Buffer {
    let info = VideoInfo::from_caps(caps).unwrap();
    let mut buffer = gst::Buffer::from_mut_slice(vec![value; info.size()]);
    buffer.make_mut().set_pts(gst::ClockTime::ZERO);
    buffer
}

fn overlay(properties: &str, caps: &gst::Caps) -> Harness {
    init();
    let mut harness = Harness::new_parse(&format!("portholeoverlay {properties}"));
    harness.set_src_caps(caps.clone());
    harness
}

fn element(harness: &Harness) -> gst::Element {
    let bin = harness.element().unwrap();
    match bin.downcast::<gst::Bin>() {
        Ok(bin) => bin.children().into_iter().next().unwrap(),
        Err(element) => element,
    }
}

/// What an element says that does not start because of a property.
fn refusal(property: &str, value: &str) -> String {
    init();
    let bus = gst::Bus::new();
    let element = gst::ElementFactory::make("portholeoverlay")
        .property(property, value)
        .build()
        .unwrap();
    element.set_bus(Some(&bus));
    assert!(
        element.set_state(gst::State::Paused).is_err(),
        "{property}={value}"
    );
    element.set_state(gst::State::Null).unwrap();
    error_text(&bus)
}

fn error_text(bus: &gst::Bus) -> String {
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else {
        panic!("not an error");
    };
    error.error().message().to_owned()
}

fn out_info(harness: &Harness) -> VideoInfo {
    let caps = harness.sinkpad().unwrap().current_caps().unwrap();
    VideoInfo::from_caps(&caps).unwrap()
}

/// The pixels of all planes, without padding.
fn pixels(buffer: &gst::Buffer, info: &VideoInfo) -> Vec<Vec<u8>> {
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, info).unwrap();
    (0..frame.n_planes())
        .map(|plane| {
            let stride = frame.plane_stride()[plane as usize] as usize;
            let bytes = (frame.comp_width(plane) * frame.comp_pstride(plane) as u32) as usize;
            frame
                .plane_data(plane)
                .unwrap()
                .chunks(stride)
                .take(frame.comp_height(plane) as usize)
                .flat_map(|row| row[..bytes].to_vec())
                .collect()
        })
        .collect()
}

fn pass(harness: &mut Harness, buffer: gst::Buffer) -> Vec<Vec<u8>> {
    let out = harness.push_and_pull(buffer).unwrap();
    pixels(&out, &out_info(harness))
}

/// The box of pixels in a plane that are not `value`: left, top, right, bottom.
fn changed(luma: &[u8], width: usize, value: u8) -> Option<(usize, usize, usize, usize)> {
    let hits = luma.iter().enumerate().filter(|(_, y)| **y != value);
    hits.map(|(i, _)| (i % width, i / width))
        .fold(None, |area, (x, y)| {
            let (left, top, right, bottom) = area.unwrap_or((x, y, x, y));
            Some((left.min(x), top.min(y), right.max(x), bottom.max(y)))
        })
}

fn demand(viewers: u32, camera: &str) -> gst::Event {
    let structure = gst::Structure::builder("porthole/demand")
        .field("viewers", viewers)
        .field("active", viewers > 0)
        .field("camera", camera)
        .build();
    gst::event::CustomUpstream::new(structure)
}

#[test]
fn identity_without_text_passes_the_very_same_buffer() {
    let caps = caps("I420", 64, 48);
    let mut harness = overlay("", &caps);
    let frame = grey_frame(&caps, 90);
    let address = frame.as_ptr();
    let shared = frame.clone();
    let out = harness.push_and_pull(frame).unwrap();
    assert_eq!(out.as_ptr(), address);
    assert_eq!(shared.as_ptr(), address);
}

#[test]
fn a_writable_buffer_is_drawn_on_in_place() {
    let caps = caps("NV12", 320, 240);
    let mut harness = overlay("text=Hello", &caps);
    let frame = grey_frame(&caps, 90);
    let memory = frame.peek_memory(0).as_ptr();
    let out = harness.push_and_pull(frame).unwrap();
    assert_eq!(out.peek_memory(0).as_ptr(), memory);
    assert!(changed(&pixels(&out, &out_info(&harness))[0], 320, 90).is_some());
}

#[test]
fn a_shared_buffer_is_left_as_it_is_when_text_is_drawn() {
    let caps = caps("I420", 320, 240);
    let mut harness = overlay("text=Hello", &caps);
    let frame = grey_frame(&caps, 90);
    let kept = frame.clone();
    let out = pass(&mut harness, frame);
    assert!(changed(&out[0], 320, 90).is_some());
    assert!(kept.map_readable().unwrap().iter().all(|byte| *byte == 90));
}

#[test]
fn auto_follows_the_orientation_tag_and_tells_downstream_that_it_did() {
    let caps = caps("I420", 64, 48);
    let mut harness = overlay("video-direction=auto", &caps);
    pass(&mut harness, grey_frame(&caps, 90));
    let mut tags = gst::TagList::new();
    tags.make_mut()
        .add::<gst::tags::ImageOrientation>(&"rotate-90", gst::TagMergeMode::Replace);
    assert!(harness.push_event(gst::event::Tag::new(tags)));
    pass(&mut harness, grey_frame(&caps, 90));
    assert_eq!(
        (out_info(&harness).width(), out_info(&harness).height()),
        (48, 64)
    );
    let told: Vec<_> = std::iter::from_fn(|| harness.try_pull_event())
        .filter_map(|event| match event.view() {
            gst::EventView::Tag(tag) => tag
                .tag()
                .get::<gst::tags::ImageOrientation>()
                .map(|value| value.get().to_owned()),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["rotate-0"]);
}

#[test]
fn every_property_changes_while_playing() {
    let caps = caps("NV12", 640, 480);
    let mut harness = overlay("", &caps);
    let element = element(&harness);
    let mut last = pass(&mut harness, grey_frame(&caps, 90));
    for (name, value) in [
        ("text", "Hello"),
        ("font-size", "0.1"),
        ("color", "0xffff0000"),
        ("background", "0xff00ff00"),
        ("position", "center"),
        ("latency-clock", "true"),
        ("video-direction", "90r"),
        ("position", "right"),
        ("margin", "0.2"),
        ("text", "Bye"),
    ] {
        element.set_property_from_str(name, value);
        let now = pass(&mut harness, grey_frame(&caps, 90));
        assert!(now != last, "{name}={value}");
        last = now;
    }
}

#[test]
fn a_direction_set_while_playing_turns_the_next_frame() {
    let caps = caps("I420", 66, 34);
    init();
    let frame = test_frame(&caps);
    let mut changing = overlay("", &caps);
    let element = element(&changing);
    for direction in ["180", "90r", "ur-ll", "horiz", "90l", "identity", "vert"] {
        element.set_property_from_str("video-direction", direction);
        let mut fresh = overlay(&format!("video-direction={direction}"), &caps);
        assert!(
            pass(&mut changing, frame.copy()) == pass(&mut fresh, frame.copy()),
            "{direction}"
        );
    }
}

#[test]
fn a_square_picture_turns_although_its_caps_stay() {
    let caps = caps("I420", 48, 48);
    init();
    let frame = test_frame(&caps);
    let mut changing = overlay("", &caps);
    let before = pass(&mut changing, frame.copy());
    element(&changing).set_property_from_str("video-direction", "90r");
    let after = pass(&mut changing, frame.copy());
    assert!(before != after);
    let mut fresh = overlay("video-direction=90r", &caps);
    assert!(after == pass(&mut fresh, frame));
}

#[test]
fn timestamps_flags_and_metas_are_kept() {
    let caps = caps("I420", 64, 48);
    for properties in ["", "text=Hi", "video-direction=90r"] {
        let mut harness = overlay(properties, &caps);
        let mut frame = grey_frame(&caps, 90);
        {
            let frame = frame.make_mut();
            frame.set_pts(gst::ClockTime::from_mseconds(40));
            frame.set_duration(gst::ClockTime::from_mseconds(20));
            frame.set_flags(gst::BufferFlags::MARKER);
            let reference = gst::Caps::builder("timestamp/x-unix").build();
            gst::ReferenceTimestampMeta::add(frame, &reference, gst::ClockTime::SECOND, None);
        }
        let out = harness.push_and_pull(frame).unwrap();
        assert_eq!(out.pts(), Some(gst::ClockTime::from_mseconds(40)));
        assert_eq!(out.duration(), Some(gst::ClockTime::from_mseconds(20)));
        assert!(out.flags().contains(gst::BufferFlags::MARKER));
        let meta = out.meta::<gst::ReferenceTimestampMeta>().unwrap();
        assert_eq!(meta.timestamp(), gst::ClockTime::SECOND);
    }
}

#[test]
fn a_quarter_turn_swaps_the_pixel_aspect_ratio() {
    let mut caps = caps("I420", 64, 48);
    caps.make_mut()
        .set("pixel-aspect-ratio", gst::Fraction::new(16, 11));
    let mut harness = overlay("video-direction=90l", &caps);
    pass(&mut harness, grey_frame(&caps, 90));
    assert_eq!(out_info(&harness).par(), gst::Fraction::new(11, 16));
}

#[test]
fn interlaced_video_is_refused_with_advice() {
    let mut caps = caps("I420", 64, 48);
    caps.make_mut().set("interlace-mode", "interleaved");
    init();
    let bus = gst::Bus::new();
    let mut harness = Harness::new("portholeoverlay");
    element(&harness).set_bus(Some(&bus));
    harness.set_src_caps(caps.clone());
    assert!(harness.push(grey_frame(&caps, 90)).is_err());
    let message = bus.pop_filtered(&[gst::MessageType::Error]).unwrap();
    let gst::MessageView::Error(error) = message.view() else {
        panic!("not an error");
    };
    assert!(error.error().matches(gst::StreamError::Format));
    let text = error.error().message().to_owned();
    assert!(text.contains("put a deinterlace element"), "{text}");
}

#[test]
fn a_pointer_is_moved_to_where_it_is_in_the_source() {
    let caps = caps("I420", 320, 240);
    let mut harness = overlay("video-direction=horiz", &caps);
    pass(&mut harness, grey_frame(&caps, 90));
    let structure = gst::Structure::builder("application/x-gst-navigation")
        .field("event", "mouse-move")
        .field("pointer_x", 20.0)
        .field("pointer_y", 30.0)
        .build();
    assert!(harness.push_upstream_event(gst::event::Navigation::new(structure)));
    let moved = std::iter::from_fn(|| harness.try_pull_upstream_event())
        .find(|event| event.type_() == gst::EventType::Navigation)
        .unwrap();
    let structure = moved.structure().unwrap();
    assert_eq!(structure.get::<f64>("pointer_x"), Ok(300.0));
    assert_eq!(structure.get::<f64>("pointer_y"), Ok(30.0));
}

#[test]
fn video_direction_is_declared_as_videoflip_declares_it() {
    init();
    let property = |factory: &str| {
        let element = gst::ElementFactory::make(factory).build().unwrap();
        let property = element.find_property("video-direction").unwrap();
        property.value_type()
    };
    assert_eq!(property("portholeoverlay"), property("videoflip"));
}
