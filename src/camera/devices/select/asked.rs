// SPDX-License-Identifier: MPL-2.0
//! The mode of a camera that can have any.

use crate::{
    camera::{
        caps::h264,
        device::{Asked, Request},
        settings,
    },
    frame::FORMATS,
};

/// What is asked of a camera that has no mode of its own: what was left to it is as usual.
pub(in crate::camera) fn usual(asked: &Asked) -> Asked {
    let mut asked = asked.clone();
    if asked.width == 0 {
        asked.width = settings::WIDTH;
    }
    if asked.height == 0 {
        asked.height = settings::HEIGHT;
    }
    if asked.framerate.numer() == 0 {
        asked.framerate = settings::FRAMERATE;
    }
    asked
}

/// The mode of a camera that can have any: what is asked, as far as downstream takes it.
pub(crate) fn mode_as_asked(request: &Request) -> Option<gst::Caps> {
    let asked = usual(&request.asked);
    if let Some(settled) = &request.settled {
        return Some(settled.clone());
    }
    if asked.encoded {
        let mut mode = h264();
        {
            let structure = mode.make_mut().structure_mut(0)?;
            structure.set("width", asked.width);
            structure.set("height", asked.height);
            structure.set("framerate", asked.framerate);
        }
        return Some(mode);
    }
    let ours = gst_video::VideoCapsBuilder::new()
        .format_list(FORMATS.map(|(format, _)| format))
        .build();
    let mut mode = request.allowed.intersect(&ours);
    mode.truncate();
    {
        let structure = mode.make_mut().structure_mut(0)?;
        structure.fixate_field_str("format", asked.format.as_deref().unwrap_or("I420"));
        structure.fixate_field_nearest_int("width", asked.width);
        structure.fixate_field_nearest_int("height", asked.height);
        structure.fixate_field_nearest_fraction("framerate", asked.framerate);
        if !structure.has_field("pixel-aspect-ratio") {
            structure.set("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        }
        structure.fixate_field_nearest_fraction("pixel-aspect-ratio", gst::Fraction::new(1, 1));
        structure.set("interlace-mode", "progressive");
    }
    mode.fixate();
    // With all that is implied, such as the colorimetry of its size, so that slate and picture cannot differ in it.
    gst_video::VideoInfo::from_caps(&mode).ok()?.to_caps().ok()
}
