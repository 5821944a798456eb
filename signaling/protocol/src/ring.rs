// SPDX-License-Identifier: MPL-2.0
//! A doorbell's ring, and the call that it makes.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest id of a ring or a call, in bytes: a UUID as it is written.
pub const MAX_RING_ID_BYTES: usize = 36;
/// Largest snapshot, in bytes of JPEG: what a telephone takes with a message.
pub const MAX_SNAPSHOT_BYTES: usize = 100_000;

/// Whether this may be the id of a ring or a call: a UUID as it is written.
pub fn is_ring_id(id: &str) -> bool {
    const HYPHENS: [usize; 4] = [8, 13, 18, 23];
    let fits = |(at, c): (usize, u8)| match HYPHENS.contains(&at) {
        true => c == b'-',
        false => c.is_ascii_hexdigit(),
    };
    id.len() == MAX_RING_ID_BYTES && id.bytes().enumerate().all(fits)
}

/// How far a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
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

impl fmt::Display for CallEnd {
    /// As it is spelt on the wire, in messages on the bus and in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::wire::{ClientExtension, ClientMessage, Extension};

    const ID: &str = "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f";

    #[test]
    fn an_id_is_a_uuid_and_nothing_else() {
        assert!(is_ring_id(ID) && is_ring_id(&ID.to_uppercase()));
        for other in [
            "",
            "1",
            "018f2b7e6f4a7c3d9e210a1b2c3d4e5f",
            "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5g",
            "018f2b7e-6f4a-7c3d-9e21-0a1b2c3d4e5f0",
            "018f2b7e-6f4a-7c3d-9e21_0a1b2c3d4e5f",
            "../../../../../../../../../../../../",
        ] {
            assert!(!is_ring_id(other), "{other}");
        }
    }

    #[test]
    fn what_clients_say_is_spelt_as_agreed() {
        for (kind, field) in [
            ("ring", "ringId"),
            ("endCall", "callId"),
            ("answerCall", "callId"),
            ("declineCall", "callId"),
            ("nobodyHome", "callId"),
            ("hangUp", "callId"),
        ] {
            let text = format!(r#"{{"type":"{kind}","{field}":"{ID}"}}"#);
            let message: ClientMessage = serde_json::from_str(&text).unwrap();
            let ClientMessage::Extension(message) = message else {
                panic!("{text}");
            };
            assert_eq!(serde_json::to_string(&message).unwrap(), text);
            // Without its id it is nothing.
            let bare = format!(r#"{{"type":"{kind}"}}"#);
            assert!(serde_json::from_str::<ClientExtension>(&bare).is_err());
        }
    }

    #[test]
    fn what_peers_are_told_is_spelt_as_agreed() {
        let call = CameraCall {
            id: ID.to_owned(),
            ring_id: ID.to_owned(),
            state: CallState::Ended,
            by: Some("alice".to_owned()),
            reason: Some(CallEnd::HungUpAtDoor),
        };
        let told = serde_json::to_value(Extension::CameraCall { call }).unwrap();
        let expected = json!({"type":"cameraCall","call":{
            "id": ID, "ringId": ID, "state": "ended", "by": "alice", "reason": "hung-up-at-door"}});
        assert_eq!(told, expected);
        let later = r#"{"type":"cameraCall","call":{"id":"c","ringId":"r","state":"ended","reason":"moon-full"}}"#;
        let Extension::CameraCall { call } = serde_json::from_str(later).unwrap() else {
            panic!("{later}");
        };
        assert_eq!(call.reason, Some(CallEnd::Other));
    }
}
