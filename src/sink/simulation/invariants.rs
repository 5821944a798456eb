// SPDX-License-Identifier: MPL-2.0
//! What must hold for each viewer, measured at its browser.

use super::world::{Viewer, World};

/// Seconds in which a viewer has been shown at least one frame, whatever happens, once its link carries anything.
const STUCK: f64 = 6.0;

impl Viewer {
    /// The longest time without another frame between two moments.
    pub(super) fn longest_gap(&self, from: f64, to: f64) -> f64 {
        let shown = self.browser.shown.iter().map(|shown| shown.at);
        let shown = shown.filter(|at| (from..to).contains(at));
        let (mut last, mut longest) = (from, 0.0_f64);
        for at in shown.chain([to]) {
            longest = longest.max(at - last);
            last = at;
        }
        longest
    }

    /// Bit/s that were shown between two moments.
    pub(super) fn rate(&self, from: f64, to: f64) -> f64 {
        let shown = self.browser.shown.iter();
        let shown = shown.filter(|shown| (from..to).contains(&shown.at));
        let bytes: usize = shown.map(|shown| shown.bytes).sum();
        bytes as f64 * 8.0 / (to - from)
    }

    /// Bit/s that left between two moments, of everything.
    pub(super) fn sent(&self, from: f64, to: f64) -> f64 {
        let at = |time: f64| {
            let index = ((time - self.joined) * 10.0).max(0.0) as usize;
            self.left
                .get(index.min(self.left.len() - 1))
                .map_or(0, |left| left.0)
        };
        (at(to) - at(from)) as f64 * 8.0 / (to - from)
    }

    /// In no second more leaves than its network is believed to carry, and what may come at once: a key unit, and the
    /// burst of the pace.
    pub(super) fn keeps_to_its_estimate(&self, ceiling: u32) {
        for second in self.left.windows(11) {
            let bytes = second[10].0 - second[0].0;
            let believed = second.iter().map(|left| left.1).max().unwrap_or(0);
            let rate = f64::from(believed).min(f64::from(ceiling) * 1.2) / 8.0;
            let most = rate * 1.3 + BURST + f64::from(ceiling) / 8.0 * 0.4;
            assert!(
                bytes as f64 <= most,
                "{bytes} bytes in a second where {believed} bit/s are believed"
            );
        }
    }

    /// Something is shown all the time from a second after it came.
    pub(super) fn is_never_stuck(&self, until: f64) {
        let gap = self.longest_gap(self.joined, until);
        assert!(gap < STUCK, "nothing for {gap} s; moves {:?}", self.moves);
    }
}

/// Bytes that leave at once whatever the network: the first frames.
const BURST: f64 = 40_000.0;

impl World {
    pub(super) fn check(&self) {
        let ceiling = self.camera_ceiling();
        for (id, viewer) in &self.viewers {
            viewer.is_never_stuck(self.time());
            viewer.keeps_to_its_estimate(ceiling);
            assert!(self.place(*id).is_some(), "viewer {id} is on no rung");
        }
    }

    pub(super) fn camera_ceiling(&self) -> u32 {
        self.camera.ceilings().first().copied().unwrap_or(0)
    }
}
