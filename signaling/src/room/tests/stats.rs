// SPDX-License-Identifier: MPL-2.0
//! Statistics go from one end of a session to the other, in good measure, and nowhere else.

use super::*;

fn from_viewer(session: &str, frames: u32) -> Value {
    json!({"type":"viewerStats","sessionId":session,"frames":frames,"freezes":0,"freezeSeconds":0.5})
}

fn from_camera(session: &str) -> Value {
    json!({"type":"sessionStats","sessionId":session,"rung":1,"rungs":3,"width":640,"height":360,
        "estimate":1_200_000,"sent":800_000,"loss":0.25,"rtt":0.5})
}

#[test]
fn they_go_from_one_end_to_the_other_as_they_are() {
    let mut world = World::in_session();
    world.say(ALICE, from_viewer("id2", 7));
    assert_eq!(world.only_to(CAMERA), from_viewer("id2", 7));
    let mut sized = from_viewer("id2", 0);
    (sized["width"], sized["height"]) = (json!(320), json!(180));
    world.say(ALICE, sized.clone());
    assert_eq!(world.only_to(CAMERA), sized);
    world.say(CAMERA, from_camera("id2"));
    assert_eq!(world.only_to(ALICE), from_camera("id2"));
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn each_end_speaks_for_itself_alone_and_in_its_own_sessions() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.camera(LATER, "back");
    world.produce(LATER, true);
    world.sent.clear();
    for (who, message) in [
        (BOB, from_viewer("id2", 7)),
        (BOB, from_camera("id2")),
        (ALICE, from_camera("id2")),
        (ALICE, from_viewer("id99", 7)),
        (ALICE, from_viewer(&"x".repeat(60_000), 7)),
    ] {
        world.say(who, message);
        assert_eq!(world.only_to(who)["code"], "no-such-session");
    }
    // To a camera it may be an ordinary end that crossed it on the wire.
    world.say(CAMERA, from_viewer("id2", 7));
    world.say(LATER, from_camera("id2"));
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn numbers_that_no_session_has_are_refused() {
    let mut world = World::in_session();
    for (field, bad) in [
        ("freezeSeconds", json!(-1)),
        ("freezeSeconds", json!(1e300)),
        // A size has two sides.
        ("width", json!(320)),
    ] {
        let mut stats = from_viewer("id2", 7);
        stats[field] = bad;
        world.say(ALICE, stats);
        assert_eq!(world.only_to(ALICE)["code"], "bad-message", "{field}");
    }
    for (field, bad) in [
        ("rung", json!(3)),
        ("width", json!(1_000_000)),
        ("loss", json!(1e300)),
        ("rtt", json!(-1)),
    ] {
        let mut stats = from_camera("id2");
        stats[field] = bad;
        world.say(CAMERA, stats);
        assert_eq!(world.only_to(CAMERA)["code"], "bad-message", "{field}");
    }
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn a_flood_is_lost_but_for_one_a_second_and_is_in_nobody_elses_way() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.start(BOB, "front");
    world.sent.clear();
    for second in 0..60 {
        for n in 0..1000 {
            world.say(ALICE, from_viewer("id2", n));
        }
        if second % 2 == 0 {
            world.say(BOB, from_viewer("id4", second));
        }
        world.now += Duration::from_secs(1);
    }
    assert!(world.to(ALICE).is_empty(), "a flood is not answered");
    let heard = world.to(CAMERA);
    let of = |id: &str| heard.iter().filter(|m| m["sessionId"] == id).count();
    assert_eq!((of("id2"), of("id4")), (62, 30));
    for _ in 0..1000 {
        world.say(CAMERA, from_camera("id2"));
    }
    assert_eq!(world.to(ALICE).len(), 3);
}

#[test]
fn who_has_not_announced_gets_none_and_is_asked_for_none() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.viewer(ALICE, rights("alice"));
    world.start(ALICE, "front");
    world.sent.clear();
    world.say(ALICE, from_viewer("id2", 7));
    world.say(CAMERA, from_camera("id2"));
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn what_is_said_to_an_end_that_is_away_is_lost() {
    let mut world = World::in_session();
    world.gone(ALICE);
    world.sent.clear();
    world.say(CAMERA, from_camera("id2"));
    world.alice_again(AGAIN);
    world.resume(AGAIN, "id2");
    world.gone(CAMERA);
    world.sent.clear();
    world.say(AGAIN, from_viewer("id2", 7));
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    let grant = world.grant(|_| ());
    world.front_again(LATER, &[("id2", grant, 500)]);
    world.sent.clear();
    world.say(LATER, from_camera("id2"));
    assert_eq!(world.only_to(AGAIN)["type"], "sessionStats");
    world.say(ALICE, from_viewer("id2", 7));
    assert!(
        world.sent.is_empty(),
        "a connection that is gone says nothing"
    );
}
