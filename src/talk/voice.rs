// SPDX-License-Identifier: MPL-2.0
//! One session's incoming sound: its media line, from the first offer on, and the way from there to the stage.
//!
//! All of it is the session's own: its threads, its decoder, its jitter buffer. What is not permitted is dropped before it is
//! decoded, and what else a peer sends goes nowhere.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::Instant,
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCRTPTransceiver, WebRTCRTPTransceiverDirection};

use super::{
    Talk,
    floor::Id,
    stage::{May, Stage},
};
use crate::lock::lock;

/// What a packet may be late. In-band FEC repairs a packet from the next, 20 ms later; the rest is for the network.
const JITTER: gst::ClockTime = gst::ClockTime::from_mseconds(40);
/// The last dynamic payload type (RFC 3551): webrtcsink and webrtcbin count up from 96, and stay below it.
const PAYLOAD: i32 = 127;
/// Sources of packets in one session, those that only report counted as well. Each costs a thread; a browser has one for
/// each media line.
const MAX_STREAMS: u32 = 16;
/// Packets of sound each second: Opus sends 50, and 100 of 10 ms at most (`minptime`). Twice that.
const MAX_RATE: u32 = 200;
/// What may come at once, when a network that stood still goes on.
const MAX_BURST: u32 = 100;

/// The jitter buffer's word that packets are lost.
const LOST: &str = "GstRTPPacketLost";
/// A longer gap is left one: opusdec makes the whole of it at once, a viewer's sequence numbers say how long it is, and nothing of
/// speech is in what it makes after the first 60 ms.
const MAX_CONCEALED: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// From RTP to the caps of the pad. Waits for no clock: the jitter buffer has.
const DECODER: &str = "rtpopusdepay ! opusdec use-inband-fec=true plc=true \
    ! audioconvert ! audioresample \
    ! appsink name=out sync=false async=false max-buffers=8 drop=true enable-last-sample=false";

fn opus(payload: i32) -> gst::Caps {
    gst::Caps::builder("application/x-rtp")
        .field("media", "audio")
        .field("encoding-name", "OPUS")
        .field("clock-rate", 48_000)
        .field("encoding-params", "2")
        .field("payload", payload)
        .field("minptime", "10")
        .field("useinbandfec", "1")
        .build()
}

fn rtpbin(webrtcbin: &gst::Element) -> Option<gst::Element> {
    webrtcbin.downcast_ref::<gst::Bin>()?.by_name("rtpbin")
}

/// Holds the sources of a session's packets within bounds. Before its offer is made.
pub(crate) fn bound(webrtcbin: &gst::Element) {
    if let Some(rtpbin) = rtpbin(webrtcbin)
        && rtpbin.find_property("max-streams").is_some()
    {
        rtpbin.set_property("max-streams", MAX_STREAMS);
    }
}

/// Puts a media line for the viewer's voice into the offer that is to be made, and what comes by it on the stage while `may`
/// says so.
pub(crate) fn receive(webrtcbin: &gst::Element, talk: &Talk, session: &str, may: May) {
    let transceiver = webrtcbin.emit_by_name::<Option<WebRTCRTPTransceiver>>(
        "add-transceiver",
        &[&WebRTCRTPTransceiverDirection::Recvonly, &opus(PAYLOAD)],
    );
    if transceiver.is_none() {
        gst::warning!(gst::CAT_RUST, obj = webrtcbin, "no media line for talk");
        return;
    }
    take(webrtcbin, talk, session, may, PAYLOAD);
}

/// Has the answer to a viewer's own offer say that its voice is taken: by the media line by which it hears, as Opus of this
/// payload type.
pub(crate) fn answer(webrtcbin: &gst::Element, talk: &Talk, session: &str, may: May, payload: u8) {
    let payload = i32::from(payload);
    let mut transceivers = webrtcbin
        .sink_pads()
        .into_iter()
        .map(|pad| pad.property::<WebRTCRTPTransceiver>("transceiver"));
    let is_sound = |transceiver: &WebRTCRTPTransceiver| {
        let caps = transceiver.property::<Option<gst::Caps>>("codec-preferences");
        let media = caps
            .as_ref()
            .and_then(|caps| caps.structure(0)?.get::<&str>("media").ok());
        media == Some("audio")
    };
    let Some(transceiver) = transceivers.find(is_sound) else {
        return;
    };
    let direction = match transceiver.direction() {
        WebRTCRTPTransceiverDirection::Sendonly => WebRTCRTPTransceiverDirection::Sendrecv,
        // There is no sound here.
        _ => {
            transceiver.set_property("codec-preferences", opus(payload));
            WebRTCRTPTransceiverDirection::Recvonly
        }
    };
    transceiver.set_direction(direction);
    take(webrtcbin, talk, session, may, payload);
}

/// Takes what comes as Opus of this payload type for the viewer's voice.
fn take(webrtcbin: &gst::Element, talk: &Talk, session: &str, may: May, payload: i32) {
    let milliseconds = u32::try_from(JITTER.mseconds()).unwrap_or_default();
    webrtcbin.set_property("latency", milliseconds);
    if let Some(rtpbin) = rtpbin(webrtcbin) {
        // Else the decoder hears of no loss, and neither repairs nor conceals any.
        rtpbin.set_property("do-lost", true);
    }
    let incoming = Arc::new(Incoming {
        stage: talk.0.clone(),
        id: session.into(),
        may,
        gauge: Mutex::new(Gauge::new(Instant::now())),
        stream: AtomicU32::new(0),
    });
    webrtcbin.connect_pad_added(move |webrtcbin, pad| {
        if pad.direction() != gst::PadDirection::Src {
            return;
        }
        let decoder = if is_voice(pad, payload) {
            incoming.decoder(webrtcbin)
        } else {
            None
        };
        match decoder.and_then(|decoder| decoder.static_pad("sink")) {
            Some(sink) => {
                incoming.guard(pad);
                // Fails only where the session is ending.
                let _ = pad.link(&sink);
            }
            None => discard(pad),
        }
    });
}

/// Takes RTP, and gives what is decoded, on its own thread.
fn decoder(
    take_in: impl Fn(&gst::Sample) + Send + 'static,
) -> Result<gst::Element, glib::BoolError> {
    let decoder = gst::parse::bin_from_description(DECODER, true)
        .map_err(|error| glib::bool_error!("{error}"))?;
    let sink = decoder
        .by_name("out")
        .and_then(|sink| sink.downcast::<gst_app::AppSink>().ok())
        .ok_or_else(|| glib::bool_error!("no appsink"))?;
    sink.set_caps(Some(&super::format::caps()));
    let callbacks = gst_app::AppSinkCallbacks::builder().new_sample(move |sink| {
        take_in(&sink.pull_sample().map_err(|_| gst::FlowError::Eos)?);
        Ok(gst::FlowSuccess::Ok)
    });
    sink.set_callbacks(callbacks.build());
    Ok(decoder.upcast())
}

/// Whether what was agreed on for our media line comes by this pad. The pad's transceiver does not always
/// say so: webrtcbin 1.22 gives a source another pad than the one that waits for it.
fn is_voice(pad: &gst::Pad, payload: i32) -> bool {
    let caps = pad.current_caps();
    let of_pad = caps
        .as_ref()
        .and_then(|caps| caps.structure(0))
        .filter(|s| s.get::<&str>("encoding-name") == Ok("OPUS"))
        .and_then(|s| s.get::<i32>("payload").ok());
    of_pad == Some(payload)
}

/// For how long nothing came, where the jitter buffer says so.
fn lost(event: &gst::EventRef) -> Option<gst::ClockTime> {
    let structure = event.structure()?;
    let duration = structure
        .has_name(LOST)
        .then(|| structure.get::<u64>("duration").ok())??;
    Some(gst::ClockTime::from_nseconds(duration))
}

/// Lets nothing through.
fn discard(pad: &gst::Pad) {
    let data = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(data, |_, _| gst::PadProbeReturn::Handled);
}

/// What comes of one session. Goes with its webrtcbin.
struct Incoming {
    stage: Arc<Stage>,
    id: Id,
    may: May,
    gauge: Mutex<Gauge>,
    /// Counts the streams. The newest is the voice, since a client that begins anew has another source.
    stream: AtomicU32,
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.stage.leave(&self.id);
    }
}

impl Incoming {
    /// Passes packets that are permitted and not too many, and word of those that are lost.
    fn guard(self: &Arc<Self>, pad: &gst::Pad) {
        let incoming = self.clone();
        let stream = incoming.stream.fetch_add(1, Relaxed) + 1;
        let data = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
        pad.add_probe(
            data | gst::PadProbeType::EVENT_DOWNSTREAM,
            move |_, info| {
                let is_packet = match info.event().map(|event| lost(event)) {
                    None => true,
                    Some(None) => return gst::PadProbeReturn::Ok,
                    Some(Some(duration)) if duration <= MAX_CONCEALED => false,
                    Some(Some(_)) => return gst::PadProbeReturn::Handled,
                };
                let now = Instant::now();
                let is_newest = incoming.stream.load(Relaxed) == stream;
                if !is_newest || !(incoming.may)() || !lock(&incoming.gauge).passes(now) {
                    return gst::PadProbeReturn::Handled;
                }
                if is_packet {
                    incoming.stage.heard(&incoming.id, now);
                }
                gst::PadProbeReturn::Ok
            },
        );
    }

    /// A decoder in the session's pipeline.
    fn decoder(self: &Arc<Self>, webrtcbin: &gst::Element) -> Option<gst::Element> {
        let pipeline = webrtcbin.parent()?.downcast::<gst::Bin>().ok()?;
        let incoming = self.clone();
        let decoder = decoder(move |sample| incoming.take_in(sample))
            .inspect_err(|error| {
                gst::warning!(
                    gst::CAT_RUST,
                    obj = webrtcbin,
                    "cannot decode talk: {error}"
                );
            })
            .ok()?;
        pipeline.add(&decoder).ok()?;
        if decoder.sync_state_with_parent().is_err() {
            let _ = decoder.set_state(gst::State::Null);
            let _ = pipeline.remove(&decoder);
            return None;
        }
        Some(decoder)
    }

    fn take_in(&self, sample: &gst::Sample) {
        if !(self.may)() {
            return;
        }
        let map = sample
            .buffer()
            .and_then(|buffer| buffer.map_readable().ok());
        if let Some(map) = map {
            let samples = map.as_slice().chunks_exact(2);
            let samples = samples.map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]]));
            self.stage.push(&self.id, &self.may, samples);
        }
    }
}

/// A token bucket of packets.
#[derive(Debug)]
struct Gauge {
    tokens: u32,
    since: Instant,
}

impl Gauge {
    fn new(now: Instant) -> Self {
        Self {
            tokens: MAX_BURST,
            since: now,
        }
    }

    fn passes(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_micros();
        let more = passed * u128::from(MAX_RATE) / 1_000_000;
        if more > 0 {
            let more = u32::try_from(more).unwrap_or(u32::MAX);
            self.tokens = self.tokens.saturating_add(more).min(MAX_BURST);
            self.since = now;
        }
        let has_one = self.tokens > 0;
        self.tokens = self.tokens.saturating_sub(1);
        has_one
    }
}

#[cfg(test)]
#[path = "voice_tests.rs"]
mod tests;
