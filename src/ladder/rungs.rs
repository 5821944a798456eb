// SPDX-License-Identifier: MPL-2.0
//! The rungs of one codec that run, or may: started with the best encoder that works, parked, replaced when it fails.

mod unreadable;

use std::{
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{
    allocation::RungTable,
    candidates::Candidates,
    codec::Codec,
    encoders::{self, Order},
    message::{Message, Notifier},
    outputs::FanOut,
    relief::Relief,
    rung::{Hooks, Rung},
    runner::Make,
    trial,
    types::{
        Config, EncoderSetup, Failure, Frame, Input, RungId, RungSpec, SourceKeyRequest, Step,
    },
};

/// A rung without viewers keeps its encoder for so long: who reloads the page finds it ready.
const PARKED: Duration = Duration::from_secs(10);
/// Without a key unit interval: longer than anyone counts.
const NO_INTERVAL: u32 = 1 << 20;
/// Where the rate is not known.
const COMMON_RATE: u32 = 30;

/// How rungs reach what is around them.
#[derive(Clone)]
pub(super) struct Surroundings {
    pub(super) setup: EncoderSetup,
    pub(super) notify: Notifier,
    pub(super) want_key: SourceKeyRequest,
}

pub(super) struct Rungs {
    codec: Codec,
    specs: Vec<RungSpec>,
    states: Vec<RungState>,
    encoders: Candidates,
    is_encoded: bool,
    download: Option<&'static str>,
    interval: u32,
    around: Surroundings,
    unreadable: Option<(usize, Failure)>,
}

/// What there is for one place on the ladder.
#[derive(Default)]
struct RungState {
    rung: Option<Rung>,
    /// Somebody is on it, or about to be.
    is_active: bool,
    /// A first frame of it is wanted.
    is_sampled: bool,
    /// Since when nobody is.
    idle: Option<Instant>,
    bitrate: u32,
    relief: Relief,
    /// What comes in encoded could not be read, and is tried again then.
    rests_until: Option<Instant>,
}

impl RungState {
    /// Whether the rung stays parked for good: an encoder of hardware takes long to start and little of this process's memory.
    /// The buffers of one of software take 20 to 40 MiB for a picture of 1280x720, and are made in the time that a session
    /// takes to connect, see [`Rungs::expect`].
    fn stays(&self, place: usize) -> bool {
        place == 0 && self.rung.as_ref().is_some_and(Rung::is_of_hardware)
    }
}

/// What became of a rung that does not keep up with the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadChange {
    Overloaded(usize),
    Relieved(usize),
}

impl Rungs {
    /// With the best encoder that works, which it tries; the first frame is of that trial.
    pub(super) fn new(
        codec: Codec,
        config: &Config,
        input: &Input,
        around: Surroundings,
    ) -> Result<(Self, Option<Frame>, Vec<Step>), Failure> {
        let specs = input.cut(config);
        let Some(best) = specs.first().copied() else {
            return Err(Failure("there is no rendition".into()));
        };
        let (rate, download) = match input {
            Input::Raw { rate, download, .. } => ((*rate).max(1), *download),
            Input::Encoded(..) => (COMMON_RATE, None),
        };
        let is_encoded = matches!(input, Input::Encoded(..));
        let mut rungs = Self {
            codec,
            states: specs.iter().map(|_| RungState::default()).collect(),
            specs,
            encoders: Candidates::new(match is_encoded {
                true => Vec::new(),
                false => encoders::installed(codec),
            }),
            is_encoded,
            download,
            interval: match config.keyframe_interval {
                0 => NO_INTERVAL,
                seconds => seconds.saturating_mul(rate),
            },
            around,
            unreadable: None,
        };
        if is_encoded {
            return Ok((rungs, None, Vec::new()));
        }
        let around = (&rungs.around.setup, &rungs.around.notify);
        let found = trial::try_out(codec, rungs.encoders.list(), best, rungs.interval, around)?;
        match rungs.states.first_mut() {
            // It was tried with a picture in plain memory.
            Some(state) if download.is_none() => {
                state.rung = Some(found.rung);
                state.idle = Some(Instant::now());
            }
            _ => found.rung.stop(),
        }
        Ok((rungs, Some(found.frame), found.steps))
    }

    /// What is tried after the encoder that runs.
    #[cfg(test)]
    pub(super) fn set_next_encoder(&mut self, next: &'static encoders::Encoder) {
        let list = self.encoders.list();
        list.truncate(1);
        list.push(next);
    }

    pub(super) fn specs(&self) -> &[RungSpec] {
        &self.specs
    }

    /// The same rungs, which may cost something else.
    pub(super) fn set_specs(&mut self, specs: Vec<RungSpec>) {
        if specs.len() == self.specs.len() {
            self.specs = specs;
        }
    }

    fn rung(&self, place: usize) -> Option<&Rung> {
        self.states.get(place)?.rung.as_ref()
    }

    pub(super) fn want_key(&mut self, id: RungId, now: Instant) {
        let rungs = self.states.iter_mut();
        let rung = rungs.filter_map(|state| state.rung.as_mut());
        if let Some(rung) = rung.into_iter().find(|rung| rung.id == id) {
            rung.want_key(now);
        }
    }

    pub(super) fn set_bitrate(&mut self, place: usize, bitrate: u32) {
        if let Some(state) = self.states.get_mut(place) {
            state.bitrate = bitrate;
            if let Some(rung) = &mut state.rung {
                rung.set_bitrate(bitrate);
            }
        }
    }

    pub(super) fn activate(&mut self, place: usize, bitrate: u32, now: Instant) -> Vec<Step> {
        if let Some(state) = self.states.get_mut(place) {
            state.is_active = true;
            state.bitrate = bitrate;
        }
        self.ensure(place, now)
    }

    pub(super) fn park(&mut self, place: usize, now: Instant) {
        if let Some(state) = self.states.get_mut(place) {
            state.is_active = false;
            state.idle = Some(now);
        }
    }

    /// Somebody is about to join: lets the best rung's encoder begin, so that it is ready when the session is.
    pub(super) fn expect(&mut self, now: Instant) {
        let (Some(spec), Some(state)) = (self.specs.first().copied(), self.states.first_mut())
        else {
            return;
        };
        if self.is_encoded || state.is_active {
            return;
        }
        state.idle = Some(now);
        if state.rung.is_some() {
            return;
        }
        state.bitrate = spec.rendition.ceiling;
        // An encoder that fails now fails again, and is told of, when the viewer has come.
        self.ensure(0, now);
        let is_plain = self.download.is_none();
        let state = self.states.first_mut();
        if let Some(rung) = state.and_then(|state| state.rung.as_mut()) {
            // The viewer comes within a quarter of a second, and would wait until that has passed since the key unit of the start.
            rung.begin_unseen();
            if is_plain {
                // Encoders make their buffers for the first picture.
                rung.push_black(0);
            }
        }
    }

    /// Lets a rung run, with the best encoder that does.
    fn ensure(&mut self, place: usize, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        let (Some(spec), Some(state)) =
            (self.specs.get(place).copied(), self.states.get_mut(place))
        else {
            return steps;
        };
        let bitrate = state.bitrate;
        if let Some(rung) = &mut state.rung {
            rung.set_bitrate(bitrate);
            // Whoever comes to a parked rung needs a key unit, and its encoder may have made the last one long ago.
            rung.want_key(now);
            return steps;
        }
        while let Some(make) = self.make(bitrate) {
            match self.start(place, RungId::new(spec), make, now) {
                Ok(mut rung) => {
                    rung.set_bitrate(bitrate);
                    rung.want_key(now);
                    self.states[place].rung = Some(rung);
                    break;
                }
                Err(failure) if self.is_encoded => {
                    self.rest(place, failure, now);
                    break;
                }
                Err(failure) => steps.push(self.encoders.give_up(failure)),
            }
        }
        steps
    }

    fn make(&self, bitrate: u32) -> Option<Make> {
        if self.is_encoded {
            return Some(Make::Pass(self.around.want_key.clone()));
        }
        let order = Order {
            bitrate,
            interval: self.interval,
        };
        let encoder = self.encoders.first()?;
        Some(Make::Encode(encoder, order, self.download))
    }

    fn start(&self, place: usize, id: RungId, make: Make, now: Instant) -> Result<Rung, Failure> {
        let codec = self.codec;
        let (notify, setup) = (self.around.notify.clone(), self.around.setup.clone());
        let hooks = Hooks {
            on_frame: Box::new(self.on_frame(place)),
            on_failure: Box::new(move |failure| notify(Message::Failed(codec, id, failure))),
            on_encoder: Box::new(move |encoder| setup(codec, place, encoder)),
        };
        Rung::start(id, codec, make, now, hooks)
    }

    /// Lets the best rung run for a first frame.
    pub(super) fn sample(&mut self, now: Instant) {
        if let Some(state) = self.states.first_mut() {
            state.is_sampled = true;
            self.ensure(0, now);
        }
    }

    /// The first frame is there.
    pub(super) fn sampled(&mut self) {
        if let Some(state) = self.states.first_mut() {
            state.is_sampled = false;
        }
    }

    /// Tells of the first key unit that a rung which is sampled makes.
    fn on_frame(&self, place: usize) -> impl Fn(&Frame) + Send + Sync + 'static {
        let is_wanted = self.states.get(place).is_some_and(|state| state.is_sampled);
        let is_wanted = AtomicBool::new(is_wanted);
        let (codec, notify) = (self.codec, self.around.notify.clone());
        move |frame| {
            if is_wanted.load(Relaxed) && frame.is_key && is_wanted.swap(false, Relaxed) {
                notify(Message::First(codec, frame.clone()));
            }
        }
    }

    /// A rung has failed while it ran: all rungs go on with the next encoder, each as another run.
    pub(super) fn failed(&mut self, id: RungId, failure: Failure, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        let Some(failed) = self.place(id).and_then(|place| self.rung(place)) else {
            // What was given up before.
            return steps;
        };
        let (factory, has_worked) = (failed.encoder_name(), failed.has_worked());
        if self.is_encoded {
            if let Some(place) = self.place(id) {
                self.rest(place, failure, now);
            }
            return steps;
        }
        steps.extend((self.encoders).failed(factory, has_worked, failure, now));
        for place in 0..self.states.len() {
            if let Some(old) = self.states[place].rung.take() {
                old.stop();
                if self.states[place].is_active {
                    steps.extend(self.ensure(place, now));
                }
            }
        }
        steps
    }

    /// What is due; what failed because an encoder has stalled.
    pub(super) fn tick(&mut self, now: Instant, pictures_flow: bool) -> Vec<Step> {
        let mut stalled = None;
        for (place, state) in self.states.iter_mut().enumerate() {
            let is_late = |idle: Instant| now.saturating_duration_since(idle) > PARKED;
            if !state.is_active && !state.stays(place) && state.idle.is_some_and(is_late) {
                state.idle = None;
                if let Some(rung) = state.rung.take() {
                    rung.stop();
                }
            }
            if let Some(rung) = &mut state.rung {
                rung.give_key(now);
                let flows = pictures_flow && state.is_active && !self.is_encoded;
                if let Some(failure) = rung.stalled(now, flows) {
                    stalled = Some((rung.id, failure));
                }
            }
        }
        match stalled {
            Some((rung, failure)) => self.failed(rung, failure, now),
            None => Vec::new(),
        }
    }

    /// Which rungs are too much for this machine, and which are to be tried again.
    pub(super) fn loads(&mut self, now: Instant) -> Vec<LoadChange> {
        let mut changes = Vec::new();
        let last = self.states.len().saturating_sub(1);
        for (place, state) in self.states.iter_mut().enumerate().take(last) {
            if state.relief.is_over(now) {
                changes.push(LoadChange::Relieved(place));
            }
            let is_overloaded = match &mut state.rung {
                Some(rung) if state.is_active => rung.is_overloaded(now),
                _ => false,
            };
            if is_overloaded && state.relief.begin(now) {
                changes.push(LoadChange::Overloaded(place));
            }
        }
        changes
    }

    /// Whether there is nothing to watch over.
    pub(super) fn is_idle(&self) -> bool {
        if self.states.iter().any(|state| state.rests_until.is_some()) {
            return false;
        }
        let is_due = |(place, state): (usize, &RungState)| {
            state.rung.is_some() && state.idle.is_some() && !state.stays(place)
        };
        !self.states.iter().any(|state| state.is_active)
            && !self.states.iter().enumerate().any(is_due)
    }

    /// The pad by which something comes in encoded whose viewers have waited for a key unit the longest, and since when.
    pub(super) fn lacks_key(&self) -> Option<(usize, Instant)> {
        let running = self.states.iter().filter(|state| state.is_active);
        let rungs = running.filter_map(|state| state.rung.as_ref());
        let lacking = rungs.filter_map(|rung| Some((rung.id.source, rung.lacks_key_since()?)));
        lacking
            .filter(|_| self.is_encoded)
            .min_by_key(|(_, at)| *at)
    }

    /// Where the camera's pictures go, and from there from each running rung to the next.
    pub(super) fn output(&self) -> Option<gst_app::AppSrc> {
        let running = self.states.iter().filter(|state| state.is_active);
        let rungs: Vec<&Rung> = running.filter_map(|state| state.rung.as_ref()).collect();
        for rung in self.states.iter().filter_map(|state| state.rung.as_ref()) {
            rung.outputs.set([]);
        }
        for pair in rungs.windows(2) {
            pair[0].outputs.set([pair[1].source().clone()]);
        }
        rungs.first().map(|rung| rung.source().clone())
    }

    /// Where what comes in encoded by a pad goes.
    pub(super) fn sources(&self, pad: usize) -> impl Iterator<Item = gst_app::AppSrc> {
        let running = self.states.iter();
        let running = running.filter(|state| state.is_active || state.is_sampled);
        let rungs = running.filter_map(|state| state.rung.as_ref());
        rungs
            .filter(move |rung| rung.id.source == pad)
            .map(|rung| rung.source().clone())
    }

    /// Those that run, to be stopped.
    pub(super) fn into_running(self) -> impl Iterator<Item = Rung> {
        self.states.into_iter().filter_map(|state| state.rung)
    }
}

impl RungTable for Rungs {
    fn id(&self, place: usize) -> Option<RungId> {
        Some(self.rung(place)?.id)
    }

    fn place(&self, id: RungId) -> Option<usize> {
        let is_it = |state: &RungState| state.rung.as_ref().is_some_and(|rung| rung.id == id);
        self.states.iter().position(is_it)
    }

    fn viewers(&self, place: usize) -> Option<&FanOut> {
        Some(&self.rung(place)?.viewers)
    }

    fn places(&self) -> usize {
        self.states.len()
    }
}
