// SPDX-License-Identifier: MPL-2.0
//! Socket.IO on the wire, honest and hostile. Real clients are in tests/browser/foreign.test.mjs.
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::common::{Answer, Client, PATIENCE, http, http_with, options, start};
use futures_util::{SinkExt as _, StreamExt as _};
use porthole_signaling::{AdapterOptions, Server, ServerOptions, SocketIoOptions, ViewerEntry};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

const ALICE: &str = "alice-token";

fn with_socketio() -> ServerOptions {
    ServerOptions {
        adapters: AdapterOptions {
            socketio: Some(SocketIoOptions::default()),
            three_service: true,
        },
        ..options()
    }
}

/// A server with alice and the camera "front", whose secret is returned.
fn house(options: ServerOptions) -> (Server, String) {
    let server = start(options);
    server.add_viewer(ViewerEntry::new("alice", ALICE));
    let secret = server.add_camera("front", "Front door").unwrap();
    (server, secret)
}

/// A client of Socket.IO by WebSocket.
struct Sio(Client);

impl Sio {
    /// `Err` is the status of the refusal.
    async fn connect(server: &Server, eio: u8, token: Option<&str>) -> Result<Self, u16> {
        let path = format!("/socket.io/?EIO={eio}&transport=websocket");
        let bearer = format!("Bearer {}", token.unwrap_or_default());
        let headers = [("authorization", bearer.as_str())];
        let headers = if token.is_some() { &headers[..] } else { &[] };
        let client = Client::connect(server.local_addr(), &path, headers).await;
        client.map(Self).map_err(|(status, _)| status)
    }

    /// One that is in the main namespace.
    async fn inside(server: &Server, eio: u8, token: Option<&str>) -> Self {
        let mut client = Self::connect(server, eio, token).await.unwrap();
        assert!(
            client.text().await.unwrap().starts_with("0{"),
            "an open packet"
        );
        if eio == 4 {
            client.say("40").await;
        }
        let connected = client.text().await.unwrap();
        assert_eq!(connected.starts_with("40{"), eio == 4, "{connected}");
        client
    }

    /// A robot that is listed.
    async fn robot(server: &Server, secret: &str) -> Self {
        let mut robot = Self::inside(server, 4, Some(secret)).await;
        robot.emit("register", json!({"userId": "front"})).await;
        assert_eq!(robot.event().await.0, "registered");
        robot
    }

    async fn say(&mut self, text: &str) {
        self.0.ws.send(Message::text(text)).await.unwrap();
    }

    async fn emit(&mut self, event: &str, data: Value) {
        self.say(&format!("42{}", json!([event, data]))).await;
    }

    /// The next text that is no ping, or `None` at the end.
    async fn text(&mut self) -> Option<String> {
        loop {
            let next = timeout(PATIENCE, self.0.ws.next()).await;
            match next.expect("nothing came") {
                Some(Ok(Message::Text(text))) if text.as_str() == "2" => {
                    let _ = self.0.ws.send(Message::text("3")).await;
                }
                // The transport says that it closes.
                Some(Ok(Message::Text(text))) if text.as_str() == "1" => return None,
                Some(Ok(Message::Text(text))) => return Some(text.to_string()),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => (),
            }
        }
    }

    async fn event(&mut self) -> (String, Value) {
        let text = self.text().await.expect("it hung up");
        let json = text.strip_prefix("42").unwrap_or_else(|| panic!("{text}"));
        serde_json::from_str(json).unwrap()
    }

    async fn error(&mut self) -> String {
        let (event, data) = self.event().await;
        assert_eq!(event, "error", "{data}");
        data["code"].as_str().unwrap().to_owned()
    }

    /// Whatever comes until the end.
    async fn end(&mut self) -> Vec<String> {
        let mut last = Vec::new();
        while let Some(text) = self.text().await {
            last.push(text);
        }
        last
    }
}

/// A session by long polling.
struct Poller {
    address: SocketAddr,
    query: String,
}

impl Poller {
    async fn open(server: &Server, eio: u8, token: &str) -> Self {
        let address = server.local_addr();
        let query = format!("/socket.io/?EIO={eio}&transport=polling");
        let answer = http(address, &format!("GET {query}&token={token}"), &[]).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!answer.body.contains(token));
        let (_, open) = answer.body.split_once('{').unwrap();
        let open: Value = serde_json::from_str(&format!("{{{open}")).unwrap();
        let sid = open["sid"].as_str().unwrap();
        let query = format!("{query}&sid={sid}");
        Self { address, query }
    }

    async fn poll(&self) -> Answer {
        http(self.address, &format!("GET {}", self.query), &[]).await
    }

    async fn post(&self, body: &str) -> Answer {
        let headers = [("content-type", "text/plain;charset=UTF-8")];
        http_with(
            self.address,
            &format!("POST {}", self.query),
            &headers,
            body,
        )
        .await
    }

    /// Polls until this stands in an answer.
    async fn until(&self, text: &str) -> String {
        loop {
            let answer = self.poll().await;
            assert_eq!(answer.status, 200, "waiting for {text}: {answer:?}");
            if answer.body.contains(text) {
                return answer.body;
            }
        }
    }
}

#[tokio::test]
async fn it_is_off_unless_it_was_configured() {
    let (server, _) = house(options());
    let address = server.local_addr();
    let answer = http(address, "GET /socket.io/?EIO=4&transport=polling", &[]).await;
    assert_eq!(answer.problem(), (404, "not-found".to_owned()));
    let upgrade = [("upgrade", "websocket"), ("sec-websocket-key", "x")];
    let root = http(address, "GET /", &upgrade).await;
    assert!(
        root.status == 200 && root.body.contains("<html"),
        "the page"
    );
}

#[tokio::test]
async fn both_generations_are_let_in_with_a_credential_and_not_without() {
    let (server, _) = house(with_socketio());
    for eio in [3, 4] {
        let mut alice = Sio::inside(&server, eio, Some(ALICE)).await;
        alice.emit("register", json!({})).await;
        assert_eq!(alice.event().await.0, "registered");
        let wrong = Sio::connect(&server, eio, Some("a-wrong-token")).await;
        assert_eq!(wrong.err(), Some(401));
        // One without any may show it with its first word, and only then.
        let mut late = Sio::inside(&server, eio, None).await;
        late.emit("register", json!({"token": ALICE})).await;
        assert_eq!(late.event().await.0, "registered");
        for word in [
            json!({}),
            json!({"token": "a-wrong-token"}),
            json!({"token": "\n"}),
        ] {
            let mut nobody = Sio::inside(&server, eio, None).await;
            nobody.emit("register", word).await;
            assert_eq!(nobody.error().await, "unauthorized");
            assert_eq!(nobody.end().await, ["41"]);
        }
    }
    // The newer one may show it when it asks to be let in.
    let mut late = Sio::connect(&server, 4, None).await.unwrap();
    late.text().await.unwrap();
    late.say(r#"40{"token":"alice-token"}"#).await;
    assert!(late.text().await.unwrap().starts_with("40{"));
    let mut wrong = Sio::connect(&server, 4, None).await.unwrap();
    wrong.text().await.unwrap();
    wrong.say(r#"40{"token":"a-wrong-token"}"#).await;
    let refusal = wrong.text().await.unwrap();
    assert!(
        refusal.starts_with("44{") && refusal.contains("unauthorized"),
        "{refusal}"
    );
    assert_eq!(wrong.end().await, ["41"]);
}

#[tokio::test]
async fn polling_carries_what_a_websocket_does_in_both_generations() {
    let (server, secret) = house(with_socketio());
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    for eio in [3, 4] {
        let frame = |text: &str| match eio {
            3 => format!("{}:{text}", text.len()),
            _ => text.to_owned(),
        };
        let alice = Poller::open(&server, eio, ALICE).await;
        if eio == 4 {
            assert_eq!(alice.post("40").await.body, "ok");
        }
        alice.until("40").await;
        let offer = format!("42{}", json!(["offer", {"to": "front", "sdp": "v=0"}]));
        assert_eq!(alice.post(&frame(&offer)).await.body, "ok");
        alice.until("session-started").await;
        let start = camera.recv().await;
        assert_eq!(start["offer"], "v=0");
        let session = &start["sessionId"];
        let answer = json!({"type":"peer","sessionId":session,"sdp":{"type":"answer","sdp":"v=0"}});
        camera.send(answer).await;
        alice
            .until(r#"["answer",{"answer":{"sdp":"v=0","type":"answer"},"from":"front"}]"#)
            .await;
        assert_eq!(alice.post(&frame("41")).await.body, "ok");
        let end = json!({"type":"endSession","sessionId":session,"reason":"viewer-left"});
        assert_eq!(camera.recv().await, end);
    }
}

#[tokio::test]
async fn an_offer_and_its_candidates_stay_in_order_and_from_is_the_servers_word() {
    let (server, secret) = house(with_socketio());
    let mut robot = Sio::robot(&server, &secret).await;
    let mut alice = Sio::inside(&server, 4, Some(ALICE)).await;
    let offer = json!({"to": "front", "from": "forged", "offer": {"type": "offer", "sdp": "v=0"}});
    alice.emit("offer", offer).await;
    for n in 0..50 {
        let candidate = json!({"candidate": format!("candidate:{n}"), "sdpMLineIndex": 0});
        alice
            .emit(
                "ice-candidate",
                json!({"to": "front", "candidate": candidate}),
            )
            .await;
    }
    let (event, data) = robot.event().await;
    assert_eq!(
        (event.as_str(), &data["offer"]["sdp"]),
        ("offer", &json!("v=0"))
    );
    let from = data["from"].as_str().unwrap().to_owned();
    assert!(from != "forged" && !from.contains("alice"));
    for n in 0..50 {
        let (event, data) = robot.event().await;
        assert_eq!(
            (event.as_str(), &data["from"]),
            ("ice-candidate", &json!(from))
        );
        assert_eq!(data["candidate"]["candidate"], format!("candidate:{n}"));
    }
    assert_eq!(alice.event().await.0, "session-started");
    let answer = json!({"to": from, "from": "forged", "answer": {"type": "answer", "sdp": "v=0"}});
    robot.emit("answer", answer).await;
    let (event, data) = alice.event().await;
    assert_eq!((event.as_str(), &data["from"]), ("answer", &json!("front")));
    // Another's session is nobody else's.
    server.add_viewer(ViewerEntry::new("bob", "bob-token"));
    let mut bob = Sio::inside(&server, 4, Some("bob-token")).await;
    bob.emit("answer", json!({"to": from, "sdp": "v=0"})).await;
    assert_eq!(bob.error().await, "no-such-session");
}

#[tokio::test]
async fn whose_right_ends_is_told_and_thrown_out_whether_robot_or_viewer() {
    let (server, secret) = house(with_socketio());
    let mut robot = Sio::robot(&server, &secret).await;
    let mut alice = Sio::inside(&server, 3, Some(ALICE)).await;
    alice
        .emit("offer", json!({"to": "front", "sdp": "v=0"}))
        .await;
    assert_eq!(alice.event().await.0, "session-started");
    assert_eq!(robot.event().await.0, "offer");
    server.remove_viewer("alice");
    let (event, data) = alice.event().await;
    assert_eq!(
        (event.as_str(), &data["reason"]),
        ("bye", &json!("revoked"))
    );
    assert_eq!(alice.error().await, "revoked");
    assert_eq!(alice.end().await, ["41"]);
    assert_eq!(robot.event().await.0, "bye");
    server.remove_camera("front");
    assert_eq!(robot.error().await, "revoked");
    assert_eq!(robot.end().await, ["41"]);
}

#[tokio::test]
async fn the_end_of_a_lease_is_told_to_both() {
    let (server, secret) = house(with_socketio());
    let mut brief = ViewerEntry::new("brief", "brief-token");
    brief.lease = 1;
    server.add_viewer(brief);
    let mut robot = Sio::robot(&server, &secret).await;
    let mut viewer = Sio::inside(&server, 4, Some("brief-token")).await;
    viewer
        .emit("offer", json!({"to": "front", "sdp": "v=0"}))
        .await;
    assert_eq!(viewer.event().await.0, "session-started");
    assert_eq!(robot.event().await.0, "offer");
    for each in [&mut viewer, &mut robot] {
        let (event, data) = each.event().await;
        assert_eq!(
            (event.as_str(), &data["reason"]),
            ("bye", &json!("lease-ended"))
        );
    }
}

#[tokio::test]
async fn what_is_no_event_is_complained_of_and_the_connection_stays() {
    let (server, _) = house(with_socketio());
    let mut alice = Sio::inside(&server, 4, Some(ALICE)).await;
    for text in [
        "42[\"of-the-future\",{}]",
        "42[]",
        "42{\"a\":1}",
        "42not JSON",
        "4",
        "49",
        "451-[\"offer\",{\"_placeholder\":true,\"num\":0}]",
        "42[\"offer\",7]",
        "42[\"ice-candidate\",{\"to\":\"front\",\"candidate\":[]}]",
    ] {
        alice.say(text).await;
        assert_eq!(alice.error().await, "bad-message", "{text}");
    }
    alice
        .0
        .ws
        .send(Message::binary(vec![1, 2, 3]))
        .await
        .unwrap();
    // Answers that nobody waits for, and namespaces that are not there.
    alice.say("431[]").await;
    alice.say("40").await;
    alice.say("40/admin,{}").await;
    let refusal = alice.text().await.unwrap();
    assert!(refusal.starts_with("44/admin,"), "{refusal}");
    alice.say("42/admin,[\"offer\",{}]").await;
    // Whoever waits for an answer gets one, also to what was wrong.
    alice.say("427[\"register\",{}]").await;
    assert_eq!(alice.event().await.0, "registered");
    assert_eq!(alice.text().await.unwrap(), "437[]");
    alice.say("428[\"of-the-future\"]").await;
    assert_eq!(alice.error().await, "bad-message");
    assert_eq!(alice.text().await.unwrap(), "438[]");
}

#[tokio::test]
async fn a_packet_that_is_too_large_ends_its_connection() {
    let (server, _) = house(with_socketio());
    let mut alice = Sio::inside(&server, 4, Some(ALICE)).await;
    let _ = alice
        .0
        .ws
        .send(Message::text(format!("42{}", " ".repeat(80_000))))
        .await;
    // It is told that it is out, if it still listens.
    assert!(alice.end().await.iter().all(|text| text == "41"));
    let poller = Poller::open(&server, 4, ALICE).await;
    let answer = poller.post(&"4".repeat(80_000)).await;
    assert_eq!(answer.problem(), (413, "too-large".to_owned()));
    // A description that is too large is refused as everybody's.
    let mut alice = Sio::inside(&server, 4, Some(ALICE)).await;
    alice
        .emit("offer", json!({"to": "front", "sdp": "v".repeat(30_000)}))
        .await;
    assert_eq!(alice.error().await, "too-large");
}

/// Of a camera that says `list`: how many sessions it was asked for before.
async fn sessions_asked_of(camera: &mut Client) -> usize {
    camera.send(json!({"type":"list"})).await;
    let mut started = 0;
    loop {
        match camera.recv().await {
            message if message["type"] == "list" => return started,
            message if message["type"] == "startSession" => started += 1,
            _ => (),
        }
    }
}

#[tokio::test]
async fn who_says_more_than_is_read_is_held_up_and_others_do_not_notice() {
    const NOT_READ: Duration = Duration::from_secs(1);
    let (server, secret) = house(with_socketio());
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let mut alice = Sio::inside(&server, 4, Some(ALICE)).await;
    let event = format!("42{}", json!(["offer", {"to": "front", "sdp": "v=0"}]));
    let mut sent = 0;
    // Until nothing more is taken: the connection is read at its pace.
    while let Ok(Ok(())) = timeout(NOT_READ, alice.0.ws.send(Message::text(event.clone()))).await {
        sent += 1;
        assert!(sent < 1_000_000, "all of it was read");
    }
    assert!(sessions_asked_of(&mut camera).await <= 16);
}

#[tokio::test]
async fn who_posts_more_than_is_read_is_cut_off() {
    let (server, secret) = house(with_socketio());
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let poller = Poller::open(&server, 4, ALICE).await;
    assert_eq!(poller.post("40").await.status, 200);
    poller.until("40{").await;
    let event = format!("42{}", json!(["offer", {"to": "front", "sdp": "v=0"}]));
    // More in one request than may wait.
    let many = vec![event; 1_100].join("\u{1e}");
    poller.post(&many).await;
    let answer = poller
        .post(r#"42["offer",{"to":"front","sdp":"v=0"}]"#)
        .await;
    assert_eq!(answer.status, 400, "{answer:?}");
    assert!(sessions_asked_of(&mut camera).await <= 16);
}

#[tokio::test]
async fn ten_thousand_handshakes_take_no_more_than_their_places_and_those_come_back() {
    const PLACES: usize = 64;
    let mut options = with_socketio();
    options.max_connections = Some(PLACES);
    options.timings.header = Duration::from_millis(500);
    let (server, _) = house(options);
    let address = server.local_addr();
    let request = "GET /socket.io/?EIO=4&transport=polling";
    let mut opened = 0;
    for _ in 0..10_000 {
        match http(address, request, &[]).await.status {
            200 => opened += 1,
            503 => (),
            other => panic!("{other}"),
        }
    }
    // Some had their time meanwhile, and made room for others.
    assert!((PLACES..10_000).contains(&opened), "{opened}");
    let again = async { while http(address, request, &[]).await.status != 200 {} };
    timeout(PATIENCE, again).await.expect("no place came back");
    assert_eq!(http(address, "GET /health", &[]).await.status, 200);
}

#[tokio::test]
async fn a_robot_that_polls_no_more_is_gone() {
    let mut options = with_socketio();
    options.timings.ping = Duration::from_millis(200);
    options.timings.pong = Duration::from_millis(300);
    let (server, secret) = house(options);
    let mut alice = Client::viewer(&server, ALICE).await;
    let robot = Poller::open(&server, 4, &secret).await;
    assert_eq!(robot.post("40").await.body, "ok");
    assert_eq!(robot.post("42[\"register\",{}]").await.body, "ok");
    let came = alice.recv().await;
    assert_eq!(
        (&came["peerId"], &came["roles"]),
        (&json!("front"), &json!(["producer"]))
    );
    assert_eq!(came["meta"]["offers"], "viewer");
    let went = alice.recv().await;
    assert_eq!(
        (&went["peerId"], &went["roles"]),
        (&json!("front"), &json!([]))
    );
    assert_eq!(robot.poll().await.status, 400);
}

#[tokio::test]
async fn two_who_poll_the_same_session_end_it() {
    let (server, _) = house(with_socketio());
    let alice = Poller::open(&server, 4, ALICE).await;
    assert_eq!(alice.post("40").await.body, "ok");
    alice.until("40").await;
    // The first ones may find a ping that waits.
    let refused = async {
        loop {
            let (first, second) = tokio::join!(alice.poll(), alice.poll());
            if first.status == 400 || second.status == 400 {
                break;
            }
        }
    };
    timeout(PATIENCE, refused)
        .await
        .expect("both were answered for ever");
    assert_eq!(alice.poll().await.status, 400);
    // Made up ones are nobody's.
    for sid in ["AAAAAAAAAAAAAAAA", "x", "%00"] {
        let path = format!("GET /socket.io/?EIO=4&transport=polling&sid={sid}");
        assert_eq!(
            http(server.local_addr(), &path, &[]).await.status,
            400,
            "{sid}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_dropped_and_nobody_else_notices() {
    let mut options = with_socketio();
    options.timings.write = Duration::from_secs(1);
    let (server, secret) = house(options);
    server.add_viewer(ViewerEntry::new("bob", "bob-token"));
    let mut front = Client::camera(&server, &secret, json!(null)).await;
    let mut bob = Client::viewer(&server, "bob-token").await;
    let bobs = bob.start_session(&mut front, "front").await;
    let mut alice = Sio::inside(&server, 4, Some(ALICE)).await;
    alice
        .emit("offer", json!({"to": "front", "sdp": "v=0"}))
        .await;
    let start = front.recv().await;
    let alices = start["sessionId"].as_str().unwrap().to_owned();
    // More than the system buffers for a connection and the server queues for it.
    let sdp = "v".repeat(60_000);
    for _ in 0..300 {
        let offer = json!({"type":"peer","sessionId":alices,"sdp":{"type":"offer","sdp":sdp}});
        front.send(offer).await;
    }
    let mut is_dropped = false;
    let mut answered = 0;
    let begun = Instant::now();
    while !is_dropped || answered < 20 {
        let ice = json!({"type":"peer","sessionId":bobs,"ice":{"candidate":"c","sdpMLineIndex":0}});
        bob.send(ice.clone()).await;
        let mut message = front.recv().await;
        if message["type"] == "endSession" {
            assert_eq!(message["sessionId"], json!(alices));
            is_dropped = true;
            message = front.recv().await;
        }
        assert_eq!(message, ice);
        answered += 1;
        // The system's buffers take megabytes, and what a camera says is read at its pace.
        assert!(
            begun.elapsed() < 3 * PATIENCE,
            "the client that does not read was not dropped"
        );
    }
}

#[tokio::test]
async fn a_page_of_another_site_is_no_more_welcome_than_elsewhere() {
    let mut options = with_socketio();
    options.open_access = true;
    let robots = "https://robots.example";
    options.adapters.socketio = Some(SocketIoOptions {
        origins: vec![robots.to_owned()],
        ..SocketIoOptions::default()
    });
    let (server, _) = house(options);
    let address = server.local_addr();
    let request = "GET /socket.io/?EIO=4&transport=polling";
    // A guest, because of its address: not from everywhere.
    let evil = http(address, request, &[("origin", "https://evil.example")]).await;
    assert_eq!(evil.status, 403);
    assert_eq!(evil.header("access-control-allow-origin"), None);
    let own = format!("http://{address}");
    assert_eq!(
        http(address, request, &[("origin", &own)]).await.status,
        200
    );
    // With a token it may be, and may read the answer where that is configured.
    let tokened = format!("{request}&token={ALICE}");
    let fine = http(address, &tokened, &[("origin", robots)]).await;
    assert_eq!(
        (fine.status, fine.header("access-control-allow-origin")),
        (200, Some(robots))
    );
    assert_eq!(
        fine.header("access-control-allow-credentials"),
        Some("true")
    );
    let preflight = http(address, "OPTIONS /socket.io/", &[("origin", robots)]).await;
    assert_eq!(
        (
            preflight.status,
            preflight.header("access-control-allow-origin")
        ),
        (204, Some(robots))
    );
    let preflight = http(
        address,
        "OPTIONS /socket.io/",
        &[("origin", "https://evil.example")],
    )
    .await;
    assert_eq!(preflight.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_three_service_client_speaks_at_the_root_and_at_an_address_of_its_own() {
    let (server, secret) = house(with_socketio());
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let other = listener.local_addr().unwrap();
    server.serve_three_service(listener).unwrap();
    let path = format!("/?access_token={secret}");
    let mut robot = Client::connect(server.local_addr(), &path, &[])
        .await
        .unwrap();
    robot
        .send(json!({"type": "register", "role": "robot"}))
        .await;
    assert_eq!(robot.recv().await["type"], "registered");
    let mut page = Client::connect(other, "/whatever", &[]).await.unwrap();
    page.send(json!({"type": "register", "token": ALICE})).await;
    assert_eq!(page.recv().await["type"], "registered");
    page.send(json!({"type": "offer", "sdp": "v=0"})).await;
    let offer = robot.recv().await;
    assert_eq!(
        (&offer["type"], &offer["sdp"]),
        (&json!("offer"), &json!("v=0"))
    );
    assert_eq!(page.recv().await["type"], "session-started");
    robot
        .send(json!({"type": "answer", "sdp": "v=1", "to": offer["from"]}))
        .await;
    assert_eq!(
        page.recv().await,
        json!({"type": "answer", "sdp": "v=1", "from": "front"})
    );
    page.send(json!({"type": "of-the-future"})).await;
    assert_eq!(page.recv().await["code"], "bad-message");
    server.remove_viewer("alice");
    assert_eq!(page.recv().await["type"], "bye");
    assert_eq!(page.recv().await["code"], "revoked");
    assert_eq!(
        page.recv().await,
        json!({"close": 1008, "reason": "revoked"})
    );
    // Nobody is let in who shows nothing, there or here, and the page is where it was.
    for address in [server.local_addr(), other] {
        let mut nobody = Client::connect(address, "/", &[]).await.unwrap();
        nobody.send(json!({"type": "register"})).await;
        assert_eq!(nobody.recv().await["code"], "unauthorized");
        assert_eq!(nobody.recv().await["close"], 1008);
        let wrong = Client::connect(address, "/?token=wrong", &[]).await;
        assert_eq!(wrong.err().map(|(status, _)| status), Some(401));
    }
    let root = http(server.local_addr(), "GET /", &[]).await;
    assert_eq!(root.status, 200);
}

#[tokio::test]
async fn the_end_of_the_server_ends_polls_that_wait() {
    let (server, _) = house(with_socketio());
    let alice = Poller::open(&server, 4, ALICE).await;
    assert_eq!(alice.post("40").await.body, "ok");
    alice.until("40").await;
    let poll = tokio::spawn(async move { alice.poll().await.status });
    server.shutdown();
    timeout(Duration::from_secs(4), server.closed())
        .await
        .expect("a poll held it up");
    // Whether it came before or after the end.
    let _ = timeout(PATIENCE, poll).await.unwrap();
}
