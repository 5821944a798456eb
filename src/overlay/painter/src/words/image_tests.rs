// SPDX-License-Identifier: MPL-2.0
use png::{BitDepth, ColorType};

use super::*;

/// 32 x 16 pixels, red on the left and blue on the right.
const PHOTO: &[u8] = include_bytes!("../../tests/images/halves.jpg");

/// 8 x 8 pixels of one grey, 77.
const GREY_PHOTO: &[u8] = include_bytes!("../../tests/images/grey.jpg");

/// A PNG file with these samples; those of 16 bits begin with their more significant byte.
fn png_file(colour: ColorType, depth: BitDepth, width: u32, samples: &[u8]) -> Vec<u8> {
    let bytes = colour.samples() * if depth == BitDepth::Sixteen { 2 } else { 1 };
    let height = samples.len() / bytes / width as usize;
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height as u32);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(samples).unwrap();
    writer.finish().unwrap();
    file
}

/// Red on the left, blue on the right.
fn two_halves(width: u32, height: u32) -> Vec<u8> {
    let red = [255, 0, 0].repeat(width as usize / 2);
    let blue = [0, 0, 255].repeat(width as usize / 2);
    let samples = [red, blue].concat().repeat(height as usize);
    png_file(ColorType::Rgb, BitDepth::Eight, width, &samples)
}

fn error(bytes: &[u8]) -> String {
    decode(bytes).unwrap_err().to_string()
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 {
                0xedb8_8320 ^ (crc >> 1)
            } else {
                crc >> 1
            }
        })
    })
}

/// Changes the size that a PNG file's header claims.
fn claiming(mut png: Vec<u8>, width: u32, height: u32) -> Vec<u8> {
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let sum = crc(&png[12..29]);
    png[29..33].copy_from_slice(&sum.to_be_bytes());
    png
}

/// A PNG file with two pixels out of a palette: red, and blue at an alpha of 51.
const PALETTE: &[u8] = b"\
    \x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x02\x00\x00\x00\x01\x01\x03\x00\x00\x00\xce\
    \xec\xed\xc9\x00\x00\x00\x06PLTE\xff\x00\x00\x00\x00\xffl\xa1\xfd\x8e\x00\x00\x00\x02tRNS\xff3ZgQ\
    \x5c\x00\x00\x00\x0aIDATx\x9ccp\x00\x00\x00B\x00A)7\xf4\xef\x00\x00\x00\x00IEND\xaeB`\x82";

#[test]
fn a_png_file_keeps_its_pixels_with_premultiplied_colour() {
    let samples = [255, 100, 0, 51, 255, 100, 0, 255];
    let bitmap = decode(&png_file(ColorType::Rgba, BitDepth::Eight, 2, &samples)).unwrap();
    assert_eq!((bitmap.width, bitmap.height), (2, 1));
    assert_eq!(bitmap.pixels, [[51, 20, 0, 51], [255, 100, 0, 255]]);
}

#[test]
fn grey_and_sixteen_bit_and_palette_png_files_are_understood() {
    let file = |colour, depth, samples: &[u8]| png_file(colour, depth, 1, samples);
    let deep = [0xff, 0xff, 0, 0, 0, 0, 0x33, 0x33];
    let files: [(Vec<u8>, &[[u8; 4]]); 6] = [
        (
            file(ColorType::Grayscale, BitDepth::Eight, &[77]),
            &[[77, 77, 77, 255]],
        ),
        (
            file(ColorType::GrayscaleAlpha, BitDepth::Eight, &[255, 51]),
            &[[51, 51, 51, 51]],
        ),
        (
            file(ColorType::Grayscale, BitDepth::Sixteen, &[0x4d, 0x4d]),
            &[[77, 77, 77, 255]],
        ),
        // Rounded to the nearer of 77 and 78.
        (
            file(ColorType::Grayscale, BitDepth::Sixteen, &[0x4d, 0xff]),
            &[[78, 78, 78, 255]],
        ),
        (
            file(ColorType::Rgba, BitDepth::Sixteen, &deep),
            &[[51, 0, 0, 51]],
        ),
        (PALETTE.to_vec(), &[[255, 0, 0, 255], [0, 0, 51, 51]]),
    ];
    for (bytes, pixels) in files {
        assert_eq!(decode(&bytes).unwrap().pixels, pixels);
    }
}

#[test]
fn a_jpeg_file_is_understood() {
    let bitmap = decode(PHOTO).unwrap();
    assert_eq!((bitmap.width, bitmap.height), (32, 16));
    let [red, green, blue, alpha] = bitmap.pixels[3];
    assert!(red > 240 && green < 15 && blue < 15 && alpha == 255);
}

#[test]
fn a_grey_jpeg_file_is_understood() {
    assert_eq!(decode(GREY_PHOTO).unwrap().pixels, [[77, 77, 77, 255]; 64]);
}

#[test]
fn a_photo_is_turned_as_its_exif_data_says() {
    let turned_right = [
        b"Exif\0\0II*\0".as_slice(),
        &[
            8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
        ],
    ]
    .concat();
    let mut photo = PHOTO.to_vec();
    let length = (turned_right.len() + 2) as u8;
    photo.splice(
        2..2,
        [&[0xff, 0xe1, 0, length], turned_right.as_slice()].concat(),
    );
    let bitmap = decode(&photo).unwrap();
    assert_eq!((bitmap.width, bitmap.height), (16, 32));
    assert!(bitmap.pixels[0][0] > 240, "the left half is above now");
    assert!(bitmap.pixels[31 * 16][2] > 240);
}

#[test]
fn a_large_image_is_shrunk_and_keeps_its_shape() {
    let bitmap = decode(&two_halves(4096, 64)).unwrap();
    assert_eq!((bitmap.width, bitmap.height), (2048, 32));
    assert_eq!(bitmap.pixels[0], [255, 0, 0, 255]);
    assert_eq!(bitmap.pixels[2047], [0, 0, 255, 255]);
    let line = decode(&two_halves(8192, 1)).unwrap();
    assert_eq!((line.width, line.height), (2048, 1));
}

#[test]
fn a_header_that_claims_too_many_pixels_is_refused_before_they_are_allocated() {
    let png = two_halves(2, 2);
    for (width, height) in [(60_000, 60_000), (8193, 1), (4097, 4096)] {
        let error = error(&claiming(png.clone(), width, height));
        assert!(
            error.starts_with(&format!("it has {width} x {height} pixels")),
            "{error}"
        );
    }
    assert!(decode(&claiming(png, u32::MAX >> 1, 1)).is_err());

    let mut jpeg = PHOTO.to_vec();
    let header = jpeg
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    jpeg[header + 5..header + 9].copy_from_slice(&[0xea, 0x60, 0xea, 0x60]);
    assert!(error(&jpeg).starts_with("it has 60000 x 60000 pixels"));
}

#[test]
fn a_header_that_claims_more_pixels_than_there_are_is_an_error() {
    let png = claiming(two_halves(2, 2), 300, 300);
    assert!(error(&png).starts_with("it is damaged"), "{}", error(&png));
}

#[test]
fn a_png_file_that_breaks_off_is_an_error_wherever_it_does() {
    let png = two_halves(16, 16);
    let end = png.len() - 12;
    for length in 0..end {
        assert!(decode(&png[..length]).is_err(), "{length} of {}", png.len());
    }
}

#[test]
fn a_jpeg_file_that_breaks_off_does_no_harm() {
    for length in 0..PHOTO.len() {
        let _ = decode(&PHOTO[..length]);
    }
    assert!(decode(&PHOTO[..100]).is_err());
}

#[test]
fn another_format_is_answered_with_what_to_do() {
    for bytes in [
        b"".as_slice(),
        b"GIF89a",
        b"<svg/>",
        b"RIFF\0\0\0\0WEBPVP8 ",
    ] {
        assert_eq!(
            error(bytes),
            "it is neither PNG nor JPEG; convert it to PNG"
        );
    }
}

#[test]
fn an_error_names_the_path() {
    let missing = load(Path::new("/nowhere/logo.png"))
        .unwrap_err()
        .to_string();
    assert!(missing.starts_with("the image /nowhere/logo.png cannot be shown: it cannot be read"));
    let folder = load(Path::new("/")).unwrap_err().to_string();
    assert!(folder.contains("it is no file"), "{folder}");
}

#[test]
fn a_file_is_loaded_and_one_that_is_too_large_is_not() {
    let folder = std::env::temp_dir().join(format!("porthole-image-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("logo");
    std::fs::write(&path, two_halves(4, 2)).unwrap();
    let loaded = load(&path).map(|bitmap| (bitmap.width, bitmap.height));
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(MAX_FILE_BYTES + 1).unwrap();
    let refused = load(&path).unwrap_err().to_string();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(loaded.unwrap(), (4, 2));
    assert!(refused.contains("more than 16 MiB"), "{refused}");
}

#[test]
fn scaling_keeps_one_colour_and_never_exceeds_alpha() {
    let plain = Bitmap {
        width: 5,
        height: 3,
        pixels: vec![[10, 20, 30, 40]; 15],
    };
    for (width, height) in [(1, 1), (2, 9), (5, 3), (50, 1), (100, 100)] {
        let scaled = plain.scaled(width, height);
        assert_eq!((scaled.width, scaled.height), (width, height));
        assert_eq!(scaled.pixels, vec![[10, 20, 30, 40]; width * height]);
    }
    // Hard edges of colour and of alpha beside each other make the filter overshoot.
    let edges = [
        [200, 0, 200, 200],
        [0, 200, 200, 200],
        [0, 0, 0, 0],
        [255, 0, 0, 255],
        [0, 0, 0, 255],
    ];
    let edges = Bitmap {
        width: 5,
        height: 5,
        pixels: edges.repeat(5),
    };
    for width in 1..40 {
        let scaled = edges.scaled(width, 7);
        assert!(
            scaled
                .pixels
                .iter()
                .all(|[r, g, b, a]| r.max(g).max(b) <= a),
            "{width}"
        );
    }
}

#[test]
fn a_size_that_no_picture_has_gives_an_empty_image() {
    let dot = Bitmap {
        width: 1,
        height: 1,
        pixels: vec![[1; 4]],
    };
    for (width, height) in [(0, 5), (5, 0), (usize::MAX, usize::MAX), (1 << 20, 1 << 20)] {
        assert_eq!(dot.scaled(width, height), Bitmap::default());
    }
    assert_eq!(Bitmap::default().scaled(5, 5), Bitmap::default());
}

#[test]
fn fading_lowers_colour_and_alpha_alike() {
    let dot = Bitmap {
        width: 1,
        height: 1,
        pixels: vec![[10, 0, 200, 200]],
    };
    assert_eq!(dot.faded(255), dot);
    assert_eq!(dot.faded(51).pixels, [[2, 0, 40, 40]]);
    assert_eq!(dot.faded(0).pixels, [[0; 4]]);
}
