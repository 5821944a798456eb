// SPDX-License-Identifier: MPL-2.0
//! What a provider says of itself, fetched when it is needed: its keys, and where they are.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::BackendError;
use super::fetch::Fetch;
use crate::lock::lock;

/// After so long it is fetched again, so that a key that was withdrawn there is not taken here for longer.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// So long it is used when the provider does not answer: a restart there must not turn everyone away.
const STALE: Duration = Duration::from_secs(60 * 60);
/// Between two tries where strangers may have it fetched, so that tokens with invented keys make no flood of questions.
const STRANGERS_PAUSE: Duration = Duration::from_secs(10);
/// After a try that failed: those who waited for it do not wait for another one, each in turn.
const FAILED_PAUSE: Duration = Duration::from_secs(1);

type Read<T> = Box<dyn Fn(&str) -> Result<T, String> + Send + Sync>;

/// Who may say that something is missing in what was fetched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum AskedBy {
    /// Anyone, who shows a token with the name of a key.
    Strangers,
    /// The provider itself, which has just sent a token.
    Provider,
}

pub(crate) struct Fetched<T> {
    url: Url,
    /// What it is called in the log.
    name: &'static str,
    read: Read<T>,
    asked_by: AskedBy,
    fetch: Fetch,
    held: Mutex<Held<T>>,
    /// One asks at a time.
    asking: Semaphore,
}

/// What is known.
struct Held<T> {
    known: Option<(Arc<T>, Instant)>,
    /// Before this nobody asks.
    paused_until: Option<Instant>,
}

impl<T> Default for Held<T> {
    fn default() -> Self {
        Self {
            known: None,
            paused_until: None,
        }
    }
}

impl<T> Held<T> {
    /// Whether to fetch it now; `missing` if something was looked for that is not in it.
    fn is_due(&self, missing: bool, now: Instant) -> bool {
        let is_fresh = self.within(FRESH, now).is_some();
        let paused = self.paused_until.is_some_and(|until| now < until);
        (missing || !is_fresh) && !paused
    }

    fn within(&self, age: Duration, now: Instant) -> Option<Arc<T>> {
        let (known, fetched) = self.known.as_ref()?;
        (now.duration_since(*fetched) < age).then(|| known.clone())
    }

    /// Someone has asked, who was answered, or not.
    fn put(&mut self, answer: Option<T>, asked_by: AskedBy, now: Instant) {
        let pause = match (asked_by, &answer) {
            (AskedBy::Strangers, _) => Some(STRANGERS_PAUSE),
            (AskedBy::Provider, None) => Some(FAILED_PAUSE),
            (AskedBy::Provider, Some(_)) => None,
        };
        self.paused_until = pause.map(|pause| now + pause);
        if let Some(answer) = answer {
            self.known = Some((Arc::new(answer), now));
        }
    }
}

impl<T> Fetched<T> {
    pub(crate) fn new(
        (url, name): (Url, &'static str),
        asked_by: AskedBy,
        fetch: Fetch,
        read: impl Fn(&str) -> Result<T, String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            url,
            name,
            read: Box::new(read),
            asked_by,
            fetch,
            held: Mutex::default(),
            asking: Semaphore::new(1),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// What is known, without asking.
    pub(crate) fn known(&self) -> Option<Arc<T>> {
        lock(&self.held).within(STALE, Instant::now())
    }

    /// What is known; `missing` if something was looked for that is not in it.
    pub(crate) async fn get(&self, missing: bool) -> Result<Arc<T>, BackendError> {
        let mut failed = None;
        let is_due = || lock(&self.held).is_due(missing, Instant::now());
        if is_due()
            && let Some(_permit) = self.turn(missing).await
            // Whoever asked before may have the answer.
            && is_due()
        {
            let (answer, error) = match self.fetched().await {
                Ok(answer) => (Some(answer), None),
                Err(error) => (None, Some(error)),
            };
            failed = error;
            lock(&self.held).put(answer, self.asked_by, Instant::now());
        }
        self.known().ok_or_else(|| {
            let before = BackendError::Unavailable(format!("{}: it could not be had", self.name));
            failed.unwrap_or(before)
        })
    }

    /// The turn to ask. Who can do with what was known before does not wait for those who ask.
    async fn turn(&self, missing: bool) -> Option<SemaphorePermit<'_>> {
        let has_some = self.known().is_some();
        match self.asking.try_acquire() {
            Ok(permit) => Some(permit),
            Err(_) if has_some && !missing => None,
            Err(_) => self.asking.acquire().await.ok(),
        }
    }

    async fn fetched(&self) -> Result<T, BackendError> {
        let name = self.name;
        let unavailable = |error: String| BackendError::Unavailable(format!("{name}: {error}"));
        let request = Request::get(self.url.as_str()).header("accept", "application/json");
        let request = request
            .body(Body::empty())
            .map_err(|error| unavailable(error.to_string()))?;
        let (status, text) = self.fetch.answer(request).await?;
        if status != StatusCode::OK {
            return Err(unavailable(status.to_string()));
        }
        let text = std::str::from_utf8(&text).map_err(|error| unavailable(error.to_string()))?;
        (self.read)(text).map_err(unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn it_is_fetched_when_it_is_old_or_something_is_missing_and_for_strangers_not_too_often() {
        let start = Instant::now();
        let tried = |answer| {
            let mut held = Held::default();
            held.put(answer, AskedBy::Strangers, start);
            held
        };
        assert!(Held::<()>::default().is_due(false, start));
        let failed = tried(None);
        assert!(!failed.is_due(false, start + STRANGERS_PAUSE - SECOND));
        assert!(failed.is_due(false, start + STRANGERS_PAUSE));
        let fresh = tried(Some(()));
        assert!(!fresh.is_due(false, start + FRESH - SECOND));
        assert!(fresh.is_due(false, start + FRESH));
        assert!(
            !fresh.is_due(true, start + STRANGERS_PAUSE - SECOND),
            "tokens with invented keys"
        );
        assert!(fresh.is_due(true, start + STRANGERS_PAUSE));
        assert!(fresh.within(STALE, start + STALE - SECOND).is_some());
        assert!(fresh.within(STALE, start + STALE).is_none());
    }

    #[test]
    fn what_the_provider_itself_names_is_looked_for_at_once() {
        let (mut held, start) = (Held::default(), Instant::now());
        held.put(Some(()), AskedBy::Provider, start);
        assert!(held.is_due(true, start) && !held.is_due(false, start));
        held.put(None, AskedBy::Provider, start);
        assert!(
            !held.is_due(true, start),
            "whoever waited does not ask again"
        );
        assert!(held.is_due(true, start + FAILED_PAUSE));
    }
}
