// SPDX-License-Identifier: MPL-2.0
//! What the pacer of a session and the ladder know of its viewer's network.
//!
//! Locks: `traffic`, `correction` and `streams`, each held to read or write values, none while another is, and none while
//! waiting or pushing.

use std::{
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use gst::{glib, prelude::*};
use porthole_protocol::grant::Permission;

use super::{
    correction::Correction,
    packet::{self, Packet},
    traffic::Traffic,
};
use crate::{
    ladder::{Observation, Path},
    lock::lock,
    signaller::session::Permit,
};

/// What upstream's webrtcsink starts from, and its bounds (`start-bitrate`, `min-bitrate`, `max-bitrate`).
const START_BITRATE: u32 = 2_048_000;
const MIN_ESTIMATE: u32 = 30_000;
const MAX_ESTIMATE: u32 = 50_000_000;
/// Streams of a session: a picture and a sound, and another sound when the camera's has changed.
const MAX_STREAMS: usize = 8;

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Network {
    /// `rtpgccbwe`, if it is there.
    estimator: Option<gst::Element>,
    traffic: Mutex<Traffic>,
    correction: Mutex<Correction>,
    /// The picture's SSRC, 0 if it is not known.
    picture: AtomicU32,
    /// Those of other media that leaves for the first time. What has none of these is a retransmission, which has one of its own
    /// (RFC 4588).
    streams: Mutex<Vec<u32>>,
    transceiver: glib::WeakRef<gst_webrtc::WebRTCRTPTransceiver>,
    permit: OnceLock<Permit>,
}

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Picture,
    Other,
    Retransmission,
}

impl Network {
    pub(super) fn new() -> Self {
        let estimator = gst::ElementFactory::make("rtpgccbwe")
            .property("min-bitrate", MIN_ESTIMATE)
            .property("max-bitrate", MAX_ESTIMATE)
            .property("estimated-bitrate", START_BITRATE)
            .build()
            .ok();
        if let Some(pad) = estimator.as_ref().and_then(|e| e.static_pad("src")) {
            // An element that was never started takes no events.
            pad.unset_pad_flags(gst::PadFlags::FLUSHING);
        }
        Self {
            estimator,
            ..Self::unknown()
        }
    }

    /// Without an estimator.
    pub(super) fn unknown() -> Self {
        Self {
            estimator: None,
            traffic: Mutex::new(Traffic::new(START_BITRATE)),
            correction: Mutex::default(),
            picture: AtomicU32::new(0),
            streams: Mutex::default(),
            transceiver: glib::WeakRef::new(),
            permit: OnceLock::new(),
        }
    }

    fn estimate(&self) -> u32 {
        let estimator = self.estimator.as_ref();
        estimator.map_or(START_BITRATE, |e| e.property("estimated-bitrate"))
    }

    fn set_estimator(&self, estimate: u32) -> u32 {
        let estimate = estimate.clamp(MIN_ESTIMATE, MAX_ESTIMATE);
        if let Some(estimator) = &self.estimator {
            estimator.set_property("estimated-bitrate", estimate);
        }
        estimate
    }

    /// What the viewer says of packets that arrived: an event by which [`is_report`] goes. It is looked at where it is, since a copy of it is one
    /// of a structure for each packet.
    pub(super) fn report(&self, event: gst::Event, now: Instant) {
        {
            let packets = event
                .structure()
                .map(|structure| structure.value("packets"));
            let packets = packets.and_then(|packets| packets.ok()?.get::<&glib::ValueArray>().ok());
            let back = match packets.is_some_and(|packets| !packets.is_empty()) {
                true => lock(&self.traffic).heard(),
                false => None,
            };
            if let Some(back) = back {
                self.set_estimator(back);
            }
            let mut traffic = lock(&self.traffic);
            for packet in packets.iter().flat_map(|packets| packets.iter()) {
                if let Ok(packet) = packet.get::<&gst::StructureRef>() {
                    let bytes = packet.get("size").unwrap_or_default();
                    let is_lost = packet.get("lost").unwrap_or_default();
                    traffic.report(bytes, is_lost, now);
                }
            }
        }
        if let Some(pad) = self.estimator.as_ref().and_then(|e| e.static_pad("src")) {
            let _ = pad.send_event(event);
        }
        let estimate = self.estimate();
        lock(&self.traffic).set_estimate(estimate);
    }

    /// What the viewer says of losses (RFC 3550, 6.4.2), which counts where it says nothing of single packets.
    pub(in crate::sink) fn receiver_report(&self, loss: f32) {
        let estimate = lock(&self.traffic).receiver_report(loss);
        if let Some(estimate) = estimate {
            self.raise(estimate);
        }
    }

    /// The picture's transceiver, whose error correction follows the losses.
    pub(in crate::sink) fn set_transceiver(&self, of: &gst_webrtc::WebRTCRTPTransceiver) {
        of.set_property("fec-percentage", 0u32);
        self.transceiver.set(Some(of));
    }

    pub(in crate::sink) fn set_picture(&self, ssrc: u32) {
        self.picture.store(ssrc, Relaxed);
    }

    /// A stream of media that is no picture.
    pub(in crate::sink) fn add_stream(&self, ssrc: u32) {
        let mut streams = lock(&self.streams);
        if !streams.contains(&ssrc) {
            if streams.len() >= MAX_STREAMS {
                streams.remove(0);
            }
            streams.push(ssrc);
        }
    }

    /// As long as this allows it, frames that are being paced go on.
    pub(in crate::sink) fn set_permit(&self, permit: Permit) {
        let _ = self.permit.set(permit);
    }

    pub(super) fn is_permitted(&self) -> bool {
        let permit = self.permit.get();
        permit.is_none_or(|permit| permit.allows(Permission::View))
    }

    /// The next packet of the picture is the first of a key unit.
    pub(in crate::sink) fn begin_key(&self) {
        lock(&self.traffic).retransmissions.begin_key();
    }

    fn kind(&self, packet: Packet) -> Kind {
        let picture = self.picture.load(Relaxed);
        if packet.ssrc == picture {
            Kind::Picture
        } else if picture == 0 || lock(&self.streams).contains(&packet.ssrc) {
            Kind::Other
        } else {
            Kind::Retransmission
        }
    }

    /// Whether a packet may leave, which is counted if it may.
    pub(super) fn admits(&self, buffer: &gst::BufferRef, now: Instant) -> bool {
        let Some(packet) = Packet::of(buffer) else {
            return true;
        };
        let kind = self.kind(packet);
        let mut traffic = lock(&self.traffic);
        if kind == Kind::Retransmission {
            return traffic.admits(packet::original(buffer), packet.bytes, now);
        }
        count(&mut traffic, kind, packet, now);
        true
    }

    /// The packets of a frame leave, which are counted; whether all of them may at once. Lists are made by payloaders: none is of
    /// retransmissions.
    pub(super) fn admits_list(&self, list: &gst::BufferListRef, now: Instant) -> bool {
        let mut packets = list.iter().filter_map(Packet::of).peekable();
        // A list is of one stream.
        let kind = packets.peek().map(|first| self.kind(*first));
        let mut traffic = lock(&self.traffic);
        let mut bytes = 0;
        for packet in packets {
            count(&mut traffic, kind.unwrap_or(Kind::Other), packet, now);
            bytes += packet.bytes;
        }
        traffic.takes_at_once(bytes, now)
    }

    /// How long a packet of that many bytes has to wait.
    pub(super) fn pace(&self, bytes: usize, now: Instant) -> Duration {
        lock(&self.traffic).pace(bytes, now)
    }

    /// Packets of the picture to send once more.
    pub(super) fn padding(&self, now: Instant) -> (u32, Vec<u16>) {
        let due = lock(&self.traffic).padding.due(now);
        (self.picture.load(Relaxed), due)
    }

    /// Sets the share of error correction for these losses; gives it in percent of the media.
    fn correct(&self, estimate: u32, loss: f32) -> u32 {
        let (has_changed, percent) = {
            let mut correction = lock(&self.correction);
            (correction.update(estimate, loss), correction.percent())
        };
        if has_changed && let Some(transceiver) = self.transceiver.upgrade() {
            transceiver.set_property("fec-percentage", percent);
        }
        percent
    }
}

/// A packet leaves for the first time.
fn count(traffic: &mut Traffic, kind: Kind, packet: Packet, now: Instant) {
    if kind == Kind::Picture {
        traffic.note_picture(packet.seqnum, packet.bytes, now);
    }
    traffic.count(packet.bytes, now);
}

/// Whether an event is what a viewer says of packets, as rtpsession puts it.
pub(super) fn is_report(event: &gst::EventRef) -> bool {
    event
        .structure()
        .is_some_and(|structure| structure.has_name("RTPTWCCPackets"))
}

impl Path for Network {
    fn start(&self, estimate: u32) {
        let estimate = self.set_estimator(estimate);
        lock(&self.traffic).start(estimate);
    }

    fn observe(&self, now: Instant) -> Option<Observation> {
        let silent = lock(&self.traffic).falls_silent(now);
        if let Some(estimate) = silent {
            self.raise(estimate);
        }
        let observed = lock(&self.traffic).observe(now);
        let estimate = self.estimate();
        let percent = self.correct(estimate, observed.loss);
        let estimate = u64::from(estimate) * 100 / u64::from(100 + percent);
        Some(Observation {
            estimate: u32::try_from(estimate).unwrap_or(u32::MAX),
            ..observed
        })
    }

    fn probe(&self, padding: u32) {
        lock(&self.traffic).padding.set(padding);
    }

    fn raise(&self, estimate: u32) {
        let estimate = self.set_estimator(estimate);
        lock(&self.traffic).set_estimate(estimate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(ssrc: u8, seqnum: u16, original: u16, bytes: usize) -> gst::Buffer {
        let mut packet = vec![0; bytes];
        packet[2..4].copy_from_slice(&seqnum.to_be_bytes());
        packet[11] = ssrc;
        packet[12..14].copy_from_slice(&original.to_be_bytes());
        gst::Buffer::from_slice(packet)
    }

    fn network() -> Network {
        gst::init().expect("GStreamer is installed");
        let network = Network::unknown();
        network.picture.store(7, Relaxed);
        network
    }

    #[test]
    fn sound_of_any_size_is_no_retransmission_and_a_small_one_is() {
        let (network, now) = (network(), Instant::now());
        network.add_stream(9);
        let kind = |ssrc, bytes| {
            let packet = Packet::of(&packet(ssrc, 1, 0, bytes)).expect("a packet");
            network.kind(packet)
        };
        assert_eq!(kind(7, 100), Kind::Picture);
        for bytes in [100, 800] {
            assert_eq!(kind(9, bytes), Kind::Other);
            assert_eq!(kind(11, bytes), Kind::Retransmission);
        }
        // Opus of 320 kbit/s, of which none is thinned.
        let all = (0..500).filter(|seqnum| network.admits(&packet(9, *seqnum, 0, 800), now));
        assert_eq!(all.count(), 500);
    }

    #[test]
    fn nothing_is_repeated_but_the_picture() {
        let (network, start) = (network(), Instant::now());
        network.add_stream(9);
        network.probe(1_000_000);
        for seqnum in 0..8 {
            network.admits(&packet(7, 100 + seqnum, 0, 1_000), start);
            network.admits(&packet(9, 200 + seqnum, 0, 1_000), start);
            network.admits(&packet(11, 300 + seqnum, 0, 1_000), start);
        }
        network.padding(start);
        let (ssrc, due) = network.padding(start + Duration::from_millis(200));
        assert_eq!(ssrc, 7);
        assert!(due.len() > 8, "{due:?}");
        assert!(due.iter().all(|seqnum| (100..108).contains(seqnum)));
    }

    #[test]
    fn what_is_of_before_the_newest_key_unit_is_not_sent_again() {
        let (network, now) = (network(), Instant::now());
        for seqnum in 0..50 {
            network.admits(&packet(7, seqnum, 0, 1_000), now);
        }
        network.begin_key();
        network.admits(&packet(9, 1, 0, 1_000), now);
        network.admits(&packet(7, 50, 0, 1_000), now);
        assert!(network.admits(&packet(11, 1, 50, 1_000), now));
        assert!(!network.admits(&packet(11, 2, 49, 1_000), now));
    }
}
