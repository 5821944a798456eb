// SPDX-License-Identifier: MPL-2.0
//! Each reason for which there is no picture.

use std::time::{Duration, Instant};

use super::{BACK, SLATE, Stage};

/// stall-timeout as the tests have it.
const STALL: Duration = Duration::from_secs(1);

/// A camera that does `text` from the start, for `reason`, and then is well.
fn from_the_start(name: &'static str, text: Option<&str>, reason: &str, extra: Duration) {
    let (mut stage, start) = Stage::playing(name, text, "stall-timeout=1");
    stage.slate_within(start, Duration::ZERO);
    stage.hear_reason(reason);
    println!("{name}: {reason} after {:?}", start.elapsed());
    let start = stage.set("ok");
    stage.live_within(start, BACK + extra);
    stage.scene.hear("porthole/camera", "state", "live");
    stage.end();
}

/// A camera that is live, fails for `reason` as `fail` has it, and then is well.
fn while_live(name: &'static str, reason: &str, extra: Duration, fail: impl Fn(&Stage) -> Instant) {
    let mut stage = Stage::live(name, "stall-timeout=1");
    stage.scene.hear("porthole/camera", "state", "live");
    let start = fail(&stage);
    stage.hear_reason(reason);
    stage.slate_within(start, extra);
    let start = stage.set("ok");
    stage.live_within(start, BACK);
    stage.scene.hear("porthole/camera", "state", "live");
    stage.end();
}

#[test]
fn a_camera_that_is_not_there_is_missing_until_it_is_plugged_in() {
    from_the_start("never-there", None, "missing", Duration::ZERO);
}

#[test]
fn a_camera_that_another_program_has_is_busy_until_that_lets_go() {
    from_the_start("taken", Some("busy"), "busy", Duration::ZERO);
}

#[test]
fn a_camera_that_may_not_be_opened_is_denied_until_it_may() {
    from_the_start("forbidden", Some("denied"), "denied", Duration::ZERO);
}

#[test]
fn a_camera_whose_driver_fails_has_failed_until_it_works() {
    from_the_start("faulty", Some("error"), "failed", Duration::ZERO);
}

#[test]
fn a_camera_that_never_gives_a_picture_is_stalled_until_it_does() {
    from_the_start("mute", Some("stall"), "stalled", Duration::ZERO);
}

#[test]
fn a_camera_that_is_unplugged_has_gone_until_it_is_plugged_in_again() {
    while_live("pulled", "gone", Duration::ZERO, Stage::unplug);
}

#[test]
fn a_running_camera_whose_driver_fails_has_failed_until_it_works() {
    while_live("breaking", "failed", Duration::ZERO, |stage| {
        stage.set("error")
    });
}

#[test]
fn a_running_camera_that_gives_no_more_pictures_is_stalled_until_it_does() {
    while_live("freezing", "stalled", STALL, |stage| stage.set("stall"));
}

#[test]
fn a_camera_that_ends_its_stream_has_gone_and_does_not_end_ours() {
    while_live("ending", "gone", Duration::ZERO, |stage| stage.set("eos"));
}

#[test]
fn a_camera_that_is_away_for_a_while_is_back_as_soon_as_one_that_was_away_for_a_moment() {
    let mut stage = Stage::live("away", "");
    let start = stage.unplug();
    stage.slate_within(start, Duration::ZERO);
    stage.hear_reason("missing");
    // Slates that follow each other, while it is tried again and again.
    stage.eye.wait_more(5);
    let start = stage.set("ok");
    stage.live_within(start, BACK);
    stage.end();
}

#[test]
fn a_camera_that_is_slow_to_open_shows_the_slate_meanwhile_and_is_not_lost() {
    let (mut stage, start) = Stage::playing("slow", Some("slow=1500"), "");
    stage.slate_within(start, Duration::ZERO);
    stage.live_within(start, Duration::from_millis(1500) * 2 + SLATE);
    let said = stage.scene.all_said("porthole/camera");
    let states: Vec<String> = said.iter().map(|s| s.get("state").unwrap()).collect();
    assert!(!states.iter().any(|state| state == "lost"), "{states:?}");
    stage.end();
}

#[test]
fn a_camera_that_comes_back_with_other_modes_is_shown_in_the_size_it_had() {
    let stage = Stage::live("resized", "");
    let start = stage.set("size=1280x720");
    // Until then the old size was on its way.
    stage.eye.wait(start, "a slate", |seen| !seen.live);
    stage.live_within(start, BACK);
    let caps = &stage.eye.all()[0].caps;
    let structure = caps.structure(0).unwrap();
    assert_eq!(structure.get("width"), Ok(640));
    // It looks at all caps.
    stage.end();
}

#[test]
fn a_camera_whose_pictures_are_damaged_shows_the_slate_and_is_back_with_the_first_good_one() {
    let usb = |text: &str| format!("modes=usb {text}");
    // The mode that only JPEG reaches.
    let stage = Stage::new(
        "damaged",
        Some(&usb("")),
        "stall-timeout=1 width=1280 height=720 framerate=30/1",
    );
    let start = Instant::now();
    stage.scene.set(gst::State::Playing);
    stage.live_within(start, BACK);
    let start = stage.set(&usb("damaged"));
    stage.slate_within(start, Duration::from_secs(1));
    let start = stage.set(&usb(""));
    stage.live_within(start, BACK);
    stage.end();
}
