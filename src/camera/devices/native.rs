// SPDX-License-Identifier: MPL-2.0
//! From a source element to a bin that gives pictures as they are wanted: opens it, asks what it can, plans, links.

use std::{fmt::Debug, path::Path};

use gst::{glib, prelude::*};

use super::{
    controls::Properties,
    errors, make,
    mode::{self, Coding},
    plan::{self, Plan},
};
use crate::camera::{
    device::{Handles, Request, Source},
    feed::whole,
    problem::{Problem, Reason},
};

/// What tells one kind of camera from another here.
pub(super) trait Kind: Debug + Send + Sync {
    /// Its source element, not opened.
    fn element(&self) -> Result<gst::Element, Problem>;

    /// What it can do, where its element does not know before it runs.
    fn caps(&self) -> Option<gst::Caps> {
        None
    }

    /// What it uses, to be looked at when it fails.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// What of it can be set.
    fn handles(&self, element: &gst::Element) -> Box<dyn Handles> {
        Box::new(Properties(element.clone()))
    }
}

/// What a camera would give, without keeping it open.
pub(super) fn look(kind: &dyn Kind, request: &Request) -> Result<gst::Caps, Problem> {
    let source = Open::new(kind)?;
    Ok(source.plan(kind, request)?.output)
}

/// Opens a camera and makes its bin; `device` is its name for people.
pub(super) fn build(kind: &dyn Kind, request: &Request, device: String) -> Result<Source, Problem> {
    let source = Open::new(kind)?;
    let plan = source.plan(kind, request)?;
    let element = source.keep();
    let built = bin(&element, &plan);
    let bin = built.map_err(|error| {
        let _ = element.set_state(gst::State::Null);
        Problem::new(Reason::Failed, error.to_string())
    })?;
    Ok(Source {
        bin,
        paced: false,
        device,
        warning: None,
        path: kind.path().map(Path::to_owned),
        handles: kind.handles(&element),
    })
}

/// The source element that a device provider has for a device.
pub(super) fn element_of(device: &gst::Device) -> Result<gst::Element, Problem> {
    device.create_element(None).map_err(|_| {
        let text = "its provider makes no element for it: check that the provider's GStreamer plugin is whole";
        Problem::new(Reason::Failed, text)
    })
}

/// A source element in READY, which is closed again unless it is kept.
struct Open(Option<gst::Element>);

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(element) = self.0.take() {
            let _ = element.set_state(gst::State::Null);
        }
    }
}

impl Open {
    fn new(kind: &dyn Kind) -> Result<Self, Problem> {
        let element = kind.element()?;
        // Nobody else hears yet why it cannot be opened.
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let opened = element.set_state(gst::State::Ready);
        let error = bus.pop_filtered(&[gst::MessageType::Error]);
        element.set_bus(None);
        bus.set_flushing(true);
        let source = Self(Some(element));
        match (opened, error) {
            (Ok(_), _) => Ok(source),
            (Err(_), Some(message)) => Err(why(&message, kind)),
            (Err(_), None) => Err(Problem::new(
                Reason::Failed,
                "it cannot be opened, and does not say why; GST_DEBUG=3 may show it",
            )),
        }
    }

    fn plan(&self, kind: &dyn Kind, request: &Request) -> Result<Plan, Problem> {
        let pad = self
            .0
            .as_ref()
            .and_then(|element| element.static_pad("src"));
        let pad =
            pad.ok_or_else(|| Problem::new(Reason::Failed, "its element has no pad `src`"))?;
        let caps = kind.caps().unwrap_or_else(|| pad.query_caps(None));
        match caps.is_any() {
            true => plan::blind(request),
            false => plan::plan(&caps, request),
        }
    }

    fn keep(mut self) -> gst::Element {
        // `new` puts one in, and only this takes it out.
        self.0.take().unwrap_or_else(|| gst::Bin::new().upcast())
    }
}

fn why(message: &gst::Message, kind: &dyn Kind) -> Problem {
    match message.view() {
        gst::MessageView::Error(error) => {
            let debug = error.debug();
            errors::problem(&error.error(), debug.as_deref(), kind.path())
        }
        _ => Problem::new(Reason::Failed, "it cannot be opened"),
    }
}

/// `source ! capsfilter [! decoder or parser] [! videoconvert] [! videoscale] [! videorate] ! capsfilter`.
fn bin(source: &gst::Element, plan: &Plan) -> Result<gst::Bin, glib::BoolError> {
    let filter = |caps: &gst::Caps| {
        gst::ElementFactory::make("capsfilter")
            .property("caps", caps)
            .build()
    };
    let mut chain = vec![source.clone(), filter(&plan.native)?];
    match plan.coding {
        Coding::Raw => (),
        Coding::Jpeg => chain.push(jpeg_decoder()?),
        Coding::H264 => chain.push(h264_parser()?),
    }
    let conversions = conversions(plan)?;
    if !conversions.is_empty()
        && let Some(pad) = chain.last().and_then(|element| element.static_pad("src"))
    {
        complete(&pad);
    }
    chain.extend(conversions);
    chain.push(filter(&plan.output)?);

    let bin = gst::Bin::new();
    bin.add_many(&chain)?;
    gst::Element::link_many(&chain)?;
    let last = chain.last().and_then(|element| element.static_pad("src"));
    let last = last.ok_or_else(|| glib::bool_error!("no source pad"))?;
    bin.add_pad(&ghost(&last, "video")?)?;
    // As open as its source, so that closing the bin closes it even if it never runs.
    bin.set_state(gst::State::Ready)
        .map_err(|_| glib::bool_error!("it cannot be opened twice"))?;
    Ok(bin)
}

/// Has a pad say of raw video all that its caps imply. A converter copies each frame if the caps on its two sides are not the
/// same to the letter.
pub(super) fn complete(pad: &gst::Pad) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, |_, info| {
        if let Some(gst::PadProbeData::Event(event)) = &mut info.data
            && let gst::EventView::Caps(caps) = event.view()
            && mode::is_plain_raw(caps.caps())
        {
            *event = gst::event::Caps::new(&whole(&caps.caps_owned()));
        }
        gst::PadProbeReturn::Ok
    });
}

pub(super) fn ghost(target: &gst::Pad, name: &str) -> Result<gst::GhostPad, glib::BoolError> {
    gst::GhostPad::builder_with_target(target).map(|builder| builder.name(name).build())
}

/// The elements that a plan needs between decoding and the last capsfilter.
pub(super) fn conversions(plan: &Plan) -> Result<Vec<gst::Element>, glib::BoolError> {
    let mut chain = Vec::new();
    if plan.convert {
        chain.push(make("videoconvert")?);
    }
    if plan.scale {
        // The picture keeps its shape; the rest is black.
        let scale = gst::ElementFactory::make("videoscale").property("add-borders", true);
        chain.push(scale.build()?);
    }
    if plan.rate {
        // From the first frame on, or a camera that is slow to open would give all those that it owes.
        let rate = gst::ElementFactory::make("videorate").property("skip-to-first", true);
        chain.push(rate.build()?);
    }
    Ok(chain)
}

fn jpeg_decoder() -> Result<gst::Element, glib::BoolError> {
    let decoder = make("jpegdec")?;
    // USB cameras damage a frame now and then; the next one is whole.
    if decoder.find_property("max-errors").is_some() {
        decoder.set_property("max-errors", -1);
    }
    Ok(decoder)
}

pub(super) fn h264_parser() -> Result<gst::Element, glib::BoolError> {
    let parser = gst::ElementFactory::make("h264parse");
    // A viewer who joins later can decode from any key unit on.
    parser.property("config-interval", -1).build()
}

#[cfg(test)]
#[path = "native_tests.rs"]
mod tests;
