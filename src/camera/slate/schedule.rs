// SPDX-License-Identifier: MPL-2.0
//! Which slate is shown, and when: painted once for each reason, sent once a second.

use std::time::{Duration, Instant};

use porthole_painter::Orientation;

use super::{encode, paint};
use crate::{
    camera::{
        capture::{self, Run},
        event::Event,
    },
    events::slate::mark,
};

/// A slate this often: downstream stays negotiated and nearly idle, and who comes sees it soon.
pub(crate) const PERIOD: Duration = Duration::from_secs(1);

/// What a slate is painted from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Slate {
    pub(crate) caps: gst::Caps,
    pub(crate) text: &'static str,
    /// What will be done to it downstream.
    pub(crate) turn: Orientation,
    pub(crate) encoded: bool,
}

/// The slates of one run.
#[derive(Debug)]
pub(crate) struct Slates {
    /// What was painted last; no picture if it cannot be.
    last: Option<(Slate, Option<gst::Buffer>)>,
    /// What another thread paints now.
    painting: Option<Slate>,
    next: Instant,
}

impl Slates {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            last: None,
            painting: None,
            next: now,
        }
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Instant {
        self.next
    }

    /// The next one is due at this time.
    pub(crate) fn wait_until(&mut self, at: Instant) {
        self.next = at;
    }

    /// Whether one is due; the next one is so a while later.
    pub(crate) fn take_turn(&mut self, now: Instant) -> bool {
        let due = self.next <= now;
        if due {
            self.next = now + PERIOD;
        }
        due
    }

    /// Sends this slate with this running time; one that has to be encoded is painted elsewhere, and the last one is sent meanwhile.
    pub(crate) fn send(&mut self, slate: Slate, run: &Run, time: gst::ClockTime) {
        self.paint(slate, run);
        if let Some((slate, Some(picture))) = &self.last {
            run.streams.video.set_caps(&slate.caps);
            let mut picture = picture.copy();
            mark(picture.make_mut());
            let flow = run.streams.video.push(picture, time);
            run.streams.see(flow);
        }
    }

    fn paint(&mut self, slate: Slate, run: &Run) {
        if self.last.as_ref().is_some_and(|(last, _)| *last == slate) {
            return;
        }
        if !slate.encoded {
            let picture = paint::picture(&slate.caps, slate.text, slate.turn);
            self.last = Some((slate, picture));
        } else if self.painting.is_none() {
            let (inbox, of) = (run.inbox.clone(), slate.clone());
            let work = move || {
                let picture = encode::picture(&of.caps, of.text, of.turn);
                inbox.send(Event::Slate(picture));
            };
            self.painting = capture::spawn(work).is_ok().then_some(slate);
        }
    }

    /// Takes what was painted elsewhere.
    pub(crate) fn take(&mut self, picture: Option<gst::Buffer>, now: Instant) {
        if let Some(slate) = self.painting.take() {
            self.last = Some((slate, picture));
            self.next = now;
        }
    }
}
