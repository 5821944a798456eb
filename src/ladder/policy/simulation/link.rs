// SPDX-License-Identifier: MPL-2.0
//! One viewer's link as a stream of bits through a queue, and GCC as rtpgccbwe does it, much simplified.

use std::{collections::VecDeque, time::Duration};

use super::{super::Observation, Random};

/// One step of virtual time.
pub(super) const TICK: Duration = Duration::from_millis(10);
const TICKS_A_SECOND: f64 = 100.0;
/// Bits; 100 KB, as home routers have.
const QUEUE: f64 = 800_000.0;
/// Queueing delay that GCC takes for congestion if it grows, in seconds.
const OVERUSE: f64 = 0.025;

/// Bit/s from a time on; between two entries the rate changes evenly if `ramp` says so.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) ramp: bool,
}

impl Rate {
    pub(super) fn steps(points: &[(f64, f64)]) -> Self {
        Self {
            points: points.to_vec(),
            ramp: false,
        }
    }

    pub(super) fn ramp(points: &[(f64, f64)]) -> Self {
        Self {
            points: points.to_vec(),
            ramp: true,
        }
    }

    pub(super) fn at(&self, time: f64) -> f64 {
        let after = self.points.partition_point(|&(from, _)| from <= time);
        let (from, rate) = self.points[after.saturating_sub(1)];
        match self.points.get(after) {
            Some(&(to, next)) if self.ramp => rate + (next - rate) * (time - from) / (to - from),
            _ => rate,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    media: f64,
    all: f64,
    arrived: f64,
    lost: f64,
    delay: f64,
}

#[derive(Debug)]
pub(super) struct Link {
    pub(super) rate: Rate,
    /// Share of packets lost at random, from a time to a time.
    pub(super) losses: Vec<(f64, f64, f64)>,
    /// Ticks until the sender knows.
    feedback: usize,
    queue: f64,
    history: VecDeque<Sent>,
    on_delay: f64,
    on_loss: f64,
    most: f64,
    /// rtpgccbwe 0.15 does not keep its estimate below 1.5 times what arrives; others do.
    bounded: bool,
}

impl Link {
    pub(super) fn new(rate: Rate, rtt: usize, start: u32, bounded: bool) -> Self {
        Self {
            rate,
            losses: Vec::new(),
            feedback: rtt,
            queue: 0.0,
            history: VecDeque::new(),
            on_delay: start.into(),
            on_loss: start.into(),
            most: 8_192_000.0,
            bounded,
        }
    }

    pub(super) fn estimate(&self) -> f64 {
        self.on_delay.min(self.on_loss).min(self.most)
    }

    pub(super) fn raise(&mut self, bitrate: u32) {
        self.on_delay = self.on_delay.max(bitrate.into());
        self.on_loss = self.on_loss.max(bitrate.into());
    }

    /// Sends so many bit/s for one tick; no more than `share` bit/s come through the camera's own uplink.
    pub(super) fn tick(
        &mut self,
        time: f64,
        (media, padding): (f64, f64),
        share: f64,
        random: &mut Random,
    ) {
        let rate = self.rate.at(time).min(share).max(1000.0);
        let all = (media + padding) / TICKS_A_SECOND;
        let lossy = self
            .losses
            .iter()
            .find(|loss| loss.0 <= time && time < loss.1);
        let share = lossy.map_or(0.0, |loss| loss.2 * (0.5 + random.unit()));
        let lost = all * share.min(1.0);
        self.queue += all - lost;
        let out = self.queue.min(rate / TICKS_A_SECOND);
        self.queue -= out;
        let dropped = (self.queue - QUEUE).max(0.0);
        self.queue -= dropped;
        self.history.push_front(Sent {
            media: media / TICKS_A_SECOND,
            all,
            arrived: out,
            lost: lost + dropped,
            delay: self.queue / rate,
        });
        self.history.truncate(self.feedback + 120);
    }

    fn window(&self, ticks: usize) -> impl Iterator<Item = &Sent> {
        self.history.iter().skip(self.feedback).take(ticks)
    }

    fn arrived(&self, ticks: usize) -> f64 {
        let sum: f64 = self.window(ticks).map(|sent| sent.arrived).sum();
        let known = self.window(ticks).count().max(1);
        sum * TICKS_A_SECOND / f64::from(u32::try_from(known).unwrap())
    }

    fn loss(&self) -> f64 {
        let lost: f64 = self.window(50).map(|sent| sent.lost).sum();
        let all: f64 = self.window(50).map(|sent| sent.all).sum();
        if all > 0.0 {
            (lost / all).min(1.0)
        } else {
            0.0
        }
    }

    /// What congestion control makes of it; due every 100 ms.
    pub(super) fn control(&mut self, even: bool) {
        let delay = |ago: usize| self.window(ago + 1).last().map_or(0.0, |sent| sent.delay);
        let (is, was) = (delay(0), delay(10));
        let arrived = self.arrived(100);
        if is > OVERUSE && is > was + 0.002 {
            self.on_delay = (self.estimate() * 0.95).min(arrived * 0.85);
        } else if is <= OVERUSE {
            let more = self.on_delay * 1.08_f64.powf(0.1);
            if !self.bounded || more < 1.5 * arrived {
                self.on_delay = more.min(self.most);
            }
        }
        if even {
            match self.loss() {
                loss if loss > 0.1 => self.on_loss = self.estimate() * (1.0 - loss / 2.0),
                loss if loss < 0.02 => self.on_loss = (self.on_loss * 1.05).min(self.most),
                _ => (),
            }
        }
        self.on_delay = self.on_delay.max(10_000.0);
        self.on_loss = self.on_loss.max(10_000.0);
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts saturate"
    )]
    pub(super) fn observation(&self) -> Observation {
        let sent: f64 = self.history.iter().take(50).map(|sent| sent.media).sum();
        Observation {
            estimate: self.estimate() as u32,
            delivered: self.arrived(50) as u32,
            sent: (sent * 2.0) as u32,
            loss: self.loss() as f32,
            queued: Duration::ZERO,
        }
    }

    pub(super) fn has_media(&self) -> bool {
        !self.history.is_empty()
    }
}
