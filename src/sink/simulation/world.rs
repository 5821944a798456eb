// SPDX-License-Identifier: MPL-2.0
//! A camera and its viewers, step by step.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    Packet, Random, STEP,
    browser::{Browser, Feedback, Manner},
    camera::Camera,
    congestion::Congestion,
    link::{Downlink, Link, Wire},
    sender::Sender,
};
use crate::{
    ladder::{
        Observation,
        parts::{Allocation, Command, OutletEvent, PolicyConfig, RungTable as _},
    },
    lock::lock,
};

/// What congestion control starts from.
pub(super) const START: u32 = 1_000_000;
const MIN_BITRATE: u32 = 50_000;
/// The driver's, and that of reports.
const TICK_STEPS: u64 = 20;

pub(super) struct Viewer {
    pub(super) sender: Sender,
    congestion: Congestion,
    pub(super) downlink: Downlink,
    pub(super) browser: Browser,
    /// What it sends back, and when that arrives.
    back: Vec<(f64, Feedback)>,
    /// When it came to which rung.
    pub(super) moves: Vec<(f64, usize)>,
    /// Bytes that left, and what was believed of its network, each tenth of a second.
    pub(super) left: Vec<(u64, u32)>,
    pub(super) joined: f64,
    seen: Vec<(f64, Observation)>,
}

pub(super) struct World {
    pub(super) camera: Camera,
    allocation: Allocation,
    pub(super) viewers: BTreeMap<u64, Viewer>,
    /// The camera's own, shared by all.
    pub(super) uplink: Option<Wire<(u64, Packet)>>,
    pub(super) random: Random,
    origin: Instant,
    steps: u64,
    commands: Vec<(f64, Command<u64>)>,
}

impl World {
    pub(super) fn new(ceilings: &[u32], seed: u64) -> Self {
        let origin = Instant::now();
        let config = PolicyConfig {
            ceilings: ceilings.to_vec(),
            sizes: Vec::new(),
            min_bitrate: MIN_BITRATE,
        };
        Self {
            camera: Camera::new(ceilings),
            allocation: Allocation::new(config, origin),
            viewers: BTreeMap::new(),
            uplink: None,
            random: Random::new(seed),
            origin,
            steps: 0,
            commands: Vec::new(),
        }
    }

    pub(super) fn time(&self) -> f64 {
        self.steps as f64 * STEP
    }

    fn now(&self) -> Instant {
        self.origin + Duration::from_secs_f64(self.time())
    }

    pub(super) fn join(&mut self, id: u64, link: Link, manner: Manner) {
        let (time, now) = (self.time(), self.now());
        let known = self.allocation.best_estimate(now);
        let start = known.map_or(START, |known| known.min(START));
        let is_bounded = self.random.below(2) == 0;
        let viewer = Viewer {
            sender: Sender::new(start),
            congestion: Congestion::new(start.into(), is_bounded),
            downlink: Wire::new(link),
            browser: Browser::new(manner, time),
            back: Vec::new(),
            moves: Vec::new(),
            left: Vec::new(),
            joined: time,
            seen: Vec::new(),
        };
        self.allocation.join(id, start, None, now);
        viewer.sender.outlet.open(now);
        self.viewers.insert(id, viewer);
        self.decide();
    }

    /// What was seen of a viewer's network and what was decided, for whoever reads of a failure.
    pub(super) fn tell(&self, id: u64, from: f64) {
        let mut commands = self
            .commands
            .iter()
            .filter(|(at, _)| *at >= from)
            .peekable();
        for (at, seen) in self.viewers[&id].seen.iter().filter(|(at, _)| *at >= from) {
            println!("{at:6.1} {seen:?}");
            while let Some((at, command)) = commands.next_if(|(of, _)| of <= at) {
                println!("{at:6.1}         {command:?}");
            }
        }
    }

    pub(super) fn leave(&mut self, id: u64) {
        self.allocation.leave(id, &self.camera);
        self.viewers.remove(&id);
        self.decide();
    }

    pub(super) fn place(&self, id: u64) -> Option<usize> {
        let current = self.viewers.get(&id)?.sender.outlet.current()?;
        self.camera.place(current)
    }

    /// An encoder fails and is followed by the next; all its viewers go on with that.
    pub(super) fn fail(&mut self, place: usize) {
        let time = self.time();
        self.camera.fail(place, time, &mut self.random);
        self.subscribe();
    }

    pub(super) fn run(&mut self, until: f64) {
        while self.time() < until {
            self.step();
        }
    }

    fn step(&mut self) {
        let (time, now) = (self.time(), self.now());
        self.camera.step(time, now, &mut self.random);
        self.outlets();
        self.send(time, now);
        self.receive(time);
        self.hear(time, now);
        self.steps += 1;
        if self.steps.is_multiple_of(TICK_STEPS) {
            self.tick();
        }
    }

    /// What outlets ask of the driver.
    fn outlets(&mut self) {
        let (time, now) = (self.time(), self.now());
        for (id, viewer) in &mut self.viewers {
            let events = std::mem::take(&mut *lock(&viewer.sender.events));
            for event in events {
                match event {
                    OutletEvent::NeedsKey(rung) => self.camera.want_key(rung, &mut self.random),
                    OutletEvent::Moved(rung) => {
                        let place = self.allocation.moved(*id, rung, &self.camera, now);
                        viewer.moves.extend(place.map(|place| (time, place)));
                    }
                }
            }
        }
    }

    fn send(&mut self, time: f64, now: Instant) {
        for (id, viewer) in &mut self.viewers {
            for packet in viewer.sender.step(time, now) {
                let bytes = packet.bytes;
                match &mut self.uplink {
                    Some(uplink) => {
                        viewer.downlink.taken += bytes as u64;
                        uplink.send((*id, packet), bytes, time, &mut self.random);
                    }
                    None => (viewer.downlink).send(packet, bytes, time, &mut self.random),
                }
            }
        }
    }

    fn receive(&mut self, time: f64) {
        if let Some(uplink) = &mut self.uplink {
            for (id, packet) in uplink.step(time, &mut self.random) {
                if let Some(viewer) = self.viewers.get_mut(&id) {
                    let (bytes, before) = (packet.bytes, viewer.downlink.taken);
                    (viewer.downlink).send(packet, bytes, time, &mut self.random);
                    viewer.downlink.taken = before;
                }
            }
        }
        let is_report_due = self.steps.is_multiple_of(TICK_STEPS);
        for viewer in self.viewers.values_mut() {
            for packet in viewer.downlink.step(time, &mut self.random) {
                viewer.browser.receive(&packet, time);
            }
            let sent = is_report_due.then_some(&viewer.sender.sent);
            let arrives = time + viewer.downlink.link.delay;
            let feedback = viewer.browser.step(time, sent);
            let feedback = feedback.into_iter().map(|feedback| (arrives, feedback));
            viewer.back.extend(feedback);
        }
    }

    /// What comes back from viewers.
    fn hear(&mut self, time: f64, now: Instant) {
        for viewer in self.viewers.values_mut() {
            let (here, on_its_way): (Vec<_>, Vec<_>) = std::mem::take(&mut viewer.back)
                .into_iter()
                .partition(|(arrives, _)| *arrives <= time);
            viewer.back = on_its_way;
            for (_, feedback) in here {
                match feedback {
                    Feedback::KeyRequest => viewer.sender.outlet.lost(now),
                    Feedback::Nack(seqnums) => viewer.sender.nack(&seqnums, now),
                    Feedback::Report(packets) => {
                        if let Some(back) = viewer.sender.traffic.heard() {
                            viewer.congestion.set(back);
                        }
                        for packet in &packets {
                            let bytes = u32::try_from(packet.bytes).unwrap_or(u32::MAX);
                            let is_lost = packet.arrived.is_none();
                            viewer.sender.traffic.report(bytes, is_lost, now);
                        }
                        viewer.congestion.report(&packets, time);
                        let estimate = viewer.congestion.estimate();
                        viewer.sender.traffic.set_estimate(estimate);
                    }
                }
            }
        }
    }

    /// As the driver's.
    fn tick(&mut self) {
        let now = self.now();
        for (id, viewer) in &mut self.viewers {
            if let Some(estimate) = viewer.sender.traffic.falls_silent(now) {
                viewer.congestion.set(estimate);
                viewer.sender.traffic.set_estimate(estimate);
            }
            let outlet = &viewer.sender.outlet;
            let observed = viewer.sender.traffic.observe(now);
            let observed = observed.with_wait(outlet.waits(now));
            self.allocation.observe(*id, outlet, observed, now);
            viewer.left.push((viewer.downlink.taken, observed.estimate));
            viewer.seen.push((self.steps as f64 * STEP, observed));
        }
        self.decide();
    }

    fn decide(&mut self) {
        let (time, now) = (self.time(), self.now());
        for command in self.allocation.decide(now) {
            self.commands.push((time, command));
            match command {
                Command::Start { rung, bitrate } => {
                    self.camera.start(rung, bitrate, time, &mut self.random);
                }
                Command::Stop { .. } => (),
                Command::Target { rung, bitrate } => self.camera.set_bitrate(rung, bitrate),
                Command::Move { viewer, rung } => {
                    if let Some(to) = self.viewers.get(&viewer) {
                        let outlet = &to.sender.outlet;
                        (self.allocation).send(viewer, outlet, rung, &self.camera, now);
                    }
                }
                Command::Probe { viewer, padding } => {
                    if let Some(viewer) = self.viewers.get_mut(&viewer) {
                        viewer.sender.traffic.padding.set(padding);
                    }
                }
                Command::Estimate { viewer, bitrate } => {
                    if let Some(viewer) = self.viewers.get_mut(&viewer) {
                        viewer.congestion.set(bitrate);
                        viewer.sender.traffic.set_estimate(bitrate);
                    }
                }
            }
        }
        self.subscribe();
    }

    fn subscribe(&self) {
        let now = self.now();
        for (id, viewer) in &self.viewers {
            (self.allocation).subscribe(*id, &viewer.sender.outlet, &self.camera, now);
        }
    }
}
