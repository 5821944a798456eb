// SPDX-License-Identifier: MPL-2.0
//! What happens in the room, for those who write it down or count it. It decides nothing.

use jiff::Timestamp;
use porthole_protocol::grant::Permission;
use porthole_protocol::wire::{Code, DoorResult, DriveReason};

use super::calls::CallEvent;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// When.
    pub at: Timestamp,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A camera is listed.
    CameraOnline {
        /// Its id.
        camera: String,
    },
    /// A camera is listed no more.
    CameraOffline {
        /// Its id.
        camera: String,
    },
    /// A session started.
    SessionStarted {
        /// Its id.
        session: String,
        /// Whose.
        user: String,
        /// What a guest wants to be called.
        called: Option<String>,
        /// Through which camera.
        camera: String,
        /// With what.
        perms: Vec<Permission>,
    },
    /// A guest has said in a session what others are to call them, or that they are not to any more.
    GuestNamed {
        /// The session.
        session: String,
        /// Whose.
        user: String,
        /// What.
        called: Option<String>,
        /// Through which camera.
        camera: String,
    },
    /// A session that its camera kept while the server was away goes on.
    SessionRestored {
        /// Its id.
        session: String,
        /// Whose.
        user: String,
        /// Through which camera.
        camera: String,
    },
    /// A session ended.
    SessionEnded {
        /// Its id.
        session: String,
        /// Whose.
        user: String,
        /// Through which camera.
        camera: String,
        /// Since when this server knew of it.
        started: Timestamp,
        /// Why.
        reason: Code,
        /// What the viewer's browser said of it.
        said: Option<String>,
    },
    /// A viewer began to drive a camera's robot.
    DriveStarted {
        /// The session.
        session: String,
        /// Whose.
        user: String,
        /// Of which camera.
        camera: String,
        /// Since when.
        began: Timestamp,
        /// So many drives of this camera were left out before, since they came too fast.
        missed: u32,
    },
    /// A viewer drives no more.
    DriveEnded {
        /// The session.
        session: String,
        /// Whose.
        user: String,
        /// Of which camera.
        camera: String,
        /// From when.
        began: Timestamp,
        /// To when.
        ended: Timestamp,
        /// Why it ended.
        reason: DriveReason,
        /// As above.
        missed: u32,
    },
    /// A viewer wanted a camera's door open.
    DoorAsked {
        /// The session.
        session: String,
        /// Whose.
        user: String,
        /// Of which camera.
        camera: String,
        /// When.
        asked: Timestamp,
        /// What came of it.
        result: DoorResult,
        /// The call that ran then, as the camera says.
        call: Option<String>,
        /// Why the door stays shut, in the words of the program there.
        detail: Option<String>,
        /// As above.
        missed: u32,
    },
    /// Something happened in a call.
    Call(CallEvent),
    /// A viewer was refused a session.
    SessionRefused {
        /// The viewer.
        user: String,
        /// The camera that was asked for, if there is one of that id.
        camera: Option<String>,
        /// Why.
        reason: Code,
    },
}
