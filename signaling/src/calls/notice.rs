// SPDX-License-Identifier: MPL-2.0
//! What those hear who tell people that it rings: notifiers by push, mail or whatever else. They are never waited for.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use porthole_protocol::wire::{CallEnd, CallState};
use tokio::sync::watch;
use url::Url;

/// That a call rings someone. One comes for each person and call, at the moment at which it rings there.
#[derive(Clone)]
pub struct RingNotice {
    /// The call, a UUID.
    pub call: String,
    /// The camera's id.
    pub camera: String,
    /// What the camera is called, as it says itself: another's words.
    pub name: String,
    /// Whom it rings.
    pub user: String,
    /// When somebody rang.
    pub rang: Timestamp,
    /// When the call is over at the latest.
    pub until: Timestamp,
    /// Opens this camera's picture, for this person in this call, once, without a log-in. It is a secret. `None` where there can be
    /// none: without a database, at a camera that is not in it, and while nobody has said where the server is reached (`url`).
    pub link: Option<Url>,
    /// The server's page, for whoever has an account; `None` as above.
    pub page: Option<Url>,
    /// How far the call is, and the picture of the press when it comes: `changed` or `wait_for` waits for news, and fails once there
    /// can be none any more.
    pub progress: watch::Receiver<CallProgress>,
}

impl fmt::Debug for RingNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RingNotice")
            .field("call", &self.call)
            .field("camera", &self.camera)
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// How far a call is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallProgress {
    /// As it is now. A notice of one that does not ring any more comes too late.
    pub state: CallState,
    /// Who has answered.
    pub by: Option<String>,
    /// Of one that is over.
    pub reason: Option<CallEnd>,
    /// What the camera saw at the press: JPEG, of at most [`MAX_SNAPSHOT_BYTES`](porthole_protocol::ring::MAX_SNAPSHOT_BYTES).
    pub snapshot: Option<Arc<[u8]>>,
}
