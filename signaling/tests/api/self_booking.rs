// SPDX-License-Identifier: MPL-2.0
//! Viewers who book themselves, as far as they may.

use std::process::Stdio;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::common::Client;
use crate::house::{House, Page};

const HOUR: i64 = 3600;

fn in_seconds(seconds: i64) -> Timestamp {
    let at = Timestamp::now() + SignedDuration::from_secs(seconds);
    Timestamp::from_second(at.as_second()).unwrap()
}

/// That everyone may book the camera "front": a week ahead, 3 h a week, 2 h at a time.
fn rule() -> Value {
    json!({"cameras": ["front"], "ahead": 7 * 24 * HOUR, "week": 3 * HOUR, "longest": 2 * HOUR, "zone": "UTC"})
}

async fn allow(house: &House, rule: &Value) -> Value {
    let added = house.admin.post("/api/self-booking", rule).await;
    assert_eq!(added.status, 201, "{added:?}");
    added.json()
}

fn wanted(from: Timestamp, seconds: i64) -> Value {
    json!({"camera": "front", "start": from, "end": from + SignedDuration::from_secs(seconds)})
}

async fn book(page: &Page, body: &Value) -> crate::common::Answer {
    page.post("/api/me/bookings", body).await
}

/// Midday two days before the last of a week that has not begun: all of it is in one week, and in the days that one may book.
fn in_one_week() -> Timestamp {
    let now = Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let day = (1..=6)
        .filter_map(|days| now.checked_add(jiff::Span::new().days(days)).ok())
        .find(|day| (2..=5).contains(&day.weekday().to_monday_one_offset()));
    let noon = day.unwrap().at(12, 0, 0, 0);
    noon.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp()
}

#[tokio::test]
async fn a_viewer_books_what_a_rule_allows_watches_and_cancels() {
    let house = House::new().await;
    let key = house.camera("front").await;
    let alice = house.user("alice").await;
    let none = alice.get("/api/me/self-booking").await.json();
    assert_eq!(none["cameras"], json!([]));
    let refused = book(&alice, &wanted(in_seconds(0), HOUR)).await;
    assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
    allow(&house, &rule()).await;
    let offer = alice.get("/api/me/self-booking").await.json();
    assert_eq!(offer["cameras"][0]["name"], "front");
    let mine = &offer["cameras"][0]["rules"][0];
    assert_eq!(
        (&mine["longest"], &mine["weeks"][0]["left"]),
        (&json!(2 * HOUR), &json!(3 * HOUR))
    );
    let booked = book(&alice, &wanted(in_seconds(0), HOUR)).await;
    assert_eq!(
        (booked.status, &booked.json()["own"]),
        (201, &json!(true)),
        "{booked:?}"
    );
    let mut camera = Client::camera(&house.server, &key, json!(null)).await;
    let mut viewer = alice.listen().await;
    viewer.start_session(&mut camera, "front").await;
    let me = alice.get("/api/me").await.json();
    assert_eq!(me["bookings"][0]["own"], true);
    // Of what has begun, what was used stays and counts.
    let path = format!("/api/me/bookings/{}", booked.json()["id"].as_str().unwrap());
    assert_eq!(alice.delete(&path).await.status, 204);
    let mut end = viewer.recv().await;
    while end["type"] != "endSession" {
        end = viewer.recv().await;
    }
    assert_eq!(
        alice.delete(&path).await.problem(),
        (422, "bad-window".to_owned())
    );
    let later = book(&alice, &wanted(in_seconds(HOUR), HOUR)).await.json();
    let path = format!("/api/me/bookings/{}", later["id"].as_str().unwrap());
    assert_eq!(alice.delete(&path).await.status, 204);
    assert_eq!(alice.delete(&path).await.status, 404);
    let log = house.admin.get("/api/audit?user=alice").await.json();
    let items = log["items"].as_array().unwrap();
    let is_hers = |entry: &&Value| entry["action"] == "booking.added" && entry["actor"] == "alice";
    assert_eq!(items.iter().filter(is_hers).count(), 2);
}

#[tokio::test]
async fn nobody_books_beyond_a_bound_and_everybody_up_to_it() {
    let house = House::new().await;
    house.camera("front").await;
    let alice = house.user("alice").await;
    allow(&house, &rule()).await;
    let noon = in_one_week();
    let long = book(&alice, &wanted(noon, 2 * HOUR + 1)).await;
    assert_eq!(long.problem(), (422, "bad-window".to_owned()));
    assert_eq!(long.json()["longest"], 2 * HOUR);
    assert_eq!(book(&alice, &wanted(noon, 2 * HOUR)).await.status, 201);
    let after = noon + SignedDuration::from_hours(3);
    let full = book(&alice, &wanted(after, HOUR + 1)).await;
    assert_eq!(full.problem(), (409, "week-full".to_owned()));
    assert_eq!(full.json()["left"], HOUR);
    assert_eq!(book(&alice, &wanted(after, HOUR)).await.status, 201);
    let more = book(&alice, &wanted(after + SignedDuration::from_hours(2), 300)).await;
    assert_eq!(more.problem(), (409, "week-full".to_owned()));
    let far = book(&alice, &wanted(in_seconds(7 * 24 * HOUR), HOUR)).await;
    assert_eq!(far.problem(), (422, "bad-window".to_owned()));
    assert!(far.json()["latest"].is_string());
    let past = book(&alice, &wanted(in_seconds(-HOUR), HOUR)).await;
    assert_eq!(past.problem(), (422, "bad-window".to_owned()));
    let mut control = wanted(in_seconds(60), 300);
    control["perms"] = json!(["view", "control"]);
    let refused = book(&alice, &control).await;
    assert_eq!(refused.problem(), (403, "not-permitted".to_owned()));
    // What an administrator books for one is beside it.
    house.book("front", "alice", (HOUR, 9 * HOUR)).await;
}

#[tokio::test]
async fn of_two_who_want_the_same_control_one_has_it_and_of_many_at_once_none_has_too_much() {
    let house = House::new().await;
    house.camera("front").await;
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let mut rule = rule();
    rule["perms"] = json!(["view", "listen", "control"]);
    allow(&house, &rule).await;
    let noon = in_one_week();
    let mut body = wanted(noon, HOUR);
    body["perms"] = json!(["view", "control"]);
    let (hers, his) = tokio::join!(book(&alice, &body), book(&bob, &body));
    let mut statuses = [hers.status, his.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409], "{hers:?} {his:?}");
    // To see, both may be there at once.
    let later = wanted(noon + SignedDuration::from_hours(2), HOUR);
    let (hers, his) = tokio::join!(book(&alice, &later), book(&bob, &later));
    assert_eq!((hers.status, his.status), (201, 201));
    // Eight pages of one person at once are one person.
    let carol = house.user("carol").await;
    let at = |hour: i64| wanted(noon + SignedDuration::from_hours(hour), HOUR);
    let bodies: Vec<_> = (-4..4).map(at).collect();
    let all = bodies.iter().map(|body| book(&carol, body));
    let all = futures_util::future::join_all(all).await;
    let booked = all.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(booked, 3, "{all:?}");
}

#[tokio::test]
async fn when_a_camera_is_booked_is_told_without_names_and_to_those_alone_who_may_book_it() {
    let house = House::new().await;
    house.camera("front").await;
    house.camera("attic").await;
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let mut rule = rule();
    rule["users"] = json!(["alice"]);
    let rule = allow(&house, &rule).await;
    let noon = in_one_week();
    let mine = book(&alice, &wanted(noon, HOUR)).await.json();
    house.book("front", "bob", (60, 120)).await;
    let range = |camera: &str| {
        let to = in_seconds(8 * 24 * HOUR);
        format!(
            "/api/me/free-busy?camera={camera}&from={}&to={to}",
            in_seconds(0)
        )
    };
    let busy = alice.get(&range("front")).await;
    let items = busy.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 2);
    let of_others = items.iter().find(|item| item["own"] == false).unwrap();
    assert_eq!(of_others.get("id"), None);
    let own = items.iter().find(|item| item["own"] == true).unwrap();
    assert_eq!(own["id"], mine["id"]);
    assert!(!busy.body.contains("bob") && !busy.body.contains("user"));
    for (page, camera) in [(&alice, "attic"), (&alice, "moon"), (&bob, "front")] {
        assert_eq!(page.get(&range(camera)).await.status, 404, "{camera}");
    }
    // Nobody cancels for another, and nobody what an administrator has booked.
    let path = format!("/api/me/bookings/{}", mine["id"].as_str().unwrap());
    assert_eq!(bob.delete(&path).await.status, 404);
    let given = house.book("front", "alice", (60, 120)).await;
    let given = format!("/api/me/bookings/{}", given["id"].as_str().unwrap());
    assert_eq!(alice.delete(&given).await.status, 404);
    // A camera of that id that comes later is another one.
    assert_eq!(house.admin.delete("/api/cameras/front").await.status, 204);
    let rules = house.admin.get("/api/self-booking").await.json();
    assert_eq!(rules["items"], json!([]), "{rule}");
    house.camera("front").await;
    assert_eq!(book(&alice, &wanted(noon, HOUR)).await.status, 403);
}

#[tokio::test]
async fn a_rule_is_changed_and_removed_and_says_what_is_wrong_with_it() {
    let house = House::new().await;
    house.camera("front").await;
    let alice = house.user("alice").await;
    let added = allow(&house, &rule()).await;
    let path = format!("/api/self-booking/{}", added["id"].as_str().unwrap());
    let mut changed = rule();
    changed["longest"] = json!(600);
    changed["users"] = json!(["alice"]);
    let put = house
        .admin
        .send(&format!("PUT {path}"), Some(&changed))
        .await;
    assert_eq!((put.status, &put.json()["longest"]), (200, &json!(600)));
    let noon = in_one_week();
    assert_eq!(book(&alice, &wanted(noon, 601)).await.status, 422);
    assert_eq!(book(&alice, &wanted(noon, 600)).await.status, 201);
    for (field, value, code) in [
        ("ahead", json!(0), "bad-value"),
        ("ahead", json!(367 * 24 * HOUR), "bad-value"),
        ("week", json!(169 * HOUR), "bad-value"),
        ("longest", json!(299), "bad-value"),
        ("zone", json!("Middle/Earth"), "bad-value"),
        ("users", json!([]), "bad-value"),
        ("users", json!(["nobody"]), "no-such-user"),
        ("cameras", json!(["moon"]), "no-such-camera"),
        ("perms", json!([]), "bad-value"),
    ] {
        let mut bad = rule();
        bad[field] = value;
        let refused = house.admin.post("/api/self-booking", &bad).await;
        assert_eq!(refused.problem(), (422, code.to_owned()), "{bad}");
    }
    assert_eq!(house.admin.delete(&path).await.status, 204);
    assert_eq!(house.admin.delete(&path).await.status, 404);
    let later = wanted(noon + SignedDuration::from_hours(1), 600);
    assert_eq!(book(&alice, &later).await.status, 403);
    let me = alice.get("/api/me").await.json();
    assert_eq!(me["bookings"].as_array().unwrap().len(), 1, "it stays");
}

/// Has Python's own reader of calendars say what is in one, where there is that module.
async fn read_by_another(text: &str) -> Option<Value> {
    let script = "import sys, json\ntry:\n  from icalendar import Calendar\nexcept ImportError:\n  sys.exit(9)\n\
        events = Calendar.from_ical(sys.stdin.buffer.read()).walk('VEVENT')\n\
        print(json.dumps([[str(e['uid']), str(e['summary']), e['dtstart'].dt.isoformat(), e['dtend'].dt.isoformat()] for e in events]))";
    let mut child = Command::new("python3")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut input = child.stdin.take()?;
    input.write_all(text.as_bytes()).await.ok()?;
    drop(input);
    let output = child.wait_with_output().await.ok()?;
    match output.status.code() {
        Some(9) => None,
        code => {
            assert_eq!(code, Some(0));
            Some(serde_json::from_slice(&output.stdout).unwrap())
        }
    }
}

#[tokio::test]
async fn a_calendar_follows_by_a_secret_that_gives_nothing_else() {
    let house = House::new().await;
    let name =
        "Küche; \"über\" dem Hof, mit einem sehr langen Namen, damit die Zeile gefaltet wird 📷";
    let camera = json!({"id": "front", "name": name});
    assert_eq!(house.admin.post("/api/cameras", &camera).await.status, 201);
    let (alice, bob) = (house.user("alice").await, house.user("bob").await);
    let recurring = json!({"camera": "front", "user": "alice", "start": "2031-03-29T10:00:00+01:00",
        "end": "2031-03-29T11:00:00+01:00", "recurrence": {"rule": "FREQ=DAILY;COUNT=2", "zone": "Europe/Berlin"}});
    assert_eq!(
        house.admin.post("/api/bookings", &recurring).await.status,
        201
    );
    let once = house.book("front", "alice", (HOUR, 2 * HOUR)).await;
    house.book("front", "bob", (HOUR, 2 * HOUR)).await;
    assert_eq!(alice.get("/api/me/feed").await.json(), json!({}));
    let made = alice.post("/api/me/feed", &json!({})).await.json();
    let link = made["link"].as_str().unwrap().to_owned();
    let path = link
        .split_once("/api/")
        .map(|(_, path)| format!("/api/{path}"))
        .unwrap();
    let nobody = house.nobody();
    let feed = nobody.get(&path).await;
    assert_eq!(feed.status, 200, "{feed:?}");
    assert!(
        feed.header("content-type")
            .unwrap()
            .starts_with("text/calendar")
    );
    assert!(!feed.body.contains("bob") && !feed.body.contains("alice"));
    let id = once["id"].as_str().unwrap();
    assert!(
        feed.body.contains(&format!("UID:{id}@porthole\r\n")),
        "{}",
        feed.body
    );
    assert_eq!(feed.body.matches("BEGIN:VEVENT").count(), 1, "of a year");
    if let Some(events) = read_by_another(&feed.body).await {
        let start: Timestamp = once["start"].as_str().unwrap().parse().unwrap();
        let told: Timestamp = events[0][2].as_str().unwrap().parse().unwrap();
        assert_eq!(
            (&events[0][1], told.as_second()),
            (&json!(name), start.as_second())
        );
    }
    // The same one when it is moved.
    let patch = json!({"end": in_seconds(3 * HOUR)});
    let request = format!("PATCH /api/bookings/{id}");
    assert_eq!(house.admin.send(&request, Some(&patch)).await.status, 200);
    assert!(
        nobody
            .get(&path)
            .await
            .body
            .contains(&format!("UID:{id}@porthole\r\n"))
    );
    // It opens nothing else, however it is shown, and nothing opens it but it.
    let token = link.split_once("token=").unwrap().1;
    let bearer = format!("Bearer {token}");
    for other in ["/api/me", "/api/me/feed", "/api/cameras"] {
        let headers = [("authorization", bearer.as_str())];
        let request = format!("GET {other}");
        let answer = crate::common::http_with(house.address(), &request, &headers, "").await;
        assert_eq!(answer.status, 401, "{other}");
        assert_eq!(
            nobody
                .get(&format!("{other}?access_token={token}"))
                .await
                .status,
            401
        );
    }
    for wrong in [
        "",
        "?token=",
        "?token=wrong",
        &format!("?token={}", "x".repeat(999)),
    ] {
        let answer = alice.get(&format!("/api/me/bookings.ics{wrong}")).await;
        assert_eq!(answer.status, 401, "{wrong}");
    }
    // Made anew, the old one is void; taken away, both are.
    let anew = alice.post("/api/me/feed", &json!({})).await.json();
    assert_eq!(nobody.get(&path).await.status, 401);
    let (_, anew) = anew["link"].as_str().unwrap().split_once("/api/").unwrap();
    let anew = format!("/api/{anew}");
    assert_eq!(nobody.get(&anew).await.status, 200);
    assert_eq!(
        bob.delete("/api/me/feed").await.status,
        204,
        "of bob's there is none"
    );
    assert_eq!(nobody.get(&anew).await.status, 200);
    assert_eq!(alice.delete("/api/me/feed").await.status, 204);
    assert_eq!(nobody.get(&anew).await.status, 401);
    let log = house.admin.get("/api/audit").await.body;
    assert!(log.contains("feed.made") && !log.contains(token));
}
