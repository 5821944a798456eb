// SPDX-License-Identifier: MPL-2.0
//! A server with a database in a folder of its own, and its administrator.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::key::CameraKey;
use porthole_signaling::notify::PushKey;
use porthole_signaling::store::{Store, open};
use porthole_signaling::{Data, Server, ServerOptions};
use serde_json::{Value, json};

use super::common::{Answer, Client, http_with, options};

/// Nobody guesses it, and it is easy to tell from others.
pub const PASSWORD: &str = "plum tractor glacier";

/// What is sealed in the database is sealed with this.
const SEAL: &str = "a key of the tests, which is in no file";

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let name = format!("porthole-{}", porthole_protocol::random_secret());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn database(&self) -> String {
        self.0.join("porthole.db").to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A server with a database.
pub struct House {
    pub server: Server,
    /// What the administrator is known by.
    pub admin: Page,
    /// The administrator's.
    pub password: String,
    folder: Folder,
    /// The address it was first reached at, which the name of its cookie follows.
    url: String,
}

/// A browser's page, logged in by its cookies.
#[derive(Clone, Debug)]
pub struct Page {
    pub address: SocketAddr,
    pub cookies: String,
}

impl House {
    /// With the administrator `root`.
    pub async fn new() -> Self {
        Self::with(options()).await
    }

    pub async fn with(options: ServerOptions) -> Self {
        Self::at("127.0.0.1", options).await
    }

    /// One that is reached by a name, as passkeys want it.
    pub async fn named(options: ServerOptions) -> Self {
        Self::at("localhost", options).await
    }

    async fn at(host: &str, options: ServerOptions) -> Self {
        let folder = Folder::new();
        let store = open(&folder.database()).await.unwrap();
        let made = Data::add_administrator(&*store, "root", "test").await;
        let password = made.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{host}:{}/", listener.local_addr().unwrap().port());
        let data = load(store, &options, SEAL).await;
        let server = start(options, &url, data, listener);
        let page = Page::nobody(&server);
        let answer = page.log_in("root", &password).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let admin = page.with(&answer);
        Self {
            server,
            admin,
            password,
            folder,
            url,
        }
    }

    /// Ends the server and starts another one on the same database.
    pub async fn restart(&mut self, options: ServerOptions) {
        self.restart_with(options, SEAL).await;
    }

    /// The same with another key for what is sealed in the database.
    pub async fn restart_with(&mut self, options: ServerOptions, seal: &str) {
        self.server.shutdown();
        self.server.closed().await;
        let store = open(&self.folder.database()).await.unwrap();
        let data = load(store, &options, seal).await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        self.server = start(options, &self.url, data, listener);
        self.admin.address = self.server.local_addr();
    }

    /// The address that people know it by.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Has the server come back at another address.
    pub async fn move_to(&mut self, url: &str, options: ServerOptions) {
        url.clone_into(&mut self.url);
        self.restart(options).await;
    }

    /// The database, as if it had taken a change and its answer had been lost.
    pub async fn behind_its_back(&self) -> Arc<dyn Store> {
        open(&self.folder.database()).await.unwrap()
    }

    pub fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    pub fn nobody(&self) -> Page {
        Page::nobody(&self.server)
    }

    /// Adds a user with [`PASSWORD`] and logs it in.
    pub async fn user(&self, name: &str) -> Page {
        let user = json!({"name": name, "password": PASSWORD});
        let added = self.admin.post("/api/users", &user).await;
        assert_eq!(added.status, 201, "{added:?}");
        let page = self.nobody();
        let answer = page.log_in(name, PASSWORD).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        page.with(&answer)
    }

    /// Enrols a camera and returns its secret.
    pub async fn camera(&self, id: &str) -> String {
        let camera = json!({"id": id, "name": id});
        let added = self.admin.post("/api/cameras", &camera).await;
        assert_eq!(added.status, 201, "{added:?}");
        secret(&added)
    }

    /// Books for so long, from so long from now on, and returns the booking.
    pub async fn book(&self, camera: &str, user: &str, (start, end): (i64, i64)) -> Value {
        let now = Timestamp::now();
        let at = |seconds| now + SignedDuration::from_secs(seconds);
        let booking = json!({"camera": camera, "user": user, "start": at(start), "end": at(end)});
        let added = self.admin.post("/api/bookings", &booking).await;
        assert_eq!(added.status, 201, "{added:?}");
        added.json()
    }
}

async fn load(store: Arc<dyn Store>, options: &ServerOptions, seal: &str) -> Data {
    let loaded = match options.second_factor {
        true => Data::load_sealed(store, seal).await,
        false => Data::load(store).await,
    };
    let data = loaded.unwrap().sealed_with(seal);
    // Web Push, where a test says who answers for it.
    match options.notify.push.contact.is_some() {
        true => data.with_push_key(PushKey::parse(&PushKey::generate().unwrap()).unwrap()),
        false => data,
    }
}

fn start(mut options: ServerOptions, url: &str, data: Data, listener: TcpListener) -> Server {
    options.url = Some(url.parse().unwrap());
    options.data = Some(data);
    Server::start(options, listener, &tokio::runtime::Handle::current()).unwrap()
}

/// The secret in the camera key of an answer.
pub fn secret(answer: &Answer) -> String {
    let key: CameraKey = answer.json()["key"].as_str().unwrap().parse().unwrap();
    key.secret
}

impl Page {
    pub fn nobody(server: &Server) -> Self {
        Self {
            address: server.local_addr(),
            cookies: String::new(),
        }
    }

    /// The page once it has the cookies of an answer.
    pub fn with(&self, answer: &Answer) -> Self {
        Self {
            address: self.address,
            cookies: answer.cookies(),
        }
    }

    pub async fn log_in(&self, user: &str, password: &str) -> Answer {
        let credentials = json!({"user": user, "password": password});
        self.post("/api/session", &credentials).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), None).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(&format!("DELETE {path}"), None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&format!("POST {path}"), Some(body)).await
    }

    /// As a browser does it on a page of this server.
    pub async fn send(&self, request: &str, body: Option<&Value>) -> Answer {
        let origin = format!("http://{}", self.address);
        let mut headers = vec![("origin", origin.as_str())];
        if !self.cookies.is_empty() {
            headers.push(("cookie", &self.cookies));
        }
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            headers.push(("content-type", "application/json"));
        }
        http_with(self.address, request, &headers, &body).await
    }

    /// A WebSocket that listens.
    pub async fn listen(&self) -> Client {
        let origin = format!("http://{}", self.address);
        let headers = [("origin", origin.as_str()), ("cookie", &self.cookies)];
        let mut client = Client::connect(self.address, "/ws", &headers)
            .await
            .unwrap();
        assert_eq!(client.recv().await["type"], "welcome");
        client
            .send(json!({"type":"setPeerStatus","roles":["listener"],"meta":null,"porthole":{"version":1}}))
            .await;
        assert_eq!(client.recv().await["type"], "peerStatusChanged");
        client
    }
}
