// SPDX-License-Identifier: MPL-2.0
//! Porthole's additions to the wire protocol of `gst-plugin-webrtc-signalling-protocol`.
//!
//! Messages are JSON objects in WebSocket text frames. Each is an upstream message with extra fields,
//! or one of the extra types below; a peer gets them only after it announced itself with
//! [`Announce`] in its `setPeerStatus`. Stock peers ignore fields they do not know.

use gst_plugin_webrtc_signalling_protocol as upstream;
use serde::{Deserialize, Serialize};

pub use upstream::{
    EndSessionMessage, IncomingMessage, OutgoingMessage, Peer, PeerMessage, PeerMessageInner,
    PeerRole, PeerStatus, SdpMessage, StartSessionMessage,
};

/// The version of these additions.
pub const VERSION: u32 = 1;

/// Says that a peer understands Porthole's additions. Field `porthole` of `setPeerStatus`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Announce {
    /// [`VERSION`].
    pub version: u32,
    /// A camera's nonce for this connection: every grant sent on it must carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
}

/// A STUN or TURN server, in the shape of `RTCIceServer` (W3C WebRTC).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IceServer {
    /// `stun:`, `turn:` or `turns:` URLs.
    pub urls: Vec<String>,
    /// TURN user name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// TURN password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

/// Stable codes: why a session was refused or ended, or a message failed. On the wire in kebab-case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Code {
    /// No credential, or one that is not known.
    Unauthorized,
    /// The credential does not permit this.
    NotPermitted,
    /// There is no such camera, or it is not for this viewer to know of.
    NoSuchCamera,
    /// The camera exists but is not connected.
    CameraOffline,
    /// The camera has as many viewers as its `max-viewers`.
    CameraFull,
    /// The camera's gate turned the grant down.
    GrantRefused,
    /// The time of the grant is up.
    LeaseEnded,
    /// The permission was withdrawn.
    Revoked,
    /// The viewer left.
    ViewerLeft,
    /// The camera went away.
    CameraGone,
    /// The camera lost its server for longer than its `orphan-timeout`.
    ServerUnreachable,
    /// Media could not be set up or broke off.
    MediaFailed,
    /// Another connection with the same camera key took over.
    Replaced,
    /// There are too many connections or sessions.
    TooMany,
    /// No such session, or not one of the sender's.
    NoSuchSession,
    /// The message could not be read.
    BadMessage,
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

/// Extra fields of messages to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToServerExtra {
    /// Of `setPeerStatus`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub porthole: Option<Announce>,
    /// Of `endSession`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Code>,
}

/// A message to the server.
#[derive(Debug, Serialize, Deserialize)]
pub struct ToServer {
    /// The upstream message.
    #[serde(flatten)]
    pub message: IncomingMessage,
    /// Porthole's extra fields.
    #[serde(flatten)]
    pub extra: ToServerExtra,
}

/// Extra fields of messages to a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ToPeerExtra {
    /// Of `startSession` to a camera: the signed grant (a compact JWT).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<String>,
    /// Of `startSession` and `sessionStarted`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ice_servers: Vec<IceServer>,
    /// Of `endSession`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Code>,
    /// Of `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
}

/// A message to a peer: an upstream one with extra fields.
#[derive(Debug, Serialize, Deserialize)]
pub struct ToPeer {
    /// The upstream message.
    #[serde(flatten)]
    pub message: OutgoingMessage,
    /// Porthole's extra fields.
    #[serde(flatten)]
    pub extra: ToPeerExtra,
}

/// Message types of Porthole's own, from the server to a camera that announced itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Extension {
    /// A running session's permission was renewed or changed.
    #[serde(rename_all = "camelCase")]
    GrantUpdate {
        /// The session.
        session_id: String,
        /// The new grant, with a higher `seq`.
        grant: String,
    },
}

impl From<IncomingMessage> for ToServer {
    fn from(message: IncomingMessage) -> Self {
        Self {
            message,
            extra: ToServerExtra::default(),
        }
    }
}

impl From<OutgoingMessage> for ToPeer {
    fn from(message: OutgoingMessage) -> Self {
        Self {
            message,
            extra: ToPeerExtra::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to_server(json: &str) -> ToServer {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_stock_message_has_no_extras() {
        let message = to_server(r#"{"type":"list"}"#);
        assert!(matches!(message.message, IncomingMessage::List));
        assert_eq!(message.extra, ToServerExtra::default());
        assert_eq!(
            serde_json::to_string(&message).unwrap(),
            r#"{"type":"list"}"#
        );
    }

    #[test]
    fn a_camera_announces_its_nonce_beside_its_roles() {
        let message = to_server(
            r#"{"type":"setPeerStatus","roles":["producer"],"meta":null,"porthole":{"version":1,"nonce":"n"}}"#,
        );
        assert_eq!(message.extra.porthole.unwrap().nonce.as_deref(), Some("n"));
        assert!(matches!(message.message, IncomingMessage::SetPeerStatus(s) if s.producing()));
    }

    #[test]
    fn ice_and_sdp_keep_the_upstream_form() {
        let json = r#"{"type":"peer","sessionId":"s","ice":{"candidate":"c","sdpMLineIndex":0}}"#;
        assert_eq!(serde_json::to_string(&to_server(json)).unwrap(), json);
        let json = r#"{"type":"peer","sessionId":"s","sdp":{"type":"answer","sdp":"v=0"}}"#;
        assert_eq!(serde_json::to_string(&to_server(json)).unwrap(), json);
    }

    #[test]
    fn a_reason_travels_with_the_end_and_unknown_ones_are_kept_apart() {
        let message: ToPeer =
            serde_json::from_str(r#"{"type":"endSession","sessionId":"s","reason":"lease-ended"}"#)
                .unwrap();
        assert_eq!(message.extra.reason, Some(Code::LeaseEnded));
        let code: Code = serde_json::from_str("\"of-the-future\"").unwrap();
        assert_eq!(code, Code::Other);
    }
}
