// SPDX-License-Identifier: MPL-2.0
//! Demand: the upstream event by which the sink tells the camera and the overlay who watches.

const NAME: &str = "porthole/demand";

/// Who watches now. A custom upstream event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Admitted sessions. Field `viewers`, guint; 0 or 1, as `active` says, where it is missing.
    pub(crate) viewers: u32,
    /// Whether the camera is to run. Field `active`, gboolean; without it the event is none of demand.
    pub(crate) active: bool,
    /// The camera's display name, as viewers see it. Field `camera`, string; may be missing.
    pub(crate) camera: Option<String>,
    /// Who says it: the sink's path in its pipeline. Field `sink`, string; may be missing.
    pub(crate) sink: Option<String>,
}

impl Demand {
    /// The event.
    pub(crate) fn event(&self) -> gst::Event {
        let structure = gst::Structure::builder(NAME)
            .field("viewers", self.viewers)
            .field("active", self.active)
            .field_if_some("camera", self.camera.as_deref())
            .field_if_some("sink", self.sink.as_deref())
            .build();
        gst::event::CustomUpstream::new(structure)
    }

    /// What an event says, if it is one of demand. A field of the wrong type is one that is missing.
    pub(crate) fn parse(event: &gst::EventRef) -> Option<Self> {
        let structure = event.structure().filter(|s| s.name() == NAME)?;
        let active = structure.get("active").ok()?;
        Some(Self {
            viewers: structure.get("viewers").unwrap_or(u32::from(active)),
            active,
            camera: structure.get("camera").ok().flatten(),
            sink: structure.get("sink").ok().flatten(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(fields: &str) -> gst::Event {
        gst::init().unwrap();
        let structure = fields.parse::<gst::Structure>().unwrap();
        gst::event::CustomUpstream::new(structure)
    }

    #[test]
    fn what_is_built_is_what_is_parsed() {
        gst::init().unwrap();
        let all = Demand {
            viewers: 3,
            active: true,
            camera: Some("Front door".into()),
            sink: Some("/GstPipeline:pipeline0/GstPortholeSink:out".into()),
        };
        let least = Demand {
            viewers: 0,
            active: false,
            camera: None,
            sink: None,
        };
        for demand in [all, least] {
            let event = demand.event();
            assert_eq!(event.type_(), gst::EventType::CustomUpstream);
            assert_eq!(Demand::parse(&event), Some(demand));
        }
    }

    #[test]
    fn a_field_of_the_wrong_type_is_one_that_is_missing() {
        let parsed = Demand::parse(&event(
            "porthole/demand, active=(boolean)true, viewers=(string)many, camera=(int)7, sink=(int)8",
        ));
        let expected = Demand {
            viewers: 1,
            active: true,
            camera: None,
            sink: None,
        };
        assert_eq!(parsed, Some(expected));
    }

    #[test]
    fn an_event_that_does_not_say_whether_the_camera_is_to_run_is_none_of_demand() {
        for fields in [
            "porthole/demand, viewers=(uint)1",
            "porthole/demand, active=(string)perhaps",
            "porthole/other, active=(boolean)true",
        ] {
            assert_eq!(Demand::parse(&event(fields)), None, "{fields}");
        }
        assert_eq!(Demand::parse(&gst::event::Reconfigure::new()), None);
    }
}
