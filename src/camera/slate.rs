// SPDX-License-Identifier: MPL-2.0
//! The black picture and the silence that flow while the camera is closed.

/// Length of one piece of silence: five Opus frames.
pub(crate) const SILENCE: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// The form of all sound that leaves portholesrc: what Opus works in, left and right.
pub(crate) fn sound() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", 48_000)
        .field("channels", 2)
        .field("channel-mask", gst::Bitmask::new(0b11))
        .build()
}
/// Two channels of two bytes each.
const SOUND_BYTES_PER_MS: usize = 48 * 2 * 2;

/// A black frame of these caps; `None` for caps that are no I420 or NV12.
pub(crate) fn black(caps: &gst::Caps) -> Option<gst::Buffer> {
    let info = gst_video::VideoInfo::from_caps(caps).ok()?;
    let buffer = gst::Buffer::with_size(info.size()).ok()?;
    let mut frame = gst_video::VideoFrame::from_buffer_writable(buffer, &info).ok()?;
    let black_luma = match info.colorimetry().range() {
        gst_video::VideoColorRange::Range0_255 => 0,
        _ => 16,
    };
    frame.plane_data_mut(0).ok()?.fill(black_luma);
    for plane in 1..info.n_planes() {
        frame.plane_data_mut(plane).ok()?.fill(128);
    }
    Some(frame.into_buffer())
}

/// [`SILENCE`] in the form of [`sound`].
pub(crate) fn silence() -> Option<gst::Buffer> {
    let mut buffer =
        gst::Buffer::with_size(SOUND_BYTES_PER_MS * SILENCE.mseconds() as usize).ok()?;
    let writable = buffer.get_mut()?;
    writable.memset(.., 0).ok()?;
    writable.set_duration(SILENCE);
    Some(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_is_black_in_both_formats_and_odd_sizes() {
        gst::init().unwrap();
        for format in ["I420", "NV12"] {
            let caps = format!("video/x-raw,format={format},width=33,height=17,framerate=30/1");
            let buffer = black(&caps.parse().unwrap()).unwrap();
            let map = buffer.map_readable().unwrap();
            assert_eq!((map[0], *map.last().unwrap()), (16, 128), "{format}");
        }
    }

    #[test]
    fn silence_is_as_long_as_it_says() {
        gst::init().unwrap();
        let buffer = silence().unwrap();
        assert_eq!(buffer.size(), 48_000 / 10 * 4);
        assert!(buffer.map_readable().unwrap().iter().all(|byte| *byte == 0));
    }
}
