// SPDX-License-Identifier: MPL-2.0
//! Starting, speaking, ending.

use super::*;

#[test]
fn a_session_starts_with_a_grant_for_it_alone() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.sent.clear();
    world.say(
        ALICE,
        json!({"type":"startSession","peerId":"front","offer":"v=0"}),
    );
    let ice = json!([{"urls":["stun:s"]}]);
    let started = json!({
        "type":"sessionStarted","peerId":"front","sessionId":"id2","iceServers":ice,
        "secret":world.secret("id2"),"terms":{"lease":600,"perms":["view","listen"]}
    });
    assert_eq!(world.only_to(ALICE), started);
    let start = world.only_to(CAMERA);
    assert_eq!(start["type"], "startSession");
    assert_eq!(
        (&start["peerId"], &start["sessionId"]),
        (&json!("id1"), &json!("id2"))
    );
    assert_eq!(
        (&start["offer"], &start["iceServers"]),
        (&json!("v=0"), &ice)
    );
    let grant = world.key.read(start["grant"].as_str().unwrap()).unwrap();
    assert_eq!((grant.aud.as_str(), grant.sub.as_str()), ("front", "alice"));
    assert_eq!((grant.sid.as_str(), grant.nonce.as_str()), ("id2", "n1"));
    assert_eq!((grant.seq, grant.lease), (0, 600));
    assert_eq!(grant.perms, [Permission::View, Permission::Listen]);
    assert_eq!(
        world.room.counts(),
        Counts {
            cameras: 1,
            sessions: 1
        }
    );
}

#[test]
fn a_stock_camera_and_a_stock_viewer_get_no_additions() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.viewer(ALICE, rights("alice"));
    world.sent.clear();
    world.start(ALICE, "front");
    world.start(ALICE, "back");
    let start = json!({"type":"startSession","peerId":"id1","sessionId":"id2","offer":null});
    assert_eq!(world.only_to(CAMERA), start);
    let to_alice = world.to(ALICE);
    assert_eq!(
        to_alice[0],
        json!({"type":"sessionStarted","peerId":"front","sessionId":"id2"})
    );
    assert_eq!(
        to_alice[1],
        json!({"type":"error","details":"the camera is not connected"})
    );
    world.say(
        CAMERA,
        json!({"type":"endSession","sessionId":"id2","reason":"lease-ended"}),
    );
    assert_eq!(
        world.only_to(ALICE),
        json!({"type":"endSession","sessionId":"id2"})
    );
}

#[test]
fn refusals_carry_their_code() {
    let blind = alice_with(|rule| rule.perms = [Permission::Listen].into());
    let narrow = back_only("alice");
    let cases = [
        (rights("alice"), "attic", "no-such-camera"),
        (narrow, "front", "no-such-camera"),
        (rights("alice"), "back", "camera-offline"),
        (blind, "front", "not-permitted"),
    ];
    for (rights, camera, code) in cases {
        let mut world = World::new();
        world.camera(CAMERA, "front");
        world.produce(CAMERA, true);
        world.viewer(ALICE, rights);
        world.announce(ALICE);
        world.sent.clear();
        world.start(ALICE, camera);
        let answer = world.only_to(ALICE);
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{camera}"
        );
        assert!(world.to(CAMERA).is_empty());
    }
}

#[test]
fn a_camera_that_is_connected_but_does_not_produce_is_offline() {
    let mut world = World::in_session();
    world.say(
        CAMERA,
        json!({"type":"setPeerStatus","roles":[],"meta":null,"porthole":{"version":1}}),
    );
    assert_eq!(world.to(ALICE)[0]["reason"], "camera-gone");
    world.start(ALICE, "front");
    assert_eq!(world.only_to(ALICE)["code"], "camera-offline");
}

#[test]
fn a_camera_cannot_start_a_session() {
    let mut world = World::in_session();
    world.start(CAMERA, "front");
    assert_eq!(world.only_to(CAMERA)["code"], "not-permitted");
}

#[test]
fn peer_messages_go_to_the_other_end_and_to_nobody_else() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.start(BOB, "front");
    world.sent.clear();
    world.say(ALICE, sdp("id2"));
    assert_eq!(world.only_to(CAMERA), sdp("id2"));
    world.say(CAMERA, sdp("id2"));
    assert_eq!(world.only_to(ALICE), sdp("id2"));
    assert!(world.sent.is_empty());
}

#[test]
fn nobody_speaks_into_or_ends_the_session_of_another() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.sent.clear();
    for message in [
        sdp("id2"),
        sdp("nope"),
        json!({"type":"endSession","sessionId":"id2"}),
    ] {
        world.say(BOB, message);
        assert_eq!(world.only_to(BOB)["code"], "no-such-session");
        assert!(world.sent.is_empty());
    }
    assert_eq!(world.room.counts().sessions, 1);
}

#[test]
fn a_stock_peer_is_not_told_of_a_late_message_which_would_end_its_pipeline() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.sent.clear();
    world.say(CAMERA, sdp("ended"));
    assert!(world.sent.is_empty());
}

#[test]
fn the_end_is_forwarded_with_a_reason_that_its_sender_can_know() {
    let cases = [
        (ALICE, CAMERA, None, "viewer-left"),
        (ALICE, CAMERA, Some("media-failed"), "media-failed"),
        (ALICE, CAMERA, Some("offer-refused"), "offer-refused"),
        (ALICE, CAMERA, Some("revoked"), "viewer-left"),
        (ALICE, CAMERA, Some("camera-full"), "viewer-left"),
        (CAMERA, ALICE, None, "camera-gone"),
        (CAMERA, ALICE, Some("lease-ended"), "lease-ended"),
        (CAMERA, ALICE, Some("bad-description"), "bad-description"),
        (CAMERA, ALICE, Some("offer-refused"), "offer-refused"),
        (CAMERA, ALICE, Some("revoked"), "camera-gone"),
        (CAMERA, ALICE, Some("of-the-future"), "camera-gone"),
    ];
    for (from, to, reason, expected) in cases {
        let mut world = World::in_session();
        let mut said = json!({"type":"endSession","sessionId":"id2"});
        if let Some(reason) = reason {
            said["reason"] = reason.into();
        }
        world.say(from, said);
        assert_eq!(world.only_to(to), end("id2", expected));
        assert!(world.to(from).is_empty());
        assert_eq!(world.sessions(), 0);
    }
}

#[test]
fn a_camera_hears_why_a_browser_refused_its_offer() {
    let mut world = World::in_session();
    let words = format!("Failed to set\nremote{}", "!".repeat(1_000));
    let said =
        json!({"type":"endSession","sessionId":"id2","reason":"offer-refused","detail":words});
    world.say(ALICE, said);
    let mut expected = end("id2", "offer-refused");
    expected["detail"] = words.replace('\n', " ")[..300].into();
    assert_eq!(world.only_to(CAMERA), expected);
    let [
        ..,
        Event::SessionEnded {
            said: Some(said), ..
        },
    ] = &world.happened[..]
    else {
        panic!("{:?}", world.happened);
    };
    assert_eq!(expected["detail"], **said);
}

#[test]
fn words_of_other_ends_are_nobodys_to_read() {
    let mut world = World::in_session();
    let said =
        json!({"type":"endSession","sessionId":"id2","reason":"media-failed","detail":"buy here"});
    world.say(ALICE, said);
    assert_eq!(world.only_to(CAMERA), end("id2", "media-failed"));
}

#[test]
fn a_camera_is_never_told_of_a_session_that_is_over() {
    let mut world = World::in_session();
    world.say(CAMERA, sdp("nope"));
    world.say(CAMERA, json!({"type":"endSession","sessionId":"nope"}));
    assert!(world.sent.is_empty());
}

#[test]
fn a_stock_viewer_that_goes_ends_its_session_at_once() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.viewer(ALICE, rights("alice"));
    world.start(ALICE, "front");
    // Too late to be told the secret of that session.
    world.announce(ALICE);
    world.sent.clear();
    world.gone(ALICE);
    assert_eq!(world.only_to(CAMERA), end("id2", "viewer-left"));
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_stock_camera_that_goes_ends_its_sessions_at_once() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.start(ALICE, "front");
    world.sent.clear();
    world.gone(CAMERA);
    assert_eq!(world.to(ALICE)[0], end("id2", "camera-gone"));
    assert_eq!(world.sessions(), 0);
}
