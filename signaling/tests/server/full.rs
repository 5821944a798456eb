// SPDX-License-Identifier: MPL-2.0
//! A disk that is full: changes are refused, what is there is read, and nothing is half done.
use crate::common::{Client, http};
use crate::program::{BINARY, Folder, Serving, line_of, run};
use serde_json::{Value, json};
use tokio::process::Command;

/// In blocks of 512 bytes: the largest file that the server may write, which is some more than its database has. (The
/// signal that says so is ignored, so that the write fails instead, as it does on a full disk.)
const LIMITED: &str = "trap '' XFSZ; ulimit -f 640; exec \"$@\"";

fn cameras(data: &str) -> Vec<String> {
    let listed = line_of(&["camera", "list", "--json", "--data-dir", data]);
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let ids = listed.as_array().unwrap().iter();
    ids.map(|camera| camera["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn on_a_full_disk_changes_are_refused_and_nothing_is_half_done() {
    let folder = Folder::new("full");
    let data = folder.file("data");
    line_of(&["init", "--data-dir", &data, "--url", "http://127.0.0.1:9/"]);
    let mut command = Command::new("sh");
    command.args(["-c", LIMITED, "sh", BINARY]);
    command.args(["serve", "--data-dir", &data, "--listen", "127.0.0.1:0"]);
    let server = Serving::of(command, "http").await;
    let (mut added, mut refused) = (Vec::new(), 0);
    let mut key = None;
    for n in 0..400 {
        let id = format!("c{n:03}");
        let answer = run(&["camera", "add", &id, "--data-dir", &data]);
        if answer.status.success() {
            key.get_or_insert(String::from_utf8(answer.stdout).unwrap());
            added.push(id);
            continue;
        }
        let words = String::from_utf8_lossy(&answer.stderr).into_owned();
        assert!(words.contains("database"), "{words}");
        refused += 1;
        if refused == 3 {
            break;
        }
    }
    assert!(refused == 3 && !added.is_empty(), "{} fitted", added.len());
    // What is there is read, and cameras come.
    assert_eq!(cameras(&data), added);
    assert_eq!(http(server.address, "GET /health", &[]).await.status, 200);
    let key: porthole_protocol::key::CameraKey = key.unwrap().trim().parse().unwrap();
    let bearer = format!("Bearer {}", key.secret);
    let headers = [("authorization", &*bearer)];
    let mut camera = Client::connect(server.address, "/ws", &headers)
        .await
        .unwrap();
    assert_eq!(camera.recv().await["type"], "welcome");
    camera
        .send(json!({"type":"setPeerStatus","roles":["producer"],"meta":null}))
        .await;
    drop(camera);
    server.terminate().await;
    // And all of it, and no more, is there when there is room again.
    assert_eq!(cameras(&data), added);
    let server = Serving::on(&data).await;
    assert_eq!(cameras(&data), added);
    line_of(&["camera", "add", "after", "--data-dir", &data]);
    server.terminate().await;
}
