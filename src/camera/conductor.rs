// SPDX-License-Identifier: MPL-2.0
//! The camera's one thread: hears what has happened, asks `control` what to do, does it, and sends the slate by its own clock. It
//! never blocks: what may do so (the driver, the bus, an application's callbacks) runs on threads of sessions and of the herald.
//!
//! Why not `fallbacksrc` with `fallbackswitch`, or `intersrc`: fallbacksrc keeps its source running or restarting as long as it
//! lives and has no way to release the device while nobody watches; its fallback is a stream of its own, with caps and a rank, that
//! runs beside the camera all the time, and knows nothing of the reason. intersink and intersrc carry buffers between pipelines,
//! as our sessions do with an appsink and an appsrc, and leave opening, closing and failing to somebody else.

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
    CAT,
    control::{Action, CLOSE_PATIENCE, Control, Limits, News, Status},
    device::{Device, Request},
    event::{Event, Tell},
    feed::whole,
    heard::Heard,
    herald::Herald,
    listeners,
    problem::{Problem, Reason},
    session::{Command, Session, Surroundings},
    settings::Settings,
    slate,
    slates::{self, Slate, Slates},
    streams::NOBODY,
};
use crate::{frame::orientation, properties::Snapshot};

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
pub(super) const QUIT_PATIENCE: Duration = Duration::from_secs(1);

/// The generation of the look for the mode, which control passes over.
const LOOK: u64 = u64::MAX;

/// What one run of the camera is made from.
pub(super) struct Config {
    pub(super) device: Arc<dyn Device>,
    pub(super) run: Surroundings,
    pub(super) settings: Arc<Snapshot<Settings>>,
    pub(super) heard: Arc<Heard>,
    pub(super) herald: Herald,
}

/// Runs the camera until it is told to quit.
pub(super) fn run(config: Config, events: &Receiver<Event>) {
    Conductor::new(config).run(events);
}

struct Conductor {
    config: Config,
    control: Control,
    session: Option<Session>,
    /// What was opened, as people call it.
    device: String,
    /// Whether it is a file, which may show one picture for as long as it likes.
    is_paced: bool,
    /// What a picture has been like, and what the slate is therefore like; before the first picture, what it will be like.
    settled: Option<gst::Caps>,
    foreseen: Option<gst::Caps>,
    /// Since when the mode is being looked for.
    looking: Option<Instant>,
    problem: Option<Problem>,
    status: Option<Status>,
    /// What the session runs with.
    opened_with: Option<Opened>,
    slates: Slates,
    finished: bool,
}

#[derive(Clone, Debug, PartialEq)]
struct Opened {
    controls: Option<gst::Structure>,
    direction: VideoOrientationMethod,
    sound: bool,
}

impl Conductor {
    fn new(config: Config) -> Self {
        Self {
            control: Control::new(config.run.streams.last_generation()),
            session: None,
            device: config.device.name().to_owned(),
            settled: None,
            foreseen: None,
            is_paced: false,
            looking: None,
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
            self.config.herald.fail(format!(
                "camera={}: what follows portholesrc takes none of its formats; put videoconvert behind it",
                self.device
            ));
        }
        self.foreseen = self.config.device.known_mode(&self.request());
        self.follow(Instant::now());
        if self.foreseen.is_none() && !self.control.is_wanted() {
            self.look();
        }
        loop {
            let now = Instant::now();
            let limits = self.limits();
            self.follow(now);
            self.act(&limits, now);
            self.announce();
            self.send_slate(now);
            let wake = self.control.wake_at(&limits).into_iter();
            let wake = wake.chain([self.slates.next()]).min().unwrap_or(now);
            let wait = wake.saturating_duration_since(now).max(LEAST_WAIT);
            match events.recv_timeout(wait.min(slates::PERIOD)) {
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
        let generation = self.control.generation();
        let holds_device = self.control.holds_device();
        self.session = None;
        if !holds_device {
            return;
        }
        let end = Instant::now() + QUIT_PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(Event::Session(of, Tell::Over)) if of == generation => return,
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

    fn request(&self) -> Request {
        let settings = self.config.settings.now();
        Request {
            asked: settings.asked(),
            allowed: self.allowed(),
            settled: self.settled.clone(),
            sound: self.config.run.streams.audio().is_some(),
            controls: settings.controls.clone(),
            direction: self.config.heard.direction(),
        }
    }

    /// What downstream takes of our formats.
    fn allowed(&self) -> gst::Caps {
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
        self.control.want(wanted, now);
        self.control.pulse(match self.is_paced {
            true => now,
            false => self.config.run.streams.last_picture(),
        });
        let (Some(session), Some(with)) = (&self.session, &mut self.opened_with) else {
            return;
        };
        if with.controls != settings.controls {
            with.controls.clone_from(&settings.controls);
            if let Some(controls) = &settings.controls {
                session.tell(Command::Controls(controls.clone()));
            }
        }
        let direction = self.config.heard.direction();
        if with.direction != direction {
            with.direction = direction;
            session.tell(Command::Turn(direction));
        }
        let sound = self.config.run.streams.audio().is_some();
        if sound && !with.sound && self.config.device.has_sound() {
            with.sound = sound;
            self.control.reopen(now);
        }
    }

    fn is_wanted(&self) -> bool {
        let heard = &self.config.heard;
        let ids = heard.sinks();
        if ids.is_empty() {
            return true;
        }
        let pads = self.config.run.element.upgrade().map(|e| e.src_pads());
        let found = listeners::find(pads.unwrap_or_default(), &ids);
        heard.is_wanted(&found)
    }

    fn hear(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Changed => self.config.heard.take_change(),
            Event::Quit => (),
            Event::KeyUnit(event) => match &self.session {
                Some(session) if self.control.status() == Status::Live => {
                    if self.is_encoded() {
                        session.tell(Command::KeyUnit(event));
                    }
                }
                _ => self.slates.wait_until(now),
            },
            Event::Slate(picture) => {
                if picture.is_none() {
                    self.config.herald.warn(format!(
                        "camera={}: there is no slate, since no encoder for H.264 works: install the package \
                         gstreamer1.0-plugins-ugly",
                        self.device
                    ));
                }
                self.slates.take(picture, now);
            }
            Event::Context(context) => {
                if let Some(session) = &self.session {
                    session.tell(Command::Context(context));
                }
            }
            Event::Reconfigure => {
                let allowed = self.allowed();
                let fits = |caps: &gst::Caps| caps.can_intersect(&allowed);
                if !self.settled.as_ref().is_none_or(fits) {
                    self.settled = None;
                    self.foreseen = self.config.device.known_mode(&self.request());
                    self.control.reopen(now);
                }
            }
            Event::Session(LOOK, tell) => self.hear_look(tell),
            Event::Session(generation, tell) if generation == self.control.generation() => {
                self.hear_session(generation, tell, now);
            }
            // Of one that is over: no news.
            Event::Session(..) => (),
        }
    }

    fn hear_look(&mut self, tell: Tell) {
        match tell {
            Tell::Mode(mode) => self.foreseen = Some(whole(&mode)),
            Tell::Failed(problem) => {
                self.config.herald.warn(format!(
                    "camera={}: {problem}; it is tried again when someone wants to look",
                    self.device
                ));
            }
            Tell::Over => {
                self.looking = None;
                self.slates.wait_until(Instant::now());
            }
            _ => (),
        }
    }

    fn hear_session(&mut self, generation: u64, tell: Tell, now: Instant) {
        match tell {
            Tell::Opened {
                device,
                paced,
                warning,
            } => {
                self.device = device;
                self.is_paced = paced;
                if let Some(warning) = warning {
                    self.config.herald.warn(warning);
                }
            }
            Tell::FirstFrame(caps) => {
                self.control.hear(generation, News::FirstFrame, now);
                self.problem = None;
                self.config.herald.set_mode(Some(caps.clone()));
                self.settled = Some(caps);
            }
            Tell::Failed(problem) => {
                // What a device says while it is being closed is of no interest to anybody.
                let is_closing = matches!(self.control.status(), Status::Closed | Status::Closing);
                self.control
                    .hear(generation, News::Failed(problem.reason), now);
                if !is_closing {
                    self.lose(problem);
                }
            }
            Tell::Warning(text) => {
                self.config
                    .herald
                    .warn(format!("camera={}: {text}", self.device));
            }
            Tell::Latency(own) => {
                let period = self.settled.as_ref().map_or(gst::ClockTime::ZERO, period);
                self.config.herald.set_latency(own, period);
            }
            Tell::Over => {
                self.session = None;
                self.control.hear(generation, News::Over, now);
            }
            Tell::Mode(_) => (),
        }
    }

    /// Says why there is no picture, once for each reason.
    fn lose(&mut self, problem: Problem) {
        if self.problem.as_ref().map(|last| last.reason) != Some(problem.reason) {
            let again = match problem.reason {
                Reason::Refused => "tried again in half a minute, and then less and less often",
                _ => "tried again all the time",
            };
            self.config
                .herald
                .warn(format!("camera={}: {problem}; it is {again}", self.device));
        }
        self.problem = Some(problem);
    }

    fn act(&mut self, limits: &Limits, now: Instant) {
        loop {
            let may_open = self
                .looking
                .is_none_or(|since| since + LOOK_PATIENCE <= now)
                && self.config.run.running.load(SeqCst) < MAX_RUNNING;
            match self.control.act(limits, may_open, now) {
                Some(Action::Open(generation)) => self.open(generation, now),
                Some(Action::Close(_)) => {
                    if let Status::Lost(reason @ Reason::Stalled) = self.control.status() {
                        self.lose(Problem::new(
                            reason,
                            "it gives no pictures; unplug it and plug it in again if it stays so",
                        ));
                    }
                    self.config.run.streams.open_for(NOBODY);
                    // Dropping it closes it; what it says until it is over is heard under its generation.
                    self.session = None;
                    self.opened_with = None;
                }
                Some(Action::Abandon(generation)) => {
                    gst::warning!(
                        CAT,
                        "{}: session {generation} does not end within {CLOSE_PATIENCE:?}; it is left to itself",
                        self.device
                    );
                }
                None => break,
            }
        }
    }

    fn open(&mut self, generation: u64, now: Instant) {
        let request = self.request();
        self.opened_with = Some(Opened {
            controls: request.controls.clone(),
            direction: request.direction,
            sound: request.sound,
        });
        self.config.run.streams.open_for(generation);
        self.slates
            .wait_until(match (&self.settled, &self.foreseen) {
                (None, None) => now + UNKNOWN_GRACE,
                _ => now + SLATE_GRACE,
            });
        match Session::open(
            generation,
            self.config.device.clone(),
            request,
            &self.config.run,
        ) {
            Ok(session) => self.session = Some(session),
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
        if let Err(error) = Session::look(LOOK, device, self.request(), &self.config.run) {
            gst::warning!(CAT, "no thread to look at the camera: {error}");
        }
    }

    fn announce(&mut self) {
        let status = self.control.status();
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
        self.config.herald.announce(status, &self.device, mode);
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
        let live = self.control.status() == Status::Live;
        let heard = run.streams.last_sound() + slates::PERIOD > now;
        if let Some(audio) = run.streams.audio().filter(|_| !heard)
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
                .then(orientation(self.config.heard.direction())),
            encoded: self.is_encoded(),
        };
        self.slates.send(slate, &self.config.run, time);
    }

    fn is_encoded(&self) -> bool {
        self.config.settings.now().encoded
    }

    fn words(&self) -> &'static str {
        match self.control.status() {
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
        super::devices::mode_as_asked(&self.request())
    }
}

/// How long a picture lasts in a stream of these caps.
fn period(caps: &gst::Caps) -> gst::ClockTime {
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
