// SPDX-License-Identifier: MPL-2.0
//! One viewer's packets: which leave, when, and what is known of those that left. Pure: time and reports come in.

use std::time::{Duration, Instant};

use super::{
    bucket::{LeakyBucket, Limit},
    feedback::Feedback,
    padding::Padding,
    reports::{Reports, Sent, WINDOW},
    retransmission::Retransmissions,
};
use crate::ladder::Observation;

/// Packets leave at most so many times faster than the network is thought to carry: in a frame's time it has carried them.
const PACE: f64 = 2.5;
/// What may leave at once: a common frame, and the burst that this much time of the pace has saved up.
const BURST: Duration = Duration::from_millis(60);
/// A common frame of a network that is not narrow.
const FRAME_BYTES: f64 = 30_000.;
/// Of a narrow one's, no more than this much time of it: its queue would hold up what comes next.
const FRAME_TIME: Duration = Duration::from_millis(250);
/// The smallest frame is a few packets.
const LEAST_BURST: f64 = 5_000.;
/// Until the first report nothing is known of the network but what others' carry, and what is sent is the first picture, for
/// which somebody waits.
const FIRST_BURST: Duration = Duration::from_secs(1);
/// The longest a packet waits here; behind a network that is as slow as this makes it the picture skips instead.
const LONGEST_WAIT: Duration = Duration::from_millis(250);

#[derive(Debug)]
pub(crate) struct Traffic {
    bucket: LeakyBucket,
    /// Bits each second.
    estimate: u32,
    /// Something has been reported.
    is_known: bool,
    reports: Reports,
    feedback: Feedback,
    /// All but padding.
    sent: Sent,
    pub(crate) retransmissions: Retransmissions,
    pub(crate) padding: Padding,
    /// By then what is being sent has left.
    busy_until: Option<Instant>,
}

impl Traffic {
    pub(crate) fn new(start: u32) -> Self {
        Self {
            bucket: LeakyBucket::default(),
            estimate: start,
            is_known: false,
            reports: Reports::default(),
            feedback: Feedback::default(),
            sent: Sent::of(WINDOW),
            retransmissions: Retransmissions::default(),
            padding: Padding::default(),
            busy_until: None,
        }
    }

    /// What the network is thought to carry before it has been tried.
    pub(crate) fn start(&mut self, estimate: u32) {
        if !self.is_known {
            self.estimate = estimate;
        }
    }

    pub(crate) fn set_estimate(&mut self, estimate: u32) {
        self.estimate = estimate;
        self.is_known = true;
    }

    fn limit(&self) -> Limit {
        let bits = f64::from(self.estimate);
        let pace = Limit::of(bits * PACE, BURST);
        let at_once = match self.is_known {
            true => Limit::of(bits, FRAME_TIME).depth.min(FRAME_BYTES),
            false => Limit::of(bits, FIRST_BURST).depth,
        };
        Limit {
            depth: pace.depth.max(at_once).max(LEAST_BURST),
            ..pace
        }
    }

    /// A packet of the picture is about to leave for the first time.
    pub(crate) fn note_picture(&mut self, seqnum: u16, bytes: usize, now: Instant) {
        self.retransmissions.note(seqnum, bytes, now);
        self.padding.note(seqnum, bytes);
    }

    /// Whether a retransmission may leave.
    pub(crate) fn admits(&mut self, original: Option<u16>, bytes: usize, now: Instant) -> bool {
        if original.is_some_and(|original| self.padding.takes(original)) {
            return true;
        }
        let admits = (self.retransmissions).admits(original, bytes, self.estimate, now);
        if admits {
            self.sent.add(bytes, now);
        }
        admits
    }

    /// Something that is no retransmission leaves.
    pub(crate) fn count(&mut self, bytes: usize, now: Instant) {
        self.feedback.sent(now);
        self.sent.add(bytes, now);
    }

    /// Whether so many bytes may leave at once; if they may not, they have to be paced.
    pub(crate) fn takes_at_once(&mut self, bytes: usize, now: Instant) -> bool {
        let limit = self.limit();
        let takes = self.bucket.try_put(bytes, limit, now);
        if !takes {
            self.busy_until = Some(now + self.bucket.wait(bytes, limit, now));
        }
        takes
    }

    /// How long a packet has to wait before it leaves.
    pub(crate) fn pace(&mut self, bytes: usize, now: Instant) -> Duration {
        let limit = self.limit();
        let wait = self.bucket.put(bytes, limit, LONGEST_WAIT, now);
        let until = now + wait;
        self.busy_until = Some(self.busy_until.map_or(until, |before| before.max(until)));
        wait
    }

    /// A packet was reported.
    pub(crate) fn report(&mut self, bytes: u32, is_lost: bool, now: Instant) {
        self.reports.add(bytes, is_lost, now);
    }

    /// A transport-wide report has come; the estimate that comes back with it, after a silence.
    pub(crate) fn heard(&mut self) -> Option<u32> {
        self.feedback.report()
    }

    /// A receiver report has come; another estimate, where those are all that tells of losses.
    pub(crate) fn receiver_report(&mut self, loss: f32) -> Option<u32> {
        self.feedback.receiver_report(loss, self.estimate)
    }

    /// What is believed of the network of a viewer of whom nothing is heard. To be asked ten times a second.
    pub(crate) fn falls_silent(&mut self, now: Instant) -> Option<u32> {
        self.feedback.falls(self.estimate, now)
    }

    /// What the policy is told, but for the share of error correction.
    pub(crate) fn observe(&mut self, now: Instant) -> Observation {
        let (mut delivered, mut loss) = self.reports.arrived(now);
        let queued = self
            .busy_until
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let sent = self.sent.rate(now);
        if let Some(lost) = self.feedback.loss() {
            loss = lost;
            delivered = (f64::from(sent) * (1. - f64::from(lost))) as u32;
        }
        Observation {
            estimate: self.estimate,
            delivered,
            sent,
            loss,
            queued,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(estimate: u32) -> Traffic {
        let mut traffic = Traffic::new(estimate);
        traffic.set_estimate(estimate);
        traffic
    }

    #[test]
    fn a_common_frame_leaves_at_once_and_a_large_one_at_the_pace_of_the_network() {
        let mut traffic = known(2_000_000);
        let mut now = Instant::now();
        // 30 frames a second at the estimate: 8.3 kB each, in packets.
        for _ in 0..60 {
            for _ in 0..7 {
                assert_eq!(traffic.pace(1_190, now), Duration::ZERO);
            }
            now += Duration::from_millis(33);
        }
        let (begun, mut packets) = (now, 84);
        while packets > 0 {
            now += traffic.pace(1_190, now);
            packets -= 1;
        }
        // 100 kB: what may leave at once, and the rest at five Mbit/s.
        let took = now - begun;
        assert!((90..=110).contains(&took.as_millis()), "{took:?}");
    }

    #[test]
    fn the_first_picture_waits_for_nothing_that_is_not_known() {
        let (mut traffic, now) = (Traffic::new(2_048_000), Instant::now());
        let waits = (0..150).map(|_| traffic.pace(1_200, now));
        assert!(waits.into_iter().all(|wait| wait.is_zero()));
    }

    #[test]
    fn where_all_others_have_little_the_first_picture_comes_slowly() {
        let (mut traffic, now) = (Traffic::new(2_048_000), Instant::now());
        traffic.start(200_000);
        let at_once = (0..150).filter(|_| traffic.pace(1_200, now).is_zero());
        // A second of such a network.
        assert!((15..=21).contains(&at_once.count()));
        traffic.set_estimate(100_000);
        assert!(traffic.limit().depth <= 5_000.);
    }

    #[test]
    fn no_packet_waits_longer_than_the_bound_whatever_the_network_is_said_to_carry() {
        let mut traffic = known(1);
        let now = Instant::now();
        for _ in 0..1_000 {
            assert!(traffic.pace(1_500, now) <= LONGEST_WAIT);
        }
    }

    #[test]
    fn what_is_left_of_a_key_unit_on_a_slow_network_is_known() {
        let (mut traffic, start) = (known(100_000), Instant::now());
        assert!(!traffic.takes_at_once(60_000, start));
        let queued = traffic.observe(start).queued;
        assert!((1_600..=1_900).contains(&queued.as_millis()), "{queued:?}");
        let later = traffic.observe(start + Duration::from_secs(1)).queued;
        assert_eq!(later, queued - Duration::from_secs(1));
        assert!(traffic.observe(start + 2 * queued).queued.is_zero());
    }

    #[test]
    fn padding_is_no_media_and_what_the_viewer_asked_for_is() {
        let (mut traffic, start) = (known(1_000_000), Instant::now());
        traffic.padding.set(1_000_000);
        let mut padded = 0;
        for frame in 0..31u16 {
            let now = start + Duration::from_millis(u64::from(frame) * 33);
            for packet in 0..4 {
                traffic.note_picture(frame * 4 + packet, 1_000, now);
                traffic.count(1_000, now);
            }
            for seqnum in traffic.padding.due(now) {
                assert!(traffic.admits(Some(seqnum), 1_000, now));
                padded += 1;
            }
            if frame == 30 {
                let sent = traffic.observe(now).sent;
                assert!((960_000..=1_040_000).contains(&sent), "{sent}");
                assert!(traffic.admits(Some(frame * 4), 1_000, now));
                assert!(traffic.observe(now).sent > sent);
            }
        }
        assert!((110..=130).contains(&padded), "{padded}");
    }
}
