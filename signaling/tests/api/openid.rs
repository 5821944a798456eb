// SPDX-License-Identifier: MPL-2.0
//! Logging in with an identity provider: who gets in, for how long, by which browser, and where to.

use std::time::Instant;

use porthole_signaling::backend::Mapping;
use porthole_signaling::{OpenidOptions, ServerOptions};
use serde_json::{Value, json};
use url::Url;

use crate::backend::mapping;
use crate::common::{Answer, Client, PATIENCE, http, options};
use crate::house::{House, Page};
use crate::provider::{CLIENT, Fake};

pub(crate) fn family() -> Mapping {
    mapping("sub", "groups", "family")
}

pub(crate) fn with(openid: OpenidOptions) -> ServerOptions {
    ServerOptions {
        openid: Some(openid),
        ..options()
    }
}

pub(crate) async fn house(fake: &Fake) -> House {
    House::with(with(fake.options(family()))).await
}

/// A browser that was sent to the provider.
pub(crate) struct Left {
    pub(crate) page: Page,
    pub(crate) location: Url,
}

pub(crate) async fn leave(house: &House, place: &str) -> Left {
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
    pub(crate) async fn back(&self, query: &str) -> Answer {
        self.page
            .get(&format!("/api/openid/callback?{query}"))
            .await
    }
}

/// Logs in, from the beginning to the end.
pub(crate) async fn log_in(house: &House, fake: &Fake) -> Answer {
    let left = leave(house, "").await;
    left.back(&fake.allow(&left.location)).await
}

/// Whether nobody was logged in by this answer.
pub(crate) fn lets_nobody_in(answer: &Answer) -> bool {
    let cookies = answer.cookies();
    let mut cookies = cookies.split("; ");
    cookies.all(|cookie| cookie.is_empty() || cookie.ends_with("-openid="))
}

#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, code: &str) {
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
async fn a_server_without_an_address_of_its_own_does_not_start_with_a_provider() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let fake = Fake::start().await;
    let runtime = tokio::runtime::Handle::current();
    let started =
        porthole_signaling::Server::start(with(fake.options(family())), listener, &runtime);
    let error = started.err().unwrap().to_string();
    assert!(error.contains("[auth.openid]: set url"), "{error}");
}
