// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;

use super::*;
use crate::pixels::colour::Ink;
use crate::pixels::format::Format;
use crate::pixels::paint::{Drawing, Input, paint};
use crate::pixels::test_picture::{TestPicture, shape};

fn bitmap(width: usize, height: usize, pixel: impl Fn(usize) -> [u8; 4]) -> Bitmap {
    let pixels = (0..width * height).map(pixel).collect();
    Bitmap {
        width,
        height,
        pixels,
    }
}

fn laid_over(isa: Isa, picture: &TestPicture, bitmap: &Bitmap, at: (i32, i32)) -> TestPicture {
    let patch = Patch::new(bitmap, at, picture.shape, &Matrix::BT601);
    let mut out = picture.clone();
    let drawing = Drawing {
        patches: [Some(&patch), None],
        ..Drawing::default()
    };
    paint(isa, Input::InPlace, &drawing, out.write(), None).unwrap();
    out
}

#[test]
fn a_transparent_bitmap_changes_nothing() {
    let clear = bitmap(20, 10, |_| [0; 4]);
    for format in Format::ALL {
        let picture = TestPicture::new(shape(format, 33, 21), 0, 1);
        assert!(
            laid_over(Isa::best(), &picture, &clear, (3, 2)) == picture,
            "{format:?}"
        );
    }
}

#[test]
fn an_opaque_bitmap_over_all_of_the_picture_leaves_its_colour_only() {
    let red = bitmap(40, 30, |_| [255, 0, 0, 255]);
    for format in Format::ALL {
        let picture = TestPicture::new(shape(format, 33, 21), 4, 1);
        let ink = Ink::new([255, 0, 0], format, &Matrix::BT601);
        let out = laid_over(Isa::best(), &picture, &red, (-3, -4));
        for (i, plane) in format.shapes().into_iter().enumerate() {
            let width =
                plane.row_bytes(33 & !usize::from(matches!(format, Format::Yuy2 | Format::Uyvy)));
            for row in out.planes[i].chunks(plane.row_bytes(33) + 4) {
                let expected = ink.units[i].iter().take(plane.bytes).cycle();
                assert!(row[..width].iter().eq(expected.take(width)), "{format:?}");
            }
        }
    }
}

#[test]
fn half_opaque_white_on_black_is_grey() {
    let mut picture = TestPicture::new(shape(Format::Gray8, 4, 1), 0, 1);
    picture.planes[0].fill(16);
    let veil = bitmap(2, 1, |_| [128; 4]);
    let out = laid_over(Isa::best(), &picture, &veil, (2, 0));
    assert_eq!(out.planes[0], [16, 16, 126, 126]);
}

#[test]
fn chroma_takes_the_share_of_its_pixels_that_is_covered() {
    let mut picture = TestPicture::new(shape(Format::I420, 4, 2), 0, 1);
    picture.planes[1].fill(128);
    // One pixel of the four that share the first sample.
    let dot = bitmap(1, 1, |_| [0, 0, 255, 255]);
    let out = laid_over(Isa::best(), &picture, &dot, (1, 0));
    assert_eq!(out.planes[1], [128 + (240 - 128) / 4, 128]);
    assert_eq!(out.planes[0][1], 41);
}

#[test]
fn a_bitmap_outside_the_picture_is_not_drawn() {
    let red = bitmap(5, 5, |_| [255, 0, 0, 255]);
    let picture = TestPicture::new(shape(Format::Nv12, 8, 8), 0, 1);
    for at in [
        (8, 0),
        (0, 8),
        (-5, 0),
        (0, -5),
        (i32::MAX, i32::MAX),
        (i32::MIN, i32::MIN),
    ] {
        assert!(
            laid_over(Isa::best(), &picture, &red, at) == picture,
            "{at:?}"
        );
    }
}

#[test]
fn a_sample_and_what_is_laid_over_it_are_mixed_by_opacity() {
    for isa in Isa::available() {
        for opacity in 0..=255_u8 {
            let weight = kept_under(1)(f32::from(opacity));
            let mut row: Vec<u8> = (0..=255).collect();
            simd::blend(isa, &mut row, &[weight; 256], &[opacity; 256]);
            for (sample, out) in row.into_iter().enumerate() {
                let kept = sample as f64 * f64::from(255 - opacity) / 255.0;
                let exact = (kept + f64::from(opacity)).min(255.0);
                assert!(
                    (f64::from(out) - exact).abs() < 0.51,
                    "{opacity} over {sample}: {out}"
                );
            }
        }
    }
}

#[test]
fn samples_of_ten_bits_are_kept_exactly_or_replaced_exactly() {
    for shift in [0, 6] {
        {
            let samples = || (0..1024_u16).flat_map(|v| (v << shift).to_le_bytes());
            let mut row: Vec<u8> = samples().collect();
            simd::scalar::blend_ten(&mut row, &[KEEP; 1024], &[0; 1024], shift);
            assert!(row.iter().copied().eq(samples()));
            simd::scalar::blend_ten(&mut row, &[0; 1024], &[700 << shift; 1024], shift);
            let words = row.as_chunks::<2>().0;
            assert!(words.iter().all(|s| u16::from_le_bytes(*s) == 700 << shift));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_instruction_set_draws_the_same_as_the_scalar_one(
        format in 0..Format::ALL.len(),
        (width, height) in (1_usize..120, 1_usize..40),
        (w, h) in (0_usize..130, 0_usize..50),
        at in (-40_i32..130, -40_i32..50),
        seed: u64,
    ) {
        let noise = TestPicture::new(shape(Format::Rgba, w.max(1), h.max(1)), 0, seed);
        let noise = bitmap(w, h, |i| {
            let alpha = noise.planes[0][i * 4];
            [1, 2, 3].map(|c| noise.planes[0][i * 4 + c].min(alpha)).into_iter().chain([alpha]).collect::<Vec<_>>()[..]
                .try_into()
                .unwrap()
        });
        let picture = TestPicture::new(shape(Format::ALL[format], width, height), 2, seed);
        let mut all = Isa::available().map(|isa| laid_over(isa, &picture, &noise, at).content());
        let first = all.next().unwrap();
        prop_assert!(all.all(|other| other == first));
    }
}
