// SPDX-License-Identifier: MPL-2.0
//! The owner's commands on a data directory: with a server that runs, without one, and after one was killed.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::common::{Client, http};
use crate::owned::{House, log_in};
use crate::program::{BINARY, Folder, Serving, complaint_of, line_of, run};
use porthole_protocol::key::CameraKey;
use serde_json::json;
use tokio::process::Command;

#[test]
fn init_makes_what_its_owner_alone_can_read_and_overwrites_nothing() {
    let house = House::new("owner-init");
    assert_eq!(house.mode(""), 0o700);
    for name in ["porthole.sqlite3", "grant-key", "config.toml"] {
        assert_eq!(house.mode(name), 0o600, "{name}");
    }
    assert!(house.password.len() >= 16);
    assert!(complaint_of(&["init", "--data-dir", &house.data]).contains("is not empty"));
    let users = house.json(&["user", "list"]);
    assert_eq!(users[0]["name"], "admin");
    assert_eq!(users[0]["role"], "administrator");
}

#[test]
fn without_a_server_commands_change_the_database() {
    let house = House::new("owner-offline");
    let key: CameraKey = house
        .line(&["camera", "add", "front", "--name", "Front door"])
        .parse()
        .unwrap();
    assert_eq!(
        (key.id.as_str(), key.url.as_str()),
        ("front", "http://127.0.0.1:9/")
    );
    house.line(&["user", "add", "viewer1"]);
    let times = ["--from", "2026-12-01T10:00Z", "--to", "2026-12-01T11:00Z"];
    let booking = [
        "booking",
        "add",
        "--camera",
        "front",
        "--user",
        "viewer1",
        "--perm",
        "view,listen",
    ];
    let id = house.line(&[&booking[..], &times[..]].concat());
    let shown = house.json(&["booking", "show", &id]);
    assert_eq!(shown["start"], "2026-12-01T10:00:00Z");
    house.quiet(&["booking", "change", &id, "--to", "2026-12-01T12:00Z"]);
    assert_eq!(
        house.json(&["booking", "show", &id])["end"],
        "2026-12-01T12:00:00Z"
    );
    house.quiet(&["booking", "revoke", &id]);
    assert_eq!(house.json(&["booking", "list"]), json!([]));
    assert!(
        house
            .line(&["share", "front", "--for", "2h", "--uses", "1"])
            .contains("/#share=")
    );
    let share = house.json(&["share", "list"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(
        house
            .line(&["share", "rotate", &share])
            .contains("/#share=")
    );
    house.quiet(&["share", "revoke", &share]);
    let again: CameraKey = house.line(&["camera", "rotate", "front"]).parse().unwrap();
    assert_ne!(again.secret, key.secret);
    let log = house.json(&["audit"]);
    let actions: Vec<_> = log
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| &entry["action"])
        .collect();
    assert!(actions.contains(&&json!("booking.removed")), "{actions:?}");
    assert!(
        log.as_array()
            .unwrap()
            .iter()
            .all(|entry| entry["actor"] == "cli")
    );
}

#[test]
fn what_cannot_be_done_is_one_line_that_says_why() {
    let house = House::new("owner-complaints");
    let cases: [(&[&str], &str); 6] = [
        (&["user", "revoke", "admin", "--yes"], "last-administrator"),
        (&["user", "show", "nobody"], "not-found"),
        (&["user", "add", "a/b"], "bad-name"),
        (&["share", "nowhere"], "no such camera"),
        (&["session", "end", "x"], "not-found"),
        (
            &[
                "booking", "add", "--camera", "a", "--user", "b", "--from", "x", "--to", "y",
            ],
            "2026-12-01T10:00",
        ),
    ];
    for (args, expected) in cases {
        let complaint = house.complaint(args);
        assert!(complaint.contains(expected), "{args:?}: {complaint}");
    }
    let nowhere = house.folder.file("nowhere");
    let complaint = complaint_of(&["user", "list", "--data-dir", &nowhere]);
    assert!(complaint.contains("porthole-signaling init"), "{complaint}");
}

#[tokio::test]
async fn with_a_server_that_runs_commands_count_at_once() {
    let house = House::new("owner-online");
    let server = Serving::on(&house.data).await;
    assert_eq!(house.mode("control.sock"), 0o600);
    assert_eq!(log_in(&server, "admin", &house.password).await.status, 200);

    let key: CameraKey = house.line(&["camera", "add", "front"]).parse().unwrap();
    let camera = [("authorization", &*format!("Bearer {}", key.secret))];
    assert_eq!(
        http(server.address, "GET /api/me", &camera)
            .await
            .problem()
            .0,
        403
    );
    house.quiet(&["camera", "revoke", "front", "--yes"]);
    assert_eq!(
        http(server.address, "GET /api/me", &camera)
            .await
            .problem()
            .0,
        401
    );

    let password = house.line(&["user", "add", "alice"]);
    let page = log_in(&server, "alice", &password).await;
    assert_eq!(page.status, 200);
    let cookie = page.cookies();
    let cookie = [("cookie", cookie.as_str())];
    assert_eq!(
        http(server.address, "GET /api/me", &cookie).await.status,
        200
    );
    let link = house.line(&["user", "rotate", "alice"]);
    let (_, token) = link.split_once("#token=").unwrap();
    let bearer = format!("Bearer {token}");
    let mut viewer = Client::connect(server.address, "/ws", &[("authorization", &*bearer)])
        .await
        .unwrap();
    assert_eq!(viewer.recv().await["type"], "welcome");
    house.quiet(&["user", "revoke", "alice", "--yes"]);
    // It has not announced itself, so it is told in words alone, and let go.
    assert_eq!(viewer.recv().await["type"], "error");
    assert_eq!(viewer.recv().await["close"], 1008);
    assert_eq!(
        http(server.address, "GET /api/me", &cookie).await.status,
        401
    );
    server.terminate().await;
    assert!(!Path::new(&house.data).join("control.sock").exists());
}

#[tokio::test]
async fn a_server_that_was_killed_is_in_nobodys_way_and_a_second_one_is_turned_away() {
    let house = House::new("owner-killed");
    let mut server = Serving::on(&house.data).await;
    let second = [
        "serve",
        "--data-dir",
        &house.data,
        "--listen",
        "127.0.0.1:0",
    ];
    assert!(complaint_of(&second).contains("runs on this data directory already"));
    house.line(&["user", "add", "alice"]);
    server.child.kill().await.unwrap();
    // The socket is still there, and nobody behind it.
    let password = house.line(&["user", "password", "alice"]);
    let server = Serving::on(&house.data).await;
    assert_eq!(log_in(&server, "alice", &password).await.status, 200);
    server.terminate().await;
}

#[tokio::test]
async fn the_grant_key_rotates_while_the_server_runs() {
    let house = House::new("owner-key");
    let before: CameraKey = house.line(&["camera", "add", "front"]).parse().unwrap();
    let mut server = Serving::on(&house.data).await;
    house.quiet(&["key", "rotate"]);
    server.wait_for("read the configuration again").await;
    let after: CameraKey = house.line(&["camera", "add", "back"]).parse().unwrap();
    assert_ne!(before.grant_key, after.grant_key);
    server.terminate().await;
    assert!(!run(&["reload", "--data-dir", &house.data]).status.success());
}

#[test]
fn the_copy_of_a_database_is_another_data_directorys() {
    let house = House::new("owner-backup");
    house.line(&["user", "add", "alice"]);
    let copy = house.folder.file("copy");
    fs::create_dir(&copy).unwrap();
    let to = format!("{copy}/porthole.sqlite3");
    house.quiet(&["backup", &to]);
    fs::copy(
        format!("{}/grant-key", house.data),
        format!("{copy}/grant-key"),
    )
    .unwrap();
    let users = line_of(&["user", "list", "--json", "--data-dir", &copy]);
    assert!(users.contains("alice"));
    let again = run(&["backup", &to, "--data-dir", &house.data]);
    assert!(!again.status.success(), "it was overwritten");
}

#[tokio::test]
async fn the_environment_goes_over_the_file() {
    let house = House::new("owner-environment");
    let mut command = tokio::process::Command::new(crate::program::BINARY);
    command
        .args(["serve", "--data-dir", &house.data])
        .envs([
            ("PORT", "0"),
            ("LOG_LEVEL", "debug"),
            ("PORTHOLE_URL", "https://look.example/"),
        ])
        .env("PORTHOLE_LISTN", "x");
    let server = Serving::of(command, "http").await;
    let key: CameraKey = house.line(&["camera", "add", "front"]).parse().unwrap();
    assert_eq!(key.url.as_str(), "https://look.example/");
    let log = server.terminate().await;
    assert!(log.contains("did you mean PORTHOLE_LISTEN?"), "{log}");
}

/// The README and the pages of docs/.
fn pages() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let files = docs.map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|e| e == "md"));
    let files = files.chain([root.join("README.md")]);
    files
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// The blocks of code that begin so.
fn blocks<'a>(page: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    let rest = page.split(begin).skip(1);
    rest.map(|text| text.split_once("```").unwrap().0)
}

/// As they stand there, each block in a data directory of its own.
#[test]
fn the_commands_of_the_readme_and_of_docs_work() {
    let mut count = 0;
    for page in pages() {
        for commands in blocks(&page, "<!-- commands -->\n```sh\n") {
            count += 1;
            work(commands);
        }
    }
    assert!(count >= 3, "{count}");
}

#[test]
fn the_configurations_of_docs_are_understood() {
    let folder = Folder::new("owner-docs-toml");
    let mut count = 0;
    for page in pages() {
        for config in blocks(&page, "```toml\n") {
            count += 1;
            let file = folder.config(config);
            // A streamer's own, in docs/streamer.md.
            let output = match config.contains("[camera1]") {
                true => run(&["run", "--print-only", "--config", &file]),
                false => run(&["camera", "list", "--config", &file]),
            };
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{config}{stderr}");
        }
    }
    assert!(count >= 2, "{count}");
}

fn work(commands: &str) {
    let folder = Folder::new("owner-readme");
    let path = Path::new(crate::program::BINARY).parent().unwrap();
    let path = format!("{}:{}", path.display(), std::env::var("PATH").unwrap());
    // The others keep all in the file that they name.
    let has_data = commands.contains("porthole-signaling init");
    let data_dir = has_data.then_some(("PORTHOLE_DATA_DIR", "data"));
    for command in commands.lines() {
        let done = std::process::Command::new("sh")
            .args(["-c", command])
            .current_dir(&folder.0)
            .env("PATH", &path)
            .envs(data_dir)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{command}: {stderr}");
    }
    assert!(folder.0.join("front.key").exists());
}

#[tokio::test]
async fn a_service_that_nobody_has_set_up_starts_without_an_account_and_gets_its_first_while_it_runs()
 {
    let folder = Folder::new("owner-service");
    let config = folder.config("data-dir = \"kept\"\n");
    let serve = async || {
        let mut command = Command::new(BINARY);
        command.args([
            "serve",
            "--init",
            "--config",
            &config,
            "--listen",
            "127.0.0.1:0",
        ]);
        Serving::of(command, "http").await
    };
    let server = serve().await;
    assert!(
        server.log.contains("nobody has an account yet"),
        "{}",
        server.log
    );
    assert!(!Path::new(&folder.file("kept/config.toml")).exists());
    assert_eq!(
        fs::metadata(folder.file("kept"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o700
    );
    let password = line_of(&[
        "user",
        "add",
        "admin",
        "--administrator",
        "--config",
        &config,
    ]);
    assert_eq!(log_in(&server, "admin", &password).await.status, 200);
    let key = line_of(&["camera", "add", "front", "--config", &config]);
    server.terminate().await;

    // The next start finds what it needs.
    let server = serve().await;
    assert!(
        !server.log.contains("made what was missing"),
        "{}",
        server.log
    );
    assert_eq!(log_in(&server, "admin", &password).await.status, 200);
    server.terminate().await;

    // Without the key that its cameras know, it does not make another.
    assert!(key.parse::<CameraKey>().is_ok());
    fs::remove_file(folder.file("kept/grant-key")).unwrap();
    let complaint = complaint_of(&["serve", "--init", "--config", &config]);
    assert!(complaint.contains("grant-key is missing"), "{complaint}");
    let nowhere = folder.config("");
    let complaint = complaint_of(&["serve", "--init", "--config", &nowhere]);
    assert!(complaint.contains("names no data directory"), "{complaint}");
}

#[tokio::test]
async fn a_command_beside_a_server_that_starts_waits_until_it_is_heard() {
    let house = House::new("owner-beside");
    house.line(&["user", "add", "alice"]);
    // A server that has begun and does not listen yet.
    let starting = fs::File::open(&house.data).unwrap();
    starting.try_lock().unwrap();
    let mut command = Command::new(BINARY);
    command.args([
        "user",
        "revoke",
        "alice",
        "--yes",
        "--data-dir",
        &house.data,
    ]);
    let mut command = command.kill_on_drop(true).spawn().unwrap();
    let early = tokio::time::timeout(std::time::Duration::from_millis(300), command.wait()).await;
    assert!(
        early.is_err(),
        "it changed the database behind the server's back"
    );
    drop(starting);
    assert!(command.wait().await.unwrap().success());
    let users = house.json(&["user", "list"]);
    assert_eq!(users.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn of_many_servers_that_start_at_once_one_runs_and_commands_meanwhile_are_heard_by_it() {
    let house = House::new("owner-race");
    let names: Vec<_> = (0..6).map(|n| format!("user{n}")).collect();
    for name in &names {
        house.line(&["user", "add", name]);
    }
    let serve = || {
        let mut command = Command::new(BINARY);
        command.args([
            "serve",
            "--data-dir",
            &house.data,
            "--listen",
            "127.0.0.1:0",
        ]);
        command
            .stderr(std::process::Stdio::null())
            .kill_on_drop(true);
        command.spawn().unwrap()
    };
    let mut servers = [serve(), serve(), serve()];
    let revokes = names.iter().map(|name| {
        let mut command = Command::new(BINARY);
        command.args(["user", "revoke", name, "--yes", "--data-dir", &house.data]);
        command.kill_on_drop(true).spawn().unwrap()
    });
    for mut revoke in revokes.collect::<Vec<_>>() {
        assert!(revoke.wait().await.unwrap().success());
    }
    // By the server that runs, not by the database.
    let users = house.json(&["user", "list"]);
    assert_eq!(users.as_array().unwrap().len(), 1, "{users}");
    // The two that are turned away end by themselves.
    let mut ended = 0;
    while ended < 2 {
        ended = 0;
        for server in &mut servers {
            if let Some(status) = server.try_wait().unwrap() {
                assert!(!status.success());
                ended += 1;
            }
        }
        tokio::task::yield_now().await;
    }
    for mut server in servers {
        let _ = server.kill().await;
    }
}
