// SPDX-License-Identifier: MPL-2.0
//! Who turns the picture: the overlay asks upstream, since a camera may do it for nothing; who has done it says so.
//!
//! - `porthole/turn`, a custom upstream event: how the picture is wanted. Field `video-direction`,
//!   GstVideoOrientationMethod.
//! - `porthole/turned`, a sticky custom downstream event, in order with the frames: how they have been turned already, as
//!   seen from the sensor. The same field. The overlay turns the rest, and keeps the event to itself.

use gst_video::VideoOrientationMethod;

const FIELD: &str = "video-direction";
const WANTED: &str = "porthole/turn";
const DONE: &str = "porthole/turned";

/// The event that asks for a direction.
pub(crate) fn wanted(direction: VideoOrientationMethod) -> gst::Event {
    let structure = gst::Structure::builder(WANTED)
        .field(FIELD, direction)
        .build();
    gst::event::CustomUpstream::new(structure)
}

/// The direction in which the frames after this event have been turned already, if it is such an event.
pub(crate) fn done(structure: &gst::StructureRef) -> Option<VideoOrientationMethod> {
    let own = structure.name() == DONE;
    own.then(|| structure.get(FIELD).ok()).flatten()
}
