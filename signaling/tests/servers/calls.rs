// SPDX-License-Identifier: MPL-2.0
//! Calls of doorbells where several servers use one database: those of a server that is gone are taken up, by one, and those of
//! one that runs are left to it.

use porthole_protocol::grant::GrantSigner;
use porthole_signaling::store::{CallFilter, Store, open};
use porthole_signaling::{Data, RingNotice, Server, ServerOptions};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::common::{Client, PATIENCE};
use crate::house::{Page, secret};
use crate::pair::{start_with, until};
use crate::postgres::shared_database;

const RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";
const OTHER: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e02";

struct House {
    url: String,
    signer: GrantSigner,
    password: String,
}

impl House {
    async fn new() -> Self {
        let url = shared_database().await;
        let store = open(&url).await.unwrap();
        let password = Data::add_administrator(&*store, "root", "test").await;
        Self {
            url,
            signer: GrantSigner::generate().unwrap(),
            password: password.unwrap(),
        }
    }

    async fn server(&self, notices: Option<mpsc::Sender<RingNotice>>) -> Server {
        let mut options = ServerOptions::new(self.signer.to_string().parse().unwrap());
        options.ring_notices = notices;
        start_with(&self.url, options).await.0
    }

    async fn admin(&self, server: &Server) -> Page {
        let page = Page::nobody(server);
        let answer = page.log_in("root", &self.password).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        page.with(&answer)
    }
}

async fn camera(page: &Page, id: &str) -> String {
    let camera = json!({"id": id, "name": id});
    secret(&page.post("/api/cameras", &camera).await)
}

/// The next message of this type.
async fn next(client: &mut Client, kind: &str) -> Value {
    loop {
        let message = client.recv().await;
        assert!(
            message.get("close").is_none(),
            "{message} before any {kind}"
        );
        if message["type"] == kind {
            return message;
        }
    }
}

async fn ring(camera: &mut Client, ring: &str) -> Value {
    camera.send(json!({"type":"ring","ringId":ring})).await;
    next(camera, "cameraCall").await["call"]["id"].take()
}

/// How the calls are in the database: id, who has answered, and whether it is over.
async fn kept(store: &dyn Store) -> Vec<(String, Option<String>, bool)> {
    let calls = store.calls(&CallFilter::default()).await.unwrap();
    let calls = calls.into_iter();
    let mut calls: Vec<_> = calls
        .map(|call| (call.id, call.answered_by, call.ended.is_some()))
        .collect();
    calls.sort();
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_at_a_server_that_is_started_again_and_one_elsewhere_stays_there() {
    let house = House::new().await;
    let (a, b) = (house.server(None).await, house.server(None).await);
    let (at_a, at_b) = (house.admin(&a).await, house.admin(&b).await);
    let front = camera(&at_a, "front").await;
    let back = camera(&at_b, "back").await;
    let mut front_camera = Client::camera(&a, &front, json!(null)).await;
    let mut back_camera = Client::camera(&b, &back, json!(null)).await;
    let (mut page_at_a, mut page_at_b) = (at_a.listen().await, at_b.listen().await);
    let call = ring(&mut front_camera, RING).await;
    next(&mut page_at_a, "call").await;
    page_at_a
        .send(json!({"type":"answerCall","callId":call}))
        .await;
    let elsewhere = ring(&mut back_camera, OTHER).await;
    let store = open(&house.url).await.unwrap();
    let root = || Some("root".to_owned());
    until("both are written down", async || {
        let kept = kept(&*store).await;
        kept.len() == 2 && kept.iter().any(|(id, by, _)| *id == call && *by == root())
    })
    .await;

    drop((front_camera, page_at_a, at_a));
    a.shutdown();
    a.closed().await;
    drop(a);
    let again = house.server(None).await;
    let mut front_camera = Client::with_token(&again, &front).await;
    let status = json!({"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":"n"}});
    front_camera.send(status).await;
    let told = next(&mut front_camera, "cameraCall").await;
    assert_eq!(
        (&told["call"]["id"], &told["call"]["state"]),
        (&call, &json!("answered"))
    );
    let page = house.admin(&again).await;
    let mut page = page.listen().await;
    page.send(json!({"type":"hangUp","callId":call})).await;
    assert_eq!(
        next(&mut front_camera, "cameraCall").await["call"]["reason"],
        "hung-up"
    );

    // The one at B is B's: nobody else has closed it, and it is answered there.
    next(&mut page_at_b, "call").await;
    page_at_b
        .send(json!({"type":"answerCall","callId":elsewhere}))
        .await;
    assert_eq!(
        next(&mut back_camera, "cameraCall").await["call"]["state"],
        "answered"
    );
    until("what became of both is written down", async || {
        let kept = kept(&*store).await;
        let of = |id: &Value| kept.iter().find(|(own, ..)| id == own).cloned().unwrap();
        of(&call).2 && of(&elsewhere).1 == root() && !of(&elsewhere).2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calls_link_opens_where_it_rings_and_says_so_elsewhere_without_being_used_up() {
    let house = House::new().await;
    let (notices, mut heard) = mpsc::channel(16);
    let a = house.server(Some(notices)).await;
    let b = house.server(None).await;
    let at_a = house.admin(&a).await;
    let front = camera(&at_a, "front").await;
    let mut camera = Client::camera(&a, &front, json!(null)).await;
    ring(&mut camera, RING).await;
    let notice = timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
    let link = notice.link.unwrap();
    let fragment = link.fragment().unwrap().to_owned();
    let share = fragment.strip_prefix("share=").unwrap();
    let share = json!({"share": share.split('&').next().unwrap()});
    let nobody = Page::nobody(&b);
    until("B knows the link", async || {
        let answer = nobody.post("/api/session", &share).await;
        let (status, code) = answer.problem();
        assert!([401, 409].contains(&status), "{status} {code}");
        (status, &*code) == (409, "call-elsewhere")
    })
    .await;
    let opened = Page::nobody(&a).post("/api/session", &share).await;
    assert_eq!(opened.status, 200, "{opened:?}");
}
