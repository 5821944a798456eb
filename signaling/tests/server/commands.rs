// SPDX-License-Identifier: MPL-2.0
//! What an operator does day by day: what commands say, ask, list and leave as they were.
use std::fs;

use crate::common::{Client, http, http_with};
use crate::owned::{House, log_in};
use crate::program::{Serving, complaint_of, run};
use porthole_protocol::key::CameraKey;
use serde_json::{Value, json};

fn stderr(args: &[&str]) -> String {
    String::from_utf8(run(args).stderr).unwrap()
}

#[test]
fn what_cannot_be_had_back_says_what_goes_with_it_and_needs_a_yes() {
    let house = House::new("commands-yes");
    house.line(&["camera", "add", "front"]);
    house.line(&["camera", "add", "front-yard"]);
    house.line(&["user", "add", "alice"]);
    let times = ["--from", "2031-12-01T10:00Z", "--to", "2031-12-01T11:00Z"];
    for camera in ["front", "front-yard"] {
        let add = ["booking", "add", "--camera", camera, "--user", "alice"];
        house.line(&[&add[..], &times[..]].concat());
        house.line(&["share", camera]);
    }
    let said = house.complaint(&["user", "revoke", "alice"]);
    assert!(
        said.contains("deletes the account alice with 2 bookings"),
        "{said}"
    );
    assert!(
        said.contains("--yes") && said.contains("user sign-out"),
        "{said}"
    );
    let said = house.complaint(&["camera", "remove", "front"]);
    assert!(
        said.contains("the camera front with 1 booking and 1 link;"),
        "{said}"
    );
    let counts = |what: &str| house.json(&[what, "list"]).as_array().unwrap().len();
    assert_eq!(
        (counts("user"), counts("camera"), counts("booking")),
        (2, 2, 2)
    );

    house.quiet(&["camera", "remove", "front", "--yes"]);
    house.quiet(&["user", "revoke", "alice", "--yes"]);
    let log = house.json(&["audit"]);
    let of = |action: &str| {
        let mut entries = log.as_array().unwrap().iter();
        entries.find(|e| e["action"] == action).unwrap()["details"].clone()
    };
    assert_eq!(of("user.removed"), json!({"role": "viewer", "bookings": 1}));
    let camera = json!({"name": "front", "bookings": 1, "links": 1});
    assert_eq!(of("camera.removed"), camera);
}

#[test]
fn a_request_that_is_made_again_adds_nothing_twice() {
    let house = House::new("commands-request");
    let request = ["--request", "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f"];
    for add in [["camera", "add", "front"], ["user", "add", "alice"]] {
        let add = [&add[..], &request[..]].concat();
        assert_eq!(house.line(&add), house.line(&add), "{add:?}");
    }
    let said = house.complaint(&["camera", "add", "front", "--request", "1"]);
    assert!(said.contains("UUID"), "{said}");
    assert_eq!(house.json(&["camera", "list"]).as_array().unwrap().len(), 1);
}

#[test]
fn what_viewers_may_book_themselves_is_said_listed_and_taken_back() {
    let house = House::new("commands-self-booking");
    house.line(&["camera", "add", "front"]);
    let docs = include_str!("../../../docs/bookings.md");
    let line = docs
        .lines()
        .find_map(|line| line.strip_prefix("porthole-signaling self-booking add "));
    let words: Vec<_> = line.unwrap().split(' ').collect();
    let id = house.line(&[&["self-booking", "add"], &words[..]].concat());
    let rules = house.json(&["self-booking", "list"]);
    let rule = json!({"id": id, "cameras": ["front"], "perms": ["view", "listen"], "saving": true, "ahead": 14 * 24 * 3600,
        "week": 5 * 3600, "longest": 2 * 3600, "zone": "Europe/Berlin"});
    for (key, value) in rule.as_object().unwrap() {
        assert_eq!(&rules[0][key], value, "{key} of {rules}");
    }
    let add = [
        "self-booking",
        "add",
        "--ahead",
        "soon",
        "--week",
        "5h",
        "--longest",
        "2h",
    ];
    let said = house.complaint(&add);
    assert!(said.contains("write it as 2h, 90m or 14d"), "{said}");
    house.quiet(&["self-booking", "remove", &id]);
    assert_eq!(house.json(&["self-booking", "list"]), json!([]));
}

#[tokio::test]
async fn signing_out_ends_what_runs_and_deletes_nothing() {
    let house = House::new("commands-sign-out");
    let password = house.line(&["user", "add", "alice"]);
    let link = house.line(&["user", "rotate", "alice"]);
    let bearer = format!("Bearer {}", link.split_once("#token=").unwrap().1);
    let bearer = [("authorization", &*bearer)];
    let mut server = Serving::on(&house.data).await;
    let page = log_in(&server, "alice", &password).await.cookies();
    let cookie = [("cookie", &*page)];
    let mut program = Client::connect(server.address, "/ws", &bearer)
        .await
        .unwrap();
    assert_eq!(program.recv().await["type"], "welcome");
    house.quiet(&["user", "sign-out", "alice"]);
    assert_eq!(
        http(server.address, "GET /api/me", &cookie).await.status,
        401
    );
    assert_eq!(program.recv().await["type"], "error");
    assert_eq!(program.recv().await["close"], 1008);
    // What lets her in again is as it was.
    assert_eq!(
        http(server.address, "GET /api/me", &bearer).await.status,
        200
    );
    assert_eq!(log_in(&server, "alice", &password).await.status, 200);
    server.wait_for("cli signed alice out everywhere").await;
    server.terminate().await;
    // Also one that only the database remembers.
    let server = Serving::on(&house.data).await;
    assert_eq!(
        http(server.address, "GET /api/me", &cookie).await.status,
        401
    );
    server.terminate().await;
    assert!(
        house
            .complaint(&["user", "sign-out", "nobody"])
            .contains("not-found")
    );
}

#[test]
fn times_are_of_the_zone_that_is_said() {
    let house = House::new("commands-zone");
    house.line(&["camera", "add", "front"]);
    house.line(&["user", "add", "alice"]);
    let add = ["booking", "add", "--camera", "front", "--user", "alice"];
    let berlin = [
        "--from",
        "2031-12-01T10:00",
        "--to",
        "2031-12-01T11:00",
        "--zone",
        "Europe/Berlin",
    ];
    let id = house.line(&[&add[..], &berlin[..]].concat());
    let shown = house.json(&["booking", "show", &id]);
    assert_eq!(
        (&shown["start"], &shown["end"]),
        (
            &json!("2031-12-01T09:00:00Z"),
            &json!("2031-12-01T10:00:00Z")
        )
    );
    let weekly = ["--repeat", "FREQ=WEEKLY;COUNT=2"];
    let id = house.line(&[&add[..], &berlin[..], &weekly[..]].concat());
    let shown = house.json(&["booking", "show", &id]);
    assert_eq!(
        (&shown["start"], &shown["recurrence"]["zone"]),
        (&json!("2031-12-01T09:00:00Z"), &json!("Europe/Berlin"))
    );
    house.quiet(&[
        "booking",
        "change",
        &id,
        "--to",
        "2031-12-01T12:00",
        "--zone",
        "America/New_York",
    ]);
    assert_eq!(
        house.json(&["booking", "show", &id])["end"],
        "2031-12-01T17:00:00Z"
    );
    let wrong = complaint_of(&[&add[..], &berlin[..5], &["Middle/Earth"]].concat());
    assert!(
        wrong.contains("there is no such time zone: write it as"),
        "{wrong}"
    );
}

#[test]
fn a_booking_in_the_past_and_a_second_camera_of_one_name_are_not_taken_in_silence() {
    let house = House::new("commands-silence");
    house.line(&["camera", "add", "front", "--name", "Front door"]);
    let data = ["--data-dir", &house.data];
    let add = ["camera", "add", "yard", "--name", "front door"];
    let said = stderr(&[&add[..], &data[..]].concat());
    assert!(
        said.contains("another camera called \"front door\" (front)"),
        "{said}"
    );
    house.line(&["user", "add", "alice"]);
    let add = ["booking", "add", "--camera", "front", "--user", "alice"];
    let past = ["--from", "2021-12-01T10:00Z", "--to", "2021-12-01T11:00Z"];
    let said = stderr(&[&add[..], &past[..], &data[..]].concat());
    assert!(said.contains("this booking is over already"), "{said}");
    let future = ["--from", "2031-12-01T10:00Z", "--to", "2031-12-01T11:00Z"];
    let said = stderr(&[&add[..], &future[..], &data[..]].concat());
    assert_eq!(said, "");
    let wrong = complaint_of(&[&add[..], &future[..], &["--perm", "drive"], &data[..]].concat());
    assert!(wrong.contains("view, listen, talk, control"), "{wrong}");
}

#[tokio::test]
async fn lists_go_to_their_end_and_are_searched() {
    let house = House::new("commands-lists");
    // More than a page, and more than memory keeps of anything else.
    let server = Serving::on(&house.data).await;
    let admin = log_in(&server, "admin", &house.password).await.cookies();
    let origin = format!("http://{}", server.address);
    let headers = [
        ("content-type", "application/json"),
        ("cookie", &*admin),
        ("origin", &*origin),
    ];
    for n in 0..501 {
        let body = json!({"id": format!("cam-{n:03}"), "name": format!("Camera {n}")}).to_string();
        let added = http_with(server.address, "POST /api/v1/cameras", &headers, &body).await;
        assert_eq!(added.status, 201, "{added:?}");
    }
    let all = |args: &[&str]| house.json(args).as_array().unwrap().clone();
    let cameras = all(&["camera", "list"]);
    assert_eq!(cameras.len(), 501);
    assert_eq!(cameras[500]["id"], "cam-500");
    assert_eq!(all(&["camera", "list", "--search", "CAMERA 49"]).len(), 11);
    assert_eq!(all(&["audit", "--limit", "501"]).len(), 501);
    let table = run(&["camera", "list", "--data-dir", &house.data]).stdout;
    assert_eq!(String::from_utf8(table).unwrap().lines().count(), 502);
    server.terminate().await;
    // The same without a server.
    assert_eq!(all(&["camera", "list"]).len(), 501);
    // What names something in an address is no address.
    for args in [
        &["session", "end", "../users/admin"][..],
        &["share", "revoke", "../users/admin"],
        &["booking", "revoke", "x?y#z"][..],
        &["camera", "rotate", "../users/admin"],
    ] {
        let said = house.complaint(args);
        assert!(said.contains("not-found"), "{args:?}: {said}");
    }
    assert_eq!(all(&["user", "list", "--search", "adm"]).len(), 1);
}

#[tokio::test]
async fn files_are_imported_as_a_whole_or_not_at_all_and_say_where_they_are_wrong() {
    let house = House::new("commands-import");
    house.line(&["user", "add", "carol"]);
    let file = |name: &str, text: &str| {
        let path = house.folder.file(name);
        fs::write(&path, text).unwrap();
        path
    };
    let users = file("users.csv", "name,role\nalice,\nbob,administrator\n");
    let cameras = file(
        "cameras.json",
        r#"[{"id": "front", "name": "Front door"}, {"name": "Yard"}]"#,
    );
    let head = "camera,user,start,end,perms,rule,zone,note\n";
    let good = "front,alice,2031-12-01 10:00,2031-12-01 11:00,view control,FREQ=WEEKLY;COUNT=2,Europe/Berlin,\"a, b\"\n";
    let import = |bookings: &str, more: &[&str]| {
        let bookings = file("bookings.csv", &format!("{head}{bookings}"));
        let all = [
            "import",
            "--users",
            &users,
            "--cameras",
            &cameras,
            "--bookings",
            &bookings,
        ];
        let data = ["--data-dir", &house.data];
        run(&[&all[..], more, &data[..]].concat())
    };
    let counts = || {
        ["user", "camera", "booking"]
            .map(|what| house.json(&[what, "list"]).as_array().unwrap().len())
    };
    let other = "front,carol,2031-12-02T10:00Z,2031-12-02T11:00Z,,,,\n";
    for server in [false, true] {
        let serving = if server {
            Some(Serving::on(&house.data).await)
        } else {
            None
        };
        for (wrong, expected) in [
            (
                "front,nobody,2031-12-01T10:00Z,2031-12-01T11:00Z,,,,\n",
                "bookings.csv:4: user: there is no such user",
            ),
            (
                "attic,alice,2031-12-01T10:00Z,2031-12-01T11:00Z,,,,\n",
                "bookings.csv:4: camera: there is no such camera",
            ),
            (
                "front,carol,2031-12-01T11:00Z,2031-12-01T10:00Z,,,,\n",
                "bookings.csv:4: start or end: the end is not after",
            ),
            (
                "front,carol,2031-12-08T09:30Z,2031-12-08T10:00Z,view control,,,\n",
                "bookings.csv:4: perms: control of this camera",
            ),
            (
                "front,carol,soon,2031-12-08T10:00Z,,,,\n",
                "bookings.csv:4: start: write it as",
            ),
        ] {
            let output = import(&format!("{good}{other}{wrong}"), &[]);
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(
                said.contains(expected) && output.status.code() == Some(2),
                "{said}"
            );
            assert_eq!(counts(), [2, 0, 0], "nothing half done");
        }
        if let Some(serving) = serving {
            serving.terminate().await;
        }
    }
    let tried = import(&format!("{good}{other}"), &["--dry-run"]);
    assert!(
        tried.status.success() && tried.stdout.is_empty(),
        "{tried:?}"
    );
    assert_eq!(counts(), [2, 0, 0]);

    let mut server = Serving::on(&house.data).await;
    let done = import(&format!("{good}{other}"), &[]);
    assert!(done.status.success(), "{done:?}");
    assert_eq!(counts(), [4, 2, 2]);
    let secrets = String::from_utf8(done.stdout).unwrap();
    let of = |name: &str| {
        let mut lines = secrets.lines().map(|line| line.split_once('\t').unwrap());
        lines.find(|(own, _)| *own == name).unwrap().1.to_owned()
    };
    // At once, at the server that runs.
    let bearer = format!("Bearer {}", of("alice").split_once("#token=").unwrap().1);
    let me = http(server.address, "GET /api/me", &[("authorization", &bearer)]).await;
    assert_eq!(me.json()["user"], "alice");
    let key: CameraKey = of("yard").parse().unwrap();
    let path = format!("/ws?access_token={}", key.secret);
    assert!(Client::connect(server.address, &path, &[]).await.is_ok());
    server
        .wait_for("cli booked front for alice from 2031-12-01T09:00:00Z")
        .await;
    let log = server.terminate().await;
    assert!(!log.contains(&key.secret));

    // What is exported is imported elsewhere.
    let export = |what: &str, csv: &[&str]| {
        let output = run(&[&["export", what][..], csv, &["--data-dir", &house.data]].concat());
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let bookings = export("bookings", &["--csv"]);
    assert!(bookings.contains("2031-12-01T09:00:00Z,2031-12-01T10:00:00Z,view control,FREQ=WEEKLY;COUNT=2,Europe/Berlin,\"a, b\",true"), "{bookings}");
    let users: Value = serde_json::from_str(&export("users", &[])).unwrap();
    let users: Vec<_> = users
        .as_array()
        .unwrap()
        .iter()
        .filter(|user| user["name"] != "admin")
        .cloned()
        .collect();
    let elsewhere = House::new("commands-import-elsewhere");
    let users = file("users.json", &json!(users).to_string());
    let cameras = file("cameras.csv", &export("cameras", &["--csv"]));
    let bookings = file("all.csv", &bookings);
    let all = [
        "import",
        "--users",
        &users,
        "--cameras",
        &cameras,
        "--bookings",
        &bookings,
        "--data-dir",
        &elsewhere.data,
    ];
    let output = run(&all);
    assert!(output.status.success(), "{output:?}");
    let again = run(&["export", "bookings", "--csv", "--data-dir", &elsewhere.data]);
    assert_eq!(
        String::from_utf8(again.stdout).unwrap(),
        fs::read_to_string(&bookings).unwrap()
    );
}
