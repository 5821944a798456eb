// SPDX-License-Identifier: MPL-2.0
//! Privacy masks: what is hidden stays hidden, whatever else happens.

use super::*;

/// An element with a bus of its own.
fn element_with_bus() -> (Harness, gst::Element, gst::Bus) {
    init();
    let bus = gst::Bus::new();
    let harness = Harness::new("portholeoverlay");
    let element = harness.element().unwrap();
    element.set_bus(Some(&bus));
    (harness, element, bus)
}

#[test]
fn a_mask_hides_its_part_of_the_turned_picture() {
    let caps = caps("I420", 240, 320);
    let mut harness = overlay(
        "video-direction=90r masks=\"rect\\ 0.5\\ 0\\ 0.5\\ 0.5\"",
        &caps,
    );
    let planes = pass(&mut harness, grey_frame(&caps, 90));
    assert_eq!(changed(&planes[0], 320, 90), Some((160, 0, 319, 119)));
    assert!(planes[0].iter().all(|luma| [16, 90].contains(luma)));
}

#[test]
fn text_and_image_are_drawn_over_a_mask_not_under_it() {
    let caps = caps("I420", 320, 240);
    let mut harness = overlay("text=Hello masks=\"rect\\ 0\\ 0\\ 1\\ 1\"", &caps);
    let planes = pass(&mut harness, grey_frame(&caps, 90));
    assert!(planes[0].contains(&235) && !planes[0].contains(&90));
}

#[test]
fn a_mask_that_is_not_understood_refuses_to_start() {
    for bad in [
        "rect 0 0 1",
        "rect 0 0 2 2",
        "blur rect 0 0 1 1",
        "rect 10 10 100 100",
        "polygon 0,0 1,1",
    ] {
        let text = refusal("masks", bad);
        assert!(text.contains("masks"), "{text}");
    }
}

#[test]
fn a_mask_that_is_not_understood_while_playing_lets_no_frame_pass() {
    let (mut harness, element, bus) = element_with_bus();
    let caps = caps("I420", 64, 48);
    element.set_property("masks", "rect 0 0 1 1");
    harness.set_src_caps(caps.clone());
    pass(&mut harness, grey_frame(&caps, 90));
    element.set_property("masks", "rect 0 0 one 1");
    assert_eq!(
        harness.push(grey_frame(&caps, 90)),
        Err(gst::FlowError::Error)
    );
    assert!(harness.try_pull().is_none());
    assert!(error_text(&bus).contains("masks"));
    // A mask that is understood lets the element go on.
    element.set_property("masks", "rect 0 0 1 0.5");
    let planes = pass(&mut harness, grey_frame(&caps, 90));
    assert_eq!(changed(&planes[0], 64, 90), Some((0, 0, 63, 23)));
}

#[test]
fn no_frame_shows_half_of_a_change() {
    let (mut harness, element, _bus) = element_with_bus();
    let caps = caps("I420", 320, 240);
    harness.set_src_caps(caps.clone());
    let both = ["rect 0 0 0.5 1", "rect 0.5 0 0.5 1"];
    element.set_property("masks", both[0]);
    let expected = both.map(|masks| {
        let (mut harness, element, _bus) = element_with_bus();
        element.set_property("masks", masks);
        harness.set_src_caps(caps.clone());
        pass(&mut harness, grey_frame(&caps, 90))
    });
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            use std::sync::atomic::Ordering;
            for masks in both
                .iter()
                .cycle()
                .take_while(|_| !stop.load(Ordering::Relaxed))
            {
                element.set_property("masks", masks);
            }
        });
        for _ in 0..300 {
            let out = pass(&mut harness, grey_frame(&caps, 90));
            if !expected.contains(&out) {
                stop.store(true, std::sync::atomic::Ordering::Relaxed);
                panic!("a frame with neither mask whole");
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
