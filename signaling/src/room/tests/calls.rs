// SPDX-License-Identifier: MPL-2.0
//! Doorbells: who is rung, who hears what, and what anybody may do because of it.

use super::*;
use crate::model::{CallRecord, Window};
use crate::rights::share_user;

const RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
const AGAIN_RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e02";
const PHONE: ClientId = ClientId::here(6);
const BACK: ClientId = ClientId::here(7);

/// Lives here: may look, listen and talk.
fn resident(user: &str) -> Rights {
    let perms = [Permission::View, Permission::Listen, Permission::Talk];
    Rights::always(user, Cameras::All, &perms, 600)
}

/// May do nothing by itself.
pub(super) fn nothing(user: &str) -> Rights {
    rights(user).with_rules([])
}

pub(super) fn target(user: &str, after: u64) -> Target {
    Target {
        user: user.to_owned(),
        after: Duration::from_secs(after),
    }
}

pub(super) fn rule(ring: Vec<Target>) -> Doorbells {
    let bell = Doorbell {
        ring: Some(ring),
        press: ["button".to_owned()].into(),
        door: MayOpen::Nobody,
    };
    Doorbells {
        rules: [("front".to_owned(), bell)].into(),
        quiet: Vec::new(),
    }
}

/// The front camera, and Alice and Bob, who live here.
fn house() -> World {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    for (client, user) in [(ALICE, "alice"), (BOB, "bob")] {
        world.viewer(client, resident(user));
        world.announce(client);
    }
    world.sent.clear();
    world.happened.clear();
    world
}

/// The same where the bell rings those whom a rule names, who may do nothing else.
pub(super) fn house_of(ring: Vec<Target>) -> World {
    let mut world = house();
    world.set_doorbells(rule(ring));
    for user in ["alice", "bob"] {
        world.set_viewer(nothing(user));
    }
    world.sent.clear();
    world.access_changed.clear();
    world
}

impl World {
    fn ring(&mut self, camera: ClientId, ring: &str) {
        self.say(camera, json!({"type":"ring","ringId":ring}));
    }

    pub(super) fn word(&mut self, from: ClientId, word: &str, call: &str) {
        self.say(from, json!({"type":word,"callId":call}));
    }

    /// Rings at the front, and returns the call; nothing of it is unread.
    pub(super) fn rung(&mut self) -> String {
        self.ring(CAMERA, RING);
        let id = self.call_at_camera(CAMERA)["id"]
            .as_str()
            .unwrap()
            .to_owned();
        self.sent.clear();
        self.access_changed.clear();
        id
    }

    /// The last that a camera was told of a call.
    fn call_at_camera(&mut self, camera: ClientId) -> Value {
        let mut told = self.to(camera);
        told.retain(|message| message["type"] == "cameraCall");
        told.pop().unwrap()["call"].take()
    }

    /// The last that a viewer was told of a call.
    fn call_at(&mut self, viewer: ClientId) -> Value {
        let mut told = self.to(viewer);
        told.retain(|message| message["type"] == "call");
        told.pop().unwrap()["call"].take()
    }

    /// State, who has answered, and what this viewer is in it.
    fn heard(&mut self, viewer: ClientId) -> (String, Option<String>, String) {
        let call = self.call_at(viewer);
        let text = |field: &str| call[field].as_str().map(str::to_owned);
        (text("state").unwrap(), text("by"), text("you").unwrap())
    }

    fn refused(&mut self, client: ClientId) -> String {
        let told = self.only_to(client);
        assert_eq!(told["type"], "error", "{told}");
        told["code"].as_str().unwrap().to_owned()
    }

    /// Has someone look through the front camera, and returns the session.
    pub(super) fn look(&mut self, viewer: ClientId) -> String {
        self.start(viewer, "front");
        let started = self.to(viewer).pop().unwrap();
        assert_eq!(started["type"], "sessionStarted", "{started}");
        started["sessionId"].as_str().unwrap().to_owned()
    }

    fn has_picture(&mut self, viewer: ClientId, session: &str) {
        let stats = json!({"type":"viewerStats","sessionId":session,"frames":9,"freezes":0,"freezeSeconds":0.0});
        self.say(viewer, stats);
    }

    /// What happened in calls, without whom it rang.
    fn story(&self) -> Vec<String> {
        let events = self.happened.iter().filter_map(|event| match event {
            Event::Call(event) => Some(&event.change),
            _ => None,
        });
        let words = events.filter_map(|change| match change {
            CallChange::Made { by, .. } => Some(format!("made by {by:?}")),
            CallChange::Rings { .. } => None,
            CallChange::Left { user } => Some(format!("{user} left")),
            CallChange::Declined { user } => Some(format!("{user} declined")),
            CallChange::Answered { by } => Some(format!("{by} answered")),
            CallChange::Talking { by } => Some(format!("{by} talks")),
            CallChange::DoorOpened { .. } => Some("the door was opened".to_owned()),
            CallChange::Ended { reason, .. } => Some(format!("ended: {reason}")),
        });
        words.collect()
    }

    /// By which user the link of someone in the call that runs is known.
    pub(super) fn link_of(&self, user: &str) -> String {
        let mut events = self.happened.iter().rev();
        let link = events.find_map(|event| match event {
            Event::Call(CallEvent {
                change: CallChange::Rings { user: rung, link },
                ..
            }) if **rung == *user => Some(link.clone()),
            _ => None,
        });
        share_user(&link.unwrap())
    }
}

#[test]
fn a_press_rings_every_page_of_those_who_may_talk_there() {
    let mut world = house();
    world.viewer(LATER, rights("looks"));
    world.announce(LATER);
    world.sent.clear();
    world.ring(CAMERA, RING);
    let at_camera = world.call_at_camera(CAMERA);
    let id = at_camera["id"].clone();
    let expected = json!({"id":id,"ringId":RING,"state":"ringing"});
    assert_eq!(at_camera, expected);
    let call = world.only_to(ALICE);
    let expected = json!({"type":"call","call":{
        "id":id,"camera":"front","name":"Front door","state":"ringing","since":at(0),"you":"rung"}});
    assert_eq!(call, expected);
    assert_eq!(world.heard(BOB).0, "ringing");
    assert!(world.to(LATER).is_empty(), "may not talk");
    assert!(world.access_changed.is_empty(), "they may all of it anyway");
}

#[test]
fn the_first_to_answer_has_it_and_the_others_see_who() {
    let mut world = house();
    let id = world.rung();
    world.word(BOB, "answerCall", &id);
    world.word(ALICE, "answerCall", &id);
    let bob = Some("bob".to_owned());
    let told = world.to(ALICE);
    assert_eq!(told[0]["call"]["you"], "watching");
    assert_eq!(told[1]["code"], "call-taken");
    assert_eq!(
        world.heard(BOB),
        ("answered".to_owned(), bob.clone(), "answered".to_owned())
    );
    assert_eq!(world.call_at_camera(CAMERA)["by"], "bob");
    world.word(ALICE, "hangUp", &id);
    assert_eq!(world.refused(ALICE), "call-taken");
    let session = world.look(BOB);
    world.has_picture(BOB, &session);
    assert_eq!(world.heard(ALICE).0, "talking");
    world.to(CAMERA);
    world.word(BOB, "hangUp", &id);
    let call = world.call_at_camera(CAMERA);
    assert_eq!(
        (&call["state"], &call["by"], &call["reason"]),
        (&json!("ended"), &json!("bob"), &json!("hung-up"))
    );
    assert_eq!(world.sessions(), 1, "he may look anyway");
    let story = [
        "made by None",
        "bob answered",
        "bob talks",
        "ended: hung-up",
    ];
    assert_eq!(world.story(), story);
}

#[test]
fn a_call_gives_those_whom_it_rings_what_they_need_and_takes_it_back() {
    let mut world = house_of(vec![target("alice", 0), target("bob", 15)]);
    world.start(ALICE, "front");
    assert_eq!(world.refused(ALICE), "no-such-camera");
    let id = {
        world.ring(CAMERA, RING);
        let told = world.to(ALICE);
        // The camera is on her list before the call is on her page.
        assert_eq!(told[0]["type"], "peerStatusChanged");
        assert_eq!(told[1]["call"]["you"], "rung");
        told[1]["call"]["id"].as_str().unwrap().to_owned()
    };
    assert_eq!(world.access_changed, [ALICE]);
    assert!(world.to(BOB).is_empty(), "not yet");
    world.start(BOB, "front");
    assert_eq!(world.refused(BOB), "no-such-camera");
    world.start(ALICE, "front");
    let told = world.to(CAMERA);
    let start = told.iter().find(|m| m["type"] == "startSession").unwrap();
    let grant = world.read(&start["grant"]);
    assert_eq!(
        grant.perms,
        [Permission::View, Permission::Listen, Permission::Talk]
    );
    assert!(u64::from(grant.lease) <= LONGEST_CALL.as_secs());
    world.wait(15);
    assert_eq!(world.heard(BOB).0, "ringing");
    world.start(BOB, "front");
    assert_eq!(world.sessions(), 2);
    world.sent.clear();
    world.word(BOB, "nobodyHome", &id);
    assert_eq!(world.sessions(), 0);
    let told = world.to(ALICE);
    let kinds: Vec<_> = told.iter().map(|m| m["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["call", "endSession", "peerStatusChanged"]);
    assert_eq!(told[1]["reason"], "revoked");
    world.start(ALICE, "front");
    assert_eq!(world.refused(ALICE), "no-such-camera");
}

#[test]
fn what_someone_may_anyway_outlasts_a_call() {
    let mut world = house();
    world.set_viewer(rights("bob"));
    world.set_doorbells(rule(vec![target("bob", 0)]));
    world.start(BOB, "front");
    world.sent.clear();
    let id = world.rung();
    // What was running had more for the time of the call.
    world.word(BOB, "nobodyHome", &id);
    let told = world.to(BOB);
    let update = told.iter().find(|m| m["type"] == "grantUpdate").unwrap();
    assert_eq!(update["terms"]["perms"], json!(["view", "listen"]));
    assert_eq!(world.sessions(), 1);
}

#[test]
fn a_press_is_one_press_however_often_it_is_said() {
    let mut world = house();
    let id = world.rung();
    world.ring(CAMERA, RING);
    assert_eq!(world.call_at_camera(CAMERA)["id"], *id);
    world.ring(CAMERA, AGAIN_RING);
    let joined = world.call_at_camera(CAMERA);
    assert_eq!(
        (&joined["id"], &joined["ringId"]),
        (&json!(id), &json!(RING))
    );
    assert!(world.to(ALICE).is_empty(), "it rings already");
    world.word(ALICE, "nobodyHome", &id);
    world.sent.clear();
    for ring in [RING, AGAIN_RING] {
        world.ring(CAMERA, ring);
        let over = world.call_at_camera(CAMERA);
        assert_eq!(
            (&over["id"], &over["reason"]),
            (&json!(id), &json!("nobody-home"))
        );
    }
    assert!(world.to(ALICE).is_empty());
    assert_eq!(world.story(), ["made by None", "ended: nobody-home"]);
}

#[test]
fn who_leans_on_the_button_is_told_that_it_is_busy() {
    let mut world = house();
    let ring = |n: u32| format!("018f2b7e-6f4a-7c3d-9e21-0a1b2c3d{n:04}");
    for n in 0..4 {
        world.ring(CAMERA, &ring(n));
        let id = world.call_at(ALICE)["id"].as_str().unwrap().to_owned();
        world.word(ALICE, "nobodyHome", &id);
        world.sent.clear();
    }
    for n in 4..20 {
        world.ring(CAMERA, &ring(n));
        let call = world.call_at_camera(CAMERA);
        assert_eq!(
            (&call["state"], &call["reason"]),
            (&json!("ended"), &json!("busy"))
        );
    }
    assert!(world.to(ALICE).is_empty());
    world.wait(15);
    world.ring(CAMERA, &ring(20));
    assert_eq!(world.heard(ALICE).0, "ringing");
    let missed = world.happened.iter().rev().find_map(|event| match event {
        Event::Call(CallEvent {
            change: CallChange::Made { missed, .. },
            ..
        }) => Some(*missed),
        _ => None,
    });
    assert_eq!(missed, Some(16));
}

#[test]
fn nobody_has_a_say_in_what_does_not_ring_there() {
    let mut world = house();
    world.viewer(LATER, rights("looks"));
    world.announce(LATER);
    world.camera(BACK, "back");
    world.produce(BACK, true);
    let id = world.rung();
    for word in ["answerCall", "declineCall", "nobodyHome", "hangUp"] {
        world.word(LATER, word, &id);
        assert_eq!(world.refused(LATER), "no-such-call", "{word}");
        world.word(CAMERA, word, &id);
        assert_eq!(world.refused(CAMERA), "not-permitted", "{word}");
        world.word(ALICE, word, &"x".repeat(10_000));
        assert_eq!(world.refused(ALICE), "no-such-call", "{word}");
    }
    world.word(ALICE, "endCall", &id);
    assert_eq!(world.refused(ALICE), "not-permitted");
    world.ring(ALICE, RING);
    assert_eq!(world.refused(ALICE), "not-permitted");
    // Another camera's.
    world.word(BACK, "endCall", &id);
    assert!(world.to(BACK).is_empty());
    for bad in ["", "1", "../../x", &"f".repeat(10_000)] {
        world.ring(CAMERA, bad);
        assert_eq!(world.refused(CAMERA), "bad-message");
    }
    assert!(world.sent.is_empty(), "{:?}", world.sent);
    world.word(CAMERA, "endCall", &id);
    assert_eq!(world.call_at(ALICE)["reason"], "hung-up-at-door");
    world.word(CAMERA, "endCall", &id);
    world.word(ALICE, "answerCall", &id);
    assert_eq!(world.refused(ALICE), "no-such-call");
}

#[test]
fn whoever_has_opened_ones_link_is_that_one_in_the_call() {
    let mut world = house_of(vec![target("alice", 0), target("bob", 0)]);
    let id = world.rung();
    let link = world.link_of("alice");
    let window = Window {
        start: at(0),
        end: at(900),
    };
    let perms = call_perms();
    let opened = Rights::new(&*link, [Rule::call("front", perms, window)]).shared(true);
    world.viewer(PHONE, opened);
    world.announce(PHONE);
    assert_eq!(
        world.heard(PHONE),
        ("ringing".to_owned(), None, "rung".to_owned())
    );
    world.word(PHONE, "answerCall", &id);
    let expected = ("answered".to_owned(), Some("alice".to_owned()));
    for (client, you) in [(ALICE, "answered"), (BOB, "watching"), (PHONE, "answered")] {
        let (state, by, own) = world.heard(client);
        assert_eq!(((state, by), &*own), (expected.clone(), you));
    }
    let session = world.look(PHONE);
    world.has_picture(PHONE, &session);
    assert_eq!(world.heard(BOB).0, "talking");
    world.to(PHONE);
    world.word(ALICE, "hangUp", &id);
    let told = world.to(PHONE);
    let kinds: Vec<_> = told.iter().map(|m| m["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["call", "endSession", "error"]);
    assert_eq!(told[1]["detail"], "the call is over");
    assert_eq!(world.dropped, [(PHONE, Code::Revoked)]);
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_page_that_comes_while_it_rings_hears_of_it() {
    let mut world = house();
    world.rung();
    world.alice_at(AGAIN);
    assert_eq!(world.heard(AGAIN).2, "rung");
}

impl World {
    /// Alice on a new connection, announced.
    fn alice_at(&mut self, client: ClientId) {
        let alice = Principal::Viewer(resident("alice").into());
        let actions = self.room.connected(client, alice, HERE, self.now);
        self.act(actions);
        self.to(client);
        self.announce(client);
    }
}

#[test]
fn a_camera_that_comes_back_hears_of_its_call_and_one_that_does_not_ends_it() {
    let mut world = house();
    let id = world.rung();
    world.gone(CAMERA);
    world.wait(10);
    world.camera(AGAIN, "front");
    world.produce(AGAIN, true);
    let call = world.call_at_camera(AGAIN);
    assert_eq!(
        (&call["id"], &call["state"]),
        (&json!(id), &json!("ringing"))
    );
    world.word(ALICE, "answerCall", &id);
    assert_eq!(world.call_at_camera(AGAIN)["state"], "answered");
    let session = world.look(ALICE);
    world.has_picture(ALICE, &session);
    world.gone(AGAIN);
    world.wait(59);
    world.to(ALICE);
    world.wait(1);
    assert_eq!(world.call_at(ALICE)["reason"], "camera-gone");
}

#[test]
fn nobody_answers() {
    let mut world = house();
    world.rung();
    world.wait(44);
    assert!(world.to(ALICE).is_empty());
    world.wait(1);
    let call = world.call_at(ALICE);
    assert_eq!(
        (&call["reason"], &call["you"]),
        (&json!("no-answer"), &json!("rung"))
    );
    assert_eq!(world.call_at_camera(CAMERA)["reason"], "no-answer");
}

#[test]
fn an_answer_without_a_picture_ends_and_one_whose_picture_is_lost_has_a_moment() {
    let mut world = house();
    let id = world.rung();
    world.word(ALICE, "answerCall", &id);
    // Her page asks how it goes, and the camera answers, though nothing flows.
    let session = world.look(ALICE);
    world.say(
        ALICE,
        json!({"type":"viewerStats","sessionId":session,"frames":0,"freezes":0,"freezeSeconds":0}),
    );
    world.say(CAMERA, json!({"type":"sessionStats","sessionId":session,"rung":0,"rungs":1,"width":640,"height":360,
        "estimate":0,"sent":0,"loss":0}));
    world.to(BOB);
    world.wait(20);
    assert_eq!(world.call_at(BOB)["reason"], "no-media");
    world.say(ALICE, json!({"type":"endSession","sessionId":session}));
    world.sent.clear();

    world.ring(CAMERA, AGAIN_RING);
    let id = world.call_at(ALICE)["id"].as_str().unwrap().to_owned();
    let session = world.look(ALICE);
    world.has_picture(ALICE, &session);
    world.word(ALICE, "answerCall", &id);
    assert_eq!(world.heard(BOB).0, "talking", "she sees who it is already");
    // The page is loaded again.
    world.say(ALICE, json!({"type":"endSession","sessionId":session}));
    world.wait(9);
    let session = world.look(ALICE);
    world.has_picture(ALICE, &session);
    world.wait(60);
    world.say(ALICE, json!({"type":"endSession","sessionId":session}));
    world.to(BOB);
    world.wait(10);
    assert_eq!(world.call_at(BOB)["reason"], "no-media");
}

#[test]
fn no_call_is_for_ever() {
    let mut world = house_of(vec![target("alice", 0)]);
    let id = world.rung();
    world.word(ALICE, "answerCall", &id);
    let session = world.look(ALICE);
    world.has_picture(ALICE, &session);
    world.wait(LONGEST_CALL.as_secs() - 1);
    assert_eq!(world.sessions(), 1);
    world.sent.clear();
    world.wait(1);
    assert_eq!(world.call_at(ALICE)["reason"], "expired");
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_clock_that_is_set_ends_no_call() {
    let mut world = house_of(vec![target("alice", 0)]);
    let id = world.rung();
    world.look(ALICE);
    for days in [1, -2] {
        world.now.wall += jiff::SignedDuration::from_hours(24 * days);
        world.wait(1);
        assert_eq!(world.sessions(), 1);
    }
    world.word(ALICE, "nobodyHome", &id);
    assert_eq!(world.sessions(), 0);
}

#[test]
fn who_is_removed_is_out_of_the_call_and_takes_its_own_along() {
    let mut world = house();
    let id = world.rung();
    world.remove_viewer("bob");
    world.sent.clear();
    world.word(ALICE, "answerCall", &id);
    world.remove_viewer("alice");
    assert_eq!(world.call_at_camera(CAMERA)["reason"], "revoked");
    let story = [
        "made by None",
        "bob left",
        "alice answered",
        "ended: revoked",
    ];
    assert_eq!(world.story(), story);
}

#[test]
fn with_its_camera_a_call_is_gone() {
    let mut world = house();
    world.rung();
    world.remove_camera("front");
    assert_eq!(world.call_at(ALICE)["reason"], "camera-gone");
    world.room.add_camera("front", "Another");
    world.camera(AGAIN, "front");
    world.produce(AGAIN, true);
    world.sent.clear();
    // Another camera knows nothing of the presses of the one before.
    world.ring(AGAIN, RING);
    assert_eq!(world.call_at(ALICE)["name"], "Another");
}

#[test]
fn where_nobody_can_be_rung_the_visitor_hears_it_at_once() {
    let mut world = house_of(Vec::new());
    world.ring(CAMERA, RING);
    let call = world.only_to(CAMERA)["call"].take();
    assert_eq!(
        (&call["state"], &call["reason"]),
        (&json!("ended"), &json!("nobody"))
    );
    let quiet = Quiet {
        user: "alice".to_owned(),
        cameras: None,
        hours: None,
    };
    let mut bells = rule(vec![target("alice", 0)]);
    bells.quiet.push(quiet);
    world.set_doorbells(bells);
    world.ring(CAMERA, AGAIN_RING);
    assert_eq!(world.call_at_camera(CAMERA)["reason"], "nobody");
    assert!(world.to(ALICE).is_empty());
}

#[test]
fn a_camera_without_a_place_is_busy_unless_someone_whom_it_rings_looks_already() {
    let mut world = house();
    for n in 0..64 {
        let client = ClientId::here(100 + n);
        let crowd = rights(&format!("crowd{}", n / 4));
        world.viewer(client, crowd);
        world.start(client, "front");
    }
    assert_eq!(world.sessions(), 64);
    world.sent.clear();
    world.ring(CAMERA, RING);
    assert_eq!(world.only_to(CAMERA)["call"]["reason"], "busy");
    assert!(world.to(ALICE).is_empty());
    world.gone(ClientId::here(100));
    world.start(ALICE, "front");
    assert_eq!(world.sessions(), 64);
    world.sent.clear();
    world.ring(CAMERA, AGAIN_RING);
    assert_eq!(world.heard(ALICE).0, "ringing");
}

#[test]
fn the_api_rings_for_those_who_may() {
    let mut world = house();
    world.set_doorbells(rule(vec![target("alice", 0)]));
    let ring = |world: &mut World, camera: &str, by: &str, may: bool| {
        let (rang, actions) = world.room.ring(camera, by, may, world.now);
        world.act(actions);
        rang
    };
    assert_eq!(
        ring(&mut world, "nowhere", "root", true),
        Err(RingRefused::NoSuchCamera)
    );
    assert_eq!(
        ring(&mut world, "back", "root", true),
        Err(RingRefused::Offline)
    );
    assert_eq!(
        ring(&mut world, "front", "bob", false),
        Err(RingRefused::NotPermitted)
    );
    let rang = ring(&mut world, "front", "button", false).unwrap();
    assert_eq!(rang.ringing, 1);
    let told = world.to(CAMERA);
    assert_eq!(told[0], json!({"type":"ring","ringId":rang.call.ring_id}));
    assert_eq!(told[1]["call"]["id"], rang.call.id);
    // The camera says it as well: it is the same press.
    let ring_id = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e09";
    world.ring(CAMERA, ring_id);
    assert_eq!(world.call_at_camera(CAMERA)["id"], rang.call.id);
    let joined = ring(&mut world, "front", "root", true).unwrap();
    assert_eq!(joined.call.id, rang.call.id);
    assert_eq!(world.story(), ["made by Some(\"button\")"]);
}

#[test]
fn all_hear_when_there_is_a_picture_of_the_press() {
    let mut world = house();
    let id = world.rung();
    for _ in 0..2 {
        let actions = world.room.call_has_snapshot(&id, world.now);
        world.act(actions);
    }
    let path = format!("/api/v1/calls/{id}/snapshot");
    assert_eq!(world.only_to(ALICE)["call"]["snapshot"], path);
    let actions = world.room.call_has_snapshot("other", world.now);
    assert!(actions.is_empty());
}

#[test]
fn a_stock_page_and_a_stock_camera_hear_nothing_of_calls() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.viewer(ALICE, resident("alice"));
    world.sent.clear();
    let (rang, actions) = world.room.ring("front", "root", true, world.now);
    world.act(actions);
    assert_eq!(rang.unwrap().ringing, 1);
    assert!(world.sent.is_empty(), "{:?}", world.sent);
}

#[test]
fn all_decline_and_the_one_who_comes_later_is_rung_before_it_ends() {
    let mut world = house();
    let ring = vec![target("alice", 0), target("bob", 30)];
    world.set_doorbells(rule(ring));
    let id = world.rung();
    world.word(ALICE, "declineCall", &id);
    assert_eq!(
        world.heard(ALICE),
        ("ringing".to_owned(), None, "watching".to_owned())
    );
    assert_eq!(world.heard(BOB).2, "rung");
    world.word(BOB, "declineCall", &id);
    assert_eq!(world.call_at(ALICE)["reason"], "declined");
    let story = [
        "made by None",
        "alice declined",
        "bob declined",
        "ended: declined",
    ];
    assert_eq!(world.story(), story);
}

/// What is kept of the call that runs, in which these were rung and this one has answered.
fn record(id: &str, rung: &[(&str, &str)], by: Option<&str>) -> CallRecord {
    let rung = rung.iter();
    CallRecord {
        id: id.to_owned(),
        ring: RING.to_owned(),
        camera: "front".to_owned(),
        name: "Front door".to_owned(),
        rang: at(0),
        rang_by: None,
        recipients: rung
            .map(|(user, link)| ((*user).to_owned(), (*link).to_owned()))
            .collect(),
        answered: by.map(|_| at(1)),
        answered_by: by.map(str::to_owned),
        talking: None,
        door_opened: None,
        ended: None,
        reason: None,
        has_snapshot: true,
    }
}

#[test]
fn a_server_that_was_restarted_takes_up_the_call_and_its_sessions() {
    let mut world = house_of(vec![target("alice", 0), target("bob", 30)]);
    let id = world.rung();
    let session = world.look(ALICE);
    let told = world.to(CAMERA);
    let start = told.iter().find(|m| m["type"] == "startSession").unwrap();
    let grant = start["grant"].as_str().unwrap().to_owned();
    let link = world.link_of("alice");
    let link = link.strip_prefix("share:").unwrap().to_owned();
    world.wait(10);

    world.restart();
    world.set_viewer(nothing("alice"));
    world.set_doorbells(rule(vec![target("alice", 0), target("bob", 30)]));
    let kept = record(&id, &[("alice", &link)], Some("alice"));
    assert!(world.room.restore_call(&kept, world.now));
    world.front_again(AGAIN, &[(&session, grant, 500)]);
    let call = world.call_at_camera(AGAIN);
    assert_eq!(
        (&call["id"], &call["state"]),
        (&json!(id), &json!("talking"))
    );
    assert_eq!(
        world.sessions(),
        1,
        "she may look because of the call alone"
    );
    let alice = Principal::Viewer(nothing("alice").into());
    let actions = world.room.connected(LATER, alice, HERE, world.now);
    world.act(actions);
    world.announce(LATER);
    let call = world.call_at(LATER);
    assert_eq!(
        (&call["you"], &call["since"]),
        (&json!("answered"), &json!(at(0)))
    );
    assert!(call["snapshot"].is_string());
    world.word(LATER, "hangUp", &id);
    assert_eq!(world.sessions(), 0);
    // The same press, said again, is of that call.
    world.to(AGAIN);
    world.ring(AGAIN, RING);
    assert_eq!(world.call_at_camera(AGAIN)["reason"], "hung-up");
}

#[test]
fn a_camera_that_is_back_says_whether_there_was_a_picture() {
    for (connected, state) in [
        (json!(null), "talking"),
        (json!(true), "talking"),
        (json!(false), "answered"),
    ] {
        let mut world = house_of(vec![target("alice", 0)]);
        let id = world.rung();
        let session = world.look(ALICE);
        let told = world.to(CAMERA);
        let start = told.iter().find(|m| m["type"] == "startSession").unwrap();
        let grant = start["grant"].clone();
        let link = world.link_of("alice");
        let link = link.strip_prefix("share:").unwrap().to_owned();
        world.restart();
        world.set_viewer(nothing("alice"));
        world.set_doorbells(rule(vec![target("alice", 0)]));
        let kept = record(&id, &[("alice", &link)], Some("alice"));
        assert!(world.room.restore_call(&kept, world.now));
        world.camera(AGAIN, "front");
        let mut status = producer(true);
        let report =
            json!({"sessionId": session, "grant": grant, "lease": 500, "connected": connected});
        status["porthole"] = json!({"version":1,"nonce":"n2","sessions":[report]});
        world.say(AGAIN, status);
        assert_eq!(world.call_at_camera(AGAIN)["state"], state, "{connected}");
    }
}

#[test]
fn a_call_that_rang_goes_on_with_those_who_come_later_or_is_too_old() {
    let mut world = house();
    world.wait(10);
    world.restart();
    world.set_doorbells(rule(vec![target("alice", 0), target("bob", 30)]));
    assert!(
        world
            .room
            .restore_call(&record("c", &[("alice", "l")], None), world.now)
    );
    let again = record("d", &[], None);
    assert!(!world.room.restore_call(&again, world.now), "one at a time");
    world.viewer(LATER, resident("bob"));
    world.announce(LATER);
    world.to(LATER);
    world.wait(19);
    assert!(world.to(LATER).is_empty());
    world.wait(1);
    assert_eq!(world.heard(LATER).2, "rung");
    world.wait(15);
    assert_eq!(world.call_at(LATER)["reason"], "no-answer");

    world.restart();
    assert!(!world.room.restore_call(&record("c", &[], None), world.now));
    let talked = record("c", &[("alice", "l")], Some("alice"));
    assert!(world.room.restore_call(&talked, world.now));
    world.wait(LONGEST_CALL.as_secs());
    assert!(!world.room.restore_call(&talked, world.now));
}
