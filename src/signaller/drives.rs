// SPDX-License-Identifier: MPL-2.0
//! What the server has to hear of who drives. Pure: time is an argument.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use porthole_protocol::drive::{Drive, DriveEnd, DriveReason};

use crate::driving::DriverChange;

/// Drives that are over and that the server has not heard of, since it is away. The oldest give way.
const MAX_UNTOLD: usize = 64;

#[derive(Debug)]
struct Running {
    session: String,
    began: Instant,
    is_told: bool,
}

#[derive(Debug)]
struct Over {
    session: String,
    began: Instant,
    ended: Instant,
    reason: DriveReason,
}

#[derive(Debug, Default)]
pub(super) struct Drives {
    now: Option<Running>,
    untold: VecDeque<Over>,
}

impl Drives {
    /// Another one drives, or nobody. How long the one before did.
    pub(super) fn change(&mut self, change: &DriverChange, now: Instant) -> Option<Duration> {
        let driver = change.driver.as_ref();
        let next = driver.map(|driver| Running {
            session: driver.session.clone(),
            began: now,
            is_told: false,
        });
        let before = std::mem::replace(&mut self.now, next)?;
        let (_, reason) = change.before.as_ref()?;
        if self.untold.len() >= MAX_UNTOLD {
            self.untold.pop_front();
        }
        self.untold.push_back(Over {
            session: before.session,
            began: before.began,
            ended: now,
            reason: *reason,
        });
        Some(now.saturating_duration_since(before.began))
    }

    /// A server that was away may have forgotten who drives.
    pub(super) fn tell_again(&mut self) {
        if let Some(running) = &mut self.now {
            running.is_told = false;
        }
    }

    /// What the server has not heard. It is not said twice.
    pub(super) fn untold(&mut self, now: Instant) -> Vec<Drive> {
        let ago = |at: Instant| {
            let ago = now.saturating_duration_since(at).as_millis();
            u64::try_from(ago).unwrap_or(u64::MAX)
        };
        let over = self.untold.drain(..).map(|over| Drive {
            session_id: over.session,
            began: ago(over.began),
            end: Some(DriveEnd {
                ago: ago(over.ended),
                reason: over.reason,
            }),
        });
        let mut drives: Vec<_> = over.collect();
        if let Some(running) = self.now.as_mut().filter(|running| !running.is_told) {
            running.is_told = true;
            drives.push(Drive {
                session_id: running.session.clone(),
                began: ago(running.began),
                end: None,
            });
        }
        drives
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driving::Driver;

    fn driver(session: &str) -> Option<Driver> {
        let (session, user) = (session.to_owned(), "alice".to_owned());
        Some(Driver { session, user })
    }

    fn change(from: Option<&str>, to: Option<&str>) -> DriverChange {
        let before = from.and_then(driver);
        DriverChange {
            driver: to.and_then(driver),
            before: before.map(|driver| (driver, DriveReason::HandedOver)),
        }
    }

    #[test]
    fn each_drive_is_told_with_how_long_ago_it_was_and_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut drives = Drives::default();
        assert_eq!(drives.change(&change(None, Some("a")), start), None);
        let told = drives.untold(at(5));
        assert_eq!((told[0].began, told[0].end), (5, None));
        assert_eq!(drives.untold(at(6)), []);
        let lasted = drives.change(&change(Some("a"), Some("b")), at(100));
        assert_eq!(lasted, Some(Duration::from_millis(100)));
        let [over, next] = &drives.untold(at(120))[..] else {
            panic!("two drives")
        };
        assert_eq!((over.session_id.as_str(), over.began), ("a", 120));
        let end = over.end.unwrap();
        assert_eq!((end.ago, end.reason), (20, DriveReason::HandedOver));
        assert_eq!((next.session_id.as_str(), next.end), ("b", None));
        drives.tell_again();
        assert_eq!(drives.untold(at(300))[0].began, 200);
    }

    #[test]
    fn while_the_server_is_away_the_latest_are_kept() {
        let now = Instant::now();
        let mut drives = Drives::default();
        drives.change(&change(None, Some("0")), now);
        for n in 1..=1_000 {
            let (from, to) = ((n - 1).to_string(), n.to_string());
            drives.change(&change(Some(&from), Some(&to)), now);
        }
        let told = drives.untold(now);
        assert_eq!(told.len(), MAX_UNTOLD + 1);
        assert_eq!(told.last().unwrap().session_id, "1000");
    }
}
