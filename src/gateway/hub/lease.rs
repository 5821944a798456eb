// SPDX-License-Identifier: MPL-2.0
//! What programs live by while somebody drives: a lease that ends when the driver would have stalled, renewed as long as the
//! driver is heard. It ends by itself where nothing more comes of this process.

use std::time::{Duration, Instant};

use super::{Hub, Output, ProgramId};
use crate::gateway::{
    wheel::{Reason, Released, ViewerId},
    words::{self, LeaseWord},
};

/// Leases are renewed so often in each control timeout: one may be late and another lost without an effect.
const RENEWALS: u32 = 5;
/// After so much of the control timeout without a word of the driver's nothing more of theirs is handed to programs: a program that
/// takes a fifth of it for a command has then done those that it has when the driver is released, and hears it at once.
const HOLD: u32 = 2;

impl Hub {
    /// The control timeout that is in force: the shortest that the camera or a program asks for.
    pub(super) fn timeout(&self) -> Duration {
        let services = self.services.iter().filter(|s| s.program.is_some());
        let asked = services.filter_map(|s| s.description.timeout.map(Duration::from_millis));
        asked.fold(self.config.control_timeout, Duration::min)
    }

    /// After programs have come, gone or described themselves.
    pub(super) fn take_timeout(&mut self, now: Instant) {
        let timeout = self.timeout();
        if self.wheel.timeout() != timeout {
            self.wheel.set_timeout(timeout);
            for viewer in self.viewer_ids() {
                self.notify_hello(viewer);
            }
            // A lease that was given before may be longer than is allowed now.
            self.renew_at(now);
            self.renew(now);
        }
    }

    /// A word of the driver's, after one was missed: what is held, or will soon be, does not wait for the next renewal.
    pub(super) fn loosen(&mut self, viewer: ViewerId, now: Instant) {
        let soon = now + self.timeout() / RENEWALS;
        if self.wheel.driver() == Some(viewer) && self.hold.is_some_and(|at| at <= soon) {
            self.renew_at(now);
        }
    }

    fn renew_at(&mut self, now: Instant) {
        self.alive_due = self.alive_due.map(|due| due.min(now));
    }

    /// A program whose lease has run out has stopped by itself, and its driver drives no more.
    pub(super) fn lapse(&mut self, now: Instant) -> Option<Released> {
        let has_lapsed = |until: Option<Instant>| until.is_some_and(|until| until <= now);
        let driver = self.wheel.driver()?;
        if !self.services.iter().any(|s| has_lapsed(s.until)) {
            return None;
        }
        self.wheel.leave(driver, Reason::Stalled, now)
    }

    /// Renews what is due.
    pub(super) fn renew(&mut self, now: Instant) {
        if self.alive_due.is_none_or(|at| at > now) {
            return;
        }
        self.alive_due = None;
        if self.wheel.driver().is_none() {
            return;
        }
        let Some((until, alive)) = self.lease("alive", None, now) else {
            return;
        };
        let hold = self.hold_before(until);
        self.hold = Some(hold);
        for service in &mut self.services {
            if let Some(program) = service.program {
                service.until = Some(until);
                self.outputs.push(Output::Hold(program, hold));
                self.outputs.push(Output::Alive(program, alive.clone()));
            }
        }
    }

    /// Tells programs, or one, who drives and for how long they may go on.
    pub(super) fn notify_driver(&mut self, only: Option<ProgramId>, now: Instant) {
        let driver = self.wheel.driver().and_then(|id| self.viewers.get(&id));
        let user = driver.map(|viewer| viewer.user.clone());
        let lease = user.and_then(|user| self.lease("driver", Some(&user), now));
        let (until, event) = match lease {
            Some((until, event)) => (Some(until), event),
            None => (
                None,
                words::event("released", &serde_json::json!({ "reason": "free" })),
            ),
        };
        let hold = until.map(|until| self.hold_before(until));
        if only.is_none() {
            self.hold = hold;
        }
        for service in &mut self.services {
            if let Some(program) = service
                .program
                .filter(|p| only.is_none_or(|only| only == *p))
            {
                service.until = until;
                self.outputs
                    .extend(hold.map(|hold| Output::Hold(program, hold)));
                self.outputs.push(Output::Event(program, event.clone()));
            }
        }
    }

    /// When a driver whose lease ends then has not been heard for too long for anything more to be handed on.
    fn hold_before(&self, until: Instant) -> Instant {
        let hold = until.checked_sub(self.timeout() / HOLD);
        hold.unwrap_or(until)
    }

    /// A moment in seconds of CLOCK_MONOTONIC.
    pub(super) fn seconds(&self, at: Instant) -> f64 {
        let (moment, seconds) = self.config.epoch;
        seconds + at.saturating_duration_since(moment).as_secs_f64()
    }

    /// When a lease that is given now ends, and the word that gives it.
    fn lease(&mut self, word: &str, user: Option<&str>, now: Instant) -> Option<(Instant, String)> {
        let until = self.wheel.deadline()?;
        // One more program, or one that comes and goes, puts off nobody's renewal.
        let next = now + self.timeout() / RENEWALS;
        self.alive_due.get_or_insert(next);
        let left = until.saturating_duration_since(now);
        let lease = LeaseWord {
            user,
            time: words::milliseconds(left),
            until: self.seconds(until),
        };
        Some((until, words::event(word, &lease)))
    }
}
