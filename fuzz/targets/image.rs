// SPDX-License-Identifier: MPL-2.0
//! PNG and JPEG files. With cargo-fuzz the PNG decoder ignores checksums, so changed files get far.
#![no_main]

use libfuzzer_sys::fuzz_target;
use porthole_painter::{Bitmap, image};

fuzz_target!(|bytes: &[u8]| {
    let Ok(bitmap) = image::decode(bytes) else {
        return;
    };
    check(&bitmap);
    check(&bitmap.scaled(31, 17));
    check(&bitmap.faded(100));
});

fn check(bitmap: &Bitmap) {
    assert!(bitmap.width.max(bitmap.height) <= image::MAX_KEPT_SIDE);
    assert_eq!(bitmap.width * bitmap.height, bitmap.pixels.len());
    let is_premultiplied = |[red, green, blue, alpha]: &[u8; 4]| red.max(green).max(blue) <= alpha;
    assert!(bitmap.pixels.iter().all(is_premultiplied));
}
