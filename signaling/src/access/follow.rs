// SPDX-License-Identifier: MPL-2.0
//! Memory follows the database: what has changed is named, read again and taken over. So it is with what this server changes,
//! with what another server on the same database does, and with a change of which nobody knows whether it came to pass,
//! since its answer was lost.

use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{MutexGuard, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::logins::account_of;
use super::{Access, AccessError, LINK_MEMORY, Result};
use crate::lock::lock;
use crate::rights::share_user;
use crate::shutdown::stopped;
use crate::store::{Changed, Heard, Row, Snapshot, StoreError};

/// How long a change waits for those before it. Beyond that whoever asked is told that it was not done.
const ORDER_WAIT: Duration = Duration::from_secs(4);
/// How long the database has for a change. Together with what is before and after it, less than whoever asked waits.
const CHANGE_TIME: Duration = Duration::from_secs(8);
/// How long the database has to say what it has of something.
const READ_TIME: Duration = Duration::from_secs(2);
/// How long it has to say all.
const AGREE_TIME: Duration = Duration::from_secs(30);
/// For how long a change whose answer was lost may come to pass: what PostgreSQL lets a transaction idle, and some.
const FATE_TIME: Duration = Duration::from_secs(40);
/// How often it is looked for meanwhile.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What may be other in the database than in memory, and until when.
#[derive(Default)]
pub(super) struct Unclear {
    changes: BTreeMap<Changed, Instant>,
    /// Whether all of it may be.
    all: bool,
}

impl Access {
    /// Waits for the changes before.
    pub(super) async fn order(&self) -> Result<MutexGuard<'_, ()>> {
        let order = timeout(ORDER_WAIT, self.order.lock()).await;
        order.map_err(|_| {
            tracing::error!("a change was not begun: the database holds up those before it");
            AccessError::Database
        })
    }

    /// Has the database do something, and memory follow whatever came of it.
    pub(super) async fn change<T>(
        &self,
        changed: Changed,
        change: impl Future<Output = std::result::Result<T, StoreError>>,
    ) -> std::result::Result<T, StoreError> {
        let done = within(change).await;
        if is_unclear(&done) {
            self.note_unclear(changed.clone());
        }
        self.follow(changed).await;
        done
    }

    /// The same for log-ins, which memory changes itself if the database did.
    pub(super) async fn change_logins<T>(
        &self,
        changed: Changed,
        change: impl Future<Output = std::result::Result<T, StoreError>>,
    ) -> std::result::Result<T, StoreError> {
        let done = within(change).await;
        if is_unclear(&done) {
            self.note_unclear(changed);
        }
        done
    }

    /// Whether a change was made of which memory is to follow each part is known to nobody: all of it is read again.
    pub(super) fn note_all_unclear(&self) {
        lock(&self.unclear).all = true;
    }

    fn note_unclear(&self, changed: Changed) {
        let until = Instant::now() + FATE_TIME;
        lock(&self.unclear).changes.insert(changed, until);
    }

    /// Reads something again. If that fails, it is tried again later.
    pub(super) async fn follow(&self, changed: Changed) {
        if let Err(error) = self.read(&changed).await {
            tracing::error!(%error, ?changed, "the database cannot be read: memory follows later");
            let mut unclear = lock(&self.unclear);
            unclear.changes.entry(changed).or_insert_with(Instant::now);
        }
    }

    /// Reads something again before it is changed: what is written back is all of it, and another server on the same database
    /// may have changed a part.
    pub(super) async fn refresh(&self, changed: Changed) -> Result<()> {
        let read = self.read(&changed).await;
        read.map_err(|error| AccessError::broken(&error))
    }

    async fn read(&self, changed: &Changed) -> std::result::Result<(), StoreError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        let now = Timestamp::now();
        let row = asked(store.row(changed, now)).await?;
        match (changed, row) {
            (Changed::User(name), Row::User(user, logins)) => {
                let anew = self.apply_user(name, user);
                self.apply_logins(name, logins, now, anew);
            }
            (Changed::Camera(id), Row::Camera(camera)) => self.apply_camera(id, camera, now),
            (Changed::Booking(id), Row::Booking(booking)) => self.apply_booking(id, booking, now),
            (Changed::Share(id), Row::Share(share, logins)) => {
                self.apply_share(id, share, now);
                self.apply_logins(&share_user(id), logins, now, false);
            }
            (Changed::Logins(holder), Row::Logins(logins)) => {
                self.apply_logins(&account_of(holder), logins, now, false);
            }
            // A store answers what it was asked.
            _ => (),
        }
        Ok(())
    }

    /// Follows what other servers on the same database change, and what is unclear, until the server stops.
    pub(crate) async fn follow_all(
        self: Arc<Self>,
        mut heard: Option<mpsc::Receiver<Heard>>,
        mut stop: watch::Receiver<()>,
    ) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stopped(&mut stop) => return,
                word = next(&mut heard) => match word {
                    Some(Heard::Changed(changed)) => {
                        let _order = self.order.lock().await;
                        self.follow(changed).await;
                    }
                    Some(Heard::Missed) => {
                        lock(&self.unclear).all = true;
                        self.clear_up().await;
                    }
                    // The store has gone, and with it the server.
                    None => heard = None,
                },
                _ = look.tick() => self.clear_up().await,
            }
        }
    }

    /// Looks again at what is unclear.
    async fn clear_up(&self) {
        let (all, changes) = {
            let unclear = lock(&self.unclear);
            (unclear.all, unclear.changes.clone())
        };
        if !all && changes.is_empty() {
            return;
        }
        let _order = self.order.lock().await;
        if all {
            match self.agree().await {
                Ok(()) => tracing::info!("memory agrees with the database again"),
                Err(error) => {
                    return tracing::error!(%error, "the database cannot be read: memory follows later");
                }
            }
        }
        for (changed, until) in changes {
            if self.read(&changed).await.is_ok() && until <= Instant::now() {
                lock(&self.unclear).changes.remove(&changed);
            }
        }
    }

    /// Reads all there is, and takes over what differs.
    async fn agree(&self) -> std::result::Result<(), StoreError> {
        let Some(store) = &self.store else {
            return Ok(());
        };
        // What is heard meanwhile is read after this.
        lock(&self.unclear).all = false;
        let now = Timestamp::now();
        let read = async {
            let snapshot = store.snapshot(now).await?;
            let links = store.shares(now - LINK_MEMORY).await?;
            Ok((snapshot, links))
        };
        let read = timeout(AGREE_TIME, read).await;
        let (snapshot, links) = match read.unwrap_or(Err(StoreError::Late)) {
            Ok(read) => read,
            Err(error) => {
                lock(&self.unclear).all = true;
                return Err(error);
            }
        };
        let Snapshot {
            users,
            cameras,
            bookings,
            logins,
            ..
        } = snapshot;
        let differ = lock(&self.ledger).differences(users, cameras, bookings, links);
        for (id, camera) in differ.cameras {
            self.apply_camera(&id, camera, now);
        }
        let mut anew = BTreeSet::new();
        for (name, user) in differ.users {
            if self.apply_user(&name, user) {
                anew.insert(name);
            }
        }
        for (id, booking) in differ.bookings {
            self.apply_booking(&id, booking, now);
        }
        for (id, share) in differ.shares {
            self.apply_share(&id, share, now);
        }
        let mut by_holder: BTreeMap<String, Vec<_>> = BTreeMap::new();
        for name in lock(&self.registry).logins.users() {
            by_holder.insert(name.to_string(), Vec::new());
        }
        for login in logins {
            let own = by_holder.entry(account_of(&login.holder)).or_default();
            own.push(login);
        }
        for (holder, logins) in by_holder {
            self.apply_logins(&holder, logins, now, anew.contains(&holder));
        }
        Ok(())
    }
}

/// The next word of others, if there can be one.
async fn next(heard: &mut Option<mpsc::Receiver<Heard>>) -> Option<Heard> {
    match heard {
        Some(heard) => heard.recv().await,
        None => pending().await,
    }
}

/// Asks the database something, for which others may wait.
pub(super) async fn asked<T>(
    question: impl Future<Output = std::result::Result<T, StoreError>>,
) -> std::result::Result<T, StoreError> {
    let answer = timeout(READ_TIME, question).await;
    answer.unwrap_or(Err(StoreError::Late))
}

async fn within<T>(
    change: impl Future<Output = std::result::Result<T, StoreError>>,
) -> std::result::Result<T, StoreError> {
    let done = timeout(CHANGE_TIME, change).await;
    done.unwrap_or(Err(StoreError::Late))
}

/// Whether the database may have done it or not.
fn is_unclear<T>(done: &std::result::Result<T, StoreError>) -> bool {
    matches!(done, Err(StoreError::Database(_) | StoreError::Late))
}
