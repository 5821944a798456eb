// SPDX-License-Identifier: MPL-2.0
//! Who drives: one at a time, the others in the order in which they asked, those who have booked before those who merely may.
//! Pure: time is an argument.
//!
//! The dead man: a driver of whom nothing was heard for the timeout has let go, whatever the reason.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// A viewer, by the number the gateway gave it.
pub(crate) type ViewerId = u32;

/// Why a driver drives no more; the words that programs and pages get.
pub(crate) use crate::driving::DriveReason as Reason;

/// Somebody drives no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Released {
    pub(crate) driver: ViewerId,
    pub(crate) reason: Reason,
}

#[derive(Debug)]
struct Driver {
    id: ViewerId,
    booked: bool,
    heard: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Waiting {
    id: ViewerId,
    booked: bool,
}

/// See the [module](self). Whoever is here may drive; who may not is taken out with [`Self::leave`].
#[derive(Debug)]
pub(crate) struct Wheel {
    timeout: Duration,
    driver: Option<Driver>,
    waiting: VecDeque<Waiting>,
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
        self.waiting.iter().map(|waiting| waiting.id)
    }

    /// Wants to drive, by a booking or not. Harmless for who drives or waits already. Takes the wheel from one who has not booked
    /// if this one has.
    pub(crate) fn ask(&mut self, id: ViewerId, booked: bool, now: Instant) -> Option<Released> {
        if self.driver() != Some(id) && !self.waiting().any(|other| other == id) {
            self.waiting.push_back(Waiting { id, booked });
        }
        self.settle(now)
    }

    /// Has booked from now on, or has not; what follows is as if it had asked so.
    pub(crate) fn set_booked(
        &mut self,
        id: ViewerId,
        booked: bool,
        now: Instant,
    ) -> Option<Released> {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.id == id) {
            waiting.booked = booked;
        }
        if let Some(driver) = self.driver.as_mut().filter(|driver| driver.id == id) {
            driver.booked = booked;
        }
        self.settle(now)
    }

    /// Those who have booked go first, each kind in the order of asking.
    fn settle(&mut self, now: Instant) -> Option<Released> {
        self.waiting
            .make_contiguous()
            .sort_by_key(|each| !each.booked);
        let is_booked = self.waiting.front().is_some_and(|first| first.booked);
        let ousted = self.driver.take_if(|driver| is_booked && !driver.booked);
        self.next(now);
        ousted.map(|driver| Released {
            driver: driver.id,
            reason: Reason::Booked,
        })
    }

    /// Wants to drive no more, or may not, or is gone.
    pub(crate) fn leave(&mut self, id: ViewerId, reason: Reason, now: Instant) -> Option<Released> {
        self.waiting.retain(|other| other.id != id);
        if self.driver() != Some(id) {
            return None;
        }
        self.driver = None;
        self.next(now);
        Some(Released { driver: id, reason })
    }

    /// From the driver to one who waits, and not past one who has booked. `None` if there was nothing to it.
    pub(crate) fn hand_over(
        &mut self,
        from: ViewerId,
        to: ViewerId,
        now: Instant,
    ) -> Option<Released> {
        if self.driver() != Some(from) {
            return None;
        }
        let next = *self.waiting.iter().find(|each| each.id == to)?;
        if !next.booked && self.waiting.iter().any(|each| each.booked) {
            return None;
        }
        self.waiting.retain(|other| other.id != to);
        self.driver = Some(next.takes_over(now));
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
            let first = self.waiting.pop_front();
            self.driver = first.map(|first| first.takes_over(now));
        }
    }
}

impl Waiting {
    fn takes_over(self, now: Instant) -> Driver {
        Driver {
            id: self.id,
            booked: self.booked,
            heard: now,
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
            wheel.ask(id, false, now);
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
        wheel.ask(1, false, start);
        wheel.ask(2, false, start);
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

    #[test]
    fn who_has_booked_takes_the_wheel_and_who_merely_may_waits_behind() {
        let now = Instant::now();
        let mut wheel = Wheel::new(TIMEOUT);
        assert_eq!(wheel.ask(1, false, now), None);
        assert_eq!(wheel.ask(2, false, now), None);
        let ousted = wheel.ask(3, true, now).unwrap();
        assert_eq!((ousted.driver, ousted.reason), (1, Reason::Booked));
        assert_eq!(wheel.driver(), Some(3));
        // It asks anew, and stands where it would have without having driven.
        assert_eq!(wheel.ask(1, false, now), None);
        assert_eq!(wheel.ask(4, true, now), None, "who has booked drives on");
        assert_eq!(wheel.waiting().collect::<Vec<_>>(), [4, 2, 1]);
        assert_eq!(wheel.hand_over(3, 2, now), None, "4 has booked");
        assert!(wheel.hand_over(3, 4, now).is_some());
        assert!(wheel.hand_over(4, 1, now).is_some(), "as it likes");
        assert_eq!(wheel.driver(), Some(1));
    }

    #[test]
    fn a_booking_that_begins_or_ends_counts_at_once() {
        let now = Instant::now();
        let mut wheel = Wheel::new(TIMEOUT);
        for id in [1, 2, 3] {
            wheel.ask(id, false, now);
        }
        let ousted = wheel.set_booked(3, true, now).unwrap();
        assert_eq!((ousted.driver, ousted.reason), (1, Reason::Booked));
        assert_eq!(wheel.driver(), Some(3));
        assert_eq!(wheel.set_booked(3, false, now), None);
        assert_eq!(
            wheel.driver(),
            Some(3),
            "it still may, and nobody has booked"
        );
        assert_eq!(wheel.set_booked(9, true, now), None, "9 did not ask");
        let ousted = wheel.ask(9, true, now).unwrap();
        assert_eq!(ousted.driver, 3);
    }

    /// Against a plain list: whoever stands first drives, and who has booked stands before who has not.
    #[test]
    fn ten_thousand_runs_agree_with_a_plain_list() {
        for seed in 0..10_000 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let mut now = Instant::now();
            let mut wheel = Wheel::new(TIMEOUT);
            let mut list: Vec<(ViewerId, bool)> = Vec::new();
            let mut heard = now;
            for _ in 0..60 {
                now += Duration::from_millis(rng.random_range(0..200));
                let before = list.first().map(|(id, _)| *id);
                let id = rng.random_range(1..6);
                let place = |list: &[(ViewerId, bool)], id| list.iter().position(|(i, _)| *i == id);
                let mut ousts = false;
                let released = match rng.random_range(0..6) {
                    0 => {
                        let booked = rng.random();
                        if place(&list, id).is_none() {
                            list.push((id, booked));
                        }
                        ousts = true;
                        wheel.ask(id, booked, now)
                    }
                    1 => {
                        list.retain(|(other, _)| *other != id);
                        wheel.leave(id, Reason::Left, now)
                    }
                    2 => {
                        let to = rng.random_range(1..6);
                        if let Some(there) = place(&list, to)
                            && before == Some(id)
                            && there > 0
                            && (list[there].1 || list[1..].iter().all(|(_, booked)| !booked))
                        {
                            let next = list.remove(there);
                            list[0] = next;
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
                    4 => {
                        let booked = rng.random();
                        if let Some(there) = place(&list, id) {
                            list[there].1 = booked;
                        }
                        ousts = true;
                        wheel.set_booked(id, booked, now)
                    }
                    _ => {
                        if before.is_some() && heard + TIMEOUT <= now {
                            list.remove(0);
                        }
                        wheel.expire(now)
                    }
                };
                if ousts && !list.is_empty() {
                    list[1..].sort_by_key(|(_, booked)| !booked);
                    if !list[0].1 && list.get(1).is_some_and(|(_, booked)| *booked) {
                        list.remove(0);
                    }
                }
                let after = list.first().map(|(id, _)| *id);
                if after != before {
                    heard = now;
                }
                assert_eq!(wheel.driver(), after, "seed {seed}");
                let others = list.iter().skip(1).map(|(id, _)| *id);
                assert!(wheel.waiting().eq(others), "seed {seed}");
                // Nobody loses the wheel without a word, and nobody else hears it.
                let lost = before.filter(|_| before != after);
                assert_eq!(released.map(|released| released.driver), lost);
                let all: BTreeSet<_> = wheel.waiting().chain(wheel.driver()).collect();
                assert_eq!(all.len(), list.len(), "nobody stands there twice");
                // Who has booked never waits for one who has not.
                let merely = list.first().is_some_and(|(_, booked)| !booked);
                assert!(
                    !merely || list.iter().all(|(_, booked)| !booked),
                    "seed {seed}"
                );
            }
        }
    }
}
