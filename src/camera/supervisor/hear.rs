// SPDX-License-Identifier: MPL-2.0
//! What the supervisor makes of what it is told.

use std::time::Instant;

use super::{
    run::{LOOK, Supervisor, period},
    state::{Input, Status},
};
use crate::camera::{
    caps::whole,
    capture::Command,
    event::{Event, Report},
    problem::{Problem, Reason},
};

impl Supervisor {
    pub(super) fn hear(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Changed => self.config.downstream.take_change(),
            Event::Quit => (),
            Event::KeyUnit(event) => match &self.capture {
                Some(capture) if self.state.status() == Status::Live => {
                    if self.is_encoded() {
                        capture.tell(Command::KeyUnit(event));
                    }
                }
                _ => self.slates.wait_until(now),
            },
            Event::Slate(picture) => {
                if picture.is_none() {
                    self.config.bus.warn(format!(
                        "camera={}: there is no slate, since no encoder for H.264 works: install the package \
                         gstreamer1.0-plugins-ugly",
                        self.device
                    ));
                }
                self.slates.take(picture, now);
            }
            Event::Context(context) => {
                if let Some(capture) = &self.capture {
                    capture.tell(Command::Context(context));
                }
            }
            Event::Reconfigure => {
                let allowed = self.allowed();
                let fits = |caps: &gst::Caps| caps.can_intersect(&allowed);
                if !self.settled.as_ref().is_none_or(fits) {
                    self.settled = None;
                    self.foreseen = self.config.device.known_mode(&self.request());
                    self.state.reopen(now);
                }
            }
            Event::Capture(LOOK, tell) => self.hear_look(tell),
            Event::Capture(generation, tell) if generation == self.state.generation() => {
                self.hear_capture(generation, tell, now);
            }
            // Of one that is over: no news.
            Event::Capture(..) => (),
        }
    }

    fn hear_look(&mut self, tell: Report) {
        match tell {
            Report::Mode(mode) => self.foreseen = Some(whole(&mode)),
            Report::Failed(problem) if problem.reason == Reason::Refused => {
                self.state.refuse(Instant::now());
                self.lose(problem);
            }
            Report::Failed(problem) => {
                self.config.bus.warn(format!(
                    "camera={}: {problem}; it is tried again when someone wants to look",
                    self.device
                ));
            }
            Report::Ended => {
                self.looking = None;
                self.slates.wait_until(Instant::now());
            }
            _ => (),
        }
    }

    fn hear_capture(&mut self, generation: u64, tell: Report, now: Instant) {
        match tell {
            Report::Opened {
                device,
                paced,
                warning,
            } => {
                self.device = device;
                self.latency.sound = None;
                self.is_paced = paced;
                if let Some(warning) = warning {
                    self.config.bus.warn(warning);
                }
            }
            Report::FirstFrame(caps) => {
                self.state.hear(generation, Input::FirstFrame, now);
                self.problem = None;
                self.config.bus.set_mode(Some(caps.clone()));
                self.settled = Some(caps);
            }
            Report::Failed(problem) => {
                // What a device says while it is being closed is of no interest to anybody.
                let is_closing = matches!(self.state.status(), Status::Closed | Status::Closing);
                self.state
                    .hear(generation, Input::Failed(problem.reason), now);
                if !is_closing {
                    self.lose(problem);
                }
            }
            Report::Replaced => self.state.reopen(now),
            Report::Warning(text) => {
                self.config
                    .bus
                    .warn(format!("camera={}: {text}", self.device));
            }
            Report::Latency(own) => {
                let period = self.settled.as_ref().map_or(gst::ClockTime::ZERO, period);
                self.latency.video = own;
                self.latency.period = period;
                self.config.bus.set_latency(self.latency);
            }
            Report::SoundLatency(own) => {
                self.latency.sound = Some(own);
                self.config.bus.set_latency(self.latency);
            }
            Report::Ended => {
                self.capture = None;
                self.state.hear(generation, Input::Ended, now);
            }
            Report::Mode(_) => (),
        }
    }

    /// Says why there is no picture, once for each reason.
    pub(super) fn lose(&mut self, problem: Problem) {
        if self.problem.as_ref().map(|last| last.reason) != Some(problem.reason) {
            let again = match problem.reason {
                Reason::Refused => "tried again in half a minute, and then less and less often",
                _ => "tried again all the time",
            };
            self.config
                .bus
                .warn(format!("camera={}: {problem}; it is {again}", self.device));
        }
        self.problem = Some(problem);
    }
}
