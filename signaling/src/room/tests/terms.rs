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
