// SPDX-License-Identifier: MPL-2.0
//! Sessions outlive connections and the server itself, and end when they must: over real sockets.
use crate::common::{Client, start, start_with_alice};
use porthole_protocol::grant::{Grant, GrantSigner, KeyRing, Permission};
use porthole_signaling::{Server, ServerError, ServerOptions, ViewerEntry};
use serde_json::{Value, json};

/// A viewer's session with the front camera, as both ends hold it.
struct Running {
    id: String,
    secret: String,
    grant: String,
}

impl Running {
    async fn start(alice: &mut Client, camera: &mut Client) -> Self {
        let start = json!({"type":"startSession","peerId":"front"});
        alice.send(start).await;
        let mut started = alice.recv().await;
        while started["type"] != "sessionStarted" {
            started = alice.recv().await;
        }
        let started_there = camera.recv().await;
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            id: text(&started["sessionId"]),
            secret: text(&started["secret"]),
            grant: text(&started_there["grant"]),
        }
    }

    fn resume(&self) -> Value {
        json!({"type":"resumeSession","peerId":"front","sessionId":self.id,"secret":self.secret})
    }

    /// What the camera says when it registers again.
    fn report(&self, lease: u32) -> Value {
        let session = json!({"sessionId":self.id,"grant":self.grant,"lease":lease});
        let porthole = json!({"version":1,"nonce":"again","sessions":[session]});
        json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":porthole})
    }

    fn candidate(&self) -> Value {
        json!({"type":"peer","sessionId":self.id,"ice":{"candidate":"c","sdpMLineIndex":0}})
    }

    fn end(&self, reason: &str) -> Value {
        json!({"type":"endSession","sessionId":self.id,"reason":reason})
    }
}

fn restarted(pkcs8: &[u8]) -> (Server, String) {
    let signer = GrantSigner::from_pkcs8(pkcs8).unwrap();
    let server = start(ServerOptions::new(signer));
    server.add_viewer(ViewerEntry::new("alice", "alice-token"));
    let secret = server.add_camera("front", "Front door").unwrap();
    (server, secret)
}

/// The next message that is not about which cameras there are.
async fn next(client: &mut Client) -> Value {
    loop {
        let message = client.recv().await;
        if message["type"] != "peerStatusChanged" && message["type"] != "accessChanged" {
            return message;
        }
    }
}

#[tokio::test]
async fn a_viewer_whose_socket_broke_has_its_session_again() {
    let (server, secret) = start_with_alice();
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let mut alice = Client::viewer(&server, "alice-token").await;
    let session = Running::start(&mut alice, &mut camera).await;
    drop(alice);
    let mut alice = Client::viewer(&server, "alice-token").await;
    alice.send(session.resume()).await;
    let resumed = next(&mut alice).await;
    assert_eq!(
        (&resumed["type"], &resumed["sessionId"]),
        (&json!("sessionResumed"), &json!(session.id))
    );
    alice.send(session.candidate()).await;
    assert_eq!(
        camera.recv().await,
        session.candidate(),
        "the camera heard nothing else"
    );
}

#[tokio::test]
async fn a_session_goes_on_through_a_restart_of_the_server() {
    let signer = GrantSigner::generate().unwrap();
    let pkcs8 = signer.pkcs8().to_vec();
    let (server, secret) = restarted(&pkcs8);
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let mut alice = Client::viewer(&server, "alice-token").await;
    let session = Running::start(&mut alice, &mut camera).await;
    drop((server, alice, camera));

    let (server, secret) = restarted(&pkcs8);
    let mut alice = Client::viewer(&server, "alice-token").await;
    alice.send(session.resume()).await;
    let mut camera = Client::with_token(&server, &secret).await;
    camera.send(session.report(100)).await;
    let update = camera.recv().await;
    let grant = server
        .grant_key()
        .read(update["grant"].as_str().unwrap())
        .unwrap();
    let expected = Grant {
        aud: "front".into(),
        sub: "alice".into(),
        sid: session.id.clone(),
        nonce: "again".into(),
        seq: 1,
        lease: grant.lease,
        perms: vec![Permission::View, Permission::Listen],
        booked: Some(Vec::new()),
        door_call: None,
    };
    assert_eq!(grant, expected);
    assert!((90..=100).contains(&grant.lease), "{}", grant.lease);
    assert_eq!(next(&mut alice).await["type"], "sessionResumed");
    camera.send(session.candidate()).await;
    assert_eq!(next(&mut alice).await, session.candidate());
}

#[tokio::test]
async fn a_viewer_revoked_while_the_camera_was_cut_off_is_out_when_it_is_back() {
    let (server, secret) = start_with_alice();
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let mut alice = Client::viewer(&server, "alice-token").await;
    let session = Running::start(&mut alice, &mut camera).await;
    drop(camera);
    server.remove_viewer("alice");
    assert_eq!(next(&mut alice).await, session.end("revoked"));
    let mut camera = Client::with_token(&server, &secret).await;
    camera.send(session.report(100)).await;
    assert_eq!(camera.recv().await, session.end("revoked"));
}

#[tokio::test]
async fn a_viewer_revoked_while_the_server_was_down_is_out_when_it_is_back() {
    let signer = GrantSigner::generate().unwrap();
    let pkcs8 = signer.pkcs8().to_vec();
    let (server, secret) = restarted(&pkcs8);
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let mut alice = Client::viewer(&server, "alice-token").await;
    let session = Running::start(&mut alice, &mut camera).await;
    drop((server, alice, camera));

    let (server, secret) = restarted(&pkcs8);
    server.remove_viewer("alice");
    let mut camera = Client::with_token(&server, &secret).await;
    camera.send(session.report(100)).await;
    assert_eq!(camera.recv().await, session.end("revoked"));
}

#[tokio::test]
async fn the_session_of_a_stock_camera_ends_with_its_lease() {
    let (server, secret) = start_with_alice();
    let mut bob = ViewerEntry::new("bob", "bob-token");
    bob.lease = 1;
    server.add_viewer(bob);
    let mut camera = Client::with_token(&server, &secret).await;
    let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null});
    camera.send(status).await;
    camera.send(json!({"type":"list"})).await;
    assert_eq!(camera.recv().await["type"], "list");
    let mut bob = Client::viewer(&server, "bob-token").await;
    let id = bob.start_session(&mut camera, "front").await;
    let end = json!({"type":"endSession","sessionId":id});
    assert_eq!(camera.recv().await, end);
    assert_eq!(next(&mut bob).await["reason"], "lease-ended");
}

#[tokio::test]
async fn other_rights_reach_both_ends_while_the_session_runs() {
    let (server, secret) = start_with_alice();
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let mut alice = Client::viewer(&server, "alice-token").await;
    let session = Running::start(&mut alice, &mut camera).await;
    let mut entry = ViewerEntry::new("alice", "alice-token");
    entry.perms = vec![Permission::View];
    server.update_viewer(entry.clone());
    let told = next(&mut alice).await;
    assert_eq!(
        (&told["type"], &told["terms"]["perms"]),
        (&json!("grantUpdate"), &json!(["view"]))
    );
    let update = camera.recv().await;
    let grant = server.grant_key().read(update["grant"].as_str().unwrap());
    assert_eq!(grant.unwrap().perms, [Permission::View]);

    // Another token under the name is another viewer.
    let other = ViewerEntry::new("alice", "other-token");
    server.update_viewer(other);
    assert_eq!(next(&mut alice).await, session.end("revoked"));
    assert_eq!(camera.recv().await, session.end("revoked"));
    assert_eq!(next(&mut alice).await["code"], "revoked");
    assert_eq!(next(&mut alice).await["close"], 1008);
    Client::viewer(&server, "other-token").await;
}

#[tokio::test]
async fn the_next_grant_key_reaches_the_camera_before_its_grants_and_no_session_ends() {
    let signer = GrantSigner::generate().unwrap();
    let after = signer.rotated().unwrap();
    let (server, secret) = restarted(signer.pkcs8());
    let mut ring = KeyRing::new(server.grant_key());
    let mut camera = Client::camera(&server, &secret, json!(null)).await;
    let mut alice = Client::viewer(&server, "alice-token").await;
    let session = Running::start(&mut alice, &mut camera).await;

    let stranger = GrantSigner::generate().unwrap().rotated().unwrap();
    assert!(matches!(
        server.set_signer(stranger),
        Err(ServerError::ForeignKey)
    ));
    server
        .set_signer(after.to_string().parse().unwrap())
        .unwrap();
    assert_eq!(
        server.grant_key(),
        after.public_key(),
        "that new camera keys pin"
    );
    let keys = camera.recv().await;
    let chain: Vec<String> = serde_json::from_value(keys["chain"].clone()).unwrap();
    assert_eq!(ring.learn(&chain), Ok(1));
    let update = camera.recv().await;
    assert_eq!(
        ring.read(update["grant"].as_str().unwrap()).unwrap().sid,
        session.id
    );
    camera.send(session.candidate()).await;
    assert_eq!(next(&mut alice).await, session.candidate());

    // The same again, and the one before it, change nothing.
    server
        .set_signer(after.to_string().parse().unwrap())
        .unwrap();
    assert!(server.set_signer(signer).is_err());
    assert_eq!(server.counts().sessions, 1);
}
