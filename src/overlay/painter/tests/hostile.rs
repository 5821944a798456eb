// SPDX-License-Identifier: MPL-2.0
//! Texts and files of any content. `scripts/fuzz` looks further and longer.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use porthole_painter::{Bitmap, Mask, image::decode, image::load, masks};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

const TEXTS: [&str; 4] = [
    "rect 0.7 0 0.3 0.25",
    "pixelate polygon 0.1,0.5 0.3,0.5 0.2,0.9;",
    "fill=#336699 rect 0,0,0.1,0.1; fill rect 0 .5 1 5e-1",
    "polygon 0,0 1,1 1,0 0,1; pixelate rect 0.9 0.9 0.1 0.1",
];

/// Pieces out of which masks are made, so that more texts than a few are good.
const PIECES: [&str; 24] = [
    "rect ",
    "polygon ",
    "pixelate ",
    "fill ",
    "fill=#",
    "336699 ",
    "0 ",
    "1 ",
    "0.5 ",
    "0.25 ",
    ".1,",
    "1e-7 ",
    "2 ",
    "-0 ",
    "0.3 ",
    "; ",
    ";",
    ",",
    " ",
    "nan ",
    "inf ",
    "%",
    "é",
    "0.7 ",
];

fn settings() -> ProptestConfig {
    ProptestConfig {
        cases: 1000,
        // What is found becomes a test of its own.
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// 32 x 16 pixels, red on the left and blue on the right.
const JPEG: &[u8] = include_bytes!("images/halves.jpg");

fn small_png() -> Vec<u8> {
    let rows = (0..7_u8).flat_map(|y| (0..9_u8).map(move |x| [x * 28, y * 36, 128, 255 - x]));
    let samples: Vec<u8> = rows.flatten().collect();
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, 9, 7);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&samples).unwrap();
    writer.finish().unwrap();
    file
}

fn is_sound(mask: &Mask) -> bool {
    let inside = |(x, y): &(f64, f64)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y);
    let (x, y) = mask.corners[0];
    // Twice the area of the triangle that the first corner makes with each two others.
    let areas = mask.corners.iter().flat_map(|b| {
        let corners = mask.corners.iter();
        corners.map(move |c| (b.0 - x) * (c.1 - y) - (c.0 - x) * (b.1 - y))
    });
    mask.corners.len() >= 3 && mask.corners.iter().all(inside) && areas.fold(0.0, f64::max) > 0.0
}

fn check_masks(text: &str) {
    match masks::parse(text) {
        Ok(masks) => assert!(masks.iter().all(is_sound), "{text:?} gave {masks:?}"),
        Err(error) => assert!(error.to_string().len() < 500, "{text:?} gave {error}"),
    }
}

fn check_image(bytes: &[u8]) {
    if let Ok(Bitmap {
        width,
        height,
        pixels,
    }) = decode(bytes)
    {
        assert_eq!(width * height, pixels.len());
        assert!(pixels.iter().all(|[r, g, b, a]| r.max(g).max(b) <= a));
    }
}

/// Overwrites, cuts out or repeats bytes.
fn mutated(mut bytes: Vec<u8>, changes: &[(Index, u8, u8)]) -> Vec<u8> {
    for (index, kind, value) in changes {
        if bytes.is_empty() {
            break;
        }
        let at = index.index(bytes.len());
        match kind {
            0 => bytes.truncate(at),
            1 => drop(bytes.remove(at)),
            2 => bytes.insert(at, *value),
            3 => bytes[at] ^= 1 << (value % 8),
            _ => bytes[at] = *value,
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(Index, u8, u8)>> {
    vec((any::<Index>(), 0..20_u8, any::<u8>()), 0..12)
}

#[test]
fn every_kind_of_file_that_the_fuzzer_starts_from_is_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../fuzz/seeds/image");
    let mut files = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bitmap = load(&path).unwrap();
        assert!(bitmap.width.max(bitmap.height) > 3, "{}", path.display());
        files += 1;
    }
    assert!(files > 10);
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn no_text_breaks_the_parser_of_masks(text in any::<String>()) {
        check_masks(&text);
    }

    #[test]
    fn no_order_of_the_pieces_of_masks_gives_an_unsound_mask(pieces in vec(select(&PIECES[..]), 0..40)) {
        check_masks(&pieces.concat());
    }

    #[test]
    fn no_change_to_a_good_text_gives_an_unsound_mask(text in select(&TEXTS[..]), changes in changes()) {
        check_masks(&String::from_utf8_lossy(&mutated(text.into(), &changes)));
    }

    #[test]
    fn polygons_of_any_corners_are_sound_or_refused(
        corners in vec((0.0..=1.0_f64, select(&[0.0, 0.1, 0.5, 1.0][..])), 0..9),
    ) {
        let corners: Vec<String> = corners.iter().map(|(x, y)| format!("{x},{y}")).collect();
        check_masks(&format!("polygon {}", corners.join(" ")));
    }

    #[test]
    fn no_bytes_break_the_decoder(bytes in vec(any::<u8>(), 0..200)) {
        check_image(&bytes);
    }

    #[test]
    fn no_change_to_a_png_file_breaks_the_decoder(changes in changes()) {
        check_image(&mutated(small_png(), &changes));
    }

    #[test]
    fn no_change_to_a_jpeg_file_breaks_the_decoder(changes in changes()) {
        check_image(&mutated(JPEG.into(), &changes));
    }
}
