// SPDX-License-Identifier: MPL-2.0
//! The pictures in `docs/overlay.md` are what the lines above them make, and the errors what they say.
//!
//! The page is the source: its code and its pictures are read in order, and each picture belongs to the code before it.
//! `UPDATE_DOCS=1 cargo test --test elements overlay_pictures` writes the pictures anew that have changed. Look at them then.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs};

use gst::MessageView;
use gst::prelude::*;
use gst_video::prelude::*;
use gst_video::{VideoFrameRef, VideoInfo};

const ELEMENT: &str = "portholeoverlay";

/// Where the lines on the page write their picture.
const TARGET: &str = "location=picture.png";

/// How far a sample, 0 to 255, may be from that in the picture kept. Outlines of letters and the scaled image are computed
/// in floating point, which is rounded differently on another processor. That makes a step or two at an edge, while
/// anything that is missing or moved makes a hundred.
const TOLERANCE: u8 = 8;

/// Whoever clones the repository takes these pictures along.
const MAX_BYTES: u64 = 600_000;

/// What the lines draw or draw on, rather than what they make.
const MATERIAL: [&str; 3] = ["car-small.png", "car.png", "logo.png"];

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn page() -> String {
    fs::read_to_string(docs().join("overlay.md")).unwrap()
}

/// What the page says that a line does.
#[derive(Debug, PartialEq)]
enum Outcome {
    /// The file with the picture, beside the page.
    Picture(String),
    Error(String),
}

/// A whole `gst-launch-1.0` line, without that word, and what it does.
#[derive(Debug, PartialEq)]
struct Entry {
    line: String,
    outcome: Outcome,
}

/// A part of the page that matters here.
enum Piece {
    Code(String),
    Said(String),
    Picture(String),
}

fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            pieces.extend(inline(line));
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        let block = block.join("\n");
        pieces.push(match language {
            "sh" => Piece::Code(block.replace("\\\n", " ")),
            "text" => Piece::Said(block),
            _ => panic!("a code block in {language:?}: it is sh or text"),
        });
    }
    pieces
}

/// Code and pictures in a line of text, such as a row of a table, in order.
fn inline(line: &str) -> Vec<Piece> {
    let begin = format!("{ELEMENT} ");
    let mut pieces = Vec::new();
    for (i, text) in line.split('`').enumerate() {
        // Every second part stands between two backticks.
        if i % 2 == 1 {
            pieces.extend(text.starts_with(&begin).then(|| Piece::Code(text.into())));
            continue;
        }
        let pictures = text.split("![").skip(1);
        pieces.extend(pictures.map(|picture| {
            let (_, link) = picture.split_once("](").unwrap();
            Piece::Picture(link.split_once(')').unwrap().0.into())
        }));
    }
    pieces
}

fn entries(page: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let mut whole = String::new();
    let mut pending: Option<String> = None;
    for piece in pieces(page) {
        let outcome = match piece {
            Piece::Code(code) => {
                assert_eq!(pending, None, "there is nothing to see for this code");
                pending = Some(match code.strip_prefix("gst-launch-1.0 ") {
                    Some(line) => {
                        whole = line.into();
                        whole.clone()
                    }
                    None => whole.replacen(ELEMENT, &code, 1),
                });
                continue;
            }
            Piece::Said(said) => Outcome::Error(said),
            Piece::Picture(link) => Outcome::Picture(link),
        };
        let line = pending.take();
        let line = line.unwrap_or_else(|| panic!("there is no code for {outcome:?}"));
        entries.push(Entry { line, outcome });
    }
    assert_eq!(pending, None, "there is nothing to see for this code");
    entries
}

/// The words of a line, as a shell takes it apart.
fn words(line: &str) -> Vec<String> {
    assert!(!line.contains(['\'', '\\', '$']), "not known here: {line}");
    let mut words = vec![String::new()];
    for (i, part) in line.split('"').enumerate() {
        if i % 2 == 1 {
            words.last_mut().unwrap().push_str(part);
            continue;
        }
        for (i, piece) in part.split_whitespace().enumerate() {
            if i > 0 || part.starts_with(char::is_whitespace) {
                words.push(String::new());
            }
            words.last_mut().unwrap().push_str(piece);
        }
        if part.ends_with(char::is_whitespace) {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Runs a line as gst-launch-1.0 does until it ends or fails.
fn run(line: &str) -> Result<(), String> {
    crate::common::init();
    let words = words(line);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let pipeline = gst::parse::launchv(&words).map_err(|error| error.to_string())?;
    let bus = pipeline.bus().unwrap();
    let _ = pipeline.set_state(gst::State::Playing);
    let patience = gst::ClockTime::try_from(crate::common::PATIENCE).unwrap();
    let kinds = [
        gst::MessageType::Eos,
        gst::MessageType::Error,
        gst::MessageType::Warning,
    ];
    let message = bus.timed_pop_filtered(patience, &kinds);
    pipeline.set_state(gst::State::Null).unwrap();
    match message.as_ref().map(|message| message.view()) {
        Some(MessageView::Eos(_)) => Ok(()),
        Some(MessageView::Error(error)) => Err(error.error().to_string()),
        Some(MessageView::Warning(warning)) => Err(warning.error().to_string()),
        _ => Err("it does not end".into()),
    }
}

/// Width, height and the RGB samples of a PNG file.
fn decode(path: &Path) -> (u32, u32, Vec<u8>) {
    let source = gst::ElementFactory::make("filesrc")
        .property("location", path)
        .build()
        .unwrap();
    let decoder = gst::parse::bin_from_description("pngdec ! videoconvert", true).unwrap();
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "RGB")
        .build();
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).build();
    let pipeline = gst::Pipeline::new();
    let elements = [&source, decoder.upcast_ref(), sink.upcast_ref()];
    pipeline.add_many(elements).unwrap();
    gst::Element::link_many(elements).unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    let sample = sink.pull_sample();
    pipeline.set_state(gst::State::Null).unwrap();
    let sample = sample.unwrap_or_else(|_| panic!("{} is no PNG", path.display()));

    let info = VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
    let frame = VideoFrameRef::from_buffer_ref_readable(sample.buffer().unwrap(), &info).unwrap();
    let row = info.width() as usize * 3;
    let rows = frame.plane_data(0).unwrap();
    let rows = rows.chunks(frame.plane_stride()[0] as usize);
    let samples = rows.flat_map(|padded| &padded[..row]).copied().collect();
    (info.width(), info.height(), samples)
}

/// What is different about two pictures, and whether that is more than a little.
fn difference(kept: &Path, made: &Path) -> (bool, String) {
    let (kept, made) = (decode(kept), decode(made));
    if (kept.0, kept.1) != (made.0, made.1) {
        return (true, "the sizes differ".into());
    }
    let apart = kept.2.iter().zip(&made.2).map(|(a, b)| a.abs_diff(*b));
    let most = apart.clone().max().unwrap_or(0);
    let count = apart.filter(|apart| *apart > TOLERANCE).count();
    (
        count > 0,
        format!("{count} samples are more than {TOLERANCE} apart, the farthest {most}"),
    )
}

/// Runs a line whose picture goes to a file of that name, and gives its path.
fn make(line: &str, name: &str) -> (PathBuf, Result<(), String>) {
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // A run before may have left one.
    let _ = fs::remove_file(&made);
    let target = format!("location=\"{}\"", made.display());
    assert!(line.contains(TARGET), "no {TARGET} in {line}");
    let result = run(&line.replacen(TARGET, &target, 1));
    (made, result)
}

/// What is wrong with a line that is to fail, if anything.
fn check_error(line: &str, expected: &str) -> Option<String> {
    let (made, result) = make(line, "error.png");
    let said = result.err();
    if said.as_deref() != Some(expected) {
        return Some(format!("{line}\nsays {said:?},\nnot  {expected:?}"));
    }
    let bytes = fs::metadata(made).map_or(0, |file| file.len());
    (bytes > 0).then(|| format!("{line}\nfails, but a frame passed before"))
}

/// What is wrong with an entry, if anything.
fn check(entry: &Entry) -> Option<String> {
    let line = &entry.line;
    let name = match &entry.outcome {
        Outcome::Picture(name) => name,
        Outcome::Error(expected) => return check_error(line, expected),
    };
    let kept = docs().join(name);
    let (made, result) = make(line, kept.file_name().unwrap().to_str().unwrap());
    if let Err(problem) = result {
        return Some(format!("{line}\n{problem}"));
    }
    let (wrong, what) = if kept.exists() {
        difference(&kept, &made)
    } else {
        (true, "there is no picture yet".into())
    };
    if !wrong {
        return None;
    }
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::copy(&made, &kept).unwrap();
        return None;
    }
    let (kept, made) = (kept.display(), made.display());
    Some(format!("{line}\n{what}:\n  kept {kept}\n  made {made}"))
}

#[test]
fn every_line_on_the_page_makes_the_picture_below_it() {
    let entries = entries(&page());
    assert!(entries.len() > 20, "only {}", entries.len());
    let problems: Vec<String> = entries.iter().filter_map(check).collect();
    assert!(
        problems.is_empty(),
        "{}\n\nIf the pictures made are right: UPDATE_DOCS=1 cargo test --test elements overlay_pictures",
        problems.join("\n\n")
    );
}

#[test]
fn every_picture_kept_is_shown_or_drawn_and_all_are_small() {
    let mut known: BTreeSet<String> = MATERIAL.map(String::from).into();
    known.extend(entries(&page()).into_iter().filter_map(|entry| {
        let Outcome::Picture(link) = entry.outcome else {
            return None;
        };
        link.strip_prefix("overlay/").map(str::to_owned)
    }));
    let mut bytes = 0;
    for file in fs::read_dir(docs().join("overlay")).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        assert!(known.contains(&name), "{name} is not on the page");
        bytes += file.metadata().unwrap().len();
    }
    assert!(bytes <= MAX_BYTES, "the pictures take {bytes} bytes");
}

#[test]
fn each_picture_belongs_to_the_code_before_it() {
    let page = "Text `portholeoverlay` and `text`.\n```sh\ngst-launch-1.0 a \\\n ! portholeoverlay ! b\n```\n![x](1.png)\n\
                | `portholeoverlay c=d`<br>![y](2.png) | `portholeoverlay e`<br>![z](3.png) |\n\
                ```sh\nportholeoverlay f\n```\n```text\nNo!\n```\n";
    let entry = |line: &str, outcome| Entry {
        line: line.into(),
        outcome,
    };
    let picture = |name: &str| Outcome::Picture(name.into());
    assert_eq!(
        entries(page),
        [
            entry("a   ! portholeoverlay ! b", picture("1.png")),
            entry("a   ! portholeoverlay c=d ! b", picture("2.png")),
            entry("a   ! portholeoverlay e ! b", picture("3.png")),
            entry("a   ! portholeoverlay f ! b", Outcome::Error("No!".into())),
        ]
    );
}

#[test]
#[should_panic(expected = "there is nothing to see for this code")]
fn code_without_a_picture_is_noticed() {
    entries("```sh\ngst-launch-1.0 portholeoverlay\n```\n`portholeoverlay a`\n![x](1.png)");
}

#[test]
fn words_are_those_of_a_shell() {
    assert_eq!(
        words("a  b=\"c d; e\" ! \"f g\"h\"i\""),
        ["a", "b=c d; e", "!", "f ghi"]
    );
}
