// SPDX-License-Identifier: MPL-2.0
//! Several servers as operators run them: processes of the binary, on one PostgreSQL and one NATS, that are killed, stand still
//! and are told to end. Clients connect again as ours do, to whichever server answers.

use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use porthole_protocol::grant::GrantSigner;
use porthole_signaling::ViewerEntry;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::common::{Client, PATIENCE, http};
use crate::nats::Nats;
use crate::postgres::shared_database;
use crate::program::{Folder, Serving};

/// In which a camera that lost its server can be watched again.
const BACK: Duration = Duration::from_secs(3);

struct Fleet {
    _folder: Folder,
    _nats: Nats,
    servers: Vec<Serving>,
    camera_secret: String,
    token: String,
}

impl Fleet {
    /// Three servers; `front` may be watched by Alice, by the configuration that all of them have.
    async fn new(name: &str) -> Self {
        let (folder, nats) = (Folder::new(name), Nats::start().await);
        let database = shared_database().await;
        let (camera_secret, token) = (
            "a camera's secret of many letters",
            "alice's token of many letters",
        );
        let signer = GrantSigner::generate().unwrap();
        let mut servers = Vec::new();
        for n in 0..3 {
            let dir = folder.file(&format!("data{n}"));
            std::fs::create_dir_all(&dir).unwrap();
            own(&dir, 0o700);
            let grant_key = folder.file(&format!("data{n}/grant-key"));
            std::fs::write(&grant_key, signer.to_string()).unwrap();
            own(&grant_key, 0o600);
            let config = folder.file(&format!("p{n}.toml"));
            let text = format!(
                "listen = \"127.0.0.1:0\"\ndata-dir = \"data{n}\"\n[database]\nurl = \"{database}\"\n[cluster]\nnats = \"{}\"\n\
                 [[camera]]\nid = \"front\"\nname = \"Front\"\nsecret-sha256 = \"{}\"\n\
                 [[viewer]]\nname = \"alice\"\ntoken-sha256 = \"{}\"\ncameras = [\"front\"]\nperms = [\"view\"]\nlease = 600\n",
                nats.url(),
                digest(camera_secret),
                digest(token),
            );
            std::fs::write(&config, text).unwrap();
            own(&config, 0o600);
            servers.push(Serving::start(&config, "http").await);
        }
        let fleet = Self {
            _folder: folder,
            _nats: nats,
            servers,
            camera_secret: camera_secret.to_owned(),
            token: token.to_owned(),
        };
        for server in &fleet.servers {
            fleet.ready(server).await;
        }
        fleet
    }

    async fn ready(&self, server: &Serving) {
        let begun = Instant::now();
        while http(server.address, "GET /ready", &[]).await.status != 200 {
            assert!(begun.elapsed() < PATIENCE, "it is not ready");
            sleep(Duration::from_millis(20)).await;
        }
    }

    async fn connect(&self, n: usize, secret: &str) -> Result<Client, u16> {
        let bearer = format!("Bearer {secret}");
        let address = self.servers[n].address;
        let client = Client::connect(address, "/ws", &[("authorization", &bearer)]).await;
        let mut client = client.map_err(|(status, _)| status)?;
        assert_eq!(client.recv().await["type"], "welcome");
        Ok(client)
    }

    async fn camera(&self, n: usize, sessions: &Value) -> Client {
        let mut camera = self.connect(n, &self.camera_secret).await.unwrap();
        let porthole = json!({"version":1,"nonce":format!("n{n}"),"sessions":sessions});
        let status =
            json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":porthole});
        camera.send(status).await;
        camera
    }

    async fn viewer(&self, n: usize) -> Client {
        let mut viewer = self.connect(n, &self.token).await.unwrap();
        let status = json!({"type":"setPeerStatus","roles":["listener"],"meta":null,"porthole":{"version":1}});
        viewer.send(status).await;
        viewer
    }

    fn signal(&self, n: usize, signal: Signal) {
        let id = self.servers[n].child.id().unwrap();
        kill_process(Pid::from_raw(id.cast_signed()).unwrap(), signal).unwrap();
    }
}

/// A session, and what its ends know of it.
struct Running {
    session: String,
    secret: String,
    grant: String,
}

impl Running {
    fn report(&self) -> Value {
        json!([{"sessionId": self.session, "grant": self.grant, "lease": 600}])
    }
}

/// For this user alone, as the server wants it.
fn own(path: &str, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// As the configuration has secrets.
fn digest(secret: &str) -> String {
    ViewerEntry::new("", secret).token.to_hex()
}

async fn next(client: &mut Client, kind: &str) -> Value {
    loop {
        let message = client.recv().await;
        assert!(message["close"].is_null(), "{message}, and no {kind}");
        if message["type"] == kind {
            return message;
        }
    }
}

/// Starts a session as soon as the camera can be watched.
async fn watch(viewer: &mut Client, camera: &mut Client) -> Running {
    let begun = Instant::now();
    let started = loop {
        viewer
            .send(json!({"type":"startSession","peerId":"front"}))
            .await;
        let answer = loop {
            let message = viewer.recv().await;
            if message["type"] == "sessionStarted" || message["type"] == "error" {
                break message;
            }
        };
        if answer["type"] == "sessionStarted" {
            break answer;
        }
        assert!(begun.elapsed() < PATIENCE, "{answer}");
        sleep(Duration::from_millis(20)).await;
    };
    let start = next(camera, "startSession").await;
    let words = |value: &Value| value.as_str().unwrap().to_owned();
    Running {
        session: words(&started["sessionId"]),
        secret: words(&started["secret"]),
        grant: words(&start["grant"]),
    }
}

async fn says_something(viewer: &mut Client, camera: &mut Client, session: &str) {
    let words =
        json!({"type":"peer","sessionId":session,"ice":{"candidate":"c","sdpMLineIndex":0}});
    viewer.send(words.clone()).await;
    assert_eq!(next(camera, "peer").await, words);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_is_missed_for_less_than_three_seconds_by_its_cameras_and_its_viewers()
 {
    let mut fleet = Fleet::new("cluster-killed").await;
    let mut camera = fleet.camera(1, &json!([])).await;
    let mut viewer = fleet.viewer(0).await;
    let running = watch(&mut viewer, &mut camera).await;

    let begun = Instant::now();
    fleet.servers[1].child.kill().await.unwrap();
    assert!(!camera.recv().await["close"].is_string());
    let mut camera = fleet.camera(2, &running.report()).await;
    next(&mut camera, "grantUpdate").await;
    assert_eq!(
        next(&mut viewer, "sessionResumed").await["sessionId"],
        json!(running.session)
    );
    assert!(begun.elapsed() <= BACK, "{:?}", begun.elapsed());
    says_something(&mut viewer, &mut camera, &running.session).await;

    // The viewer's.
    fleet.servers[0].child.kill().await.unwrap();
    let mut viewer = fleet.viewer(2).await;
    let resume = json!({"type":"resumeSession","peerId":"front","sessionId":running.session,"secret":running.secret});
    viewer.send(resume).await;
    next(&mut viewer, "sessionResumed").await;
    says_something(&mut viewer, &mut camera, &running.session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stood_still_gives_back_nothing_that_has_moved_meanwhile() {
    let fleet = Fleet::new("cluster-frozen").await;
    let mut camera = fleet.camera(1, &json!([])).await;
    let mut viewer = fleet.viewer(0).await;
    let running = watch(&mut viewer, &mut camera).await;

    fleet.signal(1, Signal::STOP);
    // The camera has had no answer, and looks for another server; its old connection still stands.
    let mut moved = fleet.camera(2, &running.report()).await;
    next(&mut moved, "grantUpdate").await;
    assert_eq!(
        next(&mut viewer, "sessionResumed").await["sessionId"],
        json!(running.session)
    );
    says_something(&mut viewer, &mut moved, &running.session).await;

    fleet.signal(1, Signal::CONT);
    // It hears that the camera is another's, and lets go of the old connection.
    let replaced = next(&mut camera, "error").await;
    assert_eq!(replaced["code"], "replaced", "{replaced}");
    fleet.ready(&fleet.servers[1]).await;
    says_something(&mut viewer, &mut moved, &running.session).await;
    let mut at_b = fleet.viewer(1).await;
    let other = watch(&mut at_b, &mut moved).await;
    says_something(&mut at_b, &mut moved, &other.session).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_to_end_has_its_clients_go_elsewhere_and_no_session_ends() {
    let mut fleet = Fleet::new("cluster-drained").await;
    let mut camera = fleet.camera(1, &json!([])).await;
    let mut viewer = fleet.viewer(1).await;
    let running = watch(&mut viewer, &mut camera).await;

    fleet.signal(1, Signal::TERM);
    for client in [&mut camera, &mut viewer] {
        let closed = loop {
            let message = client.recv().await;
            if !message["close"].is_null() {
                break message;
            }
            assert_ne!(message["type"], "endSession", "{message}");
        };
        assert_eq!(closed, json!({"close": 1012, "reason": "moves"}));
    }
    let mut camera = fleet.camera(2, &running.report()).await;
    next(&mut camera, "grantUpdate").await;
    let mut viewer = fleet.viewer(0).await;
    let resume = json!({"type":"resumeSession","peerId":"front","sessionId":running.session,"secret":running.secret});
    viewer.send(resume).await;
    next(&mut viewer, "sessionResumed").await;
    says_something(&mut viewer, &mut camera, &running.session).await;
    let ended = fleet.servers[1].child.wait().await.unwrap();
    assert!(ended.success(), "{ended}");
}
