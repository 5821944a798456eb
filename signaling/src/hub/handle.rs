// SPDX-License-Identifier: MPL-2.0
//! The way to the hub.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::time::{interval, timeout};

use super::Event;
use crate::cluster::{Answer, NodeInfo, Question};
use crate::queue::{QueueBounds, viewer_queue};
use crate::room::{
    CameraInfo, ClientId, Counts, MAX_CAMERAS, Principal, Rang, RingRefused, SessionInfo,
};
use crate::shutdown::stopped;
#[cfg(feature = "cluster")]
use crate::{cluster::Reached, store::Store};

/// How long the hub has to answer whoever asks by the API, with what other servers say.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// How long the database has to say who owns a camera. It tries again elsewhere, or here.
#[cfg(feature = "cluster")]
const DECIDED_WITHIN: Duration = Duration::from_secs(2);

/// How often some go elsewhere from a server that is about to end, and how many at least: a house is gone at once.
const DRAIN_EVERY: Duration = Duration::from_millis(200);
const MIN_DRAINED: usize = 64;
/// Of those who are left one in so many goes at a time, so that the others are not run over: of ten thousand the last goes
/// after half a minute.
const DRAINED_OF: usize = 100;

/// However many there are, whoever ends the server does not wait for longer. The service's unit has more.
const DRAIN_MOST: Duration = Duration::from_secs(60);

/// The database did not say who owns a camera.
pub(crate) struct Undecided;

/// How much is going on.
#[derive(Default)]
pub(crate) struct Stats {
    cameras: AtomicUsize,
    sessions: AtomicUsize,
}

impl Stats {
    pub(super) fn set(&self, counts: Counts) {
        self.cameras.store(counts.cameras, Relaxed);
        self.sessions.store(counts.sessions, Relaxed);
    }

    pub(crate) fn get(&self) -> Counts {
        Counts {
            cameras: self.cameras.load(Relaxed),
            sessions: self.sessions.load(Relaxed),
        }
    }
}

/// The way to the hub.
pub(crate) struct HubHandle {
    events: mpsc::Sender<Event>,
    next_client: AtomicU64,
    pub(crate) stats: Arc<Stats>,
    /// The cameras that can be watched, for those who need not wait for the hub to know.
    pub(crate) online: Arc<Mutex<HashSet<String>>>,
    /// What may wait for a viewer.
    pub(crate) viewer_queue: QueueBounds,
    /// Whether it is about to end, and has its clients go elsewhere.
    pub(super) drains: Arc<AtomicBool>,
    /// Somebody has asked for that.
    pub(super) drain_asked: Arc<Notify>,
    /// The other servers, if there are any.
    #[cfg(feature = "cluster")]
    pub(crate) others: Option<Others>,
}

/// What a server that is one of several asks before it lets somebody in.
#[cfg(feature = "cluster")]
pub(crate) struct Others {
    store: Arc<dyn Store>,
    pub(crate) nats: Reached,
}

impl HubHandle {
    pub(super) fn new(
        events: mpsc::Sender<Event>,
        stats: Arc<Stats>,
        online: Arc<Mutex<HashSet<String>>>,
    ) -> Self {
        Self {
            events,
            next_client: AtomicU64::new(1),
            stats,
            online,
            viewer_queue: viewer_queue(MAX_CAMERAS),
            drains: Arc::default(),
            drain_asked: Arc::default(),
            #[cfg(feature = "cluster")]
            others: None,
        }
    }

    /// One of several servers, which that store makes one.
    #[cfg(feature = "cluster")]
    pub(crate) fn among_others(self, store: Arc<dyn Store>, nats: Reached) -> Self {
        let others = Some(Others { store, nats });
        Self { others, ..self }
    }

    /// By which fence this server owns a camera that connects, if it is one of several. `Err` if the database does not say.
    pub(crate) async fn fence_of(&self, principal: &Principal) -> Result<Option<u64>, Undecided> {
        #[cfg(feature = "cluster")]
        if let (Some(others), Principal::Camera { id }) = (&self.others, principal) {
            let next = timeout(DECIDED_WITHIN, others.store.next_fence(id)).await;
            return match next {
                Ok(Ok(fence)) => Ok(Some(fence)),
                _ => Err(Undecided),
            };
        }
        let _ = principal;
        Ok(None)
    }

    /// Has all clients go to the other servers, some at a time, and lets nobody new in; until the last has gone, or at once if
    /// there are no others.
    pub(crate) async fn drain(&self) {
        if timeout(DRAIN_MOST, self.drained()).await.is_err() {
            tracing::warn!("some clients have not gone to the other servers in time");
        }
    }

    async fn drained(&self) {
        let mut ticks = interval(DRAIN_EVERY);
        // First it is asked whether there are others.
        let mut some = 0;
        loop {
            ticks.tick().await;
            let moved = self.ask(|answer| Event::MoveOn(some, answer), ANSWERED_WITHIN);
            match moved.await.flatten() {
                Some(0) if self.drains.load(Relaxed) => return,
                Some(left) => {
                    self.drains.store(true, Relaxed);
                    some = MIN_DRAINED.max(left.div_ceil(DRAINED_OF));
                }
                None => return,
            }
        }
    }

    /// Drains whenever somebody asks for it, until the server stops.
    pub(crate) async fn drain_when_asked(self: Arc<Self>, mut stop: watch::Receiver<()>) {
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return,
                () = self.drain_asked.notified() => self.drain().await,
            }
        }
    }

    /// The servers that are one, or the only one.
    pub(crate) async fn nodes(&self) -> Option<Vec<NodeInfo>> {
        match self.question(Question::Node).await? {
            Answer::Nodes(all) => Some(all),
            _ => None,
        }
    }

    /// Has the clients of a server go to the others: whether there is one of this id.
    pub(crate) async fn drain_node(&self, id: String) -> Option<bool> {
        match self.question(Question::Drain(id)).await? {
            Answer::Drains(is_there) => Some(is_there),
            _ => None,
        }
    }

    /// Whether the other servers can be reached, if there are to be any, and this one stays with them.
    pub(crate) fn reaches_others(&self) -> bool {
        if self.drains.load(Relaxed) {
            return false;
        }
        #[cfg(feature = "cluster")]
        if let Some(others) = &self.others {
            return others.nats.get();
        }
        true
    }

    /// Whether somebody new may be let in: not by a server that is about to end, or that can reach neither the others nor the
    /// database.
    pub(crate) async fn admits(&self) -> bool {
        if self.drains.load(Relaxed) {
            return false;
        }
        #[cfg(feature = "cluster")]
        if let Some(others) = self.others.as_ref().filter(|others| !others.nats.get()) {
            let database = timeout(DECIDED_WITHIN, others.store.ping()).await;
            return matches!(database, Ok(Ok(())));
        }
        true
    }

    /// One for so many cameras.
    pub(crate) fn for_cameras(self, cameras: usize) -> Self {
        Self {
            viewer_queue: viewer_queue(cameras),
            ..self
        }
    }

    pub(crate) fn new_client(&self) -> ClientId {
        ClientId::here(self.next_client.fetch_add(1, Relaxed))
    }

    /// Whether the hub takes up an event and answers it within this time.
    pub(crate) async fn answers(&self, within: Duration) -> bool {
        let (answer, answered) = oneshot::channel();
        let asked = async { self.send(Event::Health(answer)).await && answered.await.is_ok() };
        timeout(within, asked).await.unwrap_or(false)
    }

    /// Asks the hub something; `None` if it does not answer within this time.
    pub(crate) async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> Event,
        within: Duration,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.send(question(answer)).await;
            answered.await.ok()
        };
        timeout(within, asked).await.ok().flatten()
    }

    /// Asks this server's room, and those of all others. `None` if the hub does not answer.
    async fn question(&self, question: Question) -> Option<Answer> {
        let asked = |answer| Event::Ask(question, answer);
        self.ask(asked, ANSWERED_WITHIN).await
    }

    /// Who watches what: so many sessions, by id, those after one.
    pub(crate) async fn sessions(
        &self,
        after: Option<String>,
        most: usize,
    ) -> Option<Vec<SessionInfo>> {
        match self.question(Question::Sessions(after, most)).await? {
            Answer::Sessions(all) => Some(all),
            _ => None,
        }
    }

    /// What these cameras are up to.
    pub(crate) async fn cameras(&self, ids: Vec<String>) -> Option<Vec<CameraInfo>> {
        match self.question(Question::Cameras(ids)).await? {
            Answer::Cameras(all) => Some(all),
            _ => None,
        }
    }

    /// An administrator ends a session: whose it was, and at which camera, if there was one.
    pub(crate) async fn end_session(&self, id: String) -> Option<Option<(String, String)>> {
        match self.question(Question::EndSession(id)).await? {
            Answer::Ended(whose) => Some(whose),
            _ => None,
        }
    }

    /// Someone rings a camera's bell, who may control the camera or not.
    pub(crate) async fn ring(
        &self,
        camera: String,
        by: String,
        may: bool,
    ) -> Option<Result<Rang, RingRefused>> {
        match self.question(Question::Ring(camera, by, may)).await? {
            Answer::Rang(rang) => Some(rang),
            _ => None,
        }
    }

    /// Someone declines a call: whether it rings that person.
    pub(crate) async fn decline(&self, user: String, call: String) -> Option<bool> {
        match self.question(Question::Decline(user, call)).await? {
            Answer::Declined(is_there) => Some(is_there),
            _ => None,
        }
    }

    /// Whether the hub still runs.
    pub(crate) async fn send(&self, event: Event) -> bool {
        self.events.send(event).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hub_that_does_nothing_or_is_gone_does_not_answer_whether_its_events_fit_or_not() {
        const SOON: Duration = Duration::from_millis(20);
        for room in [1, 2] {
            let (events, taken) = mpsc::channel(room);
            let hub = HubHandle::new(events, Arc::default(), Arc::default());
            for _ in 0..3 {
                assert!(!hub.answers(SOON).await, "nobody takes up what it is asked");
            }
            drop(taken);
            assert!(!hub.answers(SOON).await, "it is gone");
        }
        let (events, mut taken) = mpsc::channel(1);
        let hub = HubHandle::new(events, Arc::default(), Arc::default());
        let works = async {
            if let Some(Event::Health(answer)) = taken.recv().await {
                let _ = answer.send(());
            }
        };
        let (answers, ()) = tokio::join!(hub.answers(Duration::from_secs(60)), works);
        assert!(answers);
    }
}
