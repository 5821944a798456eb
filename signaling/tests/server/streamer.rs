// SPDX-License-Identifier: MPL-2.0
//! `run` with the configuration of a dual-camera streamer; its cameras' programs are a script of this test's.
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::common::{Client, PATIENCE};
use crate::program::{BINARY, Folder, Serving, complaint_of, run};
use porthole_protocol::key::CameraKey;
use porthole_protocol::random_secret;
use serde_json::{Value, json};
use tokio::process::Command;

const DUAL: &str = "[server]\nweb-port = 0\nbind-ip = \"127.0.0.1\"\n[camera1]\nwebrtc-port = 0\nfps = 30\n\
                    [camera2]\ndevice = 2\nwebrtc-port = 0\n[video]\nbitrate = 1000\n";

/// In the place of gst-launch-1.0: says what it was told, and goes on, or ends.
const FAKE: &str = "#!/bin/sh\necho \"fake $$ $PORTHOLE_CAMERA_KEY $*\"\n[ \"$FAKE\" = ends ] && exit 3\nexec sleep 1000\n";

struct Running {
    serving: Serving,
    token: String,
    _folder: Folder,
}

impl Running {
    async fn start(test: &str, fake: &str) -> Self {
        let folder = Folder::new(test);
        let config = folder.config(DUAL);
        let program = folder.file("gst-launch-1.0");
        fs::write(&program, FAKE).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("{}:{}", folder.0.display(), std::env::var("PATH").unwrap());
        let token = random_secret();
        let mut command = Command::new(BINARY);
        command
            .args(["run", "--config", &config, "--test-mode"])
            .env("PATH", path)
            .env("FAKE", fake)
            .env("PORTHOLE_VIEWER_TOKEN", &token)
            .stdout(Stdio::null());
        let serving = Serving::of(command, "http").await;
        Self {
            serving,
            token,
            _folder: folder,
        }
    }

    /// The process and the key of a camera's program.
    async fn fake(&mut self, of: &str) -> (u32, CameraKey) {
        loop {
            let mut lines = self.serving.log.lines();
            let found = lines.find_map(|line| {
                let mut words = line.strip_prefix("fake ")?.split(' ');
                let id = words.next()?.parse().ok()?;
                let key: CameraKey = words.next()?.parse().ok()?;
                (key.id == of).then_some((id, key))
            });
            if let Some(found) = found {
                return found;
            }
            self.serving.read_on().await;
        }
    }

    /// Where a camera's own port is.
    fn port(&self, of: &str) -> SocketAddr {
        let prefix = format!("{of}: ws://");
        let mut lines = self.serving.log.lines();
        let line = lines.find_map(|line| line.strip_prefix(&prefix)).unwrap();
        line.trim_end_matches('/').parse().unwrap()
    }
}

async fn connect(address: SocketAddr, path: &str, token: &str) -> Result<Client, (u16, Value)> {
    let bearer = format!("Bearer {token}");
    let mut client = Client::connect(address, path, &[("authorization", &bearer)]).await?;
    assert_eq!(client.recv().await["type"], "welcome");
    Ok(client)
}

async fn cameras(client: &mut Client) -> Vec<String> {
    client.send(json!({"type": "list"})).await;
    let list = client.recv().await;
    let producers = list["producers"].as_array().unwrap().iter();
    producers
        .map(|producer| producer["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn each_camera_has_a_program_a_key_and_a_port_at_which_it_is_alone() {
    let mut running = Running::start("streamer-ports", "goes-on").await;
    let mut online = Vec::new();
    for name in ["camera1", "camera2"] {
        let (_, key) = running.fake(name).await;
        assert_eq!(key.url.port(), Some(running.serving.address.port()));
        let mut camera = connect(running.serving.address, "/ws", &key.secret)
            .await
            .unwrap();
        camera
            .send(json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":"n"}}))
            .await;
        // Answered after the status was taken.
        assert!(cameras(&mut camera).await.is_empty());
        online.push(camera);
    }
    let line = "portholesrc camera=test framerate=30/1 ! portholesink bitrate=1000000";
    assert!(
        running.serving.log.contains(line),
        "{}",
        running.serving.log
    );
    let token = running.token.clone();
    for (name, path) in [
        ("camera1", "/"),
        ("camera2", "/any/path"),
        ("camera2", "/ws"),
    ] {
        let port = running.port(name);
        let mut viewer = connect(port, path, &token).await.unwrap();
        assert_eq!(cameras(&mut viewer).await, [name]);
        let at = format!("{path}?access_token={token}");
        assert!(Client::connect(port, &at, &[]).await.is_ok());
        let refused = connect(port, path, "made-up").await.map(drop).unwrap_err();
        assert_eq!(refused.0, 401);
    }
    let mut page = connect(running.serving.address, "/ws", &token)
        .await
        .unwrap();
    assert_eq!(cameras(&mut page).await, ["camera1", "camera2"]);
    let log = running.serving.terminate().await;
    assert!(!log.contains(&token), "{log}");
}

#[tokio::test]
async fn a_program_that_ends_begins_again_after_pauses_that_grow() {
    let mut running = Running::start("streamer-ends", "ends").await;
    for seconds in ["seconds=1", "seconds=2"] {
        running.serving.wait_for(seconds).await;
    }
    assert!(running.serving.log.contains("exit status: 3"));
    running.serving.terminate().await;
}

#[tokio::test]
async fn the_programs_end_with_the_one_that_began_them_however_that_ends() {
    for signal in ["-TERM", "-INT", "-KILL"] {
        let mut running = Running::start(&format!("streamer{signal}"), "goes-on").await;
        let mut ids = Vec::new();
        for name in ["camera1", "camera2"] {
            ids.push(running.fake(name).await.0);
        }
        running.serving.signal(signal);
        let start = Instant::now();
        for id in ids {
            while Path::new(&format!("/proc/{id}/exe")).exists() {
                assert!(start.elapsed() < PATIENCE, "{signal}: a program goes on");
                thread::park_timeout(Duration::from_millis(5));
            }
        }
    }
}

#[test]
fn the_script_says_the_same_and_a_mistake_says_what_was_meant() {
    let folder = Folder::new("streamer-script");
    let config = folder.config(&DUAL.replace("web-port = 0", "web-port = 8081"));
    let args = [
        "run",
        "--config",
        &config,
        "--print-only",
        "--pi-ip",
        "192.168.1.9",
    ];
    let output = run(&args);
    assert!(output.status.success(), "{output:?}");
    let script = String::from_utf8(output.stdout).unwrap();
    let file = folder.file("own.sh");
    fs::write(&file, &script).unwrap();
    let checked = std::process::Command::new("sh")
        .args(["-n", &file])
        .status();
    assert!(checked.unwrap().success(), "{script}");
    for line in [
        "porthole-signaling init --url http://192.168.1.9:8081/",
        "porthole-signaling serve --listen 127.0.0.1:8081 &",
        "gst-launch-1.0 portholesrc camera=/dev/video2 '!' portholesink bitrate=1000000 camera-key-file=camera2.key &",
    ] {
        assert!(script.contains(line), "{script}");
    }
    let config = folder.config("[camera1]\nwidht = 640\n");
    let complaint = complaint_of(&["run", "--config", &config]);
    assert!(
        complaint.contains("p.toml:2: widht: unknown key `widht`: did you mean `width`?"),
        "{complaint}"
    );
    assert!(complaint_of(&["run"]).contains("--config FILE is missing"));
    let config = folder.config("[camera1]\n");
    let complaint = complaint_of(&["run", "--config", &config, "--print-only", "--pi-ip", "a b"]);
    assert!(complaint.contains("--pi-ip"), "{complaint}");
}
