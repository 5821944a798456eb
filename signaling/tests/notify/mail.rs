// SPDX-License-Identifier: MPL-2.0
//! Mail, to a server of Python's (aiosmtpd), by a server of ours that trusts its certificate, and by one that does not.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::common::{Client, PATIENCE};
use crate::owned::House;
use crate::program::{BINARY, Serving};
use crate::receiver::{RING, jpeg};
use crate::tls::Trust;

/// A mail server.
struct Mailbox {
    _child: Child,
    port: u16,
    told: Lines<BufReader<ChildStdout>>,
}

impl Mailbox {
    async fn start(mode: &str, house: &House) -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut child = Command::new(root.join("../target/tools/bin/python3"))
            .arg(root.join("tests/notify/mailbox.py"))
            .args([
                mode,
                &house.folder.file("cert.pem"),
                &house.folder.file("key.pem"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("scripts/install test makes target/tools");
        let mut told = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = timeout(PATIENCE, told.next_line()).await.unwrap().unwrap();
        Self {
            _child: child,
            port: port.expect("it did not start").parse().unwrap(),
            told,
        }
    }

    async fn next(&mut self) -> Value {
        let line = timeout(PATIENCE, self.told.next_line()).await;
        let line = line.expect("no mail came").unwrap();
        serde_json::from_str(&line.unwrap()).unwrap()
    }
}

/// A house with a certificate for its mail server, the file of whom one has to trust for that, and the camera "front".
fn house(test: &str) -> (House, String, String) {
    let house = House::new(test);
    let trust = Trust::new();
    fs::write(house.folder.file("cert.pem"), trust.certificate.pem()).unwrap();
    fs::write(house.folder.file("key.pem"), trust.key.serialize_pem()).unwrap();
    fs::write(house.folder.file("password"), "open sesame\n").unwrap();
    let authority = house.folder.file("authority.pem");
    fs::write(&authority, trust.authority).unwrap();
    let key = house.line(&["camera", "add", "front", "--name", "Front door"]);
    let key: porthole_protocol::key::CameraKey = key.parse().unwrap();
    (house, authority, key.secret)
}

fn configure(house: &House, table: &str) {
    let path = format!("{}/config.toml", house.data);
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, format!("{text}\n{table}")).unwrap();
}

fn table(house: &House, mailbox: &Mailbox, tls: &str, to: &str) -> String {
    let password = house.folder.file("password");
    let login = match tls {
        "none" => String::new(),
        _ => format!("login = \"door\"\npassword-file = \"{password}\"\n"),
    };
    format!(
        "[[notify]]\nkind = \"mail\"\nserver = \"localhost\"\nport = {}\ntls = \"{tls}\"\nfrom = \"The door <door@example.org>\"\n\
         to = {{admin = \"{to}\"}}\n{login}",
        mailbox.port
    )
}

async fn serve(house: &House, trusted: Option<&str>) -> Serving {
    let mut command = Command::new(BINARY);
    command.args([
        "serve",
        "--data-dir",
        &house.data,
        "--listen",
        "127.0.0.1:0",
    ]);
    if let Some(authority) = trusted {
        command.env("SSL_CERT_FILE", authority);
    }
    Serving::of(command, "http").await
}

async fn ring(server: &Serving, secret: &str) -> Client {
    let bearer = format!("Bearer {secret}");
    let camera = Client::connect(server.address, "/ws", &[("authorization", &bearer)]).await;
    let mut camera = camera.unwrap();
    let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":"n"}});
    camera.send(status).await;
    camera.send(json!({"type":"ring","ringId":RING})).await;
    camera
}

#[tokio::test]
async fn mail_goes_by_starttls_with_a_login_and_by_tls_from_the_beginning() {
    for tls in ["starttls", "tls"] {
        let (house, authority, secret) = house(&format!("notify-mail-{tls}"));
        let mut mailbox = Mailbox::start(tls, &house).await;
        // The first is told that it cannot be now.
        configure(
            &house,
            &table(&house, &mailbox, tls, "Busy <busy@example.org>"),
        );
        let server = serve(&house, Some(&authority)).await;
        let _camera = ring(&server, &secret).await;
        let mail = mailbox.next().await;
        assert_eq!(
            (&mail["encrypted"], &mail["authenticated"]),
            (&json!(true), &json!(true)),
            "{mail}"
        );
        assert_eq!(mail["from"], "The door <door@example.org>");
        assert_eq!(mail["to"], json!(["busy@example.org"]));
        let subject = mail["subject"].as_str().unwrap();
        assert!(subject.starts_with("Front door: Somebody rings"), "{mail}");
        let text = mail["parts"][0]["content"].as_str().unwrap();
        assert!(
            text.contains("#share=") && text.contains("camera=front"),
            "{mail}"
        );
        server.terminate().await;
    }
}

#[tokio::test]
async fn mail_has_the_picture_in_it() {
    let (house, authority, secret) = house("notify-mail-picture");
    let mut mailbox = Mailbox::start("plain", &house).await;
    configure(&house, &table(&house, &mailbox, "none", "busy@example.org"));
    let server = serve(&house, Some(&authority)).await;
    let _camera = ring(&server, &secret).await;
    // It comes with the second try, if it was too late for the first.
    let picture = jpeg(50_000);
    let bearer = format!("authorization: Bearer {secret}");
    let url = format!(
        "http://{}/api/v1/cameras/front/snapshots/{RING}",
        server.address
    );
    fs::write(house.folder.file("door.jpg"), &picture).unwrap();
    let file = format!("@{}", house.folder.file("door.jpg"));
    let args = [
        "-sf",
        "-X",
        "PUT",
        "-H",
        &bearer,
        "-H",
        "content-type: image/jpeg",
        "--data-binary",
        &file,
        &url,
    ];
    let put = Command::new("curl").args(args).status().await.unwrap();
    assert!(put.success());
    let mail = mailbox.next().await;
    let parts = mail["parts"].as_array().unwrap();
    let kinds: Vec<_> = parts
        .iter()
        .map(|part| part["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["text/plain", "text/html", "image/jpeg"], "{mail}");
    assert!(parts[1]["content"].as_str().unwrap().contains("cid:door"));
    assert_eq!(parts[2]["id"], "<door>");
    let content = parts[2]["content"].as_str().unwrap();
    assert_eq!(content, data_encoding::HEXLOWER.encode(&picture));
    server.terminate().await;
}

#[tokio::test]
async fn a_mail_server_that_cannot_show_who_it_is_is_told_nothing() {
    for tls in ["starttls", "tls"] {
        let (house, authority, _) = house(&format!("notify-mail-strange-{tls}"));
        let mut mailbox = Mailbox::start(tls, &house).await;
        configure(&house, &table(&house, &mailbox, tls, "a@example.org"));
        let test = |trusted: Option<&str>| {
            let mut command = std::process::Command::new(BINARY);
            command.args(["notify", "test", "admin", "--data-dir", &house.data]);
            if let Some(authority) = trusted {
                command.env("SSL_CERT_FILE", authority);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            (output.status.code(), said)
        };
        let (code, said) = test(None);
        assert!(code == Some(1) && said.contains("mail"), "{said}");
        assert!(said.to_lowercase().contains("certificate"), "{said}");
        let (code, said) = test(Some(&authority));
        assert!(code == Some(0), "{said}");
        let subject = mailbox.next().await["subject"].take();
        assert!(subject.as_str().unwrap().starts_with("A test"), "{subject}");
    }
}
