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
    world.camera(ClientId::here(9), "back");
    world.produce(CAMERA, true);
    let named = json!({"type":"setPeerStatus","roles":["producer"],"meta":{"name":"Yard","x":1}});
    world.say(ClientId::here(9), named);
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

/// So many cameras, each with the largest `meta` there is.
fn fleet(world: &mut World, cameras: u64) {
    for n in 0..cameras {
        let (client, id) = (ClientId::here(10_000 + n), format!("c{n:05}"));
        world.room.add_camera(&id, "");
        let camera = Principal::Camera { id };
        let _ = world.room.connected(client, camera, HERE, world.now);
        let meta = json!({"name": "x", "t": "y".repeat(MAX_META_BYTES - 30)});
        let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":meta});
        let status = serde_json::from_value(status).unwrap();
        let _ = world.room.message(client, status, world.now);
    }
    assert_eq!(world.room.counts().cameras, cameras as usize);
}

#[test]
fn a_list_of_many_cameras_comes_in_parts_which_the_reader_takes_at_its_pace() {
    let mut world = World::new();
    fleet(&mut world, 2500);
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.sent.clear();
    world.say(ALICE, json!({"type":"list"}));
    let list = world.only_to(ALICE);
    let first = list["producers"].as_array().unwrap();
    let mut seen: Vec<_> = first
        .iter()
        .map(|producer| producer["id"].clone())
        .collect();
    assert!((700..=1000).contains(&seen.len()), "{}", seen.len());
    let page = include_str!("../../../web/client/rules.js");
    assert!(page.contains("MAX_MESSAGE = 1 << 20;"));
    assert!(
        list.to_string().len() < 1 << 20,
        "the page does not read it"
    );
    let mut parts = 0;
    while world.list_on.pop().is_some() {
        assert!(world.list_on.is_empty(), "twice");
        // One that has gone meanwhile is left out, and one that is behind is told as it comes and goes.
        if parts == 1 {
            world.gone(ClientId::here(12_499));
            world.to(ALICE);
        }
        let actions = world.room.list_on(ALICE, world.now);
        let before = seen.len();
        world.act(actions);
        for message in world.to(ALICE) {
            assert_eq!(message["roles"], json!(["producer"]), "{message}");
            seen.push(message["peerId"].clone());
        }
        assert!(seen.len() - before <= 256);
        parts += 1;
    }
    let expected: Vec<_> = (0..2499).map(|n| json!(format!("c{n:05}"))).collect();
    assert_eq!(seen, expected);
    assert!(world.room.list_on(ALICE, world.now).is_empty());
}

#[test]
fn whoever_sees_few_of_many_cameras_is_told_of_those_alone() {
    let mut world = World::new();
    fleet(&mut world, 1500);
    let rules = [7, 1200].map(|n| Rule {
        cameras: Cameras::One(format!("c{n:05}").into()),
        ..rights("bob").rules()[0].clone()
    });
    world.viewer(BOB, rights("bob").with_rules(rules));
    world.announce(BOB);
    world.sent.clear();
    world.say(BOB, json!({"type":"list"}));
    let list = world.only_to(BOB);
    let ids = |list: &Value| -> Vec<Value> {
        let producers = list["producers"].as_array().unwrap();
        producers
            .iter()
            .map(|producer| producer["id"].clone())
            .collect()
    };
    assert_eq!(ids(&list), [json!("c00007"), json!("c01200")]);
    assert!(world.list_on.is_empty());
    world.gone(ClientId::here(10_007));
    world.gone(ClientId::here(10_008));
    assert_eq!(world.only_to(BOB)["peerId"], "c00007");
}

#[test]
fn what_many_hear_is_said_once() {
    let mut world = World::new();
    for n in 0..50 {
        world.viewer(ClientId::here(100 + n), rights("alice"));
        world.announce(ClientId::here(100 + n));
    }
    world.camera(CAMERA, "front");
    let status = serde_json::from_value(producer(true)).unwrap();
    let actions = world.room.message(CAMERA, status, world.now);
    let to_all = |action: &&Action| matches!(action, Action::SendAll(to, _) if to.len() == 50);
    assert_eq!(actions.iter().filter(to_all).count(), 1, "{actions:?}");
    let single = |action: &&Action| matches!(action, Action::Send(to, _) if *to != CAMERA);
    assert_eq!(actions.iter().filter(single).count(), 0);
}
