// SPDX-License-Identifier: MPL-2.0
//! Says in the room's words what a foreign client means, and in the client's what the room says. Pure: events and messages in,
//! [`Step`]s out, time is an argument. It decides nothing about rights; whatever it passes on, the room judges.
//!
//! Two families of clients are known, by what they say first:
//!
//! - **Robots** `register`, and then address each other: `offer`, `answer` and `ice-candidate` with `to`, heard with `from`.
//!   The viewer offers.
//! - In the **lab** two meet in a room, which here is a camera: `join`, then `invite` and `ok`, and `bye`.
//!
//! What a camera is called is its id; a viewer is called by its session, which nobody can guess and nobody chooses.

mod camera;
mod payload;
#[cfg(test)]
mod tests;
mod viewer;

use std::time::{Duration, Instant};

use porthole_protocol::key::{is_camera_id, slug};
use porthole_protocol::wire::{
    Announce, Code, EndSessionMessage, IncomingMessage, PeerMessage, PeerMessageInner, PeerRole,
    PeerStatus, SdpMessage, ToPeer, ToPeerExtra, ToServer, ToServerExtra, VERSION,
};
use serde_json::{Value, json};

use camera::Camera;
use payload::Candidate;
use viewer::Viewer;

/// How long two may take from the session's start to the first description: our page takes two seconds to find its ways.
const SETUP: Duration = Duration::from_secs(15);
/// Longest of a foreign word that is repeated to its sender, in characters.
const MAX_REPEATED: usize = 40;

/// Who offers where two meet in a lab's room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LabOffers {
    /// Who comes to watch, after `joined`: the doorbell.
    #[default]
    Viewer,
    /// The camera, on `new_peer`: the first lab.
    Camera,
}

/// What to do next.
#[derive(Debug)]
pub(crate) enum Step {
    /// Say this to the room.
    Room(ToServer),
    /// Say this to the client: an event and what comes with it.
    Client(&'static str, Value),
}

/// Which words a client uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Robots,
    Lab,
}

/// What stands between one foreign client and the room.
pub(crate) enum Translator {
    Camera(Camera),
    Viewer(Viewer),
}

impl Translator {
    /// For the camera of this id.
    pub(crate) fn camera(id: &str, lab_offers: LabOffers) -> Self {
        Self::Camera(Camera::new(id, lab_offers))
    }

    pub(crate) fn viewer(lab_offers: LabOffers) -> Self {
        Self::Viewer(Viewer::new(lab_offers))
    }

    /// What is said before anything else: that whoever is here understands codes.
    pub(crate) fn greeting(&self) -> Vec<Step> {
        match self {
            Self::Camera(_) => Vec::new(),
            Self::Viewer(_) => vec![status(&[], Value::Null)],
        }
    }

    /// The client has said something.
    pub(crate) fn heard(&mut self, event: &str, data: &Value, now: Instant) -> Vec<Step> {
        let answered = match self {
            Self::Camera(camera) => camera.heard(event, data),
            Self::Viewer(viewer) => viewer.heard(event, data, now),
        };
        answered.unwrap_or_else(|complaint| vec![complaint.step()])
    }

    /// The room has said something.
    pub(crate) fn told(&mut self, ToPeer { message, extra }: ToPeer, now: Instant) -> Vec<Step> {
        match self {
            Self::Camera(camera) => camera.told(message, extra, now),
            Self::Viewer(viewer) => viewer.told(message, extra, now),
        }
    }

    /// When [`Self::tick`] has something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Camera(camera) => camera.deadline(),
            Self::Viewer(viewer) => viewer.deadline(),
        }
    }

    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Step> {
        match self {
            Self::Camera(camera) => camera.tick(now),
            Self::Viewer(viewer) => viewer.tick(now),
        }
    }

    /// What the room is told when the client has gone: such a one does not come back to its sessions.
    pub(crate) fn leave(&mut self) -> Vec<ToServer> {
        match self {
            Self::Camera(_) => Vec::new(),
            Self::Viewer(viewer) => viewer.leave(),
        }
    }
}

/// What is wrong with what a client said.
#[derive(Debug)]
struct Complaint {
    code: Code,
    message: String,
}

impl Complaint {
    fn bad(message: impl Into<String>) -> Self {
        Self {
            code: Code::BadMessage,
            message: message.into(),
        }
    }

    fn unknown(event: &str) -> Self {
        let event: String = event.chars().take(MAX_REPEATED).collect();
        Self::bad(format!("this server knows no event \"{event}\""))
    }

    fn no_session() -> Self {
        let message = "there is no such peer: answer whom `from` named, or offer to a camera first";
        Self {
            code: Code::NoSuchSession,
            message: message.to_owned(),
        }
    }

    fn step(&self) -> Step {
        error(self.code, &self.message)
    }
}

/// That something is not as it should be, with a stable code.
pub(crate) fn error(code: Code, message: &str) -> Step {
    Step::Client("error", json!({"code": code, "message": message}))
}

/// What the room refused.
fn refused(details: &str, extra: &ToPeerExtra) -> Value {
    let mut data = json!({"code": extra.code.unwrap_or(Code::Other), "message": details});
    if let (Some(next), Some(fields)) = (extra.next_booking, data.as_object_mut()) {
        fields.insert("nextBooking".to_owned(), json!(next));
    }
    data
}

/// The id of a camera of which this is the name: people write `Robot_1` where the id is `robot-1`.
fn camera_named(name: &str) -> String {
    match is_camera_id(name) {
        true => name.to_owned(),
        false => slug(name),
    }
}

fn status(roles: &[PeerRole], meta: Value) -> Step {
    let status = PeerStatus {
        roles: roles.to_vec(),
        meta: Some(meta).filter(|meta| !meta.is_null()),
        peer_id: None,
    };
    Step::Room(ToServer {
        message: IncomingMessage::SetPeerStatus(status),
        extra: ToServerExtra {
            porthole: Some(Announce {
                version: VERSION,
                ..Announce::default()
            }),
            ..ToServerExtra::default()
        },
    })
}

fn peer(session_id: &str, peer_message: PeerMessageInner) -> Step {
    let message = PeerMessage {
        session_id: session_id.to_owned(),
        peer_message,
    };
    Step::Room(IncomingMessage::Peer(message).into())
}

fn offer(session_id: &str, sdp: &str) -> Step {
    let sdp = sdp.to_owned();
    peer(session_id, PeerMessageInner::Sdp(SdpMessage::Offer { sdp }))
}

fn answer(session_id: &str, sdp: &str) -> Step {
    let sdp = sdp.to_owned();
    peer(
        session_id,
        PeerMessageInner::Sdp(SdpMessage::Answer { sdp }),
    )
}

fn candidate(session_id: &str, candidate: Candidate) -> Step {
    let ice = PeerMessageInner::Ice {
        candidate: candidate.line,
        sdp_m_line_index: candidate.index,
    };
    peer(session_id, ice)
}

fn end(session_id: &str, reason: Code) -> ToServer {
    ToServer {
        message: IncomingMessage::EndSession(EndSessionMessage {
            session_id: session_id.to_owned(),
        }),
        extra: ToServerExtra {
            reason: Some(reason),
            ..ToServerExtra::default()
        },
    }
}

/// What one end says to the other, in the family's words.
fn spoken(family: Family, from: &str, message: PeerMessageInner) -> Step {
    match (family, message) {
        (Family::Robots, PeerMessageInner::Sdp(SdpMessage::Offer { sdp })) => {
            Step::Client("offer", offered(from, &sdp, &ToPeerExtra::default()))
        }
        (Family::Robots, PeerMessageInner::Sdp(SdpMessage::Answer { sdp })) => Step::Client(
            "answer",
            json!({"from": from, "answer": {"type": "answer", "sdp": sdp}}),
        ),
        (
            Family::Robots,
            PeerMessageInner::Ice {
                candidate,
                sdp_m_line_index,
            },
        ) => {
            let candidate = payload::candidate_json(&candidate, sdp_m_line_index);
            let data = json!({"from": from, "candidate": candidate});
            Step::Client("ice-candidate", data)
        }
        (Family::Lab, PeerMessageInner::Sdp(SdpMessage::Offer { sdp })) => invitation(&sdp),
        (Family::Lab, PeerMessageInner::Sdp(SdpMessage::Answer { sdp })) => {
            Step::Client("ok", json!({"type": "answer", "sdp": sdp}))
        }
        (
            Family::Lab,
            PeerMessageInner::Ice {
                candidate,
                sdp_m_line_index,
            },
        ) => Step::Client(
            "ice_candidate",
            payload::candidate_json(&candidate, sdp_m_line_index),
        ),
    }
}

/// An offer to a robot, with the servers for ICE that it may use in this session.
fn offered(from: &str, sdp: &str, extra: &ToPeerExtra) -> Value {
    let mut data = json!({"from": from, "offer": {"type": "offer", "sdp": sdp}});
    if !extra.ice_servers.is_empty()
        && let Some(fields) = data.as_object_mut()
    {
        fields.insert("iceServers".to_owned(), json!(extra.ice_servers));
    }
    data
}

fn invitation(sdp: &str) -> Step {
    Step::Client("invite", json!({"type": "offer", "sdp": sdp}))
}

/// The description that an event brings.
fn described<'a>(event: &str, data: &'a Value, kind: &str) -> Result<&'a str, Complaint> {
    payload::description(data, kind)
        .ok_or_else(|| Complaint::bad(format!("{event}: there is no session description in it")))
}

/// The candidate that an event brings; `None` where it says that there are no more.
fn candidate_of(event: &str, data: &Value) -> Result<Option<Candidate>, Complaint> {
    payload::candidate(data)
        .map_err(|()| Complaint::bad(format!("{event}: there is no ICE candidate in it")))
}

/// The end of a session, as it is told to the client.
fn farewell(family: Family, from: &str, room: &str, extra: &ToPeerExtra) -> Step {
    let data = match family {
        Family::Lab => json!(room),
        Family::Robots => {
            let mut data = json!({"from": from, "reason": extra.reason.unwrap_or(Code::Other)});
            if let Some(fields) = data.as_object_mut() {
                let words = extra.detail.as_ref().map(|words| json!(words));
                let next = extra.next_booking.map(|next| json!(next));
                let more = [("message", words), ("nextBooking", next)];
                let more = more
                    .into_iter()
                    .filter_map(|(key, value)| Some((key.to_owned(), value?)));
                fields.extend(more);
            }
            data
        }
    };
    Step::Client("bye", data)
}
