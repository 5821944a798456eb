// SPDX-License-Identifier: MPL-2.0
//! When the camera is opened, closed, given up and tried again. Pure: time is an argument.
//!
//! A camera is open in a capture, which has a generation; news of a capture that is over counts for nothing, except that its
//! end says that the device is free. [`State::act`] tells what to do next, until it tells nothing.

use std::time::{Duration, Instant};

use crate::camera::problem::Reason;

/// How long a device may take to close, before its thread is left to itself.
pub(crate) const CLOSE_PATIENCE: Duration = Duration::from_secs(2);
/// The first wait after a failure; each further one is twice as long.
pub(crate) const FIRST_RETRY: Duration = Duration::from_millis(250);
/// The longest wait: a camera that is plugged in again is back within two seconds.
pub(crate) const LAST_RETRY: Duration = Duration::from_secs(1);
/// The same where the password is wrong: cameras in the network lock the account, also for others, after some five tries.
pub(crate) const FIRST_REFUSED_RETRY: Duration = Duration::from_secs(30);
pub(crate) const LAST_REFUSED_RETRY: Duration = Duration::from_secs(600);
/// A picture that lasted so long makes the next failure a first one.
pub(crate) const STEADY: Duration = Duration::from_secs(5);

/// What the user can choose, and what depends on the camera.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// From the last viewer's leaving to the closing.
    pub(crate) idle_timeout: Duration,
    /// From one picture to the next.
    pub(crate) stall_timeout: Duration,
    /// From opening to the first picture, which the kind of camera says.
    pub(crate) open_timeout: Duration,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// A capture's first picture.
    FirstFrame,
    /// A capture cannot go on.
    Failed(Reason),
    /// A capture's device is closed, and its thread is done.
    Ended,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Open the camera in a capture of this generation.
    Open(u64),
    /// Close the one that is open.
    Close(u64),
    /// It does not close: leave its thread to itself.
    Abandon(u64),
}

/// How the camera is, for those who watch and those who operate it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Closed,
    /// Open, without a picture so far.
    Opening,
    Live,
    /// Not wanted any more, and not closed so far.
    Closing,
    /// Wanted, and not to be had.
    Lost(Reason),
}

impl Status {
    /// As it stands in the bus message.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Closing => "closing",
            Self::Opening => "opening",
            Self::Live => "live",
            Self::Lost(_) => "lost",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Closed,
    Opening {
        since: Instant,
    },
    Live {
        since: Instant,
        last_frame: Instant,
    },
    /// Told to close, and not done so far.
    Closing {
        since: Instant,
    },
    /// Closed until it is tried again.
    Waiting {
        until: Instant,
    },
}

/// Decides.
#[derive(Debug)]
pub(crate) struct State {
    phase: Phase,
    generation: u64,
    wanted: bool,
    idle_since: Option<Instant>,
    /// Why there is no picture.
    problem: Option<Reason>,
    failures: u32,
    /// How often its password was refused since it had a picture.
    refusals: u32,
    /// What is to be done at once.
    next: Option<Action>,
}

impl State {
    /// Closed, and not wanted so far. `generation` is the last one of an earlier run.
    pub(crate) fn new(generation: u64) -> Self {
        Self {
            phase: Phase::Closed,
            generation,
            wanted: false,
            idle_since: None,
            problem: None,
            failures: 0,
            refusals: 0,
            next: None,
        }
    }

    pub(crate) fn generation(&self) -> u64 {
        self.generation
    }

    pub(crate) fn status(&self) -> Status {
        match (self.phase, self.problem) {
            (Phase::Live { .. }, _) => Status::Live,
            (Phase::Closed, _) => Status::Closed,
            (_, Some(reason)) => Status::Lost(reason),
            (Phase::Opening { .. }, None) => Status::Opening,
            // On its way from one capture to the next, or to rest.
            (Phase::Closing { .. } | Phase::Waiting { .. }, None) if self.wanted => Status::Opening,
            (Phase::Closing { .. } | Phase::Waiting { .. }, None) => Status::Closing,
        }
    }

    /// Whether somebody wants the picture.
    pub(crate) fn want(&mut self, wanted: bool, now: Instant) {
        if self.wanted && !wanted {
            self.idle_since = Some(now);
        }
        self.wanted = wanted;
    }

    /// Whether its capture has not ended, as far as that is waited for.
    pub(crate) fn holds_device(&self) -> bool {
        !matches!(self.phase, Phase::Closed | Phase::Waiting { .. })
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// Closes now, whoever wants the picture, to open it anew with other settings.
    pub(crate) fn reopen(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Opening { .. } | Phase::Live { .. }) {
            self.close(now);
        }
    }

    /// The latest picture of this capture came at this time.
    pub(crate) fn pulse(&mut self, at: Instant) {
        if let Phase::Live { last_frame, .. } = &mut self.phase {
            *last_frame = at.max(*last_frame);
        }
    }

    /// Takes news of a capture. Of an earlier one only its end is news, and that is counted elsewhere.
    pub(crate) fn hear(&mut self, generation: u64, news: Input, now: Instant) {
        if generation != self.generation {
            return;
        }
        match (news, self.phase) {
            (Input::FirstFrame, Phase::Opening { .. }) => {
                self.problem = None;
                self.refusals = 0;
                self.phase = Phase::Live {
                    since: now,
                    last_frame: now,
                };
            }
            (Input::Failed(reason), Phase::Opening { .. } | Phase::Live { .. }) => {
                self.fail(reason, now);
            }
            // It ended by itself, without a word.
            (Input::Ended, Phase::Opening { .. } | Phase::Live { .. }) => {
                self.count_failure(Reason::Failed, now);
                self.rest(now);
            }
            (Input::Ended, Phase::Closing { .. }) => self.rest(now),
            _ => (),
        }
    }

    /// A password was refused to one who only looked: it is not tried again for the next viewer either.
    pub(super) fn refuse(&mut self, now: Instant) {
        if self.phase == Phase::Closed {
            self.count_failure(Reason::Refused, now);
            self.rest(now);
        }
    }

    /// The password is another one than that which was refused.
    pub(super) fn forgive(&mut self, now: Instant) {
        if self.is_refused() {
            self.refusals = 0;
            self.phase = Phase::Waiting { until: now };
        }
    }

    fn fail(&mut self, reason: Reason, now: Instant) {
        self.count_failure(reason, now);
        self.close(now);
    }

    fn count_failure(&mut self, reason: Reason, now: Instant) {
        if let Phase::Live { since, .. } = self.phase
            && now.saturating_duration_since(since) >= STEADY
        {
            self.failures = 0;
        }
        self.failures = self.failures.saturating_add(1);
        if reason == Reason::Refused {
            self.refusals = self.refusals.saturating_add(1);
        }
        self.problem = Some(reason);
    }

    fn close(&mut self, now: Instant) {
        self.phase = Phase::Closing { since: now };
        self.next = Some(Action::Close(self.generation));
    }

    /// The device is free.
    fn rest(&mut self, now: Instant) {
        self.phase = match self.problem {
            Some(_) => Phase::Waiting {
                until: now + self.retry_delay(),
            },
            None => Phase::Closed,
        };
    }

    fn retry_delay(&self) -> Duration {
        let (count, first, last) = match self.problem {
            Some(Reason::Refused) => (self.refusals, FIRST_REFUSED_RETRY, LAST_REFUSED_RETRY),
            _ => (self.failures, FIRST_RETRY, LAST_RETRY),
        };
        let doublings = count.saturating_sub(1).min(16);
        (first * 2_u32.pow(doublings)).min(last)
    }

    /// What to do now. `may_open` is false while too many captures do not end.
    pub(crate) fn act(&mut self, limits: &Limits, may_open: bool, now: Instant) -> Option<Action> {
        if let Some(action) = self.next.take() {
            return Some(action);
        }
        match self.phase {
            Phase::Opening { since } if since + limits.open_timeout <= now => {
                self.fail(Reason::Stalled, now);
            }
            Phase::Live { last_frame, .. } if last_frame + limits.stall_timeout <= now => {
                self.fail(Reason::Stalled, now);
            }
            Phase::Closing { since } if since + CLOSE_PATIENCE <= now => {
                self.rest(now);
                return Some(Action::Abandon(self.generation));
            }
            Phase::Opening { .. } | Phase::Live { .. } if self.is_idle(limits, now) => {
                self.problem = None;
                self.close(now);
            }
            Phase::Waiting { until }
                if self.is_idle(limits, now) && (until <= now || !self.is_refused()) =>
            {
                self.problem = None;
                self.phase = Phase::Closed;
            }
            Phase::Closed if self.wanted && may_open => return Some(self.open(now)),
            Phase::Waiting { until } if self.wanted && may_open && until <= now => {
                return Some(self.open(now));
            }
            _ => (),
        }
        self.next.take()
    }

    /// A password that was refused is not tried again for the next viewer either.
    fn is_refused(&self) -> bool {
        self.problem == Some(Reason::Refused) && matches!(self.phase, Phase::Waiting { .. })
    }

    fn is_idle(&self, limits: &Limits, now: Instant) -> bool {
        !self.wanted
            && self
                .idle_since
                .is_none_or(|since| since + limits.idle_timeout <= now)
    }

    fn open(&mut self, now: Instant) -> Action {
        self.generation += 1;
        self.phase = Phase::Opening { since: now };
        Action::Open(self.generation)
    }

    /// When [`Self::act`] will have something to do if nothing else happens.
    pub(crate) fn wake_at(&self, limits: &Limits) -> Option<Instant> {
        let own = match self.phase {
            Phase::Closed => None,
            Phase::Opening { since } => Some(since + limits.open_timeout),
            Phase::Live { last_frame, .. } => Some(last_frame + limits.stall_timeout),
            Phase::Closing { since } => Some(since + CLOSE_PATIENCE),
            Phase::Waiting { until } => (self.wanted || self.is_refused()).then_some(until),
        };
        let is_open = !matches!(self.phase, Phase::Closed | Phase::Closing { .. });
        let idle = self
            .idle_since
            .filter(|_| is_open && !self.wanted && !self.is_refused())
            .map(|since| since + limits.idle_timeout);
        own.into_iter().chain(idle).min()
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
