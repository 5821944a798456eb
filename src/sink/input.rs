// SPDX-License-Identifier: MPL-2.0
//! From our pads into the ladder and webrtcsink: what comes in is judged when its caps come, and both are told before it
//! reaches them.
//!
//! Pictures go to the ladder (see `video`). Sound is encoded here, once, and goes to webrtcsink. webrtcsink reads
//! `video-caps` once, with the first buffer of any stream; so sound that comes before it is known what the picture is, is
//! dropped, and its stream begins with the first buffer after that. Nobody could hear it: webrtcsink takes no session
//! before it has looked at a buffer of each stream it has.
//!
//! A stream that begins when sessions are running already must be looked at first, too: webrtcsink panics where one starts
//! meanwhile. They wait at the signaller for that long.
//!
//! Locks: `running`, `roads` and `Discovery`'s own, each held to read or write a value.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Condvar, Mutex, OnceLock, Weak,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use gst::prelude::*;
use gstrswebrtc::{
    signaller::{Signallable, SignallableExt},
    webrtcsink::BaseWebRTCSink,
};

use super::{
    carrier::{self, Offered},
    pads::{self, BadInput, Kind},
    sound::Sound,
    video::{self, Current, Road},
    webrtc,
};
use crate::{
    ladder::{Ladder, rendition::Renditions},
    lock::lock,
    runtime,
};

/// webrtcsink notes what it found out about a stream a moment after it has dropped what it found it out with, which is
/// what we see: this much longer sessions wait.
const NOTING: Duration = Duration::from_millis(100);
/// How long webrtcsink may look at sound. Nobody is let in meanwhile, so sound that stops at once is taken away from it
/// again; a loaded machine takes about a second.
const LOOK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a run that ends waits for webrtcsink to begin to look at the picture that it was shown: what begins after its end it never
/// stops (docs/upstream.md). It does so at once, or hours ago.
const BEGINNING: Duration = Duration::from_millis(500);

/// So long the camera is not announced when there is a pad for sound and no sound yet: the first viewer's offer should have it.
const SOUND_GRACE: Duration = Duration::from_secs(1);

/// The pads' way into ladder and webrtcsink.
#[derive(Default)]
pub(super) struct Inputs {
    /// Where they lead to, between READY and NULL.
    running: Mutex<Option<Running>>,
    pub(super) ladder: Current,
    /// Of the video pads, by their names.
    roads: Mutex<HashMap<String, Road>>,
    sound: Mutex<Option<Sound>>,
    /// Somebody watches, and may listen.
    pub(super) has_viewers: AtomicBool,
    pub(super) has_sound_pad: AtomicBool,
    demand: OnceLock<Demand>,
    /// How often the demand has changed.
    demands: AtomicU64,
}

/// Says who watches, for whatever is new upstream.
type Demand = Box<dyn Fn() -> Option<gst::Event> + Send + Sync>;

/// The inputs of one run of the element.
struct Running {
    webrtcsink: BaseWebRTCSink,
    /// webrtcsink's pad for the picture.
    target: gst::Pad,
    signallable: Signallable,
    /// Bits each second that the best rung may cost, if the user said so.
    bitrate: Option<u32>,
    renditions: Renditions,
    /// What the video turned out to be.
    video: Option<Kind>,
    /// Of the video pads, by their numbers.
    caps: BTreeMap<usize, gst::Caps>,
    offered: Offered,
    /// webrtcsink knows what it offers.
    is_begun: bool,
    /// It has been shown the picture.
    is_carried: bool,
    discovery: Arc<Discovery>,
}

/// Which of webrtcsink's streams it has looked at. It tells nobody, so the payloaders that it does so with are watched.
#[derive(Default)]
struct Discovery {
    /// Payloaders alive, by the name of the stream's pad.
    running: Mutex<HashMap<String, u32>>,
    /// `running` has its first.
    begins: Condvar,
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
                discovery.begins.notify_all();
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

    /// Waits until it has begun to look at a stream.
    fn begun(&self) {
        let running = lock(&self.running);
        drop(
            self.begins
                .wait_timeout_while(running, BEGINNING, |running| running.is_empty()),
        );
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

    /// From now on pictures go to this ladder, and sound to this webrtcsink.
    pub(super) fn begin(
        &self,
        (webrtcsink, target): (&BaseWebRTCSink, gst::Pad),
        signallable: Signallable,
        ladder: Arc<Ladder>,
        (renditions, bitrate): (Renditions, Option<u32>),
    ) {
        *lock(&self.running) = Some(Running {
            webrtcsink: webrtcsink.clone(),
            target,
            signallable,
            bitrate,
            renditions,
            video: None,
            caps: BTreeMap::new(),
            offered: Offered::default(),
            is_begun: false,
            is_carried: false,
            discovery: Discovery::watch(webrtcsink),
        });
        self.ladder.set(Some(ladder));
    }

    /// Nothing of the ladder runs from here on, and webrtcsink begins nothing more. What leads to it stays, and stops with it:
    /// a sink that was taken away before would keep its streaming thread in preroll.
    pub(super) fn settle(&self) {
        if let Some(ladder) = self.ladder.get() {
            ladder.end();
        }
        let running = lock(&self.running);
        let carried = running.as_ref().filter(|running| running.is_carried);
        let discovery = carried.map(|running| running.discovery.clone());
        drop(running);
        if let Some(discovery) = discovery {
            discovery.begun();
        }
    }

    /// Nothing leads anywhere from here on.
    pub(super) fn end(&self) {
        self.settle();
        lock(&self.running).take();
        let sound = lock(&self.sound).take();
        if let Some(sound) = sound {
            sound.detach();
        }
        self.ladder.set(None);
    }

    /// The ladder can make these: sessions may come, as soon as there is sound where a pad waits for it.
    pub(super) fn offer(self: &Arc<Self>, offered: Offered) {
        let webrtcsink = {
            let mut running = lock(&self.running);
            let Some(running) = running.as_mut().filter(|running| !running.is_begun) else {
                return;
            };
            running.offered = offered.clone();
            running.webrtcsink.clone()
        };
        carrier::announce(&webrtcsink, &offered);
        if let Some(running) = &mut *lock(&self.running) {
            running.is_begun = true;
        }
        if !self.has_sound_pad.load(Relaxed) {
            return self.carry();
        }
        let inputs = Arc::downgrade(self);
        if let Ok(runtime) = runtime::handle() {
            runtime.spawn(async move {
                tokio::time::sleep(SOUND_GRACE).await;
                if let Some(inputs) = inputs.upgrade() {
                    inputs.carry();
                }
            });
        }
    }

    /// Shows webrtcsink the picture, once.
    fn carry(&self) {
        let (target, offered) = {
            let mut running = lock(&self.running);
            let running = running.as_mut();
            let Some(running) = running.filter(|r| r.is_begun && !r.is_carried) else {
                return;
            };
            running.is_carried = true;
            (running.target.clone(), running.offered.clone())
        };
        carrier::begin(&target, &offered);
    }

    /// What is offered in this run.
    pub(super) fn offered(&self) -> Offered {
        let running = lock(&self.running);
        running
            .as_ref()
            .map(|running| running.offered.clone())
            .unwrap_or_default()
    }

    /// The end of the picture is the end of the carrier, for which the whole pipeline would wait.
    fn ended(&self) {
        let target = lock(&self.running)
            .as_ref()
            .map(|running| running.target.clone());
        if let Some(target) = target {
            carrier::end(&target);
        }
    }

    /// A video pad with this number, and what it leads to.
    pub(super) fn video(
        self: &Arc<Self>,
        template: &gst::PadTemplate,
        (name, number): (&str, usize),
        bin: &gst::Bin,
    ) -> Option<gst::GhostPad> {
        let inputs = Arc::downgrade(self);
        let road = Road::new(number, &self.ladder, move || {
            if let Some(inputs) = inputs.upgrade() {
                inputs.ended();
            }
        })?;
        let target = road.add_to(bin)?;
        let pad = self.ghost(template, name);
        pad.set_target(Some(&target)).ok()?;
        lock(&self.roads).insert(name.to_owned(), road);
        Some(pad)
    }

    /// Takes away what a video pad leads to. No buffer is on its way.
    pub(super) fn take_away(&self, name: &str, bin: &gst::Bin) {
        let road = lock(&self.roads).remove(name);
        if let Some(road) = road {
            road.take_from(bin);
        }
    }

    /// Asks for a key unit where encoded video comes from.
    pub(super) fn want_key(&self, name: &str) {
        let sink = lock(&self.roads).get(name).map(|road| road.sink.clone());
        if let Some(pad) = sink.and_then(|sink| sink.static_pad("sink")) {
            let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true);
            let _ = pad.push_event(event.build());
        }
    }

    /// A ghost pad without a target.
    pub(super) fn ghost(
        self: &Arc<Self>,
        template: &gst::PadTemplate,
        name: &str,
    ) -> gst::GhostPad {
        let [first, second, third, fourth] = std::array::from_fn(|_| self.clone());
        let pad = gst::GhostPad::builder_from_template(template)
            .name(name)
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

    /// To be called before a changed demand goes upstream.
    pub(super) fn demand_changed(&self) {
        self.demands.fetch_add(1, SeqCst);
    }

    /// Tells upstream of this pad who watches; again where that changed meanwhile, since what another thread has told would then be
    /// overruled by what was so before.
    fn tell_demand(&self, pad: &gst::Pad) {
        loop {
            let version = self.demands.load(SeqCst);
            let Some(demand) = self.demand.get().and_then(|demand| demand()) else {
                return;
            };
            let _ = pad.push_event(demand);
            if self.demands.load(SeqCst) == version {
                return;
            }
        }
    }

    fn look_at(&self, pad: &gst::Pad, event: &gst::EventRef) {
        match event.view() {
            // Something new may stand upstream that has not heard who watches.
            gst::EventView::StreamStart(_) => {
                self.tell_demand(pad);
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
        let is_video = pads::is_video(&pad.name());
        if is_video && !self.judge(pad, kind, &caps, before.as_ref()) {
            return false;
        }
        let road = lock(&self.roads).get(pad.name().as_str()).cloned();
        if let Some(road) = road {
            road.keep_time(pad.upcast_ref());
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
        if !is_video
            && let Some(before) = before
            && pad.target().is_some_and(|target| target.has_current_caps())
        {
            let (old, new) = (before.to_string(), caps.to_string());
            let pad_name = pad.name().into();
            refuse(
                pad,
                &BadInput::Changed {
                    pad: pad_name,
                    old,
                    new,
                },
            );
        }
        false
    }

    /// Tells the ladder what the video is; refuses what viewers cannot follow.
    fn judge(
        &self,
        pad: &gst::GhostPad,
        kind: Kind,
        caps: &gst::Caps,
        before: Option<&gst::Caps>,
    ) -> bool {
        let name = pad.name();
        let Some(number) = pads::video_number(&name) else {
            return false;
        };
        let input = {
            let mut running = lock(&self.running);
            let Some(running) = running.as_mut() else {
                return true;
            };
            let is_other = |before: &gst::Caps| {
                let name = |caps: &gst::CapsRef| caps.structure(0).map(|s| s.name().to_owned());
                name(before) != name(caps)
            };
            if running.video.is_some_and(|was| was != kind) || before.is_some_and(is_other) {
                Err(BadInput::Changed {
                    pad: name.into(),
                    old: before.map_or_else(String::new, ToString::to_string),
                    new: caps.to_string(),
                })
            } else {
                running.video = Some(kind);
                running.caps.insert(number, caps.clone());
                video::input(&running.caps, &running.renditions, running.bitrate)
                    .map_err(|error| BadInput::Ladder(error.to_string()))
            }
        };
        match input {
            Ok(input) => {
                if let (Some(ladder), Some(input)) = (self.ladder.get(), input) {
                    ladder.set_input(input);
                }
                true
            }
            Err(error) => {
                refuse(pad, &error);
                false
            }
        }
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
        if pad.target().is_none() && (pads::is_video(&pad.name()) || !self.attach_sound(pad)?) {
            return Ok(gst::FlowSuccess::Ok);
        }
        if !pads::is_video(&pad.name()) && self.is_idle() {
            return Ok(gst::FlowSuccess::Ok);
        }
        gst::ProxyPad::chain_default(pad, pad.parent().as_ref(), buffer)
    }

    /// Whether nobody needs sound encoded: webrtcsink has looked at it, and nobody is there.
    fn is_idle(&self) -> bool {
        if self.has_viewers.load(Relaxed) {
            return false;
        }
        let sound = lock(&self.sound).clone();
        let Some(sound) = sound.filter(Sound::is_encoded_here) else {
            return false;
        };
        let running = lock(&self.running);
        running
            .as_ref()
            .is_some_and(|running| running.discovery.is_done(&sound.stream.name()))
    }

    /// Begins the stream of sound at webrtcsink, if it is known what the picture is.
    fn attach_sound(self: &Arc<Self>, pad: &gst::GhostPad) -> Result<bool, gst::FlowError> {
        let (webrtcsink, signallable, discovery) = {
            let running = lock(&self.running);
            match running.as_ref() {
                Some(running) if running.is_begun => (
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
        let caps = pad.current_caps();
        let kind = caps.and_then(|caps| pads::kind(&pad.name(), &caps).ok());
        let attached = webrtcsink
            .request_pad_simple("audio_%u")
            .and_then(|target| {
                if is_late {
                    discovery.hold(&target.name(), &signallable);
                }
                Sound::attach(pad, target, kind?)
            });
        let Some(sound) = attached else {
            discovery.release();
            if is_late {
                signallable.start();
            }
            refuse(pad, &BadInput::Full(pad.name().into()));
            return Err(gst::FlowError::Error);
        };
        self.bound_discovery(pad, &sound.stream.name());
        *lock(&self.sound) = Some(sound);
        self.carry();
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
        let is_same = lock(&self.sound)
            .as_ref()
            .is_some_and(|sound| sound.stream.name() == stream);
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

    /// Turns the sound down while viewers talk.
    pub(super) fn duck(&self, is_ducked: bool) {
        let sound = lock(&self.sound).clone();
        if let Some(sound) = sound {
            sound.duck(is_ducked);
        }
    }

    /// Ends the stream of sound at webrtcsink. No buffer is on its way.
    pub(super) fn detach_sound(&self, pad: &gst::GhostPad) {
        let Some(sound) = lock(&self.sound).take() else {
            return;
        };
        let _ = pad.set_target(None::<&gst::Pad>);
        sound.detach();
        let target = sound.stream;
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
