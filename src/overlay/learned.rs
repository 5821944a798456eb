// SPDX-License-Identifier: MPL-2.0
//! What the stream's events say: who watches, what the camera is called, which way up it is.

use gst_video::VideoOrientationMethod;

use super::orient::Orientation;

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
}

impl Learned {
    /// The camera's display name.
    pub(crate) fn camera(&self) -> &str {
        let name = self.camera.as_deref().or(self.title.as_deref());
        name.unwrap_or(NAMELESS)
    }

    /// The orientation that `direction` asks for, given the tags seen.
    pub(crate) fn orientation(&self, direction: VideoOrientationMethod) -> Orientation {
        let method = match direction {
            VideoOrientationMethod::Auto => self
                .stream_orientation
                .or(self.global_orientation)
                .unwrap_or(VideoOrientationMethod::Identity),
            fixed => fixed,
        };
        match method {
            VideoOrientationMethod::_90r => Orientation::Right90,
            VideoOrientationMethod::_180 => Orientation::Half,
            VideoOrientationMethod::_90l => Orientation::Left90,
            VideoOrientationMethod::Horiz => Orientation::MirrorHorizontal,
            VideoOrientationMethod::Vert => Orientation::MirrorVertical,
            VideoOrientationMethod::UlLr => Orientation::Transpose,
            VideoOrientationMethod::UrLl => Orientation::AntiTranspose,
            _ => Orientation::Identity,
        }
    }

    /// Takes a `porthole/demand` structure; fields of the wrong type are ignored.
    pub(crate) fn take_demand(&mut self, demand: &gst::StructureRef) {
        if let Ok(viewers) = demand.get("viewers") {
            self.viewers = viewers;
        }
        if let Ok(camera) = demand.get::<Option<String>>("camera") {
            self.camera = camera;
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
    }
}
