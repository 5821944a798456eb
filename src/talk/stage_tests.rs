// SPDX-License-Identifier: MPL-2.0

use std::{
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use super::{super::floor, *};

const LOUD: i16 = 10_000;

/// A session of the tests, whose permission can be taken.
struct Talker {
    id: Id,
    may: May,
    permitted: Arc<AtomicBool>,
}

impl Talker {
    fn new(id: &str) -> Self {
        let permitted = Arc::new(AtomicBool::new(true));
        let own = permitted.clone();
        Self {
            id: id.into(),
            may: Arc::new(move || own.load(Relaxed)),
            permitted,
        }
    }

    /// A packet of 20 ms.
    fn speak(&self, stage: &Stage, now: Instant) {
        stage.heard(&self.id, now);
        stage.push(&self.id, &self.may, vec![LOUD; 2 * FRAME].into_iter());
    }
}

fn frame(stage: &Stage, now: Instant) -> [i16; FRAME] {
    let mut out = [0; FRAME];
    stage.frame(now, &mut out);
    out
}

/// Time that goes on by 20 ms of speech of `talkers` at a time; all frames.
fn speech(stage: &Stage, talkers: &[&Talker], now: &mut Instant, packets: usize) -> Vec<i16> {
    let mut all = Vec::new();
    for _ in 0..packets {
        for talker in talkers {
            talker.speak(stage, *now);
        }
        for _ in 0..2 {
            *now += Duration::from_millis(10);
            all.extend(frame(stage, *now));
        }
    }
    all
}

#[test]
fn one_is_heard_and_the_next_when_that_one_stops() {
    let stage = Stage::default();
    let (a, b) = (Talker::new("a"), Talker::new("b"));
    let mut now = Instant::now();
    a.speak(&stage, now);
    speech(&stage, &[&a, &b], &mut now, 10);
    let report = stage.subscribe().borrow().clone();
    assert_eq!(report.speakers, ["a"]);
    assert_eq!(report.waiting, ["b"]);
    let loud = speech(&stage, &[&a, &b], &mut now, 5);
    assert!(loud.iter().all(|sample| *sample == LOUD), "b is not added");
    speech(&stage, &[&b], &mut now, 10);
    let report = stage.subscribe().borrow().clone();
    assert_eq!(
        (&*report.speakers, &*report.waiting),
        (&["b".to_owned()][..], &[][..])
    );
    assert!(report.level.is_some());
    let loud = speech(&stage, &[&b], &mut now, 5);
    assert!(loud.iter().all(|sample| *sample == LOUD));
}

#[test]
fn who_sends_without_end_is_silent_when_the_turn_is_over_and_the_next_is_heard() {
    let stage = Stage::default();
    let (a, b) = (Talker::new("a"), Talker::new("b"));
    let mut now = Instant::now();
    a.speak(&stage, now);
    let turn = usize::try_from(floor::MAX_TURN.as_millis() / 20).unwrap();
    speech(&stage, &[&a, &b], &mut now, turn - 1);
    assert_eq!(stage.subscribe().borrow().speakers, ["a"]);
    speech(&stage, &[&a, &b], &mut now, 2);
    let report = stage.subscribe().borrow().clone();
    assert_eq!(
        (&*report.speakers, &*report.waiting),
        (&["b".to_owned()][..], &["a".to_owned()][..])
    );
    let loud = speech(&stage, &[&a, &b], &mut now, 5);
    assert!(loud.iter().all(|sample| *sample == LOUD), "a is not added");
}

#[test]
fn in_a_mix_both_are_heard() {
    let stage = Stage::default();
    stage.set_mode(Mode::Mix);
    let (a, b) = (Talker::new("a"), Talker::new("b"));
    let mut now = Instant::now();
    speech(&stage, &[&a, &b], &mut now, 5);
    let loud = speech(&stage, &[&a, &b], &mut now, 5);
    assert!(loud.iter().all(|sample| *sample == 2 * LOUD));
}

#[test]
fn a_taken_permission_silences_within_one_frame_and_frees_the_floor() {
    let stage = Stage::default();
    let (a, b) = (Talker::new("a"), Talker::new("b"));
    let mut now = Instant::now();
    a.speak(&stage, now);
    speech(&stage, &[&a, &b], &mut now, 10);
    a.permitted.store(false, Relaxed);
    let cut = frame(&stage, now);
    assert_eq!(cut[FRAME - 1], LOUD, "b is heard at once");
    assert_eq!(stage.subscribe().borrow().speakers, ["b"]);
    b.permitted.store(false, Relaxed);
    assert_eq!(frame(&stage, now)[FRAME / 2..], [0; FRAME / 2]);
    assert_eq!(frame(&stage, now), [0; FRAME]);
    assert_eq!(*stage.subscribe().borrow().speakers, [""; 0]);
    assert!(
        lock(&stage.state).seats.is_empty(),
        "nothing is kept of them"
    );
}

#[test]
fn a_session_that_leaves_frees_the_floor() {
    let stage = Stage::default();
    let (a, b) = (Talker::new("a"), Talker::new("b"));
    let mut now = Instant::now();
    a.speak(&stage, now);
    speech(&stage, &[&a, &b], &mut now, 3);
    stage.leave(&a.id);
    frame(&stage, now);
    assert_eq!(stage.subscribe().borrow().speakers, ["b"]);
    frame(&stage, now);
    assert_eq!(lock(&stage.state).seats.len(), 1);
}

fn hooks() -> (Hooks, Receiver<String>) {
    let (sender, told) = channel();
    let other = sender.clone();
    let hooks = Hooks {
        changed: Box::new(move |report| {
            let _ = sender.send(report.speakers.join(" "));
        }),
        duck: Box::new(move |ducks| {
            let _ = other.send(format!("duck {ducks}"));
        }),
    };
    (hooks, told)
}

#[test]
fn those_who_listen_are_told_who_speaks_and_the_microphone_is_ducked_a_while_longer() {
    let stage = Arc::new(Stage::default());
    let (hooks, told) = hooks();
    assert!(!stage.is_open());
    stage.open(hooks).unwrap();
    assert!(stage.is_open());
    let next = || told.recv_timeout(Duration::from_secs(60)).unwrap();
    let a = Talker::new("a");
    let mut now = Instant::now();
    speech(&stage, &[&a], &mut now, 5);
    assert_eq!((next(), next()), ("duck true".into(), "a".into()));
    let silent = Instant::now() + Duration::from_secs(1);
    frame(&stage, silent);
    assert_eq!(next(), "");
    for _ in 1..DUCK_FRAMES {
        assert!(stage.ducks.load(Relaxed));
        frame(&stage, silent);
    }
    assert_eq!(next(), "duck false");
    stage.close();
    assert!(!stage.is_open());
    assert!(told.recv().is_err(), "the thread has ended");
}

#[test]
fn levels_come_ten_times_a_second() {
    let stage = Stage::default();
    let mut seen = stage.subscribe();
    let a = Talker::new("a");
    let mut now = Instant::now();
    let mut reports = 0;
    for i in 0..50 {
        stage.heard(&a.id, now);
        // Louder each time, so that each level is another.
        let samples = vec![100 * (i + 1); 2 * FRAME];
        stage.push(&a.id, &a.may, samples.into_iter());
        for _ in 0..2 {
            now += Duration::from_millis(10);
            frame(&stage, now);
            reports += usize::from(seen.has_changed().unwrap());
            seen.mark_unchanged();
        }
    }
    assert!((10..=12).contains(&reports), "{reports} in a second");
}

/// A stage with a pad, and nobody who hears of it.
fn open_stage() -> Arc<Stage> {
    let stage = Arc::new(Stage::default());
    let hooks = Hooks {
        changed: Box::new(|_| ()),
        duck: Box::new(|_| ()),
    };
    stage.open(hooks).unwrap();
    stage
}

#[test]
fn the_bell_is_heard_beside_a_voice_and_the_microphone_is_ducked_for_both() {
    let (stage, a) = (open_stage(), Talker::new("a"));
    let mut now = Instant::now();
    let quiet = speech(&stage, &[], &mut now, 1);
    assert!(quiet.iter().all(|sample| *sample == 0) && !stage.ducks.load(Relaxed));
    stage.cue(Cue::Ringing);
    let ringing = speech(&stage, &[], &mut now, 5);
    assert!(ringing.iter().any(|sample| *sample > 1_000));
    assert!(stage.ducks.load(Relaxed));
    let both = speech(&stage, &[&a], &mut now, 10);
    assert!(
        both.iter().any(|sample| *sample > LOUD + 500),
        "the two together"
    );
    assert!(both.iter().all(|sample| *sample < i16::MAX));
    stage.cue(Cue::Silence);
    speech(&stage, &[&a], &mut now, 1);
    let voice = speech(&stage, &[&a], &mut now, 5);
    assert!(
        voice.iter().all(|sample| *sample == LOUD),
        "the voice alone"
    );
}

#[test]
fn without_a_pad_no_bell_is_kept_for_one_that_comes_later() {
    let stage = open_stage();
    stage.close();
    stage.cue(Cue::Ringing);
    let hooks = Hooks {
        changed: Box::new(|_| ()),
        duck: Box::new(|_| ()),
    };
    stage.open(hooks).unwrap();
    let silence = frame(&stage, Instant::now());
    assert!(silence.iter().all(|sample| *sample == 0));
}
