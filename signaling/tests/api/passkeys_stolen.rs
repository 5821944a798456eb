// SPDX-License-Identifier: MPL-2.0
//! Passkeys, as a thief uses them who has some of what it takes: a password, a cookie, an answer that was overheard, a copy
//! of the device, a page of its own.

use jiff::{SignedDuration, Timestamp};
use porthole_signaling::model::{AuditEntry, Holder, Login};
use porthole_signaling::{Data, SecretDigest, Server};
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::common::{Answer, http, http_with, options};
use crate::house::{House, PASSWORD, Page};
use crate::passkeys::{added, asked, asking, begun, shows};

/// A house in which anna has this device.
async fn annas() -> (House, Authenticator, Page) {
    let house = House::named(options()).await;
    let mut device = Authenticator::new(house.url());
    let (answer, page) = added(&house.user("anna").await, PASSWORD, &mut device).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    (house, device, page)
}

async fn answers(house: &House, answer: &Value) -> Answer {
    shows(house, "anna", json!({"passkey": answer})).await
}

fn refused(answer: &Answer, code: &str) {
    assert_eq!(answer.problem().1, code, "{answer:?}");
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn an_answer_that_was_overheard_is_worth_nothing() {
    let (mut house, mut device, _) = annas().await;
    // Also of a device that counts nothing.
    for counter in [device.counter, None] {
        device.counter = counter;
        if counter.is_none() {
            house = House::named(options()).await;
            device = Authenticator::new(house.url());
            device.counter = None;
            added(&house.user("anna").await, PASSWORD, &mut device).await;
        }
        let answer = device.get(&asked(&house, "anna").await);
        assert_eq!(answers(&house, &answer).await.status, 200);
        refused(&answers(&house, &answer).await, "wrong-passkey");
        house.restart(options()).await;
        refused(&answers(&house, &answer).await, "wrong-passkey");
        // Nor with a question of one's own.
        let mut mixed = answer.clone();
        mixed["challenge"] = asked(&house, "anna").await["challenge"].clone();
        refused(&answers(&house, &mixed).await, "wrong-passkey");
    }
}

#[tokio::test]
async fn what_adds_a_device_adds_it_once() {
    let (house, _, page) = annas().await;
    let begun = begun(&page, PASSWORD).await.json();
    let answer = Authenticator::new(house.url()).create(&begun);
    let added = page.post("/api/me/passkeys", &answer).await;
    assert_eq!(added.status, 201, "{added:?}");
    let page = page.with(&added);
    // The same again, and another device for the same question.
    for answer in [answer, Authenticator::new(house.url()).create(&begun)] {
        let again = page.post("/api/me/passkeys", &answer).await;
        assert_eq!(again.problem(), (403, "enrolment-over".to_owned()));
    }
    // A page that was made elsewhere asks for nothing of this server.
    let mut elsewhere = Authenticator::new("https://evil.example");
    let question = page
        .post("/api/me/passkeys/challenge", &json!({"password": PASSWORD}))
        .await
        .json();
    let answer = elsewhere.create(&question);
    let refused = page.post("/api/me/passkeys", &answer).await;
    assert_eq!(refused.problem(), (403, "wrong-passkey".to_owned()));
}

#[tokio::test]
async fn of_many_who_show_one_answer_at_once_one_gets_in() {
    let (house, mut device, _) = annas().await;
    let answer = device.get(&asked(&house, "anna").await);
    let tries = (0..6).map(|_| answers(&house, &answer));
    let all = futures_util::future::join_all(tries).await;
    let let_in = all.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(let_in, 1, "{all:?}");
}

#[tokio::test]
async fn another_persons_device_or_question_does_not_count() {
    let (house, mut device, _) = annas().await;
    let mut bobs = Authenticator::new(house.url());
    added(&house.user("bob").await, PASSWORD, &mut bobs).await;
    let of_anna = asked(&house, "anna").await;
    refused(&answers(&house, &bobs.get(&of_anna)).await, "wrong-passkey");
    // By the name of anna's.
    bobs.id.clone_from(&device.id);
    refused(&answers(&house, &bobs.get(&of_anna)).await, "wrong-passkey");
    let of_bob = asked(&house, "bob").await;
    refused(
        &answers(&house, &device.get(&of_bob)).await,
        "challenge-over",
    );
    assert_eq!(answers(&house, &device.get(&of_anna)).await.status, 200);
}

#[tokio::test]
async fn what_was_signed_elsewhere_or_for_something_else_does_not_count() {
    let (house, mut device, _) = annas().await;
    let own = device.origin.clone();
    let question = asked(&house, "anna").await;
    for origin in [
        "http://localhost:1",
        "https://localhost",
        "http://evil.localhost:80",
        "http://cams.example.org",
        "null",
        "",
    ] {
        origin.clone_into(&mut device.origin);
        refused(
            &answers(&house, &device.get(&question)).await,
            "wrong-passkey",
        );
    }
    device.origin = own;
    "example.org".clone_into(&mut device.host);
    refused(
        &answers(&house, &device.get(&question)).await,
        "wrong-passkey",
    );
    "localhost".clone_into(&mut device.host);
    device.kinds.1 = "webauthn.create";
    refused(
        &answers(&house, &device.get(&question)).await,
        "wrong-passkey",
    );
}

#[tokio::test]
async fn a_device_that_did_not_ask_who_holds_it_does_not_count() {
    let (house, mut device, page) = annas().await;
    device.verifies = false;
    let question = asked(&house, "anna").await;
    refused(
        &answers(&house, &device.get(&question)).await,
        "wrong-passkey",
    );
    // Nor is one added that way.
    let mut careless = Authenticator::new(house.url());
    careless.verifies = false;
    let (answer, _) = added(&page, PASSWORD, &mut careless).await;
    assert_eq!(answer.problem(), (403, "wrong-passkey".to_owned()));
}

#[tokio::test]
async fn a_copy_of_a_device_counts_back_and_is_written_down() {
    let (house, mut device, _) = annas().await;
    let copied = device.counter;
    for _ in 0..2 {
        let question = asked(&house, "anna").await;
        assert_eq!(answers(&house, &device.get(&question)).await.status, 200);
    }
    let owner = device.counter;
    for counter in [copied, Some(0), None] {
        device.counter = counter;
        let question = asked(&house, "anna").await;
        refused(
            &answers(&house, &device.get(&question)).await,
            "wrong-passkey",
        );
    }
    let log = house.admin.get("/api/audit").await.body;
    assert!(log.contains("passkey.counted-back"), "{log}");
    // Its owner is in with it still.
    device.counter = owner;
    let question = asked(&house, "anna").await;
    assert_eq!(answers(&house, &device.get(&question)).await.status, 200);
}

#[tokio::test]
async fn wrong_answers_are_guesses_as_wrong_passwords_are() {
    let (house, mut device, page) = annas().await;
    let question = asked(&house, "anna").await;
    let mut thiefs = Authenticator::new(house.url());
    let mut statuses = Vec::new();
    for _ in 0..12 {
        statuses.push(answers(&house, &thiefs.get(&question)).await.status);
    }
    assert_eq!(statuses[..10], [401; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    assert_eq!(answers(&house, &device.get(&question)).await.status, 429);
    // Who is in stays in.
    assert_eq!(page.get("/api/me").await.status, 200);
}

#[tokio::test]
async fn what_is_no_answer_is_refused_whatever_it_is() {
    let mut bad = vec![("/answer", json!({}))];
    for place in [
        "/answer/response/authenticatorData",
        "/answer/response/clientDataJSON",
        "/answer/response/signature",
        "/answer/rawId",
    ] {
        let values = [
            json!(null),
            json!(7),
            json!(""),
            json!("AAAA"),
            json!("_".repeat(4000)),
        ];
        bad.extend(values.map(|value| (place, value)));
    }
    // Not more than are taken for guesses at a time.
    for some in bad.chunks(8) {
        let (house, mut device, _) = annas().await;
        let question = asked(&house, "anna").await;
        let good = device.get(&question);
        for (place, value) in some {
            let mut changed = good.clone();
            *changed.pointer_mut(place).unwrap() = value.clone();
            let answer = answers(&house, &changed).await;
            assert_eq!(answer.status, 401, "{place} {value}: {answer:?}");
            assert!(answer.cookies().is_empty());
        }
        for challenge in ["", "AAAA", &"A".repeat(13_000)] {
            let mut changed = good.clone();
            changed["challenge"] = json!(challenge);
            refused(&answers(&house, &changed).await, "challenge-over");
        }
        assert_eq!(answers(&house, &good).await.status, 200);
    }
}

#[tokio::test]
async fn a_question_for_one_thing_is_none_for_another() {
    let mut house = House::named(options()).await;
    house.restart(asking()).await;
    let mut device = Authenticator::new(house.url());
    let first = shows(&house, "root", json!({})).await.json()["passkey"].clone();
    let second = shows(&house, "root", json!({})).await.json()["passkey"].clone();
    let answer = shows(&house, "root", json!({"passkey": device.create(&first)})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let root = house.nobody().with(&answer);
    // Two who had the password were shown it, and one was first: the other one has what the first one keeps.
    let mut thiefs = Authenticator::new(house.url());
    let late = shows(&house, "root", json!({"passkey": thiefs.create(&second)})).await;
    refused(&late, "challenge-over");
    // What was to be a first one adds none to a log-in, and a question of the log-in lets nobody in.
    let taken = root.post("/api/me/passkeys", &thiefs.create(&second)).await;
    assert_eq!(taken.problem(), (403, "enrolment-over".to_owned()));
    let begun = begun(&root, &house.password).await.json();
    refused(
        &shows(&house, "root", json!({"passkey": device.create(&begun)})).await,
        "challenge-over",
    );
    assert_eq!(
        root.get("/api/me/passkeys").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn of_two_who_are_first_at_once_one_is() {
    let mut house = House::named(options()).await;
    house.restart(asking()).await;
    let mut devices = [
        Authenticator::new(house.url()),
        Authenticator::new(house.url()),
    ];
    let mut shown = Vec::new();
    for device in &mut devices {
        let ceremony = shows(&house, "root", json!({})).await.json()["passkey"].clone();
        shown.push(json!({"passkey": device.create(&ceremony)}));
    }
    let (one, other) = tokio::join!(
        shows(&house, "root", shown[0].clone()),
        shows(&house, "root", shown[1].clone())
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 403], "{one:?} {other:?}");
    let let_in = if one.status == 200 { &one } else { &other };
    let page = house.nobody().with(let_in);
    assert_eq!(
        page.get("/api/me/passkeys").await.json()["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing_of_what_one_signs_in_with() {
    let (mut house, _, page) = annas().await;
    let mut thiefs = Authenticator::new(house.url());
    let wrong = begun(&page, "a wrong guess").await;
    assert_eq!(wrong.problem(), (403, "wrong-credentials".to_owned()));
    // It was asked for in one log-in, and is answered in another.
    let question = begun(&page, PASSWORD).await.json();
    let bob = house.user("bob").await;
    let answer = thiefs.create(&question);
    assert_eq!(
        bob.post("/api/me/passkeys", &answer).await.problem().1,
        "enrolment-over"
    );
    // One that is older than a quarter of an hour, with the password.
    let store = house.behind_its_back().await;
    let now = Timestamp::now();
    let login = Login {
        cookie: SecretDigest::of("an-old-cookie"),
        holder: Holder::User("anna".to_owned()),
        created: now - SignedDuration::from_mins(16),
        until: now + SignedDuration::from_hours(1),
    };
    let audit = AuditEntry {
        at: now,
        actor: "anna".to_owned(),
        action: "login.made".to_owned(),
        camera: None,
        user: None,
        subject: None,
        details: json!({}),
    };
    store.add_login(&login, now, &audit).await.unwrap();
    house.restart(options()).await;
    let (name, _) = page.cookies.split_once('=').unwrap();
    let old = Page {
        address: house.address(),
        cookies: format!("{name}=an-old-cookie"),
    };
    let me = old.get("/api/me").await;
    assert_eq!(me.status, 200, "{me:?}");
    assert_eq!(
        begun(&old, PASSWORD).await.problem(),
        (403, "log-in-again".to_owned())
    );
    assert_eq!(
        old.post("/api/me/passkeys", &answer).await.problem(),
        (403, "log-in-again".to_owned())
    );
    let id = old.get("/api/me/passkeys").await.json()["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/api/me/passkeys/{id}");
    assert_eq!(
        old.delete(&path).await.problem(),
        (403, "log-in-again".to_owned())
    );
    // Nor by a page of another site, with a cookie that is as fresh as can be.
    let page = Page {
        address: house.address(),
        ..page
    };
    let headers = [
        ("cookie", page.cookies.as_str()),
        ("origin", "https://evil.example"),
        ("content-type", "application/json"),
    ];
    let body = json!({"password": PASSWORD}).to_string();
    let answer = http_with(
        page.address,
        "POST /api/me/passkeys/challenge",
        &headers,
        &body,
    )
    .await;
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(
        http_with(page.address, &format!("DELETE {path}"), &headers, "")
            .await
            .status,
        403
    );
    assert_eq!(page.delete(&path).await.status, 204);
}

#[tokio::test]
async fn a_personal_link_is_no_way_around_a_passkey() {
    let (house, _, _) = annas().await;
    let link = house
        .admin
        .post("/api/users/anna/token", &json!({}))
        .await
        .json();
    let (_, token) = link["link"]
        .as_str()
        .unwrap()
        .split_once("#token=")
        .unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    let answer = http(house.address(), "POST /api/session", &headers).await;
    assert_eq!(answer.problem(), (403, "not-permitted".to_owned()));
    assert!(answer.cookies().is_empty());
    // It is for programs, and those add no device.
    assert_eq!(
        http(house.address(), "GET /api/me", &headers).await.status,
        200
    );
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
    ];
    let body = json!({"password": PASSWORD}).to_string();
    let answer = http_with(
        house.address(),
        "POST /api/me/passkeys/challenge",
        &headers,
        &body,
    )
    .await;
    assert_eq!(answer.problem(), (403, "log-in-again".to_owned()));
}

#[tokio::test]
async fn a_server_that_cannot_check_them_lets_nobody_in_without() {
    let (mut house, mut device, _) = annas().await;
    let question = asked(&house, "anna").await;
    // Its address is one at which there are none.
    let here = house.url().to_owned();
    let port = house.address().port();
    house
        .move_to(&format!("http://127.0.0.1:{port}/"), options())
        .await;
    let answer = shows(&house, "anna", json!({})).await;
    assert_eq!(answer.problem(), (401, "code-needed".to_owned()));
    assert!(answer.json().get("passkey").is_none());
    assert_eq!(
        answers(&house, &device.get(&question)).await.problem(),
        (409, "no-passkeys".to_owned())
    );
    house.move_to(&here, options()).await;
    // It has not what they are kept with, as one within a camera.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut without = options();
    without.data = Some(Data::load(house.behind_its_back().await).await.unwrap());
    let server = Server::start(without, listener, &tokio::runtime::Handle::current()).unwrap();
    let answer = Page::nobody(&server).log_in("anna", PASSWORD).await;
    assert_eq!(answer.problem(), (409, "second-factor-lost".to_owned()));
    assert_eq!(answers(&house, &device.get(&question)).await.status, 200);
}

#[tokio::test]
async fn who_becomes_an_administrator_does_not_lose_the_last_one() {
    let mut house = House::named(options()).await;
    let mut device = Authenticator::new(house.url());
    let (_, anna) = added(&house.user("anna").await, PASSWORD, &mut device).await;
    drop(anna);
    let role = json!({"role": "administrator"});
    assert_eq!(
        house
            .admin
            .send("PATCH /api/users/anna", Some(&role))
            .await
            .status,
        200
    );
    house.restart(asking()).await;
    let question = asked(&house, "anna").await;
    let answer = answers(&house, &device.get(&question)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let anna = house.nobody().with(&answer);
    let id = anna.get("/api/me/passkeys").await.json()["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let last = anna.delete(&format!("/api/me/passkeys/{id}")).await;
    assert_eq!(last.problem(), (409, "last-second-factor".to_owned()));
    assert_eq!(
        shows(&house, "anna", json!({})).await.problem().1,
        "code-needed"
    );
}
