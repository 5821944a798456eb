// SPDX-License-Identifier: MPL-2.0
//! The README tells the truth: its property tables are the elements' own, its example is the one that
//! compiles, its pipelines run. `UPDATE_README=1 cargo test --test readme` writes tables and example.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::{env, fs, path::PathBuf};

use common::{init, launch};
use gst::{glib, prelude::*};

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("README.md")
}

/// The properties an element has beyond those of GStreamer's base classes, with those of interfaces that it implements.
fn table(factory: &str) -> String {
    let element = gst::ElementFactory::make(factory).build().unwrap();
    let rows = element.list_properties().into_iter().filter(|p| {
        p.owner_type() == element.type_() || p.owner_type().is_a(glib::Type::INTERFACE)
    });
    let mut table = String::from("| property | default | what it is |\n|---|---|---|\n");
    for property in rows {
        let default = if property.flags().contains(glib::ParamFlags::READWRITE) {
            default(&property)
        } else if property.flags().contains(glib::ParamFlags::READABLE) {
            "read only".into()
        } else {
            "write only".into()
        };
        let playing = property.flags().contains(gst::PARAM_FLAG_MUTABLE_PLAYING);
        let blurb = property
            .blurb()
            .unwrap()
            .replace('|', "\\|")
            .replace('\n', " ");
        let change = if playing {
            ". Changes while playing"
        } else {
            ""
        };
        table += &format!("| `{}` | {default} | {blurb}{change} |\n", property.name());
    }
    table
}

/// The default as one types it in gst-launch-1.0; colours in hexadecimal.
fn default(property: &glib::ParamSpec) -> String {
    let value = property.default_value();
    let text = if let Some((_, choice)) = glib::EnumValue::from_value(value) {
        choice.nick().to_owned()
    } else if let Ok(colour) = value.get::<u32>()
        && matches!(property.name(), "color" | "background")
    {
        format!("0x{colour:08x}")
    } else if let Ok(number) = value.get::<f64>() {
        number.to_string()
    } else if let Ok(flag) = value.get::<bool>() {
        flag.to_string()
    } else if let Ok(number) = value.get::<u32>() {
        number.to_string()
    } else if let Ok(number) = value.get::<i32>() {
        number.to_string()
    } else if let Ok(fraction) = value.get::<gst::Fraction>() {
        fraction.to_string()
    } else if !value.is_type(gst::glib::Type::STRING) {
        String::new()
    } else {
        value
            .get::<Option<String>>()
            .ok()
            .flatten()
            .unwrap_or_default()
    };
    if text.is_empty() {
        text
    } else {
        format!("`{text}`")
    }
}

/// What stands between `<!-- name -->` and `<!-- end -->`.
fn section<'a>(readme: &'a str, name: &str) -> &'a str {
    let begin = format!("<!-- {name} -->\n");
    let start = readme
        .find(&begin)
        .unwrap_or_else(|| panic!("no section {name}"))
        + begin.len();
    let end = readme[start..].find("<!-- end -->").unwrap() + start;
    &readme[start..end]
}

fn check(name: &str, expected: &str) {
    let readme = fs::read_to_string(path()).unwrap();
    let found = section(&readme, name);
    if found != expected && env::var_os("UPDATE_README").is_some() {
        let begin = format!("<!-- {name} -->\n");
        let written = readme.replace(&format!("{begin}{found}"), &format!("{begin}{expected}"));
        fs::write(path(), written).unwrap();
        return;
    }
    assert_eq!(
        found, expected,
        "run UPDATE_README=1 cargo test --test readme -- --test-threads=1"
    );
}

#[test]
fn the_property_tables_are_the_elements_own() {
    init();
    for factory in ["portholesrc", "portholeoverlay", "portholesink"] {
        check(factory, &table(factory));
    }
}

#[test]
fn the_example_is_the_one_that_compiles() {
    check(
        "example",
        &format!("```rust\n{}```\n", include_str!("../examples/embed.rs")),
    );
}

/// The pipelines in the README: what follows `gst-launch-1.0`, or `scripts/run` where that is given one.
fn pipelines(readme: &str) -> Vec<String> {
    let joined = readme.replace("\\\n", " ");
    let command = |line: &str| {
        let line = line.trim().trim_start_matches("exec ");
        let own = line.strip_prefix("./scripts/run porthole");
        let own = own.map(|rest| format!("porthole{rest}"));
        own.or_else(|| {
            Some(
                line.strip_prefix("gst-launch-1.0 ")?
                    .trim_start_matches("-m ")
                    .to_owned(),
            )
        })
    };
    joined.lines().filter_map(command).collect()
}

#[test]
fn every_pipeline_in_the_readme_runs() {
    let readme = fs::read_to_string(path()).unwrap();
    let pipelines = pipelines(&readme);
    assert!(pipelines.len() >= 5, "{pipelines:?}");
    let clip = concat!(
        "file://",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/clips/car-detection.mp4"
    );
    for pipeline in pipelines {
        // A stand-in for a file of the reader's own.
        launch::run(&pipeline.replace("file:///home/pi/road.mp4", clip));
    }
}
