// SPDX-License-Identifier: MPL-2.0
//! Keeps the packets of a frame together, from the payloader to the socket.
//!
//! Behind the payloader stand elements of webrtcsink and webrtcbin that take buffer lists apart and do nothing to their buffers:
//! capsfilters, and the two that encode forward error correction, as long as there is none. Each packet would pass them, and all
//! elements that follow, alone. So packets are taken at the payloader, and leave behind those elements as one list for each
//! frame. Events go the long way, and so does the first packet after them, for which those elements keep them.
//!
//! Lock: `state`, held to read or write values.

use std::sync::{Arc, Mutex};

use gst::prelude::*;
use porthole_protocol::grant::Permission;

use crate::{lock::lock, signaller::session::Permit, sink::CAT};

/// What passes it stays as it is as long as there has been no error correction, whose packets take sequence numbers.
const CORRECTS: &str = "rtpulpfecenc";
/// What passes these stays as it is; the last puts packets into others, which is of no use without error correction.
const PASSING: [&str; 3] = ["capsfilter", "clocksync", "rtpredenc"];

/// See the [module](self).
pub(super) struct FrameList(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    /// The last pad of those that are passed by.
    exit: gst::Pad,
    correction: Option<gst::Element>,
    permit: Permit,
}

#[derive(Default)]
struct State {
    /// Packets may pass by.
    is_direct: bool,
    /// What events say has come to the exit.
    is_settled: bool,
    /// There has been error correction.
    was_corrected: bool,
    packets: Option<gst::BufferList>,
}

impl FrameList {
    /// Behind this pad, by which the first frame has passed: webrtcbin puts its elements together when that comes. Nothing if there is
    /// nothing to pass by.
    pub(super) fn behind(src: &gst::Pad, permit: Permit) -> Option<Self> {
        let payloaded = payloaded(src)?;
        let (exit, correction) = exit(&payloaded)?;
        gst::debug!(CAT, obj = exit, "frames go on as one list here");
        let inner = Arc::new(Inner {
            state: Mutex::default(),
            exit,
            correction,
            permit,
        });
        let of_pad = inner.clone();
        let mask = gst::PadProbeType::BUFFER
            | gst::PadProbeType::BUFFER_LIST
            | gst::PadProbeType::EVENT_DOWNSTREAM;
        payloaded.add_probe(mask, move |_, info| of_pad.take(info))?;
        Some(Self(inner))
    }

    /// A frame comes.
    pub(super) fn begin(&self) {
        let correction = self.0.correction.as_ref();
        let is_corrected = correction.is_some_and(|e| e.property::<u32>("percentage") > 0);
        let mut state = lock(&self.0.state);
        state.was_corrected |= is_corrected;
        state.is_direct = !state.was_corrected;
    }

    /// All of its packets have come.
    pub(super) fn end(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        self.0.push()
    }
}

impl Inner {
    fn take(&self, info: &mut gst::PadProbeInfo) -> gst::PadProbeReturn {
        if info.event().is_some_and(|event| event.is_serialized()) {
            // It does not overtake packets that came before it.
            let _ = self.push();
            lock(&self.state).is_settled = false;
        }
        if !matches!(
            info.data,
            Some(gst::PadProbeData::Buffer(_) | gst::PadProbeData::BufferList(_))
        ) {
            return gst::PadProbeReturn::Ok;
        }
        let mut state = lock(&self.state);
        let is_settled = std::mem::replace(&mut state.is_settled, true);
        if !is_settled || !state.is_direct {
            return gst::PadProbeReturn::Ok;
        }
        match info.data.take() {
            Some(gst::PadProbeData::Buffer(packet)) => {
                let packets = state.packets.get_or_insert_with(gst::BufferList::new);
                packets.make_mut().add(packet);
            }
            Some(gst::PadProbeData::BufferList(list)) => match &mut state.packets {
                Some(packets) => {
                    let packets = packets.make_mut();
                    list.iter_owned().for_each(|packet| packets.add(packet));
                }
                None => state.packets = Some(list),
            },
            other => info.data = other,
        }
        gst::PadProbeReturn::Handled
    }

    fn push(&self) -> Result<gst::FlowSuccess, gst::FlowError> {
        let packets = lock(&self.state).packets.take();
        // They pass by what stands before webrtcbin, too.
        match packets.filter(|_| self.permit.allows(Permission::View)) {
            Some(packets) => self.exit.push_list(packets),
            None => Ok(gst::FlowSuccess::Ok),
        }
    }
}

/// Where packets come out of the next payloader.
fn payloaded(src: &gst::Pad) -> Option<gst::Pad> {
    let mut src = src.clone();
    loop {
        let element = next(&src)?;
        src = element.static_pad("src")?;
        let class = element.metadata(gst::ELEMENT_METADATA_KLASS)?;
        if class.split('/').any(|word| word == "Payloader") {
            return Some(src);
        }
    }
}

/// The last pad of the elements behind a payloader that do nothing, and of them the one that corrects.
fn exit(payloaded: &gst::Pad) -> Option<(gst::Pad, Option<gst::Element>)> {
    let (mut exit, mut correction) = (payloaded.clone(), None);
    loop {
        let element = next(&exit)?;
        let factory = element.factory()?.name();
        match factory.as_str() {
            CORRECTS => correction = Some(element.clone()),
            name if PASSING.contains(&name) => (),
            _ => break,
        }
        exit = element.static_pad("src")?;
    }
    (exit != *payloaded).then_some((exit, correction))
}

/// The element behind a source pad, through the walls of bins.
fn next(src: &gst::Pad) -> Option<gst::Element> {
    let mut pad = src.peer()?;
    loop {
        if let Some(ghost) = pad.downcast_ref::<gst::GhostPad>() {
            pad = ghost.target()?;
            continue;
        }
        match pad.parent().and_downcast::<gst::GhostPad>() {
            // The inner half of a bin's source pad.
            Some(ghost) => pad = ghost.peer()?,
            None => return pad.parent_element(),
        }
    }
}

#[cfg(test)]
#[path = "frame_list_tests.rs"]
mod tests;
