// SPDX-License-Identifier: MPL-2.0
//! The robot stops: for one reason or another nobody drives any more.

use std::time::{Duration, Instant};

use super::{Hub, Output};
use crate::gateway::{
    wheel::{Reason, Released, ViewerId},
    words::{self, ReleasedWord},
};

/// Who presses Stop again and again is heard so often; nobody drives meanwhile.
const STOP_PERIOD: Duration = Duration::from_millis(100);

/// Why nobody drives any more, or another does.
#[derive(Debug)]
pub(super) struct Cause {
    pub(super) driver: Option<ViewerId>,
    pub(super) reason: Reason,
    /// Who stopped the robot, or took the wheel by a booking; then everyone is told.
    pub(super) by: Option<String>,
    pub(super) detail: Option<String>,
}

impl Cause {
    pub(super) fn concerns(&self, viewer: ViewerId) -> bool {
        self.driver == Some(viewer) || self.by.is_some()
    }
}

impl Hub {
    /// After a change of who waits or drives: `released`, if somebody drives no more.
    pub(super) fn wheel_moved(&mut self, released: Option<Released>, now: Instant) {
        match released {
            Some(released) => self.released(released, now),
            None => self.notify_wheel(None, None),
        }
    }

    /// The one thing that programs rely on: first what waits is taken back, then all hear it, then who drives next.
    pub(super) fn released(&mut self, released: Released, now: Instant) {
        // Who took the wheel by a booking; the others have let go or were let go.
        let next = self
            .wheel
            .driver()
            .filter(|_| released.reason == Reason::Booked);
        let next = next.and_then(|id| self.viewers.get(&id));
        let cause = Cause {
            driver: Some(released.driver),
            reason: released.reason,
            by: next.map(|viewer| viewer.user.clone()),
            detail: None,
        };
        self.halt(&cause);
        self.notify_new_driver(None, now);
        self.notify_wheel(None, Some(&cause));
    }

    /// Tells programs who drives, if it is not who drove `before`.
    pub(super) fn notify_new_driver(&mut self, before: Option<ViewerId>, now: Instant) {
        if self.wheel.driver().is_none() || self.wheel.driver() == before {
            return;
        }
        self.notify_driver(None, now);
    }

    /// A viewer presses Stop, and is told in any case that all stands.
    pub(super) fn stopped_by(&mut self, viewer: ViewerId, now: Instant) {
        let Some(own) = self.viewers.get_mut(&viewer) else {
            return;
        };
        own.last_wheel.clear();
        let cause = Cause {
            driver: None,
            reason: Reason::Stopped,
            by: Some(own.user.clone()),
            detail: None,
        };
        self.stop(cause, Some(viewer), now);
    }

    /// Past the wheel and all who wait for it. Who wants to drive has to ask anew.
    pub(super) fn stop(&mut self, mut cause: Cause, only: Option<ViewerId>, now: Instant) {
        let before = self.stopped;
        if before.is_none_or(|at| at + STOP_PERIOD <= now) {
            self.stopped = Some(now);
            cause.driver = self
                .wheel
                .stop(cause.reason)
                .map(|released| released.driver);
            // Programs hear it again, whether they should know already or not.
            self.halt(&cause);
        }
        // The others have been told.
        match (before, only) {
            (None, _) => self.notify_wheel(None, Some(&cause)),
            (Some(_), Some(_)) => self.notify_wheel(only, Some(&cause)),
            (Some(_), None) => (),
        }
    }

    /// Takes back what waits, and tells all programs to stop.
    pub(super) fn halt(&mut self, cause: &Cause) {
        let driver = cause.driver.and_then(|id| self.viewers.get(&id));
        let word = ReleasedWord {
            user: driver.map(|viewer| viewer.user.as_str()),
            reason: cause.reason,
            by: cause.by.as_deref(),
            detail: cause.detail.as_deref(),
        };
        let event = words::event("released", &word);
        if cause.driver.is_some() {
            self.note_release(cause.reason);
        }
        (self.alive_due, self.hold) = (None, None);
        for service in &mut self.services {
            (service.until, service.steering) = (None, None);
            if let Some(program) = service.program {
                self.outputs.push(Output::Recall(program));
                self.outputs.push(Output::Event(program, event.clone()));
            }
        }
    }
}
