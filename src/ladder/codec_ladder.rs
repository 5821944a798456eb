// SPDX-License-Identifier: MPL-2.0
//! The ladder of one codec: its rungs, and the viewers on them.

use std::{collections::BTreeMap, time::Instant};

use super::{
    CAT, Observation,
    allocation::{Allocation, RungTable as _},
    codec::Codec,
    message::{Member, ViewerStats},
    policy::{self, Command},
    rendition::Rendition,
    rung::Rung,
    rungs::{LoadChange, Rungs, Surroundings},
    types::{Bitrates, Config, Failure, Frame, Input, RungId, RungSpec, Step},
};

pub(super) struct CodecLadder {
    codec: Codec,
    pub(super) allocation: Allocation,
    pub(super) rungs: Rungs,
}

impl CodecLadder {
    /// With the best encoder that works, which it tries; the first frame is of that trial.
    pub(super) fn new(
        codec: Codec,
        config: &Config,
        input: &Input,
        around: Surroundings,
    ) -> Result<(Self, Option<Frame>, Vec<Step>), Failure> {
        let (rungs, first, steps) = Rungs::new(codec, config, input, around)?;
        let cut = policy_config(rungs.specs(), config.bitrates);
        let ladder = Self {
            codec,
            allocation: Allocation::new(cut, Instant::now()),
            rungs,
        };
        Ok((ladder, first, steps))
    }

    /// Other bitrates for the rungs that there are.
    pub(super) fn set_bitrates(&mut self, input: &Input, config: &Config, now: Instant) {
        let specs = input.cut_again(self.rungs.specs(), config);
        let cut = policy_config(&specs, config.bitrates);
        self.allocation.set_config(cut, now);
        self.rungs.set_specs(specs);
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.allocation.leave(id, &self.rungs);
    }

    pub(super) fn observe(
        &mut self,
        id: u64,
        member: &Member,
        observed: Observation,
        now: Instant,
    ) {
        gst::debug!(CAT, "viewer {id}: {observed:?}");
        self.allocation.observe(id, &member.outlet, observed, now);
    }

    /// Lets each viewer have the frames of the rung that it is on, or on the way to.
    pub(super) fn subscribe(&self, members: &BTreeMap<u64, Member>, now: Instant) {
        for (id, member) in members {
            (self.allocation).subscribe(*id, &member.outlet, &self.rungs, now);
        }
    }

    /// A viewer has changed its rung; gives the place and what it sees now. Nothing if that rung runs no more.
    pub(super) fn moved(
        &mut self,
        id: u64,
        to: RungId,
        now: Instant,
    ) -> Option<(usize, Rendition)> {
        let place = self.allocation.moved(id, to, &self.rungs, now)?;
        Some((place, to.rendition))
    }

    pub(super) fn carry_out(
        &mut self,
        command: Command<u64>,
        members: &BTreeMap<u64, Member>,
        now: Instant,
    ) -> Vec<Step> {
        gst::debug!(CAT, "{}: {command:?}", self.codec.name());
        let path = |viewer| members.get(&viewer).and_then(|member| member.path.as_ref());
        match command {
            Command::Start { rung, bitrate } => return self.rungs.activate(rung, bitrate, now),
            Command::Stop { rung } => self.rungs.park(rung, now),
            Command::Target { rung, bitrate } => self.rungs.set_bitrate(rung, bitrate),
            Command::Move { viewer, rung } => {
                if let Some(member) = members.get(&viewer) {
                    (self.allocation).send(viewer, &member.outlet, rung, &self.rungs, now);
                }
            }
            Command::Probe { viewer, padding } => {
                if let Some(path) = path(viewer) {
                    path.probe(padding);
                }
            }
            Command::Estimate { viewer, bitrate } => {
                if let Some(path) = path(viewer) {
                    path.raise(bitrate);
                }
            }
        }
        Vec::new()
    }

    /// Gives up rungs that are too much for this machine for a while; gives what became of which.
    pub(super) fn relieve(&mut self, now: Instant) -> Vec<(LoadChange, Rendition)> {
        let changes = self.rungs.loads(now);
        let told = changes.into_iter().filter_map(|change| {
            let (place, is_usable) = match change {
                LoadChange::Overloaded(place) => (place, false),
                LoadChange::Relieved(place) => (place, true),
            };
            self.allocation.set_usable(place, is_usable);
            let spec = self.rungs.specs().get(place)?;
            Some((change, spec.rendition))
        });
        told.collect()
    }

    pub(super) fn stats(
        &self,
        id: u64,
        member: &Member,
        observed: Option<Observation>,
    ) -> ViewerStats {
        let current = member.outlet.current();
        let place = current.and_then(|current| self.rungs.place(current));
        let place = place.or(self.allocation.place(id)).unwrap_or_default();
        let spec = self.rungs.specs().get(place);
        let rendition = current.map(|current| current.rendition);
        let rendition = rendition.or(spec.map(|spec| spec.rendition));
        let sent = member.outlet.sent();
        ViewerStats {
            rung: place,
            rungs: self.rungs.specs().len(),
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
    pub(super) fn into_running(self) -> impl Iterator<Item = Rung> {
        self.rungs.into_running()
    }
}

fn policy_config(specs: &[RungSpec], bitrates: Bitrates) -> policy::Config {
    policy::Config {
        ceilings: specs.iter().map(|spec| spec.rendition.ceiling).collect(),
        sizes: specs.iter().map(|spec| spec.rendition.size()).collect(),
        min_bitrate: bitrates.min,
    }
}
