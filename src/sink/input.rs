// SPDX-License-Identifier: MPL-2.0
//! From our pads into webrtcsink: what comes in is judged when its caps come, and webrtcsink is told before they reach it.
//!
//! webrtcsink reads `video-caps` once, with the first buffer of any stream, and `do-fec` with each session. So sound that
//! comes before the picture's caps is dropped, and its stream begins at webrtcsink with the first buffer after them.
//! Nobody could hear it: webrtcsink takes no session before it has looked at a buffer of each stream it has.
//!
//! A stream that begins when sessions are running already must be looked at first, too: webrtcsink panics where one starts
//! meanwhile. They wait at the signaller for that long.
//!
//! Locks: `inputs` and `Discovery`'s own, each held to read or write a value.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use gst::{prelude::*, subclass::prelude::*};
use gstrswebrtc::{
    signaller::{Signallable, SignallableExt},
    webrtcsink::BaseWebRTCSink,
};

use super::{
    imp::PortholeSink,
    pads::{self, BadInput, Kind},
    webrtc,
};
use crate::{lock::lock, runtime};

/// webrtcsink notes what it found out about a stream a moment after it has dropped what it found it out with, which is
/// what we see: this much longer sessions wait.
const NOTING: Duration = Duration::from_millis(100);
/// How long webrtcsink may look at sound. Nobody is let in meanwhile, so sound that stops at once is taken away from it
/// again; a loaded machine takes about a second.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// The inputs of one run of the element.
pub(super) struct Inputs {
    webrtcsink: BaseWebRTCSink,
    signallable: Signallable,
    /// The codecs that the user chose.
    codecs: Option<gst::Caps>,
    /// What the video turned out to be.
    video: Option<Kind>,
    discovery: Arc<Discovery>,
}

impl Inputs {
    pub(super) fn new(
        webrtcsink: &BaseWebRTCSink,
        signallable: Signallable,
        codecs: Option<gst::Caps>,
    ) -> Self {
        Self {
            webrtcsink: webrtcsink.clone(),
            signallable,
            codecs,
            video: None,
            discovery: Discovery::watch(webrtcsink),
        }
    }
}

/// Which of webrtcsink's streams it has looked at. It tells nobody, so the payloaders that it does so with are watched.
#[derive(Default)]
struct Discovery {
    /// Payloaders alive, by the name of the stream's pad.
    running: Mutex<HashMap<String, u32>>,
    /// The stream on whose account sessions wait, and where.
    held: Mutex<Option<(String, Signallable)>>,
}

impl Discovery {
    fn watch(webrtcsink: &BaseWebRTCSink) -> Arc<Self> {
        let discovery = Arc::new(Self::default());
        let watching = Arc::downgrade(&discovery);
        webrtcsink.connect("payloader-setup", false, move |args| {
            let session = args.get(1)?.get::<&str>().ok()?;
            let stream = args.get(2)?.get::<String>().ok()?;
            let payloader = args.get(3)?.get::<gst::Element>().ok()?;
            if session == "discovery"
                && let Some(discovery) = watching.upgrade()
            {
                *lock(&discovery.running).entry(stream.clone()).or_default() += 1;
                let watching = watching.clone();
                payloader.add_weak_ref_notify(move || Self::ended(&watching, &stream));
            }
            // The rest of the setting up is webrtcsink's.
            Some(false.to_value())
        });
        discovery
    }

    fn ended(discovery: &Weak<Self>, stream: &str) {
        let Some(discovery) = discovery.upgrade() else {
            return;
        };
        let left = {
            let mut running = lock(&discovery.running);
            let left = running.entry(stream.to_owned()).or_default();
            *left = left.saturating_sub(1);
            *left
        };
        let is_held = || matches!(&*lock(&discovery.held), Some((held, _)) if held == stream);
        if left == 0
            && is_held()
            && let Ok(runtime) = runtime::handle()
        {
            runtime.spawn(async move {
                tokio::time::sleep(NOTING).await;
                discovery.release();
            });
        }
    }

    fn is_done(&self, stream: &str) -> bool {
        lock(&self.running).get(stream) == Some(&0)
    }

    /// Lets sessions wait until `stream` has been looked at.
    fn hold(&self, stream: &str, signallable: &Signallable) {
        *lock(&self.held) = Some((stream.to_owned(), signallable.clone()));
    }

    fn release(&self) {
        let held = lock(&self.held).take();
        if let Some((_, signallable)) = held {
            signallable.start();
        }
    }
}

impl PortholeSink {
    /// A ghost pad of `name` without a target.
    pub(super) fn ghost(&self, name: &str) -> Option<gst::GhostPad> {
        let template = self.obj().pad_template(name)?;
        let sink = |parent: Option<&gst::Object>| {
            parent.and_then(|parent| parent.downcast_ref::<super::PortholeSink>().cloned())
        };
        let (first, second, third, fourth) = (sink, sink, sink, sink);
        let pad = gst::GhostPad::builder_from_template(&template)
            .name(name)
            .event_function(move |pad, parent, event| {
                first(parent).is_some_and(|sink| sink.imp().event(pad, event))
            })
            .query_function(move |pad, parent, query| {
                answer(pad, query) || gst::Pad::query_default(pad, parent, query)
            })
            .chain_function(move |pad, parent, buffer| {
                let sink = second(parent).ok_or(gst::FlowError::Flushing)?;
                sink.imp().chain(pad, buffer)
            })
            .chain_list_function(move |pad, parent, list| {
                // One by one: webrtcsink looks at what comes in, and at no lists.
                let sink = third(parent).ok_or(gst::FlowError::Flushing)?;
                list.iter_owned()
                    .try_fold(gst::FlowSuccess::Ok, |_, buffer| {
                        sink.imp().chain(pad, buffer)
                    })
            })
            .build();
        // A probe sees caps before the core refuses those that the pad does not take, which it does without a word.
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            if let (Some(event), Some(sink)) = (info.event(), fourth(pad.parent().as_ref())) {
                sink.imp().look_at(pad.upcast_ref(), event);
            }
            gst::PadProbeReturn::Ok
        });
        Some(pad)
    }

    fn look_at(&self, pad: &gst::Pad, event: &gst::EventRef) {
        match event.view() {
            // Something new may stand upstream that has not heard who watches.
            gst::EventView::StreamStart(_) => {
                let _ = pad.push_event(self.current_demand());
            }
            gst::EventView::Caps(event) => {
                if let Err(error) = pads::kind(&pad.name(), event.caps()) {
                    self.refuse(&error);
                }
            }
            _ => (),
        }
    }

    fn event(&self, pad: &gst::GhostPad, event: gst::Event) -> bool {
        let obj = self.obj();
        let gst::EventView::Caps(caps) = event.view() else {
            return gst::Pad::event_default(pad, Some(&*obj), event);
        };
        let caps = caps.caps_owned();
        let Ok(kind) = pads::kind(&pad.name(), &caps) else {
            return false;
        };
        let before = pad.target().and_then(|target| target.current_caps());
        let changed = |old: &gst::Caps| BadInput::Changed {
            pad: pad.name().into(),
            old: old.to_string(),
            new: caps.to_string(),
        };
        if pad.name() == pads::VIDEO && self.judge(kind).is_some_and(|earlier| earlier != kind) {
            let nothing = gst::Caps::new_empty();
            self.refuse(&changed(before.as_ref().unwrap_or(&nothing)));
            return false;
        }
        let event = match pads::is_dmabuf(&caps) {
            true => gst::event::Caps::builder(&pads::mapped(&caps))
                .seqnum(event.seqnum())
                .build(),
            false => event,
        };
        if gst::Pad::event_default(pad, Some(&*obj), event) {
            return true;
        }
        // A webrtcsink that is being stopped has forgotten its caps and refuses them for that reason.
        if let Some(before) = before
            && pad.target().is_some_and(|target| target.has_current_caps())
        {
            self.refuse(&changed(&before));
        }
        false
    }

    /// Tells webrtcsink what the video is, the first time; returns what it was said to be before.
    fn judge(&self, kind: Kind) -> Option<Kind> {
        let (webrtcsink, codecs) = {
            let inputs = lock(&self.inputs);
            let inputs = inputs.as_ref()?;
            if inputs.video.is_some() {
                return inputs.video;
            }
            (inputs.webrtcsink.clone(), inputs.codecs.clone())
        };
        webrtc::expect(&webrtcsink, kind, codecs);
        if let Some(inputs) = &mut *lock(&self.inputs) {
            inputs.video = Some(kind);
        }
        None
    }

    fn chain(
        &self,
        pad: &gst::GhostPad,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if !pad.has_current_caps() {
            self.refuse(&BadInput::Untyped(pad.name().into()));
            return Err(gst::FlowError::NotNegotiated);
        }
        if pad.target().is_none() && !self.attach_sound(pad)? {
            return Ok(gst::FlowSuccess::Ok);
        }
        gst::ProxyPad::chain_default(pad, Some(&*self.obj()), buffer)
    }

    /// Begins the stream of sound at webrtcsink, if it is known what the picture is.
    fn attach_sound(&self, pad: &gst::GhostPad) -> Result<bool, gst::FlowError> {
        let (webrtcsink, signallable, discovery) = {
            let inputs = lock(&self.inputs);
            match inputs.as_ref() {
                Some(inputs) if inputs.video.is_some() => (
                    inputs.webrtcsink.clone(),
                    inputs.signallable.clone(),
                    inputs.discovery.clone(),
                ),
                _ => return Ok(false),
            }
        };
        let is_late = discovery.is_done(webrtc::VIDEO);
        if is_late {
            signallable.stop();
        }
        let attached = webrtcsink.request_pad_simple("audio_%u").filter(|target| {
            if is_late {
                discovery.hold(&target.name(), &signallable);
            }
            pad.set_target(Some(target)).is_ok()
        });
        let Some(target) = attached else {
            discovery.release();
            if is_late {
                signallable.start();
            }
            self.refuse(&BadInput::Full(pad.name().into()));
            return Err(gst::FlowError::Error);
        };
        self.bound_discovery(pad, &target.name());
        Ok(true)
    }

    /// Takes the stream of sound away again if webrtcsink cannot find out about it, since it stopped at once.
    fn bound_discovery(&self, pad: &gst::GhostPad, stream: &str) {
        let Ok(runtime) = runtime::handle() else {
            return;
        };
        let (sink, pad) = (self.obj().downgrade(), pad.downgrade());
        let stream = stream.to_owned();
        runtime.spawn(async move {
            tokio::time::sleep(LOOK_TIMEOUT).await;
            let (Some(sink), Some(pad)) = (sink.upgrade(), pad.upgrade()) else {
                return;
            };
            let imp = sink.imp();
            let is_same = pad.target().is_some_and(|target| target.name() == stream);
            let is_done = lock(&imp.inputs)
                .as_ref()
                .is_none_or(|inputs| inputs.discovery.is_done(&stream));
            if is_same && !is_done {
                gst::element_imp_warning!(
                    imp,
                    gst::StreamError::CodecNotFound,
                    ("pad {}: too little sound comes in to find out what it is; viewers have none until more comes", pad.name())
                );
                imp.detach_sound(&pad);
            }
        });
    }

    /// Ends the stream of sound at webrtcsink. No buffer is on its way.
    pub(super) fn detach_sound(&self, pad: &gst::GhostPad) {
        let Some(target) = pad.target() else { return };
        let _ = pad.set_target(None::<&gst::Pad>);
        let (webrtcsink, signallable, discovery) = {
            let inputs = lock(&self.inputs);
            let Some(inputs) = inputs.as_ref() else {
                return;
            };
            (
                inputs.webrtcsink.clone(),
                inputs.signallable.clone(),
                inputs.discovery.clone(),
            )
        };
        webrtcsink.release_request_pad(&target);
        webrtc::clear_away(&webrtcsink, &target);
        lock(&discovery.held).take();
        if discovery.is_done(webrtc::VIDEO) {
            // Whether webrtcsink waited for this stream, or we for it: nobody does now.
            signallable.start();
        }
    }

    fn refuse(&self, error: &BadInput) {
        gst::element_imp_error!(self, gst::StreamError::WrongType, ("{error}"));
    }
}

/// Answers for DMABuf video, which webrtcsink behind the pad knows nothing of.
fn answer(pad: &gst::GhostPad, query: &mut gst::QueryRef) -> bool {
    let current = pad.current_caps();
    match query.view_mut() {
        gst::QueryViewMut::Caps(query) => {
            let caps = match current {
                None => pad.pad_template_caps(),
                Some(current) if pads::is_dmabuf(&current) => current,
                Some(_) => return false,
            };
            let caps = match query.filter_owned() {
                Some(filter) => filter.intersect_with_mode(&caps, gst::CapsIntersectMode::First),
                None => caps,
            };
            query.set_result(&caps);
            true
        }
        gst::QueryViewMut::AcceptCaps(query) if pads::is_dmabuf(query.caps()) => {
            let is_taken = query.caps().is_subset(&pad.pad_template_caps());
            query.set_result(is_taken);
            true
        }
        _ => false,
    }
}
