// SPDX-License-Identifier: MPL-2.0
//! Links that let whoever has one look.

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::grant::Permission;
use porthole_signaling::SecretDigest;
use porthole_signaling::model::{AuditEntry, Share, Window};
use porthole_signaling::store::Put;
use serde_json::{Value, json};

use crate::common::{Answer, Client, options};
use crate::house::{House, Page};

/// Makes a link to the camera "front", and returns its id and its secret.
async fn share(house: &House, fields: Value) -> (String, String) {
    let mut share = json!({"camera": "front"});
    for (key, value) in fields.as_object().unwrap() {
        share[key] = value.clone();
    }
    let added = house.admin.post("/api/shares", &share).await;
    assert_eq!(added.status, 201, "{added:?}");
    (
        added.json()["share"]["id"].as_str().unwrap().to_owned(),
        secret(&added),
    )
}

fn secret(answer: &Answer) -> String {
    let link = answer.json()["link"].as_str().unwrap().to_owned();
    link.split_once("#share=").unwrap().1.to_owned()
}

async fn open(page: &Page, secret: &str) -> Answer {
    page.post("/api/session", &json!({"share": secret})).await
}

#[tokio::test]
async fn a_link_shows_one_camera_to_as_many_browsers_as_it_may() {
    let house = House::new().await;
    let key = house.camera("front").await;
    house.camera("back").await;
    let (id, secret) = share(&house, json!({"for": "2h"})).await;
    let answer = open(&house.nobody(), &secret).await;
    assert_eq!(
        (
            answer.status,
            &answer.json()["cameras"],
            &answer.json()["shared"]
        ),
        (200, &json!(["front"]), &json!(true))
    );
    let holder = house.nobody().with(&answer);
    let me = holder.get("/api/me").await.json();
    assert_eq!(
        (me["cameras"].as_array().unwrap().len(), &me["role"]),
        (1, &json!("viewer"))
    );
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = holder.listen().await;
    viewer.start_session(&mut camera, "front").await;
    // The same browser may open it again, another one may not.
    let again = open(&holder, &secret).await;
    assert_eq!(again.status, 200);
    let other = open(&house.nobody(), &secret).await;
    assert_eq!(other.problem(), (410, "link-spent".to_owned()));
    let shown = house.admin.get(&format!("/api/shares/{id}")).await.json();
    assert_eq!((&shown["uses"], &shown["maxUses"]), (&json!(1), &json!(1)));
    assert!(!shown.to_string().contains(&secret));
}

#[tokio::test]
async fn a_link_opens_in_its_time_alone() {
    let house = House::new().await;
    house.camera("front").await;
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    let (_, secret) = share(&house, json!({"start": later, "for": "1h"})).await;
    let early = open(&house.nobody(), &secret).await;
    assert_eq!(early.problem(), (403, "link-not-yet".to_owned()));
    let opens: Timestamp = early.json()["opens"].as_str().unwrap().parse().unwrap();
    assert_eq!(opens.as_millisecond(), later.as_millisecond());
    let unknown = open(&house.nobody(), "nobody-made-this").await;
    assert_eq!(unknown.problem(), (401, "wrong-credentials".to_owned()));
    for bad in [
        json!({}),
        json!({"for": "yesterday"}),
        json!({"for": "1h", "end": later}),
        json!({"for": "0s"}),
    ] {
        let mut share = json!({"camera": "front"});
        for (key, value) in bad.as_object().unwrap() {
            share[key] = value.clone();
        }
        let refused = house.admin.post("/api/shares", &share).await;
        assert_eq!(refused.problem(), (422, "bad-window".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn a_link_that_is_taken_back_ends_what_is_watched_by_it() {
    let house = House::new().await;
    house.camera("front").await;
    let (id, secret) = share(&house, json!({"for": "2h", "uses": 3})).await;
    let holder = house.nobody().with(&open(&house.nobody(), &secret).await);
    let mut client = holder.listen().await;
    assert_eq!(
        house
            .admin
            .delete(&format!("/api/shares/{id}"))
            .await
            .status,
        204
    );
    assert_eq!(client.recv().await["code"], "revoked");
    assert_eq!(holder.get("/api/me").await.status, 401);
    assert_eq!(open(&house.nobody(), &secret).await.status, 401);
}

#[tokio::test]
async fn another_secret_voids_the_old_one_and_all_it_opened() {
    let house = House::new().await;
    house.camera("front").await;
    let (id, old) = share(&house, json!({"for": "2h"})).await;
    let holder = house.nobody().with(&open(&house.nobody(), &old).await);
    let rotated = house
        .admin
        .post(&format!("/api/shares/{id}/rotate"), &json!({}))
        .await;
    assert_eq!(
        (rotated.status, &rotated.json()["share"]["uses"]),
        (200, &json!(0))
    );
    assert_eq!(holder.get("/api/me").await.status, 401);
    assert_eq!(open(&house.nobody(), &old).await.status, 401);
    assert_eq!(open(&house.nobody(), &secret(&rotated)).await.status, 200);
}

#[tokio::test]
async fn a_link_that_was_opened_stays_open_over_a_restart_and_spent_ones_stay_spent() {
    let mut house = House::new().await;
    house.camera("front").await;
    let (_, secret) = share(&house, json!({"for": "2h"})).await;
    let mut holder = house.nobody().with(&open(&house.nobody(), &secret).await);
    house.restart(crate::common::options()).await;
    holder.address = house.address();
    assert_eq!(holder.get("/api/me").await.status, 200);
    let other = open(&house.nobody(), &secret).await;
    assert_eq!(other.problem(), (410, "link-spent".to_owned()));
}

#[tokio::test]
async fn a_link_for_three_days_shows_three_days_after_a_restart_too() {
    let mut house = House::new().await;
    house.camera("front").await;
    let (_, secret) = share(&house, json!({"for": "3d"})).await;
    let answer = open(&house.nobody(), &secret).await;
    let cookie = answer.header("set-cookie").unwrap().to_owned();
    let lasts = cookie.split_once("Max-Age=").unwrap().1;
    let lasts: i64 = lasts.split(';').next().unwrap().parse().unwrap();
    assert!((3 * 86_400 - 60..=3 * 86_400).contains(&lasts), "{cookie}");
    let mut holder = house.nobody().with(&answer);
    house.restart(crate::common::options()).await;
    holder.address = house.address();
    assert_eq!(holder.get("/api/me").await.status, 200);
}

#[tokio::test]
async fn a_link_that_is_asked_for_again_is_not_made_twice() {
    let mut house = House::new().await;
    house.camera("front").await;
    let id = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
    let body = json!({"id": id, "camera": "front", "for": "2h", "note": "for bob"});
    let first = house.admin.post("/api/shares", &body).await;
    assert_eq!(
        (first.status, &first.json()["share"]["id"]),
        (201, &json!(id))
    );
    // Whoever did not hear the answer asks again, also after a restart.
    house.restart(options()).await;
    let again = house.admin.post("/api/shares", &body).await;
    assert_eq!(again.status, 201, "{again:?}");
    assert_eq!(again.json()["share"], first.json()["share"]);
    let list = house.admin.get("/api/shares").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let other = json!({"id": id, "camera": "front", "for": "3h", "note": "for bob"});
    let refused = house.admin.post("/api/shares", &other).await;
    assert_eq!(refused.problem(), (409, "id-taken".to_owned()));
    // Nobody ever had the first address.
    assert_eq!(open(&house.nobody(), &secret(&first)).await.status, 401);
    assert_eq!(open(&house.nobody(), &secret(&again)).await.status, 200);
    // Then somebody has it, and asking again takes it from nobody.
    let refused = house.admin.post("/api/shares", &body).await;
    assert_eq!(refused.problem(), (409, "id-taken".to_owned()));
    let bad = json!({"id": "1", "camera": "front", "for": "2h"});
    let refused = house.admin.post("/api/shares", &bad).await;
    assert_eq!(refused.problem(), (422, "bad-value".to_owned()));
}

#[tokio::test]
async fn a_link_that_the_database_took_without_an_answer_is_had_by_asking_again() {
    let house = House::new().await;
    house.camera("front").await;
    let id = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e60";
    let body = json!({"id": id, "camera": "front", "for": "2h"});
    let now = Timestamp::now();
    let now = Timestamp::from_millisecond(now.as_millisecond()).unwrap();
    let taken = Share {
        id: id.to_owned(),
        camera: "front".to_owned(),
        secret: SecretDigest::of("lost"),
        window: Window {
            start: now,
            end: now + SignedDuration::from_hours(2),
        },
        perms: [Permission::View, Permission::Listen].into(),
        saving: true,
        max_uses: 1,
        uses: 0,
        note: String::new(),
        created: now,
    };
    let entry = AuditEntry {
        at: now,
        actor: "root".to_owned(),
        action: "share.added".to_owned(),
        camera: None,
        user: None,
        subject: None,
        details: json!({}),
    };
    let store = house.behind_its_back().await;
    store.put_share(&taken, Put::New, &entry).await.unwrap();
    let again = house.admin.post("/api/shares", &body).await;
    assert_eq!(again.status, 201, "{again:?}");
    assert_eq!(again.json()["share"]["start"], json!(now));
    assert_eq!(open(&house.nobody(), &secret(&again)).await.status, 200);
}
