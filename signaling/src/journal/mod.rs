// SPDX-License-Identifier: MPL-2.0
//! Reads what happens in the room, counts it, says it in the log and writes it into the audit log, and forgets what is too
//! old or too much there.

mod refusals;

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::wire::DoorResult;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::access::Access;
use crate::metrics::Metrics;
use crate::model::AuditEntry;
use crate::room::{CallChange, CallEvent, Event, Happening};
use crate::sentences;
use crate::shutdown::stopped;
use refusals::{MINUTE, Refusals};

/// Happenings that are written at once: one transaction for a busy moment.
const MAX_BATCH: usize = 256;
/// How often what is too old is looked for.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);
/// Entries that are forgotten at a time, so that nobody else waits long for the database.
const FORGET_AT_ONCE: u32 = 1000;
/// Entries after which it is looked whether there are too many: a flood is not waited for until the hour is over.
const FORGET_AFTER: usize = 10_000;
/// How often it is looked whether sums of refusals are due.
const LOOK_EVERY: Duration = Duration::from_secs(MINUTE.as_secs() / 12);

pub(crate) struct Journal {
    pub(crate) happenings: mpsc::Receiver<Happening>,
    pub(crate) access: Arc<Access>,
    pub(crate) metrics: Arc<Metrics>,
    /// How long entries are kept.
    pub(crate) keep: SignedDuration,
    /// How many.
    pub(crate) keep_rows: u64,
    /// For the rest to be written once the server has stopped.
    pub(crate) finish: Duration,
    /// Dropped when all is written.
    pub(crate) _open: watch::Sender<()>,
}

impl Journal {
    /// Runs until the hub is gone and all is written, or the database has not taken it in time.
    pub(crate) async fn run(self, on_stop: watch::Receiver<()>) {
        let (finish, metrics) = (self.finish, self.metrics.clone());
        if !in_time(self.write_all(), on_stop, finish).await {
            metrics.unwritten.inc();
            tracing::error!(
                seconds = finish.as_secs(),
                "the database did not take the last entries of the audit log in time: they are lost"
            );
        }
    }

    async fn write_all(mut self) {
        let mut forget = interval(FORGET_EVERY);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        let mut refusals = Refusals::default();
        let mut written = 0;
        loop {
            tokio::select! {
                read = self.happenings.recv_many(&mut batch, MAX_BATCH) => {
                    if read == 0 {
                        self.log(refusals.due(None, Timestamp::now())).await;
                        return;
                    }
                    written += self.write(&batch, &mut refusals).await;
                    batch.clear();
                }
                _ = look.tick() => {
                    let due = refusals.due(Some(Instant::now()), Timestamp::now());
                    written += self.log(due).await;
                }
                _ = forget.tick() => written = FORGET_AFTER,
            }
            if written >= FORGET_AFTER {
                self.forget(Timestamp::now()).await;
                written = 0;
            }
        }
    }

    /// Returns how many entries that made.
    async fn write(&self, batch: &[Happening], refusals: &mut Refusals) -> usize {
        for happening in batch {
            self.metrics.note(&happening.event);
        }
        let seen: Vec<_> = batch.iter().filter_map(seen).collect();
        let own = batch.iter().filter(|happening| is_own(happening, refusals));
        let entries = own.filter_map(entry).collect();
        if self.access.cameras_seen(&seen).await.is_err() {
            tracing::warn!("when cameras were last seen is not written down");
        }
        self.log(entries).await
    }

    async fn log(&self, entries: Vec<AuditEntry>) -> usize {
        sentences::say(&entries);
        if self.access.log(&entries).await.is_err() {
            self.metrics.unwritten.inc_by(entries.len() as u64);
        }
        entries.len()
    }

    async fn forget(&self, now: Timestamp) {
        while let Ok(forgotten) = self.access.forget(now, self.keep, FORGET_AT_ONCE).await
            && forgotten >= FORGET_AT_ONCE.into()
        {}
        while let Ok(forgotten) = self
            .access
            .forget_surplus(self.keep_rows, FORGET_AT_ONCE)
            .await
            && forgotten > 0
        {}
    }
}

/// Runs it to its end, but no longer than so long after the stop. Whether it came to its end.
async fn in_time(
    run: impl Future<Output = ()>,
    mut on_stop: watch::Receiver<()>,
    finish: Duration,
) -> bool {
    let late = async {
        stopped(&mut on_stop).await;
        sleep(finish).await;
    };
    tokio::select! {
        biased;
        () = run => true,
        () = late => false,
    }
}

/// Whether it is not to be added up with others.
fn is_own(happening: &Happening, refusals: &mut Refusals) -> bool {
    match &happening.event {
        Event::SessionRefused {
            user,
            camera,
            reason,
        } => {
            let times = (happening.at, Instant::now());
            refusals.add(user, camera.as_deref(), *reason, times)
        }
        _ => true,
    }
}

/// When which camera was last connected.
fn seen(happening: &Happening) -> Option<(String, Timestamp)> {
    match &happening.event {
        Event::CameraOnline { camera } | Event::CameraOffline { camera } => {
            Some((camera.clone(), happening.at))
        }
        _ => None,
    }
}

/// With how many entries are missing before this one, if any are.
fn with_missed(mut details: serde_json::Value, missed: u32) -> serde_json::Value {
    if missed > 0 {
        details["missed"] = json!(missed);
    }
    details
}

/// What stands in the audit log: who drove, and who watched what, from when to when, and why that ended or was refused.
fn entry(happening: &Happening) -> Option<AuditEntry> {
    let entry = |action: &str, user: &str, camera: Option<&String>| AuditEntry {
        at: happening.at,
        actor: user.to_owned(),
        action: action.to_owned(),
        camera: camera.cloned(),
        user: Some(user.to_owned()),
        subject: None,
        details: json!({}),
    };
    Some(match &happening.event {
        Event::CameraOnline { .. } | Event::CameraOffline { .. } => return None,
        Event::SessionStarted {
            session,
            user,
            called,
            camera,
            perms,
        } => AuditEntry {
            subject: Some(session.clone()),
            details: match called {
                Some(called) => json!({ "perms": perms, "called": called }),
                None => json!({ "perms": perms }),
            },
            ..entry("session.started", user, Some(camera))
        },
        Event::GuestNamed {
            session,
            user,
            called,
            camera,
        } => AuditEntry {
            subject: Some(session.clone()),
            details: json!({ "called": called }),
            ..entry("session.named", user, Some(camera))
        },
        Event::SessionRestored {
            session,
            user,
            camera,
        } => AuditEntry {
            subject: Some(session.clone()),
            details: json!({ "restored": true }),
            ..entry("session.started", user, Some(camera))
        },
        Event::SessionEnded {
            session,
            user,
            camera,
            started,
            reason,
            said,
        } => AuditEntry {
            subject: Some(session.clone()),
            details: match said {
                Some(said) => json!({ "started": started, "reason": reason, "detail": said }),
                None => json!({ "started": started, "reason": reason }),
            },
            ..entry("session.ended", user, Some(camera))
        },
        Event::DriveStarted {
            session,
            user,
            camera,
            began,
            missed,
        } => AuditEntry {
            subject: Some(session.clone()),
            details: with_missed(json!({ "from": began }), *missed),
            ..entry("drive.started", user, Some(camera))
        },
        Event::DriveEnded {
            session,
            user,
            camera,
            began,
            ended,
            reason,
            missed,
        } => AuditEntry {
            subject: Some(session.clone()),
            details: with_missed(
                json!({ "from": began, "to": ended, "reason": reason }),
                *missed,
            ),
            ..entry("drive.ended", user, Some(camera))
        },
        Event::DoorAsked {
            session,
            user,
            camera,
            asked,
            result,
            call,
            detail,
            missed,
        } => {
            let action = match result {
                DoorResult::Opened => "door.opened",
                _ => "door.refused",
            };
            let mut details = json!({ "asked": asked, "reason": result });
            if let Some(call) = call {
                details["call"] = json!(call);
            }
            if let Some(detail) = detail {
                details["detail"] = json!(detail);
            }
            AuditEntry {
                subject: Some(session.clone()),
                details: with_missed(details, *missed),
                ..entry(action, user, Some(camera))
            }
        }
        Event::Call(event) => return call(happening.at, event),
        Event::SessionRefused {
            user,
            camera,
            reason,
        } => AuditEntry {
            details: json!({ "reason": reason }),
            ..entry("session.refused", user, camera.as_ref())
        },
    })
}

/// Who rang, who answered or would not come, and how it ended. Whom it rings is in the history of calls.
fn call(at: Timestamp, event: &CallEvent) -> Option<AuditEntry> {
    let CallEvent {
        call,
        camera,
        change,
    } = event;
    let entry = |action: &str, user: Option<&str>, details| AuditEntry {
        at,
        actor: user.map_or_else(|| format!("camera:{camera}"), str::to_owned),
        action: action.to_owned(),
        camera: Some(camera.clone()),
        user: user.map(str::to_owned),
        subject: Some(call.clone()),
        details,
    };
    Some(match change {
        CallChange::Made { by, missed, .. } => {
            entry("call.rang", by.as_deref(), with_missed(json!({}), *missed))
        }
        CallChange::Declined { user } => entry("call.declined", Some(user), json!({})),
        CallChange::Answered { by } => entry("call.answered", Some(by), json!({})),
        CallChange::Ended { by, reason, since } => {
            let details = json!({ "started": since, "reason": reason });
            entry("call.ended", by.as_deref(), details)
        }
        // Who opened the door has an entry of its own.
        CallChange::Rings { .. }
        | CallChange::Left { .. }
        | CallChange::Talking { .. }
        | CallChange::DoorOpened { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn a_database_that_takes_nothing_does_not_hold_up_the_end() {
        let (stop, on_stop) = watch::channel(());
        let finish = Duration::from_millis(20);
        assert!(in_time(async {}, on_stop.clone(), finish).await);
        drop(stop);
        assert!(!in_time(pending(), on_stop, finish).await);
    }
}
