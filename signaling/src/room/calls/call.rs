// SPDX-License-Identifier: MPL-2.0
//! One call, from the press of the button to its end: a pure state machine. Time is an argument, and [`Call::due`] says when
//! [`Call::tick`] has something to do. Whom a change is told, and what anybody may do because of it, is the room's to say.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use porthole_protocol::wire::{CallEnd, CallPart, CallState};

/// How long a call rings: somebody finds a telephone, and nobody waits longer at a door.
pub const NO_ANSWER: Duration = Duration::from_secs(45);
/// From the answer to the first picture: a page that opens on a telephone, by way of a relay.
pub const NO_MEDIA: Duration = Duration::from_secs(20);
/// For whoever has answered and lost the picture to have one again: a page that is loaded again, another network.
pub const MEDIA_RETURN: Duration = Duration::from_secs(10);
/// For a camera whose link to the server broke: as long as its sessions go on without one (`orphan-timeout`).
pub const CAMERA_RETURN: Duration = Duration::from_secs(60);
/// From the press to the end of any call: a right that somebody forgot is none.
pub const LONGEST_CALL: Duration = Duration::from_secs(15 * 60);

/// Someone whom a call rings, or will.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    /// The id of the link that is good for this one in this call.
    pub(super) link: String,
    rings_at: Instant,
    hears: Hears,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hears {
    /// Not yet.
    Nothing,
    Rings,
    /// Has declined.
    Declined,
}

impl Recipient {
    pub(super) fn new(link: String, rings_at: Instant) -> Self {
        Self {
            link,
            rings_at,
            hears: Hears::Nothing,
        }
    }

    /// One to whom it had come before the server was restarted.
    pub(super) fn restored(link: String, now: Instant) -> Self {
        Self {
            hears: Hears::Rings,
            ..Self::new(link, now)
        }
    }

    /// Whether the call has come to this one.
    pub(super) fn is_rung(&self) -> bool {
        self.hears != Hears::Nothing
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Ringing {
        until: Instant,
    },
    Answered {
        by: Arc<str>,
        media_by: Instant,
    },
    Talking {
        by: Arc<str>,
        /// Without a picture: until when it has to be back.
        back_by: Option<Instant>,
    },
    Ended {
        by: Option<Arc<str>>,
        reason: CallEnd,
    },
}

/// What has become another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// These are rung from now on.
    Rings(Vec<Arc<str>>),
    /// This one is rung no more.
    Declined(Arc<str>),
    /// This one has no part in it any more.
    Left(Arc<str>, Recipient),
    /// This one has answered.
    Answered(Arc<str>),
    /// All who are in it hear how far it is: answered, talked in or over.
    State,
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.link == other.link
    }
}

impl Eq for Recipient {}

/// Why somebody's word changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It does not ring this one, or is over.
    NoSuchCall,
    /// Somebody else has answered.
    Taken,
    /// Nobody has answered, and there is nothing to hang up.
    NotAnswered,
}

type Changes = Result<Vec<Change>, Refused>;

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    recipients: BTreeMap<Arc<str>, Recipient>,
    state: State,
    expires: Instant,
    /// While the camera's link is broken.
    camera_back_by: Option<Instant>,
}

impl Call {
    /// A press of the button. Nobody is rung before the first [`Self::tick`].
    pub(super) fn new(recipients: BTreeMap<Arc<str>, Recipient>, now: Instant) -> Self {
        let until = now + NO_ANSWER;
        Self {
            recipients,
            state: State::Ringing { until },
            expires: now + LONGEST_CALL,
            camera_back_by: None,
        }
    }

    /// One of before the server was restarted, `elapsed` after its press. Whoever had answered may have a picture yet, and the
    /// camera is still to come.
    pub(super) fn restored(
        recipients: BTreeMap<Arc<str>, Recipient>,
        by: Option<Arc<str>>,
        elapsed: Duration,
        now: Instant,
    ) -> Self {
        let state = match by {
            None => State::Ringing {
                until: now + NO_ANSWER.saturating_sub(elapsed),
            },
            Some(by) => State::Answered {
                by,
                media_by: now + NO_MEDIA,
            },
        };
        Self {
            recipients,
            state,
            expires: now + LONGEST_CALL.saturating_sub(elapsed),
            camera_back_by: Some(now + CAMERA_RETURN),
        }
    }

    pub(super) fn state(&self) -> CallState {
        match &self.state {
            State::Ringing { .. } => CallState::Ringing,
            State::Answered { .. } => CallState::Answered,
            State::Talking { .. } => CallState::Talking,
            State::Ended { .. } => CallState::Ended,
        }
    }

    /// Who has answered.
    pub(super) fn by(&self) -> Option<&Arc<str>> {
        match &self.state {
            State::Ringing { .. } => None,
            State::Answered { by, .. } | State::Talking { by, .. } => Some(by),
            State::Ended { by, .. } => by.as_ref(),
        }
    }

    /// Why it is over, if it is.
    pub(super) fn reason(&self) -> Option<CallEnd> {
        match self.state {
            State::Ended { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// When it is over at the latest.
    pub(super) fn expires(&self) -> Instant {
        self.expires
    }

    pub(super) fn recipients(&self) -> &BTreeMap<Arc<str>, Recipient> {
        &self.recipients
    }

    /// Those to whom it has come.
    pub(super) fn rung(&self) -> impl Iterator<Item = (&Arc<str>, &Recipient)> {
        self.recipients.iter().filter(|(_, to)| to.is_rung())
    }

    /// What this one is in it. `None` before it rings there.
    pub(super) fn part_of(&self, user: &str) -> Option<CallPart> {
        let recipient = self.recipients.get(user).filter(|to| to.is_rung())?;
        Some(match self.by() {
            Some(by) if **by == *user => CallPart::Answered,
            None if recipient.hears == Hears::Rings => CallPart::Rung,
            _ => CallPart::Watching,
        })
    }

    /// Takes the call. Of those who do in one moment the first has it; also whoever had declined may, while it rings.
    pub(super) fn answer(&mut self, user: &str, has_media: bool, now: Instant) -> Changes {
        let (by, _) = self.rung_one(user)?;
        match &self.state {
            State::Ringing { .. } => {
                let answered = Change::Answered(by.clone());
                self.state = match has_media {
                    true => State::Talking { by, back_by: None },
                    false => State::Answered {
                        by,
                        media_by: now + NO_MEDIA,
                    },
                };
                Ok(vec![answered, Change::State])
            }
            // Said again.
            _ if self.by() == Some(&by) => Ok(Vec::new()),
            _ => Err(Refused::Taken),
        }
    }

    /// Not this one. Those who would have been rung later are rung at once when nobody else is left.
    pub(super) fn decline(&mut self, user: &str) -> Changes {
        let (who, hears) = self.rung_one(user)?;
        if self.state() != CallState::Ringing || hears == Hears::Declined {
            return Ok(Vec::new());
        }
        if let Some(recipient) = self.recipients.get_mut(user) {
            recipient.hears = Hears::Declined;
        }
        let mut changes = vec![Change::Declined(who)];
        changes.extend(self.when_nobody_is_rung(CallEnd::Declined));
        Ok(changes)
    }

    /// Nobody will come: who says so decides for all, unless somebody else has answered.
    pub(super) fn nobody_home(&mut self, user: &str) -> Changes {
        let (who, _) = self.rung_one(user)?;
        match self.by() {
            Some(by) if *by != who => Err(Refused::Taken),
            _ => Ok(self.end(CallEnd::NobodyHome)),
        }
    }

    /// Whoever has answered hangs up.
    pub(super) fn hang_up(&mut self, user: &str) -> Changes {
        let (who, _) = self.rung_one(user)?;
        match self.by() {
            None => Err(Refused::NotAnswered),
            Some(by) if *by == who => Ok(self.end(CallEnd::HungUp)),
            Some(_) => Err(Refused::Taken),
        }
    }

    /// This one may no longer do anything, or is gone.
    pub(super) fn leave(&mut self, user: &str) -> Vec<Change> {
        if self.by().is_some_and(|by| **by == *user) {
            return self.end(CallEnd::Revoked);
        }
        let Some((who, recipient)) = self.recipients.remove_entry(user) else {
            return Vec::new();
        };
        let was_last = self.recipients.is_empty();
        let mut changes = vec![Change::Left(who, recipient)];
        if self.state() == CallState::Ringing {
            changes.extend(match was_last {
                true => self.end(CallEnd::Nobody),
                false => self.when_nobody_is_rung(CallEnd::Declined),
            });
        }
        changes
    }

    /// Whoever has answered has a picture.
    pub(super) fn has_media(&mut self, user: &str) -> Vec<Change> {
        match &mut self.state {
            State::Answered { by, .. } if **by == *user => {
                let (by, back_by) = (by.clone(), None);
                self.state = State::Talking { by, back_by };
                vec![Change::State]
            }
            State::Talking { by, back_by } if **by == *user => {
                *back_by = None;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// It has none any more.
    pub(super) fn lost_media(&mut self, user: &str, now: Instant) {
        if let State::Talking { by, back_by } = &mut self.state
            && **by == *user
        {
            back_by.get_or_insert(now + MEDIA_RETURN);
        }
    }

    /// The camera's link broke.
    pub(super) fn camera_gone(&mut self, now: Instant) {
        self.camera_back_by.get_or_insert(now + CAMERA_RETURN);
    }

    /// The camera is back.
    pub(super) fn camera_back(&mut self) {
        self.camera_back_by = None;
    }

    /// It is over.
    pub(super) fn end(&mut self, reason: CallEnd) -> Vec<Change> {
        if self.state() == CallState::Ended {
            return Vec::new();
        }
        let by = self.by().cloned();
        self.state = State::Ended { by, reason };
        vec![Change::State]
    }

    /// When it next changes by itself.
    pub(super) fn due(&self) -> Option<Instant> {
        let own = match &self.state {
            State::Ringing { until } => {
                let waiting = self.recipients.values().filter(|to| !to.is_rung());
                let rings_at = waiting.map(|to| to.rings_at).min();
                Some(rings_at.map_or(*until, |at| at.min(*until)))
            }
            State::Answered { media_by, .. } => Some(*media_by),
            State::Talking { back_by, .. } => *back_by,
            State::Ended { .. } => return None,
        };
        let all = [own, self.camera_back_by, Some(self.expires)];
        all.into_iter().flatten().min()
    }

    /// What time brings.
    pub(super) fn tick(&mut self, now: Instant) -> Vec<Change> {
        let over = |at: &Instant| *at <= now;
        if over(&self.expires) {
            return self.end(CallEnd::Expired);
        }
        if self.camera_back_by.as_ref().is_some_and(over) {
            return self.end(CallEnd::CameraGone);
        }
        let is_late = match &self.state {
            State::Ringing { until } if over(until) => return self.end(CallEnd::NoAnswer),
            State::Ringing { .. } => return self.ring(|to| to.rings_at <= now),
            State::Answered { media_by, .. } => over(media_by),
            State::Talking { back_by, .. } => back_by.as_ref().is_some_and(over),
            State::Ended { .. } => false,
        };
        match is_late {
            // It is the camera that nobody could have a picture of.
            true if self.camera_back_by.is_some() => self.end(CallEnd::CameraGone),
            true => self.end(CallEnd::NoMedia),
            false => Vec::new(),
        }
    }

    fn rung_one(&self, user: &str) -> Result<(Arc<str>, Hears), Refused> {
        let known = self.recipients.get_key_value(user);
        let known = known.filter(|(_, to)| to.is_rung() && self.state() != CallState::Ended);
        known
            .map(|(who, to)| (who.clone(), to.hears))
            .ok_or(Refused::NoSuchCall)
    }

    fn ring(&mut self, which: impl Fn(&Recipient) -> bool) -> Vec<Change> {
        let mut rung = Vec::new();
        for (who, recipient) in &mut self.recipients {
            if !recipient.is_rung() && which(recipient) {
                recipient.hears = Hears::Rings;
                rung.push(who.clone());
            }
        }
        match rung.is_empty() {
            true => Vec::new(),
            false => vec![Change::Rings(rung)],
        }
    }

    fn when_nobody_is_rung(&mut self, reason: CallEnd) -> Vec<Change> {
        let mut all = self.recipients.values();
        if all.any(|to| to.hears == Hears::Rings) {
            return Vec::new();
        }
        let waiting = self.recipients.values().filter(|to| !to.is_rung());
        match waiting.map(|to| to.rings_at).min() {
            Some(next) => self.ring(|to| to.rings_at <= next),
            None => self.end(reason),
        }
    }
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
