// SPDX-License-Identifier: MPL-2.0
//! Accounts come, change and go.

use serde_json::json;

use crate::common::{Client, http};
use crate::house::{House, PASSWORD};

#[tokio::test]
async fn a_user_is_added_with_a_password_that_is_shown_once() {
    let house = House::new().await;
    let added = house
        .admin
        .post("/api/users", &json!({"name":"alice"}))
        .await;
    assert_eq!(added.status, 201);
    let password = added.json()["password"].as_str().unwrap().to_owned();
    let shown = house.admin.get("/api/users/alice").await.json();
    assert_eq!(
        (&shown["hasPassword"], &shown["role"]),
        (&json!(true), &json!("viewer"))
    );
    assert!(shown.get("password").is_none());
    assert_eq!(house.nobody().log_in("alice", &password).await.status, 200);
    let again = house
        .admin
        .post("/api/users", &json!({"name":"alice"}))
        .await;
    assert_eq!(again.problem(), (409, "exists".to_owned()));
}

#[tokio::test]
async fn the_same_request_again_is_answered_with_the_same_and_adds_nobody_twice() {
    let mut house = House::new().await;
    let request = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";
    let alice = json!({"name": "alice", "request": request});
    // Many who were not answered in time, at once.
    let tries = (0..4).map(|_| house.admin.post("/api/users", &alice));
    let answers = futures_util::future::join_all(tries).await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (201, &answers[0].body));
    }
    let password = answers[0].json()["password"].as_str().unwrap().to_owned();
    let page = house.nobody().log_in("alice", &password).await;
    assert_eq!(page.status, 200);
    house.restart(crate::common::options()).await;
    // By another server, whose key is another, it is not known.
    let again = house.admin.post("/api/users", &alice).await;
    assert_eq!(again.problem(), (409, "id-taken".to_owned()));
    let log = house.admin.get("/api/audit?search=ALICE").await.json();
    let added = log["items"].as_array().unwrap().iter();
    assert_eq!(
        added
            .filter(|entry| entry["action"] == "user.added")
            .count(),
        1
    );

    let bob = json!({"name": "bob", "request": request, "password": PASSWORD});
    for _ in 0..2 {
        assert_eq!(house.admin.post("/api/users", &bob).await.status, 201);
    }
    for (field, value) in [
        ("role", "administrator"),
        ("password", "another tractor glacier"),
    ] {
        let mut other = bob.clone();
        other[field] = json!(value);
        let answer = house.admin.post("/api/users", &other).await;
        assert_eq!(answer.problem(), (409, "id-taken".to_owned()), "{field}");
    }
    let carol = json!({"name": "carol", "request": "1"});
    let bad = house.admin.post("/api/users", &carol).await;
    assert_eq!(bad.problem(), (422, "bad-value".to_owned()));
}

#[tokio::test]
async fn a_new_password_or_role_ends_what_runs() {
    let house = House::new().await;
    let alice = house.user("alice").await;
    let mut client = alice.listen().await;
    let patch = json!({"password": true, "role": "administrator"});
    let changed = house
        .admin
        .send("PATCH /api/users/alice", Some(&patch))
        .await;
    assert_eq!(
        (changed.status, &changed.json()["user"]["role"]),
        (200, &json!("administrator"))
    );
    let ended = loop {
        let message = client.recv().await;
        if message["type"] == "error" || !message["close"].is_null() {
            break message;
        }
    };
    assert_eq!(ended["code"], "revoked");
    assert_eq!(alice.get("/api/me").await.status, 401);
    let password = changed.json()["password"].as_str().unwrap().to_owned();
    let alice = alice.with(&alice.log_in("alice", &password).await);
    assert_eq!(alice.get("/api/users").await.status, 200);
}

#[tokio::test]
async fn a_personal_link_logs_in_until_there_is_another_one() {
    let house = House::new().await;
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
    let bearer = format!("Bearer {token}");
    let bearer = [("authorization", bearer.as_str())];
    assert_eq!(
        http(house.address(), "GET /api/me", &bearer).await.status,
        200
    );
    let mut client = Client::with_token(&house.server, &token).await;
    house.admin.post("/api/users/alice/token", &json!({})).await;
    let error = client.recv().await;
    assert!(
        error["type"] == "error" || error["close"] == 1008,
        "{error}"
    );
    assert_eq!(
        http(house.address(), "GET /api/me", &bearer).await.status,
        401
    );
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let house = House::new().await;
    let demote = json!({"role":"viewer"});
    let demoted = house
        .admin
        .send("PATCH /api/users/root", Some(&demote))
        .await;
    assert_eq!(demoted.problem(), (409, "last-administrator".to_owned()));
    let removed = house.admin.delete("/api/users/root").await;
    assert_eq!(removed.problem(), (409, "last-administrator".to_owned()));
    // And is still logged in.
    assert_eq!(house.admin.get("/api/users").await.status, 200);
}

#[tokio::test]
async fn a_removed_user_is_gone_with_bookings_log_ins_and_connections() {
    let house = House::new().await;
    house.camera("front").await;
    let alice = house.user("alice").await;
    let booking = house.book("front", "alice", (0, 3600)).await;
    let mut client = alice.listen().await;
    assert_eq!(house.admin.delete("/api/users/alice").await.status, 204);
    assert_eq!(client.recv().await["code"], "revoked");
    assert_eq!(alice.get("/api/me").await.status, 401);
    assert_eq!(alice.log_in("alice", PASSWORD).await.status, 401);
    let path = format!("/api/bookings/{}", booking["id"].as_str().unwrap());
    assert_eq!(house.admin.get(&path).await.status, 404);
    assert_eq!(house.admin.get("/api/users/alice").await.status, 404);
}

#[tokio::test]
async fn lists_come_in_parts() {
    let house = House::new().await;
    for name in ["bob", "carol", "alice"] {
        house.admin.post("/api/users", &json!({"name": name})).await;
    }
    let names = |page: &serde_json::Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|user| user["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = house.admin.get("/api/users?limit=3").await.json();
    assert_eq!(
        (names(&first), &first["next"]),
        (
            vec!["alice".into(), "bob".into(), "carol".into()],
            &json!("carol")
        )
    );
    let rest = house
        .admin
        .get("/api/users?limit=3&after=carol")
        .await
        .json();
    assert_eq!(
        (names(&rest), rest.get("next")),
        (vec!["root".to_owned()], None)
    );
    let found = house.admin.get("/api/users?limit=1&search=O").await.json();
    assert_eq!(
        (names(&found), &found["next"]),
        (vec!["bob".to_owned()], &json!("bob"))
    );
    let found = house
        .admin
        .get("/api/users?limit=5&search=O&after=bob")
        .await
        .json();
    assert_eq!(names(&found), ["carol", "root"]);
    let long = format!("/api/users?search={}", "x".repeat(101));
    let bad = house.admin.get(&long).await;
    assert_eq!(bad.problem(), (400, "bad-query".to_owned()));
    let bad = house.admin.get("/api/users?limit=0").await;
    assert_eq!(bad.problem(), (400, "bad-query".to_owned()));
}

#[tokio::test]
async fn a_hostile_name_is_kept_as_text_and_one_without_end_is_refused() {
    let house = House::new().await;
    for name in [
        "<img src=x onerror=alert(1)>",
        "\u{202e}ecila",
        "Robert'); DROP TABLE users;--",
    ] {
        let added = house.admin.post("/api/users", &json!({"name": name})).await;
        assert_eq!(
            (added.status, &added.json()["user"]["name"]),
            (201, &json!(name))
        );
    }
    assert_eq!(
        house.admin.get("/api/users").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        4
    );
    for name in [
        "x".repeat(10_240),
        String::new(),
        "a\u{0}b".to_owned(),
        "guest".to_owned(),
    ] {
        let refused = house.admin.post("/api/users", &json!({"name": name})).await;
        assert_eq!(refused.problem(), (422, "bad-name".to_owned()));
        assert!(refused.body.len() < 1000);
    }
}
