// SPDX-License-Identifier: MPL-2.0
//! The gateway as a pure state machine: what viewers and programs say and when goes in, what they are told comes out.
//!
//! `task` runs it, and `tell` says how things stand. Nothing here waits or reads a clock. Viewers and programs are numbers,
//! never used twice.

mod lease;
mod stop;
mod tell;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::value::RawValue;

use super::{
    bucket::{Bucket, Rate},
    envelope::{self, BadMessage, Kind, Mark},
    outbox::{Class, Parcel},
    wheel::{Reason, Released, ViewerId, Wheel},
    words::{self, Description, ProgramWord, Refusal},
};

/// Services a camera has known, those that are gone included: their numbers are one byte, and a list of more is no help.
pub(crate) const MAX_SERVICES: usize = 64;
/// From one `lost` that a program is told to the next.
const LOST_PERIOD: Duration = Duration::from_secs(1);
/// How often a viewer may ask for the wheel or hand it over, of which all others are told.
const ASKING: Rate = Rate {
    burst: 20,
    period: Duration::from_millis(250),
};

pub(crate) type ProgramId = u32;

/// What passes untouched between programs and viewers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Payload {
    Text(String),
    Binary(Vec<u8>),
}

/// What a viewer may do, as the session's grant says now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    pub(crate) view: bool,
    pub(crate) talk: bool,
    pub(crate) control: bool,
}

/// By which a command is answered when its program has got it, or will not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub(crate) viewer: ViewerId,
    pub(crate) mark: Mark,
}

/// What a driver sent to a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Command {
    pub(crate) payload: Payload,
    pub(crate) ticket: Ticket,
    /// From then on it is stale, and not delivered.
    pub(crate) due: Instant,
    /// Newer steering takes its place.
    pub(crate) steers: bool,
}

/// Who is heard at the robot, by session.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    pub(crate) speakers: Vec<String>,
    pub(crate) waiting: Vec<String>,
    /// dBFS.
    pub(crate) level: Option<f32>,
}

/// What happens.
#[derive(Debug)]
pub(crate) enum Input {
    /// A viewer's channel is open.
    Here {
        viewer: ViewerId,
        session: String,
        user: String,
        rights: Rights,
    },
    Rights(ViewerId, Rights),
    Gone(ViewerId, Reason),
    /// A message of a viewer, that came at `at`.
    Said {
        viewer: ViewerId,
        at: Instant,
        message: Vec<u8>,
    },
    /// A viewer says more than is taken.
    TooMuch(ViewerId, Mark),
    /// A program connected as this service, of which there is no other.
    Program(ProgramId, String),
    ProgramGone(ProgramId),
    ProgramSaid(ProgramId, Payload),
    Delivered(Ticket),
    Undelivered(Ticket, Refusal),
    /// So many messages of the service gave way at a viewer.
    Lost(u8, u32),
    Heard(Heard),
}

/// What is to be done.
#[derive(Debug)]
pub(crate) enum Output {
    Viewer(ViewerId, Parcel),
    /// Text for a program, before all commands that wait.
    Event(ProgramId, String),
    /// As an event; a newer one takes the place of one that waits.
    Alive(ProgramId, String),
    Command(ProgramId, Command),
    /// Whether this program acknowledges commands by a word of its own.
    Acknowledges(ProgramId, bool),
    /// Commands that wait for this program are not delivered.
    Recall(ProgramId),
}

/// What does not change while the camera runs.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) control_timeout: Duration,
    /// Whether programs can connect.
    pub(crate) gateway: bool,
    /// The word of the `talk` property, where there is such a pad.
    pub(crate) talk: Option<String>,
    /// One moment in time, and the same in seconds of CLOCK_MONOTONIC.
    pub(crate) epoch: (Instant, f64),
}

#[derive(Debug)]
struct Viewer {
    session: String,
    user: String,
    rights: Rights,
    asking: Bucket,
    /// What it was told last, so that it is told nothing twice.
    told_wheel: Vec<u8>,
    told_talk: Vec<u8>,
}

#[derive(Debug)]
struct Service {
    name: String,
    program: Option<ProgramId>,
    raw: Option<Box<RawValue>>,
    description: Description,
    /// Not yet told to the program.
    lost: u32,
    /// Till when the program was told that it may go on; then it has stopped by itself.
    until: Option<Instant>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Hub {
    config: Config,
    viewers: BTreeMap<ViewerId, Viewer>,
    /// The number of a service is its place here, and one.
    services: Vec<Service>,
    wheel: Wheel,
    heard: Heard,
    tell_lost: Option<Instant>,
    /// When programs are told next that the driver is there.
    tell_alive: Option<Instant>,
    /// When all was stopped, while nobody has asked for the wheel since.
    stopped: Option<Instant>,
    outputs: Vec<Output>,
}

impl Hub {
    pub(crate) fn new(config: Config) -> Self {
        Self {
            wheel: Wheel::new(config.control_timeout),
            config,
            viewers: BTreeMap::new(),
            services: Vec::new(),
            heard: Heard::default(),
            tell_lost: None,
            tell_alive: None,
            stopped: None,
            outputs: Vec::new(),
        }
    }

    /// When [`Self::tick`] will next have something to do.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        [self.wheel.deadline(), self.tell_lost, self.tell_alive]
            .into_iter()
            .flatten()
            .min()
    }

    /// Does what is due.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Output> {
        self.enforce(now);
        std::mem::take(&mut self.outputs)
    }

    /// Takes in what happened, after what was due by then.
    pub(crate) fn handle(&mut self, input: Input, now: Instant) -> Vec<Output> {
        // A sign of life that waited here while the driver's time ran out came in time.
        if let Input::Said { viewer, at, .. } = &input {
            self.wheel.heard(*viewer, *at);
        }
        self.enforce(now);
        match input {
            Input::Here {
                viewer,
                session,
                user,
                rights,
            } => self.here(
                viewer,
                Viewer {
                    session,
                    user,
                    rights,
                    asking: Bucket::new(ASKING),
                    told_wheel: Vec::new(),
                    told_talk: Vec::new(),
                },
            ),
            Input::Rights(viewer, rights) => self.rights(viewer, rights, now),
            Input::Gone(viewer, reason) => self.gone(viewer, reason, now),
            Input::Said {
                viewer, message, ..
            } => self.said(viewer, &message, now),
            Input::TooMuch(viewer, mark) => self.refuse(viewer, mark, Refusal::TooMany),
            Input::Program(program, name) => self.program(program, name, now),
            Input::ProgramGone(program) => self.program_gone(program),
            Input::ProgramSaid(program, payload) => self.program_said(program, payload, now),
            Input::Delivered(ticket) => self.delivered(ticket),
            Input::Undelivered(ticket, why) => {
                self.refuse(ticket.viewer, ticket.mark, why);
            }
            Input::Lost(service, count) => self.lost(service, count, now),
            Input::Heard(heard) => {
                self.heard = heard;
                self.tell_talk(None);
            }
        }
        std::mem::take(&mut self.outputs)
    }

    fn enforce(&mut self, now: Instant) {
        if let Some(released) = self.wheel.expire(now).or_else(|| self.lapse(now)) {
            self.released(released, now);
        }
        self.renew(now);
        if self.tell_lost.is_some_and(|at| at <= now) {
            self.tell_lost = None;
            for service in &mut self.services {
                let count = std::mem::take(&mut service.lost);
                if let Some(program) = service.program.filter(|_| count > 0) {
                    let event = words::event("lost", &serde_json::json!({ "count": count }));
                    self.outputs.push(Output::Event(program, event));
                }
            }
        }
    }

    fn here(&mut self, id: ViewerId, viewer: Viewer) {
        self.viewers.insert(id, viewer);
        self.tell_hello(id);
        let services = self.services_word();
        self.state(id, Kind::Services, &services);
        self.tell_wheel(Some(id), None);
        self.tell_talk(Some(id));
        self.tell_viewers();
    }

    fn rights(&mut self, id: ViewerId, rights: Rights, now: Instant) {
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        viewer.rights = rights;
        if !rights.control {
            let released = self.wheel.leave(id, Reason::NotPermitted, now);
            self.wheel_moved(released, now);
        } else {
            self.tell_wheel(Some(id), None);
        }
        self.tell_talk(Some(id));
    }

    fn gone(&mut self, id: ViewerId, reason: Reason, now: Instant) {
        if !self.viewers.contains_key(&id) {
            return;
        }
        // While its name is still known.
        let released = self.wheel.leave(id, reason, now);
        self.wheel_moved(released, now);
        self.viewers.remove(&id);
        self.tell_viewers();
    }

    fn said(&mut self, id: ViewerId, message: &[u8], now: Instant) {
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        let rights = viewer.rights;
        let message = match envelope::read(message) {
            Ok(message) => message,
            Err(BadMessage::TooLarge(mark)) => {
                return self.refuse(id, mark, Refusal::TooLarge);
            }
            Err(BadMessage::Unknown(mark) | BadMessage::NotText(mark)) => {
                return self.refuse(id, mark, Refusal::BadMessage);
            }
        };
        let mark = message.mark;
        match message.kind {
            Kind::Text | Kind::Binary => {
                let ticket = Ticket { viewer: id, mark };
                if let Err(refusal) = self.command(rights, &message, ticket, now) {
                    self.refuse(id, mark, refusal);
                }
            }
            Kind::Ask | Kind::Stop if !rights.control => {
                self.refuse(id, mark, Refusal::NotPermitted);
            }
            Kind::Stop => self.stopped_by(id, now),
            // Giving up and stopping are never too much.
            Kind::Ask | Kind::HandOver if !viewer.asking.take(now) => {
                self.refuse(id, mark, Refusal::TooMany);
            }
            Kind::Ask => {
                let before = self.wheel.driver();
                self.stopped = None;
                // Who asks is answered, also where nothing changes.
                viewer.told_wheel.clear();
                self.wheel.ask(id, now);
                self.seated(before, now);
                self.tell_wheel(None, None);
            }
            Kind::Release => {
                let released = self.wheel.leave(id, Reason::GivenUp, now);
                self.wheel_moved(released, now);
            }
            Kind::HandOver => {
                let to = serde_json::from_slice::<HandOver>(message.payload);
                let Ok(HandOver { to }) = to else {
                    return self.refuse(id, mark, Refusal::BadMessage);
                };
                match self.wheel.hand_over(id, to, now) {
                    Some(released) => self.wheel_moved(Some(released), now),
                    None => self.refuse(id, mark, Refusal::NotDriving),
                }
            }
            // It was heard before.
            _ => (),
        }
    }

    fn command(
        &mut self,
        rights: Rights,
        message: &envelope::Message<'_>,
        ticket: Ticket,
        now: Instant,
    ) -> Result<(), Refusal> {
        if !rights.control {
            return Err(Refusal::NotPermitted);
        }
        if self.wheel.driver() != Some(ticket.viewer) {
            return Err(Refusal::NotDriving);
        }
        let place = usize::from(ticket.mark.service).checked_sub(1);
        let service = place.and_then(|place| self.services.get(place));
        let service = service.ok_or(Refusal::NoSuchService)?;
        let program = service.program.ok_or(Refusal::ServiceGone)?;
        let payload = match std::str::from_utf8(message.payload) {
            Ok(text) if message.kind == Kind::Text => {
                if text.starts_with(words::RESERVED) {
                    return Err(Refusal::Reserved);
                }
                Payload::Text(text.to_owned())
            }
            _ => Payload::Binary(message.payload.to_owned()),
        };
        let command = Command {
            steers: service.description.drive && words::is_steering(message.payload),
            payload,
            ticket,
            due: now + self.timeout(),
        };
        self.outputs.push(Output::Command(program, command));
        Ok(())
    }

    fn delivered(&mut self, ticket: Ticket) {
        if ticket.mark.number > 0 {
            let bytes = envelope::write(Kind::Accepted, ticket.mark, &[]);
            self.answer(ticket.viewer, bytes);
        }
    }

    fn refuse(&mut self, viewer: ViewerId, mark: Mark, why: Refusal) {
        let bytes = envelope::write(Kind::Refused, mark, &why.json());
        self.answer(viewer, bytes);
    }

    /// Answers go the way that loses nothing, whichever way the command came.
    fn answer(&mut self, viewer: ViewerId, bytes: Vec<u8>) {
        if self.viewers.contains_key(&viewer) {
            let parcel = Parcel {
                class: Class::Answer,
                now: false,
                bytes: bytes.into(),
            };
            self.outputs.push(Output::Viewer(viewer, parcel));
        }
    }

    fn program(&mut self, program: ProgramId, name: String, now: Instant) {
        let known = self.services.iter().position(|s| s.name == name);
        let service = Service {
            name,
            program: Some(program),
            raw: None,
            description: Description::default(),
            lost: 0,
            until: None,
        };
        match known {
            Some(place) => self.services[place] = service,
            None if self.services.len() < MAX_SERVICES => self.services.push(service),
            // The door has counted them.
            None => return,
        }
        let names = self.names();
        let viewers = words::event("viewers", &names);
        self.outputs.push(Output::Event(program, viewers));
        self.tell_driver(Some(program), now);
        self.take_timeout();
        self.tell_services();
    }

    fn program_gone(&mut self, program: ProgramId) {
        let mut services = self.services.iter_mut();
        if let Some(service) = services.find(|service| service.program == Some(program)) {
            service.program = None;
            service.until = None;
            self.take_timeout();
            self.tell_services();
        }
    }

    fn program_said(&mut self, program: ProgramId, payload: Payload, now: Instant) {
        let place = self
            .services
            .iter()
            .position(|service| service.program == Some(program));
        let Some((place, number)) = place.and_then(|p| Some((p, u8::try_from(p + 1).ok()?))) else {
            return;
        };
        let service = &mut self.services[place];
        let (kind, bytes) = match &payload {
            Payload::Text(text) => {
                if let Some(word) = text.strip_prefix(words::RESERVED) {
                    match words::program_word(word) {
                        Ok(ProgramWord::Describe(raw, description)) => {
                            if service
                                .raw
                                .as_ref()
                                .is_some_and(|old| old.get() == raw.get())
                            {
                                return;
                            }
                            let acknowledges = description.acknowledge;
                            service.raw = Some(raw);
                            service.description = *description;
                            self.outputs
                                .push(Output::Acknowledges(program, acknowledges));
                            self.take_timeout();
                            self.tell_services();
                        }
                        Ok(ProgramWord::Release(reason)) => {
                            let why = Why {
                                driver: None,
                                reason: Reason::Program,
                                by: Some(service.name.clone()),
                                detail: reason,
                            };
                            self.stop(why, None, now);
                        }
                        Err(error) => {
                            let details = serde_json::json!({ "code": "bad-word", "message": error.to_string() });
                            let event = words::event("error", &details);
                            self.outputs.push(Output::Event(program, event));
                        }
                    }
                    return;
                }
                (Kind::Text, text.as_bytes())
            }
            Payload::Binary(bytes) => (Kind::Binary, bytes.as_slice()),
        };
        let mark = Mark {
            service: number,
            number: 0,
        };
        let parcel = Parcel {
            class: Class::Service {
                service: number,
                latest: service.description.latest,
            },
            now: service.description.now,
            bytes: envelope::write(kind, mark, bytes).into(),
        };
        for (viewer, _) in self.viewers.iter().filter(|(_, v)| v.rights.view) {
            self.outputs.push(Output::Viewer(*viewer, parcel.clone()));
        }
    }

    fn lost(&mut self, service: u8, count: u32, now: Instant) {
        let place = usize::from(service).checked_sub(1);
        if let Some(service) = place.and_then(|place| self.services.get_mut(place)) {
            service.lost = service.lost.saturating_add(count);
            self.tell_lost.get_or_insert(now + LOST_PERIOD);
        }
    }

    /// After a change of who waits or drives: `released`, if somebody drives no more.
    fn wheel_moved(&mut self, released: Option<Released>, now: Instant) {
        match released {
            Some(released) => self.released(released, now),
            None => self.tell_wheel(None, None),
        }
    }

    /// The one thing that programs rely on: first what waits is taken back, then all hear it, then who drives next.
    fn released(&mut self, released: Released, now: Instant) {
        let why = Why {
            driver: Some(released.driver),
            reason: released.reason,
            by: None,
            detail: None,
        };
        self.halt(&why);
        self.seated(None, now);
        self.tell_wheel(None, Some(&why));
    }

    /// Tells programs who drives, if it is not who drove `before`.
    fn seated(&mut self, before: Option<ViewerId>, now: Instant) {
        if self.wheel.driver().is_none() || self.wheel.driver() == before {
            return;
        }
        self.tell_driver(None, now);
    }
}

/// Why nobody drives any more, or another does.
#[derive(Debug)]
struct Why {
    driver: Option<ViewerId>,
    reason: Reason,
    /// Who stopped the robot; then everyone is told.
    by: Option<String>,
    detail: Option<String>,
}

impl Why {
    fn concerns(&self, viewer: ViewerId) -> bool {
        self.driver == Some(viewer) || self.by.is_some()
    }
}

#[derive(serde::Deserialize)]
struct HandOver {
    to: ViewerId,
}

#[cfg(test)]
mod tests;
