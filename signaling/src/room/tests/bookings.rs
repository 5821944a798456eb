// SPDX-License-Identifier: MPL-2.0
//! Bookings begin, end and change, and what runs follows.

use jiff::SignedDuration;

use super::*;
use crate::model::Window;

use Permission::{Control, Listen, View};

fn booking(start: i64, end: i64, perms: &[Permission]) -> Rule {
    Rule {
        cameras: Cameras::One("front".into()),
        perms: perms.iter().copied().collect(),
        when: When::Within(Window {
            start: at(start),
            end: at(end),
        }),
        lease: porthole_protocol::grant::MAX_LEASE_SECONDS,
        booked: true,
        saving: true,
        own: false,
        booking: None,
    }
}

fn booked(rules: &[Rule]) -> Rights {
    rights("alice").with_rules(rules.iter().cloned())
}

/// The front camera is there, and Alice with these bookings; nothing is unread.
fn booked_world(rules: &[Rule]) -> World {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.viewer(ALICE, booked(rules));
    world.announce(ALICE);
    world.sent.clear();
    world.happened.clear();
    world
}

#[test]
fn before_its_start_a_booking_says_when_it_begins() {
    let mut world = booked_world(&[booking(60, 120, &[View])]);
    world.say(ALICE, json!({"type":"list"}));
    assert_eq!(world.only_to(ALICE)["producers"], json!([]));
    world.start(ALICE, "front");
    let refusal = world.only_to(ALICE);
    assert_eq!(refusal["code"], "no-booking");
    assert_eq!(refusal["nextBooking"], at(60).to_string());
    assert!(world.to(CAMERA).is_empty());
    let refused = Event::SessionRefused {
        user: "alice".into(),
        camera: Some("front".into()),
        reason: Code::NoBooking,
    };
    assert_eq!(world.happened, [refused]);
}

#[test]
fn when_a_booking_begins_its_camera_is_listed_and_when_it_ends_no_more() {
    let mut world = booked_world(&[booking(60, 120, &[View])]);
    world.wait(59);
    assert!(world.to(ALICE).is_empty());
    world.wait(1);
    let told = world.to(ALICE);
    assert_eq!(told[0]["roles"], json!(["producer"]));
    assert_eq!(world.access_changed, [ALICE]);
    world.wait(60);
    let told = world.to(ALICE);
    assert_eq!(told[0]["roles"], json!([]));
    assert_eq!(world.room.next_deadline(), None);
}

#[test]
fn a_session_lasts_to_the_end_of_its_booking_and_says_when_the_next_begins() {
    let mut world = booked_world(&[booking(0, 100, &[View]), booking(300, 400, &[View])]);
    world.wait(40);
    world.start(ALICE, "front");
    assert_eq!(world.only_to(ALICE)["terms"]["lease"], 60);
    let grant = world.only_to(CAMERA)["grant"].clone();
    assert_eq!(world.read(&grant).lease, 60);
    world.wait(59);
    assert!(world.to(CAMERA).is_empty());
    world.wait(1);
    let ended = &world.to(ALICE)[0];
    assert_eq!(ended["reason"], "lease-ended");
    assert_eq!(ended["nextBooking"], at(300).to_string());
    assert_eq!(world.only_to(CAMERA), end("id2", "lease-ended"));
}

#[test]
fn bookings_back_to_back_are_one_session_without_a_word() {
    let mut world = booked_world(&[booking(0, 100, &[View]), booking(100, 200, &[View])]);
    world.start(ALICE, "front");
    assert_eq!(world.only_to(ALICE)["terms"]["lease"], 200);
    world.to(CAMERA);
    for _ in 0..199 {
        world.wait(1);
    }
    assert!(world.to(CAMERA).is_empty());
    world.wait(1);
    assert_eq!(world.only_to(CAMERA), end("id2", "lease-ended"));
}

#[test]
fn a_permission_that_ends_first_is_taken_in_time_and_the_picture_goes_on() {
    let mut world = booked_world(&[booking(0, 200, &[View]), booking(0, 100, &[Control])]);
    world.start(ALICE, "front");
    let grant = world.only_to(CAMERA)["grant"].clone();
    assert_eq!(world.read(&grant).lease, 100);
    assert_eq!(world.read(&grant).perms, [View, Control]);
    world.wait(99);
    let update = world.only_to(CAMERA);
    let grant = world.read(&update["grant"]);
    assert_eq!((grant.perms, grant.lease), (vec![View], 101));
}

#[test]
fn a_permission_that_begins_later_is_given_then() {
    let mut world = booked_world(&[booking(0, 200, &[View]), booking(50, 200, &[View, Listen])]);
    world.start(ALICE, "front");
    world.sent.clear();
    world.wait(50);
    let grant = world.only_to(CAMERA)["grant"].clone();
    assert_eq!(world.read(&grant).perms, [View, Listen]);
    let told = world.to(ALICE);
    assert_eq!(
        told[0]["terms"],
        json!({"lease":150,"perms":["view","listen"]})
    );
}

#[test]
fn a_booking_that_is_extended_shortened_or_withdrawn_counts_at_once() {
    let mut world = booked_world(&[booking(0, 100, &[View])]);
    world.start(ALICE, "front");
    world.sent.clear();
    world.set_viewer(booked(&[booking(0, 500, &[View])]));
    let grant = world.only_to(CAMERA)["grant"].clone();
    assert_eq!(world.read(&grant).lease, 500);
    assert_eq!(world.only_to(ALICE)["terms"]["lease"], 500);
    assert_eq!(world.access_changed, [ALICE]);
    world.set_viewer(booked(&[booking(0, 30, &[View])]));
    let grant = world.only_to(CAMERA)["grant"].clone();
    assert_eq!(world.read(&grant).lease, 30);
    world.set_viewer(booked(&[]));
    assert_eq!(world.only_to(CAMERA), end("id2", "revoked"));
}

#[test]
fn a_clock_that_is_set_moves_what_was_granted_by_the_time_of_day() {
    for (step, lease) in [(-50, 150), (40, 60)] {
        let mut world = booked_world(&[booking(-60, 100, &[View])]);
        world.start(ALICE, "front");
        world.sent.clear();
        world.now.wall += SignedDuration::from_secs(step);
        world.wait(0);
        let grant = world.only_to(CAMERA)["grant"].clone();
        assert_eq!(world.read(&grant).lease, lease, "set by {step} s");
    }
    let mut world = booked_world(&[booking(0, 100, &[View])]);
    world.start(ALICE, "front");
    world.sent.clear();
    world.now.wall += SignedDuration::from_hours(24);
    world.wait(0);
    assert_eq!(world.only_to(CAMERA), end("id2", "lease-ended"));
}

#[test]
fn a_session_from_before_a_restart_is_held_to_the_booking() {
    let mut world = World::in_session();
    world.room = room(world.signer(), "new", &world.known, world.now);
    world.set_viewer(booked(&[booking(-10, 70, &[View])]));
    world.sent.clear();
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 400)]);
    let update = world.only_to(AGAIN);
    assert_eq!(world.read(&update["grant"]).lease, 70);
    assert_eq!(world.read(&update["grant"]).perms, [View]);
}

#[test]
fn an_administrator_ends_a_session_and_both_ends_know() {
    let mut world = World::in_session();
    let (was_there, actions) = world.room.end_session("id2", world.now);
    world.act(actions);
    assert!(was_there);
    assert_eq!(world.only_to(CAMERA), end("id2", "revoked"));
    assert_eq!(world.only_to(ALICE)["detail"], "an administrator ended it");
    assert!(!world.room.end_session("id2", world.now).0);
    let [.., Event::SessionEnded { reason, user, .. }] = &world.happened[..] else {
        panic!("{:?}", world.happened)
    };
    assert_eq!((*reason, user.as_str()), (Code::Revoked, "alice"));
}

#[test]
fn relay_credentials_are_renewed_before_they_run_out_and_not_beyond_the_session() {
    let mut world = World::new();
    world.room.ice = Box::new(|user, left, now| Ice {
        servers: vec![IceServer {
            urls: vec![format!("turn:{user}:{}", left.as_secs())],
            ..IceServer::default()
        }],
        until: Some(now + left.min(Duration::from_secs(300))),
    });
    let turn = |seconds: u32| {
        let alice = SecretDigest::of("alice").to_hex();
        json!(format!("turn:{}:{seconds}", &alice[..16]))
    };
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.sent.clear();
    world.start(ALICE, "front");
    for client in [ALICE, CAMERA] {
        let started = world.only_to(client);
        assert_eq!(started["iceServers"][0]["urls"][0], turn(600));
    }
    world.wait(239);
    assert!(world.sent.is_empty());
    world.wait(1);
    for client in [ALICE, CAMERA] {
        let renewed = world.only_to(client);
        assert_eq!(renewed["type"], "grantUpdate");
        assert_eq!(renewed["iceServers"][0]["urls"][0], turn(360));
    }
    // A lease cut short takes its relay along.
    world.set_viewer(alice_with(|rule| rule.lease = 30));
    assert_eq!(world.to(CAMERA)[0]["iceServers"][0]["urls"][0], turn(30));
}

#[test]
fn a_clock_that_is_set_is_followed_by_those_who_are_here_alone() {
    let mut world = booked_world(&[booking(100, 200, &[View])]);
    for n in 0..100 {
        let bob = Rights::new(format!("bob{n}"), [booking(100, 200, &[View])]);
        world.set_viewer(bob);
    }
    assert_eq!(world.room.users.len(), 1, "nobody is held who is not here");
    world.now.wall += SignedDuration::from_secs(150);
    world.wait(0);
    assert_eq!(world.access_changed, [ALICE]);
    assert_eq!(world.only_to(ALICE)["roles"], json!(["producer"]));
    world.gone(ALICE);
    assert!(world.room.users.is_empty() && world.room.by_camera.is_empty());
}
