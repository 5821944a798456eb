// SPDX-License-Identifier: MPL-2.0
//! Several servers are one service: a real PostgreSQL, a real nats-server, and servers A, B and C as they run.

use std::time::{Duration, Instant};

use porthole_protocol::grant::GrantSigner;
use porthole_signaling::cluster::{Cluster, ClusterOptions};
use porthole_signaling::store::open;
use porthole_signaling::{Data, Server, ServerOptions};
use serde_json::{Value, json};
use url::Url;

use crate::common::{Client, PATIENCE};
use crate::house::Page;
use crate::nats::{Nats, Way};
use crate::pair::{Pair, until};
use crate::postgres::{Postgres, shared_database};

/// In which what happens at one server counts at another.
const SOON: Duration = Duration::from_secs(1);
/// In which a camera that lost its server can be watched at another.
const BACK: Duration = Duration::from_secs(3);

/// Servers A and B of a pair, and C, on one database and one NATS.
struct Three {
    _nats: Nats,
    ways: Vec<Way>,
    pair: Pair,
    c: Server,
}

fn options(url: &Url) -> ClusterOptions {
    ClusterOptions {
        nats: url.clone(),
        credentials: None,
        ca: None,
        certificate: None,
        name: "test".to_owned(),
    }
}

async fn member(database: &str, signer: &GrantSigner, way: &Way) -> Server {
    let mut own = ServerOptions::new(signer.to_string().parse().unwrap());
    own.cluster = Some(Cluster::connect(&options(&way.url)).await.unwrap());
    crate::pair::start_with(database, own).await.0
}

impl Three {
    async fn on(database: &str) -> Self {
        let nats = Nats::start().await;
        let store = open(database).await.unwrap();
        let password = Data::add_administrator(&*store, "root", "test").await;
        let signer = GrantSigner::generate().unwrap();
        let ways = vec![nats.way().await, nats.way().await, nats.way().await];
        let a = member(database, &signer, &ways[0]).await;
        let b = member(database, &signer, &ways[1]).await;
        let c = member(database, &signer, &ways[2]).await;
        let pair = Pair::of(a, b, &password.unwrap()).await;
        Self {
            _nats: nats,
            ways,
            pair,
            c,
        }
    }

    /// A viewer at A of a camera at B, in a session.
    async fn watching(&self) -> Watching {
        let key = self.pair.camera("front").await;
        let alice = self.pair.user_at_b("alice").await;
        let booking = self.pair.book_and_see("front", ("alice", &alice)).await;
        let at_a = Page {
            address: self.pair.a.local_addr(),
            ..alice.clone()
        };
        let mut camera = Client::camera(&self.pair.b, &key, json!(null)).await;
        let mut viewer = at_a.listen().await;
        listed(&mut viewer, true).await;
        viewer
            .send(json!({"type":"startSession","peerId":"front"}))
            .await;
        assert_eq!(viewer.recv().await["type"], "sessionStarted");
        let start = next(&mut camera, "startSession").await;
        let words = |name: &str| start[name].as_str().unwrap().to_owned();
        let (session, grant) = (words("sessionId"), words("grant"));
        Watching {
            key,
            booking,
            at_a,
            camera,
            viewer,
            session,
            grant,
        }
    }
}

struct Watching {
    key: String,
    booking: String,
    at_a: Page,
    camera: Client,
    viewer: Client,
    session: String,
    grant: String,
}

/// The camera connects to this server, with the session that it has, as the sink does.
async fn camera_with(server: &Server, key: &str, (session, grant): (&str, &str)) -> Client {
    let mut camera = Client::with_token(server, key).await;
    let sessions = json!([{"sessionId": session, "grant": grant, "lease": 600}]);
    let porthole = json!({"version":1,"nonce":"m","sessions":sessions});
    camera
        .send(json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":porthole}))
        .await;
    let update = next(&mut camera, "grantUpdate").await;
    assert_eq!(update["sessionId"], json!(session), "{update}");
    assert!(update["grant"].is_string(), "{update}");
    camera
}

/// Waits until the camera is listed to this viewer, or is not.
async fn listed(viewer: &mut Client, is_listed: bool) {
    let begun = Instant::now();
    loop {
        viewer.send(json!({"type":"list"})).await;
        let producers = loop {
            let message = viewer.recv().await;
            if message["type"] == "list" {
                break message["producers"].clone();
            }
        };
        if producers
            .as_array()
            .is_some_and(|all| all.len() == usize::from(is_listed))
        {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{producers}");
    }
}

/// The next message of this kind.
async fn next(client: &mut Client, kind: &str) -> Value {
    loop {
        let message = client.recv().await;
        assert!(message["close"].is_null(), "{message}, and no {kind}");
        if message["type"] == kind {
            return message;
        }
    }
}

fn candidate(session: &str, words: &str) -> Value {
    json!({"type":"peer","sessionId":session,"ice":{"candidate":words,"sdpMLineIndex":0}})
}

async fn both_ways(viewer: &mut Client, camera: &mut Client, session: &str) {
    viewer.send(candidate(session, "from the viewer")).await;
    let heard = next(camera, "peer").await;
    assert_eq!(heard, candidate(session, "from the viewer"));
    camera.send(candidate(session, "from the camera")).await;
    let heard = next(viewer, "peer").await;
    assert_eq!(heard, candidate(session, "from the camera"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_of_one_server_is_watched_at_another_until_that_is_revoked_at_a_third() {
    let three = Three::on(&shared_database().await).await;
    let Watching {
        booking,
        mut camera,
        mut viewer,
        session,
        ..
    } = three.watching().await;
    both_ways(&mut viewer, &mut camera, &session).await;

    let begun = Instant::now();
    let at_c = Page {
        address: three.c.local_addr(),
        ..three.pair.at_a.clone()
    };
    let removed = at_c.delete(&format!("/api/bookings/{booking}")).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    let end = next(&mut camera, "endSession").await;
    assert_eq!(end["reason"], "revoked", "{end}");
    let end = next(&mut viewer, "endSession").await;
    assert_eq!(
        (&end["sessionId"], &end["reason"]),
        (&json!(session), &json!("revoked"))
    );
    assert!(begun.elapsed() <= SOON, "{:?}", begun.elapsed());
    listed(&mut viewer, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_camera_that_connects_elsewhere_is_owned_there_and_its_session_goes_on() {
    let three = Three::on(&shared_database().await).await;
    let Watching {
        key,
        mut camera,
        mut viewer,
        session,
        grant,
        ..
    } = three.watching().await;
    let own = (session.as_str(), grant.as_str());
    let mut again = camera_with(&three.c, &key, own).await;
    let replaced = next(&mut camera, "error").await;
    assert_eq!(replaced["code"], "replaced", "{replaced}");
    assert_eq!(camera.recv().await["close"], 1008);
    let resumed = next(&mut viewer, "sessionResumed").await;
    assert_eq!(resumed["sessionId"], json!(session));
    both_ways(&mut viewer, &mut again, &session).await;

    // To the server of its viewer, and back to the first.
    let mut at_a = camera_with(&three.pair.a, &key, own).await;
    let resumed = next(&mut viewer, "sessionResumed").await;
    assert_eq!(resumed["sessionId"], json!(session));
    both_ways(&mut viewer, &mut at_a, &session).await;
    let mut at_b = camera_with(&three.pair.b, &key, own).await;
    next(&mut viewer, "sessionResumed").await;
    both_ways(&mut viewer, &mut at_b, &session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cameras_and_viewers_of_a_server_that_ends_are_together_again_elsewhere() {
    let three = Three::on(&shared_database().await).await;
    let Watching {
        key,
        at_a,
        mut camera,
        mut viewer,
        session,
        grant,
        ..
    } = three.watching().await;
    let begun = Instant::now();
    three.pair.b.shutdown();
    assert_eq!(camera.recv().await["close"], 1001);
    let own = (session.as_str(), grant.as_str());
    let mut camera = camera_with(&three.c, &key, own).await;
    let resumed = next(&mut viewer, "sessionResumed").await;
    assert_eq!(resumed["sessionId"], json!(session));
    listed(&mut viewer, true).await;
    assert!(begun.elapsed() <= BACK, "{:?}", begun.elapsed());
    both_ways(&mut viewer, &mut camera, &session).await;

    // The viewer's own: its page comes back to another, with the secret that it was told.
    three.pair.a.shutdown();
    while viewer.recv().await["close"].is_null() {}
    let at_c = Page {
        address: three.c.local_addr(),
        ..at_a
    };
    let mut viewer = at_c.listen().await;
    viewer
        .send(json!({"type":"startSession","peerId":"front"}))
        .await;
    next(&mut viewer, "sessionStarted").await;
    let start = next(&mut camera, "startSession").await;
    both_ways(
        &mut viewer,
        &mut camera,
        start["sessionId"].as_str().unwrap(),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_cut_off_from_the_others_says_so_and_is_one_of_them_again_when_it_is_not()
{
    let three = Three::on(&shared_database().await).await;
    let Watching {
        mut camera,
        mut viewer,
        session,
        ..
    } = three.watching().await;
    let ready = |server: &Server| Page::nobody(server);
    let (at_a, at_b) = (ready(&three.pair.a), ready(&three.pair.b));
    assert_eq!(at_a.get("/ready").await.status, 200);

    three.ways[1].cut(true);
    until("B is not ready", async || {
        at_b.get("/ready").await.status == 503
    })
    .await;
    assert_eq!(at_a.get("/ready").await.status, 200);
    // Its cameras can be reached by nobody else, and the picture that runs goes on.
    listed(&mut viewer, false).await;
    three.ways[1].cut(false);
    until("B is ready", async || {
        at_b.get("/ready").await.status == 200
    })
    .await;
    let resumed = next(&mut viewer, "sessionResumed").await;
    assert_eq!(resumed["sessionId"], json!(session));
    both_ways(&mut viewer, &mut camera, &session).await;
    listed(&mut viewer, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_reaches_neither_the_others_nor_the_database_lets_nobody_new_in() {
    let postgres = Postgres::start();
    let three = Three::on(&postgres.database().await).await;
    let Watching {
        key,
        at_a,
        mut camera,
        mut viewer,
        session,
        ..
    } = three.watching().await;
    let frozen = postgres.freeze();
    // Who owns a camera nobody can say now.
    let bearer = format!("Bearer {key}");
    let headers = [("authorization", bearer.as_str())];
    let refused = Client::connect(three.c.local_addr(), "/ws", &headers).await;
    assert_eq!(refused.err().map(|(status, _)| status), Some(503));
    both_ways(&mut viewer, &mut camera, &session).await;
    let _another = at_a.listen().await;

    three.ways[0].cut(true);
    let page = Page::nobody(&three.pair.a);
    until("A says that it reaches nobody", async || {
        page.get("/ready").await.status == 503
    })
    .await;
    let origin = format!("http://{}", three.pair.a.local_addr());
    let headers = [("cookie", at_a.cookies.as_str()), ("origin", &origin)];
    let refused = Client::connect(three.pair.a.local_addr(), "/ws", &headers).await;
    assert_eq!(refused.err().map(|(status, _)| status), Some(503));
    drop(frozen);
    three.ways[0].cut(false);
    until("A reaches the others", async || {
        page.get("/ready").await.status == 200
    })
    .await;
    let resumed = next(&mut viewer, "sessionResumed").await;
    assert_eq!(resumed["sessionId"], json!(session));
    both_ways(&mut viewer, &mut camera, &session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doorbell_of_one_server_rings_and_is_answered_at_others() {
    const RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
    const SECOND: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e02";
    let three = Three::on(&shared_database().await).await;
    let key = three.pair.camera("front").await;
    let alice = three.pair.user_at_b("alice").await;
    let mut camera = Client::camera(&three.pair.b, &key, json!(null)).await;
    let root = Page {
        address: three.c.local_addr(),
        ..three.pair.at_a.clone()
    };
    let (mut root_at_c, mut root_at_a) = (root.listen().await, three.pair.at_a.listen().await);
    listed(&mut root_at_c, true).await;
    listed(&mut root_at_a, true).await;

    camera.send(json!({"type":"ring","ringId":RING})).await;
    let call = next(&mut camera, "cameraCall").await["call"]["id"].take();
    for page in [&mut root_at_c, &mut root_at_a] {
        let rings = next(page, "call").await;
        assert_eq!(
            (&rings["call"]["id"], &rings["call"]["state"]),
            (&call, &json!("ringing"))
        );
    }
    // Whoever comes meanwhile hears of it too.
    let mut late = root.listen().await;
    assert_eq!(next(&mut late, "call").await["call"]["id"], call);
    root_at_c
        .send(json!({"type":"answerCall","callId":call}))
        .await;
    assert_eq!(
        next(&mut camera, "cameraCall").await["call"]["state"],
        "answered"
    );
    for page in [&mut root_at_c, &mut root_at_a, &mut late] {
        assert_eq!(next(page, "call").await["call"]["state"], "answered");
    }
    root_at_a.send(json!({"type":"hangUp","callId":call})).await;
    assert_eq!(
        next(&mut camera, "cameraCall").await["call"]["reason"],
        "hung-up"
    );
    assert_eq!(next(&mut root_at_c, "call").await["call"]["state"], "ended");

    // By the API: rung at C, and declined at A.
    let rung = root.post("/api/cameras/front/ring", &json!({})).await;
    assert_eq!(rung.status, 201, "{rung:?}");
    let call = rung.json()["id"].clone();
    assert_eq!(next(&mut camera, "ring").await["type"], "ring");
    let path = format!("/api/calls/{}/decline", call.as_str().unwrap());
    let declined = three.pair.at_a.post(&path, &json!({})).await;
    assert_eq!(declined.status, 204, "{declined:?}");
    loop {
        let heard = next(&mut camera, "cameraCall").await;
        if heard["call"]["state"] == "ended" {
            assert_eq!(
                (&heard["call"]["id"], &heard["call"]["reason"]),
                (&call, &json!("declined"))
            );
            break;
        }
    }
    // Whom nothing permits to look hears nothing and may say nothing.
    let mut stranger = alice.listen().await;
    camera.send(json!({"type":"ring","ringId":SECOND})).await;
    let call = next(&mut camera, "cameraCall").await["call"]["id"].take();
    next(&mut root_at_a, "call").await;
    stranger
        .send(json!({"type":"answerCall","callId":call}))
        .await;
    let refused = next(&mut stranger, "error").await;
    assert_eq!(refused["code"], "no-such-call", "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_sees_and_ends_what_runs_at_every_server() {
    let three = Three::on(&shared_database().await).await;
    let Watching {
        mut camera,
        mut viewer,
        session,
        ..
    } = three.watching().await;
    for server in [&three.pair.a, &three.pair.b, &three.c] {
        let page = Page {
            address: server.local_addr(),
            ..three.pair.at_a.clone()
        };
        let sessions = page.get("/api/sessions").await.json();
        let all = sessions["items"].as_array().unwrap();
        assert_eq!(
            (all.len(), &all[0]["id"]),
            (1, &json!(session)),
            "{sessions}"
        );
        let known = page.get("/api/cameras/front").await.json();
        assert_eq!(
            (&known["online"], &known["viewers"]),
            (&json!(true), &json!(1))
        );
    }
    let at_c = Page {
        address: three.c.local_addr(),
        ..three.pair.at_a.clone()
    };
    let path = format!("/api/sessions/{session}");
    assert_eq!(at_c.delete(&path).await.status, 204);
    assert_eq!(next(&mut camera, "endSession").await["reason"], "revoked");
    assert_eq!(next(&mut viewer, "endSession").await["reason"], "revoked");
    assert_eq!(at_c.delete(&path).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_lists_the_servers_and_drains_one_which_lets_nobody_new_in() {
    let three = Three::on(&shared_database().await).await;
    let Watching {
        key,
        mut camera,
        mut viewer,
        session,
        grant,
        ..
    } = three.watching().await;
    let at_c = Page {
        address: three.c.local_addr(),
        ..three.pair.at_a.clone()
    };
    let nodes = async || {
        let answer = at_c.get("/api/nodes").await;
        answer.json()["items"].as_array().unwrap().clone()
    };
    until("all are there", async || nodes().await.len() == 3).await;
    let all = nodes().await;
    let owner = all.iter().find(|node| node["cameras"] == 1).unwrap();
    assert_eq!(
        (&owner["sessions"], &owner["connections"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&owner["drains"], &owner["version"]),
        (&json!(false), &json!(env!("CARGO_PKG_VERSION")))
    );
    let unknown = at_c.post("/api/nodes/unknown/drain", &json!({})).await;
    assert_eq!(unknown.problem(), (404, "not-found".to_owned()));

    let id = owner["id"].as_str().unwrap();
    let drained = at_c
        .post(&format!("/api/nodes/{id}/drain"), &json!({}))
        .await;
    assert_eq!(drained.status, 204, "{drained:?}");
    let closed = camera.recv().await;
    assert_eq!(closed, json!({"close": 1012, "reason": "moves"}));
    let bearer = format!("Bearer {key}");
    let refused = Client::connect(
        three.pair.b.local_addr(),
        "/ws",
        &[("authorization", &bearer)],
    )
    .await;
    assert_eq!(refused.err().map(|(status, _)| status), Some(503));
    let page = Page::nobody(&three.pair.b);
    assert_eq!(page.get("/ready").await.status, 503);
    let own = (session.as_str(), grant.as_str());
    let mut camera = camera_with(&three.c, &key, own).await;
    next(&mut viewer, "sessionResumed").await;
    both_ways(&mut viewer, &mut camera, &session).await;
    let all = nodes().await;
    let drains = all.iter().filter(|node| node["drains"] == true);
    assert_eq!(
        drains
            .map(|node| node["id"].as_str().unwrap())
            .collect::<Vec<_>>(),
        [id]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nats_that_refuses_the_credential_or_is_not_there_stops_the_start_without_a_secret() {
    let nats = Nats::start().await;
    let mut wrong = nats.url();
    wrong.set_password(Some("a wrong secret")).unwrap();
    let refused = Cluster::connect(&options(&wrong)).await.unwrap_err();
    assert!(
        refused.starts_with("cluster.nats: nats://127.0.0.1"),
        "{refused}"
    );
    assert!(!refused.contains("secret"), "{refused}");
    assert!(refused.contains("authorization"), "{refused}");
}
