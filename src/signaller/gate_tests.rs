// SPDX-License-Identifier: MPL-2.0
use super::*;
use porthole_protocol::grant::{GrantSigner, MAX_LEASE_SECONDS};

const ORPHAN: Duration = Duration::from_secs(60);

struct Scene {
    signer: GrantSigner,
    gate: Gate<()>,
    start: Instant,
}

impl Scene {
    fn new() -> Self {
        Self::with_orphan_timeout(ORPHAN.as_secs())
    }

    fn with_orphan_timeout(seconds: u64) -> Self {
        let signer = GrantSigner::generate().unwrap();
        let orphan = Duration::from_secs(seconds);
        let mut gate = Gate::new("front", signer.public_key(), 4, orphan);
        let start = Instant::now();
        gate.online("nonce".into(), start);
        Self {
            signer,
            gate,
            start,
        }
    }

    fn at(&self, seconds: u64) -> Instant {
        self.start + Duration::from_secs(seconds)
    }

    fn token(&self, change: impl FnOnce(&mut Grant)) -> String {
        let mut grant = Grant {
            aud: "front".into(),
            sub: "alice".into(),
            sid: "s".into(),
            nonce: "nonce".into(),
            seq: 0,
            lease: 100,
            perms: vec![Permission::View],
            booked: None,
            door_call: None,
        };
        change(&mut grant);
        self.signer.sign(&grant).unwrap()
    }

    fn admit(&mut self, session: &str, token: &str) -> Result<(), Refusal> {
        self.gate
            .admit(session, Some(token), Vec::new(), false, self.start)
            .map(|_| ())
    }

    fn admit_session(&mut self, session: &str) {
        let token = self.token(|g| g.sid = session.into());
        self.admit(session, &token).unwrap();
    }
}

#[test]
fn a_good_grant_is_admitted() {
    let mut scene = Scene::new();
    let token = scene.token(|_| ());
    assert_eq!(scene.admit("s", &token), Ok(()));
    assert_eq!(scene.gate.viewers(), 1);
}

#[test]
fn every_bad_grant_is_refused_with_its_reason_and_leaves_no_session() {
    type Change = fn(&mut Grant);
    let table: [(&str, Change, Refusal); 7] = [
        (
            "wrong camera",
            |g| g.aud = "back".into(),
            Refusal::WrongCamera,
        ),
        (
            "wrong session",
            |g| g.sid = "t".into(),
            Refusal::WrongSession,
        ),
        (
            "wrong nonce",
            |g| g.nonce = "old".into(),
            Refusal::WrongNonce,
        ),
        ("expired", |g| g.lease = 0, Refusal::Expired),
        ("no permission", |g| g.perms.clear(), Refusal::NotPermitted),
        (
            "wrong permission",
            |g| g.perms = vec![Permission::Listen],
            Refusal::NotPermitted,
        ),
        ("empty audience", |g| g.aud.clear(), Refusal::WrongCamera),
    ];
    for (name, change, expected) in table {
        let mut scene = Scene::new();
        let token = scene.token(change);
        assert_eq!(scene.admit("s", &token), Err(expected), "{name}");
        assert_eq!(scene.gate.viewers(), 0, "{name}");
    }
}

#[test]
fn a_missing_or_forged_grant_is_refused() {
    let mut scene = Scene::new();
    let now = scene.start;
    assert_eq!(
        scene
            .gate
            .admit("s", None, Vec::new(), false, now)
            .map(|_| ()),
        Err(Refusal::NoGrant)
    );
    let strangers = Scene::new().token(|_| ());
    assert_eq!(scene.admit("s", &strangers), Err(Refusal::UnknownKey));
    let mut tampered = scene.token(|_| ());
    tampered.insert(40, 'A');
    assert_eq!(scene.admit("s", &tampered), Err(Refusal::Forged));
    assert_eq!(scene.admit("s", "not a token"), Err(Refusal::Forged));
}

#[test]
fn a_grant_works_once_even_after_its_session_ended() {
    let mut scene = Scene::new();
    let token = scene.token(|_| ());
    scene.admit("s", &token).unwrap();
    assert_eq!(scene.admit("s", &token), Err(Refusal::Replayed));
    scene.gate.remove("s");
    assert_eq!(scene.admit("s", &token), Err(Refusal::Replayed));
}

#[test]
fn a_grant_of_an_earlier_connection_is_refused_on_the_next() {
    let mut scene = Scene::new();
    let token = scene.token(|_| ());
    scene.gate.offline();
    assert_eq!(scene.admit("s", &token), Err(Refusal::WrongNonce));
    scene.gate.online("nonce 2".into(), scene.start);
    assert_eq!(scene.admit("s", &token), Err(Refusal::WrongNonce));
}

#[test]
fn one_more_than_max_viewers_is_told_the_camera_is_full() {
    let mut scene = Scene::new();
    scene.gate.set_max_viewers(1);
    scene.admit_session("a");
    let token = scene.token(|g| g.sid = "b".into());
    assert_eq!(scene.admit("b", &token), Err(Refusal::Full));
    assert_eq!(Refusal::Full.code(), Code::CameraFull);
}

#[test]
fn the_refused_fill_no_memory_and_cannot_come_again_with_the_same_grant() {
    let mut scene = Scene::new();
    scene.gate.set_max_viewers(1);
    scene.admit_session("a");
    let first = scene.token(|g| g.sid = "refused 0".into());
    assert_eq!(scene.admit("refused 0", &first), Err(Refusal::Full));
    scene.gate.set_max_viewers(2);
    assert_eq!(scene.admit("refused 0", &first), Err(Refusal::Replayed));
    scene.gate.set_max_viewers(1);
    for n in 0..=MAX_REFUSED {
        scene.gate.refused.add(&format!("other {n}"));
    }
    assert_eq!(scene.gate.refused.ids.len(), MAX_REFUSED);
    assert!(!scene.gate.is_full_of_memories());
    assert_eq!(scene.gate.viewers(), 1);
}

#[test]
fn nobody_is_admitted_while_the_application_is_behind() {
    let mut scene = Scene::new();
    let (token, now) = (scene.token(|_| ()), scene.start);
    let verdict = scene.gate.admit("s", Some(&token), Vec::new(), true, now);
    assert_eq!(verdict.map(|_| ()), Err(Refusal::Busy));
    assert_eq!(scene.gate.turned_away(), 1);
}

#[test]
fn a_session_ends_with_its_lease_and_not_before() {
    let mut scene = Scene::with_orphan_timeout(1000);
    scene.admit_session("s");
    scene.gate.connected("s");
    assert_eq!(scene.gate.next_deadline(), Some(scene.at(100)));
    assert_eq!(scene.gate.due(scene.at(99)), vec![]);
    assert_eq!(
        scene.gate.due(scene.at(100)),
        vec![("s".into(), Code::LeaseEnded)]
    );
}

#[test]
fn a_lease_longer_than_the_longest_is_cut() {
    let mut scene = Scene::new();
    let token = scene.token(|g| g.lease = u32::MAX);
    scene.admit("s", &token).unwrap();
    let longest = scene.at(MAX_LEASE_SECONDS.into());
    assert_eq!(scene.gate.sessions()["s"].until, longest);
}

#[test]
fn an_update_moves_the_end_both_ways_and_counts_from_its_arrival() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    for (seq, lease, arrives, ends) in [(1, 500, 10, 510), (2, 5, 20, 25)] {
        let token = scene.token(|g| (g.seq, g.lease) = (seq, lease));
        scene.gate.update("s", &token, scene.at(arrives)).unwrap();
        assert_eq!(scene.gate.sessions()["s"].until, scene.at(ends));
    }
}

#[test]
fn a_guest_may_be_called_otherwise_and_nobody_becomes_another() {
    let mut scene = Scene::new();
    let token = scene.token(|g| g.sub = "share:1".into());
    scene.admit("s", &token).unwrap();
    for (seq, sub, user) in [
        (1, "share:1/Anna", "share:1/Anna"),
        (2, "share:2/Anna", "share:1/Anna"),
        (3, "Anna", "share:1/Anna"),
        (4, "share:1", "share:1"),
    ] {
        let token = scene.token(|g| (g.seq, g.sub) = (seq, sub.into()));
        scene.gate.update("s", &token, scene.at(1)).unwrap();
        assert_eq!(scene.gate.sessions()["s"].user, user, "{sub}");
    }
}

#[test]
fn an_authentic_update_without_time_or_view_ends_the_session_and_its_media_at_once() {
    type Change = fn(&mut Grant);
    let table: [(Change, Code); 3] = [
        (|g| g.lease = 0, Code::LeaseEnded),
        (|g| g.perms.clear(), Code::NotPermitted),
        (|g| g.perms = vec![Permission::Listen], Code::NotPermitted),
    ];
    for (change, code) in table {
        let mut scene = Scene::new();
        scene.admit_session("s");
        let permit = scene.gate.sessions()["s"].permit.clone();
        assert!(permit.allows(Permission::View));
        let token = scene.token(|g| {
            g.seq = 1;
            change(g);
        });
        assert_eq!(
            scene.gate.update("s", &token, scene.start),
            Ok(Some(code)),
            "{code}"
        );
        assert!(!permit.allows(Permission::View) && !permit.allows(Permission::Listen));
    }
}

#[test]
fn listen_is_given_and_taken_while_the_session_runs() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    let permit = scene.gate.sessions()["s"].permit.clone();
    assert!(!permit.allows(Permission::Listen));
    for (seq, perms) in [
        (1, vec![Permission::View, Permission::Listen]),
        (2, vec![Permission::View]),
    ] {
        let may_listen = perms.contains(&Permission::Listen);
        let token = scene.token(|g| (g.seq, g.perms) = (seq, perms));
        assert_eq!(scene.gate.update("s", &token, scene.start), Ok(None));
        assert_eq!(permit.allows(Permission::Listen), may_listen);
        assert!(permit.allows(Permission::View));
    }
}

#[test]
fn media_stops_with_the_call_that_removes_the_session() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    let permit = scene.gate.sessions()["s"].permit.clone();
    scene.gate.remove("s").unwrap();
    assert!(!permit.allows(Permission::View));
}

#[test]
fn an_older_update_cannot_be_played_again() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    let long = scene.token(|g| (g.seq, g.lease) = (1, 500));
    let short = scene.token(|g| (g.seq, g.lease) = (2, 5));
    let now = scene.start;
    scene.gate.update("s", &long, now).unwrap();
    scene.gate.update("s", &short, now).unwrap();
    assert_eq!(scene.gate.update("s", &long, now), Err(Refusal::Replayed));
    assert_eq!(
        scene.gate.update("t", &long, now),
        Err(Refusal::WrongSession)
    );
}

#[test]
fn sessions_end_when_the_last_sign_of_the_server_is_older_than_the_orphan_timeout() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    scene.gate.connected("s");
    scene.gate.alive(scene.at(10));
    // That the connection is lost is noticed late; the clock runs from the last word.
    scene.gate.offline();
    assert_eq!(scene.gate.next_deadline(), Some(scene.at(70)));
    assert_eq!(scene.gate.due(scene.at(69)), vec![]);
    assert_eq!(
        scene.gate.due(scene.at(70)),
        vec![("s".into(), Code::ServerUnreachable)]
    );
}

#[test]
fn only_a_confirmed_grant_stops_the_orphan_clock() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    scene.gate.connected("s");
    scene.gate.offline();
    // Someone in the middle welcomes the camera again and again, and keeps the connection lively.
    for n in 1..20 {
        let now = scene.at(n * 3);
        scene.gate.online(format!("nonce {n}"), now);
        scene.gate.alive(now);
        scene.gate.offline();
    }
    assert_eq!(
        scene.gate.due(scene.at(60)),
        vec![("s".into(), Code::ServerUnreachable)]
    );
    scene.gate.online("nonce".into(), scene.at(59));
    let token = scene.token(|g| g.seq = 1);
    scene.gate.update("s", &token, scene.at(59)).unwrap();
    assert_eq!(scene.gate.due(scene.at(60)), vec![]);
    scene.gate.alive(scene.at(80));
    assert_eq!(scene.gate.due(scene.at(139)), vec![]);
}

#[test]
fn a_camera_reports_what_runs_and_what_is_not_confirmed_in_time_ends() {
    let mut scene = Scene::new();
    for id in ["a", "b"] {
        scene.admit_session(id);
    }
    scene.gate.connected("a");
    scene.gate.offline();
    let reported = scene.gate.online("nonce".into(), scene.at(30));
    let told: Vec<_> = reported
        .iter()
        .map(|r| (r.session_id.as_str(), r.lease, r.connected))
        .collect();
    assert_eq!(told, [("a", 70, Some(true)), ("b", 70, Some(false))]);
    scene.gate.connected("b");
    let grant = scene.signer.public_key().read(&reported[0].grant).unwrap();
    assert_eq!((grant.sid.as_str(), grant.sub.as_str()), ("a", "alice"));
    let token = scene.token(|g| (g.sid, g.seq) = ("a".into(), 1));
    scene.gate.update("a", &token, scene.at(31)).unwrap();
    assert_eq!(scene.gate.due(scene.at(34)), vec![]);
    assert_eq!(scene.gate.next_deadline(), Some(scene.at(35)));
    assert_eq!(
        scene.gate.due(scene.at(35)),
        vec![("b".into(), Code::Unconfirmed)]
    );
}

#[test]
fn a_session_that_never_connects_is_given_up() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    assert_eq!(
        scene.gate.next_deadline(),
        Some(scene.start + SETUP_TIMEOUT)
    );
    assert_eq!(
        scene.gate.due(scene.start + SETUP_TIMEOUT),
        vec![("s".into(), Code::MediaFailed)]
    );
}

#[test]
fn a_session_goes_on_while_the_servers_key_is_rotated_and_only_the_next_one_counts_from_then_on() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    let old = scene.token(|g| g.seq = 1);
    let next = scene.signer.rotated().unwrap();
    assert_eq!(scene.gate.learn_keys(next.chain()), Ok(1));
    scene.signer = next;
    assert!(scene.gate.sessions()["s"].permit.allows(Permission::View));
    let at = scene.at(10);
    let updated = scene.gate.update("s", &old, at);
    assert_eq!(
        updated,
        Err(Refusal::UnknownKey),
        "of a key that has had its day"
    );
    let new = scene.token(|g| g.seq = 1);
    assert_eq!(scene.gate.update("s", &new, at), Ok(None));
    scene.admit_session("t");
    // Another connection, and the same chain once more.
    scene.gate.online("nonce 2".into(), at);
    assert_eq!(scene.gate.learn_keys(scene.signer.chain()), Ok(0));
    let new = scene.token(|g| (g.nonce, g.seq) = ("nonce 2".into(), 2));
    assert_eq!(scene.gate.update("s", &new, at), Ok(None));
}

#[test]
fn a_grant_says_who_opens_the_door_and_an_update_takes_it_at_once() {
    use crate::opening::{CallKey, DoorRight};
    let mut scene = Scene::new();
    let call = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
    let token = scene.token(|grant| {
        grant.perms.push(Permission::Door);
        grant.door_call = Some(call.into());
    });
    scene.admit("s", &token).unwrap();
    let right = |scene: &mut Scene| {
        let session = scene.gate.session("s").unwrap();
        (session.permit.allows(Permission::Door), session.door)
    };
    let key = CallKey::new(call).unwrap();
    assert_eq!(right(&mut scene), (true, DoorRight::InCall(key)));
    let less = scene.token(|grant| grant.seq = 1);
    scene.gate.update("s", &less, scene.start).unwrap();
    assert_eq!(right(&mut scene), (false, DoorRight::No));
    // The one before gives nothing back.
    assert_eq!(
        scene.gate.update("s", &token, scene.start),
        Err(Refusal::Replayed)
    );
    assert_eq!(right(&mut scene), (false, DoorRight::No));
    let always = scene.token(|grant| {
        grant.seq = 2;
        grant.perms.push(Permission::Door);
    });
    scene.gate.update("s", &always, scene.start).unwrap();
    assert_eq!(right(&mut scene), (true, DoorRight::Always));
}
