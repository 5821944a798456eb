// SPDX-License-Identifier: MPL-2.0
//! Who drives and who opened the door, for the application, and for the server's audit log.

use std::time::Instant;

use porthole_protocol::wire::{ClientExtension, ClientMessage};

use super::Link;
use crate::{driving::DriverChange, opening::DoorAsked, signaller::message::Event};

impl<M: Default> Link<M> {
    pub(super) fn driver_changed(&mut self, change: DriverChange, now: Instant) {
        let lasted = self.drives.change(&change, now).unwrap_or_default();
        self.event(Event::Driver { change, lasted });
        self.tell_drives(now);
    }

    pub(super) fn tell_drives(&mut self, now: Instant) {
        if self.connected && self.gate().hears_of_drives() {
            for drive in self.drives.untold(now) {
                self.send(ClientMessage::Extension(ClientExtension::Drive(drive)));
            }
        }
    }

    pub(super) fn door_asked(&mut self, asked: DoorAsked, now: Instant) {
        self.doors.add(asked.clone(), now);
        self.event(Event::Door(asked));
        self.tell_doors(now);
    }

    pub(super) fn tell_doors(&mut self, now: Instant) {
        if self.connected && self.gate().hears_of_doors() {
            for request in self.doors.untold(now) {
                self.send(ClientMessage::Extension(ClientExtension::Door(request)));
            }
        }
    }
}
