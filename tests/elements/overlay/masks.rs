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

/// The sentences of all warnings on a bus. Nothing worse may be there.
fn warnings(bus: &gst::Bus) -> Vec<String> {
    let kinds = [gst::MessageType::Error, gst::MessageType::Warning];
    std::iter::from_fn(|| bus.pop_filtered(&kinds))
        .map(|message| match message.view() {
            gst::MessageView::Warning(warning) => warning.error().message().to_owned(),
            other => panic!("{other:?}"),
        })
        .collect()
}

/// Whether nothing is to be seen of a grey frame.
fn is_covered(planes: &[Vec<u8>]) -> bool {
    planes[0].iter().all(|luma| *luma == 16) && planes[1..].iter().flatten().all(|c| *c == 128)
}

#[test]
fn a_mask_that_is_not_understood_while_playing_covers_the_whole_picture_until_it_is_corrected() {
    let (mut harness, element, bus) = element_with_bus();
    let wide = caps("I420", 64, 48);
    element.set_property("masks", "rect 0 0 1 0.5");
    harness.set_src_caps(wide.clone());
    assert!(!is_covered(&pass(&mut harness, grey_frame(&wide, 90))));
    element.set_property("masks", "rect 0 0 one 1");
    for _ in 0..3 {
        assert!(is_covered(&pass(&mut harness, grey_frame(&wide, 90))));
    }
    let told = warnings(&bus);
    assert_eq!(told.len(), 1, "{told:?}");
    for part in ["masks", "whole picture", "as in \"rect 0.7 0 0.3 0.25\""] {
        assert!(told[0].contains(part), "{part} in {}", told[0]);
    }
    // Nor does anything else bring the picture back.
    element.set_property_from_str("video-direction", "90r");
    assert!(is_covered(&pass(&mut harness, grey_frame(&wide, 90))));
    let small = caps("NV12", 32, 32);
    harness.set_src_caps(small.clone());
    assert!(is_covered(&pass(&mut harness, grey_frame(&small, 90))));
    assert_eq!(warnings(&bus), [""; 0]);
    // Another mistake is another warning.
    element.set_property("masks", "circle 0 0 1 1");
    assert!(is_covered(&pass(&mut harness, grey_frame(&small, 90))));
    assert_eq!(warnings(&bus).len(), 1);
    element.set_property("masks", "rect 0 0 1 0.5");
    let planes = pass(&mut harness, grey_frame(&small, 90));
    assert_eq!(changed(&planes[0], 32, 90), Some((0, 0, 31, 15)));
    assert_eq!(warnings(&bus), [""; 0]);
}

#[test]
fn a_mask_that_is_not_understood_covers_a_picture_that_had_none() {
    let (mut harness, element, bus) = element_with_bus();
    let caps = caps("I420", 64, 48);
    harness.set_src_caps(caps.clone());
    assert!(!is_covered(&pass(&mut harness, grey_frame(&caps, 90))));
    element.set_property("masks", "nonsense");
    assert!(is_covered(&pass(&mut harness, grey_frame(&caps, 90))));
    element.set_property("masks", None::<String>);
    assert!(
        pass(&mut harness, grey_frame(&caps, 90))[0]
            .iter()
            .all(|luma| *luma == 90)
    );
    assert_eq!(warnings(&bus).len(), 1);
}

/// Frames that are pushed while everything around them changes.
const RACING_FRAMES: usize = 1500;
/// So many at most, until every direction has come up.
const MOST_FRAMES: usize = 20 * RACING_FRAMES;

/// Masks, direction and negotiation change in threads of their own, the caps from frame to frame. Neither direction asked for is one
/// that the element would take by itself, so that a frame turned as nobody asked is seen.
#[test]
fn no_frame_shows_half_of_a_change() {
    use std::sync::atomic::{AtomicBool, Ordering};

    const MASKS: [&str; 2] = ["rect 0 0 0.5 1", "rect 0.5 0 0.5 1"];
    const DIRECTIONS: [&str; 2] = ["180", "90l"];
    let inputs: Vec<_> = [(66, 34), (34, 66), (48, 48)]
        .map(|(width, height)| caps("I420", width, height))
        .into_iter()
        .map(|caps| (test_frame(&caps), caps))
        .collect();
    let mut whole = Vec::new();
    for (frame, caps) in &inputs {
        for direction in DIRECTIONS {
            for masks in MASKS {
                let (mut harness, element, _bus) = element_with_bus();
                element.set_property_from_str("video-direction", direction);
                element.set_property("masks", masks);
                harness.set_src_caps(caps.clone());
                whole.push(pass(&mut harness, frame.copy()));
            }
        }
    }

    let (mut harness, element, _bus) = element_with_bus();
    element.set_property("masks", MASKS[0]);
    element.set_property_from_str("video-direction", DIRECTIONS[0]);
    let stop = AtomicBool::new(false);
    let until_stopped = |values: [&'static str; 2], set: &dyn Fn(&str)| {
        values
            .iter()
            .cycle()
            .take_while(|_| !stop.load(Ordering::Relaxed))
            .for_each(|value| set(value));
    };
    let mut seen = vec![0; whole.len()];
    let broken = std::thread::scope(|scope| {
        scope.spawn(|| until_stopped(MASKS, &|masks| element.set_property("masks", masks)));
        scope.spawn(|| {
            until_stopped(DIRECTIONS, &|direction| {
                element.set_property_from_str("video-direction", direction);
            });
        });
        scope.spawn(|| {
            until_stopped(["", ""], &|_| {
                let pad = element.static_pad("src").unwrap();
                pad.send_event(gst::event::Reconfigure::new());
                std::thread::yield_now();
            });
        });
        let mut broken = None;
        for i in 0..MOST_FRAMES {
            // A busy machine lets the other threads wait.
            if i >= RACING_FRAMES && seen[8..].iter().all(|count| *count > 0) {
                break;
            }
            let (frame, caps) = &inputs[i / 3 % inputs.len()];
            if i % 3 == 0 {
                harness.set_src_caps(caps.clone());
            }
            let out = pass(&mut harness, frame.copy());
            match whole.iter().position(|expected| *expected == out) {
                Some(place) => seen[place] += 1,
                None if is_covered(&out) => (),
                None => {
                    broken = Some(i);
                    break;
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        broken
    });
    assert_eq!(broken, None, "a frame with half of a change");
    // Otherwise nothing raced: a square picture turns without a new negotiation, so that all of its four come up.
    assert!(seen[8..].iter().all(|count| *count > 0), "{seen:?}");
}
