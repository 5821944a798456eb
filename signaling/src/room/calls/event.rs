// SPDX-License-Identifier: MPL-2.0
//! What happens in a call, for those who write it down and for those who tell people of it. It decides nothing.

use std::sync::Arc;

use jiff::Timestamp;
use porthole_protocol::wire::CallEnd;

/// Something that happened in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEvent {
    /// Its id.
    pub call: String,
    /// At which camera.
    pub camera: String,
    /// What.
    pub change: CallChange,
}

/// What happened in a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallChange {
    /// Somebody rang.
    Made {
        /// The id of the press.
        ring: String,
        /// What the camera is called.
        name: String,
        /// Who rang by the server's API; nobody where the camera says it.
        by: Option<String>,
        /// When it is over at the latest.
        until: Timestamp,
        /// So many presses before it made no call, since they came too fast.
        missed: u32,
    },
    /// It rings someone.
    Rings {
        /// Whom.
        user: Arc<str>,
        /// The id of the link that is good for this one in this call.
        link: String,
    },
    /// Someone has no part in it any more.
    Left {
        /// Who.
        user: Arc<str>,
    },
    /// Someone will not come.
    Declined {
        /// Who.
        user: Arc<str>,
    },
    /// Someone has answered.
    Answered {
        /// Who.
        by: Arc<str>,
    },
    /// There is a picture at whoever has answered.
    Talking {
        /// Who.
        by: Arc<str>,
    },
    /// The door was opened. It may have been told after the end.
    DoorOpened {
        /// When.
        at: Timestamp,
    },
    /// It is over.
    Ended {
        /// Who had answered.
        by: Option<Arc<str>>,
        /// Why.
        reason: CallEnd,
        /// When somebody rang.
        since: Timestamp,
    },
}
