// SPDX-License-Identifier: MPL-2.0
//! An identity provider whose tokens, keys and answers are not what they should be, or not there.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use porthole_signaling::OpenidOptions;
use serde_json::{Value, json};

use crate::backend::Provider;
use crate::common::{PATIENCE, http, options};
use crate::house::House;
use crate::openid::{assert_refused, family, house, leave, lets_nobody_in, log_in, with};
use crate::provider::{CLIENT, Fake};

#[tokio::test]
async fn an_id_token_that_is_not_this_log_ins_lets_nobody_in() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    for claims in [
        json!({"nonce": "another"}),
        json!({"nonce": null}),
        json!({"nonce": 7}),
        json!({"iss": "https://evil.example"}),
        json!({"iss": null}),
        json!({"aud": "another"}),
        json!({"aud": [CLIENT, "another"]}),
        json!({"aud": [CLIENT, "another"], "azp": "another"}),
        json!({"azp": "another"}),
        json!({"azp": 7}),
        json!({"sub": null}),
        json!({"nbf": 4_102_444_800_u64}),
    ] {
        fake.with(|manners| manners.claims = claims.clone());
        let answer = log_in(&house, &fake).await;
        assert_refused(&answer, 502, "openid-token");
    }
    fake.with(|manners| manners.claims = json!({"aud": [CLIENT, "account"], "azp": CLIENT}));
    assert_eq!(log_in(&house, &fake).await.status, 303);
    fake.with(|manners| (manners.claims, manners.lasts) = (json!({}), -1));
    assert_refused(&log_in(&house, &fake).await, 502, "openid-token");
}

#[tokio::test]
async fn an_id_token_that_the_provider_did_not_sign_lets_nobody_in() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    let stranger = Provider::new(Algorithm::RS256, "first");
    let unnamed = Provider::new(Algorithm::RS256, "stranger");
    let curve = Provider::new(Algorithm::ES256, "curve");
    let edwards = Provider::new(Algorithm::EdDSA, "edwards");
    // It has keys for more than it says that it signs ID tokens with.
    fake.with(|manners| {
        manners
            .published
            .extend([json!(curve.jwk), json!(edwards.jwk)])
    });
    let public = fake.with(|manners| serde_json::to_string(&manners.key.jwk).unwrap());
    let key = fake.with(|manners| manners.key.clone());
    type Forge<'a> = Box<dyn Fn(&Value) -> String + 'a>;
    let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let forgeries: [Forge<'_>; 7] = [
        Box::new(|claims| stranger.token("JWT", claims, 600)),
        Box::new(|claims| unnamed.token("JWT", claims, 600)),
        Box::new(|claims| edwards.token("JWT", claims, 600)),
        Box::new(|claims| key.token("at+jwt", claims, 600)),
        Box::new(|claims| format!("{}.{}.", part(json!({"alg": "none"})), part(claims.clone()))),
        Box::new(|claims| {
            let mut claims = claims.clone();
            claims["exp"] = json!(4_102_444_800_u64);
            let secret = EncodingKey::from_secret(public.as_bytes());
            encode(&Header::new(Algorithm::HS256), &claims, &secret).unwrap()
        }),
        Box::new(|_| "no token".to_owned()),
    ];
    for (n, forge) in forgeries.iter().enumerate() {
        let left = leave(&house, "").await;
        let asked: HashMap<_, _> = left.location.query_pairs().into_owned().collect();
        let claims = json!({
            "iss": fake.issuer, "aud": CLIENT, "sub": "anna", "nonce": asked["nonce"], "groups": ["operators"],
        });
        fake.with(|manners| manners.forged = Some(forge(&claims)));
        let answer = left.back(&fake.allow(&left.location)).await;
        assert_eq!(answer.problem(), (502, "openid-token".to_owned()), "{n}");
        assert!(lets_nobody_in(&answer), "{n}");
    }
    // What it does say that it signs with is taken.
    fake.with(|manners| (manners.forged, manners.key) = (None, Arc::new(curve)));
    assert_eq!(log_in(&house, &fake).await.status, 303);
}

#[tokio::test]
async fn a_rotated_key_is_taken_at_once() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    for (id, algorithm) in [
        ("second", "RS256"),
        ("third", "ES256"),
        ("third", "RS256"),
        ("third", "RS256"),
    ] {
        for _ in 0..2 {
            assert_eq!(log_in(&house, &fake).await.status, 303);
        }
        let next = Arc::new(Provider::new(algorithm.parse().unwrap(), id));
        fake.with(|manners| {
            // It tells of the kinds of keys that it has.
            manners.document["id_token_signing_alg_values_supported"] = json!([algorithm]);
            (manners.published, manners.key) = (vec![json!(next.jwk)], next);
        });
    }
    // Also one that is called as the one before it was.
    assert_eq!(log_in(&house, &fake).await.status, 303);
    assert_eq!(fake.with(|manners| manners.asked["keys"]), 5);
}

#[tokio::test]
async fn a_provider_that_hangs_keeps_nobody_waiting_for_long_and_says_so() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    let hang = |what| fake.with(|manners| manners.hangs = what);
    hang("discovery");
    let started = Instant::now();
    let address = house.address();
    let html = [("accept", "text/html,application/xhtml+xml")];
    // A crowd waits no longer than one does.
    let crowd = (0..8).map(|_| http(address, "GET /api/openid/login", &html));
    for answer in futures_util::future::join_all(crowd).await {
        assert_eq!(answer.status, 503);
        assert!(
            answer
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        assert!(
            answer.body.contains("Example does not answer as it should"),
            "{}",
            answer.body
        );
        assert!(answer.body.contains("openid-unavailable") && lets_nobody_in(&answer));
        assert!(answer.header("retry-after").is_some());
    }
    assert!(started.elapsed() < PATIENCE);
    hang("");
    let fake = Fake::start().await;
    fake.with(|manners| manners.claims = json!({"groups": null}));
    let house = House::with(with(fake.options(family()))).await;
    for what in ["token", "keys", "userinfo"] {
        let left = leave(&house, "").await;
        fake.with(|manners| manners.hangs = what);
        let query = fake.allow(&left.location);
        assert_refused(&left.back(&query).await, 503, "openid-unavailable");
        fake.with(|manners| manners.hangs = "");
        // Others are not held up by it.
        assert_eq!(house.nobody().get("/api/config").await.status, 200);
    }
}

#[tokio::test]
async fn a_provider_that_comes_up_after_the_server_is_found() {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = probe.local_addr().unwrap();
    drop(probe);
    let fake = Fake::new(format!("http://{address}"));
    let house = house(&fake).await;
    assert_refused(
        &house.nobody().get("/api/openid/login").await,
        503,
        "openid-unavailable",
    );
    let listener = tokio::net::TcpListener::bind(address).await.unwrap();
    crate::serve::serve_on(listener, fake.router());
    let started = Instant::now();
    while house.nobody().get("/api/openid/login").await.status != 303 {
        assert!(started.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    assert_eq!(log_in(&house, &fake).await.status, 303);
}

#[tokio::test]
async fn what_the_provider_says_of_itself_is_checked_before_anyone_is_sent_there() {
    for (name, value) in [
        ("issuer", json!("http://127.0.0.1:1")),
        ("token_endpoint", json!("http://id.example/token")),
        ("code_challenge_methods_supported", json!(["plain"])),
        (
            "id_token_signing_alg_values_supported",
            json!(["HS256", "none"]),
        ),
        ("jwks_uri", json!(7)),
    ] {
        let fake = Fake::start().await;
        fake.with(|manners| manners.document[name] = value);
        let house = house(&fake).await;
        let answer = house.nobody().get("/api/openid/login").await;
        assert_refused(&answer, 503, "openid-unavailable");
    }
    let nothing = House::with(options()).await;
    for path in ["login", "callback?code=x&state=x"] {
        let answer = nothing.nobody().get(&format!("/api/openid/{path}")).await;
        assert_refused(&answer, 404, "no-openid");
    }
}

#[tokio::test]
async fn claims_that_are_not_in_the_id_token_are_asked_for_and_no_others_are_taken() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    let says = |claims: Value, more: Value| {
        fake.with(|manners| (manners.claims, manners.user_info) = (claims, more));
    };
    says(
        json!({"groups": null}),
        json!({"sub": "anna", "groups": ["family"], "exp": 4_102_444_800_u64}),
    );
    let page = house.nobody().with(&log_in(&house, &fake).await);
    assert_eq!(page.get("/api/me").await.json()["role"], "viewer");
    // What the ID token says goes before.
    says(
        json!({"groups": ["family"]}),
        json!({"sub": "anna", "groups": ["operators"]}),
    );
    let page = house.nobody().with(&log_in(&house, &fake).await);
    assert_eq!(page.get("/api/users").await.status, 403);
    assert_eq!(fake.with(|manners| manners.asked["userinfo"]), 1);
    // Of another person nothing is taken.
    for more in [
        json!({"sub": "bob", "groups": ["operators"]}),
        json!({"groups": ["operators"]}),
        json!(["sub"]),
    ] {
        says(json!({"groups": null}), more);
        assert_refused(&log_in(&house, &fake).await, 503, "openid-unavailable");
    }
}

#[tokio::test]
async fn a_client_with_a_secret_shows_it_as_the_provider_wants_it() {
    let fake = Fake::start().await;
    fake.with(|manners| manners.secret = Some("a%3Ab+c"));
    let known = |secret: Option<&str>| OpenidOptions {
        client_secret: secret.map(str::to_owned),
        ..fake.options(family())
    };
    let house = House::with(with(known(Some("a:b c")))).await;
    assert_eq!(log_in(&house, &fake).await.status, 303);
    for wrong in [None, Some("other")] {
        let house = House::with(with(known(wrong))).await;
        assert_refused(&log_in(&house, &fake).await, 502, "openid-client");
    }
}
