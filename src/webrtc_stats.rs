// SPDX-License-Identifier: MPL-2.0
//! The statistics of a session's webrtcbin, as often as somebody has a use for them.
//!
//! webrtcsink asks each of its webrtcbins ten times a second, for a congestion control that is off here (docs/upstream.md). Each answer
//! takes a walk over all that the session has. So it gets one a second, which is what its own `stats` say; the rest is answered with
//! nothing.

use std::{
    cell::Cell,
    sync::Mutex,
    time::{Duration, Instant},
};

use gst::prelude::*;

use crate::lock::lock;

const SIGNAL: &str = "get-stats";
/// How often webrtcsink gets an answer. Whoever counts bytes by it needs a second or two.
const PERIOD: Duration = Duration::from_secs(1);

thread_local! {
    /// This thread is asking by [`ask`]. A signal is emitted where it is asked for.
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Asks for them. The promise is answered, whoever else asks.
pub(crate) fn ask(webrtcbin: &gst::Element, promise: &gst::Promise) {
    IS_OURS.set(true);
    webrtcbin.emit_by_name::<()>(SIGNAL, &[&None::<gst::Pad>, promise]);
    IS_OURS.set(false);
}

/// From now on whoever else asks is answered once a [`PERIOD`].
pub(crate) fn limit(webrtcbin: &gst::Element) {
    let last = Mutex::new(None::<Instant>);
    webrtcbin.connect(SIGNAL, false, move |args| {
        if IS_OURS.get() || is_due(&mut lock(&last), Instant::now()) {
            return None;
        }
        if let Some(promise) = args.get(2).and_then(|arg| arg.get::<gst::Promise>().ok()) {
            promise.interrupt();
        }
        if let Some(webrtcbin) = args.first().and_then(|arg| arg.get::<gst::Element>().ok()) {
            webrtcbin.stop_signal_emission_by_name(SIGNAL);
        }
        None
    });
}

fn is_due(last: &mut Option<Instant>, now: Instant) -> bool {
    let is_due = last.is_none_or(|last| now.saturating_duration_since(last) >= PERIOD);
    if is_due {
        *last = Some(now);
    }
    is_due
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use super::*;

    fn promise() -> (gst::Promise, Receiver<bool>) {
        let (answer, answered) = channel();
        let promise = gst::Promise::with_change_func(move |reply| {
            let _ = answer.send(reply.is_ok());
        });
        (promise, answered)
    }

    #[test]
    fn webrtcsink_is_answered_once_a_second_and_we_always() {
        gst::init().expect("GStreamer is installed");
        let webrtcbin = gst::ElementFactory::make("webrtcbin")
            .build()
            .expect("it is installed");
        webrtcbin
            .set_state(gst::State::Ready)
            .expect("it gets ready");
        limit(&webrtcbin);
        let patience = Duration::from_secs(30);
        let answers = (0..10).map(|_| {
            let (promise, answered) = promise();
            webrtcbin.emit_by_name::<()>(SIGNAL, &[&None::<gst::Pad>, &promise]);
            answered.recv_timeout(patience)
        });
        let answered = answers.filter(|answer| *answer == Ok(true)).count();
        assert!((1..=2).contains(&answered), "{answered}");
        for _ in 0..3 {
            let (promise, answered) = promise();
            ask(&webrtcbin, &promise);
            assert_eq!(answered.recv_timeout(patience), Ok(true));
        }
        webrtcbin.set_state(gst::State::Null).expect("it stops");
    }

    #[test]
    fn one_is_due_when_the_last_is_a_second_ago() {
        let (mut last, start) = (None, Instant::now());
        let due = (0..50u64)
            .filter(|tenth| is_due(&mut last, start + Duration::from_millis(tenth * 100)));
        assert_eq!(due.count(), 5);
    }
}
