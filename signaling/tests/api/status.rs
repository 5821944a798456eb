// SPDX-License-Identifier: MPL-2.0
//! Whether the server does its work, and its own description.

use serde_json::json;

use crate::common::{http, options, start};
use crate::house::House;

#[tokio::test]
async fn it_is_alive_and_ready() {
    let house = House::new().await;
    for path in ["/health", "/ready"] {
        let answer = house.nobody().get(path).await;
        assert_eq!(
            (answer.status, &answer.json()["status"]),
            (200, &json!("ok"))
        );
    }
}

#[tokio::test]
async fn metrics_are_for_administrators_and_at_an_address_of_their_own() {
    let house = House::new().await;
    house.camera("front").await;
    let alice = house.user("alice").await;
    // Whoever comes by a proxy that says nothing looks as if it were on this machine.
    let plain = http(house.address(), "GET /metrics", &[]).await;
    assert_eq!(plain.status, 401);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    house.server.serve_metrics(listener).unwrap();
    let own = http(address, "GET /metrics", &[]).await;
    assert_eq!(own.status, 200);
    assert_eq!(http(address, "GET /api/users", &[]).await.status, 404);
    let evil = http(address, "GET /metrics", &[("host", "evil.example")]).await;
    assert_eq!(evil.status, 421);
    assert!(
        own.body.contains("porthole_cameras_online 0"),
        "{}",
        own.body
    );
    assert!(!own.body.contains("front") && !own.body.contains("alice"));
    assert_eq!(house.admin.get("/metrics").await.status, 200);
    assert_eq!(alice.get("/metrics").await.status, 403);
    house.server.shutdown();
    house.server.closed().await;
}

#[tokio::test]
async fn the_description_is_openapi_and_has_a_page_with_a_policy_of_its_own() {
    let house = House::new().await;
    let api = house.nobody().get("/api/openapi.json").await.json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(api["paths"]["/api/v1/bookings"]["post"]["responses"]["409"].is_object());
    for path in ["/api/docs", "/api/docs/docs.js", "/api/docs/docs.css"] {
        let page = house.nobody().get(path).await;
        let policy = page.header("content-security-policy").unwrap();
        assert!(
            page.status == 200 && policy.contains("script-src 'self'"),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_api_is_the_same_with_its_version_and_without_one() {
    let house = House::new().await;
    house.camera("front").await;
    let old = house.admin.get("/api/cameras?limit=1").await;
    let new = house.admin.get("/api/v1/cameras?limit=1").await;
    assert_eq!((old.status, &old.body), (200, &new.body));
    let added = house
        .admin
        .post("/api/v1/users", &json!({"name": "alice"}))
        .await;
    assert_eq!(added.status, 201);
    assert_eq!(house.admin.get("/api/users/alice").await.status, 200);
    for (path, status) in [
        ("/api/v1/openapi.json", 200),
        ("/api/v1/users", 401),
        ("/api/v1", 404),
        ("/api/v1x/users", 404),
        ("/api/v2/users", 404),
        ("/api/v1/v1/users", 404),
        ("/v1/users", 404),
    ] {
        assert_eq!(house.nobody().get(path).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn without_a_database_what_needs_one_says_so() {
    let mut options = options();
    options.viewers = vec![porthole_signaling::ViewerEntry::new("alice", "alice-token")];
    let server = start(options);
    let bearer = [("authorization", "Bearer alice-token")];
    let me = http(server.local_addr(), "GET /api/me", &bearer).await;
    assert_eq!((me.status, &me.json()["role"]), (200, &json!("viewer")));
    let users = http(server.local_addr(), "GET /api/users", &bearer).await;
    assert_eq!(users.status, 403);
    let page = crate::house::Page::nobody(&server);
    let login = page.log_in("alice", "alice-token").await;
    assert_eq!(login.problem(), (409, "no-database".to_owned()));
}
