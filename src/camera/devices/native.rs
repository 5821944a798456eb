// SPDX-License-Identifier: MPL-2.0
//! From a source element to a bin that gives pictures as they are wanted: opens it, asks what it can, plans, links.

use std::{fmt::Debug, path::Path, sync::Arc};

use gst::{glib, prelude::*};

use super::{
    controls::Properties,
    elements::make,
    errors,
    microphone::Own,
    select::{
        mode::{self, Coding},
        plan::{self, Plan},
        rate_words,
    },
};
use crate::{
    camera::{
        caps::whole,
        device::{Control, Handles, Request, Source},
        problem::{Problem, Reason},
    },
    colours,
};

/// What tells one kind of camera from another here.
pub(super) trait Kind: Debug + Send + Sync {
    /// Its source element, not opened.
    fn element(&self) -> Result<gst::Element, Problem>;

    /// What it can do, where its element does not know before it runs.
    fn caps(&self) -> Option<gst::Caps> {
        None
    }

    /// Whether it comes as near to a mode as it can, in place of refusing what it has not. Then its pictures tell what they are.
    fn adjusts(&self) -> bool {
        false
    }

    /// What it uses, to be looked at when it fails.
    fn path(&self) -> Option<&Path> {
        None
    }

    /// Where its microphone is looked for.
    fn microphone(&self) -> Own {
        Own {
            path: self.path().map(Path::to_owned),
            ..Own::default()
        }
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
    let built = match kind.adjusts() {
        true => bin_that_follows(&element, &plan, request),
        false => bin(&element, &plan),
    };
    let bin = built.map_err(|error| {
        let _ = element.set_state(gst::State::Null);
        Problem::new(Reason::Failed, error.to_string())
    })?;
    Ok(Source {
        bin,
        paced: false,
        device,
        warning: None,
        microphone: Some(Arc::new(kind.microphone())),
        path: kind.path().map(Path::to_owned),
        handles: kind.handles(&element),
    })
}

/// What can be set of a camera. Opens it for a moment; none where that fails.
pub(super) fn controls(kind: &dyn Kind) -> Vec<Control> {
    let Ok(source) = Open::new(kind) else {
        return Vec::new();
    };
    let element = source.0.as_ref();
    element.map_or_else(Vec::new, |element| kind.handles(element).controls())
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
    let mut chain = vec![source.clone(), filter(&plan.native)?];
    match plan.coding {
        Coding::Raw => (),
        Coding::Jpeg => chain.push(jpeg_decoder()?),
        Coding::H264 => chain.push(h264_parser()?),
        Coding::Bayer => chain.push(bayer_decoder()?),
    }
    if plan.coding == Coding::Jpeg
        && colours::is_limited(&plan.output)
        && let Some(pad) = chain.last().and_then(|element| element.static_pad("src"))
    {
        colours::write_as_bt601(&pad);
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
    open(&bin, chain.last().unwrap_or(source))?;
    Ok(bin)
}

fn filter(caps: &gst::Caps) -> Result<gst::Element, glib::BoolError> {
    gst::ElementFactory::make("capsfilter")
        .property("caps", caps)
        .build()
}

/// Gives the bin the source pad of its last element.
fn open(bin: &gst::Bin, last: &gst::Element) -> Result<(), glib::BoolError> {
    let pad = last.static_pad("src");
    let pad = pad.ok_or_else(|| glib::bool_error!("no source pad"))?;
    bin.add_pad(&ghost(&pad, "video")?)?;
    // As open as its source, so that closing the bin closes it even if it never runs.
    bin.set_state(gst::State::Ready)
        .map_err(|_| glib::bool_error!("it cannot be opened twice"))?;
    Ok(())
}

/// `source ! capsfilter ... capsfilter`: what stands between the two is known when the first picture is on its way, since only then
/// the source says what it gives.
fn bin_that_follows(
    source: &gst::Element,
    plan: &Plan,
    request: &Request,
) -> Result<gst::Bin, glib::BoolError> {
    let missing = || glib::bool_error!("no pad");
    let bin = gst::Bin::new();
    let first = filter(&plan::at_any_rate(&plan.native))?;
    let last = make("capsfilter")?;
    bin.add_many([source, &first, &last])?;
    source.link(&first)?;
    let pad = first.static_pad("sink").ok_or_else(missing)?;
    let (weak, request, end) = (bin.downgrade(), request.clone(), last.clone());
    let asked = plan.native.clone();
    // In front of the filter, so that all that it has held back follows the link.
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        let Some(gst::PadProbeData::Event(event)) = &info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let (gst::EventView::Caps(caps), Some(bin)) = (event.view(), weak.upgrade()) else {
            return gst::PadProbeReturn::Ok;
        };
        if let Err(problem) = follow(&bin, &first, &end, &caps.caps_owned(), &request) {
            gst::element_error!(bin, gst::ResourceError::Settings, ("{problem}"));
        }
        if let Some(text) = other_rate(&asked, caps.caps()) {
            gst::element_warning!(bin, gst::ResourceError::Settings, ("{text}"));
        }
        gst::PadProbeReturn::Remove
    });
    open(&bin, &last)?;
    Ok(bin)
}

/// Puts between two filters what has to be done to pictures of these caps.
fn follow(
    bin: &gst::Bin,
    first: &gst::Element,
    last: &gst::Element,
    caps: &gst::Caps,
    request: &Request,
) -> Result<(), Problem> {
    let plan = plan::running(caps, request)?;
    let link = || {
        let between = conversions(&plan)?;
        last.set_property("caps", &plan.output);
        bin.add_many(&between)?;
        let chain: Vec<&gst::Element> = [first].into_iter().chain(&between).chain([last]).collect();
        if let Some(pad) = first.static_pad("src").filter(|_| !between.is_empty()) {
            complete(&pad);
        }
        // From the last to the first, so that nothing comes to an element that is not ready yet.
        for pair in chain.windows(2).rev() {
            pair[1].sync_state_with_parent()?;
            pair[0].link(pair[1])?;
        }
        Ok(())
    };
    link().map_err(|error: glib::BoolError| Problem::new(Reason::Failed, error.to_string()))
}

/// What is to be said where a camera gives another rate than it was asked for.
fn other_rate(asked: &gst::CapsRef, given: &gst::CapsRef) -> Option<String> {
    let (asked, given) = (asked.structure(0)?, given.structure(0)?);
    let rate = asked.get::<gst::Fraction>("framerate").ok()?;
    let own = given.get::<gst::Fraction>("framerate").ok()?;
    let (width, height): (i32, i32) = (given.get("width").ok()?, given.get("height").ok()?);
    (own != rate).then(|| {
        format!(
            "in {width}x{height} it gives {} pictures a second, not the {} that were asked: set framerate={}/{}, or another size",
            rate_words(own),
            rate_words(rate),
            own.numer(),
            own.denom(),
        )
    })
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

fn bayer_decoder() -> Result<gst::Element, glib::BoolError> {
    make("bayer2rgb").map_err(|_| {
        glib::bool_error!(
            "it gives what its sensor sees, and bayer2rgb is missing, which makes a picture of that: install the package gstreamer1.0-plugins-bad"
        )
    })
}

pub(super) fn h264_parser() -> Result<gst::Element, glib::BoolError> {
    let parser = gst::ElementFactory::make("h264parse");
    // A viewer who joins later can decode from any key unit on.
    parser.property("config-interval", -1).build()
}

#[cfg(test)]
#[path = "native_tests.rs"]
mod tests;
