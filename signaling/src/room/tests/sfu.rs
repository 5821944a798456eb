// SPDX-License-Identifier: MPL-2.0
//! Who watches at the SFU, and that it ends like everybody's.

use super::super::sfu::MAX_SFU_SESSIONS_PER_CAMERA;
use super::*;

const SFU: ClientId = ClientId::here(77);

impl World {
    /// The front camera sends its picture to an SFU as well, Alice watches the camera, and further viewers are to watch there.
    fn at_sfu() -> Self {
        let mut world = World::new();
        let actions = world.room.sfu_connected(SFU, 1, world.now);
        world.act(actions);
        world.camera(CAMERA, "front");
        world.say(CAMERA, publisher());
        world.viewer(ALICE, rights("alice"));
        world.announce(ALICE);
        world.start(ALICE, "front");
        assert!(world.to(SFU).is_empty(), "the first watches the camera");
        world.viewer(BOB, rights("bob"));
        world.announce(BOB);
        world.sent.clear();
        world
    }

    /// Bob's session there.
    fn bob(&mut self) -> String {
        self.start(BOB, "front");
        let started = self.only_to(BOB);
        started["sessionId"].as_str().unwrap().to_owned()
    }
}

fn publisher() -> Value {
    let mut status = producer(true);
    status["meta"] = json!({"name":"Front","whip":true});
    status
}

#[test]
fn beyond_those_that_a_camera_serves_viewers_offer_to_the_sfu_and_the_camera_hears_nothing() {
    let mut world = World::at_sfu();
    world.start(BOB, "front");
    let started = world.only_to(BOB);
    assert_eq!(started["offers"], "viewer");
    let id = started["sessionId"].clone();
    let start = world.only_to(SFU);
    assert_eq!(
        (&start["sessionId"], &start["camera"]),
        (&id, &json!("front"))
    );
    assert!(
        start.get("grant").is_none(),
        "there is nobody to show it to"
    );
    let offer = json!({"type":"peer","sessionId":id,"sdp":{"type":"offer","sdp":"v=0"}});
    world.say(BOB, offer.clone());
    assert_eq!(world.only_to(SFU), offer);
    let answer = json!({"type":"peer","sessionId":id,"sdp":{"type":"answer","sdp":"v=0"}});
    world.say(SFU, answer.clone());
    assert_eq!(world.only_to(BOB), answer);
    assert!(world.to(CAMERA).is_empty());
}

#[test]
fn a_right_that_ends_ends_there_too() {
    let mut world = World::at_sfu();
    let id = world.bob();
    world.sent.clear();
    world.remove_viewer("bob");
    assert_eq!(world.only_to(SFU)["type"], "endSession");
    assert_eq!(world.room.counts().sessions, 1, "Alice's");
    // And a lease.
    let mut world = World::at_sfu();
    assert_eq!(world.bob(), id);
    world.sent.clear();
    world.wait(599);
    assert!(world.to(SFU).is_empty());
    world.wait(1);
    let ends = world.to(SFU);
    assert_eq!((ends.len(), &ends[0]["sessionId"]), (1, &json!(id)));
}

#[test]
fn whoever_may_talk_or_drive_whoever_cannot_offer_and_a_camera_that_sends_nothing_there_go_without_it()
 {
    let mut world = World::at_sfu();
    let perms = [Permission::View, Permission::Control];
    world.viewer(LATER, Rights::always("carol", Cameras::All, &perms, 600));
    world.announce(LATER);
    world.start(LATER, "front");
    assert!(world.to(SFU).is_empty());
    assert_eq!(world.to(CAMERA).len(), 1);
    // One that waits for the camera's offer, and one that has made its own.
    world.viewer(AGAIN, rights("dave"));
    world.say(
        AGAIN,
        json!({"type":"setPeerStatus","roles":[],"meta":null,"porthole":{"version":1}}),
    );
    world.start(AGAIN, "front");
    assert!(world.to(SFU).is_empty());
    world.sent.clear();
    world.say(
        AGAIN,
        json!({"type":"startSession","peerId":"front","offer":"v=0"}),
    );
    assert!(world.only_to(AGAIN).get("offers").is_none());
    assert_eq!(world.only_to(SFU)["offer"], "v=0");
    let mut world = World::at_sfu();
    world.say(CAMERA, producer(true));
    world.start(BOB, "front");
    assert!(world.to(SFU).is_empty());
}

#[test]
fn a_camera_that_comes_back_without_what_it_never_had_ends_none_of_it() {
    let mut world = World::at_sfu();
    let id = world.bob();
    world.sent.clear();
    world.gone(CAMERA);
    world.camera(CAMERA, "front");
    world.say(CAMERA, publisher());
    let told: Vec<Value> = world.to(BOB);
    assert!(told.iter().all(|m| m["type"] != "endSession"), "{told:?}");
    assert!(world.to(SFU).is_empty());
    assert!(
        world
            .room
            .session_infos(None, 9, world.now)
            .iter()
            .any(|s| s.id == id)
    );
}

#[test]
fn one_viewers_session_there_is_nobody_elses_to_end_or_to_speak_in() {
    let mut world = World::at_sfu();
    let id = world.bob();
    world.sent.clear();
    for thief in [ALICE, CAMERA] {
        world.say(thief, json!({"type":"endSession","sessionId":id}));
        world.say(
            thief,
            json!({"type":"peer","sessionId":id,"sdp":{"type":"answer","sdp":"v=0"}}),
        );
    }
    assert!(world.to(SFU).is_empty() && world.to(BOB).is_empty());
    // The SFU has no place: Bob hears so.
    world.say(
        SFU,
        json!({"type":"endSession","sessionId":id,"reason":"camera-full"}),
    );
    assert_eq!(world.only_to(BOB)["reason"], "camera-full");
}

#[test]
fn there_is_an_end_to_what_one_camera_has_there_and_all_of_it_ends_with_the_way_there() {
    let mut world = World::at_sfu();
    let crowd = 100..100 + MAX_SFU_SESSIONS_PER_CAMERA as u64;
    for n in crowd.clone() {
        let client = ClientId::here(n);
        world.viewer(client, rights(&format!("viewer-{n}")));
        let announce = json!({"type":"setPeerStatus","roles":[],"meta":null,"porthole":{"version":1,"offers":true}});
        let start = json!({"type":"startSession","peerId":"front"});
        for message in [announce, start] {
            let message = serde_json::from_value(message).unwrap();
            world.room.message(client, message, world.now);
        }
    }
    assert_eq!(
        world.room.counts().sessions,
        1 + MAX_SFU_SESSIONS_PER_CAMERA
    );
    world.sent.clear();
    world.start(BOB, "front");
    assert_eq!(world.only_to(BOB)["code"], "too-many");
    world.gone(SFU);
    assert_eq!(world.room.counts().sessions, 1);
}
