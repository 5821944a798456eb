// SPDX-License-Identifier: MPL-2.0
//! Encoders that keep to their bitrates as well as encoders do, and make key units when they are asked to, mostly.

use std::time::Instant;

use super::Random;
use crate::ladder::{
    Frame, RungSpec,
    parts::{FanOut, RungId, RungTable},
    rendition::Rendition,
};

/// A key unit costs as much as so many other frames.
const KEY_FRAMES: f64 = 4.0;

#[derive(Default)]
struct Encoder {
    id: Option<RungId>,
    viewers: FanOut,
    bitrate: f64,
    /// Bits that it has spent beyond its rate.
    debt: f64,
    is_key_wanted: bool,
    /// It is being started until then.
    ready: f64,
}

pub(super) struct Camera {
    encoders: Vec<Encoder>,
    ceilings: Vec<u32>,
    pub(super) fps: f64,
    /// How much of its target an encoder uses, as a quiet picture needs little.
    pub(super) activity: f64,
    /// Share of requests for key units that are not heard.
    pub(super) deaf: f64,
    caps: gst::Caps,
    next: f64,
}

impl Camera {
    pub(super) fn new(ceilings: &[u32]) -> Self {
        gst::init().expect("GStreamer is installed");
        Self {
            encoders: ceilings.iter().map(|_| Encoder::default()).collect(),
            ceilings: ceilings.to_vec(),
            fps: 15.0,
            activity: 1.0,
            deaf: 0.0,
            caps: gst::Caps::new_empty_simple("video/x-vp8"),
            next: 0.0,
        }
    }

    pub(super) fn ceilings(&self) -> &[u32] {
        &self.ceilings
    }

    pub(super) fn start(&mut self, place: usize, bitrate: u32, time: f64, random: &mut Random) {
        let encoder = &mut self.encoders[place];
        encoder.bitrate = bitrate.into();
        // It goes on if it is parked.
        if encoder.id.is_none() {
            encoder.id = Some(RungId::new(RungSpec {
                source: 0,
                rendition: Rendition {
                    width: 640,
                    height: 360,
                    ceiling: self.ceilings[place],
                },
            }));
            encoder.ready = time + 0.2 * random.unit();
        }
        encoder.is_key_wanted = true;
    }

    pub(super) fn set_bitrate(&mut self, place: usize, bitrate: u32) {
        self.encoders[place].bitrate = bitrate.into();
    }

    /// The encoder of a rung has failed: another one goes on.
    pub(super) fn fail(&mut self, place: usize, time: f64, random: &mut Random) {
        let encoder = &mut self.encoders[place];
        if encoder.id.take().is_some() {
            encoder.viewers.clear();
            let bitrate = u32::try_from(encoder.bitrate as u64).unwrap_or(u32::MAX);
            self.start(place, bitrate, time, random);
        }
    }

    pub(super) fn want_key(&mut self, id: RungId, random: &mut Random) {
        if random.unit() >= self.deaf
            && let Some(place) = self.place(id)
        {
            self.encoders[place].is_key_wanted = true;
        }
    }

    /// Pictures that are due.
    pub(super) fn step(&mut self, time: f64, now: Instant, random: &mut Random) {
        if time < self.next {
            return;
        }
        self.next = time + 1.0 / self.fps;
        for encoder in &mut self.encoders {
            let Some(rung) = encoder.id.filter(|_| time >= encoder.ready) else {
                continue;
            };
            let common = encoder.bitrate / self.fps * self.activity;
            let is_key = std::mem::take(&mut encoder.is_key_wanted);
            let bits = if is_key {
                common * KEY_FRAMES
            } else {
                common * (0.8 + 0.4 * random.unit()) - (encoder.debt * 0.1).min(common * 0.5)
            };
            encoder.debt = (encoder.debt + bits - common).max(0.0);
            let bytes = (bits / 8.0).max(50.0) as usize;
            let frame = Frame {
                buffer: gst::Buffer::with_size(bytes).expect("memory"),
                caps: self.caps.clone(),
                rung,
                is_key,
                time: gst::ClockTime::from_nseconds((time * 1e9) as u64),
                shift: 0,
            };
            encoder.viewers.offer(&frame, now);
        }
    }
}

impl RungTable for Camera {
    fn id(&self, place: usize) -> Option<RungId> {
        self.encoders.get(place)?.id
    }

    fn place(&self, id: RungId) -> Option<usize> {
        self.encoders.iter().position(|e| e.id == Some(id))
    }

    fn viewers(&self, place: usize) -> Option<&FanOut> {
        Some(&self.encoders.get(place)?.viewers)
    }

    fn places(&self) -> usize {
        self.encoders.len()
    }
}
