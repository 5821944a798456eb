// SPDX-License-Identifier: MPL-2.0
//! One probe: padding beside the media, in steps, until what the viewer needs has arrived or something speaks against it.

use std::time::Duration;

use super::{observation::Observation, size::percent};

/// Each step asks for half as much again. A step that is too much is noticed before the queues of a usual link are full.
const STEP: u32 = 150;
/// What arrives is told of the last 300 ms; before that and a round trip a step cannot have shown itself.
const SHORTEST_STEP: Duration = Duration::from_millis(600);
/// A step that has not arrived by now (that, and a round trip of a satellite) will not.
const LONGEST_STEP: Duration = Duration::from_millis(1500);
/// Padding is of no use to the viewer: what is not shown by now is tried another time.
const LONGEST: Duration = Duration::from_secs(6);
/// So much of what was sent has to arrive; encoders miss their target by some per cent.
const ARRIVED: u32 = 92;
/// Padding follows the encoder's output in steps of so many per cent of what is tried.
const PADDING_STEP: u32 = 10;
/// More loss than this, and the padding has filled a queue.
const LOSS: f32 = 0.02;

#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    proven: u32,
    need: u32,
    goal: u32,
    begun: Duration,
    step_begun: Duration,
    padding: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Nothing is known yet.
    Open,
    /// So much arrived, and more is tried.
    Step(u32),
    /// All that was needed arrived.
    Reached(u32),
    /// The time is over, and nothing spoke against it.
    Over,
    Failed,
}

impl Probe {
    /// `proven` is known to arrive, `need` is what is wanted.
    pub(super) fn new(proven: u32, need: u32, now: Duration) -> Self {
        Self {
            proven,
            need,
            goal: percent(proven, STEP).min(need),
            begun: now,
            step_begun: now,
            padding: 0,
        }
    }

    pub(super) fn advance(&mut self, delivered: u32, trouble: bool, now: Duration) -> Outcome {
        let step = now.saturating_sub(self.step_begun);
        if trouble {
            return Outcome::Failed;
        }
        if step >= SHORTEST_STEP && delivered >= percent(self.goal, ARRIVED) {
            let shown = self.goal;
            self.proven = shown;
            if shown >= self.need {
                return Outcome::Reached(shown);
            }
            self.goal = percent(shown, STEP).min(self.need);
            self.step_begun = now;
            return Outcome::Step(shown);
        }
        if step >= LONGEST_STEP {
            return Outcome::Failed;
        }
        if now.saturating_sub(self.begun) >= LONGEST {
            return Outcome::Over;
        }
        Outcome::Open
    }

    /// `trouble` is when the link was last in trouble.
    pub(super) fn speaks_against(&self, trouble: Duration, seen: &Observation) -> bool {
        trouble > self.begun || seen.loss > LOSS || seen.waits()
    }

    /// What is known to arrive without the padding that is being tried.
    pub(super) fn proven(&self) -> u32 {
        self.proven
    }

    /// Whether padding is being sent.
    pub(super) fn pads(&self) -> bool {
        self.padding > 0
    }

    /// The padding that is now due beside `sent`, if it differs from the one before.
    pub(super) fn padding(&mut self, sent: u32) -> Option<u32> {
        let padding = self.goal.saturating_sub(sent);
        if padding.abs_diff(self.padding) < percent(self.goal, PADDING_STEP).max(1) {
            return None;
        }
        self.padding = padding;
        Some(padding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEED: u32 = 2_000_000;

    fn at(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn it_goes_up_in_steps_until_the_need_has_arrived() {
        let mut probe = Probe::new(1_000_000, NEED, at(0));
        assert_eq!(probe.padding(1_000_000), Some(500_000));
        assert_eq!(probe.padding(1_100_000), None, "trifles");
        assert_eq!(probe.advance(1_500_000, false, at(500)), Outcome::Open);
        assert_eq!(
            probe.advance(1_400_000, false, at(600)),
            Outcome::Step(1_500_000)
        );
        assert_eq!(probe.proven(), 1_500_000);
        assert_eq!(probe.padding(1_000_000), Some(1_000_000));
        assert_eq!(probe.advance(NEED, false, at(1200)), Outcome::Reached(NEED));
    }

    #[test]
    fn what_does_not_arrive_in_time_fails() {
        let mut probe = Probe::new(1_000_000, NEED, at(0));
        assert_eq!(probe.advance(1_300_000, false, at(1400)), Outcome::Open);
        assert_eq!(probe.advance(1_300_000, false, at(1500)), Outcome::Failed);
        assert_eq!(probe.proven(), 1_000_000);
    }

    #[test]
    fn it_is_over_after_some_seconds() {
        let mut probe = Probe::new(1_000, u32::MAX, at(0));
        for step in 1..=9 {
            let outcome = probe.advance(u32::MAX, false, at(step * 650));
            assert!(matches!(outcome, Outcome::Step(_)), "{outcome:?}");
        }
        assert_eq!(probe.advance(0, false, at(6000)), Outcome::Over);
    }

    #[test]
    fn trouble_loss_and_a_queue_speak_against_it() {
        let fine = Observation {
            estimate: NEED,
            delivered: NEED,
            sent: NEED,
            loss: 0.01,
            queued: Duration::ZERO,
        };
        let lossy = Observation { loss: 0.03, ..fine };
        let queued = Observation {
            queued: at(200),
            ..fine
        };
        let mut probe = Probe::new(1_000_000, NEED, at(1000));
        assert!(!probe.speaks_against(at(900), &fine));
        assert!(probe.speaks_against(at(1100), &fine));
        assert!(probe.speaks_against(at(900), &lossy));
        assert!(probe.speaks_against(at(900), &queued));
        assert_eq!(probe.advance(NEED, true, at(1700)), Outcome::Failed);
    }
}
