// SPDX-License-Identifier: MPL-2.0
//! Passkeys at two servers on one database.

use serde_json::{Value, json};

use crate::authenticator::Authenticator;
use crate::house::{PASSWORD, Page};
use crate::pair::{Pair, URL};
use crate::postgres::shared_database;

async fn shows(page: &Page, passkey: Option<&Value>) -> crate::common::Answer {
    let mut body = json!({"user": "alice", "password": PASSWORD});
    if let Some(passkey) = passkey {
        body["passkey"] = passkey.clone();
    }
    page.post("/api/session", &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_of_one_server_is_answered_at_the_other_and_once_in_all() {
    let pair = Pair::on(&shared_database().await).await;
    let at_b = pair.user_at_b("alice").await;
    let at_a = Page {
        address: pair.a.local_addr(),
        ..at_b.clone()
    };
    let mut listening = at_a.listen().await;
    let mut device = Authenticator::new(URL);
    "porthole.localhost".clone_into(&mut device.host);
    let begun = at_a
        .post("/api/me/passkeys/challenge", &json!({"password": PASSWORD}))
        .await;
    assert_eq!(begun.status, 200, "{begun:?}");
    let answer = device.create(&begun.json());
    let added = at_b.post("/api/me/passkeys", &answer).await;
    assert_eq!(added.status, 201, "{added:?}");
    let again = at_a.post("/api/me/passkeys", &answer).await;
    assert_eq!(again.status, 403, "{again:?}");
    // The log-in in which it was added has another cookie, and at A too is the same log-in.
    let page = Page {
        address: pair.a.local_addr(),
        ..at_b.with(&added)
    };
    crate::pair::until("the new cookie is known at A", async || {
        page.get("/api/me").await.status == 200
    })
    .await;
    listening.send(json!({"type": "list"})).await;
    assert_eq!(listening.recv().await["type"], "list");

    let nobody = [Page::nobody(&pair.a), Page::nobody(&pair.b)];
    for _ in 0..3 {
        let asked = shows(&nobody[0], None).await;
        assert_eq!(asked.problem().1, "code-needed");
        let signed = device.get(&asked.json()["passkey"]);
        let (one, other) = tokio::join!(
            shows(&nobody[0], Some(&signed)),
            shows(&nobody[1], Some(&signed))
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401], "{one:?} {other:?}");
    }
}
