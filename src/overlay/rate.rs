// SPDX-License-Identifier: MPL-2.0
//! The frame rate of a stream that negotiated none.

/// Weight of the newest frame in the mean: steady enough to read, settled after about a second.
const NEWEST: f64 = 0.1;

/// Longer gaps are pauses, not frames, in nanoseconds.
const PAUSE: u64 = 5_000_000_000;

/// A moving mean of the time between frames.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    last: Option<u64>,
    period: f64,
}

impl Rate {
    /// Takes a frame's timestamp in nanoseconds.
    pub(crate) fn push(&mut self, timestamp: u64) {
        let elapsed = self.last.and_then(|last| timestamp.checked_sub(last));
        self.last = Some(timestamp);
        match elapsed {
            Some(elapsed @ 1..PAUSE) if self.period > 0.0 => {
                self.period += NEWEST * (elapsed as f64 - self.period);
            }
            Some(elapsed @ 1..PAUSE) => self.period = elapsed as f64,
            _ => (),
        }
    }

    /// Frames a second, a whole number so that the text is calm; 0 if unknown.
    pub(crate) fn fps(&self) -> f64 {
        if self.period > 0.0 {
            (1e9 / self.period).round()
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(timestamps: impl IntoIterator<Item = u64>) -> f64 {
        let mut rate = Rate::default();
        timestamps.into_iter().for_each(|t| rate.push(t));
        rate.fps()
    }

    #[test]
    fn steady_frames_have_their_rate() {
        assert_eq!(rate((0..9).map(|i| i * 40_000_000)), 25.0);
    }

    #[test]
    fn less_than_two_frames_have_no_rate() {
        assert_eq!(rate([]), 0.0);
        assert_eq!(rate([7]), 0.0);
    }

    #[test]
    fn pauses_jumps_back_and_repeated_timestamps_do_not_count() {
        let at = |ms: u64| ms * 1_000_000;
        assert_eq!(
            rate([at(0), at(40), at(60_000), at(60_040), at(0), at(0)]),
            25.0
        );
    }
}
