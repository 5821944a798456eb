// SPDX-License-Identifier: MPL-2.0
//! A doorbell's ring, and the call that it makes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest id of a ring or a call, in bytes: a UUID as it is written.
pub const MAX_RING_ID_BYTES: usize = 36;
/// Largest snapshot, in bytes of JPEG: what a telephone takes with a message.
pub const MAX_SNAPSHOT_BYTES: usize = 100_000;

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallState {
    /// It rings, and nobody has answered.
    Ringing,
    /// Somebody has, and cannot be heard yet.
    Answered,
    /// Both sides are connected.
    Talking,
    /// It is over.
    Ended,
}

/// Why a call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallEnd {
    /// Nobody has answered in time.
    NoAnswer,
    /// Everybody has declined.
    Declined,
    /// Somebody has said that nobody is at home.
    NobodyHome,
    /// Who had answered has hung up.
    HungUp,
    /// The door has.
    HungUpAtDoor,
    /// Who had answered never had a picture, or lost it and did not come back.
    NoMedia,
    /// The camera has as many viewers as it takes.
    Busy,
    /// The camera went away and did not come back.
    CameraGone,
    /// It has lasted as long as a call may.
    Expired,
    /// There is nobody whom it could ring.
    Nobody,
    /// Who had answered may no longer.
    Revoked,
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

/// A press of the button. From a camera; or to it, where the button is elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ring {
    /// A UUID. The same one again is the same press.
    pub ring_id: String,
}

/// A call as its camera hears of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CameraCall {
    /// The call, a UUID.
    pub id: String,
    /// The press that made it.
    pub ring_id: String,
    /// How far it is.
    pub state: CallState,
    /// Who has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Of one that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CallEnd>,
}

/// What somebody is in a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CallPart {
    /// It rings here.
    Rung,
    /// This is who has answered.
    Answered,
    /// Somebody else has answered.
    Watching,
}

/// A call as those whom it rings hear of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ViewerCall {
    /// The call, a UUID.
    pub id: String,
    /// Id of the camera.
    pub camera: String,
    /// What the camera is called.
    pub name: String,
    /// How far it is.
    pub state: CallState,
    /// When the button was pressed.
    pub since: Timestamp,
    /// Who has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Of one that is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<CallEnd>,
    /// What the one who is told is in it.
    pub you: CallPart,
    /// Path of the picture that was taken at the press, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

/// Which call something is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallId {
    /// The call.
    pub call_id: String,
}
