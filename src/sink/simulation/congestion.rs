// SPDX-License-Identifier: MPL-2.0
//! Congestion control at the sender, as rtpgccbwe does it, much simplified: it cuts when packets take longer and longer, or
//! when many are lost, and else goes up.

use std::collections::VecDeque;

/// Growing delay of this many seconds is taken for congestion.
const OVERUSE: f64 = 0.025;
/// Of two packets.
const FRAME_BITS: f64 = 19_200.0;
const MOST: f64 = 50_000_000.0;
const LEAST: f64 = 30_000.0;

/// A packet as its report has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reported {
    pub(super) bytes: usize,
    pub(super) sent: f64,
    /// Not there if it was lost.
    pub(super) arrived: Option<f64>,
}

#[derive(Debug)]
pub(super) struct Congestion {
    on_delay: f64,
    on_loss: f64,
    /// The shortest delay, which is that of an empty queue.
    base: f64,
    before: f64,
    /// Reports in a row in which delay grew beyond what jitter does.
    over: u32,
    recent: VecDeque<(f64, Reported)>,
    reports: u32,
    /// rtpgccbwe 0.15 does not keep its estimate below 1.5 times what arrives; others do.
    pub(super) is_bounded: bool,
}

impl Congestion {
    pub(super) fn new(start: f64, is_bounded: bool) -> Self {
        Self {
            on_delay: start,
            on_loss: start,
            base: f64::INFINITY,
            before: 0.0,
            over: 0,
            recent: VecDeque::new(),
            reports: 0,
            is_bounded,
        }
    }

    pub(super) fn set(&mut self, estimate: u32) {
        self.on_delay = estimate.into();
        self.on_loss = estimate.into();
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts saturate"
    )]
    pub(super) fn estimate(&self) -> u32 {
        self.on_delay.min(self.on_loss).clamp(LEAST, MOST) as u32
    }

    /// A report comes in, every tenth of a second.
    pub(super) fn report(&mut self, packets: &[Reported], time: f64) {
        for packet in packets {
            self.recent.push_back((time, *packet));
        }
        while self.recent.front().is_some_and(|(at, _)| time - at > 1.0) {
            self.recent.pop_front();
        }
        let delays = packets.iter().filter_map(|p| Some(p.arrived? - p.sent));
        // The shortest is that of the queue; the packets of a frame stand in each other's way.
        let delay = delays.fold(f64::INFINITY, f64::min);
        self.reports += 1;
        if delay.is_finite() {
            self.base = self.base.min(delay);
            self.on_delays(delay - self.base);
            self.before = delay - self.base;
        }
        if self.reports.is_multiple_of(2) {
            self.on_losses();
        }
    }

    /// Bit/s, by when packets arrived.
    fn arrived(&self) -> f64 {
        let times = self.recent.iter().filter_map(|(_, p)| p.arrived);
        let (first, last) = times.fold((f64::INFINITY, 0.0_f64), |(first, last), at| {
            (first.min(at), last.max(at))
        });
        let arrived = self.recent.iter().filter(|(_, p)| p.arrived.is_some());
        let bits: f64 = arrived.map(|(_, p)| p.bytes as f64 * 8.0).sum();
        bits / (last - first).max(0.3)
    }

    fn on_delays(&mut self, delay: f64) {
        let arrived = self.arrived();
        // What the last packet of a frame waits for the others is no queue.
        let overuse = OVERUSE.max(FRAME_BITS / f64::from(self.estimate()));
        let grows = delay > overuse && delay > self.before + 0.002;
        self.over = if grows { self.over + 1 } else { 0 };
        // A key unit alone is no congestion.
        if self.over > 1 {
            let now = f64::from(self.estimate());
            self.on_delay = (now * 0.95).min(arrived * 0.85).max(LEAST);
        } else if delay <= overuse {
            let more = self.on_delay * 1.08_f64.powf(0.1);
            if !self.is_bounded || more < 1.5 * arrived {
                self.on_delay = more.min(MOST);
            }
        }
    }

    fn on_losses(&mut self) {
        let half = self.recent.iter().rev().take_while(|(at, _)| {
            self.recent
                .back()
                .is_some_and(|(newest, _)| newest - at < 0.5)
        });
        let (lost, all) = half.fold((0.0, 0.0), |(lost, all), (_, p)| {
            (lost + f64::from(u8::from(p.arrived.is_none())), all + 1.0)
        });
        let loss = if all > 0.0 { lost / all } else { 0.0 };
        if loss > 0.1 {
            self.on_loss = (f64::from(self.estimate()) * (1.0 - loss / 2.0)).max(LEAST);
        } else if loss < 0.02 {
            self.on_loss = (self.on_loss * 1.05).min(MOST);
        }
    }
}
