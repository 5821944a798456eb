// SPDX-License-Identifier: MPL-2.0
//! The camera's one thread: hears what has happened, asks `control` what to do, does it, and sends the slate by its own clock. It
//! never blocks: what may do so (the driver, the bus, an application's callbacks) runs on threads of captures and of the bus.
//!
//! Why not `fallbacksrc` with `fallbackswitch`, or `intersrc`: fallbacksrc keeps its source running or restarting as long as it
//! lives and has no way to release the device while nobody watches; its fallback is a stream of its own, with caps and a rank, that
//! runs beside the camera all the time, and knows nothing of the reason. intersink and intersrc carry buffers between pipelines,
//! as our captures do with an appsink and an appsrc, and leave opening, closing and failing to somebody else.

use std::{
    sync::{
        Arc,
        atomic::Ordering::SeqCst,
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;
use gst_video::VideoOrientationMethod;

use super::{
    bus::{BusPoster, Latency},
    state::{Action, CLOSE_PATIENCE, Limits, State, Status},
};
use crate::{
    camera::{
        CAT,
        capture::{Capture, Command, Listening, Run},
        demand::{self, Downstream},
        device::{AudioDevice, Device, Request},
        devices,
        event::{Event, Report},
        output::NOBODY,
        problem::{Problem, Reason},
        settings::Settings,
        slate::{self, Slate, Slates},
    },
    frame::orientation,
    properties::Snapshot,
};

/// A camera that is open sooner needs no slate before its picture.
const SLATE_GRACE: Duration = Duration::from_millis(400);
/// The same where the caps are not known: a picture in others than those of the slate would have to change them.
const UNKNOWN_GRACE: Duration = Duration::from_millis(900);
/// What is overdue waits for something else, and is looked at again after this time.
const LEAST_WAIT: Duration = Duration::from_millis(20);
/// How long a look for the mode may hold up opening.
const LOOK_PATIENCE: Duration = Duration::from_secs(2);
/// Sessions that do not end, before no further one is opened: a driver that hangs must not fill the process with threads.
const MAX_RUNNING: usize = 4;
/// What a change of state waits for the device to close.
pub(in crate::camera) const QUIT_PATIENCE: Duration = Duration::from_secs(1);

/// The generation of the look for the mode, which control passes over.
pub(super) const LOOK: u64 = u64::MAX;

/// What one run of the camera is made from.
pub(in crate::camera) struct Config {
    pub(in crate::camera) device: Arc<dyn Device>,
    pub(in crate::camera) audio_device: AudioDevice,
    pub(in crate::camera) run: Run,
    pub(in crate::camera) settings: Arc<Snapshot<Settings>>,
    pub(in crate::camera) downstream: Arc<Downstream>,
    pub(in crate::camera) bus: BusPoster,
}

/// Runs the camera until it is told to quit.
pub(in crate::camera) fn run(config: Config, events: &Receiver<Event>) {
    Supervisor::new(config).run(events);
}

pub(super) struct Supervisor {
    pub(super) config: Config,
    pub(super) state: State,
    pub(super) capture: Option<Capture>,
    /// What was opened, as people call it.
    pub(super) device: String,
    /// Whether it is a file, which may show one picture for as long as it likes.
    pub(super) is_paced: bool,
    /// What a picture has been like, and what the slate is therefore like; before the first picture, what it will be like.
    pub(super) settled: Option<gst::Caps>,
    pub(super) foreseen: Option<gst::Caps>,
    /// Since when the mode is being looked for.
    pub(super) looking: Option<Instant>,
    pub(super) latency: Latency,
    pub(super) problem: Option<Problem>,
    pub(super) status: Option<Status>,
    /// What the capture runs with.
    opened_with: Option<Opened>,
    pub(super) slates: Slates,
    pub(super) finished: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Opened {
    controls: Option<gst::Structure>,
    direction: VideoOrientationMethod,
    sound: bool,
}

impl Supervisor {
    fn new(config: Config) -> Self {
        Self {
            state: State::new(config.run.streams.last_generation()),
            capture: None,
            device: config.device.name().to_owned(),
            settled: None,
            foreseen: None,
            is_paced: false,
            looking: None,
            latency: Latency::default(),
            problem: None,
            status: None,
            opened_with: None,
            slates: Slates::new(Instant::now()),
            finished: false,
            config,
        }
    }

    fn run(&mut self, events: &Receiver<Event>) {
        if self.allowed().is_empty() {
            self.config.bus.fail(format!(
                "camera={}: what follows portholesrc takes none of its formats; put videoconvert behind it",
                self.device
            ));
        }
        self.foreseen = self.config.device.known_mode(&self.request());
        self.follow(Instant::now());
        if self.foreseen.is_none() && !self.state.is_wanted() {
            self.look();
        }
        loop {
            let now = Instant::now();
            let limits = self.limits();
            self.follow(now);
            self.act(&limits, now);
            self.announce();
            self.send_slate(now);
            let wake = self.state.wake_at(&limits).into_iter();
            let wake = wake.chain([self.slates.next()]).min().unwrap_or(now);
            let wait = wake.saturating_duration_since(now).max(LEAST_WAIT);
            match events.recv_timeout(wait.min(slate::PERIOD)) {
                Ok(Event::Quit) | Err(RecvTimeoutError::Disconnected) => break,
                Ok(event) => self.hear(event),
                Err(RecvTimeoutError::Timeout) => (),
            }
        }
        self.quit(events);
    }

    /// Closes the camera and waits a little for the device to be free.
    fn quit(&mut self, events: &Receiver<Event>) {
        self.config.run.streams.open_for(NOBODY);
        let generation = self.state.generation();
        let holds_device = self.state.holds_device();
        self.capture = None;
        if !holds_device {
            return;
        }
        let end = Instant::now() + QUIT_PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(Event::Capture(of, Report::Ended)) if of == generation => return,
                Ok(_) => (),
                Err(_) => break,
            }
        }
        gst::warning!(
            CAT,
            "{}: its driver does not close it; it is left to itself",
            self.device
        );
    }

    fn limits(&self) -> Limits {
        let settings = self.config.settings.now();
        Limits {
            idle_timeout: Duration::from_secs(settings.idle_timeout.into()),
            stall_timeout: Duration::from_secs(settings.stall_timeout.into()),
            open_timeout: self.config.device.open_timeout(),
        }
    }

    pub(super) fn request(&self) -> Request {
        let settings = self.config.settings.now();
        Request {
            asked: settings.asked(),
            allowed: self.allowed(),
            settled: self.settled.clone(),
            sound: self.config.run.streams.audio().is_some() && self.config.audio_device.is_own(),
            controls: settings.controls.clone(),
            direction: self.config.downstream.direction(),
        }
    }

    /// What downstream takes of our formats.
    pub(super) fn allowed(&self) -> gst::Caps {
        let pad = self.config.run.element.upgrade();
        pad.and_then(|element| element.static_pad("src"))
            .map_or_else(gst::Caps::new_any, |pad| {
                pad.peer_query_caps(Some(&pad.pad_template_caps()))
            })
    }

    /// Looks up what may have changed: who wants the picture, and how.
    fn follow(&mut self, now: Instant) {
        let settings = self.config.settings.now();
        self.finished = self.config.run.streams.is_finished();
        let wanted = !self.finished && (!settings.on_demand || self.is_wanted());
        self.state.want(wanted, now);
        let is_refused = self.state.status() == Status::Lost(Reason::Refused);
        if is_refused && self.config.device.is_let_in_anew() {
            self.state.forgive(now);
        }
        self.state.pulse(match self.is_paced {
            true => now,
            false => self.config.run.streams.last_picture(),
        });
        let (Some(capture), Some(with)) = (&self.capture, &mut self.opened_with) else {
            return;
        };
        if with.controls != settings.controls {
            with.controls.clone_from(&settings.controls);
            if let Some(controls) = &settings.controls {
                capture.tell(Command::Controls(controls.clone()));
            }
        }
        let direction = self.config.downstream.direction();
        if with.direction != direction {
            with.direction = direction;
            capture.tell(Command::Turn(direction));
        }
        let is_wanted = self.config.run.streams.audio().is_some();
        if is_wanted == with.sound {
            return;
        }
        let is_own = self.config.device.has_sound() && self.config.audio_device.is_own();
        with.sound = is_wanted || is_own;
        match is_own {
            true if is_wanted => self.state.reopen(now),
            true => (),
            false => capture.tell(Command::Sound(is_wanted)),
        }
    }

    fn is_wanted(&self) -> bool {
        let downstream = &self.config.downstream;
        let ids = downstream.sinks();
        if ids.is_empty() {
            return true;
        }
        let pads = self.config.run.element.upgrade().map(|e| e.src_pads());
        let found = demand::find(pads.unwrap_or_default(), &ids);
        downstream.is_wanted(&found)
    }

    fn act(&mut self, limits: &Limits, now: Instant) {
        loop {
            let may_open = self
                .looking
                .is_none_or(|since| since + LOOK_PATIENCE <= now)
                && self.config.run.running.load(SeqCst) < MAX_RUNNING;
            match self.state.act(limits, may_open, now) {
                Some(Action::Open(generation)) => self.open(generation, now),
                Some(Action::Close(_)) => {
                    if let Status::Lost(reason @ Reason::Stalled) = self.state.status() {
                        self.lose(Problem::new(
                            reason,
                            "it gives no pictures; unplug it and plug it in again if it stays so",
                        ));
                    }
                    self.config.run.streams.open_for(NOBODY);
                    // Dropping it closes it; what it says until it is over is heard under its generation.
                    self.capture = None;
                    self.opened_with = None;
                }
                Some(Action::Abandon(generation)) => {
                    gst::warning!(
                        CAT,
                        "{}: capture {generation} does not end within {CLOSE_PATIENCE:?}; it is left to itself",
                        self.device
                    );
                }
                None => break,
            }
        }
    }

    fn open(&mut self, generation: u64, now: Instant) {
        let request = self.request();
        let listening = Listening {
            is_wanted: self.config.run.streams.audio().is_some(),
            device: self.config.audio_device.clone(),
        };
        self.opened_with = Some(Opened {
            controls: request.controls.clone(),
            direction: request.direction,
            sound: listening.is_wanted,
        });
        self.config.run.streams.open_for(generation);
        self.slates
            .wait_until(match (&self.settled, &self.foreseen) {
                (None, None) => now + UNKNOWN_GRACE,
                _ => now + SLATE_GRACE,
            });
        match Capture::open(
            generation,
            self.config.device.clone(),
            request,
            listening,
            &self.config.run,
        ) {
            Ok(capture) => self.capture = Some(capture),
            // The thread's guard has said that it is over.
            Err(error) => self.lose(Problem::new(
                Reason::Failed,
                format!("no thread for it: {error}"),
            )),
        }
    }

    fn look(&mut self) {
        let now = Instant::now();
        self.looking = Some(now);
        self.slates.wait_until(now + UNKNOWN_GRACE);
        let device = self.config.device.clone();
        if let Err(error) = Capture::look(LOOK, device, self.request(), &self.config.run) {
            gst::warning!(CAT, "no thread to look at the camera: {error}");
        }
    }

    fn announce(&mut self) {
        let status = self.state.status();
        if status == Status::Closing
            || self.status == Some(status)
            || (self.status.is_none() && status == Status::Closed)
        {
            return;
        }
        self.status = Some(status);
        if status != Status::Opening {
            self.slates.wait_until(Instant::now());
        }
        let mode = self.settled.as_ref().filter(|_| status == Status::Live);
        self.config.bus.announce(status, &self.device, mode);
    }

    /// A slate and a piece of silence, if they are due: what the camera does not give itself.
    fn send_slate(&mut self, now: Instant) {
        if !self.slates.take_turn(now) || self.finished {
            return;
        }
        let run = &self.config.run;
        let Some(time) = run.clock.time().checked_sub(run.base_time) else {
            return;
        };
        let live = self.state.status() == Status::Live;
        let sounds = run.streams.last_sound() + slate::PERIOD > now;
        if let Some(audio) = run.streams.audio().filter(|_| !sounds)
            && let Some(silence) = slate::silence()
        {
            let _ = audio.push(silence, time);
        }
        if live {
            return;
        }
        let Some(caps) = self.slate_caps() else {
            return;
        };
        let slate = Slate {
            caps,
            text: self.words(),
            turn: orientation(self.config.run.streams.turned())
                .inverse()
                .then(orientation(self.config.downstream.direction())),
            encoded: self.is_encoded(),
        };
        self.slates.send(slate, &self.config.run, time);
    }

    pub(super) fn is_encoded(&self) -> bool {
        self.config.settings.now().encoded
    }

    fn words(&self) -> &'static str {
        match self.state.status() {
            Status::Closed | Status::Closing | Status::Live => "The camera is off",
            Status::Opening => "The camera is starting",
            Status::Lost(reason) => reason.words(),
        }
    }

    /// The caps of the slate: those of the picture, as soon as they are known.
    fn slate_caps(&mut self) -> Option<gst::Caps> {
        if self.settled.is_none() && self.foreseen.is_none() {
            self.foreseen = self.settings_mode();
        }
        self.settled.clone().or_else(|| self.foreseen.clone())
    }

    /// What was asked, as far as downstream takes it.
    fn settings_mode(&self) -> Option<gst::Caps> {
        devices::mode_as_asked(&self.request())
    }
}

/// How long a picture lasts in a stream of these caps.
pub(super) fn period(caps: &gst::Caps) -> gst::ClockTime {
    let rate = caps
        .structure(0)
        .and_then(|s| s.get::<gst::Fraction>("framerate").ok())
        .filter(|rate| rate.numer() > 0 && rate.denom() > 0);
    match rate {
        Some(rate) => {
            let (numer, denom) = (rate.numer().unsigned_abs(), rate.denom().unsigned_abs());
            gst::ClockTime::SECOND * u64::from(denom) / u64::from(numer)
        }
        None => gst::ClockTime::from_mseconds(33),
    }
}
