// SPDX-License-Identifier: MPL-2.0
//! Whoever is told, and a house in which it rings.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use porthole_signaling::notify::{KindOptions, NotifyOptions, PushOptions, TargetOptions};
use porthole_signaling::{Server, ServerOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, watch};
use tokio::time::timeout;
use url::Url;

use crate::common::{Client, PATIENCE, options};
use crate::house::House;
use crate::serve::serve;

/// What was asked.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self
            .headers
            .get(name)
            .unwrap_or_else(|| panic!("no {name}: {self:?}"));
        std::str::from_utf8(value.as_bytes()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// What is answered.
pub(crate) enum Says {
    This(Response),
    /// Once this is notified.
    After(Arc<Notify>, Response),
    Nothing,
}

/// A receiver on loopback, that answers as it is told to, one after the other, and then as always.
#[derive(Clone)]
pub(crate) struct Receiver {
    says: Arc<Mutex<VecDeque<Says>>>,
    asked: watch::Sender<Vec<Asked>>,
}

impl Receiver {
    pub(crate) fn new(says: impl IntoIterator<Item = Says>) -> Self {
        Self {
            says: Arc::new(Mutex::new(says.into_iter().collect())),
            asked: watch::channel(Vec::new()).0,
        }
    }

    /// With its address.
    pub(crate) async fn start(says: impl IntoIterator<Item = Says>) -> (Self, Url) {
        let receiver = Self::new(says);
        let url = serve(receiver.router()).await;
        (receiver, url)
    }

    pub(crate) fn router(&self) -> Router {
        let receiver = self.clone();
        Router::new().fallback(move |request| receiver.clone().take(request))
    }

    fn take(self, request: Request<Body>) -> Pin<Box<dyn Future<Output = Response> + Send>> {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, 1_000_000).await.unwrap();
            let asked = Asked {
                method: parts.method.to_string(),
                path: parts.uri.path().to_owned(),
                headers: parts.headers,
                body,
            };
            let says = self.says.lock().unwrap().pop_front();
            self.asked.send_modify(|all| all.push(asked));
            match says {
                Some(Says::This(response)) => response,
                Some(Says::After(notify, response)) => {
                    notify.notified().await;
                    response
                }
                Some(Says::Nothing) => std::future::pending().await,
                None => json_answer(&json!({"ok": true, "result": {"message_id": 7}})),
            }
        })
    }

    /// Waits until so much was asked, and returns all of it.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Asked> {
        let mut asked = self.asked.subscribe();
        let wait = asked.wait_for(|all| all.len() >= count);
        let all = timeout(PATIENCE, wait).await.expect("it is not told");
        all.unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.borrow().len()
    }
}

pub(crate) fn json_answer(value: &Value) -> Response {
    ([("content-type", "application/json")], value.to_string()).into_response()
}

pub(crate) fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap().into_response()
}

pub(crate) fn target(kind: KindOptions) -> TargetOptions {
    TargetOptions {
        filter: Default::default(),
        kind,
    }
}

pub(crate) fn told_by(kinds: impl IntoIterator<Item = KindOptions>) -> NotifyOptions {
    NotifyOptions {
        targets: kinds.into_iter().map(target).collect(),
        ..NotifyOptions::default()
    }
}

pub(crate) const RING: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e01";

/// A house with the door "front", whose administrator `root` is told by these.
pub(crate) struct Door {
    pub(crate) house: House,
    secret: String,
    camera: Client,
    pub(crate) page: Client,
}

impl Door {
    pub(crate) async fn new(notify: NotifyOptions) -> Self {
        let options = ServerOptions {
            notify,
            ..options()
        };
        let house = House::with(options).await;
        let secret = house.camera("front").await;
        let camera = Client::camera(&house.server, &secret, json!(null)).await;
        let page = house.admin.listen().await;
        Self {
            house,
            secret,
            camera,
            page,
        }
    }

    /// With Web Push.
    pub(crate) async fn with_push() -> Self {
        let push = PushOptions {
            contact: Some("mailto:door@example.org".to_owned()),
            ..PushOptions::default()
        };
        Self::new(NotifyOptions {
            push,
            ..NotifyOptions::default()
        })
        .await
    }

    pub(crate) fn server(&self) -> &Server {
        &self.house.server
    }

    /// Rings, and returns the call.
    pub(crate) async fn ring(&mut self, ring: &str) -> String {
        self.camera.send(json!({"type":"ring","ringId":ring})).await;
        let call = next(&mut self.page, "call").await["call"].take();
        call["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn say(&mut self, kind: &str, call: &str) {
        self.page.send(json!({"type":kind,"callId":call})).await;
        next(&mut self.page, "call").await;
    }

    /// Has the camera's picture of the press come.
    pub(crate) async fn put(&self, jpeg: &[u8]) {
        let address = self.house.address();
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!(
            "PUT /api/v1/cameras/front/snapshots/{RING} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
             Authorization: Bearer {}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
            self.secret,
            jpeg.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(jpeg).await.unwrap();
        let mut answer = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut answer))
            .await
            .unwrap()
            .unwrap();
        assert!(
            answer.starts_with(b"HTTP/1.1 20"),
            "{}",
            String::from_utf8_lossy(&answer)
        );
    }

    pub(crate) async fn metrics(&self) -> String {
        self.house.admin.get("/metrics").await.body
    }
}

/// The next message of this type.
pub(crate) async fn next(client: &mut Client, kind: &str) -> Value {
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

/// Not text, as a picture is none.
pub(crate) fn jpeg(bytes: usize) -> Vec<u8> {
    let mut jpeg = vec![0xff, 0xd8, 0xff, 0xe0];
    jpeg.resize(bytes - 2, 0x80);
    jpeg.extend([0xff, 0xd9]);
    jpeg
}
