// SPDX-License-Identifier: MPL-2.0
//! What becomes of a session, for whoever has to know: its candidates, its connection, its end, what is sent in it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCICEGatheringState, WebRTCPeerConnectionState};

use super::{Sessions, stats};
use crate::{lock::lock, signaller::PortholeSignaller, sink::CAT, webrtc_stats};

/// Lets the ladder know in which size a session's viewer shows its picture; finds out what is sent in it, and tells the signaller.
/// Does not wait for it.
pub(crate) fn measure(signaller: &PortholeSignaller, sessions: &Sessions, id: &str) {
    let (origin, webrtcbin, seen) = {
        let mut gate = lock(sessions);
        let Some(session) = gate.session(id) else {
            return;
        };
        let media = &session.media;
        if let Some(viewer) = &media.viewer {
            viewer.resize(session.viewer_stats.as_ref().and_then(stats::size));
        }
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
    webrtc_stats::ask(&webrtcbin, &promise);
}

/// Tells whoever wants all candidates at once that these are all.
pub(super) fn gathering(webrtcbin: &gst::Element, signaller: &PortholeSignaller, id: &str) {
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
pub(super) fn end(webrtcbin: &gst::Element, signaller: &PortholeSignaller, id: &str) {
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
pub(super) fn listen(webrtcbin: &gst::Element, signaller: &PortholeSignaller, id: &str) {
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

/// Lets a session's network know that its viewer is heard, and what it says of losses: of one of its streams, as rtpbin keeps no
/// more than the last.
pub(super) fn receiver_reports(webrtcbin: &gst::Element, sessions: &Sessions, id: &str) {
    let bin = webrtcbin.downcast_ref::<gst::Bin>();
    let Some(rtpbin) = bin.and_then(|bin| bin.by_name("rtpbin")) else {
        return;
    };
    let (sessions, id) = (Arc::downgrade(sessions), id.to_owned());
    rtpbin.connect("on-ssrc-active", false, move |args| {
        let report = || -> Option<()> {
            let rtpbin = args.first()?.get::<gst::Element>().ok()?;
            let (number, ssrc) = (args.get(1)?, args.get(2)?.get::<u32>().ok()?);
            let sessions = sessions.upgrade()?;
            let network = lock(&sessions).session(&id)?.media.network.clone()?;
            let session = rtpbin
                .emit_by_name_with_values("get-internal-session", std::slice::from_ref(number))?
                .get::<Option<glib::Object>>()
                .ok()??;
            let source = session
                .emit_by_name_with_values("get-source-by-ssrc", &[ssrc.to_value()])?
                .get::<Option<glib::Object>>()
                .ok()??;
            let stats = source.property::<gst::Structure>("stats");
            if stats.get::<bool>("have-rb").unwrap_or_default() {
                let lost = stats.get::<u32>("rb-fractionlost").unwrap_or_default();
                network.receiver_report(lost.min(255) as f32 / 256.);
            }
            Some(())
        };
        report();
        None
    });
}

/// Tells the gate, once, that a session's media flows.
pub(super) fn connection(
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
