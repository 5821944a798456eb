// SPDX-License-Identifier: MPL-2.0
//! What most notifications go by: one question, no redirects, which could lead a secret astray, and a bounded answer. Time is
//! limited by whoever asks.

use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::header::{CONTENT_LENGTH, HeaderValue, RETRY_AFTER, USER_AGENT};
use axum::http::{Request, StatusCode};

use super::channel::{Failure, What};
use crate::http_client::{HttpClient, NOT_PUBLIC, Reach, http_client, innermost};

/// For a connection, so that one that nobody takes is known from one that was taken and is silent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Largest answer that is read: what a chat's server says of a message.
const MAX_ANSWER_BYTES: usize = 64 * 1024;
/// For an answer's text, once its status is known, which says most.
const BODY_TIMEOUT: Duration = Duration::from_secs(2);
/// Of a refusal's text so much is shown.
const MAX_WORDS: usize = 160;
const AGENT: HeaderValue =
    HeaderValue::from_static(concat!("porthole/", env!("CARGO_PKG_VERSION")));

#[derive(Clone)]
pub(super) struct Http {
    client: HttpClient,
    reach: Reach,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    retry_after: Option<Duration>,
    /// `None` where it is too long, too slow or broke off.
    pub(super) body: Option<Bytes>,
}

impl Http {
    pub(super) fn new(reach: Reach) -> io::Result<Self> {
        let client = http_client(reach, |connector| {
            connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
            connector.set_nodelay(true);
        })?;
        Ok(Self { client, reach })
    }

    /// Asks once.
    pub(super) async fn ask(&self, request: Request<Bytes>) -> Result<Answer, Failure> {
        let host = request.uri().host().unwrap_or_default();
        if !self.reach.has_host(host) {
            return Err(Failure::never(NOT_PUBLIC));
        }
        let length = request.body().len();
        let mut request = request.map(Body::from);
        request.headers_mut().insert(USER_AGENT, AGENT);
        let length = HeaderValue::from(length);
        request.headers_mut().insert(CONTENT_LENGTH, length);
        let answer = self.client.request(request).await.map_err(|error| {
            let words = innermost(&error);
            let what = match () {
                () if words == NOT_PUBLIC => What::Never,
                () if error.is_connect() => What::Later(None),
                () => What::Unclear,
            };
            Failure::new(what, words)
        })?;
        let status = answer.status();
        let after = answer.headers().get(RETRY_AFTER);
        let seconds = after.and_then(|after| after.to_str().ok()?.trim().parse().ok());
        let body = to_bytes(Body::new(answer.into_body()), MAX_ANSWER_BYTES);
        let body = tokio::time::timeout(BODY_TIMEOUT, body).await;
        Ok(Answer {
            status,
            retry_after: seconds.map(Duration::from_secs),
            body: body.ok().and_then(Result::ok),
        })
    }

    /// Asks once, and takes any answer for a refusal that says not that it was taken.
    pub(super) async fn hand_over(&self, request: Request<Bytes>) -> Result<Answer, Failure> {
        let answer = self.ask(request).await?;
        match answer.status.is_success() {
            true => Ok(answer),
            false => Err(answer.refusal()),
        }
    }
}

impl Answer {
    /// What a status says that is none of success.
    pub(super) fn refusal(&self) -> Failure {
        let status = self.status;
        let what = match status {
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
                What::Later(self.retry_after)
            }
            status if status.is_server_error() => What::Later(self.retry_after),
            _ => What::Never,
        };
        let hint = match status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ": look at the token or secret",
            StatusCode::NOT_FOUND => ": look at the address",
            status if status.is_redirection() => ": give the address that it sends on to",
            _ => "",
        };
        let said = self.body.as_deref().map(shortened).unwrap_or_default();
        let said = match said.is_empty() {
            true => said,
            false => format!(" ({said})"),
        };
        Failure::new(what, format!("HTTP {}{hint}{said}", status.as_u16()))
    }
}

/// What a stranger wrote, fit for one line of a log.
pub(super) fn shortened(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * MAX_WORDS)]).into_owned();
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let short: String = printable.take(MAX_WORDS).collect();
    short.trim().to_owned()
}

/// A request that could not be put together.
pub(super) fn unusable(error: axum::http::Error) -> Failure {
    // Its text shows nothing of what was to be in it.
    Failure::never(error.to_string())
}
