// SPDX-License-Identifier: MPL-2.0
//! Refusals added up: whoever asks again and again for what it may not have fills no disk. Pure: the time is an argument.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use porthole_protocol::wire::Code;
use serde_json::json;

use crate::model::AuditEntry;

/// The first refusal of someone is written at once, those of the minute after it as one.
pub(super) const MINUTE: Duration = Duration::from_secs(60);
/// People whose refusals are added up at a time. Of further ones only the number of all is kept.
const MAX_USERS: usize = 1024;
/// Reasons and cameras told apart in one sum, since a viewer may ask for any number of cameras.
const MAX_CAMERAS: usize = 16;

#[derive(Default)]
pub(super) struct Refusals {
    by_user: HashMap<String, Sum>,
    /// Those of people for whom there was no place.
    others: u64,
}

/// What was refused to one person after the first time.
struct Sum {
    until: Instant,
    count: u64,
    last: Timestamp,
    reasons: BTreeMap<String, u64>,
    cameras: BTreeMap<String, u64>,
}

impl Refusals {
    /// Takes one in. Whether it is to be written by itself.
    pub(super) fn add(
        &mut self,
        user: &str,
        camera: Option<&str>,
        reason: Code,
        (at, now): (Timestamp, Instant),
    ) -> bool {
        if let Some(sum) = self.by_user.get_mut(user) {
            sum.count += 1;
            sum.last = at;
            *sum.reasons.entry(reason.to_string()).or_default() += 1;
            if let Some(camera) = camera
                && (sum.cameras.len() < MAX_CAMERAS || sum.cameras.contains_key(camera))
            {
                *sum.cameras.entry(camera.to_owned()).or_default() += 1;
            }
            return false;
        }
        if self.by_user.len() >= MAX_USERS {
            self.others += 1;
            return false;
        }
        let sum = Sum {
            until: now + MINUTE,
            count: 0,
            last: at,
            reasons: BTreeMap::new(),
            cameras: BTreeMap::new(),
        };
        self.by_user.insert(user.to_owned(), sum);
        true
    }

    /// The sums that are due, or all.
    pub(super) fn due(&mut self, now: Option<Instant>, at: Timestamp) -> Vec<AuditEntry> {
        let is_due = |sum: &Sum| now.is_none_or(|now| sum.until <= now);
        let due = self.by_user.iter().filter(|(_, sum)| is_due(sum));
        let due: Vec<_> = due.map(|(user, _)| user.clone()).collect();
        let mut entries = Vec::new();
        for user in due {
            if let Some(sum) = self.by_user.remove(&user)
                && sum.count > 0
            {
                entries.push(sum.entry(user));
            }
        }
        if self.others > 0 && self.by_user.len() < MAX_USERS {
            let count = std::mem::take(&mut self.others);
            entries.push(AuditEntry {
                at,
                actor: "server".to_owned(),
                action: "session.refused".to_owned(),
                camera: None,
                user: None,
                subject: None,
                details: json!({ "count": count, "of": "others" }),
            });
        }
        entries
    }
}

impl Sum {
    fn entry(self, user: String) -> AuditEntry {
        let only = match self.cameras.len() {
            1 => self.cameras.keys().next().cloned(),
            _ => None,
        };
        let mut details = json!({ "count": self.count, "reasons": self.reasons });
        if only.is_none() && !self.cameras.is_empty() {
            details["cameras"] = json!(self.cameras);
        }
        AuditEntry {
            at: self.last,
            actor: user.clone(),
            action: "session.refused".to_owned(),
            camera: only,
            user: Some(user),
            subject: None,
            details,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(entries: &[AuditEntry]) -> Vec<u64> {
        let count = |entry: &AuditEntry| entry.details["count"].as_u64().unwrap();
        entries.iter().map(count).collect()
    }

    #[test]
    fn the_first_is_written_at_once_and_the_rest_of_the_minute_as_one() {
        let (mut refusals, start, at) = (Refusals::default(), Instant::now(), Timestamp::now());
        let mut add = |camera, reason, now| refusals.add("alice", Some(camera), reason, (at, now));
        assert!(add("front", Code::NoBooking, start));
        for n in 0..27_000_000 / 24 / 60 {
            let reason = if n % 2 == 0 {
                Code::NoBooking
            } else {
                Code::CameraOffline
            };
            assert!(!add("front", reason, start));
        }
        assert!(refusals.due(Some(start), at).is_empty());
        let due = refusals.due(Some(start + MINUTE), at);
        assert_eq!(counts(&due), [18_750]);
        assert_eq!(
            (due[0].camera.as_deref(), &due[0].actor),
            (Some("front"), &"alice".to_owned())
        );
        assert_eq!(
            due[0].details["reasons"],
            json!({ "no-booking": 9375, "camera-offline": 9375 })
        );
        // Nobody who was refused once is written down twice.
        assert!(refusals.add("bob", None, Code::NoSuchCamera, (at, start)));
        assert!(refusals.due(None, at).is_empty() && refusals.by_user.is_empty());
    }

    #[test]
    fn any_number_of_people_and_cameras_takes_a_bounded_place() {
        let (mut refusals, now, at) = (Refusals::default(), Instant::now(), Timestamp::now());
        let mut written = 0;
        for n in 0..MAX_USERS * 3 {
            let user = n.to_string();
            written += usize::from(refusals.add(&user, Some("a"), Code::NoBooking, (at, now)));
        }
        assert_eq!(written, MAX_USERS);
        for n in 0..1000 {
            refusals.add("0", Some(&n.to_string()), Code::NoBooking, (at, now));
        }
        let due = refusals.due(None, at);
        assert_eq!(counts(&due), [1000, MAX_USERS as u64 * 2]);
        assert_eq!(
            due[0].details["cameras"].as_object().unwrap().len(),
            MAX_CAMERAS
        );
        assert_eq!(
            (due[1].user.as_ref(), &due[1].details["of"]),
            (None, &json!("others"))
        );
    }
}
