// SPDX-License-Identifier: MPL-2.0
//! A server that ends finishes what it was asked, and waits for nothing else.

use std::time::Duration;

use porthole_signaling::store::AuditFilter;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::common::{Client, PATIENCE, options};
use crate::house::House;

/// Longer than any test.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A user that is being added: the server has taken up the request and waits for the body.
async fn half_a_request(house: &House, body: &str) -> TcpStream {
    let address = house.address();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/users HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        house.admin.cookies,
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        let byte = timeout(PATIENCE, stream.read_u8()).await.unwrap();
        answer.push(byte.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 100 "), "{answer:?}");
    stream
}

#[tokio::test]
async fn what_was_asked_before_the_end_is_done_and_answered() {
    let mut options = options();
    options.timings.finish = FOR_EVER;
    let house = House::with(options).await;
    let body = json!({"name": "alice"}).to_string();
    let mut asked = half_a_request(&house, &body).await;
    // Neither holds up the end: one that asked nothing yet, and one whose page listens.
    let idle = TcpStream::connect(house.address()).await.unwrap();
    let mut page = house.admin.listen().await;
    house.server.shutdown();
    asked.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    let read = timeout(PATIENCE, asked.read_to_string(&mut answer)).await;
    read.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    timeout(PATIENCE, house.server.closed()).await.unwrap();
    assert!(!page.recv().await["close"].is_string());
    drop(idle);
    let store = house.behind_its_back().await;
    let snapshot = store.snapshot(jiff::Timestamp::now()).await.unwrap();
    assert!(snapshot.users.iter().any(|user| user.name == "alice"));
}

#[tokio::test]
async fn who_asks_and_never_finishes_asking_does_not_hold_up_the_end_for_long() {
    let mut options = options();
    options.timings.finish = Duration::from_millis(50);
    let house = House::with(options).await;
    let asked = half_a_request(&house, "{}").await;
    house.server.shutdown();
    timeout(PATIENCE, house.server.closed()).await.unwrap();
    drop(asked);
}

#[tokio::test]
async fn a_viewer_that_asks_for_what_it_may_not_have_is_written_down_twice_a_minute() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    let _camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    // As many as are read at once.
    for _ in 0..15 {
        viewer
            .send(json!({"type":"startSession","peerId":"front"}))
            .await;
        assert_eq!(viewer.recv().await["code"], "no-such-camera");
    }
    house.server.shutdown();
    timeout(PATIENCE, house.server.closed()).await.unwrap();
    let store = house.behind_its_back().await;
    let log = store.audit(&AuditFilter::default()).await.unwrap();
    let refused = log.iter().map(|(_, entry)| entry);
    let refused: Vec<_> = refused
        .filter(|entry| entry.action == "session.refused")
        .collect();
    let counts: Vec<Value> = refused.iter().map(|e| e.details["count"].clone()).collect();
    assert_eq!(counts, [json!(14), Value::Null]);
    assert!(refused.iter().all(|e| e.camera.as_deref() == Some("front")));
}
