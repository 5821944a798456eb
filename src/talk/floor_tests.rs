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

/// Everybody sends all the time from here on, a frame of 10 ms after the other, for as long as `goes_on` says of the floor.
fn babble(
    floor: &mut Floor,
    ids: &[&Id],
    now: &mut Instant,
    goes_on: impl Fn(&Floor) -> bool,
) -> Duration {
    let start = *now;
    while goes_on(floor) && now.duration_since(start) < 10 * MAX_TURN {
        *now += ms(10);
        for id in ids {
            floor.heard(id, *now);
        }
        floor.settle(*now);
    }
    now.duration_since(start)
}

#[test]
fn who_sends_without_end_is_heard_in_turns_with_those_who_wait() {
    let mut now = Instant::now();
    let [a, b, c] = ["a", "b", "c"].map(Id::from);
    let mut floor = Floor::new(Mode::One);
    // As long as nobody waits there is no end.
    let alone = babble(&mut floor, &[&a], &mut now, |_| true);
    assert_eq!((alone, ids(floor.speakers())), (10 * MAX_TURN, vec!["a"]));
    let all = [&a, &b, &c];
    for speaker in ["a", "b", "c", "a"] {
        floor.heard(&b, now);
        floor.heard(&c, now);
        let turn = babble(&mut floor, &all, &mut now, |floor| floor.speaks(speaker));
        assert_eq!(turn, MAX_TURN, "{speaker}");
    }
    assert_eq!(ids(floor.speakers()), ["b"]);
    assert_eq!(ids(floor.waiting()), ["c", "a"]);
}

#[test]
fn a_turn_counts_while_somebody_waits_whoever_that_is() {
    let mut now = Instant::now();
    let [a, b, c] = ["a", "b", "c"].map(Id::from);
    let mut floor = Floor::new(Mode::One);
    let mut turn = Duration::ZERO;
    for other in [&b, &c].into_iter().cycle().take(30) {
        // Whoever waits gives up again and again.
        floor.heard(&a, now);
        floor.heard(other, now);
        let start = now;
        turn += babble(&mut floor, &[&a, other], &mut now, |floor| {
            floor.speaks("a") && floor.settled.is_none_or(|at| at < start + MAX_TURN / 10)
        });
        if !floor.speaks("a") {
            assert!(turn.abs_diff(MAX_TURN) <= ms(100), "{turn:?}");
            return;
        }
        floor.gone(other);
        babble(&mut floor, &[&a], &mut now, |_| true);
    }
    panic!("nobody else is ever heard");
}

#[test]
fn in_a_mix_as_many_make_room_as_wait() {
    let mut now = Instant::now();
    let all: Vec<Id> = (0..MAX_MIXED + 3).map(|i| i.to_string().into()).collect();
    let mut floor = Floor::new(Mode::Mix);
    for id in &all {
        floor.heard(id, now);
    }
    let everyone: Vec<&Id> = all.iter().collect();
    babble(&mut floor, &everyone, &mut now, |floor| floor.speaks("0"));
    let speakers: Vec<String> = (3..MAX_MIXED + 3).map(|i| i.to_string()).collect();
    assert_eq!(ids(floor.speakers()), speakers);
    assert_eq!(ids(floor.waiting()), ["0", "1", "2"]);
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
        // Who speaks goes on speaking until it stops or may not: these runs are shorter than a turn.
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

/// Minutes of sessions that seldom stop, and a pump that is late at times.
fn take_turns(seed: u64, mode: Mode) {
    let mut rng = StdRng::seed_from_u64(seed);
    let all: Vec<Id> = (0..MAX_MIXED + 4).map(|i| format!("s{i}").into()).collect();
    let mut floor = Floor::new(mode);
    let mut now = Instant::now();
    // The model: who sends and for how long each has been heard while somebody waited, and has waited.
    let mut turns: BTreeMap<Id, Duration> = BTreeMap::new();
    let mut waits: BTreeMap<Id, Duration> = BTreeMap::new();
    for step in 0..10_000 {
        let about = || format!("seed {seed}, step {step}, {mode:?}");
        if rng.random_range(0..200) == 0 {
            let id = &all[rng.random_range(0..all.len())];
            if turns.remove(id).is_some() {
                waits.remove(id);
                floor.gone(id);
            } else {
                turns.insert(id.clone(), Duration::ZERO);
            }
        }
        for id in turns.keys() {
            floor.heard(id, now);
        }
        let speakers: BTreeSet<Id> = floor.speakers().cloned().collect();
        let others: Vec<Id> = floor.waiting().cloned().collect();
        let passed = ms(rng.random_range(10..80));
        now += passed;
        floor.settle(now);
        if !others.is_empty() {
            for id in &speakers {
                *turns.get_mut(id).unwrap() += passed;
            }
        }
        // Nobody is heard for longer, as long as somebody waits for each of those who are due.
        let due = turns.values().filter(|turn| **turn >= MAX_TURN).count();
        for id in &speakers {
            if floor.speaks(id) {
                assert!(turns[id] < MAX_TURN || due > others.len(), "{}", about());
            } else {
                assert!(turns[id] >= MAX_TURN, "cut short: {}", about());
                turns.insert(id.clone(), Duration::ZERO);
            }
        }
        for id in &others {
            let waited = waits.entry(id.clone()).or_default();
            *waited += passed;
            // At worst everybody else is heard before.
            let most = (MAX_TURN + ms(80)) * u32::try_from(all.len()).unwrap();
            assert!(*waited <= most, "{id} is forgotten: {}", about());
            if floor.speaks(id) {
                waits.remove(id);
            }
        }
    }
}

#[test]
fn whoever_waits_is_heard_and_nobody_is_cut_short() {
    for seed in 0..100 {
        take_turns(seed, Mode::One);
        take_turns(seed, Mode::Mix);
    }
}
