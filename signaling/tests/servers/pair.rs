// SPDX-License-Identifier: MPL-2.0
//! Two servers on one database.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use porthole_protocol::grant::GrantSigner;
use porthole_signaling::store::{Store, open};
use porthole_signaling::{Data, Server, ServerOptions};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::common::{Client, PATIENCE};
use crate::house::{PASSWORD, Page, secret};

/// Where both are reached.
pub(crate) const URL: &str = "http://porthole.localhost/";

/// Servers A and B, and the administrator's page at each.
pub(crate) struct Pair {
    pub(crate) a: Server,
    pub(crate) b: Server,
    pub(crate) at_a: Page,
    pub(crate) at_b: Page,
}

async fn start(url: &str, signer: &GrantSigner) -> (Server, Arc<dyn Store>) {
    let options = ServerOptions::new(signer.to_string().parse().unwrap());
    start_with(url, options).await
}

pub(crate) async fn start_with(url: &str, mut options: ServerOptions) -> (Server, Arc<dyn Store>) {
    let store = open(url).await.unwrap();
    let data = Data::load(store.clone()).await.unwrap();
    options.data = Some(data.sealed_with("a key of the tests, which is in no file"));
    // The name of the cookie follows it, and whom passkeys are for.
    options.url = Some(URL.parse().unwrap());
    options.allowed_hosts = vec!["127.0.0.1".to_owned()];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(options, listener, &tokio::runtime::Handle::current());
    (server.unwrap(), store)
}

impl Pair {
    pub(crate) async fn on(url: &str) -> Self {
        let store = open(url).await.unwrap();
        let password = Data::add_administrator(&*store, "root", "test").await;
        let signer = GrantSigner::generate().unwrap();
        let (a, _) = start(url, &signer).await;
        let (b, _) = start(url, &signer).await;
        Self::of(a, b, &password.unwrap()).await
    }

    /// Two that run, whose administrator has this password.
    pub(crate) async fn of(a: Server, b: Server, password: &str) -> Self {
        let page = Page::nobody(&a);
        let answer = page.log_in("root", password).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let at_a = page.with(&answer);
        let at_b = Page {
            address: b.local_addr(),
            ..at_a.clone()
        };
        until("the log-in is known at B", async || {
            at_b.get("/api/me").await.status == 200
        })
        .await;
        Self { a, b, at_a, at_b }
    }

    /// Adds a user at A, who logs in there: the page at B.
    pub(crate) async fn user_at_b(&self, name: &str) -> Page {
        let user = json!({"name": name, "password": PASSWORD});
        assert_eq!(self.at_a.post("/api/users", &user).await.status, 201);
        let page = Page::nobody(&self.a);
        let answer = page.log_in(name, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let page = Page {
            address: self.b.local_addr(),
            ..page.with(&answer)
        };
        until("the user is known at B", async || {
            page.get("/api/me").await.status == 200
        })
        .await;
        page
    }

    /// Enrols a camera at A, which B knows soon, and returns its secret.
    pub(crate) async fn camera(&self, id: &str) -> String {
        let added = self
            .at_a
            .post("/api/cameras", &json!({"id": id, "name": id}))
            .await;
        assert_eq!(added.status, 201, "{added:?}");
        let path = format!("/api/cameras/{id}");
        until("the camera is known at B", async || {
            self.at_b.get(&path).await.status == 200
        })
        .await;
        secret(&added)
    }

    /// Books at A for the next hour.
    pub(crate) async fn book(&self, camera: &str, user: &str) -> String {
        let now = jiff::Timestamp::now();
        let booking = json!({"camera": camera, "user": user, "start": now, "end": now + Duration::from_secs(3600)});
        let added = self.at_a.post("/api/bookings", &booking).await;
        assert_eq!(added.status, 201, "{added:?}");
        added.json()["id"].as_str().unwrap().to_owned()
    }

    /// Books for a user at A, whose page at B shows it soon.
    pub(crate) async fn book_and_see(&self, camera: &str, (user, page): (&str, &Page)) -> String {
        let booking = self.book(camera, user).await;
        until("the booking counts at B", async || {
            open_to(page).await == [json!(camera)]
        })
        .await;
        booking
    }

    /// Revokes a booking at A whether or not that was done before, as soon as the database does it: its session ends, and its
    /// user sees nothing at B.
    pub(crate) async fn revoke_in_the_end(&self, booking: &str, camera: &mut Client, user: &Page) {
        let path = format!("/api/bookings/{booking}");
        until("it is revoked", async || {
            let removed = self.at_a.delete(&path).await.status;
            removed == 204 || removed == 404
        })
        .await;
        hears_of_its_end(camera).await;
        until("the user sees nothing at B", async || {
            open_to(user).await.is_empty()
        })
        .await;
    }
}

/// The camera is told that its session is over, since the right to it is.
pub(crate) async fn hears_of_its_end(camera: &mut Client) {
    let end = camera.recv().await;
    let how = (&end["type"], &end["reason"]);
    assert_eq!(how, (&json!("endSession"), &json!("revoked")), "{end}");
}

/// The cameras that are open to this page.
pub(crate) async fn open_to(page: &Page) -> Vec<Value> {
    let me = page.get("/api/me").await;
    match me.status {
        200 => {
            let cameras = me.json()["cameras"].clone();
            let cameras = cameras.as_array().unwrap().iter();
            cameras.map(|camera| camera["id"].clone()).collect()
        }
        status => vec![json!(status)],
    }
}

/// Waits until nobody is logged in at a page any more.
pub(crate) async fn until_out(page: &Page) {
    until("the log-in is over", async || {
        page.get("/api/me").await.status == 401
    })
    .await;
}

/// Waits until something holds, and says how long that took.
pub(crate) async fn until(what: &str, holds: impl AsyncFn() -> bool) -> Duration {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        sleep(Duration::from_millis(5)).await;
    }
    begun.elapsed()
}
