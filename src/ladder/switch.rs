// SPDX-License-Identifier: MPL-2.0
//! Which frames of which rungs make up one viewer's picture. Pure.
//!
//! A viewer changes its rung at a key unit of the new one and sees the old one until then. What it gets has rising
//! timestamps and no delta unit without those before it, so that its decoder notices nothing but another size.

/// Between the last frame of one rung and the first of another that was made of the same picture.
const STEP: u64 = 1_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Drop,
    Pass {
        /// In nanoseconds.
        pts: u64,
        /// The first frame of another rung.
        moved: bool,
    },
}

#[derive(Debug, Default)]
pub(crate) struct Switch {
    wanted: usize,
    /// The rung whose frames pass.
    current: Option<usize>,
    last: Option<u64>,
    /// Frames were lost: the current rung's pass again from its next key unit on.
    broken: bool,
}

impl Switch {
    pub(crate) fn new(rung: usize) -> Self {
        Self {
            wanted: rung,
            ..Self::default()
        }
    }

    pub(crate) fn want(&mut self, rung: usize) {
        self.wanted = rung;
    }

    pub(crate) fn current(&self) -> Option<usize> {
        self.current
    }

    pub(crate) fn wanted(&self) -> usize {
        self.wanted
    }

    /// Frames that were to pass were lost.
    pub(crate) fn lose(&mut self) {
        self.broken = true;
    }

    /// Whether nothing passes before a key unit.
    pub(crate) fn waits(&self) -> bool {
        self.broken || self.current != Some(self.wanted)
    }

    /// A frame of `rung`, `pts` nanoseconds in.
    pub(crate) fn take(&mut self, rung: usize, is_key: bool, pts: u64) -> Verdict {
        let starts = is_key && rung == self.wanted && (self.broken || self.current != Some(rung));
        let goes_on = self.current == Some(rung) && (!self.broken || is_key);
        if !starts && !goes_on {
            return Verdict::Drop;
        }
        let moved = self.current != Some(rung);
        let pts = match self.last {
            // Only a first frame may be late: it shows what its rung's next ones build on.
            Some(last) if pts <= last && (starts || is_key) => last + STEP,
            Some(last) if pts <= last => {
                self.broken = true;
                return Verdict::Drop;
            }
            _ => pts,
        };
        self.current = Some(rung);
        self.broken = false;
        self.last = Some(pts);
        Verdict::Pass { pts, moved }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn pass(pts: u64, moved: bool) -> Verdict {
        Verdict::Pass { pts, moved }
    }

    #[test]
    fn the_first_frame_is_a_key_unit() {
        let mut switch = Switch::new(0);
        assert_eq!(switch.take(0, false, 0), Verdict::Drop);
        assert_eq!(switch.take(1, true, 0), Verdict::Drop);
        assert_eq!(switch.take(0, true, 33 * MS), pass(33 * MS, true));
        assert_eq!(switch.take(0, false, 66 * MS), pass(66 * MS, false));
    }

    #[test]
    fn the_old_rung_goes_on_until_the_new_ones_key_unit() {
        let mut switch = Switch::new(0);
        switch.take(0, true, 0);
        switch.want(1);
        assert_eq!(switch.take(1, false, 33 * MS), Verdict::Drop);
        assert_eq!(switch.take(0, false, 33 * MS), pass(33 * MS, false));
        assert_eq!(switch.take(1, true, 66 * MS), pass(66 * MS, true));
        assert_eq!(switch.take(0, false, 66 * MS), Verdict::Drop);
        assert_eq!(switch.take(0, true, 99 * MS), Verdict::Drop);
    }

    #[test]
    fn a_key_unit_of_the_same_picture_follows_a_step_later() {
        let mut switch = Switch::new(0);
        switch.take(0, true, 33 * MS);
        switch.want(1);
        assert_eq!(switch.take(1, true, 33 * MS), pass(34 * MS, true));
        assert_eq!(switch.take(1, false, 66 * MS), pass(66 * MS, false));
    }

    #[test]
    fn after_a_loss_nothing_passes_before_a_key_unit_of_either_rung() {
        let mut switch = Switch::new(0);
        switch.take(0, true, 0);
        switch.lose();
        assert!(switch.waits());
        assert_eq!(switch.take(0, false, 33 * MS), Verdict::Drop);
        assert_eq!(switch.take(0, true, 66 * MS), pass(66 * MS, false));
        assert!(!switch.waits());
    }

    #[test]
    fn whatever_comes_timestamps_rise_and_each_delta_unit_has_all_before_it() {
        for seed in 0..2_000u64 {
            let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut next = |below: u64| {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                random % below
            };
            let mut switch = Switch::new(0);
            let (mut last, mut shown): (Option<u64>, Option<(usize, u64)>) = (None, None);
            for tick in 0..200u64 {
                match next(12) {
                    0 => switch.want(next(3) as usize),
                    1 => {
                        switch.lose();
                        shown = None;
                    }
                    _ => (),
                }
                for rung in 0..3 {
                    let key = next(9) == 0;
                    let pts = (tick * 33 + next(50)) * MS;
                    let Verdict::Pass { pts, .. } = switch.take(rung, key, pts) else {
                        // A delta unit that did not pass breaks the chain of its rung.
                        shown = shown.filter(|(of, _)| *of != rung);
                        continue;
                    };
                    assert!(last.is_none_or(|last| pts > last), "seed {seed}");
                    assert!(key || shown == Some((rung, tick - 1)), "seed {seed}");
                    last = Some(pts);
                    shown = Some((rung, tick));
                }
            }
        }
    }
}
