// SPDX-License-Identifier: MPL-2.0
//! What the policy says in a few small stories, word for word. `PORTHOLE_BLESS=1` writes them anew: read the difference.

use std::{env, fs, path::Path};

use super::{
    link::{Link, Rate},
    world::World,
};

fn link(points: &[(f64, f64)]) -> Link {
    Link::new(Rate::steps(points), 5, 2_048_000, true)
}

fn compare(name: &str, story: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/ladder/policy/golden");
    let path = path.join(name).with_extension("txt");
    if env::var_os("PORTHOLE_BLESS").is_some() {
        fs::write(&path, story).unwrap();
    }
    let golden = fs::read_to_string(&path).unwrap();
    for (line, (is, was)) in story.lines().zip(golden.lines()).enumerate() {
        assert_eq!(is, was, "{name}, line {}", line + 1);
    }
    assert_eq!(story.lines().count(), golden.lines().count(), "{name}");
}

#[test]
fn one_viewer_whose_link_drops_and_recovers() {
    let mut world = World::new(&[4_000_000, 1_800_000, 600_000], 1);
    world.join(1, link(&[(0.0, 5e6), (10.0, 5e5), (20.0, 5e6)]));
    world.run(30.0);
    compare("lone-drop", &world.story);
}

#[test]
fn one_of_three_whose_link_drops_and_recovers() {
    let mut world = World::new(&[4_000_000, 1_800_000, 600_000], 2);
    for id in 1..=2 {
        world.join(id, link(&[(0.0, 6e6)]));
    }
    world.join(3, link(&[(0.0, 6e6), (15.0, 5e5), (25.0, 6e6)]));
    world.run(40.0);
    compare("one-of-three", &world.story);
}

#[test]
fn viewers_of_different_links_come_and_go() {
    let mut world = World::new(&[4_000_000, 1_800_000, 600_000], 3);
    world.join(1, link(&[(0.0, 1.2e6)]));
    world.run(5.0);
    world.join(2, link(&[(0.0, 6e6)]));
    world.run(15.0);
    world.join(3, link(&[(0.0, 3e5)]));
    world.run(25.0);
    world.leave(2);
    world.run(35.0);
    world.leave(1);
    world.run(45.0);
    compare("come-and-go", &world.story);
}
