// SPDX-License-Identifier: MPL-2.0
//! The latency clock.

use std::time::{SystemTime, UNIX_EPOCH};

use super::*;

/// Reads the clock as its documentation says, written without looking at the code that paints it.
fn read_clock(luma: &[u8], width: usize, height: usize) -> Option<u32> {
    let side = if width >= 336 {
        (width / 80 / 2 * 2).max(8)
    } else {
        width / 42 / 2 * 2
    };
    let top = (height - side) / 2 * 2;
    let at = |i: usize| i32::from(luma[(top + side / 2) * width + i * side + side / 2]);
    if at(0) - at(1) < 64 {
        return None;
    }
    let middle = (at(0) + at(1)) / 2;
    let bits = (2..42).fold(0_u64, |word, i| (word << 1) | u64::from(at(i) > middle));
    let ms = (bits >> 8) as u32;
    let mut crc = 0xFF_u8;
    for byte in ms.to_be_bytes() {
        crc ^= byte;
        for _ in 0..8 {
            crc = if crc & 0x80 == 0 {
                crc << 1
            } else {
                (crc << 1) ^ 7
            };
        }
    }
    (u64::from(crc) == bits & 0xFF).then_some(ms)
}

fn now() -> u32 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis() as u32
}

#[test]
fn the_latency_clock_reads_as_the_time_of_day() {
    for (format, width, height) in [("I420", 641, 361), ("NV12", 1280, 720), ("I420", 90, 60)] {
        let caps = caps(format, width, height);
        let mut harness = overlay("latency-clock=true", &caps);
        let before = now();
        let planes = pass(&mut harness, grey_frame(&caps, 90));
        let read = read_clock(&planes[0], width as usize, height as usize).unwrap();
        assert!(read.wrapping_sub(before) <= now().wrapping_sub(before));
    }
}

#[test]
fn the_latency_clock_is_at_the_bottom_left_of_the_turned_picture() {
    let caps = caps("I420", 240, 640);
    let mut harness = overlay("latency-clock=true video-direction=90r", &caps);
    let planes = pass(&mut harness, grey_frame(&caps, 90));
    assert!(read_clock(&planes[0], 640, 240).is_some());
    assert_eq!(changed(&planes[0], 640, 90), Some((0, 232, 335, 239)));
}
