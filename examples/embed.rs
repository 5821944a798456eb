// SPDX-License-Identifier: MPL-2.0
//! A GStreamer application of your own that shows its camera through Porthole.

use gst::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    gst::init()?;
    let pipeline = gst::parse::launch(
        "videotestsrc is-live=true ! video/x-raw,width=1280,height=720,framerate=30/1 \
         ! portholeoverlay text=\"%H:%M:%S {viewers} watching\" ! portholesink name=door",
    )?
    .downcast::<gst::Pipeline>()
    .map_err(|_| "not a pipeline")?;

    let door = pipeline.by_name("door").ok_or("no sink")?;
    door.set_property("camera-name", "front door");
    door.set_property("max-viewers", 4u32);
    door.connect("viewer-joined", false, |args| {
        println!("{:?} is watching", args[2].get::<String>());
        None
    });

    pipeline.set_state(gst::State::Playing)?;
    for message in pipeline
        .bus()
        .ok_or("no bus")?
        .iter_timed(gst::ClockTime::NONE)
    {
        match message.view() {
            gst::MessageView::Error(error) => return Err(error.error().into()),
            gst::MessageView::Eos(_) => break,
            _ => (),
        }
    }
    pipeline.set_state(gst::State::Null)?;
    Ok(())
}
