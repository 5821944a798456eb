// SPDX-License-Identifier: MPL-2.0
//! Calls beyond the room: those whom one rings are told by notifiers, each with a link of its own, and what became of it is
//! written down. The room waits for none of it, and nobody here waits for a notifier or, to tell anybody, for a disk.

mod book;
mod keep;
mod notice;
mod unwritten;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::wire::CallEnd;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};
use url::Url;

use crate::access::{Access, By, CallLink};
use crate::hub::{Event, HubHandle};
use crate::lock::lock;
use crate::metrics::Metrics;
use crate::model::{CallRecord, Window};
use crate::room::{CallChange, Event as RoomEvent, Happening, LONGEST_CALL};
use crate::store::{CallFilter, StoreError};
use crate::token::share_fragment;
use book::{Book, LINGER, Step};
pub use notice::{CallProgress, RingNotice};
use unwritten::Unwritten;

/// Events that are taken at once.
const MAX_BATCH: usize = 256;
/// For the word of a press that comes by another connection than its picture, which may overtake it.
const RING_PATIENCE: Duration = Duration::from_secs(2);
/// From the press to the end of any call.
const LONGEST: SignedDuration = SignedDuration::from_secs(LONGEST_CALL.as_secs() as i64);

/// What is kept of calls that are over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keep {
    pub(crate) days: u16,
    pub(crate) snapshots: u64,
}

/// Why a picture is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SnapshotRefused {
    /// No call of this press runs, or has just ended.
    NoSuchCall,
    /// There is one already.
    Twice,
}

pub(crate) struct Calls {
    access: Arc<Access>,
    hub: Arc<HubHandle>,
    metrics: Arc<Metrics>,
    /// Those who tell people that it rings.
    notices: Vec<mpsc::Sender<RingNotice>>,
    url: Option<Url>,
    keep: Keep,
    /// Lock order: `book` before `unwritten`; none is held across an await.
    book: Mutex<Book>,
    unwritten: Mutex<Unwritten>,
    /// There is something to write.
    to_write: Notify,
    /// Held while it is written, so that what is newer is not overtaken.
    writing: tokio::sync::Mutex<()>,
    /// Counts calls that were made.
    made: watch::Sender<u64>,
}

impl Calls {
    pub(crate) fn new(
        access: Arc<Access>,
        hub: Arc<HubHandle>,
        metrics: Arc<Metrics>,
        notices: Vec<mpsc::Sender<RingNotice>>,
        url: Option<Url>,
        keep: Keep,
    ) -> Self {
        Self {
            access,
            hub,
            metrics,
            notices,
            url,
            keep,
            book: Mutex::default(),
            unwritten: Mutex::default(),
            to_write: Notify::new(),
            writing: tokio::sync::Mutex::default(),
            made: watch::channel(0).0,
        }
    }

    /// Keeps a call of before a restart, which goes on.
    pub(crate) fn restore(&self, record: CallRecord) {
        let until = record.rang + LONGEST;
        lock(&self.book).insert(record, until, Instant::now());
    }

    /// Keeps that a call of before a restart is over, at which nobody was.
    pub(crate) fn close(&self, record: CallRecord) {
        let ended = CallRecord {
            ended: Some(Timestamp::now()),
            reason: Some(match record.answered_by {
                Some(_) => CallEnd::Expired,
                None => CallEnd::NoAnswer,
            }),
            ..record
        };
        let links = ended.recipients.values().cloned().collect();
        self.to_be_written(|unwritten| unwritten.put(ended));
        let access = self.access.clone();
        tokio::spawn(async move { access.remove_call_links(&By::now("server"), links).await });
    }

    /// Follows what happens in calls until the hub is gone. `_open` is dropped when all is written, or `finish` is over.
    pub(crate) async fn follow(
        self: Arc<Self>,
        mut events: mpsc::Receiver<Happening>,
        finish: Duration,
        _open: watch::Sender<()>,
    ) {
        let mut sweep = interval(LINGER);
        sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                read = events.recv_many(&mut batch, MAX_BATCH) => {
                    if read == 0 {
                        break;
                    }
                    for happening in batch.drain(..) {
                        self.take(&happening);
                    }
                }
                _ = sweep.tick() => lock(&self.book).forget(Instant::now()),
            }
        }
        if timeout(finish, self.write()).await.is_err() {
            tracing::error!("the database did not take the last calls in time: they are lost");
        }
    }

    fn take(self: &Arc<Self>, happening: &Happening) {
        let RoomEvent::Call(event) = &happening.event else {
            return;
        };
        let (step, is_known) = {
            let mut book = lock(&self.book);
            let step = book.take(event, happening.at, Instant::now());
            let entry = book.get(&event.call);
            // In one: a picture that finds the call in the book is written down after it.
            if let Some(entry) = entry {
                self.to_be_written(|unwritten| unwritten.put(entry.record.clone()));
                self.made.send_modify(|made| *made += 1);
            }
            (step, entry.is_some())
        };
        match step {
            Step::Nothing => (),
            Step::Tell { user, link } => self.tell(&event.call, &user, link),
            Step::End(links) => self.end_links(links),
        }
        if let (false, CallChange::DoorOpened { at }) = (is_known, &event.change) {
            // It was told long after: the camera's link was broken, or the server was away.
            let door = (event.call.clone(), event.camera.clone(), *at);
            self.to_be_written(|unwritten| unwritten.put_door(door));
        }
    }

    /// Tells notifiers. One whose queue is full misses it, since nobody waits for it.
    fn tell(&self, call: &str, user: &str, link: String) {
        if self.notices.is_empty() {
            return;
        }
        let notice = {
            let book = lock(&self.book);
            let Some(entry) = book.get(call) else {
                return;
            };
            RingNotice {
                call: call.to_owned(),
                camera: entry.record.camera.clone(),
                name: entry.record.name.clone(),
                user: user.to_owned(),
                rang: entry.record.rang,
                until: entry.until,
                link: None,
                page: None,
                progress: entry.progress(),
            }
        };
        let page = |fragment: &str| {
            let mut url = self.url.clone()?;
            url.set_fragment(Some(fragment));
            Some(url)
        };
        let camera = &notice.camera;
        let secret = self.url.as_ref().and_then(|_| {
            self.access.add_call_link(CallLink {
                id: link,
                camera: camera.clone(),
                window: Window {
                    start: notice.rang,
                    end: notice.until,
                },
                note: format!("a call, for {user}"),
            })
        });
        let where_to = format!("camera={camera}&call={call}");
        if let Some(secret) = secret.clone() {
            let access = self.access.clone();
            tokio::spawn(async move { access.share_call_link(&secret).await });
        }
        let link =
            secret.and_then(|secret| page(&format!("{}&{where_to}", share_fragment(&secret))));
        let notice = RingNotice {
            link,
            page: page(&where_to),
            ..notice
        };
        for notices in &self.notices {
            if notices.try_send(notice.clone()).is_err() {
                tracing::warn!(
                    user,
                    "somebody is not told that it rings: notifiers do not keep up"
                );
            }
        }
    }

    fn end_links(self: &Arc<Self>, links: Vec<String>) {
        if links.is_empty() || self.notices.is_empty() {
            return;
        }
        self.access.void_call_links(&links);
        let access = self.access.clone();
        tokio::spawn(async move { access.remove_call_links(&By::now("server"), links).await });
    }

    /// Takes the picture of a press from its camera: once, while its call runs or shortly after.
    pub(crate) async fn take_snapshot(
        &self,
        camera: &str,
        ring: &str,
        jpeg: &[u8],
    ) -> Result<(), SnapshotRefused> {
        let call = timeout(RING_PATIENCE, self.call_of(camera, ring)).await;
        let call = call.map_err(|_| SnapshotRefused::NoSuchCall)?;
        let jpeg: Arc<[u8]> = jpeg.into();
        if !lock(&self.book).put_snapshot(&call, jpeg.clone()) {
            return Err(SnapshotRefused::Twice);
        }
        self.to_be_written(|unwritten| unwritten.put_snapshot(call.clone(), jpeg));
        self.hub.send(Event::CallSnapshot(call)).await;
        Ok(())
    }

    /// Waits for the call that a press has made.
    async fn call_of(&self, camera: &str, ring: &str) -> String {
        let mut made = self.made.subscribe();
        loop {
            let id = {
                let book = lock(&self.book);
                let entry = book.of_ring(camera, ring);
                entry.map(|entry| entry.record.id.clone())
            };
            if let Some(id) = id {
                return id;
            }
            // Its sender is here.
            let _ = made.changed().await;
        }
    }

    /// The picture of a call, for a user or, with `all`, for whoever may see all calls.
    pub(crate) async fn snapshot(
        &self,
        call: &str,
        user: &str,
        all: bool,
    ) -> Result<Option<Arc<[u8]>>, StoreError> {
        {
            let book = lock(&self.book);
            if let Some(entry) = book.get(call) {
                let may = all || entry.rang(user);
                let snapshot = entry.snapshot().filter(|_| may);
                // The one of before a restart is in the database.
                if snapshot.is_some() || !may || !entry.record.has_snapshot {
                    return Ok(snapshot);
                }
            }
        }
        let Ok(store) = self.access.store() else {
            return Ok(None);
        };
        let filter = CallFilter {
            id: Some(call.to_owned()),
            user: (!all).then(|| user.to_owned()),
            limit: 1,
            ..CallFilter::default()
        };
        match store.calls(&filter).await?.first() {
            Some(call) if call.has_snapshot => {
                let jpeg = store.call_snapshot(&call.id).await?;
                Ok(jpeg.map(Arc::from))
            }
            _ => Ok(None),
        }
    }
}
