// SPDX-License-Identifier: MPL-2.0
//! One call of the REST API, over the server's own socket or without a server.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{Method, Request, Response};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tower::ServiceExt as _;

use super::super::Failure;
use crate::control::RELOAD;
use crate::store::MAX_ROWS;

/// Largest answer: a page of 500 rows with all their texts.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// For the server to answer. A password takes a moment to hash, a busy database a few seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Entries that one command gathers at most, so that it ends whatever it is told: some hundred megabytes.
const MAX_ENTRIES: usize = 1_000_000;

/// What is asked.
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<Value>,
    /// Of a list, which comes in pages.
    pages: Option<Pages>,
    /// Where each of many things stands that are sent at once.
    places: Places,
}

/// By what they are, one for each.
pub(super) type Places = BTreeMap<String, Vec<String>>;

/// How a list goes on, and how far.
#[derive(Clone, Copy)]
struct Pages {
    cursor: &'static str,
    at_most: usize,
}

/// What came of a list until now.
struct Gathered {
    path: String,
    pages: Pages,
    items: Vec<Value>,
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

    /// All of a list, or so many entries, page after page. `path` has a query.
    pub(super) fn list(
        path: impl Into<String>,
        cursor: &'static str,
        at_most: Option<usize>,
    ) -> Self {
        let pages = Pages {
            cursor,
            at_most: at_most.unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES),
        };
        Self {
            pages: Some(pages),
            ..Self::get(path)
        }
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
        Self {
            method,
            path: path.into(),
            body,
            pages: None,
            places: Places::new(),
        }
    }

    /// The same, whose things stand at these places.
    pub(super) fn of_places(self, places: Places) -> Self {
        Self { places, ..self }
    }

    fn gathered(&self) -> Option<Gathered> {
        let (path, items) = (self.path.clone(), Vec::new());
        self.pages.map(|pages| Gathered { path, pages, items })
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
        let Some(mut gathered) = self.gathered() else {
            return self.once_over(socket).await;
        };
        let mut call = self;
        loop {
            let answer = match call.once_over(socket).await? {
                Asked::Answered(answer) => answer,
                Asked::NobodyThere(call) if gathered.items.is_empty() => {
                    return Ok(Asked::NobodyThere(call));
                }
                Asked::NobodyThere(_) => {
                    return Err(Failure::system("the server ended meanwhile: try again"));
                }
            };
            match gathered.take(answer) {
                Some(next) => call = next,
                None => return Ok(Asked::Answered(gathered.whole())),
            }
        }
    }

    async fn once_over(mut self, socket: &Path) -> Result<Asked, Failure> {
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
        let places = std::mem::take(&mut self.places);
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
            let answer = read(answer?, &places).await;
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
        let Some(mut gathered) = self.gathered() else {
            return self.once_by(routes).await;
        };
        let mut call = self;
        loop {
            let answer = call.once_by(routes.clone()).await?;
            match gathered.take(answer) {
                Some(next) => call = next,
                None => return Ok(gathered.whole()),
            }
        }
    }

    async fn once_by(mut self, routes: Router) -> Result<Value, Failure> {
        let places = std::mem::take(&mut self.places);
        let response = routes.oneshot(self.request()?).await;
        read(response.map_err(|never| match never {})?, &places).await
    }
}

impl Gathered {
    /// Takes a page in, and says what to ask for next.
    fn take(&mut self, mut page: Value) -> Option<Call> {
        let more = page["items"].as_array_mut().map(std::mem::take);
        self.items.extend(more.unwrap_or_default());
        self.items.truncate(self.pages.at_most);
        let next = match &page["next"] {
            Value::String(next) => next.clone(),
            Value::Number(next) => next.to_string(),
            _ => return None,
        };
        if self.items.len() >= self.pages.at_most {
            return None;
        }
        let (path, cursor) = (&self.path, self.pages.cursor);
        Some(Call::get(format!("{path}&{cursor}={}", encoded(&next))))
    }

    fn whole(self) -> Value {
        json!({ "items": self.items })
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
async fn read(response: Response<Body>, places: &Places) -> Result<Value, Failure> {
    let status = response.status();
    let body = to_bytes(response.into_body(), MAX_ANSWER_BYTES).await;
    let body = body.map_err(Failure::system)?;
    let value: Value = serde_json::from_slice(&body).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let detail = value["detail"].as_str().or(value["message"].as_str());
    let code = value["code"].as_str().unwrap_or("unknown");
    let place = place(&value, places).unwrap_or_default();
    let message = format!("{place}{} ({code})", detail.unwrap_or("the server refused"));
    match status.is_server_error() {
        true => Err(Failure::System(message)),
        false => Err(Failure::Input(message)),
    }
}

/// Where that stands which was refused, and in which column.
fn place(problem: &Value, places: &Places) -> Option<String> {
    let of = problem["of"].as_str()?;
    let row = usize::try_from(problem["row"].as_u64()?).ok()?;
    let place = places.get(of)?.get(row)?;
    let column = match (problem["code"].as_str()?, of) {
        ("bad-name" | "exists", "cameras") => "id or name: ",
        ("bad-name" | "exists", _) => "name: ",
        ("no-such-camera", _) => "camera: ",
        ("no-such-user", _) => "user: ",
        ("bad-window", _) => "start or end: ",
        ("bad-rule", _) => "rule: ",
        ("control-taken", _) => "perms: ",
        _ => "",
    };
    Some(format!("{place}: {column}"))
}

/// A part of a path, percent-encoded (RFC 3986): nobody's name is a path.
pub(super) fn encoded(part: &str) -> String {
    // Form encoding says + for a space, which a path does not understand.
    form_urlencoded::byte_serialize(part.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// A path with the size of a page, and those fields that were given.
pub(super) fn query(path: &str, fields: &[(&str, &Option<String>)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &MAX_ROWS.to_string());
    for (key, value) in fields {
        if let Some(value) = value {
            query.append_pair(key, value);
        }
    }
    format!("{path}?{}", query.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_gathered_to_the_end_or_to_as_many_as_are_wanted() {
        let page = |items: [u32; 2], next: Value| json!({ "items": items, "next": next });
        let gathered = |at_most| {
            Call::list("/api/x?limit=2", "after", at_most)
                .gathered()
                .unwrap()
        };
        let mut all = gathered(None);
        let next = all.take(page([1, 2], json!("a b&c"))).unwrap();
        assert_eq!(next.path, "/api/x?limit=2&after=a%20b%26c");
        assert_eq!(
            all.take(page([3, 4], json!(7))).unwrap().path,
            "/api/x?limit=2&after=7"
        );
        assert!(all.take(json!({ "items": [5] })).is_none());
        assert_eq!(all.whole(), json!({ "items": [1, 2, 3, 4, 5] }));
        let mut some = gathered(Some(3));
        assert!(some.take(page([1, 2], json!("a"))).is_some());
        assert!(some.take(page([3, 4], json!("b"))).is_none());
        assert_eq!(some.whole(), json!({ "items": [1, 2, 3] }));
    }
}
