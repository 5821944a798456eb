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
//! Locks: `running`, `branches` and `sound`, each held to read or write a value.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{
            AtomicBool, AtomicU64,
            Ordering::{Relaxed, SeqCst},
        },
    },
    time::Duration,
};

use gst::prelude::*;
use gstrswebrtc::{signaller::Signallable, webrtcsink::BaseWebRTCSink};

use crate::{
    ladder::{Frame, Input, Ladder, codec::Codec, rendition::Renditions},
    lock::lock,
    runtime,
    sink::webrtc,
};
use discovery::Discovery;
use lonely::Lonely;
use offer_codecs::OfferCodecs;
pub(super) use offer_codecs::without_profile;
use pads::Kind;
use sound::Sound;
use video::{Current, VideoBranch};

mod assumptions;
mod attach;
mod discovery;
mod ghost;
mod layout;
mod lonely;
mod offer_codecs;
pub(super) mod pads;
mod sound;
pub(super) mod video;

/// So long the camera is not announced when there is a pad for sound and no sound yet: the first viewer's offer should have it.
const SOUND_GRACE: Duration = Duration::from_secs(1);

/// The pads' way into ladder and webrtcsink.
#[derive(Default)]
pub(super) struct Inputs {
    /// Where they lead to, between READY and NULL.
    running: Mutex<Option<Running>>,
    pub(super) ladder: Current,
    /// Of the video pads, by their names.
    branches: Mutex<HashMap<String, VideoBranch>>,
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
    /// What the ladder was told that they are.
    input: Option<Input>,
    offered: OfferCodecs,
    lonely: Lonely,
    /// webrtcsink knows what it offers.
    is_begun: bool,
    /// It has been shown the picture.
    is_shown: bool,
    discovery: Arc<Discovery>,
    /// What is assumed of webrtcsink and webrtcbin was looked at.
    is_tested: bool,
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
            input: None,
            offered: OfferCodecs::default(),
            lonely: Lonely::default(),
            is_begun: false,
            is_shown: false,
            discovery: Discovery::watch(webrtcsink),
            is_tested: false,
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
        let carried = running.as_ref().filter(|running| running.is_shown);
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
    pub(super) fn offer(self: &Arc<Self>, codecs: Vec<(Codec, Frame)>) {
        let offered = OfferCodecs::new(codecs);
        let webrtcsink = {
            let mut running = lock(&self.running);
            let Some(running) = running.as_mut().filter(|running| !running.is_begun) else {
                return;
            };
            running.offered = offered.clone();
            running.webrtcsink.clone()
        };
        offer_codecs::announce(&webrtcsink, &offered);
        if let Some(running) = &mut *lock(&self.running) {
            running.is_begun = true;
        }
        if !self.has_sound_pad.load(Relaxed) {
            return self.show_picture();
        }
        let inputs = Arc::downgrade(self);
        if let Ok(runtime) = runtime::handle() {
            runtime.spawn(async move {
                tokio::time::sleep(SOUND_GRACE).await;
                if let Some(inputs) = inputs.upgrade() {
                    inputs.show_picture();
                }
            });
        }
    }

    /// Shows webrtcsink the picture, once.
    fn show_picture(&self) {
        let (target, offered) = {
            let mut running = lock(&self.running);
            let running = running.as_mut();
            let Some(running) = running.filter(|r| r.is_begun && !r.is_shown) else {
                return;
            };
            running.is_shown = true;
            (running.target.clone(), running.offered.clone())
        };
        offer_codecs::begin(&target, &offered);
    }

    /// Looks, before the first offer of a run, whether what is assumed of webrtcsink and webrtcbin holds; what does not is an error.
    pub(super) fn test_assumptions(&self) {
        let (webrtcsink, offered, discovery) = {
            let mut running = lock(&self.running);
            let Some(running) = running.as_mut().filter(|running| !running.is_tested) else {
                return;
            };
            running.is_tested = true;
            (
                running.webrtcsink.clone(),
                running.offered.clone(),
                running.discovery.clone(),
            )
        };
        let mut differences = assumptions::differences().to_vec();
        differences.extend(offered.numbering());
        // webrtcsink takes no session before it has looked at the picture.
        if !discovery.has_begun(webrtc::VIDEO) {
            differences.push("webrtcsink does not say when it looks at a stream".to_owned());
        }
        if !differences.is_empty()
            && let Some(element) = webrtcsink.parent()
            && let Ok(element) = element.downcast::<gst::Element>()
        {
            let words = assumptions::in_words(&differences);
            gst::element_error!(element, gst::LibraryError::Init, ("{words}"));
        }
    }

    /// What is offered in this run.
    pub(super) fn offered(&self) -> OfferCodecs {
        let running = lock(&self.running);
        let offered = running
            .as_ref()
            .map(|running| running.offered.raised(running.caps.values()));
        offered.unwrap_or_default()
    }

    /// Whether the picture comes in encoded.
    pub(super) fn is_encoded(&self) -> bool {
        let running = lock(&self.running);
        running
            .as_ref()
            .is_some_and(|running| running.video == Some(Kind::Encoded))
    }

    /// The end of the picture is the end of what stands for it at webrtcsink, for which the whole pipeline would wait.
    fn ended(&self) {
        let target = lock(&self.running)
            .as_ref()
            .map(|running| running.target.clone());
        if let Some(target) = target {
            offer_codecs::end(&target);
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
        let branch = VideoBranch::new(number, &self.ladder, move || {
            if let Some(inputs) = inputs.upgrade() {
                inputs.ended();
            }
        })?;
        let target = branch.add_to(bin)?;
        let pad = self.ghost(template, name);
        pad.set_target(Some(&target)).ok()?;
        lock(&self.branches).insert(name.to_owned(), branch);
        Some(pad)
    }

    /// Takes away what a video pad leads to. No buffer is on its way.
    pub(super) fn take_away(&self, name: &str, bin: &gst::Bin) {
        let branch = lock(&self.branches).remove(name);
        if let Some(branch) = branch {
            branch.take_from(bin);
        }
        if let Some(number) = pads::video_number(name) {
            self.forget(number);
        }
    }

    /// Those who watch what came in by a pad that is gone are shown what else comes in.
    fn forget(&self, number: usize) {
        let input = {
            let mut running = lock(&self.running);
            let Some(running) = running.as_mut() else {
                return;
            };
            running.caps.remove(&number);
            let Some(Input::Encoded(_, specs)) = &mut running.input else {
                return;
            };
            specs.retain(|spec| spec.source != number);
            running.input.clone().filter(|_| !running.caps.is_empty())
        };
        if let (Some(ladder), Some(input)) = (self.ladder.get(), input) {
            ladder.set_input(input);
        }
    }

    /// Asks for a key unit where encoded video comes from.
    pub(super) fn want_key(&self, name: &str) {
        let sink = lock(&self.branches)
            .get(name)
            .map(|branch| branch.sink.clone());
        if let Some(pad) = sink.and_then(|sink| sink.static_pad("sink")) {
            let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true);
            let _ = pad.push_event(event.build());
        }
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
}
