// SPDX-License-Identifier: MPL-2.0
//! How much anyone may take, and how large what is said may be.

use porthole_protocol::limits::{
    MAX_CANDIDATE_BYTES, MAX_DESCRIPTION_BYTES, MAX_META_BYTES, MAX_NONCE_BYTES,
    MAX_SESSIONS_PER_CAMERA,
};

use super::*;

/// A front camera that waits for viewers.
fn with_camera() -> World {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world
}

/// The code of the refusal when someone of these rights starts from this address, or "".
fn try_start(world: &mut World, client: ClientId, rights: Rights, address: &str) -> String {
    world.viewer_from(client, rights, address.parse().unwrap());
    world.announce(client);
    world.to(client);
    world.start(client, "front");
    world.to(CAMERA);
    let answer = world.only_to(client);
    answer["code"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn the_sessions_of_one_connection_are_bounded() {
    let mut world = with_camera();
    for n in 0..4 {
        let (id, client) = (format!("extra{n}"), ClientId::here(50 + n));
        world.room.add_camera(&id, "");
        world.camera(client, &id);
        world.produce(client, true);
    }
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    for n in 0..MAX_SESSIONS_PER_VIEWER {
        world.start(ALICE, &format!("extra{}", n / MAX_SESSIONS_PER_PERSON));
    }
    assert_eq!(world.sessions(), MAX_SESSIONS_PER_VIEWER);
    world.sent.clear();
    world.start(ALICE, "front");
    assert_eq!(world.only_to(ALICE)["code"], "too-many");
    assert!(world.to(CAMERA).is_empty());
}

#[test]
fn the_sessions_of_a_camera_are_bounded() {
    let mut world = with_camera();
    for n in 0..MAX_SESSIONS_PER_CAMERA as u64 {
        let user = format!("user{n}");
        assert_eq!(
            try_start(
                &mut world,
                ClientId::here(100 + n),
                rights(&user),
                "192.0.2.1"
            ),
            ""
        );
    }
    assert_eq!(
        try_start(&mut world, ALICE, rights("alice"), "192.0.2.1"),
        "too-many"
    );
    assert_eq!(world.sessions(), MAX_SESSIONS_PER_CAMERA);
}

#[test]
fn one_person_cannot_take_a_cameras_places_by_many_connections() {
    let mut world = with_camera();
    for n in 0..MAX_SESSIONS_PER_PERSON as u64 {
        let address = format!("192.0.2.{n}");
        assert_eq!(
            try_start(
                &mut world,
                ClientId::here(100 + n),
                rights("alice"),
                &address
            ),
            ""
        );
    }
    assert_eq!(
        try_start(&mut world, ALICE, rights("alice"), "203.0.113.1"),
        "too-many"
    );
    assert_eq!(try_start(&mut world, BOB, rights("bob"), "192.0.2.1"), "");
}

#[test]
fn a_shared_name_is_bounded_by_connection_and_by_network() {
    let mut world = with_camera();
    let mut client = 100;
    let mut next = |world: &mut World, address: &str| {
        client += 1;
        try_start(world, ClientId::here(client), Rights::guest(), address)
    };
    for n in 0..MAX_SESSIONS_PER_ADDRESS {
        assert_eq!(next(&mut world, &format!("2001:db8::{n}")), "");
        assert_eq!(next(&mut world, "192.0.2.1"), "");
    }
    assert_eq!(next(&mut world, "2001:db8::ffff"), "too-many");
    assert_eq!(next(&mut world, "192.0.2.1"), "too-many");
    assert_eq!(next(&mut world, "::ffff:192.0.2.1"), "too-many");
    assert_eq!(next(&mut world, "2001:db8:0:1::1"), "");
    assert_eq!(next(&mut world, "192.0.2.2"), "");
    let last = ClientId::here(client);
    for _ in 1..MAX_SESSIONS_PER_PERSON {
        world.start(last, "front");
    }
    world.to(last);
    world.start(last, "front");
    assert_eq!(world.only_to(last)["code"], "too-many");
}

#[test]
fn a_proxy_on_this_machine_is_no_household() {
    for address in ["127.0.0.1", "127.0.0.9", "::1"] {
        let mut world = with_camera();
        for n in 0..=MAX_SESSIONS_PER_ADDRESS as u64 {
            assert_eq!(
                try_start(
                    &mut world,
                    ClientId::here(100 + n),
                    Rights::guest(),
                    address
                ),
                ""
            );
        }
    }
}

#[test]
fn coming_back_is_no_way_around_a_bound() {
    let mut world = with_camera();
    for n in 0..=MAX_SESSIONS_PER_PERSON as u64 {
        let client = ClientId::here(100 + n);
        try_start(&mut world, client, Rights::guest(), "192.0.2.1");
        world.gone(client);
    }
    world.viewer(ALICE, Rights::guest());
    world.announce(ALICE);
    world.sent.clear();
    let ids: Vec<_> = world.room.sessions.keys().cloned().collect();
    for id in ids {
        world.resume(ALICE, &id);
    }
    let answers = world.to(ALICE);
    let back = answers
        .iter()
        .filter(|a| a["type"] == "sessionResumed")
        .count();
    assert_eq!(
        (back, answers.len()),
        (MAX_SESSIONS_PER_PERSON, MAX_SESSIONS_PER_PERSON + 1)
    );
    assert_eq!(answers.last().unwrap()["code"], "too-many");
}

#[test]
fn what_is_too_large_or_not_printable_never_reaches_the_camera() {
    let of = |n: usize, c: char| c.to_string().repeat(n);
    let sdp =
        |sdp: String| json!({"type":"peer","sessionId":"id2","sdp":{"type":"answer","sdp":sdp}});
    let ice = |c: String| json!({"type":"peer","sessionId":"id2","ice":{"candidate":c,"sdpMLineIndex":0}});
    let offer = |sdp: String| json!({"type":"startSession","peerId":"front","offer":sdp});
    let cases = [
        (sdp(of(MAX_DESCRIPTION_BYTES, '"')), None),
        (sdp(of(MAX_DESCRIPTION_BYTES + 1, 'a')), Some("too-large")),
        (sdp("a\u{0}".into()), Some("bad-message")),
        (sdp("a\u{1b}[2J".into()), Some("bad-message")),
        (sdp("a\r\n\t".into()), None),
        (ice(of(MAX_CANDIDATE_BYTES, '\\')), None),
        (ice(of(MAX_CANDIDATE_BYTES + 1, 'a')), Some("too-large")),
        (ice("\u{7f}".into()), Some("bad-message")),
        (offer(of(MAX_DESCRIPTION_BYTES, '\n')), None),
        (offer(of(65_400, 'a')), Some("too-large")),
        (offer("\u{8}".into()), Some("bad-message")),
    ];
    for (message, code) in cases {
        let mut world = World::in_session();
        world.say(ALICE, message.clone());
        match code {
            None => assert_eq!(world.to(CAMERA).len(), 1),
            Some(code) => {
                assert_eq!(world.only_to(ALICE)["code"], code);
                assert!(world.to(CAMERA).is_empty());
                assert_eq!(world.sessions(), 1);
            }
        }
    }
}

#[test]
fn what_a_peer_says_of_itself_is_bounded_in_every_role() {
    let meta = json!({"x": "y".repeat(MAX_META_BYTES)});
    let nonce = "n".repeat(MAX_NONCE_BYTES + 1);
    let roles = vec!["listener"; 9];
    let of = |roles: Value, meta: &Value, nonce: &str| json!({"type":"setPeerStatus","roles":roles,"meta":meta,"porthole":{"version":1,"nonce":nonce}});
    let cases = [
        (ALICE, of(json!(["listener"]), &meta, "n"), "too-large"),
        (
            ALICE,
            of(json!(["listener"]), &json!(null), &nonce),
            "too-large",
        ),
        (ALICE, of(json!(roles), &json!(null), "n"), "bad-message"),
        (CAMERA, of(json!(["producer"]), &meta, "n"), "too-large"),
        (
            CAMERA,
            of(json!(["producer"]), &json!(null), &nonce),
            "too-large",
        ),
        (
            CAMERA,
            of(json!(["producer"]), &json!(null), "\u{1}"),
            "bad-message",
        ),
    ];
    for (client, status, code) in cases {
        let mut world = World::new();
        world.camera(CAMERA, "front");
        world.viewer(ALICE, rights("alice"));
        world.sent.clear();
        world.say(client, status);
        assert_eq!(world.only_to(client)["code"], code);
        assert_eq!(world.room.counts().cameras, 0);
        assert!(world.room.listeners.is_empty());
    }
}

#[test]
fn a_session_id_that_is_too_long_is_refused_and_not_echoed() {
    let mut world = World::in_session();
    let long = "x".repeat(65);
    let proof = json!({"sessionId":long,"secret":world.secret(&long)});
    world.resume(ALICE, &long);
    assert_eq!(world.only_to(ALICE)["code"], "too-large");
    world.say(
        ALICE,
        json!({"type":"startSession","peerId":"front","replaces":proof}),
    );
    assert_eq!(world.only_to(ALICE)["type"], "sessionStarted");
}
