// SPDX-License-Identifier: MPL-2.0
//! A server that is killed at random moments of a script of changes: what was revoked lets nobody in, and what was given is
//! there.
use std::net::SocketAddr;
use std::time::Duration;

use crate::common::http_with;
use crate::program::{Folder, Serving, line_of};
use jiff::Timestamp;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// How often the server is killed; `scripts/soak` asks for a thousand.
const KILLS: u32 = 20;
const MORE: &str = "PORTHOLE_TEST_KILLS";
/// A thousand take long enough that somebody wants to know how far it is.
const TELL_EVERY: u32 = 50;
/// Within which it is killed after its first change.
const SOONEST_MS: u64 = 1;
const LATEST_MS: u64 = 120;

/// What one user was last told of its booking, and what was asked for since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Open,
    Closed,
    /// Something was asked for, and the server was killed before it answered.
    Unclear,
}

struct Person {
    name: String,
    token: String,
    booking: Option<String>,
    told: Told,
    /// Tokens that were void before an answer said so.
    void: Vec<String>,
}

/// A request that the end of the server may cut off: `None` then.
async fn ask(
    address: SocketAddr,
    request: &str,
    token: &str,
    body: &Value,
) -> Option<(u16, Value)> {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let text = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.ok()?;
    stream.write_all(text.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or_default()))
}

/// Gives and takes, over and over, until the server is gone.
async fn change(address: SocketAddr, root: &str, person: &mut Person, dice: &mut StdRng) {
    loop {
        if dice.random_bool(0.2) {
            // Another link: the one before is void.
            let path = format!("POST /api/users/{}/token", person.name);
            let before = person.token.clone();
            let Some((200, answer)) = ask(address, &path, root, &json!(null)).await else {
                return;
            };
            person.void.push(before);
            person.token = token_of(&answer);
            continue;
        }
        let was = std::mem::replace(&mut person.told, Told::Unclear);
        match (was, person.booking.take()) {
            (Told::Open, Some(booking)) => {
                let path = format!("DELETE /api/bookings/{booking}");
                let answer = ask(address, &path, root, &json!(null)).await;
                let Some((204, _)) = answer else {
                    return;
                };
                person.told = Told::Closed;
            }
            _ => {
                let (start, end) = (
                    Timestamp::now(),
                    Timestamp::now() + Duration::from_secs(3600),
                );
                let booking =
                    json!({"camera": "front", "user": person.name, "start": start, "end": end});
                let answer = ask(address, "POST /api/bookings", root, &booking).await;
                let Some((201, made)) = answer else {
                    return;
                };
                person.booking = made["id"].as_str().map(str::to_owned);
                person.told = Told::Open;
            }
        }
    }
}

fn token_of(answer: &Value) -> String {
    let link = answer["link"].as_str().unwrap();
    link.split_once("#token=").unwrap().1.to_owned()
}

/// Whether what the server lets this person do is what it was told.
async fn check(address: SocketAddr, root: &str, person: &mut Person, kill: u32) {
    for void in person.void.drain(..) {
        let (status, _) = ask(address, "GET /api/me", &void, &json!(null))
            .await
            .unwrap();
        assert!(
            [401, 429].contains(&status),
            "kill {kill}: a void link lets {} in",
            person.name
        );
    }
    // The link may have become another one before the end: this one is known.
    let path = format!("POST /api/users/{}/token", person.name);
    let (status, made) = ask(address, &path, root, &json!(null)).await.unwrap();
    assert_eq!(status, 200, "{made}");
    person.token = token_of(&made);
    let (status, me) = ask(address, "GET /api/me", &person.token, &json!(null))
        .await
        .unwrap();
    assert_eq!(status, 200, "{me}");
    let open = !me["cameras"].as_array().unwrap().is_empty();
    match person.told {
        Told::Open => assert!(open, "kill {kill}: {} has lost its booking", person.name),
        Told::Closed => assert!(
            !open,
            "kill {kill}: {} was revoked and is let in",
            person.name
        ),
        Told::Unclear => {
            // Begin anew with what is known.
            let path = format!(
                "GET /api/bookings?user={}&from={}",
                person.name,
                Timestamp::now()
            );
            let (_, page) = ask(address, &path, root, &json!(null)).await.unwrap();
            for booking in page["items"].as_array().unwrap() {
                let path = format!("DELETE /api/bookings/{}", booking["id"].as_str().unwrap());
                let (status, _) = ask(address, &path, root, &json!(null)).await.unwrap();
                assert_eq!(status, 204);
            }
            assert_eq!(page["items"].as_array().unwrap().is_empty(), !open);
            person.told = Told::Closed;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whenever_the_server_is_killed_what_was_revoked_lets_nobody_in() {
    let kills = std::env::var(MORE).ok().and_then(|more| more.parse().ok());
    let kills = kills.unwrap_or(KILLS);
    let folder = Folder::new("killed");
    let data = folder.file("data");
    line_of(&["init", "--data-dir", &data, "--url", "http://127.0.0.1:9/"]);
    line_of(&["camera", "add", "front", "--data-dir", &data]);
    let link = line_of(&["user", "link", "admin", "--data-dir", &data]);
    let root = link.split_once("#token=").unwrap().1.to_owned();
    let mut people = Vec::new();
    for name in ["alice", "bob", "carol"] {
        line_of(&["user", "add", name, "--data-dir", &data]);
        people.push(Person {
            name: name.to_owned(),
            token: String::new(),
            booking: None,
            told: Told::Closed,
            void: Vec::new(),
        });
    }
    for kill in 0..kills {
        if kill > 0 && kill % TELL_EVERY == 0 {
            eprintln!("{kill} kills");
        }
        let mut dice = StdRng::seed_from_u64(kill.into());
        let mut server = Serving::on(&data).await;
        let address = server.address;
        for person in &mut people {
            check(address, &root, person, kill).await;
        }
        let last = dice.random_range(SOONEST_MS..LATEST_MS);
        let script = async {
            let mut dices = [1, 2, 3].map(|n| StdRng::seed_from_u64(u64::from(kill) * 10 + n));
            let [alice, bob, carol] = &mut people[..] else {
                panic!("three people")
            };
            let [a, b, c] = &mut dices;
            tokio::join!(
                change(address, &root, alice, a),
                change(address, &root, bob, b),
                change(address, &root, carol, c)
            );
        };
        let killing = async {
            sleep(Duration::from_millis(last)).await;
            server.child.kill().await.unwrap();
        };
        tokio::join!(script, killing);
    }
    let server = Serving::on(&data).await;
    for person in &mut people {
        check(server.address, &root, person, kills).await;
    }
    let health = http_with(server.address, "GET /health", &[], "").await;
    assert_eq!(health.status, 200);
    server.terminate().await;
}
