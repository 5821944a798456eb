// SPDX-License-Identifier: MPL-2.0
//! Porthole's additions to the wire protocol of `gst-plugin-webrtc-signalling-protocol`.
//!
//! Messages are JSON objects in WebSocket text frames. Each is an upstream message with extra fields,
//! or one of the extra types below; a peer gets them only after it announced itself with
//! [`Announce`] in its `setPeerStatus`. Stock peers ignore fields they do not know.

use gst_plugin_webrtc_signalling_protocol as upstream;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::grant::Permission;

pub use crate::door::{DoorRequest, DoorResult};
pub use crate::drive::{Drive, DriveEnd, DriveReason};
pub use crate::ring::{CallEnd, CallId, CallPart, CallState, CameraCall, Ring, ViewerCall};
pub use crate::stats::{SessionStats, ViewerStats};
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
    /// A camera's sessions that run, from before this connection. The server answers each with a
    /// [`Extension::GrantUpdate`] or an `endSession`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<RunningSession>,
    /// Of a viewer: that it makes the offer where `sessionStarted` asks for one.
    #[serde(default, skip_serializing_if = "is_false")]
    pub offers: bool,
    /// Of a camera: that it knows the permission `door`. Grants for others are without it, since they would not read them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub door: bool,
}

fn yes() -> bool {
    true
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A session that outlived the connection it was started on, as its camera reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunningSession {
    /// The session.
    pub session_id: String,
    /// The last grant the camera took for it, by which the server knows its own signature.
    pub grant: String,
    /// Whole seconds that are left of its lease.
    pub lease: u32,
    /// Whether media has flowed in it; `None` from a camera that does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connected: Option<bool>,
}

/// What a viewer is told of a session's terms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// Whole seconds from now to the end of the permission.
    pub lease: u32,
    /// What the viewer may do.
    pub perms: Vec<Permission>,
    /// Whether the page offers to save pictures and clips; absent where it may. A courtesy of the page and no boundary: a
    /// screen can be filmed.
    #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
    pub saving: bool,
}

/// Proof that a session is the sender's own. Users may share a name, so the session's secret counts besides.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionProof {
    /// The session.
    pub session_id: String,
    /// The secret that came with `sessionStarted`.
    pub secret: String,
}

impl fmt::Debug for SessionProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionProof")
            .field("session_id", &self.session_id)
            .finish_non_exhaustive()
    }
}

/// A STUN or TURN server, in the shape of `RTCIceServer` (W3C WebRTC).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
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
    /// The viewer may look through this camera at other times.
    NoBooking,
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
    /// A description or candidate is not one that this camera can work with.
    BadDescription,
    /// The viewer's browser did not take the camera's offer, or takes none of what the camera sends.
    OfferRefused,
    /// A part of the message is larger than allowed.
    TooLarge,
    /// The server did not confirm the session after the camera had registered again.
    Unconfirmed,
    /// No such call, or not one that rings the sender.
    NoSuchCall,
    /// Somebody else has answered the call.
    CallTaken,
    /// Something this version does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for Code {
    /// As it is spelt on the wire, in messages on the bus and in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
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
    /// Of `endSession` with the reason `offer-refused`: the browser's own words, for the camera's operator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of `startSession`: a session of the same viewer at the same camera that this one takes the place of, such
    /// as that of a page that was loaded again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<SessionProof>,
}

/// What a client sends: a message of Porthole's own, or an upstream one.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ClientMessage {
    /// One of Porthole's own.
    Extension(ClientExtension),
    /// An upstream message.
    Peer(Box<ToServer>),
}

/// Message types of Porthole's own, from a client that announced itself to the server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum ClientExtension {
    /// The viewer is back after its connection broke, and its peer connection still stands. Answered with
    /// [`Extension::SessionResumed`] or `endSession`; the answer waits for the camera if that is not back yet.
    #[serde(rename_all = "camelCase")]
    ResumeSession {
        /// The session's camera.
        peer_id: String,
        /// Which session, and the proof that it is the sender's.
        #[serde(flatten)]
        proof: SessionProof,
    },
    /// From a session's viewer, for its camera.
    ViewerStats(ViewerStats),
    /// From a session's camera, for its viewer.
    SessionStats(SessionStats),
    /// From a camera, for the audit log.
    Drive(Drive),
    /// From a camera, for the audit log and the history of calls.
    Door(DoorRequest),
    /// From a camera: the button was pressed.
    Ring(Ring),
    /// From a camera: who stood at the door has hung up.
    EndCall(CallId),
    /// From a viewer whom a call rings: this one takes it.
    AnswerCall(CallId),
    /// From a viewer whom a call rings: not this one.
    DeclineCall(CallId),
    /// From a viewer whom a call rings: nobody will come.
    NobodyHome(CallId),
    /// From the viewer who has answered.
    HangUp(CallId),
    /// From a guest: what others are to see in place of a number. It counts for this connection and its sessions.
    CallMe {
        /// Empty for nothing any more.
        name: String,
    },
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
    /// Of `endSession`: more than the code says, in words for people, where there is more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Of `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// Of `error` and `endSession`: when the viewer may look through this camera next (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_booking: Option<Timestamp>,
    /// Of `sessionStarted`: what proves later that the session is this viewer's. See [`SessionProof`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Of `sessionStarted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
    /// Of `sessionStarted`: who makes the offer, where it is not the camera.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offers: Option<Offerer>,
    /// Of `startSession` to whoever serves several cameras' pictures: which one it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
}

/// Who makes the offer of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Offerer {
    /// Who watches.
    Viewer,
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

/// Message types of Porthole's own, from the server to a peer that announced itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase")]
pub enum Extension {
    /// A running session's permission was renewed, changed, or withdrawn (a `lease` of 0, or no `view`), or it has other
    /// ICE servers now. What is left out stays as it was.
    #[serde(rename_all = "camelCase")]
    GrantUpdate {
        /// The session.
        session_id: String,
        /// To the camera: the new grant, with a higher `seq`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        grant: Option<String>,
        /// To the viewer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms>,
        /// New credentials of the session's relays, if the old ones run out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        ice_servers: Vec<IceServer>,
    },
    /// To a camera, before any grant that needs it: what leads from the key it was enrolled with to the one that signs
    /// grants now. See [`KeyRing`](crate::grant::KeyRing).
    GrantKeys {
        /// Signed by each key for the one after it, the latest last.
        chain: Vec<String>,
    },
    /// To a viewer: its cameras or bookings are other ones now. What they are is asked for by HTTP.
    AccessChanged {},
    /// To a viewer: the session is its own again.
    #[serde(rename_all = "camelCase")]
    SessionResumed {
        /// The session.
        session_id: String,
        /// Its camera.
        peer_id: String,
        /// As they are now.
        terms: Terms,
    },
    /// To a camera, from a session's viewer.
    ViewerStats(ViewerStats),
    /// To a viewer, from its session's camera.
    SessionStats(SessionStats),
    /// To a camera: somebody has rung its bell from elsewhere.
    Ring(Ring),
    /// To a camera: what has become of its ring.
    CameraCall {
        /// As it is now.
        call: CameraCall,
    },
    /// To a viewer: it rings, or what has become of that.
    Call {
        /// As it is now.
        call: ViewerCall,
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

impl From<ToServer> for ClientMessage {
    fn from(message: ToServer) -> Self {
        Self::Peer(Box::new(message))
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
        assert_eq!(Code::BadDescription.to_string(), "bad-description");
    }

    #[test]
    fn an_update_says_only_what_changes_and_its_password_is_not_logged() {
        let json = r#"{"type":"grantUpdate","sessionId":"s","iceServers":[{"urls":["turn:t"],"username":"1:s","credential":"s3cret"}]}"#;
        let update: Extension = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&update).unwrap(), json);
        let logged = format!("{update:?}");
        assert!(logged.contains("turn:t") && !logged.contains("s3cret"));
        let json = r#"{"type":"grantUpdate","sessionId":"s"}"#;
        let update: Extension = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&update).unwrap(), json);
    }

    #[test]
    fn a_viewer_resumes_with_a_message_of_its_own_and_stock_ones_read_as_before() {
        let json = r#"{"type":"resumeSession","peerId":"front","sessionId":"s","secret":"x"}"#;
        let message: ClientMessage = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&message).unwrap(), json);
        assert!(!format!("{message:?}").contains("\"x\""));
        let ClientMessage::Peer(list) = serde_json::from_str(r#"{"type":"list"}"#).unwrap() else {
            panic!("an upstream message")
        };
        assert!(matches!(list.message, IncomingMessage::List));
    }
}
