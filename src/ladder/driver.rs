// SPDX-License-Identifier: MPL-2.0
//! Owns the rungs, on a thread of its own: viewers come and go, ten times a second the policy decides, and rungs start, stop
//! and change accordingly.
//!
//! Lock: a member's `stats`, held to write a value.

use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    time::{Duration, Instant},
};

use super::{
    builder::{Builder, Built},
    codec::Codec,
    codec_ladder::CodecLadder,
    feed::Feed,
    flow::Flow,
    message::{Event, Hooks, Member, Message, Notifier},
    outlet::OutletEvent,
    policy::{Command, Size},
    rung::Rung,
    rungs::{LoadChange, Surroundings},
    types::{Bitrates, Config, Failure, Frame, Input, RungId, Step},
};
use crate::lock::lock;

/// Who comes this soon after the last viewer left comes to the same uplink, and likely by the same network.
const REMEMBERED: Duration = Duration::from_secs(60);

pub(super) struct Driver {
    config: Config,
    hooks: Hooks,
    feeds: Arc<[Feed]>,
    input: Option<Input>,
    ladders: BTreeMap<Codec, CodecLadder>,
    members: BTreeMap<u64, Member>,
    /// The codec of the last viewer that joined, which is most likely that of the next.
    likely: Option<Codec>,
    /// What the last viewers' networks carried, and when that was known.
    known: Option<(u32, Instant)>,
    notify: Notifier,
    flow: Flow,
    builder: Builder,
    /// It has been said that what comes in cannot be read.
    is_unreadable: bool,
    /// It has been told what can be offered.
    is_ready: bool,
    has_ended: bool,
    /// Dropped when all that was being tried has stopped.
    ending: Option<Sender<()>>,
}

impl Driver {
    /// Fails where the process may start no more threads.
    pub(super) fn new(
        config: Config,
        hooks: Hooks,
        feeds: Arc<[Feed]>,
        notify: Notifier,
    ) -> io::Result<Self> {
        Ok(Self {
            config,
            hooks,
            feeds,
            input: None,
            ladders: BTreeMap::new(),
            members: BTreeMap::new(),
            likely: None,
            known: None,
            builder: Builder::start(notify.clone())?,
            notify,
            flow: Flow::default(),
            is_unreadable: false,
            is_ready: false,
            has_ended: false,
            ending: None,
        })
    }

    pub(super) fn handle(&mut self, message: Message) {
        let now = Instant::now();
        match message {
            Message::Built(built) => self.built(*built, now),
            _ if self.has_ended => (),
            Message::Input(input) => self.set_input(input),
            Message::Expect => {
                let likely = self.likely.or(self.config.codecs.first().copied());
                if let Some(ladder) = likely.and_then(|codec| self.ladders.get_mut(&codec)) {
                    ladder.rungs.expect(now);
                }
            }
            Message::Join(id, member) => self.join(id, member, now),
            Message::Leave(id) => self.leave(id, now),
            Message::Resize(id, size) => self.resize(id, size, now),
            Message::Outlet(id, event) => self.outlet(id, event, now),
            Message::Failed(codec, rung, failure) => self.failed(codec, rung, failure, now),
            Message::Bitrates(bitrates) => self.set_bitrates(bitrates, now),
            Message::First(codec, frame) => self.first(codec, frame),
            Message::Tick => self.tick(now),
            Message::End(stopped) => self.end(&stopped),
        }
    }

    /// Begins anew with what comes in now; viewers stay.
    fn set_input(&mut self, input: Input) {
        let before = self.input.replace(input.clone());
        let is_there = !self.ladders.is_empty() || self.builder.is_busy();
        if before.is_some_and(|before| before.is_alike(&input)) && is_there {
            return;
        }
        for (_, ladder) in std::mem::take(&mut self.ladders) {
            ladder.into_running().for_each(Rung::stop);
        }
        let around = Surroundings {
            setup: self.hooks.encoder_setup.clone(),
            notify: self.notify.clone(),
            want_key: self.hooks.want_key.clone(),
        };
        self.builder.order(&self.config, &input, around);
    }

    /// The ladders of what comes in are there.
    fn built(&mut self, built: Built, now: Instant) {
        let is_wanted = self.builder.answered(&built);
        if self.has_ended || !is_wanted {
            for (_, ladder) in built.ladders {
                let running = ladder.into_running();
                running.for_each(|rung| rung.stop_then(self.ending.clone()));
            }
            if !self.builder.is_busy() {
                self.ending = None;
            }
            return;
        }
        self.is_unreadable = false;
        self.report(built.steps);
        self.ladders = built.ladders.into_iter().collect();
        let Some(input) = self.input.clone() else {
            return;
        };
        if self.ladders.is_empty() {
            (self.hooks.events)(Event::NoEncoder(built.failures.join("; ")));
            return;
        }
        if built.bitrates != self.config.bitrates {
            for ladder in self.ladders.values_mut() {
                ladder.set_bitrates(&input, &self.config, now);
            }
        }
        match &input {
            Input::Raw { .. } if !self.is_ready => {
                self.is_ready = true;
                (self.hooks.events)(Event::Ready(built.ready));
            }
            Input::Encoded(codec, _) if !self.is_ready => {
                if let Some(ladder) = self.ladders.get_mut(codec) {
                    ladder.rungs.sample(now);
                }
                self.flow.await_key(now);
                self.relink();
            }
            _ => (),
        }
        let start = self.config.bitrates.start;
        for (id, member) in &self.members {
            let observed = member.path.as_ref().and_then(|path| path.observe(now));
            if let Some(ladder) = self.ladders.get_mut(&member.codec) {
                let estimate = observed.map_or(start, |observed| observed.estimate);
                ladder.allocation.join(*id, estimate, member.size, now);
            }
        }
        self.decide(now);
    }

    fn set_bitrates(&mut self, bitrates: Bitrates, now: Instant) {
        self.config.bitrates = bitrates;
        let Some(input) = &self.input else { return };
        for ladder in self.ladders.values_mut() {
            ladder.set_bitrates(input, &self.config, now);
        }
        self.decide(now);
    }

    /// A first key unit of what comes in encoded.
    fn first(&mut self, codec: Codec, frame: Frame) {
        self.flow.has_key();
        if let Some(ladder) = self.ladders.get_mut(&codec) {
            ladder.rungs.sampled();
        }
        if !self.is_ready {
            self.is_ready = true;
            (self.hooks.events)(Event::Ready(vec![(codec, frame)]));
        }
        self.relink();
    }

    fn join(&mut self, id: u64, member: Member, now: Instant) {
        self.likely = Some(member.codec);
        let estimate = self.start_estimate(now);
        if let Some(path) = &member.path {
            path.start(estimate);
        }
        if let Some(ladder) = self.ladders.get_mut(&member.codec) {
            ladder.allocation.join(id, estimate, member.size, now);
        }
        self.members.insert(id, member);
        self.decide(now);
    }

    /// What a new viewer's network is thought to carry: what the best of those carry who are here, who share the camera's
    /// uplink with it, or were here until just now; at most what the user says.
    fn start_estimate(&self, now: Instant) -> u32 {
        let start = self.config.bitrates.start;
        let is_recent = |at: Instant| now.saturating_duration_since(at) < REMEMBERED;
        let known = self.best_estimate(now).or(self
            .known
            .filter(|(_, at)| is_recent(*at))
            .map(|(estimate, _)| estimate));
        known.map_or(start, |known| known.min(start))
    }

    fn best_estimate(&self, now: Instant) -> Option<u32> {
        let ladders = self.ladders.values();
        ladders
            .filter_map(|ladder| ladder.allocation.best_estimate(now))
            .max()
    }

    fn leave(&mut self, id: u64, now: Instant) {
        if let Some(best) = self.best_estimate(now) {
            self.known = Some((best, now));
        }
        if let Some(member) = self.members.remove(&id)
            && let Some(ladder) = self.ladders.get_mut(&member.codec)
        {
            ladder.leave(id);
        }
        self.decide(now);
    }

    /// What follows is decided at the next tick, however often it changes.
    fn resize(&mut self, id: u64, size: Option<Size>, now: Instant) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        member.size = size;
        if let Some(ladder) = self.ladders.get_mut(&member.codec) {
            ladder.allocation.resize(id, size, now);
        }
    }

    fn outlet(&mut self, id: u64, event: OutletEvent, now: Instant) {
        let Some(member) = self.members.get(&id) else {
            return;
        };
        let Some(ladder) = self.ladders.get_mut(&member.codec) else {
            return;
        };
        match event {
            OutletEvent::NeedsKey(rung) => ladder.rungs.want_key(rung, now),
            OutletEvent::Moved(rung) => {
                if let Some((rung, rendition)) = ladder.moved(id, rung, now) {
                    (self.hooks.events)(Event::Moved {
                        session: member.session.clone(),
                        rung,
                        rendition,
                    });
                }
            }
        }
    }

    fn failed(&mut self, codec: Codec, rung: RungId, failure: Failure, now: Instant) {
        let ladder = self.ladders.get_mut(&codec);
        let steps = ladder.map(|ladder| ladder.rungs.failed(rung, failure, now));
        self.report(steps.unwrap_or_default());
        self.tell_of_unreadable();
        self.relink();
        // Lets viewers have the frames of what goes on.
        self.decide(now);
    }

    fn tick(&mut self, now: Instant) {
        let frames = self.feeds.iter().map(Feed::frames).sum();
        self.flow.note(frames, now);
        if self.flow.lacks_key(now)
            && let Some(Input::Encoded(_, specs)) = &self.input
            && let Some(best) = specs.first()
        {
            (self.hooks.events)(Event::NoKeyUnit(best.source));
        }
        let lacking = self.ladders.values().filter_map(|l| l.rungs.lacks_key());
        if let Some((pad, since)) = lacking.min_by_key(|(_, at)| *at)
            && self.flow.lacks_key_since(since, now)
        {
            (self.hooks.events)(Event::NoKeyUnit(pad));
        }
        for (pad, feed) in self.feeds.iter().enumerate() {
            if feed.is_out_of_order() {
                (self.hooks.events)(Event::OutOfOrder(pad));
            }
        }
        if self.members.is_empty() && self.ladders.values().all(|ladder| ladder.rungs.is_idle()) {
            return;
        }
        for (id, member) in &self.members {
            let Some(ladder) = self.ladders.get_mut(&member.codec) else {
                continue;
            };
            let observed = member.path.as_ref().and_then(|path| path.observe(now));
            let observed = observed.map(|observed| observed.with_wait(member.outlet.waits(now)));
            if let Some(observed) = observed {
                ladder.observe(*id, member, observed, now);
            }
            *lock(&member.stats) = ladder.stats(*id, member, observed);
        }
        let flows = self.flow.is_flowing(now);
        let (mut steps, mut loads) = (Vec::new(), Vec::new());
        for (codec, ladder) in &mut self.ladders {
            let failed = ladder.rungs.tick(now, flows);
            steps.extend(failed);
            loads.extend(ladder.relieve(now).into_iter().map(|load| (*codec, load)));
        }
        let mut has_changed = !steps.is_empty();
        self.report(steps);
        self.tell_of_unreadable();
        for ladder in self.ladders.values_mut() {
            has_changed |= ladder.rungs.retry(now);
        }
        for (codec, (change, rendition)) in loads {
            (self.hooks.events)(match change {
                LoadChange::Overloaded(_) => Event::Overloaded(codec, rendition),
                LoadChange::Relieved(_) => Event::Relieved(codec, rendition),
            });
        }
        if has_changed {
            self.relink();
        }
        self.decide(now);
    }

    fn decide(&mut self, now: Instant) {
        let mut has_changed = false;
        let mut steps = Vec::new();
        for ladder in self.ladders.values_mut() {
            for command in ladder.allocation.decide(now) {
                has_changed |= matches!(command, Command::Start { .. } | Command::Stop { .. });
                steps.extend(ladder.carry_out(command, &self.members, now));
            }
            ladder.subscribe(&self.members, now);
        }
        if has_changed {
            self.relink();
        }
        self.report(steps);
    }

    /// Leads pictures to the rungs that run: from the pad to the largest, and from each to the next smaller one; and what comes
    /// in encoded from each pad to its own.
    fn relink(&mut self) {
        let Some(input) = &self.input else { return };
        for (pad, feed) in self.feeds.iter().enumerate() {
            match input {
                Input::Raw { .. } if pad == 0 => {
                    let outputs = self.ladders.values();
                    feed.outputs
                        .set(outputs.filter_map(|ladder| ladder.rungs.output()));
                }
                Input::Raw { .. } => feed.outputs.set([]),
                Input::Encoded(codec, _) => {
                    let ladder = self.ladders.get(codec);
                    let sources = ladder.into_iter().flat_map(|l| l.rungs.sources(pad));
                    feed.outputs.set(sources);
                }
            }
        }
    }

    /// Once, until it is readable again.
    fn tell_of_unreadable(&mut self) {
        for ladder in self.ladders.values_mut() {
            if let Some((pad, Failure(why))) = ladder.rungs.unreadable()
                && !std::mem::replace(&mut self.is_unreadable, true)
            {
                (self.hooks.events)(Event::Unreadable(pad, why));
            }
        }
    }

    fn report(&self, steps: Vec<Step>) {
        for step in steps {
            (self.hooks.events)(Event::Encoder {
                factory: step.factory,
                failure: step.failure.0,
                next: step.next,
            });
        }
    }

    fn end(&mut self, stopped: &Sender<()>) {
        // What is being tried stops when that is over.
        self.ending = self.builder.is_busy().then(|| stopped.clone());
        for feed in self.feeds.iter() {
            feed.outputs.set([]);
        }
        for rung in std::mem::take(&mut self.ladders)
            .into_values()
            .flat_map(CodecLadder::into_running)
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
