// SPDX-License-Identifier: MPL-2.0
//! Asks the backend about each credential, and obeys. Nobody is let in without a clear answer.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use aws_lc_rs::digest::{SHA256, digest};
use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode, header};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use super::claims::{Claims, identity};
use super::fetch::{Fetch, TIMEOUT, check_url};
use super::{BackendError, Credential, Identity, SetupError};
use crate::lock::lock;
use crate::model::Window;
use crate::rights::DEFAULT_LEASE_SECONDS;

/// Questions at once. Further ones wait, so that a crowd at the door does not bring the backend down.
const MAX_QUESTIONS: usize = 16;
/// How long an answer counts: a page that opens asks several times in a row.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Answers remembered, at some hundred bytes each. Beyond that, the backend is asked each time.
const MAX_REMEMBERED: usize = 1024;

pub(super) struct Webhook {
    url: Url,
    secret: Option<String>,
    fetch: Fetch,
    places: Semaphore,
    remembered: Mutex<Remembered>,
}

#[derive(Serialize)]
struct Question<'a> {
    #[serde(flatten)]
    credential: Credential<'a>,
    peer: IpAddr,
}

#[derive(Deserialize)]
struct Answer {
    user: String,
    #[serde(flatten)]
    claims: Claims,
}

impl Webhook {
    pub(super) fn new(url: &Url, secret: Option<&str>) -> Result<Self, SetupError> {
        check_url(url, "webhook")?;
        Ok(Self {
            url: url.clone(),
            secret: secret.map(str::to_owned),
            fetch: Fetch::new()?,
            places: Semaphore::new(MAX_QUESTIONS),
            remembered: Mutex::default(),
        })
    }

    pub(super) async fn ask(
        &self,
        credential: Credential<'_>,
        peer: IpAddr,
        now: Timestamp,
    ) -> Result<Identity, BackendError> {
        let unavailable = |error: String| BackendError::Unavailable(format!("webhook: {error}"));
        let question = serde_json::to_string(&Question { credential, peer })
            .map_err(|error| unavailable(error.to_string()))?;
        if let Some(answer) = lock(&self.remembered).get(&question, Instant::now()) {
            return answer
                .filter(|identity| now < identity.until)
                .ok_or(BackendError::Refused);
        }
        let waited = timeout(TIMEOUT, self.places.acquire()).await;
        let Ok(Ok(_place)) = waited else {
            return Err(unavailable("too many are waiting".to_owned()));
        };
        let mut request = Request::post(self.url.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json");
        if let Some(secret) = &self.secret {
            request = request.header(header::AUTHORIZATION, format!("Bearer {secret}"));
        }
        let request = request
            .body(Body::from(question.clone()))
            .map_err(|error| unavailable(error.to_string()))?;
        let (status, text) = self.fetch.answer(request).await?;
        let answer =
            understand(status, &text, now).map_err(|error| unavailable(error.to_owned()))?;
        lock(&self.remembered).put(&question, answer.clone(), Instant::now());
        answer.ok_or(BackendError::Refused)
    }
}

/// A person, nobody, or no answer.
fn understand(
    status: StatusCode,
    text: &Bytes,
    now: Timestamp,
) -> Result<Option<Identity>, &'static str> {
    match status {
        StatusCode::OK => (),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => return Ok(None),
        _ => return Err("its status is none of 200, 401 and 403"),
    }
    let answer: Answer = serde_json::from_slice(text).map_err(
        |_| "its answer is no JSON with user, role, cameras, perms, from and until as documented",
    )?;
    // Without an end of its own, it is good for as long as a session may last without asking again.
    let most = SignedDuration::from_secs(DEFAULT_LEASE_SECONDS.into());
    let good = Window {
        start: Timestamp::UNIX_EPOCH,
        end: now.saturating_add(most).unwrap_or(Timestamp::MAX),
    };
    let identity = identity(&answer.user, &answer.claims, good)?;
    match now < identity.until {
        true => Ok(Some(identity)),
        false => Ok(None),
    }
}

/// Clear answers of the last seconds, by the digest of the question.
#[derive(Default)]
struct Remembered(HashMap<[u8; 32], (Instant, Option<Identity>)>);

impl Remembered {
    fn get(&self, question: &str, now: Instant) -> Option<Option<Identity>> {
        let (until, answer) = self.0.get(&key(question))?;
        (now < *until).then(|| answer.clone())
    }

    fn put(&mut self, question: &str, answer: Option<Identity>, now: Instant) {
        if self.0.len() >= MAX_REMEMBERED {
            self.0.retain(|_, (until, _)| now < *until);
        }
        if self.0.len() < MAX_REMEMBERED {
            self.0.insert(key(question), (now + REMEMBERED, answer));
        }
    }
}

fn key(question: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, question.as_bytes()).as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, text: &str) -> Result<Option<Identity>, &'static str> {
        let status = StatusCode::from_u16(status).unwrap();
        let now = Timestamp::from_second(1000).unwrap();
        understand(status, &Bytes::copy_from_slice(text.as_bytes()), now)
    }

    #[test]
    fn only_a_clear_yes_is_a_yes() {
        let anna = said(200, r#"{"user":"anna","cameras":["front"],"extra":1}"#)
            .unwrap()
            .unwrap();
        assert_eq!(&*anna.rights.user, "anna");
        assert_eq!(
            anna.until.as_second(),
            1000 + i64::from(DEFAULT_LEASE_SECONDS)
        );
        let until = said(200, r#"{"user":"anna","until":1060}"#)
            .unwrap()
            .unwrap();
        assert_eq!(until.until.as_second(), 1060);
        assert_eq!(said(401, ""), Ok(None));
        assert_eq!(said(403, r#"{"user":"anna"}"#), Ok(None));
        assert_eq!(
            said(200, r#"{"user":"anna","until":1000}"#),
            Ok(None),
            "it is over"
        );
        for (status, text) in [
            (200, ""),
            (200, "null"),
            (200, "true"),
            (200, "{}"),
            (200, r#"{"user":7}"#),
            (200, r#"{"user":"guest"}"#),
            (200, r#"{"user":"anna","role":"root"}"#),
            (200, r#"{"user":"anna","perms":["all"]}"#),
            (201, r#"{"user":"anna"}"#),
            (204, ""),
            (302, r#"{"user":"anna"}"#),
            (404, ""),
            (500, r#"{"user":"anna"}"#),
        ] {
            assert!(said(status, text).is_err(), "{status} {text}");
        }
    }

    #[test]
    fn answers_are_remembered_for_a_short_while_and_not_without_end() {
        let start = Instant::now();
        let anna = said(200, r#"{"user":"anna"}"#).unwrap();
        let mut remembered = Remembered::default();
        remembered.put("yes", anna.clone(), start);
        remembered.put("no", None, start);
        assert_eq!(remembered.get("yes", start), Some(anna.clone()));
        assert_eq!(remembered.get("no", start), Some(None));
        assert_eq!(remembered.get("other", start), None);
        assert_eq!(remembered.get("yes", start + REMEMBERED), None);
        for number in 0..2 * MAX_REMEMBERED {
            remembered.put(&number.to_string(), None, start);
        }
        assert_eq!(remembered.0.len(), MAX_REMEMBERED);
        remembered.put("new", anna.clone(), start + REMEMBERED);
        assert_eq!(remembered.0.len(), 1);
    }
}
