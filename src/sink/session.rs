// SPDX-License-Identifier: MPL-2.0
//! What the sink hangs on a session of the gate's table, and how a session's webrtcbin is held to its terms.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

use gst::{glib, prelude::*};
use gst_webrtc::WebRTCPeerConnectionState;
use gstrswebrtc::webrtcsink::BaseWebRTCSink;
use porthole_protocol::grant::Permission;

use super::{filter::Filter, ice, imp::CAT, stats};
use crate::{
    lock::lock,
    signaller::{PortholeSignaller, link::SharedGate, session::Permit},
};

/// The media side of a session.
#[derive(Debug, Default)]
pub(crate) struct Media {
    pub(crate) webrtcbin: glib::WeakRef<gst::Element>,
    /// Who knows what is sent; without it webrtcbin is asked, which knows less.
    pub(crate) stats: Option<stats::Source>,
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

/// Puts our filter into every stream of every session.
pub(crate) fn filter(webrtcsink: &BaseWebRTCSink, sessions: &Sessions) {
    let sessions = sessions.clone();
    webrtcsink.connect("request-encoded-filter", false, move |args| {
        let filter = || -> Option<gst::Element> {
            let session = args.get(1)?.get::<Option<String>>().ok()??;
            let stream = args.get(2)?.get::<String>().ok()?;
            let permission = if stream.starts_with("audio") {
                Permission::Listen
            } else {
                Permission::View
            };
            Some(Filter::new(permit(&sessions, &session), permission).upcast())
        };
        Some(filter().to_value())
    });
}

/// Holds each session's webrtcbin to its terms from before its offer is made.
pub(crate) fn guard(signaller: &PortholeSignaller, sessions: &Sessions) {
    let sessions = sessions.clone();
    signaller.connect("webrtcbin-ready", false, move |args| {
        let signaller = args.first()?.get::<PortholeSignaller>().ok()?;
        let id = args.get(1)?.get::<String>().ok()?;
        let webrtcbin = args.get(2)?.get::<gst::Element>().ok()?;
        let (permit, ice_servers) = {
            let mut gate = lock(&sessions);
            let session = gate.session(&id)?;
            session.media.webrtcbin.set(Some(&webrtcbin));
            (session.permit.clone(), session.ice_servers.clone())
        };
        ice::add(&webrtcbin, &ice_servers);
        // The first pads are there already; others come when the camera gets or loses its sound.
        for pad in webrtcbin.sink_pads() {
            guard_pad(&pad, permit.clone());
        }
        webrtcbin.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Sink {
                guard_pad(pad, permit.clone());
            }
        });
        watch_connection(&webrtcbin, &signaller, id);
        None
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
    if let Some(stats) = origin.read(None) {
        return signaller.measured(stats.on_the_wire(id));
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

/// Tells the gate, once, that a session's media flows.
fn watch_connection(webrtcbin: &gst::Element, signaller: &PortholeSignaller, id: String) {
    let signaller = signaller.downgrade();
    let told = AtomicBool::new(false);
    webrtcbin.connect_notify(Some("connection-state"), move |webrtcbin, _| {
        let state = webrtcbin.property::<WebRTCPeerConnectionState>("connection-state");
        if state == WebRTCPeerConnectionState::Connected
            && !told.swap(true, Relaxed)
            && let Some(signaller) = signaller.upgrade()
        {
            signaller.media_flows(&id);
        }
    });
}
