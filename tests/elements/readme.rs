// SPDX-License-Identifier: MPL-2.0
//! README and docs tell the truth: their property tables are the elements' own, their example is the one that compiles,
//! their pipelines run, what else they have people type is run by a test that they name, and no link leads nowhere.
//! `UPDATE_README=1 cargo test --test elements readme` writes tables and example.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use crate::common::{init, launch};
use gst::{glib, prelude::*};

/// Where each table stands.
const TABLES: [(&str, &str); 3] = [
    ("portholesrc", "docs/camera.md"),
    ("portholeoverlay", "docs/overlay.md"),
    ("portholesink", "docs/sink.md"),
];
/// The README is a front door: what does not fit belongs into docs/.
const MAX_README_BYTES: usize = 12_000;
/// The page whose lines and pictures `tests/overlay_pictures.rs` makes.
const PICTURES: &str = "docs/overlay.md";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The README and all pages of docs/, as paths from the root, each with its text.
fn pages() -> Vec<(String, String)> {
    let docs = fs::read_dir(root().join("docs")).unwrap();
    let mut names: Vec<String> = docs
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".md"))
        .map(|name| format!("docs/{name}"))
        .collect();
    names.sort();
    names.insert(0, "README.md".into());
    let read = |name: String| {
        let text = fs::read_to_string(root().join(&name)).unwrap();
        (name, text)
    };
    names.into_iter().map(read).collect()
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
fn section<'a>(page: &'a str, name: &str) -> &'a str {
    let begin = format!("<!-- {name} -->\n");
    let start = page
        .find(&begin)
        .unwrap_or_else(|| panic!("no section {name}"))
        + begin.len();
    let end = page[start..].find("<!-- end -->").unwrap() + start;
    &page[start..end]
}

fn check(page: &str, name: &str, expected: &str) {
    let path = root().join(page);
    let text = fs::read_to_string(&path).unwrap();
    let found = section(&text, name);
    if found != expected && env::var_os("UPDATE_README").is_some() {
        let begin = format!("<!-- {name} -->\n");
        let written = text.replace(&format!("{begin}{found}"), &format!("{begin}{expected}"));
        fs::write(path, written).unwrap();
        return;
    }
    assert_eq!(
        found, expected,
        "{page}: run UPDATE_README=1 cargo test --test elements readme -- --test-threads=1"
    );
}

#[test]
fn the_property_tables_are_the_elements_own() {
    init();
    for (factory, page) in TABLES {
        check(page, factory, &table(factory));
    }
}

#[test]
fn the_example_is_the_one_that_compiles() {
    check(
        "docs/embed.md",
        "example",
        &format!("```rust\n{}```\n", include_str!("../../examples/embed.rs")),
    );
}

/// What an example of a program on the robot shows of itself on the page: the lines that make it stop.
fn rule(file: &str, language: &str) -> String {
    let text = fs::read_to_string(root().join("examples/gateway").join(file)).unwrap();
    let lines = text
        .lines()
        .skip_while(|line| !line.ends_with(" [the rule]"));
    let lines: Vec<_> = lines
        .skip(1)
        .take_while(|line| !line.ends_with(" [end]"))
        .collect();
    assert!(lines.len() > 10, "{file}: where is its rule?");
    let indent = lines[0].len() - lines[0].trim_start().len();
    let lines = lines
        .iter()
        .map(|line| line.get(indent..).unwrap_or_default());
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    format!("```{language}\n{}\n```\n", lines.trim_end())
}

#[test]
fn the_rule_that_stops_a_robot_is_shown_as_the_examples_have_it() {
    for (file, language) in [
        ("drive.py", "py"),
        ("drive.cpp", "cpp"),
        ("drive.rs", "rust"),
        ("drive.sh", "bash"),
    ] {
        check("docs/gateway.md", file, &rule(file, language));
    }
}

/// What people are to type into a shell.
struct Block {
    /// The page and the line, for who reads a failure.
    place: String,
    /// What the comment right above it says of it.
    note: Option<String>,
    /// Commands, each on one line; comments are left out.
    commands: Vec<String>,
}

/// The blocks of `sh` on a page.
fn blocks(page: &str, text: &str) -> Vec<Block> {
    let lines: Vec<&str> = text.lines().collect();
    let mut blocks = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let Some(language) = lines[at].strip_prefix("```") else {
            at += 1;
            continue;
        };
        let length = lines[at + 1..]
            .iter()
            .take_while(|line| !line.starts_with("```"));
        let end = at + 1 + length.count();
        if language == "sh" {
            let code = lines[at + 1..end].join("\n").replace("\\\n", " ");
            let note = at.checked_sub(1).and_then(|above| {
                let note = lines[above].strip_prefix("<!-- ")?;
                Some(note.strip_suffix(" -->")?.to_owned())
            });
            let commands = code.lines().map(str::trim);
            let commands = commands.filter(|line| !line.is_empty() && !line.starts_with('#'));
            blocks.push(Block {
                place: format!("{page}:{}", at + 1),
                note,
                commands: commands.map(str::to_owned).collect(),
            });
        }
        at = end + 1;
    }
    blocks
}

/// The pipeline in a command: what follows `gst-launch-1.0`, or `scripts/run` where that is given one.
fn pipeline(command: &str) -> Option<String> {
    if let Some(own) = command.strip_prefix("./scripts/run porthole") {
        return Some(format!("porthole{own}"));
    }
    let command = command.trim_start_matches("exec ");
    let line = command.strip_prefix("gst-launch-1.0 ")?;
    Some(line.trim_start_matches("-m ").to_owned())
}

/// Whether the note of a block says, truly, by what it is run, or why it is not.
fn is_accounted_for(note: &str) -> bool {
    if note == "commands" {
        return true; // signaling/tests/server/owner.rs takes each of these.
    }
    if let Some(test) = note.strip_prefix("run by ") {
        return root().join(test).is_file();
    }
    (note.strip_prefix("not run: ")).is_some_and(|reason| reason.contains(' '))
}

fn all_blocks() -> impl Iterator<Item = Block> {
    let pages = pages().into_iter().filter(|(page, _)| page != PICTURES);
    pages.flat_map(|(page, text)| blocks(&page, &text))
}

#[test]
fn every_pipeline_on_the_pages_runs() {
    let pipelines: BTreeSet<String> = all_blocks()
        .flat_map(|block| block.commands)
        .filter_map(|command| pipeline(&command))
        .collect();
    assert!(pipelines.len() >= 10, "{pipelines:?}");
    let clip = concat!(
        "file://",
        env!("CARGO_MANIFEST_DIR"),
        "/tests/clips/car-detection.mp4"
    );
    for pipeline in pipelines {
        // A stand-in for a file of the reader's own, and a port that nobody else has.
        let pipeline = pipeline.replace("file:///home/pi/road.mp4", clip);
        launch::run(&pipeline.replace("gateway=127.0.0.1:8765", "gateway=127.0.0.1:0"));
    }
}

#[test]
fn every_other_command_names_the_test_that_runs_it_or_why_there_is_none() {
    let blocks: Vec<Block> = all_blocks().collect();
    assert!(blocks.len() >= 20, "{}", blocks.len());
    for block in blocks {
        if let Some(note) = &block.note {
            assert!(is_accounted_for(note), "{}: {note}", block.place);
            continue;
        }
        for command in &block.commands {
            assert!(
                pipeline(command).is_some(),
                "{}: {command}\nis no pipeline: write above it <!-- run by tests/... --> or <!-- not run: why -->",
                block.place
            );
        }
    }
}

/// The text without what stands in blocks of code.
fn prose(text: &str) -> String {
    let mut is_code = false;
    let lines = text.lines().filter(|line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    });
    lines.map(|line| format!("{line}\n")).collect()
}

/// Where the links and pictures of a page lead.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let ends = prose.split("](").skip(1);
    ends.map(|rest| rest.split_once(')').unwrap().0.to_owned())
        .collect()
}

/// What a heading is called in links, as GitHub makes it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> Vec<String> {
    let prose = prose(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| anchor(line.trim_start_matches('#')))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    for (page, text) in pages() {
        let folder = root().join(&page).parent().unwrap().to_owned();
        for link in links(&text) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => root().join(&page),
                file => folder.join(file),
            };
            assert!(target.exists(), "{page}: {link}");
            if !heading.is_empty() {
                let there = anchors(&fs::read_to_string(&target).unwrap());
                assert!(
                    there.iter().any(|a| a == heading),
                    "{page}: {link} is none of {there:?}"
                );
            }
        }
    }
}

#[test]
fn the_readme_is_a_front_door() {
    let size = fs::metadata(root().join("README.md")).unwrap().len();
    let size = usize::try_from(size).unwrap();
    assert!(
        size <= MAX_README_BYTES,
        "{size} bytes: move something to docs/"
    );
}

#[test]
fn the_index_has_every_page() {
    let folder = PathBuf::from("docs");
    let index = fs::read_to_string(root().join("docs/README.md")).unwrap();
    let linked: BTreeSet<PathBuf> = links(&index).iter().map(|link| folder.join(link)).collect();
    for (page, _) in pages() {
        let is_listed = linked.contains(Path::new(&page))
            || ["README.md", "docs/README.md"].contains(&page.as_str());
        assert!(is_listed, "docs/README.md: {page} is missing");
    }
}

#[test]
fn what_the_notes_of_blocks_say_is_looked_at() {
    for note in [
        "run by tests/nothing.rs",
        "not run:",
        "not run: no",
        "later",
    ] {
        assert!(!is_accounted_for(note), "{note}");
    }
    assert!(is_accounted_for("run by tests/elements/readme.rs"));
    let page = "<!-- not run: it is a test -->\n```sh\n# a comment\nexec gst-launch-1.0 -m a \\\n  ! b\n```\n";
    let [block] = &blocks("page", page)[..] else {
        panic!("one block");
    };
    assert_eq!(block.place, "page:2");
    assert_eq!(block.note.as_deref(), Some("not run: it is a test"));
    assert_eq!(pipeline(&block.commands[0]).as_deref(), Some("a    ! b"));
}
