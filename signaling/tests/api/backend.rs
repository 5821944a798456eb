// SPDX-License-Identifier: MPL-2.0
//! People of an existing system: its signed tokens let them in, beside the accounts of this server.

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::any;
use jiff::Timestamp;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use porthole_protocol::grant::Permission;
use porthole_signaling::backend::{Backend, Group, Keys, Mapping};
use porthole_signaling::model::Role;
use porthole_signaling::{Cameras, ServerOptions};
use serde_json::{Value, json};

use crate::common::{Answer, Client, http, http_with, options};
use crate::house::House;
use crate::serve::serve;

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

/// A provider's key and its id.
pub(crate) struct Provider {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: EncodingKey,
    pub(crate) jwk: Jwk,
}

impl Provider {
    pub(crate) fn new(algorithm: Algorithm, id: &str) -> Self {
        let ec = |of| rcgen::KeyPair::generate_for(of).unwrap().serialize_der();
        let key = match algorithm {
            Algorithm::ES256 => EncodingKey::from_ec_der(&ec(&rcgen::PKCS_ECDSA_P256_SHA256)),
            Algorithm::EdDSA => {
                // The library wants version 1 of PKCS #8: the seed alone, behind the header of RFC 8410.
                let header = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";
                let seed = &ec(&rcgen::PKCS_ED25519)[16..48];
                EncodingKey::from_ed_der(&[&header[..], seed].concat())
            }
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let der: aws_lc_rs::encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
                // Within it, behind headers of this length, is the key as PKCS #1 has it.
                EncodingKey::from_rsa_der(&der.as_ref()[26..])
            }
        };
        let mut jwk = Jwk::from_encoding_key(&key, algorithm).unwrap();
        jwk.common.key_id = Some(id.to_owned());
        Self {
            algorithm,
            key,
            jwk,
        }
    }

    /// A token of this type with these claims, times added.
    pub(crate) fn token(&self, kind: &str, claims: &Value, lasts: i64) -> String {
        let now = Timestamp::now().as_second();
        let mut claims = claims.clone();
        claims["iat"] = json!(now);
        claims["exp"] = json!(now + lasts);
        let header = Header {
            kid: self.jwk.common.key_id.clone(),
            typ: Some(kind.to_owned()),
            ..Header::new(self.algorithm)
        };
        encode(&header, &claims, &self.key).unwrap()
    }
}

/// Of these providers, the last of whose keys is the newest.
fn provided(keys: &[&Provider], issuer: &str, audience: &str, mapping: Mapping) -> ServerOptions {
    let set = json!({ "keys": keys.iter().map(|key| &key.jwk).collect::<Vec<_>>() });
    let keys = Keys::from_jwks(&set.to_string()).unwrap();
    let backend = Backend::with_keys(keys, issuer, audience).unwrap();
    ServerOptions {
        backend: Some(backend.mapped(mapping)),
        ..options()
    }
}

pub(crate) fn mapping(name: &str, claim: &str, group: &str) -> Mapping {
    let rights = |role, cameras: &[&str]| Group {
        role,
        cameras: Cameras::Only(cameras.iter().map(|id| (*id).to_owned()).collect()),
        perms: [Permission::View].into(),
    };
    let groups = [
        (group.to_owned(), rights(Role::Viewer, &["front"])),
        ("operators".to_owned(), rights(Role::Administrator, &[])),
    ];
    Mapping {
        name_claim: Some(name.to_owned()),
        groups: Some((claim.to_owned(), groups.into())),
    }
}

/// So many bytes of groups that mean nothing here.
fn crowd(bytes: usize) -> Vec<String> {
    (0..bytes / 40)
        .map(|n| format!("00000000-0000-4000-8000-{n:012}"))
        .collect()
}

/// What the access token of a realm's user looks like with Keycloak 26 ("Server Administration Guide", protocol mappers), with
/// Auth0 (its RFC 9068 profile and namespaced claims of an action), with Entra ID (v2.0 access tokens, `groups` of 200
/// ids) and with Google (an ID token, by which nobody's rights are said).
#[tokio::test]
async fn tokens_as_real_providers_make_them_let_in_over_http_and_the_websocket() {
    let mut keycloak_roles = crowd(1500);
    keycloak_roles.push("family".to_owned());
    let mut entra_groups = crowd(4600);
    entra_groups.push("5a0c2b1e-7d0b-4a44-9d53-3f2f1f9c3d11".to_owned());
    let cases = [
        (
            "keycloak",
            "JWT",
            "https://id.example/realms/home",
            "porthole",
            mapping("preferred_username", "realm_access.roles", "family"),
            json!({
                "jti": "onrtac:6c1e8e2e-1c4f-4f2f-9e0b-8a39c1a2c2a1", "iss": "https://id.example/realms/home",
                "aud": ["porthole", "account"], "sub": "1f0c9b3a-37cb-4f43-a0a9-3f6a5a0c2b1e", "typ": "Bearer", "azp": "porthole",
                "sid": "e0f3a3a2-54f7-4a53-a8d5-4a21c15c0f43", "acr": "1", "allowed-origins": ["https://cameras.example"],
                "realm_access": {"roles": keycloak_roles},
                "resource_access": {"account": {"roles": ["manage-account", "view-profile"]}},
                "scope": "openid profile email", "email_verified": true, "name": "Anna Example",
                "preferred_username": "anna", "email": "anna@id.example",
            }),
        ),
        (
            "auth0",
            "at+jwt",
            "https://tenant.eu.auth0.example/",
            "https://cameras.example/api",
            mapping("sub", "https://cameras.example/roles", "family"),
            json!({
                "iss": "https://tenant.eu.auth0.example/", "sub": "auth0|65f1c0ffee0123456789abcd",
                "aud": ["https://cameras.example/api", "https://tenant.eu.auth0.example/userinfo"],
                "client_id": "aBcDeFgHiJkLmNoPqRsTuVwXyZ012345", "jti": "9vYk2Qd0sT",
                "scope": "openid profile", "https://cameras.example/roles": ["family"],
            }),
        ),
        (
            "entra",
            "JWT",
            "https://login.example/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
            "api-client-id",
            mapping(
                "preferred_username",
                "groups",
                "5a0c2b1e-7d0b-4a44-9d53-3f2f1f9c3d11",
            ),
            json!({
                "aud": "api-client-id", "iss": "https://login.example/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
                "aio": "A".repeat(180), "azp": "web-client-id", "azpacr": "0", "groups": entra_groups,
                "name": "Anna Example", "oid": "0f5d4b6e-6a5b-4f6d-9a07-5b1b7c0f9f35",
                "preferred_username": "anna@tenant.example", "rh": "0.AX0A", "scp": "access_as_user",
                "sub": "nJ2kZVVd3dPpQ3dVtXz5cW8w0-l3b8kG8S3d0t1m2aE", "tid": "9188040d-6c67-4c5b-b112-36a304b66dad",
                "uti": "x7Qd1", "ver": "2.0",
            }),
        ),
        (
            "google",
            "JWT",
            "https://accounts.google.example",
            "1234.apps.example",
            mapping("email", "hd", "family.example"),
            json!({
                "iss": "https://accounts.google.example", "azp": "1234.apps.example", "aud": "1234.apps.example",
                "sub": "110169484474386276334", "hd": "family.example", "email": "anna@family.example", "email_verified": true,
                "at_hash": "HK6E_P6Dh8Y93mRNtsDB1Q", "nonce": "n-0S6_WzA2Mj",
            }),
        ),
    ];
    for (name, kind, issuer, audience, mapping, claims) in cases {
        for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            let (before, now) = (
                Provider::new(algorithm, "before"),
                Provider::new(algorithm, "now"),
            );
            let options = provided(&[&before, &now], issuer, audience, mapping.clone());
            let house = House::with(options).await;
            let secret = house.camera("front").await;
            house.camera("back").await;
            let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
            for key in [&before, &now] {
                let token = key.token(kind, &claims, 600);
                assert!(token.len() <= 8 * 1024, "{name}: {}", token.len());
                let (status, me) = get(&house, "/api/me", &token).await;
                assert_eq!(status, 200, "{name} {algorithm:?}: {me}");
                assert_eq!(me["cameras"].as_array().unwrap().len(), 1, "{name}: {me}");
                assert_eq!(get(&house, "/api/users", &token).await.0, 403);
                let mut viewer = Client::viewer(&house.server, &token).await;
                let id = viewer.start_session(&mut camera, "front").await;
                viewer
                    .send(json!({"type": "endSession", "sessionId": id}))
                    .await;
                assert_eq!(camera.recv().await["type"], "endSession");
            }
            // Where a header cannot be set.
            let token = now.token(kind, &claims, 600);
            let path = format!("/ws?access_token={token}");
            let mut client = Client::connect(house.address(), &path, &[]).await.unwrap();
            assert_eq!(client.recv().await["type"], "welcome");
        }
    }
}

#[tokio::test]
async fn groups_say_what_their_people_may_and_nothing_else_does() {
    let key = Provider::new(Algorithm::ES256, "a");
    let mapping = mapping("preferred_username", "realm_access.roles", "family");
    let house = House::with(provided(&[&key], "https://id.example", "porthole", mapping)).await;
    let token = |roles: Value| {
        let claims = json!({
            "iss": "https://id.example", "aud": "porthole", "sub": "1", "preferred_username": "anna",
            "realm_access": {"roles": roles}, "role": "administrator", "cameras": "*",
        });
        key.token("JWT", &claims, 600)
    };
    assert_eq!(
        get(&house, "/api/users", &token(json!(["family", "operators"])))
            .await
            .0,
        200
    );
    assert_eq!(
        get(&house, "/api/users", &token(json!(["family"]))).await.0,
        403
    );
    for none in [json!(["strangers"]), json!([]), json!(7), json!([7])] {
        let (status, problem) = get(&house, "/api/me", &token(none)).await;
        assert_eq!((status, &problem["code"]), (401, &json!("token-refused")));
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains("none of its groups"),
            "{problem}"
        );
    }
}

#[tokio::test]
async fn what_the_backend_signed_is_no_guess_and_says_what_is_wrong_with_it() {
    let key = Provider::new(Algorithm::RS256, "a");
    let house = House::with(provided(
        &[&key],
        "https://id.example",
        "porthole",
        Mapping::default(),
    ))
    .await;
    let claims = json!({"iss": "https://id.example", "aud": "porthole", "sub": "anna"});
    let over = key.token("JWT", &claims, -1);
    let mut elsewhere = claims.clone();
    elsewhere["aud"] = json!("another");
    let elsewhere = key.token("JWT", &elsewhere, 600);
    // Twenty pages behind one NAT, each of which tries again with what it has.
    for _ in 0..40 {
        let (status, problem) = get(&house, "/api/me", &over).await;
        assert_eq!((status, &problem["code"]), (401, &json!("token-expired")));
        let (status, problem) = get(&house, "/api/me", &elsewhere).await;
        assert_eq!((status, &problem["code"]), (401, &json!("token-refused")));
    }
    assert_eq!(
        get(&house, "/api/me", &key.token("JWT", &claims, 600))
            .await
            .0,
        200
    );
    // One that nobody here signed is a guess.
    let stranger = Provider::new(Algorithm::RS256, "a");
    let mut last = 0;
    for n in 0..30 {
        let guess = stranger.token("JWT", &claims, 600 + n);
        last = get(&house, "/api/me", &guess).await.0;
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn a_credential_that_is_too_large_says_so() {
    let key = Provider::new(Algorithm::RS256, "a");
    let house = House::with(provided(
        &[&key],
        "https://id.example",
        "porthole",
        Mapping::default(),
    ))
    .await;
    let claims = json!({"iss": "https://id.example", "aud": "porthole", "sub": "anna", "groups": crowd(8000)});
    let large = key.token("JWT", &claims, 600);
    assert!(large.len() > 8 * 1024);
    let (status, problem) = get(&house, "/api/me", &large).await;
    assert_eq!(
        (status, &problem["code"]),
        (431, &json!("credential-too-large"))
    );
    let own = House::new().await;
    let (status, problem) = get(&own, "/api/me", &"x".repeat(513)).await;
    assert_eq!(
        (status, &problem["code"]),
        (431, &json!("credential-too-large"))
    );
}

#[tokio::test]
async fn a_password_of_the_backends_is_guessed_no_more_often_than_one_of_ours() {
    let refuses = Router::new().fallback(any(|| async { StatusCode::UNAUTHORIZED }));
    let backend = Backend::with_webhook(&serve(refuses).await, None).unwrap();
    let house = House::with(ServerOptions {
        backend: Some(backend),
        trusted_proxies: vec!["127.0.0.1/32".parse().unwrap()],
        ..options()
    })
    .await;
    let mut answers = Vec::new();
    for n in 0..20 {
        let body = json!({"user": "anna", "password": format!("guess {n}")}).to_string();
        // Each from an address of its own.
        let from = format!("192.0.2.{n}");
        let headers = [
            ("content-type", "application/json"),
            ("x-forwarded-for", from.as_str()),
        ];
        answers.push(
            http_with(house.address(), "POST /api/session", &headers, &body)
                .await
                .status,
        );
    }
    assert_eq!(answers[..10], [401; 10]);
    assert_eq!(answers[10..], [429; 10]);
}

#[tokio::test]
async fn two_tokens_of_one_person_are_two_sets_of_rights() {
    let house = House::with(with_backend()).await;
    let front = house.camera("front").await;
    house.camera("yard").await;
    let viewer = token(SECRET, "anna", 600, &json!({"cameras": ["front"]}));
    let boss = token(SECRET, "anna", 600, &json!({"role": "administrator"}));
    let yard = token(SECRET, "anna", 600, &json!({"cameras": ["yard"]}));
    let mut camera = Client::camera(&house.server, &front, json!(null)).await;
    let mut watching = Client::viewer(&house.server, &viewer).await;
    let session = watching.start_session(&mut camera, "front").await;
    // Whatever else is seen of the same person.
    for _ in 0..2 {
        assert_eq!(get(&house, "/api/users", &boss).await.0, 200);
        assert_eq!(get(&house, "/api/users", &viewer).await.0, 403);
        assert_eq!(get(&house, "/api/users", &yard).await.0, 403);
        let (_, me) = get(&house, "/api/me", &yard).await;
        assert_eq!(me["cameras"][0]["id"], "yard");
    }
    let other = house.nobody().with(&log_in(&house, &viewer, "").await);
    assert_eq!(
        other.get("/api/users").await.status,
        403,
        "a cookie is its token's"
    );
    let chief = house.nobody().with(&log_in(&house, &boss, "").await);
    assert_eq!(chief.get("/api/users").await.status, 200);
    assert_eq!(other.get("/api/users").await.status, 403);
    // The session that runs heard of none of it.
    let message =
        json!({"type": "peer", "sessionId": session, "sdp": {"type": "offer", "sdp": "v=0"}});
    camera.send(message.clone()).await;
    assert_eq!(watching.recv().await["type"], "peer");
    // A page that shows another token has what that one says, in its log-in of before.
    let page = house
        .nobody()
        .with(&log_in(&house, &viewer, &other.cookies).await);
    assert_eq!(page.get("/api/users").await.status, 403);
    let page = page.with(&log_in(&house, &boss, &page.cookies).await);
    assert_eq!(page.get("/api/users").await.status, 200);
    let page = page.with(&log_in(&house, &viewer, &page.cookies).await);
    assert_eq!(page.get("/api/users").await.status, 403, "never more");
}

/// Trades a token for a cookie.
async fn log_in(house: &House, token: &str, cookies: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str()), ("cookie", cookies)];
    let answer = http(house.address(), "POST /api/session", &headers).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

#[tokio::test]
async fn a_log_in_by_a_token_ends_with_it_and_goes_on_with_the_next() {
    let house = House::with(with_backend()).await;
    let secret = house.camera("front").await;
    let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
    let short = |lasts| token(SECRET, "anna", lasts, &json!({"cameras": ["front"]}));
    let once = house.nobody().with(&log_in(&house, &short(2), "").await);
    let page = house.nobody().with(&log_in(&house, &short(2), "").await);
    let mut watching = Client::by_cookie(&house.server, &page.cookies).await;
    let session = watching.start_session(&mut camera, "front").await;
    let page = page.with(&log_in(&house, &short(600), &page.cookies).await);
    // Until the first one's is over.
    let over = async {
        while once.get("/api/me").await.status == 200 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(20), over)
        .await
        .unwrap();
    assert_eq!(page.get("/api/me").await.status, 200);
    let message =
        json!({"type": "peer", "sessionId": session, "sdp": {"type": "offer", "sdp": "v=0"}});
    camera.send(message).await;
    while watching.recv().await["type"] != "peer" {}
}
