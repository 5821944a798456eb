// SPDX-License-Identifier: MPL-2.0
//! Two servers as processes of their own on one PostgreSQL: how long a revocation at one takes to end a session at the other.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use porthole_signaling::DataDir;
use porthole_signaling::SecretDigest;
use porthole_signaling::model::{Camera, Role, User};
use porthole_signaling::store::{Put, open};
use serde_json::{Value, json};

use super::Failure;
use super::connections::{Folder, Server, administrator, audit, hear, say, serve, text};
use super::population::request;
use crate::postgres::Postgres;

const TOKEN: &str = "a-token-that-nobody-guesses-either";
const KEY: &str = "a-key-that-nobody-guesses-either";

/// So many revocations, one after the other.
pub(crate) async fn measure(program: &str, rounds: usize) -> Result<Value, Failure> {
    let postgres = Postgres::start();
    let url = postgres.database().await;
    let (root, root_token) = administrator();
    let store = open(&url).await?;
    let now = Timestamp::now();
    let alice = User {
        name: "alice".to_owned(),
        role: Role::Viewer,
        password: None,
        token: Some(SecretDigest::of(TOKEN)),
        created: now,
    };
    for user in [&root, &alice] {
        store.put_user(user, Put::New, &audit(now)).await?;
    }
    let camera = Camera {
        id: "front".to_owned(),
        name: "Front".to_owned(),
        secret: SecretDigest::of(KEY),
        created: now,
        last_seen: None,
    };
    store.put_camera(&camera, Put::New, &audit(now)).await?;
    drop(store);
    let mut a = start(program, &url).await?;
    let mut b = start(program, &url).await?;
    let (mut front, _) = b.connect(Some(KEY)).await?;
    let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null});
    say(&mut front, &status).await?;
    say(&mut front, &json!({"type":"list"})).await?;
    hear(&mut front, "list").await?;
    let (mut viewer, _) = b.connect(Some(TOKEN)).await?;
    let (mut booked, mut revoked) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (start, end) = (
            Timestamp::now(),
            Timestamp::now() + Duration::from_secs(3600),
        );
        let body = json!({"camera": "front", "user": "alice", "start": start, "end": end});
        let body = body.to_string();
        let begun = Instant::now();
        let (_, status, made) = request(&a, "POST /api/bookings", &root_token, &body).await?;
        if status != 201 {
            return Err(format!("the booking is answered {status} {made}").into());
        }
        let made: Value = serde_json::from_str(&made)?;
        loop {
            let (_, _, me) = request(&b, "GET /api/me", TOKEN, "").await?;
            let me: Value = serde_json::from_str(&me)?;
            if me["cameras"]
                .as_array()
                .is_some_and(|cameras| !cameras.is_empty())
            {
                break;
            }
        }
        booked.push(begun.elapsed().as_secs_f64() * 1000.0);
        say(
            &mut viewer,
            &json!({"type":"startSession","peerId":"front"}),
        )
        .await?;
        hear(&mut viewer, "sessionStarted").await?;
        hear(&mut front, "startSession").await?;
        let path = format!("DELETE /api/bookings/{}", text(&made, "id"));
        let begun = Instant::now();
        let revoking = request(&a, &path, &root_token, "");
        let (answer, ended) = tokio::join!(revoking, async {
            hear(&mut front, "endSession").await?;
            Ok::<_, Failure>(begun.elapsed().as_secs_f64() * 1000.0)
        });
        revoked.push(ended?);
        if answer?.1 != 204 {
            return Err("the booking's end is refused".into());
        }
        hear(&mut viewer, "endSession").await?;
    }
    a.child.kill().await?;
    b.child.kill().await?;
    Ok(json!({ "bookedMs": booked, "revokedMs": revoked }))
}

async fn start(program: &str, url: &str) -> Result<Server, Failure> {
    let folder = Folder::new();
    drop(DataDir::at(&folder.0).open_or_make().await?);
    serve(program, folder, Some(url), 100, 100).await
}
