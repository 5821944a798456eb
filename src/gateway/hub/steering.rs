// SPDX-License-Identifier: MPL-2.0
//! The driver's steering: one numbered state, repeated on the channel that may lose and reorder. The newest counts, and is
//! confirmed when the program has taken it; until then it is repeated by the client.

use std::time::Instant;

use super::{Command, Hub, Output, Payload, Rights, Ticket, TicketKind};
use crate::gateway::{
    envelope::{self, Kind, Mark, Message},
    wheel::ViewerId,
    words::{self, Refusal},
};

/// A state goes in one datagram with room for its headers: two axes and some dozens of buttons.
const MAX_STATE: usize = 1024;
/// A client's numbers are 1 to 65535, around and around.
const NUMBERS: u16 = u16::MAX;

/// The newest state that a program is given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steering {
    /// Whose it is, since the next driver may use the same number.
    viewer: ViewerId,
    number: u16,
    is_taken: bool,
}

/// Whether `number` comes after `than`, of which 0 is none: less than half way around, as in RFC 1982.
fn is_newer(number: u16, than: u16) -> bool {
    if than == 0 {
        return true;
    }
    let ahead = (u32::from(number) + u32::from(NUMBERS) - u32::from(than)) % u32::from(NUMBERS);
    (1..=u32::from(NUMBERS) / 2).contains(&ahead)
}

/// The later of two numbers, of which 0 is none.
pub(super) fn newest(one: u16, other: u16) -> u16 {
    if other > 0 && is_newer(other, one) {
        return other;
    }
    one
}

impl Hub {
    /// A state of a viewer, new, repeated or overtaken.
    pub(super) fn steer(&mut self, id: ViewerId, message: &Message<'_>, now: Instant) {
        let mark = message.mark;
        let Some(viewer) = self.viewers.get_mut(&id) else {
            return;
        };
        let is_repeated = viewer.is_steering && mark.number == viewer.steered;
        if is_repeated || is_newer(mark.number, viewer.steered) {
            let rights = viewer.rights;
            if let Err(refusal) = self.take_state(id, rights, message, now) {
                self.refuse_state(id, mark, refusal);
            }
        }
    }

    fn take_state(
        &mut self,
        viewer: ViewerId,
        rights: Rights,
        message: &Message<'_>,
        now: Instant,
    ) -> Result<(), Refusal> {
        let Mark { service, number } = message.mark;
        let place = self.drivable(viewer, rights, service)?;
        let (service, program) = self.program_at(place)?;
        if !service.description.drive {
            return Err(Refusal::NotSteered);
        }
        if message.payload.len() > MAX_STATE {
            return Err(Refusal::TooLarge);
        }
        let text = std::str::from_utf8(message.payload).ok();
        let text = text.filter(|text| number > 0 && words::is_steering(text.as_bytes()));
        let text = text.ok_or(Refusal::BadMessage)?.to_owned();
        if let Some(known) = service.steering.filter(|known| known.number == number) {
            if known.is_taken {
                self.confirm_state(viewer, message.mark);
            }
            return Ok(());
        }
        service.steering = Some(Steering {
            viewer,
            number,
            is_taken: false,
        });
        if let Some(viewer) = self.viewers.get_mut(&viewer) {
            (viewer.steered, viewer.is_steering) = (number, true);
        }
        let command = Command {
            payload: Payload::Text(text),
            ticket: Ticket {
                viewer,
                mark: message.mark,
                kind: TicketKind::State,
            },
            due: now + self.timeout(),
            steers: true,
        };
        self.outputs.push(Output::Command(program, command));
        Ok(())
    }

    /// The program has taken a state.
    pub(super) fn state_taken(&mut self, ticket: Ticket) {
        let Ticket { viewer, mark, .. } = ticket;
        if let Some(steering) = self.steering_of(ticket) {
            steering.is_taken = true;
        }
        self.confirm_state(viewer, mark);
    }

    /// The program did not get a state: when it is repeated it is given once more.
    pub(super) fn state_missed(&mut self, ticket: Ticket, why: Refusal) {
        let Ticket { viewer, mark, .. } = ticket;
        if self.steering_of(ticket).is_some()
            && let Some(service) = self.service_mut(mark.service)
        {
            service.steering = None;
        }
        // Of what a newer state replaced nothing is missing.
        if why != Refusal::Superseded {
            self.refuse_state(viewer, mark, why);
        }
    }

    /// The state of this number, if it is still the newest.
    fn steering_of(&mut self, ticket: Ticket) -> Option<&mut Steering> {
        let (viewer, number) = (ticket.viewer, ticket.mark.number);
        let steering = self.service_mut(ticket.mark.service)?.steering.as_mut()?;
        Some(steering).filter(|known| (known.viewer, known.number) == (viewer, number))
    }

    fn confirm_state(&mut self, viewer: ViewerId, mark: Mark) {
        // What is lost is repeated, and what repeats the state asks for it.
        self.answer_now(viewer, envelope::write(Kind::Steered, mark, &[]));
    }

    fn refuse_state(&mut self, viewer: ViewerId, mark: Mark, why: Refusal) {
        self.answer_now(viewer, envelope::write(Kind::Steered, mark, &why.json()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_around() {
        for (number, than, newer) in [
            (1, 0, true),
            (65_535, 0, true),
            (1, 1, false),
            (2, 1, true),
            (1, 2, false),
            (1, 65_535, true),
            (65_535, 1, false),
            (100, 65_500, true),
            (32_768, 1, true),
            (32_769, 1, false),
        ] {
            assert_eq!(is_newer(number, than), newer, "{number} after {than}");
        }
    }
}
