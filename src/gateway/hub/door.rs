// SPDX-License-Identifier: MPL-2.0
//! The door: whoever may has the program that serves `door` open it.
//!
//! Nothing opens it later than somebody wanted. Between the page and the camera the network may hold up a word for as long as it
//! likes, so whoever holds the button gets a nonce, which is good once and for a moment by this side's clock. Between the camera
//! and the program either may be frozen, so the word that opens says until when it counts, as the one does that lets drive.

use std::time::{Duration, Instant};

use porthole_protocol::wire::CallState;
use serde::Deserialize;

use super::{Command, Hub, Output, Payload, ProgramId, Ticket, TicketKind};
use crate::{
    bucket::{Bucket, Rate},
    calling::Call,
    gateway::{
        envelope::{self, Kind, Mark, Message},
        wheel::ViewerId,
        words::{self, DoorAnswer, LeaseWord, NonceWord, OpenWord, Refusal},
    },
    opening::{CallKey, DoorAsked, DoorResult, DoorRight},
};

/// Which service opens the door.
const SERVICE: &str = "door";
/// From the press of the button to the word that opens: it is held for a second, and two are left for a slow network. Whoever has
/// waited longer has let go.
pub(super) const NONCE_TIME: Duration = Duration::from_secs(3);
/// How long a program may take until it opens; after that the visitor is not expected to be at the door, hand on the knob.
pub(super) const OPEN_TIME: Duration = Duration::from_millis(1500);
/// How long it may take to say what it did, also on a busy machine. Then whoever asked is told that it has not.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(3);
/// How often the door is opened: somebody lets in a family, and nobody wears out a lock.
pub(super) const OPENINGS: Rate = Rate {
    burst: 4,
    period: Duration::from_secs(5),
};

#[derive(Debug)]
pub(super) struct Door {
    /// The number of the last nonce; an opening has that of its nonce.
    last: u32,
    /// The one that its program is asked for.
    running: Option<Opening>,
    /// The one before, of which nothing was heard in time.
    late: Option<Opening>,
    pace: Bucket,
}

#[derive(Debug)]
struct Opening {
    id: u32,
    program: ProgramId,
    viewer: ViewerId,
    mark: Mark,
    asked: DoorAsked,
    answer_by: Instant,
}

/// What is good once, for a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nonce {
    number: u32,
    until: Instant,
}

impl Default for Door {
    fn default() -> Self {
        Self {
            last: 0,
            running: None,
            late: None,
            pace: Bucket::new(OPENINGS),
        }
    }
}

impl Door {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.running.as_ref().map(|opening| opening.answer_by)
    }

    fn is_of(&self, ticket: Ticket) -> bool {
        let running = self.running.as_ref();
        running
            .is_some_and(|opening| (opening.viewer, opening.mark) == (ticket.viewer, ticket.mark))
    }
}

impl Hub {
    /// Somebody holds the button: it gets a nonce, or hears why the door would stay shut.
    pub(super) fn hold_door(&mut self, id: ViewerId, mark: Mark, now: Instant) {
        let may = match () {
            () if mark.number == 0 => Err(Refusal::BadMessage),
            () if !self.may_open(id) => Err(Refusal::NotPermitted),
            () if self.door_program().is_none() => Err(Refusal::NoDoor),
            () => Ok(()),
        };
        if let Err(refusal) = may {
            return self.refuse(id, mark, refusal);
        }
        self.door.last = self.door.last.wrapping_add(1).max(1);
        let nonce = Nonce {
            number: self.door.last,
            until: now + NONCE_TIME,
        };
        if let Some(viewer) = self.viewers.get_mut(&id) {
            viewer.nonce = Some(nonce);
        }
        let word = words::json(&NonceWord {
            nonce: nonce.number,
            time: words::milliseconds(NONCE_TIME),
        });
        self.answer(id, envelope::write(Kind::DoorNonce, mark, &word));
    }

    /// The button was held to its end.
    pub(super) fn open_door(&mut self, id: ViewerId, message: &Message<'_>, now: Instant) {
        #[derive(Deserialize)]
        struct Open {
            nonce: u32,
        }
        let mark = message.mark;
        let again = Ticket {
            viewer: id,
            mark,
            kind: TicketKind::Door,
        };
        if self.door.is_of(again) {
            // The same word twice is one.
            return;
        }
        let open = serde_json::from_slice::<Open>(message.payload);
        let Some(open) = open.ok().filter(|_| mark.number > 0) else {
            return self.refuse(id, mark, Refusal::BadMessage);
        };
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        let is_fresh = |nonce: Nonce| nonce.number == open.nonce && now < nonce.until;
        if !viewer.nonce.take().is_some_and(is_fresh) {
            return self.refuse(id, mark, Refusal::TooLate);
        }
        let asked = DoorAsked {
            session: viewer.session.clone(),
            user: viewer.user.clone(),
            result: DoorResult::Opened,
            call: self.call.as_ref().map(|call| call.id.clone()),
            detail: None,
        };
        let failed = match self.door_program() {
            _ if !self.may_open(id) => (Refusal::NotPermitted, Some(DoorResult::NotPermitted)),
            None => (Refusal::NoDoor, Some(DoorResult::NoProgram)),
            Some(_) if self.door.running.is_some() => (Refusal::DoorBusy, None),
            Some(_) if !self.door.pace.take(now) => (Refusal::TooMany, None),
            Some(program) => {
                let opening = Opening {
                    id: open.nonce,
                    program,
                    viewer: id,
                    mark,
                    asked,
                    answer_by: now + ANSWER_TIME,
                };
                return self.ask_for_door(opening, now);
            }
        };
        let (refusal, result) = failed;
        let told = result.map(|result| Output::Door(DoorAsked { result, ..asked }));
        self.outputs.extend(told);
        self.refuse(id, mark, refusal);
    }

    fn ask_for_door(&mut self, opening: Opening, now: Instant) {
        let until = now + OPEN_TIME;
        let word = OpenWord {
            id: opening.id,
            lease: LeaseWord {
                user: Some(&opening.asked.user),
                time: words::milliseconds(OPEN_TIME),
                until: self.seconds(until),
            },
        };
        let command = Command {
            payload: Payload::Text(words::event("open", &word)),
            ticket: Ticket {
                viewer: opening.viewer,
                mark: opening.mark,
                kind: TicketKind::Door,
            },
            due: until,
            steers: false,
        };
        self.outputs.push(Output::Open(opening.program, command));
        self.door.running = Some(opening);
    }

    /// The program says what it did.
    pub(super) fn door_answered(&mut self, program: ProgramId, id: u32, answer: DoorAnswer) {
        let is_it = |opening: &mut Opening| (opening.id, opening.program) == (id, program);
        let (result, detail) = match answer {
            DoorAnswer::Opened => (DoorResult::Opened, None),
            DoorAnswer::Refused(reason) => (DoorResult::Refused, reason),
        };
        if let Some(opening) = self.door.running.take_if(is_it) {
            self.door_done(opening, result, detail, None);
        } else if let Some(late) = self.door.late.take_if(is_it) {
            // Whoever asked has heard that nothing was heard; what is written down is what happened.
            self.outputs.push(Output::Door(DoorAsked {
                result,
                detail,
                ..late.asked
            }));
        }
    }

    /// It did not reach its program.
    pub(super) fn door_missed(&mut self, ticket: Ticket, why: Refusal) {
        if self.door.is_of(ticket)
            && let Some(opening) = self.door.running.take()
        {
            let why = match why {
                Refusal::Stale => Refusal::DoorUnanswered,
                why => why,
            };
            self.door_done(opening, DoorResult::NotDelivered, None, Some(why));
        }
    }

    /// The program is gone, or has said nothing.
    pub(super) fn door_lapses(&mut self, is_over: impl Fn(ProgramId, Instant) -> bool) {
        let is_over = |opening: &mut Opening| is_over(opening.program, opening.answer_by);
        let Some(opening) = self.door.running.take_if(is_over) else {
            return;
        };
        let kept = Opening {
            asked: opening.asked.clone(),
            ..opening
        };
        self.door.late = Some(kept);
        self.door_done(opening, DoorResult::Unanswered, None, None);
    }

    /// Somebody may do less than before: what has not reached the program is taken back.
    pub(super) fn recall_door(&mut self) {
        if let Some(opening) = &self.door.running
            && !self.may_open(opening.viewer)
        {
            self.outputs.push(Output::RecallDoor(opening.program));
        }
    }

    fn door_done(
        &mut self,
        opening: Opening,
        result: DoorResult,
        detail: Option<String>,
        why: Option<Refusal>,
    ) {
        let Opening {
            viewer,
            mark,
            asked,
            ..
        } = opening;
        let why = why.unwrap_or(match result {
            DoorResult::Refused => Refusal::DoorRefused,
            _ => Refusal::DoorUnanswered,
        });
        let bytes = match result {
            DoorResult::Opened => envelope::write(Kind::Accepted, mark, &[]),
            _ => envelope::write(Kind::Refused, mark, &why.json_with(detail.as_deref())),
        };
        self.answer(viewer, bytes);
        self.outputs.push(Output::Door(DoorAsked {
            result,
            detail,
            ..asked
        }));
    }

    fn may_open(&self, id: ViewerId) -> bool {
        let right = self.viewers.get(&id).map(|viewer| viewer.rights.door);
        let is_answered =
            |call: &&Call| matches!(call.state, CallState::Answered | CallState::Talking);
        match right {
            None | Some(DoorRight::No) => false,
            Some(DoorRight::Always) => true,
            Some(DoorRight::InCall(key)) => {
                let call = self.call.as_ref().filter(is_answered);
                call.is_some_and(|call| CallKey::new(&call.id) == Some(key))
            }
        }
    }

    fn door_program(&self) -> Option<ProgramId> {
        let mut services = self.services.iter();
        services.find(|service| service.name == SERVICE)?.program
    }
}
