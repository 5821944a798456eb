// SPDX-License-Identifier: MPL-2.0
//! Whatever the user writes, nothing panics and every bitmap keeps its promises.

use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{Timestamp, tz::TimeZone};
use porthole_painter::template::{Template, Values};
use porthole_painter::{Align, Expander, Look, Rasteriser};
use proptest::prelude::*;

/// Any text, and texts of what needs care: both directions, marks, format characters, new lines, specifiers and tokens.
fn texts() -> impl Strategy<Value = String> {
    let careful = prop::sample::select(vec![
        "a",
        "W",
        " ",
        "\t",
        "\n",
        "\r\n",
        "\u{301}",
        "\u{323}",
        "ب",
        "لا",
        "ש",
        "\u{5b8}",
        "\u{200d}",
        "\u{200f}",
        "\u{202e}",
        "\u{2067}",
        "\u{2069}",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\u{1c}",
        "你",
        "👩",
        "\u{fe0f}",
        "\u{ad}",
        "\u{feff}",
        "\u{e000}",
        "\u{10ffff}",
        "ก",
        "ำ",
        "क",
        "्",
        "%",
        "%H",
        "%3",
        "%.",
        "%-",
        "{",
        "{fps}",
        "}",
        "\\n",
        "\0",
        "0",
        "1",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(careful, 0..40).prop_map(|parts| parts.concat()),
    ]
}

fn looks() -> impl Strategy<Value = Look> {
    let align = prop::sample::select(vec![Align::Left, Align::Centre, Align::Right]);
    let limit = (0..200_usize, 0..120_usize);
    let sizes = prop_oneof![1.0..64.0_f32, Just(0.0), Just(-1.0), Just(f32::NAN)];
    (sizes, align, any::<u32>(), any::<u32>(), 0..20_usize, limit).prop_map(
        |(size, align, color, background, padding, limit)| Look {
            size,
            align,
            color,
            background,
            padding,
            limit,
        },
    )
}

/// Panics are caught where a broken font may cause them, so the hook must tell of them.
static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            HAS_PANICKED.store(true, Ordering::Relaxed);
            usual(info);
        }));
    });
}

fn check(rasteriser: &mut Rasteriser, text: &str, look: &Look) -> Result<(), TestCaseError> {
    watch_for_panics();
    let (bitmap, _) = rasteriser.bitmap(text, look);
    prop_assert!(!HAS_PANICKED.swap(false, Ordering::Relaxed));
    prop_assert!(bitmap.width <= look.limit.0 && bitmap.height <= look.limit.1);
    prop_assert_eq!(bitmap.pixels.len(), bitmap.width * bitmap.height);
    for pixel in &bitmap.pixels {
        prop_assert!(pixel.iter().all(|component| *component <= pixel[3]));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn any_text_in_any_look_gives_a_bitmap_within_its_limit(text in texts(), look in looks()) {
        check(&mut Rasteriser::new(), &text, &look)?;
    }

    #[test]
    fn a_rasteriser_survives_any_sequence_of_texts(steps in prop::collection::vec((texts(), looks()), 1..6)) {
        let mut rasteriser = Rasteriser::new();
        for (text, look) in steps {
            check(&mut rasteriser, &text, &look)?;
        }
    }

    #[test]
    fn any_text_is_a_template(text in texts(), camera in texts(), fps in any::<f64>(), seconds in 0..4_000_000_000_i64) {
        let now = Timestamp::from_second(seconds).expect("within a century");
        let values = Values { camera: &camera, viewers: 3, fps, size: (640, 480) };
        let mut out = String::new();
        Template::new(&text, &now.to_zoned(TimeZone::UTC)).expand(&now.to_zoned(TimeZone::UTC), &values, &mut out);
        let mut expander = Expander::new(&text, TimeZone::UTC, now);
        prop_assert_eq!(expander.expand(now, &values), out.as_str());
        prop_assert_eq!(expander.expand(now, &values), out.as_str());
        prop_assert!(out.chars().count() <= 1024);
    }
}
