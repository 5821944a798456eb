// SPDX-License-Identifier: MPL-2.0
//! What the two ends of a running session tell each other of it in numbers. Passed on at once or not at all.

use porthole_protocol::wire::{Code, Extension, SessionStats, ViewerStats};

use super::now::Now;
use super::{ClientId, NO_SUCH_SESSION, Refusal, Room};
use crate::limit::{Bucket, STATS_RATE};

const NOT_SOUND: Refusal = Refusal::new(
    Code::BadMessage,
    "the statistics have numbers that no session can have",
);

/// How many statistics each end of a session may still have passed on.
pub(super) struct StatsPace {
    viewer: Bucket,
    camera: Bucket,
}

impl StatsPace {
    pub(super) fn new(now: Now) -> Self {
        Self {
            viewer: Bucket::new(STATS_RATE, now.mono),
            camera: Bucket::new(STATS_RATE, now.mono),
        }
    }
}

impl Room {
    /// What all cameras said last that they send, in bit/s.
    pub fn sent(&self) -> u64 {
        let all = self.sessions.values().filter_map(|s| s.sent.as_ref());
        all.map(|stats| u64::from(stats.sent)).sum()
    }

    /// From a viewer to its session's camera.
    pub(super) fn viewer_stats(
        &mut self,
        from: ClientId,
        stats: ViewerStats,
        now: Now,
    ) -> Result<(), Refusal> {
        if !stats.is_sound() {
            return Err(NOT_SOUND);
        }
        let session = self.sessions.get_mut(&stats.session_id);
        let session = session.filter(|session| session.viewer == Some(from));
        let session = session.ok_or(NO_SUCH_SESSION)?;
        if let Some(camera) = session.camera
            && session.stats.viewer.has_room(now.mono)
        {
            let (id, has_picture) = (stats.session_id.clone(), stats.frames > 0);
            session.shown = Some(stats.clone());
            self.extend(camera, Extension::ViewerStats(stats));
            if has_picture {
                self.call_media(&id, now);
            }
        }
        Ok(())
    }

    /// From a camera to its session's viewer.
    pub(super) fn session_stats(
        &mut self,
        from: ClientId,
        stats: SessionStats,
        now: Now,
    ) -> Result<(), Refusal> {
        if !stats.is_sound() {
            return Err(NOT_SOUND);
        }
        let session = self.sessions.get_mut(&stats.session_id);
        let session = session.filter(|session| session.camera == Some(from));
        let session = session.ok_or(NO_SUCH_SESSION)?;
        if let Some(viewer) = session.viewer
            && session.stats.camera.has_room(now.mono)
        {
            // A camera answers also who has no picture yet.
            let (id, sends) = (stats.session_id.clone(), stats.sent > 0);
            session.sent = Some(stats.clone());
            self.extend(viewer, Extension::SessionStats(stats));
            if sends {
                self.call_media(&id, now);
            }
        }
        Ok(())
    }
}
