// SPDX-License-Identifier: MPL-2.0
//! Viewers that come, go and measure whatever they like.

use std::{collections::BTreeMap, time::Duration};

use super::{
    super::{Command, Config, MOST_RUNGS, MOST_VIEWERS, Observation, Policy, Size},
    Random, seeds,
};

#[test]
fn whatever_is_measured_rungs_run_exactly_while_they_are_used_and_targets_keep_their_bounds() {
    seeds(2000, |seed| storm(&mut Random::new(seed)));
}

fn any(random: &mut Random) -> u32 {
    match random.below(5) {
        0 => 0,
        1 => u32::MAX,
        2 => random.word(),
        _ => random.below(6_000_000),
    }
}

fn any_config(random: &mut Random) -> Config {
    let rungs = 1 + random.below(9);
    let ceilings = match random.below(2) {
        0 => (0..rungs).map(|_| any(random)).collect(),
        _ => vec![4_000_000, 1_800_000, 600_000],
    };
    let sizes = match random.below(3) {
        0 => Vec::new(),
        1 => (0..random.below(9)).map(|_| any_size(random)).collect(),
        _ => ceilings.iter().map(|_| any_size(random)).collect(),
    };
    Config {
        ceilings,
        sizes,
        min_bitrate: any(random),
    }
}

fn any_size(random: &mut Random) -> Size {
    Size {
        width: any(random) / 1000,
        height: any(random) / 1000,
    }
}

fn maybe_size(random: &mut Random) -> Option<Size> {
    (random.below(3) > 0).then(|| any_size(random))
}

fn storm(random: &mut Random) {
    let mut policy = Policy::<u32>::new(any_config(random));
    let mut running = BTreeMap::new();
    let mut asked = BTreeMap::new();
    let mut now = if random.below(4) == 0 {
        Duration::MAX / 2
    } else {
        Duration::ZERO
    };
    for _ in 0..200 {
        let id = random.below(70);
        match random.below(9) {
            8 => policy.resize(id, maybe_size(random), now),
            0 => {
                policy.join(id, any(random), maybe_size(random), now);
                asked.remove(&id);
            }
            1 if random.below(3) == 0 => {
                policy.leave(id);
                asked.remove(&id);
            }
            1 if random.below(8) == 0 => policy.set_config(any_config(random), now),
            2 => policy.moved(id, usize::try_from(random.below(10)).unwrap(), now),
            3 => {
                if let Some((id, rung)) = asked.pop_first() {
                    policy.moved(id, rung, now);
                }
            }
            _ => {
                let seen = Observation {
                    estimate: any(random),
                    delivered: any(random),
                    sent: any(random),
                    loss: [0.0, f32::NAN, 1.0, -1.0, f32::INFINITY, 0.05]
                        [usize::try_from(random.below(6)).unwrap()],
                    queued: if random.below(9) == 0 {
                        Duration::MAX
                    } else {
                        Duration::ZERO
                    },
                };
                policy.observe(id, seen, now);
            }
        }
        now += Duration::from_millis(random.below(400).into());
        for command in policy.decide(now) {
            match command {
                Command::Start { rung, bitrate } => {
                    assert_eq!(running.insert(rung, bitrate), None);
                }
                Command::Stop { rung } => assert!(running.remove(&rung).is_some()),
                Command::Target { rung, bitrate } => {
                    let before = running.insert(rung, bitrate);
                    assert!(before.is_some_and(|before| before != bitrate));
                }
                Command::Move { viewer, rung } => {
                    assert!(running.contains_key(&rung));
                    assert_eq!(policy.rung(viewer), Some(rung));
                    asked.insert(viewer, rung);
                }
                Command::Probe { viewer, .. } | Command::Estimate { viewer, .. } => {
                    assert!(policy.rung(viewer).is_some());
                }
            }
        }
        check(&policy, &running);
    }
}

fn check(policy: &Policy<u32>, running: &BTreeMap<usize, u32>) {
    assert!(policy.viewers.len() <= MOST_VIEWERS);
    let last = policy.config.last();
    assert!(policy.viewers.values().all(|v| v.needed <= last));
    for rung in 0..MOST_RUNGS {
        let used = policy
            .viewers
            .values()
            .any(|v| v.rung == rung || v.wanted == rung);
        assert_eq!(used, policy.target(rung).is_some(), "rung {rung}");
        assert_eq!(policy.target(rung), running.get(&rung).copied());
        if let Some(target) = policy.target(rung) {
            let ceiling = policy.config.ceilings[rung];
            assert!((policy.config.min_bitrate..=ceiling).contains(&target));
        }
    }
}
