// SPDX-License-Identifier: MPL-2.0
//! Who turns the picture: the overlay asks upstream, since a camera may do it for nothing; who has done it says so, and the
//! overlay turns the rest.

use gst_video::VideoOrientationMethod;

const FIELD: &str = "video-direction";

/// How the picture is wanted, as seen from the sensor. A custom upstream event; field `video-direction`,
/// GstVideoOrientationMethod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn(pub(crate) VideoOrientationMethod);

/// How the frames that follow have been turned already, as seen from the sensor. A sticky custom downstream event, in order
/// with the frames; the same field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turned(pub(crate) VideoOrientationMethod);

impl Turn {
    const NAME: &str = "porthole/turn";

    /// The event.
    pub(crate) fn event(self) -> gst::Event {
        gst::event::CustomUpstream::new(structure(Self::NAME, self.0))
    }

    /// What an event asks for, if it is such a one.
    pub(crate) fn parse(event: &gst::EventRef) -> Option<Self> {
        direction(event, Self::NAME).map(Self)
    }
}

impl Turned {
    const NAME: &str = "porthole/turned";

    /// The event.
    pub(crate) fn event(self) -> gst::Event {
        gst::event::CustomDownstreamSticky::new(structure(Self::NAME, self.0))
    }

    /// What an event says, if it is such a one.
    pub(crate) fn parse(event: &gst::EventRef) -> Option<Self> {
        direction(event, Self::NAME).map(Self)
    }
}

fn structure(name: &str, direction: VideoOrientationMethod) -> gst::Structure {
    gst::Structure::builder(name)
        .field(FIELD, direction)
        .build()
}

fn direction(event: &gst::EventRef, name: &str) -> Option<VideoOrientationMethod> {
    let structure = event.structure().filter(|s| s.name() == name)?;
    structure.get(FIELD).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTIONS: [VideoOrientationMethod; 9] = [
        VideoOrientationMethod::Identity,
        VideoOrientationMethod::_90r,
        VideoOrientationMethod::_180,
        VideoOrientationMethod::_90l,
        VideoOrientationMethod::Horiz,
        VideoOrientationMethod::Vert,
        VideoOrientationMethod::UlLr,
        VideoOrientationMethod::UrLl,
        VideoOrientationMethod::Auto,
    ];

    #[test]
    fn what_is_built_is_what_is_parsed_and_nothing_else_is() {
        gst::init().unwrap();
        for direction in DIRECTIONS {
            let (wanted, done) = (Turn(direction).event(), Turned(direction).event());
            assert_eq!(wanted.type_(), gst::EventType::CustomUpstream);
            assert_eq!(done.type_(), gst::EventType::CustomDownstreamSticky);
            assert_eq!(Turn::parse(&wanted), Some(Turn(direction)));
            assert_eq!(Turned::parse(&done), Some(Turned(direction)));
            assert_eq!((Turn::parse(&done), Turned::parse(&wanted)), (None, None));
        }
    }

    #[test]
    fn a_direction_of_the_wrong_type_is_none() {
        gst::init().unwrap();
        let structure = gst::Structure::builder("porthole/turned")
            .field("video-direction", "180")
            .build();
        let event = gst::event::CustomDownstreamSticky::new(structure);
        assert_eq!(Turned::parse(&event), None);
    }
}
