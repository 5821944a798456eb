// SPDX-License-Identifier: MPL-2.0
//! What the server has to hear of who wanted the door open. Pure: time is an argument.

use std::{collections::VecDeque, time::Instant};

use porthole_protocol::door::DoorRequest;

use crate::opening::DoorAsked;

/// Those that the server has not heard of, since it is away. The oldest give way.
const MAX_UNTOLD: usize = 64;

#[derive(Debug, Default)]
pub(super) struct Doors(VecDeque<(DoorAsked, Instant)>);

impl Doors {
    pub(super) fn add(&mut self, asked: DoorAsked, now: Instant) {
        if self.0.len() >= MAX_UNTOLD {
            self.0.pop_front();
        }
        self.0.push_back((asked, now));
    }

    /// What the server has not heard. It is not said twice.
    pub(super) fn untold(&mut self, now: Instant) -> Vec<DoorRequest> {
        let request = |(asked, at): (DoorAsked, Instant)| {
            let ago = now.saturating_duration_since(at).as_millis();
            DoorRequest {
                session_id: asked.session,
                ago: u64::try_from(ago).unwrap_or(u64::MAX),
                result: asked.result,
                call_id: asked.call,
                detail: asked.detail,
            }
        };
        self.0.drain(..).map(request).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::opening::DoorResult;

    #[test]
    fn each_is_told_once_with_how_long_ago_it_was_and_the_latest_are_kept() {
        let now = Instant::now();
        let mut doors = Doors::default();
        for n in 0..1_000 {
            let asked = DoorAsked {
                session: n.to_string(),
                user: "alice".into(),
                result: DoorResult::Opened,
                call: Some("c".into()),
                detail: None,
            };
            doors.add(asked, now);
        }
        let told = doors.untold(now + Duration::from_millis(5));
        assert_eq!(told.len(), MAX_UNTOLD);
        let last = told.last().unwrap();
        assert_eq!((last.session_id.as_str(), last.ago), ("999", 5));
        assert_eq!(last.call_id.as_deref(), Some("c"));
        assert_eq!(doors.untold(now), []);
    }
}
