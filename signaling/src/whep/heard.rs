// SPDX-License-Identifier: MPL-2.0
//! What the hub says to a viewer, as far as it matters to one that watches by WHEP. Pure.

use jiff::Timestamp;
use porthole_protocol::wire::{
    Code, Extension, IceServer, OutgoingMessage, PeerMessageInner, SdpMessage, ToPeer,
};

/// Why there is no session, or no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: Code,
    /// A sentence, where there is one.
    pub(crate) details: String,
    /// When the viewer may look through this camera next.
    pub(crate) next: Option<Timestamp>,
}

/// What was said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Started {
        session: String,
        ice_servers: Vec<IceServer>,
    },
    Answer(String),
    Candidate(u32, String),
    /// There are no more candidates.
    Gathered,
    Refused(Refused),
    /// The session is over.
    Ended(Refused),
    /// Nothing that matters here.
    Other,
}

/// Reads one message.
pub(super) fn read(text: &str) -> Heard {
    if serde_json::from_str::<Extension>(text).is_ok() {
        return Heard::Other;
    }
    // The hub wrote it.
    let Ok(ToPeer { message, extra }) = serde_json::from_str::<ToPeer>(text) else {
        return Heard::Other;
    };
    match message {
        OutgoingMessage::SessionStarted { session_id, .. } => Heard::Started {
            session: session_id,
            ice_servers: extra.ice_servers,
        },
        OutgoingMessage::Peer(peer) => match peer.peer_message {
            PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => Heard::Answer(sdp),
            PeerMessageInner::Ice { candidate, .. } if candidate.is_empty() => Heard::Gathered,
            PeerMessageInner::Ice {
                candidate,
                sdp_m_line_index,
            } => Heard::Candidate(sdp_m_line_index, candidate),
            // Only a camera that does not know what it was asked.
            PeerMessageInner::Sdp(SdpMessage::Offer { .. }) => Heard::Other,
        },
        OutgoingMessage::Error { details } => Heard::Refused(Refused {
            code: extra.code.unwrap_or(Code::Other),
            details,
            next: extra.next_booking,
        }),
        OutgoingMessage::EndSession(_) => Heard::Ended(Refused {
            code: extra.reason.unwrap_or(Code::CameraGone),
            details: extra.detail.unwrap_or_default(),
            next: extra.next_booking,
        }),
        _ => Heard::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_hub_says_is_told_apart() {
        let started = r#"{"type":"sessionStarted","peerId":"front","sessionId":"s","secret":"x","iceServers":[{"urls":["turn:t"]}]}"#;
        let Heard::Started {
            session,
            ice_servers,
        } = read(started)
        else {
            panic!("{started}");
        };
        assert_eq!((session.as_str(), ice_servers.len()), ("s", 1));
        let peer = |inner: &str| read(&format!(r#"{{"type":"peer","sessionId":"s",{inner}}}"#));
        let answer = peer(r#""sdp":{"type":"answer","sdp":"v=0"}"#);
        assert_eq!(answer, Heard::Answer("v=0".to_owned()));
        let candidate = peer(r#""ice":{"candidate":"candidate:1","sdpMLineIndex":2}"#);
        assert_eq!(candidate, Heard::Candidate(2, "candidate:1".to_owned()));
        let all = peer(r#""ice":{"candidate":"","sdpMLineIndex":0}"#);
        assert_eq!(all, Heard::Gathered);
        let refused = read(r#"{"type":"error","details":"no","code":"camera-offline"}"#);
        let Heard::Refused(refused) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(refused.code, Code::CameraOffline);
        let ended = read(r#"{"type":"endSession","sessionId":"s","reason":"revoked"}"#);
        assert!(matches!(ended, Heard::Ended(why) if why.code == Code::Revoked));
        let update = r#"{"type":"grantUpdate","sessionId":"s"}"#;
        for other in [update, r#"{"type":"welcome","peerId":"p"}"#, "nonsense"] {
            assert_eq!(read(other), Heard::Other, "{other}");
        }
    }
}
