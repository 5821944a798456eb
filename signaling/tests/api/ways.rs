// SPDX-License-Identifier: MPL-2.0
//! The servers of a session, before there is one.

use std::collections::BTreeSet;

use porthole_signaling::{ServerOptions, Turn};
use serde_json::json;

use crate::common::options;
use crate::house::{House, Page};

const URL: &str = "turn:turn.example.org:3478";

async fn house() -> House {
    let turn = Turn::new(vec![URL.to_owned()], "north north north".to_owned()).unwrap();
    let house = House::with(ServerOptions {
        turn: Some(turn),
        ..options()
    })
    .await;
    house.camera("front").await;
    house
}

/// As whom the relay would know this page; `None` where it is told of none.
async fn at_relay(page: &Page) -> Option<String> {
    let answer = page.post("/api/me/ice-servers", &json!({})).await;
    if answer.status != 200 {
        return None;
    }
    let servers = &answer.json()["iceServers"];
    assert_eq!(servers[0]["urls"], json!([URL]));
    assert!(servers[0]["credential"].is_string());
    let name = servers[0]["username"].as_str().unwrap();
    Some(name.split_once(':').unwrap().1.to_owned())
}

#[tokio::test]
async fn who_has_a_booking_to_come_is_told_of_the_relay_and_who_has_none_is_not() {
    let house = house().await;
    let mut names = BTreeSet::new();
    for (user, window) in [("alice", (3600, 7200)), ("bob", (0, 60))] {
        let page = house.user(user).await;
        let refused = page.post("/api/me/ice-servers", &json!({})).await;
        assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
        house.book("front", user, window).await;
        names.insert(at_relay(&page).await.unwrap());
    }
    names.insert(at_relay(&house.admin).await.unwrap());
    assert_eq!(names.len(), 3, "each has quotas of their own: {names:?}");
    assert!(!names.contains("alice"));
    assert_eq!(at_relay(&house.nobody()).await, None);
    let late = house.user("carol").await;
    house
        .book("front", "carol", (40 * 24 * 3600, 41 * 24 * 3600))
        .await;
    assert_eq!(
        at_relay(&late).await,
        None,
        "that is more than a month away"
    );
}

#[tokio::test]
async fn a_guest_is_told_and_those_at_one_address_count_as_one() {
    let house = house().await;
    let link = json!({"camera": "front", "for": "2h", "uses": 2});
    let link = house.admin.post("/api/shares", &link).await.json();
    let link = link["link"].as_str().unwrap().to_owned();
    let secret = link.split_once("#share=").unwrap().1;
    let mut names = BTreeSet::new();
    for _ in 0..2 {
        let nobody = house.nobody();
        let opened = nobody.post("/api/session", &json!({"share": secret})).await;
        names.insert(at_relay(&nobody.with(&opened)).await.unwrap());
    }
    assert_eq!(names.len(), 1);
}
