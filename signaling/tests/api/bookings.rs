// SPDX-License-Identifier: MPL-2.0
//! What is booked may be watched, when it is booked.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::common::{Client, options};
use crate::house::House;

fn path(booking: &Value) -> String {
    format!("/api/bookings/{}", booking["id"].as_str().unwrap())
}

fn in_seconds(seconds: i64) -> Timestamp {
    Timestamp::now() + SignedDuration::from_secs(seconds)
}

#[tokio::test]
async fn a_booking_opens_the_camera_to_its_user_alone() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    house.book("front", "alice", (0, 3600)).await;
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let me = alice.get("/api/me").await.json();
    assert_eq!(
        (&me["cameras"][0]["id"], &me["cameras"][0]["online"]),
        (&json!("front"), &json!(true))
    );
    assert_eq!(me["bookings"][0]["cameraName"], "front");
    assert_eq!(me["cameras"][0]["until"], me["bookings"][0]["end"]);
    let mut viewer = alice.listen().await;
    viewer.start_session(&mut camera, "front").await;
    let others = bob.get("/api/me").await.json();
    assert_eq!(
        (&others["cameras"], &others["bookings"]),
        (&json!([]), &json!([]))
    );
    let mut stranger = bob.listen().await;
    stranger
        .send(json!({"type":"startSession","peerId":"front"}))
        .await;
    assert_eq!(stranger.recv().await["code"], "no-such-camera");
}

#[tokio::test]
async fn before_its_start_the_camera_is_closed_and_the_answer_says_when_it_opens() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    let booking = house.book("front", "alice", (1800, 3600)).await;
    let _camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    viewer
        .send(json!({"type":"startSession","peerId":"front"}))
        .await;
    let refused = viewer.recv().await;
    assert_eq!(
        (&refused["code"], &refused["nextBooking"]),
        (&json!("no-booking"), &booking["start"])
    );
}

#[tokio::test]
async fn a_change_reaches_a_running_session_at_once() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    let booking = house.book("front", "alice", (0, 3600)).await;
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    viewer.start_session(&mut camera, "front").await;
    let patch = json!({"end": in_seconds(600), "perms": ["view"]});
    let request = format!("PATCH {}", path(&booking));
    let changed = house.admin.send(&request, Some(&patch)).await;
    assert_eq!(
        (changed.status, &changed.json()["perms"]),
        (200, &json!(["view"]))
    );
    let update = camera.recv().await;
    assert_eq!(update["type"], "grantUpdate");
    let mut terms = viewer.recv().await;
    while terms["type"] == "accessChanged" {
        terms = viewer.recv().await;
    }
    assert_eq!(
        (&terms["type"], &terms["terms"]["perms"]),
        (&json!("grantUpdate"), &json!(["view"]))
    );
    assert!(terms["terms"]["lease"].as_u64().unwrap() <= 600);
    assert_eq!(house.admin.delete(&path(&booking)).await.status, 204);
    let end = camera.recv().await;
    assert_eq!(end["type"], "endSession");
}

#[tokio::test]
async fn whether_the_page_may_save_reaches_it_at_the_start_and_in_the_middle() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    let body = json!({"camera": "front", "user": "alice", "start": in_seconds(0), "end": in_seconds(3600),
        "saving": false});
    let booking = house.admin.post("/api/bookings", &body).await.json();
    assert_eq!(booking["saving"], false);
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    let start = json!({"type":"startSession","peerId":"front"});
    viewer.send(start).await;
    assert_eq!(viewer.recv().await["terms"]["saving"], false);
    camera.recv().await;
    let request = format!("PATCH {}", path(&booking));
    let patch = json!({"saving": true});
    let changed = house.admin.send(&request, Some(&patch)).await.json();
    assert_eq!(
        (&changed["saving"], &changed["end"]),
        (&json!(true), &booking["end"])
    );
    let mut terms = viewer.recv().await;
    while terms["type"] == "accessChanged" {
        terms = viewer.recv().await;
    }
    assert_eq!(
        (&terms["type"], terms["terms"].get("saving")),
        (&json!("grantUpdate"), None)
    );
    let link = json!({"camera": "front", "for": "1h", "saving": false});
    let link = house.admin.post("/api/shares", &link).await.json();
    assert_eq!(link["share"]["saving"], false);
    let audit = house.admin.get("/api/audit?camera=front").await.json();
    let rows = audit["items"].as_array().unwrap();
    let of = |action: &str| rows.iter().find(|row| row["action"] == action).unwrap();
    assert_eq!(of("booking.added")["details"]["saving"], false);
    assert_eq!(of("booking.changed")["details"]["saving"], json!(null));
    assert_eq!(of("share.added")["details"]["saving"], false);
}

#[tokio::test]
async fn two_may_watch_at_once_and_one_may_control() {
    let house = House::new().await;
    house.camera("front").await;
    house.user("alice").await;
    house.user("bob").await;
    let (start, end) = (in_seconds(60), in_seconds(120));
    let book = |user: &str| json!({"camera":"front","user":user,"start":start,"end":end,"perms":["view","control"]});
    let first = house.admin.post("/api/bookings", &book("alice")).await;
    assert_eq!(first.status, 201);
    let second = house.admin.post("/api/bookings", &book("bob")).await;
    assert_eq!(second.problem(), (409, "control-taken".to_owned()));
    assert_eq!(second.json()["start"], first.json()["start"]);
    assert!(
        second
            .header("content-type")
            .unwrap()
            .starts_with("application/problem+json")
    );
    house.book("front", "bob", (60, 120)).await;
}

#[tokio::test]
async fn the_calendar_shows_every_window_of_a_booking_that_recurs() {
    let house = House::new().await;
    house.camera("front").await;
    house.user("alice").await;
    let booking = json!({
        "camera": "front", "user": "alice", "note": "rounds",
        "start": "2026-12-01T10:00:00+01:00", "end": "2026-12-01T11:00:00+01:00",
        "recurrence": {"rule": "FREQ=DAILY;COUNT=5", "zone": "Europe/Berlin"},
    });
    let added = house.admin.post("/api/bookings", &booking).await;
    assert_eq!(
        (added.status, &added.json()["start"]),
        (201, &json!("2026-12-01T09:00:00Z"))
    );
    let range = "/api/calendar?from=2026-12-01T12:00:00Z&to=2026-12-31T00:00:00Z";
    let calendar = house.admin.get(range).await.json();
    let items = calendar["items"].as_array().unwrap();
    assert_eq!(
        (items.len(), &items[0]["start"]),
        (4, &json!("2026-12-02T09:00:00Z"))
    );
    assert_eq!(
        (&items[0]["recurring"], &items[0]["note"]),
        (&json!(true), &json!("rounds"))
    );
    let patch = json!({"recurrence": null});
    let request = format!("PATCH {}", path(&added.json()));
    assert_eq!(house.admin.send(&request, Some(&patch)).await.status, 200);
    assert_eq!(house.admin.get(range).await.json()["items"], json!([]));
    let long = "/api/calendar?from=2026-12-01T12:00:00Z&to=2027-12-31T00:00:00Z";
    assert_eq!(
        house.admin.get(long).await.problem(),
        (422, "bad-window".to_owned())
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_the_reason() {
    let house = House::new().await;
    house.camera("front").await;
    house.user("alice").await;
    let fine =
        json!({"camera":"front","user":"alice","start":in_seconds(60),"end":in_seconds(120)});
    let rule = json!({"rule":"FREQ=DAILY","zone":"Europe/Berlin"});
    let cases = [
        ("camera", json!("back"), "no-such-camera"),
        ("user", json!("bob"), "no-such-user"),
        ("end", json!(in_seconds(30)), "bad-window"),
        ("start", json!("tomorrow"), "bad-value"),
        ("perms", json!(["listen"]), "bad-value"),
        ("perms", json!(["fly"]), "bad-value"),
        ("note", json!("x".repeat(501)), "bad-value"),
        ("recurrence", rule, "bad-rule"),
        ("colour", json!("red"), "bad-value"),
    ];
    for (field, value, code) in cases {
        let mut booking = fine.clone();
        booking[field] = value;
        let refused = house.admin.post("/api/bookings", &booking).await;
        assert_eq!(
            refused.problem(),
            (422, code.to_owned()),
            "{field}: {refused:?}"
        );
    }
    assert_eq!(
        house.admin.get("/api/bookings").await.json()["items"],
        json!([])
    );
}

#[tokio::test]
async fn bookings_are_there_after_a_restart() {
    let mut house = House::new().await;
    let key = house.camera("front").await;
    let mut alice = house.user("alice").await;
    house.book("front", "alice", (0, 3600)).await;
    house.restart(crate::common::options()).await;
    alice.address = house.address();
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    viewer.start_session(&mut camera, "front").await;
}

#[tokio::test]
async fn a_booking_that_is_asked_for_again_is_not_made_twice() {
    let mut house = House::new().await;
    house.camera("front").await;
    house.user("alice").await;
    let id = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
    let start = Timestamp::now();
    let body = json!({
        "id": id.to_uppercase(), "camera": "front", "user": "alice", "perms": ["view", "control"],
        "start": start, "end": start + SignedDuration::from_hours(1),
    });
    let first = house.admin.post("/api/bookings", &body).await;
    assert_eq!((first.status, &first.json()["id"]), (201, &json!(id)));
    house.restart(options()).await;
    // At once as well: none of them finds its own in its way.
    for again in [
        house.admin.post("/api/bookings", &body).await,
        house.admin.post("/api/bookings", &body).await,
    ] {
        assert_eq!((again.status, again.json()), (201, first.json()));
    }
    let list = house.admin.get("/api/bookings").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    for (field, other) in [
        ("note", json!("x")),
        ("perms", json!(["view"])),
        ("end", json!(start + SignedDuration::from_hours(2))),
    ] {
        let mut body = body.clone();
        body[field] = other;
        let refused = house.admin.post("/api/bookings", &body).await;
        assert_eq!(refused.problem(), (409, "id-taken".to_owned()), "{field}");
    }
    for id in ["", "1", "00000000-0000-0000-0000-000000000000"] {
        let mut body = body.clone();
        body["id"] = json!(id);
        let refused = house.admin.post("/api/bookings", &body).await;
        assert_eq!(refused.problem(), (422, "bad-value".to_owned()), "{id}");
    }
}
