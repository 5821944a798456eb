// SPDX-License-Identifier: MPL-2.0
//! What the database has taken is never lost to memory, although its answer was: the change is asked for again, and what ran
//! by it ends.

use jiff::Timestamp;
use porthole_signaling::model::AuditEntry;
use serde_json::json;

use crate::common::Client;
use crate::house::House;

fn entry(action: &str) -> AuditEntry {
    AuditEntry {
        at: Timestamp::now(),
        actor: "test".to_owned(),
        action: action.to_owned(),
        camera: None,
        user: None,
        subject: None,
        details: json!({}),
    }
}

#[tokio::test]
async fn a_booking_that_is_gone_from_the_database_ends_when_it_is_revoked_again() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    let booking = house.book("front", "alice", (-10, 3600)).await;
    let id = booking["id"].as_str().unwrap();
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    viewer.start_session(&mut camera, "front").await;
    let store = house.behind_its_back().await;
    store
        .remove_booking(id, &entry("booking.removed"))
        .await
        .unwrap();
    for request in ["DELETE", "PATCH"] {
        let request = format!("{request} /api/bookings/{id}");
        let change = json!({"note": "again"});
        let body = request.starts_with("PATCH").then_some(&change);
        let answer = house.admin.send(&request, body).await;
        assert_eq!(answer.problem(), (404, "not-found".to_owned()));
    }
    let end = camera.recv().await;
    assert_eq!(
        (&end["type"], &end["reason"]),
        (&json!("endSession"), &json!("revoked"))
    );
    let me = alice.get("/api/me").await.json();
    assert_eq!(me["cameras"].as_array().unwrap().len(), 0, "{me}");
}

#[tokio::test]
async fn so_does_a_user_a_link_and_a_camera() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    let made = house
        .admin
        .post("/api/shares", &json!({"camera": "front", "for": "2h"}))
        .await;
    let share = made.json()["share"]["id"].as_str().unwrap().to_owned();
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let secret = link.split_once("#share=").unwrap().1;
    let opened = house
        .nobody()
        .post("/api/session", &json!({"share": secret}))
        .await;
    let guest = house.nobody().with(&opened);
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = guest.listen().await;
    viewer.start_session(&mut camera, "front").await;
    let store = house.behind_its_back().await;
    store
        .remove_share(&share, &entry("share.removed"))
        .await
        .unwrap();
    store
        .remove_user("alice", &entry("user.removed"))
        .await
        .unwrap();
    let gone = (404, "not-found".to_owned());
    let path = format!("/api/shares/{share}");
    assert_eq!(house.admin.delete(&path).await.problem(), gone);
    assert_eq!(camera.recv().await["reason"], "revoked");
    assert_eq!(guest.get("/api/me").await.status, 401);
    assert_eq!(alice.get("/api/me").await.status, 200);
    assert_eq!(house.admin.delete("/api/users/alice").await.problem(), gone);
    assert_eq!(alice.get("/api/me").await.status, 401);
    store
        .remove_camera("front", &entry("camera.removed"))
        .await
        .unwrap();
    assert_eq!(
        house.admin.delete("/api/cameras/front").await.problem(),
        gone
    );
    while camera.recv().await["close"].is_null() {}
    let bearer = format!("Bearer {key}");
    let again = Client::connect(house.address(), "/ws", &[("authorization", &bearer)]).await;
    assert_eq!(again.err().unwrap().0, 401);
}
