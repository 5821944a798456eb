// SPDX-License-Identifier: MPL-2.0
//! One call of the REST API, over the server's own socket or without a server.

use std::io;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Method, Request, Response};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::UnixStream;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::super::Failure;
use crate::control::RELOAD;

/// Largest answer: a page of 500 rows with all their texts.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// For the server to answer. A password takes a moment to hash, a busy database a few seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// What is asked.
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
}

/// What became of a call.
pub(crate) enum Asked {
    Answered(Value),
    /// There is no server.
    NobodyThere(Call),
}

impl Call {
    /// Has a server read its configuration again.
    pub(crate) fn reload() -> Self {
        Self::new(Method::POST, RELOAD, None)
    }

    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, None)
    }

    pub(super) fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path, None)
    }

    pub(super) fn post(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::POST, path, Some(body))
    }

    pub(super) fn patch(path: impl Into<String>, body: Value) -> Self {
        Self::new(Method::PATCH, path, Some(body))
    }

    fn new(method: Method, path: impl Into<String>, body: Option<Value>) -> Self {
        let path = path.into();
        Self { method, path, body }
    }

    fn request(self) -> Result<Request<Body>, Failure> {
        let body = self.body.map(|body| body.to_string()).unwrap_or_default();
        let request = Request::builder()
            .method(self.method)
            .uri(self.path)
            .header(HOST, "localhost")
            .header(CONTENT_TYPE, "application/json");
        request.body(Body::from(body)).map_err(Failure::system)
    }

    /// Asks the server that listens on this socket.
    pub(crate) async fn over(self, socket: &Path) -> Result<Asked, Failure> {
        let stream = match UnixStream::connect(socket).await {
            Ok(stream) => stream,
            Err(e) if is_absent(&e) => return Ok(Asked::NobodyThere(self)),
            Err(e) => {
                let socket = socket.display();
                return Err(Failure::system(format!(
                    "cannot ask the server by {socket}: {e}"
                )));
            }
        };
        let asked = async {
            let (mut sender, connection) = handshake(TokioIo::new(stream))
                .await
                .map_err(io::Error::other)?;
            let connection = tokio::spawn(connection);
            let response = sender.send_request(self.request().map_err(other)?).await;
            let answer = match response {
                Ok(response) => Ok(response.map(Body::new)),
                Err(error) => Err(io::Error::other(error)),
            };
            let answer = read(answer?).await;
            connection.abort();
            Ok::<_, io::Error>(answer)
        };
        let answer = timeout(ANSWER_TIMEOUT, asked).await;
        let answer = answer.map_err(|_| Failure::system("the server does not answer"))?;
        answer
            .map_err(|e| Failure::system(format!("the server broke off: {e}")))?
            .map(Asked::Answered)
    }

    /// Asks these routes themselves.
    pub(crate) async fn by(self, routes: Router) -> Result<Value, Failure> {
        let response = routes.oneshot(self.request()?).await;
        read(response.map_err(|never| match never {})?).await
    }
}

fn other(failure: Failure) -> io::Error {
    let (Failure::Input(message) | Failure::System(message)) = failure;
    io::Error::other(message)
}

/// Nobody listens: no server was started here, or it was killed.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
    )
}

/// What was answered, or why nothing was done, in the words of the problem document.
async fn read(response: Response<Body>) -> Result<Value, Failure> {
    let status = response.status();
    let body = to_bytes(response.into_body(), MAX_ANSWER_BYTES).await;
    let body = body.map_err(Failure::system)?;
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let detail = value["detail"].as_str().or(value["message"].as_str());
    let code = value["code"].as_str().unwrap_or("unknown");
    let message = format!("{} ({code})", detail.unwrap_or("the server refused"));
    match status.is_server_error() {
        true => Err(Failure::System(message)),
        false => Err(Failure::Input(message)),
    }
}

/// A part of a path, percent-encoded (RFC 3986): nobody's name is a path.
pub(super) fn encoded(part: &str) -> String {
    // Form encoding says + for a space, which a path does not understand.
    form_urlencoded::byte_serialize(part.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// A path with those fields that were given.
pub(super) fn query(path: &str, fields: &[(&str, &Option<String>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in fields {
        if let Some(value) = value {
            query.append_pair(key, value);
        }
    }
    format!("{path}?{}", query.finish())
}
