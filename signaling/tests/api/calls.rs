// SPDX-License-Identifier: MPL-2.0
//! Doorbells over real connections: a press, a notice with a link, an answer, a picture, and what is left to look back at.

use std::net::SocketAddr;
use std::time::Duration;

use porthole_protocol::wire::{CallEnd, CallState};
use porthole_signaling::{RingNotice, ServerOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::common::{Client, PATIENCE, options};
use crate::house::House;

const RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
const OTHER: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e02";

/// A house whose notifiers are here.
async fn house() -> (House, mpsc::Receiver<RingNotice>) {
    let (notices, heard) = mpsc::channel(16);
    let options = ServerOptions {
        ring_notices: Some(notices),
        ..options()
    };
    (House::with(options).await, heard)
}

/// Not text, as a picture is none.
fn jpeg(bytes: usize) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0];
    jpeg.resize(bytes - 2, 0x80);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}

/// One request; status, head and body.
async fn raw(
    address: SocketAddr,
    request: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let headers = headers
        .iter()
        .map(|(key, value)| format!("{key}: {value}\r\n"));
    let head = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n{}\r\n",
        body.len(),
        headers.collect::<String>()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // One that is refused before it was read may break off.
    let _ = stream.write_all(body).await;
    let mut answer = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .unwrap();
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, answer[end + 4..].to_vec())
}

async fn put(house: &House, secret: &str, (camera, ring): (&str, &str), jpeg: &[u8]) -> u16 {
    let bearer = format!("Bearer {secret}");
    let headers = [("authorization", &*bearer), ("content-type", "image/jpeg")];
    let request = format!("PUT /api/v1/cameras/{camera}/snapshots/{ring}");
    raw(house.address(), &request, &headers, jpeg).await.0
}

async fn snapshot(house: &House, cookies: &str, call: &str) -> (u16, String, Vec<u8>) {
    let request = format!("GET /api/v1/calls/{call}/snapshot");
    raw(house.address(), &request, &[("cookie", cookies)], b"").await
}

async fn notice(heard: &mut mpsc::Receiver<RingNotice>) -> RingNotice {
    timeout(PATIENCE, heard.recv()).await.unwrap().unwrap()
}

/// The next message of this type.
async fn next(client: &mut Client, kind: &str) -> Value {
    loop {
        let message = client.recv().await;
        assert!(
            message.get("close").is_none(),
            "{message} before any {kind}"
        );
        if message["type"] == kind {
            return message;
        }
    }
}

#[tokio::test]
async fn who_has_no_page_open_declines_by_the_api_and_what_does_not_ring_there_is_not_known() {
    let (house, _heard) = house().await;
    let secret = house.camera("front").await;
    let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
    let alice = house.user("alice").await;
    let decline = async |page: &crate::house::Page, id: &str| {
        let path = format!("/api/v1/calls/{id}/decline");
        page.send(&format!("POST {path}"), None).await.status
    };
    camera.send(json!({"type":"ring","ringId":RING})).await;
    let call = next(&mut camera, "cameraCall").await["call"].take();
    let id = call["id"].as_str().unwrap().to_owned();
    // It rings the administrator alone.
    assert_eq!(decline(&alice, &id).await, 404);
    assert_eq!(decline(&house.nobody(), &id).await, 401);
    for other in [RING, "1", &"x".repeat(99)] {
        assert_eq!(decline(&house.admin, other).await, 404, "{other}");
    }
    assert_eq!(decline(&house.admin, &id).await, 204);
    let over = next(&mut camera, "cameraCall").await["call"].take();
    assert_eq!(
        (&over["id"], &over["reason"]),
        (&json!(id), &json!("declined"))
    );
    assert_eq!(decline(&house.admin, &id).await, 404, "it is over");

    // Once somebody has answered there is nothing to decline, and that one keeps the call.
    let mut page = house.admin.listen().await;
    camera.send(json!({"type":"ring","ringId":OTHER})).await;
    let id = next(&mut page, "call").await["call"]["id"].take();
    page.send(json!({"type":"answerCall","callId":id})).await;
    assert_eq!(next(&mut page, "call").await["call"]["state"], "answered");
    assert_eq!(decline(&house.admin, id.as_str().unwrap()).await, 204);
    page.send(json!({"type":"hangUp","callId":id})).await;
    assert_eq!(next(&mut page, "call").await["call"]["reason"], "hung-up");
}

#[tokio::test]
async fn a_press_is_told_with_a_link_that_opens_once_answers_and_dies_with_the_call() {
    let (house, mut heard) = house().await;
    let secret = house.camera("front").await;
    let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
    let mut page = house.admin.listen().await;
    camera.send(json!({"type":"ring","ringId":RING})).await;
    let call = next(&mut camera, "cameraCall").await["call"].take();
    let id = call["id"].as_str().unwrap().to_owned();
    assert_eq!(next(&mut page, "call").await["call"]["you"], "rung");

    let mut notice = notice(&mut heard).await;
    assert_eq!(
        (&*notice.user, &*notice.camera, &*notice.call),
        ("root", "front", &*id)
    );
    assert!(
        !format!("{notice:?}").contains("share"),
        "a link is a secret"
    );
    let link = notice.link.take().unwrap();
    let fragment = link.fragment().unwrap().to_owned();
    assert!(
        fragment.ends_with(&format!("&camera=front&call={id}")),
        "{fragment}"
    );
    let share = fragment
        .strip_prefix("share=")
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let (nobody, share) = (house.nobody(), json!({ "share": share }));
    let opened = nobody.post("/api/session", &share).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    let phone = nobody.with(&opened);
    let second = nobody.post("/api/session", &share).await;
    assert_eq!(second.problem(), (410, "link-spent".to_owned()));

    let mut telephone = phone.listen().await;
    assert_eq!(next(&mut telephone, "call").await["call"]["you"], "rung");
    telephone
        .send(json!({"type":"answerCall","callId":id}))
        .await;
    assert_eq!(next(&mut telephone, "call").await["call"]["by"], "root");
    assert_eq!(
        next(&mut camera, "cameraCall").await["call"]["state"],
        "answered"
    );
    let answered = notice
        .progress
        .wait_for(|now| now.state == CallState::Answered);
    assert_eq!(answered.await.unwrap().by.as_deref(), Some("root"));
    let session = telephone.start_session(&mut camera, "front").await;
    let stats = json!({"type":"viewerStats","sessionId":session,"frames":5,"freezes":0,"freezeSeconds":0.0});
    telephone.send(stats).await;
    assert_eq!(
        next(&mut camera, "cameraCall").await["call"]["state"],
        "talking"
    );

    page.send(json!({"type":"hangUp","callId":id})).await;
    // That it is talked in comes before.
    assert_eq!(
        next(&mut telephone, "call").await["call"]["state"],
        "talking"
    );
    let over = next(&mut telephone, "call").await;
    assert_eq!(over["call"]["reason"], "hung-up");
    assert_eq!(
        next(&mut telephone, "endSession").await["reason"],
        "revoked"
    );
    let ended = notice
        .progress
        .wait_for(|now| now.state == CallState::Ended);
    assert_eq!(ended.await.unwrap().reason, Some(CallEnd::HungUp));
    // Nothing of it is left.
    let out = async {
        while phone.get("/api/me").await.status == 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, out).await.expect("the link still counts");
    let again = nobody.post("/api/session", &share).await;
    assert_eq!(again.status, 401, "{again:?}");
}

#[tokio::test]
async fn a_link_that_nobody_opened_is_void_when_the_call_is_over() {
    let (house, mut heard) = house().await;
    let secret = house.camera("front").await;
    let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
    camera.send(json!({"type":"ring","ringId":RING})).await;
    let call = next(&mut camera, "cameraCall").await["call"].take();
    let mut notice = notice(&mut heard).await;
    camera
        .send(json!({"type":"endCall","callId":call["id"]}))
        .await;
    let ended = notice
        .progress
        .wait_for(|now| now.state == CallState::Ended);
    ended.await.unwrap();
    let fragment = notice.link.unwrap().fragment().unwrap().to_owned();
    let share = fragment
        .strip_prefix("share=")
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let opened = house
        .nobody()
        .post("/api/session", &json!({ "share": share }))
        .await;
    assert_eq!(opened.status, 401, "{opened:?}");
}

#[tokio::test]
async fn the_picture_of_a_press_is_taken_once_from_its_camera_and_shown_to_those_whom_it_rang() {
    let (house, mut heard) = house().await;
    let secret = house.camera("front").await;
    let back = house.camera("back").await;
    let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
    let mut page = house.admin.listen().await;
    let stranger = house.user("stranger").await;
    camera.send(json!({"type":"ring","ringId":RING})).await;
    let id = next(&mut page, "call").await["call"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let (mine, picture) = (("front", RING), jpeg(100_000));

    assert_eq!(
        put(&house, &back, mine, &picture).await,
        403,
        "another camera"
    );
    assert_eq!(put(&house, "guess", mine, &picture).await, 401);
    assert_eq!(
        put(&house, &back, ("back", RING), &picture).await,
        404,
        "not its ring"
    );
    assert_eq!(
        put(&house, &secret, ("front", "../../x"), &picture).await,
        404
    );
    assert_eq!(put(&house, &secret, mine, &jpeg(100_001)).await, 413);
    assert_eq!(
        put(&house, &secret, mine, b"<svg onload=alert(1)>").await,
        422
    );
    assert_eq!(
        put(&house, &secret, mine, &picture[..5000]).await,
        422,
        "cut off"
    );
    let admin = &house.admin.cookies;
    assert_eq!(snapshot(&house, admin, &id).await.0, 404);

    assert_eq!(put(&house, &secret, mine, &picture).await, 204);
    assert_eq!(put(&house, &secret, mine, &picture).await, 409, "once");
    let path = next(&mut page, "call").await["call"]["snapshot"].take();
    assert_eq!(path, format!("/api/v1/calls/{id}/snapshot"));
    let mut notice = notice(&mut heard).await;
    let there = notice.progress.wait_for(|now| now.snapshot.is_some());
    let seen = there.await.unwrap().snapshot.clone();
    assert_eq!(seen.as_deref(), Some(&*picture));
    let (status, head, body) = snapshot(&house, admin, &id).await;
    assert_eq!((status, body == picture), (200, true));
    for line in [
        "content-type: image/jpeg",
        "x-content-type-options: nosniff",
    ] {
        assert!(head.contains(line), "{head}");
    }
    assert_eq!(snapshot(&house, &stranger.cookies, &id).await.0, 404);
    assert_eq!(snapshot(&house, "", &id).await.0, 401);
    assert_eq!(snapshot(&house, admin, OTHER).await.0, 404);
}

#[tokio::test]
async fn who_rang_when_is_kept_for_those_whom_it_rang_also_after_a_restart() {
    let mut house = House::new().await;
    let secret = house.camera("front").await;
    let alice = house.user("alice").await;
    let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
    let mut page = house.admin.listen().await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        let ring = format!("018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4f{n:02}");
        camera.send(json!({"type":"ring","ringId":ring})).await;
        let id = next(&mut page, "call").await["call"]["id"].clone();
        page.send(json!({"type":"answerCall","callId":id})).await;
        page.send(json!({"type":"hangUp","callId":id})).await;
        while next(&mut page, "call").await["call"]["state"] != "ended" {}
        ids.push(id);
    }
    let ring = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4f03";
    assert_eq!(
        put(&house, &secret, ("front", ring), &jpeg(99)).await,
        204,
        "shortly after"
    );
    let first = house.admin.get("/api/v1/calls?limit=2").await.json();
    let of = |page: &Value| -> Vec<Value> {
        let items = page["items"].as_array().unwrap().iter();
        items.map(|call| call["id"].clone()).collect()
    };
    assert_eq!(of(&first), [ids[2].clone(), ids[1].clone()]);
    let call = &first["items"][0];
    assert_eq!(
        (
            &call["camera"],
            &call["state"],
            &call["reason"],
            &call["answeredBy"]
        ),
        (
            &json!("front"),
            &json!("ended"),
            &json!("hung-up"),
            &json!("root")
        )
    );
    assert_eq!(call["recipients"], json!(["root"]));
    assert!(call["snapshot"].is_string() && call["rangBy"].is_null());
    let cursor = first["next"].as_str().unwrap();
    let rest = house
        .admin
        .get(&format!("/api/calls?limit=2&before={cursor}"))
        .await
        .json();
    assert_eq!((of(&rest), rest.get("next")), (vec![ids[0].clone()], None));
    let none = alice.get("/api/calls").await.json();
    assert_eq!(none, json!({"items": []}));
    let none = house.admin.get("/api/calls?camera=back").await.json();
    assert_eq!(none, json!({"items": []}));
    for bad in ["before=x", "limit=0", "limit=501", "x=1"] {
        let answer = house.admin.get(&format!("/api/calls?{bad}")).await;
        assert_eq!(answer.problem(), (400, "bad-query".to_owned()), "{bad}");
    }
    let log = house.admin.get("/api/audit?camera=front").await.json();
    let log = log["items"].as_array().unwrap();
    let rang = log
        .iter()
        .find(|entry| entry["action"] == "call.rang")
        .unwrap();
    assert_eq!(rang["actor"], "camera:front");

    house.restart(options()).await;
    let kept = house.admin.get("/api/calls").await.json();
    assert_eq!(of(&kept).len(), 3);
    let last = ids[2].as_str().unwrap();
    assert_eq!(
        snapshot(&house, &house.admin.cookies, last).await.2,
        jpeg(99)
    );
}

#[tokio::test]
async fn the_api_rings_for_administrators_and_for_whoever_may_control() {
    let house = House::new().await;
    let secret = house.camera("front").await;
    let alice = house.user("alice").await;
    let ring = "/api/v1/cameras/front/ring";
    let offline = house.admin.post(ring, &json!({})).await;
    assert_eq!(offline.problem(), (409, "camera-offline".to_owned()));
    let nowhere = house
        .admin
        .post("/api/cameras/nowhere/ring", &json!({}))
        .await;
    assert_eq!(nowhere.status, 404);
    let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
    assert_eq!(
        alice.post(ring, &json!({})).await.status,
        404,
        "not for her to know of"
    );
    house.book("front", "alice", (0, 3600)).await;
    assert_eq!(
        alice.post(ring, &json!({})).await.problem(),
        (403, "not-permitted".to_owned())
    );

    let rang = house.admin.post(ring, &json!({})).await;
    assert_eq!(rang.status, 201, "{rang:?}");
    let rang = rang.json();
    assert_eq!(
        (&rang["state"], &rang["ringing"]),
        (&json!("ringing"), &json!(1))
    );
    let told = next(&mut camera, "ring").await;
    let call = next(&mut camera, "cameraCall").await["call"].take();
    assert_eq!(
        (&call["id"], &call["ringId"]),
        (&rang["id"], &told["ringId"])
    );
    // Without a body, as programs send it.
    let cookie = [
        ("cookie", &*house.admin.cookies),
        ("sec-fetch-site", "same-origin"),
    ];
    let (status, _, body) = raw(house.address(), &format!("POST {ring}"), &cookie, b"").await;
    let joined: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((status, &joined["id"]), (201, &rang["id"]));
    let calls = house.admin.get("/api/calls").await.json();
    assert_eq!(calls["items"][0]["rangBy"], "root");
    assert_eq!(calls["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn notifiers_that_take_nothing_hold_nobody_up() {
    let (notices, _never_read) = mpsc::channel(1);
    let options = ServerOptions {
        ring_notices: Some(notices),
        ..options()
    };
    let house = House::with(options).await;
    let mut cameras = Vec::new();
    for n in 0..8 {
        let secret = house.camera(&format!("door{n}")).await;
        cameras.push(Client::camera(&house.server, &secret, json!(null)).await);
    }
    let mut page = house.admin.listen().await;
    for camera in &mut cameras {
        camera.send(json!({"type":"ring","ringId":RING})).await;
    }
    let all = async {
        for _ in 0..8 {
            assert_eq!(next(&mut page, "call").await["call"]["state"], "ringing");
        }
    };
    timeout(PATIENCE, all)
        .await
        .expect("somebody was waited for");
    assert!(house.server.is_alive(Duration::from_secs(20)).await);
}
