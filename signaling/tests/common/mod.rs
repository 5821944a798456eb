// SPDX-License-Identifier: MPL-2.0
//! A server on a free port, and clients that speak to it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use porthole_protocol::grant::GrantSigner;
use porthole_signaling::{Server, ServerOptions, ViewerEntry};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message, client::IntoClientRequest as _};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Longer than anything here takes on a busy machine; only a test that fails waits for it.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn options() -> ServerOptions {
    ServerOptions::new(GrantSigner::generate().unwrap())
}

/// A server on a free port of loopback.
pub fn start(options: ServerOptions) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    Server::start(options, listener, &tokio::runtime::Handle::current()).unwrap()
}

/// A server with the viewer "alice" (token "alice-token") and the camera "front", whose secret is returned.
pub fn start_with_alice() -> (Server, String) {
    let server = start(options());
    server.add_viewer(ViewerEntry::new("alice", "alice-token"));
    let secret = server.add_camera("front", "Front door").unwrap();
    (server, secret)
}

/// A WebSocket client.
pub struct Client {
    pub ws: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Client {
    /// Connects with these headers. `Err` is the status of the refusal and its code.
    pub async fn connect(
        address: SocketAddr,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let mut request = format!("ws://{address}{path}")
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((ws, _)) => Ok(Self { ws }),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                Err((
                    response.status().as_u16(),
                    serde_json::from_slice(&body).unwrap(),
                ))
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Connects with a bearer token and reads the welcome.
    pub async fn with_token(server: &Server, token: &str) -> Self {
        let bearer = format!("Bearer {token}");
        let client = Self::connect(server.local_addr(), "/ws", &[("authorization", &bearer)]).await;
        let mut client = client.unwrap();
        assert_eq!(client.recv().await["type"], "welcome");
        client
    }

    /// A page that is logged in, announced itself and listens.
    pub async fn by_cookie(server: &Server, cookies: &str) -> Self {
        let address = server.local_addr();
        let origin = format!("http://{address}");
        let headers = [("cookie", cookies), ("origin", &origin)];
        let mut client = Self::connect(address, "/ws", &headers).await.unwrap();
        assert_eq!(client.recv().await["type"], "welcome");
        client.announce().await
    }

    /// A viewer that announced itself and listens.
    pub async fn viewer(server: &Server, token: &str) -> Self {
        Self::with_token(server, token).await.announce().await
    }

    async fn announce(mut self) -> Self {
        self.send(json!({"type":"setPeerStatus","roles":["listener"],"meta":null,"porthole":{"version":1}}))
            .await;
        assert_eq!(self.recv().await["type"], "peerStatusChanged");
        self
    }

    /// A camera that announced itself and produces. `meta` of any size the server takes.
    pub async fn camera(server: &Server, secret: &str, meta: Value) -> Self {
        let mut client = Self::with_token(server, secret).await;
        client
            .send(json!({"type":"setPeerStatus","roles":["producer"],"meta":meta,"porthole":{"version":1,"nonce":"n"}}))
            .await;
        // Answered after the status was taken.
        client.send(json!({"type":"list"})).await;
        assert_eq!(client.recv().await["type"], "list");
        client
    }

    pub async fn send(&mut self, message: Value) {
        self.ws
            .send(Message::text(message.to_string()))
            .await
            .unwrap();
    }

    /// The next message, or the close code as `{"close": code, "reason": ...}`.
    pub async fn recv(&mut self) -> Value {
        loop {
            match timeout(PATIENCE, self.ws.next())
                .await
                .expect("nothing came")
            {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Close(frame))) => {
                    let frame = frame.unwrap();
                    let reason = frame.reason.as_str();
                    return json!({"close": u16::from(frame.code), "reason": reason});
                }
                Some(Ok(_)) => (),
                Some(Err(_)) | None => return json!({"close": null}),
            }
        }
    }

    /// Starts a session with a camera and returns its id.
    pub async fn start_session(&mut self, camera: &mut Client, id: &str) -> String {
        self.send(json!({"type":"startSession","peerId":id})).await;
        assert_eq!(self.recv().await["type"], "sessionStarted");
        let start = camera.recv().await;
        assert_eq!(start["type"], "startSession");
        start["sessionId"].as_str().unwrap().to_owned()
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .filter(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
    }

    /// The cookies that are set, as a request sends them.
    pub fn cookies(&self) -> String {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let set = lines.filter(|(key, _)| key.eq_ignore_ascii_case("set-cookie"));
        let pairs = set.filter_map(|(_, value)| value.split(';').next());
        pairs.collect::<Vec<_>>().join("; ")
    }

    /// Status and code.
    pub fn problem(&self) -> (u16, String) {
        let code = serde_json::from_str::<Value>(&self.body).unwrap_or_default();
        (
            self.status,
            code["code"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

/// Sends one request, with `Host` and these headers, and reads the answer.
pub async fn http(address: SocketAddr, request: &str, headers: &[(&str, &str)]) -> Answer {
    http_with(address, request, headers, "").await
}

/// The same with a body.
pub async fn http_with(
    address: SocketAddr,
    request: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    let length = format!("content-length: {}\r\n", body.len());
    let length = if body.is_empty() { "" } else { &length };
    exchange(stream, address, request, headers, (length, body)).await
}

/// The same with a body in chunks, as they are written.
pub async fn chunks(
    address: SocketAddr,
    request: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let stream = TcpStream::connect(address).await.unwrap();
    exchange(stream, address, request, headers, ("", body)).await
}

pub async fn http_over(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    request: &str,
    headers: &[(&str, &str)],
) -> Answer {
    exchange(stream, address, request, headers, ("", "")).await
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    request: &str,
    headers: &[(&str, &str)],
    (length, body): (&str, &str),
) -> Answer {
    let mut lines: String = headers
        .iter()
        .map(|(k, v)| format!("{k}: {v}\r\n"))
        .collect();
    lines += length;
    let text =
        format!("{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{lines}\r\n{body}");
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}
