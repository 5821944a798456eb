// SPDX-License-Identifier: MPL-2.0

use super::*;

const LOOK: Look = Look {
    size: 24.0,
    align: Align::Left,
    color: 0xffff_ffff,
    background: 0,
    padding: 0,
    limit: (1000, 1000),
};

fn bitmap(text: &str, look: Look) -> Bitmap {
    Rasteriser::new().bitmap(text, &look).0.clone()
}

/// The first and the last column of these rows with a pixel that is text.
fn extent(bitmap: &Bitmap, rows: std::ops::Range<usize>) -> (usize, usize) {
    let columns: Vec<_> = (0..bitmap.width)
        .filter(|x| {
            rows.clone()
                .any(|y| bitmap.pixels[y * bitmap.width + x][3] > 64)
        })
        .collect();
    (columns[0], columns[columns.len() - 1])
}

#[test]
fn a_text_covers_pixels_fully_and_leaves_others_free() {
    let bitmap = bitmap("Hello", LOOK);
    assert!(bitmap.width > 40 && bitmap.width < 90, "{}", bitmap.width);
    assert_eq!(bitmap.height, 30);
    assert!(bitmap.pixels.contains(&[255; 4]) && bitmap.pixels.contains(&[0; 4]));
}

#[test]
fn the_box_is_around_the_text() {
    let plain = bitmap("Hello", LOOK);
    let look = Look {
        background: 0x80ff_0000,
        padding: 7,
        ..LOOK
    };
    let boxed = bitmap("Hello", look);
    assert_eq!(boxed.width, plain.width + 14);
    assert_eq!(boxed.height, plain.height + 14);
    let edge = boxed.width * 7;
    assert!(boxed.pixels[..edge].iter().all(|p| *p == [128, 0, 0, 128]));
    assert!(boxed.pixels.contains(&[255; 4]));
}

#[test]
fn the_same_text_is_not_rendered_again() {
    let mut rasteriser = Rasteriser::new();
    assert!(rasteriser.bitmap("12:00", &LOOK).1);
    assert!(!rasteriser.bitmap("12:00", &LOOK).1);
    assert_eq!(rasteriser.rendered, 1);
    assert!(rasteriser.bitmap("12:01", &LOOK).1);
    let look = Look { size: 25.0, ..LOOK };
    assert!(rasteriser.bitmap("12:01", &look).1);
    assert_eq!(rasteriser.rendered, 3);
}

#[test]
fn blank_text_has_an_empty_bitmap() {
    let look = Look {
        background: 0xff00_0000,
        padding: 4,
        ..LOOK
    };
    for blank in ["", " ", "\n\n", "\u{200b}"] {
        assert_eq!(bitmap(blank, look), Bitmap::default(), "{blank:?}");
    }
}

#[test]
fn a_bitmap_never_exceeds_its_limit() {
    for (limit, padding) in [((31, 9), 0), ((31, 9), 2), ((1, 1), 50), ((2, 2), 1)] {
        let look = Look {
            limit,
            padding,
            ..LOOK
        };
        let bitmap = bitmap("far too long\nfor this", look);
        assert!(bitmap.width <= limit.0 && bitmap.height <= limit.1);
        assert_eq!(bitmap.pixels.len(), bitmap.width * bitmap.height);
    }
}

#[test]
fn every_line_adds_its_height() {
    assert_eq!(bitmap("a\nb\nc", LOOK).height, 90);
}

#[test]
fn whatever_ends_a_line_begins_the_next() {
    let expected = bitmap("a\n\u{628}", LOOK);
    for end in ["\r\n", "\r", "\u{1c}", "\u{85}", "\u{2028}", "\u{2029}"] {
        assert_eq!(bitmap(&format!("a{end}\u{628}"), LOOK), expected, "{end:?}");
    }
}

#[test]
fn a_line_that_is_too_long_is_wrapped() {
    let whole = bitmap("one two three four", LOOK);
    let look = Look {
        limit: (whole.width * 2 / 3, 1000),
        ..LOOK
    };
    let wrapped = bitmap("one two three four", look);
    assert_eq!(wrapped.height, 2 * whole.height);
    assert!(wrapped.width <= look.limit.0);
    extent(&wrapped, 30..60);
}

#[test]
fn a_short_line_goes_where_it_is_aligned() {
    for line in ["I", "\u{5d0}"] {
        let short = |align| {
            let look = Look { align, ..LOOK };
            let bitmap = bitmap(&format!("wwwwwwww\n{line}"), look);
            (extent(&bitmap, 30..60), bitmap.width)
        };
        let ((left, _), width) = short(Align::Left);
        assert!(left < width / 8);
        let ((left, right), _) = short(Align::Centre);
        assert!(left > width / 3 && right < width * 2 / 3);
        let ((_, right), _) = short(Align::Right);
        assert!(right > width * 7 / 8);
    }
}

#[test]
fn an_element_may_draw_on_any_thread() {
    fn is_send<T: Send>(_: T) {}
    is_send(Rasteriser::new());
}

#[test]
fn a_size_that_is_no_number_is_harmless() {
    for size in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, -1.0, 1e30] {
        bitmap("x", Look { size, ..LOOK });
    }
}
