// SPDX-License-Identifier: MPL-2.0
//! The camera's thread: opens, closes and loops it, and sends the slate. Opening a camera may block, and
//! here it holds up nobody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};

use super::{
    PortholeSrc,
    control::{Camera, Control},
    place::Place,
    slate,
    source::{Feeds, Source, Surroundings, test_mode},
};

/// Events waiting for the worker. Each comes at most once per camera start, loop or change of viewers.
pub(crate) const MAX_NEWS: usize = 64;

/// A black picture this often while the camera is closed: downstream stays negotiated and nearly idle.
const SLATE_PERIOD: Duration = Duration::from_secs(1);

/// What the worker hears.
#[derive(Debug)]
pub(crate) enum News {
    Demand(bool),
    /// The camera's mode, known before its first frame.
    Mode(gst::Caps),
    /// The camera's first frame.
    Frame,
    /// The file is at its end.
    Ended,
    Failed(String),
    Quit,
}

pub(crate) struct Worker {
    pub(crate) element: glib::WeakRef<PortholeSrc>,
    pub(crate) place: Place,
    pub(crate) feeds: Feeds,
    pub(crate) around: Surroundings,
    pub(crate) idle_timeout: Arc<AtomicU32>,
    pub(crate) sender: SyncSender<News>,
}

/// A failure that ends the stream.
struct Fatal(String);

impl Worker {
    pub(crate) fn run(self, demand: Option<bool>, news: &Receiver<News>) {
        let mut shift = Shift {
            control: Control::new(demand),
            source: None,
            black: None,
            next_slate: Instant::now(),
            worker: self,
        };
        if let Err(Fatal(why)) = shift.run(news) {
            shift.worker.with_element(|element| {
                gst::element_error!(element, gst::ResourceError::Failed, ("{why}"));
            });
        }
        shift.close();
    }

    fn with_element(&self, f: impl FnOnce(&PortholeSrc)) {
        if let Some(element) = self.element.upgrade() {
            f(&element);
        }
    }

    fn device(&self) -> &str {
        match &self.place {
            Place::Test => "test",
            Place::File(url) => url.as_str(),
        }
    }

    fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout.load(Ordering::Relaxed).into())
    }
}

/// The worker at work.
struct Shift {
    worker: Worker,
    control: Control,
    source: Option<Source>,
    /// The slate, once the mode is known.
    black: Option<gst::Buffer>,
    next_slate: Instant,
}

impl Shift {
    fn run(&mut self, news: &Receiver<News>) -> Result<(), Fatal> {
        match self.worker.place {
            Place::Test => {
                let mode = test_mode(&self.worker.around.allowed).ok_or_else(|| self.no_mode())?;
                self.learn_mode(&mode);
            }
            // Only the file itself knows its mode. This also finds out at once whether it can be played.
            Place::File(_) if !self.control.must_open() => self.open(gst::State::Paused)?,
            Place::File(_) => (),
        }
        loop {
            if self.control.must_open() {
                self.open(gst::State::Playing)?;
                self.set_camera(Camera::Opening);
            }
            let now = Instant::now();
            let idle_timeout = self.worker.idle_timeout();
            if self.control.must_close(idle_timeout, now) {
                self.close();
            }
            if self.next_slate <= now {
                self.send_slate();
                self.next_slate = now + SLATE_PERIOD;
            }
            let wake = self
                .control
                .close_at(idle_timeout)
                .into_iter()
                .chain([self.next_slate])
                .min();
            let wait = wake.map_or(SLATE_PERIOD, |at| at.saturating_duration_since(now));
            match news.recv_timeout(wait.max(Duration::from_millis(1))) {
                Ok(News::Quit) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(item) => self.hear(item)?,
                Err(RecvTimeoutError::Timeout) => (),
            }
        }
    }

    fn hear(&mut self, news: News) -> Result<(), Fatal> {
        match news {
            News::Demand(active) => self.control.demand(active, Instant::now()),
            News::Mode(caps) => {
                self.learn_mode(&caps);
                if self.control.camera == Camera::Closed {
                    self.source = None;
                    self.next_slate = Instant::now();
                }
            }
            News::Frame if self.control.camera == Camera::Opening => {
                self.set_camera(Camera::Live);
            }
            News::Ended if self.source.is_some() => self.rewind()?,
            News::Failed(why) if self.source.is_some() => {
                return Err(Fatal(format!(
                    "camera={}: {why}; check that it is a video file that GStreamer can play \
                     (gst-play-1.0 shows whether it can)",
                    self.worker.device()
                )));
            }
            News::Frame | News::Ended | News::Failed(_) | News::Quit => (),
        }
        Ok(())
    }

    fn no_mode(&self) -> Fatal {
        Fatal(format!(
            "camera={}: what follows portholesrc takes neither I420 nor NV12 video; put videoconvert behind it",
            self.worker.device()
        ))
    }

    fn learn_mode(&mut self, caps: &gst::Caps) {
        let appsrc = &self.worker.feeds.video.appsrc;
        if appsrc.caps().as_ref() != Some(caps) {
            appsrc.set_caps(Some(caps));
        }
        self.black = slate::black(caps);
    }

    fn open(&mut self, state: gst::State) -> Result<(), Fatal> {
        let Worker {
            place,
            feeds,
            around,
            sender,
            ..
        } = &self.worker;
        if around.allowed.is_empty() {
            return Err(self.no_mode());
        }
        let failed = |why: &dyn std::fmt::Display| {
            Fatal(format!(
                "camera={}: cannot be opened: {why}",
                self.worker.device()
            ))
        };
        let source = Source::new(place, feeds, around, sender).map_err(|e| failed(&e))?;
        // Where this fails, the reason comes as News::Failed.
        let _ = source.pipeline.set_state(state);
        self.source = Some(source);
        Ok(())
    }

    fn close(&mut self) {
        self.source = None;
        self.next_slate = Instant::now();
        if self.control.camera != Camera::Closed {
            self.set_camera(Camera::Closed);
        }
    }

    /// From the end of the file to its beginning.
    fn rewind(&mut self) -> Result<(), Fatal> {
        let Some(source) = &self.source else {
            return Ok(());
        };
        let flags = gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT;
        if source
            .pipeline
            .seek_simple(flags, gst::ClockTime::ZERO)
            .is_err()
        {
            // Not every file can be wound back; every file can be opened again.
            self.source = None;
            self.open(gst::State::Playing)?;
        }
        Ok(())
    }

    fn set_camera(&mut self, camera: Camera) {
        self.control.camera = camera;
        self.worker.with_element(|element| {
            let structure = gst::Structure::builder("porthole/camera")
                .field("state", camera.name())
                .field("device", self.worker.device())
                .build();
            let message = gst::message::Element::builder(structure)
                .src(element)
                .build();
            let _ = element.post_message(message);
        });
    }

    /// One black picture and a piece of silence, now: what the camera does not give itself.
    fn send_slate(&self) {
        let Surroundings {
            clock, base_time, ..
        } = &self.worker.around;
        let Some(now) = clock.time().checked_sub(*base_time) else {
            return;
        };
        let live = self.control.camera == Camera::Live;
        let heard = live && self.source.as_ref().is_some_and(Source::has_sound);
        if let Some(black) = self.black.as_ref().filter(|_| !live) {
            let _ = self.worker.feeds.video.push(black.copy(), now);
        }
        if let Some(audio) = self.worker.feeds.audio.as_ref().filter(|_| !heard)
            && let Some(silence) = slate::silence()
        {
            let _ = audio.push(silence, now);
        }
    }
}
