// SPDX-License-Identifier: MPL-2.0
//! Privacy masks: what is understood lies inside of the picture and hides something.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porthole_painter::masks;

fuzz_target!(|text: &str| {
    let parsed = match masks::parse(text) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(error.to_string().len() < 600, "{error}");
            return;
        }
    };
    assert!(parsed.len() <= masks::MAX_MASKS);
    for mask in parsed {
        assert!((3..=masks::MAX_CORNERS).contains(&mask.corners.len()));
        let (xs, ys): (Vec<f64>, Vec<f64>) = mask.corners.iter().copied().unzip();
        for side in [xs, ys] {
            let lowest = side.iter().copied().fold(f64::NAN, f64::min);
            let highest = side.iter().copied().fold(f64::NAN, f64::max);
            assert!(
                0.0 <= lowest && lowest < highest && highest <= 1.0,
                "{side:?}"
            );
        }
    }
});
