// SPDX-License-Identifier: MPL-2.0
//! The binary: what it prints, writes, refuses, and never says.
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::common::{Client, http, http_over};
use crate::program::{BINARY, Folder, Serving, complaint_of, line_of, run};
use porthole_protocol::key::CameraKey;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::process::Command as AsyncCommand;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

#[test]
fn adding_a_camera_makes_the_files_and_prints_a_key() {
    let folder = Folder::new("add-camera");
    let config = folder.file("p.toml");
    let url = "https://cameras.example.org";
    let key = line_of(&[
        "camera",
        "add",
        "Front door",
        "--config",
        &config,
        "--url",
        url,
    ]);
    let key: CameraKey = key.parse().unwrap();
    assert_eq!(
        (key.id.as_str(), key.url.host_str()),
        ("front-door", Some("cameras.example.org"))
    );
    for file in [&config, &format!("{config}.grant-key")] {
        assert_eq!(
            fs::metadata(file).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    let text = fs::read_to_string(&config).unwrap();
    assert!(!text.contains(&key.secret));
    // The server answers to that name from now on.
    assert!(
        text.starts_with("url = \"https://cameras.example.org/\"\n"),
        "{text}"
    );
    let second = line_of(&["camera", "add", "Back", "--id", "b", "--config", &config]);
    let second = second.parse::<CameraKey>().unwrap();
    assert_eq!((second.grant_key, &second.url), (key.grant_key, &key.url));
    let list = run(&["camera", "list", "--config", &config]).stdout;
    assert_eq!(
        String::from_utf8(list).unwrap(),
        "front-door\tFront door\nb\tBack\n"
    );
    let again = complaint_of(&["camera", "add", "Front door", "--config", &config]);
    assert!(
        again.contains("\"front-door\" already: give another with --id"),
        "{again}"
    );
}

#[test]
fn changes_keep_the_comments_of_the_file() {
    let folder = Folder::new("comments");
    let config = folder.config("# mine\nurl = \"http://pi:8080\" # outside\n");
    line_of(&["camera", "add", "Front", "--config", &config]);
    line_of(&[
        "viewer",
        "add",
        "alice",
        "--config",
        &config,
        "--cameras",
        "front",
    ]);
    assert!(
        run(&["viewer", "remove", "alice", "--config", &config])
            .status
            .success()
    );
    assert!(
        run(&["camera", "remove", "front", "--config", &config])
            .status
            .success()
    );
    let text = fs::read_to_string(&config).unwrap();
    assert_eq!(text, "# mine\nurl = \"http://pi:8080\" # outside\n");
    let nobody = complaint_of(&["viewer", "remove", "alice", "--config", &config]);
    assert!(nobody.contains("there is no viewer \"alice\""), "{nobody}");
}

#[test]
fn bad_input_is_one_line_that_says_where() {
    let folder = Folder::new("bad-input");
    let config = folder.config("listen = \"127.0.0.1:0\"\nopen-acess = true\n");
    let complaint = complaint_of(&["serve", "--config", &config]);
    let start = format!("error: {config}:2: open-acess: unknown key `open-acess`");
    assert!(
        complaint.lines().any(|line| line.starts_with(&start)),
        "{complaint}"
    );

    let config = folder.config("");
    let cases: [&[&str]; 6] = [
        &["serve", "--config", "/does/not/exist.toml"],
        &["viewer", "add", "guest", "--config", &config],
        &[
            "viewer",
            "add",
            "a",
            "--config",
            &config,
            "--cameras",
            "attic",
        ],
        &["viewer", "add", "a", "--config", &config, "--perms", "fly"],
        &[
            "viewer", "add", "a", "--config", &config, "--lease", "86401",
        ],
        &["camera", "add", "!", "--config", &config],
    ];
    for args in cases {
        let complaint = complaint_of(args);
        assert!(
            complaint.lines().last().unwrap().starts_with("error: "),
            "{complaint}"
        );
    }
    assert_eq!(
        fs::read_to_string(&config).unwrap(),
        "",
        "nothing was written"
    );
}

#[test]
fn a_lost_grant_key_is_not_replaced_silently() {
    let folder = Folder::new("lost-key");
    let config = folder.file("p.toml");
    line_of(&["camera", "add", "Front", "--config", &config]);
    fs::remove_file(format!("{config}.grant-key")).unwrap();
    let complaint = complaint_of(&["serve", "--config", &config]);
    assert!(
        complaint.contains("p.toml.grant-key is missing"),
        "{complaint}"
    );
}

#[test]
fn a_broken_certificate_is_an_error_at_the_start() {
    let folder = Folder::new("broken-tls");
    let config =
        folder.config("listen = \"127.0.0.1:0\"\ntls-cert = \"c.pem\"\ntls-key = \"k.pem\"\n");
    let pair = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.file("k.pem"), pair().signing_key.serialize_pem()).unwrap();
    // None at all, no certificate in it, and one of another key.
    for cert in [None, Some("garbage".to_owned()), Some(pair().cert.pem())] {
        if let Some(text) = cert {
            fs::write(folder.file("c.pem"), text).unwrap();
        }
        let complaint = complaint_of(&["serve", "--config", &config]);
        assert!(
            complaint.contains("tls-cert, tls-key: certificate"),
            "{complaint}"
        );
    }
}

#[tokio::test]
async fn it_serves_https() {
    let folder = Folder::new("https");
    let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(folder.file("c.pem"), pair.cert.pem()).unwrap();
    fs::write(folder.file("k.pem"), pair.signing_key.serialize_pem()).unwrap();
    let config = folder.config("tls-cert = \"c.pem\"\ntls-key = \"k.pem\"\n");
    let serving = Serving::start(&config, "https").await;

    let mut roots = RootCertStore::empty();
    roots.add(pair.cert.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(serving.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(client))
        .connect(name, stream)
        .await
        .unwrap();
    let answer = http_over(stream, serving.address, "GET /health", &[]).await;
    assert_eq!(answer.json()["status"], "ok");
    serving.terminate().await;
}

#[tokio::test]
async fn the_printed_credentials_work_and_no_log_holds_a_secret() {
    let folder = Folder::new("secrets");
    let config = folder.file("p.toml");
    let key: CameraKey = line_of(&["camera", "add", "Front", "--config", &config])
        .parse()
        .unwrap();
    let link = line_of(&["viewer", "add", "alice", "--config", &config]);
    let (page, token) = link.split_once("#token=").unwrap();
    assert_eq!(page, "http://127.0.0.1:8080/");

    let serving = Serving::start(&config, "http").await;
    let address = serving.address;
    let path = format!("/ws?access_token={}", key.secret);
    let mut camera = Client::connect(address, &path, &[]).await.unwrap();
    assert_eq!(camera.recv().await["peerId"], "front");
    let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":"n"}});
    camera.send(status).await;

    let bearer = format!("Bearer {token}");
    let answer = http(address, "POST /api/session", &[("authorization", &bearer)]).await;
    let cookie = answer
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let origin = format!("http://{address}");
    let headers = [("cookie", cookie.as_str()), ("origin", origin.as_str())];
    let mut alice = Client::connect(address, "/ws", &headers).await.unwrap();
    assert_eq!(alice.recv().await["type"], "welcome");
    alice
        .send(json!({"type":"startSession","peerId":"front"}))
        .await;
    let start = camera.recv().await;
    let grant = start["grant"].as_str().unwrap();
    assert_eq!(key.grant_key.read(grant).unwrap().sub, "alice");
    let wrong = "/ws?access_token=wr0ng-guess";
    assert_eq!(
        Client::connect(address, wrong, &[]).await.err().unwrap().0,
        401
    );

    let log = serving.terminate().await;
    assert!(log.contains("connected") && log.contains("alice"), "{log}");
    let cookie = cookie.split_once('=').unwrap().1;
    for secret in [
        &key.secret,
        token,
        cookie,
        grant,
        "wr0ng-guess",
        "access_token",
    ] {
        assert!(!log.contains(secret), "the log holds {secret}:\n{log}");
    }
}

#[test]
fn completions_and_help_are_printed() {
    let script = run(&["completions", "bash"]);
    assert!(script.status.success() && !script.stdout.is_empty());
    let help = String::from_utf8(run(&["--help"]).stdout).unwrap();
    assert!(
        help.contains("LOG_LEVEL") && help.contains("camera add"),
        "{help}"
    );
}

#[test]
fn a_key_goes_into_a_file_for_its_owner_alone_with_the_certificates_it_is_to_trust() {
    let folder = Folder::new("output");
    let (config, output) = (
        folder.config("url = \"https://a.example\"\n"),
        folder.file("front.key"),
    );
    let pair = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    let ca = folder.file("ca.pem");
    fs::write(&ca, pair.cert.pem().repeat(2)).unwrap();
    let add = [
        "camera", "add", "Front", "--config", &config, "--output", &output, "--ca", &ca,
    ];
    let done = run(&add);
    assert!(done.status.success() && done.stdout.is_empty(), "{done:?}");
    let mode = fs::metadata(&output).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key: CameraKey = fs::read_to_string(&output).unwrap().parse().unwrap();
    assert_eq!(key.ca.len(), 2);
    assert_eq!(key.ca[0].0, pair.cert.der().to_vec());

    // A file that is there is not written over, and nobody is enrolled.
    let before = fs::read_to_string(&config).unwrap();
    let add = [
        "camera", "add", "Back", "--config", &config, "--output", &output,
    ];
    assert!(complaint_of(&add).contains("there is such a file already"));
    fs::write(&ca, "garbage").unwrap();
    let other = folder.file("back.key");
    let add = [
        "camera", "add", "Back", "--config", &config, "--output", &other, "--ca", &ca,
    ];
    assert!(complaint_of(&add).contains("there is no certificate (PEM) in this file"));
    assert!(!Path::new(&other).exists());
    assert_eq!(fs::read_to_string(&config).unwrap(), before);
}

#[test]
fn a_new_camera_does_not_inherit_the_viewers_of_an_old_one() {
    let folder = Folder::new("heir");
    let config = folder.file("p.toml");
    line_of(&["camera", "add", "Front", "--config", &config]);
    line_of(&[
        "viewer",
        "add",
        "alice",
        "--cameras",
        "front",
        "--config",
        &config,
    ]);
    let removed = run(&["camera", "remove", "front", "--config", &config]);
    assert!(
        String::from_utf8(removed.stderr)
            .unwrap()
            .contains("SIGHUP")
    );
    let complaint = complaint_of(&["camera", "add", "Front", "--config", &config]);
    assert!(
        complaint.contains("viewer \"alice\" was let in to an earlier camera"),
        "{complaint}"
    );
    line_of(&[
        "camera", "add", "Front", "--id", "front-2", "--config", &config,
    ]);
}

#[tokio::test]
async fn a_signal_has_the_server_read_its_file_again() {
    let folder = Folder::new("reload");
    let config = folder.file("p.toml");
    let add_viewer = |name: &str| {
        let link = line_of(&["viewer", "add", name, "--config", &config]);
        format!("Bearer {}", link.split_once("#token=").unwrap().1)
    };
    let alice = add_viewer("alice");
    let mut serving = Serving::start(&config, "http").await;
    let address = serving.address;
    let mut client = Client::connect(address, "/ws", &[("authorization", &alice)])
        .await
        .unwrap();
    assert_eq!(client.recv().await["type"], "welcome");

    let bob = add_viewer("bob");
    let key: CameraKey = line_of(&["camera", "add", "Front", "--config", &config])
        .parse()
        .unwrap();
    serving.reload("read the configuration again").await;
    let path = format!("/ws?access_token={}", key.secret);
    let mut camera = Client::connect(address, &path, &[]).await.unwrap();
    assert_eq!(camera.recv().await["peerId"], "front");
    let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":"n"}});
    camera.send(status).await;
    camera.send(json!({"type":"list"})).await;
    assert_eq!(camera.recv().await["type"], "list");
    let mut second = Client::connect(address, "/ws", &[("authorization", &bob)])
        .await
        .unwrap();
    assert_eq!(second.recv().await["type"], "welcome");
    second.start_session(&mut camera, "front").await;

    // A broken file changes nothing, and the log says where the mistake is.
    let good = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("opne = 1\n{good}")).unwrap();
    serving.reload("nothing is changed: ").await;
    assert!(
        serving.log.contains("p.toml:1: opne: unknown field"),
        "{}",
        serving.log
    );
    fs::write(&config, format!("listen = \"127.0.0.1:1\"\n{good}")).unwrap();
    serving.reload("listen").await;

    // Bob is taken out: his session ends. Alice stays.
    assert!(
        run(&["viewer", "remove", "bob", "--config", &config])
            .status
            .success()
    );
    serving.reload("read the configuration again").await;
    let ended = camera.recv().await;
    assert_eq!(
        (&ended["type"], &ended["reason"]),
        (&json!("endSession"), &json!("revoked"))
    );
    let refused = Client::connect(address, "/ws", &[("authorization", &bob)]).await;
    assert_eq!(refused.err().unwrap().0, 401);
    client.send(json!({"type":"list"})).await;
    assert_eq!(client.recv().await["type"], "list");
    serving.terminate().await;
}

/// Connects by TLS to a server whose certificate is this one, and says whether that worked.
async fn trusts(address: SocketAddr, certificate: &rcgen::Certificate) -> bool {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(client));
    connector.connect(name, stream).await.is_ok()
}

#[tokio::test]
async fn a_signal_takes_up_a_renewed_certificate_and_no_broken_one() {
    let folder = Folder::new("renewed");
    let pair = || rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let put = |pair: &rcgen::CertifiedKey<rcgen::KeyPair>| {
        fs::write(folder.file("c.pem"), pair.cert.pem()).unwrap();
        fs::write(folder.file("k.pem"), pair.signing_key.serialize_pem()).unwrap();
    };
    let (old, new) = (pair(), pair());
    put(&old);
    let config = folder.config("tls-cert = \"c.pem\"\ntls-key = \"k.pem\"\n");
    let mut serving = Serving::start(&config, "https").await;
    assert!(trusts(serving.address, &old.cert).await);
    fs::write(folder.file("c.pem"), "garbage").unwrap();
    serving
        .reload("nothing is changed: tls-cert, tls-key: ")
        .await;
    assert!(trusts(serving.address, &old.cert).await);
    put(&new);
    serving.reload("read the configuration again").await;
    assert!(trusts(serving.address, &new.cert).await);
    assert!(!trusts(serving.address, &old.cert).await);
    serving.terminate().await;
}

#[tokio::test]
async fn it_takes_as_many_connections_as_its_file_descriptors_allow() {
    let folder = Folder::new("descriptors");
    let config = folder.config("");
    let mut command = AsyncCommand::new("sh");
    let script = "ulimit -Sn 100 && ulimit -Hn 300 && exec \"$0\" \"$@\"";
    command.args(["-c", script, BINARY]);
    let serving = Serving::start_by(command, &config, "http").await;
    assert!(
        serving.log.contains("max_connections=236"),
        "{}",
        serving.log
    );
    serving.terminate().await;
}

#[tokio::test]
async fn wrong_credentials_are_logged_with_where_they_come_from() {
    let folder = Folder::new("wrong");
    let serving = Serving::start(&folder.config(""), "http").await;
    for _ in 0..100 {
        http(
            serving.address,
            "POST /api/session",
            &[("authorization", "Bearer wr0ng")],
        )
        .await;
    }
    let log = serving.terminate().await;
    let lines = log
        .lines()
        .filter(|line| line.contains("a wrong key, link, token or password"))
        .count();
    assert!((1..50).contains(&lines), "{lines} lines");
    assert!(
        log.contains("peer=127.0.0.1") && !log.contains("wr0ng"),
        "{log}"
    );
}

#[test]
fn who_has_read_enough_may_go() {
    for args in [&["completions", "bash"][..], &["completions", "zsh"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut command = std::process::Command::new(BINARY);
        let command = command
            .args(args)
            .stdout(writer)
            .stderr(std::process::Stdio::piped());
        drop(reader);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success() && said.is_empty(),
            "{args:?}: {said}"
        );
    }
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = Folder::new("man");
    let pages = folder.file("");
    assert!(run(&["man", &pages]).status.success());
    let page = |name: &str| fs::read_to_string(folder.file(&format!("porthole-signaling{name}.1")));
    let first = page("").unwrap();
    assert!(
        first.starts_with(".ie") && first.contains(".TH porthole-signaling 1"),
        "{first}"
    );
    assert!(first.contains("porthole\\-signaling\\-serve(1)"), "{first}");
    assert!(
        !first.contains("signaling\\-man"),
        "it is for packages alone"
    );
    assert!(page("-camera-add").unwrap().contains("camera key"));
    assert!(page("-man").is_err());
    let nowhere = run(&["man", &folder.file("nowhere")]);
    assert_eq!(nowhere.status.code(), Some(1));
}
