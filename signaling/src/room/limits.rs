// SPDX-License-Identifier: MPL-2.0
//! How much of the room anyone may take, and how large what they say may be.

use porthole_protocol::limits::{
    MAX_CANDIDATE_BYTES, MAX_DESCRIPTION_BYTES, MAX_META_BYTES, MAX_NONCE_BYTES,
    MAX_SESSIONS_PER_CAMERA,
};
use porthole_protocol::wire::{
    Announce, Code, PeerMessageInner, PeerStatus, SdpMessage, SessionProof,
};

use super::{ClientId, Refusal, Room};
use crate::rights::Rights;

/// Cameras that can be enrolled where nothing else is said. A fleet of robots fits.
pub const MAX_CAMERAS: usize = 1000;
/// Viewers connected at a time where nothing else is said, beside which every camera still finds a place: 4072 clients of about
/// 6 KiB each are 24 MiB.
pub const MAX_VIEWERS: usize = 3072;
/// The part of these places that is kept from guests and others who share one name, for users with a name of their own,
/// so that no crowd locks them out.
const NAMED_SHARE: usize = 6;
/// Connections of one user: some browser tabs on some devices, and no more, so that one token cannot
/// take up all the places. A name that many people share is exempt.
pub const MAX_CONNECTIONS_PER_USER: usize = 64;
/// Sessions of one viewer's connection: a page that shows a wall of 4 by 4 cameras.
pub const MAX_SESSIONS_PER_VIEWER: usize = 16;
/// Sessions of one person at one camera, so that nobody takes all of a camera's places: a few devices, and a page
/// that was loaded again. Of a name that many people share, those of one connection.
pub const MAX_SESSIONS_PER_PERSON: usize = 4;
/// Sessions at one camera from one network, of people who share a name: a household.
pub const MAX_SESSIONS_PER_ADDRESS: usize = 8;
/// How much of a list is sent at a time.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) cameras: usize,
    pub(super) bytes: usize,
}

/// The list itself: what a wall of screens shows, and with the JSON around it less than the page reads (`MAX_MESSAGE` in
/// `web/client/rules.js`).
pub(super) const LIST_PART: Part = Part {
    cameras: 1000,
    bytes: 768 * 1024,
};
/// What follows it at a time, each camera a message: a moment's work.
pub(super) const NEXT_PART: Part = Part {
    cameras: 256,
    bytes: 128 * 1024,
};
/// Longest session id that is looked at; ours have 36 bytes.
pub(super) const MAX_ID_BYTES: usize = 64;
/// Longest of a viewer's words on the end of its session, in characters: a browser's error is a sentence.
const MAX_SAID: usize = 300;
/// Roles in one status: there are three kinds.
const MAX_ROLES: usize = 8;

const TOO_LARGE: Code = Code::TooLarge;

/// Of so many places for viewers, those that people who share a name may take.
pub(super) fn shared_viewers(max_viewers: usize) -> usize {
    max_viewers - max_viewers / NAMED_SHARE
}

impl Room {
    /// Whether the viewer may have one more session at this camera, beside `itself` if that is one already.
    pub(super) fn check_places(
        &self,
        viewer: ClientId,
        rights: &Rights,
        camera_id: &str,
        itself: Option<&str>,
    ) -> Result<(), Refusal> {
        let (Some(client), Some(camera)) = (self.clients.get(&viewer), self.cameras.get(camera_id))
        else {
            return Ok(());
        };
        let own = client.sessions.len() + client.awaited.len() + client.elsewhere.len();
        if own >= MAX_SESSIONS_PER_VIEWER && !itself.is_some_and(|id| client.sessions.contains(id))
        {
            return Err(Refusal::new(
                Code::TooMany,
                "too many sessions: end one first",
            ));
        }
        let others = || camera.sessions.iter().filter(|id| itself != Some(id));
        if others().filter(|id| !self.is_at_sfu(id)).count() >= MAX_SESSIONS_PER_CAMERA {
            return Err(Refusal::new(
                Code::TooMany,
                "the camera has too many viewers: try again later",
            ));
        }
        let others = || others().filter_map(|id| self.sessions.get(id));
        let own = others().filter(|session| match rights.shared {
            true => session.viewer == Some(viewer),
            false => session.whose.user == rights.user,
        });
        let here = others().filter(|session| {
            rights.shared
                && session.whose.user == rights.user
                && session.network == Some(client.network)
                // Behind a proxy on this machine everyone has this address.
                && !client.network.is_loopback()
        });
        if own.count() >= MAX_SESSIONS_PER_PERSON || here.count() >= MAX_SESSIONS_PER_ADDRESS {
            return Err(Refusal::new(
                Code::TooMany,
                "you have too many pictures of this camera open: close one first",
            ));
        }
        Ok(())
    }
}

/// What a viewer says to a camera. JSON escapes a printable character to at most twice its bytes, and a control
/// character to six times: without those, what is forwarded keeps below the largest message.
pub(super) fn check_peer_message(message: &PeerMessageInner) -> Result<(), Refusal> {
    match message {
        PeerMessageInner::Ice { candidate, .. } => check_candidate(candidate),
        PeerMessageInner::Sdp(SdpMessage::Offer { sdp } | SdpMessage::Answer { sdp }) => {
            check_description(sdp)
        }
    }
}

pub(super) fn check_description(sdp: &str) -> Result<(), Refusal> {
    let too_large = Refusal::new(
        TOO_LARGE,
        "the description is larger than 24 KiB: offer fewer codecs",
    );
    within(sdp.len(), MAX_DESCRIPTION_BYTES, too_large)?;
    let bad = "a description has no control characters other than line ends and tabs";
    printable(sdp, bad)
}

fn check_candidate(candidate: &str) -> Result<(), Refusal> {
    let too_large = Refusal::new(TOO_LARGE, "the candidate is larger than 1024 bytes");
    within(candidate.len(), MAX_CANDIDATE_BYTES, too_large)?;
    printable(candidate, "a candidate has no control characters")
}

/// What a peer says of itself, in any role.
pub(super) fn check_status(status: &PeerStatus) -> Result<(), Refusal> {
    let roles = Refusal::new(Code::BadMessage, "a status has no more than 8 roles");
    within(status.roles.len(), MAX_ROLES, roles)?;
    let meta = status
        .meta
        .as_ref()
        .map_or(0, |meta| meta.to_string().len());
    let too_large = Refusal::new(TOO_LARGE, "meta is larger than 1024 bytes: shorten it");
    within(meta, MAX_META_BYTES, too_large)
}

pub(super) fn check_announce(announce: &Announce) -> Result<(), Refusal> {
    let nonce = announce.nonce.as_deref().unwrap_or_default();
    let too_large = Refusal::new(TOO_LARGE, "the nonce is larger than 64 bytes");
    within(nonce.len(), MAX_NONCE_BYTES, too_large)?;
    printable(nonce, "a nonce has no control characters")
}

pub(super) fn check_proof(proof: &SessionProof) -> Result<(), Refusal> {
    let too_large = Refusal::new(TOO_LARGE, "the session's id is larger than 64 bytes");
    within(proof.session_id.len(), MAX_ID_BYTES, too_large)
}

/// What a viewer says of the end of its session, as it may stand in an operator's log: one line, of so many characters.
pub(super) fn short_line(text: &str) -> String {
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(MAX_SAID).collect()
}

fn within(size: usize, max: usize, refusal: Refusal) -> Result<(), Refusal> {
    if size <= max { Ok(()) } else { Err(refusal) }
}

fn printable(text: &str, details: &'static str) -> Result<(), Refusal> {
    let bad = |c: char| c.is_control() && !matches!(c, '\r' | '\n' | '\t');
    if text.contains(bad) {
        return Err(Refusal::new(Code::BadMessage, details));
    }
    Ok(())
}
