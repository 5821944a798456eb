// SPDX-License-Identifier: MPL-2.0
use super::*;

/// A client and what it and the room were told, as JSON: `room` and `client`.
struct Talk {
    translator: Translator,
    now: Instant,
}

impl Talk {
    fn camera(lab_offers: LabOffers) -> Self {
        Self::of(Translator::camera("front", lab_offers))
    }

    fn viewer(lab_offers: LabOffers) -> Self {
        Self::of(Translator::viewer(lab_offers))
    }

    fn of(translator: Translator) -> Self {
        let now = Instant::now();
        Self { translator, now }
    }

    fn says(&mut self, event: &str, data: Value) -> Vec<Value> {
        written(self.translator.heard(event, &data, self.now))
    }

    fn hears(&mut self, message: Value) -> Vec<Value> {
        let message = serde_json::from_value(message).unwrap();
        written(self.translator.told(message, self.now))
    }

    fn waits(&mut self) -> Vec<Value> {
        self.now = self.translator.deadline().unwrap();
        written(self.translator.tick(self.now))
    }
}

fn written(steps: Vec<Step>) -> Vec<Value> {
    let written = steps.into_iter().map(|step| match step {
        Step::Room(message) => json!({"room": message}),
        Step::Client(event, data) => json!({"client": event, "data": data}),
    });
    written.collect()
}

fn to_room(message: Value) -> Value {
    json!({"room": message})
}

fn to_client(event: &str, data: Value) -> Value {
    json!({"client": event, "data": data})
}

fn code(steps: &[Value]) -> &str {
    assert_eq!(
        (steps.len(), &steps[0]["client"]),
        (1, &json!("error")),
        "{steps:?}"
    );
    steps[0]["data"]["code"].as_str().unwrap()
}

fn sdp(kind: &str) -> Value {
    json!({"type": kind, "sdp": "v=0\r\nm=video 9\r\n"})
}

fn peer_sdp(kind: &str) -> Value {
    json!({"type": "peer", "sessionId": "s", "sdp": sdp(kind)})
}

fn peer_ice() -> Value {
    json!({"type": "peer", "sessionId": "s", "ice": {"candidate": "candidate:1", "sdpMLineIndex": 0}})
}

fn ice() -> Value {
    json!({"candidate": "candidate:1", "sdpMid": null, "sdpMLineIndex": 0})
}

fn start(offer: Option<&str>) -> Value {
    json!({"type": "startSession", "peerId": "p", "sessionId": "s", "offer": offer})
}

fn started() -> Value {
    json!({"type": "sessionStarted", "peerId": "front", "sessionId": "s"})
}

fn ended(reason: &str) -> Value {
    json!({"type": "endSession", "sessionId": "s", "reason": reason})
}

const SDP: &str = "v=0\r\nm=video 9\r\n";

#[test]
fn a_robot_is_a_camera_that_answers_whom_it_is_told_and_nobody_else() {
    let mut robot = Talk::camera(LabOffers::Viewer);
    assert!(robot.translator.greeting().is_empty());
    let registered = robot.says("register", json!({"userId": "Front", "userType": "robot"}));
    assert_eq!(registered[0]["room"]["meta"], json!({"offers": "viewer"}));
    assert_eq!(registered[0]["room"]["roles"], json!(["producer"]));
    assert_eq!(registered[1]["client"], "registered");
    let mut message = start(Some(SDP));
    message["iceServers"] = json!([{"urls": ["turn:t"]}]);
    let offer = json!({"from": "s", "offer": sdp("offer"), "iceServers": [{"urls": ["turn:t"]}]});
    assert_eq!(robot.hears(message), [to_client("offer", offer)]);
    // `from` is ours to say, and is not heeded where it is forged.
    let forged = json!({"to": "s", "from": "alice", "answer": sdp("answer")});
    assert_eq!(robot.says("answer", forged), [to_room(peer_sdp("answer"))]);
    let said = json!({"to": "s", "candidate": {"candidate": "candidate:1", "sdpMLineIndex": 0}});
    assert_eq!(robot.says("ice-candidate", said), [to_room(peer_ice())]);
    let heard = json!({"from": "s", "candidate": ice()});
    assert_eq!(robot.hears(peer_ice()), [to_client("ice-candidate", heard)]);
    let stranger = json!({"to": "another", "answer": sdp("answer")});
    assert_eq!(code(&robot.says("answer", stranger)), "no-such-session");
    let bye = json!({"from": "s", "reason": "revoked"});
    assert_eq!(robot.hears(ended("revoked")), [to_client("bye", bye)]);
    assert_eq!(
        code(&robot.says("answer", json!({"to": "s", "sdp": "v=0"}))),
        "no-such-session"
    );
}

#[test]
fn whoever_has_a_cameras_secret_is_that_camera_whatever_it_calls_itself() {
    let mut robot = Talk::camera(LabOffers::Viewer);
    assert_eq!(
        code(&robot.says("register", json!({"userId": "back"}))),
        "not-permitted"
    );
    assert_eq!(code(&robot.says("join", json!("back"))), "not-permitted");
    // A guide's robot that does not say what it is called.
    assert_eq!(robot.says("register", json!(null)).len(), 2);
}

#[test]
fn a_session_that_nobody_describes_is_ended() {
    let mut robot = Talk::camera(LabOffers::Viewer);
    robot.says("register", json!({}));
    assert_eq!(robot.hears(start(None)), [] as [Value; 0]);
    let late = robot.waits();
    assert_eq!(late[0], to_room(ended("media-failed")));
    assert_eq!(
        (&late[1]["client"], &late[2]["client"]),
        (&json!("error"), &json!("bye"))
    );
    // Our page offers a moment after the session's start.
    robot.hears(start(None));
    let offer = json!({"from": "s", "offer": sdp("offer")});
    assert_eq!(robot.hears(peer_sdp("offer")), [to_client("offer", offer)]);
    assert!(robot.translator.deadline().is_none());
}

#[test]
fn a_page_of_the_robots_guides_watches_any_camera() {
    let mut page = Talk::viewer(LabOffers::Viewer);
    assert_eq!(
        written(page.translator.greeting())[0]["room"]["porthole"]["version"],
        1
    );
    assert_eq!(
        page.says("register", json!({"userId": "u"})),
        [to_client("registered", json!({}))]
    );
    let asked = json!({"type": "startSession", "peerId": "front", "offer": SDP});
    let offer = json!({"to": "Front", "offer": sdp("offer")});
    assert_eq!(page.says("offer", offer), [to_room(asked)]);
    // Quicker than the session's id.
    let candidate =
        json!({"to": "front", "candidate": {"candidate": "candidate:1", "sdpMLineIndex": 0}});
    assert_eq!(
        page.says("ice-candidate", candidate.clone()),
        [] as [Value; 0]
    );
    let mut message = started();
    message["terms"] = json!({"lease": 60, "perms": ["view"]});
    let told = json!({"from": "front", "iceServers": [], "lease": 60, "perms": ["view"]});
    let expected = [to_client("session-started", told), to_room(peer_ice())];
    assert_eq!(page.hears(message), expected);
    assert_eq!(page.says("ice-candidate", candidate), [to_room(peer_ice())]);
    assert_eq!(
        page.says("ice-candidate", json!({"to": "front", "candidate": null})),
        [] as [Value; 0]
    );
    let answer = json!({"from": "front", "answer": sdp("answer")});
    assert_eq!(
        page.hears(peer_sdp("answer")),
        [to_client("answer", answer)]
    );
    let mut end = ended("lease-ended");
    end["nextBooking"] = json!("2026-12-01T10:00:00Z");
    let bye =
        json!({"from": "front", "reason": "lease-ended", "nextBooking": "2026-12-01T10:00:00Z"});
    assert_eq!(page.hears(end), [to_client("bye", bye)]);
}

#[test]
fn what_the_room_refuses_is_told_with_its_code() {
    let mut page = Talk::viewer(LabOffers::Viewer);
    page.says("offer", json!({"to": "front", "sdp": SDP}));
    let refusal = json!({"type": "error", "details": "not now", "code": "no-booking"});
    let data = json!({"code": "no-booking", "message": "not now", "to": "front"});
    assert_eq!(page.hears(refusal), [to_client("error", data)]);
    // The next one is no session that was refused.
    let candidate = json!({"to": "front", "candidate": "candidate:1"});
    assert_eq!(
        code(&page.says("ice-candidate", candidate)),
        "no-such-session"
    );
}

#[test]
fn an_offer_that_names_no_camera_is_for_the_only_one() {
    let mut page = Talk::viewer(LabOffers::Viewer);
    let list = |ids: &[&str]| {
        let producers: Vec<_> = ids
            .iter()
            .map(|id| json!({"id": id, "meta": null}))
            .collect();
        json!({"type": "list", "producers": producers})
    };
    for _ in 0..2 {
        let asked = page.says("offer", json!({"sdp": SDP}));
        assert_eq!(asked, [to_room(json!({"type": "list"}))]);
    }
    assert_eq!(code(&page.hears(list(&["front", "back"]))), "bad-message");
    let asked = json!({"type": "startSession", "peerId": "front", "offer": SDP});
    assert_eq!(page.hears(list(&["front"])), [to_room(asked)]);
}

#[test]
fn a_doorbell_waits_in_its_room_and_one_visitor_at_a_time_is_let_in() {
    let mut bell = Talk::camera(LabOffers::Viewer);
    let created = bell.says("join", json!("Front"));
    assert_eq!(created[0]["room"]["meta"], json!({"offers": "viewer"}));
    assert_eq!(created[1], to_client("created", json!("Front")));
    let expected = [
        to_client("new_peer", json!("Front")),
        to_client("invite", sdp("offer")),
    ];
    assert_eq!(bell.hears(start(Some(SDP))), expected);
    assert_eq!(
        bell.says("ok", sdp("answer")),
        [to_room(peer_sdp("answer"))]
    );
    let mut second = start(Some(SDP));
    second["sessionId"] = json!("other");
    let full = json!({"type": "endSession", "sessionId": "other", "reason": "camera-full"});
    assert_eq!(bell.hears(second), [to_room(full)]);
    assert_eq!(
        bell.hears(ended("viewer-left")),
        [to_client("bye", json!("Front"))]
    );
    // It answers, and has left until it joins again.
    assert_eq!(
        bell.says("bye", json!("Front"))[0]["room"]["roles"],
        json!([])
    );
    assert_eq!(
        bell.hears(start(Some(SDP))),
        [to_room(ended("camera-gone"))]
    );
    assert_eq!(bell.says("create", json!({"room": "front"})).len(), 2);
}

#[test]
fn a_visitor_of_the_lab_is_sent_one_answer_with_all_candidates_in_it() {
    let mut visitor = Talk::viewer(LabOffers::Viewer);
    assert_eq!(
        visitor.says("join", json!("front")),
        [to_room(json!({"type": "list"}))]
    );
    let list = json!({"type": "list", "producers": [{"id": "front", "meta": null}]});
    assert_eq!(visitor.hears(list), [to_client("joined", json!("front"))]);
    let asked = json!({"type": "startSession", "peerId": "front", "offer": SDP});
    assert_eq!(visitor.says("invite", sdp("offer")), [to_room(asked)]);
    assert_eq!(visitor.hears(started()), [] as [Value; 0]);
    // One comes before the answer, one after it.
    assert_eq!(visitor.hears(peer_ice()), [] as [Value; 0]);
    assert_eq!(visitor.hears(peer_sdp("answer")), [] as [Value; 0]);
    assert_eq!(
        visitor.translator.deadline(),
        Some(visitor.now + viewer::GATHER)
    );
    assert_eq!(visitor.hears(peer_ice()), [] as [Value; 0]);
    assert_eq!(
        visitor.translator.deadline(),
        Some(visitor.now + viewer::QUIET)
    );
    let whole = format!("{SDP}a=candidate:1\r\na=candidate:1\r\n");
    let ok = json!({"type": "answer", "sdp": whole});
    assert_eq!(visitor.waits(), [to_client("ok", ok)]);
    // What is found later is better late than never.
    assert_eq!(
        visitor.hears(peer_ice()),
        [to_client("ice_candidate", ice())]
    );
    assert_eq!(
        visitor.says("bye", json!("front")),
        [to_room(ended("viewer-left"))]
    );
    assert_eq!(visitor.says("bye", json!(null)), [] as [Value; 0]);
}

#[test]
fn an_answer_that_is_complete_does_not_wait() {
    let mut visitor = Talk::viewer(LabOffers::Viewer);
    visitor.says("join", json!("front"));
    visitor.hears(json!({"type": "list", "producers": [{"id": "front", "meta": null}]}));
    visitor.says("invite", sdp("offer"));
    visitor.hears(started());
    let sdp = format!("{SDP}a=candidate:1\r\na=end-of-candidates\r\n");
    let answer = json!({"type": "peer", "sessionId": "s", "sdp": {"type": "answer", "sdp": sdp}});
    let ok = json!({"type": "answer", "sdp": sdp});
    assert_eq!(visitor.hears(answer), [to_client("ok", ok)]);
}

#[test]
fn a_camera_that_says_that_it_has_no_more_ways_is_waited_for_no_longer() {
    let end =
        json!({"type": "peer", "sessionId": "s", "ice": {"candidate": "", "sdpMLineIndex": 0}});
    for end_comes_first in [true, false] {
        let mut visitor = Talk::viewer(LabOffers::Viewer);
        visitor.says("join", json!("front"));
        visitor.hears(json!({"type": "list", "producers": [{"id": "front", "meta": null}]}));
        visitor.says("invite", sdp("offer"));
        visitor.hears(started());
        let (first, second) = match end_comes_first {
            true => (end.clone(), peer_sdp("answer")),
            false => (peer_sdp("answer"), end.clone()),
        };
        assert_eq!(visitor.hears(first), [] as [Value; 0]);
        assert_eq!(visitor.hears(second), [to_client("ok", sdp("answer"))]);
    }
    let mut page = Talk::viewer(LabOffers::Viewer);
    page.says("offer", json!({"to": "front", "sdp": SDP}));
    page.hears(started());
    assert_eq!(page.hears(end.clone()), [] as [Value; 0]);
    let mut robot = Talk::camera(LabOffers::Viewer);
    robot.says("register", json!({}));
    robot.hears(start(Some(SDP)));
    assert_eq!(robot.hears(end), [] as [Value; 0]);
}

#[test]
fn who_may_not_join_is_told_why_and_a_full_room_says_so() {
    let mut visitor = Talk::viewer(LabOffers::Viewer);
    visitor.says("join", json!("front"));
    let list = json!({"type": "list", "producers": []});
    let asked = json!({"type": "startSession", "peerId": "front", "offer": null});
    assert_eq!(visitor.hears(list), [to_room(asked)]);
    let refusal = json!({"type": "error", "details": "not now", "code": "no-booking"});
    assert_eq!(code(&visitor.hears(refusal)), "no-booking");
    assert_eq!(code(&visitor.says("invite", sdp("offer"))), "bad-message");
    // It may try again.
    visitor.says("join", json!("front"));
    visitor.hears(json!({"type": "list", "producers": [{"id": "front", "meta": null}]}));
    visitor.says("invite", sdp("offer"));
    visitor.hears(started());
    assert_eq!(
        visitor.hears(ended("camera-full")),
        [to_client("full", json!("front"))]
    );
    visitor.says("join", json!("front"));
    visitor.hears(json!({"type": "list", "producers": [{"id": "front", "meta": null}]}));
    visitor.says("invite", sdp("offer"));
    let refusal = json!({"type": "error", "details": "full", "code": "too-many"});
    assert_eq!(visitor.hears(refusal)[0], to_client("full", json!("front")));
}

#[test]
fn in_the_first_lab_the_camera_offers() {
    let mut camera = Talk::camera(LabOffers::Camera);
    assert_eq!(
        camera.says("create", json!("front"))[0]["room"]["meta"],
        json!(null)
    );
    assert_eq!(
        camera.hears(start(None)),
        [to_client("new_peer", json!("front"))]
    );
    assert_eq!(
        camera.says("invite", sdp("offer")),
        [to_room(peer_sdp("offer"))]
    );
    assert!(camera.translator.deadline().is_none());
    assert_eq!(camera.says("ice_candidate", ice()), [to_room(peer_ice())]);
    assert_eq!(
        camera.hears(peer_sdp("answer")),
        [to_client("ok", sdp("answer"))]
    );

    let mut visitor = Talk::viewer(LabOffers::Camera);
    visitor.says("join", json!("front"));
    let list = json!({"type": "list", "producers": [{"id": "front", "meta": null}]});
    let asked = json!({"type": "startSession", "peerId": "front", "offer": null});
    assert_eq!(visitor.hears(list), [to_room(asked)]);
    assert_eq!(
        visitor.hears(started()),
        [to_client("joined", json!("front"))]
    );
    assert_eq!(
        visitor.hears(peer_sdp("offer")),
        [to_client("invite", sdp("offer"))]
    );
    assert_eq!(
        visitor.hears(peer_ice()),
        [to_client("ice_candidate", ice())]
    );
    assert_eq!(
        visitor.says("ok", sdp("answer")),
        [to_room(peer_sdp("answer"))]
    );
}

#[test]
fn who_goes_leaves_its_sessions_and_what_is_no_event_is_complained_of() {
    let mut page = Talk::viewer(LabOffers::Viewer);
    page.says("offer", json!({"to": "front", "sdp": SDP}));
    page.hears(started());
    let left = page.translator.leave();
    assert_eq!(json!(left), json!([ended("viewer-left")]));
    for mut who in [
        Talk::viewer(LabOffers::Viewer),
        Talk::camera(LabOffers::Viewer),
    ] {
        for (event, data) in [
            ("offer", json!({"to": "front"})),
            ("answer", json!(7)),
            ("ice-candidate", json!({"candidate": 7})),
            ("invite", json!(null)),
            ("join", json!(7)),
            ("of-the-future", json!(null)),
        ] {
            assert_eq!(code(&who.says(event, data)), "bad-message", "{event}");
        }
        let long = "x".repeat(100_000);
        let complaint = who.says(&long, json!(null));
        assert!(complaint[0]["data"]["message"].as_str().unwrap().len() < 200);
    }
}

#[test]
fn what_waits_is_bounded() {
    let mut page = Talk::viewer(LabOffers::Viewer);
    for n in 0..viewer::MAX_WAITING {
        let offer = json!({"to": format!("camera-{n}"), "sdp": SDP});
        assert_eq!(page.says("offer", offer).len(), 1);
    }
    let refusal = page.says("offer", json!({"to": "one-more", "sdp": SDP}));
    assert_eq!(code(&refusal), "too-many");
    for _ in 0..10 * viewer::MAX_HELD {
        page.says(
            "ice-candidate",
            json!({"to": "camera-3", "candidate": "candidate:1"}),
        );
    }
    let started = json!({"type": "sessionStarted", "peerId": "camera-3", "sessionId": "s"});
    assert_eq!(page.hears(started).len(), 1 + viewer::MAX_HELD);
}

/// Something that a client says, or the room, about one of a few sessions and cameras.
fn anything(which: usize, one: u8) -> Result<(&'static str, Value), Value> {
    let (session, camera) = (
        format!("s{one}"),
        ["front", "Front", "back", ""][usize::from(one) % 4],
    );
    let to = if one < 4 { camera } else { &session };
    let peer = |what: Value| {
        let mut message = json!({"type": "peer", "sessionId": session});
        message
            .as_object_mut()
            .unwrap()
            .extend(what.as_object().unwrap().clone());
        message
    };
    let said = [
        ("register", json!({"userId": camera})),
        ("join", json!(camera)),
        ("create", json!({"room": camera})),
        (
            "offer",
            json!({"to": to, "offer": {"type": "offer", "sdp": SDP}}),
        ),
        ("offer", json!({"sdp": SDP})),
        ("answer", json!({"to": to, "answer": SDP})),
        (
            "ice-candidate",
            json!({"to": to, "candidate": "candidate:1"}),
        ),
        ("invite", sdp("offer")),
        ("ok", sdp("answer")),
        ("ice_candidate", ice()),
        ("bye", json!({"to": to})),
        ("bye", json!(camera)),
        ("offer", json!(one)),
    ];
    let code = ["too-many", "no-booking"][usize::from(one) % 2];
    let heard = [
        json!({"type": "list", "producers": [{"id": "front", "meta": null}]}),
        json!({"type": "list", "producers": []}),
        json!({"type": "startSession", "peerId": "p", "sessionId": session, "offer": SDP}),
        json!({"type": "startSession", "peerId": "p", "sessionId": session, "offer": null}),
        json!({"type": "sessionStarted", "peerId": camera, "sessionId": session}),
        peer(json!({"sdp": sdp("offer")})),
        peer(json!({"sdp": sdp("answer")})),
        peer(json!({"ice": {"candidate": "candidate:1", "sdpMLineIndex": 0}})),
        peer(json!({"ice": {"candidate": "", "sdpMLineIndex": 0}})),
        json!({"type": "endSession", "sessionId": session, "reason": "camera-full"}),
        json!({"type": "error", "details": "", "code": code}),
    ];
    match which % (said.len() + heard.len()) {
        n if n < said.len() => Ok(said[n].clone()),
        n => Err(heard[n - said.len()].clone()),
    }
}

proptest::proptest! {
    #[test]
    fn whatever_is_said_nobody_speaks_in_a_session_that_it_was_not_told_of(
        who in 0_u8..4,
        talk in proptest::collection::vec((0_usize..1000, 0_u8..6, 0_u64..3000), 1..60),
    ) {
        let mut talker = match who {
            0 => Talk::camera(LabOffers::Viewer),
            1 => Talk::camera(LabOffers::Camera),
            2 => Talk::viewer(LabOffers::Viewer),
            _ => Talk::viewer(LabOffers::Camera),
        };
        let mut known = std::collections::BTreeSet::new();
        for (which, one, later) in talk {
            talker.now += Duration::from_millis(later);
            let mut steps = written(talker.translator.tick(talker.now));
            steps.extend(match anything(which, one) {
                Ok((event, data)) => talker.says(event, data),
                Err(message) => {
                    let begins = ["startSession", "sessionStarted"].map(|kind| json!(kind));
                    if let Some(id) = message.get("sessionId").filter(|_| begins.contains(&message["type"])) {
                        known.insert(id.to_string());
                    }
                    talker.hears(message)
                }
            });
            // A session's start brings what was held for it, and nothing else says much.
            assert!(steps.len() <= 8 + viewer::MAX_HELD, "{steps:?}");
            for step in &steps {
                if let Some(id @ Value::String(_)) = step["room"].get("sessionId") {
                    assert!(known.contains(&id.to_string()), "{step}");
                }
            }
            // A deadline that has passed is not one for ever.
            assert!(talker.translator.deadline().is_none_or(|due| due > talker.now - Duration::from_secs(20)));
        }
    }
}
