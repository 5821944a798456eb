// SPDX-License-Identifier: MPL-2.0
//! Codes besides the password, for administrators.

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY, Key, sign};
use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use porthole_signaling::ServerOptions;
use serde_json::{Value, json};

use crate::common::{Answer, http, options};
use crate::house::{House, Page};

fn asking() -> ServerOptions {
    ServerOptions {
        second_factor: true,
        ..options()
    }
}

/// A house whose administrator had a password alone until now.
async fn house() -> House {
    let mut house = House::new().await;
    house.restart(asking()).await;
    house
}

/// What an app shows, so many steps from now.
fn code(secret: &str, steps: i64) -> String {
    let step = Timestamp::now().as_second() / 30 + steps;
    let secret = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let tag = sign(
        &Key::new(HMAC_SHA1_FOR_LEGACY_USE_ONLY, &secret),
        &step.to_be_bytes(),
    );
    let tag = tag.as_ref();
    let offset = usize::from(tag[19] & 0xf);
    let number = u32::from_be_bytes(tag[offset..offset + 4].try_into().unwrap());
    format!("{:06}", (number & 0x7fff_ffff) % 1_000_000)
}

struct Person<'a> {
    house: &'a House,
    name: &'a str,
    password: String,
}

impl<'a> Person<'a> {
    fn root(house: &'a House) -> Self {
        let password = house.password.clone();
        Self {
            house,
            name: "root",
            password,
        }
    }

    async fn shows(&self, more: Value) -> Answer {
        let mut body = json!({"user": self.name, "password": self.password});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.house.nobody().post("/api/session", &body).await
    }

    /// Is given a second factor: its secret and what is to be sent back.
    async fn asks(&self) -> (String, Value) {
        let answer = self.shows(json!({})).await;
        assert_eq!(
            answer.problem(),
            (403, "second-factor-needed".to_owned()),
            "{answer:?}"
        );
        assert!(answer.cookies().is_empty());
        let given = answer.json();
        (given["secret"].as_str().unwrap().to_owned(), given)
    }

    /// Has a second factor: its secret, its recovery codes and the page.
    async fn enrols(&self) -> (String, Vec<String>, Page) {
        let (secret, given) = self.asks().await;
        let shown = json!({"code": code(&secret, 0), "enrolment": given["enrolment"]});
        let answer = self.shows(shown).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let codes = answer.json()["recoveryCodes"].as_array().unwrap().clone();
        let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned());
        (secret, codes.collect(), self.house.nobody().with(&answer))
    }
}

#[tokio::test]
async fn an_administrator_is_given_a_second_factor_and_asked_for_it_from_then_on() {
    let mut house = House::new().await;
    house.user("anna").await;
    assert_eq!(house.admin.get("/api/users").await.status, 200);
    house.restart(asking()).await;
    // The log-in of before had the password alone.
    assert_eq!(house.admin.get("/api/users").await.status, 401);
    let root = Person::root(&house);
    let (secret, given) = root.asks().await;
    assert_eq!(secret.len(), 32);
    let link = given["link"].as_str().unwrap();
    assert!(
        link.starts_with("otpauth://totp/Porthole%20%28127.0.0.1%29:root?secret="),
        "{link}"
    );
    assert!(
        given["qr"]
            .as_str()
            .unwrap()
            .starts_with("data:image/svg+xml;base64,")
    );
    let guess = json!({"code": "000000", "enrolment": given["enrolment"]});
    assert_eq!(
        root.shows(guess).await.problem(),
        (401, "wrong-code".to_owned())
    );
    let answer = root
        .shows(json!({"code": code(&secret, 0), "enrolment": given["enrolment"]}))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["recoveryCodes"].as_array().unwrap().len(), 10);
    let page = house.nobody().with(&answer);
    assert_eq!(page.get("/api/users").await.status, 200);
    assert_eq!(house.admin.get("/api/users").await.status, 401);

    assert_eq!(
        root.shows(json!({})).await.problem(),
        (401, "code-needed".to_owned())
    );
    let current = code(&secret, 1);
    let answer = root.shows(json!({"code": current})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json().get("recoveryCodes").is_none());
    // Whoever looked over the shoulder is too late, and so is who kept an earlier one.
    for late in [current, code(&secret, 0), code(&secret, -9)] {
        assert_eq!(
            root.shows(json!({"code": late})).await.problem(),
            (401, "wrong-code".to_owned())
        );
    }
    // What was given then is given to nobody again.
    let again = json!({"code": code(&secret, 0), "enrolment": given["enrolment"]});
    assert_eq!(
        root.shows(again).await.problem(),
        (401, "wrong-code".to_owned())
    );
    // A wrong password says nothing of a second factor.
    let wrong = Person {
        password: "wrong".to_owned(),
        ..Person::root(&house)
    };
    assert_eq!(
        wrong.shows(json!({})).await.problem(),
        (401, "wrong-credentials".to_owned())
    );
    // Who only watches is not asked.
    assert_eq!(
        house
            .nobody()
            .log_in("anna", crate::house::PASSWORD)
            .await
            .status,
        200
    );
    let log = page.get("/api/audit").await.body;
    assert!(log.contains("second-factor.made") && log.contains("second-factor.wrong"));
    assert!(!log.contains(&secret));
}

#[tokio::test]
async fn of_many_who_show_one_code_at_once_one_gets_in() {
    let house = house().await;
    let root = Person::root(&house);
    let (secret, _, _) = root.enrols().await;
    let shown = code(&secret, 1);
    let tries = (0..6).map(|_| root.shows(json!({"code": shown})));
    let answers = futures_util::future::join_all(tries).await;
    let let_in = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(let_in, 1, "{answers:?}");
}

#[tokio::test]
async fn a_recovery_code_counts_once_however_it_is_written() {
    let house = house().await;
    let root = Person::root(&house);
    let (_, codes, _) = root.enrols().await;
    let first = codes[0].to_uppercase().replace('-', " ");
    assert_eq!(
        root.shows(json!({"code": format!(" {first} ")}))
            .await
            .status,
        200
    );
    assert_eq!(root.shows(json!({"code": codes[0]})).await.status, 401);
    assert_eq!(root.shows(json!({"code": codes[1]})).await.status, 200);
    for wrong in ["", "-", "xxxx-xxxx-xxxx", &"a".repeat(4000)] {
        assert_eq!(
            root.shows(json!({"code": wrong})).await.status,
            401,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn codes_are_guessed_no_more_often_than_passwords() {
    let house = house().await;
    let root = Person::root(&house);
    let (secret, codes, page) = root.enrols().await;
    let mut answers = Vec::new();
    for n in 0..12 {
        answers.push(root.shows(json!({"code": format!("{n:06}")})).await.status);
    }
    assert_eq!(answers[..10], [401; 10]);
    assert_eq!(answers[10..], [429; 2]);
    // Not even with the right one, and not by asking for none in between.
    assert_eq!(root.shows(json!({})).await.status, 429);
    assert_eq!(
        root.shows(json!({"code": code(&secret, 1)})).await.status,
        429
    );
    assert_eq!(root.shows(json!({"code": codes[0]})).await.status, 429);
    // Who is in stays in.
    assert_eq!(page.get("/api/users").await.status, 200);
}

#[tokio::test]
async fn a_second_factor_is_reset_by_another_administrator_and_its_log_ins_end() {
    let house = house().await;
    let (_, _, admin) = Person::root(&house).enrols().await;
    let boss = json!({"name": "boss", "role": "administrator", "password": crate::house::PASSWORD});
    assert_eq!(admin.post("/api/users", &boss).await.status, 201);
    let boss = Person {
        house: &house,
        name: "boss",
        password: crate::house::PASSWORD.to_owned(),
    };
    let (secret, codes, page) = boss.enrols().await;
    assert_eq!(page.get("/api/users").await.status, 200);
    assert_eq!(
        admin.delete("/api/users/boss/second-factor").await.status,
        204
    );
    assert_eq!(
        admin.delete("/api/users/boss/second-factor").await.status,
        404
    );
    assert_eq!(
        admin.delete("/api/users/nobody/second-factor").await.status,
        404
    );
    assert_eq!(page.get("/api/users").await.status, 401);
    let (other, given) = boss.asks().await;
    assert_ne!(other, secret);
    // Neither the codes of before, nor what was given to someone else.
    let before = json!({"code": code(&secret, 1), "enrolment": given["enrolment"]});
    assert_eq!(
        boss.shows(before).await.problem(),
        (401, "wrong-code".to_owned())
    );
    let before = json!({"code": codes[0], "enrolment": given["enrolment"]});
    assert_eq!(
        boss.shows(before).await.problem(),
        (401, "wrong-code".to_owned())
    );
    assert_eq!(
        admin.delete("/api/users/root/second-factor").await.status,
        204
    );
    let (_, others) = Person::root(&house).asks().await;
    let stolen = json!({"code": code(&other, 0), "enrolment": others["enrolment"]});
    assert_eq!(
        boss.shows(stolen).await.problem(),
        (403, "enrolment-over".to_owned())
    );
    for invented in ["", "AAAA", &"A".repeat(4000)] {
        let shown = json!({"code": code(&other, 0), "enrolment": invented});
        assert_eq!(boss.shows(shown).await.status, 403);
    }
    let shown = json!({"code": code(&other, 0), "enrolment": given["enrolment"]});
    assert_eq!(boss.shows(shown).await.status, 200);
}

#[tokio::test]
async fn a_personal_link_of_an_administrator_is_for_programs_then() {
    let house = house().await;
    let (_, _, admin) = Person::root(&house).enrols().await;
    let link = admin.post("/api/users/root/token", &json!({})).await.json();
    let (_, token) = link["link"]
        .as_str()
        .unwrap()
        .split_once("#token=")
        .unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", bearer.as_str())];
    assert_eq!(
        http(house.address(), "GET /api/users", &headers)
            .await
            .status,
        200
    );
    let answer = http(house.address(), "POST /api/session", &headers).await;
    assert_eq!(answer.problem(), (403, "not-permitted".to_owned()));
    assert!(answer.cookies().is_empty());
}

#[tokio::test]
async fn it_lasts_over_a_restart_and_cannot_be_read_with_another_key() {
    let mut house = house().await;
    let (secret, _, page) = Person::root(&house).enrols().await;
    house.restart(asking()).await;
    let page = Page {
        address: house.address(),
        ..page
    };
    assert_eq!(page.get("/api/users").await.status, 200);
    assert_eq!(
        Person::root(&house)
            .shows(json!({"code": code(&secret, 1)}))
            .await
            .status,
        200
    );
    house
        .restart_with(asking(), "another key, since the file was lost")
        .await;
    let lost = Person::root(&house)
        .shows(json!({"code": code(&secret, 1)}))
        .await;
    assert_eq!(lost.problem(), (409, "second-factor-lost".to_owned()));
    // Where it is not asked for, the password is enough.
    house.restart(options()).await;
    assert_eq!(Person::root(&house).shows(json!({})).await.status, 200);
}

#[tokio::test]
async fn who_becomes_an_administrator_is_asked_at_once() {
    let house = house().await;
    let (_, _, admin) = Person::root(&house).enrols().await;
    let user = json!({"name": "anna", "password": crate::house::PASSWORD});
    assert_eq!(admin.post("/api/users", &user).await.status, 201);
    let answer = house.nobody().log_in("anna", crate::house::PASSWORD).await;
    let page = house.nobody().with(&answer);
    assert_eq!(page.get("/api/me").await.status, 200);
    let role = json!({"role": "administrator"});
    assert_eq!(
        admin
            .send("PATCH /api/users/anna", Some(&role))
            .await
            .status,
        200
    );
    assert_eq!(page.get("/api/me").await.status, 401);
    let anna = Person {
        house: &house,
        name: "anna",
        password: crate::house::PASSWORD.to_owned(),
    };
    anna.enrols().await;
}

#[tokio::test]
async fn a_server_without_accounts_cannot_ask_for_it() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let started =
        porthole_signaling::Server::start(asking(), listener, &tokio::runtime::Handle::current());
    assert!(started.err().unwrap().to_string().contains("second-factor"));
}
