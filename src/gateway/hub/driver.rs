// SPDX-License-Identifier: MPL-2.0
//! Who drives, for those who show it and write it down.

use super::{Hub, Output};
use crate::{
    driving::{Driver, DriverChange},
    gateway::wheel::{Reason, ViewerId},
};

/// Who was said last to drive.
#[derive(Debug, Default)]
pub(super) struct LastDriver {
    driver: Option<(ViewerId, Driver)>,
    /// Why that one drives no more.
    released: Option<Reason>,
}

impl Hub {
    /// Whoever drives is released. Another, or the same, may drive in the same moment.
    pub(super) fn note_release(&mut self, reason: Reason) {
        self.last_driver.released = Some(reason);
    }

    /// Says it if another one drives, or the same one anew.
    pub(super) fn report_driver(&mut self) {
        let last = &mut self.last_driver;
        let released = last.released.take();
        let id = self.wheel.driver();
        if released.is_none() && id == last.driver.as_ref().map(|(id, _)| *id) {
            return;
        }
        let viewer = id.and_then(|id| self.viewers.get(&id));
        let driver = viewer.map(|viewer| Driver {
            session: viewer.session.clone(),
            user: viewer.user.clone(),
        });
        let before = last.driver.take();
        let before = before.map(|(_, driver)| (driver, released.unwrap_or(Reason::Other)));
        last.driver = id.zip(driver.clone());
        let change = DriverChange { driver, before };
        self.outputs.push(Output::Driver(change));
    }
}
