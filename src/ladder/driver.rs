// SPDX-License-Identifier: MPL-2.0
//! The thread that owns the rungs: viewers come and go, ten times a second the policy decides, and rungs start, stop and
//! change accordingly.
//!
//! Lock: `stats`, held to read or write a value.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Sender, channel},
    },
    time::{Duration, Instant},
};

use super::{
    Path,
    codec::Codec,
    config::{Config, EncoderSetup, Input},
    feed::Feed,
    lane::Lane,
    message::{Member, Message, Tell, ViewerStats},
    outlet::{Frame, Outlet, Wants},
    policy::Command,
    rendition::Rendition,
    rung::Rung,
    trial::Step,
};
use crate::{
    lock::lock,
    runtime,
    worker::{self, Worker},
};

/// As often as congestion control changes its mind.
const TICK: Duration = Duration::from_millis(100);
/// A driver that is this far behind, since an encoder or the application holds it up, is not told of further ticks.
const MAX_BACKLOG: usize = 4;
/// Longest wait for the ladder's end: a trial takes up to three seconds, and a driver that hangs for longer holds up nobody.
const STOP: Duration = Duration::from_secs(5);

/// What the sink is told. From the driver's thread.
#[derive(Clone, Debug)]
pub(crate) enum News {
    /// The codecs that can be offered, best first, each with a first frame of its stream.
    Ready(Vec<(Codec, Frame)>),
    Moved {
        session: String,
        rung: usize,
        rendition: Rendition,
    },
    /// An encoder has failed; another one goes on, or none is left.
    Encoder {
        factory: &'static str,
        failure: String,
        next: Option<&'static str>,
    },
    /// Nothing here encodes any of the codecs that were asked for.
    NoEncoder(String),
}

/// How the ladder reaches what is around it. All are called on its thread.
pub(crate) struct Hooks {
    pub(crate) news: Box<dyn Fn(News) + Send>,
    /// For those who want an encoder set up in their own way: codec, rung, the encoder.
    pub(crate) encoder_setup: EncoderSetup,
    /// For a key unit of what comes in encoded, by the number of its pad.
    pub(crate) want_key: Box<dyn Fn(usize) + Send>,
}

/// The way to the driver.
pub(crate) struct Ladder {
    worker: Arc<Worker<Message>>,
    ending: worker::Ending,
    feeds: Arc<[Feed]>,
    next: AtomicU64,
    has_ended: AtomicBool,
}

/// A viewer on the ladder; leaves it when dropped.
pub(crate) struct Viewer {
    id: u64,
    pub(crate) outlet: Arc<Outlet>,
    stats: Arc<Mutex<ViewerStats>>,
    worker: Arc<Worker<Message>>,
}

impl Viewer {
    pub(crate) fn stats(&self) -> ViewerStats {
        *lock(&self.stats)
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.worker.push(Message::Leave(self.id));
    }
}

impl std::fmt::Debug for Viewer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Viewer({})", self.id)
    }
}

impl Ladder {
    /// Starts the thread. There is one feed for each video pad there may be. Fails where the process may start no more
    /// threads.
    pub(crate) fn start(config: Config, feeds: Arc<[Feed]>, hooks: Hooks) -> io::Result<Self> {
        let slot: Arc<Mutex<Option<std::sync::Weak<Worker<Message>>>>> = Arc::default();
        let for_tell = slot.clone();
        let tell: Tell = Arc::new(move |message| {
            let worker = lock(&for_tell).as_ref().and_then(std::sync::Weak::upgrade);
            if let Some(worker) = worker {
                worker.push(message);
            }
        });
        let mut driver = Driver {
            config,
            hooks,
            feeds: feeds.clone(),
            input: None,
            lanes: BTreeMap::new(),
            members: BTreeMap::new(),
            likely: None,
            tell: tell.clone(),
            flow: Flow::default(),
            is_ready: false,
            has_ended: false,
        };
        let (worker, ending) =
            worker::spawn("porthole-ladder", move |message| driver.hear(message))?;
        let worker = Arc::new(worker);
        *lock(&slot) = Some(Arc::downgrade(&worker));
        let ticking = Arc::downgrade(&worker);
        runtime::handle()?.spawn(async move {
            let mut interval = tokio::time::interval(TICK);
            interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                interval.tick().await;
                let Some(worker) = ticking.upgrade() else {
                    break;
                };
                if worker.backlog() < MAX_BACKLOG {
                    worker.push(Message::Tick);
                }
            }
        });
        Ok(Self {
            worker,
            ending,
            feeds,
            next: AtomicU64::new(1),
            has_ended: AtomicBool::new(false),
        })
    }

    pub(crate) fn feeds(&self) -> &[Feed] {
        &self.feeds
    }

    /// What comes in has (another) form.
    pub(crate) fn set_input(&self, input: Input) {
        self.worker.push(Message::Input(input));
    }

    pub(crate) fn set_bitrates(&self, bitrate: Option<u32>, min: u32, max: u32) {
        self.worker.push(Message::Bitrates { bitrate, min, max });
    }

    /// A viewer is about to join, with a codec that is not known yet.
    pub(crate) fn expect(&self) {
        self.worker.push(Message::Expect);
    }

    /// A viewer that takes `codec`.
    pub(crate) fn join(&self, session: &str, codec: Codec, path: Option<Arc<dyn Path>>) -> Viewer {
        let id = self.next.fetch_add(1, Relaxed);
        let telling = Arc::downgrade(&self.worker);
        let outlet = Outlet::new(0, move |wants| {
            if let Some(worker) = telling.upgrade() {
                worker.push(Message::Wants(id, wants));
            }
        });
        let (outlet, stats) = (Arc::new(outlet), Arc::default());
        let member = Member {
            session: session.to_owned(),
            codec,
            outlet: outlet.clone(),
            path,
            stats: Arc::clone(&stats),
        };
        self.worker.push(Message::Join(id, member));
        Viewer {
            id,
            outlet,
            stats,
            worker: self.worker.clone(),
        }
    }

    /// Stops the rungs; viewers that are left have no picture any more. Waits until nothing here uses GStreamer any more: an
    /// application that ends GStreamer next would wait for ever for an encoder that is just being tried (docs/upstream.md).
    pub(crate) fn end(&self) {
        // Who asks again has waited before, in vain perhaps.
        if self.has_ended.swap(true, Relaxed) {
            return;
        }
        let (stopped, all_stopped) = channel();
        self.worker.push(Message::End(stopped));
        if !self.ending.is_here() {
            let _ = all_stopped.recv_timeout(STOP);
        }
    }
}

/// Whether pictures come at the rate of a camera.
#[derive(Default)]
struct Flow {
    frames: u64,
    is_flowing: bool,
}

struct Driver {
    config: Config,
    hooks: Hooks,
    feeds: Arc<[Feed]>,
    input: Option<Input>,
    lanes: BTreeMap<Codec, Lane>,
    members: BTreeMap<u64, Member>,
    /// The codec of the last viewer that joined, which is most likely that of the next.
    likely: Option<Codec>,
    tell: Tell,
    flow: Flow,
    /// It has been told what can be offered.
    is_ready: bool,
    has_ended: bool,
}

impl Driver {
    fn hear(&mut self, message: Message) {
        if self.has_ended {
            return;
        }
        let now = Instant::now();
        match message {
            Message::Input(input) => self.set_input(input, now),
            Message::Expect => {
                let likely = self.likely.or(self.config.codecs.first().copied());
                if let Some(lane) = likely.and_then(|codec| self.lanes.get_mut(&codec)) {
                    lane.expect(now);
                }
            }
            Message::Join(id, member) => self.join(id, member, now),
            Message::Leave(id) => self.leave(id, now),
            Message::Wants(id, wants) => self.wants(id, wants, now),
            Message::Failed(codec, rung, generation, failure) => {
                let step = self.lanes.get_mut(&codec);
                let step = step.and_then(|lane| lane.failed(rung, generation, failure, now));
                self.tell_of(step);
                self.retap();
            }
            Message::Bitrates { bitrate, min, max } => {
                self.config.bitrate = bitrate;
                (self.config.min_bitrate, self.config.max_bitrate) = (min, max);
                for lane in self.lanes.values_mut() {
                    if let Some(input) = &self.input {
                        lane.set_ceilings(renditions(&self.config, input), &self.config, now);
                    }
                }
                self.decide(now);
            }
            Message::First(codec, frame) => {
                if let Some(lane) = self.lanes.get_mut(&codec) {
                    lane.sampled();
                }
                if !self.is_ready {
                    self.is_ready = true;
                    (self.hooks.news)(News::Ready(vec![(codec, frame)]));
                }
                self.retap();
            }
            Message::Tick => self.tick(now),
            Message::End(stopped) => self.end(&stopped),
        }
    }

    /// Begins anew with what comes in now; viewers stay.
    fn set_input(&mut self, input: Input, now: Instant) {
        if self.input.as_ref() == Some(&input) {
            return;
        }
        self.input = Some(input.clone());
        for (_, lane) in std::mem::take(&mut self.lanes) {
            lane.into_rungs().for_each(Rung::stop);
        }
        let mut ready = Vec::new();
        let mut why = Vec::new();
        let codecs = match &input {
            Input::Raw { .. } => self.config.codecs.clone(),
            Input::Encoded(codec, _) => vec![*codec],
        };
        for codec in codecs {
            let list = renditions(&self.config, &input);
            let made = Lane::new(
                codec,
                list,
                &self.config,
                &input,
                self.hooks.encoder_setup.clone(),
                self.tell.clone(),
            );
            match made {
                Ok((lane, first, failures)) => {
                    for failure in failures {
                        self.tell_of(Some(failure));
                    }
                    ready.extend(first.map(|frame| (codec, frame)));
                    self.lanes.insert(codec, lane);
                }
                Err(failure) => why.push(failure.0),
            }
        }
        if self.lanes.is_empty() {
            (self.hooks.news)(News::NoEncoder(why.join("; ")));
            return;
        }
        match &input {
            Input::Raw { .. } if !self.is_ready => {
                self.is_ready = true;
                (self.hooks.news)(News::Ready(ready));
            }
            Input::Encoded(codec, _) if !self.is_ready => {
                if let Some(lane) = self.lanes.get_mut(codec) {
                    lane.sample(now);
                }
                self.retap();
                (self.hooks.want_key)(0);
            }
            _ => (),
        }
        for (id, member) in &self.members {
            if let Some(lane) = self.lanes.get_mut(&member.codec) {
                lane.join(*id, member, now);
            }
        }
        self.decide(now);
    }

    fn join(&mut self, id: u64, member: Member, now: Instant) {
        self.likely = Some(member.codec);
        if let Some(lane) = self.lanes.get_mut(&member.codec) {
            lane.join(id, &member, now);
        }
        self.members.insert(id, member);
        self.decide(now);
    }

    fn leave(&mut self, id: u64, now: Instant) {
        if let Some(member) = self.members.remove(&id)
            && let Some(lane) = self.lanes.get_mut(&member.codec)
        {
            lane.leave(id);
        }
        self.decide(now);
    }

    fn wants(&mut self, id: u64, wants: Wants, now: Instant) {
        let Some(member) = self.members.get(&id) else {
            return;
        };
        let Some(lane) = self.lanes.get_mut(&member.codec) else {
            return;
        };
        match wants {
            Wants::Key(rung) if lane.is_encoded() => (self.hooks.want_key)(rung),
            Wants::Key(rung) => lane.want_key(rung, now),
            Wants::Moved(rung) => {
                if let Some(rendition) = lane.moved(id, rung, now) {
                    (self.hooks.news)(News::Moved {
                        session: member.session.clone(),
                        rung,
                        rendition,
                    });
                }
            }
        }
    }

    fn tick(&mut self, now: Instant) {
        if self.members.is_empty() && self.lanes.values().all(Lane::is_idle) {
            return;
        }
        let frames = self.feeds.iter().map(Feed::frames).sum();
        self.flow.is_flowing = frames != self.flow.frames;
        self.flow.frames = frames;
        for (id, member) in &self.members {
            let Some(lane) = self.lanes.get_mut(&member.codec) else {
                continue;
            };
            let observed = member.path.as_ref().and_then(|path| path.observe(now));
            if let Some(observed) = observed {
                lane.observe(*id, member, observed, now);
            }
            *lock(&member.stats) = lane.stats(*id, member, observed);
        }
        let flows = self.flow.is_flowing;
        let steps: Vec<_> = (self.lanes.values_mut())
            .filter_map(|lane| lane.tick(now, flows))
            .collect();
        for step in steps {
            self.tell_of(Some(step));
        }
        self.decide(now);
    }

    fn decide(&mut self, now: Instant) {
        let mut has_changed = false;
        let mut steps = Vec::new();
        for lane in self.lanes.values_mut() {
            for command in lane.decide(now) {
                has_changed |= matches!(command, Command::Start { .. } | Command::Stop { .. });
                steps.extend(lane.carry_out(command, &self.members, now));
            }
            lane.subscribe(&self.members, now);
        }
        if has_changed {
            self.retap();
        }
        for step in steps {
            self.tell_of(Some(step));
        }
    }

    /// Leads pictures to the rungs that run: from the pad to the largest, and from each to the next smaller one.
    fn retap(&mut self) {
        let Some(input) = &self.input else { return };
        match input {
            Input::Raw { .. } => {
                let first = self.lanes.values().filter_map(Lane::tap);
                if let Some(feed) = self.feeds.first() {
                    feed.taps.set(first);
                }
            }
            Input::Encoded(codec, _) => {
                let lane = self.lanes.get(codec);
                for (rung, feed) in self.feeds.iter().enumerate() {
                    feed.taps.set(lane.and_then(|lane| lane.source(rung)));
                }
            }
        }
    }

    fn tell_of(&self, step: Option<Step>) {
        if let Some(step) = step {
            (self.hooks.news)(News::Encoder {
                factory: step.factory,
                failure: step.failure.0,
                next: step.next,
            });
        }
    }
}

impl Driver {
    fn end(&mut self, stopped: &Sender<()>) {
        for feed in self.feeds.iter() {
            feed.taps.set([]);
        }
        for rung in std::mem::take(&mut self.lanes)
            .into_values()
            .flat_map(Lane::into_rungs)
        {
            rung.stop_then(stopped.clone());
        }
        self.members.clear();
        self.has_ended = true;
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.end(&channel().0);
    }
}

/// The rungs of a codec.
fn renditions(config: &Config, input: &Input) -> Vec<Rendition> {
    let mut list = match input {
        Input::Raw { width, height, .. } => config.renditions.of(*width, *height, config.bitrate),
        Input::Encoded(_, list) => list.clone(),
    };
    for rendition in &mut list {
        rendition.ceiling = rendition.ceiling.min(config.max_bitrate);
    }
    // No two rungs cost the same.
    list.dedup_by(|next, before| next.ceiling >= before.ceiling);
    list
}
