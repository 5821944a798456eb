// SPDX-License-Identifier: MPL-2.0
//! What the sink hangs on a session of the gate's table, and how a session's webrtcbin is held to its terms.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCICEGatheringState, WebRTCPeerConnectionState, WebRTCRTPTransceiver};
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use porthole_protocol::grant::Permission;

use super::{
    data::Data,
    filter::Filter,
    ice,
    imp::CAT,
    input::Inputs,
    joint::{Joint, Source},
    pacer::{Network, Pacer},
    stats, talk,
};
use crate::{
    certificate,
    ladder::{Path, Viewer, codec::Codec},
    lock::lock,
    signaller::{PortholeSignaller, link::SharedGate, session::Permit},
    talk::{Talk, voice},
};

/// The media side of a session.
#[derive(Debug, Default)]
pub(crate) struct Media {
    pub(crate) webrtcbin: glib::WeakRef<gst::Element>,
    network: Option<Arc<Network>>,
    /// Its place on the ladder, from the answer on.
    pub(crate) viewer: Option<Arc<Viewer>>,
    pub(crate) rate: stats::SentRate,
}

/// The table of sessions, with this side of them.
pub(crate) type Sessions = SharedGate<Media>;

fn permit(sessions: &Sessions, id: &str) -> Permit {
    // One that has ended meanwhile allows nothing.
    let mut gate = lock(sessions);
    gate.session(id)
        .map(|session| session.permit.clone())
        .unwrap_or_default()
}

/// Puts our element into every stream of every session: a joint with the ladder into the picture's, a valve into the sound's.
pub(crate) fn filter(webrtcsink: &BaseWebRTCSink, sessions: &Sessions, inputs: &Arc<Inputs>) {
    let (sessions, inputs) = (sessions.clone(), Arc::downgrade(inputs));
    webrtcsink.connect("request-encoded-filter", false, move |args| {
        let filter = || -> Option<gst::Element> {
            let session = args.get(1)?.get::<Option<String>>().ok()?;
            let stream = args.get(2)?.get::<String>().ok()?;
            let caps = args.get(3)?.get::<gst::Caps>().ok()?;
            if stream.starts_with("audio") {
                let permit = permit(&sessions, &session?);
                return Some(Filter::new(permit, Permission::Listen).upcast());
            }
            let inputs = inputs.upgrade()?;
            match session {
                Some(session) => joint(&sessions, &inputs, &session, &caps),
                // webrtcsink only looks.
                None => {
                    let frame = inputs.offered().sample(&caps)?;
                    Some(Joint::new(Source::Sample(Box::new(frame))).upcast())
                }
            }
        };
        Some(filter().to_value())
    });
}

/// Gives a session a place on the ladder, and the element that its picture comes from.
fn joint(
    sessions: &Sessions,
    inputs: &Inputs,
    session: &str,
    caps: &gst::CapsRef,
) -> Option<gst::Element> {
    let codec = Codec::of_caps(caps)?;
    let ladder = inputs.ladder.get()?;
    let mut gate = lock(sessions);
    let session_of_gate = gate.session(session)?;
    let network = session_of_gate.media.network.clone();
    let path = network.clone().map(|network| network as Arc<dyn Path>);
    let viewer = Arc::new(ladder.join(session, codec, path));
    let permit = session_of_gate.permit.clone();
    session_of_gate.media.viewer = Some(viewer.clone());
    Some(Joint::new(Source::Viewer(viewer, permit, network)).upcast())
}

/// Holds each session's webrtcbin to its terms from before its offer is made.
pub(crate) fn guard(
    signaller: &PortholeSignaller,
    sessions: &Sessions,
    inputs: &Arc<Inputs>,
    talk: &Talk,
    data: Option<Data>,
) {
    let (sessions, inputs) = (sessions.clone(), Arc::downgrade(inputs));
    let talk = talk.clone();
    signaller.connect("webrtcbin-ready", false, move |args| {
        let signaller = args.first()?.get::<PortholeSignaller>().ok()?;
        let id = args.get(1)?.get::<String>().ok()?;
        let webrtcbin = args.get(2)?.get::<gst::Element>().ok()?;
        let (permit, ice_servers, offer, is_own) = {
            let mut gate = lock(&sessions);
            let session = gate.session(&id)?;
            session.media.webrtcbin.set(Some(&webrtcbin));
            (
                session.permit.clone(),
                session.ice_servers.clone(),
                session.check.own_offer(),
                session.is_own(),
            )
        };
        {
            let (signaller, id) = (signaller.downgrade(), id.clone());
            certificate::show(&webrtcbin, move || {
                if let Some(signaller) = signaller.upgrade() {
                    signaller.shows_certificate(&id);
                }
            });
        }
        ice::hasten(&webrtcbin);
        ice::add(&webrtcbin, &ice_servers);
        if let Some(ladder) = inputs.upgrade().as_ref().and_then(|i| i.ladder.get()) {
            // While the offer travels its encoder starts.
            ladder.expect();
        }
        let picture = picture(&webrtcbin);
        if offer.is_none()
            && let Some((transceiver, of_first)) = &picture
            && let Some(inputs) = inputs.upgrade()
            && let Some(caps) = inputs.offered().preferences(of_first)
        {
            transceiver.set_property("codec-preferences", caps);
        }
        pace(&webrtcbin, picture, &sessions, &id);
        voice::bound(&webrtcbin);
        // A viewer that offers itself has asked for what it wants, and there are no media lines but its own. An SFU passes on, and
        // has nothing to say.
        match offer {
            None if !is_own => talk::receive(&webrtcbin, &talk, &id, &permit),
            None => (),
            Some(offer) => {
                if let Some(payload) = offer.voice {
                    talk::answer(&webrtcbin, &talk, (&id, &permit), payload);
                }
            }
        }
        if is_own {
            listen(&webrtcbin, &signaller, &id);
        }
        if offer.is_some() {
            ice::miss(&webrtcbin);
        }
        if is_own || offer.is_some() {
            watch_end(&webrtcbin, &signaller, &id);
            ice::gather_at_once(&webrtcbin);
            watch_gathering(&webrtcbin, &signaller, &id);
        }
        if !is_own
            && offer.is_none_or(|offer| offer.data)
            && let Some(data) = &data
        {
            data.open(&webrtcbin, &sessions, &id);
        }
        // The first pads are there already; others come when the camera gets or loses its sound.
        for pad in webrtcbin.sink_pads() {
            guard_pad(&pad, permit.clone());
        }
        webrtcbin.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Sink {
                guard_pad(pad, permit.clone());
            }
        });
        watch_connection(&webrtcbin, &signaller, sessions.clone(), id);
        None
    });
}

/// The picture's transceiver and what webrtcsink would have it offer. A viewer who offers itself has chosen already.
fn picture(webrtcbin: &gst::Element) -> Option<(WebRTCRTPTransceiver, gst::Caps)> {
    let transceivers = webrtcbin.sink_pads().into_iter();
    transceivers
        .map(|pad| pad.property::<WebRTCRTPTransceiver>("transceiver"))
        .find_map(|transceiver| {
            let caps = transceiver.property::<Option<gst::Caps>>("codec-preferences")?;
            (kind_of(&caps) == VIDEO).then_some((transceiver, caps))
        })
}

/// Puts our pacer before the network.
fn pace(
    webrtcbin: &gst::Element,
    picture: Option<(WebRTCRTPTransceiver, gst::Caps)>,
    sessions: &Sessions,
    id: &str,
) {
    let (sessions, id) = (Arc::downgrade(sessions), id.to_owned());
    let picture = picture.map(|(transceiver, caps)| {
        let ssrc = caps.structure(0).and_then(|s| s.get::<u32>("ssrc").ok());
        (transceiver.downgrade(), ssrc.unwrap_or(0))
    });
    webrtcbin.connect("request-aux-sender", false, move |_| {
        let pacer = Pacer::take();
        if let Some((transceiver, ssrc)) = &picture
            && let Some(transceiver) = transceiver.upgrade()
        {
            pacer.network().set_picture(&transceiver, *ssrc);
        }
        if let Some(sessions) = sessions.upgrade()
            && let Some(session) = lock(&sessions).session(&id)
        {
            session.media.network = Some(pacer.network());
        }
        Some(pacer.upcast::<gst::Element>().to_value())
    });
}

/// Finds out what is sent in a session, and tells the signaller. Does not wait for it.
pub(crate) fn measure(signaller: &PortholeSignaller, sessions: &Sessions, id: &str) {
    let (origin, webrtcbin, seen) = {
        let mut gate = lock(sessions);
        let Some(session) = gate.session(id) else {
            return;
        };
        let media = &session.media;
        let webrtcbin = media.webrtcbin.upgrade();
        let origin = stats::Origin::of(media);
        (origin, webrtcbin, session.viewer_stats.clone())
    };
    if let Some(seen) = seen {
        let (frames, freezes) = (seen.frames, seen.freezes);
        gst::debug!(CAT, "{id}: seen {frames} frames, {freezes} freezes");
    }
    let Some(webrtcbin) = webrtcbin else { return };
    let (signaller, id) = (signaller.downgrade(), id.to_owned());
    let promise = gst::Promise::with_change_func(move |reply| {
        let stats = origin.read(reply.ok().flatten());
        if let (Some(stats), Some(signaller)) = (stats, signaller.upgrade()) {
            signaller.measured(stats.on_the_wire(&id));
        }
    });
    webrtcbin.emit_by_name::<()>("get-stats", &[&None::<gst::Pad>, &promise]);
}

/// What no permission covers.
const NOTHING: u8 = 0;
const VIDEO: u8 = 1;
const AUDIO: u8 = 2;

/// A second lock behind the filter's: `request-encoded-filter` has no accumulator, so that another handler of the
/// application's may have put its own element in our filter's place.
fn guard_pad(pad: &gst::Pad, permit: Permit) {
    let kind = AtomicU8::new(NOTHING);
    let data = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(data, move |_, info| {
        if let Some(event) = info.event() {
            if let gst::EventView::Caps(caps) = event.view() {
                kind.store(kind_of(caps.caps()), Relaxed);
            }
            return gst::PadProbeReturn::Ok;
        }
        let allowed = match kind.load(Relaxed) {
            VIDEO => permit.allows(Permission::View),
            AUDIO => permit.allows(Permission::Listen),
            _ => false,
        };
        if allowed {
            gst::PadProbeReturn::Ok
        } else {
            // As good as dropped. With GStreamer 1.22 the bindings' own `Drop` lets go of it twice.
            gst::PadProbeReturn::Handled
        }
    });
}

fn kind_of(caps: &gst::CapsRef) -> u8 {
    let media = caps.structure(0).and_then(|s| s.get::<&str>("media").ok());
    match media {
        Some("video") => VIDEO,
        Some("audio") => AUDIO,
        _ => NOTHING,
    }
}

/// Tells whoever wants all candidates at once that these are all.
fn watch_gathering(webrtcbin: &gst::Element, signaller: &PortholeSignaller, id: &str) {
    let (signaller, id) = (signaller.downgrade(), id.to_owned());
    webrtcbin.connect_notify(Some("ice-gathering-state"), move |webrtcbin, _| {
        let state = webrtcbin.property::<WebRTCICEGatheringState>("ice-gathering-state");
        if state == WebRTCICEGatheringState::Complete
            && let Some(signaller) = signaller.upgrade()
        {
            signaller.gathered(&id);
        }
    });
}

/// Tells that the other side has closed its connection: the alert of DTLS is all that a player says who leaves without a DELETE, and its
/// place would be free after the 48 s that ICE takes to miss it.
fn watch_end(webrtcbin: &gst::Element, signaller: &PortholeSignaller, id: &str) {
    const CLOSED: &str = "closed";
    let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() else {
        return;
    };
    let (signaller, id) = (signaller.downgrade(), id.to_owned());
    bin.connect_deep_element_added(move |_, _, element| {
        let is_dtls = element
            .factory()
            .is_some_and(|factory| factory.name() == "dtlsdec");
        if !is_dtls || element.find_property("connection-state").is_none() {
            return;
        }
        let (signaller, id) = (signaller.clone(), id.clone());
        element.connect_notify(Some("connection-state"), move |dtls, _| {
            let state = dtls.property_value("connection-state");
            let nick =
                glib::EnumValue::from_value(&state).map(|(_, value)| value.nick().to_owned());
            if nick.as_deref() == Some(CLOSED)
                && let Some(signaller) = signaller.upgrade()
            {
                signaller.closed(&id);
            }
        });
    });
}

/// Tells, once a second at most, that something comes from the other side.
fn listen(webrtcbin: &gst::Element, signaller: &PortholeSignaller, id: &str) {
    const SELDOM_MS: u64 = 1_000;
    let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() else {
        return;
    };
    let (signaller, id) = (signaller.downgrade(), id.to_owned());
    let begun = Instant::now();
    let next_ms = Arc::new(AtomicU64::new(0));
    bin.connect_deep_element_added(move |_, _, element| {
        let is_network = element
            .factory()
            .is_some_and(|factory| factory.name() == "nicesrc");
        let Some(pad) = element.static_pad("src").filter(|_| is_network) else {
            return;
        };
        let (signaller, id, next_ms) = (signaller.clone(), id.clone(), next_ms.clone());
        let data = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(data, move |_, _| {
            let now_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
            if now_ms >= next_ms.load(Relaxed) {
                next_ms.store(now_ms + SELDOM_MS, Relaxed);
                if let Some(signaller) = signaller.upgrade() {
                    signaller.heard(&id);
                }
            }
            gst::PadProbeReturn::Ok
        });
    });
}

/// Tells the gate, once, that a session's media flows.
fn watch_connection(
    webrtcbin: &gst::Element,
    signaller: &PortholeSignaller,
    sessions: Sessions,
    id: String,
) {
    let signaller = signaller.downgrade();
    let told = AtomicBool::new(false);
    webrtcbin.connect_notify(Some("connection-state"), move |webrtcbin, _| {
        let state = webrtcbin.property::<WebRTCPeerConnectionState>("connection-state");
        if state == WebRTCPeerConnectionState::Connected && !told.swap(true, Relaxed) {
            let viewer = lock(&sessions)
                .session(&id)
                .and_then(|session| session.media.viewer.clone());
            if let Some(viewer) = viewer {
                viewer.outlet.open(Instant::now());
            }
            if let Some(signaller) = signaller.upgrade() {
                signaller.media_flows(&id);
            }
        }
    });
}
