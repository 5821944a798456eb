// SPDX-License-Identifier: MPL-2.0
//! The calls of now, as they are told and written down. Pure, but for the watches by which their news is told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use porthole_protocol::wire::CallState;
use tokio::sync::watch;

use super::notice::CallProgress;
use crate::model::CallRecord;
use crate::rights::share_user;
use crate::room::{CallChange, CallEvent, LONGEST_CALL};

/// How long a call that is over is waited for its picture: also of one that nobody could be rung for there is one to look back at.
pub(super) const LINGER: Duration = Duration::from_secs(15);

/// A call.
pub(super) struct Entry {
    pub(super) record: CallRecord,
    pub(super) until: Timestamp,
    progress: watch::Sender<CallProgress>,
    made: Instant,
    over: Option<Instant>,
}

/// What follows from what happened.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    Nothing,
    /// Tell this one, by whose link.
    Tell {
        user: Arc<str>,
        link: String,
    },
    /// These links are void.
    End(Vec<String>),
}

#[derive(Default)]
pub(super) struct Book {
    calls: BTreeMap<String, Entry>,
}

impl Entry {
    pub(super) fn progress(&self) -> watch::Receiver<CallProgress> {
        self.progress.subscribe()
    }

    /// Whether this is someone whom it rang, or who has opened a link of it.
    pub(super) fn rang(&self, user: &str) -> bool {
        let recipients = &self.record.recipients;
        recipients.contains_key(user) || recipients.values().any(|link| share_user(link) == user)
    }

    pub(super) fn snapshot(&self) -> Option<Arc<[u8]>> {
        self.progress.borrow().snapshot.clone()
    }

    fn is_forgotten(&self, now: Instant) -> bool {
        let since = |from: Instant| now.saturating_duration_since(from);
        // Of one whose end was lost nothing is heard any more.
        since(self.made) > LONGEST_CALL + LINGER
            || self.over.is_some_and(|over| since(over) > LINGER)
    }
}

impl Book {
    pub(super) fn get(&self, call: &str) -> Option<&Entry> {
        self.calls.get(call)
    }

    /// The call that this press of a camera has made.
    pub(super) fn of_ring(&self, camera: &str, ring: &str) -> Option<&Entry> {
        let mut calls = self.calls.values();
        calls.find(|entry| entry.record.camera == camera && entry.record.ring == ring)
    }

    /// Keeps the picture of a call. Whether there was none before.
    pub(super) fn put_snapshot(&mut self, call: &str, jpeg: Arc<[u8]>) -> bool {
        let Some(entry) = self.calls.get_mut(call).filter(|e| !e.record.has_snapshot) else {
            return false;
        };
        entry.record.has_snapshot = true;
        entry
            .progress
            .send_modify(|progress| progress.snapshot = Some(jpeg));
        true
    }

    /// Takes over what happened.
    pub(super) fn take(&mut self, event: &CallEvent, at: Timestamp, now: Instant) -> Step {
        if let CallChange::Made {
            ring,
            name,
            by,
            until,
            ..
        } = &event.change
        {
            let record = CallRecord {
                id: event.call.clone(),
                ring: ring.clone(),
                camera: event.camera.clone(),
                name: name.clone(),
                rang: at,
                rang_by: by.clone(),
                recipients: BTreeMap::new(),
                answered: None,
                answered_by: None,
                talking: None,
                door_opened: None,
                ended: None,
                reason: None,
                has_snapshot: false,
            };
            self.insert(record, *until, now);
            return Step::Nothing;
        }
        let Some(entry) = self.calls.get_mut(&event.call) else {
            return Step::Nothing;
        };
        let record = &mut entry.record;
        let (mut state, mut step) = (None, Step::Nothing);
        match &event.change {
            CallChange::Made { .. } | CallChange::Declined { .. } => (),
            CallChange::Rings { user, link } => {
                record.recipients.insert(user.to_string(), link.clone());
                step = Step::Tell {
                    user: user.clone(),
                    link: link.clone(),
                };
            }
            CallChange::Left { user } => {
                let link = record.recipients.get(&**user).cloned();
                step = Step::End(link.into_iter().collect());
            }
            CallChange::Answered { by } => {
                record.answered = Some(at);
                record.answered_by = Some(by.to_string());
                state = Some(CallState::Answered);
            }
            CallChange::Talking { by } => {
                record.answered_by = Some(by.to_string());
                record.talking.get_or_insert(at);
                state = Some(CallState::Talking);
            }
            CallChange::DoorOpened { at } => {
                record.door_opened.get_or_insert(*at);
            }
            CallChange::Ended { reason, .. } => {
                record.ended = Some(at);
                record.reason = Some(*reason);
                entry.over = Some(now);
                state = Some(CallState::Ended);
                step = Step::End(record.recipients.values().cloned().collect());
            }
        }
        if let Some(state) = state {
            let (by, reason) = (record.answered_by.clone(), record.reason);
            entry.progress.send_modify(|progress| {
                (progress.state, progress.by, progress.reason) = (state, by, reason);
            });
        }
        step
    }

    /// Keeps a call that runs, also one of before a restart, whose picture is in the database.
    pub(super) fn insert(&mut self, record: CallRecord, until: Timestamp, now: Instant) {
        let (progress, _) = watch::channel(CallProgress {
            state: match record.answered_by {
                Some(_) => CallState::Answered,
                None => CallState::Ringing,
            },
            by: record.answered_by.clone(),
            reason: None,
            snapshot: None,
        });
        let entry = Entry {
            record,
            until,
            progress,
            made: now,
            over: None,
        };
        self.calls.insert(entry.record.id.clone(), entry);
    }

    /// Forgets those of which nothing comes any more.
    pub(super) fn forget(&mut self, now: Instant) {
        self.calls.retain(|_, entry| !entry.is_forgotten(now));
    }
}

#[cfg(test)]
mod tests {
    use porthole_protocol::wire::CallEnd;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn event(change: CallChange) -> CallEvent {
        CallEvent {
            call: "c".to_owned(),
            camera: "front".to_owned(),
            change,
        }
    }

    fn made() -> CallEvent {
        event(CallChange::Made {
            ring: "r".to_owned(),
            name: "Front door".to_owned(),
            by: None,
            until: at(900),
            missed: 0,
        })
    }

    fn ended() -> CallEvent {
        event(CallChange::Ended {
            by: None,
            reason: CallEnd::HungUp,
            since: at(0),
        })
    }

    #[test]
    fn a_call_is_followed_from_the_press_to_a_while_after_its_end() {
        let (mut book, now) = (Book::default(), Instant::now());
        assert_eq!(book.take(&made(), at(0), now), Step::Nothing);
        let rings = event(CallChange::Rings {
            user: "alice".into(),
            link: "l".to_owned(),
        });
        let told = Step::Tell {
            user: "alice".into(),
            link: "l".to_owned(),
        };
        assert_eq!(book.take(&rings, at(0), now), told);
        let entry = book.of_ring("front", "r").unwrap();
        let progress = entry.progress();
        assert!(entry.rang("alice") && entry.rang("share:l") && !entry.rang("bob"));
        assert!(book.of_ring("back", "r").is_none());
        let by = || "alice".into();
        book.take(&event(CallChange::Answered { by: by() }), at(3), now);
        book.take(&event(CallChange::Talking { by: by() }), at(4), now);
        assert_eq!(progress.borrow().state, CallState::Talking);
        let end = book.take(&ended(), at(9), now);
        assert_eq!(end, Step::End(vec!["l".to_owned()]));
        assert_eq!(progress.borrow().reason, Some(CallEnd::HungUp));
        assert_eq!(progress.borrow().by.as_deref(), Some("alice"));
        // The camera may say it after the end, and says it each time.
        for second in [7, 8] {
            book.take(
                &event(CallChange::DoorOpened { at: at(second) }),
                at(10),
                now,
            );
        }
        let record = &book.get("c").unwrap().record;
        let times = [record.answered, record.talking, record.door_opened];
        assert_eq!(times, [Some(at(3)), Some(at(4)), Some(at(7))]);
        assert_eq!(record.ended, Some(at(9)));
        book.forget(now + LINGER);
        assert!(book.get("c").is_some());
        book.forget(now + LINGER + Duration::from_millis(1));
        assert!(book.get("c").is_none() && progress.has_changed().is_err());
    }

    #[test]
    fn one_whose_end_was_lost_is_forgotten_too() {
        let (mut book, now) = (Book::default(), Instant::now());
        book.take(&made(), at(0), now);
        book.forget(now + LONGEST_CALL + LINGER);
        assert!(book.get("c").is_some());
        book.forget(now + LONGEST_CALL + 2 * LINGER);
        assert!(book.get("c").is_none());
        assert_eq!(book.take(&ended(), at(9), now), Step::Nothing);
    }

    #[test]
    fn there_is_one_picture_of_a_press() {
        let (mut book, now) = (Book::default(), Instant::now());
        book.take(&made(), at(0), now);
        assert!(!book.put_snapshot("other", Arc::from([1])));
        assert!(book.put_snapshot("c", Arc::from([2])));
        assert!(!book.put_snapshot("c", Arc::from([3])));
        let kept = book.get("c").unwrap().snapshot();
        assert_eq!(kept.as_deref(), Some(&[2][..]));
    }
}
