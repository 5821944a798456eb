// SPDX-License-Identifier: MPL-2.0
//! What a viewer would see: each buffer that comes to an appsink, with what is told from its pixels.

use std::{
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use gst::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo, prelude::*};

use super::{PATIENCE, step};

/// What the fake camera's colour is from grey at least; a slate is grey all over.
const COLOUR: u8 = 12;

/// A buffer.
#[derive(Clone, Debug)]
pub struct Seen {
    pub at: Instant,
    /// The same by the clock that `made` is read from.
    pub arrived: gst::ClockTime,
    pub pts: Option<gst::ClockTime>,
    /// Whether it is the camera's picture: the slate has no colour.
    pub live: bool,
    pub caps: gst::Caps,
    /// Whether the camera's pixels are in other memory than where it wrote them; `None` for a slate.
    pub copied: Option<bool>,
    /// When the camera made it.
    pub made: Option<gst::ClockTime>,
}

#[derive(Default)]
struct Pages {
    seen: Vec<Seen>,
    has_ended: bool,
}

#[derive(Default)]
struct Book {
    pages: Mutex<Pages>,
    more: Condvar,
}

impl Book {
    /// A test that fails in the middle of it does not have others fail as well.
    fn open(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes down all that comes.
#[derive(Clone)]
pub struct Eye(Arc<Book>);

impl Eye {
    /// On an appsink that has not been started.
    pub fn on(sink: &gst::Element) -> Self {
        let eye = Self(Arc::default());
        let (book, end) = (eye.0.clone(), eye.0.clone());
        let callbacks = gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let seen = look(&sample);
                book.open().seen.push(seen);
                book.more.notify_all();
                Ok(gst::FlowSuccess::Ok)
            })
            .eos(move |_| {
                end.open().has_ended = true;
                end.more.notify_all();
            })
            .build();
        let sink = sink.clone().downcast::<gst_app::AppSink>().unwrap();
        sink.set_callbacks(callbacks);
        eye
    }

    pub fn all(&self) -> Vec<Seen> {
        self.0.open().seen.clone()
    }

    pub fn count(&self) -> usize {
        self.0.open().seen.len()
    }

    pub fn has_ended(&self) -> bool {
        self.0.open().has_ended
    }

    /// Waits for the first buffer that fits, of those that came after `start`.
    #[track_caller]
    pub fn wait(&self, start: Instant, what: &str, fits: impl Fn(&Seen) -> bool) -> Seen {
        self.wait_for(start, what, |seen| seen.iter().find(|s| fits(s)).cloned())
    }

    /// Waits for `count` further buffers.
    #[track_caller]
    pub fn wait_more(&self, count: usize) {
        let start = Instant::now();
        let what = format!("{count} more buffers");
        self.wait_for(start, &what, |seen| (seen.len() >= count).then_some(()));
    }

    #[track_caller]
    fn wait_for<T>(&self, start: Instant, what: &str, find: impl Fn(&[Seen]) -> Option<T>) -> T {
        step(what);
        let end = Instant::now() + PATIENCE;
        let mut pages = self.0.open();
        loop {
            let from = pages.seen.partition_point(|seen| seen.at < start);
            if let Some(found) = find(&pages.seen[from..]) {
                return found;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "no {what}; there was {:#?}",
                pages.seen.last()
            );
            let wait = self.0.more.wait_timeout(pages, left);
            pages = wait.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All buffers had the same caps, and time never stood still or went back.
    #[track_caller]
    pub fn assert_in_order(&self) {
        let seen = self.all();
        for pair in seen.windows(2) {
            assert_eq!(pair[0].caps, pair[1].caps);
            assert!(pair[0].pts < pair[1].pts, "{:?}", [&pair[0], &pair[1]]);
        }
    }
}

fn look(sample: &gst::Sample) -> Seen {
    let at = Instant::now();
    let arrived = gst::SystemClock::obtain().time();
    let caps = sample.caps_owned().unwrap();
    let buffer = sample.buffer().unwrap();
    Seen {
        at,
        arrived,
        pts: buffer.pts(),
        live: is_coloured(&caps, buffer),
        caps,
        copied: gstfakecamera::is_copy(buffer),
        made: gstfakecamera::made_at(buffer),
    }
}

fn is_coloured(caps: &gst::Caps, buffer: &gst::BufferRef) -> bool {
    let info = VideoInfo::from_caps(caps).unwrap();
    assert!(info.is_yuv(), "the tests know YUV: {caps}");
    let frame = VideoFrameRef::from_buffer_ref_readable(buffer, &info).unwrap();
    let chroma = frame.plane_data(1).unwrap();
    // In the middle of the rows, whatever they end with.
    let stride = frame.plane_stride()[1] as usize;
    let mut rows = chroma.chunks(stride);
    rows.any(|row| row[stride / 4].abs_diff(128) > COLOUR)
}
