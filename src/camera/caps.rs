// SPDX-License-Identifier: MPL-2.0
//! The forms of what leaves portholesrc: raw pictures with all that is implied, H.264, and one form of sound.

use std::sync::LazyLock;

pub(crate) const H264: &str = "video/x-h264";
/// The fields of H.264's caps that say what it is; a parser adds what changes with each picture.
const H264_FIELDS: [&str; 7] = [
    "stream-format",
    "alignment",
    "width",
    "height",
    "framerate",
    "profile",
    "level",
];

/// The same caps with the fields that are implied by the others, and without those that say nothing.
pub(crate) fn whole(caps: &gst::Caps) -> gst::Caps {
    let Some(structure) = caps.structure(0) else {
        return caps.clone();
    };
    match structure.name().as_str() {
        "video/x-raw" => {
            let info = gst_video::VideoInfo::from_caps(caps).ok();
            info.and_then(|info| info.to_caps().ok())
        }
        H264 => {
            let mut only = gst::Structure::new_empty(H264);
            for field in H264_FIELDS {
                if let Ok(value) = structure.value(field) {
                    only.set_value(field, value.clone());
                }
            }
            Some(gst::Caps::from(only))
        }
        _ => None,
    }
    .unwrap_or_else(|| caps.clone())
}

/// H.264 as it leaves portholesrc.
pub(crate) fn h264() -> gst::Caps {
    gst::Caps::builder(H264)
        .field("stream-format", "byte-stream")
        .field("alignment", "au")
        .build()
}

static SOUND: LazyLock<gst::Caps> = LazyLock::new(|| {
    gst::Caps::builder("audio/x-raw")
        .field("format", "S16LE")
        .field("layout", "interleaved")
        .field("rate", 48_000)
        .field("channels", 2)
        .field("channel-mask", gst::Bitmask::new(0b11))
        .build()
});

/// The form of all sound that leaves portholesrc: what Opus works in, left and right.
pub(crate) fn sound() -> gst::Caps {
    SOUND.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_device_leaves_out_and_another_writes_down_is_one_format() {
        gst::init().unwrap();
        let of = |text: &str| whole(&text.parse().unwrap());
        let least = "video/x-raw,format=I420,width=640,height=480,framerate=15/1";
        let more = format!("{least},interlace-mode=progressive,pixel-aspect-ratio=1/1");
        assert_eq!(of(least), of(&more));
        assert_ne!(of(least), of(&format!("{least},pixel-aspect-ratio=4/3")));
    }

    #[test]
    fn what_a_parser_adds_to_h264_says_nothing_of_the_stream() {
        gst::init().unwrap();
        let caps = "video/x-h264,width=640,height=480,profile=high,parsed=true,chroma-format=4:2:0";
        let expected: gst::Caps = "video/x-h264,width=640,height=480,profile=high"
            .parse()
            .unwrap();
        assert_eq!(whole(&caps.parse().unwrap()), expected);
    }
}
