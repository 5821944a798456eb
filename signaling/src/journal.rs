// SPDX-License-Identifier: MPL-2.0
//! Reads what happens in the room, counts it and writes it into the audit log, and forgets what is too old there.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::access::Access;
use crate::metrics::Metrics;
use crate::model::AuditEntry;
use crate::room::{Event, Happening};

/// Happenings that are written at once: one transaction for a busy moment.
const MAX_BATCH: usize = 256;
/// How often what is too old is looked for.
const FORGET_EVERY: Duration = Duration::from_secs(60 * 60);
/// Entries that are forgotten at a time, so that nobody else waits long for the database.
const FORGET_AT_ONCE: u32 = 1000;

pub(crate) struct Journal {
    pub(crate) happenings: mpsc::Receiver<Happening>,
    pub(crate) access: Arc<Access>,
    pub(crate) metrics: Arc<Metrics>,
    /// How long entries are kept.
    pub(crate) keep: SignedDuration,
    /// Dropped when all is written.
    pub(crate) _open: watch::Sender<()>,
}

impl Journal {
    /// Runs until the hub is gone and all is written.
    pub(crate) async fn run(mut self) {
        let mut forget = interval(FORGET_EVERY);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut batch = Vec::new();
        loop {
            tokio::select! {
                read = self.happenings.recv_many(&mut batch, MAX_BATCH) => {
                    if read == 0 {
                        return;
                    }
                    self.write(&batch).await;
                    batch.clear();
                }
                _ = forget.tick() => self.forget(Timestamp::now()).await,
            }
        }
    }

    async fn write(&self, batch: &[Happening]) {
        for happening in batch {
            self.metrics.note(&happening.event);
        }
        let seen: Vec<_> = batch.iter().filter_map(seen).collect();
        let entries: Vec<_> = batch.iter().filter_map(entry).collect();
        let noted = self.access.cameras_seen(&seen).await;
        let written = self.access.log(&entries).await;
        if noted.is_err() || written.is_err() {
            self.metrics.unwritten.inc_by(entries.len() as u64);
        }
    }

    async fn forget(&self, now: Timestamp) {
        while let Ok(forgotten) = self.access.forget(now, self.keep, FORGET_AT_ONCE).await
            && forgotten >= FORGET_AT_ONCE.into()
        {}
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
fn drive(mut details: serde_json::Value, missed: u32) -> serde_json::Value {
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
            camera,
            perms,
        } => AuditEntry {
            subject: Some(session.clone()),
            details: json!({ "perms": perms }),
            ..entry("session.started", user, Some(camera))
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
            details: drive(json!({ "from": began }), *missed),
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
            details: drive(
                json!({ "from": began, "to": ended, "reason": reason }),
                *missed,
            ),
            ..entry("drive.ended", user, Some(camera))
        },
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
