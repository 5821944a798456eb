// SPDX-License-Identifier: MPL-2.0
//! The floor and the voices of all sessions of a sink. Sessions put sound in, the pump takes frames out, and neither waits
//! for the other, nor for those who hear of it.
//!
//! Lock order: `state`, `teller`, `sounds`. Each is held to read or write values only.

use std::{
    fmt, io, mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Instant,
};

use tokio::sync::watch;

use super::{
    floor::{Floor, Id, Mode},
    mixer::{self, FRAME, Level, Voice},
    sounds::Sound,
    tones::{Player, Sounds},
};
use crate::{
    calling::Cue,
    lock::lock,
    worker::{self, Worker},
};

/// Frames of 10 ms from one level to the next: a bar that moves ten times a second looks smooth.
const LEVEL_FRAMES: u32 = 10;
/// Frames for which a microphone beside the loudspeaker stays ducked when nobody speaks any more: 300 ms, in which the
/// sound gets through the loudspeaker and the room falls silent.
const DUCK_FRAMES: u32 = 30;

/// What is heard at the robot.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// Ids of the sessions that are heard.
    pub(crate) speakers: Vec<String>,
    /// Ids of those that send sound and are not heard yet, the next first.
    pub(crate) waiting: Vec<String>,
    /// How loud it is, in dBFS; none for silence.
    pub(crate) level: Option<f32>,
}

/// Who hears of it, on a thread on which they may take their time.
pub(crate) struct Hooks {
    /// Others speak or wait than before.
    pub(crate) changed: Box<dyn Fn(&Report) + Send>,
    /// The robot's own microphone is to be ducked, or no more.
    pub(crate) duck: Box<dyn Fn(bool) + Send>,
}

/// Whether a session may talk now.
pub(crate) type May = Arc<dyn Fn() -> bool + Send + Sync>;

pub(crate) struct Stage {
    state: Mutex<State>,
    /// There while there is a pad.
    teller: Mutex<Option<Worker<()>>>,
    report: watch::Sender<Report>,
    ducks: AtomicBool,
    /// With the number of the run that they are of.
    sounds: Mutex<(u64, Sounds)>,
}

#[derive(Default)]
struct State {
    floor: Floor,
    seats: Vec<Seat>,
    tones: Player,
    level: Level,
    /// Frames until the next level.
    until_level: u32,
    /// Frames until the microphone is not ducked any more.
    until_loud: u32,
    has_changed: bool,
}

/// A session that has sent sound.
struct Seat {
    id: Id,
    may: May,
    voice: Voice,
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stage")
            .field("report", &self.report)
            .finish_non_exhaustive()
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            teller: Mutex::default(),
            report: watch::Sender::default(),
            ducks: AtomicBool::new(false),
            sounds: Mutex::default(),
        }
    }
}

impl Stage {
    pub(super) fn open(self: &Arc<Self>, hooks: Hooks) -> io::Result<()> {
        let stage = Arc::downgrade(self);
        let (mut told, mut ducked) = (Report::default(), false);
        // Ends with the teller; nobody need wait for what it still has to say.
        let (teller, _) = worker::spawn("porthole-talk", move |()| {
            let Some(stage) = stage.upgrade() else { return };
            let now = stage.report.borrow().clone();
            let ducks = stage.ducks.load(Relaxed);
            if mem::replace(&mut ducked, ducks) != ducks {
                (hooks.duck)(ducks);
            }
            if (&told.speakers, &told.waiting) != (&now.speakers, &now.waiting) {
                (hooks.changed)(&now);
                told = now;
            }
        })?;
        *lock(&self.teller) = Some(teller);
        Ok(())
    }

    pub(super) fn close(&self) {
        self.clear();
        lock(&self.teller).take();
    }

    pub(super) fn is_open(&self) -> bool {
        lock(&self.teller).is_some()
    }

    pub(super) fn set_mode(&self, mode: Mode) {
        lock(&self.state).floor = Floor::new(mode);
        self.clear();
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Report> {
        self.report.subscribe()
    }

    /// A tone for whoever rings, instead of the one before.
    pub(super) fn cue(&self, cue: Cue) {
        if self.is_open() {
            let sound = lock(&self.sounds).1.of(cue);
            lock(&self.state).tones.play(cue, sound);
        }
    }

    /// Another run begins, with no sounds yet. Returns its number.
    pub(super) fn forget_sounds(&self) -> u64 {
        let mut sounds = lock(&self.sounds);
        *sounds = (sounds.0 + 1, Sounds::default());
        sounds.0
    }

    /// A sound is read, for this run if that is not over.
    pub(super) fn set_sound(&self, run: u64, cue: Cue, sound: Sound) {
        let mut sounds = lock(&self.sounds);
        if sounds.0 == run {
            sounds.1.set(cue, Some(sound));
        }
    }

    /// Nothing more is said, as when the pump stops.
    pub(super) fn clear(&self) {
        {
            let mut state = lock(&self.state);
            *state = State {
                floor: Floor::new(state.floor.mode()),
                ..State::default()
            };
        }
        self.tell(Some(Report::default()), false);
    }

    /// A packet of permitted sound of a session came.
    pub(super) fn heard(&self, id: &Id, now: Instant) {
        let mut state = lock(&self.state);
        state.has_changed |= state.floor.heard(id, now);
    }

    /// Sound of a session.
    pub(super) fn push(&self, id: &Id, may: &May, samples: impl ExactSizeIterator<Item = i16>) {
        let mut state = lock(&self.state);
        let place = state.seats.iter().position(|seat| seat.id == *id);
        let place = place.unwrap_or_else(|| {
            state.seats.push(Seat {
                id: id.clone(),
                may: may.clone(),
                voice: Voice::default(),
            });
            state.seats.len() - 1
        });
        if let Some(seat) = state.seats.get_mut(place) {
            seat.voice.push(samples);
        }
    }

    /// The session has ended.
    pub(super) fn leave(&self, id: &Id) {
        let mut state = lock(&self.state);
        state.has_changed |= state.floor.gone(id);
        if let Some(seat) = state.seats.iter_mut().find(|seat| seat.id == *id) {
            // The voice goes when it has faded out.
            seat.may = Arc::new(|| false);
        }
    }

    /// The next 10 ms.
    pub(super) fn frame(&self, now: Instant, out: &mut [i16; FRAME]) {
        let (report, ducks) = lock(&self.state).frame(now, out);
        self.tell(report, ducks);
    }

    fn tell(&self, report: Option<Report>, ducks: bool) {
        let mut is_news = self.ducks.swap(ducks, Relaxed) != ducks;
        if let Some(report) = report {
            let mut before = None;
            self.report.send_if_modified(|last| {
                if *last == report {
                    return false;
                }
                before = Some(mem::replace(last, report.clone()));
                true
            });
            is_news |= before.is_some_and(|before| {
                (before.speakers, before.waiting) != (report.speakers, report.waiting)
            });
        }
        if is_news && let Some(teller) = lock(&self.teller).as_ref()
            // One that waits will see this as well.
            && teller.backlog() < 2
        {
            teller.push(());
        }
    }
}

impl State {
    fn frame(&mut self, now: Instant, out: &mut [i16; FRAME]) -> (Option<Report>, bool) {
        let Self {
            floor,
            seats,
            tones,
            ..
        } = self;
        let mut has_changed = mem::take(&mut self.has_changed);
        for seat in seats.iter_mut().filter(|seat| !(seat.may)()) {
            seat.voice.clear();
            has_changed |= floor.gone(&seat.id);
        }
        has_changed |= floor.settle(now);
        seats.retain(|seat| seat.voice.held() > 0 || !seat.voice.is_over());
        let voices = seats.iter_mut();
        let tones = tones.frame();
        let sounds = tones.is_some();
        mixer::mix(
            voices.map(|seat| {
                let is_heard = (seat.may)() && floor.speaks(&seat.id);
                (&mut seat.voice, is_heard)
            }),
            tones.unwrap_or([0; FRAME]),
            out,
        );
        self.level.add(out);
        self.until_loud = match floor.speakers().next() {
            // Who has answered is not to hear the bell's tones from the loudspeaker either.
            Some(_) => DUCK_FRAMES,
            None if sounds => DUCK_FRAMES,
            None => self.until_loud.saturating_sub(1),
        };
        self.until_level = self.until_level.saturating_sub(1);
        let is_due = self.until_level == 0;
        let report = (is_due || has_changed).then(|| {
            self.until_level = LEVEL_FRAMES;
            let names = |ids: &mut dyn Iterator<Item = &Id>| ids.map(|id| id.to_string()).collect();
            Report {
                speakers: names(&mut self.floor.speakers()),
                waiting: names(&mut self.floor.waiting()),
                level: self.level.take(),
            }
        });
        (report, self.until_loud > 0)
    }
}

#[cfg(test)]
#[path = "stage_tests.rs"]
mod tests;
