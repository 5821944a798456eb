// SPDX-License-Identifier: MPL-2.0
//! A viewer without a browser: a webrtcbin that answers what the camera offers, and counts the packets that reach it.
//!
//! It sends no candidates: the camera's lead to it, and the camera learns its address from its first packet.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use gst_webrtc::{WebRTCSDPType, WebRTCSessionDescription};
use porthole_protocol::wire::{IncomingMessage, PeerMessage, PeerMessageInner, SdpMessage};

use super::{PATIENCE, frames::Frames, server::Connection, step};

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(2);

/// Packets of one kind of media.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packets {
    pub count: u64,
    pub last: Option<Instant>,
}

/// Of video and of audio.
#[derive(Clone, Default)]
struct Counts(Arc<Mutex<[Packets; 2]>>);

pub struct Viewer {
    pub pipeline: gst::Pipeline,
    pub webrtcbin: gst::Element,
    counts: Counts,
    /// Of its picture.
    pub frames: Frames,
}

impl Drop for Viewer {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn place(kind: &str) -> usize {
    usize::from(kind == "audio")
}

impl Viewer {
    pub fn new() -> Self {
        let pipeline = gst::Pipeline::new();
        let webrtcbin = gst::ElementFactory::make("webrtcbin")
            .property_from_str("bundle-policy", "max-bundle")
            .build()
            .unwrap();
        pipeline.add(&webrtcbin).unwrap();
        let counts = Counts::default();
        let (own, frames) = (counts.clone(), Frames::default());
        let seen = frames.clone();
        webrtcbin.connect_pad_added(move |webrtcbin, pad| {
            count(webrtcbin, pad, own.clone(), seen.clone());
        });
        pipeline.set_state(gst::State::Playing).unwrap();
        Self {
            pipeline,
            webrtcbin,
            counts,
            frames,
        }
    }

    /// From now on the camera hears nothing of it but what ICE says: no report, and no request.
    pub fn fall_silent(&self) {
        let bin = self.webrtcbin.downcast_ref::<gst::Bin>().unwrap();
        let rtpbin = bin.by_name("rtpbin").unwrap();
        let silence = |pad: &gst::Pad| {
            if pad.name().starts_with("send_rtcp_src") {
                pad.add_probe(gst::PadProbeType::BUFFER, |_, _| {
                    gst::PadProbeReturn::Handled
                });
            }
        };
        rtpbin.connect_pad_added(move |_, pad| silence(pad));
        rtpbin.src_pads().iter().for_each(silence);
    }

    /// Asks for a key unit.
    pub fn ask_for_key(&self) {
        let event = gst_video::UpstreamForceKeyUnitEvent::builder().all_headers(true);
        let event = event.build();
        for pad in self.webrtcbin.src_pads() {
            let caps = pad.current_caps();
            let media = caps.and_then(|caps| caps.structure(0)?.get::<String>("media").ok());
            if media.as_deref() == Some("video") {
                pad.send_event(event.clone());
            }
        }
    }

    /// Takes part in `session`, which has been asked for, until video comes.
    #[track_caller]
    pub fn watch(connection: &mut Connection, session: &str) -> Self {
        Self::new().watching(connection, session)
    }

    /// The same.
    #[track_caller]
    pub fn watching(self, connection: &mut Connection, session: &str) -> Self {
        step(format_args!("a picture in {session}"));
        let viewer = self;
        let start = Instant::now();
        while viewer.packets("video").count == 0 {
            assert!(start.elapsed() < PATIENCE, "no video came");
            if let Some(received) = connection.receive_within(10 * LOOK) {
                hear(
                    &viewer.webrtcbin,
                    None,
                    connection,
                    session,
                    received.message,
                );
            }
        }
        viewer
    }

    /// Takes part in `session`, which has been asked for, with all that comes over `connection` from now on.
    pub fn of(session: &str, connection: Connection) -> Self {
        Self::new().taking_part(session, connection)
    }

    /// The same.
    pub fn taking_part(self, session: &str, mut connection: Connection) -> Self {
        let viewer = self;
        let (webrtcbin, session) = (viewer.webrtcbin.clone(), session.to_owned());
        // Ends with the connection.
        thread::spawn(move || {
            while let Some(received) = connection.try_receive() {
                hear(
                    &webrtcbin,
                    None,
                    &mut connection,
                    &session,
                    received.message,
                );
            }
        });
        viewer
    }

    /// What has come of `video` or `audio`.
    pub fn packets(&self, kind: &str) -> Packets {
        self.counts.0.lock().unwrap()[place(kind)]
    }

    /// Waits until `more` further packets of `kind` have come.
    #[track_caller]
    pub fn wait_for(&self, kind: &str, more: u64) {
        step(format_args!("{more} packets of {kind}"));
        let (start, goal) = (Instant::now(), self.packets(kind).count + more);
        while self.packets(kind).count < goal {
            assert!(start.elapsed() < PATIENCE, "no {kind} comes");
            thread::park_timeout(LOOK);
        }
    }

    /// Waits until for `quiet` nothing of `kind` has come, and says when the last packet did.
    #[track_caller]
    pub fn last(&self, kind: &str, quiet: Duration) -> Instant {
        step(format_args!("the end of {kind}"));
        let start = Instant::now();
        loop {
            let last = self.packets(kind).last.unwrap_or(start);
            if last.elapsed() >= quiet {
                return last;
            }
            assert!(start.elapsed() < PATIENCE, "{kind} goes on");
            thread::park_timeout(LOOK);
        }
    }
}

/// Takes in what the camera says in `session`, and answers an offer; with RTP of `voice`, if it asks for sound.
pub fn hear(
    webrtcbin: &gst::Element,
    voice: Option<&gst::Element>,
    connection: &mut Connection,
    session: &str,
    message: IncomingMessage,
) {
    let IncomingMessage::Peer(PeerMessage {
        session_id,
        peer_message,
    }) = message
    else {
        return;
    };
    if session_id != session {
        return;
    }
    match peer_message {
        PeerMessageInner::Sdp(SdpMessage::Offer { sdp }) => {
            let sdp = answer(webrtcbin, voice, &sdp);
            connection.say(session, PeerMessageInner::Sdp(SdpMessage::Answer { sdp }));
        }
        // The end of the candidates, which nobody waits for here.
        PeerMessageInner::Ice { candidate, .. } if candidate.is_empty() => (),
        PeerMessageInner::Ice {
            candidate,
            sdp_m_line_index,
        } => webrtcbin.emit_by_name("add-ice-candidate", &[&sdp_m_line_index, &candidate]),
        PeerMessageInner::Sdp(SdpMessage::Answer { sdp }) => {
            let sdp = gst_sdp::SDPMessage::parse_buffer(sdp.as_bytes()).unwrap();
            let answer = WebRTCSessionDescription::new(WebRTCSDPType::Answer, sdp);
            ask(webrtcbin, "set-remote-description", &answer);
        }
    }
}

/// The offer of a viewer that makes it: a picture in VP8; sound to hear, and its own `voice` if it has one; data channels.
pub fn offer(webrtcbin: &gst::Element, voice: Option<&gst::Element>, data: bool) -> String {
    let recvonly = gst_webrtc::WebRTCRTPTransceiverDirection::Recvonly;
    let codec = |media: &str, name: &str, clock: i32, payload: i32| {
        gst::Caps::builder("application/x-rtp")
            .field("media", media)
            .field("encoding-name", name)
            .field("clock-rate", clock)
            .field("payload", payload)
            .build()
    };
    let _ = webrtcbin.emit_by_name::<Option<gst_webrtc::WebRTCRTPTransceiver>>(
        "add-transceiver",
        &[&recvonly, &codec("video", "VP8", 90_000, 96)],
    );
    let sound = codec("audio", "OPUS", 48_000, 109);
    match voice {
        None => {
            let _ = webrtcbin.emit_by_name::<Option<gst_webrtc::WebRTCRTPTransceiver>>(
                "add-transceiver",
                &[&recvonly, &sound],
            );
        }
        Some(voice) => {
            let sink = webrtcbin.request_pad_simple("sink_%u").unwrap();
            let transceiver: gst_webrtc::WebRTCRTPTransceiver = sink.property("transceiver");
            transceiver.set_property("codec-preferences", sound);
            let payloader = voice.downcast_ref::<gst::Bin>().unwrap().by_name("pay");
            payloader.unwrap().set_property("pt", 109_u32);
            let pipeline = webrtcbin.parent().unwrap().downcast::<gst::Bin>().unwrap();
            pipeline.add(voice).unwrap();
            voice.static_pad("src").unwrap().link(&sink).unwrap();
            voice.sync_state_with_parent().unwrap();
        }
    }
    if data {
        let none = None::<gst::Structure>;
        let _ = webrtcbin.emit_by_name::<Option<gst_webrtc::WebRTCDataChannel>>(
            "create-data-channel",
            &[&"own", &none],
        );
    }
    let none = None::<gst::Structure>;
    let reply = ask(webrtcbin, "create-offer", &none).unwrap();
    let offer: WebRTCSessionDescription = reply.get("offer").unwrap();
    ask(webrtcbin, "set-local-description", &offer);
    offer.sdp().as_text().unwrap()
}

fn count(webrtcbin: &gst::Element, pad: &gst::Pad, counts: Counts, frames: Frames) {
    if pad.direction() != gst::PadDirection::Src {
        return;
    }
    let caps = pad.current_caps().unwrap();
    let media: String = caps.structure(0).unwrap().get("media").unwrap();
    let data = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    pad.add_probe(data, move |_, info| {
        if media == "video"
            && let Some(buffer) = info.buffer()
        {
            frames.note(&buffer.map_readable().unwrap());
        }
        let packets = &mut counts.0.lock().unwrap()[place(&media)];
        packets.count += 1;
        packets.last = Some(Instant::now());
        gst::PadProbeReturn::Ok
    });
    let sink = gst::ElementFactory::make("fakesink")
        .property("async", false)
        .build()
        .unwrap();
    let pipeline = webrtcbin.parent().unwrap().downcast::<gst::Bin>().unwrap();
    pipeline.add(&sink).unwrap();
    sink.sync_state_with_parent().unwrap();
    pad.link(&sink.static_pad("sink").unwrap()).unwrap();
}

fn answer(webrtcbin: &gst::Element, voice: Option<&gst::Element>, offer: &str) -> String {
    let line = talk_line(offer);
    let offer = gst_sdp::SDPMessage::parse_buffer(offer.as_bytes()).unwrap();
    let offer = WebRTCSessionDescription::new(WebRTCSDPType::Offer, offer);
    ask(webrtcbin, "set-remote-description", &offer);
    if let (Some(voice), Some((line, payload))) = (voice, line) {
        send(webrtcbin, voice, line, payload);
    }
    let none = None::<gst::Structure>;
    let reply = ask(webrtcbin, "create-answer", &none).unwrap();
    let answer: WebRTCSessionDescription = reply.get("answer").unwrap();
    ask(webrtcbin, "set-local-description", &answer);
    without_sprop(&answer.sdp().as_text().unwrap())
}

/// The answer as browsers write it: without what the sender says of its own stream.
fn without_sprop(answer: &str) -> String {
    let plain = |line: &str| match line.split_once(' ') {
        Some((format, parameters)) if line.starts_with("a=fmtp:") => {
            let kept = parameters
                .split(';')
                .filter(|p| !p.trim().starts_with("sprop-"));
            let kept: Vec<&str> = kept.collect();
            (!kept.is_empty()).then(|| format!("{format} {}\r\n", kept.join(";")))
        }
        _ => Some(format!("{line}\r\n")),
    };
    answer.lines().filter_map(plain).collect()
}

/// The media line by which the camera would receive sound: its place, and the payload type.
pub fn talk_line(offer: &str) -> Option<(usize, u32)> {
    let mut lines = offer.split("\r\nm=").skip(1).enumerate();
    lines.find_map(|(place, line)| {
        let is_talk = line.starts_with("audio ") && line.contains("\r\na=recvonly");
        let payload = line.split(' ').nth(3)?.split("\r\n").next()?;
        is_talk.then(|| (place, payload.parse().unwrap()))
    })
}

/// Sends `voice`, an element with RTP at its pad `src`, by this media line.
fn send(webrtcbin: &gst::Element, voice: &gst::Element, line: usize, payload: u32) {
    let source = voice.static_pad("src").unwrap();
    if source.is_linked() {
        return;
    }
    let sendonly = gst_webrtc::WebRTCRTPTransceiverDirection::Sendonly;
    // By 1.26 the offer has made one already, which gives no pad as long as it does not send.
    let nth = |place: i32| {
        let found = webrtcbin.emit_by_name_with_values("get-transceiver", &[place.to_value()])?;
        found
            .get::<Option<gst_webrtc::WebRTCRTPTransceiver>>()
            .ok()?
    };
    for transceiver in (0..).map_while(nth) {
        if usize::try_from(transceiver.mlineindex()) == Ok(line) {
            transceiver.set_direction(sendonly);
        }
    }
    let sink = webrtcbin
        .request_pad_simple(&format!("sink_{line}"))
        .unwrap();
    let transceiver: gst_webrtc::WebRTCRTPTransceiver = sink.property("transceiver");
    transceiver.set_direction(sendonly);
    // Else webrtcbin 1.22 takes the first line for sound, whichever way that goes.
    let caps = gst::Caps::builder("application/x-rtp")
        .field("media", "audio")
        .field("encoding-name", "OPUS")
        .field("clock-rate", 48_000)
        .field("payload", i32::try_from(payload).unwrap())
        .build();
    transceiver.set_property("codec-preferences", caps);
    let payloader = voice.downcast_ref::<gst::Bin>().unwrap().by_name("pay");
    payloader.unwrap().set_property("pt", payload);
    let pipeline = webrtcbin.parent().unwrap().downcast::<gst::Bin>().unwrap();
    pipeline.add(voice).unwrap();
    source.link(&sink).unwrap();
    voice.sync_state_with_parent().unwrap();
}

fn ask(webrtcbin: &gst::Element, signal: &str, argument: &dyn ToValue) -> Option<gst::Structure> {
    let promise = gst::Promise::new();
    webrtcbin.emit_by_name_with_values(
        signal,
        &[argument.to_value(), promise.to_value()] as &[glib::Value],
    );
    promise.wait();
    promise.get_reply().map(ToOwned::to_owned)
}
