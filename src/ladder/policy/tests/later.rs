// SPDX-License-Identifier: MPL-2.0
//! Probes, key units that do not come, and a ladder that changes.

use super::*;

/// A link that carries so much, and an estimator that is told.
fn with_link(bench: &mut Bench, id: u32, capacity: u32, millis: u64) -> Vec<u32> {
    let mut padding = 0;
    let mut estimate = bench.sent(id);
    let mut load = Vec::new();
    for _ in 0..millis / 100 {
        bench.millis += 100;
        let sent = bench.sent(id);
        let all = sent + padding;
        load.push(all);
        estimate = if all > capacity {
            capacity / 100 * 85
        } else {
            (estimate + estimate / 1000).min(sent.max(estimate / 3 * 2) / 2 * 3)
        };
        let seen = Observation {
            estimate,
            delivered: all.min(capacity),
            sent,
            loss: 0.0,
            queued: Duration::ZERO,
        };
        bench.policy.observe(id, seen, bench.now());
        let known = bench.said.len();
        bench.decide();
        for command in &bench.said[known..] {
            match *command {
                Command::Probe { padding: new, .. } => padding = new,
                Command::Estimate { bitrate, .. } => estimate = estimate.max(bitrate),
                _ => (),
            }
        }
    }
    load
}

#[test]
fn a_probe_finds_a_wide_link_in_seconds() {
    let mut bench = Bench::new();
    bench.join(1, 500_000);
    with_link(&mut bench, 1, 6_000_000, 12_000);
    assert_eq!((bench.rung(1), bench.sent(1)), (0, 4_000_000));
    assert!(bench.said.contains(&Command::Probe {
        viewer: 1,
        padding: 0
    }));
}

#[test]
fn failed_probes_become_rare() {
    let mut bench = Bench::new();
    bench.join(1, 500_000);
    with_link(&mut bench, 1, 560_000, 30_000);
    let before = bench.probes();
    let load = with_link(&mut bench, 1, 560_000, 300_000);
    let beyond = load.iter().filter(|&&all| all > 700_000).count();
    assert!(bench.probes() - before <= 12, "{}", bench.probes() - before);
    assert!(beyond <= 30, "{beyond} tenths of a second");
}

#[test]
fn a_probe_ends_when_its_viewer_goes_and_nothing_more_is_said_of_it() {
    let mut bench = Bench::new();
    bench.join(1, 500_000);
    while bench.probes() == 0 {
        with_link(&mut bench, 1, 6_000_000, 100);
        assert!(bench.millis < 10_000);
    }
    bench.said.clear();
    bench.policy.leave(1);
    bench.decide();
    assert_eq!(bench.said, [Command::Stop { rung: 2 }]);
}

#[test]
fn no_more_than_four_are_probed_at_once() {
    let mut bench = Bench::new();
    let viewers: Vec<(u32, u32)> = (0..20).map(|id| (id, 500_000)).collect();
    for &(id, estimate) in &viewers {
        bench.join(id, estimate);
    }
    bench.run(2000, &viewers);
    assert_eq!(bench.probes(), 4);
}

#[test]
fn a_key_unit_that_does_not_come_is_asked_for_again() {
    let mut bench = Bench::new();
    bench.join(1, 3_000_000);
    bench.join(2, 3_000_000);
    bench.run(4000, &[(1, 3_000_000), (2, 3_000_000)]);
    let mut asked = 0;
    for tenth in 1..=50_u64 {
        let now = bench.now() + Duration::from_millis(100 * tenth);
        for (id, estimate) in [(1, 3_000_000), (2, 400_000)] {
            let seen = Observation {
                estimate,
                delivered: 380_000,
                sent: 380_000,
                loss: 0.0,
                queued: Duration::ZERO,
            };
            bench.policy.observe(id, seen, now);
        }
        let said = bench.policy.decide(now);
        asked += said
            .iter()
            .filter(|c| matches!(c, Command::Move { viewer: 2, .. }))
            .count();
        assert!(bench.policy.target(0).is_some());
    }
    assert_eq!(asked, 3);
}

#[test]
fn the_sixty_fifth_viewer_gets_no_rung() {
    let mut bench = Bench::new();
    for id in 0..64 {
        bench.join(id, 1_000_000);
    }
    assert_eq!(bench.policy.join(64, 1_000_000, None, bench.now()), None);
    assert_eq!(bench.policy.rung(64), None);
    bench.policy.leave(3);
    assert!(
        bench
            .policy
            .join(64, 1_000_000, None, bench.now())
            .is_some()
    );
}

#[test]
fn a_ladder_that_is_cut_anew_keeps_everybody_on_it() {
    let mut bench = Bench::new();
    bench.join(1, 5_000_000);
    bench.join(2, 400_000);
    let shorter = Config {
        ceilings: vec![2_000_000, 1_000_000],
        sizes: Vec::new(),
        min_bitrate: MIN,
    };
    bench.policy.set_config(shorter, bench.now());
    bench.decide();
    bench.run(1000, &[(1, 5_000_000), (2, 400_000)]);
    assert_eq!((bench.rung(1), bench.rung(2)), (0, 1));
    assert_eq!(bench.policy.target(0), Some(2_000_000));
    assert_eq!(bench.policy.target(2), None);
}

#[test]
fn a_ladder_that_makes_no_sense_is_made_one() {
    for ceilings in [
        vec![],
        vec![0],
        vec![5, 5, 9, 0, 3],
        (1..30).rev().collect(),
    ] {
        let config = Config {
            ceilings,
            sizes: Vec::new(),
            min_bitrate: u32::MAX,
        };
        let sane = config.sane();
        assert!((1..=8).contains(&sane.ceilings.len()));
        assert!(sane.ceilings.is_sorted_by(|above, below| above > below));
        assert!((1..=sane.ceilings[sane.last()]).contains(&sane.min_bitrate));
    }
}

#[test]
fn a_failed_probe_costs_its_viewer_nothing_of_what_was_proven_before() {
    let mut bench = Bench::new();
    bench.join(1, 500_000);
    with_link(&mut bench, 1, 540_000, 10_000);
    let given_back = bench.said.windows(2).any(|two| {
        matches!(
            two,
            [
                Command::Estimate {
                    bitrate: 460_000..=540_000,
                    ..
                },
                Command::Probe { padding: 0, .. }
            ]
        )
    });
    assert!(given_back, "{:?}", bench.said);
}

#[test]
fn a_collapse_is_seen_by_what_arrives_before_the_estimate_is_down() {
    let mut bench = Bench::new();
    bench.join(1, 5_000_000);
    bench.run(2000, &[(1, 5_000_000)]);
    bench.run_with(100, &[(1, 3_000_000)], |_, seen| seen.delivered = 500_000);
    assert_eq!(bench.policy.target(0), Some(475_000));
}

#[test]
fn nothing_is_said_of_a_viewer_that_left_before_the_decision() {
    let mut bench = Bench::new();
    bench.join(1, 400_000);
    bench.said.clear();
    let shorter = Config {
        ceilings: vec![2_000_000],
        sizes: Vec::new(),
        min_bitrate: MIN,
    };
    bench.policy.set_config(shorter, bench.now());
    bench.policy.leave(1);
    bench.decide();
    let moves = |command: &Command<u32>| matches!(command, Command::Move { .. });
    assert!(!bench.said.iter().any(moves), "{:?}", bench.said);
}

#[test]
fn a_probe_ends_as_soon_as_there_is_loss() {
    let mut bench = Bench::new();
    bench.join(1, 500_000);
    bench.run_with(2000, &[(1, 500_000)], |_, seen| seen.loss = 0.03);
    assert_eq!(bench.probes(), 1);
    let ended = Command::Probe {
        viewer: 1,
        padding: 0,
    };
    assert!(bench.said.contains(&ended));
}

#[test]
fn who_falls_back_before_it_was_shown_the_better_rung_climbs_again() {
    let mut bench = Bench::new();
    for id in 1..=2 {
        assert_eq!(bench.join(id, 1_850_000), 1);
    }
    bench.confirms = false;
    bench.run(2300, &[(1, 2_200_000), (2, 1_850_000)]);
    assert_eq!(bench.rung(1), 0, "on the way up, without a key unit yet");
    bench.run(1000, &[(1, 1_550_000), (2, 1_500_000)]);
    assert_eq!(bench.rung(1), 1, "called back");
    bench.said.clear();
    bench.run(3000, &[(1, 1_550_000), (2, 1_500_000)]);
    let asks = |command: &Command<u32>| matches!(command, Command::Move { .. });
    assert!(
        !bench.said.iter().any(asks),
        "it is there: {:?}",
        bench.said
    );
    bench.run(20_000, &[(1, 2_200_000), (2, 1_500_000)]);
    assert_eq!(bench.rung(1), 0);
}

#[test]
fn a_rung_that_this_machine_is_too_slow_for_is_left_and_comes_back() {
    let mut bench = Bench::new();
    bench.join(1, 5_000_000);
    bench.run(5000, &[(1, 5_000_000)]);
    assert_eq!(bench.rung(1), 0);
    bench.policy.set_usable(0, false);
    bench.run(30_000, &[(1, 5_000_000)]);
    assert_eq!((bench.rung(1), bench.policy.target(0)), (1, None));
    assert_eq!(bench.join(2, 5_000_000), 1);
    bench.policy.set_usable(0, true);
    bench.run(10_000, &[(1, 5_000_000), (2, 5_000_000)]);
    assert_eq!((bench.rung(1), bench.rung(2)), (0, 0));
    // There is always one left.
    for rung in 0..3 {
        bench.policy.set_usable(rung, false);
    }
    bench.run(1000, &[(1, 5_000_000), (2, 5_000_000)]);
    assert_eq!((bench.rung(1), bench.rung(2)), (2, 2));
}

#[test]
fn what_the_best_link_here_has_lived_up_to_is_known_after_a_while() {
    let mut bench = Bench::new();
    bench.join(1, 2_048_000);
    bench.run(1000, &[(1, 200_000)]);
    assert_eq!(bench.policy.best_estimate(bench.now()), None);
    bench.join(2, 2_048_000);
    bench.run(5000, &[(1, 200_000), (2, 150_000)]);
    assert_eq!(bench.policy.best_estimate(bench.now()), Some(200_000));
}

#[test]
fn what_congestion_control_has_cut_far_below_what_arrived_is_given_back_once() {
    let mut bench = Bench::new();
    bench.join(1, 3_000_000);
    bench.run(5000, &[(1, 3_000_000)]);
    // Half of all packets are lost for a second while the queue of a link of 600 kbit/s is full; the estimate falls to a tenth.
    bench.run_with(1000, &[(1, 60_000)], |_, seen| {
        seen.delivered = 600_000;
        seen.loss = 0.5;
    });
    bench.said.clear();
    bench.run(3000, &[(1, 60_000)]);
    let given: Vec<u32> = (bench.said.iter())
        .filter_map(|command| match command {
            Command::Estimate { bitrate, .. } => Some(*bitrate),
            _ => None,
        })
        .collect();
    assert_eq!(given, [510_000]);
}
