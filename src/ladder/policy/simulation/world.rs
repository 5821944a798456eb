// SPDX-License-Identifier: MPL-2.0
//! A camera with its encoders, the policy, and viewers behind their links.

use std::{collections::BTreeMap, fmt::Write, time::Duration};

use super::{
    super::{Command, Config, Policy, Size},
    Random,
    link::{Link, TICK},
};

#[derive(Debug, Default)]
struct Encoder {
    target: f64,
    noise: f64,
    /// Ticks that a key unit goes on.
    key_unit: u32,
}

#[derive(Debug)]
pub(super) struct Viewer {
    pub(super) link: Link,
    pub(super) rung: usize,
    moving: Option<(usize, u32)>,
    padding: f64,
    pub(super) moves: Vec<f64>,
    pub(super) probes: u32,
    /// The target of its rung, and all that it is sent, every 100 ms.
    pub(super) rates: Vec<f64>,
    pub(super) load: Vec<f64>,
}

pub(super) struct World {
    pub(super) policy: Policy<u32>,
    config: Config,
    encoders: BTreeMap<usize, Encoder>,
    pub(super) viewers: BTreeMap<u32, Viewer>,
    random: Random,
    ticks: u32,
    /// How much of its target an encoder uses, as a quiet picture needs little.
    pub(super) activity: f64,
    /// What the camera itself can send, bit/s.
    pub(super) uplink: f64,
    pub(super) story: String,
}

impl World {
    pub(super) fn new(ceilings: &[u32], seed: u64) -> Self {
        Self::of(ceilings, &[], seed)
    }

    /// With rungs of these sizes.
    pub(super) fn of(ceilings: &[u32], sizes: &[Size], seed: u64) -> Self {
        let config = Config {
            ceilings: ceilings.to_vec(),
            sizes: sizes.to_vec(),
            min_bitrate: 50_000,
        };
        Self {
            policy: Policy::new(config.clone()),
            config,
            encoders: BTreeMap::new(),
            viewers: BTreeMap::new(),
            random: Random::new(seed),
            ticks: 0,
            activity: 1.0,
            uplink: f64::INFINITY,
            story: String::new(),
        }
    }

    pub(super) fn time(&self) -> f64 {
        f64::from(self.ticks) / 100.0
    }

    fn now(&self) -> Duration {
        TICK * self.ticks
    }

    pub(super) fn join(&mut self, id: u32, link: Link) {
        self.join_with(id, link, None);
    }

    /// A viewer that shows its picture in this size.
    pub(super) fn join_with(&mut self, id: u32, link: Link, size: Option<Size>) {
        let now = self.now();
        let start = link.observation().estimate;
        if let Some(rung) = self.policy.join(id, start, size, now) {
            let viewer = Viewer {
                link,
                rung,
                moving: None,
                padding: 0.0,
                moves: Vec::new(),
                probes: 0,
                rates: Vec::new(),
                load: Vec::new(),
            };
            self.viewers.insert(id, viewer);
        }
        self.decide();
    }

    pub(super) fn resize(&mut self, id: u32, size: Option<Size>) {
        self.policy.resize(id, size, self.now());
    }

    pub(super) fn leave(&mut self, id: u32) {
        self.policy.leave(id);
        self.viewers.remove(&id);
        self.decide();
    }

    pub(super) fn run(&mut self, until: f64) {
        while self.time() < until {
            self.tick();
        }
    }

    fn tick(&mut self) {
        let time = self.time();
        for encoder in self.encoders.values_mut() {
            encoder.noise = 0.9 * encoder.noise + 0.1 * (self.random.unit() - 0.5);
            encoder.key_unit = encoder.key_unit.saturating_sub(1);
        }
        let sent: Vec<(f64, f64)> = self
            .viewers
            .values()
            .map(|viewer| (self.media(viewer.rung), viewer.padding))
            .collect();
        let all: f64 = sent.iter().map(|(media, padding)| media + padding).sum();
        // A full uplink is shared as it is used.
        let squeeze = (self.uplink / all.max(1.0)).min(1.0);
        for (viewer, (media, padding)) in self.viewers.values_mut().zip(sent) {
            let share = if squeeze < 1.0 {
                (media + padding) * squeeze
            } else {
                f64::INFINITY
            };
            viewer
                .link
                .tick(time, (media, padding), share, &mut self.random);
        }
        self.ticks += 1;
        self.switch();
        if self.ticks.is_multiple_of(10) {
            self.measure();
            self.decide();
        }
    }

    fn media(&self, rung: usize) -> f64 {
        self.encoders.get(&rung).map_or(0.0, |encoder| {
            let burst = if encoder.key_unit > 0 { 2.0 } else { 1.0 };
            encoder.target * self.activity * burst * (1.0 + encoder.noise)
        })
    }

    fn switch(&mut self) {
        let now = self.now();
        for (&id, viewer) in &mut self.viewers {
            if let Some((rung, left)) = &mut viewer.moving {
                *left = left.saturating_sub(1);
                if *left == 0 {
                    viewer.rung = *rung;
                    self.policy.moved(id, *rung, now);
                    if let Some(encoder) = self.encoders.get_mut(rung) {
                        encoder.key_unit = 3;
                    }
                    viewer.moving = None;
                }
            }
        }
    }

    fn measure(&mut self) {
        let even = self.ticks.is_multiple_of(20);
        let now = self.now();
        for (&id, viewer) in &mut self.viewers {
            if viewer.link.has_media() {
                viewer.link.control(even);
                self.policy.observe(id, viewer.link.observation(), now);
            }
            let target = self.encoders.get(&viewer.rung).map_or(0.0, |e| e.target);
            viewer.rates.push(target);
            viewer.load.push(target * self.activity + viewer.padding);
        }
    }

    fn decide(&mut self) {
        let now = self.now();
        for command in self.policy.decide(now) {
            let _ = writeln!(self.story, "{:7.1} {}", self.time(), told(&command));
            self.obey(&command);
        }
        self.check();
    }

    fn obey(&mut self, command: &Command<u32>) {
        match *command {
            Command::Move { viewer, rung } => {
                assert!(self.encoders.contains_key(&rung), "moved to a stopped rung");
                let wait = 3 + self.random.below(10);
                let viewer = self.viewers.get_mut(&viewer).unwrap();
                if viewer.moving.is_none_or(|(before, _)| before != rung) {
                    viewer.moving = Some((rung, wait));
                    viewer.moves.push(f64::from(self.ticks) / 100.0);
                }
            }
            Command::Target { rung, bitrate } => {
                self.encoders.get_mut(&rung).unwrap().target = bitrate.into();
            }
            Command::Start { rung, bitrate } => {
                let before = self.encoders.insert(
                    rung,
                    Encoder {
                        target: bitrate.into(),
                        key_unit: 3,
                        ..Default::default()
                    },
                );
                assert!(before.is_none(), "started twice");
            }
            Command::Stop { rung } => assert!(self.encoders.remove(&rung).is_some()),
            Command::Probe { viewer, padding } => {
                let viewer = self.viewers.get_mut(&viewer).unwrap();
                viewer.probes += u32::from(viewer.padding == 0.0);
                viewer.padding = padding.into();
            }
            Command::Estimate { viewer, bitrate } => {
                self.viewers.get_mut(&viewer).unwrap().link.raise(bitrate);
            }
        }
    }

    /// What must hold after each decision.
    fn check(&self) {
        for (&id, viewer) in &self.viewers {
            assert!(
                self.encoders.contains_key(&viewer.rung),
                "viewer {id} sees nothing"
            );
            assert!(self.policy.rung(id).is_some());
        }
        for (rung, &ceiling) in self.config.ceilings.iter().enumerate() {
            let used = self
                .viewers
                .iter()
                .any(|(&id, viewer)| viewer.rung == rung || self.policy.rung(id) == Some(rung));
            let target = self.policy.target(rung);
            assert_eq!(used, target.is_some(), "rung {rung} runs iff it is used");
            assert_eq!(used, self.encoders.contains_key(&rung));
            if let Some(target) = target {
                assert!((self.config.min_bitrate..=ceiling).contains(&target));
            }
        }
    }
}

fn told(command: &Command<u32>) -> String {
    match *command {
        Command::Move { viewer, rung } => format!("viewer {viewer} to rung {rung}"),
        Command::Target { rung, bitrate } => format!("rung {rung} at {} kbit/s", bitrate / 1000),
        Command::Start { rung, bitrate } => {
            format!("rung {rung} starts at {} kbit/s", bitrate / 1000)
        }
        Command::Stop { rung } => format!("rung {rung} stops"),
        Command::Probe { viewer, padding } => {
            format!("viewer {viewer} padding {} kbit/s", padding / 1000)
        }
        Command::Estimate { viewer, bitrate } => {
            format!("viewer {viewer} carries {} kbit/s", bitrate / 1000)
        }
    }
}
