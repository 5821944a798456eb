// SPDX-License-Identifier: MPL-2.0
//! Who drove a camera's robot, for those who write it down. The camera says it, of its own sessions alone: those that it has, and
//! those that it had a short while ago, since the end of a drive may cross the end of its session.

use jiff::{SignedDuration, Timestamp};
use porthole_protocol::drive::{Drive, DriveEnd, DriveReason};
use porthole_protocol::wire::Code;

use super::limits::MAX_ID_BYTES;
use super::now::Now;
use super::table::Session;
use super::{ClientId, Event, NO_SUCH_SESSION, Refusal, Role, Room, UNKNOWN_SENDER};
use crate::limit::{Bucket, DRIVE_RATE};

/// What one camera may have written down of one kind.
#[derive(Default)]
pub(super) struct AuditPace {
    bucket: Option<Bucket>,
    /// What was left out since the last that was written.
    missed: u32,
}

impl AuditPace {
    /// Takes one in if there is room, and says how many were left out before it.
    pub(super) fn take(&mut self, now: Now) -> Option<u32> {
        let bucket = || Bucket::new(DRIVE_RATE, now.mono);
        if self.bucket.get_or_insert_with(bucket).has_room(now.mono) {
            return Some(std::mem::take(&mut self.missed));
        }
        self.missed = self.missed.saturating_add(1);
        None
    }
}

impl Room {
    pub(super) fn drive(&mut self, from: ClientId, drive: Drive, now: Now) -> Result<(), Refusal> {
        let client = self.clients.get(&from).ok_or(UNKNOWN_SENDER)?;
        let Role::Camera(camera_id) = &client.role else {
            return Err(Refusal::new(
                Code::NotPermitted,
                "who drives is a camera's to say",
            ));
        };
        let id = &drive.session_id;
        let camera = self.cameras.get_mut(camera_id).ok_or(NO_SUCH_SESSION)?;
        let running = self.sessions.get_mut(id);
        let (user, started) = match running {
            _ if id.len() > MAX_ID_BYTES => return Err(NO_SUCH_SESSION),
            Some(session) if session.camera == Some(from) => {
                // A camera that is back says again what goes on.
                let began = earlier(now.wall, drive.began).max(session.started);
                let began = drive.end.is_none().then_some(began.min(now.wall));
                let known = std::mem::replace(&mut session.drives, began);
                if known.is_some() && began.is_some() {
                    session.drives = known;
                    return Ok(());
                }
                (session.whose.user.to_string(), session.started)
            }
            Some(_) => return Err(NO_SUCH_SESSION),
            None => {
                let (user, started) = camera.ended.whose(id).ok_or(NO_SUCH_SESSION)?;
                (user.to_owned(), started)
            }
        };
        let Some(missed) = camera.drives.take(now) else {
            return Ok(());
        };
        let (session, camera_id) = (drive.session_id, camera_id.clone());
        // Nobody drove before the session, whatever the camera says.
        let when = |ago: u64| earlier(now.wall, ago).max(started).min(now.wall);
        let began = when(drive.began);
        self.happened(match drive.end {
            None => Event::DriveStarted {
                session,
                user,
                camera: camera_id,
                began,
                missed,
            },
            Some(DriveEnd { ago, reason }) => Event::DriveEnded {
                session,
                user,
                camera: camera_id,
                began,
                ended: when(ago).max(began),
                reason,
                missed,
            },
        });
        Ok(())
    }

    /// A session ends whose camera is gone, and took with it how its drive ended. A camera that was only cut off says it when it is
    /// back, besides.
    pub(super) fn lost_driver(&mut self, id: &str, session: &Session, began: Timestamp) {
        self.happened(Event::DriveEnded {
            session: id.to_owned(),
            user: session.whose.user.to_string(),
            camera: session.camera_id.clone(),
            began,
            ended: self.clock.wall,
            reason: DriveReason::CameraGone,
            missed: 0,
        });
    }
}

pub(super) fn earlier(at: Timestamp, ms: u64) -> Timestamp {
    let ago = SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
    at.checked_sub(ago).unwrap_or(Timestamp::MIN)
}
