// SPDX-License-Identifier: MPL-2.0
//! Owns the rungs, on a thread of its own: viewers come and go, ten times a second the policy decides, and rungs start, stop
//! and change accordingly.
//!
//! Lock: a member's `stats`, held to write a value.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    time::{Duration, Instant},
};

use super::{
    codec::Codec,
    codec_ladder::CodecLadder,
    feed::Feed,
    flow::Flow,
    message::{Event, Hooks, Member, Message, Notifier},
    outlet::OutletEvent,
    policy::Command,
    rung::Rung,
    rungs::{LoadChange, Surroundings},
    trial::Step,
    types::{Bitrates, Config, Failure, Frame, Input, RungId},
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
    /// It has been told what can be offered.
    is_ready: bool,
    has_ended: bool,
}

impl Driver {
    pub(super) fn new(config: Config, hooks: Hooks, feeds: Arc<[Feed]>, notify: Notifier) -> Self {
        Self {
            config,
            hooks,
            feeds,
            input: None,
            ladders: BTreeMap::new(),
            members: BTreeMap::new(),
            likely: None,
            known: None,
            notify,
            flow: Flow::default(),
            is_ready: false,
            has_ended: false,
        }
    }

    pub(super) fn handle(&mut self, message: Message) {
        if self.has_ended {
            return;
        }
        let now = Instant::now();
        match message {
            Message::Input(input) => self.set_input(input, now),
            Message::Expect => {
                let likely = self.likely.or(self.config.codecs.first().copied());
                if let Some(ladder) = likely.and_then(|codec| self.ladders.get_mut(&codec)) {
                    ladder.rungs.expect(now);
                }
            }
            Message::Join(id, member) => self.join(id, member, now),
            Message::Leave(id) => self.leave(id, now),
            Message::Outlet(id, event) => self.outlet(id, event, now),
            Message::Failed(codec, rung, failure) => self.failed(codec, rung, failure, now),
            Message::Bitrates(bitrates) => self.set_bitrates(bitrates, now),
            Message::First(codec, frame) => self.first(codec, frame),
            Message::Tick => self.tick(now),
            Message::End(stopped) => self.end(&stopped),
        }
    }

    /// Begins anew with what comes in now; viewers stay.
    fn set_input(&mut self, input: Input, now: Instant) {
        let before = self.input.replace(input.clone());
        if before.is_some_and(|before| before.is_alike(&input)) && !self.ladders.is_empty() {
            return;
        }
        for (_, ladder) in std::mem::take(&mut self.ladders) {
            ladder.into_running().for_each(Rung::stop);
        }
        let Some(ready) = self.build(&input) else {
            return;
        };
        match &input {
            Input::Raw { .. } if !self.is_ready => {
                self.is_ready = true;
                (self.hooks.events)(Event::Ready(ready));
            }
            Input::Encoded(codec, specs) if !self.is_ready => {
                if let Some(ladder) = self.ladders.get_mut(codec) {
                    ladder.rungs.sample(now);
                }
                self.flow.await_key(now);
                self.relink();
                if let Some(best) = specs.first() {
                    (self.hooks.want_key)(best.source);
                }
            }
            _ => (),
        }
        let start = self.config.bitrates.start;
        for (id, member) in &self.members {
            let observed = member.path.as_ref().and_then(|path| path.observe(now));
            if let Some(ladder) = self.ladders.get_mut(&member.codec) {
                let estimate = observed.map_or(start, |observed| observed.estimate);
                ladder.allocation.join(*id, estimate, now);
            }
        }
        self.decide(now);
    }

    /// A ladder for each codec that this machine can make of the input; a first frame of each, as far as there is one.
    fn build(&mut self, input: &Input) -> Option<Vec<(Codec, Frame)>> {
        let (mut ready, mut why) = (Vec::new(), Vec::new());
        let codecs = match input {
            Input::Raw { .. } => self.config.codecs.clone(),
            Input::Encoded(codec, _) => vec![*codec],
        };
        for codec in codecs {
            let around = Surroundings {
                setup: self.hooks.encoder_setup.clone(),
                notify: self.notify.clone(),
                want_key: self.hooks.want_key.clone(),
            };
            match CodecLadder::new(codec, &self.config, input, around) {
                Ok((ladder, first, failures)) => {
                    self.report(failures);
                    ready.extend(first.map(|frame| (codec, frame)));
                    self.ladders.insert(codec, ladder);
                }
                Err(failure) => why.push(failure.0),
            }
        }
        if self.ladders.is_empty() {
            (self.hooks.events)(Event::NoEncoder(why.join("; ")));
            return None;
        }
        Some(ready)
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
            ladder.allocation.join(id, estimate, now);
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
        let has_failed = !steps.is_empty();
        self.report(steps);
        for (codec, (change, rendition)) in loads {
            (self.hooks.events)(match change {
                LoadChange::Overloaded(_) => Event::Overloaded(codec, rendition),
                LoadChange::Relieved(_) => Event::Relieved(codec, rendition),
            });
        }
        if has_failed {
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
