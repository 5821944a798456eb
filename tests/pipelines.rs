// SPDX-License-Identifier: MPL-2.0
//! Every pipeline in `pipelines/` runs. In place of hardware that is not here, the tests have [`DOUBLES`].

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use common::launch;

/// A camera, a microphone or a loudspeaker that is not here, and what takes its place with all its properties, up to the next `!`.
const DOUBLES: [(&str, &str); 7] = [
    (
        "portholesrc name=cam camera=$URL ",
        "portholesrc name=cam camera=test ",
    ),
    (
        "portholesrc camera=$CAMERA encoded=true ",
        "portholesrc camera=test encoded=true ",
    ),
    ("portholesrc camera=$CAMERA ", "portholesrc camera=test "),
    ("portholesrc camera=$FRONT ", "portholesrc camera=test "),
    (
        "portholesrc camera=$GARDEN ",
        "portholesrc camera=test:ball ",
    ),
    ("$MICROPHONE ", "audiotestsrc is-live=true "),
    ("$SPEAKER ", "fakesink sync=true "),
];

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// The pipeline of a `.launch` file with a double for each element that needs hardware, and with its values in place.
fn pipeline(path: &Path) -> String {
    let name = path.display();
    let text = fs::read_to_string(path).unwrap();
    let (comments, lines): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with('#'));
    assert!(comments.len() >= 2, "{name}: says too little of itself");
    let values: BTreeMap<&str, &str> = comments
        .iter()
        .filter_map(|line| line.strip_prefix("# ")?.split_once('='))
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_'))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap()))
        .collect();
    let written = lines.join(" ");
    let mut pipeline = with_doubles(&written);
    for (value, default) in values {
        let place = format!("${value}");
        assert!(
            written.contains(&place),
            "{name}: {value} is declared and not used"
        );
        pipeline = pipeline.replace(&place, default);
    }
    assert!(!pipeline.contains('$'), "{name}: an undeclared value");
    pipeline
}

fn with_doubles(pipeline: &str) -> String {
    // A camera that is plugged in here is none to test with, so that its source has its double wherever the tests run.
    let parts = pipeline.split('!').map(|part| {
        let words = format!("{} ", part.trim());
        let double = DOUBLES.iter().find_map(|(element, double)| {
            let before = words.find(element)?;
            Some(format!("{}{double}", &words[..before]))
        });
        double.unwrap_or(words)
    });
    parts.collect::<Vec<_>>().join("! ")
}

#[test]
fn every_pipeline_runs_and_is_seen_and_heard() {
    let files = files();
    assert!(files.len() >= 9, "{files:?}");
    for path in files {
        let pipeline = pipeline(&path);
        launch::run(&pipeline);
        launch::watch(&pipeline);
    }
}

#[test]
fn a_camera_that_is_not_here_has_a_double_and_what_stands_before_it_stays() {
    assert_eq!(
        with_doubles(
            "portholesrc camera=$FRONT width=$WIDTH ! fakesink portholesrc camera=$GARDEN ! fakesink"
        ),
        "portholesrc camera=test ! fakesink portholesrc camera=test:ball ! fakesink "
    );
}
