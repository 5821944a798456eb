// SPDX-License-Identifier: MPL-2.0
//! The backend's keys, fetched when they are needed.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::fetch::{Fetch, check_url};
use super::keys::Keys;
use super::{BackendError, SetupError};
use crate::lock::lock;

/// After so long they are fetched again, so that a key that was withdrawn there is not taken here for longer.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// So long they are used when the backend does not answer: a restart there must not turn everyone away.
const STALE: Duration = Duration::from_secs(60 * 60);
/// Time between two tries, so that tokens with invented keys make no flood of questions.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) struct Jwks {
    url: Url,
    fetch: Fetch,
    held: Mutex<Held>,
    /// One asks at a time.
    asking: Semaphore,
}

/// What is known of the keys.
#[derive(Clone, Default)]
struct Held {
    keys: Option<(Arc<Keys>, Instant)>,
    tried: Option<Instant>,
}

impl Held {
    /// Whether to fetch them now; `missing` if one was looked for that is not among them.
    fn is_due(&self, missing: bool, now: Instant) -> bool {
        let is_fresh = self.within(FRESH, now).is_some();
        let paused = self
            .tried
            .is_none_or(|tried| now.duration_since(tried) >= PAUSE);
        (missing || !is_fresh) && paused
    }

    fn within(&self, age: Duration, now: Instant) -> Option<Arc<Keys>> {
        let (keys, fetched) = self.keys.as_ref()?;
        (now.duration_since(*fetched) < age).then(|| keys.clone())
    }
}

impl Jwks {
    pub(super) fn new(url: &Url) -> Result<Self, SetupError> {
        check_url(url, "jwks-url")?;
        Ok(Self {
            url: url.clone(),
            fetch: Fetch::new()?,
            held: Mutex::default(),
            asking: Semaphore::new(1),
        })
    }

    /// The keys; `missing` if one was looked for that is not among them.
    pub(super) async fn keys(&self, missing: bool) -> Result<Arc<Keys>, BackendError> {
        let mut failed = None;
        let is_due = || lock(&self.held).is_due(missing, Instant::now());
        if is_due()
            && let Some(_permit) = self.turn(missing).await
            // Whoever asked before may have the answer.
            && is_due()
        {
            let fetched = self.fetched().await;
            let mut held = lock(&self.held);
            held.tried = Some(Instant::now());
            match fetched {
                Ok(keys) => held.keys = Some((Arc::new(keys), Instant::now())),
                Err(error) => failed = Some(error),
            }
        }
        let held = lock(&self.held).within(STALE, Instant::now());
        held.ok_or_else(|| {
            let before = BackendError::Unavailable("its keys could not be fetched".to_owned());
            failed.unwrap_or(before)
        })
    }

    /// The turn to ask. Who can do with the keys of before does not wait for those who ask.
    async fn turn(&self, missing: bool) -> Option<SemaphorePermit<'_>> {
        let has_some = lock(&self.held).within(STALE, Instant::now()).is_some();
        match self.asking.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) if has_some && !missing => None,
            Err(_) => self.asking.acquire().await.ok(),
        }
    }

    async fn fetched(&self) -> Result<Keys, BackendError> {
        let request = Request::get(self.url.as_str()).header("accept", "application/json");
        let unavailable = |error: String| BackendError::Unavailable(format!("jwks-url: {error}"));
        let request = request
            .body(Body::empty())
            .map_err(|error| unavailable(error.to_string()))?;
        let (status, text) = self.fetch.answer(request).await?;
        if status != StatusCode::OK {
            return Err(unavailable(status.to_string()));
        }
        let text = std::str::from_utf8(&text).map_err(|error| unavailable(error.to_string()))?;
        Keys::from_jwks(text).map_err(|error| unavailable(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_when_they_are_old_or_one_is_missing_and_not_too_often() {
        let start = Instant::now();
        let keys = Arc::new(Keys::from_secret(&"s".repeat(32)).unwrap());
        let held = |fetched: Option<Instant>, tried| Held {
            keys: fetched.map(|at| (keys.clone(), at)),
            tried,
        };
        let second = Duration::from_secs(1);
        assert!(Held::default().is_due(false, start));
        assert!(
            !held(None, Some(start)).is_due(false, start + PAUSE - second),
            "it just failed"
        );
        assert!(held(None, Some(start)).is_due(false, start + PAUSE));
        let fresh = held(Some(start), Some(start));
        assert!(!fresh.is_due(false, start + FRESH - second));
        assert!(fresh.is_due(false, start + FRESH));
        assert!(
            !fresh.is_due(true, start + PAUSE - second),
            "tokens with invented keys"
        );
        assert!(fresh.is_due(true, start + PAUSE));
        assert!(fresh.within(STALE, start + STALE - second).is_some());
        assert!(fresh.within(STALE, start + STALE).is_none());
    }
}
