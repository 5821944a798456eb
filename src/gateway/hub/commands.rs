// SPDX-License-Identifier: MPL-2.0
//! What viewers say: the wheel, and the driver's commands on their way to a program.

use std::time::Instant;

use super::{
    Command, Hub, Output, Payload, ProgramId, Rights, Service, Ticket, TicketKind, steering::newest,
};
use crate::gateway::{
    envelope::{self, BadMessage, Kind, Mark},
    outbox::{Class, QueuedMessage},
    wheel::{Reason, ViewerId},
    words::{self, Refusal},
};

#[derive(serde::Deserialize)]
struct HandOver {
    to: ViewerId,
}

impl Hub {
    pub(super) fn viewer_message(&mut self, id: ViewerId, message: &[u8], now: Instant) {
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
                let ticket = Ticket {
                    viewer: id,
                    mark,
                    kind: TicketKind::Command,
                };
                if let Err(refusal) = self.command(rights, &message, ticket, now) {
                    self.refuse(id, mark, refusal);
                }
            }
            Kind::Steer => self.steer(id, &message, now),
            Kind::Bundles if !viewer.bundles => {
                // What came before went to others only, or to this one already.
                self.flush_bundles();
                self.viewers.entry(id).and_modify(|v| v.bundles = true);
            }
            // Its number is that of a state.
            Kind::Ask if !rights.control => self.refuse(id, Mark::NONE, Refusal::NotPermitted),
            Kind::Stop if !rights.control => self.refuse(id, mark, Refusal::NotPermitted),
            Kind::Stop => self.stopped_by(id, now),
            // Giving up and stopping are never too much.
            Kind::Ask | Kind::HandOver if !viewer.asking.take(now) => {
                self.refuse(id, Mark::NONE, Refusal::TooMany);
            }
            Kind::HoldDoor | Kind::OpenDoor if !viewer.asking.take(now) => {
                self.refuse(id, mark, Refusal::TooMany);
            }
            Kind::HoldDoor => self.hold_door(id, mark, now),
            Kind::OpenDoor => self.open_door(id, &message, now),
            Kind::Ask => {
                let before = self.wheel.driver();
                self.stopped = None;
                // States of an earlier drive may still be under way, and count no more.
                if before != Some(id) {
                    viewer.steered = newest(viewer.steered, mark.number);
                    viewer.is_steering = false;
                }
                // Who asks is answered, also where nothing changes.
                viewer.last_wheel.clear();
                match self.wheel.ask(id, rights.booked, now) {
                    Some(released) => self.released(released, now),
                    None => {
                        self.notify_new_driver(before, now);
                        self.notify_wheel(None, None);
                    }
                }
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
        let place = self.drivable(ticket.viewer, rights, ticket.mark.service)?;
        let (service, program) = self.program_at(place)?;
        let payload = match std::str::from_utf8(message.payload) {
            Ok(text) if message.kind == Kind::Text => {
                if text.starts_with(words::RESERVED) {
                    return Err(Refusal::Reserved);
                }
                Payload::Text(text.to_owned())
            }
            _ => Payload::Binary(message.payload.to_owned()),
        };
        let steers = service.description.drive && words::is_steering(message.payload);
        let command = Command {
            steers,
            payload,
            ticket,
            due: now + self.timeout(),
        };
        self.outputs.push(Output::Command(program, command));
        Ok(())
    }

    /// The place of a service that the viewer may say something to now.
    pub(super) fn drivable(
        &self,
        viewer: ViewerId,
        rights: Rights,
        service: u8,
    ) -> Result<usize, Refusal> {
        if !rights.control {
            return Err(Refusal::NotPermitted);
        }
        if self.wheel.driver() != Some(viewer) {
            return Err(Refusal::NotDriving);
        }
        let place = usize::from(service).checked_sub(1);
        let place = place.filter(|place| *place < self.services.len());
        place.ok_or(Refusal::NoSuchService)
    }

    /// The service at a place, and the program that serves it.
    pub(super) fn program_at(
        &mut self,
        place: usize,
    ) -> Result<(&mut Service, ProgramId), Refusal> {
        let service = self.services.get_mut(place).ok_or(Refusal::NoSuchService)?;
        let program = service.program.ok_or(Refusal::ServiceGone)?;
        Ok((service, program))
    }

    /// The service of a number, as it is in messages.
    pub(super) fn service_mut(&mut self, number: u8) -> Option<&mut Service> {
        self.services.get_mut(usize::from(number).checked_sub(1)?)
    }

    pub(super) fn delivered(&mut self, ticket: Ticket) {
        if ticket.mark.number > 0 {
            let bytes = envelope::write(Kind::Accepted, ticket.mark, &[]);
            self.answer(ticket.viewer, bytes);
        }
    }

    pub(super) fn refuse(&mut self, viewer: ViewerId, mark: Mark, why: Refusal) {
        let bytes = envelope::write(Kind::Refused, mark, &why.json());
        self.answer(viewer, bytes);
    }

    /// Answers go the way that loses nothing, whichever way the command came.
    pub(super) fn answer(&mut self, viewer: ViewerId, bytes: Vec<u8>) {
        self.push_answer(viewer, bytes, false);
    }

    /// What is asked for again if it is lost.
    pub(super) fn answer_now(&mut self, viewer: ViewerId, bytes: Vec<u8>) {
        self.push_answer(viewer, bytes, true);
    }

    fn push_answer(&mut self, viewer: ViewerId, bytes: Vec<u8>, now: bool) {
        if self.viewers.contains_key(&viewer) {
            let message = QueuedMessage::new(Class::Answer, now, bytes);
            self.outputs.push(Output::Viewer(viewer, message));
        }
    }
}
