// SPDX-License-Identifier: MPL-2.0
//! What is done to pictures is known when the first is on its way: of a source that comes as near to a mode as it can, in place of
//! refusing what it has not, and of one that was open before, which mostly gives the same again and needs nothing.

use std::{thread, time::Instant};

use gst::{glib, prelude::*};

use super::{
    super::select::{
        plan::{self, Plan},
        rate_words,
    },
    chain,
    pace::Pace,
};
use crate::camera::{
    device::Request,
    problem::{Problem, Reason},
};

/// `source ! capsfilter ... capsfilter`, of which the first is returned. The source is in the bin already; `adjusts` is one that comes
/// as near as it can.
pub(super) fn link(
    bin: &gst::Bin,
    source: &gst::Element,
    plan: &Plan,
    request: &Request,
    adjusts: bool,
) -> Result<gst::Element, glib::BoolError> {
    let missing = || glib::bool_error!("no pad");
    let first = match adjusts {
        true => chain::filter(&plan::at_any_rate(&plan.native))?,
        false => chain::filter(&plan.native)?,
    };
    let last = gst::ElementFactory::make("capsfilter").build()?;
    bin.add_many([&first, &last])?;
    source.link(&first)?;
    let pad = first.static_pad("sink").ok_or_else(missing)?;
    let (weak, request) = (bin.downgrade(), request.clone());
    // Weak: a camera that never gives a picture must not keep them.
    let filters = (first.downgrade(), last.downgrade());
    let asked = plan.native.clone();
    // In front of the filter, so that all that it has held back follows the link.
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
        let Some(gst::PadProbeData::Event(event)) = &info.data else {
            return gst::PadProbeReturn::Ok;
        };
        let (gst::EventView::Caps(caps), Some(bin)) = (event.view(), weak.upgrade()) else {
            return gst::PadProbeReturn::Ok;
        };
        let (Some(first), Some(last)) = (filters.0.upgrade(), filters.1.upgrade()) else {
            return gst::PadProbeReturn::Remove;
        };
        let given = caps.caps_owned();
        if adjusts {
            hold_back(pad, &given);
        }
        let settled = settle(pad);
        if let Err(problem) = follow(&bin, (&first, &last), &given, &request) {
            gst::element_error!(bin, gst::ResourceError::Settings, ("{problem}"));
        }
        if let Some(probe) = settled {
            pad.remove_probe(probe);
        }
        if let Some(text) = other_mode(&asked, &given) {
            gst::element_warning!(bin, gst::ResourceError::Settings, ("{text}"));
        }
        gst::PadProbeReturn::Remove
    });
    chain::open(bin, &last)?;
    Ok(first)
}

/// Keeps from the source that this thread links and sets filters. It would negotiate once more, what comes of that is the same, and
/// v4l2src of 1.22 keeps the five descriptors of each buffer pool that it has made (docs/upstream.md).
fn settle(pad: &gst::Pad) -> Option<gst::PadProbeId> {
    let here = thread::current().id();
    pad.add_probe(
        gst::PadProbeType::EVENT_UPSTREAM,
        move |_, info| match &info.data {
            Some(gst::PadProbeData::Event(event))
                if event.type_() == gst::EventType::Reconfigure
                    && thread::current().id() == here =>
            {
                gst::PadProbeReturn::Handled
            }
            _ => gst::PadProbeReturn::Ok,
        },
    )
}

/// Puts between two filters what has to be done to pictures of these caps.
fn follow(
    bin: &gst::Bin,
    (first, last): (&gst::Element, &gst::Element),
    given: &gst::Caps,
    request: &Request,
) -> Result<(), Problem> {
    let plan = plan::running(given, request)?;
    let link = || {
        let between = chain::between(&plan, first)?;
        if between.is_empty()
            && let Some(pad) = first.static_pad("src")
        {
            chain::complete(&pad);
        }
        // It asked for what was planned; what comes of that passes.
        first.set_property("caps", given);
        last.set_property("caps", &plan.output);
        bin.add_many(&between)?;
        let chain: Vec<&gst::Element> = [first].into_iter().chain(&between).chain([last]).collect();
        // From the last to the first, so that nothing comes to an element that is not ready yet.
        for pair in chain.windows(2).rev() {
            pair[1].sync_state_with_parent()?;
            pair[0].link(pair[1])?;
        }
        Ok(())
    };
    link().map_err(|error: glib::BoolError| Problem::new(Reason::Failed, error.to_string()))
}

/// Has a source that gives more pictures than it says wait: libcamera's virtual camera makes as many as the processor can.
fn hold_back(pad: &gst::Pad, given: &gst::CapsRef) {
    let rate = given.structure(0).and_then(|s| s.get("framerate").ok());
    let Some(pace) = rate.and_then(Pace::new) else {
        return;
    };
    let pace = std::sync::Mutex::new(pace);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
        let wait = crate::lock::lock(&pace).wait(Instant::now());
        if !wait.is_zero() {
            thread::sleep(wait);
        }
        gst::PadProbeReturn::Ok
    });
}

/// What is to be said where a camera gives another size or rate than it was asked for.
fn other_mode(asked: &gst::CapsRef, given: &gst::CapsRef) -> Option<String> {
    let (asked, given) = (asked.structure(0)?, given.structure(0)?);
    let size =
        |s: &gst::StructureRef| Some((s.get::<i32>("width").ok()?, s.get::<i32>("height").ok()?));
    let (width, height) = size(given)?;
    if let Some((across, down)) = size(asked).filter(|size| *size != (width, height)) {
        return Some(format!(
            "it cannot do {across}x{down} and gives {width}x{height}: set width={width} and height={height}, or another size"
        ));
    }
    let rate = asked.get::<gst::Fraction>("framerate").ok()?;
    let own = given.get::<gst::Fraction>("framerate").ok()?;
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
