// SPDX-License-Identifier: MPL-2.0
//! What an administrator sees at a look: how much is going on, what failed, and how each session does.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::common::{Client, PATIENCE, options};
use crate::house::House;

/// What is answered once it is as it should be; it is counted and written a moment after.
async fn once(house: &House, path: &str, is_there: impl Fn(&Value) -> bool) -> Value {
    let reading = async {
        loop {
            let answer = house.admin.get(path).await.json();
            if is_there(&answer) {
                return answer;
            }
            tokio::task::yield_now().await;
        }
    };
    let read = tokio::time::timeout(PATIENCE, reading).await;
    read.unwrap_or_else(|_| panic!("{path} does not become what it should"))
}

#[tokio::test]
async fn the_overview_counts_what_goes_on_and_what_failed() {
    let house = House::new().await;
    let key = house.camera("front").await;
    house.camera("back").await;
    let alice = house.user("alice").await;
    house.book("front", "alice", (0, 3600)).await;
    let begun = Timestamp::now();
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    let id = viewer.start_session(&mut camera, "front").await;
    let mut stats = json!({"type":"sessionStats","sessionId":id,"rung":1,"rungs":3,"width":640,"height":360,
        "estimate":1_200_000,"sent":800_000,"loss":0.25,"rtt":0.03});
    camera.send(stats.clone()).await;
    viewer
        .send(
            json!({"type":"viewerStats","sessionId":id,"frames":9,"freezes":1,"freezeSeconds":0.5}),
        )
        .await;
    viewer
        .send(json!({"type":"startSession","peerId":"back"}))
        .await;
    let overview = once(&house, "/api/overview", |overview| {
        overview["now"]["failed"] == 1 && overview["now"]["sent"] == 800_000
    });
    let overview = overview.await;
    let now = &overview["now"];
    assert_eq!(
        (
            &overview["enrolled"],
            &now["cameras"],
            &now["sessions"],
            &now["started"]
        ),
        (&json!(2), &json!(1), &json!(1), &json!(1))
    );
    let first = &overview["samples"][0];
    assert_eq!(
        (&first["sessions"], &overview["every"]),
        (&json!(0), &json!(60))
    );

    let sessions = once(&house, "/api/sessions", |list| {
        list["items"][0]["shown"].is_object()
    });
    let session = &sessions.await["items"][0];
    assert_eq!(
        session["shown"],
        json!({"frames":9,"freezes":1,"freezeSeconds":0.5})
    );
    for field in ["type", "sessionId", "sent"] {
        stats.as_object_mut().unwrap().remove(field);
    }
    stats["rate"] = json!(800_000);
    assert_eq!(session["sent"], stats);

    let failed = format!("/api/audit?failed=true&from={begun}");
    let failed = once(&house, &failed, |log| log["items"][0].is_object()).await;
    let items = failed["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["action"]),
        (1, &json!("session.refused"))
    );
    let later = begun + SignedDuration::from_hours(1);
    let none = house
        .admin
        .get(&format!("/api/audit?failed=true&from={later}"))
        .await;
    assert_eq!(none.json()["items"], json!([]));
    let metrics = house.admin.get("/metrics").await.body;
    assert!(
        metrics.contains("porthole_session_failures_total 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_link_that_was_taken_back_by_mistake_is_put_back_as_it_was() {
    let house = House::with(options()).await;
    house.camera("front").await;
    let made = json!({"camera": "front", "for": "2h", "note": "courier", "saving": false});
    let made = house.admin.post("/api/shares", &made).await.json();
    let path = format!("/api/shares/{}", made["share"]["id"].as_str().unwrap());
    let secret = made["link"]
        .as_str()
        .unwrap()
        .split_once("#share=")
        .unwrap()
        .1;
    let nobody = house.nobody();
    let body = json!({"share": secret});
    let open = async || nobody.post("/api/session", &body).await;
    let holder = house.nobody().with(&open().await);
    let restore = async || {
        house
            .admin
            .post(&format!("{path}/restore"), &json!({}))
            .await
    };
    assert_eq!(restore().await.status, 404, "it is there");
    assert_eq!(house.admin.delete(&path).await.status, 204);
    assert_eq!(holder.get("/api/me").await.status, 401);
    let restored = restore().await;
    assert_eq!(
        (restored.status, restored.json()),
        (200, made["share"].clone())
    );
    assert_eq!(
        holder.get("/api/me").await.status,
        401,
        "it has to be opened again"
    );
    assert_eq!(open().await.status, 200);
    assert_eq!(open().await.status, 410, "as often as it may");
    assert_eq!(restore().await.status, 404, "once");
    let log = house.admin.get("/api/audit").await;
    assert_eq!(log.json()["items"][1]["action"], "share.restored");
    assert!(!log.body.contains(secret));
    // Not into a house that has no such camera any more.
    assert_eq!(house.admin.delete(&path).await.status, 204);
    assert_eq!(house.admin.delete("/api/cameras/front").await.status, 204);
    assert_eq!(
        restore().await.problem(),
        (422, "no-such-camera".to_owned())
    );
}

#[tokio::test]
async fn a_secret_comes_as_a_picture_where_that_is_asked_for_and_only_there() {
    let house = House::new().await;
    house.camera("front").await;
    house.user("alice").await;
    let share = json!({"camera": "front", "for": "2h"});
    let (none, camera) = (json!({}), json!({"name": "back"}));
    for (path, body) in [
        ("/api/shares", &share),
        ("/api/cameras", &camera),
        ("/api/cameras/front/rotate", &none),
        ("/api/users/alice/token", &none),
    ] {
        let plain = house.admin.post(path, body).await.json();
        assert_eq!(plain.get("qr"), None, "{path}");
        if path == "/api/cameras" {
            assert_eq!(house.admin.delete("/api/cameras/back").await.status, 204);
        }
        let with = house
            .admin
            .post(&format!("{path}?qr=true"), body)
            .await
            .json();
        let picture = with["qr"].as_str().unwrap();
        let svg = picture.strip_prefix("data:image/svg+xml;base64,").unwrap();
        let svg = String::from_utf8(BASE64_STANDARD.decode(svg).unwrap()).unwrap();
        assert!(svg.contains("<svg") && !svg.contains("script"), "{path}");
    }
}

#[tokio::test]
async fn a_camera_says_what_would_go_with_it() {
    let house = House::new().await;
    house.camera("front").await;
    house.user("alice").await;
    house.book("front", "alice", (0, 3600)).await;
    house.book("front", "alice", (7200, 7300)).await;
    let share = json!({"camera": "front", "for": "2h"});
    house.admin.post("/api/shares", &share).await;
    let camera = house.admin.get("/api/cameras/front").await.json();
    assert_eq!(
        (&camera["bookings"], &camera["links"]),
        (&json!(2), &json!(1))
    );
    let list = house.admin.get("/api/cameras").await.json();
    assert_eq!(list["items"][0].get("bookings"), None);
}
