// SPDX-License-Identifier: MPL-2.0
//! Viewers that say in which size they show their picture.

use super::*;

const SIZES: [Size; 3] = [size(1920, 1080), size(1280, 720), size(640, 360)];

const fn size(width: u32, height: u32) -> Size {
    Size { width, height }
}

fn sized() -> Bench {
    let mut bench = Bench::new();
    let config = Config {
        sizes: SIZES.to_vec(),
        ..bench.policy.config.clone()
    };
    bench.policy.set_config(config, bench.now());
    bench
}

#[test]
fn who_shows_its_picture_small_begins_and_stays_on_the_rung_of_that_size_and_is_not_probed() {
    let mut bench = sized();
    let rung = (bench.policy).join(1, 9_000_000, Some(size(640, 360)), bench.now());
    assert_eq!(rung, Some(2));
    bench.decide();
    bench.run(20_000, &[(1, 9_000_000)]);
    assert_eq!((bench.rung(1), bench.policy.target(2)), (2, Some(600_000)));
    bench.run(20_000, &[(1, 600_000)]);
    assert_eq!((bench.rung(1), bench.probes()), (2, 0));
}

#[test]
fn a_size_that_lasts_for_a_second_moves_its_viewer_down_and_a_larger_one_at_once_up() {
    let mut bench = sized();
    bench.join(1, 9_000_000);
    bench.run(5_000, &[(1, 9_000_000)]);
    bench.policy.resize(1, Some(size(600, 338)), bench.now());
    bench.run(900, &[(1, 9_000_000)]);
    assert_eq!(bench.rung(1), 0);
    bench.run(300, &[(1, 9_000_000)]);
    assert_eq!(bench.rung(1), 2);
    bench.run(5_000, &[(1, 9_000_000)]);
    bench.policy.resize(1, Some(size(1100, 619)), bench.now());
    bench.run(200, &[(1, 9_000_000)]);
    assert_eq!(bench.rung(1), 1);
    bench.policy.resize(1, None, bench.now());
    bench.run(3_000, &[(1, 9_000_000)]);
    assert_eq!(bench.rung(1), 0, "who says nothing is sent the best");
}

#[test]
fn a_large_picture_gets_no_more_than_its_network_carries() {
    let mut bench = sized();
    let rung = (bench.policy).join(1, 500_000, Some(size(4000, 2000)), bench.now());
    assert_eq!(rung, Some(2));
    bench.decide();
    bench.run(10_000, &[(1, 500_000)]);
    assert_eq!(bench.rung(1), 2);
}

#[test]
fn a_ladder_that_is_cut_anew_hears_the_size_again() {
    let mut bench = sized();
    bench.join(1, 9_000_000);
    bench.policy.resize(1, Some(size(640, 360)), bench.now());
    bench.run(3_000, &[(1, 9_000_000)]);
    let cut = Config {
        ceilings: vec![1_000_000, 300_000],
        sizes: vec![size(640, 360), size(320, 180)],
        min_bitrate: MIN,
    };
    bench.policy.set_config(cut, bench.now());
    bench.run(5_000, &[(1, 9_000_000)]);
    assert_eq!(bench.rung(1), 0);
    let unknown = Config {
        sizes: vec![size(640, 360)],
        ..bench.policy.config.clone()
    };
    bench.policy.set_config(unknown, bench.now());
    bench.policy.resize(1, Some(size(1, 1)), bench.now());
    bench.run(5_000, &[(1, 9_000_000)]);
    assert_eq!(bench.rung(1), 0, "rungs of which not all sizes are known");
}
