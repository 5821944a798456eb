// SPDX-License-Identifier: MPL-2.0
//! The elements between a source and the pad of its bin.

use gst::{glib, prelude::*};

use super::super::{
    elements::make,
    select::{
        mode::{self, Coding},
        plan::Plan,
    },
};
use crate::{camera::caps::whole, colours};

/// `source ! capsfilter [! decoder or parser] [! videoconvert] [! videoscale] [! videorate] ! capsfilter`, of which the first filter is
/// returned. The source is in the bin already.
pub(super) fn link(
    bin: &gst::Bin,
    source: &gst::Element,
    plan: &Plan,
) -> Result<gst::Element, glib::BoolError> {
    let first = filter(&plan.native)?;
    let between = between(plan, &first)?;
    let last = filter(&plan.output)?;
    bin.add_many([&first, &last])?;
    bin.add_many(&between)?;
    let ends = [source, &first].into_iter();
    gst::Element::link_many(ends.chain(&between).chain([&last]))?;
    open(bin, &last)?;
    Ok(first)
}

/// What decodes and converts behind an element.
pub(super) fn between(
    plan: &Plan,
    behind: &gst::Element,
) -> Result<Vec<gst::Element>, glib::BoolError> {
    let decoder = match plan.coding {
        Coding::Raw => None,
        Coding::Jpeg => Some(jpeg_decoder()?),
        Coding::H264 => Some(h264_parser()?),
        Coding::Bayer => Some(bayer_decoder()?),
    };
    if plan.coding == Coding::Jpeg
        && colours::is_limited(&plan.output)
        && let Some(pad) = decoder
            .as_ref()
            .and_then(|decoder| decoder.static_pad("src"))
    {
        colours::write_as_bt601(&pad);
    }
    let conversions = conversions(plan)?;
    let behind = decoder.as_ref().unwrap_or(behind);
    if !conversions.is_empty()
        && let Some(pad) = behind.static_pad("src")
    {
        complete(&pad);
    }
    Ok(decoder.into_iter().chain(conversions).collect())
}

pub(super) fn filter(caps: &gst::Caps) -> Result<gst::Element, glib::BoolError> {
    gst::ElementFactory::make("capsfilter")
        .property("caps", caps)
        .build()
}

/// Gives the bin the source pad of its last element.
pub(super) fn open(bin: &gst::Bin, last: &gst::Element) -> Result<(), glib::BoolError> {
    let pad = last.static_pad("src");
    let pad = pad.ok_or_else(|| glib::bool_error!("no source pad"))?;
    bin.add_pad(&ghost(&pad, "video")?)
}

/// Has a pad say of raw video all that its caps imply. A converter copies each frame if the caps on its two sides are not the
/// same to the letter.
pub(in crate::camera::devices) fn complete(pad: &gst::Pad) {
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

pub(in crate::camera::devices) fn ghost(
    target: &gst::Pad,
    name: &str,
) -> Result<gst::GhostPad, glib::BoolError> {
    gst::GhostPad::builder_with_target(target).map(|builder| builder.name(name).build())
}

/// The elements that a plan needs between decoding and the last capsfilter.
pub(in crate::camera::devices) fn conversions(
    plan: &Plan,
) -> Result<Vec<gst::Element>, glib::BoolError> {
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

pub(in crate::camera::devices) fn h264_parser() -> Result<gst::Element, glib::BoolError> {
    let parser = gst::ElementFactory::make("h264parse");
    // A viewer who joins later can decode from any key unit on.
    parser.property("config-interval", -1).build()
}
