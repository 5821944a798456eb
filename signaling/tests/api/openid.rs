// SPDX-License-Identifier: MPL-2.0
//! Logging in with an identity provider: one that does what it should, and one that does all that it should not.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use porthole_signaling::backend::Mapping;
use porthole_signaling::{OpenidOptions, ServerOptions};
use serde_json::{Value, json};
use url::Url;

use crate::backend::{Provider, mapping};
use crate::common::{Answer, Client, PATIENCE, http, options};
use crate::house::{House, Page};
use crate::provider::{CLIENT, Fake};

fn family() -> Mapping {
    mapping("sub", "groups", "family")
}

fn with(openid: OpenidOptions) -> ServerOptions {
    ServerOptions {
        openid: Some(openid),
        ..options()
    }
}

async fn house(fake: &Fake) -> House {
    House::with(with(fake.options(family()))).await
}

/// A browser that was sent to the provider.
struct Left {
    page: Page,
    location: Url,
}

async fn leave(house: &House, place: &str) -> Left {
    let page = house.nobody();
    let answer = page.get(&format!("/api/openid/login{place}")).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    Left {
        page: page.with(&answer),
        location: answer.header("location").unwrap().parse().unwrap(),
    }
}

impl Left {
    /// Comes back with this.
    async fn back(&self, query: &str) -> Answer {
        self.page
            .get(&format!("/api/openid/callback?{query}"))
            .await
    }
}

/// Logs in, from the beginning to the end.
async fn log_in(house: &House, fake: &Fake) -> Answer {
    let left = leave(house, "").await;
    left.back(&fake.allow(&left.location)).await
}

/// Whether nobody was logged in by this answer.
fn lets_nobody_in(answer: &Answer) -> bool {
    let cookies = answer.cookies();
    let mut cookies = cookies.split("; ");
    cookies.all(|cookie| cookie.is_empty() || cookie.ends_with("-openid="))
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.problem(), (status, code.to_owned()), "{answer:?}");
    assert!(lets_nobody_in(answer), "{answer:?}");
}

#[tokio::test]
async fn whoever_logs_in_at_the_provider_has_what_its_id_token_says_and_for_as_long() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    let secret = house.camera("front").await;
    house.camera("back").await;
    let mut camera = Client::camera(&house.server, &secret, json!(null)).await;
    let config = house.nobody().get("/api/config").await.json();
    let login = format!("http://{}/api/openid/login", house.address());
    assert_eq!(config["openid"], json!({"name": "Example", "login": login}));

    let left = leave(&house, "?return=admin%23users").await;
    let kept = house.nobody().get("/api/openid/login").await;
    let kept = kept.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Max-Age=600", "Path=/"] {
        assert!(kept.contains(part), "{kept}");
    }
    let callback = format!("http://{}/api/openid/callback", house.address());
    let sent: Vec<_> = left
        .location
        .query_pairs()
        .filter(|(name, _)| name == "redirect_uri")
        .collect();
    assert_eq!(sent[0].1, callback);

    fake.with(|manners| manners.lasts = 3);
    let answer = left.back(&fake.allow(&left.location)).await;
    assert_eq!(answer.status, 303, "{answer:?}");
    let place = format!("http://{}/admin#users", house.address());
    assert_eq!(answer.header("location"), Some(&*place));
    let page = house.nobody().with(&answer);
    let me = page.get("/api/me").await.json();
    assert_eq!(
        (&me["user"], &me["role"]),
        (&json!("anna"), &json!("viewer"))
    );
    assert_eq!(me["cameras"].as_array().unwrap().len(), 1);
    assert_eq!(me["cameras"][0]["perms"], json!(["view"]));
    assert_eq!(page.get("/api/users").await.status, 403);
    let mut viewer = Client::by_cookie(&house.server, &page.cookies).await;
    viewer.start_session(&mut camera, "front").await;
    let log = house.admin.get("/api/audit?user=anna").await.json();
    let made = |entry: &&Value| entry["action"] == "login.made";
    let made = log["items"].as_array().unwrap().iter().find(made).cloned();
    assert_eq!(made.unwrap()["details"], json!({"with": "openid"}));
    // The ID token's end is that of the log-in, and of what runs by it.
    let started = Instant::now();
    while page.get("/api/me").await.status == 200 {
        assert!(started.elapsed() < PATIENCE);
        tokio::task::yield_now().await;
    }
    loop {
        let message = viewer.recv().await;
        if message["type"] == "endSession" || message.get("close").is_some() {
            break;
        }
    }
    assert_eq!(page.get("/api/me").await.status, 401);
}

#[tokio::test]
async fn an_administrators_group_is_one_here_and_who_logs_out_is_sent_to_log_out_there() {
    let fake = Fake::start().await;
    fake.with(|manners| manners.claims = json!({"groups": ["operators"]}));
    let house = house(&fake).await;
    let page = house.nobody().with(&log_in(&house, &fake).await);
    assert_eq!(page.get("/api/users").await.status, 200);
    let out = page.delete("/api/session").await;
    let place: Url = out.json()["logOut"].as_str().unwrap().parse().unwrap();
    assert_eq!(place.path(), "/end");
    let pairs: Vec<_> = place.query_pairs().into_owned().collect();
    let home = format!("http://{}/", house.address());
    assert_eq!(pairs[0], ("client_id".to_owned(), CLIENT.to_owned()));
    assert_eq!(pairs[1], ("post_logout_redirect_uri".to_owned(), home));
    assert_eq!(page.get("/api/users").await.status, 401);
    // Whoever did not log in there is not sent there.
    assert_eq!(house.admin.delete("/api/session").await.status, 204);
}

#[tokio::test]
async fn an_answer_counts_once_and_for_the_browser_that_left() {
    let fake = Fake::start().await;
    // Even where the provider takes each code as often as it comes, and from anyone.
    fake.with(|manners| manners.is_lax = true);
    let house = house(&fake).await;
    let left = leave(&house, "").await;
    let query = fake.allow(&left.location);
    let other = leave(&house, "").await;
    let own = fake.allow(&other.location);
    let nobody = house.nobody();
    // Someone is had to open the address of another's answer (a forged log-in).
    assert_refused(
        &nobody.get(&format!("/api/openid/callback?{query}")).await,
        400,
        "openid-state",
    );
    assert_refused(&other.back(&query).await, 400, "openid-state");
    for invented in [
        "",
        "code=x",
        "state=x&code=x",
        &query.replace("state=", "state=A"),
        &query.replace("state=", "stat="),
    ] {
        assert_refused(&left.back(invented).await, 400, "openid-state");
    }
    let mut moved = left.page.clone();
    moved.cookies = moved.cookies.replacen('.', ".9", 1);
    assert_refused(
        &moved.get(&format!("/api/openid/callback?{query}")).await,
        400,
        "openid-state",
    );
    assert_eq!(left.back(&query).await.status, 303);
    assert_refused(&left.back(&query).await, 400, "openid-state");
    // A code of another log-in in one's own is for another nonce.
    let (_, state) = own.split_once("&state=").unwrap();
    let (code, _) = query.split_once("&state=").unwrap();
    assert_refused(
        &other.back(&format!("{code}&state={state}")).await,
        502,
        "openid-token",
    );
}

#[tokio::test]
async fn a_code_that_was_used_or_belongs_to_another_log_in_is_refused_and_guessers_are_held_up() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    let left = leave(&house, "").await;
    let query = fake.allow(&left.location);
    let (code, _) = query.split_once("&state=").unwrap();
    let stolen = leave(&house, "").await;
    let own = fake.allow(&stolen.location);
    let (_, state) = own.split_once("&state=").unwrap();
    // Its verifier is not the one that the code was asked for with.
    assert_refused(
        &stolen.back(&format!("{code}&state={state}")).await,
        403,
        "openid-code",
    );
    // The provider has seen it, so that it is worth nothing to its owner either.
    assert_refused(&left.back(&query).await, 403, "openid-code");
    let mut last = 0;
    for n in 0..30 {
        let left = leave(&house, "").await;
        let query = fake.allow(&left.location);
        let (_, state) = query.split_once("&state=").unwrap();
        last = left
            .back(&format!("code=guess{n}&state={state}"))
            .await
            .status;
    }
    assert_eq!(last, 429);
    assert!(fake.with(|manners| manners.asked["token"]) < 30);
}

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
async fn who_may_do_nothing_here_is_told_so_in_a_sentence() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    house.user("bob").await;
    for groups in [json!(["strangers"]), json!([]), json!(7)] {
        fake.with(|manners| manners.claims = json!({"groups": groups}));
        let answer = log_in(&house, &fake).await;
        assert_refused(&answer, 403, "openid-not-permitted");
        assert!(answer.body.contains("none of its groups"), "{answer:?}");
    }
    // Whoever names people there does not become someone here.
    for name in ["bob", "root"] {
        fake.with(|manners| manners.claims = json!({"sub": name, "groups": ["operators"]}));
        assert_refused(&log_in(&house, &fake).await, 403, "openid-name-taken");
    }
    for name in ["guest", "share:1", "a/b", " bob"] {
        fake.with(|manners| manners.claims = json!({"sub": name}));
        assert_refused(&log_in(&house, &fake).await, 403, "openid-not-permitted");
    }
    let by_email = OpenidOptions {
        mapping: mapping("email", "groups", "family"),
        ..fake.options(Mapping::default())
    };
    let house = House::with(with(by_email)).await;
    for (verified, status) in [
        (json!(true), 303),
        (json!(false), 403),
        (json!("no"), 403),
        (json!("true"), 303),
    ] {
        let email = json!({"email": "anna@id.example", "email_verified": verified});
        fake.with(|manners| manners.claims = email);
        assert_eq!(log_in(&house, &fake).await.status, status, "{verified}");
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
async fn one_is_sent_back_to_this_server_and_to_no_other() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    for place in [
        "//evil.example",
        "https://evil.example/",
        "%5C%5Cevil.example",
        "/%09/evil.example",
        "javascript:alert(1)",
    ] {
        let answer = house
            .nobody()
            .get(&format!("/api/openid/login?return={place}"))
            .await;
        assert_refused(&answer, 400, "openid-return");
        assert!(answer.header("location").is_none());
    }
    // What someone puts into the answer of the provider has no say.
    let left = leave(&house, "?return=%23camera%3Dfront").await;
    let query = fake.allow(&left.location);
    let answer = left
        .back(&format!("{query}&return=https://evil.example/"))
        .await;
    let place = format!("http://{}/#camera=front", house.address());
    assert_eq!(answer.header("location"), Some(&*place));
    // What Host says has none either.
    let answer = http(
        house.address(),
        "GET http://localhost/api/openid/login",
        &[],
    )
    .await;
    let location: Url = answer.header("location").unwrap().parse().unwrap();
    let callback = format!("http://{}/api/openid/callback", house.address());
    assert!(
        location
            .query_pairs()
            .any(|(name, value)| name == "redirect_uri" && value == callback)
    );
}

#[tokio::test]
async fn an_answer_of_another_provider_is_none() {
    let fake = Fake::start().await;
    let house = house(&fake).await;
    let left = leave(&house, "").await;
    let query = fake.allow(&left.location);
    assert_refused(
        &left
            .back(&format!("{query}&iss=https://evil.example"))
            .await,
        400,
        "openid-mixed-up",
    );
    let left = leave(&house, "").await;
    let query = fake.allow(&left.location);
    assert_eq!(
        left.back(&format!("{query}&iss={}", fake.issuer))
            .await
            .status,
        303
    );
    let fake = Fake::start().await;
    fake.with(|manners| {
        manners.document["authorization_response_iss_parameter_supported"] = json!(true)
    });
    let house = House::with(with(fake.options(family()))).await;
    assert_refused(&log_in(&house, &fake).await, 400, "openid-mixed-up");
    // Nor is a refusal, unless it is for a log-in that was begun here.
    let left = leave(&house, "").await;
    let query = fake.allow(&left.location);
    let (_, state) = query.split_once("&state=").unwrap();
    let no = format!(
        "error=access_denied&error_description=%3Cscript%3E&state={state}&iss={}",
        fake.issuer
    );
    assert_refused(
        &house
            .nobody()
            .get(&format!("/api/openid/callback?{no}"))
            .await,
        400,
        "openid-state",
    );
    let answer = left.back(&no).await;
    assert_refused(&answer, 403, "openid-denied");
    assert!(!answer.body.contains("script"));
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

#[tokio::test]
async fn a_server_without_an_address_of_its_own_does_not_start_with_a_provider() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let fake = Fake::start().await;
    let runtime = tokio::runtime::Handle::current();
    let started =
        porthole_signaling::Server::start(with(fake.options(family())), listener, &runtime);
    let error = started.err().unwrap().to_string();
    assert!(error.contains("[auth.openid]: set url"), "{error}");
}
