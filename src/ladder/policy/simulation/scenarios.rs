// SPDX-License-Identifier: MPL-2.0
//! Known courses of a link, over many seeds.

use super::{
    Random,
    link::{Link, Rate},
    seeds,
    world::World,
};

const LADDER: [u32; 3] = [4_000_000, 1_800_000, 600_000];
/// Where webrtcsink starts.
const START: u32 = 2_048_000;

fn link(rate: Rate, random: &mut Random) -> Link {
    let rtt = usize::try_from(2 + random.below(12)).unwrap();
    Link::new(rate, rtt, START, random.below(2) == 0)
}

fn steady(rate: f64, random: &mut Random) -> Link {
    link(Rate::steps(&[(0.0, rate)]), random)
}

fn span(values: &[f64], from: f64, to: f64) -> &[f64] {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds of a test"
    )]
    let index = |time: f64| (time * 10.0) as usize;
    &values[index(from)..index(to).min(values.len())]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len()).unwrap())
}

/// Too few runs for what holds of many, as when one seed is run alone.
fn few(runs: usize) -> bool {
    runs < 30
}

/// The longest time that `values`, every 100 ms, are beyond `limit`.
fn longest_above(values: &[f64], limit: f64) -> f64 {
    let (mut longest, mut run) = (0.0_f64, 0.0);
    for &value in values {
        run = if value > limit { run + 0.1 } else { 0.0 };
        longest = longest.max(run);
    }
    longest
}

/// The mean of a second reaches this share of `rate` for the first time.
fn reached(values: &[f64], from: f64, rate: f64) -> f64 {
    let windows = span(values, from, 1e9).windows(10);
    let after = windows.map(mean).take_while(|&mean| mean < rate).count();
    f64::from(u32::try_from(after).unwrap()) / 10.0
}

#[test]
fn a_lone_viewers_encoder_uses_the_link_and_comes_back_soon_after_a_drop() {
    let (mut settled, mut fell) = (Vec::new(), Vec::new());
    seeds(300, |seed| {
        let mut random = Random::new(seed);
        let best = [2e6, 3e6, 5e6][usize::try_from(seed % 3).unwrap()];
        let mut world = World::new(&LADDER, seed);
        let rate = Rate::steps(&[(0.0, best), (30.0, 5e5), (60.0, best)]);
        world.join(1, link(rate, &mut random));
        world.run(100.0);
        let viewer = &world.viewers[&1];
        let used = mean(span(&viewer.rates, 40.0, 60.0)) / 5e5;
        assert!(used > 0.7, "{used} of the narrow link");
        let down = span(&viewer.rates, 30.0, 60.0)
            .iter()
            .take_while(|&&rate| rate > 5.5e5)
            .count();
        fell.push(down);
        let used = mean(span(&viewer.rates, 80.0, 100.0)) / best.min(4e6);
        assert!(used > 0.75, "{used} of the wide link");
        let after = reached(&viewer.rates, 60.0, 1.7e6);
        settled.push(after);
        assert!(after < 16.0, "{after} s");
        let above = longest_above(span(&viewer.load, 60.0, 100.0), best * 1.25);
        assert!(above < 0.55, "{above} s beyond the link");
        assert!(viewer.moves.len() <= 16, "{:?}", viewer.moves);
    });
    fell.sort_unstable();
    println!(
        "down after {} tenths of a second at the median, {:?} at most",
        fell[fell.len() / 2],
        fell.last()
    );
    settled.sort_by(f64::total_cmp);
    let (median, late) = (settled[settled.len() / 2], settled[settled.len() * 9 / 10]);
    println!(
        "back at 1.7 Mbit/s after {median} s at the median, {late} s at p90, {:?} at most",
        settled.last()
    );
    assert!(few(settled.len()) || median < 6.0 && late < 9.0);
}

/// When an encoder that is simply set to the estimate is back.
fn plain(rate: Rate, random: &mut Random) -> f64 {
    let mut link = link(rate, random);
    let mut rates = Vec::new();
    for tick in 0..10_000_u32 {
        let media = link.estimate().min(4e6);
        let time = f64::from(tick) / 100.0;
        link.tick(time, (media, 0.0), f64::INFINITY, random);
        if tick.is_multiple_of(10) {
            link.control(tick.is_multiple_of(20));
            rates.push(media);
        }
    }
    reached(&rates, 60.0, 1.7e6)
}

#[test]
fn a_lone_viewers_picture_is_back_sooner_than_by_congestion_control_alone() {
    let (mut ours, mut plains) = (Vec::new(), Vec::new());
    seeds(100, |seed| {
        let rate = Rate::steps(&[(0.0, 5e6), (30.0, 5e5), (60.0, 5e6)]);
        let mut world = World::new(&LADDER, seed);
        world.join(1, link(rate.clone(), &mut Random::new(seed)));
        world.run(100.0);
        ours.push(reached(&world.viewers[&1].rates, 60.0, 1.7e6));
        plains.push(plain(rate, &mut Random::new(seed)));
    });
    ours.sort_by(f64::total_cmp);
    plains.sort_by(f64::total_cmp);
    let (ours, plains) = (ours[ours.len() / 2], plains[plains.len() / 2]);
    println!("back at 1.7 Mbit/s after {ours} s at the median, without probes after {plains} s");
    assert!(ours < plains / 2.0);
}

#[test]
fn a_viewer_whose_link_drops_leaves_the_others_alone_and_comes_back() {
    let mut settled = Vec::new();
    seeds(300, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        for id in 1..=3 + random.below(4) {
            world.join(id, steady(6e6, &mut random));
        }
        let rate = Rate::steps(&[(0.0, 6e6), (30.0, 5e5), (60.0, 6e6)]);
        world.join(99, link(rate, &mut random));
        world.run(30.0);
        world.run(100.0);
        for (id, viewer) in &world.viewers {
            if *id == 99 {
                let left = viewer.moves.iter().find(|&&at| at >= 30.0).unwrap();
                assert!(*left <= 31.2, "left at {left}");
                let after = reached(&viewer.rates, 60.0, 3.4e6);
                settled.push(after);
                assert!(after < 25.0, "back after {after} s");
            } else {
                let least = span(&viewer.rates, 28.0, 100.0)
                    .iter()
                    .copied()
                    .fold(f64::MAX, f64::min);
                assert!(least >= 0.8 * 4e6, "viewer {id} fell to {least}");
                assert!(
                    viewer.moves.iter().all(|&at| at < 28.0),
                    "viewer {id} moved"
                );
            }
        }
    });
    settled.sort_by(f64::total_cmp);
    let (median, late) = (settled[settled.len() / 2], settled[settled.len() * 9 / 10]);
    println!(
        "back at 3.4 Mbit/s after {median} s at the median, {late} s at p90, {:?} at most",
        settled.last()
    );
    assert!(few(settled.len()) || median < 9.0 && late < 15.0);
}

#[test]
fn viewers_with_the_same_middling_link_share_one_rung() {
    let (mut moved, mut watched, mut used) = (0, 0, Vec::new());
    seeds(200, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        let viewers = 2 + random.below(5);
        for id in 0..viewers {
            world.join(id, steady(1.3e6, &mut random));
        }
        world.run(120.0);
        for (id, viewer) in &world.viewers {
            let late = viewer.moves.iter().filter(|&&at| at >= 60.0).count();
            assert!(late <= 8, "viewer {id} moved {:?}", viewer.moves);
            moved += viewer.moves.len();
            watched += 2;
        }
        let got = world.viewers.values();
        let got: Vec<f64> = got.map(|v| mean(span(&v.rates, 30.0, 120.0))).collect();
        // The unlucky see one of them alone above and the others below it, whose probes fail, for a minute.
        assert!(mean(&got) > 0.45 * 1.3e6, "{got:?}");
        used.push(mean(&got) / 1.3e6);
    });
    println!(
        "{moved} moves in {watched} minutes, {} of the links used",
        mean(&used)
    );
    assert!(few(used.len()) || moved <= 2 * watched && mean(&used) > 0.75);
}

#[test]
fn a_slow_ramp_of_one_does_not_drag_the_others() {
    seeds(200, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        for id in 1..=3 {
            world.join(id, steady(6e6, &mut random));
        }
        let rate = Rate::ramp(&[(0.0, 6e6), (30.0, 6e6), (60.0, 4e5), (90.0, 6e6)]);
        world.join(9, link(rate, &mut random));
        world.run(120.0);
        for id in 1..=3 {
            let viewer = &world.viewers[&id];
            let got = span(&viewer.rates, 28.0, 120.0);
            let least = got.iter().copied().fold(f64::MAX, f64::min);
            assert!(least >= 0.75 * 4e6, "fell to {least}");
            assert!(mean(got) >= 0.95 * 4e6, "{} on average", mean(got));
            assert!(viewer.moves.iter().all(|&at| at < 28.0));
        }
        assert!(world.viewers[&9].moves.len() <= 12);
    });
}

#[test]
fn short_bursts_of_loss_move_nobody() {
    seeds(200, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        for id in 1..=4 {
            let mut link = steady(6e6, &mut random);
            let from = 30.0 + 10.0 * random.unit();
            link.losses.push((from, from + 0.1, 0.4));
            world.join(id, link);
        }
        world.run(60.0);
        for viewer in world.viewers.values() {
            assert!(
                viewer.moves.iter().all(|&at| at < 28.0),
                "{:?}",
                viewer.moves
            );
        }
    });
}

#[test]
fn a_link_that_swings_does_not_make_its_viewer_swing_along() {
    seeds(200, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        for id in 1..=2 {
            world.join(id, steady(6e6, &mut random));
        }
        let points: Vec<(f64, f64)> = (0..60)
            .map(|n| (f64::from(n) * 4.0, if n % 2 == 0 { 5e6 } else { 1e6 }))
            .collect();
        world.join(9, link(Rate::steps(&points), &mut random));
        world.run(240.0);
        let moves = &world.viewers[&9].moves;
        let late = moves.iter().filter(|&&at| at >= 120.0).count();
        assert!(late <= 24, "{late} moves in two minutes, {moves:?}");
    });
}

#[test]
fn a_narrow_uplink_of_the_camera_is_shared_by_all() {
    let (mut used, mut least, mut beyond) = (Vec::new(), Vec::new(), Vec::new());
    seeds(100, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        world.uplink = 6e6;
        let count = 2 + random.below(5);
        for id in 0..count {
            world.join(id, steady(2e7, &mut random));
        }
        world.run(150.0);
        let fair = (6e6 / f64::from(count)).min(4e6);
        let viewers = || world.viewers.values();
        let got: Vec<f64> = viewers()
            .map(|viewer| mean(span(&viewer.rates, 30.0, 150.0)) / fair)
            .collect();
        used.push(mean(&got));
        least.push(got.iter().copied().fold(f64::MAX, f64::min));
        let load = (300..1490).map(|tenth| viewers().map(|v| v.load[tenth]).sum::<f64>());
        beyond.extend(load.map(|load| f64::from(u8::from(load > 1.25 * 6e6))));
        let most = viewers().map(|viewer| viewer.moves.len()).max();
        assert!(most <= Some(16), "{most:?} moves");
    });
    let runs = used.len();
    let (used, least, beyond) = (mean(&used), mean(&least), mean(&beyond));
    println!(
        "{used:.2} of the uplink used, the least has {least:.2} of its part, {beyond:.4} of the time beyond"
    );
    assert!(few(runs) || used > 0.85 && least > 0.45 && beyond < 0.01);
}

#[test]
fn a_quiet_picture_does_not_cost_its_viewers_their_rung() {
    seeds(100, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        for id in 0..1 + random.below(3) {
            world.join(id, steady(6e6, &mut random));
        }
        world.run(20.0);
        world.activity = 0.15;
        world.run(80.0);
        world.activity = 1.0;
        world.run(100.0);
        for viewer in world.viewers.values() {
            let got = span(&viewer.rates, 20.0, 100.0);
            let least = got.iter().copied().fold(f64::MAX, f64::min);
            assert!(viewer.rung == 0 && least > 3e6, "fell to {least}");
        }
    });
}
