// SPDX-License-Identifier: MPL-2.0
//! The door: whom a call lets open it, and what a camera says of who did.

use porthole_protocol::door::DoorResult;
use porthole_protocol::grant::Grant;

use super::calls::{house_of, rule, target};
use super::*;
use crate::rights::share_user;

const CALL: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";

fn open_to(door: MayOpen) -> Doorbells {
    let mut bells = rule(vec![target("alice", 0), target("bob", 0)]);
    if let Some(bell) = bells.rules.get_mut("front") {
        bell.door = door;
    }
    bells
}

/// A house whose camera knows the permission, and whose bell rings Alice and Bob, who may do nothing else.
fn house(door: MayOpen) -> World {
    let mut world = house_of(Vec::new());
    world.set_doorbells(open_to(door));
    world.gone(CAMERA);
    world.camera(CAMERA, "front");
    let porthole = json!({"version":1,"nonce":"n","door":true});
    let status =
        json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":porthole});
    world.say(CAMERA, status);
    world.sent.clear();
    world.happened.clear();
    world
}

impl World {
    /// The last grant that the camera got.
    fn grant_at(&mut self, camera: ClientId) -> Grant {
        let told = self.to(camera);
        let mut grants = told.iter().filter(|message| message["grant"].is_string());
        let last = grants.next_back().expect("a grant");
        self.read(&last["grant"])
    }

    /// Whether the last grant at the camera lets open the door, and for which call.
    fn door_at(&mut self, camera: ClientId) -> (bool, Option<String>) {
        let grant = self.grant_at(camera);
        (grant.perms.contains(&Permission::Door), grant.door_call)
    }

    fn asked(&self) -> Vec<(&str, DoorResult, Option<&str>)> {
        let all = self.happened.iter().filter_map(|event| match event {
            Event::DoorAsked {
                user, result, call, ..
            } => Some((user.as_str(), *result, call.as_deref())),
            _ => None,
        });
        all.collect()
    }
}

fn says(session: &str, result: &str, call: &str) -> Value {
    json!({"type":"door","sessionId":session,"ago":0,"result":result,"callId":call})
}

#[test]
fn whoever_has_answered_may_open_the_door_until_the_call_is_over_and_nobody_else() {
    let mut world = house(MayOpen::Anybody);
    let call = world.rung();
    world.look(ALICE);
    assert_eq!(world.door_at(CAMERA), (false, None), "nobody has answered");
    world.look(BOB);
    world.sent.clear();
    world.word(ALICE, "answerCall", &call);
    let told = world.to(ALICE);
    let update = told.iter().find(|m| m["type"] == "grantUpdate").unwrap();
    let perms = json!(["view", "listen", "talk", "door"]);
    assert_eq!(update["terms"]["perms"], perms);
    assert_eq!(world.door_at(CAMERA), (true, Some(call.clone())));
    let bobs = world.room.sessions.values();
    let mut bobs = bobs.filter(|session| *session.whose.user == *"bob");
    assert!(bobs.all(|session| !session.perms.contains(&Permission::Door)));
    // Another page of the same person has it as well.
    world.look(ALICE);
    assert_eq!(world.door_at(CAMERA), (true, Some(call.clone())));
    world.word(ALICE, "hangUp", &call);
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_rule_gives_the_door_to_nobody_or_to_some_of_those_who_answer() {
    for (door, may) in [
        (MayOpen::Nobody, false),
        (MayOpen::Only(["bob".to_owned()].into()), false),
        (MayOpen::Only(["alice".to_owned()].into()), true),
    ] {
        let mut world = house(door.clone());
        let call = world.rung();
        world.word(ALICE, "answerCall", &call);
        world.look(ALICE);
        assert_eq!(world.door_at(CAMERA).0, may, "{door:?}");
    }
}

#[test]
fn a_rule_that_changes_takes_the_door_away_at_once() {
    let mut world = house(MayOpen::Anybody);
    let call = world.rung();
    world.word(ALICE, "answerCall", &call);
    world.look(ALICE);
    assert!(world.door_at(CAMERA).0);
    world.set_doorbells(open_to(MayOpen::Nobody));
    assert_eq!(world.door_at(CAMERA), (false, None));
    assert_eq!(world.sessions(), 1, "the call goes on");
    world.set_doorbells(open_to(MayOpen::Anybody));
    assert_eq!(world.door_at(CAMERA), (true, Some(call)));
}

#[test]
fn whoever_has_opened_the_link_and_answers_may_open_the_door() {
    let mut world = house(MayOpen::Anybody);
    let call = world.rung();
    let link = world.link_of("bob");
    let window = crate::model::Window {
        start: world.now.wall,
        end: world.now.wall + jiff::SignedDuration::from_mins(15),
    };
    let opened = Rights::new(&*link, [Rule::call("front", call_perms(), window)]).shared(true);
    world.viewer(LATER, opened);
    world.announce(LATER);
    world.look(LATER);
    assert!(!world.door_at(CAMERA).0);
    world.word(LATER, "answerCall", &call);
    let grant = world.grant_at(CAMERA);
    assert_eq!((grant.sub, grant.door_call), (link, Some(call)));
    assert!(grant.perms.contains(&Permission::Door));
    let nobodys = Rights::new(&*share_user("other"), []).shared(true);
    world.viewer(AGAIN, nobodys);
}

#[test]
fn who_may_open_the_door_anyway_may_without_a_call_and_after_it() {
    let mut world = house(MayOpen::Anybody);
    world.set_viewer(Rights::always("alice", Cameras::All, &Permission::ALL, 600));
    world.look(ALICE);
    assert_eq!(world.door_at(CAMERA), (true, None));
    let call = world.rung();
    world.word(ALICE, "answerCall", &call);
    world.sent.clear();
    world.look(ALICE);
    assert_eq!(world.door_at(CAMERA), (true, None), "not by the call");
    // Then only the call gives it.
    world.set_viewer(super::calls::nothing("alice"));
    assert_eq!(world.door_at(CAMERA), (true, Some(call)));
}

#[test]
fn a_camera_that_does_not_know_the_permission_gets_grants_that_it_can_read() {
    let mut world = house_of(Vec::new());
    world.set_viewer(Rights::always("alice", Cameras::All, &Permission::ALL, 600));
    world.sent.clear();
    world.look(ALICE);
    let grant = world.grant_at(CAMERA);
    assert_eq!(grant.perms, Permission::ALL[..4]);
}

#[test]
fn who_opened_the_door_is_written_down_with_the_call() {
    let mut world = house(MayOpen::Anybody);
    let call = world.rung();
    let session = world.look(ALICE);
    world.wait(5);
    world.say(CAMERA, says(&session, "opened", CALL));
    world.say(CAMERA, says(&session, "not-permitted", "no id"));
    let expected = [
        ("alice", DoorResult::Opened, Some(CALL)),
        ("alice", DoorResult::NotPermitted, None),
    ];
    assert_eq!(world.asked(), expected);
    let opened = Event::Call(CallEvent {
        call: CALL.to_owned(),
        camera: "front".to_owned(),
        change: CallChange::DoorOpened { at: at(5) },
    });
    assert!(world.happened.contains(&opened));
    // The end of the session may be heard before.
    world.word(ALICE, "nobodyHome", &call);
    world.say(CAMERA, says(&session, "unanswered", CALL));
    assert_eq!(world.asked().len(), 3);
}

#[test]
fn nobody_but_a_camera_is_believed_and_only_of_its_own_sessions() {
    let mut world = house(MayOpen::Anybody);
    world.rung();
    let session = world.look(ALICE);
    world.camera(LATER, "back");
    world.produce(LATER, true);
    world.sent.clear();
    for viewer in [ALICE, BOB] {
        world.say(viewer, says(&session, "opened", CALL));
        assert_eq!(world.only_to(viewer)["code"], "not-permitted");
    }
    world.say(LATER, says(&session, "opened", CALL));
    for other in ["", "root", &"x".repeat(60_000)] {
        world.say(CAMERA, says(other, "opened", CALL));
    }
    assert!(world.asked().is_empty());
    for _ in 0..1_000 {
        world.say(CAMERA, says(&session, "refused", CALL));
    }
    let some = world.asked().len();
    assert!((10..=100).contains(&some), "{some}");
    world.wait(10);
    let mut long = says(&session, "refused", CALL);
    long["detail"] = "\u{202e}y".repeat(5_000).into();
    world.say(CAMERA, long);
    let Some(Event::DoorAsked { missed, detail, .. }) = world.happened.last() else {
        panic!("no door");
    };
    assert_eq!(*missed as usize, 1_000 - some);
    assert!(detail.as_ref().is_some_and(|text| text.len() <= 1_000));
}
