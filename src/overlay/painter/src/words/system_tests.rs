// SPDX-License-Identifier: MPL-2.0
//! The fonts of the system are the same for the whole process, so each of these tests runs in a process of its own, in whose
//! home folder there is a font for [`RARE`].

use std::process::Command;
use std::time::{Duration, Instant};

use super::*;
use crate::words::font::tests::{RARE, draw, rare_font};
use crate::{FontChoice, Look, Rasteriser};

/// Set in the inner process.
const INNER: &str = "PORTHOLE_PAINTER_TEST_FONTS";

/// More than reading all fonts takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs `test` of this module, in a process of its own.
fn alone(name: &str, test: impl FnOnce()) {
    if std::env::var_os(INNER).is_some() {
        return test();
    }
    let home = std::env::temp_dir().join(format!("porthole-painter-{}-{name}", std::process::id()));
    std::fs::create_dir_all(home.join(".fonts")).unwrap();
    std::fs::write(home.join(".fonts/rare.ttf"), rare_font()).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("words::system::tests::{name}")])
        .env("HOME", &home)
        .env(INNER, "1")
        .output()
        .unwrap();
    let _ = std::fs::remove_dir_all(home);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
}

/// Calls `bitmap` as an element does, frame after frame, until it changes.
fn wait_for_change(rasteriser: &mut Rasteriser, text: &str) {
    let start = Instant::now();
    while !rasteriser.bitmap(text, &Look::default()).1 {
        assert!(start.elapsed() < PATIENCE, "nothing changed");
        thread::yield_now();
    }
}

fn wait_for_search(count: usize) {
    let start = Instant::now();
    while finished() < count || SEARCHING.load(Ordering::Acquire) {
        assert!(start.elapsed() < PATIENCE, "no search ended");
        thread::yield_now();
    }
}

#[test]
fn a_missing_character_appears_by_itself_when_the_fonts_are_read() {
    alone(
        "a_missing_character_appears_by_itself_when_the_fonts_are_read",
        || {
            let text = format!("a{RARE}");
            let mut rasteriser = Rasteriser::new();
            let first = rasteriser.bitmap(&text, &Look::default()).0.clone();
            wait_for_change(&mut rasteriser, &text);
            let second = rasteriser.bitmap(&text, &Look::default()).0.clone();
            assert_ne!(first, second);
            assert_eq!(second, draw(&FontChoice::default(), &text));
        },
    );
}

#[test]
fn a_prepared_text_is_complete_at_once() {
    alone("a_prepared_text_is_complete_at_once", || {
        let text = RARE.to_string();
        let font = FontChoice::default();
        font.prepare(&text);
        let mut rasteriser = Rasteriser::new();
        let first = rasteriser.bitmap(&text, &Look::default()).0.clone();
        assert!(!rasteriser.bitmap(&text, &Look::default()).1);
        let other = draw(&font, "\u{10fffd}");
        assert_ne!(first, other);
        assert_eq!(faces_after(0).len(), 1);
    });
}

#[test]
fn text_that_the_built_in_font_has_never_reads_the_system_fonts() {
    alone(
        "text_that_the_built_in_font_has_never_reads_the_system_fonts",
        || {
            let font = FontChoice::default();
            font.prepare("Front door, שלום, e\u{301}");
            draw(&font, "Front door, שלום, e\u{301}");
            assert!(SYSTEM.get().is_none() && !SEARCHING.load(Ordering::Acquire));
        },
    );
}

#[test]
fn a_character_that_no_font_has_is_searched_for_once() {
    alone("a_character_that_no_font_has_is_searched_for_once", || {
        let mut rasteriser = Rasteriser::new();
        for second in 0..3 {
            rasteriser.bitmap(&format!("\u{10fffd} {second}"), &Look::default());
            // One for the search, one for the end of its thread.
            wait_for_search(2);
        }
        let mut another = Rasteriser::new();
        another.bitmap("\u{10fffd}", &Look::default());
        assert_eq!(finished(), 2);
    });
}

#[test]
fn two_texts_that_lack_different_characters_both_get_their_search() {
    alone(
        "two_texts_that_lack_different_characters_both_get_their_search",
        || {
            let text = RARE.to_string();
            let (mut one, mut other) = (Rasteriser::new(), Rasteriser::new());
            one.bitmap("\u{10fffd}", &Look::default());
            let before = other.bitmap(&text, &Look::default()).0.clone();
            let start = Instant::now();
            while other.bitmap(&text, &Look::default()).0 == &before {
                assert!(start.elapsed() < PATIENCE, "the second text got no search");
                thread::yield_now();
            }
        },
    );
}
