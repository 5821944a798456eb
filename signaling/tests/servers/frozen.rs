// SPDX-License-Identifier: MPL-2.0
//! A database that stands still: what runs goes on, what is asked is answered, changes are refused, and nothing is half done.

use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::common::{Client, PATIENCE};
use crate::pair::{Pair, open_to, until};
use crate::postgres::Postgres;

/// In which whoever asked for a change has an answer.
const ANSWER: Duration = Duration::from_secs(16);

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_stands_still_what_runs_goes_on_and_changes_are_refused() {
    let postgres = Postgres::start();
    let pair = Pair::on(&postgres.database().await).await;
    let key = pair.camera("front").await;
    let alice = pair.user_at_b("alice").await;
    let booking = pair.book_and_see("front", ("alice", &alice)).await;
    let mut camera = Client::camera(&pair.b, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    let session = viewer.start_session(&mut camera, "front").await;

    let frozen = postgres.freeze();
    let path = format!("/api/bookings/{booking}");
    let begun = Instant::now();
    let camera_wanted = json!({"id": "back", "name": "Back"});
    let (removed, added) = tokio::join!(
        pair.at_a.delete(&path),
        pair.at_a.post("/api/cameras", &camera_wanted)
    );
    for refused in [&removed, &added] {
        let refusal = refused.problem();
        assert_eq!(refusal, (503, "database".to_owned()), "{refused:?}");
    }
    assert!(begun.elapsed() < ANSWER, "{:?}", begun.elapsed());
    // Reads and what runs.
    assert_eq!(open_to(&alice).await, [json!("front")]);
    assert_eq!(pair.at_a.get("/api/users").await.status, 200);
    let ice = json!({"type":"peer","sessionId":session,"ice":{"candidate":"c","sdpMLineIndex":0}});
    viewer.send(ice).await;
    assert_eq!(camera.recv().await["type"], "peer");
    let mut another = alice.listen().await;
    another.start_session(&mut camera, "front").await;
    drop(frozen);

    // Whether or not the database did it in the end, all agree.
    pair.revoke_in_the_end(&booking, &mut camera, &alice).await;
    let (at_a, at_b) = (
        pair.at_a.get("/api/cameras/back").await.status,
        pair.at_b.get("/api/cameras/back").await.status,
    );
    assert_eq!(at_a, at_b, "both or neither");
    let again = pair.at_a.post("/api/cameras", &camera_wanted).await.status;
    assert_eq!(again, if at_a == 200 { 409 } else { 201 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_hangs_amid_its_transaction_is_given_up_by_its_own_deadline() {
    let postgres = Postgres::start();
    let database = postgres.database().await;
    let pair = Pair::on(&database).await;
    pair.camera("front").await;
    // Nothing is written then, and the change waits for it where no pool and no statement has a say.
    let mut other = PgConnection::connect(&database).await.unwrap();
    let lock = "BEGIN; LOCK TABLE cameras IN SHARE MODE";
    other.execute(lock).await.unwrap();
    let at_a = pair.at_a.clone();
    let renamed = tokio::spawn(async move {
        let name = json!({"name": "Other"});
        at_a.send("PATCH /api/cameras/front", Some(&name)).await
    });
    let mut looking = PgConnection::connect(&database).await.unwrap();
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted";
    let begun = Instant::now();
    while sqlx::query_scalar::<_, i64>(waiting)
        .fetch_one(&mut looking)
        .await
        .unwrap()
        == 0
    {
        assert!(begun.elapsed() < PATIENCE, "it does not wait");
    }
    let frozen = postgres.freeze();
    let renamed = renamed.await.unwrap();
    assert_eq!(renamed.problem(), (503, "database".to_owned()));
    drop(frozen);
    other.execute("ROLLBACK").await.unwrap();
    until("changes are taken again", async || {
        let name = json!({"name": "Another"});
        let request = "PATCH /api/cameras/front";
        pair.at_a.send(request, Some(&name)).await.status == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_whose_answer_was_lost_is_followed_when_the_database_can_be_read_again() {
    let mut postgres = Postgres::start();
    let pair = Pair::on(&postgres.database().await).await;
    let key = pair.camera("front").await;
    let alice = pair.user_at_b("alice").await;
    let mut camera = Client::camera(&pair.b, &key, json!(null)).await;
    // The database goes down in the middle of changes: those that it took count, also if nobody was told.
    for round in 0..3 {
        let booking = pair.book_and_see("front", ("alice", &alice)).await;
        let mut viewer = alice.listen().await;
        viewer.start_session(&mut camera, "front").await;
        let path = format!("/api/bookings/{booking}");
        let at_a = pair.at_a.clone();
        let revoking = tokio::spawn(async move { at_a.delete(&path).await });
        for _ in 0..round {
            tokio::task::yield_now().await;
        }
        let crashed = tokio::task::spawn_blocking(move || {
            postgres.crash();
            postgres
        });
        postgres = crashed.await.unwrap();
        let status = revoking.await.unwrap().status;
        assert!([204, 503].contains(&status), "{status}");
        pair.revoke_in_the_end(&booking, &mut camera, &alice).await;
    }
}
