// SPDX-License-Identifier: MPL-2.0
//! What stands behind each stream that a server sends. The picture is what the camera is for; sound that nobody can decode is left
//! out and said once.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use gst::{glib, prelude::*};

use super::bin::FilterBin;
use crate::camera::{
    caps,
    device::Request,
    devices::{
        elements::make,
        native,
        select::plan::{self, Plan},
    },
    problem::Problem,
};

const H264: &str = "H264";

/// What a server offers of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Video,
    Sound,
}

pub(super) fn media(caps: &gst::CapsRef) -> Option<Media> {
    match caps.structure(0)?.get::<&str>("media").ok()? {
        "video" => Some(Media::Video),
        "audio" => Some(Media::Sound),
        _ => None,
    }
}

/// Adds what a stream in these caps needs; `last` is where the picture leaves the bin.
pub(super) fn add(
    bin: &gst::Bin,
    pad: &gst::Pad,
    media: Option<Media>,
    caps: &gst::CapsRef,
    last: &gst::Element,
    request: &Request,
) -> Result<(), glib::BoolError> {
    match media {
        Some(Media::Video) if request.asked.encoded => add_encoded(bin, pad, caps, last),
        Some(Media::Video) => add_decoded(bin, pad, last, request),
        Some(Media::Sound) => add_sound(bin, pad),
        None => Ok(()),
    }
}

fn add_all(bin: &gst::Bin, elements: &[gst::Element]) -> Result<(), glib::BoolError> {
    bin.add_many(elements)?;
    gst::Element::link_many(elements)?;
    // From the last to the first, so that nothing comes to an element that is not ready yet.
    elements
        .iter()
        .rev()
        .try_for_each(|element| element.sync_state_with_parent())
}

fn link(pad: &gst::Pad, to: &gst::Element) -> Result<(), glib::BoolError> {
    let sink = to
        .static_pad("sink")
        .ok_or_else(|| glib::bool_error!("no sink pad"))?;
    pad.link(&sink)
        .map(|_| ())
        .map_err(|error| glib::bool_error!("{error}"))
}

/// What the server sends, unpacked and passed on. In whichever size it comes: a key unit with its headers is all that a decoder
/// needs, and a camera that comes back with another is shown.
fn add_encoded(
    bin: &gst::Bin,
    pad: &gst::Pad,
    caps: &gst::CapsRef,
    last: &gst::Element,
) -> Result<(), glib::BoolError> {
    let coding = caps
        .structure(0)
        .and_then(|s| s.get::<String>("encoding-name").ok());
    let coding = coding.unwrap_or_default();
    if coding != H264 {
        return Err(glib::bool_error!(
            "its server sends {coding}, not H.264: leave out encoded=true"
        ));
    }
    last.set_property("caps", caps::h264());
    let chain = [make("rtph264depay")?, native::h264_parser()?];
    add_all(bin, &chain)?;
    chain[1].link(last)?;
    link(pad, &chain[0])
}

/// Decodes the picture; what follows is added when its format is known.
fn add_decoded(
    bin: &gst::Bin,
    pad: &gst::Pad,
    last: &gst::Element,
    request: &Request,
) -> Result<(), glib::BoolError> {
    let decoder = make("decodebin")?;
    if let Some(decoder) = decoder.downcast_ref::<gst::Bin>() {
        decoder.connect_element_added(|_, element| begin_with_a_key_unit(element));
    }
    let (weak, last, request) = (bin.downgrade(), last.clone(), request.clone());
    decoder.connect_pad_added(move |_, pad| {
        if let Some(bin) = weak.upgrade()
            && let Err(error) = add_raw(&bin, pad, &last, &request)
        {
            fail(&bin, &error.to_string());
        }
    });
    add_all(bin, std::slice::from_ref(&decoder))?;
    link(pad, &decoder)
}

/// A decoder that begins between two key units shows grey with what moves in it, for as long as the camera's key units are apart.
fn begin_with_a_key_unit(element: &gst::Element) {
    const WAIT: &str = "wait-for-keyframe";

    if element.find_property(WAIT).is_none() {
        return;
    }
    element.set_property(WAIT, true);
    let weak = element.downgrade();
    if let Some(pad) = element.static_pad("src") {
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            // From then on a picture with a flaw is better than none until the next one.
            if let Some(element) = weak.upgrade() {
                element.set_property(WAIT, false);
            }
            gst::PadProbeReturn::Remove
        });
    }
}

fn add_raw(
    bin: &gst::Bin,
    pad: &gst::Pad,
    last: &gst::Element,
    request: &Request,
) -> Result<(), glib::BoolError> {
    let caps = pad
        .current_caps()
        .ok_or_else(|| glib::bool_error!("its video has no caps"))?;
    let plan = plan(&caps, request).map_err(|problem| glib::bool_error!("{problem}"))?;
    last.set_property("caps", &plan.output);
    native::complete(pad);
    let mut chain = Vec::new();
    if is_interlaced(&caps) {
        let progressive =
            gst::ElementFactory::make("deinterlace").property_from_str("fields", "top");
        chain.push(progressive.build()?);
    }
    chain.extend(native::conversions(&plan)?);
    add_all(bin, &chain)?;
    if let Some(end) = chain.last() {
        end.link(last)?;
    }
    link(pad, chain.first().unwrap_or(last))
}

fn is_interlaced(caps: &gst::CapsRef) -> bool {
    let mode = caps
        .structure(0)
        .and_then(|s| s.get::<String>("interlace-mode").ok());
    mode.is_some_and(|mode| mode != "progressive")
}

/// What is done to video in these caps. It has but one mode, which is kept unless somebody insists on another.
fn plan(caps: &gst::Caps, request: &Request) -> Result<Plan, Problem> {
    let mut caps = caps.clone();
    for structure in caps.make_mut().iter_mut() {
        structure.remove_field("interlace-mode");
    }
    Ok(Plan {
        // A server may change its size at any time; until then these two do nothing.
        convert: true,
        scale: true,
        ..plan::running(&caps, request)?
    })
}

/// `[errorignore !] decodebin ! audioconvert ! audioresample ! capsfilter` in a bin whose errors are warnings. The pad `audio` comes
/// with the first sound that is decoded.
fn add_sound(bin: &gst::Bin, pad: &gst::Pad) -> Result<(), glib::BoolError> {
    let missing = || glib::bool_error!("no pad");
    let sound = without_errors();
    let filter = gst::ElementFactory::make("capsfilter").property("caps", caps::sound());
    let (decoder, filter) = (make("decodebin")?, filter.build()?);
    let (convert, resample) = (make("audioconvert")?, make("audioresample")?);
    sound.add_many([&decoder, &convert, &resample, &filter])?;
    gst::Element::link_many([&convert, &resample, &filter])?;
    let first = match deaf() {
        Some(deaf) => {
            sound.add(&deaf)?;
            deaf.link(&decoder)?;
            deaf
        }
        None => decoder.clone(),
    };
    sound.add_pad(&native::ghost(
        &first.static_pad("sink").ok_or_else(missing)?,
        "sink",
    )?)?;
    let end = native::ghost(&filter.static_pad("src").ok_or_else(missing)?, "src")?;
    sound.add_pad(&end)?;
    let weak = bin.downgrade();
    decoder.connect_pad_added(move |_, pad| {
        if let Some(bin) = weak.upgrade()
            && let Err(error) = show_sound(&bin, pad, &convert, end.upcast_ref())
        {
            gst::element_warning!(
                bin,
                gst::StreamError::Decode,
                ("its sound is left out: {error}")
            );
        }
    });
    add_all(bin, &[sound.clone().upcast()])?;
    link(pad, sound.upcast_ref())
}

fn show_sound(
    bin: &gst::Bin,
    decoded: &gst::Pad,
    convert: &gst::Element,
    end: &gst::Pad,
) -> Result<(), glib::BoolError> {
    if bin.static_pad("audio").is_some() {
        return Ok(());
    }
    let ghost = native::ghost(end, "audio")?;
    ghost.set_active(true)?;
    bin.add_pad(&ghost)?;
    link(decoded, convert)
}

/// A bin whose first error is a warning, and whose others are nothing.
fn without_errors() -> FilterBin {
    let has_said = AtomicBool::new(false);
    FilterBin::new(move |bin, message| {
        let gst::MessageView::Error(error) = message.view() else {
            return Some(message);
        };
        let text = format!("its sound is left out: {}", error.error().message());
        let warning = gst::message::Warning::builder(gst::StreamError::Decode, &text)
            .src(bin)
            .build();
        (!has_said.swap(true, Relaxed)).then_some(warning)
    })
}

/// Hides from rtspsrc, which would stop all streams, that one of them fails. Of the package that webrtcbin is in.
fn deaf() -> Option<gst::Element> {
    let deaf = gst::ElementFactory::make("errorignore")
        .property("ignore-error", true)
        .property("ignore-notnegotiated", true)
        .property("ignore-notlinked", true)
        .property_from_str("convert-to", "ok");
    deaf.build().ok()
}

/// Says on the bus why there is no picture.
pub(super) fn fail(bin: &gst::Bin, why: &str) {
    gst::element_error!(bin, gst::ResourceError::Settings, ("{why}"));
}
