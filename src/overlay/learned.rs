// SPDX-License-Identifier: MPL-2.0
//! What the stream's events say: who watches, what the camera is called, which way up it is.

use gst_video::VideoOrientationMethod;

use porthole_painter::Orientation;

use crate::{events::demand::Demand, frame::orientation};

/// Shown for `{camera}` when nobody has told a name.
const NAMELESS: &str = "camera";

/// Everything learned from events. Tags of the stream win over tags of the whole medium.
#[derive(Clone, Debug, Default)]
pub(crate) struct Learned {
    pub(crate) viewers: u32,
    camera: Option<String>,
    title: Option<String>,
    stream_orientation: Option<VideoOrientationMethod>,
    global_orientation: Option<VideoOrientationMethod>,
    /// How the frames have been turned before they came here.
    done: Orientation,
}

impl Learned {
    /// The camera's display name.
    pub(crate) fn camera(&self) -> &str {
        let name = self.camera.as_deref().or(self.title.as_deref());
        name.unwrap_or(NAMELESS)
    }

    /// The orientation that `direction` asks for, as seen from the sensor, given the tags seen.
    pub(crate) fn method(&self, direction: VideoOrientationMethod) -> VideoOrientationMethod {
        match direction {
            VideoOrientationMethod::Auto => self
                .stream_orientation
                .or(self.global_orientation)
                .unwrap_or(VideoOrientationMethod::Identity),
            fixed => fixed,
        }
    }

    /// What is left to be turned for `direction`.
    pub(crate) fn orientation(&self, direction: VideoOrientationMethod) -> Orientation {
        self.done
            .inverse()
            .then(orientation(self.method(direction)))
    }

    /// Takes the direction in which the frames to come have been turned already.
    pub(crate) fn take_turned(&mut self, direction: VideoOrientationMethod) {
        self.done = orientation(direction);
    }

    /// Takes who watches, and what.
    pub(crate) fn take_demand(&mut self, demand: Demand) {
        self.viewers = demand.viewers;
        if demand.camera.is_some() {
            self.camera = demand.camera;
        }
    }

    /// Takes a tag list.
    pub(crate) fn take_tags(&mut self, tags: &gst::TagListRef) {
        if let Some(title) = tags.get::<gst::tags::Title>() {
            self.title = Some(title.get().to_owned());
        }
        if let Some(method) = VideoOrientationMethod::from_tag(tags) {
            match tags.scope() {
                gst::TagScope::Stream => self.stream_orientation = Some(method),
                _ => self.global_orientation = Some(method),
            }
        }
    }

    /// Forgets what belonged to the stream that has ended.
    pub(crate) fn forget_stream(&mut self) {
        self.title = None;
        self.stream_orientation = None;
        self.global_orientation = None;
        self.done = Orientation::Identity;
    }
}
