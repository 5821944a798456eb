// SPDX-License-Identifier: MPL-2.0
//! The last element of ours in a session: every packet passes it on its way to the network, and what the viewer reports of
//! their arrival comes back through it. Not an element one can make by name.
//!
//! Upstream's `rtpgccbwe` estimates the network here as it does in webrtcsink, but beside the road and not on it: it hands
//! packets on every 5 ms and no faster than its estimate, which holds up each frame by half of that and a key unit by 30 ms.
//! This pacer lets a frame through at once and spreads only what is large for the network, at a multiple of the estimate
//! (as draft-ietf-rmcat-gcc-02, section 4, and libwebrtc do).
//!
//! Locks: `budget` and `window`, each held to read or write values, and neither while waiting or pushing.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use gst::{glib, prelude::*, subclass::prelude::*};

use crate::{
    ladder::{Observation, Path},
    lock::lock,
};

/// Packets leave at most so many times faster than the network is thought to carry: in a frame's time it has carried them.
const PACE: f64 = 2.5;
/// What may leave at once: a common frame, and the burst that this much time of the pace has saved up.
const BURST: Duration = Duration::from_millis(60);
const LEAST_BURST_BYTES: f64 = 30_000.;
/// Until the first report nothing is known of the network, and what is sent is the first picture, for which somebody waits.
const FIRST_BURST_BYTES: f64 = 250_000.;
/// The longest a packet waits here; behind a network that is as slow as this makes it the picture skips instead.
const LONGEST_WAIT: Duration = Duration::from_millis(250);
/// Reports come every 50 to 100 ms: what arrived is told by a few, so that a network that narrows is seen soon.
const ARRIVED: Duration = Duration::from_millis(300);
/// And losses by some more, since they are few.
const WINDOW: Duration = Duration::from_millis(500);
/// A bound for the window: 500 ms of 10,000 packets each second, which is 100 Mbit/s.
const MAX_REPORTED: usize = 5_000;
/// What upstream's webrtcsink starts from, and its bounds (`start-bitrate`, `min-bitrate`, `max-bitrate`).
const START_BITRATE: u32 = 2_048_000;
const MIN_ESTIMATE: u32 = 30_000;
const MAX_ESTIMATE: u32 = 50_000_000;
/// Losses that retransmissions repair by themselves; above them a part of the bits goes into forward error correction
/// (RFC 5109), which repairs without a round trip.
const LOSS_WITHOUT_FEC: f32 = 0.02;
const MOST_FEC_PERCENT: u32 = 40;
/// An estimate this far below what it was means that packets are lost in a full queue, which error correction only fills.
const CONGESTED: f32 = 0.8;
/// How much of what the estimate was is left after each look, ten times a second.
const CREST_FADES: f32 = 0.98;
/// Retransmissions get this share of the estimate. Behind a network that has just narrowed half of all packets are lost, and a
/// viewer asks for each; they would hold up the key unit that makes them needless.
const RETRANSMITTED: f64 = 0.35;
const RETRANSMITTED_BURST: Duration = Duration::from_millis(300);
/// No key unit has begun yet, or its first packet is yet to come; beyond sequence numbers.
const NO_KEY: u32 = u32::MAX;
const NEXT_IS_KEY: u32 = u32::MAX - 1;
/// Packets that padding repeats.
const RECENT: usize = 32;

/// What the pacer knows of its viewer's network.
#[derive(Debug)]
pub(crate) struct Network {
    /// `rtpgccbwe`, if it is there.
    estimator: Option<gst::Element>,
    budget: Mutex<Budget>,
    window: Mutex<Window>,
    sent: AtomicU64,
    padding: AtomicU32,
    waits_ms: AtomicU32,
    fec: AtomicU32,
    /// What the estimate was lately.
    crest: AtomicU32,
    /// For retransmissions.
    repairs: Mutex<Repairs>,
    /// The picture's, 0 if it is not known.
    ssrc: AtomicU32,
    /// The sequence number of the newest key unit's first packet.
    key: AtomicU32,
    transceiver: glib::WeakRef<gst_webrtc::WebRTCRTPTransceiver>,
}

/// A token bucket of bytes.
#[derive(Debug)]
struct Budget {
    bytes: f64,
    filled: Option<Instant>,
    /// Bytes each second.
    rate: f64,
    is_known: bool,
}

impl Budget {
    fn new() -> Self {
        let mut budget = Self {
            bytes: FIRST_BURST_BYTES,
            filled: None,
            rate: 0.,
            is_known: false,
        };
        budget.set_estimate(START_BITRATE);
        budget.is_known = false;
        budget
    }

    fn set_estimate(&mut self, bits: u32) {
        self.rate = f64::from(bits) / 8. * PACE;
        self.is_known = true;
    }

    fn most(&self) -> f64 {
        match self.is_known {
            true => (self.rate * BURST.as_secs_f64()).max(LEAST_BURST_BYTES),
            false => FIRST_BURST_BYTES,
        }
    }

    /// What there is now.
    fn bytes_at(&mut self, now: Instant) -> f64 {
        let before = self.filled.replace(now).unwrap_or(now);
        let since = now.saturating_duration_since(before);
        self.bytes = (self.bytes + since.as_secs_f64() * self.rate).min(self.most());
        self.bytes
    }

    /// Takes a packet's bytes; gives how long it has to wait before it leaves.
    fn take(&mut self, bytes: usize, now: Instant) -> Duration {
        let since = self
            .filled
            .map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.filled = Some(now);
        self.bytes = (self.bytes + since.as_secs_f64() * self.rate).min(self.most());
        self.bytes -= bytes as f64;
        if self.bytes >= 0. {
            return Duration::ZERO;
        }
        let wait = Duration::from_secs_f64((-self.bytes / self.rate).min(10.));
        if wait > LONGEST_WAIT {
            // What is due cannot be made up for.
            self.bytes = -self.rate * LONGEST_WAIT.as_secs_f64();
        }
        wait.min(LONGEST_WAIT)
    }
}

/// A token bucket of bytes for retransmissions.
#[derive(Debug, Default)]
struct Repairs {
    bytes: f64,
    filled: Option<Instant>,
}

impl Repairs {
    /// Whether so many bytes may be sent once more.
    fn take(&mut self, bytes: usize, estimate: u32, now: Instant) -> bool {
        let rate = f64::from(estimate) / 8. * RETRANSMITTED;
        let most = (rate * RETRANSMITTED_BURST.as_secs_f64()).max(LEAST_BURST_BYTES / 2.);
        let since = match self.filled.replace(now) {
            Some(before) => now.saturating_duration_since(before).as_secs_f64(),
            None => f64::INFINITY,
        };
        self.bytes = (self.bytes + since * rate).min(most);
        let takes = self.bytes >= bytes as f64;
        if takes {
            self.bytes -= bytes as f64;
        }
        takes
    }
}

/// What was reported lately.
#[derive(Debug, Default)]
struct Window {
    reports: VecDeque<Report>,
    sent: VecDeque<(Instant, u64)>,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    at: Instant,
    bytes: u32,
    is_lost: bool,
}

impl Window {
    fn add(&mut self, report: Report) {
        while self.reports.len() >= MAX_REPORTED {
            self.reports.pop_front();
        }
        self.reports.push_back(report);
    }

    /// Bits each second that arrived, and the share that was lost.
    fn arrived(&mut self, now: Instant) -> (u32, f32) {
        let is_old = |report: &Report| now.saturating_duration_since(report.at) > WINDOW;
        while self.reports.front().is_some_and(is_old) {
            self.reports.pop_front();
        }
        let (mut bytes, mut lost) = (0u64, 0usize);
        for report in &self.reports {
            match report.is_lost {
                true => lost += 1,
                false if now.saturating_duration_since(report.at) <= ARRIVED => {
                    bytes += u64::from(report.bytes);
                }
                false => (),
            }
        }
        let share = lost as f32 / self.reports.len().max(1) as f32;
        (rate(bytes, ARRIVED), share)
    }

    /// Bits each second that left, by a counter of bytes.
    fn left(&mut self, total: u64, now: Instant) -> u32 {
        self.sent.push_back((now, total));
        while self.sent.len() > 2
            && self
                .sent
                .get(1)
                .is_some_and(|(at, _)| now.saturating_duration_since(*at) >= WINDOW)
        {
            self.sent.pop_front();
        }
        match self.sent.front() {
            Some((at, before)) if *at < now => rate(
                total.saturating_sub(*before),
                now.saturating_duration_since(*at),
            ),
            _ => 0,
        }
    }
}

fn rate(bytes: u64, during: Duration) -> u32 {
    let bits = bytes as f64 * 8. / during.as_secs_f64().max(0.001);
    bits.min(f64::from(u32::MAX)) as u32
}

/// Percent of error correction for such losses, if it is `before` now: up at once, down by a tenth of it at a time.
fn fec(loss: f32, before: u32) -> u32 {
    let wanted = match loss > LOSS_WITHOUT_FEC {
        // One lost packet in ten needs two in ten, since they are lost as well and not evenly.
        true => ((loss * 200.) as u32).clamp(5, MOST_FEC_PERCENT),
        false => 0,
    };
    wanted.max(before - before.div_ceil(10))
}

impl Network {
    fn new() -> Self {
        let estimator = gst::ElementFactory::make("rtpgccbwe")
            .property("min-bitrate", MIN_ESTIMATE)
            .property("max-bitrate", MAX_ESTIMATE)
            .property("estimated-bitrate", START_BITRATE)
            .build()
            .ok();
        Self {
            estimator,
            ..Self::unknown()
        }
    }

    /// Without an estimator.
    fn unknown() -> Self {
        Self {
            estimator: None,
            budget: Mutex::new(Budget::new()),
            window: Mutex::default(),
            sent: AtomicU64::new(0),
            padding: AtomicU32::new(0),
            waits_ms: AtomicU32::new(0),
            fec: AtomicU32::new(0),
            crest: AtomicU32::new(0),
            repairs: Mutex::default(),
            ssrc: AtomicU32::new(0),
            key: AtomicU32::new(NO_KEY),
            transceiver: glib::WeakRef::new(),
        }
    }

    fn estimate(&self) -> u32 {
        let estimator = self.estimator.as_ref();
        estimator.map_or(START_BITRATE, |e| e.property("estimated-bitrate"))
    }

    /// What the viewer says of packets that arrived, as rtpsession puts it (`RTPTWCCPackets`).
    fn report(&self, event: &gst::Event, now: Instant) {
        let Some(structure) = event.structure().filter(|s| s.name() == "RTPTWCCPackets") else {
            return;
        };
        {
            let packets = structure.get::<glib::ValueArray>("packets");
            let mut window = lock(&self.window);
            for packet in packets.iter().flat_map(|packets| packets.iter()) {
                if let Ok(packet) = packet.get::<gst::Structure>() {
                    window.add(Report {
                        at: now,
                        bytes: packet.get("size").unwrap_or_default(),
                        is_lost: packet.get("lost").unwrap_or_default(),
                    });
                }
            }
        }
        if let Some(pad) = self.estimator.as_ref().and_then(|e| e.static_pad("src")) {
            let _ = pad.send_event(event.clone());
        }
        let estimate = self.estimate();
        lock(&self.budget).set_estimate(estimate);
    }

    /// The picture's transceiver, whose error correction follows the losses, and SSRC.
    pub(super) fn set_picture(&self, transceiver: &gst_webrtc::WebRTCRTPTransceiver, ssrc: u32) {
        transceiver.set_property("fec-percentage", 0u32);
        self.transceiver.set(Some(transceiver));
        self.ssrc.store(ssrc, Relaxed);
    }

    /// Sets the share of error correction for these losses; gives it in percent of the media.
    fn correct(&self, loss: f32) -> u32 {
        let before = self.fec.load(Relaxed);
        let estimate = self.estimate();
        let faded = (self.crest.load(Relaxed) as f32 * CREST_FADES) as u32;
        let crest = faded.max(estimate);
        self.crest.store(crest, Relaxed);
        let wanted = match (estimate as f32) < crest as f32 * CONGESTED {
            true => 0,
            false => fec(loss, before),
        };
        if wanted != before {
            self.fec.store(wanted, Relaxed);
            if let Some(transceiver) = self.transceiver.upgrade() {
                transceiver.set_property("fec-percentage", wanted);
            }
        }
        wanted
    }

    /// The next packet of the picture is the first of a key unit.
    pub(super) fn begin_key(&self) {
        self.key.store(NEXT_IS_KEY, Relaxed);
    }

    /// Notes where a key unit begins.
    fn note(&self, packet: &gst::BufferRef) {
        if self.key.load(Relaxed) == NEXT_IS_KEY
            && let Some((ssrc, seqnum, _)) = large(packet)
            && ssrc == self.ssrc.load(Relaxed)
        {
            self.key.store(seqnum.into(), Relaxed);
        }
    }

    /// Whether nobody can decode anything by it any more: it is of before the newest key unit.
    fn is_needless(&self, retransmission: &gst::BufferRef) -> bool {
        match (
            u16::try_from(self.key.load(Relaxed)),
            original(retransmission),
        ) {
            // The difference of sequence numbers is signed.
            (Ok(key), Some(seqnum)) => seqnum.wrapping_sub(key) > u16::MAX / 2,
            _ => false,
        }
    }

    /// Retransmissions have an SSRC of their own (RFC 4588); so has sound, whose packets are small.
    fn is_retransmission(&self, packet: &gst::BufferRef) -> bool {
        let media = self.ssrc.load(Relaxed);
        media != 0 && large(packet).is_some_and(|(ssrc, ..)| ssrc != media)
    }

    /// Whether a retransmission is worth its place.
    fn repairs(&self, packet: &gst::BufferRef) -> bool {
        // Padding is made of retransmissions.
        if self.padding.load(Relaxed) > 0 {
            return true;
        }
        let estimate = self.estimate();
        !self.is_needless(packet)
            && lock(&self.repairs).take(packet.size(), estimate, Instant::now())
    }

    /// Takes that many bytes if they need not wait.
    fn takes_at_once(&self, bytes: usize) -> bool {
        let mut budget = lock(&self.budget);
        let takes = budget.bytes_at(Instant::now()) >= bytes as f64;
        if takes {
            budget.bytes -= bytes as f64;
            drop(budget);
            self.sent.fetch_add(bytes as u64, Relaxed);
            self.waits_ms.store(0, Relaxed);
        }
        takes
    }

    /// How long a packet of that many bytes has to wait.
    fn wait(&self, bytes: usize) -> Duration {
        self.sent.fetch_add(bytes as u64, Relaxed);
        let wait = lock(&self.budget).take(bytes, Instant::now());
        self.waits_ms.store(wait.as_millis() as u32, Relaxed);
        wait
    }
}

impl Path for Network {
    fn observe(&self, now: Instant) -> Option<Observation> {
        let total = self.sent.load(Relaxed);
        let mut window = lock(&self.window);
        let (delivered, loss) = window.arrived(now);
        let sent = window.left(total, now);
        drop(window);
        let fec = self.correct(loss);
        let estimate = u64::from(self.estimate()) * 100 / u64::from(100 + fec);
        Some(Observation {
            estimate: u32::try_from(estimate).unwrap_or(u32::MAX),
            delivered,
            sent: sent.saturating_sub(self.padding.load(Relaxed)),
            loss,
            queued: Duration::from_millis(self.waits_ms.load(Relaxed).into()),
        })
    }

    fn probe(&self, padding: u32) {
        self.padding.store(padding, Relaxed);
    }

    fn raise(&self, estimate: u32) {
        let estimate = estimate.clamp(MIN_ESTIMATE, MAX_ESTIMATE);
        if let Some(estimator) = &self.estimator {
            estimator.set_property("estimated-bitrate", estimate);
        }
        lock(&self.budget).set_estimate(estimate);
    }
}

/// Bytes of a packet, as far as it has them: the bindings' `copy_to_slice` panics where it has fewer.
fn bytes<const N: usize>(packet: &gst::BufferRef, at: usize) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    let end = at.checked_add(N)?;
    if packet.size() < end {
        return None;
    }
    packet.copy_to_slice(at, &mut bytes).ok()?;
    Some(bytes)
}

/// SSRC, sequence number and size of a packet (RFC 3550, 5.1) that is too large for sound.
fn large(packet: &gst::BufferRef) -> Option<(u32, u16, usize)> {
    const LEAST_BYTES: usize = 500;
    if packet.size() < LEAST_BYTES {
        return None;
    }
    let seqnum = u16::from_be_bytes(bytes(packet, 2)?);
    let ssrc = u32::from_be_bytes(bytes(packet, 8)?);
    Some((ssrc, seqnum, packet.size()))
}

/// The sequence number of the packet that a retransmission repeats (RFC 4588, 4): it stands before the payload.
fn original(retransmission: &gst::BufferRef) -> Option<u16> {
    let [first] = bytes(retransmission, 0)?;
    let sources = usize::from(first & 0x0f) * 4;
    let mut at = 12 + sources;
    if first & 0x10 != 0 {
        let words = u16::from_be_bytes(bytes(retransmission, at + 2)?);
        at += 4 + usize::from(words) * 4;
    }
    Some(u16::from_be_bytes(bytes(retransmission, at)?))
}

glib::wrapper! {
    pub(crate) struct Pacer(ObjectSubclass<imp::Pacer>) @extends gst::Element, gst::Object;
}

/// Pacers that were made. webrtcbin never lets go of one that it was given (docs/upstream.md), so those of sessions that are
/// over serve others.
static MADE: Mutex<Vec<Pacer>> = Mutex::new(Vec::new());
/// As many as a few cameras of one process have viewers; what is made beyond stays in memory for ever.
const MAX_MADE: usize = 256;

impl Pacer {
    /// One for a new session.
    pub(crate) fn take() -> Self {
        let mut made = lock(&MADE);
        let idle = made.iter().find(|pacer| pacer.imp().begin());
        if let Some(pacer) = idle {
            return pacer.clone();
        }
        let pacer: Self = glib::Object::new();
        pacer.imp().begin();
        if made.len() < MAX_MADE {
            made.push(pacer.clone());
        }
        pacer
    }

    pub(crate) fn network(&self) -> Arc<Network> {
        self.imp().network()
    }
}

mod imp {
    use std::sync::LazyLock;

    use super::*;

    pub(crate) struct Pacer {
        network: Mutex<Arc<Network>>,
        is_used: AtomicBool,
        sink: gst::Pad,
        src: gst::Pad,
        padding: Mutex<Padding>,
    }

    /// What padding repeats, and how much of it is due.
    #[derive(Default)]
    struct Padding {
        recent: VecDeque<(u32, u16, usize)>,
        credit: f64,
        at: Option<Instant>,
        next: usize,
    }

    impl Padding {
        fn note(&mut self, packet: Option<(u32, u16, usize)>) {
            if let Some(packet) = packet {
                if self.recent.len() >= RECENT {
                    self.recent.pop_front();
                }
                self.recent.push_back(packet);
            }
        }

        /// Packets to send once more.
        fn due(&mut self, rate: u32, now: Instant) -> Vec<(u32, u16)> {
            let Some(before) = self.at.replace(now).filter(|_| rate > 0) else {
                self.credit = 0.;
                return Vec::new();
            };
            let since = now.saturating_duration_since(before).min(WINDOW);
            self.credit += since.as_secs_f64() * f64::from(rate) / 8.;
            let mut due = Vec::new();
            while self.credit > 0. && due.len() < RECENT && !self.recent.is_empty() {
                self.next = (self.next + 1) % self.recent.len();
                let (ssrc, seqnum, bytes) = self.recent[self.next];
                self.credit -= bytes as f64;
                due.push((ssrc, seqnum));
            }
            due
        }
    }

    impl Pacer {
        pub(super) fn network(&self) -> Arc<Network> {
            lock(&self.network).clone()
        }

        /// Takes it into use, if it is in none.
        pub(super) fn begin(&self) -> bool {
            let is_free = self.obj().parent().is_none()
                && self.obj().current_state() == gst::State::Null
                && !self.is_used.swap(true, Relaxed);
            if is_free {
                *lock(&self.network) = Arc::new(Network::new());
                *lock(&self.padding) = Padding::default();
            }
            is_free
        }

        fn pace(&self, network: &Network, bytes: usize) {
            let wait = network.wait(bytes);
            if !wait.is_zero() {
                thread::sleep(wait);
            }
        }

        fn chain(&self, buffer: gst::Buffer) -> Result<gst::FlowSuccess, gst::FlowError> {
            let network = self.network();
            network.note(&buffer);
            if network.is_retransmission(&buffer) && !network.repairs(&buffer) {
                return Ok(gst::FlowSuccess::Ok);
            }
            self.pace(&network, buffer.size());
            self.pad_out(&network, std::iter::once(&*buffer));
            self.src.push(buffer)
        }

        fn chain_list(&self, list: gst::BufferList) -> Result<gst::FlowSuccess, gst::FlowError> {
            let network = self.network();
            if let Some(first) = list.get(0) {
                network.note(first);
            }
            self.pad_out(&network, list.iter());
            let bytes = list.calculate_size();
            if network.takes_at_once(bytes) {
                return self.src.push_list(list);
            }
            list.iter_owned()
                .try_fold(gst::FlowSuccess::Ok, |_, buffer| {
                    self.pace(&network, buffer.size());
                    self.src.push(buffer)
                })
        }

        /// While a probe runs, lets packets be sent once more: retransmissions, which a receiver takes for such and drops.
        fn pad_out<'a>(
            &self,
            network: &Network,
            packets: impl Iterator<Item = &'a gst::BufferRef>,
        ) {
            let rate = network.padding.load(Relaxed);
            let due = {
                let mut padding = lock(&self.padding);
                if rate > 0 {
                    packets.for_each(|packet| padding.note(large(packet)));
                }
                padding.due(rate, Instant::now())
            };
            for (ssrc, seqnum) in due {
                let request = gst::Structure::builder("GstRTPRetransmissionRequest")
                    .field("seqnum", u32::from(seqnum))
                    .field("ssrc", ssrc)
                    .build();
                let _ = self
                    .sink
                    .push_event(gst::event::CustomUpstream::new(request));
            }
        }
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Pacer {
        const NAME: &'static str = "GstPortholePacer";
        type Type = super::Pacer;
        type ParentType = gst::Element;

        fn with_class(class: &Self::Class) -> Self {
            let builder = |name, direction| match class.pad_template(name) {
                Some(template) => gst::Pad::builder_from_template(&template),
                None => gst::Pad::builder(direction),
            };
            let flags = gst::PadFlags::PROXY_CAPS | gst::PadFlags::PROXY_ALLOCATION;
            let of = |parent: Option<&gst::Object>| parent?.downcast_ref::<super::Pacer>().cloned();
            let flushing = gst::FlowError::Flushing;
            let sink = builder("sink", gst::PadDirection::Sink)
                .name("sink")
                .chain_function(move |_, parent, buffer| {
                    of(parent).ok_or(flushing)?.imp().chain(buffer)
                })
                .chain_list_function(move |_, parent, list| {
                    of(parent).ok_or(flushing)?.imp().chain_list(list)
                })
                .flags(flags)
                .build();
            let src = builder("src", gst::PadDirection::Src)
                .name("src")
                .event_function(move |pad, parent, event| {
                    if let Some(pacer) = of(parent) {
                        pacer.imp().network().report(&event, Instant::now());
                    }
                    gst::Pad::event_default(pad, parent, event)
                })
                .flags(flags)
                .build();
            Self {
                network: Mutex::new(Arc::new(Network::unknown())),
                is_used: AtomicBool::new(false),
                sink,
                src,
                padding: Mutex::default(),
            }
        }
    }

    impl ObjectImpl for Pacer {
        fn constructed(&self) {
            self.parent_constructed();
            for pad in [&self.sink, &self.src] {
                // It has none of these names yet.
                let _ = self.obj().add_pad(pad);
            }
        }

        fn dispose(&self) {
            self.rest();
        }
    }

    impl Pacer {
        /// Lets the estimator hear reports, and nothing else: its own pacing thread rests.
        fn wake(&self) {
            if let Some(estimator) = &self.network().estimator
                && estimator.set_state(gst::State::Paused).is_ok()
                && let Some(pad) = estimator.static_pad("src")
            {
                let _ = pad.pause_task();
            }
        }

        fn rest(&self) {
            let network = lock(&self.network).clone();
            if let Some(estimator) = &network.estimator {
                let _ = estimator.set_state(gst::State::Null);
            }
            // What a session knew of its network goes with it.
            *lock(&self.network) = Arc::new(Network::unknown());
        }
    }

    impl GstObjectImpl for Pacer {}

    impl ElementImpl for Pacer {
        fn metadata() -> Option<&'static gst::subclass::ElementMetadata> {
            static METADATA: LazyLock<gst::subclass::ElementMetadata> = LazyLock::new(|| {
                gst::subclass::ElementMetadata::new(
                    "Porthole pacer",
                    "Filter/Network/RTP",
                    "Sends packets no faster than the viewer's network takes them",
                    "The Porthole developers",
                )
            });
            Some(&METADATA)
        }

        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<Vec<gst::PadTemplate>> =
                LazyLock::new(crate::sink::filter::templates);
            &TEMPLATES
        }

        fn change_state(
            &self,
            transition: gst::StateChange,
        ) -> Result<gst::StateChangeSuccess, gst::StateChangeError> {
            if transition == gst::StateChange::ReadyToPaused {
                self.wake();
            }
            let result = self.parent_change_state(transition);
            match transition {
                gst::StateChange::PausedToReady => self.rest(),
                gst::StateChange::ReadyToNull => self.is_used.store(false, Relaxed),
                _ => (),
            }
            result
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_frame_leaves_at_once_and_a_large_one_at_the_pace_of_the_network() {
        let start = Instant::now();
        let mut budget = Budget::new();
        budget.set_estimate(2_000_000);
        let mut now = start;
        // 30 frames a second at the estimate: 8.3 kB each, in packets.
        for _ in 0..60 {
            for _ in 0..7 {
                assert_eq!(budget.take(1_190, now), Duration::ZERO);
            }
            now += Duration::from_millis(33);
        }
        let mut wait = Duration::ZERO;
        for _ in 0..84 {
            wait = budget.take(1_190, now + wait).max(wait);
        }
        // 100 kB: what was saved up, and the rest at five Mbit/s.
        assert!(
            wait > Duration::from_millis(10) && wait <= LONGEST_WAIT,
            "{wait:?}"
        );
    }

    #[test]
    fn the_first_picture_waits_for_nothing_that_is_not_known() {
        let mut budget = Budget::new();
        let now = Instant::now();
        let waits = (0..150).map(|_| budget.take(1_200, now));
        assert!(waits.into_iter().all(|wait| wait.is_zero()));
    }

    #[test]
    fn no_packet_waits_longer_than_the_bound_whatever_the_network_is_said_to_carry() {
        let mut budget = Budget::new();
        budget.set_estimate(1);
        let now = Instant::now();
        for _ in 0..1_000 {
            assert!(budget.take(1_500, now) <= LONGEST_WAIT);
        }
    }

    #[test]
    fn error_correction_comes_with_losses_and_goes_slowly() {
        assert_eq!(fec(0.01, 0), 0);
        assert_eq!(fec(0.1, 0), 20);
        assert_eq!(fec(1., 0), MOST_FEC_PERCENT);
        assert_eq!(fec(f32::NAN, 0), 0);
        let mut percent = 20;
        for _ in 0..60 {
            percent = fec(0., percent);
        }
        assert_eq!(percent, 0);
    }

    #[test]
    fn what_is_of_before_the_newest_key_unit_is_not_sent_again() {
        gst::init().unwrap();
        let packet = |ssrc: u8, seqnum: u16, original: u16| {
            let mut bytes = vec![0; 600];
            bytes[0] = 0x90;
            bytes[2..4].copy_from_slice(&seqnum.to_be_bytes());
            bytes[11] = ssrc;
            // An extension of one word.
            bytes[15] = 1;
            bytes[20..22].copy_from_slice(&original.to_be_bytes());
            gst::Buffer::from_slice(bytes)
        };
        let network = Network::unknown();
        network.ssrc.store(7, Relaxed);
        network.begin_key();
        network.note(&packet(9, 1, 0));
        network.note(&packet(7, 3, 0));
        network.note(&packet(7, 4, 0));
        assert!(network.is_retransmission(&packet(9, 1, 0)));
        assert!(!network.is_retransmission(&packet(7, 1, 0)));
        for (original, needless) in [(3, false), (4, false), (2, true), (65_535, true)] {
            assert_eq!(network.is_needless(&packet(9, 1, original)), needless);
        }
    }

    #[test]
    fn a_retransmission_that_is_cut_short_is_no_harm() {
        gst::init().unwrap();
        for length in 0..40 {
            let packet = gst::Buffer::from_slice(vec![0xff; length]);
            assert_eq!((original(&packet), large(&packet)), (None, None));
        }
    }

    #[test]
    fn retransmissions_get_a_share_of_the_network_and_no_more() {
        let (mut repairs, start) = (Repairs::default(), Instant::now());
        let sent = (0..1_000u64)
            .filter(|ms| repairs.take(1_200, 500_000, start + Duration::from_millis(*ms)))
            .count();
        // 22 kB each second, and what was saved up.
        assert!((25..=36).contains(&sent), "{sent}");
    }

    #[test]
    fn what_arrived_and_what_was_lost_are_of_the_last_half_second() {
        let (mut window, start) = (Window::default(), Instant::now());
        for ms in 0..1_000u64 {
            window.add(Report {
                at: start + Duration::from_millis(ms),
                bytes: 1_000,
                is_lost: ms % 10 == 0,
            });
        }
        let (bits, loss) = window.arrived(start + Duration::from_millis(1_000));
        assert!((7_000_000..7_500_000).contains(&bits), "{bits}");
        assert!((0.09..0.11).contains(&loss), "{loss}");
        assert_eq!(window.arrived(start + Duration::from_secs(9)), (0, 0.));
    }
}
