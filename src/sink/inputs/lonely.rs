// SPDX-License-Identifier: MPL-2.0
//! Sound that comes in where no picture does: viewers wait for one, and somebody has to say so. Pure.

use std::time::{Duration, Instant};

/// A camera takes a few seconds to start.
const PATIENCE: Duration = Duration::from_secs(4);

#[derive(Debug, Default)]
pub(super) struct Lonely {
    since: Option<Instant>,
    is_told: bool,
}

impl Lonely {
    /// Sound has come in; whether it is time to say that it is alone, which is said once.
    pub(super) fn note(&mut self, has_picture: bool, now: Instant) -> bool {
        if has_picture {
            self.is_told = true;
        }
        let since = *self.since.get_or_insert(now);
        let is_late = now.saturating_duration_since(since) >= PATIENCE;
        let tells = is_late && !self.is_told;
        self.is_told |= tells;
        tells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_that_stays_alone_is_told_of_once_within_five_seconds() {
        let (mut lonely, start) = (Lonely::default(), Instant::now());
        let told =
            (0..500u64).filter(|tick| lonely.note(false, start + Duration::from_millis(tick * 20)));
        assert_eq!(told.collect::<Vec<_>>(), [200]);
    }

    #[test]
    fn a_picture_that_comes_in_time_is_not_missed() {
        let (mut lonely, start) = (Lonely::default(), Instant::now());
        assert!(!lonely.note(false, start));
        assert!(!lonely.note(true, start + Duration::from_secs(1)));
        assert!(!lonely.note(false, start + Duration::from_secs(9)));
    }
}
