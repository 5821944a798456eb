// SPDX-License-Identifier: MPL-2.0
//! Microphones that fail on command, beside no camera at all.

use std::sync::Mutex;

use super::*;
use crate::{
    camera::{
        device::Timing,
        event::{self, Event},
        output::{Feed, Streams},
    },
    lock::lock,
};

/// Until something is heard, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const GENERATION: u64 = 7;

/// What a microphone does when it is opened for the first time, the second, and so on; the last stays.
#[derive(Debug)]
struct Scripted(Mutex<Vec<&'static str>>);

impl Scripted {
    fn new(script: &[&'static str]) -> Arc<Self> {
        let script = script.iter().rev().copied().collect();
        Arc::new(Self(Mutex::new(script)))
    }
}

impl device::Microphone for Scripted {
    fn open(&self) -> Result<OpenMicrophone, Problem> {
        let mut script = lock(&self.0);
        let line = match script.len() {
            1 => script.last().copied(),
            _ => script.pop(),
        };
        drop(script);
        let line = line.unwrap_or_default();
        if line == "busy" {
            return Err(Problem::new(Reason::Busy, "hw:1: another program uses it"));
        }
        let bin = gst::parse::bin_from_description(line, true).unwrap();
        Ok(OpenMicrophone {
            element: bin.upcast(),
            name: "hw:1".into(),
            timing: Timing::Stamped,
        })
    }
}

const TONE: &str =
    "audiotestsrc is-live=true samplesperbuffer=441 ! audio/x-raw,rate=44100,channels=1 ! identity";
/// Fails after a tenth of a second.
const PULLED: &str = "audiotestsrc is-live=true samplesperbuffer=441 ! audio/x-raw,rate=44100,channels=1 ! identity error-after=10";

/// What is behind the microphone.
struct Scene {
    run: Run,
    pipeline: gst::Pipeline,
    sink: gst_app::AppSink,
    events: Receiver<Event>,
    warned: Receiver<String>,
    microphone: Option<Microphone>,
}

impl Scene {
    fn new(script: &[&'static str]) -> Self {
        gst::init().unwrap();
        let (inbox, events) = event::queue();
        let streams = Streams::new(Feed::video("src"));
        let feed = Arc::new(Feed::audio("audio", &crate::camera::caps::sound()));
        let pipeline = gst::Pipeline::new();
        let sink = gst_app::AppSink::builder().sync(false).build();
        pipeline
            .add_many([feed.appsrc.upcast_ref::<gst::Element>(), sink.upcast_ref()])
            .unwrap();
        feed.appsrc.link(&sink).unwrap();
        pipeline.set_state(gst::State::Playing).unwrap();
        streams.set_audio(Some(feed));
        streams.open_for(GENERATION);
        let clock = gst::SystemClock::obtain();
        let run = Run {
            element: glib::WeakRef::new(),
            base_time: clock.time(),
            clock,
            streams: Arc::new(streams),
            inbox,
            running: Arc::default(),
            microphones: Arc::default(),
        };
        let (warn, warned) = channel();
        let microphone = Microphone::open(Scripted::new(script), &run, GENERATION, move |text| {
            let _ = warn.send(text);
        });
        Self {
            run,
            pipeline,
            sink,
            events,
            warned,
            microphone,
        }
    }

    fn pull(&self) -> gst::Sample {
        let patience = gst::ClockTime::try_from(PATIENCE).unwrap();
        self.sink.try_pull_sample(patience).expect("no sound")
    }

    fn warning(&self) -> String {
        self.warned.recv_timeout(PATIENCE).expect("no warning")
    }

    fn wait_closed(&mut self) {
        self.microphone = None;
        let end = Instant::now() + PATIENCE;
        while self.run.microphones.load(SeqCst) > 0 {
            assert!(Instant::now() < end, "its thread does not end");
            std::thread::yield_now();
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

#[test]
fn it_is_heard_as_it_comes_in_one_row_and_tells_how_late_it_is() {
    let mut scene = Scene::new(&[TONE]);
    let mut ends = None;
    for _ in 0..50 {
        let sample = scene.pull();
        assert!(
            sample
                .caps()
                .unwrap()
                .can_intersect(&crate::camera::caps::sound())
        );
        let buffer = sample.buffer().unwrap();
        let now = scene.run.clock.time() - scene.run.base_time;
        let pts = buffer.pts().unwrap();
        assert!(pts <= now, "{pts} at {now}");
        if let Some(ends) = ends {
            assert!(
                pts.absdiff(ends) < gst::ClockTime::from_useconds(1),
                "{pts}, {ends}"
            );
        }
        ends = Some(pts + buffer.duration().unwrap());
    }
    let is_latency = |event: &Event| match event {
        Event::Capture(GENERATION, Report::SoundLatency(own)) => !own.is_zero(),
        _ => false,
    };
    let first = scene.events.recv_timeout(PATIENCE).unwrap();
    assert!(is_latency(&first) || scene.events.try_iter().any(|event| is_latency(&event)));
    scene.wait_closed();
    assert!(scene.warned.try_recv().is_err());
}

#[test]
fn one_that_another_program_has_is_told_of_and_heard_as_soon_as_it_is_free() {
    let scene = Scene::new(&["busy", "busy", "busy", TONE]);
    let warning = scene.warning();
    assert!(
        warning.contains("no sound: hw:1: another program"),
        "{warning}"
    );
    scene.pull();
    assert!(scene.warned.try_recv().is_err(), "it is told of once");
}

#[test]
fn one_that_is_busy_for_a_moment_is_no_matter() {
    let mut scene = Scene::new(&["busy", TONE]);
    scene.pull();
    scene.wait_closed();
    assert!(scene.warned.try_recv().is_err());
}

#[test]
fn one_that_is_pulled_out_is_told_of_and_heard_when_it_is_back() {
    let scene = Scene::new(&[PULLED, TONE]);
    let first = scene.pull().buffer().unwrap().pts();
    let warning = scene.warning();
    assert!(warning.contains("no sound: hw:1"), "{warning}");
    let was_away = |sample: &gst::Sample| {
        sample
            .buffer()
            .unwrap()
            .flags()
            .contains(gst::BufferFlags::DISCONT)
    };
    let end = Instant::now() + PATIENCE;
    loop {
        let sample = scene.pull();
        if was_away(&sample) && sample.buffer().unwrap().pts() > first {
            break;
        }
        assert!(Instant::now() < end, "it does not come back");
    }
}

#[test]
fn while_several_hang_no_further_one_is_begun() {
    let mut scene = Scene::new(&[TONE]);
    scene.wait_closed();
    scene.run.microphones.store(MAX_RUNNING, SeqCst);
    let (warn, warned) = channel();
    let further = Microphone::open(Scripted::new(&[TONE]), &scene.run, 8, move |text| {
        let _ = warn.send(text);
    });
    assert!(further.is_none());
    assert!(warned.recv().unwrap().contains("hang"));
}
