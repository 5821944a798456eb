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

/// An element that needs hardware or a package for it, and what takes its place with all its properties, up to the next `!`:
/// something that gives the caps that follow.
const DOUBLES: [(&str, &str); 3] = [
    (
        "v4l2src ",
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=$WIDTH,height=$HEIGHT,framerate=30/1 ! jpegenc ",
    ),
    ("libcamerasrc ", "videotestsrc is-live=true "),
    (
        "v4l2h264enc ",
        "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60 ",
    ),
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
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase()))
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
        let double = DOUBLES
            .iter()
            .find(|(element, _)| words.starts_with(element));
        double.map_or(words.clone(), |(_, double)| (*double).to_owned())
    });
    parts.collect::<Vec<_>>().join("! ")
}

#[test]
fn every_pipeline_runs() {
    let files = files();
    assert!(files.len() >= 4, "{files:?}");
    for path in files {
        launch::run(&pipeline(&path));
    }
}

#[test]
fn an_element_that_needs_hardware_has_a_double_with_the_caps_that_follow_it() {
    assert_eq!(
        with_doubles(
            "libcamerasrc   ! video/x-raw,width=$WIDTH ! v4l2h264enc extra-controls=\"a,b=1\" ! fakesink"
        ),
        "videotestsrc is-live=true ! video/x-raw,width=$WIDTH ! \
         x264enc tune=zerolatency speed-preset=ultrafast key-int-max=60 ! fakesink "
    );
}
