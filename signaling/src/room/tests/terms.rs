// SPDX-License-Identifier: MPL-2.0
//! What a user may do changes while sessions run.

use super::*;

#[test]
fn a_revoked_viewer_is_cut_off_at_both_ends() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.sent.clear();
    world.remove_viewer("alice");
    assert_eq!(world.only_to(CAMERA)["reason"], "revoked");
    let to_alice = world.to(ALICE);
    assert_eq!(
        (&to_alice[0]["reason"], &to_alice[1]["code"]),
        (&json!("revoked"), &json!("revoked"))
    );
    assert_eq!(world.dropped, [(ALICE, Code::Revoked)]);
    assert!(world.sent.is_empty());
}

#[test]
fn other_permissions_reach_both_ends_at_once_and_leave_the_time() {
    let mut world = World::in_session();
    world.wait(100);
    world.set_viewer(alice_with(|rule| rule.perms = [Permission::View].into()));
    let update = world.only_to(ALICE);
    let told =
        json!({"type":"grantUpdate","sessionId":"id2","terms":{"lease":500,"perms":["view"]}});
    assert_eq!(update, told);
    let update = world.only_to(CAMERA);
    let grant = world.read(&update["grant"]);
    assert_eq!(
        (grant.seq, grant.lease, grant.nonce.as_str()),
        (1, 500, "n1")
    );
    assert_eq!(grant.perms, [Permission::View]);
    assert_eq!(update.get("terms"), None);
}

#[test]
fn a_page_that_may_not_save_is_told_so_and_again_when_it_may() {
    let mut world = World::in_session();
    let without = || alice_with(|rule| rule.saving = false);
    world.set_viewer(without());
    assert_eq!(world.only_to(ALICE)["terms"]["saving"], json!(false));
    world.to(CAMERA);
    world.set_viewer(rights("alice"));
    assert_eq!(world.only_to(ALICE)["terms"].get("saving"), None);
    world.to(CAMERA);
    // Any other right that shows the camera permits it; one that does not show it says nothing.
    let both = |perms: &[Permission]| {
        let rule = Rule {
            perms: perms.iter().copied().collect(),
            ..rights("alice").rules()[0].clone()
        };
        rights("alice").with_rules([without().rules()[0].clone(), rule])
    };
    world.set_viewer(both(&[Permission::View]));
    assert!(world.to(ALICE).is_empty());
    world.set_viewer(both(&[Permission::Listen]));
    assert_eq!(world.only_to(ALICE)["terms"]["saving"], json!(false));
}

#[test]
fn another_lease_counts_from_now_and_never_exceeds_the_longest() {
    for (lease, expected) in [(30, 30), (1200, 1200), (u32::MAX, 24 * 60 * 60)] {
        let mut world = World::in_session();
        world.wait(100);
        world.set_viewer(alice_with(|rule| rule.lease = lease));
        let update = world.only_to(CAMERA);
        assert_eq!(world.read(&update["grant"]).lease, expected);
        world.wait(u64::from(expected));
        assert_eq!(world.to(ALICE).pop(), Some(end("id2", "lease-ended")));
    }
}

#[test]
fn the_same_rights_change_nothing() {
    let mut world = World::in_session();
    world.set_viewer(rights("alice"));
    assert!(world.sent.is_empty());
}

#[test]
fn what_is_no_longer_permitted_ends_at_both_ends() {
    let cases = [
        (back_only("alice"), "revoked"),
        (
            alice_with(|rule| rule.perms = [Permission::Listen].into()),
            "not-permitted",
        ),
        (alice_with(|rule| rule.lease = 0), "lease-ended"),
    ];
    for (rights, reason) in cases {
        let mut world = World::in_session();
        world.set_viewer(rights.clone());
        assert_eq!(world.to(ALICE)[0], end("id2", reason));
        assert_eq!(world.only_to(CAMERA), end("id2", reason));
        assert!(world.dropped.is_empty(), "it may do something else still");
        world.start(ALICE, "front");
        assert_eq!(world.only_to(ALICE)["type"], "error");
    }
}

#[test]
fn a_camera_that_is_away_gets_the_new_terms_when_it_is_back() {
    let mut world = World::in_session();
    world.gone(CAMERA);
    world.set_viewer(alice_with(|rule| rule.perms = [Permission::View].into()));
    assert!(world.to(CAMERA).is_empty());
    assert_eq!(world.to(ALICE)[1]["terms"]["perms"], json!(["view"]));
    world.front_again(AGAIN, &[("id2", world.grant(|_| ()), 600)]);
    let update = world.only_to(AGAIN);
    let grant = world.read(&update["grant"]);
    assert_eq!((grant.perms.len(), grant.seq), (1, 2));
}

#[test]
fn a_viewer_that_is_away_gets_the_new_terms_when_it_is_back() {
    let mut world = World::in_session();
    world.gone(ALICE);
    world.set_viewer(alice_with(|rule| rule.lease = 60));
    assert_eq!(world.only_to(CAMERA)["type"], "grantUpdate");
    world.alice_again(AGAIN);
    world.resume(AGAIN, "id2");
    assert_eq!(world.only_to(AGAIN)["terms"]["lease"], 60);
}

#[test]
fn a_viewer_that_is_away_is_revoked_too() {
    let mut world = World::in_session();
    world.gone(ALICE);
    world.remove_viewer("alice");
    assert_eq!(world.only_to(CAMERA), end("id2", "revoked"));
    assert_eq!((world.sessions(), world.dropped.len()), (0, 0));
}

#[test]
fn a_stock_camera_is_told_nothing_of_terms_and_its_session_ends_in_time() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.start(ALICE, "front");
    world.sent.clear();
    world.set_viewer(alice_with(|rule| rule.lease = 30));
    assert!(world.to(CAMERA).is_empty());
    assert_eq!(world.only_to(ALICE)["terms"]["lease"], 30);
    world.wait(30);
    assert_eq!(
        world.only_to(CAMERA),
        json!({"type":"endSession","sessionId":"id2"})
    );
}

#[test]
fn listeners_hear_of_cameras_that_other_rights_show_and_hide() {
    let mut world = World::in_session();
    world.set_viewer(back_only("alice"));
    let hidden = world.to(ALICE).pop().unwrap();
    assert_eq!(
        (&hidden["peerId"], &hidden["roles"]),
        (&json!("front"), &json!([]))
    );
    world.set_viewer(rights("alice"));
    let shown = world.only_to(ALICE);
    assert_eq!(
        (&shown["peerId"], &shown["roles"]),
        (&json!("front"), &json!(["producer"]))
    );
}

/// Rights of one person by a token of a backend.
fn by(name: &str, rights: Rights) -> Rights {
    rights.of_token(token(name))
}

#[test]
fn two_tokens_of_one_person_are_two_sets_of_rights() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.viewer(ALICE, by("wide", rights("alice")));
    world.announce(ALICE);
    world.start(ALICE, "front");
    world.viewer(AGAIN, by("narrow", back_only("alice")));
    world.announce(AGAIN);
    world.sent.clear();
    // Neither gives to the other, nor takes.
    world.start(AGAIN, "front");
    assert_eq!(world.only_to(AGAIN)["code"], "no-such-camera");
    world.remove_token("alice", token("narrow"));
    assert_eq!(world.dropped, [(AGAIN, Code::Revoked)]);
    world.say(CAMERA, sdp("id2"));
    assert_eq!(world.only_to(ALICE), sdp("id2"), "the other one's runs on");
    world.remove_token("alice", token("wide"));
    assert_eq!(world.sessions(), 0);
}

#[test]
fn a_session_goes_on_by_the_token_that_its_viewer_comes_back_with() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.viewer(ALICE, by("old", rights("alice")));
    world.announce(ALICE);
    world.start(ALICE, "front");
    let short = alice_with(|rule| rule.perms = [Permission::View].into());
    world.viewer(AGAIN, by("new", short));
    world.announce(AGAIN);
    world.sent.clear();
    world.resume(AGAIN, "id2");
    let resumed = world.to(AGAIN);
    let resumed = resumed
        .iter()
        .find(|message| message["type"] == "sessionResumed");
    assert_eq!(resumed.unwrap()["terms"]["perms"], json!(["view"]));
    // What ends with the old one is no longer this session.
    world.remove_token("alice", token("old"));
    assert_eq!(world.sessions(), 1);
    world.remove_token("alice", token("new"));
    assert_eq!(world.sessions(), 0);
}

#[test]
fn one_person_has_no_more_connections_by_many_tokens() {
    let mut world = World::new();
    for n in 0..=MAX_CONNECTIONS_PER_USER as u64 {
        let name = n.to_string();
        world.viewer(ClientId::here(100 + n), by(&name, rights("alice")));
    }
    let last = ClientId::here(100 + MAX_CONNECTIONS_PER_USER as u64);
    assert_eq!(world.dropped, [(last, Code::TooMany)]);
}

#[test]
fn a_log_in_that_comes_to_its_end_cuts_nobody_off_and_begins_nothing() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.login_over(BOB);
    assert_eq!(world.dropped, [(BOB, Code::Revoked)], "nothing ran on it");
    world.dropped.clear();
    world.sent.clear();
    world.login_over(ALICE);
    assert!(world.sent.is_empty() && world.dropped.is_empty());
    world.say(CAMERA, sdp("id2"));
    assert_eq!(world.only_to(ALICE), sdp("id2"), "what runs goes on");
    world.start(ALICE, "front");
    assert_eq!(world.only_to(ALICE)["code"], "unauthorized");
    world.say(ALICE, json!({"type":"endSession","sessionId":"id2"}));
    assert_eq!(world.dropped, [(ALICE, Code::Revoked)]);
}

#[test]
fn a_log_in_that_is_over_can_be_ended() {
    let mut world = World::in_session();
    world.login_over(ALICE);
    let actions = world.room.log_out(ALICE, world.now);
    world.act(actions);
    assert_eq!(world.sessions(), 0);
    assert_eq!(world.dropped, [(ALICE, Code::Revoked)]);
}
