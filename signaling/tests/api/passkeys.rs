// SPDX-License-Identifier: MPL-2.0
//! Passkeys, as their owners use them.

use porthole_signaling::ServerOptions;
use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::common::{Answer, options};
use crate::house::{House, PASSWORD, Page};

/// Of a server that asks administrators for a second factor.
pub(crate) fn asking() -> ServerOptions {
    ServerOptions {
        second_factor: true,
        ..options()
    }
}

/// Signs in with a password, and with whatever else.
pub(crate) async fn shows(house: &House, user: &str, more: Value) -> Answer {
    let password = match user {
        "root" => &*house.password,
        _ => PASSWORD,
    };
    let mut body = json!({"user": user, "password": password});
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    house.nobody().post("/api/session", &body).await
}

/// What is asked of a device of somebody who has one.
pub(crate) async fn asked(house: &House, user: &str) -> Value {
    let answer = shows(house, user, json!({})).await;
    assert_eq!(
        answer.problem(),
        (401, "code-needed".to_owned()),
        "{answer:?}"
    );
    assert!(answer.cookies().is_empty());
    answer.json()["passkey"].clone()
}

/// Begins to add a device.
pub(crate) async fn begun(page: &Page, password: &str) -> Answer {
    let body = json!({"password": password});
    page.post("/api/me/passkeys/challenge", &body).await
}

/// Adds a device on a page that has just signed in; the page has another cookie then.
pub(crate) async fn added(
    page: &Page,
    password: &str,
    device: &mut Authenticator,
) -> (Answer, Page) {
    let begun = begun(page, password).await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let answer = page
        .post("/api/me/passkeys", &device.create(&begun.json()))
        .await;
    let page = if answer.status == 201 {
        page.with(&answer)
    } else {
        page.clone()
    };
    (answer, page)
}

#[tokio::test]
async fn whoever_has_a_passkey_is_asked_for_it_besides_the_password() {
    let house = House::named(options()).await;
    let anna = house.user("anna").await;
    let other = house
        .nobody()
        .with(&house.nobody().log_in("anna", PASSWORD).await);
    assert_eq!(anna.get("/api/me").await.json()["passkeys"], true);
    let mut device = Authenticator::new(house.url());
    let begun = begun(&anna, PASSWORD).await.json();
    let asked_for = &begun["options"]["publicKey"];
    assert_eq!(asked_for["rp"]["id"], "localhost");
    assert_eq!(
        asked_for["authenticatorSelection"]["userVerification"],
        "required"
    );
    let mut answer = device.create(&begun);
    answer["name"] = json!("Telephone");
    let made = anna.post("/api/me/passkeys", &answer).await;
    assert_eq!(made.status, 201, "{made:?}");
    let codes = made.json()["recoveryCodes"].as_array().unwrap().clone();
    assert_eq!(
        (codes.len(), &made.json()["passkey"]["name"]),
        (10, &json!("Telephone"))
    );
    // Who was logged in before had the password alone, but for the page on which it was done.
    assert_eq!(other.get("/api/me").await.status, 401);
    let anna = anna.with(&made);
    assert_eq!(anna.get("/api/me").await.status, 200);

    let asked = asked(&house, "anna").await;
    let allowed = &asked["options"]["publicKey"];
    assert_eq!(allowed["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(allowed["userVerification"], "required");
    let answer = shows(&house, "anna", json!({"passkey": device.get(&asked)})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.json().get("recoveryCodes").is_none());
    let listed = anna.get("/api/me/passkeys").await.json();
    assert!(listed["items"][0]["used"].is_string(), "{listed}");
    // A code of an app there is none of, and a recovery code, once.
    let said = shows(&house, "anna", json!({})).await.json();
    assert_eq!(said["app"], false);
    assert_eq!(
        shows(&house, "anna", json!({"code": "123456"}))
            .await
            .problem()
            .1,
        "wrong-code"
    );
    for status in [200, 401] {
        assert_eq!(
            shows(&house, "anna", json!({"code": codes[0]}))
                .await
                .status,
            status
        );
    }
    // A wrong password says nothing of passkeys.
    let wrong = house.nobody().log_in("anna", "wrong").await;
    assert_eq!(wrong.problem().1, "wrong-credentials");
    assert!(!wrong.body.contains("passkey"));
    let log = house.admin.get("/api/audit").await.body;
    for action in [
        "passkey.added",
        "second-factor.wrong",
        "second-factor.recovered",
    ] {
        assert!(log.contains(action), "{action}");
    }
}

#[tokio::test]
async fn passkeys_are_listed_named_and_removed_and_only_by_their_owner() {
    let house = House::named(options()).await;
    let (mut first, mut second) = (
        Authenticator::new(house.url()),
        Authenticator::new(house.url()),
    );
    let (_, anna) = added(&house.user("anna").await, PASSWORD, &mut first).await;
    let (further, anna) = added(&anna, PASSWORD, &mut second).await;
    assert!(
        further.json().get("recoveryCodes").is_none(),
        "there are some already"
    );
    let ids: Vec<_> = anna.get("/api/me/passkeys").await.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 2);
    let path = |id: &str| format!("/api/me/passkeys/{id}");
    let bob = house.user("bob").await;
    let name = json!({"name": "Mine"});
    let rename = |page: Page, id: String| {
        let name = name.clone();
        async move {
            page.send(&format!("PATCH {}", path(&id)), Some(&name))
                .await
        }
    };
    assert_eq!(rename(bob.clone(), ids[0].clone()).await.status, 404);
    assert_eq!(bob.delete(&path(&ids[0])).await.status, 404);
    assert_eq!(
        rename(anna.clone(), ids[0].clone()).await.json()["name"],
        "Mine"
    );
    let bad = json!({"name": " "});
    assert_eq!(
        anna.send(&format!("PATCH {}", path(&ids[0])), Some(&bad))
            .await
            .problem()
            .1,
        "bad-name"
    );

    let removed = anna.delete(&path(&ids[0])).await;
    assert_eq!(removed.status, 204, "{removed:?}");
    let anna = anna.with(&removed);
    assert_eq!(anna.delete(&path(&ids[0])).await.status, 404);
    let asked = asked(&house, "anna").await;
    assert_eq!(
        shows(&house, "anna", json!({"passkey": first.get(&asked)}))
            .await
            .problem()
            .1,
        "wrong-passkey"
    );
    assert_eq!(
        shows(&house, "anna", json!({"passkey": second.get(&asked)}))
            .await
            .status,
        200
    );
    // With the last one the question goes, and what recovery codes there were.
    let removed = anna.delete(&path(&ids[1])).await;
    assert_eq!(removed.status, 204);
    assert_eq!(shows(&house, "anna", json!({})).await.status, 200);
    let log = house.admin.get("/api/audit").await.body;
    assert!(log.contains("passkey.removed") && log.contains("passkey.renamed"));
}

#[tokio::test]
async fn an_administrator_of_whom_one_is_asked_begins_with_a_passkey_and_keeps_one() {
    let mut house = House::named(options()).await;
    house.restart(asking()).await;
    let mut device = Authenticator::new(house.url());
    let asked_for = shows(&house, "root", json!({})).await;
    assert_eq!(asked_for.problem().1, "second-factor-needed");
    let ceremony = asked_for.json()["passkey"].clone();
    let answer = shows(&house, "root", json!({"passkey": device.create(&ceremony)})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["recoveryCodes"].as_array().unwrap().len(), 10);
    let root = house.nobody().with(&answer);
    assert_eq!(root.get("/api/users").await.status, 200);
    // It is a second factor like any other: after a restart too nobody has to make another.
    house.restart(asking()).await;
    let root = Page {
        address: house.address(),
        ..root
    };
    assert_eq!(root.get("/api/users").await.status, 200);
    let asked = asked(&house, "root").await;
    assert_eq!(
        shows(&house, "root", json!({"passkey": device.get(&asked)}))
            .await
            .status,
        200
    );
    let id = root.get("/api/me/passkeys").await.json()["items"][0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let last = root.delete(&format!("/api/me/passkeys/{id}")).await;
    assert_eq!(last.problem(), (409, "last-second-factor".to_owned()));
    let (_, root) = added(&root, &house.password, &mut Authenticator::new(house.url())).await;
    assert_eq!(
        root.delete(&format!("/api/me/passkeys/{id}")).await.status,
        204
    );
}

#[tokio::test]
async fn a_lost_passkey_is_reset_as_a_lost_app_is() {
    let house = House::named(options()).await;
    let mut device = Authenticator::new(house.url());
    let (made, anna) = added(&house.user("anna").await, PASSWORD, &mut device).await;
    let code = made.json()["recoveryCodes"][0].clone();
    assert_eq!(
        house
            .admin
            .delete("/api/users/anna/second-factor")
            .await
            .status,
        204
    );
    assert_eq!(anna.get("/api/me").await.status, 401);
    let answer = shows(&house, "anna", json!({})).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    // Nothing of before counts with what comes after.
    let page = house.nobody().with(&answer);
    let mut other = Authenticator::new(house.url());
    added(&page, PASSWORD, &mut other).await;
    assert_eq!(
        shows(&house, "anna", json!({"code": code}))
            .await
            .problem()
            .1,
        "wrong-code"
    );
    let asked = asked(&house, "anna").await;
    assert_eq!(
        shows(&house, "anna", json!({"passkey": device.get(&asked)}))
            .await
            .problem()
            .1,
        "wrong-passkey"
    );
}

#[tokio::test]
async fn another_password_leaves_the_passkeys() {
    let house = House::named(options()).await;
    let mut device = Authenticator::new(house.url());
    added(&house.user("anna").await, PASSWORD, &mut device).await;
    let password = json!({"password": "another tractor glacier"});
    assert_eq!(
        house
            .admin
            .send("PATCH /api/users/anna", Some(&password))
            .await
            .status,
        200
    );
    let body = json!({"user": "anna", "password": "another tractor glacier"});
    let answer = house.nobody().post("/api/session", &body).await;
    assert_eq!(answer.problem().1, "code-needed");
}

#[tokio::test]
async fn there_are_eight_at_most_and_no_device_twice() {
    let house = House::named(options()).await;
    let mut page = house.user("anna").await;
    let mut first = Authenticator::new(house.url());
    page = added(&page, PASSWORD, &mut first).await.1;
    let (again, _) = added(&page, PASSWORD, &mut first).await;
    assert_eq!(again.status, 403, "{again:?}");
    // Nor has anybody else the same one.
    let bob = house.user("bob").await;
    assert_eq!(
        added(&bob, PASSWORD, &mut first).await.0.problem(),
        (409, "exists".to_owned())
    );
    for _ in 1..8 {
        let (answer, next) = added(&page, PASSWORD, &mut Authenticator::new(house.url())).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        page = next;
    }
    assert_eq!(
        begun(&page, PASSWORD).await.problem(),
        (409, "too-many".to_owned())
    );
    // The longest question and its answer still fit into a request.
    let asked = asked(&house, "anna").await;
    assert_eq!(
        shows(&house, "anna", json!({"passkey": first.get(&asked)}))
            .await
            .status,
        200
    );
}

#[tokio::test]
async fn without_an_address_for_them_the_server_says_what_is_missing() {
    let house = House::new().await;
    let anna = house.user("anna").await;
    assert_eq!(anna.get("/api/me").await.json()["passkeys"], false);
    let answer = begun(&anna, PASSWORD).await;
    assert_eq!(answer.problem(), (409, "no-passkeys".to_owned()));
    assert!(
        answer.body.contains("url in the configuration"),
        "{answer:?}"
    );
}
