// SPDX-License-Identifier: MPL-2.0
//! An open camera: a pipeline of its own, from the device to one outlet for each stream.

use gst::{glib, prelude::*};

use super::{
    devices::Device,
    event::{Event, EventSender},
    outlet::{Context, Feeds, Outlets},
};

/// An open camera; dropping it closes it.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) pipeline: gst::Pipeline,
    outlets: Outlets,
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

impl Source {
    /// Builds the pipeline, still closed. `events` hears of its first frame, its end and its errors.
    pub(crate) fn new(
        device: &dyn Device,
        feeds: &Feeds,
        context: &Context,
        events: &EventSender,
    ) -> Result<Self, glib::BoolError> {
        let pipeline = gst::Pipeline::new();
        let outlets = Outlets::new(&pipeline, feeds.clone(), context.clone(), events.clone());
        let source = Self { pipeline, outlets };
        device.build(&source.pipeline, &source.outlets)?;
        source.pipeline.use_clock(Some(&context.clock));
        source.watch(events.clone())?;
        Ok(source)
    }

    /// Whether it has sound, and somebody asked for it.
    pub(crate) fn has_sound(&self) -> bool {
        self.outlets.has_sound()
    }

    /// Passes on what its bus says of its end and its errors.
    fn watch(&self, events: EventSender) -> Result<(), glib::BoolError> {
        let bus = self
            .pipeline
            .bus()
            .ok_or_else(|| glib::bool_error!("no bus"))?;
        let pipeline = self.pipeline.downgrade();
        bus.set_sync_handler(move |_, message| {
            match message.view() {
                gst::MessageView::Error(error) => {
                    events.send(Event::Failed(error.error().to_string()));
                }
                gst::MessageView::Eos(eos)
                    if eos.src() == pipeline.upgrade().as_ref().map(|p| p.upcast_ref()) =>
                {
                    events.send(Event::EndOfFile);
                }
                _ => (),
            }
            gst::BusSyncReply::Drop
        });
        Ok(())
    }
}
