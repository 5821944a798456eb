// SPDX-License-Identifier: MPL-2.0
//! The rules of the room, one a test. `World` plays all clients and keeps what each was sent.

use porthole_protocol::grant::{GrantKey, Permission};
use serde_json::{Value, json};

use super::*;

const CAMERA: ClientId = ClientId(1);
const ALICE: ClientId = ClientId(2);
const BOB: ClientId = ClientId(3);

struct World {
    room: Room,
    key: GrantKey,
    sent: Vec<(ClientId, Value)>,
    dropped: Vec<(ClientId, Code)>,
}

fn rights(user: &str) -> Rights {
    Rights {
        user: user.to_owned(),
        lease: 600,
        ..Rights::guest()
    }
}

impl World {
    /// Cameras "front" and "back" are enrolled, nobody is connected.
    fn new() -> Self {
        let signer = GrantSigner::generate().unwrap();
        let key = signer.public_key();
        let mut n = 0;
        let ids = Box::new(move || {
            n += 1;
            format!("id{n}")
        });
        let ice = IceServer {
            urls: vec!["stun:s".into()],
            ..IceServer::default()
        };
        let mut room = Room::new(signer, vec![ice], ids);
        room.add_camera("front", "Front door");
        room.add_camera("back", "Back yard");
        Self {
            room,
            key,
            sent: Vec::new(),
            dropped: Vec::new(),
        }
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Send(to, message) => {
                    self.sent.push((to, serde_json::to_value(message).unwrap()));
                }
                Action::Drop(client, code) => self.dropped.push((client, code)),
            }
        }
    }

    fn camera(&mut self, client: ClientId, id: &str) {
        let actions = self
            .room
            .connected(client, Principal::Camera { id: id.into() });
        self.act(actions);
    }

    fn viewer(&mut self, client: ClientId, rights: Rights) {
        let actions = self.room.connected(client, Principal::Viewer(rights));
        self.act(actions);
    }

    fn say(&mut self, from: ClientId, message: Value) {
        let message = serde_json::from_value(message).unwrap();
        let actions = self.room.message(from, message);
        self.act(actions);
    }

    fn gone(&mut self, client: ClientId) {
        let actions = self.room.gone(client);
        self.act(actions);
    }

    /// What this client was sent since the last time someone looked.
    fn to(&mut self, client: ClientId) -> Vec<Value> {
        let (its, others) = std::mem::take(&mut self.sent)
            .into_iter()
            .partition(|(c, _)| *c == client);
        self.sent = others;
        let its: Vec<(ClientId, Value)> = its;
        its.into_iter().map(|(_, message)| message).collect()
    }

    fn only_to(&mut self, client: ClientId) -> Value {
        let mut all = self.to(client);
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    fn produce(&mut self, client: ClientId, announced: bool) {
        self.say(client, producer(announced));
    }

    fn announce(&mut self, viewer: ClientId) {
        self.say(viewer, json!({"type":"setPeerStatus","roles":["listener"],"meta":null,"porthole":{"version":1}}));
    }

    fn start(&mut self, viewer: ClientId, camera: &str) {
        self.say(viewer, json!({"type":"startSession","peerId":camera}));
    }

    /// Everyone announced, Alice in session "id2" with the front camera, nothing unread.
    fn in_session() -> Self {
        let mut world = Self::new();
        world.camera(CAMERA, "front");
        world.produce(CAMERA, true);
        world.viewer(ALICE, rights("alice"));
        world.announce(ALICE);
        world.start(ALICE, "front");
        world.sent.clear();
        world
    }
}

fn producer(announced: bool) -> Value {
    let mut status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null});
    if announced {
        status["porthole"] = json!({"version":1,"nonce":"n1"});
    }
    status
}

fn sdp(session: &str) -> Value {
    json!({"type":"peer","sessionId":session,"sdp":{"type":"answer","sdp":"v=0"}})
}

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
fn a_listener_hears_of_a_camera_that_comes_and_goes() {
    let mut world = World::new();
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.camera(CAMERA, "front");
    world.sent.clear();
    world.produce(CAMERA, true);
    let came = world.only_to(ALICE);
    assert_eq!(
        (&came["roles"], &came["peerId"]),
        (&json!(["producer"]), &json!("front"))
    );
    world.produce(CAMERA, true);
    assert!(world.to(ALICE).is_empty(), "nothing changed");
    world.gone(CAMERA);
    assert_eq!(world.only_to(ALICE)["roles"], json!([]));
}

#[test]
fn a_listener_gets_the_echo_that_gstwebrtc_api_waits_for() {
    let mut world = World::new();
    world.viewer(ALICE, rights("alice"));
    world.sent.clear();
    world.announce(ALICE);
    let echo = world.only_to(ALICE);
    assert_eq!(
        (&echo["type"], &echo["peerId"]),
        (&json!("peerStatusChanged"), &json!("id1"))
    );
}

#[test]
fn roles_that_are_not_theirs_are_refused() {
    let cases = [
        (CAMERA, "listener", true),
        (CAMERA, "consumer", true),
        (ALICE, "producer", true),
        (ALICE, "consumer", false),
    ];
    for (client, role, refused) in cases {
        let mut world = World::new();
        world.camera(CAMERA, "front");
        world.viewer(ALICE, rights("alice"));
        world.sent.clear();
        let status =
            json!({"type":"setPeerStatus","roles":[role],"meta":null,"porthole":{"version":1}});
        world.say(client, status);
        let answers = world.to(client);
        if refused {
            assert_eq!(answers[0]["code"], "not-permitted", "{role}");
        } else {
            assert!(answers.is_empty());
        }
        assert_eq!(world.room.counts().cameras, 0);
    }
}

#[test]
fn the_list_holds_connected_cameras_the_viewer_may_see_with_a_name() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.camera(ClientId(9), "back");
    world.produce(CAMERA, true);
    let named = json!({"type":"setPeerStatus","roles":["producer"],"meta":{"name":"Yard","x":1}});
    world.say(ClientId(9), named);
    world.room.add_camera("attic", "Attic");
    world.viewer(ALICE, rights("alice"));
    world.viewer(
        BOB,
        Rights {
            cameras: Cameras::Only(["back".to_owned()].into()),
            ..rights("bob")
        },
    );
    world.sent.clear();
    world.say(ALICE, json!({"type":"list"}));
    world.say(BOB, json!({"type":"list"}));
    world.say(CAMERA, json!({"type":"list"}));
    let back = json!({"id":"back","meta":{"name":"Yard","x":1}});
    let front = json!({"id":"front","meta":{"name":"Front door"}});
    assert_eq!(world.only_to(ALICE)["producers"], json!([back, front]));
    assert_eq!(world.only_to(BOB)["producers"], json!([back]));
    assert_eq!(world.only_to(CAMERA)["producers"], json!([]));
}

#[test]
fn a_listener_does_not_hear_of_cameras_it_may_not_see() {
    let mut world = World::new();
    world.viewer(
        BOB,
        Rights {
            cameras: Cameras::Only(["back".to_owned()].into()),
            ..rights("bob")
        },
    );
    world.announce(BOB);
    world.sent.clear();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.gone(CAMERA);
    assert!(world.to(BOB).is_empty());
}

#[test]
fn consumers_are_never_listed() {
    let mut world = World::in_session();
    world.say(
        ALICE,
        json!({"type":"setPeerStatus","roles":["consumer"],"meta":null}),
    );
    world.say(ALICE, json!({"type":"listConsumers"}));
    assert_eq!(world.only_to(ALICE)["consumers"], json!([]));
}

#[test]
fn a_session_starts_with_a_grant_for_it_alone() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    world.viewer(ALICE, rights("alice"));
    world.announce(ALICE);
    world.sent.clear();
    world.say(
        ALICE,
        json!({"type":"startSession","peerId":"front","offer":"v=0"}),
    );
    let ice = json!([{"urls":["stun:s"]}]);
    let started =
        json!({"type":"sessionStarted","peerId":"front","sessionId":"id2","iceServers":ice});
    assert_eq!(world.only_to(ALICE), started);
    let start = world.only_to(CAMERA);
    assert_eq!(start["type"], "startSession");
    assert_eq!(
        (&start["peerId"], &start["sessionId"]),
        (&json!("id1"), &json!("id2"))
    );
    assert_eq!(
        (&start["offer"], &start["iceServers"]),
        (&json!("v=0"), &ice)
    );
    let grant = world.key.read(start["grant"].as_str().unwrap()).unwrap();
    assert_eq!((grant.aud.as_str(), grant.sub.as_str()), ("front", "alice"));
    assert_eq!((grant.sid.as_str(), grant.nonce.as_str()), ("id2", "n1"));
    assert_eq!((grant.seq, grant.lease), (0, 600));
    assert_eq!(grant.perms, [Permission::View, Permission::Listen]);
    assert_eq!(
        world.room.counts(),
        Counts {
            cameras: 1,
            sessions: 1
        }
    );
}

#[test]
fn a_stock_camera_and_a_stock_viewer_get_no_additions() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.viewer(ALICE, rights("alice"));
    world.sent.clear();
    world.start(ALICE, "front");
    world.start(ALICE, "back");
    let start = json!({"type":"startSession","peerId":"id1","sessionId":"id2","offer":null});
    assert_eq!(world.only_to(CAMERA), start);
    let to_alice = world.to(ALICE);
    assert_eq!(
        to_alice[0],
        json!({"type":"sessionStarted","peerId":"front","sessionId":"id2"})
    );
    assert_eq!(
        to_alice[1],
        json!({"type":"error","details":"the camera is not connected"})
    );
    world.say(
        CAMERA,
        json!({"type":"endSession","sessionId":"id2","reason":"lease-ended"}),
    );
    assert_eq!(
        world.only_to(ALICE),
        json!({"type":"endSession","sessionId":"id2"})
    );
}

#[test]
fn refusals_carry_their_code() {
    let blind = Rights {
        perms: vec![Permission::Listen],
        ..rights("alice")
    };
    let narrow = Rights {
        cameras: Cameras::Only(["back".to_owned()].into()),
        ..rights("alice")
    };
    let cases = [
        (rights("alice"), "attic", "no-such-camera"),
        (narrow, "front", "no-such-camera"),
        (rights("alice"), "back", "camera-offline"),
        (blind, "front", "not-permitted"),
    ];
    for (rights, camera, code) in cases {
        let mut world = World::new();
        world.camera(CAMERA, "front");
        world.produce(CAMERA, true);
        world.viewer(ALICE, rights);
        world.announce(ALICE);
        world.sent.clear();
        world.start(ALICE, camera);
        let answer = world.only_to(ALICE);
        assert_eq!(
            (&answer["type"], &answer["code"]),
            (&json!("error"), &json!(code)),
            "{camera}"
        );
        assert!(world.to(CAMERA).is_empty());
    }
}

#[test]
fn a_camera_that_is_connected_but_does_not_produce_is_offline() {
    let mut world = World::in_session();
    world.say(
        CAMERA,
        json!({"type":"setPeerStatus","roles":[],"meta":null,"porthole":{"version":1}}),
    );
    assert_eq!(world.to(ALICE)[0]["reason"], "camera-gone");
    world.start(ALICE, "front");
    assert_eq!(world.only_to(ALICE)["code"], "camera-offline");
}

#[test]
fn a_camera_cannot_start_a_session() {
    let mut world = World::in_session();
    world.start(CAMERA, "front");
    assert_eq!(world.only_to(CAMERA)["code"], "not-permitted");
}

#[test]
fn peer_messages_go_to_the_other_end_and_to_nobody_else() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.start(BOB, "front");
    world.sent.clear();
    world.say(ALICE, sdp("id2"));
    assert_eq!(world.only_to(CAMERA), sdp("id2"));
    world.say(CAMERA, sdp("id2"));
    assert_eq!(world.only_to(ALICE), sdp("id2"));
    assert!(world.sent.is_empty());
}

#[test]
fn nobody_speaks_into_or_ends_the_session_of_another() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.announce(BOB);
    world.sent.clear();
    for message in [
        sdp("id2"),
        sdp("nope"),
        json!({"type":"endSession","sessionId":"id2"}),
    ] {
        world.say(BOB, message);
        assert_eq!(world.only_to(BOB)["code"], "no-such-session");
        assert!(world.sent.is_empty());
    }
    assert_eq!(world.room.counts().sessions, 1);
}

#[test]
fn a_stock_peer_is_not_told_of_a_late_message_which_would_end_its_pipeline() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, false);
    world.sent.clear();
    world.say(CAMERA, sdp("ended"));
    assert!(world.sent.is_empty());
}

#[test]
fn the_end_is_forwarded_with_its_reason_or_a_default() {
    let cases = [
        (ALICE, CAMERA, None, "viewer-left"),
        (ALICE, CAMERA, Some("media-failed"), "media-failed"),
        (CAMERA, ALICE, None, "camera-gone"),
        (CAMERA, ALICE, Some("lease-ended"), "lease-ended"),
    ];
    for (from, to, reason, expected) in cases {
        let mut world = World::in_session();
        let mut end = json!({"type":"endSession","sessionId":"id2"});
        if let Some(reason) = reason {
            end["reason"] = reason.into();
        }
        world.say(from, end);
        let told = json!({"type":"endSession","sessionId":"id2","reason":expected});
        assert_eq!(world.only_to(to), told);
        assert!(world.to(from).is_empty());
        assert_eq!(world.room.counts().sessions, 0);
    }
}

#[test]
fn a_client_that_goes_ends_its_sessions() {
    for (leaver, other, reason) in [
        (ALICE, CAMERA, "viewer-left"),
        (CAMERA, ALICE, "camera-gone"),
    ] {
        let mut world = World::in_session();
        world.gone(leaver);
        let told = json!({"type":"endSession","sessionId":"id2","reason":reason});
        assert_eq!(world.to(other)[0], told);
        assert!(world.to(leaver).is_empty());
        assert_eq!(world.room.counts().sessions, 0);
    }
}

#[test]
fn a_second_connection_of_a_camera_takes_over() {
    let mut world = World::in_session();
    let second = ClientId(9);
    world.camera(second, "front");
    assert_eq!(world.only_to(CAMERA)["code"], "replaced");
    assert_eq!(world.dropped, [(CAMERA, Code::Replaced)]);
    assert_eq!(world.to(ALICE)[0]["reason"], "camera-gone");
    world.produce(second, true);
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
fn a_revoked_viewer_is_cut_off_at_both_ends() {
    let mut world = World::in_session();
    world.viewer(BOB, rights("bob"));
    world.sent.clear();
    let actions = world.room.revoke_viewer("alice");
    world.act(actions);
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
fn a_removed_camera_is_cut_off_and_unknown_afterwards() {
    let mut world = World::in_session();
    let actions = world.room.remove_camera("front");
    world.act(actions);
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
fn meta_must_be_an_object_of_bounded_size() {
    for meta in [json!("text"), json!({"x": "y".repeat(MAX_META_BYTES)})] {
        let mut world = World::new();
        world.camera(CAMERA, "front");
        world.sent.clear();
        let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":meta,"porthole":{"version":1}});
        world.say(CAMERA, status);
        assert_eq!(world.only_to(CAMERA)["code"], "bad-message");
        assert_eq!(world.room.counts().cameras, 0);
    }
}

#[test]
fn the_sessions_of_a_viewer_are_bounded() {
    let mut world = World::in_session();
    for _ in 1..MAX_SESSIONS_PER_VIEWER {
        world.start(ALICE, "front");
    }
    world.sent.clear();
    world.start(ALICE, "front");
    assert_eq!(world.only_to(ALICE)["code"], "too-many");
    assert!(world.to(CAMERA).is_empty());
}

#[test]
fn the_sessions_of_a_camera_are_bounded() {
    let mut world = World::new();
    world.camera(CAMERA, "front");
    world.produce(CAMERA, true);
    for n in 0..=MAX_SESSIONS_PER_CAMERA as u64 {
        let client = ClientId(100 + n);
        world.viewer(client, rights("alice-and-all").guest_named());
        world.announce(client);
        world.sent.clear();
        world.start(client, "front");
    }
    assert_eq!(world.room.counts().sessions, MAX_SESSIONS_PER_CAMERA);
    assert_eq!(world.sent[0].1["code"], "too-many");
}

impl Rights {
    fn guest_named(self) -> Self {
        Self {
            user: GUEST.to_owned(),
            ..self
        }
    }
}

#[test]
fn the_connections_of_one_user_are_bounded() {
    let mut world = World::new();
    for n in 0..MAX_CONNECTIONS_PER_USER as u64 {
        world.viewer(ClientId(100 + n), rights("alice"));
    }
    world.viewer(ALICE, rights("alice"));
    world.viewer(BOB, rights("bob"));
    assert_eq!(world.dropped, [(ALICE, Code::TooMany)]);
}

#[test]
fn viewers_are_bounded_and_leave_room_for_cameras() {
    let mut world = World::new();
    for n in 0..MAX_VIEWERS as u64 {
        world.viewer(ClientId(100 + n), Rights::guest());
    }
    world.viewer(ALICE, rights("alice"));
    world.camera(CAMERA, "front");
    assert_eq!(world.dropped, [(ALICE, Code::TooMany)]);
}
