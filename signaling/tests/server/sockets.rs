// SPDX-License-Identifier: MPL-2.0
//! What holds on the wire: sessions, deadlines, bounds, and the end.

use std::net::TcpListener;
use std::time::Duration;

use crate::common::{Client, PATIENCE, http, options, start, start_with_alice};
use futures_util::SinkExt as _;
use porthole_protocol::limits::MAX_MESSAGE_BYTES;
use porthole_signaling::{Server, ServerError, ViewerEntry};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn a_viewer_looks_through_a_camera_and_leaves() {
    let (server, secret) = start_with_alice();
    let mut alice = Client::viewer(&server, "alice-token").await;
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let came = alice.recv().await;
    assert_eq!(
        (&came["peerId"], &came["meta"]["name"]),
        (&json!("front"), &json!("Front door"))
    );
    alice
        .send(json!({"type":"startSession","peerId":"front"}))
        .await;
    let started = alice.recv().await;
    let start = camera.recv().await;
    assert_eq!(started["sessionId"], start["sessionId"]);
    let grant = server
        .grant_key()
        .read(start["grant"].as_str().unwrap())
        .unwrap();
    assert_eq!((grant.sub.as_str(), grant.nonce.as_str()), ("alice", "n"));
    let session = &start["sessionId"];
    let offer = json!({"type":"peer","sessionId":session,"sdp":{"type":"offer","sdp":"v=0"}});
    camera.send(offer.clone()).await;
    assert_eq!(alice.recv().await, offer);
    alice
        .send(json!({"type":"endSession","sessionId":session}))
        .await;
    let end = json!({"type":"endSession","sessionId":session,"reason":"viewer-left"});
    assert_eq!(camera.recv().await, end);
}

#[tokio::test]
async fn a_camera_that_connects_again_takes_over() {
    let (server, secret) = start_with_alice();
    let mut first = Client::camera(&server, &secret, json!(null)).await;
    let _second = Client::camera(&server, &secret, json!(null)).await;
    assert_eq!(first.recv().await["code"], "replaced");
    assert_eq!(
        first.recv().await,
        json!({"close": 1008, "reason": "replaced"})
    );
}

#[tokio::test]
async fn a_removed_camera_is_cut_off_and_its_id_is_free_again() {
    let (server, secret) = start_with_alice();
    let mut alice = Client::viewer(&server, "alice-token").await;
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    assert_eq!(alice.recv().await["type"], "peerStatusChanged");
    alice.start_session(&mut camera, "front").await;
    assert!(matches!(
        server.add_camera("front", ""),
        Err(ServerError::CameraExists(_))
    ));
    assert!(matches!(
        server.add_camera("No id", ""),
        Err(ServerError::BadCameraId(_))
    ));
    server.remove_camera("front");
    assert_eq!(alice.recv().await["reason"], "revoked");
    assert_eq!(camera.recv().await["reason"], "revoked");
    assert_eq!(camera.recv().await["code"], "revoked");
    assert_eq!(camera.recv().await["close"], 1008);
    assert_ne!(server.add_camera("front", "").unwrap(), secret);
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_the_connection_stays() {
    let (server, _) = start_with_alice();
    let mut alice = Client::viewer(&server, "alice-token").await;
    alice.ws.send(Message::text("not JSON")).await.unwrap();
    alice.ws.send(Message::binary(vec![1, 2, 3])).await.unwrap();
    alice.send(json!({"type":"of-the-future"})).await;
    for _ in 0..3 {
        assert_eq!(alice.recv().await["code"], "bad-message");
    }
    alice.send(json!({"type":"list"})).await;
    assert_eq!(alice.recv().await["type"], "list");
}

#[tokio::test]
async fn a_message_of_more_than_64_kib_closes_the_connection() {
    let (server, _) = start_with_alice();
    let mut alice = Client::viewer(&server, "alice-token").await;
    alice
        .ws
        .send(Message::text(" ".repeat(MAX_MESSAGE_BYTES + 1)))
        .await
        .unwrap();
    let closed = alice.recv().await;
    // The reset of the unread rest may overtake the close frame.
    assert!(
        closed["close"] == 1009 || closed["close"].is_null(),
        "{closed}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_read_is_dropped_and_nobody_else_notices() {
    let (server, secret) = start_with_alice();
    server.add_viewer(ViewerEntry::new("bob", "bob-token"));
    let mut front = Client::camera(&server, &secret, json!(null)).await;
    let mut bob = Client::viewer(&server, "bob-token").await;
    let bobs = bob.start_session(&mut front, "front").await;
    // She did not announce herself, so her session ends with her connection.
    let mut alice = Client::with_token(&server, "alice-token").await;
    let alices = alice.start_session(&mut front, "front").await;
    // More than the system buffers for a connection and the server queues for it.
    let sdp = "v".repeat(60_000);
    for _ in 0..300 {
        front
            .send(json!({"type":"peer","sessionId":alices,"sdp":{"type":"offer","sdp":sdp}}))
            .await;
    }
    let mut alice_is_dropped = false;
    let mut answered = 0;
    while !alice_is_dropped || answered < 20 {
        let ice = json!({"type":"peer","sessionId":bobs,"ice":{"candidate":"c","sdpMLineIndex":0}});
        bob.send(ice.clone()).await;
        let mut message = front.recv().await;
        if message["type"] == "endSession" {
            assert_eq!(message["sessionId"], json!(alices));
            alice_is_dropped = true;
            message = front.recv().await;
        }
        while message["code"] == "no-such-session" {
            message = front.recv().await;
        }
        assert_eq!(message, ice);
        answered += 1;
        // Bob is paced after a burst; give up if Alice is still there by then.
        assert!(
            answered < 1000,
            "the client that does not read was not dropped"
        );
    }
}

#[tokio::test]
async fn a_client_that_answers_no_ping_is_gone_and_one_that_does_stays() {
    let mut options = options();
    options.timings.ping = Duration::from_millis(100);
    options.timings.pong = Duration::from_millis(400);
    let server = start(options);
    server.add_viewer(ViewerEntry::new("alice", "alice-token"));
    let secret = server.add_camera("front", "").unwrap();
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    // She did not announce herself, so her session ends with her connection.
    let mut alice = Client::with_token(&server, "alice-token").await;
    alice.start_session(&mut camera, "front").await;
    // While the camera waits here it answers its pings; nobody polls Alice's connection.
    assert_eq!(camera.recv().await["reason"], "viewer-left");
    camera.send(json!({"type":"list"})).await;
    assert_eq!(camera.recv().await["type"], "list");
}

#[tokio::test]
async fn half_a_request_head_and_an_idle_connection_are_closed_after_the_deadline() {
    let mut options = options();
    options.timings.header = Duration::from_millis(200);
    let server = start(options);
    let requests = [
        "",
        "GET / HTTP/1.1\r\nHost: h",
        "GET /health HTTP/1.1\r\nHost: h\r\n\r\n",
        "POST /api/session HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n",
    ];
    for request in requests {
        let mut stream = TcpStream::connect(server.local_addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let read = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
        read.expect("the connection stayed open").unwrap();
    }
}

#[tokio::test]
async fn shutdown_says_goodbye_and_frees_the_port() {
    let (server, _) = start_with_alice();
    let address = server.local_addr();
    let mut alice = Client::viewer(&server, "alice-token").await;
    server.shutdown();
    server.shutdown();
    assert_eq!(alice.recv().await["close"], 1001);
    timeout(PATIENCE, server.closed()).await.unwrap();
    TcpListener::bind(address).unwrap();
}

#[tokio::test]
async fn the_last_handle_takes_the_server_with_it() {
    let (server, _) = start_with_alice();
    let address = server.local_addr();
    let mut alice = Client::viewer(&server, "alice-token").await;
    drop(server.clone());
    assert_eq!(http(address, "GET /health", &[]).await.status, 200);
    drop(server);
    assert_eq!(alice.recv().await["close"], 1001);
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    timeout(PATIENCE, refused).await.unwrap();
}

#[test]
fn a_server_is_started_and_changed_from_outside_and_inside_of_other_runtimes() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(options(), listen(), runtime.handle()).unwrap();
    assert!(server.add_camera("front", "Front").is_ok());
    let other = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    other.block_on(async {
        let second = Server::start(options(), listen(), runtime.handle()).unwrap();
        second.add_viewer(ViewerEntry::new("alice", "alice-token"));
        Client::viewer(&second, "alice-token").await;
        server.add_camera("back", "Back").unwrap();
    });
}
