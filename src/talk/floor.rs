// SPDX-License-Identifier: MPL-2.0
//! Who is heard at the robot. Pure: sessions, what comes of them and the time go in; who speaks and who waits comes out.

use std::{
    str::FromStr,
    sync::Arc,
    time::{Duration, Instant},
};

/// After this long without a packet a session speaks no more. Opus sends one every 20 ms, at most every 60 ms, so that
/// this outlasts a lost packet and the jitter of a radio, and who waits is heard before a pause is noticed.
pub(crate) const QUIET: Duration = Duration::from_millis(100);
/// Who has been heard for this long while somebody waited waits in turn: enough for what is said at a door, and no longer than
/// people wait with a button held down.
pub(crate) const MAX_TURN: Duration = Duration::from_secs(30);
/// Speakers at the same time with `talk=mix`: of more nobody understands a word.
pub(crate) const MAX_MIXED: usize = 8;

/// A session's id.
pub(crate) type Id = Arc<str>;

/// How many are heard at the same time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    One,
    Mix,
}

impl Mode {
    pub(crate) const ONE: &'static str = "one";
    pub(crate) const MIX: &'static str = "mix";

    fn places(self) -> usize {
        match self {
            Self::One => 1,
            Self::Mix => MAX_MIXED,
        }
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            Self::ONE => Ok(Self::One),
            Self::MIX => Ok(Self::Mix),
            _ => Err(()),
        }
    }
}

/// The sessions that send sound: the first speak, the others wait, in the order in which they began. Who has had the longest turn
/// goes to the end.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    mode: Mode,
    talkers: Vec<Talker>,
    /// When it was last settled.
    settled: Option<Instant>,
}

#[derive(Debug)]
struct Talker {
    id: Id,
    /// When its last packet came.
    last: Instant,
    /// For how long it has been heard while somebody waited.
    turn: Duration,
}

impl Floor {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    pub(crate) fn mode(&self) -> Mode {
        self.mode
    }

    /// Permitted sound of a session came. True if it did not talk before.
    pub(crate) fn heard(&mut self, id: &Id, now: Instant) -> bool {
        match self.talkers.iter_mut().find(|talker| talker.id == *id) {
            Some(talker) => {
                talker.last = talker.last.max(now);
                false
            }
            None => {
                self.talkers.push(Talker {
                    id: id.clone(),
                    last: now,
                    turn: Duration::ZERO,
                });
                true
            }
        }
    }

    /// The session left, or may talk no more. True if it talked.
    pub(crate) fn gone(&mut self, id: &str) -> bool {
        let before = self.talkers.len();
        self.talkers.retain(|talker| *talker.id != *id);
        self.talkers.len() != before
    }

    /// Lets go of who has fallen silent, and the next one speak after the longest turn. True if others speak or wait now.
    pub(crate) fn settle(&mut self, now: Instant) -> bool {
        let before = self.talkers.len();
        self.talkers
            .retain(|talker| now.saturating_duration_since(talker.last) < QUIET);
        let is_less = self.talkers.len() != before;
        let passed = self
            .settled
            .replace(now)
            .map(|settled| now.saturating_duration_since(settled))
            .unwrap_or_default();
        self.take_turns(passed) || is_less
    }

    /// True if somebody's turn is over.
    fn take_turns(&mut self, passed: Duration) -> bool {
        let places = self.mode.places();
        let waiting = self.talkers.len().saturating_sub(places);
        if waiting == 0 {
            return false;
        }
        for talker in self.talkers.iter_mut().take(places) {
            talker.turn += passed;
        }
        let mut is_over = false;
        for _ in 0..waiting {
            let mut speakers = self.talkers.iter().take(places);
            let Some(over) = speakers.position(|talker| talker.turn >= MAX_TURN) else {
                break;
            };
            let mut talker = self.talkers.remove(over);
            talker.turn = Duration::ZERO;
            self.talkers.push(talker);
            is_over = true;
        }
        is_over
    }

    pub(crate) fn speakers(&self) -> impl Iterator<Item = &Id> {
        self.talkers
            .iter()
            .take(self.mode.places())
            .map(|talker| &talker.id)
    }

    /// Who waits, the next first.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = &Id> {
        self.talkers
            .iter()
            .skip(self.mode.places())
            .map(|talker| &talker.id)
    }

    pub(crate) fn speaks(&self, id: &str) -> bool {
        self.speakers().any(|speaker| **speaker == *id)
    }
}

#[cfg(test)]
#[path = "floor_tests.rs"]
mod tests;
