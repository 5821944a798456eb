// SPDX-License-Identifier: MPL-2.0
//! Grants are signed by another key from one moment on, and nobody's picture stops.

use porthole_protocol::grant::KeyRing;

use super::*;

/// What the camera hears of keys, taken in by someone who knew `key` before.
fn learned(key: GrantKey, told: &Value) -> KeyRing {
    assert_eq!(told["type"], "grantKeys");
    let chain: Vec<String> = serde_json::from_value(told["chain"].clone()).unwrap();
    let mut ring = KeyRing::new(key);
    assert!(ring.learn(&chain).unwrap() > 0);
    ring
}

#[test]
fn a_camera_learns_the_next_key_and_its_sessions_go_on_by_it() {
    let mut world = World::in_session();
    let (before, secret) = (world.key, world.secret("id2"));
    world.rotate();
    let [keys, update] = &world.to(CAMERA)[..] else {
        panic!("the keys, then the grant")
    };
    assert_ne!(before, world.key);
    let token = update["grant"].as_str().unwrap();
    let grant = learned(before, keys).read(token).unwrap();
    assert_eq!(
        (grant.sid.as_str(), grant.seq, grant.lease),
        ("id2", 1, 600)
    );
    assert!(world.to(ALICE).is_empty(), "it is nothing to her");
    // It is still her session, by the secret that she was told before.
    world.gone(ALICE);
    assert_ne!(secret, world.secret("id2"));
    world.alice_again(AGAIN);
    world.say(
        AGAIN,
        json!({"type":"resumeSession","peerId":"front","sessionId":"id2","secret":secret}),
    );
    assert_eq!(world.only_to(AGAIN)["type"], "sessionResumed");
}

#[test]
fn a_camera_that_comes_later_hears_of_all_keys_before_its_first_grant() {
    let mut world = World::in_session();
    let first = world.key;
    let report = world.grant(|_| ());
    world.gone(CAMERA);
    world.rotate();
    world.front_again(AGAIN, &[("id2", report, 500)]);
    let told = world.to(AGAIN);
    let ring = learned(first, &told[0]);
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(ring.read(told[1]["grant"].as_str().unwrap()).is_ok());
    world.rotate();
    world.gone(AGAIN);
    world.rotate();
    let report = told[1]["grant"].as_str().unwrap().to_owned();
    world.front_again(LATER, &[("id2", report, 500)]);
    let told = world.to(LATER);
    assert_eq!(told[0]["chain"].as_array().unwrap().len(), 3);
    assert_eq!(
        told[1]["type"], "grantUpdate",
        "though it has not heard of the last two"
    );
}

#[test]
fn a_server_that_was_restarted_after_the_rotation_knows_the_sessions_from_before_it() {
    let mut world = World::in_session();
    let report = world.grant(|_| ());
    world.gone(CAMERA);
    world.rotate();
    world.restart();
    world.front_again(AGAIN, &[("id2", report, 500)]);
    let told = world.to(AGAIN);
    let kinds: Vec<_> = told.iter().map(|message| &message["type"]).collect();
    assert_eq!(kinds, ["grantKeys", "grantUpdate"]);
    assert_eq!(world.sessions(), 1);
}

#[test]
fn who_checks_no_grants_hears_of_no_keys() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.start(ALICE, "front");
    world.sent.clear();
    world.rotate();
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    assert_eq!(world.sessions(), 1);
}
