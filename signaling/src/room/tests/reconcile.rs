// SPDX-License-Identifier: MPL-2.0
//! What runs goes on when the camera's connection or the server comes back, as far as it may.

use porthole_protocol::limits::MAX_SESSIONS_PER_CAMERA;

use super::*;

#[test]
fn a_session_outlives_its_cameras_connection() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    assert_eq!(
        world.only_to(ALICE)["roles"],
        json!([]),
        "it is off the list, and nothing else"
    );
    world.wait(100);
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 500)]);
    let update = world.only_to(AGAIN);
    assert_eq!(
        (&update["type"], &update["sessionId"]),
        (&json!("grantUpdate"), &json!("id2"))
    );
    let grant = world.read(&update["grant"]);
    assert_eq!(
        (grant.nonce.as_str(), grant.seq, grant.lease),
        ("n2", 1, 500)
    );
    assert_eq!(
        (grant.aud.as_str(), grant.sub.as_str(), grant.sid.as_str()),
        ("front", "alice", "id2")
    );
    assert_eq!(world.only_to(ALICE)["roles"], json!(["producer"]));
    world.say(ALICE, sdp("id2"));
    assert_eq!(world.only_to(AGAIN), sdp("id2"));
}

#[test]
fn the_server_believes_itself_about_a_lease_that_it_knows() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.wait(100);
    world.front_again(AGAIN, &[("id2", world.grant(|g| g.lease = 86_400), 86_400)]);
    let update = world.only_to(AGAIN);
    assert_eq!(world.read(&update["grant"]).lease, 500);
}

#[test]
fn a_session_that_its_camera_does_not_report_is_over() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.to(ALICE);
    world.front_again(AGAIN, &[]);
    let told = world.to(ALICE).remove(0);
    assert_eq!(
        (&told["type"], &told["reason"]),
        (&json!("endSession"), &json!("camera-gone"))
    );
    assert!(told["detail"].is_string());
    assert!(world.to(AGAIN).is_empty());
    assert_eq!(world.sessions(), 0);
}

#[test]
fn the_end_of_a_session_waits_for_its_camera() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.say(ALICE, json!({"type":"endSession","sessionId":"id2"}));
    for client in [AGAIN, LATER] {
        world.front_again(client, &[("id2", world.grant(|_| ()), 500)]);
        assert_eq!(
            world.only_to(client),
            end("id2", "viewer-left"),
            "as often as it asks"
        );
        world.gone(client);
    }
}

#[test]
fn an_end_that_was_lost_on_a_half_open_connection_is_said_again() {
    let mut world = World::in_session();
    world.say(ALICE, json!({"type":"endSession","sessionId":"id2"}));
    world.gone(CAMERA);
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 500)]);
    assert_eq!(world.only_to(AGAIN), end("id2", "viewer-left"));
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_viewer_revoked_while_the_camera_was_away_is_out_when_it_is_back() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.remove_viewer("alice");
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 500)]);
    assert_eq!(world.only_to(AGAIN), end("id2", "revoked"));
}

#[test]
fn a_second_connection_of_a_camera_takes_the_sessions_it_reports() {
    let mut world = World::in_session();
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 600)]);
    assert_eq!(world.only_to(CAMERA)["code"], "replaced");
    assert_eq!(world.only_to(AGAIN)["type"], "grantUpdate");
    world.gone(CAMERA);
    assert_eq!(world.sessions(), 1);
    world.say(CAMERA, end("id2", "media-failed"));
    assert_eq!(world.sessions(), 1, "who is dropped is not heard");
}

#[test]
fn a_camera_that_breaks_off_before_it_registers_ends_nothing() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.camera(AGAIN, "front");
    world.gone(AGAIN);
    assert_eq!(world.sessions(), 1);
    world.front_again(LATER, &[("id2", world.grant(|_| ()), 600)]);
    assert_eq!(world.only_to(LATER)["type"], "grantUpdate");
}

#[test]
fn only_the_first_status_on_a_connection_carries_reports() {
    let mut world = World::in_session();
    let sessions = json!([{"sessionId":"x","grant":"","lease":1}]);
    let mut status = producer(true);
    status["porthole"]["sessions"] = sessions;
    world.say(CAMERA, status);
    assert!(world.to(CAMERA).is_empty());
    assert_eq!(world.sessions(), 1);
}

#[test]
fn a_restarted_server_takes_up_what_its_own_signature_proves() {
    let mut world = World::in_session();
    world.restart();
    world.front_again(AGAIN, &[("id2", world.grant(|g| g.seq = 7), 450)]);
    let update = world.only_to(AGAIN);
    let grant = world.read(&update["grant"]);
    assert_eq!(
        (grant.nonce.as_str(), grant.seq, grant.lease),
        ("n2", 8, 450)
    );
    world.alice_again(LATER);
    world.resume(LATER, "id2");
    assert_eq!(world.only_to(LATER)["terms"]["lease"], 450);
    world.wait(449);
    world.sent.clear();
    world.wait(1);
    assert_eq!(world.only_to(LATER), end("id2", "lease-ended"));
}

#[test]
fn a_lease_is_never_longer_than_what_was_left_or_granted_or_is_now_allowed() {
    for (reported, granted, allowed, expected) in [
        (100, 600, 600, 100),
        (900, 200, 600, 200),
        (500, 600, 50, 50),
    ] {
        let mut world = World::in_session();
        world.restart();
        world.set_viewer(alice_with(|rule| rule.lease = allowed));
        world.front_again(
            AGAIN,
            &[("id2", world.grant(|g| g.lease = granted), reported)],
        );
        let update = world.only_to(AGAIN);
        assert_eq!(world.read(&update["grant"]).lease, expected);
    }
}

#[test]
fn what_a_user_may_do_now_decides_after_a_restart() {
    let blind = alice_with(|rule| rule.perms = [Permission::Listen].into());
    let cases = [
        (Some(rights("alice")), None),
        (Some(back_only("alice")), Some("revoked")),
        (Some(blind), Some("not-permitted")),
        (Some(alice_with(|rule| rule.lease = 0)), Some("lease-ended")),
        (None, Some("revoked")),
    ];
    for (rights, reason) in cases {
        let mut world = World::in_session();
        world.restart();
        match rights {
            Some(rights) => world.set_viewer(rights),
            None => world.remove_viewer("alice"),
        }
        world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 450)]);
        let answer = world.only_to(AGAIN);
        match reason {
            Some(reason) => assert_eq!(answer, end("id2", reason)),
            None => assert_eq!(answer["type"], "grantUpdate"),
        }
    }
}

#[test]
fn permissions_are_those_of_now_after_a_restart() {
    let mut world = World::in_session();
    world.restart();
    world.set_viewer(alice_with(|rule| rule.perms = [Permission::View].into()));
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 450)]);
    let update = world.only_to(AGAIN);
    assert_eq!(world.read(&update["grant"]).perms, [Permission::View]);
}

#[test]
fn a_session_that_nobody_takes_up_after_a_restart_ends() {
    let mut world = World::in_session();
    world.restart();
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 450)]);
    world.to(AGAIN);
    world.wait(30);
    assert_eq!(world.only_to(AGAIN), end("id2", "viewer-left"));
}

#[test]
fn a_viewer_that_is_back_before_its_camera_waits_for_it() {
    let mut world = World::in_session();
    world.restart();
    world.alice_again(LATER);
    world.resume(LATER, "id2");
    assert!(world.to(LATER).is_empty());
    world.camera(CAMERA, "front");
    world.gone(CAMERA);
    assert!(
        world.to(LATER).is_empty(),
        "the camera has not said anything yet"
    );
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 450)]);
    let answers = world.to(LATER);
    assert_eq!(
        (&answers[0]["type"], &answers[0]["peerId"]),
        (&json!("sessionResumed"), &json!("front"))
    );
    assert_eq!(world.sessions(), 1);
}

#[test]
fn a_viewer_that_waits_hears_when_its_camera_comes_without_the_session() {
    let mut world = World::in_session();
    world.restart();
    world.alice_again(LATER);
    world.resume(LATER, "id2");
    world.front_again(AGAIN, &[]);
    assert_eq!(world.to(LATER)[0], end("id2", "no-such-session"));
    world.resume(LATER, "id2");
    assert_eq!(world.to(LATER).pop(), Some(end("id2", "no-such-session")));
}

#[test]
fn a_viewer_that_waits_and_leaves_is_forgotten_and_its_session_ends() {
    let mut world = World::in_session();
    world.restart();
    world.alice_again(LATER);
    world.resume(LATER, "id2");
    world.say(LATER, json!({"type":"endSession","sessionId":"id2"}));
    assert!(world.to(LATER).is_empty());
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 450)]);
    assert_eq!(world.only_to(AGAIN), end("id2", "viewer-left"));
    world.alice_again(BOB);
    world.resume(BOB, "id9");
    world.gone(BOB);
}

#[test]
fn a_page_loaded_again_before_its_camera_is_back_leaves_no_ghost() {
    let mut world = World::in_session();
    world.restart();
    world.alice_again(LATER);
    let replaces = json!({"sessionId":"id2","secret":world.secret("id2")});
    world.say(
        LATER,
        json!({"type":"startSession","peerId":"front","replaces":replaces}),
    );
    assert_eq!(world.only_to(LATER)["code"], "camera-offline");
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 450)]);
    assert_eq!(world.only_to(AGAIN), end("id2", "viewer-left"));
}

#[test]
fn what_one_connection_waits_for_is_bounded() {
    let mut world = World::in_session();
    world.restart();
    world.alice_again(LATER);
    for n in 0..=MAX_SESSIONS_PER_VIEWER {
        world.resume(LATER, &format!("s{n}"));
        world.resume(LATER, "s0");
    }
    assert_eq!(world.only_to(LATER)["code"], "too-many");
}

#[test]
fn a_grant_that_is_not_this_servers_for_this_camera_and_session_confirms_nothing() {
    let mut world = World::in_session();
    let forged = GrantSigner::generate().unwrap();
    let forged = forged
        .sign(&world.read(&json!(world.grant(|_| ()))))
        .unwrap();
    let cases = [
        ("id2", forged),
        ("id2", world.grant(|g| g.aud = "back".into())),
        ("id2", world.grant(|g| g.sid = "id3".into())),
        ("other", world.grant(|_| ())),
        ("id2", "garbage".to_owned()),
        ("id2", String::new()),
    ];
    for (id, grant) in cases {
        world.restart();
        world.front_again(AGAIN, &[(id, grant, 450)]);
        assert_eq!(world.only_to(AGAIN), end(id, "no-such-session"));
        assert_eq!(world.sessions(), 0);
    }
}

#[test]
fn a_camera_cannot_report_the_session_of_another() {
    let mut world = World::in_session();
    world.camera(AGAIN, "back");
    world.to(AGAIN);
    let sessions = json!([{"sessionId":"id2","grant":world.grant(|_| ()),"lease":9}]);
    let mut status = producer(true);
    status["porthole"]["sessions"] = sessions;
    world.say(AGAIN, status);
    assert_eq!(world.only_to(AGAIN), end("id2", "no-such-session"));
    world.sent.clear();
    world.say(ALICE, sdp("id2"));
    assert_eq!(world.only_to(CAMERA), sdp("id2"));
}

#[test]
fn a_known_session_with_a_bad_grant_ends_at_both_ends() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.to(ALICE);
    world.front_again(AGAIN, &[("id2", "garbage".into(), 450)]);
    assert_eq!(world.only_to(AGAIN), end("id2", "no-such-session"));
    assert_eq!(world.to(ALICE)[0]["type"], "endSession");
    assert_eq!(world.sessions(), 0);
}

#[test]
fn more_reports_than_a_camera_has_sessions_end_and_those_said_twice_count_once() {
    let mut world = World::in_session();
    world.restart();
    world.set_viewer(rights("alice").shared(true));
    let mut reports = Vec::new();
    let ids: Vec<_> = (0..MAX_SESSIONS_PER_CAMERA + 2)
        .map(|n| format!("s{n}"))
        .collect();
    for id in &ids {
        let grant = world.grant(|g| g.sid.clone_from(id));
        reports.push((id.as_str(), grant.clone(), 450));
        reports.push((id.as_str(), grant, 450));
    }
    let long = "x".repeat(65);
    reports.push((&long, world.grant(|_| ()), 450));
    world.front_again(AGAIN, &reports);
    let answers = world.to(AGAIN);
    let updates = answers
        .iter()
        .filter(|a| a["type"] == "grantUpdate")
        .count();
    let refused = answers.iter().filter(|a| a["reason"] == "too-many").count();
    assert_eq!(
        (updates, refused, answers.len()),
        (MAX_SESSIONS_PER_CAMERA, 2, MAX_SESSIONS_PER_CAMERA + 2)
    );
}

#[test]
fn a_person_has_no_more_sessions_after_a_restart_than_before() {
    let mut world = World::in_session();
    world.restart();
    let ids: Vec<_> = (0..=MAX_SESSIONS_PER_PERSON)
        .map(|n| format!("s{n}"))
        .collect();
    let reports = ids
        .iter()
        .map(|id| (id.as_str(), world.grant(|g| g.sid.clone_from(id)), 450));
    world.front_again(AGAIN, &reports.collect::<Vec<_>>());
    assert_eq!(world.to(AGAIN).pop(), Some(end("s4", "too-many")));
    assert_eq!(world.sessions(), MAX_SESSIONS_PER_PERSON);
}

#[test]
fn a_camera_without_a_nonce_can_keep_nothing() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.camera(AGAIN, "front");
    world.sent.clear();
    let sessions = json!([{"sessionId":"id2","grant":world.grant(|_| ()),"lease":9}]);
    let porthole = json!({"version":1,"sessions":sessions});
    world.say(
        AGAIN,
        json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":porthole}),
    );
    assert_eq!(world.only_to(AGAIN), end("id2", "no-such-session"));
    assert_eq!(world.sessions(), 0);
}

#[test]
fn who_waits_for_a_camera_that_is_removed_hears_of_it() {
    let mut world = World::in_session();
    world.restart();
    world.alice_again(LATER);
    world.resume(LATER, "id2");
    world.remove_camera("front");
    assert_eq!(world.only_to(LATER)["reason"], "revoked");
}

#[test]
fn a_restarted_server_hands_a_session_to_nobody_but_its_user() {
    let mut world = World::in_session();
    world.restart();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.to(BOB);
    world.resume(BOB, "id2");
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 450)]);
    assert_eq!(world.to(BOB)[0], end("id2", "no-such-session"));
    world.alice_again(LATER);
    world.resume(LATER, "id2");
    assert_eq!(world.only_to(LATER)["type"], "sessionResumed");
}

#[test]
fn a_camera_that_registers_without_producing_keeps_nothing() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.camera(AGAIN, "front");
    world.sent.clear();
    let sessions = json!([{"sessionId":"id2","grant":world.grant(|_| ()),"lease":450}]);
    let porthole = json!({"version":1,"nonce":"n2","sessions":sessions});
    world.say(
        AGAIN,
        json!({"type":"setPeerStatus","roles":[],"meta":null,"porthole":porthole}),
    );
    assert_eq!(world.to(AGAIN).pop(), Some(end("id2", "camera-gone")));
    assert_eq!(world.only_to(ALICE)["reason"], "camera-gone");
}
