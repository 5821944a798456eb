// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;

use super::*;
use crate::pixels::format::Format;
use crate::pixels::orientation::Orientation;
use crate::pixels::paint::{Drawing, Input, paint};
use crate::pixels::simd::Isa;
use crate::pixels::test_picture::{TestPicture, shape};

const GREEN: [u8; 3] = [0, 255, 0];

fn rect(x: f64, y: f64, width: f64, height: f64, cover: Cover) -> Mask {
    let corners = vec![
        (x, y),
        (x + width, y),
        (x + width, y + height),
        (x, y + height),
    ];
    Mask { corners, cover }
}

fn hide(picture: &TestPicture, masks: &[Mask]) -> TestPicture {
    let hidden = Hidden::new(masks, picture.shape, &Matrix::BT601);
    let mut out = picture.clone();
    let drawing = Drawing {
        hidden: Some(&hidden),
        ..Drawing::default()
    };
    paint(Isa::best(), Input::InPlace, &drawing, out.write(), None).unwrap();
    out
}

/// The pixels of a grey picture that are not what they were.
fn changed(before: &TestPicture, after: &TestPicture) -> Vec<(usize, usize)> {
    let width = before.shape.width;
    let pairs = before.planes[0].iter().zip(&after.planes[0]).enumerate();
    pairs
        .filter(|(_, (a, b))| a != b)
        .map(|(i, _)| (i % width, i / width))
        .collect()
}

fn grey(width: usize, height: usize) -> TestPicture {
    let mut picture = TestPicture::new(shape(Format::Gray8, width, height), 0, 1);
    picture.planes[0].fill(90);
    picture
}

#[test]
fn a_rectangle_is_filled_in_every_format() {
    for format in Format::ALL {
        let picture = TestPicture::new(shape(format, 32, 20), 2, 1);
        let out = hide(&picture, &[rect(0.0, 0.0, 1.0, 1.0, Cover::Fill(GREEN))]);
        let ink = Ink::new(GREEN, format, &Matrix::BT601);
        for (i, plane) in format.shapes().into_iter().enumerate() {
            for row in out.planes[i].chunks(plane.row_bytes(32) + 2) {
                let unit = &ink.units[i][..plane.bytes];
                assert!(
                    row[..plane.row_bytes(32)]
                        .chunks(plane.bytes.max(1))
                        .all(|u| u == unit),
                    "{format:?}"
                );
            }
        }
        out.content();
    }
}

#[test]
fn a_rectangle_covers_its_pixels_and_no_more_than_the_quads_that_it_touches() {
    let picture = grey(40, 20);
    let out = hide(&picture, &[rect(0.25, 0.5, 0.25, 0.2, Cover::Fill([0; 3]))]);
    let expected: Vec<_> = (10..14)
        .flat_map(|y| (10..20).map(move |x| (x, y)))
        .collect();
    assert_eq!(changed(&picture, &out), expected);
    // 0.26 * 40 = 10.4, 0.51 * 20 = 10.2: the same quads are touched.
    let inside = hide(
        &picture,
        &[rect(0.26, 0.51, 0.23, 0.18, Cover::Fill([0; 3]))],
    );
    assert!(inside == out);
}

#[test]
fn a_thread_thin_mask_still_hides_what_it_touches() {
    let picture = grey(64, 64);
    let out = hide(&picture, &[rect(0.5, 0.0, 1e-9, 1.0, Cover::Fill([0; 3]))]);
    assert_eq!(changed(&picture, &out).len(), 2 * 64);
}

#[test]
fn the_whole_of_a_crossed_polygon_is_hidden() {
    let picture = grey(64, 64);
    // A five-pointed star: its middle is gone round twice.
    let corners = vec![(0.5, 0.0), (0.8, 1.0), (0.0, 0.4), (1.0, 0.4), (0.2, 1.0)];
    let out = hide(
        &picture,
        &[Mask {
            corners,
            cover: Cover::Fill([0; 3]),
        }],
    );
    assert_ne!(out.planes[0][36 * 64 + 32], 90);
}

#[test]
fn a_pixelated_part_shows_the_mean_of_each_block_only() {
    for format in Format::ALL {
        let picture = TestPicture::new(shape(format, 64, 48), 0, 7);
        let out = hide(&picture, &[rect(0.0, 0.0, 0.5, 1.0, Cover::Pixelate)]);
        for component in format.components() {
            let (w, h) = (64 >> component.across, 48 >> component.down);
            let stride = format.shapes()[component.plane].row_bytes(64);
            let sample = |p: &TestPicture, x: usize, y: usize| {
                let at = y * stride + component.offset + x * component.pitch;
                let bytes = &p.planes[component.plane][at..];
                match format.ten_bit_shift() {
                    None => u32::from(bytes[0]),
                    Some(shift) => u32::from(u16::from_le_bytes([bytes[0], bytes[1]]) >> shift),
                }
            };
            let (bw, bh) = (8 >> component.across, 8 >> component.down);
            for y in 0..h {
                for x in 0..w / 2 {
                    let (left, top) = (x / bw * bw, y / bh * bh);
                    let block =
                        (top..top + bh).flat_map(|y| (left..left + bw).map(move |x| (x, y)));
                    let mean =
                        block.map(|(x, y)| sample(&picture, x, y)).sum::<u32>() / (bw * bh) as u32;
                    assert_eq!(sample(&out, x, y), mean, "{format:?}");
                }
                for x in w / 2..w {
                    assert_eq!(sample(&out, x, y), sample(&picture, x, y));
                }
            }
        }
    }
}

#[test]
fn a_fill_over_a_pixelated_part_is_not_mixed_into_it() {
    let picture = grey(64, 48);
    let masks = [
        rect(0.0, 0.0, 0.1, 0.1, Cover::Fill([0; 3])),
        rect(0.0, 0.0, 0.5, 0.5, Cover::Pixelate),
    ];
    let out = hide(&picture, &masks);
    assert_eq!((out.planes[0][0], out.planes[0][63 * 5 + 20]), (16, 90));
}

#[test]
fn masks_stay_where_they_are_when_the_picture_is_turned_and_cut_into_bands() {
    let threads = rayon_core::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let masks = [
        rect(0.1, 0.2, 0.3, 0.7, Cover::Fill(GREEN)),
        Mask {
            corners: vec![(0.9, 0.0), (0.5, 1.0), (1.0, 0.9)],
            cover: Cover::Pixelate,
        },
    ];
    let from = TestPicture::new(shape(Format::I420, 420, 300), 0, 5);
    for orientation in [Orientation::Half, Orientation::Right90] {
        let (w, h) = if orientation.transposes() {
            (300, 420)
        } else {
            (420, 300)
        };
        let hidden = Hidden::new(&masks, shape(Format::I420, w, h), &Matrix::BT601);
        let drawing = Drawing {
            hidden: Some(&hidden),
            ..Drawing::default()
        };
        let turn = |drawing: &Drawing<'_>, pool| {
            let mut to = TestPicture::new(shape(Format::I420, w, h), 0, 6);
            let input = Input::Turned(&from.read(), orientation);
            paint(Isa::best(), input, drawing, to.write(), pool).unwrap();
            to
        };
        let expected = hide(&turn(&Drawing::default(), None), &masks);
        assert!(turn(&drawing, None) == expected && turn(&drawing, Some(&threads)) == expected);
    }
}

/// Whether the polygon goes round a point, by the angle it is seen under.
fn winds_around(corners: &[(f64, f64)], x: f64, y: f64) -> bool {
    let next = corners.iter().cycle().skip(1);
    let turns: f64 = corners
        .iter()
        .zip(next)
        .map(|(a, b)| {
            let (a, b) = ((a.0 - x, a.1 - y), (b.0 - x, b.1 - y));
            (a.0 * b.1 - a.1 * b.0).atan2(a.0 * b.0 + a.1 * b.1)
        })
        .sum();
    turns.abs() > 3.0
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_pixel_inside_any_polygon_is_hidden_and_none_far_from_it(
        corners in proptest::collection::vec((0.0..=1.0_f64, 0.0..=1.0_f64), 3..9),
        (width, height) in (2_usize..70, 2_usize..70),
    ) {
        let picture = grey(width, height);
        let out = hide(&picture, &[Mask { corners: corners.clone(), cover: Cover::Fill([0; 3]) }]);
        let hidden = changed(&picture, &out);
        for y in 0..height {
            for x in 0..width {
                let centre = ((x as f64 + 0.5) / width as f64, (y as f64 + 0.5) / height as f64);
                if winds_around(&corners, centre.0, centre.1) {
                    prop_assert!(hidden.contains(&(x, y)), "{x},{y} is seen");
                }
            }
        }
        let left = corners.iter().map(|c| c.0).fold(1.0, f64::min) * width as f64 - 2.0;
        let bottom = corners.iter().map(|c| c.1).fold(0.0, f64::max) * height as f64 + 2.0;
        prop_assert!(hidden.iter().all(|(x, y)| *x as f64 >= left && *y as f64 <= bottom));
    }
}
