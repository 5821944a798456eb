// SPDX-License-Identifier: MPL-2.0
//! Takes pictures on their way from a pad to the encoders. On the streaming thread: where nobody asked it is one load, and where
//! somebody did it hands on a reference and waits for nothing.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Instant,
};

use super::Film;
use crate::{events::slate, lock::lock};

/// Encoded frames that may wait to be decoded: a key unit is asked for, and comes within a second or two of 60 frames.
const MAX_FRAMES: usize = 240;

/// See the [module](self).
#[derive(Default)]
pub(crate) struct Shutter {
    is_open: AtomicBool,
    to: Mutex<Option<SyncSender<Film>>>,
}

impl Shutter {
    /// Whether [`Self::see`] is to be called.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Relaxed)
    }

    /// A picture passes. Slates are none.
    pub(crate) fn see(&self, sample: &gst::Sample) {
        let (Some(caps), Some(buffer)) = (sample.caps_owned(), sample.buffer_owned()) else {
            return;
        };
        if slate::is_marked(&buffer) {
            return;
        }
        let film = Film { caps, buffer };
        let mut to = lock(&self.to);
        // Of raw pictures one is enough, and each is a buffer that the camera lacks.
        let is_enough = film.is_raw();
        let is_taken = to.as_ref().is_some_and(|to| to.try_send(film).is_ok());
        if is_enough || !is_taken {
            to.take();
            self.is_open.store(false, Relaxed);
        }
    }

    /// Begins to take pictures; whoever did before gets no more.
    pub(crate) fn open(self: &Arc<Self>) -> Exposure {
        let (to, pictures) = sync_channel(MAX_FRAMES);
        *lock(&self.to) = Some(to);
        self.is_open.store(true, Relaxed);
        Exposure {
            shutter: self.clone(),
            pictures,
        }
    }
}

/// Takes pictures as long as it lives.
pub(crate) struct Exposure {
    shutter: Arc<Shutter>,
    pictures: Receiver<Film>,
}

impl Exposure {
    /// Waits for the next one.
    pub(crate) fn next(&mut self, until: Instant) -> Option<Film> {
        let left = until.saturating_duration_since(Instant::now());
        self.pictures.recv_timeout(left).ok()
    }
}

impl Drop for Exposure {
    fn drop(&mut self) {
        lock(&self.shutter.to).take();
        self.shutter.is_open.store(false, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sample(caps: &str, mark: bool) -> gst::Sample {
        gst::init().unwrap();
        let mut buffer = gst::Buffer::with_size(16).unwrap();
        if mark {
            slate::mark(buffer.make_mut());
        }
        let caps: gst::Caps = caps.parse().unwrap();
        gst::Sample::builder().caps(&caps).buffer(&buffer).build()
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn one_raw_picture_is_taken_and_none_that_stands_in_for_the_camera() {
        let shutter = Arc::<Shutter>::default();
        assert!(!shutter.is_open());
        let mut exposure = shutter.open();
        shutter.see(&sample("video/x-raw", true));
        assert!(shutter.is_open(), "a slate is no picture");
        shutter.see(&sample("video/x-raw", false));
        assert!(!shutter.is_open());
        assert!(exposure.next(soon()).unwrap().is_raw());
        assert!(exposure.next(soon()).is_none(), "and no more");
    }

    #[test]
    fn encoded_frames_are_taken_until_nobody_wants_them_and_never_without_bound() {
        let shutter = Arc::<Shutter>::default();
        let mut exposure = shutter.open();
        for _ in 0..2 * MAX_FRAMES {
            if shutter.is_open() {
                shutter.see(&sample("video/x-h264", false));
            }
        }
        assert!(!shutter.is_open());
        let mut taken = 0;
        while exposure.next(soon()).is_some() {
            taken += 1;
        }
        assert_eq!(taken, MAX_FRAMES);
        let again = shutter.open();
        drop(again);
        assert!(!shutter.is_open());
    }
}
