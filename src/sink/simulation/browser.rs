// SPDX-License-Identifier: MPL-2.0
//! A viewer's browser: puts frames together, asks for what is missing, reports what arrived, and shows what it can decode.

use std::collections::BTreeMap;

use super::{Packet, congestion::Reported};

/// Between two requests for the same packet, and how many there are.
const ASK_AGAIN: f64 = 0.1;
const MOST_REQUESTS: u32 = 10;
/// No frame could be shown for so long: a key unit is asked for, and again.
const STUCK: f64 = 0.3;
const STUCK_STILL: f64 = 1.0;

/// What a browser sends back.
#[derive(Clone, Debug)]
pub(super) enum Feedback {
    Report(Vec<Reported>),
    Nack(Vec<u64>),
    KeyRequest,
}

/// How a viewer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    Honest,
    /// Its browser reports nothing of what arrives.
    Silent,
    /// All has arrived at once, and all is asked for again, whatever is so.
    Lying,
}

#[derive(Debug, Default)]
struct Parts {
    got: Vec<u64>,
    bytes: usize,
    of: u64,
    is_key: bool,
}

/// A frame that was shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shown {
    pub(super) at: f64,
    pub(super) bytes: usize,
}

#[derive(Debug)]
pub(super) struct Browser {
    pub(super) manner: Manner,
    highest: Option<u64>,
    missing: BTreeMap<u64, (f64, u32)>,
    frames: BTreeMap<u64, Parts>,
    /// The frame after the last that was shown.
    next: u64,
    progress: f64,
    asked: f64,
    pub(super) shown: Vec<Shown>,
    reported: u64,
    received: BTreeMap<u64, f64>,
}

impl Browser {
    pub(super) fn new(manner: Manner, time: f64) -> Self {
        Self {
            manner,
            highest: None,
            missing: BTreeMap::new(),
            frames: BTreeMap::new(),
            next: 0,
            progress: time,
            asked: time,
            shown: Vec::new(),
            reported: 0,
            received: BTreeMap::new(),
        }
    }

    pub(super) fn receive(&mut self, packet: &Packet, time: f64) {
        self.received.insert(packet.transport, time);
        self.missing.remove(&packet.seqnum);
        if !packet.is_again {
            let first = self.highest.map_or(packet.seqnum, |highest| highest + 1);
            for seqnum in first..packet.seqnum {
                self.missing.insert(seqnum, (0.0, 0));
            }
            self.highest = self.highest.max(Some(packet.seqnum));
        }
        if packet.frame >= self.next {
            let parts = self.frames.entry(packet.frame).or_default();
            if !parts.got.contains(&packet.seqnum) {
                parts.got.push(packet.seqnum);
                parts.bytes += packet.bytes;
                (parts.of, parts.is_key) = (packet.of, packet.is_key);
            }
        }
        self.decode(time);
    }

    fn decode(&mut self, time: f64) {
        let is_whole = |parts: &Parts| parts.got.len() as u64 == parts.of;
        loop {
            let key = self.frames.iter().rev();
            let key = key.filter(|(_, parts)| parts.is_key && is_whole(parts));
            let key = key.map(|(frame, _)| *frame).next();
            let next = self.frames.get(&self.next).filter(|parts| is_whole(parts));
            let frame = match (next, key) {
                (Some(_), _) if self.next > 0 => self.next,
                (_, Some(key)) => key,
                _ => return,
            };
            let Some(parts) = self.frames.remove(&frame) else {
                return;
            };
            self.shown.push(Shown {
                at: time,
                bytes: parts.bytes,
            });
            self.next = frame + 1;
            self.frames = self.frames.split_off(&self.next);
            (self.progress, self.asked) = (time, time);
        }
    }

    /// What it sends now; `reports` every tenth of a second, of what was sent until then.
    pub(super) fn step(
        &mut self,
        time: f64,
        sent: Option<&BTreeMap<u64, Reported>>,
    ) -> Vec<Feedback> {
        let mut feedback = Vec::new();
        if let Some(sent) = sent {
            feedback.extend(self.report(sent, time));
        }
        let patience = if self.asked > self.progress {
            STUCK_STILL
        } else {
            STUCK
        };
        if time - self.asked > patience && (self.frames.len() > 1 || self.next == 0) {
            self.asked = time;
            feedback.push(Feedback::KeyRequest);
        }
        let mut wanted = Vec::new();
        self.missing.retain(|_, (_, times)| *times < MOST_REQUESTS);
        for (seqnum, (asked, times)) in &mut self.missing {
            if time - *asked >= ASK_AGAIN {
                (*asked, *times) = (time, *times + 1);
                wanted.push(*seqnum);
            }
        }
        if self.manner == Manner::Lying
            && let Some(highest) = self.highest
        {
            wanted.extend(highest.saturating_sub(50)..highest);
        }
        if !wanted.is_empty() {
            feedback.push(Feedback::Nack(wanted));
        }
        feedback
    }

    fn report(&mut self, sent: &BTreeMap<u64, Reported>, time: f64) -> Option<Feedback> {
        let newest = match self.manner {
            Manner::Silent => return None,
            Manner::Honest => *self.received.last_key_value()?.0,
            Manner::Lying => *sent.last_key_value()?.0,
        };
        if newest < self.reported {
            return None;
        }
        let of = |(transport, packet): (&u64, &Reported)| Reported {
            arrived: match self.manner {
                Manner::Lying => Some(time),
                _ => self.received.get(transport).copied(),
            },
            sent: match self.manner {
                Manner::Lying => time - 0.01,
                _ => packet.sent,
            },
            ..*packet
        };
        let packets = sent.range(self.reported..=newest).map(of).collect();
        self.reported = newest + 1;
        self.received = self.received.split_off(&self.reported);
        Some(Feedback::Report(packets))
    }
}
