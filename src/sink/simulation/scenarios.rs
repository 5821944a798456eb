// SPDX-License-Identifier: MPL-2.0
//! Courses of links and viewers, over many seeds.

use super::{
    Random,
    browser::Manner,
    link::{Link, Wire},
    seeds,
    world::World,
};

const LADDER: [u32; 3] = [1_000_000, 400_000, 150_000];
const GOOD: f64 = 3_000_000.0;

/// A link of this course with the small faults that each has.
fn any(rate: &[(f64, f64)], random: &mut Random) -> Link {
    Link {
        delay: 0.005 + 0.08 * random.unit(),
        jitter: 0.01 * random.unit(),
        reordered: if random.below(3) == 0 { 0.02 } else { 0.0 },
        queue: 20_000 + random.below(80_000) as usize,
        ..Link::of(rate)
    }
}

fn good(random: &mut Random) -> Link {
    any(&[(0.0, GOOD)], random)
}

#[test]
fn a_lone_viewer_has_within_ten_seconds_what_its_link_carries_for_twenty() {
    let mut shares = Vec::new();
    seeds(60, |seed| {
        let mut random = Random::new(seed);
        let (before, after) = [
            (GOOD, 300_000.0),
            (300_000.0, GOOD),
            (150_000.0, 700_000.0),
            (GOOD, 150_000.0),
        ][seed as usize % 4];
        let mut world = World::new(&LADDER, seed);
        world.join(
            1,
            any(&[(0.0, before), (20.0, after)], &mut random),
            Manner::Honest,
        );
        world.run(40.0);
        world.check();
        let viewer = &world.viewers[&1];
        for (from, rate) in [(10.0, before), (30.0, after)] {
            let share = viewer.rate(from, from + 10.0) / rate.min(LADDER[0].into());
            shares.push(share);
            if share <= 0.5 {
                world.tell(1, from - 10.0);
            }
            assert!(share > 0.5, "{share} of {rate} from {from} s on");
            let gap = viewer.longest_gap(from, from + 10.0);
            assert!(gap < 1.5, "{gap} s without a frame from {from} s on");
        }
    });
    shares.sort_by(f64::total_cmp);
    println!(
        "{:?} of the link at p10, {:?} at the median",
        shares[shares.len() / 10],
        shares[shares.len() / 2]
    );
}

#[test]
fn one_viewer_changes_nobody_elses_picture() {
    seeds(40, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        for id in 1..=2 {
            world.join(id, good(&mut random), Manner::Honest);
        }
        world.run(15.0);
        let rates = [
            (0.0, GOOD),
            (22.0, 200_000.0),
            (30.0, GOOD),
            (34.0, 120_000.0),
        ];
        let mut link = any(&rates, &mut random);
        link.losses.push((26.0, 28.0, 0.3));
        let manner = [Manner::Honest, Manner::Lying, Manner::Silent][seed as usize % 3];
        world.join(3, link, manner);
        world.run(40.0);
        for id in 1..=2 {
            let viewer = &world.viewers[&id];
            viewer.is_never_stuck(40.0);
            let moves = viewer.moves.iter().filter(|(at, _)| *at > 15.0).count();
            if moves > 0 {
                world.tell(id, 28.0);
            }
            assert_eq!(moves, 0, "viewer {id} moved: {:?}", viewer.moves);
            let (before, after) = (viewer.rate(10.0, 15.0), viewer.rate(16.0, 40.0));
            assert!(after > 0.8 * before, "viewer {id}: {before}, then {after}");
            let gap = viewer.longest_gap(15.0, 40.0);
            assert!(gap < 0.5, "{gap} s without a frame");
        }
    });
}

#[test]
fn whatever_a_viewer_reports_and_asks_for_no_more_leaves_than_its_rung_and_half_of_that() {
    seeds(30, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        let link = any(&[(0.0, 30_000_000.0)], &mut random);
        world.join(1, link, Manner::Lying);
        world.camera.activity = [1.0, 0.2][seed as usize % 2];
        world.run(30.0);
        let viewer = &world.viewers[&1];
        for second in 2..29 {
            let sent = viewer.sent(second.into(), f64::from(second) + 1.0);
            // Its rung, half of it again, a probe, and a key unit more.
            let most = f64::from(LADDER[0]) * 2.2;
            assert!(sent < most, "{sent} bit/s at {second} s");
        }
        let mean = viewer.sent(5.0, 29.0);
        assert!(mean < f64::from(LADDER[0]) * 1.7, "{mean} bit/s on average");
    });
}

#[test]
fn on_links_that_lose_reorder_and_change_all_the_time_nobody_is_stuck() {
    seeds(60, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        world.camera.fps = [5.0, 15.0, 30.0][seed as usize % 3];
        world.camera.deaf = 0.3 * random.unit();
        for id in 0..4 {
            let mut points = vec![(0.0, 600_000.0)];
            let mut time = 0.0;
            while time < 40.0 {
                time += 2.0 + 8.0 * random.unit();
                points.push((time, 1e5 * 20.0_f64.powf(random.unit())));
            }
            let mut link = any(&points, &mut random);
            for _ in 0..3 {
                let from = 40.0 * random.unit();
                link.losses.push((from, from + 2.0, 0.3 * random.unit()));
            }
            world.join(id, link, Manner::Honest);
            world.run(world.time() + 2.0 * random.unit());
            if random.below(4) == 0 {
                world.leave(random.below(id as u32 + 1).into());
            }
            if random.below(3) == 0 {
                world.fail(random.below(3) as usize);
            }
        }
        world.run(40.0);
        for viewer in world.viewers.values() {
            viewer.is_never_stuck(40.0);
        }
    });
}

#[test]
fn a_narrow_uplink_is_shared_and_nobody_who_stays_freezes_for_those_who_come() {
    let mut worst = Vec::new();
    seeds(30, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        world.uplink = Some(Wire::new(Link::of(&[(0.0, 1_000_000.0)])));
        for id in 1..=3 {
            world.join(id, good(&mut random), Manner::Honest);
            world.run(f64::from(id as u32) * 4.0);
        }
        world.run(20.0);
        for id in 4..=6 {
            world.join(id, good(&mut random), Manner::Honest);
            world.run(world.time() + 3.0);
            world.leave(id);
        }
        world.run(35.0);
        for id in 1..=3 {
            let viewer = &world.viewers[&id];
            viewer.is_never_stuck(35.0);
            worst.push(viewer.longest_gap(20.0, 35.0));
        }
    });
    worst.sort_by(f64::total_cmp);
    println!(
        "longest gaps: {:?} at the median, {:?} at p90, {:?}",
        worst[worst.len() / 2],
        worst[worst.len() * 9 / 10],
        worst.last()
    );
    assert!(worst.len() < 10 || worst[worst.len() / 2] < 0.7);
}

#[test]
fn who_never_reports_anything_is_sent_the_least_before_long_and_goes_on_seeing_something() {
    seeds(20, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        if seed % 2 == 0 {
            world.join(2, good(&mut random), Manner::Honest);
        }
        world.run(5.0);
        world.join(1, good(&mut random), Manner::Silent);
        world.run(40.0);
        let viewer = &world.viewers[&1];
        let (early, late) = (viewer.sent(6.0, 8.0), viewer.sent(17.0, 40.0));
        assert!(early > 2.0 * late, "{early}, then {late}");
        assert!(late < f64::from(LADDER[2]), "{late}");
        viewer.is_never_stuck(40.0);
    });
}

#[test]
fn who_says_nothing_for_a_while_is_sent_less_and_has_it_all_again_soon_after() {
    seeds(20, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::new(&LADDER, seed);
        world.join(1, good(&mut random), Manner::Honest);
        world.run(20.0);
        let browser = |world: &mut World, manner| {
            let viewer = world.viewers.get_mut(&1).expect("it is there");
            viewer.browser.manner = manner;
        };
        browser(&mut world, Manner::Silent);
        world.run(35.0);
        browser(&mut world, Manner::Honest);
        world.run(55.0);
        let viewer = &world.viewers[&1];
        let (before, meanwhile) = (viewer.rate(15.0, 20.0), viewer.sent(30.0, 35.0));
        assert!(meanwhile < before / 3.0, "{before}, then {meanwhile}");
        let after = viewer.rate(45.0, 55.0);
        if after <= 0.8 * before {
            world.tell(1, 34.0);
        }
        assert!(after > 0.8 * before, "{before}, then {after}");
    });
}
