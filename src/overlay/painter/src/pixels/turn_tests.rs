// SPDX-License-Identifier: MPL-2.0

use proptest::prelude::*;
use rayon_core::ThreadPool;

use super::*;
use crate::pixels::format::PlaneShape;
use crate::pixels::paint::{Drawing, Input, paint};
use crate::pixels::picture::Shape;
use crate::pixels::test_picture::{TestPicture, shape};

fn turned(shape: Shape, orientation: Orientation) -> Shape {
    let (width, height) = if orientation.transposes() {
        (shape.height, shape.width)
    } else {
        (shape.width, shape.height)
    };
    Shape {
        width,
        height,
        ..shape
    }
}

/// The planes of `from` turned, unit by unit.
fn reference(from: &TestPicture, orientation: Orientation) -> TestPicture {
    let shape = from.shape;
    let lookup = orientation.lookup();
    let mut to = TestPicture::new(turned(shape, orientation), 0, 3);
    match shape.format {
        Format::Yuy2 => turn_odd_pairs(&from.read(), &mut to.write(), lookup, [0, 1, 3]),
        Format::Uyvy => turn_odd_pairs(&from.read(), &mut to.write(), lookup, [1, 0, 2]),
        _ => {
            for (i, plane) in shape.format.shapes().into_iter().enumerate() {
                to.planes[i] = reference_plane(from.read().planes[i], plane, shape, lookup);
            }
        }
    }
    to
}

fn reference_plane(from: Plane<'_>, plane: PlaneShape, shape: Shape, lookup: Lookup) -> Vec<u8> {
    let (width, height) = (plane.units(shape.width), plane.rows(shape.height));
    let (columns, rows) = if lookup.transpose {
        (height, width)
    } else {
        (width, height)
    };
    let mut out = Vec::new();
    for y in 0..rows {
        for x in 0..columns {
            let (x, y) = if lookup.transpose { (y, x) } else { (x, y) };
            let x = if lookup.flip_x { width - 1 - x } else { x };
            let y = if lookup.flip_y { height - 1 - y } else { y };
            let at = y * from.stride + x * plane.bytes;
            out.extend_from_slice(&from.data[at..at + plane.bytes]);
        }
    }
    out
}

/// Turns by all instruction sets, alone and by several threads, and compares with the reference.
fn check(shape: Shape, paddings: (usize, usize), orientation: Orientation) {
    let threads = rayon_core::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    for pool in [None, Some(&threads)] {
        check_with(shape, paddings, orientation, pool);
    }
}

fn check_with(
    shape: Shape,
    paddings: (usize, usize),
    orientation: Orientation,
    pool: Option<&ThreadPool>,
) {
    let from = TestPicture::new(shape, paddings.0, 1);
    let expected = reference(&from, orientation).content();
    for isa in Isa::available() {
        let mut to = TestPicture::new(turned(shape, orientation), paddings.1, 2);
        let input = Input::Turned(&from.read(), orientation);
        paint(isa, input, &Drawing::default(), to.write(), pool).unwrap();
        assert!(
            to.content() == expected,
            "{shape:?} {paddings:?} {orientation:?} {isa:?}"
        );
    }
}

/// Small enough for Miri, which takes some minutes for it, and without threads, whose library it does not accept:
/// `RUSTFLAGS='-C target-feature=+avx2' cargo +nightly miri test -p porthole-painter --no-default-features --lib small`.
#[test]
fn a_small_picture_is_turned_in_whole_blocks_and_at_the_edges() {
    for format in [
        Format::I420,
        Format::Nv12,
        Format::Yuy2,
        Format::Bgrx,
        Format::Rgb,
    ] {
        for orientation in [Orientation::Half, Orientation::Right90, Orientation::Left90] {
            check_with(shape(format, 36, 34), (2, 4), orientation, None);
        }
    }
}

#[test]
fn every_format_and_orientation_equals_the_reference_at_sizes_around_the_blocks() {
    for format in Format::ALL {
        for orientation in Orientation::ALL {
            for (width, height) in [
                (1, 1),
                (1, 9),
                (9, 1),
                (16, 16),
                (31, 33),
                (67, 130),
                (129, 65),
            ] {
                check(shape(format, width, height), (0, 0), orientation);
            }
        }
    }
}

#[test]
fn padding_is_neither_read_nor_written() {
    for format in Format::ALL {
        for orientation in Orientation::ALL {
            check(shape(format, 70, 35), (6, 10), orientation);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_size_and_stride_equals_the_reference(
        format in 0..Format::ALL.len(),
        orientation in 0..Orientation::ALL.len(),
        (width, height) in (1_usize..150, 1_usize..300),
        paddings in (0_usize..40, 0_usize..40),
    ) {
        // Samples of two bytes need not be aligned, but the padding of test pictures is whole samples.
        let paddings = (paddings.0 & !1, paddings.1 & !1);
        check(shape(Format::ALL[format], width, height), paddings, Orientation::ALL[orientation]);
    }
}

#[test]
fn a_target_of_another_size_is_refused() {
    let from = TestPicture::new(shape(Format::I420, 8, 4), 0, 1);
    let mut to = TestPicture::new(shape(Format::I420, 8, 4), 0, 2);
    let before = to.clone();
    let input = Input::Turned(&from.read(), Orientation::Right90);
    assert!(paint(Isa::best(), input, &Drawing::default(), to.write(), None).is_none());
    assert!(to == before);
}
