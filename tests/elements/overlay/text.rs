// SPDX-License-Identifier: MPL-2.0
//! Text on the picture.

use super::*;

#[test]
fn text_is_drawn_at_its_anchor_only() {
    let caps = caps("I420", 640, 480);
    for (i, position) in [
        "top-left",
        "top",
        "top-right",
        "left",
        "center",
        "right",
        "bottom-left",
        "bottom",
        "bottom-right",
    ]
    .into_iter()
    .enumerate()
    {
        let mut harness = overlay(&format!("text=Hi position={position}"), &caps);
        let luma = &pass(&mut harness, grey_frame(&caps, 90))[0];
        let (left, top, right, bottom) = changed(luma, 640, 90).unwrap();
        let (column, row) = (i % 3, i / 3);
        assert!(
            left >= column * 640 / 3 && right < (column + 1) * 640 / 3,
            "{position}"
        );
        assert!(
            top >= row * 480 / 3 && bottom < (row + 1) * 480 / 3,
            "{position}"
        );
    }
}

#[test]
fn text_is_upright_on_a_turned_picture() {
    let plain = caps("I420", 240, 320);
    let turned = caps("I420", 320, 240);
    let mut upright = overlay("text=Hello", &plain);
    let mut after_turn = overlay("text=Hello video-direction=90r", &turned);
    assert!(
        pass(&mut upright, grey_frame(&plain, 90))
            == pass(&mut after_turn, grey_frame(&turned, 90))
    );
}

#[test]
fn text_has_the_color_that_was_asked_for() {
    let caps = caps("I420", 320, 240);
    let mut harness = overlay(
        "text=███ color=0xffff0000 background=0 font-size=0.2",
        &caps,
    );
    let planes = pass(&mut harness, grey_frame(&caps, 128));
    // Red in BT.601, which this size implies.
    assert!(planes[0].contains(&81) && planes[1].contains(&90) && planes[2].contains(&240));
}

#[test]
fn viewers_and_camera_change_with_the_demand_event_which_goes_on_upstream() {
    let caps = caps("I420", 320, 240);
    let frame = grey_frame(&caps, 90);
    let mut expected = overlay("text=\"3\\ Front\\ door\"", &caps);
    let expected = pass(&mut expected, frame.copy());
    let mut harness = overlay("text=\"{viewers}\\ {camera}\"", &caps);
    assert!(pass(&mut harness, frame.copy()) != expected);
    assert!(harness.push_upstream_event(demand(3, "Front door")));
    assert!(pass(&mut harness, frame) == expected);
    let seen = std::iter::from_fn(|| harness.try_pull_upstream_event()).any(|event| {
        event
            .structure()
            .is_some_and(|s| s.name() == "porthole/demand")
    });
    assert!(seen);
}

#[test]
fn the_title_tag_names_the_camera_until_a_demand_event_does() {
    let caps = caps("I420", 320, 240);
    let frame = grey_frame(&caps, 90);
    let mut expected = overlay("text=Garage", &caps);
    let expected = pass(&mut expected, frame.copy());
    let mut harness = overlay("text={camera}", &caps);
    let mut tags = gst::TagList::new();
    tags.make_mut()
        .add::<gst::tags::Title>(&"Garage", gst::TagMergeMode::Replace);
    assert!(harness.push_event(gst::event::Tag::new(tags)));
    assert!(pass(&mut harness, frame) == expected);
}

#[test]
fn res_and_fps_are_those_of_the_turned_stream() {
    let source = caps("I420", 320, 240);
    let plain = caps("I420", 240, 320);
    let mut expected = overlay("text=\"240x320\\ 25\"", &plain);
    let mut harness = overlay("video-direction=90l text=\"{res}\\ {fps}\"", &source);
    assert!(
        pass(&mut harness, grey_frame(&source, 90)) == pass(&mut expected, grey_frame(&plain, 90))
    );
}

#[test]
fn a_bad_time_format_is_shown_as_written_and_warned_of_once() {
    let caps = caps("I420", 320, 240);
    init();
    let bus = gst::Bus::new();
    let mut harness = Harness::new("portholeoverlay");
    let element = element(&harness);
    element.set_bus(Some(&bus));
    element.set_property("text", "50%!");
    harness.set_src_caps(caps.clone());
    let shown = pass(&mut harness, grey_frame(&caps, 90));
    pass(&mut harness, grey_frame(&caps, 90));
    let mut literal = overlay("text=\"50%%!\"", &caps);
    assert!(shown == pass(&mut literal, grey_frame(&caps, 90)));
    let warnings = std::iter::from_fn(|| bus.pop_filtered(&[gst::MessageType::Warning]));
    assert_eq!(warnings.count(), 1);
}

#[test]
fn a_fixed_time_is_shown_in_its_zone() {
    let caps = caps("I420", 320, 240);
    let mut expected = overlay("text=\"09:09:10\\ 2026-03-07\"", &caps);
    let expected = pass(&mut expected, grey_frame(&caps, 90));
    let fixed = "text=\"%H:%M:%S\\ %Y-%m-%d\" time=2026-03-07T08:09:10Z time-zone=Europe/Berlin";
    let mut harness = overlay(fixed, &caps);
    assert!(pass(&mut harness, grey_frame(&caps, 90)) == expected);
    element(&harness).set_property("time-zone", "UTC");
    assert!(pass(&mut harness, grey_frame(&caps, 90)) != expected);
}

#[test]
fn a_font_size_of_1_or_more_is_in_pixels() {
    let caps = caps("I420", 320, 240);
    let mut pixels = overlay("text=Hello font-size=24", &caps);
    let mut fraction = overlay("text=Hello font-size=0.1", &caps);
    assert!(pass(&mut pixels, grey_frame(&caps, 90)) == pass(&mut fraction, grey_frame(&caps, 90)));
}

#[test]
fn what_is_not_understood_refuses_to_start_and_names_the_property() {
    for (property, value) in [
        ("font", "No Such Family"),
        ("font", "/nowhere.ttf"),
        ("time-zone", "Mars/Base"),
        ("time", "noon"),
    ] {
        let text = refusal(property, value);
        assert!(text.contains(property) && text.contains(value), "{text}");
    }
}

#[test]
fn a_text_wider_than_the_picture_is_wrapped() {
    let caps = caps("I420", 320, 240);
    let box_of = |text: &str| {
        let mut harness = overlay(&format!("text=\"{text}\""), &caps);
        changed(&pass(&mut harness, grey_frame(&caps, 90))[0], 320, 90).unwrap()
    };
    let (_, _, _, one_line) = box_of("hello");
    let (left, _, right, bottom) = box_of(&"hello\\ ".repeat(20));
    assert!(left > 0 && right < 319 && bottom > one_line * 3 / 2);
}
