// SPDX-License-Identifier: MPL-2.0
//! A text that the user wrote, which may also be the camera's name.
#![no_main]

use jiff::{Timestamp, Zoned, tz::TimeZone};
use libfuzzer_sys::fuzz_target;
use porthole_painter::template::{Template, Values};

fuzz_target!(|text: &str| {
    for time in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
        let now = Zoned::new(time, TimeZone::UTC);
        let values = Values {
            camera: text,
            viewers: u32::MAX,
            fps: 30000.0 / 1001.0,
            size: (1920, 1080),
        };
        let mut out = String::from("the text of the frame before");
        Template::new(text, &now).expand(&now, &values, &mut out);
        assert!(out.chars().count() <= 1024, "{} bytes", out.len());
    }
});
