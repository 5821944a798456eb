// SPDX-License-Identifier: MPL-2.0
//! Calls of before the server was restarted go on: their camera, their pages and their pictures come back within seconds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::bell::Begun;
use super::call::{Call, Recipient};
use super::{LONGEST_CALL, NO_ANSWER};
use crate::model::{CallRecord, Window};
use crate::room::{Now, Room};

impl Room {
    /// Takes up a call that was not over when the server ended. Whether it still could be; one that is too old cannot.
    pub fn restore_call(&mut self, record: &CallRecord, now: Now) -> bool {
        let elapsed = now.wall.duration_since(record.rang);
        let elapsed = Duration::try_from(elapsed).unwrap_or(Duration::ZERO);
        let is_answered = record.answered_by.is_some();
        let most = if is_answered { LONGEST_CALL } else { NO_ANSWER };
        if elapsed >= most || self.calls.at(&record.camera).is_some() {
            return false;
        }
        let mut recipients: BTreeMap<Arc<str>, Recipient> = BTreeMap::new();
        for (user, link) in &record.recipients {
            let recipient = Recipient::restored(link.clone(), now.mono);
            recipients.insert(user.as_str().into(), recipient);
        }
        for (user, after) in self.later_recipients(&record.camera, now) {
            if !recipients.contains_key(&user) && after >= elapsed {
                let recipient = Recipient::new((self.next_id)(), now.mono + (after - elapsed));
                recipients.insert(user, recipient);
            }
        }
        let by = record.answered_by.as_deref().map(Arc::from);
        let length = SignedDuration::try_from(LONGEST_CALL).unwrap_or(SignedDuration::ZERO);
        let begun = Begun {
            id: record.id.clone(),
            ring: record.ring.clone(),
            since: record.rang,
            window: Window {
                start: record.rang,
                end: record.rang + length,
            },
            call: Call::restored(recipients, by, elapsed, now.mono),
        };
        self.calls.begin(&record.camera, begun, now.mono);
        for (user, link) in &record.recipients {
            self.calls.join(&record.camera, user, link);
        }
        let has_snapshot = record.has_snapshot;
        self.calls.change(&record.camera, |running| {
            running.has_snapshot = has_snapshot
        });
        true
    }

    /// Those whom a rule has rung later.
    fn later_recipients(&self, camera: &str, now: Now) -> Vec<(Arc<str>, Duration)> {
        let doorbells = &self.calls.doorbells;
        let all = doorbells.recipients(camera, Vec::new, |_| false, now.wall);
        let later = all.into_iter().filter(|(_, after)| !after.is_zero());
        later.collect()
    }
}
