// SPDX-License-Identifier: MPL-2.0
//! A camera says who drove its robot, and of nobody but those who look or looked through it.

use porthole_protocol::drive::DriveReason;

use super::*;

fn begins(session: &str, began: u64) -> Value {
    json!({"type":"drive","sessionId":session,"began":began})
}

fn ends(session: &str, began: u64, ago: u64, reason: &str) -> Value {
    json!({"type":"drive","sessionId":session,"began":began,"end":{"ago":ago,"reason":reason}})
}

/// What was written down since the last look.
fn written(world: &mut World) -> Vec<Event> {
    std::mem::take(&mut world.happened)
}

fn in_session() -> World {
    let mut world = World::in_session();
    world.wait(60);
    written(&mut world);
    world
}

#[test]
fn who_drives_and_who_drove_is_written_down_with_the_times_of_day() {
    let mut world = in_session();
    world.say(CAMERA, begins("id2", 1_000));
    let (session, user, camera) = ("id2".to_owned(), "alice".to_owned(), "front".to_owned());
    let began = at(59);
    let started = Event::DriveStarted {
        session: session.clone(),
        user: user.clone(),
        camera: camera.clone(),
        began,
        missed: 0,
    };
    assert_eq!(written(&mut world), [started]);
    world.wait(10);
    world.say(CAMERA, ends("id2", 11_000, 2_000, "stalled"));
    let ended = Event::DriveEnded {
        session,
        user,
        camera,
        began,
        ended: at(68),
        reason: DriveReason::Stalled,
        missed: 0,
    };
    assert_eq!(written(&mut world), [ended]);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn the_end_counts_when_the_session_is_over_and_when_the_beginning_was_lost() {
    let mut world = in_session();
    world.say(ALICE, json!({"type":"endSession","sessionId":"id2"}));
    written(&mut world);
    world.say(CAMERA, ends("id2", 3_000, 0, "left"));
    let [Event::DriveEnded { user, reason, .. }] = &written(&mut world)[..] else {
        panic!("one end")
    };
    assert_eq!((user.as_str(), *reason), ("alice", DriveReason::Left));
}

#[test]
fn a_camera_that_is_back_says_again_who_drives_and_it_is_written_once() {
    let mut world = in_session();
    for began in [0, 5_000, 9_000] {
        world.say(CAMERA, begins("id2", began));
    }
    assert_eq!(written(&mut world).len(), 1);
}

#[test]
fn nobody_drove_before_the_session_nor_will_have() {
    let mut world = in_session();
    world.say(CAMERA, ends("id2", u64::MAX, u64::MAX, "given-up"));
    world.say(CAMERA, ends("id2", 0, 5_000, "of-the-future"));
    let times = written(&mut world).into_iter().map(|event| match event {
        Event::DriveEnded { began, ended, .. } => (began, ended),
        other => panic!("{other:?}"),
    });
    let times: Vec<_> = times.collect();
    assert_eq!(times, [(at(0), at(0)), (at(60), at(60))]);
}

#[test]
fn nobody_but_the_camera_itself_is_believed_and_only_of_its_own_sessions() {
    let mut world = in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.camera(LATER, "back");
    world.produce(LATER, true);
    world.start(BOB, "back");
    let bobs = world
        .room
        .sessions
        .iter()
        .find(|(_, s)| &*s.whose.user == "bob");
    let bobs = bobs.unwrap().0.clone();
    world.sent.clear();
    written(&mut world);
    for viewer in [ALICE, BOB] {
        world.say(viewer, begins("id2", 0));
        assert_eq!(world.only_to(viewer)["code"], "not-permitted");
    }
    for (camera, session) in [
        (CAMERA, bobs.as_str()),
        (LATER, "id2"),
        (CAMERA, "root"),
        (CAMERA, ""),
    ] {
        world.say(camera, begins(session, 0));
        world.say(camera, ends(session, 1, 0, "given-up"));
    }
    world.say(CAMERA, begins(&"x".repeat(60_000), 0));
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    assert_eq!(written(&mut world), []);
}

#[test]
fn a_flood_is_left_out_and_counted_and_another_cameras_word_is_written() {
    let mut world = in_session();
    world.camera(LATER, "back");
    world.produce(LATER, true);
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.start(BOB, "back");
    let bobs = world
        .room
        .sessions
        .iter()
        .find(|(_, s)| &*s.whose.user == "bob");
    let bobs = bobs.unwrap().0.clone();
    written(&mut world);
    for _ in 0..1_000 {
        world.say(CAMERA, ends("id2", 0, 0, "given-up"));
    }
    let some = written(&mut world).len();
    assert!((10..=100).contains(&some), "{some}");
    world.say(LATER, begins(&bobs, 0));
    assert_eq!(written(&mut world).len(), 1);
    world.wait(10);
    world.say(CAMERA, ends("id2", 0, 0, "given-up"));
    let [Event::DriveEnded { missed, .. }] = &written(&mut world)[..] else {
        panic!("one end")
    };
    assert_eq!(*missed as usize, 1_000 - some);
}

/// Whose drives ended since the last look, from when to when, and why.
fn ended(world: &mut World) -> Vec<(String, Timestamp, Timestamp, DriveReason)> {
    let ends = written(world).into_iter().filter_map(|event| match event {
        Event::DriveEnded {
            user,
            began,
            ended,
            reason,
            ..
        } => Some((user, began, ended, reason)),
        _ => None,
    });
    ends.collect()
}

#[test]
fn the_end_is_written_down_also_when_the_camera_dies_meanwhile() {
    let mut world = in_session();
    world.say(CAMERA, begins("id2", 1_000));
    world.gone(CAMERA);
    assert_eq!(ended(&mut world), [], "it may come back");
    world.wait(10);
    // Another process of the same camera, which knows of no session.
    world.camera(LATER, "front");
    world.produce(LATER, true);
    let end = ("alice".to_owned(), at(59), at(70), DriveReason::CameraGone);
    assert_eq!(ended(&mut world), [end]);
    // One that drove before and let go has no second end.
    let mut world = in_session();
    world.say(CAMERA, begins("id2", 1_000));
    world.say(CAMERA, ends("id2", 1_000, 0, "given-up"));
    world.gone(CAMERA);
    world.camera(LATER, "front");
    world.produce(LATER, true);
    assert_eq!(ended(&mut world).len(), 1);
}
