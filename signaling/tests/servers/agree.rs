// SPDX-License-Identifier: MPL-2.0
//! What is changed at one server counts at the other.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::common::Client;
use crate::house::Page;
use crate::pair::{Pair, hears_of_its_end, open_to, until, until_out};
use crate::postgres::shared_database;

/// In which what is revoked at one server ends at another.
const SOON: Duration = Duration::from_secs(1);
/// Cuts off those who listen to the database.
const DEAFEN: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                      WHERE (query ILIKE 'LISTEN%' OR query = 'SELECT 1') AND datname = current_database()";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_revoked_at_one_server_ends_at_the_other_within_a_second() {
    let pair = Pair::on(&shared_database().await).await;
    let key = pair.camera("front").await;
    let alice = pair.user_at_b("alice").await;
    let mut camera = Client::camera(&pair.b, &key, json!(null)).await;
    for round in 0..3 {
        let booking = pair.book_and_see("front", ("alice", &alice)).await;
        let mut viewer = alice.listen().await;
        viewer.start_session(&mut camera, "front").await;
        let begun = Instant::now();
        let path = format!("/api/bookings/{booking}");
        assert_eq!(pair.at_a.delete(&path).await.status, 204);
        hears_of_its_end(&mut camera).await;
        let took = begun.elapsed();
        assert!(took <= SOON, "round {round}: {took:?}");
        eprintln!("revoked at A, over at B: {took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_links_cameras_and_passwords_count_at_both() {
    let pair = Pair::on(&shared_database().await).await;
    pair.camera("front").await;
    let alice = pair.user_at_b("alice").await;
    // A link that was made at A opens at B, once.
    let made = pair
        .at_a
        .post("/api/shares", &json!({"camera": "front", "for": "2h"}))
        .await;
    let (share, link) = (
        made.json()["share"]["id"].clone(),
        made.json()["link"].clone(),
    );
    let secret = link
        .as_str()
        .unwrap()
        .split_once("#share=")
        .unwrap()
        .1
        .to_owned();
    let path = format!("/api/shares/{}", share.as_str().unwrap());
    until("the link is known at B", async || {
        pair.at_b.get(&path).await.status == 200
    })
    .await;
    let open = |page: Page| {
        let share = json!({"share": secret});
        async move { page.post("/api/session", &share).await }
    };
    let opened = open(Page::nobody(&pair.b)).await;
    assert_eq!(opened.status, 200, "{opened:?}");
    let guest = Page::nobody(&pair.b).with(&opened);
    assert_eq!(open_to(&guest).await, [json!("front")]);
    assert_eq!(open(Page::nobody(&pair.a)).await.problem().1, "link-spent");
    // A password that is changed at A ends what is logged in at B.
    let patch = json!({"password": true});
    let changed = pair.at_a.send("PATCH /api/users/alice", Some(&patch)).await;
    assert_eq!(changed.status, 200, "{changed:?}");
    until_out(&alice).await;
    // A camera that is removed at A takes the link along at B.
    assert_eq!(pair.at_a.delete("/api/cameras/front").await.status, 204);
    until_out(&guest).await;
    assert_eq!(pair.at_b.get("/api/cameras/front").await.status, 404);
    // And what B changes counts at A.
    assert_eq!(pair.at_b.delete("/api/users/alice").await.status, 204);
    until("the user is gone at A", async || {
        pair.at_a.get("/api/users/alice").await.status == 404
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_logs_out_at_one_server_is_out_at_the_other() {
    let pair = Pair::on(&shared_database().await).await;
    let alice = pair.user_at_b("alice").await;
    let at_a = Page {
        address: pair.a.local_addr(),
        ..alice.clone()
    };
    assert_eq!(at_a.delete("/api/session").await.status, 204);
    until_out(&alice).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn they_agree_again_after_what_was_not_heard() {
    let url = shared_database().await;
    let pair = Pair::on(&url).await;
    let key = pair.camera("front").await;
    pair.camera("back").await;
    let alice = pair.user_at_b("alice").await;
    let bob = pair.user_at_b("bob").await;
    let booking = pair.book_and_see("front", ("alice", &alice)).await;
    let mut camera = Client::camera(&pair.b, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    viewer.start_session(&mut camera, "front").await;
    let mut postgres = PgConnection::connect(&url).await.unwrap();
    for round in 0..10 {
        // Those who listen are cut off, again and again, while things change.
        postgres.execute(DEAFEN).await.unwrap();
        if round == 4 {
            let path = format!("/api/bookings/{booking}");
            assert_eq!(pair.at_a.delete(&path).await.status, 204);
            pair.book("back", "bob").await;
            assert_eq!(pair.at_a.delete("/api/users/alice").await.status, 204);
        }
    }
    until_out(&alice).await;
    until("bob's booking counts at B", async || {
        open_to(&bob).await == [json!("back")]
    })
    .await;
    hears_of_its_end(&mut camera).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_server_does_not_know_yet_it_does_not_undo() {
    let url = shared_database().await;
    let pair = Pair::on(&url).await;
    pair.camera("front").await;
    let alice = pair.user_at_b("alice").await;
    let mut postgres = PgConnection::connect(&url).await.unwrap();
    for round in 0..3 {
        let password = format!("plum tractor glacier {round}");
        let (patch, role) = (
            json!({"password": password}),
            json!({"role": if round % 2 == 0 { "administrator" } else { "viewer" }}),
        );
        postgres.execute(DEAFEN).await.unwrap();
        // One right after the other, at two servers.
        let changed = pair.at_a.send("PATCH /api/users/alice", Some(&patch)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        let changed = pair.at_b.send("PATCH /api/users/alice", Some(&role)).await;
        assert_eq!(changed.status, 200, "{changed:?}");
        for server in [&pair.a, &pair.b] {
            let page = Page::nobody(server);
            assert_eq!(
                page.log_in("alice", &password).await.status,
                200,
                "round {round}"
            );
            let old = page.log_in("alice", crate::house::PASSWORD).await;
            assert_eq!(
                old.status, 401,
                "round {round}: the old password counts again"
            );
        }
        let shown = pair.at_a.get("/api/users/alice").await.json();
        assert_eq!(shown["role"], role["role"]);
        // The camera's name and its key are changed by two servers too.
        let name = json!({"name": format!("Front {round}")});
        let rotated = pair
            .at_a
            .post("/api/cameras/front/rotate", &json!({}))
            .await;
        assert_eq!(rotated.status, 200, "{rotated:?}");
        let renamed = pair
            .at_b
            .send("PATCH /api/cameras/front", Some(&name))
            .await;
        assert_eq!(renamed.status, 200, "{renamed:?}");
        let key = crate::house::secret(&rotated);
        for server in [&pair.a, &pair.b] {
            Client::with_token(server, &key).await;
        }
    }
    until_out(&alice).await;
}
