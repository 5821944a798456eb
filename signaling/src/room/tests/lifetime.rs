// SPDX-License-Identifier: MPL-2.0
//! A session outlives its viewer's connection for a while, and never its terms.

use super::*;

#[test]
fn a_viewer_that_comes_back_has_its_session_again_and_the_camera_hears_nothing() {
    let mut world = World::in_session();
    world.gone(ALICE);
    world.wait(10);
    world.alice_again(AGAIN);
    world.resume(AGAIN, "id2");
    let resumed = json!({
        "type":"sessionResumed","sessionId":"id2","peerId":"front",
        "terms":{"lease":590,"perms":["view","listen"]}
    });
    assert_eq!(world.only_to(AGAIN), resumed);
    assert!(world.to(CAMERA).is_empty());
    world.say(CAMERA, sdp("id2"));
    assert_eq!(world.only_to(AGAIN), sdp("id2"));
    world.say(AGAIN, sdp("id2"));
    assert_eq!(world.only_to(CAMERA), sdp("id2"));
    world.wait(100);
    assert_eq!(world.sessions(), 1, "nobody waits for it any more");
}

#[test]
fn a_session_without_its_viewer_ends_after_thirty_seconds() {
    let mut world = World::in_session();
    world.gone(ALICE);
    assert_eq!(world.room.next_deadline(), Some(world.now + VIEWER_RETURN));
    world.wait(29);
    assert!(world.to(CAMERA).is_empty());
    world.wait(1);
    assert_eq!(world.only_to(CAMERA), end("id2", "viewer-left"));
    assert_eq!((world.sessions(), world.room.next_deadline()), (0, None));
    world.alice_again(AGAIN);
    world.resume(AGAIN, "id2");
    assert_eq!(world.only_to(AGAIN), end("id2", "viewer-left"));
}

#[test]
fn an_end_that_is_said_takes_effect_at_once() {
    let mut world = World::in_session();
    world.say(ALICE, json!({"type":"endSession","sessionId":"id2"}));
    assert_eq!(world.only_to(CAMERA), end("id2", "viewer-left"));
    assert_eq!(world.sessions(), 0);
}

#[test]
fn what_is_said_while_an_end_is_away_is_lost_without_an_error() {
    let mut world = World::in_session();
    world.gone(ALICE);
    world.say(CAMERA, sdp("id2"));
    world.alice_again(AGAIN);
    world.resume(AGAIN, "id2");
    world.gone(CAMERA);
    world.sent.clear();
    world.say(AGAIN, sdp("id2"));
    assert!(world.sent.is_empty());
}

#[test]
fn nobody_takes_a_session_without_its_secret_or_as_another_user() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.viewer(AGAIN, Rights::guest());
    world.announce(AGAIN);
    world.sent.clear();
    let (right, other) = (world.secret("id2"), world.secret("id3"));
    let cases = [
        (BOB, "front", right.as_str()),
        (AGAIN, "front", &right),
        (ALICE, "back", &right),
        (ALICE, "attic", &right),
        (ALICE, "front", &other),
        (ALICE, "front", ""),
        (ALICE, "front", "??"),
    ];
    for (client, camera, secret) in cases {
        world.say(
            client,
            json!({"type":"resumeSession","peerId":camera,"sessionId":"id2","secret":secret}),
        );
        assert_eq!(world.only_to(client), end("id2", "no-such-session"));
        assert!(world.sent.is_empty());
    }
    world.say(CAMERA, sdp("id2"));
    assert_eq!(world.only_to(ALICE), sdp("id2"), "it is Alice's still");
}

#[test]
fn a_camera_or_someone_unannounced_does_not_resume() {
    let mut world = World::in_session();
    world.resume(CAMERA, "id2");
    assert_eq!(world.only_to(CAMERA)["code"], "not-permitted");
    world.viewer(AGAIN, rights("alice"));
    world.sent.clear();
    world.resume(AGAIN, "id2");
    assert_eq!(world.only_to(AGAIN)["type"], "error");
    world.say(CAMERA, sdp("id2"));
    assert_eq!(world.only_to(ALICE), sdp("id2"));
}

#[test]
fn a_connection_that_is_half_open_loses_the_session_to_the_new_one() {
    let mut world = World::in_session();
    world.alice_again(AGAIN);
    world.resume(AGAIN, "id2");
    assert_eq!(world.only_to(ALICE), end("id2", "replaced"));
    assert_eq!(world.only_to(AGAIN)["type"], "sessionResumed");
    world.gone(ALICE);
    world.wait(60);
    assert_eq!(world.sessions(), 1, "the old one's end does not concern it");
    world.say(ALICE, sdp("id2"));
    assert!(world.sent.is_empty());
}

#[test]
fn a_resume_that_is_said_twice_is_answered_twice() {
    let mut world = World::in_session();
    world.resume(ALICE, "id2");
    world.resume(ALICE, "id2");
    let answers = world.to(ALICE);
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|a| a["type"] == "sessionResumed"));
}

#[test]
fn a_viewer_that_comes_back_hears_why_its_session_ended_meanwhile() {
    let mut world = World::in_session();
    world.gone(ALICE);
    world.say(CAMERA, end("id2", "lease-ended"));
    world.alice_again(AGAIN);
    world.resume(AGAIN, "id2");
    assert_eq!(world.only_to(AGAIN), end("id2", "lease-ended"));
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.to(BOB);
    world.resume(BOB, "id2");
    assert_eq!(world.only_to(BOB), end("id2", "no-such-session"));
}

#[test]
fn a_page_that_was_loaded_again_replaces_its_old_session() {
    for old_socket_is_there in [true, false] {
        let mut world = World::in_session();
        if !old_socket_is_there {
            world.gone(ALICE);
        }
        world.alice_again(AGAIN);
        let replaces = json!({"sessionId":"id2","secret":world.secret("id2")});
        world.say(
            AGAIN,
            json!({"type":"startSession","peerId":"front","replaces":replaces}),
        );
        let to_camera = world.to(CAMERA);
        assert_eq!(to_camera[0], end("id2", "viewer-left"));
        assert_eq!(to_camera[1]["type"], "startSession");
        assert_eq!(world.only_to(AGAIN)["type"], "sessionStarted");
        assert_eq!(world.sessions(), 1);
    }
}

#[test]
fn a_session_is_replaced_before_limits_are_counted() {
    let mut world = World::in_session();
    for _ in 1..MAX_SESSIONS_PER_PERSON {
        world.start(ALICE, "front");
    }
    world.gone(ALICE);
    world.alice_again(AGAIN);
    world.start(AGAIN, "front");
    assert_eq!(world.only_to(AGAIN)["code"], "too-many");
    let replaces = json!({"sessionId":"id2","secret":world.secret("id2")});
    world.say(
        AGAIN,
        json!({"type":"startSession","peerId":"front","replaces":replaces}),
    );
    assert_eq!(world.only_to(AGAIN)["type"], "sessionStarted");
}

#[test]
fn a_wrong_proof_replaces_nothing_and_the_start_goes_on() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.start(BOB, "front");
    world.sent.clear();
    let (alices, wrong) = (world.secret("id2"), world.secret("id9"));
    for (session, secret) in [("id2", &alices), ("id4", &wrong), ("nope", &wrong)] {
        let replaces = json!({"sessionId":session,"secret":secret});
        world.say(
            BOB,
            json!({"type":"startSession","peerId":"front","replaces":replaces}),
        );
        assert_eq!(world.only_to(BOB)["type"], "sessionStarted");
        assert_eq!(world.only_to(CAMERA)["type"], "startSession");
    }
    assert_eq!(world.sessions(), 5);
}

#[test]
fn a_lease_that_is_over_ends_the_session_at_both_ends() {
    for announced in [true, false] {
        let mut world = World::new();
        world.camera(CAMERA, "front");
        world.produce(CAMERA, announced);
        world.viewer(ALICE, rights("alice"));
        world.announce(ALICE);
        world.start(ALICE, "front");
        world.sent.clear();
        assert_eq!(
            world.room.next_deadline(),
            Some(world.now + Duration::from_secs(600))
        );
        world.wait(599);
        assert!(world.sent.is_empty());
        world.wait(1);
        assert_eq!(world.only_to(ALICE), end("id2", "lease-ended"));
        assert_eq!(world.only_to(CAMERA)["type"], "endSession");
        // The camera's own end and its last candidate cross the server's on the wire.
        world.say(CAMERA, end("id2", "lease-ended"));
        world.say(CAMERA, sdp("id2"));
        assert!(world.sent.is_empty());
    }
}

#[test]
fn a_lease_ends_also_while_both_ends_are_away() {
    let mut world = World::in_session();
    world.wait(590);
    world.gone(ALICE);
    world.gone(CAMERA);
    world.wait(10);
    assert_eq!(world.sessions(), 0);
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 5)]);
    assert_eq!(world.only_to(AGAIN), end("id2", "lease-ended"));
}
