// SPDX-License-Identifier: MPL-2.0
//! Holds a session's webrtcbin to its terms.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering::Relaxed},
};

use gst::prelude::*;
use porthole_protocol::grant::Permission;

use super::{Sessions, Stream, app_sources, data::Data, media, picture, talk, watch};
use crate::{
    certificate,
    lock::lock,
    signaller::{PortholeSignaller, session::Permit},
    sink::{ice, inputs::Inputs},
    talk::{Talk, voice},
    webrtc_stats,
};

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
        app_sources::work_in_time(&webrtcbin);
        webrtc_stats::limit(&webrtcbin);
        ice::hasten(&webrtcbin);
        ice::add(&webrtcbin, &ice_servers);
        if let Some(ladder) = inputs.upgrade().as_ref().and_then(|i| i.ladder.get()) {
            // While the offer travels its encoder starts.
            ladder.expect();
        }
        if let Some(inputs) = inputs.upgrade() {
            inputs.test_assumptions();
        }
        let picture = picture::transceiver(&webrtcbin);
        if offer.is_none()
            && let Some((transceiver, of_first)) = &picture
            && let Some(inputs) = inputs.upgrade()
            && let Some(caps) = inputs.offered().preferences(of_first)
        {
            transceiver.set_property("codec-preferences", caps);
        }
        picture::pace(&webrtcbin, picture, &sessions, &id);
        watch::receiver_reports(&webrtcbin, &sessions, &id);
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
            watch::listen(&webrtcbin, &signaller, &id);
        }
        if offer.is_some() {
            ice::miss(&webrtcbin);
        }
        if is_own || offer.is_some() {
            watch::end(&webrtcbin, &signaller, &id);
            watch::gathering(&webrtcbin, &signaller, &id);
        }
        if !is_own
            && offer.is_none_or(|offer| offer.data)
            && let Some(data) = &data
        {
            data.open(&webrtcbin, &sessions, &id);
        }
        // The first pads are there already; others come when the camera gets or loses its sound.
        let note = note_streams(&sessions, &id);
        for pad in webrtcbin.sink_pads() {
            guard_pad(&pad, permit.clone(), note.clone());
        }
        webrtcbin.connect_pad_added(move |_, pad| {
            if pad.direction() == gst::PadDirection::Sink {
                guard_pad(pad, permit.clone(), note.clone());
            }
        });
        watch::connection(&webrtcbin, &signaller, sessions.clone(), id);
        None
    });
}

/// What no permission covers.
const NOTHING: u8 = 0;
const VIDEO: u8 = 1;
const AUDIO: u8 = 2;

/// Lets a session know what leaves in it.
fn note_streams(sessions: &Sessions, id: &str) -> NoteStream {
    let (sessions, id) = (Arc::downgrade(sessions), id.to_owned());
    Arc::new(move |stream| {
        if let Some(sessions) = sessions.upgrade()
            && let Some(session) = lock(&sessions).session(&id)
        {
            session.media.add_stream(stream);
        }
    })
}

type NoteStream = Arc<dyn Fn(Stream) + Send + Sync>;

/// A second lock behind the filter's: `request-encoded-filter` has no accumulator, so that another handler of the
/// application's may have put its own element in our filter's place.
fn guard_pad(pad: &gst::Pad, permit: Permit, note: NoteStream) {
    let kind = AtomicU8::new(NOTHING);
    if let Some(stream) = pad.current_caps().and_then(|caps| Stream::of(&caps)) {
        note(stream);
    }
    let data = gst::PadProbeType::BUFFER
        | gst::PadProbeType::BUFFER_LIST
        | gst::PadProbeType::EVENT_DOWNSTREAM;
    pad.add_probe(data, move |_, info| {
        if let Some(event) = info.event() {
            if let gst::EventView::Caps(caps) = event.view() {
                kind.store(kind_of(caps.caps()), Relaxed);
                if let Some(stream) = Stream::of(caps.caps()) {
                    note(stream);
                }
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
    match media(caps) {
        Some("video") => VIDEO,
        Some("audio") => AUDIO,
        _ => NOTHING,
    }
}
