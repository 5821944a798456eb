// SPDX-License-Identifier: MPL-2.0
//! Viewers that show their pictures small: a wall, a picture that is opened from it, a page that nobody looks at.

use super::{
    super::Size,
    Random,
    link::{Link, Rate},
    seeds,
    world::World,
};

const LADDER: [u32; 3] = [2_000_000, 600_000, 180_000];
const SIZES: [Size; 3] = [size(1280, 720), size(640, 360), size(320, 180)];
const START: u32 = 2_000_000;

const fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

fn link(rate: f64, random: &mut Random) -> Link {
    let rtt = usize::try_from(2 + random.below(12)).unwrap();
    let rate = Rate::steps(&[(0.0, rate)]);
    Link::new(rate, rtt, START, random.below(2) == 0)
}

/// What a viewer was sent on average from this second on, padding and all.
fn mean_load(world: &World, id: u32, from: usize) -> f64 {
    let load = &world.viewers[&id].load[from * 10..];
    load.iter().sum::<f64>() / f64::from(u32::try_from(load.len()).unwrap())
}

#[test]
fn a_small_tile_costs_what_a_small_picture_costs_beside_a_large_one() {
    seeds(200, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::of(&LADDER, &SIZES, seed);
        let shown = [size(1280, 720), size(426, 240), size(300, 169), size(0, 0)];
        for (id, shown) in (0..).zip(shown) {
            world.join_with(id, link(9e6, &mut random), Some(shown));
        }
        world.run(60.0);
        for (id, rung, most) in [(1, 1, 6e5), (2, 2, 1.8e5), (3, 2, 1.8e5)] {
            assert_eq!(world.viewers[&id].rung, rung);
            assert!(world.viewers[&id].moves.is_empty());
            let cost = mean_load(&world, id, 5);
            assert!(cost <= most * 1.01, "viewer {id}: {cost}");
        }
        let large = mean_load(&world, 0, 20);
        assert!(large > 1.6e6, "{large}: nobody is held back by small ones");
    });
}

#[test]
fn nine_tiles_share_three_megabits_and_none_starves() {
    seeds(50, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::of(&LADDER, &SIZES, seed);
        world.uplink = 3e6;
        // Three of them are shown so large that the second rung would be theirs: more than the uplink has for all.
        for id in 0..9 {
            let shown = if id < 3 {
                size(640, 360)
            } else {
                size(320, 180)
            };
            world.join_with(id, link(6e6, &mut random), Some(shown));
            world.run(world.time() + random.unit());
        }
        world.run(120.0);
        let mut all = 0.0;
        for (id, viewer) in &world.viewers {
            let load = mean_load(&world, *id, 60);
            all += load;
            assert!(viewer.rung >= if *id < 3 { 1 } else { 2 }, "viewer {id}");
            assert!(load > 1.2e5, "viewer {id} starves at {load}");
        }
        assert!(all < 3e6 * 1.05, "{all}");
    });
}

#[test]
fn a_picture_that_is_made_larger_is_sharp_at_once_and_costs_little_again_soon_after() {
    let mut waits = Vec::new();
    seeds(200, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::of(&LADDER, &SIZES, seed);
        for id in 0..4 {
            world.join_with(id, link(9e6, &mut random), Some(size(320, 180)));
        }
        world.run(20.0);
        world.resize(0, Some(size(1280, 720)));
        while world.viewers[&0].rung > 0 {
            world.run(world.time() + 0.1);
            assert!(world.time() < 30.0, "it never comes up");
        }
        waits.push(world.time() - 20.0);
        world.run(world.time() + 10.0);
        world.resize(0, Some(size(320, 180)));
        world.run(world.time() + 2.0);
        assert_eq!(world.viewers[&0].rung, 2);
        for id in 1..4 {
            assert!(world.viewers[&id].moves.is_empty(), "others stay");
        }
    });
    waits.sort_by(f64::total_cmp);
    println!(
        "sharp after {:.1} s at the median, {:.1} s at most",
        waits[waits.len() / 2],
        waits[waits.len() - 1]
    );
    assert!(waits[waits.len() / 2] < 1.0);
}

#[test]
fn a_viewer_that_changes_its_size_a_thousand_times_a_second_moves_only_itself_and_seldom() {
    seeds(100, |seed| {
        let mut random = Random::new(seed);
        let mut world = World::of(&LADDER, &SIZES, seed);
        for id in 0..3 {
            world.join_with(id, link(9e6, &mut random), Some(size(640, 360)));
        }
        let hostile = [0, 1, 320, 353, 640, 705, 1280, 16_384, u32::MAX];
        while world.time() < 60.0 {
            for _ in 0..10 {
                let of = |random: &mut Random| hostile[usize::try_from(random.below(9)).unwrap()];
                let shown = size(of(&mut random), of(&mut random));
                world.resize(0, (random.below(9) > 0).then_some(shown));
            }
            world.run(world.time() + 0.01);
        }
        let moves = &world.viewers[&0].moves;
        assert!(moves.len() <= 30, "{moves:?}");
        for id in 1..3 {
            assert!(world.viewers[&id].moves.is_empty());
            assert!(mean_load(&world, id, 10) > 4.5e5);
        }
    });
}
