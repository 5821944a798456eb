// SPDX-License-Identifier: MPL-2.0
//! A doorbell by commands, as docs/doorbell.md has them, and a server that is killed while it rings and while people talk.
use std::path::Path;
use std::process::Stdio;

use crate::common::{Client, PATIENCE};
use crate::owned::House;
use crate::program::{BINARY, Serving};
use porthole_protocol::key::CameraKey;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

const RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";

/// The commands of the page that this test runs.
fn commands() -> String {
    let page = include_str!("../../../docs/doorbell.md");
    let begin = "<!-- run by signaling/tests/server/doorbell.rs -->\n```sh\n";
    let (_, rest) = page.split_once(begin).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

async fn shell(command: &str, data: &str) -> String {
    let path = Path::new(BINARY).parent().unwrap();
    let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap());
    let done = Command::new("sh")
        .args(["-c", command])
        .env("PATH", path)
        .env("PORTHOLE_DATA_DIR", data)
        .stdin(Stdio::null())
        .output();
    let done = timeout(PATIENCE, done).await.unwrap().unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{command}: {stderr}");
    String::from_utf8(done.stdout).unwrap()
}

/// Connects to the server that runs, as a camera or as a viewer that announced itself.
async fn connect(server: &Serving, token: &str, nonce: Option<&str>) -> Client {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    let client = Client::connect(server.address, "/ws", &headers).await;
    let mut client = client.unwrap();
    assert_eq!(client.recv().await["type"], "welcome");
    let roles = if nonce.is_some() {
        "producer"
    } else {
        "listener"
    };
    let mut porthole = json!({"version": 1});
    if let Some(nonce) = nonce {
        porthole["nonce"] = json!(nonce);
    }
    let status = json!({"type":"setPeerStatus","roles":[roles],"meta":null,"porthole":porthole});
    client.send(status).await;
    client
}

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

/// A data directory with the camera "front", its secret, and the token of the administrator.
fn house(test: &str) -> (House, String, String) {
    let house = House::new(test);
    let key: CameraKey = house.line(&["camera", "add", "front"]).parse().unwrap();
    let link = house.line(&["user", "rotate", "admin"]);
    let token = link.split_once("#token=").unwrap().1.to_owned();
    (house, key.secret, token)
}

#[tokio::test]
async fn the_commands_of_the_page_ring_and_show_who_rang() {
    let (house, secret, token) = house("doorbell-commands");
    let server = Serving::on(&house.data).await;
    let mut camera = connect(&server, &secret, Some("n1")).await;
    let mut page = connect(&server, &token, None).await;
    // Both are known before anybody rings.
    for client in [&mut camera, &mut page] {
        client.send(json!({"type":"list"})).await;
        next(client, "list").await;
    }
    let mut answers = Vec::new();
    for command in commands().lines() {
        answers.push(shell(command, &house.data).await);
    }
    let [rang, table, calls] = &answers[..] else {
        panic!("{answers:?}");
    };
    assert!(rang.contains("ringing"), "{rang}");
    let told = next(&mut page, "call").await["call"].take();
    assert!(rang.contains(told["id"].as_str().unwrap()), "{rang}");
    assert_eq!(
        next(&mut camera, "cameraCall").await["call"]["id"],
        told["id"]
    );
    assert!(
        table.contains("front") && table.contains("admin"),
        "{table}"
    );
    let calls: Value = serde_json::from_str(calls).unwrap();
    assert_eq!(
        (&calls[0]["id"], &calls[0]["rangBy"]),
        (&told["id"], &json!("cli"))
    );
    server.terminate().await;
    // Without a server there is a history, and nobody whom one could ring.
    assert_eq!(house.json(&["calls"])[0]["id"], told["id"]);
    let complaint = house.complaint(&["ring", "front"]);
    assert!(complaint.contains("camera-offline"), "{complaint}");
}

#[tokio::test]
async fn a_server_that_is_killed_takes_its_calls_up_again() {
    let (house, secret, token) = house("doorbell-killed");
    let mut server = Serving::on(&house.data).await;
    let mut camera = connect(&server, &secret, Some("n1")).await;
    let mut page = connect(&server, &token, None).await;
    page.send(json!({"type":"list"})).await;
    next(&mut page, "list").await;
    camera.send(json!({"type":"ring","ringId":RING})).await;
    let id = next(&mut page, "call").await["call"]["id"].clone();
    for state in ["ringing", "answered"] {
        if state == "answered" {
            page.send(json!({"type":"answerCall","callId":id})).await;
            assert_eq!(next(&mut page, "call").await["call"]["state"], "answered");
        }
        // What is asked for is written down before it is answered.
        let calls = house.json(&["calls"]);
        assert_eq!((&calls[0]["id"], &calls[0]["state"]), (&id, &json!(state)));
        server.child.kill().await.unwrap();
        server = Serving::on(&house.data).await;
        camera = connect(&server, &secret, Some("n2")).await;
        let call = next(&mut camera, "cameraCall").await["call"].take();
        assert_eq!((&call["id"], &call["state"]), (&id, &json!(state)));
        assert_eq!(call["ringId"], RING);
        page = connect(&server, &token, None).await;
        let call = next(&mut page, "call").await["call"].take();
        assert_eq!((&call["id"], &call["state"]), (&id, &json!(state)));
    }
    // The same press, which the camera says again, makes no other call.
    camera.send(json!({"type":"ring","ringId":RING})).await;
    assert_eq!(next(&mut camera, "cameraCall").await["call"]["id"], id);
    page.send(json!({"type":"hangUp","callId":id})).await;
    assert_eq!(
        next(&mut camera, "cameraCall").await["call"]["reason"],
        "hung-up"
    );
    let calls = house.json(&["calls"]);
    assert_eq!(
        (calls.as_array().unwrap().len(), &calls[0]["reason"]),
        (1, &json!("hung-up"))
    );
    server.terminate().await;
}
