// SPDX-License-Identifier: MPL-2.0
//! Who drives: one at a time, the others in the order in which they asked. Pure: time is an argument.
//!
//! The dead man: a driver of whom nothing was heard for the timeout has let go, whatever the reason.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A viewer, by the number the gateway gave it.
pub(crate) type ViewerId = u32;

/// Why a driver drives no more; the words that programs and pages get.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reason {
    GivenUp,
    HandedOver,
    Stalled,
    Left,
    LeaseEnded,
    NotPermitted,
    /// Somebody pressed Stop.
    Stopped,
    /// The robot's own program took the wheel away.
    Program,
}

/// Somebody drives no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) driver: ViewerId,
    pub(crate) reason: Reason,
}

#[derive(Debug)]
struct Driver {
    id: ViewerId,
    heard: Instant,
}

/// See the [module](self). Whoever is here may drive; who may not is taken out with [`Self::leave`].
#[derive(Debug)]
pub(crate) struct Wheel {
    timeout: Duration,
    driver: Option<Driver>,
    waiting: VecDeque<ViewerId>,
}

impl Wheel {
    pub(crate) fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            driver: None,
            waiting: VecDeque::new(),
        }
    }

    pub(crate) fn driver(&self) -> Option<ViewerId> {
        self.driver.as_ref().map(|driver| driver.id)
    }

    pub(crate) fn waiting(&self) -> impl Iterator<Item = ViewerId> {
        self.waiting.iter().copied()
    }

    /// Wants to drive. Harmless for who drives or waits already.
    pub(crate) fn ask(&mut self, id: ViewerId, now: Instant) {
        if self.driver() != Some(id) && !self.waiting.contains(&id) {
            self.waiting.push_back(id);
        }
        self.next(now);
    }

    /// Wants to drive no more, or may not, or is gone.
    pub(crate) fn leave(&mut self, id: ViewerId, reason: Reason, now: Instant) -> Option<Released> {
        self.waiting.retain(|other| *other != id);
        if self.driver() != Some(id) {
            return None;
        }
        self.driver = None;
        self.next(now);
        Some(Released { driver: id, reason })
    }

    /// From the driver to one who waits. Whether there was anything to it.
    pub(crate) fn hand_over(
        &mut self,
        from: ViewerId,
        to: ViewerId,
        now: Instant,
    ) -> Option<Released> {
        if self.driver() != Some(from) || !self.waiting.contains(&to) {
            return None;
        }
        self.waiting.retain(|other| *other != to);
        self.driver = Some(Driver { id: to, heard: now });
        Some(Released {
            driver: from,
            reason: Reason::HandedOver,
        })
    }

    /// Nobody drives or waits any more: who wants to has to ask anew.
    pub(crate) fn stop(&mut self, reason: Reason) -> Option<Released> {
        self.waiting.clear();
        let driver = self.driver.take()?.id;
        Some(Released { driver, reason })
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// From now on.
    pub(crate) fn set_timeout(&mut self, timeout: Duration) {
        self.timeout = timeout;
    }

    /// A sign of life that came at `at`.
    pub(crate) fn heard(&mut self, id: ViewerId, at: Instant) {
        if let Some(driver) = self.driver.as_mut().filter(|driver| driver.id == id) {
            driver.heard = driver.heard.max(at);
        }
    }

    /// When [`Self::expire`] will next have something to say.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.driver
            .as_ref()
            .map(|driver| driver.heard + self.timeout)
    }

    /// Lets the driver go if it has stalled.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Released> {
        let driver = self.driver()?;
        if self.deadline()? > now {
            return None;
        }
        self.leave(driver, Reason::Stalled, now)
    }

    fn next(&mut self, now: Instant) {
        if self.driver.is_none() {
            let id = self.waiting.pop_front();
            self.driver = id.map(|id| Driver { id, heard: now });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};

    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(500);

    #[test]
    fn the_wheel_goes_round_in_the_order_of_asking() {
        let now = Instant::now();
        let mut wheel = Wheel::new(TIMEOUT);
        for id in [1, 2, 3, 2] {
            wheel.ask(id, now);
        }
        assert_eq!(wheel.driver(), Some(1));
        assert_eq!(wheel.waiting().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(wheel.hand_over(2, 3, now), None, "2 has nothing to give");
        assert_eq!(wheel.hand_over(1, 4, now), None, "4 did not ask");
        let released = wheel.hand_over(1, 3, now).unwrap();
        assert_eq!((released.driver, released.reason), (1, Reason::HandedOver));
        assert_eq!(wheel.driver(), Some(3));
        assert_eq!(wheel.leave(2, Reason::Left, now), None);
        assert!(wheel.leave(3, Reason::Left, now).is_some());
        assert_eq!(wheel.driver(), None);
    }

    #[test]
    fn who_says_nothing_lets_go() {
        let start = Instant::now();
        let mut wheel = Wheel::new(TIMEOUT);
        wheel.ask(1, start);
        wheel.ask(2, start);
        wheel.heard(1, start + TIMEOUT / 2);
        wheel.heard(2, start + TIMEOUT);
        // One that was overtaken on its way.
        wheel.heard(1, start + TIMEOUT / 4);
        assert_eq!(wheel.expire(start + TIMEOUT), None);
        let at = start + TIMEOUT / 2 + TIMEOUT;
        assert_eq!(wheel.deadline(), Some(at));
        let released = wheel.expire(at).unwrap();
        assert_eq!((released.driver, released.reason), (1, Reason::Stalled));
        // The next has the whole time again, from when it was given the wheel.
        assert_eq!(wheel.deadline(), Some(at + TIMEOUT));
    }

    /// Against a plain list: whoever stands first drives.
    #[test]
    fn ten_thousand_runs_agree_with_a_plain_list() {
        for seed in 0..10_000 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut now = Instant::now();
            let mut wheel = Wheel::new(TIMEOUT);
            let mut list: Vec<ViewerId> = Vec::new();
            let mut heard = now;
            for _ in 0..60 {
                now += Duration::from_millis(rng.random_range(0..200));
                let before = list.first().copied();
                let id = rng.random_range(1..6);
                let released = match rng.random_range(0..5) {
                    0 => {
                        wheel.ask(id, now);
                        if !list.contains(&id) {
                            list.push(id);
                        }
                        None
                    }
                    1 => {
                        list.retain(|other| *other != id);
                        wheel.leave(id, Reason::Left, now)
                    }
                    2 => {
                        let to = rng.random_range(1..6);
                        if before == Some(id) && to != id && list.contains(&to) {
                            list.retain(|other| *other != to && *other != id);
                            list.insert(0, to);
                        }
                        wheel.hand_over(id, to, now)
                    }
                    3 => {
                        wheel.heard(id, now);
                        if before == Some(id) {
                            heard = now;
                        }
                        None
                    }
                    _ => {
                        if before.is_some() && heard + TIMEOUT <= now {
                            list.remove(0);
                        }
                        wheel.expire(now)
                    }
                };
                let after = list.first().copied();
                if after != before {
                    heard = now;
                }
                assert_eq!(wheel.driver(), after, "seed {seed}");
                assert!(wheel.waiting().eq(list.iter().skip(1).copied()));
                // Nobody loses the wheel without a word, and nobody else hears it.
                let lost = before.filter(|_| before != after);
                assert_eq!(released.map(|released| released.driver), lost);
                let all: BTreeSet<_> = wheel.waiting().chain(wheel.driver()).collect();
                assert_eq!(all.len(), list.len(), "nobody stands there twice");
            }
        }
    }
}
