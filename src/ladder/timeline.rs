// SPDX-License-Identifier: MPL-2.0
//! Timestamps of a source, made to rise and to follow the clock. Pure.
//!
//! A receiver of frames takes what is between their timestamps and the clock for a network that is late, and
//! waits for it from then on. So a source whose time jumps (a seek, a pause) is put where the clock is.

/// Between two frames of which the second is not later: of the same picture, or with a timestamp that comes twice.
const STEP: i64 = 1_000_000;
/// Time that is this far from the clock has jumped; an encoder that starts late is not.
const JUMP: i64 = 1_000_000_000;
/// Less than that may be a picture that was late. What is as late for this long is late for good: the source was paused for a moment.
const OFF: i64 = 150_000_000;
const FOR_GOOD: i64 = 1_000_000_000;
/// A camera's clock differs a little from ours. It is followed by this part of the difference with each frame.
const FOLLOWS: i64 = 1 << 10;

/// See the [module](self). In nanoseconds.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    /// Added to what the source says.
    offset: i64,
    /// By how much frames are ahead of the clock when they come in time.
    lead: Option<i64>,
    /// Since when all have come too early, or too late.
    off: Option<(bool, i64)>,
    last: Option<i64>,
}

impl Timeline {
    /// Where something is that is `time` in by its source and comes at `now`: after all that was before.
    pub(crate) fn place(&mut self, time: u64, now: u64) -> u64 {
        // Bounded so that no sum of a few of them overflows.
        let signed = |nanos: u64| i64::try_from(nanos).unwrap_or(i64::MAX).min(i64::MAX / 8);
        let (time, now) = (signed(time), signed(now));
        let lead = *self.lead.get_or_insert(time - now);
        let ahead = time + self.offset - now - lead;
        if ahead.abs() > JUMP || self.is_off_for_good(ahead, now) {
            self.offset -= ahead;
            self.off = None;
        } else {
            self.lead = Some(lead + ahead / FOLLOWS);
        }
        let placed = time + self.offset;
        let placed = match self.last {
            Some(last) if placed <= last => last + STEP,
            _ => placed.max(0),
        };
        self.last = Some(placed);
        u64::try_from(placed).unwrap_or(0)
    }
    fn is_off_for_good(&mut self, ahead: i64, now: i64) -> bool {
        if ahead.abs() < OFF {
            self.off = None;
            return false;
        }
        let is_early = ahead > 0;
        let off = self.off.filter(|(was_early, _)| *was_early == is_early);
        let (_, since) = *self.off.insert(off.unwrap_or((is_early, now)));
        now - since > FOR_GOOD
    }
}
