// SPDX-License-Identifier: MPL-2.0
//! The robot stops: for one reason or another nobody drives any more.

use std::time::{Duration, Instant};

use super::{Hub, Output, Reason, ViewerId, Why};
use crate::gateway::words::{self, ReleasedWord};

/// Who presses Stop again and again is heard so often; nobody drives meanwhile.
const STOP_PERIOD: Duration = Duration::from_millis(100);

impl Hub {
    /// A viewer presses Stop, and is told in any case that all stands.
    pub(super) fn stopped_by(&mut self, viewer: ViewerId, now: Instant) {
        let Some(own) = self.viewers.get_mut(&viewer) else {
            return;
        };
        own.told_wheel.clear();
        let why = Why {
            driver: None,
            reason: Reason::Stopped,
            by: Some(own.user.clone()),
            detail: None,
        };
        self.stop(why, Some(viewer), now);
    }

    /// Past the wheel and all who wait for it. Who wants to drive has to ask anew.
    pub(super) fn stop(&mut self, mut why: Why, only: Option<ViewerId>, now: Instant) {
        let before = self.stopped;
        if before.is_none_or(|at| at + STOP_PERIOD <= now) {
            self.stopped = Some(now);
            why.driver = self.wheel.stop(why.reason).map(|released| released.driver);
            // Programs hear it again, whether they should know already or not.
            self.halt(&why);
        }
        // The others have been told.
        match (before, only) {
            (None, _) => self.tell_wheel(None, Some(&why)),
            (Some(_), Some(_)) => self.tell_wheel(only, Some(&why)),
            (Some(_), None) => (),
        }
    }

    /// Takes back what waits, and tells all programs to stop.
    pub(super) fn halt(&mut self, why: &Why) {
        let driver = why.driver.and_then(|id| self.viewers.get(&id));
        let word = ReleasedWord {
            user: driver.map(|viewer| viewer.user.as_str()),
            reason: why.reason,
            by: why.by.as_deref(),
            detail: why.detail.as_deref(),
        };
        let event = words::event("released", &word);
        self.tell_alive = None;
        for service in &mut self.services {
            service.until = None;
            if let Some(program) = service.program {
                self.outputs.push(Output::Recall(program));
                self.outputs.push(Output::Event(program, event.clone()));
            }
        }
    }
}
