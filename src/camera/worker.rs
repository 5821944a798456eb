// SPDX-License-Identifier: MPL-2.0
//! The camera's thread: opens, closes and loops it, and sends the slate. Opening a camera may block, and
//! here it holds up nobody.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};

use super::{
    PortholeSrc,
    control::{Camera, Control},
    devices::Device,
    event::{Event, EventSender},
    outlet::{Context, Feeds},
    settings::Settings,
    slate,
    source::Source,
};
use crate::properties::Snapshot;

/// A black picture this often while the camera is closed: downstream stays negotiated and nearly idle.
const SLATE_PERIOD: Duration = Duration::from_secs(1);

/// What one run of the camera is made from.
pub(crate) struct Config {
    pub(crate) element: glib::WeakRef<PortholeSrc>,
    pub(crate) device: Arc<dyn Device>,
    pub(crate) feeds: Feeds,
    pub(crate) context: Context,
    pub(crate) settings: Arc<Snapshot<Settings>>,
    pub(crate) events: EventSender,
}

impl Config {
    fn with_element(&self, f: impl FnOnce(&PortholeSrc)) {
        if let Some(element) = self.element.upgrade() {
            f(&element);
        }
    }

    fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.settings.now().idle_timeout.into())
    }
}

/// A failure that ends the stream. Names the camera and the fix.
struct Fatal(String);

/// Runs the camera until it is told to quit. `demand` is what the sink has said so far.
pub(crate) fn run(config: Config, demand: Option<bool>, events: &Receiver<Event>) {
    let mut worker = Worker {
        control: Control::new(demand),
        source: None,
        black: None,
        next_slate: Instant::now(),
        config,
    };
    if let Err(Fatal(why)) = worker.run(events) {
        worker.config.with_element(|element| {
            gst::element_error!(element, gst::ResourceError::Failed, ("{why}"));
        });
    }
    worker.close();
}

struct Worker {
    config: Config,
    control: Control,
    source: Option<Source>,
    /// The slate, once the mode is known.
    black: Option<gst::Buffer>,
    next_slate: Instant,
}

impl Worker {
    fn run(&mut self, events: &Receiver<Event>) -> Result<(), Fatal> {
        let allowed = &self.config.context.allowed;
        if allowed.is_empty() {
            return Err(self.no_mode());
        }
        match self.config.device.known_mode(allowed) {
            Some(mode) => self.learn_mode(&mode),
            // This also finds out at once whether it can be played.
            None if !self.control.must_open() => self.open(gst::State::Paused)?,
            None => (),
        }
        loop {
            if self.control.must_open() {
                self.open(gst::State::Playing)?;
                self.set_camera(Camera::Opening);
            }
            let now = Instant::now();
            let idle_timeout = self.config.idle_timeout();
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
            match events.recv_timeout(wait.max(Duration::from_millis(1))) {
                Ok(Event::Quit) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(event) => self.hear(event)?,
                Err(RecvTimeoutError::Timeout) => (),
            }
        }
    }

    fn hear(&mut self, event: Event) -> Result<(), Fatal> {
        match event {
            Event::Demand(active) => self.control.demand(active, Instant::now()),
            Event::Mode(caps) => {
                self.learn_mode(&caps);
                if self.control.camera == Camera::Closed {
                    self.source = None;
                    self.next_slate = Instant::now();
                }
            }
            Event::FirstFrame if self.control.camera == Camera::Opening => {
                self.set_camera(Camera::Live);
            }
            Event::EndOfFile if self.source.is_some() => self.rewind()?,
            Event::Failed(why) if self.source.is_some() => {
                return Err(Fatal(format!(
                    "camera={}: {why}; check that it is a video file that GStreamer can play \
                     (gst-play-1.0 shows whether it can)",
                    self.config.device.name()
                )));
            }
            Event::FirstFrame | Event::EndOfFile | Event::Failed(_) | Event::Quit => (),
        }
        Ok(())
    }

    fn no_mode(&self) -> Fatal {
        Fatal(format!(
            "camera={}: what follows portholesrc takes neither I420 nor NV12 video; put videoconvert behind it",
            self.config.device.name()
        ))
    }

    fn learn_mode(&mut self, caps: &gst::Caps) {
        let appsrc = &self.config.feeds.video.appsrc;
        if appsrc.caps().as_ref() != Some(caps) {
            appsrc.set_caps(Some(caps));
        }
        self.black = slate::black(caps);
    }

    fn open(&mut self, state: gst::State) -> Result<(), Fatal> {
        let Config {
            device,
            feeds,
            context,
            events,
            ..
        } = &self.config;
        let source = Source::new(device.as_ref(), feeds, context, events).map_err(|error| {
            Fatal(format!(
                "camera={}: cannot be opened: {error}",
                device.name()
            ))
        })?;
        // Where this fails, the reason comes as Event::Failed.
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
        self.config.with_element(|element| {
            let structure = gst::Structure::builder("porthole/camera")
                .field("state", camera.name())
                .field("device", self.config.device.name())
                .build();
            let message = gst::message::Element::builder(structure)
                .src(element)
                .build();
            let _ = element.post_message(message);
        });
    }

    /// One black picture and a piece of silence, now: what the camera does not give itself.
    fn send_slate(&self) {
        let Context {
            clock, base_time, ..
        } = &self.config.context;
        let Some(now) = clock.time().checked_sub(*base_time) else {
            return;
        };
        let live = self.control.camera == Camera::Live;
        let heard = live && self.source.as_ref().is_some_and(Source::has_sound);
        if let Some(black) = self.black.as_ref().filter(|_| !live) {
            let _ = self.config.feeds.video.push(black.copy(), now);
        }
        if let Some(audio) = self.config.feeds.audio.as_ref().filter(|_| !heard)
            && let Some(silence) = slate::silence()
        {
            let _ = audio.push(silence, now);
        }
    }
}
