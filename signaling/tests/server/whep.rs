// SPDX-License-Identifier: MPL-2.0
//! WHEP as players speak it, at a camera that is this test.
use std::net::SocketAddr;
use std::time::Duration;

use crate::common::{Answer, Client, PATIENCE, http, http_with, options, start};
use porthole_protocol::wire::IceServer;
use porthole_signaling::{Server, ServerOptions, ViewerEntry, WhepOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const OFFER: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n\
                     a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n";
const ANSWER: &str = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\n";
const TRICKLE: &str = "application/trickle-ice-sdpfrag";
const ALICE: (&str, &str) = ("authorization", "Bearer alice-token");
const BOB: (&str, &str) = ("authorization", "Bearer bob-token");
const SDP: (&str, &str) = ("content-type", "application/sdp");

fn offering(origins: &[&str]) -> ServerOptions {
    let allow_origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
    let mut options = options();
    options.whep = Some(WhepOptions { allow_origins });
    options
}

/// A server with alice, bob and the camera `front`, which is connected.
struct House {
    server: Server,
    camera: Client,
}

impl House {
    async fn new() -> Self {
        Self::with(offering(&[])).await
    }

    async fn with(options: ServerOptions) -> Self {
        let server = start(options);
        for name in ["alice", "bob"] {
            server.add_viewer(ViewerEntry::new(name, &format!("{name}-token")));
        }
        let secret = server.add_camera("front", "Front door").unwrap();
        let camera = Client::camera(&server, &secret, json!({})).await;
        Self { server, camera }
    }

    fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    async fn post(&self, headers: &[(&str, &str)], offer: &str) -> Answer {
        http_with(self.address(), "POST /whep/front", headers, offer).await
    }

    /// Asks for a session, and answers as a camera does.
    async fn watch(&mut self, who: (&'static str, &'static str)) -> (Answer, String) {
        let address = self.address();
        let asking = tokio::spawn(async move {
            let who = [who, SDP];
            http_with(address, "POST /whep/front", &who, OFFER).await
        });
        let session = self.asked().await;
        self.say(&session, json!({"sdp": {"type": "answer", "sdp": ANSWER}}))
            .await;
        for candidate in ["candidate:1 1 UDP 1 127.0.0.1 9 typ host", ""] {
            let ice = json!({"candidate": candidate, "sdpMLineIndex": 0});
            self.say(&session, json!({ "ice": ice })).await;
        }
        (asking.await.unwrap(), session)
    }

    /// Waits for a session that is asked for.
    async fn asked(&mut self) -> String {
        let start = self.camera.recv().await;
        assert_eq!(start["type"], "startSession", "{start}");
        assert_eq!(start["offer"], OFFER);
        assert!(start["grant"].is_string());
        start["sessionId"].as_str().unwrap().to_owned()
    }

    async fn say(&mut self, session: &str, inner: Value) {
        let mut message = json!({"type": "peer", "sessionId": session});
        let inner = inner.as_object().unwrap().clone();
        message.as_object_mut().unwrap().extend(inner);
        self.camera.send(message).await;
    }

    /// What the camera hears next.
    async fn hears(&mut self, kind: &str) -> Value {
        let heard = self.camera.recv().await;
        assert_eq!(heard["type"], kind, "{heard}");
        heard
    }

    async fn patch(&self, at: &str, headers: &[(&str, &str)], fragment: &str) -> Answer {
        let headers = [headers, &[("content-type", TRICKLE)]].concat();
        http_with(self.address(), &format!("PATCH {at}"), &headers, fragment).await
    }

    async fn delete(&self, at: &str, headers: &[(&str, &str)]) -> Answer {
        http(self.address(), &format!("DELETE {at}"), headers).await
    }
}

fn location(answer: &Answer) -> String {
    answer.header("location").unwrap().to_owned()
}

fn retries(answer: &Answer) -> bool {
    let after = answer.header("retry-after");
    after.is_some_and(|seconds| seconds.parse::<u64>().is_ok_and(|seconds| seconds > 0))
}

#[tokio::test]
async fn an_offer_is_answered_with_all_candidates_and_the_address_of_the_session() {
    let mut house = House::new().await;
    let (answer, session) = house.watch(ALICE).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/sdp"));
    let line = "a=candidate:1 1 UDP 1 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n";
    assert_eq!(answer.body, format!("{ANSWER}{line}"));
    assert!(location(&answer).starts_with("/whep/front/"));
    assert!(!location(&answer).contains(&session), "it is no secret");
    assert!(answer.header("etag").unwrap().starts_with('"'));
    assert_eq!(answer.header("accept-patch"), Some(TRICKLE));
}

#[tokio::test]
async fn a_camera_that_never_says_that_it_has_all_candidates_is_waited_for_a_moment_only() {
    let mut house = House::new().await;
    let address = house.address();
    let asking =
        tokio::spawn(
            async move { http_with(address, "POST /whep/front", &[ALICE, SDP], OFFER).await },
        );
    let session = house.asked().await;
    house
        .say(&session, json!({"sdp": {"type": "answer", "sdp": ANSWER}}))
        .await;
    let answer = timeout(PATIENCE, asking).await.unwrap().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (201, ANSWER));
}

#[tokio::test]
async fn who_shows_no_right_is_refused_and_the_camera_hears_nothing() {
    let mut house = House::new().await;
    let wrong = ("authorization", "Bearer wrong");
    for headers in [
        vec![SDP],
        vec![SDP, wrong],
        vec![SDP, ("authorization", "Basic x")],
    ] {
        let answer = house.post(&headers, OFFER).await;
        assert_eq!(answer.problem(), (401, "unauthorized".to_owned()));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    let limited = ViewerEntry {
        cameras: porthole_signaling::Cameras::Only(["back".to_owned()].into()),
        ..ViewerEntry::new("carol", "carol-token")
    };
    house.server.add_viewer(limited);
    let carol = ("authorization", "Bearer carol-token");
    let answer = house.post(&[SDP, carol], OFFER).await;
    assert_eq!(answer.problem(), (404, "no-such-camera".to_owned()));
    // The next that the camera hears is of one who may.
    let (answer, _) = house.watch(ALICE).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn a_player_that_can_set_no_header_shows_its_token_in_the_query() {
    let mut house = House::new().await;
    let address = house.address();
    let asking = tokio::spawn(async move {
        let at = "POST /whep/front?access_token=alice-token";
        http_with(address, at, &[SDP], OFFER).await
    });
    let session = house.asked().await;
    house
        .say(&session, json!({"sdp": {"type": "answer", "sdp": ANSWER}}))
        .await;
    house
        .say(
            &session,
            json!({"ice": {"candidate": "", "sdpMLineIndex": 0}}),
        )
        .await;
    let answer = asking.await.unwrap();
    assert_eq!(answer.status, 201);
    // It is in no address that comes back.
    assert!(!answer.head.contains("alice-token"));
}

/// What a program of others sent, which was recorded.
struct Recorded {
    request: &'static str,
    headers: Vec<(&'static str, &'static str)>,
    offer: &'static str,
}

#[tokio::test]
async fn what_go2rtc_and_mediamtx_ask_is_answered_as_they_want_it() {
    let go2rtc = Recorded {
        request: "POST /whep/front?access_token=alice-token",
        headers: vec![
            ("user-agent", "Go-http-client/1.1"),
            ("accept-encoding", "gzip"),
            SDP,
        ],
        offer: include_str!("../../../tests/descriptions/go2rtc-offers-h264-audio.offer.sdp"),
    };
    let mediamtx = Recorded {
        request: "POST /whep/front",
        headers: vec![
            ("user-agent", "Go-http-client/1.1"),
            ("accept-encoding", "gzip"),
            ALICE,
            SDP,
        ],
        offer: include_str!("../../../tests/descriptions/mediamtx-offers-h264-audio.offer.sdp"),
    };
    let mut house = House::new().await;
    let address = house.address();
    // mediamtx asks first what there is; go2rtc does not, and says nothing more once it has its answer.
    let options = http(address, "OPTIONS /whep/front", &[ALICE]).await;
    assert!([200, 204].contains(&options.status), "{options:?}");
    for Recorded {
        request,
        headers,
        offer,
    } in [go2rtc, mediamtx]
    {
        let asking =
            tokio::spawn(async move { http_with(address, request, &headers, offer).await });
        let start = house.hears("startSession").await;
        assert_eq!(start["offer"], offer);
        let session = start["sessionId"].as_str().unwrap().to_owned();
        let answered = json!({"sdp": {"type": "answer", "sdp": ANSWER}});
        house.say(&session, answered).await;
        let all = json!({"ice": {"candidate": "", "sdpMLineIndex": 0}});
        house.say(&session, all).await;
        let answer = asking.await.unwrap();
        // go2rtc reads the body alone; mediamtx wants 201, and a tag where it may trickle.
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(answer.body.starts_with("v=0"));
        assert!(answer.header("etag").is_some() && answer.header("location").is_some());
        let gone = house.delete(&location(&answer), &[]).await;
        assert_eq!(gone.status, 200);
        house.hears("endSession").await;
    }
}

#[tokio::test]
async fn what_cannot_be_watched_now_says_when_to_ask_again() {
    let server = start(offering(&[]));
    server.add_viewer(ViewerEntry::new("alice", "alice-token"));
    server.add_camera("front", "Front").unwrap();
    let post = |camera: &str| {
        let request = format!("POST /whep/{camera}");
        let address = server.local_addr();
        async move { http_with(address, &request, &[ALICE, SDP], OFFER).await }
    };
    let offline = post("front").await;
    assert_eq!(offline.problem(), (409, "camera-offline".to_owned()));
    assert!(retries(&offline));
    let none = post("nowhere").await;
    assert_eq!(none.problem(), (404, "no-such-camera".to_owned()));
}

#[tokio::test]
async fn a_camera_that_does_not_answer_is_given_up_and_told_so() {
    let mut options = offering(&[]);
    options.timings.answer = Duration::from_millis(100);
    let mut house = House::with(options).await;
    let answer = house.post(&[ALICE, SDP], OFFER).await;
    assert_eq!(answer.problem(), (504, "no-answer".to_owned()));
    assert!(retries(&answer));
    let session = house.asked().await;
    assert_eq!(house.hears("endSession").await["sessionId"], *session);
}

#[tokio::test]
async fn what_the_camera_does_not_take_is_the_players_to_change() {
    let mut house = House::new().await;
    let address = house.address();
    for (reason, status, code) in [
        ("bad-description", 422, "bad-description"),
        ("camera-full", 503, "camera-full"),
        ("media-failed", 503, "media-failed"),
        ("grant-refused", 403, "grant-refused"),
    ] {
        let asking = tokio::spawn(async move {
            http_with(address, "POST /whep/front", &[ALICE, SDP], OFFER).await
        });
        let session = house.asked().await;
        let end = json!({"type": "endSession", "sessionId": session, "reason": reason});
        house.camera.send(end).await;
        let answer = asking.await.unwrap();
        assert_eq!(answer.problem(), (status, code.to_owned()));
        assert_eq!(retries(&answer), status == 503, "{answer:?}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_offers_come_to_no_camera() {
    let mut house = House::new().await;
    let large = "a".repeat(1024 * 1024);
    let large = large.as_str();
    let cases = [
        (vec![ALICE], OFFER, 415),
        (vec![ALICE, ("content-type", "application/json")], "{}", 415),
        (vec![ALICE, SDP], "hello", 400),
        (vec![ALICE, SDP], "", 400),
        (vec![ALICE, SDP], large, 413),
    ];
    for (headers, body, status) in cases {
        let answer = house.post(&headers, body).await;
        assert_eq!(answer.status, status, "{answer:?}");
    }
    // One that does not say how long it is.
    let chunk = format!("8000\r\n{}\r\n0\r\n\r\n", "a".repeat(0x8000));
    let headers = [ALICE, SDP, ("transfer-encoding", "chunked")];
    let answer = crate::common::chunks(house.address(), "POST /whep/front", &headers, &chunk).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    // Control characters, which JSON would make larger.
    let answer = house.post(&[ALICE, SDP], "v=0\u{1}").await;
    assert_eq!(answer.problem(), (400, "bad-message".to_owned()));
    let (answer, _) = house.watch(ALICE).await;
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let mut options = offering(&[]);
    options.timings.header = Duration::from_millis(200);
    let house = House::with(options).await;
    let mut stream = TcpStream::connect(house.address()).await.unwrap();
    let head = format!(
        "POST /whep/front HTTP/1.1\r\nHost: {}\r\nauthorization: Bearer alice-token\r\ncontent-type: application/sdp\r\n\
         content-length: 100\r\nconnection: close\r\n\r\nv=0",
        house.address()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(PATIENCE, stream.read_to_string(&mut answer));
    read.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn candidates_are_handed_on_to_the_camera() {
    let mut house = House::new().await;
    let (answer, session) = house.watch(ALICE).await;
    let (at, tag) = (location(&answer), answer.header("etag").unwrap().to_owned());
    let fragment = "a=ice-ufrag:abcd\r\nm=video 9 X 0\r\na=mid:0\r\na=candidate:7 1 UDP 1 127.0.0.1 7 typ host\r\n\
                    a=end-of-candidates\r\n";
    let tags = [Some(tag.as_str()), Some("*"), None];
    for tag in tags {
        let condition = tag.map(|tag| ("if-match", tag));
        let headers: Vec<_> = [Some(ALICE), condition].into_iter().flatten().collect();
        let answer = house.patch(&at, &headers, fragment).await;
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{tag:?}");
        let heard = house.hears("peer").await;
        assert_eq!(heard["sessionId"], *session);
        let candidate = heard["ice"]["candidate"].as_str().unwrap();
        assert_eq!(candidate, "candidate:7 1 UDP 1 127.0.0.1 7 typ host");
        assert_eq!(house.hears("peer").await["ice"]["candidate"], "");
    }
}

#[tokio::test]
async fn a_fragment_that_does_not_fit_the_session_changes_nothing() {
    let mut house = House::new().await;
    let (answer, _) = house.watch(ALICE).await;
    let (at, tag) = (location(&answer), answer.header("etag").unwrap().to_owned());
    let of = |condition: &'static str| ("if-match", condition);
    let tag = ("if-match", tag.as_str());
    let candidate = "a=candidate:7 1 UDP 1 127.0.0.1 7 typ host\r\n";
    let restart = "a=ice-ufrag:other\r\na=ice-pwd:0123456789012345678901\r\n";
    let nowhere = format!("a=mid:9\r\n{candidate}");
    let cases = [
        (vec![], candidate, (428, "no-tag")),
        (vec![of("\"other\"")], candidate, (412, "other-tag")),
        (vec![of("*")], restart, (422, "no-restart")),
        (vec![tag], nowhere.as_str(), (400, "no-such-media")),
        (vec![tag], "{}", (400, "bad-fragment")),
    ];
    for (headers, fragment, (status, code)) in cases {
        let answer = house
            .patch(&at, &[&[ALICE], headers.as_slice()].concat(), fragment)
            .await;
        assert_eq!(answer.problem(), (status, code.to_owned()), "{fragment}");
    }
    let request = format!("PATCH {at}");
    let answer = http_with(house.address(), &request, &[ALICE, SDP, tag], candidate).await;
    assert_eq!(answer.status, 415);
    // The camera hears of the end alone.
    assert_eq!(house.delete(&at, &[ALICE]).await.status, 200);
    house.hears("endSession").await;
}

#[tokio::test]
async fn a_flood_of_fragments_is_held_up_and_the_session_goes_on() {
    let mut house = House::new().await;
    let (answer, _) = house.watch(ALICE).await;
    let (at, tag) = (location(&answer), answer.header("etag").unwrap().to_owned());
    let headers = [ALICE, ("if-match", tag.as_str())];
    let fragment = "a=candidate:7 1 UDP 1 127.0.0.1 7 typ host\r\n".repeat(60);
    let mut statuses = Vec::new();
    while !statuses.contains(&429) {
        assert!(statuses.len() < 20, "{statuses:?}");
        let answer = house.patch(&at, &headers, &fragment).await;
        assert_eq!(retries(&answer), answer.status == 429);
        statuses.push(answer.status);
    }
    assert_eq!(statuses[0], 204);
    assert_eq!(house.delete(&at, &[ALICE]).await.status, 200);
}

#[tokio::test]
async fn who_ends_a_session_is_its_owner_or_has_its_address() {
    let mut house = House::new().await;
    let (answer, session) = house.watch(ALICE).await;
    let at = location(&answer);
    // Another one who may watch the same camera.
    let guessed = format!("/whep/front/{}", porthole_protocol::random_secret());
    let elsewhere = at.replace("/front/", "/back/");
    let fragment = "a=ice-ufrag:abcd\r\na=candidate:7 1 UDP 1 127.0.0.1 7 typ host\r\n";
    for (at, who) in [
        (&at, BOB),
        (&guessed, ALICE),
        (&guessed, BOB),
        (&elsewhere, ALICE),
    ] {
        assert_eq!(house.delete(at, &[who]).await.problem().0, 404);
        assert_eq!(house.patch(at, &[who], fragment).await.problem().0, 404);
    }
    assert_eq!(house.delete(&guessed, &[]).await.problem().0, 404);
    let wrong = ("authorization", "Bearer wrong");
    assert_eq!(house.delete(&at, &[wrong]).await.problem().0, 401);
    assert_eq!(house.delete(&at, &[]).await.status, 200);
    assert_eq!(house.hears("endSession").await["sessionId"], *session);
    let gone = house.delete(&at, &[ALICE]).await;
    assert_eq!(gone.problem(), (404, "no-such-session".to_owned()));
}

#[tokio::test]
async fn a_session_ends_with_the_right_and_its_address_with_it() {
    let mut house = House::new().await;
    let (answer, session) = house.watch(ALICE).await;
    house.server.remove_viewer("alice");
    assert_eq!(house.hears("endSession").await["sessionId"], *session);
    let gone = house.delete(&location(&answer), &[]).await;
    assert_eq!(gone.problem(), (404, "no-such-session".to_owned()));
    assert_eq!(house.post(&[ALICE, SDP], OFFER).await.status, 401);
}

#[tokio::test]
async fn a_session_that_its_camera_ends_is_over() {
    let mut house = House::new().await;
    let (answer, session) = house.watch(ALICE).await;
    let end = json!({"type": "endSession", "sessionId": session, "reason": "media-failed"});
    house.camera.send(end).await;
    let start = std::time::Instant::now();
    let at = location(&answer);
    let fragment = "a=ice-ufrag:abcd\r\n";
    while house.patch(&at, &[ALICE], fragment).await.status != 404 {
        assert!(start.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_leaves_before_the_answer_leaves_no_session_behind() {
    let mut house = House::new().await;
    let address = house.address();
    let asking =
        tokio::spawn(
            async move { http_with(address, "POST /whep/front", &[ALICE, SDP], OFFER).await },
        );
    let session = house.asked().await;
    asking.abort();
    assert_eq!(house.hears("endSession").await["sessionId"], *session);
}

#[tokio::test]
async fn one_person_has_no_more_pictures_of_one_camera_than_on_the_page() {
    let mut house = House::new().await;
    for _ in 0..4 {
        assert_eq!(house.watch(ALICE).await.0.status, 201);
    }
    let full = house.post(&[ALICE, SDP], OFFER).await;
    assert_eq!(full.problem(), (503, "too-many".to_owned()));
    assert!(retries(&full));
    assert_eq!(house.watch(BOB).await.0.status, 201);
}

#[tokio::test]
async fn relays_are_named_to_who_is_let_in_alone() {
    let mut options = offering(&[]);
    options.ice_servers = vec![IceServer {
        urls: vec!["turn:t.example:3478?transport=udp".to_owned()],
        username: Some("name".to_owned()),
        credential: Some("pass\"word".to_owned()),
    }];
    let mut house = House::with(options).await;
    let wanted = "<turn:t.example:3478?transport=udp>; rel=\"ice-server\"; username=\"name\"; \
                  credential=\"pass\\\"word\"; credential-type=\"password\"";
    let (answer, _) = house.watch(ALICE).await;
    assert_eq!(answer.header("link"), Some(wanted));
    let ask = |headers: Vec<(&'static str, &'static str)>| {
        let address = house.address();
        async move { http(address, "OPTIONS /whep/front", &headers).await }
    };
    assert_eq!(ask(vec![ALICE]).await.header("link"), Some(wanted));
    for nobody in [vec![], vec![("authorization", "Bearer wrong")]] {
        let answer = ask(nobody).await;
        assert_eq!((answer.status, answer.header("link")), (204, None));
        assert_eq!(answer.header("accept-post"), Some("application/sdp"));
    }
    assert_eq!(house.post(&[SDP], OFFER).await.header("link"), None);
}

#[tokio::test]
async fn pages_of_other_sites_may_read_what_is_configured_and_no_more() {
    let (friend, stranger) = ("https://player.example", "https://evil.example");
    let mut house = House::with(offering(&[friend])).await;
    let address = house.address();
    let preflight = |origin: &'static str| async move {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            (
                "access-control-request-headers",
                "authorization, content-type",
            ),
        ];
        http(address, "OPTIONS /whep/front", &headers).await
    };
    let allowed = preflight(friend).await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-origin"), Some(friend));
    let methods = allowed.header("access-control-allow-methods").unwrap();
    assert!(
        methods.contains("PATCH") && methods.contains("DELETE"),
        "{methods}"
    );
    assert_eq!(allowed.header("access-control-allow-credentials"), None);
    assert_eq!(
        preflight(stranger)
            .await
            .header("access-control-allow-origin"),
        None
    );
    // An error is for the page to read as well.
    let refused = house.post(&[SDP, ("origin", friend)], OFFER).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.header("access-control-allow-origin"), Some(friend));
    let (answer, _) = house.watch(ALICE).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);

    let house = House::with(offering(&["*"])).await;
    let answer = house.post(&[SDP, ("origin", stranger)], OFFER).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
    let exposed = answer.header("access-control-expose-headers").unwrap();
    assert!(
        ["Location", "Link", "ETag"]
            .iter()
            .all(|name| exposed.contains(name))
    );
}

#[tokio::test]
async fn there_is_nothing_at_the_address_unless_it_is_configured() {
    let house = House::with(options()).await;
    for request in [
        "POST /whep/front",
        "OPTIONS /whep/front",
        "DELETE /whep/front/x",
    ] {
        let answer = http_with(house.address(), request, &[ALICE, SDP], OFFER).await;
        assert_eq!(answer.problem(), (404, "not-found".to_owned()), "{request}");
    }
    let offered = House::new().await;
    for request in [
        "GET /whep/front",
        "PUT /whep/front",
        "GET /whep/front/x",
        "POST /whep/front/x",
    ] {
        let answer = http(offered.address(), request, &[ALICE]).await;
        assert_eq!(answer.problem().0, 405, "{request}");
    }
}
