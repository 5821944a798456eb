// SPDX-License-Identifier: MPL-2.0
//! The rungs of one codec: what the policy decides for them is done here.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::{Duration, Instant},
};

use super::{
    CAT, Observation,
    codec::Codec,
    config::{Config, EncoderSetup, Input},
    encoders::{self, Encoder, Order},
    message::{Member, Message, Tell, ViewerStats},
    outlet::Frame,
    policy::{self, Command, Policy},
    rendition::Rendition,
    rung::{Failure, Make, Rung},
    trial::{self, OF_TRIAL, Step},
};

/// A rung without viewers keeps its encoder for so long: who reloads the page finds it ready.
const PARKED: Duration = Duration::from_secs(10);
/// Nobody's network is known at first; what congestion control starts from (upstream's webrtcsink).
const START_ESTIMATE: u32 = 2_048_000;
/// By then a key unit is there, or it is lost.
const KEY_ARRIVES: Duration = Duration::from_millis(400);
const LOST: f32 = 0.1;
/// Without a key unit interval: longer than anyone counts.
const NO_INTERVAL: u32 = 1 << 20;

pub(super) struct Lane {
    codec: Codec,
    renditions: Vec<Rendition>,
    policy: Policy<u64>,
    slots: Vec<Slot>,
    /// Those that have not failed, best first; none for frames that are encoded already.
    encoders: Vec<&'static Encoder>,
    is_encoded: bool,
    download: Option<&'static str>,
    interval: u32,
    setup: EncoderSetup,
    tell: Tell,
    origin: Instant,
    generation: u64,
    /// Viewers that went down lately, and when they were last sent a key unit for it.
    fallen: BTreeMap<u64, Instant>,
}

/// Place for one rung.
#[derive(Default)]
struct Slot {
    rung: Option<(u64, Rung)>,
    /// Somebody is on it, or about to be.
    is_active: bool,
    /// A first frame of it is wanted.
    is_sampled: bool,
    /// When it was last.
    idle: Option<Instant>,
    bitrate: u32,
}

impl Slot {
    /// Whether the rung stays parked for good: an encoder of hardware takes long to start and little of this process's memory.
    /// The buffers of one of software take 20 to 40 MiB for a picture of 1280x720, and are made in the time that a session
    /// takes to connect, see [`Lane::expect`].
    fn stays(&self, index: usize) -> bool {
        index == 0 && (self.rung.as_ref()).is_some_and(|(_, rung)| rung.is_of_hardware())
    }
}

impl Lane {
    /// With the best encoder that works, which it tries; the first frame is of that trial.
    pub(super) fn new(
        codec: Codec,
        renditions: Vec<Rendition>,
        config: &Config,
        input: &Input,
        setup: EncoderSetup,
        tell: Tell,
    ) -> Result<(Self, Option<Frame>, Vec<Step>), Failure> {
        let rate = match input {
            Input::Raw { rate, .. } => (*rate).max(1),
            Input::Encoded(..) => 30,
        };
        let interval = match config.keyframe_interval {
            0 => NO_INTERVAL,
            seconds => seconds.saturating_mul(rate),
        };
        let mut slots: Vec<Slot> = renditions.iter().map(|_| Slot::default()).collect();
        let is_encoded = matches!(input, Input::Encoded(..));
        let mut encoders = encoders::installed(codec);
        let download = match input {
            Input::Raw { download, .. } => *download,
            Input::Encoded(..) => None,
        };
        let (mut first, mut steps, mut generation) = (None, Vec::new(), 0);
        if is_encoded {
            encoders.clear();
        } else {
            let found =
                trial::try_out(codec, &mut encoders, &renditions, interval, (&setup, &tell))?;
            steps = found.steps;
            first = Some(found.frame);
            if download.is_some() {
                // It was tried with a picture in plain memory.
                found.rung.stop();
            } else if let Some(slot) = slots.first_mut() {
                generation = OF_TRIAL;
                slot.rung = Some((generation, found.rung));
                slot.idle = Some(Instant::now());
            }
        }
        let lane = Self {
            policy: Policy::new(policy_config(&renditions, config)),
            codec,
            renditions,
            slots,
            encoders,
            is_encoded,
            download,
            interval,
            setup,
            tell,
            origin: Instant::now(),
            generation,
            fallen: BTreeMap::new(),
        };
        Ok((lane, first, steps))
    }

    fn since(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.origin)
    }

    pub(super) fn set_ceilings(
        &mut self,
        renditions: Vec<Rendition>,
        config: &Config,
        now: Instant,
    ) {
        if renditions.len() == self.renditions.len() {
            let since = self.since(now);
            self.policy
                .set_config(policy_config(&renditions, config), since);
            self.renditions = renditions;
        }
    }

    /// Somebody is about to join: lets the best rung's encoder begin, so that it is ready when the session is.
    pub(super) fn expect(&mut self, now: Instant) {
        let (Some(size), Some(slot)) = (self.renditions.first().copied(), self.slots.first_mut())
        else {
            return;
        };
        if self.is_encoded || slot.is_active {
            return;
        }
        slot.idle = Some(now);
        if slot.rung.is_some() {
            return;
        }
        slot.bitrate = size.ceiling;
        // An encoder that fails now fails again, and is told of, when the viewer has come.
        self.ensure(0, now, &mut Vec::new());
        let rung = self.slots.first_mut().and_then(|slot| slot.rung.as_mut());
        if let Some((_, rung)) = rung {
            // The viewer comes within a quarter of a second, and would wait until that has passed since the key unit of the start.
            rung.begin_unseen();
            if self.download.is_none() {
                // Encoders make their buffers for the first picture.
                trial::push_black(rung, size);
            }
        }
    }

    pub(super) fn join(&mut self, id: u64, member: &Member, now: Instant) {
        let observed = member.path.as_ref().and_then(|path| path.observe(now));
        let estimate = observed.map_or(START_ESTIMATE, |observed| observed.estimate);
        // One that has no place has no picture; the sink lets in fewer than that.
        let _ = self.policy.join(id, estimate, self.since(now));
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.policy.leave(id);
        self.fallen.remove(&id);
        for (_, rung) in self.slots.iter().filter_map(|slot| slot.rung.as_ref()) {
            rung.viewers.remove(id);
        }
    }

    pub(super) fn observe(
        &mut self,
        id: u64,
        member: &Member,
        observed: Observation,
        now: Instant,
    ) {
        gst::debug!(CAT, "viewer {id}: {observed:?}");
        let is_due = |at: &mut Instant| now.saturating_duration_since(*at) >= KEY_ARRIVES;
        if self.fallen.get_mut(&id).is_some_and(is_due) {
            // The key unit went into a queue that was full, and a browser takes seconds to ask for another.
            match observed.loss > LOST {
                true => {
                    member.outlet.ask_for_key(now);
                    self.fallen.insert(id, now);
                }
                false => drop(self.fallen.remove(&id)),
            }
        }
        self.policy.observe(id, observed, self.since(now));
    }

    /// Lets each viewer have the frames of the rung that it is on, or on the way to.
    pub(super) fn subscribe(&self, members: &BTreeMap<u64, Member>, now: Instant) {
        for (id, member) in members {
            let Some(wanted) = self.policy.rung(*id) else {
                continue;
            };
            if let Some((_, rung)) = self.slots.get(wanted).and_then(|slot| slot.rung.as_ref())
                && rung.viewers.add(*id, &member.outlet)
            {
                member.outlet.want(wanted, now);
            }
        }
    }

    pub(super) fn want_key(&mut self, rung: usize, now: Instant) {
        if let Some((_, rung)) = self.slots.get_mut(rung).and_then(|slot| slot.rung.as_mut()) {
            rung.want_key(now);
        }
    }

    /// A viewer has changed its rung; gives what it sees now.
    pub(super) fn moved(&mut self, id: u64, to: usize, now: Instant) -> Option<Rendition> {
        self.policy.moved(id, to, self.since(now));
        for (index, slot) in self.slots.iter().enumerate() {
            if index != to
                && Some(index) != self.policy.rung(id)
                && let Some((_, rung)) = &slot.rung
            {
                rung.viewers.remove(id);
            }
        }
        self.renditions.get(to).copied()
    }

    pub(super) fn decide(&mut self, now: Instant) -> Vec<Command<u64>> {
        self.policy.decide(self.since(now))
    }

    pub(super) fn carry_out(
        &mut self,
        command: Command<u64>,
        members: &BTreeMap<u64, Member>,
        now: Instant,
    ) -> Vec<Step> {
        gst::debug!(CAT, "{}: {command:?}", self.codec.name());
        let mut steps = Vec::new();
        match command {
            Command::Start { rung, bitrate } => {
                if let Some(slot) = self.slots.get_mut(rung) {
                    slot.is_active = true;
                    slot.bitrate = bitrate;
                }
                self.ensure(rung, now, &mut steps);
            }
            Command::Stop { rung } => {
                if let Some(slot) = self.slots.get_mut(rung) {
                    slot.is_active = false;
                    slot.idle = Some(now);
                }
            }
            Command::Target { rung, bitrate } => {
                if let Some(slot) = self.slots.get_mut(rung) {
                    slot.bitrate = bitrate;
                    if let Some((_, rung)) = &mut slot.rung {
                        rung.set_bitrate(bitrate);
                    }
                }
            }
            Command::Move { viewer, rung } => {
                if let Some(member) = members.get(&viewer) {
                    if member
                        .outlet
                        .current()
                        .is_some_and(|current| rung > current)
                    {
                        // What the network could not carry would only stand before the key unit.
                        member.outlet.skip();
                        self.fallen.insert(viewer, now);
                    }
                    member.outlet.want(rung, now);
                }
            }
            Command::Probe { viewer, padding } => {
                if let Some(path) = members.get(&viewer).and_then(|m| m.path.as_ref()) {
                    path.probe(padding);
                }
            }
            Command::Estimate { viewer, bitrate } => {
                if let Some(path) = members.get(&viewer).and_then(|m| m.path.as_ref()) {
                    path.raise(bitrate);
                }
            }
        }
        steps
    }

    /// Lets a rung run, with the best encoder that does.
    fn ensure(&mut self, index: usize, now: Instant, steps: &mut Vec<Step>) {
        let Some(rendition) = self.renditions.get(index).copied() else {
            return;
        };
        let Some(slot) = self.slots.get_mut(index) else {
            return;
        };
        let bitrate = slot.bitrate;
        if let Some((_, rung)) = &mut slot.rung {
            rung.set_bitrate(bitrate);
            // Whoever comes to a parked rung needs a key unit, and its encoder may have made the last one long ago.
            rung.want_key(now);
            return;
        }
        loop {
            let order = Order {
                bitrate,
                interval: self.interval,
            };
            let make = match (self.is_encoded, self.encoders.first()) {
                (true, _) => Make::Pass,
                (false, Some(encoder)) => Make::Encode(encoder, order, self.download),
                (false, None) => return,
            };
            self.generation += 1;
            let (codec, generation) = (self.codec, self.generation);
            let (tell, setup) = (self.tell.clone(), self.setup.clone());
            let size = (!self.is_encoded).then_some(rendition);
            let on_frame = self.on_frame(index);
            let started = Rung::start(
                (index, codec, size),
                make,
                now,
                on_frame,
                move |failure| tell(Message::Failed(codec, index, generation, failure)),
                |encoder| setup(codec, index, encoder),
            );
            match started {
                Ok(mut rung) => {
                    rung.set_bitrate(bitrate);
                    rung.want_key(now);
                    self.slots[index].rung = Some((generation, rung));
                    return;
                }
                Err(failure) if self.is_encoded => {
                    gst::warning!(CAT, "{failure:?}");
                    return;
                }
                Err(failure) => steps.push(self.give_up_encoder(failure)),
            }
        }
    }

    pub(super) fn is_encoded(&self) -> bool {
        self.is_encoded
    }

    /// Lets the best rung run for a first frame.
    pub(super) fn sample(&mut self, now: Instant) {
        if let Some(slot) = self.slots.first_mut() {
            slot.is_sampled = true;
            self.ensure(0, now, &mut Vec::new());
        }
    }

    /// The first frame is there.
    pub(super) fn sampled(&mut self) {
        if let Some(slot) = self.slots.first_mut() {
            slot.is_sampled = false;
        }
    }

    /// Tells of the first key unit that a rung which is sampled makes.
    fn on_frame(&self, index: usize) -> impl Fn(&Frame) + Send + Sync + 'static {
        let is_wanted = self.slots.get(index).is_some_and(|slot| slot.is_sampled);
        let is_wanted = AtomicBool::new(is_wanted);
        let (codec, tell) = (self.codec, self.tell.clone());
        move |frame| {
            if is_wanted.load(Relaxed) && frame.is_key && is_wanted.swap(false, Relaxed) {
                tell(Message::First(codec, frame.clone()));
            }
        }
    }

    fn give_up_encoder(&mut self, failure: Failure) -> Step {
        let factory = match self.encoders.is_empty() {
            true => "",
            false => self.encoders.remove(0).factory,
        };
        Step {
            factory,
            failure,
            next: self.encoders.first().map(|encoder| encoder.factory),
        }
    }

    /// A rung has failed while it ran: all rungs go on with the next encoder.
    pub(super) fn failed(
        &mut self,
        index: usize,
        generation: u64,
        failure: Failure,
        now: Instant,
    ) -> Option<Step> {
        let slot = self.slots.get(index)?;
        let is_current = slot.rung.as_ref().is_some_and(|(of, _)| *of == generation);
        if !is_current {
            return None;
        }
        let factory = slot.rung.as_ref().and_then(|(_, rung)| rung.encoder_name());
        let mut steps = Vec::new();
        if factory.is_some() && factory == self.encoders.first().map(|encoder| encoder.factory) {
            steps.push(self.give_up_encoder(failure));
        }
        let viewers: Vec<_> = self.slots.iter_mut().map(|slot| slot.rung.take()).collect();
        for (index, old) in viewers.into_iter().enumerate() {
            let Some((_, old)) = old else { continue };
            if self.slots[index].is_active {
                self.ensure(index, now, &mut steps);
                if let Some((_, new)) = &self.slots[index].rung {
                    new.viewers.take_over(&old.viewers);
                }
            }
            old.stop();
        }
        steps.into_iter().next()
    }

    /// What is due; an encoder that has stalled.
    pub(super) fn tick(&mut self, now: Instant, pictures_flow: bool) -> Option<Step> {
        let mut stalled = None;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let is_late = |idle: Instant| now.saturating_duration_since(idle) > PARKED;
            if !slot.is_active && !slot.stays(index) && slot.idle.is_some_and(is_late) {
                slot.idle = None;
                if let Some((_, rung)) = slot.rung.take() {
                    rung.stop();
                }
            }
            if let Some((generation, rung)) = &mut slot.rung {
                rung.give_key(now);
                if rung.is_stalled(now, pictures_flow && slot.is_active && !self.is_encoded) {
                    stalled = Some((index, *generation));
                }
            }
        }
        let (index, generation) = stalled?;
        let failure = Failure("pictures go in and nothing comes out".into());
        self.failed(index, generation, failure, now)
    }

    /// Whether there is nothing to watch over.
    pub(super) fn is_idle(&self) -> bool {
        let is_due = |(index, slot): (usize, &Slot)| {
            slot.rung.is_some() && slot.idle.is_some() && !slot.stays(index)
        };
        !self.slots.iter().any(|slot| slot.is_active) && !self.slots.iter().enumerate().any(is_due)
    }

    /// Where the camera's pictures go, and from there from each running rung to the next.
    pub(super) fn tap(&self) -> Option<gst_app::AppSrc> {
        let running = self.slots.iter().filter(|slot| slot.is_active);
        let rungs: Vec<&Rung> = running
            .filter_map(|s| s.rung.as_ref())
            .map(|(_, r)| r)
            .collect();
        for slot in &self.slots {
            if let Some((_, rung)) = &slot.rung {
                rung.pictures.set([]);
            }
        }
        for pair in rungs.windows(2) {
            pair[0].pictures.set([pair[1].source().clone()]);
        }
        rungs.first().map(|rung| rung.source().clone())
    }

    /// The source of a rung that runs.
    pub(super) fn source(&self, rung: usize) -> Option<gst_app::AppSrc> {
        let slot = self.slots.get(rung)?;
        let slot = Some(slot).filter(|slot| slot.is_active || slot.is_sampled)?;
        slot.rung.as_ref().map(|(_, rung)| rung.source().clone())
    }

    pub(super) fn stats(
        &self,
        id: u64,
        member: &Member,
        observed: Option<Observation>,
    ) -> ViewerStats {
        let rung = member
            .outlet
            .current()
            .or(self.policy.rung(id))
            .unwrap_or_default();
        let rendition = self.renditions.get(rung);
        let sent = member.outlet.sent();
        ViewerStats {
            rung,
            rungs: self.renditions.len(),
            width: rendition.map_or(0, |r| r.width),
            height: rendition.map_or(0, |r| r.height),
            estimate: observed.map_or(0, |o| o.estimate),
            sent: observed.map_or(0, |o| o.sent),
            loss: observed.map_or(0., |o| o.loss),
            frames: sent.frames,
            dropped: sent.dropped,
        }
    }

    /// Those that run, to be stopped.
    pub(super) fn into_rungs(self) -> impl Iterator<Item = Rung> {
        self.slots.into_iter().filter_map(|slot| Some(slot.rung?.1))
    }
}

fn policy_config(renditions: &[Rendition], config: &Config) -> policy::Config {
    policy::Config {
        ceilings: renditions
            .iter()
            .map(|rendition| rendition.ceiling)
            .collect(),
        min_bitrate: config.min_bitrate,
    }
}
