// SPDX-License-Identifier: MPL-2.0
//! Every pipeline in `pipelines/` parses. Elements that need hardware may be missing here.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{collections::BTreeMap, fs, path::Path};

/// Elements that exist only where their hardware or its package does.
const HARDWARE: [&str; 3] = ["libcamerasrc", "v4l2h264enc", "v4l2src"];

/// The pipeline of a `.launch` file, with its values in place.
fn pipeline(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let (comments, lines): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with('#'));
    assert!(
        comments.len() >= 2,
        "{}: says too little of itself",
        path.display()
    );
    let values: BTreeMap<&str, &str> = comments
        .iter()
        .filter_map(|line| line.strip_prefix("# ")?.split_once('='))
        .filter(|(name, _)| name.bytes().all(|b| b.is_ascii_uppercase()))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap()))
        .collect();
    let mut pipeline = lines.join(" ");
    for (name, value) in values {
        let place = format!("${name}");
        assert!(
            pipeline.contains(&place),
            "{}: {name} is declared and not used",
            path.display()
        );
        pipeline = pipeline.replace(&place, value);
    }
    assert!(
        !pipeline.contains('$'),
        "{}: an undeclared value",
        path.display()
    );
    pipeline
}

#[test]
fn every_pipeline_parses() {
    gst::init().unwrap();
    gstporthole::plugin_register_static().unwrap();
    let mut count = 0;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("pipelines");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let mut context = gst::ParseContext::new();
        let result = gst::parse::launch_full(
            &pipeline(&path),
            Some(&mut context),
            gst::ParseFlags::FATAL_ERRORS,
        );
        let missing = context.missing_elements();
        for element in &missing {
            assert!(
                HARDWARE.contains(&element.as_str()),
                "{}: no {element}",
                path.display()
            );
        }
        match result {
            Ok(_) => (),
            Err(error) if !missing.is_empty() => {
                assert!(
                    error.matches(gst::ParseError::NoSuchElement),
                    "{}: {error}",
                    path.display()
                );
            }
            Err(error) => panic!("{}: {error}", path.display()),
        }
        count += 1;
    }
    assert!(count >= 4);
}
