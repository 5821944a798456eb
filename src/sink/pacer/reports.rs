// SPDX-License-Identifier: MPL-2.0
//! What a viewer reports of packets (transport-wide congestion control), and what was sent: both of the last moments. Pure.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Reports come every 50 to 100 ms: what arrived is told by a few, so that a network that narrows is seen soon.
const ARRIVED: Duration = Duration::from_millis(300);
/// And losses by some more, since they are few.
pub(super) const WINDOW: Duration = Duration::from_millis(500);
/// A bound for the window: 500 ms of 10,000 packets each second, which is 100 Mbit/s.
const MAX_REPORTED: usize = 5_000;
/// Bytes are counted in steps of this, so that a window is a few numbers however many packets there are.
const STEP: Duration = Duration::from_millis(20);

/// Packets that were reported lately.
#[derive(Debug, Default)]
pub(crate) struct Reports(VecDeque<Report>);

#[derive(Clone, Copy, Debug)]
struct Report {
    at: Instant,
    bytes: u32,
    is_lost: bool,
}

impl Reports {
    pub(crate) fn add(&mut self, bytes: u32, is_lost: bool, at: Instant) {
        while self.0.len() >= MAX_REPORTED {
            self.0.pop_front();
        }
        self.0.push_back(Report { at, bytes, is_lost });
    }

    /// Bits each second that arrived, and the share that was lost.
    pub(crate) fn arrived(&mut self, now: Instant) -> (u32, f32) {
        let age = |report: &Report| now.saturating_duration_since(report.at);
        while self.0.front().is_some_and(|report| age(report) > WINDOW) {
            self.0.pop_front();
        }
        let arrived = self.0.iter().filter(|report| !report.is_lost);
        let recent = arrived.clone().filter(|report| age(report) <= ARRIVED);
        let bytes = recent.map(|report| u64::from(report.bytes)).sum();
        let lost = self.0.len() - arrived.count();
        let share = lost as f32 / self.0.len().max(1) as f32;
        (bits(bytes, ARRIVED), share)
    }
}

/// Bytes of some kind that left in a window until now.
#[derive(Debug)]
pub(crate) struct Sent {
    window: Duration,
    steps: VecDeque<(Instant, u64)>,
}

impl Sent {
    pub(crate) fn of(window: Duration) -> Self {
        Self {
            window,
            steps: VecDeque::new(),
        }
    }

    pub(crate) fn add(&mut self, bytes: usize, now: Instant) {
        self.forget(now);
        match self.steps.back_mut() {
            Some((at, sum)) if now.saturating_duration_since(*at) < STEP => *sum += bytes as u64,
            _ => self.steps.push_back((now, bytes as u64)),
        }
    }

    fn forget(&mut self, now: Instant) {
        let is_old = |at: Instant| now.saturating_duration_since(at) >= self.window;
        while self.steps.front().is_some_and(|(at, _)| is_old(*at)) {
            self.steps.pop_front();
        }
    }

    /// Bytes.
    pub(crate) fn bytes(&mut self, now: Instant) -> u64 {
        self.forget(now);
        self.steps.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Bits each second.
    pub(crate) fn rate(&mut self, now: Instant) -> u32 {
        bits(self.bytes(now), self.window)
    }
}

fn bits(bytes: u64, during: Duration) -> u32 {
    let bits = bytes as f64 * 8. / during.as_secs_f64().max(0.001);
    bits.min(f64::from(u32::MAX)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrived_and_what_was_lost_are_of_the_last_half_second() {
        let (mut reports, start) = (Reports::default(), Instant::now());
        for ms in 0..1_000u64 {
            reports.add(1_000, ms % 10 == 0, start + Duration::from_millis(ms));
        }
        let (bits, loss) = reports.arrived(start + Duration::from_millis(1_000));
        assert!((7_000_000..7_500_000).contains(&bits), "{bits}");
        assert!((0.09..0.11).contains(&loss), "{loss}");
        assert_eq!(reports.arrived(start + Duration::from_secs(9)), (0, 0.));
    }

    #[test]
    fn a_flood_of_reports_takes_no_more_memory() {
        let (mut reports, now) = (Reports::default(), Instant::now());
        for _ in 0..100_000 {
            reports.add(u32::MAX, false, now);
        }
        assert_eq!(reports.0.len(), MAX_REPORTED);
        assert_eq!(reports.arrived(now), (u32::MAX, 0.));
    }

    #[test]
    fn what_left_is_counted_over_its_window() {
        let (mut sent, start) = (Sent::of(WINDOW), Instant::now());
        for ms in 0..2_000u64 {
            sent.add(125, start + Duration::from_millis(ms));
        }
        let rate = sent.rate(start + Duration::from_millis(2_000));
        assert!((950_000..=1_000_000).contains(&rate), "{rate}");
        assert!(sent.steps.len() < 30);
        assert_eq!(sent.rate(start + Duration::from_secs(9)), 0);
    }
}
