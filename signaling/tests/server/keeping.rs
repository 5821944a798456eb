// SPDX-License-Identifier: MPL-2.0
//! What a server keeps: through an `init` that is interrupted, a reload, a rotation and a restart.
use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::common::{Client, http, http_with};
use crate::owned::{House, log_in};
use crate::program::{BINARY, Folder, Serving, complaint_of, line_of, run};
use aws_lc_rs::hmac;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use jsonwebtoken::{EncodingKey, Header, encode};
use porthole_protocol::key::CameraKey;
use serde_json::{Value, json};
use tokio::process::Command;

/// A token of an existing backend that signs with this secret.
fn token(secret: &str) -> String {
    let claims = json!({
        "sub": "carol", "iss": "i", "aud": "a", "role": "viewer", "cameras": "*", "perms": ["view"],
        "exp": jiff::Timestamp::now().as_second() + 600,
    });
    let key = EncodingKey::from_secret(secret.as_bytes());
    format!(
        "Bearer {}",
        encode(&Header::default(), &claims, &key).unwrap()
    )
}

#[tokio::test]
async fn a_signal_takes_up_secrets_by_what_is_in_their_files() {
    let folder = Folder::new("commands-secrets");
    let (old, new) = (
        "0123456789abcdef0123456789abcdef",
        "fedcba9876543210fedcba9876543210",
    );
    fs::write(folder.file("hs256"), old).unwrap();
    fs::write(folder.file("turn"), old).unwrap();
    let config = folder.config(
        "[auth]\nhs256-secret-file = \"hs256\"\nissuer = \"i\"\naudience = \"a\"\n\
         [turn]\nurls = [\"turn:t.example\"]\nsecret-file = \"turn\"\n",
    );
    let key: CameraKey = line_of(&["camera", "add", "front", "--config", &config])
        .parse()
        .unwrap();
    let mut serving = Serving::start(&config, "http").await;
    let address = serving.address;
    let path = format!("/ws?access_token={}", key.secret);
    let mut camera = Client::connect(address, &path, &[]).await.unwrap();
    assert_eq!(camera.recv().await["type"], "welcome");
    camera
        .send(json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":"n"}}))
        .await;
    let me = async |token: &str| {
        http(address, "GET /api/me", &[("authorization", token)])
            .await
            .status
    };
    let (first, second) = (token(old), token(new));
    assert_eq!((me(&first).await, me(&second).await), (200, 401));

    // A broken file changes nothing.
    fs::write(folder.file("hs256"), "short").unwrap();
    serving.reload("nothing is changed: ").await;
    assert_eq!(me(&first).await, 200);
    fs::write(folder.file("hs256"), new).unwrap();
    fs::write(folder.file("turn"), new).unwrap();
    serving
        .reload("read the configuration again changes=2")
        .await;
    assert_eq!((me(&first).await, me(&second).await), (401, 200));
    serving
        .reload("read the configuration again changes=0")
        .await;

    let mut viewer = Client::connect(address, "/ws", &[("authorization", &second)])
        .await
        .unwrap();
    assert_eq!(viewer.recv().await["type"], "welcome");
    viewer
        .send(json!({"type":"setPeerStatus","roles":["listener"],"meta":null,"porthole":{"version":1}}))
        .await;
    assert_eq!(viewer.recv().await["type"], "peerStatusChanged");
    viewer
        .send(json!({"type":"startSession","peerId":"front"}))
        .await;
    let started = viewer.recv().await;
    let server = &started["iceServers"][0];
    let user = server["username"].as_str().unwrap();
    let hmac_key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, new.as_bytes());
    let expected = BASE64_STANDARD.encode(hmac::sign(&hmac_key, user.as_bytes()));
    assert_eq!(server["credential"], json!(expected));
    let log = serving.terminate().await;
    assert!(log.contains("carol watches front: view"), "{log}");
    assert!(!log.contains(old) && !log.contains(new));
}

#[test]
fn an_init_that_was_interrupted_anywhere_is_said_again() {
    let folder = Folder::new("commands-init");
    let whole = folder.file("whole");
    line_of(&["init", "--data-dir", &whole, "--url", "http://127.0.0.1:9/"]);
    // What is there after each step, as it is made: each file is there as a whole or not at all.
    let steps: [(&str, &[&str]); 6] = [
        ("folder", &[]),
        ("half a file", &["config.toml.new"]),
        ("configuration", &["config.toml"]),
        ("database", &["config.toml", "porthole.sqlite3-empty"]),
        (
            "key",
            &["config.toml", "porthole.sqlite3-empty", "grant-key"],
        ),
        (
            "administrator",
            &[
                "config.toml",
                "porthole.sqlite3",
                "grant-key",
                "device-key",
                "init.unfinished",
            ],
        ),
    ];
    for (step, files) in steps {
        let data = folder.file(&step.replace(' ', "-"));
        fs::create_dir(&data).unwrap();
        for name in files {
            let to = Path::new(&data).join(name.trim_end_matches("-empty"));
            match Path::new(&whole).join(name).exists() {
                true => drop(fs::copy(Path::new(&whole).join(name), to).unwrap()),
                false => fs::write(to, "").unwrap(),
            }
        }
        let password = line_of(&["init", "--data-dir", &data]);
        let users = run(&["user", "list", "--json", "--data-dir", &data]);
        let users: Value = serde_json::from_slice(&users.stdout).unwrap();
        assert_eq!(
            (users.as_array().unwrap().len(), &users[0]["name"]),
            (1, &json!("admin")),
            "{step}"
        );
        assert!(password.len() >= 16);
        let left = fs::read_dir(&data).unwrap();
        let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let names: Vec<_> = names
            .filter(|name| name.contains("unfinished") || name.ends_with(".new"))
            .collect();
        assert!(
            names.iter().all(|name| name == "config.toml.new"),
            "{step}: {names:?}"
        );
        // It is done now, and says so.
        let again = complaint_of(&["init", "--data-dir", &data]);
        assert!(
            again.contains("is in use already") && again.contains("user password"),
            "{again}"
        );
    }
    // What belongs to somebody else is left alone.
    let others = folder.file("others");
    fs::create_dir(&others).unwrap();
    fs::write(Path::new(&others).join("thesis.tex"), "").unwrap();
    assert!(complaint_of(&["init", "--data-dir", &others]).contains("is not empty"));
}

#[tokio::test]
async fn an_init_that_is_killed_at_any_moment_is_said_again() {
    let folder = Folder::new("commands-killed");
    for step in 0..12 {
        let data = folder.file(&format!("data{step}"));
        let mut command = Command::new(BINARY);
        command
            .args(["init", "--data-dir", &data])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.kill_on_drop(true).spawn().unwrap();
        // It takes some 100 ms in all.
        let after = std::time::Duration::from_millis(step * 12);
        let ended = tokio::time::timeout(after, child.wait()).await;
        child.kill().await.unwrap();
        match ended {
            Ok(status) => assert!(status.unwrap().success()),
            Err(_) => {
                let output = run(&["init", "--data-dir", &data]);
                let said = String::from_utf8_lossy(&output.stderr).into_owned();
                // At the very end its password was printed already.
                assert!(
                    output.status.success() || said.contains("is in use already"),
                    "{said}"
                );
            }
        }
        let users = run(&["user", "list", "--data-dir", &data]);
        assert!(users.status.success() && !users.stdout.is_empty());
    }
}

#[tokio::test]
async fn a_device_is_known_after_the_key_was_rotated_and_the_server_restarted() {
    let house = House::new("commands-device");
    let password = house.line(&["user", "add", "alice"]);
    let server = Serving::on(&house.data).await;
    let page = log_in(&server, "alice", &password).await.cookies();
    let device = page
        .split("; ")
        .find(|cookie| cookie.contains("-device="))
        .unwrap();
    let device = device.split_once('=').unwrap().1.to_owned();
    server.terminate().await;
    for _ in 0..2 {
        house.quiet(&["key", "rotate"]);
    }
    assert_eq!(house.mode("device-key"), 0o600);
    let server = Serving::on(&house.data).await;
    for _ in 0..11 {
        log_in(&server, "alice", "wrong password").await;
    }
    assert_eq!(log_in(&server, "alice", &password).await.status, 429);
    // The port is another one, and with it the cookie's name.
    let cookie = format!("porthole-9-device={device}");
    let body = json!({"user": "alice", "password": password}).to_string();
    let headers = [("content-type", "application/json"), ("cookie", &*cookie)];
    let known = http_with(server.address, "POST /api/session", &headers, &body).await;
    assert_eq!(known.status, 200, "{known:?}");
    let log = server.terminate().await;
    assert!(!log.contains(&device));
}
