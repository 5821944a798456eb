// SPDX-License-Identifier: MPL-2.0
use super::*;
use porthole_protocol::grant::GrantSigner;

const ORPHAN: Duration = Duration::from_secs(60);

struct Scene {
    signer: GrantSigner,
    gate: Gate,
    start: Instant,
}

impl Scene {
    fn new() -> Self {
        let signer = GrantSigner::generate().unwrap();
        let mut gate = Gate::new("front", signer.public_key(), 4, ORPHAN);
        gate.online("nonce".into());
        Self {
            signer,
            gate,
            start: Instant::now(),
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
        };
        change(&mut grant);
        self.signer.sign(&grant).unwrap()
    }

    fn admit(&mut self, session: &str, token: &str) -> Result<(), Refusal> {
        self.gate
            .admit(session, Some(token), self.start)
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
    assert_eq!(scene.gate.admit("s", None, now), Err(Refusal::NoGrant));
    let forged = Scene::new().token(|_| ());
    assert_eq!(scene.admit("s", &forged), Err(Refusal::Forged));
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
    scene.gate.offline(scene.start);
    assert_eq!(scene.admit("s", &token), Err(Refusal::WrongNonce));
    scene.gate.online("nonce 2".into());
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
fn a_session_ends_with_its_lease_and_not_before() {
    let mut scene = Scene::new();
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
    scene.gate.connected("s");
    assert_eq!(
        scene.gate.next_deadline(),
        Some(scene.at(MAX_LEASE_SECONDS.into()))
    );
}

#[test]
fn an_update_moves_the_end_both_ways_and_counts_from_its_arrival() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    scene.gate.connected("s");
    for (seq, lease, arrives, ends) in [(1, 500, 10, 510), (2, 5, 20, 25)] {
        let token = scene.token(|g| (g.seq, g.lease) = (seq, lease));
        scene.gate.update("s", &token, scene.at(arrives)).unwrap();
        assert_eq!(scene.gate.next_deadline(), Some(scene.at(ends)));
    }
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
fn sessions_end_when_the_server_was_out_of_reach_too_long() {
    let mut scene = Scene::new();
    scene.admit_session("s");
    scene.gate.connected("s");
    scene.gate.offline(scene.at(10));
    scene.gate.offline(scene.at(30));
    assert_eq!(scene.gate.due(scene.at(69)), vec![]);
    assert_eq!(
        scene.gate.due(scene.at(70)),
        vec![("s".into(), Code::ServerUnreachable)]
    );
    scene.gate.online("nonce 2".into());
    assert_eq!(scene.gate.due(scene.at(70)), vec![]);
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
