// SPDX-License-Identifier: MPL-2.0
//! Web Push against a push service of the test's own by TLS, which opens with Node's cryptography what ours has sealed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use porthole_protocol::key::CameraKey;
use serde_json::{Value, json};
use tokio::process::Command as AsyncCommand;

use crate::common::{Answer, Client, http_with};
use crate::house::House as Served;
use crate::owned::{House, log_in};
use crate::program::{BINARY, Serving};
use crate::receiver::{Asked, Door, RING, Receiver, Says, next, status};
use crate::tls::Trust;

const OTHER: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e02";

fn node(mode: &str, input: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/notify/push.mjs");
    let mut child = Command::new("node")
        .arg(script)
        .arg(mode)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "node {mode} {input}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A house whose server may reach a push service on loopback, and trusts it.
struct Home {
    house: House,
    server: Serving,
    service: Receiver,
    port: u16,
    cookies: String,
    secret: String,
    keys: Value,
    server_key: String,
}

impl Home {
    async fn new(test: &str, says: impl IntoIterator<Item = Says>) -> Self {
        let house = House::new(test);
        let trust = Trust::new();
        let authority = house.folder.file("authority.pem");
        fs::write(&authority, &trust.authority).unwrap();
        let service = Receiver::new(says);
        let port = trust.serve(service.router()).await;
        let config = format!("{}/config.toml", house.data);
        let text = fs::read_to_string(&config).unwrap();
        let table = "[[notify]]\nkind = \"web-push\"\nto-private = true\ncontact = \"mailto:door@example.org\"\n";
        fs::write(config, format!("{text}\n{table}")).unwrap();
        let key: CameraKey = house
            .line(&["camera", "add", "front", "--name", "Front door"])
            .parse()
            .unwrap();
        let server = Self::serve(&house).await;
        let cookies = log_in(&server, "admin", &house.password).await.cookies();
        let mut home = Self {
            house,
            server,
            service,
            port,
            cookies,
            secret: key.secret,
            keys: node("keys", &json!(null)),
            server_key: String::new(),
        };
        let answer = home.ask("GET /api/v1/push", "").await;
        answer.json()["publicKey"]
            .as_str()
            .unwrap()
            .clone_into(&mut home.server_key);
        home
    }

    async fn serve(house: &House) -> Serving {
        let mut command = AsyncCommand::new(BINARY);
        command
            .args([
                "serve",
                "--data-dir",
                &house.data,
                "--listen",
                "127.0.0.1:0",
            ])
            .env("SSL_CERT_FILE", house.folder.file("authority.pem"));
        Serving::of(command, "http").await
    }

    async fn ask(&self, request: &str, body: &str) -> Answer {
        let origin = format!("http://{}", self.server.address);
        let headers = [
            ("origin", &*origin),
            ("cookie", &self.cookies),
            ("content-type", "application/json"),
        ];
        http_with(self.server.address, request, &headers, body).await
    }

    fn endpoint(&self, browser: &str) -> String {
        format!("https://localhost:{}/{browser}", self.port)
    }

    async fn subscribe(&self, browser: &str) {
        let subscription = json!({
            "endpoint": self.endpoint(browser),
            "expirationTime": null,
            "keys": {"p256dh": self.keys["p256dh"], "auth": self.keys["auth"]},
        });
        let answer = self
            .ask("POST /api/v1/me/push", &subscription.to_string())
            .await;
        assert_eq!(answer.status, 204, "{answer:?}");
    }

    async fn ring(&self, ring: &str) -> (Client, Value) {
        let bearer = format!("Bearer {}", self.secret);
        let camera =
            Client::connect(self.server.address, "/ws", &[("authorization", &bearer)]).await;
        let mut camera = camera.unwrap();
        let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":ring}});
        camera.send(status).await;
        camera.send(json!({"type":"ring","ringId":ring})).await;
        let call = next(&mut camera, "cameraCall").await["call"].take();
        (camera, call)
    }

    /// What this says, which was sealed for our browsers.
    fn open(&self, asked: &Asked) -> Value {
        let opened = node(
            "open",
            &json!({
                "private": self.keys["private"],
                "auth": self.keys["auth"],
                "serverKey": self.server_key,
                "authorization": asked.header("authorization"),
                "body": data_encoding::BASE64URL_NOPAD.encode(&asked.body),
            }),
        );
        let claims = &opened["claims"];
        assert_eq!(claims["aud"], format!("https://localhost:{}", self.port));
        assert_eq!(claims["sub"], "mailto:door@example.org");
        let left = claims["exp"].as_i64().unwrap() - jiff::Timestamp::now().as_second();
        assert!((1..=24 * 60 * 60).contains(&left), "{left}");
        opened["told"].clone()
    }
}

#[tokio::test]
async fn a_browser_reads_that_it_rings_and_what_became_of_it_and_nobody_in_between_does() {
    let home = Home::new("notify-push", []).await;
    home.subscribe("phone").await;
    home.subscribe("phone").await;
    let (mut camera, call) = home.ring(RING).await;
    let asked = home.service.wait_for(1).await.remove(0);
    assert_eq!((&*asked.method, &*asked.path), ("POST", "/phone"));
    assert_eq!(asked.header("content-encoding"), "aes128gcm");
    assert_eq!(asked.header("urgency"), "high");
    let ttl: u32 = asked.header("ttl").parse().unwrap();
    assert!((1..=15 * 60).contains(&ttl), "{ttl}");
    let told = home.open(&asked);
    let id = call["id"].as_str().unwrap();
    assert_eq!(
        (&told["v"], &told["kind"], &told["call"]),
        (&json!(1), &json!("ring"), &json!(id))
    );
    assert_eq!(
        (&told["camera"], &told["name"]),
        (&json!("front"), &json!("Front door"))
    );
    for time in ["rang", "until"] {
        told[time]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .unwrap();
    }
    let page = told["page"].as_str().unwrap();
    assert_eq!(page, format!("http://127.0.0.1:9/#camera=front&call={id}"));
    assert!(
        told["link"]
            .as_str()
            .unwrap()
            .starts_with("http://127.0.0.1:9/#share="),
        "{told}"
    );
    // Nothing of it can be read by whoever carries it.
    assert!(!asked.body.windows(5).any(|five| five == b"front"));

    camera.send(json!({"type":"endCall","callId":id})).await;
    let over = home.service.wait_for(2).await.remove(1);
    assert_eq!(over.header("topic"), asked.header("topic"));
    assert!(asked.header("topic").len() <= 32);
    let told = home.open(&over);
    assert_eq!(
        (&told["kind"], &told["call"], &told["reason"]),
        (&json!("ended"), &json!(id), &json!("hung-up-at-door"))
    );
    let log = home.server.terminate().await;
    for secret in ["/phone", home.keys["auth"].as_str().unwrap(), "share="] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    assert_eq!(home.house.mode("push-key"), 0o600);
}

#[tokio::test]
async fn the_key_stays_and_what_the_push_service_knows_no_more_is_forgotten() {
    let mut home = Home::new("notify-push-gone", [Says::This(status(410))]).await;
    home.subscribe("phone").await;
    let (mut camera, call) = home.ring(RING).await;
    home.service.wait_for(1).await;
    home.server
        .wait_for("a browser of admin is told of calls no more")
        .await;
    camera
        .send(json!({"type":"endCall","callId":call["id"]}))
        .await;
    assert_eq!(
        next(&mut camera, "cameraCall").await["call"]["state"],
        "ended"
    );
    // What is asked for is written down before it is answered.
    let calls = home.house.json(&["calls"]);
    assert_eq!(calls[0]["state"], "ended", "{calls}");
    home.server.child.kill().await.unwrap();
    home.server = Home::serve(&home.house).await;
    let key = home.ask("GET /api/v1/push", "").await.json();
    assert_eq!(key["publicKey"], json!(home.server_key));
    // One is there no more, one is new.
    home.subscribe("tablet").await;
    let (_camera, _) = home.ring(OTHER).await;
    let asked = home.service.wait_for(2).await;
    assert_eq!(asked[1].path, "/tablet");
    home.server.terminate().await;
}

#[tokio::test]
async fn whoever_is_signed_out_everywhere_and_whoever_says_so_is_told_no_more() {
    let home = Home::new("notify-push-out", []).await;
    for browser in ["one", "two", "three"] {
        home.subscribe(browser).await;
    }
    let gone = json!({"endpoint": home.endpoint("two")}).to_string();
    for _ in 0..2 {
        assert_eq!(home.ask("DELETE /api/v1/me/push", &gone).await.status, 204);
    }
    let (mut camera, call) = home.ring(RING).await;
    let mut told: Vec<_> = home
        .service
        .wait_for(2)
        .await
        .into_iter()
        .map(|asked| asked.path)
        .collect();
    told.sort();
    assert_eq!(told, ["/one", "/three"]);
    camera
        .send(json!({"type":"endCall","callId":call["id"]}))
        .await;
    home.service.wait_for(4).await;
    home.house.quiet(&["user", "sign-out", "admin"]);
    let tested = home.house.json(&["notify", "test", "admin"]);
    assert_eq!(tested, json!([]));
    home.server.terminate().await;
}

#[tokio::test]
async fn users_with_an_account_alone_are_told_and_no_push_service_is_beside_the_server() {
    // Without a key there is no Web Push.
    let house = Served::new().await;
    let answer = house.admin.get("/api/v1/push").await;
    assert_eq!(answer.problem(), (404, "no-push".to_owned()));
    drop(house);
    let door = Door::with_push().await;
    let keys = node("keys", &json!(null));
    let keys = json!({"p256dh": keys["p256dh"], "auth": keys["auth"]});
    let with = |endpoint: &str, keys: &Value| json!({"endpoint": endpoint, "keys": keys});
    let admin = &door.house.admin;
    for endpoint in [
        "https://127.0.0.1:1/x",
        "https://localhost/x",
        "https://[::1]/",
        "http://push.example/x",
        "x",
    ] {
        let answer = admin.post("/api/v1/me/push", &with(endpoint, &keys)).await;
        assert_eq!(
            answer.problem(),
            (422, "bad-value".to_owned()),
            "{endpoint}"
        );
    }
    let good = "https://push.example/x";
    for (p256dh, auth) in [
        ("", "AAAAAAAAAAAAAAAAAAAAAA"),
        ("AAAA", "AAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let keys = json!({"p256dh": p256dh, "auth": auth});
        let answer = admin.post("/api/v1/me/push", &with(good, &keys)).await;
        assert_eq!(answer.problem(), (422, "bad-value".to_owned()), "{keys}");
    }
    assert_eq!(
        admin
            .post("/api/v1/me/push", &with(good, &keys))
            .await
            .status,
        204
    );
    // Of ten browsers of one user the latest eight are left.
    for number in 0..10 {
        let endpoint = format!("https://push.example/{number}");
        assert_eq!(
            admin
                .post("/api/v1/me/push", &with(&endpoint, &keys))
                .await
                .status,
            204
        );
    }
    let store = door.house.behind_its_back().await;
    let left = store.push_subscriptions("root").await.unwrap();
    assert_eq!(left.len(), 8);
    let nobody = door
        .house
        .nobody()
        .post("/api/v1/me/push", &with(good, &keys))
        .await;
    assert_eq!(nobody.status, 401);
    // Those of a user go with the user.
    let plain = door.house.user("plain").await;
    let added = plain
        .post(
            "/api/v1/me/push",
            &with("https://push.example/plain", &keys),
        )
        .await;
    assert_eq!(added.status, 204);
    assert_eq!(store.push_subscriptions("plain").await.unwrap().len(), 1);
    assert_eq!(
        door.house.admin.delete("/api/users/plain").await.status,
        204
    );
    assert!(store.push_subscriptions("plain").await.unwrap().is_empty());
}
