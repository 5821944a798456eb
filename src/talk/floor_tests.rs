// SPDX-License-Identifier: MPL-2.0

use std::collections::{BTreeMap, BTreeSet};

use rand::{RngExt as _, SeedableRng, rngs::StdRng};

use super::*;

fn ids<'a>(ids: impl Iterator<Item = &'a Id>) -> Vec<&'a str> {
    ids.map(|id| &**id).collect()
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn the_first_to_speak_is_heard_and_the_others_wait_in_order() {
    let now = Instant::now();
    let [a, b, c] = ["a", "b", "c"].map(Id::from);
    let mut floor = Floor::new(Mode::One);
    assert!(floor.heard(&b, now));
    assert!(floor.heard(&a, now + ms(1)));
    assert!(floor.heard(&c, now + ms(2)));
    assert!(!floor.heard(&a, now + ms(3)));
    assert_eq!(ids(floor.speakers()), ["b"]);
    assert_eq!(ids(floor.waiting()), ["a", "c"]);
    assert!(floor.gone("b"));
    assert_eq!(ids(floor.speakers()), ["a"]);
    assert_eq!(ids(floor.waiting()), ["c"]);
    assert!(!floor.gone("b"));
}

#[test]
fn who_sends_nothing_loses_the_floor_to_who_waits() {
    let now = Instant::now();
    let [a, b] = ["a", "b"].map(Id::from);
    let mut floor = Floor::new(Mode::One);
    floor.heard(&a, now);
    floor.heard(&b, now + ms(50));
    assert!(!floor.settle(now + QUIET - ms(1)));
    assert!(floor.speaks("a"));
    assert!(floor.settle(now + QUIET));
    assert!(floor.speaks("b") && !floor.speaks("a"));
    assert!(floor.settle(now + ms(50) + QUIET));
    assert_eq!(ids(floor.speakers()), [""; 0]);
}

#[test]
fn in_a_mix_all_are_heard_up_to_the_bound() {
    let now = Instant::now();
    let all: Vec<Id> = (0..=MAX_MIXED).map(|i| i.to_string().into()).collect();
    let mut floor = Floor::new(Mode::Mix);
    for id in &all {
        floor.heard(id, now);
    }
    assert_eq!(floor.speakers().count(), MAX_MIXED);
    assert_eq!(ids(floor.waiting()), [&*all[MAX_MIXED]]);
}

/// Sessions that begin, stop, lose the permission and leave at random times, with a frame each 10 ms in between, as the
/// pump does it. The model is told of nothing but the inputs.
fn simulate(seed: u64, mode: Mode) {
    let mut rng = StdRng::seed_from_u64(seed);
    let all: Vec<Id> = (0..6).map(|i| format!("s{i}").into()).collect();
    let mut floor = Floor::new(mode);
    let mut now = Instant::now();
    let mut permitted: BTreeSet<Id> = BTreeSet::new();
    let mut sends: BTreeSet<Id> = BTreeSet::new();
    let mut last: BTreeMap<Id, Instant> = BTreeMap::new();
    let mut former: Vec<Id> = Vec::new();
    for step in 0..200 {
        let about = || format!("seed {seed}, step {step}, {mode:?}");
        let id = all[rng.random_range(0..all.len())].clone();
        match rng.random_range(0..6) {
            0 => {
                permitted.insert(id.clone());
            }
            1 => {
                permitted.remove(&id);
                last.remove(&id);
                floor.gone(&id);
            }
            2 | 3 => {
                sends.insert(id.clone());
            }
            _ => {
                sends.remove(&id);
            }
        }
        for id in sends.intersection(&permitted) {
            floor.heard(id, now);
            last.insert(id.clone(), now);
        }
        now += ms(rng.random_range(1..40));
        floor.settle(now);
        last.retain(|_, last| now.duration_since(*last) < QUIET);
        let speakers: Vec<Id> = floor.speakers().cloned().collect();
        assert!(speakers.len() <= mode.places(), "{}", about());
        for id in speakers.iter().chain(floor.waiting()) {
            assert!(
                permitted.contains(id) && last.contains_key(id),
                "{}",
                about()
            );
        }
        assert_eq!(
            speakers.len() + floor.waiting().count(),
            last.len(),
            "nobody is forgotten: {}",
            about()
        );
        if floor.waiting().next().is_some() {
            assert_eq!(speakers.len(), mode.places(), "{}", about());
        }
        // Who speaks goes on speaking until it stops or may not.
        for id in former.iter().filter(|id| last.contains_key(*id)) {
            assert!(speakers.contains(id), "{}", about());
        }
        former = speakers;
    }
}

#[test]
fn whatever_happens_there_is_one_speaker_and_nobody_waits_for_a_free_floor() {
    for seed in 0..3000 {
        simulate(seed, Mode::One);
        simulate(seed, Mode::Mix);
    }
}
