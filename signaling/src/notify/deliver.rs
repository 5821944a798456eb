// SPDX-License-Identifier: MPL-2.0
//! One notification to one address: sent until it is there or the call does not ring any more, and then what becomes of the call.
//! Waits and tries are here, and nothing of how anything is sent.

use std::future::Future;
use std::time::Duration;

use porthole_protocol::wire::CallState;
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::channel::{Channel, Failure, News, Receipt, What};
use crate::calls::{CallProgress, RingNotice};

/// For the picture of the press. A camera takes one at the press, and it is here some 60 to 150 ms later in a home's network. Of the
/// 300 ms that a notification with a picture may take, 100 are left for the rest; one whose picture is later is sent without,
/// since whoever stands at the door waits longer than whoever would like to see a face.
pub(super) const SNAPSHOT_PATIENCE: Duration = Duration::from_millis(200);
/// For one try: those who are slower answer when the visitor is about to go.
pub(super) const TRY_TIMEOUT: Duration = Duration::from_secs(10);
/// After the first try that failed; it doubles from one to the next.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// How long is waited for what. The defaults are right outside tests.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) picture: Duration,
    pub(super) attempt: Duration,
    pub(super) first_pause: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            picture: SNAPSHOT_PATIENCE,
            attempt: TRY_TIMEOUT,
            first_pause: FIRST_PAUSE,
        }
    }
}
/// Tries of one notification: as many as fit into the 45 s for which a call rings, if all fail at once.
pub(super) const MAX_TRIES: u32 = 8;
/// Tries to tell what became of the call: what is wrong with it is a notification that is older than it looks.
const MAX_FOLLOWING_TRIES: u32 = 4;

/// What became of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Sent(Receipt),
    /// The call did not ring any more.
    TooLate,
    Failed(Failure),
}

/// Waits until the call rings no more.
async fn rings_no_more(progress: &mut watch::Receiver<CallProgress>) {
    // Of one that is forgotten nothing comes: it is over.
    let _ = progress
        .wait_for(|now| now.state != CallState::Ringing)
        .await;
}

/// Waits for something, for as long as the call rings.
async fn while_it_rings<T>(
    progress: &mut watch::Receiver<CallProgress>,
    wait: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = rings_no_more(progress) => None,
        done = wait => Some(done),
    }
}

async fn limited<T>(
    pace: Pace,
    attempt: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let done = timeout(pace.attempt, attempt).await;
    done.unwrap_or_else(|_| {
        let words = format!("no answer within {:?}", pace.attempt);
        Err(Failure::new(What::Unclear, words))
    })
}

/// How long to wait before it is tried again, if it is.
fn pause(pace: Pace, failure: &Failure, tries: u32, repeatable: bool) -> Option<Duration> {
    let usual = (pace.first_pause * 2_u32.saturating_pow(tries - 1)).min(MAX_PAUSE);
    match failure.what {
        // As long as whoever is asked wants it: a call rings for a limited time.
        What::Later(after) => Some(after.unwrap_or(usual).max(usual)),
        What::Unclear if repeatable => Some(usual),
        What::Unclear | What::Never | What::Gone => None,
    }
}

/// Tells one address that it rings. `places` are those for what is under way to this person by this target.
pub(super) async fn send(
    channel: &dyn Channel,
    ring: &RingNotice,
    places: &Semaphore,
    pace: Pace,
) -> Outcome {
    let mut progress = ring.progress.clone();
    if channel.shows_picture() {
        let mut picture = progress.clone();
        let picture = picture.wait_for(|now| now.snapshot.is_some());
        let patience = timeout(pace.picture, picture);
        let _ = while_it_rings(&mut progress, async { drop(patience.await) }).await;
    }
    let mut tries = 0;
    loop {
        let Some(place) = while_it_rings(&mut progress, places.acquire()).await else {
            return Outcome::TooLate;
        };
        let picture = progress.borrow().snapshot.clone();
        // Not broken off when the call is answered: it may have been taken.
        let sent = limited(pace, channel.send(ring, picture)).await;
        drop(place);
        tries += 1;
        let failure = match sent {
            Ok(receipt) => return Outcome::Sent(receipt),
            Err(failure) => failure,
        };
        if failure.what == What::Gone {
            channel.forget().await;
        }
        let wait = pause(pace, &failure, tries, channel.is_repeatable());
        let Some(wait) = wait.filter(|_| tries < MAX_TRIES) else {
            return Outcome::Failed(failure);
        };
        if while_it_rings(&mut progress, sleep(wait)).await.is_none() {
            return Outcome::TooLate;
        }
    }
}

/// Tells the address what becomes of the call, until it is over.
pub(super) async fn follow(
    channel: &dyn Channel,
    ring: &RingNotice,
    receipt: &Receipt,
    places: &Semaphore,
    pace: Pace,
) {
    let mut progress = ring.progress.clone();
    let mut told = None;
    while channel.follows() && !told.as_ref().is_some_and(News::is_last) {
        let next = progress.wait_for(|now| News::of(now) != told).await;
        let Ok(next) = next.map(|now| News::of(&now)) else {
            return;
        };
        if let Some(news) = &next {
            tell(channel, ring, receipt, news, (places, pace)).await;
        }
        told = next;
    }
}

async fn tell(
    channel: &dyn Channel,
    ring: &RingNotice,
    receipt: &Receipt,
    news: &News,
    (places, pace): (&Semaphore, Pace),
) {
    let mut progress = ring.progress.clone();
    for tries in 1..=MAX_FOLLOWING_TRIES {
        let Ok(place) = places.acquire().await else {
            return;
        };
        let done = limited(pace, channel.follow(ring, receipt, news)).await;
        drop(place);
        let Err(failure) = done else {
            return;
        };
        if failure.what == What::Gone {
            channel.forget().await;
        }
        let wait = pause(pace, &failure, tries, true);
        let Some(wait) = wait.filter(|_| tries < MAX_FOLLOWING_TRIES) else {
            return tracing::info!(
                user = ring.user,
                call = ring.call,
                "what became of a call was not told: {}",
                failure.words
            );
        };
        // What is newer is told in its place.
        let newer = progress.wait_for(|now| News::of(now).as_ref() != Some(news));
        if matches!(timeout(wait, newer).await, Ok(Ok(_))) {
            return;
        }
    }
}
