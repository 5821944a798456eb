// SPDX-License-Identifier: MPL-2.0
//! Compares drawn texts with pictures that a person has looked at. `UPDATE_PICTURES=1` writes them anew: look at them.

use std::fs::File;
use std::path::{Path, PathBuf};

use porthole_painter::{Align, Bitmap, Look, Rasteriser};

/// A component may differ by this much: the outlines are computed in floating point, and libraries and processors may round
/// differently in the last place.
const TOLERANCE: u8 = 16;

/// So many of a thousand pixels may differ by more, for a glyph edge that rounding has moved. A mark that is missing or
/// elsewhere is above it, see `a_missing_mark_is_noticed`.
const MAX_DIFFERENT: usize = 1;

/// White on grey, as both coverage and the box are then to be seen.
const LOOK: Look = Look {
    size: 24.0,
    align: Align::Left,
    color: 0xffff_ffff,
    background: 0xff40_4040,
    padding: 6,
    limit: (400, 300),
};

/// Large enough that a single dot counts.
const LARGE: Look = Look { size: 32.0, ..LOOK };

fn read(path: &Path) -> Bitmap {
    let file = File::open(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let mut reader = png::Decoder::new(std::io::BufReader::new(file))
        .read_info()
        .expect("a PNG file");
    let mut bytes = vec![0; reader.output_buffer_size().expect("a small picture")];
    let info = reader.next_frame(&mut bytes).expect("a whole picture");
    Bitmap {
        width: info.width as usize,
        height: info.height as usize,
        pixels: bytes.as_chunks::<4>().0.iter().map(multiply).collect(),
    }
}

fn write(path: &Path, bitmap: &Bitmap) {
    let file = File::create(path).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let mut encoder = png::Encoder::new(file, bitmap.width as u32, bitmap.height as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_compression(png::Compression::High);
    let bytes: Vec<u8> = bitmap.pixels.iter().flat_map(divide).collect();
    let mut writer = encoder.write_header().expect("a writable file");
    let written = writer.write_image_data(&bytes);
    written.expect("a writable file");
}

/// PNG stores colours that are not premultiplied.
fn divide(pixel: &[u8; 4]) -> [u8; 4] {
    let [r, g, b, a] = pixel.map(u32::from);
    let divide = |c: u32| (c * 255 + a / 2).checked_div(a).unwrap_or(0) as u8;
    [divide(r), divide(g), divide(b), a as u8]
}

fn multiply(pixel: &[u8; 4]) -> [u8; 4] {
    let [r, g, b, a] = pixel.map(u32::from);
    let multiply = |c: u32| ((c * a + 127) / 255) as u8;
    [multiply(r), multiply(g), multiply(b), a as u8]
}

fn are_alike(one: &Bitmap, other: &Bitmap) -> bool {
    let pairs = one.pixels.iter().zip(&other.pixels);
    let different = pairs.filter(|(one, other)| {
        let mut components = one.iter().zip(*other);
        components.any(|(one, other)| one.abs_diff(*other) > TOLERANCE)
    });
    (one.width, one.height) == (other.width, other.height)
        && different.count() * 1000 <= MAX_DIFFERENT * one.pixels.len()
}

/// Draws `text` and compares it with `tests/pictures/<name>.png`.
fn compare(name: &str, text: &str, look: &Look) {
    let mut rasteriser = Rasteriser::new();
    let (drawn, _) = rasteriser.bitmap(text, look);
    let expected: PathBuf = [env!("CARGO_MANIFEST_DIR"), "tests", "pictures", name]
        .iter()
        .collect();
    let expected = expected.with_extension("png");
    if std::env::var_os("UPDATE_PICTURES").is_some() {
        write(&expected, drawn);
        return;
    }
    if !are_alike(drawn, &read(&expected)) {
        let actual = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.png"));
        write(&actual, drawn);
        panic!(
            "the text looks like {}, not like {}; if it is right, run this test again with UPDATE_PICTURES=1",
            actual.display(),
            expected.display()
        );
    }
}

#[test]
fn latin_text_looks_right() {
    compare("latin", "Front door 08:09:10 (fjord, WAVE)", &LOOK);
}

#[test]
fn small_text_is_legible() {
    let look = Look { size: 11.0, ..LOOK };
    compare("small", "Front door 2026-03-07 08:09:10", &look);
}

#[test]
fn greek_and_cyrillic_look_right() {
    compare("greek-cyrillic", "Καλημέρα, Привет", &LOOK);
}

#[test]
fn lines_are_aligned_to_the_left() {
    compare("left", "a long first line\nshort\nשלום", &LOOK);
}

#[test]
fn lines_are_aligned_to_the_centre() {
    let look = Look {
        align: Align::Centre,
        ..LOOK
    };
    compare("centre", "a long first line\nshort\nשלום", &look);
}

#[test]
fn lines_are_aligned_to_the_right() {
    let look = Look {
        align: Align::Right,
        ..LOOK
    };
    compare("right", "a long first line\nshort\nשלום", &look);
}

#[test]
fn arabic_letters_are_joined_and_run_from_right_to_left() {
    compare("arabic", "الباب الأمامي", &LOOK);
}

#[test]
fn arabic_vowel_marks_are_on_their_letters() {
    compare("arabic-marks", "مُحَمَّد", &LARGE);
}

#[test]
fn joined_letters_show_no_seam_where_they_are_translucent() {
    let look = Look {
        color: 0x80ff_ffff,
        size: 40.0,
        ..LOOK
    };
    compare("arabic-translucent", "سلسبيل", &look);
}

#[test]
fn hebrew_and_latin_mix_in_the_order_of_reading() {
    compare("hebrew-latin", "דלת A12 ראשית (חדר 3)", &LOOK);
}

#[test]
fn latin_with_a_hebrew_word_stays_left_to_right() {
    compare("latin-hebrew", "Camera דלת at 12:30", &LOOK);
}

#[test]
fn combining_marks_are_on_their_base() {
    let text =
        "e\u{301} a\u{308}\u{304} n\u{303} o\u{323}\u{302} Tie\u{302}\u{301}ng Vie\u{323}\u{302}t";
    compare("combining", text, &LARGE);
}

#[test]
fn a_missing_mark_is_noticed() {
    let drawn = |text: &str| Rasteriser::new().bitmap(text, &LARGE).0.clone();
    let right = drawn("e\u{301} o\u{323}\u{302} Vie\u{323}\u{302}t");
    for wrong in [
        "e o\u{323}\u{302} Vie\u{323}\u{302}t",
        "e\u{301} o\u{302} Vie\u{323}\u{302}t",
    ] {
        assert!(!are_alike(&right, &drawn(wrong)), "{wrong}");
    }
}

#[test]
fn composed_vietnamese_looks_right() {
    compare("vietnamese", "Cửa trước, Tiếng Việt", &LOOK);
}

#[test]
fn a_long_line_is_wrapped_at_spaces() {
    let look = Look {
        limit: (200, 300),
        ..LOOK
    };
    compare(
        "wrapped",
        "A line that is much too long for its picture",
        &look,
    );
}

#[test]
fn a_long_arabic_line_is_wrapped_and_aligned() {
    let look = Look {
        limit: (160, 300),
        align: Align::Right,
        ..LOOK
    };
    compare("wrapped-arabic", "الباب الأمامي للمبنى الكبير", &look);
}

#[test]
fn a_word_wider_than_the_picture_is_broken() {
    let look = Look {
        limit: (100, 300),
        ..LOOK
    };
    compare("broken-word", "rtsp://192.168.1.20/cam", &look);
}

#[test]
fn what_exceeds_the_height_is_cut() {
    let look = Look {
        limit: (200, 80),
        ..LOOK
    };
    compare("cut", "one\ntwo\nthree\nfour", &look);
}

#[test]
fn a_coloured_text_is_on_its_translucent_box() {
    let look = Look {
        color: 0xffff_d040,
        background: 0x8000_2060,
        padding: 10,
        ..LOOK
    };
    compare("coloured", "Front door\n08:09:10", &look);
}

#[test]
fn a_text_without_a_box_is_on_nothing() {
    let look = Look {
        background: 0,
        padding: 0,
        color: 0xff00_0000,
        ..LOOK
    };
    compare("no-box", "Front door", &look);
}
