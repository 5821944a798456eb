// SPDX-License-Identifier: MPL-2.0
//! Viewers who say in which size they show their pictures.

use super::{
    super::{Size, codec::Codec},
    scene::{Link, Scene, config, next},
};

const SMALL: Option<Size> = Some(Size {
    width: 160,
    height: 120,
});
const LARGE: Option<Size> = Some(Size {
    width: 1280,
    height: 960,
});

#[test]
fn a_small_picture_costs_less_beside_a_large_one() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let link = Link::of(5_000_000);
    let small = scene.join_with(Codec::Vp8, &link, SMALL);
    for _ in 0..10 {
        assert_eq!(next(&small).0, 160);
    }
    // What was tried stays parked for a while; nobody is shown it.
    assert_eq!(small.viewer.stats().rung, 1);
    let large = scene.join_with(Codec::Vp8, &Link::of(5_000_000), LARGE);
    assert_eq!(next(&large).0, 320);
    let mut bytes = (0, 0);
    for _ in 0..60 {
        let of = |watcher: &super::Watcher| {
            let frame = watcher.viewer.outlet.next().expect("a frame");
            frame.buffer.size()
        };
        bytes.0 += of(&small);
        bytes.1 += of(&large);
    }
    // A million bit/s and three hundred thousand.
    assert!(bytes.0 * 2 < bytes.1, "{bytes:?}");
}

#[test]
fn a_picture_that_is_made_larger_comes_up_with_a_key_unit_and_down_again_when_it_is_small() {
    let scene = Scene::raw(config(&[Codec::Vp8]));
    let watcher = scene.join_with(Codec::Vp8, &Link::of(5_000_000), SMALL);
    assert_eq!(next(&watcher).0, 160);
    for (size, width) in [(LARGE, 320), (SMALL, 160), (None, 320)] {
        watcher.viewer.resize(size);
        loop {
            let (now, is_key, _) = next(&watcher);
            if now == width {
                assert!(is_key, "another size begins with a key unit");
                break;
            }
        }
    }
}
