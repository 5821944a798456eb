// SPDX-License-Identifier: MPL-2.0
//! The appsrcs that webrtcsink adds to a session's pipeline, from the beginning in the format that it sets afterwards.
//!
//! At a viewer's own offer the pipeline goes from PAUSED to PLAYING on one thread while webrtcsink adds the appsrcs on another
//! (`webrtcsink/imp.rs`, "can create a race condition with our configuring of the format"). One that is started in between works in
//! bytes and refuses its first segment: the session ends by itself, and if its second stream is just being connected, webrtcsink locks
//! itself for all viewers (docs/upstream.md).

use gst::prelude::*;

/// To be called while the pipeline has no appsrc, as when its webrtcbin is ready.
pub(crate) fn work_in_time(webrtcbin: &gst::Element) {
    let pipeline = webrtcbin.parent().and_downcast::<gst::Bin>();
    let Some(pipeline) = pipeline else {
        return;
    };
    pipeline.connect_element_added(|_, element| {
        let factory = element.factory();
        if factory.is_some_and(|factory| factory.name() == "appsrc") {
            element.set_property_from_str("format", "time");
        }
    });
}
