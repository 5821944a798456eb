// SPDX-License-Identifier: MPL-2.0
//! Which cameras are listed, and who hears of it.

use porthole_protocol::limits::MAX_META_BYTES;

use super::*;

#[test]
fn a_listener_hears_of_a_camera_that_comes_and_goes() {
    let mut world = World::new();
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.camera(CAMERA, "front");
    world.sent.clear();
    world.produce(CAMERA, true);
    let came = world.only_to(ALICE);
    assert_eq!(
        (&came["roles"], &came["peerId"]),
        (&json!(["producer"]), &json!("front"))
    );
    world.produce(CAMERA, true);
    assert!(world.to(ALICE).is_empty(), "nothing changed");
    world.gone(CAMERA);
    assert_eq!(world.only_to(ALICE)["roles"], json!([]));
}

#[test]
fn a_listener_gets_the_echo_that_gstwebrtc_api_waits_for() {
    let mut world = World::new();
    world.viewer(ALICE, rights("alice"));
    world.sent.clear();
    world.announce(ALICE);
    let echo = world.only_to(ALICE);
    assert_eq!(
        (&echo["type"], &echo["peerId"]),
        (&json!("peerStatusChanged"), &json!("id1"))
    );
}

#[test]
fn roles_that_are_not_theirs_are_refused() {
    let cases = [
        (CAMERA, "listener", true),
        (CAMERA, "consumer", true),
        (ALICE, "producer", true),
        (ALICE, "consumer", false),
    ];
    for (client, role, refused) in cases {
        let mut world = World::new();
        world.camera(CAMERA, "front");
        world.viewer(ALICE, rights("alice"));
        world.sent.clear();
        let status =
            json!({"type":"setPeerStatus","roles":[role],"meta":null,"porthole":{"version":1}});
        world.say(client, status);
        let answers = world.to(client);
        if refused {
            assert_eq!(answers[0]["code"], "not-permitted", "{role}");
        } else {
            assert!(answers.is_empty());
        }
        assert_eq!(world.room.counts().cameras, 0);
    }
}

#[test]
fn the_list_holds_connected_cameras_the_viewer_may_see_with_a_name() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.camera(ClientId(9), "back");
    world.produce(CAMERA, true);
    let named = json!({"type":"setPeerStatus","roles":["producer"],"meta":{"name":"Yard","x":1}});
    world.say(ClientId(9), named);
    world.room.add_camera("attic", "Attic");
    world.viewer(ALICE, rights("alice"));
    world.viewer(BOB, back_only("bob"));
    world.sent.clear();
    world.say(ALICE, json!({"type":"list"}));
    world.say(BOB, json!({"type":"list"}));
    world.say(CAMERA, json!({"type":"list"}));
    let back = json!({"id":"back","meta":{"name":"Yard","x":1}});
    let front = json!({"id":"front","meta":{"name":"Front door"}});
    assert_eq!(world.only_to(ALICE)["producers"], json!([back, front]));
    assert_eq!(world.only_to(BOB)["producers"], json!([back]));
    assert_eq!(world.only_to(CAMERA)["producers"], json!([]));
}

#[test]
fn a_listener_does_not_hear_of_cameras_it_may_not_see() {
    let mut world = World::new();
    world.viewer(BOB, back_only("bob"));
    world.announce(BOB);
    world.sent.clear();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.gone(CAMERA);
    assert!(world.to(BOB).is_empty());
}

#[test]
fn consumers_are_never_listed() {
    let mut world = World::in_session();
    world.say(
        ALICE,
        json!({"type":"setPeerStatus","roles":["consumer"],"meta":null}),
    );
    world.say(ALICE, json!({"type":"listConsumers"}));
    assert_eq!(world.only_to(ALICE)["consumers"], json!([]));
}

#[test]
fn meta_must_be_an_object_of_bounded_size() {
    let cases = [
        (json!("text"), "bad-message"),
        (json!({"x": "y".repeat(MAX_META_BYTES)}), "too-large"),
    ];
    for (meta, code) in cases {
        let mut world = World::new();
        world.camera(CAMERA, "front");
        world.sent.clear();
        let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":meta,"porthole":{"version":1}});
        world.say(CAMERA, status);
        assert_eq!(world.only_to(CAMERA)["code"], code);
        assert_eq!(world.room.counts().cameras, 0);
    }
}
