// SPDX-License-Identifier: MPL-2.0
//! A page or a program that is a foreign client: a viewer of any camera.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use porthole_protocol::wire::{
    Code, IncomingMessage, OutgoingMessage, Peer, PeerMessage, PeerMessageInner, SdpMessage,
    StartSessionMessage, ToPeerExtra, ToServer,
};
use serde_json::{Value, json};

use super::payload::{self, Candidate};
use super::{
    Complaint, Family, LabOffers, Step, answer, camera_named, candidate, candidate_of, described,
    end, farewell, offer, refused, spoken,
};

/// Sessions and questions that wait for the room at a time: more than it allows sessions.
pub(super) const MAX_WAITING: usize = 16;
/// Candidates that wait for their session's id: browsers find a dozen.
pub(super) const MAX_HELD: usize = 64;
/// A lab's viewer is sent an answer with all candidates in it: so long after the last one was heard of,
pub(super) const QUIET: Duration = Duration::from_millis(300);
/// and so long after the answer at the latest.
pub(super) const GATHER: Duration = Duration::from_secs(2);

pub(crate) struct Viewer {
    lab_offers: LabOffers,
    family: Family,
    /// The lab's room, once it was asked for, and as the viewer writes it.
    room: Option<String>,
    sessions: Vec<Session>,
    starting: VecDeque<Starting>,
    looking: VecDeque<Looking>,
    held: Option<Held>,
}

struct Session {
    id: String,
    camera: String,
    /// What a lab's viewer will find in its answer, which has not come yet.
    early: Vec<Candidate>,
    /// Whether there are no more.
    has_all: bool,
    is_answered: bool,
}

/// A session that was asked for.
struct Starting {
    camera: String,
    why: Why,
    candidates: Vec<Candidate>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    /// To watch.
    Watch,
    /// To hear why a room cannot be joined.
    Refusal,
}

/// What waits for the list of cameras.
enum Looking {
    Room(String),
    /// An offer that names no camera.
    Offer(String),
}

/// An answer that waits for its candidates.
struct Held {
    session: String,
    sdp: String,
    candidates: Vec<Candidate>,
    due: Instant,
    latest: Instant,
}

/// Of what the room refuses, what is no answer to the start of a session.
const NEVER_OF_A_START: [Code; 6] = [
    Code::Unauthorized,
    Code::Revoked,
    Code::Replaced,
    Code::BadMessage,
    Code::BadDescription,
    Code::NoSuchSession,
];

impl Viewer {
    pub(super) fn new(lab_offers: LabOffers) -> Self {
        Self {
            lab_offers,
            family: Family::Robots,
            room: None,
            sessions: Vec::new(),
            starting: VecDeque::new(),
            looking: VecDeque::new(),
            held: None,
        }
    }

    pub(super) fn heard(
        &mut self,
        event: &str,
        data: &Value,
        _: Instant,
    ) -> Result<Vec<Step>, Complaint> {
        match event {
            "register" => {
                self.family = Family::Robots;
                Ok(vec![Step::Client("registered", json!({}))])
            }
            "create" | "join" => self.join(event, data),
            "offer" => self.offer(described(event, data, "offer")?, payload::to(data)),
            "invite" => {
                let room = self.room.clone();
                let room = room.ok_or_else(|| Complaint::bad("invite: join a room first"))?;
                self.offer(described(event, data, "offer")?, Some(&room))
            }
            "answer" | "ok" => {
                let sdp = described(event, data, "answer")?;
                Ok(vec![answer(&self.session(data)?.id, sdp)])
            }
            "ice-candidate" | "ice_candidate" => match candidate_of(event, data)? {
                Some(ice) => self.candidate(ice, data),
                None => Ok(Vec::new()),
            },
            "bye" => self.bye(data),
            _ => Err(Complaint::unknown(event)),
        }
    }

    fn join(&mut self, event: &str, data: &Value) -> Result<Vec<Step>, Complaint> {
        let room = payload::room(data);
        let room = room.ok_or_else(|| Complaint::bad(format!("{event}: say which room")))?;
        if self.room.is_some() {
            return Err(Complaint::bad(format!(
                "{event}: leave the room you are in first, with bye"
            )));
        }
        self.family = Family::Lab;
        self.room = Some(room.to_owned());
        self.look(Looking::Room(room.to_owned()))
    }

    fn look(&mut self, what: Looking) -> Result<Vec<Step>, Complaint> {
        check_waiting(self.looking.len())?;
        self.looking.push_back(what);
        Ok(vec![Step::Room(IncomingMessage::List.into())])
    }

    /// To a camera with which there is a session this is a further offer, and else the first.
    fn offer(&mut self, sdp: &str, to: Option<&str>) -> Result<Vec<Step>, Complaint> {
        let Some(to) = to else {
            return match &self.sessions[..] {
                [only] => Ok(vec![offer(&only.id, sdp)]),
                _ => self.look(Looking::Offer(sdp.to_owned())),
            };
        };
        let camera = camera_named(to);
        match self
            .sessions
            .iter()
            .find(|session| session.camera == camera)
        {
            Some(session) => Ok(vec![offer(&session.id, sdp)]),
            None => self.start(camera, Some(sdp.to_owned()), Why::Watch),
        }
    }

    fn start(
        &mut self,
        camera: String,
        offer: Option<String>,
        why: Why,
    ) -> Result<Vec<Step>, Complaint> {
        check_waiting(self.starting.len())?;
        self.starting.push_back(Starting {
            camera: camera.clone(),
            why,
            candidates: Vec::new(),
        });
        let start = StartSessionMessage {
            peer_id: camera,
            offer,
        };
        Ok(vec![Step::Room(
            IncomingMessage::StartSession(start).into(),
        )])
    }

    /// A candidate may be quicker than the answer to the offer before it.
    fn candidate(&mut self, ice: Candidate, data: &Value) -> Result<Vec<Step>, Complaint> {
        if let Ok(session) = self.session(data) {
            return Ok(vec![candidate(&session.id, ice)]);
        }
        let camera = payload::to(data).or(self.room.as_deref()).map(camera_named);
        let mut starting = self.starting.iter_mut().rev();
        let starting = match camera {
            Some(camera) => starting.find(|starting| starting.camera == camera),
            None => starting.next(),
        };
        let starting = starting.ok_or_else(Complaint::no_session)?;
        if starting.candidates.len() < MAX_HELD {
            starting.candidates.push(ice);
        }
        Ok(Vec::new())
    }

    /// The session that an event is for: that with the camera it names, or the only one.
    fn session(&self, data: &Value) -> Result<&Session, Complaint> {
        let to = payload::to(data).or(self.room.as_deref());
        let found = match (to.map(camera_named), &self.sessions[..]) {
            (Some(camera), all) => all.iter().find(|session| session.camera == camera),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        found.ok_or_else(Complaint::no_session)
    }

    /// Who leaves what it is not in, as the lab's clients do when they are told `bye`, has left it.
    fn bye(&mut self, data: &Value) -> Result<Vec<Step>, Complaint> {
        let id = self.session(data).map(|session| session.id.clone());
        let was_in = self.room.take().is_some() || self.family == Family::Lab;
        match id {
            Ok(id) => {
                self.forget(&id);
                Ok(vec![Step::Room(end(&id, Code::ViewerLeft))])
            }
            Err(_) if was_in => Ok(Vec::new()),
            Err(complaint) => Err(complaint),
        }
    }

    fn forget(&mut self, id: &str) -> Option<Session> {
        if self.held.as_ref().is_some_and(|held| held.session == id) {
            self.held = None;
        }
        let at = self.sessions.iter().position(|session| session.id == id)?;
        Some(self.sessions.remove(at))
    }

    pub(super) fn leave(&mut self) -> Vec<ToServer> {
        let sessions = std::mem::take(&mut self.sessions);
        sessions
            .iter()
            .map(|session| end(&session.id, Code::ViewerLeft))
            .collect()
    }

    pub(super) fn told(
        &mut self,
        message: OutgoingMessage,
        extra: ToPeerExtra,
        now: Instant,
    ) -> Vec<Step> {
        match message {
            OutgoingMessage::List { producers } => self.listed(&producers),
            OutgoingMessage::SessionStarted {
                peer_id,
                session_id,
            } => self.started(peer_id, session_id, &extra),
            OutgoingMessage::Peer(message) => self.spoken_to(message, now),
            OutgoingMessage::EndSession(ended) => match self.forget(&ended.session_id) {
                Some(session) => self.ended(&session, &extra),
                None => Vec::new(),
            },
            OutgoingMessage::Error { details } => self.refused(&details, &extra),
            _ => Vec::new(),
        }
    }

    fn listed(&mut self, producers: &[Peer]) -> Vec<Step> {
        let steps = match self.looking.pop_front() {
            Some(Looking::Room(room)) => self.found(room, producers),
            Some(Looking::Offer(sdp)) => match producers {
                [only] => self.start(only.id.clone(), Some(sdp), Why::Watch),
                _ => Err(Complaint::bad(format!(
                    "offer: say in `to` which camera: there are {} that you may see",
                    producers.len()
                ))),
            },
            None => Ok(Vec::new()),
        };
        steps.unwrap_or_else(|complaint| vec![complaint.step()])
    }

    fn found(&mut self, room: String, producers: &[Peer]) -> Result<Vec<Step>, Complaint> {
        let camera = camera_named(&room);
        let is_there = producers.iter().any(|producer| producer.id == camera);
        match (is_there, self.lab_offers) {
            (true, LabOffers::Viewer) => Ok(vec![Step::Client("joined", json!(room))]),
            (true, LabOffers::Camera) => self.start(camera, None, Why::Watch),
            // Who may not watch, or not now, is told why.
            (false, _) => self.start(camera, None, Why::Refusal),
        }
    }

    fn started(&mut self, camera: String, id: String, extra: &ToPeerExtra) -> Vec<Step> {
        let at = self
            .starting
            .iter()
            .position(|starting| starting.camera == camera);
        let starting = at.and_then(|at| self.starting.remove(at));
        let why = starting
            .as_ref()
            .map_or(Why::Watch, |starting| starting.why);
        let mut steps = Vec::new();
        if why == Why::Refusal {
            // The camera has come in this moment.
            steps.push(Step::Room(end(&id, Code::ViewerLeft)));
        }
        if let (Family::Lab, Some(room)) = (self.family, &self.room)
            && (why == Why::Refusal || self.lab_offers == LabOffers::Camera)
        {
            steps.push(Step::Client("joined", json!(room)));
        }
        if why == Why::Refusal {
            return steps;
        }
        if self.family == Family::Robots {
            let mut data = json!({"from": camera, "iceServers": extra.ice_servers});
            if let (Some(terms), Some(fields)) = (&extra.terms, data.as_object_mut()) {
                fields.insert("lease".to_owned(), json!(terms.lease));
                fields.insert("perms".to_owned(), json!(terms.perms));
            }
            steps.push(Step::Client("session-started", data));
        }
        let candidates = starting.map_or_else(Vec::new, |starting| starting.candidates);
        steps.extend(candidates.into_iter().map(|ice| candidate(&id, ice)));
        self.sessions.push(Session {
            id,
            camera,
            early: Vec::new(),
            has_all: false,
            is_answered: false,
        });
        steps
    }

    fn spoken_to(&mut self, message: PeerMessage, now: Instant) -> Vec<Step> {
        let id = message.session_id;
        let mut sessions = self.sessions.iter_mut();
        let Some(session) = sessions.find(|session| session.id == id) else {
            return Vec::new();
        };
        let gathers = self.family == Family::Lab && self.lab_offers == LabOffers::Viewer;
        match message.peer_message {
            PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) if gathers => {
                session.is_answered = true;
                // Complete already where the camera does not trickle.
                let has_all = session.has_all || sdp.contains("\na=end-of-candidates");
                self.held = Some(Held {
                    session: id,
                    sdp,
                    candidates: std::mem::take(&mut session.early),
                    due: if has_all { now } else { now + GATHER },
                    latest: now + GATHER,
                });
                self.tick(now)
            }
            // The end of them, which not every program knows how to read.
            PeerMessageInner::Ice { candidate, .. } if candidate.is_empty() => {
                session.has_all = true;
                if let Some(held) = self.held.as_mut().filter(|held| held.session == id) {
                    held.due = now;
                }
                self.tick(now)
            }
            PeerMessageInner::Ice {
                candidate: line,
                sdp_m_line_index: index,
            } if gathers && (self.held.is_some() || !session.is_answered) => {
                let (candidates, held) = match &mut self.held {
                    Some(held) => (&mut held.candidates, Some((&mut held.due, held.latest))),
                    None => (&mut session.early, None),
                };
                if candidates.len() < MAX_HELD {
                    candidates.push(Candidate { line, index });
                    if let Some((due, latest)) = held {
                        *due = latest.min(now + QUIET);
                    }
                }
                Vec::new()
            }
            message => vec![spoken(self.family, &session.camera, message)],
        }
    }

    fn ended(&mut self, session: &Session, extra: &ToPeerExtra) -> Vec<Step> {
        let room = match self.family {
            Family::Lab => self.room.take().unwrap_or_default(),
            Family::Robots => String::new(),
        };
        let full = self.family == Family::Lab && extra.reason == Some(Code::CameraFull);
        match full {
            true => vec![Step::Client("full", json!(room))],
            false => vec![farewell(self.family, &session.camera, &room, extra)],
        }
    }

    fn refused(&mut self, details: &str, extra: &ToPeerExtra) -> Vec<Step> {
        let code = extra.code.unwrap_or(Code::Other);
        let mut data = refused(details, extra);
        let mut steps = Vec::new();
        if !NEVER_OF_A_START.contains(&code)
            && let Some(starting) = self.starting.pop_front()
        {
            if let Some(fields) = data.as_object_mut() {
                fields.insert("to".to_owned(), json!(starting.camera));
            }
            if self.family == Family::Lab
                && let Some(room) = self.room.take()
                && matches!(code, Code::CameraFull | Code::TooMany)
            {
                steps.push(Step::Client("full", json!(room)));
            }
        }
        steps.push(Step::Client("error", data));
        steps
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.held.as_ref().map(|held| held.due)
    }

    pub(super) fn tick(&mut self, now: Instant) -> Vec<Step> {
        let Some(held) = self.held.take_if(|held| held.due <= now) else {
            return Vec::new();
        };
        let sdp = payload::with_candidates(&held.sdp, &held.candidates);
        let answer = PeerMessageInner::Sdp(SdpMessage::Answer { sdp });
        vec![spoken(Family::Lab, "", answer)]
    }
}

fn check_waiting(waiting: usize) -> Result<(), Complaint> {
    match waiting < MAX_WAITING {
        true => Ok(()),
        false => Err(Complaint {
            code: Code::TooMany,
            message: "too much is asked at once: wait for the answers".to_owned(),
        }),
    }
}
