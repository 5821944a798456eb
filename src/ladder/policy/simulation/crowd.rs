// SPDX-License-Identifier: MPL-2.0
//! Many ladders with all sorts of viewers.

use super::{
    Random,
    link::{Link, Rate},
    seeds,
    world::World,
};

const LADDERS: [&[u32]; 4] = [
    &[4_000_000, 1_800_000, 600_000],
    &[2_500_000, 800_000],
    &[6_000_000, 3_000_000, 1_500_000, 700_000, 300_000],
    &[2_000_000],
];
/// Long enough for everybody to have found a rung, probes and all.
const SETTLED: f64 = 60.0;
const END: f64 = 180.0;

/// From 300 kbit/s to 10 Mbit/s, each decade as often as any other.
fn any_rate(random: &mut Random) -> f64 {
    3e5 * 33.0_f64.powf(random.unit())
}

fn any_link(rate: Rate, random: &mut Random) -> Link {
    let rtt = usize::try_from(1 + random.below(15)).unwrap();
    Link::new(rate, rtt, 2_048_000, random.below(2) == 0)
}

fn steps(values: &[f64], from: f64) -> &[f64] {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "seconds of a test"
    )]
    let from = (from * 10.0) as usize;
    &values[from.min(values.len())..]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / f64::from(u32::try_from(values.len().max(1)).unwrap())
}

#[test]
fn on_steady_links_everybody_settles() {
    let (mut viewers, mut moved, mut restless) = (0, 0, 0);
    let mut used = Vec::new();
    let mut over = Vec::new();
    seeds(250, |seed| {
        let mut random = Random::new(seed);
        let ladder = LADDERS[usize::try_from(random.below(4)).unwrap()];
        let mut world = World::new(ladder, seed);
        let mut rates = Vec::new();
        for id in 0..1 + random.below(10) {
            let rate = any_rate(&mut random);
            rates.push(rate);
            world.join(id, any_link(Rate::steps(&[(0.0, rate)]), &mut random));
        }
        world.run(END);
        for (viewer, rate) in world.viewers.values().zip(rates) {
            let late = viewer.moves.iter().filter(|&&at| at >= SETTLED).count();
            let best = f64::from(ladder[0]);
            if rate > 1.6 * best && ladder.len() > 1 {
                let least = steps(&viewer.rates, SETTLED)
                    .iter()
                    .copied()
                    .fold(best, f64::min);
                assert!(viewer.rung == 0 && late == 0, "moved {:?}", viewer.moves);
                assert!(least > 0.6 * best, "{least} of {best}");
            }
            assert!(late <= 14, "{late} late moves {:?} at {rate}", viewer.moves);
            viewers += 1;
            moved += late;
            restless += usize::from(late > 4);
            used.push(mean(steps(&viewer.rates, SETTLED)) / rate.min(best));
            let above = steps(&viewer.load, SETTLED)
                .iter()
                .filter(|&&load| load > rate * 1.25);
            over.push(f64::from(u32::try_from(above.count()).unwrap()) / 1200.0);
        }
    });
    used.sort_by(f64::total_cmp);
    println!(
        "{viewers} viewers, {moved} moves in two minutes each, {restless} of them more than four; link used: mean {:.2}, p10 {:.2}; time beyond the link {:.4}",
        mean(&used),
        used[used.len() / 10],
        mean(&over)
    );
}

#[test]
fn on_unsteady_links_viewers_come_and_go_and_everybody_is_shown_something() {
    let (mut seen, mut runs) = (0, 0);
    seeds(250, |seed| {
        let mut random = Random::new(seed);
        let ladder = LADDERS[usize::try_from(random.below(4)).unwrap()];
        let mut world = World::new(ladder, seed);
        for id in 0..12 {
            let mut time = 0.0;
            let mut points = Vec::new();
            while time < 100.0 {
                points.push((time, any_rate(&mut random)));
                time += 3.0 + 20.0 * random.unit();
            }
            let rate = if random.below(2) == 0 {
                Rate::steps(&points)
            } else {
                Rate::ramp(&points)
            };
            let mut link = any_link(rate, &mut random);
            for _ in 0..3 {
                let from = 100.0 * random.unit();
                link.losses
                    .push((from, from + 4.0 * random.unit(), 0.4 * random.unit()));
            }
            world.join(id, link);
            world.run(world.time() + 5.0 * random.unit());
            if random.below(3) == 0 {
                world.leave(random.below(id + 1));
            }
            world.activity = [1.0, 1.0, 0.2][usize::try_from(random.below(3)).unwrap()];
        }
        world.run(world.time() + 30.0);
        seen += world.viewers.len();
        runs += 1;
        for (id, viewer) in &world.viewers {
            let often = viewer.moves.windows(10).any(|ten| ten[9] - ten[0] < 10.0);
            assert!(!often, "viewer {id} moved {:?}", viewer.moves);
        }
    });
    // A simulation in which nobody watches shows nothing.
    assert!(seen >= 4 * runs, "{seen} in {runs} runs");
}
