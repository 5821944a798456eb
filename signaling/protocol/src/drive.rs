// SPDX-License-Identifier: MPL-2.0
//! Who drives a camera's robot, as the camera tells its server for the audit log.
//!
//! Each message says all that is known of one drive, so that one that is lost takes nothing with it. Told is only a server whose
//! grants say which permissions are booked ([`Grant::booked`](crate::grant::Grant::booked)): those before know of neither.

use std::fmt;

use serde::{Deserialize, Serialize};

/// That a viewer drives, or drove. The camera knows no time of day, so it says how long ago that was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drive {
    /// The driver's session.
    pub session_id: String,
    /// Milliseconds since it began.
    pub began: u64,
    /// How it ended, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<DriveEnd>,
}

/// The end of a drive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriveEnd {
    /// Milliseconds since then.
    pub ago: u64,
    /// Why.
    pub reason: DriveReason,
}

/// Why somebody drives no more. On the wire, and to programs and pages, in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DriveReason {
    /// The driver let go.
    GivenUp,
    /// The driver gave the wheel to one who waited.
    HandedOver,
    /// Nothing was heard of the driver for too long.
    Stalled,
    /// The driver's session is over.
    Left,
    /// The driver's time is up.
    LeaseEnded,
    /// The permission was taken.
    NotPermitted,
    /// Somebody pressed Stop.
    Stopped,
    /// The robot's own program took the wheel away.
    Program,
    /// Somebody with a booking took it from one who merely may drive.
    Booked,
    /// The camera was lost, and nothing is known of its end. The server's word.
    CameraGone,
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for DriveReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drive_says_how_it_ended_once_it_has() {
        let json = r#"{"sessionId":"s","began":1500}"#;
        let drive: Drive = serde_json::from_str(json).unwrap();
        assert_eq!((drive.began, drive.end), (1500, None));
        assert_eq!(serde_json::to_string(&drive).unwrap(), json);
        let json = r#"{"sessionId":"s","began":1500,"end":{"ago":20,"reason":"given-up"}}"#;
        let drive: Drive = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&drive).unwrap(), json);
        let reason: DriveReason = serde_json::from_str("\"of-the-future\"").unwrap();
        assert_eq!(
            (reason, reason.to_string().as_str()),
            (DriveReason::Other, "other")
        );
    }
}
