// SPDX-License-Identifier: MPL-2.0
//! Who wanted a camera's door open and what came of it, as the camera tells its server for the audit log and the history of calls.
//!
//! Told is only a server that has given somebody [`Permission::Door`](crate::grant::Permission::Door): those before know nothing
//! of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest text of a program on why the door stays shut, in characters.
pub const MAX_DOOR_DETAIL: usize = 200;

/// That a viewer asked for the door. The camera knows no time of day, so it says how long ago that was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DoorRequest {
    /// The viewer's session.
    pub session_id: String,
    /// Milliseconds since then.
    pub ago: u64,
    /// What came of it.
    pub result: DoorResult,
    /// The call that ran then, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// Why the program at the door refused it, in that program's words, of at most [`MAX_DOOR_DETAIL`] characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What came of it. On the wire, on the bus and in the audit log in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DoorResult {
    /// The program at the door has opened it.
    Opened,
    /// The program would not.
    Refused,
    /// The program was told and has not said what it did.
    Unanswered,
    /// The program did not take it in time, and was never told.
    NotDelivered,
    /// No program serves the door.
    NoProgram,
    /// The viewer may not.
    NotPermitted,
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for DoorResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{ClientExtension, ClientMessage};

    #[test]
    fn it_is_spelt_as_agreed() {
        let json = r#"{"type":"door","sessionId":"s","ago":12,"result":"refused","callId":"c","detail":"bolted"}"#;
        let message: ClientMessage = serde_json::from_str(json).unwrap();
        let ClientMessage::Extension(message @ ClientExtension::Door(_)) = message else {
            panic!("{message:?}");
        };
        assert_eq!(serde_json::to_string(&message).unwrap(), json);
        let json = r#"{"sessionId":"s","ago":0,"result":"of-the-future"}"#;
        let request: DoorRequest = serde_json::from_str(json).unwrap();
        assert_eq!(request.result, DoorResult::Other);
        assert_eq!(DoorResult::NoProgram.to_string(), "no-program");
    }
}
