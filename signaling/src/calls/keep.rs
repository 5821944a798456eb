// SPDX-License-Identifier: MPL-2.0
//! What became of calls is written down, behind those who tell people of it, and forgotten when it is old.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::unwritten::Unwritten;
use super::{Calls, Keep};
use crate::lock::lock;
use crate::model::CallRecord;
use crate::shutdown::stopped;
use crate::store::{CallFilter, StoreError};

/// When to write again what the database did not take.
const RETRY: Duration = Duration::from_secs(5);
/// How often what is too old is looked for.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);
/// Calls, and pictures, that are forgotten at a time, so that nobody else waits long for the database.
const FORGET_AT_ONCE: u32 = 100;
/// Pictures after whose keeping it is looked whether there are too many.
const FORGET_AFTER: usize = 20;

impl Calls {
    pub(super) fn to_be_written(&self, change: impl FnOnce(&mut Unwritten) -> bool) {
        if self.access.has_accounts() && !change(&mut lock(&self.unwritten)) {
            self.metrics.unwritten.inc();
        }
        self.to_write.notify_one();
    }

    /// Writes down what is new until the server stops, and forgets what is old.
    pub(crate) async fn keep_all(self: Arc<Self>, mut stop: watch::Receiver<()>) {
        let mut forget = interval(FORGET_EVERY);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pictures = 0;
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return,
                () = self.to_write.notified() => (),
                _ = forget.tick() => pictures = FORGET_AFTER,
            }
            match self.write().await {
                Ok(written) => pictures += written,
                Err(error) => {
                    tracing::error!(%error, "calls are not written down: tried again in a moment");
                    tokio::select! {
                        () = stopped(&mut stop) => return,
                        () = sleep(RETRY) => self.to_write.notify_one(),
                    }
                }
            }
            if pictures >= FORGET_AFTER {
                pictures = 0;
                self.forget(Timestamp::now()).await;
            }
        }
    }

    /// Writes down what is new. Returns how many pictures were.
    pub(super) async fn write(&self) -> Result<usize, StoreError> {
        let Ok(store) = self.access.store() else {
            return Ok(0);
        };
        let _writing = self.writing.lock().await;
        // Those that come meanwhile may be of calls that are not written yet.
        let (records, mut snapshots) = {
            let mut unwritten = lock(&self.unwritten);
            (unwritten.take_records(), unwritten.snapshots())
        };
        if !records.is_empty()
            && let Err(error) = store.put_calls(&records).await
        {
            lock(&self.unwritten).put_back(records);
            return Err(error);
        }
        while let Some((call, camera, at)) = { lock(&self.unwritten).take_door() } {
            if let Err(error) = store.put_call_door(&call, &camera, at).await {
                lock(&self.unwritten).put_door((call, camera, at));
                return Err(error);
            }
        }
        let mut written = 0;
        while snapshots > 0
            && let Some((call, jpeg)) = { lock(&self.unwritten).take_snapshot() }
        {
            snapshots -= 1;
            let put = store.put_call_snapshot(&call, &jpeg, Timestamp::now());
            if let Err(error) = put.await {
                self.metrics.unwritten.inc();
                tracing::error!(%error, call, "the picture of a call is not kept");
            }
            written += 1;
        }
        Ok(written)
    }

    async fn forget(&self, now: Timestamp) {
        let Ok(store) = self.access.store() else {
            return;
        };
        let Keep { days, snapshots } = self.keep;
        let before = now - SignedDuration::from_hours(24 * i64::from(days));
        while let Ok(forgotten) = store.forget_calls(before, snapshots, FORGET_AT_ONCE).await
            && forgotten > 0
        {}
    }

    /// The calls of the database, with what is not in it yet. `Ok(None)` without one.
    pub(crate) async fn list(
        &self,
        filter: &CallFilter,
    ) -> Result<Option<Vec<CallRecord>>, StoreError> {
        let Ok(store) = self.access.store() else {
            return Ok(None);
        };
        self.write().await?;
        store.calls(filter).await.map(Some)
    }
}
