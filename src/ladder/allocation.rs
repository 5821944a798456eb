// SPDX-License-Identifier: MPL-2.0
//! Leads viewers to the rungs that the policy chose for them, and tells it what became of that.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    outlet::Outlet,
    outputs::FanOut,
    policy::{Command, Config, Observation, Policy, Size},
    types::RungId,
};

/// By then a key unit is there, or it is lost.
const KEY_ARRIVES: Duration = Duration::from_millis(400);
const LOST: f32 = 0.1;
/// A queue that is full has drained by then, or the network loses so much by itself.
const DRAINS: Duration = Duration::from_secs(2);

/// The rungs that run, by their places on the ladder.
pub(crate) trait RungTable {
    fn id(&self, place: usize) -> Option<RungId>;
    fn place(&self, id: RungId) -> Option<usize>;
    fn viewers(&self, place: usize) -> Option<&FanOut>;
    fn places(&self) -> usize;
}

pub(crate) struct Allocation {
    policy: Policy<u64>,
    origin: Instant,
    /// Viewers that went down lately.
    fallen: BTreeMap<u64, Fallen>,
}

/// A key unit was sent to a viewer into a queue that may have been full.
struct Fallen {
    at: Instant,
    /// Much was lost when it should have arrived.
    is_lost: bool,
}

impl Allocation {
    pub(crate) fn new(config: Config, now: Instant) -> Self {
        Self {
            policy: Policy::new(config),
            origin: now,
            fallen: BTreeMap::new(),
        }
    }

    fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.origin)
    }

    pub(crate) fn set_config(&mut self, config: Config, now: Instant) {
        let since = self.since(now);
        self.policy.set_config(config, since);
    }

    /// Whether viewers may be on the rung of this place.
    pub(crate) fn set_usable(&mut self, place: usize, is_usable: bool) {
        self.policy.set_usable(place, is_usable);
    }

    /// A viewer whose network is thought to carry so many bits each second, and who shows its picture in this size.
    pub(crate) fn join(&mut self, id: u64, estimate: u32, size: Option<Size>, now: Instant) {
        // One that has no place has no picture; the sink lets in fewer than that.
        let _ = self.policy.join(id, estimate, size, self.since(now));
    }

    pub(crate) fn resize(&mut self, id: u64, size: Option<Size>, now: Instant) {
        self.policy.resize(id, size, self.since(now));
    }

    pub(crate) fn leave(&mut self, id: u64, rungs: &impl RungTable) {
        self.policy.leave(id);
        self.fallen.remove(&id);
        for viewers in (0..rungs.places()).filter_map(|place| rungs.viewers(place)) {
            viewers.remove(id);
        }
    }

    /// The most that the network of anyone here carries, as far as it has been seen.
    pub(crate) fn best_estimate(&self, now: Instant) -> Option<u32> {
        self.policy.best_estimate(self.since(now))
    }

    /// The place that a viewer is to be at.
    pub(crate) fn place(&self, id: u64) -> Option<usize> {
        self.policy.rung(id)
    }

    pub(crate) fn observe(
        &mut self,
        id: u64,
        outlet: &Outlet,
        observed: Observation,
        now: Instant,
    ) {
        if let Some(fallen) = self.fallen.get_mut(&id) {
            let since = now.saturating_duration_since(fallen.at);
            let is_lossy = observed.loss > LOST;
            fallen.is_lost |= is_lossy && since >= KEY_ARRIVES;
            if since >= KEY_ARRIVES && (!is_lossy || since >= DRAINS) {
                // A browser takes seconds to ask for another. One that is sent before the queue has drained is lost as well.
                if fallen.is_lost {
                    outlet.ask_for_key(now);
                }
                self.fallen.remove(&id);
            }
        }
        self.policy.observe(id, observed, self.since(now));
    }

    /// Lets a viewer have the frames of the rung that it is on, or on the way to.
    pub(crate) fn subscribe(
        &self,
        id: u64,
        outlet: &Arc<Outlet>,
        rungs: &impl RungTable,
        now: Instant,
    ) {
        let Some(wanted) = self.policy.rung(id) else {
            return;
        };
        if let (Some(rung), Some(viewers)) = (rungs.id(wanted), rungs.viewers(wanted))
            && viewers.add(id, outlet)
        {
            outlet.want(rung, now);
        }
    }

    /// A viewer has changed its rung; gives the place of what it sees now. Nothing if that rung runs no more.
    pub(crate) fn moved(
        &mut self,
        id: u64,
        to: RungId,
        rungs: &impl RungTable,
        now: Instant,
    ) -> Option<usize> {
        let place = rungs.place(to)?;
        self.policy.moved(id, place, self.since(now));
        let wanted = self.policy.rung(id);
        for other in (0..rungs.places()).filter(|other| *other != place) {
            if Some(other) != wanted
                && let Some(viewers) = rungs.viewers(other)
            {
                viewers.remove(id);
            }
        }
        Some(place)
    }

    pub(crate) fn decide(&mut self, now: Instant) -> Vec<Command<u64>> {
        self.policy.decide(self.since(now))
    }

    /// Sends a viewer to another rung.
    pub(crate) fn send(
        &mut self,
        viewer: u64,
        outlet: &Outlet,
        to: usize,
        rungs: &impl RungTable,
        now: Instant,
    ) {
        let Some(id) = rungs.id(to) else { return };
        let current = outlet.current().and_then(|current| rungs.place(current));
        if current.is_some_and(|current| to > current) {
            // What the network could not carry would only stand before the key unit.
            outlet.skip();
            let fallen = Fallen {
                at: now,
                is_lost: false,
            };
            self.fallen.insert(viewer, fallen);
        }
        outlet.want(id, now);
    }
}

#[cfg(test)]
#[path = "allocation_tests.rs"]
mod tests;
