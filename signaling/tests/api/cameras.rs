// SPDX-License-Identifier: MPL-2.0
//! Cameras are enrolled, watched over and taken back.

use serde_json::{Value, json};

use crate::common::{Client, options};
use crate::house::{House, PASSWORD, secret};

#[tokio::test]
async fn a_camera_connects_with_the_key_it_was_given_and_is_online() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let before = house.admin.get("/api/cameras/front").await.json();
    assert_eq!(
        (&before["online"], before.get("lastSeen")),
        (&json!(false), None)
    );
    let camera = Client::camera(&house.server, &key, json!(null)).await;
    let list = house.admin.get("/api/cameras").await.json();
    let front = &list["items"][0];
    assert_eq!(
        (&front["id"], &front["online"], &front["viewers"]),
        (&json!("front"), &json!(true), &json!(0))
    );
    drop(camera);
}

#[tokio::test]
async fn the_same_request_again_is_answered_with_the_same_key() {
    let house = House::new().await;
    let request = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
    let front = json!({"name": "Front", "request": request});
    let first = house.admin.post("/api/cameras", &front).await;
    assert_eq!(first.status, 201, "{first:?}");
    let key = secret(&first);
    // While it is connected too: nothing is another key then.
    let _camera = Client::camera(&house.server, &key, json!(null)).await;
    let again = house.admin.post("/api/cameras", &front).await;
    assert_eq!((again.status, secret(&again)), (201, key.clone()));
    assert_eq!(again.json()["camera"]["online"], true);
    for other in [
        json!({"name": "Other", "id": "front", "request": request}),
        json!({"name": "Front", "request": "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e60"}),
    ] {
        let answer = house.admin.post("/api/cameras", &other).await;
        assert_eq!(answer.problem(), (409, "id-taken".to_owned()));
    }
    let without = house
        .admin
        .post("/api/cameras", &json!({"name": "Front"}))
        .await;
    assert_eq!(without.problem(), (409, "exists".to_owned()));
    // Another camera by the same request has another key, and one whose key was changed is another.
    let back = json!({"name": "Back", "request": request});
    assert_ne!(secret(&house.admin.post("/api/cameras", &back).await), key);
    let rotate = "/api/cameras/front/rotate";
    assert_eq!(house.admin.post(rotate, &json!({})).await.status, 200);
    let answer = house.admin.post("/api/cameras", &front).await;
    assert_eq!(answer.problem(), (409, "id-taken".to_owned()));
}

#[tokio::test]
async fn another_key_voids_the_old_one_at_once() {
    let house = House::new().await;
    let old = house.camera("front").await;
    let alice = house.user("alice").await;
    house.book("front", "alice", (0, 3600)).await;
    let mut camera = Client::camera(&house.server, &old, json!(null)).await;
    let rotated = house
        .admin
        .post("/api/cameras/front/rotate", &json!({}))
        .await;
    assert_eq!(rotated.status, 200);
    assert_eq!(camera.recv().await["code"], "revoked");
    let refused = Client::connect(house.address(), &format!("/ws?access_token={old}"), &[]).await;
    assert_eq!(refused.err().unwrap().0, 401);
    // Whoever had booked it has still.
    let mut camera = Client::camera(&house.server, &secret(&rotated), json!(null)).await;
    let mut viewer = alice.listen().await;
    viewer.start_session(&mut camera, "front").await;
}

#[tokio::test]
async fn a_removed_camera_takes_its_bookings_and_links_along() {
    let house = House::new().await;
    let key = house.camera("front").await;
    house.user("alice").await;
    house.book("front", "alice", (0, 3600)).await;
    house
        .admin
        .post("/api/shares", &json!({"camera":"front","for":"1h"}))
        .await;
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    assert_eq!(house.admin.delete("/api/cameras/front").await.status, 204);
    assert_eq!(camera.recv().await["code"], "revoked");
    for list in ["/api/cameras", "/api/bookings", "/api/shares"] {
        let items = house.admin.get(list).await.json()["items"].clone();
        assert_eq!(items, Value::Array(Vec::new()), "{list}");
    }
}

#[tokio::test]
async fn a_camera_of_the_application_is_shown_and_changed_there() {
    let house = House::new().await;
    house.server.add_camera("own", "Own").unwrap();
    let own = house.admin.get("/api/cameras/own").await.json();
    assert_eq!((&own["inFile"], own.get("created")), (&json!(true), None));
    let removed = house.admin.delete("/api/cameras/own").await;
    assert_eq!(removed.problem(), (409, "in-file".to_owned()));
    let taken = json!({"id":"own","name":"Own"});
    let taken = house.admin.post("/api/cameras", &taken).await;
    assert_eq!(taken.problem(), (409, "exists".to_owned()));
    house.camera("front").await;
    assert!(house.server.add_camera("front", "Front").is_err());
    house.server.remove_camera("front");
    assert_eq!(house.admin.get("/api/cameras/front").await.status, 200);
}

#[tokio::test]
async fn a_camera_is_renamed_and_its_id_follows_from_its_first_name() {
    let house = House::new().await;
    let added = house
        .admin
        .post("/api/cameras", &json!({"name":"Front door"}))
        .await;
    assert_eq!(added.json()["camera"]["id"], "front-door");
    let name = json!({"name":"<b>Back</b>"});
    let renamed = house
        .admin
        .send("PATCH /api/cameras/front-door", Some(&name))
        .await;
    assert_eq!(
        (renamed.status, &renamed.json()["name"]),
        (200, &json!("<b>Back</b>"))
    );
    let nameless = json!({"name":"山田"});
    let refused = house.admin.post("/api/cameras", &nameless).await;
    assert_eq!(refused.problem(), (422, "bad-name".to_owned()));
}

#[tokio::test]
async fn a_camera_that_was_removed_locks_nobody_out_at_its_address() {
    let house = House::new().await;
    house.user("alice").await;
    let key = house.camera("front").await;
    assert_eq!(house.admin.delete("/api/cameras/front").await.status, 204);
    let bearer = format!("Bearer {key}");
    for _ in 0..60 {
        let headers = [("authorization", bearer.as_str())];
        let refused = Client::connect(house.address(), "/ws", &headers).await;
        assert_eq!(refused.err().unwrap().0, 401);
    }
    let page = house.nobody();
    assert_eq!(
        page.log_in("alice", "a slip of the finger").await.status,
        401
    );
    assert_eq!(page.log_in("alice", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn who_may_see_thousands_is_told_of_them_in_parts_and_of_each_once() {
    let mut options = options();
    options.max_cameras = 5_000;
    let house = House::with(options).await;
    let ids: Vec<_> = (0..2_500).map(|n| format!("camera-{n:04}")).collect();
    let cameras: Vec<_> = ids.iter().map(|id| json!({"name": id})).collect();
    let imported = json!({"cameras": cameras, "users": [{"name": "alice"}]});
    assert_eq!(house.admin.post("/api/import", &imported).await.status, 200);
    let (mut told, mut path, mut parts) = (Vec::new(), "/api/me".to_owned(), 0);
    loop {
        let me = house.admin.get(&path).await.json();
        let part = me["cameras"].as_array().unwrap();
        assert!(part.len() <= 1_000, "{}", part.len());
        told.extend(part.iter().map(|c| c["id"].as_str().unwrap().to_owned()));
        parts += 1;
        let Some(next) = me["nextCameras"].as_str() else {
            break;
        };
        path = format!("/api/me?camerasAfter={next}");
    }
    assert_eq!((told, parts), (ids, 3));
    // One who sees a single camera, behind thousands that are closed to her, sees it in the first part.
    let bob = house.user("bob").await;
    house.book("camera-2400", "bob", (0, 3600)).await;
    let me = bob.get("/api/me").await.json();
    assert_eq!(me["cameras"][0]["id"], "camera-2400");
    assert_eq!(me["nextCameras"], json!(null));
    let wrong = house.admin.get("/api/me?after=front").await;
    assert_eq!(wrong.status, 400, "{:?}", wrong.json());
}
