// SPDX-License-Identifier: MPL-2.0
//! Whether pictures come in, and whether what comes in encoded can be begun with. Pure.

use std::time::{Duration, Instant};

/// So long without a picture, and none comes: one a second is the least that anybody calls a picture.
const PAUSE: Duration = Duration::from_millis(2_500);
/// Whoever encodes makes a key unit soon after it was asked for one, or never.
const KEY_PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug, Default)]
pub(super) struct Flow {
    frames: u64,
    last: Option<Instant>,
    /// Since when a first key unit has been waited for.
    waits: Option<Instant>,
    /// It has been said that key units do not come when viewers need them.
    is_told: bool,
}

impl Flow {
    /// `frames` have come in so far.
    pub(super) fn note(&mut self, frames: u64, now: Instant) {
        if frames != self.frames {
            self.frames = frames;
            self.last = Some(now);
        }
    }

    pub(super) fn is_flowing(&self, now: Instant) -> bool {
        let is_recent = |last: Instant| now.saturating_duration_since(last) < PAUSE;
        self.last.is_some_and(is_recent)
    }

    /// A first key unit is waited for from now on.
    pub(super) fn await_key(&mut self, now: Instant) {
        self.waits = Some(now);
    }

    pub(super) fn has_key(&mut self) {
        self.waits = None;
    }

    /// Whether it is waited for in vain although frames come; once.
    pub(super) fn lacks_key(&mut self, now: Instant) -> bool {
        let is_late = |since: Instant| now.saturating_duration_since(since) >= KEY_PATIENCE;
        let lacks = self.waits.is_some_and(is_late) && self.is_flowing(now);
        if lacks {
            self.waits = None;
        }
        lacks
    }

    /// Whether viewers have waited in vain for one since then although frames come; once.
    pub(super) fn lacks_key_since(&mut self, since: Instant, now: Instant) -> bool {
        let is_late = now.saturating_duration_since(since) >= KEY_PATIENCE;
        let tells = is_late && self.is_flowing(now) && !self.is_told;
        self.is_told |= tells;
        tells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_picture_a_second_flows_and_none_does_not() {
        let (mut flow, start) = (Flow::default(), Instant::now());
        for tenth in 0..100_u64 {
            let now = start + Duration::from_millis(tenth * 100);
            flow.note(1 + tenth / 10, now);
            assert!(flow.is_flowing(now));
        }
        assert!(!flow.is_flowing(start + Duration::from_secs(15)));
    }

    #[test]
    fn a_stream_without_a_key_unit_is_told_of_once_within_five_seconds() {
        let (mut flow, start) = (Flow::default(), Instant::now());
        flow.await_key(start);
        let told: Vec<u64> = (0..200)
            .filter(|tenth| {
                let now = start + Duration::from_millis(tenth * 100);
                flow.note(1 + tenth, now);
                flow.lacks_key(now)
            })
            .collect();
        assert_eq!(told, [40]);
        flow.await_key(start);
        flow.has_key();
        assert!(!flow.lacks_key(start + Duration::from_secs(60)));
    }
}
