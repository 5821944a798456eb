// SPDX-License-Identifier: MPL-2.0
//! Who watches what, and what is remembered of it.

use serde_json::{Value, json};

use crate::common::Client;
use crate::house::House;

/// The audit log once it has an entry of this kind; it is written a moment after.
async fn audited(house: &House, action: &str) -> Vec<Value> {
    let reading = async {
        loop {
            let log = house.admin.get("/api/audit").await.json();
            let items = log["items"].as_array().unwrap().clone();
            if items.iter().any(|entry| entry["action"] == action) {
                return items;
            }
            tokio::task::yield_now().await;
        }
    };
    let read = tokio::time::timeout(crate::common::PATIENCE, reading).await;
    read.unwrap_or_else(|_| panic!("no {action} in the audit log"))
}

#[tokio::test]
async fn an_administrator_sees_a_session_and_ends_it() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    house.book("front", "alice", (0, 3600)).await;
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    let id = viewer.start_session(&mut camera, "front").await;
    let list = house.admin.get("/api/sessions").await.json();
    let session = &list["items"][0];
    assert_eq!(
        (&session["id"], &session["user"], &session["connected"]),
        (&json!(id), &json!("alice"), &json!(true))
    );
    let path = format!("/api/sessions/{id}");
    assert_eq!(house.admin.delete(&path).await.status, 204);
    let end = viewer.recv().await;
    assert_eq!(
        (&end["type"], &end["reason"]),
        (&json!("endSession"), &json!("revoked"))
    );
    assert_eq!(house.admin.delete(&path).await.status, 404);
    let log = audited(&house, "session.ended").await;
    let entry = |action: &str| log.iter().find(|entry| entry["action"] == action).unwrap();
    assert_eq!(entry("session.revoked")["actor"], "root");
    assert_eq!(entry("session.ended")["details"]["reason"], "revoked");
    assert_eq!(entry("session.started")["subject"], json!(id));
}

#[tokio::test]
async fn the_audit_log_says_who_drove() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    house.book("front", "alice", (0, 3600)).await;
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    let id = viewer.start_session(&mut camera, "front").await;
    let mut drive = json!({"type":"drive","sessionId":id,"began":0});
    camera.send(drive.clone()).await;
    drive["end"] = json!({"ago":0,"reason":"stalled"});
    camera.send(drive).await;
    let log = audited(&house, "drive.ended").await;
    let entry = |action: &str| log.iter().find(|entry| entry["action"] == action).unwrap();
    for action in ["drive.started", "drive.ended"] {
        let entry = entry(action);
        assert_eq!(
            (
                &entry["actor"],
                &entry["user"],
                &entry["camera"],
                &entry["subject"]
            ),
            (
                &json!("alice"),
                &json!("alice"),
                &json!("front"),
                &json!(id)
            )
        );
    }
    let details = &entry("drive.ended")["details"];
    assert_eq!(details["reason"], "stalled");
    assert!(
        details["from"].as_str() <= details["to"].as_str(),
        "{details}"
    );
}

#[tokio::test]
async fn the_audit_log_says_who_changed_what_and_holds_no_secret() {
    let house = House::new().await;
    let key = house.camera("front").await;
    house.user("alice").await;
    let link = house
        .admin
        .post("/api/users/alice/token", &json!({}))
        .await
        .json();
    let token = link["link"]
        .as_str()
        .unwrap()
        .split_once("#token=")
        .unwrap()
        .1
        .to_owned();
    house.book("front", "alice", (0, 3600)).await;
    let log = house.admin.get("/api/audit?user=alice").await;
    let items = log.json()["items"].as_array().unwrap().clone();
    let actions: Vec<_> = items
        .iter()
        .map(|e| e["action"].as_str().unwrap())
        .collect();
    assert_eq!(actions[..2], ["booking.added", "user.token"], "{actions:?}");
    for action in ["login.made", "user.added"] {
        assert!(actions.contains(&action), "{action} of {actions:?}");
    }
    for secret in [key.as_str(), &token, crate::house::PASSWORD] {
        assert!(!log.body.contains(secret));
    }
    let page = house
        .admin
        .get("/api/audit?user=alice&limit=1")
        .await
        .json();
    let before = page["next"].as_i64().unwrap();
    let rest = house
        .admin
        .get(&format!("/api/audit?user=alice&limit=1&before={before}"))
        .await;
    assert_ne!(rest.json()["items"][0]["id"], page["items"][0]["id"]);
}
