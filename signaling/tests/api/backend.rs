// SPDX-License-Identifier: MPL-2.0
//! People of an existing system: its signed tokens let them in, beside the accounts of this server.

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use porthole_signaling::ServerOptions;
use porthole_signaling::backend::{Backend, Keys};
use serde_json::{Value, json};

use crate::common::{Client, http, options};
use crate::house::House;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn with_backend() -> ServerOptions {
    let keys = Keys::from_secret(SECRET).unwrap();
    let backend = Backend::with_keys(keys, "https://id.example", "porthole").unwrap();
    ServerOptions {
        backend: Some(backend),
        ..options()
    }
}

/// A token with these claims besides, signed with `secret`.
fn token(secret: &str, user: &str, lasts: i64, more: &Value) -> String {
    let now = Timestamp::now().as_second();
    let mut claims = json!({
        "iss": "https://id.example", "aud": "porthole", "sub": user, "exp": now + lasts,
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let key = EncodingKey::from_secret(secret.as_bytes());
    encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
}

async fn get(house: &House, path: &str, token: &str) -> (u16, Value) {
    let bearer = format!("Bearer {token}");
    let answer = http(
        house.address(),
        &format!("GET {path}"),
        &[("authorization", &bearer)],
    )
    .await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn a_token_lets_in_for_what_it_says() {
    let house = House::with(with_backend()).await;
    let key = house.camera("front").await;
    house.camera("back").await;
    let anna = token(SECRET, "anna", 600, &json!({"cameras": ["front"]}));
    let (status, me) = get(&house, "/api/me", &anna).await;
    assert_eq!(
        (status, &me["user"], &me["role"]),
        (200, &json!("anna"), &json!("viewer"))
    );
    assert_eq!(me["cameras"].as_array().unwrap().len(), 1);
    assert_eq!(get(&house, "/api/users", &anna).await.0, 403);
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = Client::viewer(&house.server, &anna).await;
    viewer.start_session(&mut camera, "front").await;
}

#[tokio::test]
async fn an_administrator_of_the_backend_is_one_here() {
    let house = House::with(with_backend()).await;
    let boss = token(SECRET, "boss", 600, &json!({"role": "administrator"}));
    assert_eq!(get(&house, "/api/users", &boss).await.0, 200);
}

#[tokio::test]
async fn a_token_that_is_wrong_over_or_of_someone_else_here_lets_nobody_in() {
    let house = House::with(with_backend()).await;
    let none = json!({});
    let other = token("another secret of thirty-two byte", "anna", 600, &none);
    assert_eq!(get(&house, "/api/me", &other).await.0, 401);
    let over = token(SECRET, "anna", -600, &none);
    assert_eq!(get(&house, "/api/me", &over).await.0, 401);
    let elsewhere = token(SECRET, "anna", 600, &json!({"aud": "another"}));
    assert_eq!(get(&house, "/api/me", &elsewhere).await.0, 401);
    // Whoever signs tokens does not become the administrator of this server.
    let root = token(SECRET, "root", 600, &json!({"role": "administrator"}));
    assert_eq!(get(&house, "/api/users", &root).await.0, 401);
    assert_eq!(house.admin.get("/api/users").await.status, 200);
}

#[tokio::test]
async fn a_token_is_traded_for_a_cookie_and_is_none_itself() {
    let house = House::with(with_backend()).await;
    house.camera("front").await;
    let anna = token(SECRET, "anna", 600, &json!({"cameras": "*"}));
    let bearer = format!("Bearer {anna}");
    let headers = [("authorization", bearer.as_str())];
    let answer = http(house.address(), "POST /api/session", &headers).await;
    assert_eq!(answer.status, 200);
    let page = house.nobody().with(&answer);
    assert_eq!(page.get("/api/me").await.json()["user"], "anna");
    let mut forged = house.nobody();
    let name = page.cookies.split('=').next().unwrap();
    forged.cookies = format!("{name}={anna}");
    assert_eq!(forged.get("/api/me").await.status, 401);
    assert_eq!(page.delete("/api/session").await.status, 204);
    assert_eq!(page.get("/api/me").await.status, 401);
}
