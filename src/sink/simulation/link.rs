// SPDX-License-Identifier: MPL-2.0
//! A link: a queue, a rate that changes, a delay, and losses.

use std::collections::VecDeque;

use super::{Packet, Random, STEP};

#[derive(Clone, Debug)]
pub(super) struct Link {
    /// Bit/s from a time on.
    pub(super) rate: Vec<(f64, f64)>,
    /// Share of packets that are lost, from a time to a time.
    pub(super) losses: Vec<(f64, f64, f64)>,
    /// Seconds each way, and by how much more at random.
    pub(super) delay: f64,
    pub(super) jitter: f64,
    /// Share of packets that take ten milliseconds longer, and are overtaken.
    pub(super) reordered: f64,
    /// Bytes that wait before a packet is dropped.
    pub(super) queue: usize,
}

impl Link {
    pub(super) fn of(rate: &[(f64, f64)]) -> Self {
        Self {
            rate: rate.to_vec(),
            losses: Vec::new(),
            delay: 0.02,
            jitter: 0.0,
            reordered: 0.0,
            queue: 60_000,
        }
    }

    pub(super) fn at(&self, time: f64) -> f64 {
        let after = self.rate.partition_point(|&(from, _)| from <= time);
        self.rate[after.saturating_sub(1)].1
    }

    fn loss(&self, time: f64) -> f64 {
        let now = |&&(from, to, _): &&(f64, f64, f64)| from <= time && time < to;
        self.losses.iter().find(now).map_or(0.0, |loss| loss.2)
    }
}

/// A link with what is on it.
#[derive(Debug)]
pub(super) struct Wire<T> {
    pub(super) link: Link,
    queue: VecDeque<(T, usize)>,
    queued: usize,
    /// Bits that may leave the queue.
    credit: f64,
    flying: Vec<(f64, T)>,
    /// Bytes that came in.
    pub(super) taken: u64,
}

impl<T> Wire<T> {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            queue: VecDeque::new(),
            queued: 0,
            credit: 0.0,
            flying: Vec::new(),
            taken: 0,
        }
    }

    pub(super) fn send(&mut self, what: T, bytes: usize, time: f64, random: &mut Random) {
        self.taken += bytes as u64;
        let is_lost = self.link.loss(time) > random.unit();
        if !is_lost && self.queued + bytes <= self.link.queue {
            self.queued += bytes;
            self.queue.push_back((what, bytes));
        }
    }

    /// What has arrived by now. To be called once each step.
    pub(super) fn step(&mut self, time: f64, random: &mut Random) -> Vec<T> {
        self.credit += self.link.at(time) * STEP;
        while let Some((_, bytes)) = self.queue.front() {
            let bits = *bytes as f64 * 8.0;
            if bits > self.credit {
                break;
            }
            self.credit -= bits;
            if let Some((what, bytes)) = self.queue.pop_front() {
                self.queued -= bytes;
                let late = if random.unit() < self.link.reordered {
                    0.01
                } else {
                    0.0
                };
                let delay = self.link.delay + self.link.jitter * random.unit() + late;
                self.flying.push((time + delay, what));
            }
        }
        if self.queue.is_empty() {
            self.credit = self.credit.min(self.link.at(time) * STEP);
        }
        let mut arrived: Vec<(f64, T)> = Vec::new();
        let mut index = 0;
        while index < self.flying.len() {
            if self.flying[index].0 <= time {
                arrived.push(self.flying.remove(index));
            } else {
                index += 1;
            }
        }
        arrived.sort_by(|a, b| a.0.total_cmp(&b.0));
        arrived.into_iter().map(|(_, what)| what).collect()
    }
}

pub(super) type Downlink = Wire<Packet>;
