// SPDX-License-Identifier: MPL-2.0
//! A ladder that is fed by hand, and viewers whose networks are made up.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst},
        mpsc::{self, Receiver},
    },
    thread,
    time::{Duration, Instant},
};

use gst::prelude::*;

use crate::{
    ladder::{
        Event, Feed, Hooks, Ladder, Observation, Path, Size, Viewer,
        codec::Codec,
        rendition::{MAX_RENDITIONS, Renditions},
        types::{Bitrates, Config, Input},
    },
    lock::lock,
};

/// A loaded machine encodes a picture in a tenth of it.
const PATIENCE: Duration = Duration::from_secs(20);
const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;
pub(super) const RAW: Input = Input::Raw {
    width: WIDTH,
    height: HEIGHT,
    rate: 30,
    download: None,
};

/// What was sent is counted over so long.
const WINDOW: Duration = Duration::from_millis(500);

/// A network that carries what it is told to of what its viewer is sent. Its estimate comes down by and by, as that of congestion
/// control, so that on the way it is more than arrives.
pub(super) struct Link {
    carries: AtomicU32,
    estimate: AtomicU32,
    /// What its viewer was told that it carries.
    pub(super) started: AtomicU32,
    sent: Mutex<VecDeque<(Instant, usize)>>,
}

impl Link {
    pub(super) fn of(bits: u32) -> Arc<Self> {
        Arc::new(Self {
            carries: AtomicU32::new(bits),
            estimate: AtomicU32::new(bits),
            started: AtomicU32::new(0),
            sent: Mutex::default(),
        })
    }

    pub(super) fn set(&self, bits: u32) {
        self.carries.store(bits, SeqCst);
    }

    fn send(&self, bytes: usize) {
        lock(&self.sent).push_back((Instant::now(), bytes));
    }
}

impl Path for Link {
    fn observe(&self, now: Instant) -> Option<Observation> {
        let mut recent = lock(&self.sent);
        recent.retain(|(at, _)| now.saturating_duration_since(*at) < WINDOW);
        let bytes: usize = recent.iter().map(|(_, bytes)| bytes).sum();
        let sent = (bytes as f64 * 8. / WINDOW.as_secs_f64()) as u32;
        let (carries, before) = (self.carries.load(SeqCst), self.estimate.load(SeqCst));
        let estimate = carries.max(before - before / 8);
        self.estimate.store(estimate, SeqCst);
        let delivered = sent.min(carries);
        Some(Observation {
            estimate,
            delivered,
            sent,
            // Nothing is lost of nothing.
            loss: if sent == 0 {
                0.
            } else {
                1. - delivered as f32 / sent as f32
            },
            queued: Duration::ZERO,
        })
    }

    fn start(&self, estimate: u32) {
        self.started.store(estimate, SeqCst);
    }

    fn probe(&self, _: u32) {}
    fn raise(&self, _: u32) {}
}

/// A viewer and its network.
pub(super) struct Watcher {
    pub(super) viewer: Viewer,
    pub(super) link: Arc<Link>,
}

pub(super) struct Scene {
    pub(super) ladder: Arc<Ladder>,
    events: Receiver<Event>,
    pub(super) encoders: Arc<Mutex<Vec<(Codec, usize, gst::Element)>>>,
    pub(super) keys: Arc<AtomicUsize>,
    /// Pictures go in for as long as this lives.
    _alive: Option<mpsc::Sender<()>>,
}

pub(super) fn bitrates() -> Bitrates {
    Bitrates {
        best: Some(1_000_000),
        min: 50_000,
        max: 10_000_000,
        start: 2_048_000,
    }
}

pub(super) fn config(codecs: &[Codec]) -> Config {
    Config {
        codecs: codecs.to_vec(),
        renditions: Renditions::Auto,
        bitrates: bitrates(),
        keyframe_interval: 0,
    }
}

impl Scene {
    /// Raw pictures come in by themselves.
    pub(super) fn new(config: Config) -> Self {
        Self::timed(config, |number| number * 33)
    }

    /// Raw pictures come in, 30 a second, that say to be of these times, in milliseconds.
    pub(super) fn timed(config: Config, times: fn(u64) -> u64) -> Self {
        Self::still(config).fed(times)
    }

    /// Raw pictures come in by themselves, with encoders that somebody sets up in this way.
    pub(super) fn set_up(
        config: Config,
        setup: impl Fn(usize, &gst::Element) + Send + Sync + 'static,
    ) -> Self {
        Self::with(config, setup).fed(|number| number * 33)
    }

    fn fed(mut self, times: fn(u64) -> u64) -> Self {
        let scene = &mut self;
        let (alive, end) = mpsc::channel::<()>();
        let fed = scene.ladder.clone();
        thread::spawn(move || feed(&fed, times, &end));
        scene._alive = Some(alive);
        self
    }

    /// What comes in is what the test pushes.
    pub(super) fn still(config: Config) -> Self {
        Self::with(config, |_, _| ())
    }

    fn with(config: Config, setup: impl Fn(usize, &gst::Element) + Send + Sync + 'static) -> Self {
        gst::init().expect("GStreamer is installed");
        let (sender, events) = mpsc::channel();
        let sender = Mutex::new(sender);
        let encoders: Arc<Mutex<Vec<_>>> = Arc::default();
        let (made, keys) = (encoders.clone(), Arc::new(AtomicUsize::new(0)));
        let asked = keys.clone();
        let hooks = Hooks {
            events: Box::new(move |events| drop(lock(&sender).send(events))),
            encoder_setup: Arc::new(move |codec, rung, encoder: &gst::Element| {
                lock(&made).push((codec, rung, encoder.clone()));
                setup(rung, encoder);
            }),
            want_key: Arc::new(move |_| {
                asked.fetch_add(1, SeqCst);
            }),
        };
        let feeds = (0..MAX_RENDITIONS).map(|_| Feed::default()).collect();
        let ladder = Arc::new(Ladder::start(config, feeds, hooks).expect("threads start"));
        Self {
            ladder,
            events,
            encoders,
            keys,
            _alive: None,
        }
    }

    pub(super) fn raw(config: Config) -> Self {
        Self::new(config).ready()
    }

    /// With raw pictures, when it can be joined.
    pub(super) fn ready(self) -> Self {
        let scene = self;
        scene.ladder.set_input(RAW);
        scene.event(|event| matches!(event, Event::Ready(_)));
        scene
    }

    /// Waits for such an event.
    pub(super) fn event(&self, fits: impl Fn(&Event) -> bool) -> Event {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let events = self.events.recv_timeout(left).expect("an event in time");
            if fits(&events) {
                return events;
            }
        }
    }

    pub(super) fn join(&self, codec: Codec, link: &Arc<Link>) -> Watcher {
        self.join_with(codec, link, None)
    }

    /// A viewer that shows its picture in this size.
    pub(super) fn join_with(&self, codec: Codec, link: &Arc<Link>, size: Option<Size>) -> Watcher {
        let link = link.clone();
        let viewer = self.ladder.join("s", codec, Some(link.clone()), size);
        viewer.outlet.flush(false);
        viewer.outlet.open(Instant::now());
        Watcher { viewer, link }
    }

    /// Encoders that work for the rung.
    pub(super) fn running(&self, rung: usize) -> usize {
        let all = lock(&self.encoders);
        let runs = |encoder: &gst::Element| encoder.current_state() == gst::State::Playing;
        all.iter()
            .filter(|(_, of, e)| *of == rung && runs(e))
            .count()
    }

    pub(super) fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < until, "{what}");
            thread::yield_now();
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.ladder.end();
    }
}

/// Pictures that move, 30 a second.
fn feed(ladder: &Ladder, times: fn(u64) -> u64, end: &Receiver<()>) {
    let info = gst_video::VideoInfo::builder(gst_video::VideoFormat::I420, WIDTH, HEIGHT);
    let info = info.fps(gst::Fraction::new(30, 1)).build().expect("a size");
    let caps = info.to_caps().expect("caps");
    let mut segment = gst::FormattedSegment::<gst::ClockTime>::new();
    segment.set_start(gst::ClockTime::ZERO);
    for number in 0u64.. {
        if end.recv_timeout(Duration::from_millis(33)) != Err(mpsc::RecvTimeoutError::Timeout) {
            return;
        }
        let bytes: Vec<u8> = (0..info.size())
            .map(|i| ((i as u64 * (number + 7)) >> 3) as u8)
            .collect();
        let mut buffer = gst::Buffer::from_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_mseconds(times(number)));
        }
        let sample = gst::Sample::builder()
            .buffer(&buffer)
            .caps(&caps)
            .segment(&segment)
            .build();
        ladder.feeds()[0].push(&sample, Instant::now(), || None);
    }
}

/// The next frame; its width, whether it is a key unit, and its time.
pub(super) fn next(watcher: &Watcher) -> (i32, bool, gst::ClockTime) {
    let frame = watcher.viewer.outlet.next().expect("a frame");
    watcher.link.send(frame.buffer.size());
    let width = frame.caps.structure(0).and_then(|s| s.get("width").ok());
    (width.unwrap_or(0), frame.is_key, frame.shown())
}
