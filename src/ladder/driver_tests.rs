// SPDX-License-Identifier: MPL-2.0
//! The ladder with real encoders, fed with pictures by hand; viewers' networks are made up.

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

use super::{
    Observation, Path,
    codec::Codec,
    config::{Config, Input},
    driver::{Hooks, Ladder, News, Viewer},
    feed::Feed,
    rendition::{MAX_RENDITIONS, Renditions},
};
use crate::lock::lock;

/// A loaded machine encodes a picture in a tenth of it.
const PATIENCE: Duration = Duration::from_secs(20);
const WIDTH: u32 = 320;
const HEIGHT: u32 = 240;

/// What was sent is counted over so long.
const WINDOW: Duration = Duration::from_millis(500);

/// A network that carries what it is told to of what its viewer is sent. Its estimate comes down by and by, as that of congestion
/// control, so that on the way it is more than arrives.
struct Link {
    carries: AtomicU32,
    estimate: AtomicU32,
    sent: Mutex<VecDeque<(Instant, usize)>>,
}

impl Link {
    fn of(bits: u32) -> Arc<Self> {
        Arc::new(Self {
            carries: AtomicU32::new(bits),
            estimate: AtomicU32::new(bits),
            sent: Mutex::default(),
        })
    }

    fn set(&self, bits: u32) {
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

    fn probe(&self, _: u32) {}
    fn raise(&self, _: u32) {}
}

/// A viewer and its network.
struct Watcher {
    viewer: Viewer,
    link: Arc<Link>,
}

struct Scene {
    ladder: Arc<Ladder>,
    news: Receiver<News>,
    encoders: Arc<Mutex<Vec<(Codec, usize, gst::Element)>>>,
    keys: Arc<AtomicUsize>,
    /// Pictures go in for as long as this lives.
    _alive: Option<mpsc::Sender<()>>,
}

fn config(codecs: &[Codec]) -> Config {
    Config {
        codecs: codecs.to_vec(),
        renditions: Renditions::Auto,
        bitrate: Some(1_000_000),
        min_bitrate: 50_000,
        max_bitrate: 10_000_000,
        keyframe_interval: 0,
    }
}

impl Scene {
    /// Raw pictures come in by themselves.
    fn new(config: Config) -> Self {
        let mut scene = Self::still(config);
        let (alive, end) = mpsc::channel::<()>();
        let fed = scene.ladder.clone();
        thread::spawn(move || feed(&fed, &end));
        scene._alive = Some(alive);
        scene
    }

    /// What comes in is what the test pushes.
    fn still(config: Config) -> Self {
        gst::init().expect("GStreamer is installed");
        let (sender, news) = mpsc::channel();
        let sender = Mutex::new(sender);
        let encoders: Arc<Mutex<Vec<_>>> = Arc::default();
        let (made, keys) = (encoders.clone(), Arc::new(AtomicUsize::new(0)));
        let asked = keys.clone();
        let hooks = Hooks {
            news: Box::new(move |news| drop(lock(&sender).send(news))),
            encoder_setup: Arc::new(move |codec, rung, encoder: &gst::Element| {
                lock(&made).push((codec, rung, encoder.clone()));
            }),
            want_key: Box::new(move |_| {
                asked.fetch_add(1, SeqCst);
            }),
        };
        let feeds = (0..MAX_RENDITIONS).map(|_| Feed::default()).collect();
        let ladder = Arc::new(Ladder::start(config, feeds, hooks).expect("threads start"));
        Self {
            ladder,
            news,
            encoders,
            keys,
            _alive: None,
        }
    }

    fn raw(config: Config) -> Self {
        let scene = Self::new(config);
        scene.ladder.set_input(Input::Raw {
            width: WIDTH,
            height: HEIGHT,
            rate: 30,
            download: None,
        });
        scene.hear(|news| matches!(news, News::Ready(_)));
        scene
    }

    /// Waits for such news.
    fn hear(&self, fits: impl Fn(&News) -> bool) -> News {
        let until = Instant::now() + PATIENCE;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let news = self.news.recv_timeout(left).expect("news in time");
            if fits(&news) {
                return news;
            }
        }
    }

    fn join(&self, codec: Codec, link: &Arc<Link>) -> Watcher {
        let link = link.clone();
        let viewer = self.ladder.join("s", codec, Some(link.clone()));
        viewer.outlet.flush(false);
        viewer.outlet.open(Instant::now());
        Watcher { viewer, link }
    }

    /// Encoders that work for the rung.
    fn running(&self, rung: usize) -> usize {
        let all = lock(&self.encoders);
        let runs = |encoder: &gst::Element| encoder.current_state() == gst::State::Playing;
        all.iter()
            .filter(|(_, of, e)| *of == rung && runs(e))
            .count()
    }

    fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
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
fn feed(ladder: &Ladder, end: &Receiver<()>) {
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
            buffer.set_pts(gst::ClockTime::from_mseconds(number * 33));
        }
        let sample = gst::Sample::builder()
            .buffer(&buffer)
            .caps(&caps)
            .segment(&segment)
            .build();
        ladder.feeds()[0].push(&sample, || None);
    }
}

/// The next frame; its width, whether it is a key unit, and its time.
fn next(watcher: &Watcher) -> (i32, bool, gst::ClockTime) {
    let frame = watcher.viewer.outlet.next().expect("a frame");
    watcher.link.send(frame.buffer.size());
    let width = frame.caps.structure(0).and_then(|s| s.get("width").ok());
    (width.unwrap_or(0), frame.is_key, frame.time + frame.shift)
}

#[test]
fn all_viewers_of_a_codec_share_one_encoder_and_begin_with_a_key_unit() {
    let scene = Scene::raw(config(&[Codec::H264, Codec::Vp8]));
    let link = Link::of(5_000_000);
    let viewers: Vec<Watcher> = (0..8).map(|_| scene.join(Codec::Vp8, &link)).collect();
    for viewer in &viewers {
        let (width, is_key, _) = next(viewer);
        assert_eq!((width, is_key), (320, true));
    }
    let of_vp8 = lock(&scene.encoders)
        .iter()
        .filter(|(c, ..)| *c == Codec::Vp8)
        .count();
    assert_eq!(of_vp8, 1, "the one that was tried is the one that runs");
}

#[test]
fn when_it_has_ended_no_encoder_is_tried_any_more_and_those_that_were_have_stopped() {
    let scene = Scene::still(config(&[Codec::Vp8, Codec::H264]));
    scene.ladder.set_input(Input::Raw {
        width: WIDTH,
        height: HEIGHT,
        rate: 30,
        download: None,
    });
    // As an application does that stops at once, and then ends GStreamer.
    scene.ladder.end();
    let (made, states) = {
        let all = lock(&scene.encoders);
        let states: Vec<_> = all.iter().map(|(.., e)| e.current_state()).collect();
        (all.len(), states)
    };
    assert!(made > 0, "it was asked before");
    assert!(
        states.iter().all(|state| *state == gst::State::Null),
        "{states:?}"
    );
}

#[test]
fn who_has_a_slow_network_gets_a_smaller_picture_and_the_other_one_keeps_its_own() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let (fast, slow) = (Link::of(5_000_000), Link::of(5_000_000));
    let (first, second) = (scene.join(Codec::Vp8, &fast), scene.join(Codec::Vp8, &slow));
    assert_eq!(next(&second).0, 320);
    slow.set(200_000);
    let mut last = gst::ClockTime::ZERO;
    let (mut width, mut longest) = (320, gst::ClockTime::ZERO);
    while width == 320 {
        let (now, is_key, time) = next(&second);
        assert!(
            now == width || is_key,
            "another size begins with a key unit"
        );
        assert!(time > last, "time goes on");
        if !last.is_zero() {
            longest = longest.max(time - last);
        }
        (width, last) = (now, time);
        assert_eq!(next(&first).0, 320);
    }
    assert_eq!(width, 160);
    // Ten pictures here, on a quiet machine: ticks until the estimate has followed, and the start of an encoder. How soon a rung
    // changes is the policy's promise, under its own clock.
    assert!(longest < gst::ClockTime::from_mseconds(600), "{longest}");
    for _ in 0..20 {
        assert_eq!(next(&first).0, 320);
    }
    assert_eq!((scene.running(0), scene.running(1)), (1, 1));
}

#[test]
fn encoders_that_nobody_watches_stop_and_one_of_another_codec_never_starts() {
    let scene = Scene::raw(config(&[Codec::Vp8, Codec::H264]));
    let link = Link::of(100_000);
    let viewer = scene.join(Codec::Vp8, &link);
    scene.until("the smaller rung runs", |scene| scene.running(1) == 1);
    assert_eq!(next(&viewer).0, 160);
    let of_h264 = || {
        lock(&scene.encoders)
            .iter()
            .filter(|(c, ..)| *c == Codec::H264)
            .count()
    };
    assert_eq!(of_h264(), 1, "tried, and no more");
    drop(viewer);
    scene.until("both stop, and what was tried as well", |scene| {
        let all = lock(&scene.encoders);
        all.iter()
            .all(|(.., e)| e.current_state() == gst::State::Null)
    });
    scene.ladder.expect();
    scene.until("who is expected finds one", |scene| scene.running(0) == 1);
    assert_eq!(of_h264(), 1, "of the codec that was watched last");
}

#[test]
fn an_encoder_that_fails_while_it_runs_is_followed_by_the_next_and_says_so() {
    let scene = Scene::raw(config(&[Codec::H264]));
    let viewer = scene.join(Codec::H264, &Link::of(5_000_000));
    assert_eq!(next(&viewer).0, 320);
    let failing = lock(&scene.encoders)[0].2.clone();
    let name = failing.factory().expect("made by a factory").name();
    gst::element_error!(failing, gst::LibraryError::Encode, ("made to fail"));
    let News::Encoder {
        factory,
        failure,
        next: Some(follower),
    } = scene.hear(|news| matches!(news, News::Encoder { .. }))
    else {
        panic!("there is another encoder of H.264");
    };
    assert_eq!(factory, name);
    assert!(failure.contains("made to fail"), "{failure}");
    scene.until("the next one runs", |scene| {
        let all = lock(&scene.encoders);
        let is_next = |e: &gst::Element| e.factory().is_some_and(|f| f.name() == follower);
        all.iter()
            .any(|(_, _, e)| is_next(e) && e.current_state() == gst::State::Playing)
    });
    // What was on its way may come first.
    while !next(&viewer).1 {}
}

#[test]
fn where_no_encoder_works_it_says_why() {
    let scene = Scene::new(Config {
        // No encoder takes a picture of this size.
        renditions: "16384x16384@1M".parse().expect("a rendition"),
        ..config(&[Codec::Vp8])
    });
    scene.ladder.set_input(Input::Raw {
        width: WIDTH,
        height: HEIGHT,
        rate: 30,
        download: None,
    });
    let News::NoEncoder(why) = scene.hear(|news| matches!(news, News::NoEncoder(_))) else {
        panic!();
    };
    assert!(why.contains("vp8"), "{why}");
}

#[test]
fn encoded_frames_pass_and_key_units_are_asked_for_where_they_come_from() {
    let scene = Scene::still(config(&[Codec::H264]));
    let rungs = Renditions::Auto.of(1280, 720, None);
    // The caps of a second pad follow those of the first.
    let all = Input::Encoded(Codec::Vp8, rungs.clone());
    scene.ladder.set_input(all);
    scene
        .ladder
        .set_input(Input::Encoded(Codec::Vp8, rungs[..1].to_vec()));
    scene.until("a key unit is asked for", |scene| {
        scene.keys.load(SeqCst) > 0
    });
    let (end, ended) = mpsc::channel::<()>();
    let ladder = scene.ladder.clone();
    // A key unit, then one that needs it, and so on, since nothing tells when the ladder listens.
    let camera = thread::spawn(move || {
        let mut number = 0;
        while ended.recv_timeout(Duration::from_millis(5)) == Err(mpsc::RecvTimeoutError::Timeout) {
            push_vp8(&ladder, 33 * number, number % 2 == 0);
            number += 1;
        }
    });
    let News::Ready(offered) = scene.hear(|news| matches!(news, News::Ready(_))) else {
        panic!();
    };
    assert_eq!(offered[0].0, Codec::Vp8);
    let before = scene.keys.load(SeqCst);
    let viewer = scene.join(Codec::Vp8, &Link::of(1_000_000));
    scene.until("its key unit is asked for", |scene| {
        scene.keys.load(SeqCst) > before
    });
    let (width, is_key, _) = next(&viewer);
    assert_eq!((width, is_key), (1280, true));
    drop(end);
    camera.join().expect("it pushed to the end");
}

/// A frame of 1280x720 as an encoder would give it.
fn push_vp8(ladder: &Ladder, ms: u64, is_key: bool) {
    let caps: gst::Caps = "video/x-vp8,width=1280,height=720".parse().expect("caps");
    let segment = gst::FormattedSegment::<gst::ClockTime>::new();
    let mut buffer = gst::Buffer::from_slice([1, 2, 3]);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(gst::ClockTime::from_mseconds(ms));
        if !is_key {
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
    }
    let sample = gst::Sample::builder()
        .buffer(&buffer)
        .caps(&caps)
        .segment(&segment)
        .build();
    ladder.feeds()[0].push(&sample, || None);
}

#[test]
fn viewers_that_come_and_go_all_the_time_leave_nothing_behind() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let link = Link::of(5_000_000);
    let stays = scene.join(Codec::Vp8, &link);
    for _ in 0..200 {
        drop(scene.join(Codec::Vp8, &link));
    }
    assert_eq!(next(&stays).0, 320);
    let made = lock(&scene.encoders).len();
    assert!(made <= 2, "{made} encoders were made");
}
