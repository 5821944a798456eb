// SPDX-License-Identifier: MPL-2.0
//! The source under a clock that lets one frame through at a time, and holds back the thread that it wakes.

use std::sync::{
    Condvar,
    atomic::{AtomicBool, Ordering::SeqCst},
    mpsc,
};

use super::{super::stage::May, *};

/// Longest wait for anything: a loaded machine is slow, a broken program is slower.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);

glib::wrapper! {
    struct Gate(ObjectSubclass<gate::Gate>) @extends gst::Clock, gst::Object;
}

mod gate {
    use super::*;

    #[derive(Default)]
    pub(super) struct Gate {
        pub(super) state: Mutex<State>,
        pub(super) changed: Condvar,
    }

    #[derive(Default)]
    pub(super) struct State {
        pub(super) time: gst::ClockTime,
        /// Until when the one who waits does.
        pub(super) waits: Option<gst::ClockTime>,
        pub(super) is_unscheduled: bool,
        /// Who was woken stays where they are.
        pub(super) is_held: bool,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Gate {
        const NAME: &'static str = "PortholeTestGate";
        type Type = super::Gate;
        type ParentType = gst::Clock;
    }
    impl ObjectImpl for Gate {}
    impl GstObjectImpl for Gate {}
    impl ClockImpl for Gate {
        fn internal_time(&self) -> gst::ClockTime {
            lock(&self.state).time
        }

        fn wait(
            &self,
            id: &gst::ClockId,
        ) -> (
            Result<gst::ClockSuccess, gst::ClockError>,
            gst::ClockTimeDiff,
        ) {
            let mut state = lock(&self.state);
            (state.waits, state.is_unscheduled) = (Some(id.time()), false);
            self.changed.notify_all();
            while state.is_held || !(state.is_unscheduled || state.time >= id.time()) {
                state = self.changed.wait(state).unwrap();
            }
            state.waits = None;
            match state.is_unscheduled {
                true => (Err(gst::ClockError::Unscheduled), 0),
                false => (Ok(gst::ClockSuccess::Ok), 0),
            }
        }

        fn unschedule(&self, _: &gst::ClockId) {
            lock(&self.state).is_unscheduled = true;
            self.changed.notify_all();
        }
    }
}

impl Gate {
    fn change(&self, change: impl FnOnce(&mut gate::State)) {
        change(&mut lock(&self.imp().state));
        self.imp().changed.notify_all();
    }

    /// When somebody waits: for when.
    fn waits(&self) -> gst::ClockTime {
        let mut state = lock(&self.imp().state);
        loop {
            match state.waits {
                Some(until) => return until,
                None => state = self.imp().changed.wait(state).unwrap(),
            }
        }
    }
}

struct Scene {
    pipeline: gst::Pipeline,
    stage: Arc<Stage>,
    pump: Pump,
    unlocked: Arc<AtomicBool>,
    clock: Gate,
    ear: gst_app::AppSink,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.clock.change(|gate| gate.is_held = false);
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Scene {
    fn playing() -> Self {
        gst::init().unwrap();
        let stage = Arc::new(Stage::default());
        let pump = Pump::new(&stage);
        let (pipeline, clock) = (gst::Pipeline::new(), glib::Object::new::<Gate>());
        let ear = gst_app::AppSink::builder().sync(false).async_(false);
        let ear = ear.build();
        pipeline.use_clock(Some(&clock));
        pipeline
            .add_many([pump.upcast_ref::<gst::Element>(), ear.upcast_ref()])
            .unwrap();
        pump.link(&ear).unwrap();
        // As the base class does from GStreamer 1.24 on before it asks for the next frame; here for all.
        let unlocked = Arc::new(AtomicBool::new(false));
        let (source, own) = (pump.downgrade(), unlocked.clone());
        pump.src_pad()
            .add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                if own.swap(false, SeqCst) {
                    source.upgrade().unwrap().imp().unlock_stop().unwrap();
                }
                gst::PadProbeReturn::Ok
            });
        let scene = Self {
            pipeline,
            stage,
            pump,
            unlocked,
            clock,
            ear,
        };
        scene.set(gst::State::Playing);
        scene
    }

    fn set(&self, state: gst::State) {
        self.pipeline.set_state(state).unwrap();
        // The same when it pauses.
        if state == gst::State::Paused {
            self.pump.imp().unlock().unwrap();
            self.unlocked.store(true, SeqCst);
        }
    }

    /// Lets the clock reach what is waited for.
    fn pass(&self) {
        let until = self.clock.waits();
        self.clock.change(|gate| gate.time = until);
    }

    #[track_caller]
    fn frame(&self) -> (u64, bool) {
        place(&self.ear.try_pull_sample(PATIENCE).unwrap())
    }
}

/// A frame's place, and whether something was left out before it.
fn place(sample: &gst::Sample) -> (u64, bool) {
    let buffer = sample.buffer().unwrap();
    let place = buffer.pts().unwrap().nseconds() / PERIOD.nseconds();
    (place, buffer.flags().contains(gst::BufferFlags::DISCONT))
}

#[test]
fn a_pause_that_is_over_before_the_source_notices_is_no_end() {
    let scene = Scene::playing();
    scene.pass();
    assert_eq!(scene.frame(), (0, true));
    for place in 1..20 {
        scene.clock.waits();
        scene.clock.change(|gate| gate.is_held = true);
        scene.set(gst::State::Paused);
        scene.set(gst::State::Playing);
        scene.clock.change(|gate| gate.is_held = false);
        assert_eq!(scene.frame().0, place);
    }
    scene.pass();
    assert_eq!(scene.frame().0, 20);
    scene.pass();
    assert_eq!(scene.frame(), (21, false));
}

/// A source that pauses while it makes a frame has it dropped or not, as its thread is quick, and from GStreamer 1.24 on.
#[test]
fn what_a_pause_drops_is_said_of_the_next_frame() {
    let scene = Scene::playing();
    let (inside, is_inside) = mpsc::channel();
    let hold = Arc::new(Mutex::new(()));
    let other = hold.clone();
    let may: May = Arc::new(move || {
        let _ = inside.send(());
        drop(lock(&other));
        true
    });
    scene
        .stage
        .push(&"a".into(), &may, vec![1; FRAME].into_iter());
    let mut next = None;
    for _ in 0..20 {
        scene.clock.waits();
        while is_inside.try_recv().is_ok() {}
        let held = lock(&hold);
        scene.pass();
        is_inside.recv().unwrap();
        scene.set(gst::State::Paused);
        drop(held);
        scene.set(gst::State::Playing);
        scene.clock.waits();
        while let Some(sample) = scene.ear.try_pull_sample(gst::ClockTime::ZERO) {
            let (place, is_jump) = place(&sample);
            assert!(is_jump || next == Some(place), "{place}, {next:?}");
            next = Some(place + 1);
        }
    }
    assert!(next.is_some());
}
