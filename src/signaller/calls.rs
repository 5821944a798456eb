// SPDX-License-Identifier: MPL-2.0
//! The bell and the call it made: presses and the server's words go in, what becomes of them comes out. Pure: time is an argument.
//!
//! One press is one ring id, however often it is sent: it is kept until the server has said what became of it, and sent again on
//! each new connection. While it is kept, or its call runs, a further press is the same one.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use porthole_protocol::{
    limits::CONFIRM_TIMEOUT,
    ring::MAX_RING_ID_BYTES,
    wire::{CallState, CameraCall, Ring},
};

use crate::{
    bucket::{Bucket, Rate},
    calling::{Call, CallEnd, OwnReason, Reason},
};

/// Whoever has stood at a door for so long without a sign goes: a press that the server has not taken by then is nobody's.
pub(crate) const KEEP: Duration = Duration::from_secs(20);
/// Presses that are less apart are one: an impatient finger, or a button that bounces.
pub(crate) const REPEAT: Duration = Duration::from_secs(1);
/// A call whose server is away for longer is over: the server gives a camera up in about this time, too.
pub(crate) const LOST: Duration = Duration::from_secs(30);
/// No server lets it ring for longer; one that forgot the call does not keep the camera open.
pub(crate) const LONGEST_RING: Duration = Duration::from_secs(5 * 60);
/// Calls and rings that are over and remembered, so that a word that comes late begins nothing.
const MAX_REMEMBERED: usize = 32;
/// Longest name of who has answered, in bytes: more than an account's.
const MAX_BY_BYTES: usize = 256;
/// Rings from elsewhere: each has the camera take a picture.
const ELSEWHERE: Rate = Rate {
    burst: 8,
    period: Duration::from_secs(1),
};

/// Changes of calls: the four that a server lets ring at once have five each, and one has no more than two in a second. All are
/// handed to programs and to the application, none of whom a server may flood.
const CHANGES: Rate = Rate {
    burst: 32,
    period: Duration::from_millis(500),
};

/// What the server said of a call is not taken. The text is for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BadCall {
    #[error("a ring or a call whose id is none")]
    Id,
    #[error("a call that was answered by a name that is none")]
    By,
    #[error("more rings from elsewhere than a camera takes")]
    TooMany,
}

/// What became of a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pressed {
    pub(crate) ring_id: String,
    /// It is not the same as one before.
    pub(crate) is_new: bool,
}

/// A press of which the server has to hear.
#[derive(Debug)]
struct Press {
    ring_id: String,
    at: Instant,
    /// On the connection that stands.
    is_sent: bool,
}

#[derive(Debug)]
struct Running {
    call: Call,
    began: Instant,
    /// The server is to speak of it until then.
    until: Option<Instant>,
}

/// The last few of many.
#[derive(Debug, Default)]
struct Remembered(VecDeque<String>);

impl Remembered {
    fn has(&self, id: &str) -> bool {
        self.0.iter().any(|known| known == id)
    }

    fn add(&mut self, id: &str) {
        if !self.has(id) {
            self.0.push_back(id.to_owned());
        }
        if self.0.len() > MAX_REMEMBERED {
            self.0.pop_front();
        }
    }
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Calls {
    /// A camera is registered at its server.
    is_online: bool,
    press: Option<Press>,
    running: Option<Running>,
    /// A call that is over here, of which the server has to hear.
    hung_up: Option<String>,
    /// Presses whose call is over, or that were given up before they had one.
    closed: Remembered,
    last: Option<(String, Instant)>,
    rings: Remembered,
    over: Remembered,
    elsewhere: Bucket,
    changes: Bucket,
    /// What the server has said faster than that, of which the newest counts, and when it does.
    early: Option<(Call, Instant)>,
}

impl Default for Calls {
    fn default() -> Self {
        Self {
            is_online: false,
            press: None,
            running: None,
            hung_up: None,
            closed: Remembered::default(),
            last: None,
            rings: Remembered::default(),
            over: Remembered::default(),
            elsewhere: Bucket::new(ELSEWHERE),
            changes: Bucket::new(CHANGES),
            early: None,
        }
    }
}

impl Calls {
    /// The button was pressed; if that is no press that is known, it gets the id that `new_id` makes.
    pub(crate) fn press(&mut self, new_id: impl FnOnce() -> String, now: Instant) -> Pressed {
        let repeated = self.last.as_ref().filter(|(_, at)| now < *at + REPEAT);
        let known = (self.press.as_ref().map(|press| &press.ring_id))
            .or(self.running.as_ref().map(|running| &running.call.ring_id))
            .or(repeated.map(|(ring_id, _)| ring_id));
        if let Some(ring_id) = known {
            let (ring_id, is_new) = (ring_id.clone(), false);
            return Pressed { ring_id, is_new };
        }
        let ring_id = new_id();
        self.rings.add(&ring_id);
        self.last = Some((ring_id.clone(), now));
        self.keep(ring_id.clone(), now);
        let is_new = true;
        Pressed { ring_id, is_new }
    }

    fn keep(&mut self, ring_id: String, at: Instant) {
        self.press = Some(Press {
            ring_id,
            at,
            is_sent: false,
        });
    }

    /// The camera is registered on a new connection.
    pub(crate) fn online(&mut self, now: Instant) {
        self.is_online = true;
        // It says again how it stands.
        self.early = None;
        if let Some(running) = &mut self.running {
            // A server that was started again knows nothing of it, and what rings goes on ringing.
            running.until = Some(now + CONFIRM_TIMEOUT);
            if running.call.state == CallState::Ringing && self.press.is_none() {
                let (ring_id, began) = (running.call.ring_id.clone(), running.began);
                self.keep(ring_id, began);
            }
        }
        if let Some(press) = &mut self.press {
            press.is_sent = false;
        }
    }

    /// There is no connection any more, or a try for one has failed.
    pub(crate) fn offline(&mut self, now: Instant) {
        if std::mem::replace(&mut self.is_online, false)
            && let Some(running) = &mut self.running
        {
            running.until = Some(now + LOST);
        }
    }

    /// What the server has to hear, once on each connection.
    pub(crate) fn unsent(&mut self) -> Option<Ring> {
        let press = self.press.as_mut().filter(|_| self.is_online)?;
        let ring_id = press.ring_id.clone();
        (!std::mem::replace(&mut press.is_sent, true)).then_some(Ring { ring_id })
    }

    /// The call that the server has to hear was hung up here.
    pub(crate) fn unsaid(&mut self) -> Option<String> {
        self.hung_up.take_if(|_| self.is_online)
    }

    /// Whether somebody may be about to look: the camera is to be open.
    pub(crate) fn wants_picture(&self) -> bool {
        self.press.is_some() || self.running.is_some()
    }

    /// Whether a call runs, by which its people may see the camera.
    pub(crate) fn runs(&self) -> bool {
        self.running.is_some()
    }

    /// The call of this press runs.
    pub(crate) fn runs_for(&self, ring_id: &str) -> bool {
        let running = self.running.as_ref();
        running.is_some_and(|running| running.call.ring_id == ring_id)
    }

    /// This press may still get a call, or has one.
    pub(crate) fn is_open(&self, ring_id: &str) -> bool {
        !self.closed.has(ring_id)
    }

    /// The server has been rung from elsewhere. False for what is known.
    pub(crate) fn rung(&mut self, ring: &Ring, now: Instant) -> Result<bool, BadCall> {
        if !is_id(&ring.ring_id) {
            return Err(BadCall::Id);
        }
        if self.rings.has(&ring.ring_id) {
            return Ok(false);
        }
        if !self.elsewhere.take(now) {
            return Err(BadCall::TooMany);
        }
        self.rings.add(&ring.ring_id);
        Ok(true)
    }

    /// What the server says of a call, and what of it is news.
    pub(crate) fn hear(&mut self, said: CameraCall, now: Instant) -> Result<Vec<Call>, BadCall> {
        let call = checked(said)?;
        if let Some((early, _)) = &mut self.early {
            *early = call;
            return Ok(Vec::new());
        }
        if !self.changes.take(now) {
            self.early = Some((call, now + CHANGES.period));
            return Ok(Vec::new());
        }
        Ok(self.take(call, now))
    }

    fn take(&mut self, call: Call, now: Instant) -> Vec<Call> {
        if self.over.has(&call.id) || self.closed.has(&call.ring_id) {
            // It crossed our end of it on the wire, or the server was away when the camera gave it up.
            if !call.is_over() {
                self.hung_up = Some(call.id);
            }
            return Vec::new();
        }
        if (self.press.as_ref()).is_some_and(|press| press.ring_id == call.ring_id)
            && call.state != CallState::Ringing
        {
            self.press = None;
        }
        if call.is_over() {
            return self.ended(call);
        }
        let mut news = Vec::new();
        match &mut self.running {
            Some(running) if running.call.id == call.id => {
                running.until = None;
                if running.call == call {
                    return news;
                }
                running.call = call.clone();
            }
            running => {
                let next = Running {
                    call: call.clone(),
                    began: now,
                    until: None,
                };
                // The same press may make another call, at a server that was started again.
                if let Some(before) = running.replace(next) {
                    self.over.add(&before.call.id);
                    if before.call.ring_id != call.ring_id {
                        self.closed.add(&before.call.ring_id);
                        news.push(given_up(before.call));
                    }
                }
            }
        }
        news.push(call);
        news
    }

    fn ended(&mut self, call: Call) -> Vec<Call> {
        self.over.add(&call.id);
        self.closed.add(&call.ring_id);
        // Also by another id: that of a server which was started again, and never said that it rings.
        let is_running = |running: &mut Running| {
            running.call.id == call.id || running.call.ring_id == call.ring_id
        };
        let ended = self.running.take_if(is_running);
        // One that the camera never heard of while it ran is news as well: nobody could be rung.
        let is_own = ended.is_some() || self.rings.has(&call.ring_id);
        let mut news = Vec::new();
        news.extend(is_own.then_some(call));
        news
    }

    /// Whoever stands at the door hangs up. What ends by it, if anything does.
    pub(crate) fn hang_up(&mut self) -> Option<Call> {
        let call = self.end(CallEnd::HungUpAtDoor)?;
        // A press that has no call yet is told when it gets one.
        self.hung_up = Some(call.id.clone()).filter(|id| !id.is_empty());
        Some(call)
    }

    /// The camera stops; its server sees that by itself.
    pub(crate) fn stop(&mut self) -> Option<Call> {
        self.end(CallEnd::CameraGone)
    }

    fn end(&mut self, why: CallEnd) -> Option<Call> {
        let press = self.press.take();
        let mut call = match self.running.take() {
            Some(running) => running.call,
            None => unmade(press?.ring_id),
        };
        self.over.add(&call.id);
        self.closed.add(&call.ring_id);
        call.state = CallState::Ended;
        call.reason = Some(Reason::Server(why));
        Some(call)
    }

    /// What is over at `now`, without a word of the server.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<Call> {
        let mut over = Vec::new();
        if let Some((call, _)) = self.early.take_if(|(_, at)| *at <= now) {
            // The time that it had to wait is that in which there is room for one.
            let _ = self.changes.take(now);
            over.extend(self.take(call, now));
        }
        let is_over = |running: &Running| deadline(running).is_some_and(|at| at <= now);
        if let Some(running) = self.running.take_if(|running| is_over(running)) {
            self.over.add(&running.call.id);
            let is_same = |press: &mut Press| press.ring_id == running.call.ring_id;
            self.press.take_if(is_same);
            self.closed.add(&running.call.ring_id);
            over.push(given_up(running.call));
        }
        let is_late = |press: &Press| press.at + KEEP <= now;
        if let Some(press) = self.press.take_if(|press| is_late(press))
            && !self.runs_for(&press.ring_id)
        {
            self.closed.add(&press.ring_id);
            over.push(given_up(unmade(press.ring_id)));
        }
        over
    }

    /// When [`Self::due`] will next have something to say.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let press = self.press.as_ref().map(|press| press.at + KEEP);
        let running = self.running.as_ref().and_then(deadline);
        let early = self.early.as_ref().map(|(_, at)| *at);
        [press, running, early].into_iter().flatten().min()
    }
}

fn deadline(running: &Running) -> Option<Instant> {
    let rings = running.call.state == CallState::Ringing;
    let longest = rings.then_some(running.began + LONGEST_RING);
    [running.until, longest].into_iter().flatten().min()
}

/// The call of a press of which the server has made none.
fn unmade(ring_id: String) -> Call {
    Call {
        id: String::new(),
        ring_id,
        state: CallState::Ringing,
        by: None,
        reason: None,
    }
}

fn given_up(mut call: Call) -> Call {
    call.state = CallState::Ended;
    call.reason = Some(Reason::Camera(OwnReason::ServerGone));
    call
}

/// A UUID, or what may stand in its place in an address.
fn is_id(id: &str) -> bool {
    (1..=MAX_RING_ID_BYTES).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn checked(said: CameraCall) -> Result<Call, BadCall> {
    let CameraCall {
        id,
        ring_id,
        state,
        by,
        reason,
    } = said;
    if !is_id(&id) || !is_id(&ring_id) {
        return Err(BadCall::Id);
    }
    let is_name =
        |by: &String| (1..=MAX_BY_BYTES).contains(&by.len()) && !by.chars().any(char::is_control);
    if !by.as_ref().is_none_or(is_name) {
        return Err(BadCall::By);
    }
    let is_over = state == CallState::Ended;
    let reason = is_over.then(|| Reason::Server(reason.unwrap_or(CallEnd::Other)));
    Ok(Call {
        id,
        ring_id,
        state,
        by,
        reason,
    })
}

#[cfg(test)]
#[path = "calls_tests.rs"]
mod tests;
