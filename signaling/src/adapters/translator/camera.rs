// SPDX-License-Identifier: MPL-2.0
//! A robot or a doorbell that is a foreign client: a camera to everybody else.

use std::time::Instant;

use porthole_protocol::wire::{
    Code, OutgoingMessage, PeerMessage, PeerMessageInner, PeerRole, ToPeerExtra,
};
use serde_json::{Value, json};

use super::{
    Complaint, Family, LabOffers, SETUP, Step, answer, camera_named, candidate, candidate_of,
    described, end, error, farewell, invitation, offer, offered, payload, refused, spoken, status,
};

pub(crate) struct Camera {
    id: String,
    lab_offers: LabOffers,
    /// `None` until it has said that it is there, and after it has left.
    family: Option<Family>,
    /// The lab's room as the camera writes it.
    room: String,
    sessions: Vec<Session>,
}

struct Session {
    id: String,
    /// By when there has to be a description; `None` once there was one.
    due: Option<Instant>,
}

impl Camera {
    pub(super) fn new(id: &str, lab_offers: LabOffers) -> Self {
        Self {
            id: id.to_owned(),
            lab_offers,
            family: None,
            room: String::new(),
            sessions: Vec::new(),
        }
    }

    pub(super) fn heard(&mut self, event: &str, data: &Value) -> Result<Vec<Step>, Complaint> {
        match event {
            "register" => self.register(data),
            "create" | "join" => self.join(event, data),
            "offer" | "invite" => {
                let sdp = described(event, data, "offer")?;
                let session = self.session(data)?;
                session.due = None;
                Ok(vec![offer(&session.id, sdp)])
            }
            "answer" | "ok" => {
                let sdp = described(event, data, "answer")?;
                Ok(vec![answer(&self.session(data)?.id, sdp)])
            }
            "ice-candidate" | "ice_candidate" => {
                let Some(ice) = candidate_of(event, data)? else {
                    return Ok(Vec::new());
                };
                Ok(vec![candidate(&self.session(data)?.id, ice)])
            }
            "bye" => self.bye(data),
            _ => Err(Complaint::unknown(event)),
        }
    }

    fn register(&mut self, data: &Value) -> Result<Vec<Step>, Complaint> {
        let named = ["userId", "id"]
            .iter()
            .find_map(|key| data.get(key)?.as_str());
        self.check_name(named.unwrap_or(&self.id))?;
        self.family = Some(Family::Robots);
        let registered = json!({"socketId": self.id, "userId": self.id});
        Ok(vec![self.listed(), Step::Client("registered", registered)])
    }

    fn join(&mut self, event: &str, data: &Value) -> Result<Vec<Step>, Complaint> {
        let room = payload::room(data);
        let room = room.ok_or_else(|| Complaint::bad(format!("{event}: say which room")))?;
        self.check_name(room)?;
        room.clone_into(&mut self.room);
        self.family = Some(Family::Lab);
        Ok(vec![self.listed(), Step::Client("created", json!(room))])
    }

    /// Whoever has a camera's secret is that camera, whatever it calls itself.
    fn check_name(&self, named: &str) -> Result<(), Complaint> {
        match camera_named(named) == self.id {
            true => Ok(()),
            false => Err(Complaint {
                code: Code::NotPermitted,
                message: format!(
                    "this secret is that of the camera \"{}\": use that name, or another secret",
                    self.id
                ),
            }),
        }
    }

    /// That it can be watched, and who offers.
    fn listed(&self) -> Step {
        let meta = match (self.family, self.lab_offers) {
            (Some(Family::Lab), LabOffers::Camera) => Value::Null,
            _ => json!({"offers": "viewer"}),
        };
        status(&[PeerRole::Producer], meta)
    }

    /// A lab's camera leaves its room with `bye`, and joins it again for the next one.
    fn bye(&mut self, data: &Value) -> Result<Vec<Step>, Complaint> {
        if self.family == Some(Family::Lab) {
            self.family = None;
            self.sessions.clear();
            return Ok(vec![status(&[], Value::Null)]);
        }
        let id = self.session(data)?.id.clone();
        self.forget(&id);
        Ok(vec![Step::Room(end(&id, Code::CameraGone))])
    }

    /// The session that an event is for; the only one where none is named.
    fn session(&mut self, data: &Value) -> Result<&mut Session, Complaint> {
        let named = payload::to(data).filter(|_| self.family == Some(Family::Robots));
        let only = self.sessions.len() == 1;
        let mut all = self.sessions.iter_mut();
        let found = match named {
            Some(id) => all.find(|session| session.id == id),
            None => all.next().filter(|_| only),
        };
        found.ok_or_else(Complaint::no_session)
    }

    fn forget(&mut self, id: &str) -> bool {
        let before = self.sessions.len();
        self.sessions.retain(|session| session.id != id);
        self.sessions.len() < before
    }

    pub(super) fn told(
        &mut self,
        message: OutgoingMessage,
        extra: ToPeerExtra,
        now: Instant,
    ) -> Vec<Step> {
        match message {
            OutgoingMessage::StartSession {
                session_id, offer, ..
            } => self.start(session_id, offer.as_deref(), &extra, now),
            OutgoingMessage::Peer(PeerMessage {
                session_id,
                peer_message,
            }) => {
                // The end of candidates, which not every program knows how to read.
                let is_end = matches!(&peer_message, PeerMessageInner::Ice { candidate, .. } if candidate.is_empty());
                let session = self
                    .sessions
                    .iter_mut()
                    .find(|s| s.id == session_id && !is_end);
                let (Some(family), Some(session)) = (self.family, session) else {
                    return Vec::new();
                };
                session.due = None;
                vec![spoken(family, &session_id, peer_message)]
            }
            OutgoingMessage::EndSession(ended) => {
                let id = &ended.session_id;
                match (self.forget(id), self.family) {
                    (true, Some(family)) => vec![farewell(family, id, &self.room, &extra)],
                    _ => Vec::new(),
                }
            }
            OutgoingMessage::Error { details } => {
                vec![Step::Client("error", refused(&details, &extra))]
            }
            _ => Vec::new(),
        }
    }

    fn start(
        &mut self,
        id: String,
        sdp: Option<&str>,
        extra: &ToPeerExtra,
        now: Instant,
    ) -> Vec<Step> {
        let Some(family) = self.family else {
            return vec![Step::Room(end(&id, Code::CameraGone))];
        };
        // A lab's room has two places.
        if family == Family::Lab && !self.sessions.is_empty() {
            return vec![Step::Room(end(&id, Code::CameraFull))];
        }
        let mut steps = Vec::new();
        if family == Family::Lab {
            steps.push(Step::Client("new_peer", json!(self.room)));
        }
        match (sdp, family) {
            (Some(sdp), Family::Lab) => steps.push(invitation(sdp)),
            (Some(sdp), Family::Robots) => {
                steps.push(Step::Client("offer", offered(&id, sdp, extra)));
            }
            (None, _) => (),
        }
        let due = sdp.is_none().then(|| now + SETUP);
        self.sessions.push(Session { id, due });
        steps
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.sessions.iter().filter_map(|session| session.due).min()
    }

    /// Ends what nobody has described in time: a client that waits for an offer, at a camera that waits for one.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Step> {
        let late = |session: &Session| session.due.is_some_and(|due| due <= now);
        let late: Vec<_> = self
            .sessions
            .extract_if(.., |session| late(session))
            .collect();
        let mut steps = Vec::new();
        for session in late {
            steps.push(Step::Room(end(&session.id, Code::MediaFailed)));
            steps.push(error(Code::MediaFailed, "nobody made an offer in time"));
            if let Some(family) = self.family {
                let extra = ToPeerExtra {
                    reason: Some(Code::MediaFailed),
                    ..ToPeerExtra::default()
                };
                steps.push(farewell(family, &session.id, &self.room, &extra));
            }
        }
        steps
    }
}
