// SPDX-License-Identifier: MPL-2.0
//! Who gets in, who is turned away, and who is put out.

use super::*;

#[test]
fn a_camera_is_welcomed_by_its_id_and_a_viewer_by_a_fresh_one() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.viewer(ALICE, rights("alice"));
    assert_eq!(
        world.only_to(CAMERA),
        json!({"type":"welcome","peerId":"front"})
    );
    assert_eq!(
        world.only_to(ALICE),
        json!({"type":"welcome","peerId":"id1"})
    );
}

#[test]
fn a_camera_that_is_not_enrolled_is_dropped() {
    let mut world = World::new();
    world.camera(CAMERA, "attic");
    assert_eq!(world.dropped, [(CAMERA, Code::Unauthorized)]);
}

#[test]
fn a_second_connection_of_a_camera_takes_over() {
    let mut world = World::in_session();
    let second = ClientId::here(9);
    world.camera(second, "front");
    assert_eq!(world.only_to(CAMERA)["code"], "replaced");
    assert_eq!(world.dropped, [(CAMERA, Code::Replaced)]);
    world.produce(second, true);
    assert_eq!(
        world.to(ALICE).last().unwrap()["roles"],
        json!(["producer"])
    );
    world.gone(CAMERA);
    assert_eq!(
        world.room.counts().cameras,
        1,
        "the old one's end does not concern the new one"
    );
    world.sent.clear();
    world.start(ALICE, "front");
    assert_eq!(world.only_to(second)["type"], "startSession");
    world.say(CAMERA, sdp("id2"));
    assert!(world.to(CAMERA).is_empty(), "who is dropped is not heard");
}

#[test]
fn a_removed_camera_is_cut_off_and_unknown_afterwards() {
    let mut world = World::in_session();
    world.remove_camera("front");
    assert_eq!(world.to(ALICE)[0]["reason"], "revoked");
    assert_eq!(world.dropped, [(CAMERA, Code::Revoked)]);
    world.start(ALICE, "front");
    assert_eq!(world.to(ALICE).last().unwrap()["code"], "no-such-camera");
}

#[test]
fn what_is_no_message_is_answered() {
    let mut world = World::in_session();
    let actions = world.room.unreadable(ALICE);
    world.act(actions);
    world.say(ALICE, json!({"type":"newPeer"}));
    assert!(
        world
            .to(ALICE)
            .iter()
            .all(|answer| answer["code"] == "bad-message")
    );
}

#[test]
fn the_connections_of_one_user_are_bounded() {
    let mut world = World::new();
    for n in 0..MAX_CONNECTIONS_PER_USER as u64 {
        world.viewer(ClientId::here(100 + n), rights("alice"));
    }
    world.viewer(ALICE, rights("alice"));
    world.viewer(BOB, rights("bob"));
    assert_eq!(world.dropped, [(ALICE, Code::TooMany)]);
}

#[test]
fn a_crowd_leaves_places_for_users_with_a_name_and_both_for_cameras() {
    let mut world = World::new();
    let clients = |n: usize| (0..n as u64).map(|n| ClientId::here(100 + n));
    for client in clients(crate::room::limits::shared_viewers(MAX_VIEWERS)) {
        world.quietly(client, Rights::guest());
    }
    world.viewer(BOB, Rights::guest());
    assert_eq!(world.dropped, [(BOB, Code::TooMany)]);
    let named = clients(MAX_VIEWERS).skip(crate::room::limits::shared_viewers(MAX_VIEWERS));
    for (n, client) in named.enumerate() {
        let user = format!("user{}", n / MAX_CONNECTIONS_PER_USER);
        world.set_viewer(rights(&user));
        world.quietly(client, rights(&user));
    }
    world.dropped.clear();
    world.viewer(ALICE, rights("alice"));
    world.camera(CAMERA, "front");
    assert_eq!(world.dropped, [(ALICE, Code::TooMany)]);
    world.gone(ClientId::here(100));
    world.viewer(AGAIN, rights("alice"));
    assert_eq!(
        world.dropped.len(),
        1,
        "a place that is free again is taken"
    );
}

#[test]
fn who_is_turned_away_is_told_the_code_before_it_is_dropped() {
    let mut world = World::new();
    world.camera(CAMERA, "attic");
    assert_eq!(world.only_to(CAMERA)["code"], "unauthorized");
    let actions = world.room.unauthorized(BOB);
    world.act(actions);
    assert_eq!(world.only_to(BOB)["code"], "unauthorized");
    for n in 0..=MAX_CONNECTIONS_PER_USER as u64 {
        world.viewer(ClientId::here(100 + n), rights("alice"));
    }
    let last = ClientId::here(100 + MAX_CONNECTIONS_PER_USER as u64);
    assert_eq!(world.only_to(last)["code"], "too-many");
    let dropped: Vec<_> = world.dropped.iter().map(|(client, _)| *client).collect();
    assert_eq!(dropped, [CAMERA, BOB, last]);
}

#[test]
fn a_user_nobody_let_in_is_turned_away() {
    let mut world = World::new();
    let stranger = Principal::Viewer(rights("mallory").into());
    let actions = world.room.connected(BOB, stranger, HERE, world.now);
    world.act(actions);
    assert_eq!(world.dropped, [(BOB, Code::Unauthorized)]);
}

#[test]
fn a_camera_id_that_is_used_again_inherits_nothing() {
    let mut world = World::in_session();
    let secret = world.secret("id2");
    world.viewer(BOB, back_only("bob"));
    world.announce(BOB);
    world.start(ALICE, "back");
    world.remove_camera("back");
    world.remove_camera("front");
    world.room.add_camera("back", "");
    world.room.add_camera("front", "");
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 600)]);
    world.camera(LATER, "back");
    world.sent.clear();
    world.produce(LATER, true);
    assert!(world.to(BOB).is_empty(), "the camera was another one");
    world.start(BOB, "back");
    assert_eq!(world.only_to(BOB)["code"], "no-such-camera");
    assert_eq!(
        world.to(ALICE)[0]["peerId"],
        "back",
        "who may see all sees it"
    );
    world.say(
        ALICE,
        json!({"type":"resumeSession","peerId":"back","sessionId":"id2","secret":secret}),
    );
    assert_eq!(world.only_to(ALICE), end("id2", "no-such-session"));
}
