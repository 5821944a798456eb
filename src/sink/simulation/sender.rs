// SPDX-License-Identifier: MPL-2.0
//! A viewer's session as its threads go through it: the element's own pacing, with virtual time in place of sleep.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
    time::Instant,
};

use super::{Packet, congestion::Reported};
use crate::{
    ladder::{
        Frame,
        parts::{Outlet, OutletEvent},
    },
    lock::lock,
    sink::pacer::Traffic,
};

const PACKET: usize = 1_200;
/// Packets that can be sent again.
const KEPT: usize = 1_024;

pub(super) struct Sender {
    pub(super) outlet: Arc<Outlet>,
    pub(super) events: Arc<Mutex<Vec<OutletEvent>>>,
    pub(super) traffic: Traffic,
    /// Packets of a frame that are paced, and when the first of them leaves.
    paced: VecDeque<Packet>,
    due: Option<Instant>,
    /// Those that are sent again, and when each leaves.
    again: Vec<(Instant, Packet)>,
    kept: VecDeque<Packet>,
    seqnum: u64,
    frame: u64,
    transport: u64,
    /// What reports are about.
    pub(super) sent: BTreeMap<u64, Reported>,
}

impl Sender {
    pub(super) fn new(start: u32) -> Self {
        let events: Arc<Mutex<Vec<OutletEvent>>> = Arc::default();
        let noted = events.clone();
        let outlet = Outlet::new(move |event| lock(&noted).push(event));
        outlet.flush(false);
        let mut traffic = Traffic::new(start);
        traffic.start(start);
        Self {
            outlet: Arc::new(outlet),
            events,
            traffic,
            paced: VecDeque::new(),
            due: None,
            again: Vec::new(),
            kept: VecDeque::new(),
            seqnum: 0,
            frame: 0,
            transport: 0,
            sent: BTreeMap::new(),
        }
    }

    /// What leaves now.
    pub(super) fn step(&mut self, time: f64, now: Instant) -> Vec<Packet> {
        let mut out = Vec::new();
        loop {
            while let Some(packet) = self.paced.front() {
                let bytes = packet.bytes;
                let due = *self
                    .due
                    .get_or_insert_with(|| now + self.traffic.pace(bytes, now));
                if due > now {
                    break;
                }
                self.due = None;
                out.extend(self.paced.pop_front());
            }
            if !self.paced.is_empty() {
                break;
            }
            let Some(frame) = self.outlet.try_next(now) else {
                break;
            };
            self.begin(&frame, now, &mut out);
        }
        let (leave, wait) = std::mem::take(&mut self.again)
            .into_iter()
            .partition(|(due, _)| *due <= now);
        self.again = wait;
        out.extend(Vec::into_iter(leave).map(|(_, packet)| packet));
        for packet in &mut out {
            (packet.transport, packet.sent) = (self.transport, time);
            self.transport += 1;
            let report = Reported {
                bytes: packet.bytes,
                sent: time,
                arrived: None,
            };
            self.sent.insert(packet.transport, report);
        }
        while self.sent.len() > 4 * KEPT {
            self.sent.pop_first();
        }
        out
    }

    /// As `Pacer::chain_list` has it.
    fn begin(&mut self, frame: &Frame, now: Instant, out: &mut Vec<Packet>) {
        if frame.is_key {
            self.traffic.retransmissions.begin_key();
        }
        let bytes = frame.buffer.size();
        let of = bytes.div_ceil(PACKET) as u64;
        let mut list = Vec::new();
        for part in 0..of {
            let packet = Packet {
                seqnum: self.seqnum,
                is_again: false,
                bytes: PACKET.min(bytes - part as usize * PACKET),
                frame: self.frame,
                of,
                is_key: frame.is_key,
                transport: 0,
                sent: 0.0,
            };
            self.seqnum += 1;
            let (seqnum, bytes) = (short(packet.seqnum), packet.bytes);
            self.traffic.note_picture(seqnum, bytes, now);
            self.traffic.count(bytes, now);
            if self.kept.len() >= KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back(packet.clone());
            list.push(packet);
        }
        self.frame += 1;
        self.pad_out(now);
        if self.traffic.takes_at_once(bytes, now) {
            out.extend(list);
        } else {
            self.paced = list.into();
        }
    }

    fn pad_out(&mut self, now: Instant) {
        for seqnum in self.traffic.padding.due(now) {
            let kept = self.kept.iter().rev();
            let seqnum = kept.map(|p| p.seqnum).find(|of| short(*of) == seqnum);
            if let Some(seqnum) = seqnum {
                self.send_again(seqnum, now);
            }
        }
    }

    /// The viewer asks for these.
    pub(super) fn nack(&mut self, seqnums: &[u64], now: Instant) {
        for seqnum in seqnums {
            self.send_again(*seqnum, now);
        }
    }

    /// As `Pacer::chain` has it for what rtprtxsend makes.
    fn send_again(&mut self, seqnum: u64, now: Instant) {
        let kept = self.kept.iter().rev();
        let Some(packet) = kept.into_iter().find(|p| p.seqnum == seqnum).cloned() else {
            return;
        };
        if !(self.traffic).admits(Some(short(seqnum)), packet.bytes, now) {
            return;
        }
        let due = now + self.traffic.pace(packet.bytes, now);
        let packet = Packet {
            is_again: true,
            ..packet
        };
        self.again.push((due, packet));
    }
}

/// As it stands in the packet.
fn short(seqnum: u64) -> u16 {
    (seqnum % (1 << 16)) as u16
}
