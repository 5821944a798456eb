// SPDX-License-Identifier: MPL-2.0
//! What the rest of a pipeline does to the element while it plays: controllers, quality of service, cameras that turn the picture
//! themselves.

use gst_controller::prelude::*;
use gst_video::{VideoCropMeta, VideoOrientationMethod, VideoRegionOfInterestMeta};

use super::*;

fn direction_event(name: &str, direction: VideoOrientationMethod) -> gst::Structure {
    gst::Structure::builder(name)
        .field("video-direction", direction)
        .build()
}

#[test]
fn the_interface_for_elements_that_turn_the_picture_is_there() {
    init();
    let element = gst::ElementFactory::make("portholeoverlay")
        .build()
        .unwrap();
    let interface = gst::glib::Type::from_name("GstVideoDirection").unwrap();
    assert!(element.type_().is_a(interface));
}

#[test]
fn a_controller_moves_a_property_with_the_time_of_the_stream() {
    let caps = caps("I420", 320, 240);
    let mut harness = overlay("text=██ background=0 font-size=0.3 margin=0.05", &caps);
    let element = element(&harness);
    let source = gst_controller::InterpolationControlSource::new();
    source.set_mode(gst_controller::InterpolationMode::Linear);
    // A controller's values go from 0 to 1 over the property's range.
    source.set(gst::ClockTime::ZERO, 0.0);
    source.set(gst::ClockTime::SECOND, 1.0);
    let binding = gst_controller::DirectControlBinding::new(&element, "margin", &source);
    element.add_control_binding(&binding).unwrap();
    let mut tops = [0, 200, 400].map(|ms| {
        let mut frame = grey_frame(&caps, 90);
        frame.make_mut().set_pts(gst::ClockTime::from_mseconds(ms));
        changed(&pass(&mut harness, frame)[0], 320, 90).unwrap().1
    });
    let growing = tops;
    tops.sort_unstable();
    assert_eq!(tops, growing);
    assert!(tops[0] + 20 < tops[1] && tops[1] + 20 < tops[2], "{tops:?}");
}

#[test]
fn frames_that_come_too_late_are_not_painted() {
    let caps = caps("I420", 64, 48);
    let mut harness = overlay("video-direction=180", &caps);
    pass(&mut harness, grey_frame(&caps, 90));
    let late = gst::event::Qos::new(
        gst::QOSType::Underflow,
        2.0,
        1_000_000_000,
        Some(gst::ClockTime::SECOND),
    );
    harness.push_upstream_event(late);
    assert!(harness.push(grey_frame(&caps, 90)).is_ok());
    assert!(harness.try_pull().is_none());
    let mut frame = grey_frame(&caps, 90);
    frame.make_mut().set_pts(gst::ClockTime::from_seconds(9));
    pass(&mut harness, frame);
}

#[test]
fn regions_and_crops_turn_with_the_picture() {
    let caps = caps("I420", 64, 48);
    let mut harness = overlay("video-direction=90r", &caps);
    let mut frame = grey_frame(&caps, 90);
    {
        let frame = frame.make_mut();
        let mut region = VideoRegionOfInterestMeta::add(frame, "face", (4, 6, 10, 12));
        region.add_param(gst::Structure::builder("found").field("score", 0.5).build());
        VideoCropMeta::add(frame, (0, 0, 32, 48));
    }
    let out = harness.push_and_pull(frame).unwrap();
    let region = out.meta::<VideoRegionOfInterestMeta>().unwrap();
    assert_eq!(
        (region.roi_type(), region.rect()),
        ("face", (48 - 6 - 12, 4, 12, 10))
    );
    assert_eq!(region.param("found").unwrap().get::<f64>("score"), Ok(0.5));
    assert_eq!(out.meta::<VideoCropMeta>().unwrap().rect(), (0, 0, 48, 32));
}

#[test]
fn regions_stay_where_they_are_when_the_picture_does() {
    let caps = caps("I420", 64, 48);
    let mut harness = overlay("text=Hi", &caps);
    let mut frame = grey_frame(&caps, 90);
    VideoRegionOfInterestMeta::add(frame.make_mut(), "face", (4, 6, 10, 12));
    let out = harness.push_and_pull(frame).unwrap();
    assert_eq!(out.iter_meta::<VideoRegionOfInterestMeta>().count(), 1);
    assert_eq!(
        out.meta::<VideoRegionOfInterestMeta>().unwrap().rect(),
        (4, 6, 10, 12)
    );
}

#[test]
fn a_camera_is_asked_to_turn_the_picture() {
    let caps = caps("I420", 64, 48);
    let mut harness = overlay("video-direction=180", &caps);
    pass(&mut harness, grey_frame(&caps, 90));
    element(&harness).set_property_from_str("video-direction", "horiz");
    let asked: Vec<_> = std::iter::from_fn(|| harness.try_pull_upstream_event())
        .filter_map(|event| {
            let structure = event.structure().filter(|s| s.name() == "porthole/turn")?;
            structure
                .get::<VideoOrientationMethod>("video-direction")
                .ok()
        })
        .collect();
    assert_eq!(
        asked,
        [VideoOrientationMethod::_180, VideoOrientationMethod::Horiz]
    );
}

#[test]
fn a_camera_is_asked_for_what_the_tag_says_when_that_is_to_be_followed() {
    let caps = caps("I420", 64, 48);
    let mut harness = overlay("video-direction=auto", &caps);
    pass(&mut harness, grey_frame(&caps, 90));
    let mut tags = gst::TagList::new();
    tags.make_mut()
        .add::<gst::tags::ImageOrientation>(&"rotate-180", gst::TagMergeMode::Replace);
    assert!(harness.push_event(gst::event::Tag::new(tags)));
    let asked = std::iter::from_fn(|| harness.try_pull_upstream_event()).filter_map(|event| {
        let structure = event.structure().filter(|s| s.name() == "porthole/turn")?;
        structure
            .get::<VideoOrientationMethod>("video-direction")
            .ok()
    });
    assert_eq!(asked.last(), Some(VideoOrientationMethod::_180));
}

#[test]
fn what_a_camera_has_turned_is_not_turned_again() {
    let caps = caps("I420", 66, 34);
    init();
    let frame = test_frame(&caps);
    let mut harness = overlay("video-direction=180", &caps);
    let turned = pass(&mut harness, frame.copy());
    let done = direction_event("porthole/turned", VideoOrientationMethod::_180);
    assert!(harness.push_event(gst::event::CustomDownstreamSticky::new(done)));
    let address = frame.as_ptr();
    let out = harness.push_and_pull(frame.clone()).unwrap();
    assert_eq!(out.as_ptr(), address, "there is nothing left to do");
    // Another overlay further on has its own direction.
    let passed_on = std::iter::from_fn(|| harness.try_pull_event()).any(|event| {
        event
            .structure()
            .is_some_and(|s| s.name() == "porthole/turned")
    });
    assert!(!passed_on);
    // The camera does the half: the other half remains.
    let done = direction_event("porthole/turned", VideoOrientationMethod::Vert);
    harness.push_event(gst::event::CustomDownstreamSticky::new(done));
    let mut half = overlay("video-direction=horiz", &caps);
    assert!(pass(&mut harness, frame.copy()) == pass(&mut half, frame.copy()));
    // A quarter of the way there.
    let done = direction_event("porthole/turned", VideoOrientationMethod::_90r);
    harness.push_event(gst::event::CustomDownstreamSticky::new(done));
    let mut quarter = overlay("video-direction=90r", &caps);
    assert!(pass(&mut harness, frame.copy()) == pass(&mut quarter, frame.copy()));
    let done = direction_event("porthole/turned", VideoOrientationMethod::Identity);
    harness.push_event(gst::event::CustomDownstreamSticky::new(done));
    assert!(pass(&mut harness, frame) == turned);
}
