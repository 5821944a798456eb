// SPDX-License-Identifier: MPL-2.0
//! One viewer's end of the ladder: frames of the rungs go in on their threads, and come out on the session's own.
//!
//! Nobody waits for a viewer: what a session cannot take in time is dropped, and the picture goes on with a key unit. Until
//! the session's transport is there, the newest key unit and what follows it are kept, so that the first packet can leave
//! at once.
//!
//! Lock: `state`, held to read or write values, and let go of while waiting for frames.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{
    switch::{Switch, Verdict},
    types::{Frame, RungId},
};
use crate::{
    bucket::{Bucket, Rate},
    lock::lock,
};

/// A session that is further behind has a network that is worse than its rung, and skips: whoever drives by such a picture would
/// steer by what was. By the clock, so that five frames a second are as fresh as thirty.
const LONGEST_BEHIND: Duration = Duration::from_millis(500);
/// A key unit that leaves holds up what follows it, which is skipped for another key unit only after this long.
const LONGEST_KEY: Duration = Duration::from_millis(1_500);
/// And whatever the clock says, so many: 500 ms of 240 frames a second.
const MAX_QUEUED: usize = 120;
/// Frames kept before the transport is there: at 30 a second a third of a second to catch up on, which is decoded in a blink.
const MAX_HELD: usize = 10;
/// Key units that one viewer may cause: one each second, a few at once when it joins and changes rungs. They cost everyone
/// on the rung, and a viewer may ask for them as often as it likes.
const KEYS: Rate = Rate {
    burst: 4,
    period: Duration::from_secs(1),
};
/// A viewer that asks for a key unit so soon after one was sent has not seen that yet.
const KEY_TRAVELS: Duration = Duration::from_millis(200);

/// What the driver of the ladder is told by an outlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutletEvent {
    /// A key unit of this rung is needed.
    NeedsKey(RungId),
    /// The first frame of this rung is on its way.
    Moved(RungId),
}

type Notify = Box<dyn Fn(OutletEvent) + Send + Sync>;

pub(crate) struct Outlet {
    state: Mutex<State>,
    ready: Condvar,
    notify: Notify,
}

struct State {
    switch: Switch,
    queue: VecDeque<Queued>,
    /// The session's transport is there.
    is_open: bool,
    is_flushing: bool,
    keys: Bucket,
    /// When the last key unit left.
    key_left: Option<Instant>,
    /// The session has not asked for more since then.
    is_sending_key: bool,
    sent: Sent,
    /// From which on time is counted.
    began: Option<Instant>,
}

struct Queued {
    frame: Frame,
    at: Instant,
}

/// What has left, for statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    /// Frames that this viewer missed, since its session was behind.
    pub(crate) dropped: u64,
}

impl Outlet {
    /// For a viewer that is on no rung yet. `notify` must not block, and must not call the outlet.
    pub(crate) fn new(notify: impl Fn(OutletEvent) + Send + Sync + 'static) -> Self {
        Self {
            state: Mutex::new(State {
                switch: Switch::default(),
                queue: VecDeque::new(),
                is_open: false,
                is_flushing: true,
                keys: Bucket::new(KEYS),
                key_left: None,
                is_sending_key: false,
                sent: Sent::default(),
                began: None,
            }),
            ready: Condvar::new(),
            notify: Box::new(notify),
        }
    }

    /// A frame of a rung; on that rung's thread.
    pub(crate) fn offer(&self, frame: &Frame, now: Instant) {
        let (moved, needs_key) = lock(&self.state).offer(frame, now);
        if let Some(rung) = moved {
            (self.notify)(OutletEvent::Moved(rung));
        }
        if needs_key {
            self.ask_for_key(now);
        }
        self.ready.notify_one();
    }

    /// The next frame to send; waits for one. Nothing once the outlet is flushing.
    pub(crate) fn next(&self) -> Option<Frame> {
        let mut state = lock(&self.state);
        loop {
            if state.is_flushing {
                return None;
            }
            if let Some(frame) = state.take(Instant::now()) {
                return Some(frame);
            }
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next frame, if there is one.
    #[cfg(test)]
    pub(crate) fn try_next(&self, now: Instant) -> Option<Frame> {
        lock(&self.state).take(now)
    }

    /// How long the oldest frame has been waiting for the session to take it.
    pub(crate) fn waits(&self, now: Instant) -> Duration {
        let state = lock(&self.state);
        let oldest = state.queue.front().filter(|_| state.is_open);
        oldest.map_or(Duration::ZERO, |oldest| {
            now.saturating_duration_since(oldest.at)
        })
    }

    /// The transport is there.
    pub(crate) fn open(&self, now: Instant) {
        let needs_key = {
            let mut state = lock(&self.state);
            state.is_open = true;
            // What was kept has waited for the transport, which is nobody's delay.
            state.begin_anew(now);
            state.queue.is_empty() && state.switch.waits()
        };
        self.ready.notify_one();
        if needs_key {
            self.ask_for_key(now);
        }
    }

    /// While it is flushing nothing is kept and nobody waits.
    pub(crate) fn flush(&self, is_flushing: bool) {
        {
            let mut state = lock(&self.state);
            state.is_flushing = is_flushing;
            state.queue.clear();
            state.switch.lose();
        }
        self.ready.notify_all();
    }

    /// Changes to `rung` at its next key unit, for which it asks if it needs one.
    pub(crate) fn want(&self, rung: RungId, now: Instant) {
        let waits = {
            let mut state = lock(&self.state);
            state.switch.want(rung);
            state.switch.waits()
        };
        if waits {
            self.ask_for_key(now);
        }
    }

    /// The viewer's side asks for a key unit, which may be on its way.
    pub(crate) fn lost(&self, now: Instant) {
        let is_coming = {
            let state = lock(&self.state);
            let is_recent = |at: Instant| now.saturating_duration_since(at) < KEY_TRAVELS;
            !state.is_open
                || state.key_left.is_some_and(is_recent)
                || state.queue.iter().any(|queued| queued.frame.is_key)
        };
        if !is_coming {
            self.ask_for_key(now);
        }
    }

    /// What passes next is to be a key unit.
    pub(crate) fn ask_for_key(&self, now: Instant) {
        let rung = {
            let mut state = lock(&self.state);
            match state.switch.wanted() {
                Some(rung) if state.keys.take(now) => rung,
                _ => return,
            }
        };
        (self.notify)(OutletEvent::NeedsKey(rung));
    }

    /// What passes next must be a key unit.
    pub(crate) fn skip(&self) {
        let mut state = lock(&self.state);
        state.queue.clear();
        state.switch.lose();
    }

    pub(crate) fn sent(&self) -> Sent {
        lock(&self.state).sent
    }

    pub(crate) fn current(&self) -> Option<RungId> {
        lock(&self.state).switch.current()
    }
}

impl State {
    /// The rung that it has moved to, and whether a key unit is needed.
    fn offer(&mut self, frame: &Frame, now: Instant) -> (Option<RungId>, bool) {
        if self.is_flushing {
            return (None, false);
        }
        let is_behind = self.is_behind(now);
        if is_behind {
            self.sent.dropped += self.queue.len() as u64;
            self.queue.clear();
            self.switch.lose();
        }
        let time = frame.time.nseconds();
        let since = now.saturating_duration_since(*self.began.get_or_insert(now));
        let since = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        let verdict = self.switch.take(frame.rung, frame.is_key, time, since);
        let Verdict::Pass { pts, moved } = verdict else {
            // Before the transport is there nothing is to be asked for: `open` does.
            return (None, is_behind && self.is_open);
        };
        if frame.is_key && !self.is_open {
            // The newest key unit is the best to begin with.
            self.queue.clear();
        }
        let frame = Frame {
            shift: difference(pts, time),
            ..frame.clone()
        };
        let rung = frame.rung;
        self.queue.push_back(Queued { frame, at: now });
        (moved.then_some(rung), false)
    }

    fn is_behind(&self, now: Instant) -> bool {
        if !self.is_open {
            return self.queue.len() >= MAX_HELD;
        }
        let longest = match self.is_sending_key {
            true => LONGEST_KEY,
            false => LONGEST_BEHIND,
        };
        let is_old = |queued: &Queued| now.saturating_duration_since(queued.at) > longest;
        self.queue.len() >= MAX_QUEUED || self.queue.front().is_some_and(is_old)
    }

    fn begin_anew(&mut self, now: Instant) {
        for queued in &mut self.queue {
            queued.at = now;
        }
    }

    fn take(&mut self, now: Instant) -> Option<Frame> {
        if std::mem::take(&mut self.is_sending_key) {
            // It leaves faster than the picture needs, and so does what waited for it.
            self.begin_anew(now);
        }
        if !self.is_open {
            return None;
        }
        let frame = self.queue.pop_front()?.frame;
        if frame.is_key {
            self.key_left = Some(now);
            self.is_sending_key = true;
        }
        self.sent.frames += 1;
        self.sent.bytes += frame.buffer.size() as u64;
        Some(frame)
    }
}

/// From `from` to `to`, which are less than 292 years.
fn difference(to: u64, from: u64) -> i64 {
    let signed = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    signed(to).saturating_sub(signed(from))
}

#[cfg(test)]
#[path = "outlet_tests.rs"]
mod tests;
