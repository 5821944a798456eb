// SPDX-License-Identifier: MPL-2.0
mod later;
mod sizes;

use super::*;

const LADDER: [u32; 3] = [4_000_000, 1_800_000, 600_000];
const MIN: u32 = 100_000;

/// A policy with a clock, whose viewers' rungs change as soon as they are told to.
struct Bench {
    policy: Policy<u32>,
    millis: u64,
    said: Vec<Command<u32>>,
    /// Key units come.
    confirms: bool,
}

impl Bench {
    fn new() -> Self {
        let config = Config {
            ceilings: LADDER.to_vec(),
            sizes: Vec::new(),
            min_bitrate: MIN,
        };
        Self {
            policy: Policy::new(config),
            millis: 0,
            said: Vec::new(),
            confirms: true,
        }
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.millis)
    }

    fn join(&mut self, id: u32, estimate: u32) -> usize {
        let rung = self.policy.join(id, estimate, None, self.now()).unwrap();
        self.decide();
        rung
    }

    fn decide(&mut self) {
        for command in self.policy.decide(self.now()) {
            self.said.push(command);
            if let Command::Move { viewer, rung } = command
                && self.confirms
            {
                self.policy.moved(viewer, rung, self.now());
            }
        }
    }

    /// All viewers are measured so every 100 ms, for so long; what is sent arrives.
    fn run(&mut self, millis: u64, viewers: &[(u32, u32)]) {
        self.run_with(millis, viewers, |_, _| ());
    }

    fn run_with(
        &mut self,
        millis: u64,
        viewers: &[(u32, u32)],
        change: impl Fn(u32, &mut Observation),
    ) {
        let end = self.millis + millis;
        while self.millis < end {
            self.millis += 100;
            for &(id, estimate) in viewers {
                let sent = self.sent(id);
                let mut seen = Observation {
                    estimate,
                    delivered: sent.min(estimate),
                    sent,
                    loss: 0.0,
                    queued: Duration::ZERO,
                };
                change(id, &mut seen);
                self.policy.observe(id, seen, self.now());
            }
            self.decide();
        }
    }

    fn sent(&self, id: u32) -> u32 {
        let rung = self.policy.rung(id).unwrap();
        self.policy.target(rung).unwrap()
    }

    fn rung(&self, id: u32) -> usize {
        self.policy.rung(id).unwrap()
    }

    fn probes(&self) -> usize {
        let padded =
            |command: &&Command<u32>| matches!(command, Command::Probe { padding: 1.., .. });
        self.said.iter().filter(padded).count()
    }
}

#[test]
fn the_first_viewer_starts_on_the_rung_that_its_start_estimate_carries() {
    for (estimate, rung, bitrate) in [
        (5_000_000, 0, 4_000_000),
        (2_000_000, 0, 1_900_000),
        (1_500_000, 1, 1_425_000),
        (500_000, 2, 475_000),
        (0, 2, MIN),
    ] {
        let mut bench = Bench::new();
        assert_eq!(bench.join(1, estimate), rung);
        assert_eq!(bench.said, [Command::Start { rung, bitrate }]);
    }
}

#[test]
fn a_lone_viewers_encoder_follows_its_estimate_down_at_once() {
    let mut bench = Bench::new();
    bench.join(1, 4_000_000);
    bench.run(1000, &[(1, 4_000_000)]);
    bench.run(100, &[(1, 3_000_000)]);
    assert_eq!(bench.policy.target(0), Some(2_850_000));
    bench.run(100, &[(1, 400_000)]);
    assert_eq!(bench.policy.target(0), Some(380_000));
    bench.run(400, &[(1, 400_000)]);
    assert_eq!((bench.rung(1), bench.policy.target(0)), (2, None));
    bench.run(100, &[(1, 0)]);
    assert_eq!(bench.policy.target(2), Some(MIN));
}

#[test]
fn a_target_goes_up_smoothly() {
    let mut bench = Bench::new();
    bench.join(1, 2_100_000);
    let mut before = bench.sent(1);
    for _ in 0..100 {
        bench.run(100, &[(1, 4_500_000)]);
        let now = bench.sent(1);
        assert!(now <= before + before / 9, "from {before} to {now}");
        before = now;
    }
    assert_eq!(before, 4_000_000);
}

#[test]
fn an_encoder_is_not_bothered_with_trifles() {
    let mut bench = Bench::new();
    bench.join(1, 3_000_000);
    bench.run(1000, &[(1, 3_000_000)]);
    bench.said.clear();
    for wave in 0..50 {
        bench.run(100, &[(1, 3_000_000 - 30_000 * (wave % 2))]);
    }
    let told = |command: &Command<u32>| matches!(command, Command::Target { .. });
    assert!(!bench.said.iter().any(told), "{:?}", bench.said);
}

#[test]
fn one_of_many_whose_link_drops_goes_down_within_half_a_second_and_the_others_keep_theirs() {
    let mut bench = Bench::new();
    for id in 1..=4 {
        bench.join(id, 5_000_000);
    }
    let wide = [(1, 5_000_000), (2, 5_000_000), (3, 5_000_000)];
    bench.run(5000, &[wide.as_slice(), &[(4, 5_000_000)]].concat());
    bench.said.clear();
    bench.run(500, &[wide.as_slice(), &[(4, 400_000)]].concat());
    assert_eq!(bench.rung(4), 2);
    assert_eq!(
        bench.said,
        [
            Command::Start {
                rung: 2,
                bitrate: 380_000
            },
            Command::Move { viewer: 4, rung: 2 },
        ]
    );
    assert_eq!(bench.policy.target(0), Some(4_000_000));
}

#[test]
fn a_little_less_than_the_others_is_no_reason_to_leave() {
    let mut bench = Bench::new();
    for id in 1..=2 {
        bench.join(id, 3_000_000);
    }
    bench.run(5000, &[(1, 3_000_000), (2, 3_000_000)]);
    bench.run(20_000, &[(1, 3_000_000), (2, 2_600_000)]);
    assert_eq!((bench.rung(1), bench.rung(2)), (0, 0));
    assert_eq!(bench.sent(1), 2_470_000);
}

#[test]
fn loss_that_lasts_and_a_pacer_that_does_not_get_on_make_one_of_many_leave() {
    let hurt: [fn(&mut Observation); 2] = [
        |seen| seen.loss = 0.2,
        |seen| seen.queued = Duration::from_millis(200),
    ];
    for hurt in hurt {
        let mut bench = Bench::new();
        for id in 1..=2 {
            bench.join(id, 5_000_000);
        }
        let both = [(1, 5_000_000), (2, 5_000_000)];
        bench.run(5000, &both);
        bench.run_with(200, &both, |id, seen| {
            if id == 2 {
                hurt(seen);
            }
        });
        bench.run(2000, &both);
        assert_eq!(bench.rung(2), 0, "a short one");
        bench.run_with(1200, &both, |id, seen| {
            if id == 2 {
                hurt(seen);
            }
        });
        assert_eq!((bench.rung(1), bench.rung(2)), (0, 1));
    }
}

#[test]
fn a_newcomer_takes_nothing_from_those_who_are_there() {
    for estimate in [0, 300_000, 1_000_000, 2_048_000, 3_500_000, 8_000_000] {
        let mut bench = Bench::new();
        bench.join(1, 3_000_000);
        bench.run(5000, &[(1, 3_000_000)]);
        let (rung, before) = (bench.rung(1), bench.sent(1));
        bench.join(2, estimate);
        for link in [estimate, 200_000] {
            bench.run(3000, &[(1, 3_000_000), (2, link)]);
            assert_eq!(bench.rung(1), rung);
            assert!(
                bench.sent(1) >= before / 100 * 97,
                "{estimate}: {}",
                bench.sent(1)
            );
        }
    }
}

#[test]
fn a_newcomer_is_given_time_before_the_others_have_to_wait_for_it() {
    let mut bench = Bench::new();
    bench.join(1, 5_000_000);
    bench.run(5000, &[(1, 5_000_000)]);
    bench.join(2, 5_000_000);
    bench.run(2800, &[(1, 5_000_000), (2, 3_800_000)]);
    assert_eq!(bench.sent(1), 4_000_000);
    bench.run(400, &[(1, 5_000_000), (2, 3_800_000)]);
    assert_eq!((bench.rung(2), bench.sent(1)), (0, 3_610_000));
}

#[test]
fn a_weak_one_that_was_there_first_stays_unless_the_others_gain_more_than_it_loses() {
    for (strong, rung) in [(1, 1), (6, 2)] {
        let mut bench = Bench::new();
        bench.join(0, 1_000_000);
        bench.run(5000, &[(0, 1_000_000)]);
        let mut links = vec![(0, 1_000_000)];
        for id in 1..=strong {
            bench.join(id, 1_500_000);
            links.push((id, 1_500_000));
        }
        // Too little is sent for a climb, and probes fail.
        bench.run_with(30_000, &links, |_, seen| seen.loss = 0.03);
        assert_eq!(bench.rung(0), rung, "with {strong} others");
    }
}

#[test]
fn who_comes_down_takes_nothing_from_those_who_are_there() {
    let mut bench = Bench::new();
    bench.join(1, 1_000_000);
    bench.run(5000, &[(1, 1_000_000)]);
    bench.join(2, 5_000_000);
    bench.run(5000, &[(1, 1_000_000), (2, 5_000_000)]);
    assert_eq!((bench.rung(1), bench.rung(2)), (1, 0));
    // Too little is sent for a climb, and probes fail.
    bench.run_with(30_000, &[(1, 1_000_000), (2, 1_500_000)], |_, seen| {
        seen.loss = 0.03;
    });
    assert_eq!((bench.rung(1), bench.rung(2)), (1, 1));
    assert_eq!(bench.sent(1), 950_000);
}

#[test]
fn on_the_last_rung_one_cannot_starve_the_others() {
    let mut bench = Bench::new();
    for id in 1..=2 {
        bench.join(id, 550_000);
    }
    bench.run(5000, &[(1, 550_000), (2, 550_000)]);
    bench.run(5000, &[(1, 550_000), (2, 50_000)]);
    assert_eq!((bench.rung(2), bench.sent(2)), (2, 300_000));
    bench.run(5000, &[(1, 150_000), (2, 150_000)]);
    assert_eq!(bench.sent(2), 142_500);
}

#[test]
fn an_estimate_has_to_last_before_its_viewer_climbs() {
    let mut bench = Bench::new();
    for id in 1..=2 {
        assert_eq!(bench.join(id, 1_850_000), 1);
    }
    bench.run(1900, &[(1, 2_200_000), (2, 1_850_000)]);
    assert_eq!(bench.rung(1), 1);
    bench.run(300, &[(1, 2_200_000), (2, 1_850_000)]);
    assert_eq!((bench.rung(1), bench.rung(2)), (0, 1));
}

#[test]
fn an_estimate_that_nothing_supports_is_not_believed() {
    let mut bench = Bench::new();
    for id in 1..=2 {
        bench.join(id, 500_000);
    }
    bench.run_with(60_000, &[(1, 500_000), (2, 8_000_000)], |_, seen| {
        seen.delivered = seen.delivered.min(500_000);
    });
    assert!(bench.sent(2) <= 500_000 / 2 * 3);
}
