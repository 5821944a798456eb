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

use super::switch::{Switch, Verdict};
use crate::{
    bucket::{Bucket, Rate},
    lock::lock,
};

/// A second of frames: a session that is further behind has a network that is worse than its rung, and skips.
const MAX_QUEUED: usize = 30;
/// Frames kept before the transport is there: at 30 a second a third of a second to catch up on, which is decoded in a blink.
const MAX_HELD: usize = 10;
/// Key units that one viewer may cause: one each second, a few at once when it joins and changes rungs. They cost everyone
/// on the rung, and a viewer may ask for them as often as it likes.
const KEYS: Rate = Rate {
    burst: 4,
    period: Duration::from_secs(1),
};

/// One encoded frame.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) buffer: gst::Buffer,
    pub(crate) caps: gst::Caps,
    pub(crate) rung: usize,
    pub(crate) is_key: bool,
    /// Running time, in the order of decoding.
    pub(crate) time: gst::ClockTime,
    /// How much later its timestamps are than they were made.
    pub(crate) shift: gst::ClockTime,
}

/// A viewer that asks for a key unit so soon after one was sent has not seen that yet.
const KEY_TRAVELS: Duration = Duration::from_millis(200);

/// What the driver of the ladder hears of an outlet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    /// A key unit of this rung.
    Key(usize),
    /// The first frame of this rung is on its way.
    Moved(usize),
}

type Tell = Box<dyn Fn(Wants) + Send + Sync>;

pub(crate) struct Outlet {
    state: Mutex<State>,
    ready: Condvar,
    tell: Tell,
}

struct State {
    switch: Switch,
    queue: VecDeque<Frame>,
    /// The session's transport is there.
    is_open: bool,
    is_flushing: bool,
    keys: Bucket,
    /// When the last key unit left.
    key_left: Option<Instant>,
    sent: Sent,
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
    /// For a viewer that begins on `rung`. `tell` must not block, and must not call the outlet.
    pub(crate) fn new(rung: usize, tell: impl Fn(Wants) + Send + Sync + 'static) -> Self {
        Self {
            state: Mutex::new(State {
                switch: Switch::new(rung),
                queue: VecDeque::new(),
                is_open: false,
                is_flushing: true,
                keys: Bucket::new(KEYS),
                key_left: None,
                sent: Sent::default(),
            }),
            ready: Condvar::new(),
            tell: Box::new(tell),
        }
    }

    /// A frame of a rung; on that rung's thread.
    pub(crate) fn offer(&self, frame: &Frame) {
        let (moved, wants_key) = {
            let mut state = lock(&self.state);
            state.offer(frame)
        };
        if let Some(rung) = moved {
            (self.tell)(Wants::Moved(rung));
        }
        if wants_key {
            self.ask_for_key(Instant::now());
        }
        self.ready.notify_one();
    }

    /// The next frame to send, and how many wait behind it; waits for one. Nothing once the outlet is flushing.
    pub(crate) fn next(&self) -> Option<Frame> {
        let mut state = lock(&self.state);
        loop {
            if state.is_flushing {
                return None;
            }
            if state.is_open
                && let Some(frame) = state.queue.pop_front()
            {
                if frame.is_key {
                    state.key_left = Some(Instant::now());
                }
                state.sent.frames += 1;
                state.sent.bytes += frame.buffer.size() as u64;
                return Some(frame);
            }
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The transport is there.
    pub(crate) fn open(&self, now: Instant) {
        let needs_key = {
            let mut state = lock(&self.state);
            state.is_open = true;
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

    /// Changes to `rung` at its next key unit, for which it asks.
    pub(crate) fn want(&self, rung: usize, now: Instant) {
        lock(&self.state).switch.want(rung);
        self.ask_for_key(now);
    }

    /// The viewer's side asks for a key unit, which may be on its way.
    pub(crate) fn lost(&self, now: Instant) {
        let is_coming = {
            let state = lock(&self.state);
            let is_recent = |at: Instant| now.saturating_duration_since(at) < KEY_TRAVELS;
            !state.is_open
                || state.key_left.is_some_and(is_recent)
                || state.queue.iter().any(|frame| frame.is_key)
        };
        if !is_coming {
            self.ask_for_key(now);
        }
    }

    /// What passes next is to be a key unit.
    pub(crate) fn ask_for_key(&self, now: Instant) {
        let rung = {
            let mut state = lock(&self.state);
            if !state.keys.take(now) {
                return;
            }
            state.switch.wanted()
        };
        (self.tell)(Wants::Key(rung));
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

    pub(crate) fn current(&self) -> Option<usize> {
        lock(&self.state).switch.current()
    }
}

impl State {
    /// The rung that it has moved to, and whether a key unit is needed.
    fn offer(&mut self, frame: &Frame) -> (Option<usize>, bool) {
        if self.is_flushing {
            return (None, false);
        }
        let limit = if self.is_open { MAX_QUEUED } else { MAX_HELD };
        let is_full = self.queue.len() >= limit;
        if is_full {
            self.sent.dropped += self.queue.len() as u64;
            self.queue.clear();
            self.switch.lose();
        }
        let time = frame.time.nseconds();
        let verdict = self.switch.take(frame.rung, frame.is_key, time);
        let Verdict::Pass { pts, moved } = verdict else {
            // Before the transport is there nothing is to be asked for: `open` does.
            return (None, is_full && self.is_open);
        };
        if frame.is_key && !self.is_open {
            // The newest key unit is the best to begin with.
            self.queue.clear();
        }
        self.queue.push_back(Frame {
            shift: gst::ClockTime::from_nseconds(pts.saturating_sub(time)),
            ..frame.clone()
        });
        (moved.then_some(frame.rung), false)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    fn frame(ms: u64, is_key: bool) -> Frame {
        gst::init().expect("GStreamer is installed");
        Frame {
            buffer: gst::Buffer::new(),
            caps: gst::Caps::new_empty_simple("video/x-vp8"),
            rung: 0,
            is_key,
            time: gst::ClockTime::from_mseconds(ms),
            shift: gst::ClockTime::ZERO,
        }
    }

    fn outlet() -> (Outlet, mpsc::Receiver<Wants>) {
        let (sender, wants) = mpsc::channel();
        let outlet = Outlet::new(0, move |want| {
            let _ = sender.send(want);
        });
        outlet.flush(false);
        (outlet, wants)
    }

    #[test]
    fn until_the_transport_is_there_the_newest_key_unit_and_what_follows_are_kept() {
        let (outlet, _wants) = outlet();
        for (ms, key) in [(0, true), (33, false), (66, true), (99, false)] {
            outlet.offer(&frame(ms, key));
        }
        outlet.open(Instant::now());
        let ms = |frame: Option<Frame>| frame.map(|f| f.time.mseconds());
        assert_eq!(ms(outlet.next()), Some(66));
        assert_eq!(ms(outlet.next()), Some(99));
    }

    #[test]
    fn what_is_older_than_a_blink_when_the_transport_comes_is_asked_for_anew() {
        let (outlet, wants) = outlet();
        outlet.offer(&frame(0, true));
        for i in 1..30 {
            outlet.offer(&frame(i * 33, false));
        }
        assert_eq!(wants.try_iter().collect::<Vec<_>>(), [Wants::Moved(0)]);
        outlet.open(Instant::now());
        assert_eq!(wants.try_iter().collect::<Vec<_>>(), [Wants::Key(0)]);
    }

    #[test]
    fn a_session_that_takes_nothing_skips_to_a_key_unit_and_holds_nobody_up() {
        let (outlet, wants) = outlet();
        outlet.open(Instant::now());
        outlet.offer(&frame(0, true));
        for i in 1..=1_000 {
            outlet.offer(&frame(i * 33, false));
        }
        let keys = wants.try_iter().filter(|want| *want == Wants::Key(0));
        assert!((1..=KEYS.burst as usize).contains(&keys.count()));
        outlet.offer(&frame(50_000, true));
        let first = outlet.next().expect("a frame waits");
        assert!(first.is_key && first.time.seconds() == 50);
    }

    #[test]
    fn a_viewer_that_asks_for_key_units_all_the_time_gets_one_each_second() {
        let start = Instant::now();
        let (outlet, wants) = outlet();
        for ms in 0..10_000 {
            outlet.ask_for_key(start + Duration::from_millis(ms));
        }
        let keys = wants.try_iter().count();
        assert!((10..=10 + KEYS.burst as usize).contains(&keys), "{keys}");
    }

    #[test]
    fn a_viewer_that_asks_for_a_key_unit_that_is_on_its_way_gets_that_one() {
        let (outlet, wants) = outlet();
        outlet.lost(Instant::now());
        outlet.offer(&frame(0, true));
        outlet.open(Instant::now());
        outlet.lost(Instant::now());
        assert!(outlet.next().is_some_and(|frame| frame.is_key));
        outlet.lost(Instant::now());
        assert_eq!(wants.try_iter().collect::<Vec<_>>(), [Wants::Moved(0)]);
        outlet.lost(Instant::now() + KEY_TRAVELS);
        assert_eq!(wants.try_iter().collect::<Vec<_>>(), [Wants::Key(0)]);
    }

    #[test]
    fn flushing_lets_go_of_who_waits() {
        let (outlet, _wants) = outlet();
        let outlet = Arc::new(outlet);
        let waits = outlet.clone();
        let thread = std::thread::spawn(move || waits.next().is_none());
        outlet.flush(true);
        assert!(thread.join().expect("it ends"));
    }
}
