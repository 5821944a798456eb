// SPDX-License-Identifier: MPL-2.0
//! Logging in with a password, staying logged in, and what ends it.

use futures_util::{StreamExt as _, stream};
use porthole_protocol::grant::GrantSigner;
use serde_json::json;

use crate::common::{Client, http, http_with, options};
use crate::house::{House, PASSWORD};

#[tokio::test]
async fn a_password_is_traded_for_a_cookie_that_says_who_one_is() {
    let house = House::new().await;
    let answer = house.admin.get("/api/me").await;
    assert_eq!(answer.status, 200);
    let me = answer.json();
    assert_eq!(
        (&me["user"], &me["role"]),
        (&json!("root"), &json!("administrator"))
    );
    let config = house.nobody().get("/api/config").await.json();
    assert_eq!(
        (&config["passwords"], &config["authenticated"]),
        (&json!(true), &json!(false))
    );
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_user_get_the_same_answer() {
    let house = House::new().await;
    house.user("alice").await;
    let page = house.nobody();
    let known = page.log_in("alice", "wrong password").await;
    let unknown = page.log_in("nobody-here", "wrong password").await;
    assert_eq!(known.problem(), (401, "wrong-credentials".to_owned()));
    assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
    assert!(known.cookies().is_empty());
}

#[tokio::test]
async fn a_log_in_survives_a_restart_on_the_same_database() {
    let mut house = House::new().await;
    let mut alice = house.user("alice").await;
    house.restart(options()).await;
    alice.address = house.address();
    let me = alice.get("/api/me").await;
    assert_eq!((me.status, &me.json()["user"]), (200, &json!("alice")));
    assert_eq!(house.admin.get("/api/users").await.status, 200);
}

#[tokio::test]
async fn logging_out_ends_the_log_in_and_its_connections_for_good() {
    let mut house = House::new().await;
    let mut alice = house.user("alice").await;
    let mut client = alice.listen().await;
    assert_eq!(alice.delete("/api/session").await.status, 204);
    assert_eq!(client.recv().await["code"], "revoked");
    assert_eq!(alice.get("/api/me").await.status, 401);
    house.restart(options()).await;
    alice.address = house.address();
    assert_eq!(alice.get("/api/me").await.status, 401);
}

#[tokio::test]
async fn logging_in_again_gives_another_cookie_to_the_same_log_in() {
    let house = House::new().await;
    let alice = house.user("alice").await;
    let mut client = alice.listen().await;
    let answer = alice.log_in("alice", PASSWORD).await;
    let again = alice.with(&answer);
    assert_ne!(alice.cookies, again.cookies);
    assert_eq!(again.get("/api/me").await.status, 200);
    // Its connections stay.
    client.send(json!({"type":"list"})).await;
    assert_eq!(client.recv().await["type"], "list");
}

#[tokio::test]
async fn changing_the_password_ends_the_other_log_ins_and_keeps_this_one() {
    let house = House::new().await;
    let phone = house.user("alice").await;
    let laptop = house.nobody();
    let laptop = laptop.with(&laptop.log_in("alice", PASSWORD).await);
    let mut client = phone.listen().await;
    let change = json!({"old": "wrong one here", "new": "another lengthy phrase"});
    let wrong = laptop.send("PUT /api/me/password", Some(&change)).await;
    assert_eq!(wrong.problem(), (403, "wrong-credentials".to_owned()));
    let change = json!({"old": PASSWORD, "new": "password1234"});
    let weak = laptop.send("PUT /api/me/password", Some(&change)).await;
    assert_eq!(weak.problem(), (422, "weak-password".to_owned()));
    let change = json!({"old": PASSWORD, "new": "another lengthy phrase"});
    let done = laptop.send("PUT /api/me/password", Some(&change)).await;
    assert_eq!(done.status, 204);
    assert_eq!(client.recv().await["code"], "revoked");
    assert_eq!(phone.get("/api/me").await.status, 401);
    assert_eq!(laptop.with(&done).get("/api/me").await.status, 200);
    assert_eq!(phone.log_in("alice", PASSWORD).await.status, 401);
    assert_eq!(
        phone.log_in("alice", "another lengthy phrase").await.status,
        200
    );
}

#[tokio::test]
async fn guessers_are_held_up_and_do_not_lock_out_a_device_that_was_here() {
    let house = House::new().await;
    let alice = house.user("alice").await;
    let guesser = house.nobody();
    for _ in 0..10 {
        assert_eq!(guesser.log_in("alice", "wrong password").await.status, 401);
    }
    let held_up = guesser.log_in("alice", PASSWORD).await;
    assert_eq!(held_up.problem(), (429, "too-many".to_owned()));
    assert!(held_up.header("retry-after").is_some());
    // Another account is another matter.
    assert_eq!(guesser.log_in("root", "wrong password").await.status, 401);
    assert_eq!(alice.log_in("alice", PASSWORD).await.status, 200);
}

#[tokio::test]
async fn a_cookie_reads_without_an_origin_and_changes_nothing_without_one() {
    let house = House::new().await;
    let (address, cookies) = (house.address(), house.admin.cookies.as_str());
    let foreign = ("origin", "https://evil.example");
    let of_site = |site| ("sec-fetch-site", site);
    let cookie = ("cookie", cookies);
    let get = "GET /api/users";
    let post = "POST /api/users/root/token";
    let cases: [(_, &[_], _); 8] = [
        (get, &[cookie], 200),
        (get, &[cookie, of_site("none")], 200),
        (get, &[cookie, of_site("cross-site")], 403),
        (get, &[cookie, foreign], 403),
        (post, &[cookie], 403),
        (post, &[cookie, foreign], 403),
        (post, &[cookie, of_site("same-site")], 403),
        // A proxy that changes the host leaves an origin that is none of ours.
        (post, &[cookie, foreign, of_site("same-origin")], 200),
    ];
    for (request, headers, status) in cases {
        let answer = http(address, request, headers).await;
        assert_eq!(answer.status, status, "{request} {headers:?} {answer:?}");
    }
}

#[tokio::test]
async fn a_cookie_is_no_bearer_token() {
    let house = House::new().await;
    let cookies = house.admin.cookies.clone();
    let value = cookies.split([';', '=']).nth(1).unwrap();
    let bearer = format!("Bearer {value}");
    let answer = http(
        house.address(),
        "GET /api/me",
        &[("authorization", &bearer)],
    )
    .await;
    assert_eq!(answer.status, 401);
    let path = format!("/ws?access_token={value}");
    let refused = Client::connect(house.address(), &path, &[]).await;
    assert_eq!(refused.err().unwrap().0, 401);
}

#[tokio::test]
async fn a_device_is_no_log_in_and_counts_at_the_server_that_knows_it() {
    let mut house = House::new().await;
    let alice = house.user("alice").await;
    let device = alice.cookies.split("; ").nth(1).unwrap().to_owned();
    let mut only = house.nobody();
    only.cookies = device;
    assert_eq!(only.get("/api/me").await.status, 401);
    // With another key, it is a stranger's.
    let mut options = options();
    options.signer = GrantSigner::generate().unwrap();
    house.restart(options).await;
    only.address = house.address();
    for _ in 0..10 {
        assert_eq!(
            house
                .nobody()
                .log_in("alice", "wrong password")
                .await
                .status,
            401
        );
    }
    assert_eq!(only.log_in("alice", PASSWORD).await.status, 429);
}

/// More log-ins than memory keeps of one user.
const MANY: usize = 257;

#[tokio::test]
async fn a_stolen_cookie_that_memory_forgot_does_not_survive_the_password() {
    let mut house = House::new().await;
    house.user("alice").await;
    let link = house.admin.post("/api/users/alice/token", &json!({})).await;
    let link = link.json()["link"].as_str().unwrap().to_owned();
    let token = link.split_once("#token=").unwrap().1.to_owned();
    let bearer = format!("Bearer {token}");
    let mut stolen = None;
    for _ in 0..MANY {
        let made = http(
            house.address(),
            "POST /api/session",
            &[("authorization", &bearer)],
        )
        .await;
        assert_eq!(made.status, 200, "{made:?}");
        stolen.get_or_insert(house.nobody().with(&made));
    }
    let mut stolen = stolen.unwrap();
    assert_eq!(
        stolen.get("/api/me").await.status,
        401,
        "memory has forgotten it"
    );
    let change = json!({"password": "another lengthy phrase"});
    let changed = house
        .admin
        .send("PATCH /api/users/alice", Some(&change))
        .await;
    assert_eq!(changed.status, 200, "{changed:?}");
    house.restart(options()).await;
    stolen.address = house.address();
    assert_eq!(stolen.get("/api/me").await.status, 401);
}

/// As many as a site may guess within a minute.
const SITE_GUESSES: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn strangers_by_the_thousand_from_one_site_guess_what_is_said_and_keep_no_known_device_out() {
    let mut options = options();
    options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let house = House::with(options).await;
    let alice = house.user("alice").await;
    let address = house.address();
    let log_in = async |from: &str, cookies: &str, user: &str, password: &str| {
        let body = json!({"user": user, "password": password}).to_string();
        let headers = [
            ("content-type", "application/json"),
            ("x-forwarded-for", from),
            ("cookie", cookies),
        ];
        let answer = http_with(address, "POST /api/session", &headers, &body).await;
        answer.problem()
    };
    let strangers = stream::iter(0..600).map(async |n| {
        let from = format!("2001:db8:1:{n:x}::{n:x}");
        let user = if n % 2 == 0 { "alice" } else { "root" };
        log_in(&from, "a=b", user, &format!("wrong password {n}")).await
    });
    let strangers = async {
        let answers: Vec<_> = strangers.buffer_unordered(64).collect().await;
        answers
    };
    let owner = async {
        let mut answers = Vec::new();
        for _ in 0..10 {
            answers.push(log_in("2001:db8:1:1::9", &alice.cookies, "alice", PASSWORD).await);
        }
        answers
    };
    let (strangers, owner) = tokio::join!(strangers, owner);
    assert!(owner.iter().all(|(status, _)| *status == 200), "{owner:?}");
    let judged = strangers.iter().filter(|(status, _)| *status == 401);
    assert!((1..=SITE_GUESSES).contains(&judged.count()));
    let turned_away = strangers
        .iter()
        .filter(|(status, _)| [429, 503].contains(status));
    assert!(turned_away.count() >= strangers.len() - SITE_GUESSES);
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_of_one_address_that_come_at_once_are_no_more_than_those_in_a_row() {
    let mut options = options();
    options.trusted_proxies = vec!["127.0.0.1/32".parse().unwrap()];
    let house = House::with(options).await;
    let address = house.address();
    let guesses = (0..60).map(async |n| {
        let body = json!({"user": format!("user{n}"), "password": "wrong password"}).to_string();
        let json = ("content-type", "application/json");
        let headers = [json, ("x-forwarded-for", "127.0.0.9")];
        let answer = http_with(address, "POST /api/session", &headers, &body).await;
        answer.status
    });
    let answers = futures_util::future::join_all(guesses).await;
    let judged = answers.iter().filter(|status| **status == 401).count();
    assert!((1..=20).contains(&judged), "{judged} guesses: {answers:?}");
}
