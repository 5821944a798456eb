// SPDX-License-Identifier: MPL-2.0
use std::sync::mpsc;

use super::*;
use crate::ladder::{outlet::OutletEvent, rendition::Rendition, types::RungSpec};

/// Two rungs that run.
struct Two([(RungId, FanOut); 2]);

impl RungTable for Two {
    fn id(&self, place: usize) -> Option<RungId> {
        Some(self.0.get(place)?.0)
    }

    fn place(&self, id: RungId) -> Option<usize> {
        self.0.iter().position(|(of, _)| *of == id)
    }

    fn viewers(&self, place: usize) -> Option<&FanOut> {
        Some(&self.0.get(place)?.1)
    }

    fn places(&self) -> usize {
        self.0.len()
    }
}

fn frame(rung: RungId) -> crate::ladder::Frame {
    crate::ladder::Frame {
        buffer: gst::Buffer::new(),
        caps: gst::Caps::new_empty_simple("video/x-vp8"),
        rung,
        is_key: true,
        time: gst::ClockTime::ZERO,
        shift: 0,
    }
}

/// How often a viewer who goes down is sent a key unit again, and when, in tenths of a second after its fall; it loses so much.
fn sent_again(loss: impl Fn(u64) -> f32) -> Vec<u64> {
    gst::init().expect("GStreamer is installed");
    let rungs = Two([1_000_000, 300_000].map(|ceiling| {
        let rendition = Rendition {
            width: 640,
            height: 360,
            ceiling,
        };
        let spec = RungSpec {
            source: 0,
            rendition,
        };
        (RungId::new(spec), FanOut::default())
    }));
    let start = Instant::now();
    let config = Config {
        ceilings: vec![1_000_000, 300_000],
        sizes: Vec::new(),
        min_bitrate: 50_000,
    };
    let mut allocation = Allocation::new(config, start);
    let (events, keys) = mpsc::channel();
    let outlet = Outlet::new(move |event| {
        let _ = events.send(event);
    });
    outlet.flush(false);
    outlet.open(start);
    allocation.join(1, 2_000_000, None, start);
    allocation.send(1, &outlet, 0, &rungs, start);
    outlet.offer(&frame(rungs.0[0].0), start);
    // Its key unit and that of its join are not of interest, nor is what bounds them.
    let fell = start + Duration::from_secs(60);
    allocation.send(1, &outlet, 1, &rungs, fell);
    outlet.offer(&frame(rungs.0[1].0), fell);
    keys.try_iter().for_each(drop);
    let mut sent = Vec::new();
    for tenth in 0..100 {
        let now = fell + Duration::from_millis(tenth * 100);
        let observed = Observation {
            estimate: 300_000,
            delivered: 300_000,
            sent: 300_000,
            loss: loss(tenth),
            queued: Duration::ZERO,
        };
        allocation.observe(1, &outlet, observed, now);
        let asked = keys.try_iter();
        let asked = asked.filter(|event| matches!(event, OutletEvent::NeedsKey(_)));
        sent.extend(asked.map(|_| tenth));
    }
    sent
}

#[test]
fn a_key_unit_that_a_full_queue_lost_is_sent_once_when_the_queue_has_drained() {
    let until = |drained: u64| move |tenth: u64| if tenth < drained { 0.5 } else { 0. };
    assert_eq!(sent_again(until(3)), Vec::<u64>::new(), "it arrived");
    assert_eq!(sent_again(until(9)), [9]);
    assert_eq!(sent_again(until(15)), [15]);
}

#[test]
fn on_a_network_that_always_loses_much_it_is_sent_once_as_well() {
    assert_eq!(sent_again(|_| 0.3), [20]);
}
