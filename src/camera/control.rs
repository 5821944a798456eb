// SPDX-License-Identifier: MPL-2.0
//! When the camera is open. Pure: time is an argument.

use std::time::{Duration, Instant};

/// How far the camera is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Camera {
    Closed,
    /// Open, without a frame so far.
    Opening,
    Live,
}

impl Camera {
    /// As it stands in the bus message.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Opening => "opening",
            Self::Live => "live",
        }
    }
}

/// Decides between open and closed.
#[derive(Debug)]
pub(crate) struct Control {
    pub(crate) camera: Camera,
    wanted: bool,
    idle_since: Option<Instant>,
}

impl Control {
    /// `demand` is what the sink said so far; if it said nothing the camera always runs.
    pub(crate) fn new(demand: Option<bool>) -> Self {
        Self {
            camera: Camera::Closed,
            wanted: demand.unwrap_or(true),
            idle_since: None,
        }
    }

    pub(crate) fn demand(&mut self, active: bool, now: Instant) {
        if self.wanted && !active {
            self.idle_since = Some(now);
        }
        self.wanted = active;
    }

    /// Whether the camera is to be opened now.
    pub(crate) fn must_open(&self) -> bool {
        self.wanted && self.camera == Camera::Closed
    }

    /// Whether the camera is to be closed now, `idle_timeout` after its last viewer left.
    pub(crate) fn must_close(&self, idle_timeout: Duration, now: Instant) -> bool {
        self.close_at(idle_timeout).is_some_and(|at| at <= now)
    }

    /// When [`Self::must_close`] turns true if nothing else happens.
    pub(crate) fn close_at(&self, idle_timeout: Duration) -> Option<Instant> {
        match self.idle_since {
            Some(since) if !self.wanted && self.camera != Camera::Closed => {
                Some(since + idle_timeout)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(5);

    #[test]
    fn without_a_word_of_demand_the_camera_always_runs() {
        let control = Control::new(None);
        assert!(control.must_open());
    }

    #[test]
    fn it_opens_with_the_first_viewer_and_closes_a_while_after_the_last() {
        let start = Instant::now();
        let mut control = Control::new(Some(false));
        assert!(!control.must_open());
        control.demand(true, start);
        assert!(control.must_open());
        control.camera = Camera::Live;
        control.demand(false, start);
        assert!(!control.must_close(IDLE, start));
        assert!(control.must_close(IDLE, start + IDLE));
    }

    #[test]
    fn a_viewer_who_comes_back_in_time_keeps_it_open() {
        let start = Instant::now();
        let mut control = Control::new(Some(true));
        control.camera = Camera::Live;
        control.demand(false, start);
        control.demand(true, start + IDLE / 2);
        assert!(!control.must_close(IDLE, start + IDLE * 9));
        assert_eq!(control.close_at(IDLE), None);
    }

    #[test]
    fn no_demand_said_again_does_not_put_off_the_end() {
        let start = Instant::now();
        let mut control = Control::new(Some(true));
        control.camera = Camera::Live;
        control.demand(false, start);
        control.demand(false, start + IDLE / 2);
        assert!(control.must_close(IDLE, start + IDLE));
    }
}
