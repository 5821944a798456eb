// SPDX-License-Identifier: MPL-2.0
//! From a source element to a bin that gives pictures as they are wanted: opens it, asks what it can, plans, links.

mod chain;
mod follow;
mod held;
mod lease;
mod pace;

use std::{fmt::Debug, path::Path, sync::Arc};

use gst::{glib, prelude::*};

use super::{
    controls::Properties,
    errors,
    microphone::Own,
    select::plan::{self, Plan},
};
use crate::camera::{
    device::{Control, Handles, Request, Source},
    problem::{Problem, Reason},
};

pub(super) use chain::{complete, conversions, ghost, h264_parser};
pub(super) use held::Closer;

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

    /// Whether it stands still while all its buffers are held, as those do that do not copy by themselves then.
    fn awaits_buffers(&self) -> bool {
        true
    }

    /// What closes its element, where more is to be done than to close it. Called before the element is opened.
    fn closer(&self) -> Option<Closer> {
        None
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
        Box::new(Properties::new(element.clone()))
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
    let (element, bin) = source.keep();
    let linked = match kind.adjusts() || (request.settled.is_some() && plan.may_convert()) {
        true => follow::link(&bin, &element, &plan, request, kind.adjusts()),
        false => chain::link(&bin, &element, &plan),
    };
    let opened = linked.and_then(|first| {
        if let Some(pad) = first.static_pad("sink").filter(|_| kind.awaits_buffers()) {
            lease::bound(&pad);
        }
        // As open as its source, so that closing the bin closes it even if it never runs.
        let opened = bin.set_state(gst::State::Ready);
        opened.map_err(|_| glib::bool_error!("it cannot be opened twice"))
    });
    opened.map_err(|error| {
        held::close(&bin, &element);
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
    let element = source.element.as_ref();
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
struct Open {
    element: Option<gst::Element>,
    closer: Option<Closer>,
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(element) = self.element.take() {
            held::close_by(self.closer.take(), element);
        }
    }
}

impl Open {
    fn new(kind: &dyn Kind) -> Result<Self, Problem> {
        let closer = kind.closer();
        let element = kind.element()?;
        // Nobody else hears yet why it cannot be opened.
        let bus = gst::Bus::new();
        element.set_bus(Some(&bus));
        let opened = element.set_state(gst::State::Ready);
        let error = bus.pop_filtered(&[gst::MessageType::Error]);
        element.set_bus(None);
        bus.set_flushing(true);
        if opened.is_ok() {
            return Ok(Self {
                element: Some(element),
                closer,
            });
        }
        let _ = element.set_state(gst::State::Null);
        let unexplained = || {
            let text = "it cannot be opened, and does not say why; GST_DEBUG=3 may show it";
            Problem::new(Reason::Failed, text)
        };
        Err(error.map_or_else(unexplained, |message| why(&message, kind)))
    }

    fn plan(&self, kind: &dyn Kind, request: &Request) -> Result<Plan, Problem> {
        let element = self.element.as_ref();
        let pad = element.and_then(|element| element.static_pad("src"));
        let pad =
            pad.ok_or_else(|| Problem::new(Reason::Failed, "its element has no pad `src`"))?;
        let caps = kind.caps().unwrap_or_else(|| pad.query_caps(None));
        match caps.is_any() {
            true => plan::blind(request),
            false => plan::plan(&caps, request),
        }
    }

    /// The element, in a bin that closes it.
    fn keep(mut self) -> (gst::Element, gst::Bin) {
        // `new` puts one in, and only this takes it out.
        let element = self.element.take();
        let element = element.unwrap_or_else(|| gst::Bin::new().upcast());
        let bin = held::bin(&element, self.closer.take());
        (element, bin)
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

#[cfg(test)]
mod tests;
