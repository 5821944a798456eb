// SPDX-License-Identifier: MPL-2.0
//! A viewer's picture as its packets tell of it: when each frame came, what its timestamp says, how large it is.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use super::{PATIENCE, step};

/// How often a wait looks.
const LOOK: Duration = Duration::from_millis(2);
/// Of timestamps in RTP, a second.
const CLOCK_RATE: f64 = 90_000.0;

/// One frame.
#[derive(Clone, Copy, Debug)]
pub struct Frame {
    /// When its first packet came.
    pub at: Instant,
    /// Its timestamp, of 90,000 a second.
    pub stamp: u32,
    pub bytes: usize,
    /// Of a key unit in VP8: its size.
    pub size: Option<(u16, u16)>,
}

/// All frames that came so far.
#[derive(Clone, Default)]
pub struct Frames(Arc<Mutex<Vec<Frame>>>);

impl Frames {
    /// Takes in a packet.
    pub fn note(&self, packet: &[u8]) {
        let Some(payload) = payload(packet) else {
            return;
        };
        let stamp = u32::from_be_bytes(packet[4..8].try_into().unwrap());
        let mut all = self.0.lock().unwrap();
        match all.last_mut() {
            Some(last) if last.stamp == stamp => last.bytes += payload.len(),
            _ => all.push(Frame {
                at: Instant::now(),
                stamp,
                bytes: payload.len(),
                size: vp8_size(payload),
            }),
        }
    }

    pub fn all(&self) -> Vec<Frame> {
        self.0.lock().unwrap().clone()
    }

    /// Those that came from `start` on.
    pub fn since(&self, start: Instant) -> Vec<Frame> {
        let mut all = self.all();
        all.retain(|frame| frame.at >= start);
        all
    }

    /// Waits for `more` further frames; gives them.
    #[track_caller]
    pub fn next(&self, more: usize) -> Vec<Frame> {
        step(format_args!("{more} frames"));
        let (start, before) = (Instant::now(), self.0.lock().unwrap().len());
        loop {
            let all = self.0.lock().unwrap();
            if all.len() >= before + more {
                return all[before..].to_vec();
            }
            let so_far = all.len() - before;
            drop(all);
            assert!(start.elapsed() < PATIENCE, "{so_far} of {more} frames");
            thread::park_timeout(LOOK);
        }
    }

    /// Waits for a key unit in VP8 of this size.
    #[track_caller]
    pub fn wait_for_size(&self, size: (u16, u16)) -> Frame {
        self.wait_for_size_since(Instant::now(), size)
    }

    /// The same, of those that came from then on.
    #[track_caller]
    pub fn wait_for_size_since(&self, from: Instant, size: (u16, u16)) -> Frame {
        step(format_args!("a picture of {size:?}"));
        let start = Instant::now();
        loop {
            let found = self.since(from);
            let found = found.into_iter().find(|frame| frame.size == Some(size));
            if let Some(found) = found {
                return found;
            }
            assert!(start.elapsed() < PATIENCE, "no picture of {size:?}");
            thread::park_timeout(LOOK);
        }
    }
}

/// The longest time without a frame from the first to the last of these.
pub fn longest_gap(frames: &[Frame]) -> Duration {
    let gaps = frames.windows(2).map(|two| two[1].at - two[0].at);
    gaps.max().unwrap_or_default()
}

/// By how many seconds timestamps went on more or less than the clock from one frame to the next, at most. A receiver takes
/// that for the network's delay.
pub fn worst_drift(frames: &[Frame]) -> f64 {
    let of = |two: &[Frame]| {
        let stamps = two[1].stamp.wrapping_sub(two[0].stamp) as i32;
        f64::from(stamps) / CLOCK_RATE - (two[1].at - two[0].at).as_secs_f64()
    };
    let drifts = frames.windows(2).map(|two| of(two).abs());
    drifts.fold(0.0, f64::max)
}

fn payload(packet: &[u8]) -> Option<&[u8]> {
    let first = *packet.first()?;
    let mut at = 12 + usize::from(first & 0x0f) * 4;
    if first & 0x10 != 0 {
        let words = packet.get(at + 2..at + 4)?;
        at += 4 + usize::from(u16::from_be_bytes(words.try_into().ok()?)) * 4;
    }
    packet.get(at..)
}

/// The size that the first packet of a key unit in VP8 says (RFC 7741, 4.2; RFC 6386, 9.1).
fn vp8_size(payload: &[u8]) -> Option<(u16, u16)> {
    let first = *payload.first()?;
    if first & 0x1f != 0x10 {
        return None;
    }
    let mut at = 1;
    if first & 0x80 != 0 {
        let more = *payload.get(1)?;
        at = 2;
        if more & 0x80 != 0 {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(more & 0x40 != 0) + usize::from(more & 0x30 != 0);
    }
    let frame = payload.get(at..at + 10)?;
    if frame[0] & 1 != 0 || frame[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let edge = |at: usize| u16::from_le_bytes([frame[at], frame[at + 1]]) & 0x3fff;
    Some((edge(6), edge(8)))
}
