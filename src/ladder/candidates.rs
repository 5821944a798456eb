// SPDX-License-Identifier: MPL-2.0
//! The encoders of one codec that have not failed, and what is done when one does.

use std::time::{Duration, Instant};

use super::{
    encoders::Encoder,
    types::{Failure, Step},
};

/// OpenH264 was seen to give up at one picture of noise and to make the next. What fails again sooner than this does not work here.
const AGAIN: Duration = Duration::from_secs(30);

/// Best first; none for frames that are encoded already.
pub(super) struct Candidates {
    list: Vec<&'static Encoder>,
    /// When the last of them was started anew.
    renewed: Option<Instant>,
}

impl Candidates {
    pub(super) fn new(list: Vec<&'static Encoder>) -> Self {
        Self {
            list,
            renewed: None,
        }
    }

    pub(super) fn first(&self) -> Option<&'static Encoder> {
        self.list.first().copied()
    }

    /// To be tried in turn; those that do not work are taken out.
    pub(super) fn list(&mut self) -> &mut Vec<&'static Encoder> {
        &mut self.list
    }

    /// The first has not started.
    pub(super) fn give_up(&mut self, failure: Failure) -> Step {
        let factory = match self.list.is_empty() {
            true => "",
            false => self.list.remove(0).factory,
        };
        Step {
            factory,
            failure,
            next: self.name(),
        }
    }

    /// One has failed while it ran; nothing if that one was given up before. The last that there is is begun anew every now and then if
    /// it `has_worked`: without it there is no picture for anybody.
    pub(super) fn failed(
        &mut self,
        factory: Option<&'static str>,
        has_worked: bool,
        failure: Failure,
        now: Instant,
    ) -> Option<Step> {
        let factory = factory.filter(|_| factory == self.name())?;
        let is_new = |last: Instant| now.saturating_duration_since(last) > AGAIN;
        if self.list.len() == 1 && has_worked && self.renewed.is_none_or(is_new) {
            self.renewed = Some(now);
            return Some(Step {
                factory,
                failure,
                next: Some(factory),
            });
        }
        Some(self.give_up(failure))
    }

    fn name(&self) -> Option<&'static str> {
        self.first().map(|encoder| encoder.factory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ladder::encoders::MISSING;

    fn step(made: Option<Step>) -> Option<(&'static str, Option<&'static str>)> {
        made.map(|step| (step.factory, step.next))
    }

    #[test]
    fn the_last_that_has_worked_begins_anew_and_is_given_up_if_it_fails_again_soon() {
        let (name, now) = (MISSING.factory, Instant::now());
        let mut candidates = Candidates::new(vec![&MISSING, &MISSING]);
        let mut fail = |has_worked, now| {
            let failure = Failure("made to fail".into());
            step(candidates.failed(Some(name), has_worked, failure, now))
        };
        // There is another.
        assert_eq!(fail(true, now), Some((name, Some(name))));
        assert_eq!(fail(true, now), Some((name, Some(name))));
        let later = now + AGAIN + Duration::from_millis(1);
        assert_eq!(fail(true, later), Some((name, Some(name))));
        assert_eq!(fail(true, later + AGAIN), Some((name, None)));
        assert_eq!(fail(true, later + AGAIN), None, "it was given up before");
    }

    #[test]
    fn one_that_never_worked_is_not_tried_again() {
        let mut candidates = Candidates::new(vec![&MISSING]);
        let failure = || Failure("made to fail".into());
        let now = Instant::now();
        let other = candidates.failed(Some("other"), true, failure(), now);
        assert_eq!(step(other), None);
        let failed = candidates.failed(Some(MISSING.factory), false, failure(), now);
        assert_eq!(step(failed), Some((MISSING.factory, None)));
    }
}
