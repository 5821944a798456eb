// SPDX-License-Identifier: MPL-2.0
//! Share links that were taken back a moment ago, so that a slip can be undone. Pure. In memory alone: a server that has
//! restarted, and another one on the same database, know of none.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};

use crate::model::Share;

/// For someone to see that it was the wrong one, with some to spare for the page that asks.
const UNDO_TIME: SignedDuration = SignedDuration::from_secs(60);
/// Of several that were selected at once, all. The oldest go beyond that.
const MAX_REMOVED: usize = 200;

#[derive(Default)]
pub(super) struct Removed {
    /// The latest last.
    shares: VecDeque<(Timestamp, Share)>,
}

impl Removed {
    pub(super) fn put(&mut self, share: Share, at: Timestamp) {
        self.forget(at);
        if self.shares.len() >= MAX_REMOVED {
            self.shares.pop_front();
        }
        self.shares.push_back((at, share));
    }

    pub(super) fn get(&mut self, id: &str, now: Timestamp) -> Option<Share> {
        self.forget(now);
        let mut all = self.shares.iter();
        all.find(|(_, share)| share.id == id)
            .map(|(_, share)| share.clone())
    }

    pub(super) fn restored(&mut self, id: &str) {
        self.shares.retain(|(_, share)| share.id != id);
    }

    /// The secrets of what is out of reach are not kept.
    fn forget(&mut self, now: Timestamp) {
        let is_late =
            |at: Timestamp| !(SignedDuration::ZERO..UNDO_TIME).contains(&now.duration_since(at));
        self.shares.retain(|(at, _)| !is_late(*at));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Window;
    use crate::registry::SecretDigest;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn share(id: &str) -> Share {
        Share {
            id: id.to_owned(),
            camera: "front".to_owned(),
            secret: SecretDigest::of(id),
            window: Window {
                start: at(0),
                end: at(1000),
            },
            perms: [].into(),
            saving: true,
            max_uses: 1,
            uses: 1,
            note: String::new(),
            created: at(0),
        }
    }

    #[test]
    fn it_is_there_for_a_minute_and_no_longer() {
        let mut removed = Removed::default();
        removed.put(share("a"), at(100));
        assert!(removed.get("b", at(100)).is_none());
        assert!(removed.get("a", at(159)).is_some());
        assert!(removed.get("a", at(160)).is_none());
        assert!(removed.shares.is_empty(), "nothing of it is kept");
        removed.put(share("a"), at(100));
        assert!(removed.get("a", at(99)).is_none(), "the clock was set back");
    }

    #[test]
    fn the_oldest_go_and_what_was_put_back_is_gone() {
        let mut removed = Removed::default();
        for n in 0..=MAX_REMOVED {
            removed.put(share(&n.to_string()), at(100));
        }
        assert!(removed.get("0", at(100)).is_none());
        assert!(removed.get("1", at(100)).is_some());
        removed.restored("1");
        assert!(removed.get("1", at(100)).is_none());
    }
}
