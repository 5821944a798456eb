// SPDX-License-Identifier: MPL-2.0
//! One camera's link, told what happens; the gate's own rules are in gate_tests.rs, both ends together in simulation.rs.

use std::time::Duration;

use porthole_protocol::grant::{Grant, GrantSigner, Permission};
use serde_json::{Value, json};

use super::*;
use crate::{
    calling::BellEvent,
    driving::{DriveReason, Driver, DriverChange},
    opening::{DoorAsked, DoorResult},
    signaller::gate::Refusal,
};

pub(super) struct Scene {
    signer: GrantSigner,
    link: Link<()>,
    pub(super) calls: SharedCalls,
    pub(super) start: Instant,
    pub(super) sent: Vec<Value>,
    pub(super) media: Vec<Media>,
    pub(super) events: Vec<Event>,
    pub(super) publications: Vec<Publication>,
    pub(super) bell: Vec<BellEvent>,
    reconnects: Vec<Why>,
}

impl Scene {
    pub(super) fn offline() -> Self {
        let signer = GrantSigner::generate().unwrap();
        let orphan = Duration::from_secs(60);
        let gate = Gate::new("front", signer.public_key(), 4, orphan);
        let mut n = 0;
        let nonces = Box::new(move || {
            n += 1;
            format!("nonce {n}")
        });
        let calls = SharedCalls::default();
        let link = Link::new(Arc::new(Mutex::new(gate)), calls.clone(), None, nonces);
        let mut scene = Self {
            signer,
            link,
            calls,
            start: Instant::now(),
            sent: Vec::new(),
            media: Vec::new(),
            events: Vec::new(),
            publications: Vec::new(),
            bell: Vec::new(),
            reconnects: Vec::new(),
        };
        scene.at(0, Input::Ready(true));
        scene
    }

    /// Registered, on the nonce "nonce 1".
    pub(super) fn online() -> Self {
        let mut scene = Self::offline();
        scene.at(0, Input::Connected);
        scene.say(0, json!({"type":"welcome","peerId":"front"}));
        scene.forget();
        scene
    }

    fn in_session() -> Self {
        let mut scene = Self::online();
        let grant = scene.grant(|_| ());
        scene.start(0, "s", Some(grant));
        scene.forget();
        scene
    }

    pub(super) fn forget(&mut self) {
        (self.sent, self.media, self.events, self.publications) = Default::default();
        self.bell.clear();
    }

    pub(super) fn at(&mut self, seconds: u64, input: Input) {
        let now = self.start + Duration::from_secs(seconds);
        let outputs = self.link.handle(input, now);
        self.take(outputs);
    }

    pub(super) fn tick(&mut self, seconds: u64) {
        let outputs = self.link.tick(self.start + Duration::from_secs(seconds));
        self.take(outputs);
    }

    fn take(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Send(text) => self.sent.push(serde_json::from_str(&text).unwrap()),
                Output::Media(media) => self.media.push(media),
                Output::Event(event) => self.events.push(event),
                Output::Bell(event) => self.bell.push(event),
                Output::Reconnect(why) => self.reconnects.push(why),
                Output::Publication(publication) => self.publications.push(publication),
                Output::Warning(_) => (),
            }
        }
    }

    pub(super) fn say(&mut self, seconds: u64, message: Value) {
        self.at(seconds, Input::Message(message.to_string()));
    }

    pub(super) fn grant(&self, change: impl FnOnce(&mut Grant)) -> String {
        let mut grant = Grant {
            aud: "front".into(),
            sub: "alice".into(),
            sid: "s".into(),
            nonce: "nonce 1".into(),
            seq: 0,
            lease: 100,
            perms: vec![Permission::View],
            booked: None,
            door_call: None,
        };
        change(&mut grant);
        self.signer.sign(&grant).unwrap()
    }

    pub(super) fn start(&mut self, seconds: u64, session: &str, grant: Option<String>) {
        let message = json!({"type":"startSession","peerId":"v","sessionId":session,"grant":grant});
        self.say(seconds, message);
    }

    pub(super) fn reasons(&self) -> Vec<Code> {
        let left = self.events.iter().filter_map(|event| match event {
            Event::Left { reason, .. } => Some(*reason),
            _ => None,
        });
        left.collect()
    }
}

#[test]
fn the_camera_hears_of_the_viewer_before_webrtcsink_builds_the_session() {
    let mut scene = Scene::online();
    let grant = scene.grant(|_| ());
    scene.start(0, "s", Some(grant));
    let start = Media::Start {
        session: "s".into(),
        offer: None,
    };
    assert_eq!(scene.media, [Media::Viewers(1), start]);
    assert!(matches!(&scene.events[..], [Event::Joined { user, .. }] if user == "alice"));
}

#[test]
fn a_session_waits_for_webrtcsink_and_ends_without_it() {
    let mut scene = Scene::online();
    scene.at(0, Input::Ready(false));
    let grant = scene.grant(|_| ());
    scene.start(0, "s", Some(grant));
    assert_eq!(scene.media, [Media::Viewers(1)]);
    scene.tick(30);
    assert_eq!(scene.reasons(), [Code::MediaFailed]);
    assert_eq!(scene.media, [Media::Viewers(1), Media::Viewers(0)]);
}

#[test]
fn the_end_of_a_lease_goes_to_webrtcsink_the_server_and_the_application() {
    let mut scene = Scene::in_session();
    scene.at(1, Input::MediaFlows("s".into()));
    scene.at(50, Input::Alive);
    scene.tick(99);
    assert!(scene.media.is_empty());
    scene.tick(100);
    assert_eq!(scene.media, [Media::End("s".into()), Media::Viewers(0)]);
    assert_eq!(
        scene.sent,
        [json!({"type":"endSession","sessionId":"s","reason":"lease-ended"})]
    );
    assert_eq!(scene.reasons(), [Code::LeaseEnded]);
}

fn drives(session: &str, before: Option<&str>) -> Input {
    let driver = |session: &str| Driver {
        session: session.to_owned(),
        user: "alice".to_owned(),
    };
    Input::DriverChanged(DriverChange {
        driver: Some(driver(session)),
        before: before.map(|before| (driver(before), DriveReason::Stalled)),
    })
}

fn asks(result: DoorResult) -> Input {
    Input::DoorAsked(DoorAsked {
        session: "s".into(),
        user: "alice".into(),
        result,
        call: Some("c".into()),
        detail: None,
    })
}

#[test]
fn a_server_that_has_given_the_door_hears_who_opened_it_also_after_it_was_away() {
    let mut scene = Scene::in_session();
    scene.at(1, asks(DoorResult::NotPermitted));
    assert!(scene.sent.is_empty(), "one of before knows no doors");
    assert!(matches!(scene.events[..], [Event::Door(_)]));
    let door = scene.grant(|grant| {
        grant.seq = 1;
        grant.perms.push(Permission::Door);
    });
    scene.say(
        2,
        json!({"type":"grantUpdate","sessionId":"s","grant":door}),
    );
    scene.forget();
    scene.at(3, asks(DoorResult::Opened));
    let told =
        |ago, result| json!({"type":"door","sessionId":"s","ago":ago,"result":result,"callId":"c"});
    let both = [told(2000, "not-permitted"), told(0, "opened")];
    assert_eq!(scene.sent, both);
    scene.at(4, Input::Lost(String::new()));
    scene.forget();
    scene.at(5, asks(DoorResult::Refused));
    scene.at(9, Input::Connected);
    scene.say(9, json!({"type":"welcome","peerId":"front"}));
    let doors: Vec<_> = scene.sent.iter().filter(|m| m["type"] == "door").collect();
    assert_eq!(doors, [&told(4000, "refused")]);
    assert_eq!(scene.sent[0]["porthole"]["door"], true);
}

#[test]
fn a_server_that_says_what_is_booked_hears_who_drives_also_after_it_was_away() {
    let mut scene = Scene::online();
    let grant = scene.grant(|grant| grant.booked = Some(Vec::new()));
    scene.start(0, "s", Some(grant));
    scene.forget();
    scene.at(1, drives("s", None));
    let drive = |began: u64| json!({"type":"drive","sessionId":"s","began":began});
    assert_eq!(scene.sent, [drive(0)]);
    assert!(matches!(&scene.events[..], [Event::Driver { .. }]));
    scene.at(2, Input::Lost(String::new()));
    scene.forget();
    scene.at(4, drives("t", Some("s")));
    scene.at(5, drives("s", Some("t")));
    assert_eq!(scene.sent, [] as [Value; 0]);
    let lasted = scene.events.iter().map(|event| match event {
        Event::Driver { lasted, .. } => lasted.as_secs(),
        other => panic!("{other:?}"),
    });
    assert_eq!(lasted.collect::<Vec<_>>(), [3, 1]);
    scene.at(6, Input::Connected);
    scene.at(6, drives("s", Some("s")));
    assert_eq!(
        scene.sent,
        [] as [Value; 0],
        "the server knows no session yet"
    );
    scene.say(7, json!({"type":"welcome","peerId":"front"}));
    let over = |session: &str, began: u64, ago: u64| json!({"type":"drive","sessionId":session,"began":began,"end":{"ago":ago,"reason":"stalled"}});
    let told = [
        over("s", 6_000, 3_000),
        over("t", 3_000, 2_000),
        over("s", 2_000, 1_000),
        drive(1_000),
    ];
    assert_eq!(scene.sent[0]["type"], "setPeerStatus");
    assert_eq!(scene.sent[1..], told);
}

#[test]
fn a_server_of_before_hears_nothing_of_who_drives() {
    let mut scene = Scene::in_session();
    scene.at(1, drives("s", None));
    assert_eq!(scene.sent, [] as [Value; 0]);
    assert!(matches!(&scene.events[..], [Event::Driver { .. }]));
}

#[test]
fn a_viewer_who_closes_the_connection_has_left_and_the_server_is_told() {
    let mut scene = Scene::in_session();
    scene.at(1, Input::MediaFlows("s".into()));
    scene.at(2, Input::Closed("s".into()));
    assert_eq!(scene.reasons(), [Code::ViewerLeft]);
    let told = json!({"type":"endSession","sessionId":"s","reason":"viewer-left"});
    assert_eq!(scene.sent, std::slice::from_ref(&told));
    // Its own teardown closes the connection as well.
    scene.at(3, Input::Closed("s".into()));
    assert_eq!(scene.sent, [told]);
}

#[test]
fn what_is_overdue_ends_before_anything_else_is_heard() {
    let mut scene = Scene::in_session();
    scene.at(1, Input::MediaFlows("s".into()));
    scene.at(50, Input::Alive);
    // It arrives when the lease is over; the session must not be there to be renewed.
    let grant = scene.grant(|g| g.seq = 1);
    scene.say(
        100,
        json!({"type":"grantUpdate","sessionId":"s","grant":grant}),
    );
    assert_eq!(scene.reasons(), [Code::LeaseEnded]);
}

#[test]
fn an_update_is_heard_of_and_one_without_time_ends_the_session() {
    let mut scene = Scene::in_session();
    let longer = scene.grant(|g| (g.seq, g.lease) = (1, 500));
    scene.say(
        1,
        json!({"type":"grantUpdate","sessionId":"s","grant":longer}),
    );
    assert!(matches!(
        scene.events[..],
        [Event::Renewed { seconds: 500, .. }]
    ));
    let over = scene.grant(|g| (g.seq, g.lease) = (2, 0));
    scene.say(
        2,
        json!({"type":"grantUpdate","sessionId":"s","grant":over}),
    );
    assert_eq!(scene.reasons(), [Code::LeaseEnded]);
}

#[test]
fn running_sessions_are_reported_at_registration() {
    let mut scene = Scene::in_session();
    scene.at(1, Input::MediaFlows("s".into()));
    scene.at(2, Input::Lost("gone".into()));
    scene.at(3, Input::Connected);
    scene.say(3, json!({"type":"welcome","peerId":"front"}));
    let porthole = &scene.sent[0]["porthole"];
    assert_eq!(porthole["nonce"], "nonce 2");
    assert_eq!(porthole["sessions"][0]["sessionId"], "s");
    assert_eq!(porthole["sessions"][0]["lease"], 97);
    scene.tick(8);
    assert_eq!(scene.reasons(), [Code::Unconfirmed]);
}

#[test]
fn a_bad_description_ends_its_session_alone() {
    let mut scene = Scene::in_session();
    let other = scene.grant(|g| g.sid = "t".into());
    scene.start(0, "t", Some(other));
    scene.forget();
    scene.say(
        0,
        json!({"type":"peer","sessionId":"s","sdp":{"type":"offer","sdp":"v=0"}}),
    );
    assert_eq!(scene.reasons(), [Code::BadDescription]);
    assert_eq!(scene.media, [Media::End("s".into()), Media::Viewers(1)]);
    assert_eq!(scene.sent[0]["reason"], "bad-description");
}

#[test]
fn one_that_was_replaced_says_so_and_comes_back_later() {
    let mut scene = Scene::in_session();
    scene.say(0, json!({"type":"error","details":"...","code":"replaced"}));
    assert_eq!(scene.reconnects, [Why::Replaced]);
    assert!(
        matches!(&scene.events[..], [Event::Offline { error }] if error.contains("same camera key"))
    );
}

#[test]
fn an_outage_is_told_of_once() {
    let mut scene = Scene::offline();
    for n in 0..5 {
        scene.at(n, Input::Lost("unreachable".into()));
    }
    assert_eq!(scene.events.len(), 1);
}

#[test]
fn a_replayed_start_does_not_end_the_session_that_runs() {
    let mut scene = Scene::in_session();
    let grant = scene.grant(|_| ());
    scene.start(1, "s", Some(grant));
    assert!(scene.sent.is_empty());
    assert!(matches!(scene.events[..], [Event::Refused { .. }]));
}

#[test]
fn what_webrtcsink_says_of_ended_sessions_goes_nowhere() {
    let mut scene = Scene::in_session();
    scene.at(0, Input::Ended("s".into()));
    scene.forget();
    let candidate = PeerMessageInner::Ice {
        candidate: "c".into(),
        sdp_m_line_index: 0,
    };
    scene.at(
        0,
        Input::Peer(PeerMessage {
            session_id: "s".into(),
            peer_message: candidate,
        }),
    );
    assert!(scene.sent.is_empty());
}

#[test]
fn renewed_ice_servers_stay_in_the_session_unless_they_come_with_a_grant_that_is_refused() {
    let mut scene = Scene::in_session();
    let username = |scene: &Scene| {
        let gate = scene.link.gate();
        let servers = &gate.sessions()["s"].ice_servers;
        servers.first().and_then(|server| server.username.clone())
    };
    let update = |user: &str, grant: Option<String>| {
        json!({"type":"grantUpdate","sessionId":"s","grant":grant,
            "iceServers":[{"urls":["turn:t"],"username":user,"credential":"c"}]})
    };
    scene.say(1, update("1:s", None));
    assert_eq!(username(&scene).as_deref(), Some("1:s"));
    let good = scene.grant(|grant| grant.seq = 1);
    scene.say(2, update("2:s", Some(good)));
    assert_eq!(username(&scene).as_deref(), Some("2:s"));
    let old = scene.grant(|grant| grant.seq = 1);
    scene.say(3, update("3:s", Some(old)));
    let next = scene.grant(|grant| grant.seq = 2);
    scene.say(
        4,
        json!({"type":"grantUpdate","sessionId":"s","grant":next}),
    );
    assert_eq!(username(&scene).as_deref(), Some("2:s"));
}

#[test]
fn keys_come_before_the_grants_that_need_them_and_a_strangers_are_not_taken() {
    let mut scene = Scene::in_session();
    let stranger = GrantSigner::generate().unwrap();
    let strangers = stranger.rotated().unwrap();
    scene.say(1, json!({"type":"grantKeys","chain":strangers.chain()}));
    let next = scene.signer.rotated().unwrap();
    scene.say(2, json!({"type":"grantKeys","chain":next.chain()}));
    scene.signer = next;
    let grant = scene.grant(|grant| grant.seq = 1);
    scene.say(
        2,
        json!({"type":"grantUpdate","sessionId":"s","grant":grant}),
    );
    assert!(
        matches!(scene.events[..], [Event::Renewed { .. }]),
        "{:?}",
        scene.events
    );
    scene.signer = strangers;
    let grant = scene.grant(|grant| grant.sid = "t".into());
    scene.start(3, "t", Some(grant));
    let refused = scene.events.last();
    let reason = Refusal::UnknownKey;
    assert!(matches!(refused, Some(Event::Refused { refusal, .. }) if *refusal == reason));
    assert_eq!(reason.code(), Code::GrantRefused);
}

// -- statistics -------------------------------------------------------------------------------------

fn viewer_stats(session: &str, frames: u32) -> Value {
    json!({"type":"viewerStats","sessionId":session,"frames":frames,"freezes":2,"freezeSeconds":0.5})
}

fn measured(session: &str) -> Input {
    Input::Measured(SessionStats {
        session_id: session.into(),
        rung: 0,
        rungs: 1,
        width: 0,
        height: 0,
        estimate: 0,
        sent: 7,
        loss: 0.0,
        rtt: None,
    })
}

impl Scene {
    fn frames(&self) -> Option<u32> {
        let gate = self.link.gate();
        let seen = gate.sessions().values().next()?.viewer_stats.as_ref();
        seen.map(|seen| seen.frames)
    }
}

#[test]
fn a_viewers_statistics_are_kept_and_answered_with_the_cameras() {
    let mut scene = Scene::in_session();
    assert_eq!(scene.frames(), None);
    scene.say(2, viewer_stats("s", 50));
    assert_eq!(scene.frames(), Some(50));
    assert_eq!(scene.media, [Media::Measure("s".into())]);
    assert!(scene.sent.is_empty());
    scene.at(2, measured("s"));
    assert_eq!(scene.sent[0]["type"], "sessionStats");
    assert_eq!(scene.sent[0]["sent"], 7);
    assert!(scene.events.is_empty(), "{:?}", scene.events);
}

#[test]
fn who_says_nothing_is_told_nothing() {
    let mut scene = Scene::in_session();
    scene.at(0, Input::MediaFlows("s".into()));
    for second in 0..50 {
        scene.tick(second);
    }
    assert!(scene.media.is_empty() && scene.sent.is_empty());
}

#[test]
fn statistics_that_come_too_fast_are_kept_but_not_answered() {
    let mut scene = Scene::in_session();
    for n in 0..1000 {
        scene.say(2, viewer_stats("s", n));
    }
    assert_eq!(scene.frames(), Some(999));
    assert_eq!(scene.media.len(), 1);
    scene.say(3, viewer_stats("s", 1));
    assert_eq!(scene.media.len(), 2);
}

#[test]
fn statistics_that_no_session_can_have_or_of_no_session_change_nothing() {
    let mut scene = Scene::in_session();
    for (field, bad) in [
        ("freezeSeconds", json!(-1)),
        ("freezeSeconds", json!(1e300)),
        ("frames", json!("many")),
        ("frames", json!(-1)),
        ("sessionId", json!("t")),
        // A size has two sides.
        ("width", json!(320)),
        ("width", json!(-1)),
        ("width", json!(1e300)),
    ] {
        let mut stats = viewer_stats("s", 50);
        stats[field] = bad;
        scene.say(2, stats);
    }
    scene.at(2, measured("t"));
    assert_eq!(scene.frames(), None);
    assert!(scene.media.is_empty() && scene.sent.is_empty() && scene.events.is_empty());
}

#[test]
fn statistics_wait_for_nobody() {
    let mut scene = Scene::in_session();
    scene.at(2, Input::Busy(true));
    scene.say(2, viewer_stats("s", 50));
    assert!(scene.media.is_empty(), "webrtcsink has enough to do");
    scene.at(3, Input::Busy(false));
    scene.say(4, viewer_stats("s", 51));
    scene.at(4, Input::Lost("lost".into()));
    scene.forget();
    scene.at(4, measured("s"));
    assert!(scene.sent.is_empty(), "nobody is there to take them");
}
