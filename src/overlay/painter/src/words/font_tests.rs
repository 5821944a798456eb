// SPDX-License-Identifier: MPL-2.0

use std::path::PathBuf;

use super::*;
use crate::Bitmap;

/// A file in the temporary folder that is gone with the value.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let name = format!("porthole-painter-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A private character that no font has but [`rare_font`].
pub(crate) const RARE: char = '\u{10fff0}';

pub(crate) fn rare_font() -> Vec<u8> {
    font_with(RARE, None)
}

/// The built-in font in which the last character is now `character`, and its glyph perhaps another.
///
/// Its `cmap` table has a list (format 12) of groups: first character, last character, first glyph.
fn font_with(character: char, glyph: Option<u32>) -> Vec<u8> {
    let mut font = BUILT_IN.to_vec();
    let u32_at =
        |font: &[u8], at: usize| u32::from_be_bytes(font[at..at + 4].try_into().unwrap()) as usize;
    let cmap = (12..).step_by(16).find(|at| &font[*at..at + 4] == b"cmap");
    let cmap = u32_at(&font, cmap.unwrap() + 8);
    let list = (0..)
        .map(|i| cmap + u32_at(&font, cmap + 8 + 8 * i))
        .find(|list| font[*list..list + 2] == [0, 12])
        .unwrap();
    let last = list + 16 + 12 * (u32_at(&font, list + 12) - 1);
    for at in [last, last + 4] {
        font[at..at + 4].copy_from_slice(&(character as u32).to_be_bytes());
    }
    if let Some(glyph) = glyph {
        font[last + 8..last + 12].copy_from_slice(&glyph.to_be_bytes());
    }
    font
}

pub(crate) fn draw(font: &FontChoice, text: &str) -> Bitmap {
    let mut rasteriser = Rasteriser::with_font(font.clone());
    rasteriser.bitmap(text, &Look::default()).0.clone()
}

#[test]
fn the_built_in_font_has_latin_greek_cyrillic_hebrew_and_arabic() {
    let mut fonts = Fonts::new(&FontChoice::default());
    let text = "Grüße, Καλημέρα, Привет, שלום, سلام\n12:34\u{200f}\u{2067}\t";
    assert!(fonts.lacking(text).is_empty());
}

#[test]
fn characters_the_built_in_font_lacks_are_noticed() {
    let mut fonts = Fonts::new(&FontChoice::default());
    assert_eq!(fonts.lacking("a你b好"), ['你', '好']);
}

#[test]
fn nothing_and_its_name_mean_the_built_in_font() {
    for name in ["", "  ", "DejaVu Sans", "dejavu sans"] {
        assert!(FontChoice::find(name).unwrap().0.is_none(), "{name:?}");
    }
}

#[test]
fn a_font_file_is_used() {
    let file = Scratch::new("rare.ttf", &rare_font());
    let font = FontChoice::find(file.path()).unwrap();
    let text = RARE.to_string();
    assert!(Fonts::new(&font).lacking(&text).is_empty());
    assert_ne!(draw(&font, &text), draw(&FontChoice::default(), &text));
    assert_eq!(
        draw(&font, "08:09:10"),
        draw(&FontChoice::default(), "08:09:10")
    );
}

#[test]
fn the_extension_of_a_font_file_makes_a_path_without_a_slash() {
    for path in ["font.ttf", "font.OTF", "a b.ttc", "./font", "/font"] {
        let err = FontChoice::find(path).unwrap_err();
        assert!(matches!(err, FontError::Unreadable { .. }), "{err}");
        assert!(err.to_string().contains(path), "{err}");
    }
}

#[test]
fn what_is_no_font_file_is_an_error_that_says_what_is() {
    let text = Scratch::new("text.ttf", b"This is not a font.");
    let empty = Scratch::new("empty.ttf", b"");
    let cut = Scratch::new("cut.ttf", &BUILT_IN[..2000]);
    for file in [&text, &empty, &cut] {
        let err = FontChoice::find(file.path()).unwrap_err();
        assert!(matches!(err, FontError::Invalid { .. }), "{err}");
        assert!(err.to_string().contains(".ttf, .otf or .ttc"), "{err}");
    }
    let folder = std::env::temp_dir().join("");
    let err = FontChoice::find(folder.to_str().unwrap()).unwrap_err();
    assert!(matches!(err, FontError::Unreadable { .. }), "{err}");
}

#[test]
fn a_huge_file_is_not_read() {
    let file = Scratch::new("huge.ttf", b"");
    let handle = File::create(&file.0).unwrap();
    // A hole, which takes no space.
    handle.set_len(MAX_FILE_BYTES + 1).unwrap();
    let err = FontChoice::find(file.path()).unwrap_err();
    assert!(matches!(err, FontError::TooLarge { .. }), "{err}");
    assert!(err.to_string().contains("64 MiB"), "{err}");
}

#[test]
fn an_unknown_family_is_an_error_that_says_where_to_look() {
    for name in ["No Such Font", "No Such Font:bold", ":bold"] {
        let err = FontChoice::find(name).unwrap_err();
        assert!(matches!(err, FontError::UnknownFamily { .. }), "{err}");
        assert!(err.to_string().contains("fc-list"), "{err}");
    }
    let err = FontChoice::find("DejaVu Sans Mono:bald").unwrap_err();
    assert!(matches!(err, FontError::UnknownStyle { .. }), "{err}");
}

#[test]
fn a_family_is_found_in_the_weight_and_style_asked_for() {
    let mut db = built_in_only();
    db.load_font_source(Source::Binary(Arc::new(rare_font())));
    let faces: Vec<_> = db.faces().cloned().collect();
    for (i, weight) in [Weight::NORMAL, Weight::BOLD].into_iter().enumerate() {
        let mut face = faces[i].clone();
        face.families[0].0 = "Test Sans".to_owned();
        face.weight = weight;
        db.push_face_info(face);
    }
    let system = &mut system_of(db);
    let mut find = |styles: &[&str]| {
        let mut wanted = Wanted::default();
        styles.iter().for_each(|style| wanted.add(style).unwrap());
        let chosen = FontChoice::of_family(system, "test sans", wanted);
        chosen.unwrap().0.unwrap()
    };
    assert_eq!(find(&[]).face.weight, Weight::NORMAL);
    assert_eq!(find(&["Bold"]).face.weight, Weight::BOLD);
    // What the family does not have is the nearest it has.
    assert_eq!(find(&["black"]).weight, Weight::BOLD);
    let slanted = FontChoice(Some(find(&["bold", "italic"])));
    let upright = FontChoice(Some(find(&["bold"])));
    assert_ne!(draw(&slanted, "III"), draw(&upright, "III"));
}

#[test]
fn a_search_hands_out_only_the_face_that_a_text_needs() {
    let mut db = built_in_only();
    db.load_font_source(Source::Binary(Arc::new(rare_font())));
    let rare = db.faces().last().unwrap().id;
    let system = &mut system_of(db);
    let faces = system::faces_for(system, &format!("a{RARE}"));
    assert_eq!(faces.iter().map(|face| face.id).collect::<Vec<_>>(), [rare]);
    assert!(system::faces_for(system, "a \u{10fffd}").is_empty());
}

#[test]
fn damaged_font_files_are_errors_or_fonts_but_never_a_panic() {
    // A small generator is enough to spread the damage; half of it goes to the tables' directory and first tables.
    let mut state = 1_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for round in 0..60 {
        let mut bytes = BUILT_IN.to_vec();
        for i in 0..200 {
            let reach = if i % 2 == 0 { 4000 } else { bytes.len() };
            // The first bytes are spared: they only say that it is a font.
            bytes[12 + random(reach - 12)] = random(256) as u8;
        }
        let file = Scratch::new(&format!("damaged-{round}.ttf"), &bytes);
        if let Ok(font) = FontChoice::find(file.path()) {
            draw(&font, "Front door 08:09:10 سلام שלום e\u{301} ¾ ﬁ ∑ ☺ жξ");
        }
    }
}

#[test]
fn a_font_that_turns_out_to_be_broken_gives_way_to_the_built_in_one() {
    // There are no glyphs with such a number; the layout panics on it.
    let file = Scratch::new("late.ttf", &font_with(RARE, Some(0x1_0005)));
    let mut rasteriser = Rasteriser::with_font(FontChoice::find(file.path()).unwrap());
    let text = format!("a{RARE}b");
    let look = Look::default();
    rasteriser.bitmap("a", &look);
    assert!(!rasteriser.has_broken_font());
    let drawn = rasteriser.bitmap(&text, &look).0.clone();
    assert_eq!(drawn, draw(&FontChoice::default(), &text));
    assert!(rasteriser.has_broken_font());
    assert!(!rasteriser.bitmap(&text, &look).1);
}
