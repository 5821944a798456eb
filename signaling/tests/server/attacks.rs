// SPDX-License-Identifier: MPL-2.0
//! Every way in, and everyone who must not get in by it.
//!
//! The table of routes below says who may use each. It is compared with the server's own description, so that a route
//! that nobody thought of here fails the test; then everybody tries every route.
use std::collections::BTreeSet;
use std::time::Duration;

use crate::common::{Client, PATIENCE, http_with, options};
use crate::house::{House, Page};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use futures_util::{SinkExt as _, StreamExt as _};
use porthole_protocol::grant::{Grant, GrantSigner, Permission};
use porthole_signaling::{AdapterOptions, ServerOptions, SocketIoOptions, WhepOptions};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use Who::{Administrators, Anyone, Cameras, Viewers};

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Who {
    Anyone,
    /// Whoever is logged in.
    Viewers,
    Administrators,
    /// The camera that the route names, and nobody else.
    Cameras,
}

const ROUTES: [(&str, Who); 70] = [
    ("POST /api/session", Anyone),
    ("DELETE /api/session", Anyone),
    ("GET /api/openid/login", Anyone),
    ("GET /api/openid/callback", Anyone),
    ("GET /api/config", Anyone),
    ("GET /health", Anyone),
    ("GET /ready", Anyone),
    ("GET /api/me", Viewers),
    ("POST /api/me/ice-servers", Viewers),
    ("PUT /api/me/password", Viewers),
    ("GET /api/me/passkeys", Viewers),
    ("POST /api/me/passkeys", Viewers),
    ("POST /api/me/passkeys/challenge", Viewers),
    ("PATCH /api/me/passkeys/{id}", Viewers),
    ("DELETE /api/me/passkeys/{id}", Viewers),
    ("GET /api/me/self-booking", Viewers),
    ("GET /api/me/free-busy", Viewers),
    ("POST /api/me/bookings", Viewers),
    ("DELETE /api/me/bookings/{id}", Viewers),
    ("GET /api/me/bookings.ics", Anyone),
    ("GET /api/me/feed", Viewers),
    ("POST /api/me/feed", Viewers),
    ("DELETE /api/me/feed", Viewers),
    ("GET /api/self-booking", Administrators),
    ("POST /api/self-booking", Administrators),
    ("PUT /api/self-booking/{id}", Administrators),
    ("DELETE /api/self-booking/{id}", Administrators),
    ("GET /api/push", Viewers),
    ("POST /api/me/push", Viewers),
    ("DELETE /api/me/push", Viewers),
    ("GET /api/users", Administrators),
    ("POST /api/users", Administrators),
    ("GET /api/users/{name}", Administrators),
    ("PATCH /api/users/{name}", Administrators),
    ("DELETE /api/users/{name}", Administrators),
    ("DELETE /api/users/{name}/logins", Administrators),
    ("POST /api/users/{name}/token", Administrators),
    ("DELETE /api/users/{name}/second-factor", Administrators),
    ("GET /api/cameras", Administrators),
    ("POST /api/cameras", Administrators),
    ("GET /api/cameras/{id}", Administrators),
    ("PATCH /api/cameras/{id}", Administrators),
    ("DELETE /api/cameras/{id}", Administrators),
    ("POST /api/cameras/{id}/rotate", Administrators),
    ("POST /api/cameras/{id}/ring", Viewers),
    ("PUT /api/cameras/{id}/snapshots/{ringId}", Cameras),
    ("GET /api/calls", Viewers),
    ("POST /api/calls/{id}/decline", Viewers),
    ("GET /api/calls/{id}/snapshot", Viewers),
    ("POST /api/notify/test", Administrators),
    ("GET /api/bookings", Administrators),
    ("POST /api/bookings", Administrators),
    ("GET /api/bookings/{id}", Administrators),
    ("PATCH /api/bookings/{id}", Administrators),
    ("DELETE /api/bookings/{id}", Administrators),
    ("POST /api/import", Administrators),
    ("GET /api/calendar", Administrators),
    ("GET /api/shares", Administrators),
    ("POST /api/shares", Administrators),
    ("GET /api/shares/{id}", Administrators),
    ("DELETE /api/shares/{id}", Administrators),
    ("POST /api/shares/{id}/rotate", Administrators),
    ("POST /api/shares/{id}/restore", Administrators),
    ("GET /api/overview", Administrators),
    ("GET /api/sessions", Administrators),
    ("DELETE /api/sessions/{id}", Administrators),
    ("GET /api/nodes", Administrators),
    ("POST /api/nodes/{id}/drain", Administrators),
    ("GET /api/audit", Administrators),
    ("GET /metrics", Administrators),
];

/// Someone who tries, by the headers it sends.
struct Attempt {
    name: &'static str,
    headers: Vec<(&'static str, String)>,
    /// What it may use: `Anyone` is nothing that is not for everybody.
    may: Who,
}

impl Attempt {
    fn new(name: &'static str, may: Who, headers: &[(&'static str, &str)]) -> Self {
        let headers = headers
            .iter()
            .map(|(key, value)| (*key, (*value).to_owned()));
        let headers = headers.collect();
        Self { name, headers, may }
    }

    fn bearer(name: &'static str, may: Who, token: &str) -> Self {
        Self::new(name, may, &[("authorization", &format!("Bearer {token}"))])
    }

    /// With the cookies of a page, as a browser sends them from a page of this server.
    fn page(name: &'static str, may: Who, page: &Page) -> Self {
        let own = ("sec-fetch-site", "same-origin");
        Self::new(name, may, &[("cookie", &page.cookies), own])
    }

    /// Status and whether a cookie was set.
    async fn send(&self, house: &House, request: &str) -> (u16, bool) {
        let body = match request.split_once(' ').unwrap().0 {
            "POST" | "PUT" | "PATCH" => "{}",
            _ => "",
        };
        // Nobody here is a program on the same machine.
        let mut headers = vec![("x-forwarded-for", "192.0.2.1")];
        headers.extend(
            self.headers
                .iter()
                .map(|(key, value)| (*key, value.as_str())),
        );
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        let answer = http_with(house.address(), request, &headers, body).await;
        (answer.status, !answer.cookies().is_empty())
    }
}

/// Whoever has nothing that counts.
fn strangers(house: &House, camera: &str) -> Vec<Attempt> {
    let unsigned = |claims: Value| {
        let part = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        format!(
            "{}.{}.",
            part(json!({"alg":"none","typ":"JWT"})),
            part(claims)
        )
    };
    let root = unsigned(json!({"sub":"root","role":"administrator","exp":4_102_444_800_u64}));
    let grant = Grant {
        aud: "front".to_owned(),
        sub: "root".to_owned(),
        sid: "s".to_owned(),
        nonce: "n".to_owned(),
        seq: 0,
        lease: 60,
        perms: vec![Permission::View],
        booked: None,
        door_call: None,
    };
    let grant = GrantSigner::generate().unwrap().sign(&grant).unwrap();
    let cookie_name = house.admin.cookies.split('=').next().unwrap();
    let made_up = format!("{cookie_name}={}", porthole_protocol::random_secret());
    let own = ("sec-fetch-site", "same-origin");
    let evil = ("origin", "https://evil.example");
    let admin = house.admin.cookies.as_str();
    vec![
        Attempt::new("nobody", Anyone, &[]),
        Attempt::bearer("a wrong key", Anyone, &porthole_protocol::random_secret()),
        Attempt::bearer("an empty key", Anyone, ""),
        Attempt::bearer("alg: none", Anyone, &root),
        Attempt::bearer("a grant", Anyone, &grant),
        Attempt::bearer("a camera", Anyone, camera),
        Attempt::new(
            "a password as basic",
            Anyone,
            &[("authorization", "Basic cm9vdDpyb290")],
        ),
        Attempt::new("a made up cookie", Anyone, &[("cookie", &made_up), own]),
        Attempt::new("a page of another site", Anyone, &[("cookie", admin), evil]),
        Attempt::new(
            "an image on another site",
            Anyone,
            &[("cookie", admin), ("sec-fetch-site", "cross-site")],
        ),
    ]
}

/// A house with everyone who has something to do with it, and those attempts.
async fn everyone() -> (House, Vec<Attempt>) {
    everyone_at(options()).await
}

async fn everyone_at(options: ServerOptions) -> (House, Vec<Attempt>) {
    let house = House::with(options).await;
    let camera = house.camera("front").await;
    let alice = house.user("alice").await;
    let share = json!({"camera": "front", "for": "1h"});
    let link = house.admin.post("/api/shares", &share).await.json();
    let secret = link["link"]
        .as_str()
        .unwrap()
        .split_once("#share=")
        .unwrap()
        .1
        .to_owned();
    let nobody = house.nobody();
    let holder = nobody.post("/api/session", &json!({"share": secret})).await;
    let gone = nobody.with(&nobody.log_in("alice", crate::house::PASSWORD).await);
    assert_eq!(gone.delete("/api/session").await.status, 204);
    let boss = json!({"name": "boss", "role": "administrator"});
    assert_eq!(house.admin.post("/api/users", &boss).await.status, 201);
    let link = house.admin.post("/api/users/boss/token", &json!({})).await;
    let link = link.json()["link"].as_str().unwrap().to_owned();
    let (_, token) = link.split_once("#token=").unwrap();
    let mut attempts = strangers(&house, &camera);
    attempts.push(Attempt::page("who logged out", Anyone, &gone));
    attempts.push(Attempt::page(
        "the holder of a share link",
        Viewers,
        &house.nobody().with(&holder),
    ));
    attempts.push(Attempt::page("a viewer", Viewers, &alice));
    attempts.push(Attempt::page(
        "an administrator",
        Administrators,
        &house.admin,
    ));
    attempts.push(Attempt::bearer(
        "an administrator's link",
        Administrators,
        token,
    ));
    (house, attempts)
}

/// The request for something that is not there, so that nothing is changed by whoever may.
fn concrete(route: &str) -> String {
    let path = route
        .replace("{name}", "nobody-here")
        .replace("{id}", "nothing-here")
        .replace("{ringId}", "nothing-here");
    match path.as_str() {
        "GET /api/calendar" => {
            format!("{path}?from=2026-12-01T00:00:00Z&to=2026-12-02T00:00:00Z")
        }
        _ => path,
    }
}

#[tokio::test]
async fn every_route_is_in_the_table_for_those_its_description_names() {
    let house = House::new().await;
    let api = house.nobody().get("/api/openapi.json").await.json();
    let mut described = BTreeSet::new();
    let mut names = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let who = operation["tags"][0].as_str().unwrap().to_owned();
            let restricted = operation["security"].as_array().unwrap();
            let open = restricted
                .iter()
                .any(|way| way.as_object().unwrap().is_empty());
            assert_eq!(open, who == "anyone", "{method} {path}");
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} is there twice");
            // The table has the older addresses, which everybody tries below.
            let path = path.replace("/api/v1/", "/api/");
            described.insert((format!("{} {path}", method.to_uppercase()), who));
        }
    }
    let table: BTreeSet<_> = ROUTES
        .iter()
        .map(|(route, who)| {
            let who = match who {
                Anyone => "anyone",
                Viewers => "viewer",
                Administrators => "administrator",
                Cameras => "camera",
            };
            ((*route).to_owned(), who.to_owned())
        })
        .collect();
    assert_eq!(described, table);
}

#[tokio::test]
async fn only_those_whom_a_route_is_for_get_past_the_door() {
    let (house, attempts) = everyone().await;
    for (route, who) in ROUTES {
        let request = concrete(route);
        for attempt in &attempts {
            if who == Anyone {
                continue;
            }
            let (status, set_cookie) = attempt.send(&house, &request).await;
            let refused = matches!(status, 401 | 403 | 429);
            let may = match who {
                Administrators => attempt.may == Administrators,
                // None of that id.
                Cameras => false,
                _ => attempt.may != Anyone,
            };
            let what = format!("{} at {request}: {status}", attempt.name);
            // Whose link it is has no password of its own, no passkeys, and books nothing; a program has not signed in a moment ago.
            let is_own = route.contains("/me/pass");
            let books = ["/me/self-booking", "/me/bookings/", "/me/feed"];
            let is_booking = books.iter().any(|path| route.contains(path));
            let has_none = attempt.name == "the holder of a share link" && (is_own || is_booking);
            let is_program = attempt.name == "an administrator's link" && is_own;
            // Nobody has booked for the viewer, who needs no relay.
            let needs_none = attempt.name == "a viewer" && route.ends_with("/me/ice-servers");
            let may_not = has_none || needs_none || is_program && route.starts_with("DELETE");
            assert_eq!(refused && !may_not, !may, "{what}");
            assert!(may || !set_cookie, "{what}");
            assert!(status < 500, "{what}");
        }
    }
    // Nothing of it has changed anything.
    let users = house.admin.get("/api/users").await.json();
    assert_eq!(users["items"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_for_anyone_tells_nobody_more_and_logs_nobody_in() {
    let (house, attempts) = everyone().await;
    for request in ["GET /api/config", "GET /health", "GET /ready"] {
        for attempt in &attempts {
            let (status, set_cookie) = attempt.send(&house, request).await;
            assert_eq!(
                (status, set_cookie),
                (200, false),
                "{} at {request}",
                attempt.name
            );
        }
    }
    for attempt in attempts.iter().filter(|attempt| attempt.may == Anyone) {
        let (status, set_cookie) = attempt.send(&house, "POST /api/session").await;
        assert!(
            (400..500).contains(&status) && !set_cookie,
            "{}: {status}",
            attempt.name
        );
    }
}

#[tokio::test]
async fn the_websocket_is_for_viewers_and_cameras_that_are_known() {
    let (house, attempts) = everyone().await;
    for attempt in attempts {
        let headers = attempt
            .headers
            .iter()
            .map(|(key, value)| (*key, value.as_str()));
        let headers: Vec<_> = headers.collect();
        let connected = Client::connect(house.address(), "/ws", &headers).await;
        let may = attempt.may != Anyone || attempt.name == "a camera";
        assert_eq!(connected.is_ok(), may, "{}", attempt.name);
    }
}

/// Whether someone is heard by Socket.IO; `Ok(false)` is one that is let in to say who it is, and cannot.
async fn is_heard(house: &House, attempt: &Attempt, eio: u8) -> bool {
    let headers = attempt.headers.iter();
    let headers: Vec<_> = headers.map(|(key, value)| (*key, value.as_str())).collect();
    let path = format!("/socket.io/?EIO={eio}&transport=websocket");
    let Ok(mut client) = Client::connect(house.address(), &path, &headers).await else {
        return false;
    };
    if eio == 4 {
        client.ws.send(Message::text("40")).await.unwrap();
    }
    client
        .ws
        .send(Message::text("42[\"nothing\"]"))
        .await
        .unwrap();
    loop {
        let next = timeout(PATIENCE, client.ws.next())
            .await
            .expect("nothing came");
        let Some(Ok(Message::Text(text))) = next else {
            return false;
        };
        if let Some(json) = text.strip_prefix("42") {
            let (event, data): (String, Value) = serde_json::from_str(json).unwrap();
            assert_eq!(event, "error");
            // Who is known hears what is wrong with what it says.
            return data["code"] == "bad-message";
        }
    }
}

#[tokio::test]
async fn socket_io_is_for_viewers_and_cameras_that_are_known_as_well() {
    let mut options = options();
    options.adapters = AdapterOptions {
        socketio: Some(SocketIoOptions::default()),
        three_service: true,
    };
    let (house, attempts) = everyone_at(options).await;
    for attempt in attempts {
        let may = attempt.may != Anyone || attempt.name == "a camera";
        for eio in [3, 4] {
            assert_eq!(
                is_heard(&house, &attempt, eio).await,
                may,
                "{}",
                attempt.name
            );
        }
        // By a request of its own it is no other.
        let (status, set_cookie) = attempt
            .send(&house, "GET /socket.io/?EIO=4&transport=polling")
            .await;
        assert!(
            matches!(status, 200 | 401 | 403 | 429) && !set_cookie,
            "{}: {status}",
            attempt.name
        );
        assert!(!may || status == 200, "{}: {status}", attempt.name);
    }
}

#[tokio::test]
async fn a_picture_by_http_is_for_viewers_who_may_look() {
    let mut options = options();
    options.whep = Some(WhepOptions {
        allow_origins: ["https://evil.example".to_owned()].into(),
    });
    let (house, attempts) = everyone_at(options).await;
    for attempt in &attempts {
        let mut headers = vec![("content-type", "application/sdp")];
        let own = attempt.headers.iter();
        headers.extend(own.map(|(key, value)| (*key, value.as_str())));
        let answer = http_with(house.address(), "POST /whep/front", &headers, "v=0").await;
        let what = format!("{}: {answer:?}", attempt.name);
        // Past the door, alice hears of no camera, having no booking; the others that it is not connected.
        let (refused, other) = match attempt.name {
            "a camera" => (true, 403),
            "a viewer" => (false, 404),
            _ => (attempt.may == Anyone, 409),
        };
        match refused {
            true => assert!(matches!(answer.status, 401 | 403 | 429), "{what}"),
            false => assert_eq!(answer.status, other, "{what}"),
        }
        for request in ["PATCH /whep/front/made-up", "DELETE /whep/front/made-up"] {
            let mut headers = headers.clone();
            headers[0].1 = "application/trickle-ice-sdpfrag";
            let answer = http_with(house.address(), request, &headers, "a=ice-ufrag:x").await;
            assert!(
                matches!(answer.status, 401 | 403 | 404 | 429),
                "{what}, {request}: {answer:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_log_in_that_ran_out_opens_nothing() {
    let mut options = options();
    options.timings.login = Duration::ZERO;
    let house = House::with(options).await;
    let attempt = Attempt::page("an administrator of yesterday", Anyone, &house.admin);
    for (route, who) in ROUTES {
        if who != Anyone {
            let (status, _) = attempt.send(&house, &concrete(route)).await;
            assert_eq!(status, 401, "{route}");
        }
    }
}
