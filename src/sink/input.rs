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
//! Locks: `running` and `Discovery`'s own, each held to read or write a value.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, Weak},
    time::Duration,
};

use gst::prelude::*;
use gstrswebrtc::{
    signaller::{Signallable, SignallableExt},
    webrtcsink::BaseWebRTCSink,
};

use super::{
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

/// The pads' way into webrtcsink.
#[derive(Default)]
pub(super) struct Inputs {
    /// Where they lead to, between READY and NULL.
    running: Mutex<Option<Running>>,
    demand: OnceLock<Demand>,
}

/// Says who watches, for whatever is new upstream.
type Demand = Box<dyn Fn() -> Option<gst::Event> + Send + Sync>;

/// The inputs of one run of the element.
struct Running {
    webrtcsink: BaseWebRTCSink,
    signallable: Signallable,
    /// The codecs that the user chose.
    codecs: Option<gst::Caps>,
    /// What the video turned out to be.
    video: Option<Kind>,
    discovery: Arc<Discovery>,
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

impl Inputs {
    pub(super) fn set_demand(
        &self,
        demand: impl Fn() -> Option<gst::Event> + Send + Sync + 'static,
    ) {
        let _ = self.demand.set(Box::new(demand));
    }

    /// From now on what comes in goes to this webrtcsink.
    pub(super) fn begin(
        &self,
        webrtcsink: &BaseWebRTCSink,
        signallable: Signallable,
        codecs: Option<gst::Caps>,
    ) {
        *lock(&self.running) = Some(Running {
            webrtcsink: webrtcsink.clone(),
            signallable,
            codecs,
            video: None,
            discovery: Discovery::watch(webrtcsink),
        });
    }

    pub(super) fn end(&self) {
        lock(&self.running).take();
    }

    /// A ghost pad without a target.
    pub(super) fn ghost(self: &Arc<Self>, template: &gst::PadTemplate) -> gst::GhostPad {
        let [first, second, third, fourth] = std::array::from_fn(|_| self.clone());
        let pad = gst::GhostPad::builder_from_template(template)
            .name(template.name_template())
            .event_function(move |pad, _, event| first.event(pad, event))
            .query_function(move |pad, parent, query| {
                answer(pad, query) || gst::Pad::query_default(pad, parent, query)
            })
            .chain_function(move |pad, _, buffer| second.chain(pad, buffer))
            .chain_list_function(move |pad, _, list| {
                // One by one: webrtcsink looks at what comes in, and at no lists.
                list.iter_owned()
                    .try_fold(gst::FlowSuccess::Ok, |_, buffer| third.chain(pad, buffer))
            })
            .build();
        // A probe sees caps before the core refuses those that the pad does not take, which it does without a word.
        pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            if let Some(event) = info.event() {
                fourth.look_at(pad.upcast_ref(), event);
            }
            gst::PadProbeReturn::Ok
        });
        pad
    }

    fn look_at(&self, pad: &gst::Pad, event: &gst::EventRef) {
        match event.view() {
            // Something new may stand upstream that has not heard who watches.
            gst::EventView::StreamStart(_) => {
                let demand = self.demand.get().and_then(|demand| demand());
                if let Some(demand) = demand {
                    let _ = pad.push_event(demand);
                }
            }
            gst::EventView::Caps(event) => {
                if let Err(error) = pads::kind(&pad.name(), event.caps()) {
                    refuse(pad, &error);
                }
            }
            _ => (),
        }
    }

    fn event(&self, pad: &gst::GhostPad, event: gst::Event) -> bool {
        let parent = pad.parent();
        let gst::EventView::Caps(caps) = event.view() else {
            return gst::Pad::event_default(pad, parent.as_ref(), event);
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
            refuse(pad, &changed(before.as_ref().unwrap_or(&nothing)));
            return false;
        }
        let event = match pads::is_dmabuf(&caps) {
            true => gst::event::Caps::builder(&pads::mapped(&caps))
                .seqnum(event.seqnum())
                .build(),
            false => event,
        };
        if gst::Pad::event_default(pad, parent.as_ref(), event) {
            return true;
        }
        // A webrtcsink that is being stopped has forgotten its caps and refuses them for that reason.
        if let Some(before) = before
            && pad.target().is_some_and(|target| target.has_current_caps())
        {
            refuse(pad, &changed(&before));
        }
        false
    }

    /// Tells webrtcsink what the video is, the first time; returns what it was said to be before.
    fn judge(&self, kind: Kind) -> Option<Kind> {
        let (webrtcsink, codecs) = {
            let running = lock(&self.running);
            let running = running.as_ref()?;
            if running.video.is_some() {
                return running.video;
            }
            (running.webrtcsink.clone(), running.codecs.clone())
        };
        webrtc::expect(&webrtcsink, kind, codecs);
        if let Some(running) = &mut *lock(&self.running) {
            running.video = Some(kind);
        }
        None
    }

    fn chain(
        self: &Arc<Self>,
        pad: &gst::GhostPad,
        buffer: gst::Buffer,
    ) -> Result<gst::FlowSuccess, gst::FlowError> {
        if !pad.has_current_caps() {
            refuse(pad, &BadInput::Untyped(pad.name().into()));
            return Err(gst::FlowError::NotNegotiated);
        }
        if pad.target().is_none() && !self.attach_sound(pad)? {
            return Ok(gst::FlowSuccess::Ok);
        }
        gst::ProxyPad::chain_default(pad, pad.parent().as_ref(), buffer)
    }

    /// Begins the stream of sound at webrtcsink, if it is known what the picture is.
    fn attach_sound(self: &Arc<Self>, pad: &gst::GhostPad) -> Result<bool, gst::FlowError> {
        let (webrtcsink, signallable, discovery) = {
            let running = lock(&self.running);
            match running.as_ref() {
                Some(running) if running.video.is_some() => (
                    running.webrtcsink.clone(),
                    running.signallable.clone(),
                    running.discovery.clone(),
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
            refuse(pad, &BadInput::Full(pad.name().into()));
            return Err(gst::FlowError::Error);
        };
        self.bound_discovery(pad, &target.name());
        Ok(true)
    }

    /// Takes the stream of sound away again if webrtcsink cannot find out about it, since it stopped at once.
    fn bound_discovery(self: &Arc<Self>, pad: &gst::GhostPad, stream: &str) {
        let Ok(runtime) = runtime::handle() else {
            return;
        };
        let (inputs, pad) = (Arc::downgrade(self), pad.downgrade());
        let stream = stream.to_owned();
        runtime.spawn(async move {
            tokio::time::sleep(LOOK_TIMEOUT).await;
            // webrtcsink may block, and the runtime's own threads enforce leases.
            tokio::task::spawn_blocking(move || {
                if let (Some(inputs), Some(pad)) = (inputs.upgrade(), pad.upgrade()) {
                    inputs.give_up(&pad, &stream);
                }
            });
        });
    }

    fn give_up(&self, pad: &gst::GhostPad, stream: &str) {
        let is_same = pad.target().is_some_and(|target| target.name() == stream);
        let is_done = lock(&self.running)
            .as_ref()
            .is_none_or(|running| running.discovery.is_done(stream));
        if is_same && !is_done {
            if let Some(element) = pad.parent_element() {
                gst::element_warning!(
                    element,
                    gst::StreamError::CodecNotFound,
                    (
                        "pad {}: too little sound comes in to find out what it is; viewers have none until more comes",
                        pad.name()
                    )
                );
            }
            self.detach_sound(pad);
        }
    }

    /// Ends the stream of sound at webrtcsink. No buffer is on its way.
    pub(super) fn detach_sound(&self, pad: &gst::GhostPad) {
        let Some(target) = pad.target() else { return };
        let _ = pad.set_target(None::<&gst::Pad>);
        let (webrtcsink, signallable, discovery) = {
            let running = lock(&self.running);
            let Some(running) = running.as_ref() else {
                return;
            };
            (
                running.webrtcsink.clone(),
                running.signallable.clone(),
                running.discovery.clone(),
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
}

fn refuse(pad: &impl IsA<gst::Object>, error: &BadInput) {
    let parent = pad.as_ref().parent();
    if let Some(element) = parent.and_then(|parent| parent.downcast::<gst::Element>().ok()) {
        gst::element_error!(element, gst::StreamError::WrongType, ("{error}"));
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
