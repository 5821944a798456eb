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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_appsrc_has_its_format_as_soon_as_it_is_there() {
        gst::init().unwrap();
        let make = |name| gst::ElementFactory::make(name).build().unwrap();
        let (pipeline, first) = (gst::Pipeline::new(), make("fakesink"));
        // One that stands in no pipeline has nothing to wait for.
        work_in_time(&first);
        pipeline.add(&first).unwrap();
        work_in_time(&first);
        let appsrc = make("appsrc");
        assert_eq!(appsrc.property::<gst::Format>("format"), gst::Format::Bytes);
        pipeline.add_many([&appsrc, &make("queue")]).unwrap();
        assert_eq!(appsrc.property::<gst::Format>("format"), gst::Format::Time);
    }
}
