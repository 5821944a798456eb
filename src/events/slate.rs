// SPDX-License-Identifier: MPL-2.0
//! The mark on a picture that stands in for the camera's: not an event, but a meta on the buffer, since camera and slate send from
//! threads of their own. It passes filters and encoders as all metas without tags do.

use std::sync::LazyLock;

/// Becomes the name of a type, which has no slash.
const NAME: &str = "GstPortholeSlateMeta";

/// Registered once in a process.
static META: LazyLock<bool> = LazyLock::new(|| {
    if !gst::meta::CustomMeta::is_registered(NAME) {
        gst::meta::CustomMeta::register(NAME, &[]);
    }
    gst::meta::CustomMeta::is_registered(NAME)
});

/// Marks a picture.
pub(crate) fn mark(picture: &mut gst::BufferRef) {
    if *META {
        // It fails where there is no memory left.
        let _ = gst::meta::CustomMeta::add(picture, NAME);
    }
}

/// Whether a picture is marked.
pub(crate) fn is_marked(picture: &gst::BufferRef) -> bool {
    *META && gst::meta::CustomMeta::from_buffer(picture, NAME).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_stays_on_copies_and_is_on_no_other_picture() {
        gst::init().unwrap();
        let mut picture = gst::Buffer::with_size(16).unwrap();
        assert!(!is_marked(&picture));
        mark(picture.make_mut());
        assert!(is_marked(&picture));
        assert!(is_marked(&picture.copy()));
    }

    #[test]
    fn a_mark_passes_what_stands_between_camera_and_sink() {
        gst::init().unwrap();
        for between in ["identity", "videoconvert", "videoscale", "queue"] {
            let mut harness = gst_check::Harness::new_parse(between);
            let caps = "video/x-raw,format=I420,width=16,height=16,framerate=10/1";
            harness.set_src_caps_str(caps);
            harness.set_sink_caps_str("video/x-raw,width=16,height=16");
            let mut picture = gst::Buffer::with_size(16 * 16 * 3 / 2).unwrap();
            mark(picture.make_mut());
            harness.push(picture).unwrap();
            assert!(is_marked(&harness.pull().unwrap()), "{between}");
        }
    }
}
