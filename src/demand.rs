// SPDX-License-Identifier: MPL-2.0
//! Demand: the upstream event by which the sink tells the camera and the overlay who watches.

/// Name of the event's structure. A `GST_EVENT_CUSTOM_UPSTREAM`.
pub(crate) const NAME: &str = "porthole/demand";

/// Who watches now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Demand {
    /// Admitted sessions. Field `viewers`, guint.
    pub(crate) viewers: u32,
    /// The camera's display name, as viewers see it. Field `camera`, string.
    pub(crate) camera: String,
}

impl Demand {
    /// The event: `viewers`, `camera`, and `active` (gboolean), which says whether the camera is to run.
    pub(crate) fn event(&self) -> gst::Event {
        let structure = gst::Structure::builder(NAME)
            .field("viewers", self.viewers)
            .field("active", self.viewers > 0)
            .field("camera", self.camera.as_str())
            .build();
        gst::event::CustomUpstream::new(structure)
    }
}

/// Whether the camera is to run, if `event` says so.
pub(crate) fn active(event: &gst::EventRef) -> Option<bool> {
    let structure = event.structure().filter(|s| s.name() == NAME)?;
    structure.get("active").ok()
}
