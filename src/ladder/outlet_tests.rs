// SPDX-License-Identifier: MPL-2.0
use std::sync::{Arc, mpsc};

use super::*;
use crate::ladder::{rendition::Rendition, types::RungSpec};

struct Bench {
    outlet: Outlet,
    events: mpsc::Receiver<OutletEvent>,
    rung: RungId,
    start: Instant,
}

impl Bench {
    /// An outlet that wants one rung.
    fn new() -> Self {
        gst::init().expect("GStreamer is installed");
        let rung = RungId::new(RungSpec {
            source: 0,
            rendition: Rendition {
                width: 640,
                height: 360,
                ceiling: 600_000,
            },
        });
        let (sender, events) = mpsc::channel();
        let outlet = Outlet::new(move |event| {
            let _ = sender.send(event);
        });
        outlet.flush(false);
        let start = Instant::now();
        outlet.want(rung, start);
        assert_eq!(events.try_recv(), Ok(OutletEvent::NeedsKey(rung)));
        Self {
            outlet,
            events,
            rung,
            start,
        }
    }

    fn at(&self, ms: u64) -> Instant {
        self.start + Duration::from_millis(ms)
    }

    /// A frame that comes when it says.
    fn offer(&self, ms: u64, is_key: bool) {
        let frame = Frame {
            buffer: gst::Buffer::new(),
            caps: gst::Caps::new_empty_simple("video/x-vp8"),
            rung: self.rung,
            is_key,
            time: gst::ClockTime::from_mseconds(ms),
            shift: 0,
        };
        self.outlet.offer(&frame, self.at(ms));
    }

    fn next(&self, ms: u64) -> Option<u64> {
        let frame = self.outlet.try_next(self.at(ms))?;
        Some(frame.time.mseconds())
    }

    fn events(&self) -> Vec<OutletEvent> {
        self.events.try_iter().collect()
    }

    fn needs_key(&self) -> OutletEvent {
        OutletEvent::NeedsKey(self.rung)
    }
}

#[test]
fn until_the_transport_is_there_the_newest_key_unit_and_what_follows_are_kept() {
    let bench = Bench::new();
    for (ms, key) in [(0, true), (33, false), (66, true), (99, false)] {
        bench.offer(ms, key);
    }
    assert_eq!(bench.next(100), None);
    bench.outlet.open(bench.at(100));
    assert_eq!(bench.next(100), Some(66));
    assert_eq!(bench.next(100), Some(99));
}

#[test]
fn what_is_older_than_a_blink_when_the_transport_comes_is_asked_for_anew() {
    let bench = Bench::new();
    bench.offer(0, true);
    for i in 1..30 {
        bench.offer(i * 33, false);
    }
    assert_eq!(bench.events(), [OutletEvent::Moved(bench.rung)]);
    bench.outlet.open(bench.at(1_000));
    assert_eq!(bench.events(), [bench.needs_key()]);
}

#[test]
fn a_session_that_takes_nothing_skips_to_a_key_unit_and_holds_nobody_up() {
    let bench = Bench::new();
    bench.outlet.open(bench.start);
    bench.offer(0, true);
    for i in 1..=1_000 {
        bench.offer(i * 33, false);
    }
    let needs_key = bench.needs_key();
    let keys = bench.events().iter().filter(|e| **e == needs_key).count();
    // One a second of 33 at most, and what was saved up.
    assert!((1..=33 + KEYS.burst as usize).contains(&keys), "{keys}");
    bench.offer(50_000, true);
    assert_eq!(bench.next(50_000), Some(50_000));
}

#[test]
fn a_slow_viewer_is_no_further_behind_with_few_frames_a_second_than_with_many() {
    for every in [500, 200, 100, 33] {
        let bench = Bench::new();
        bench.outlet.open(bench.start);
        let (mut furthest, mut is_key) = (0, true);
        for i in 0..300 {
            let ms = i * every;
            bench.offer(ms, is_key);
            is_key = bench.events().contains(&bench.needs_key());
            // Its session takes one frame of three.
            if i % 3 == 2
                && let Some(shown) = bench.next(ms)
            {
                furthest = furthest.max(ms - shown);
            }
        }
        // The time that its key unit takes comes to it.
        let most = LONGEST_BEHIND.as_millis() as u64 + 4 * every;
        assert!(furthest <= most, "{furthest} ms at one frame in {every} ms");
    }
}

#[test]
fn what_waits_behind_a_key_unit_is_not_skipped_for_another_one() {
    let bench = Bench::new();
    bench.outlet.open(bench.start);
    bench.offer(0, true);
    assert_eq!(bench.next(0), Some(0));
    // The key unit takes 1.2 s on its way.
    for ms in (33..1_200).step_by(33) {
        bench.offer(ms, false);
    }
    assert_eq!(bench.next(1_200), Some(33));
    bench.offer(1_221, false);
    assert_eq!(bench.next(1_221), Some(66));
}

#[test]
fn how_long_the_oldest_frame_waits_is_known_from_when_it_could_leave() {
    let bench = Bench::new();
    bench.offer(0, true);
    assert_eq!(bench.outlet.waits(bench.at(300)), Duration::ZERO);
    bench.outlet.open(bench.at(300));
    let waits = bench.outlet.waits(bench.at(450));
    assert_eq!(waits, Duration::from_millis(150));
    bench.next(450);
    assert_eq!(bench.outlet.waits(bench.at(600)), Duration::ZERO);
}

#[test]
fn whatever_the_clock_says_the_queue_is_bounded() {
    let bench = Bench::new();
    bench.outlet.open(bench.start);
    for _ in 0..10_000 {
        bench.offer(0, true);
    }
    assert!(lock(&bench.outlet.state).queue.len() <= MAX_QUEUED);
}

#[test]
fn a_viewer_that_asks_for_key_units_all_the_time_gets_one_each_second() {
    let bench = Bench::new();
    for ms in 0..10_000 {
        bench.outlet.ask_for_key(bench.at(ms));
    }
    let keys = bench.events().len();
    assert!((10..=10 + KEYS.burst as usize).contains(&keys), "{keys}");
}

#[test]
fn a_viewer_that_asks_for_a_key_unit_that_is_on_its_way_gets_that_one() {
    let bench = Bench::new();
    bench.outlet.lost(bench.start);
    bench.offer(0, true);
    bench.outlet.open(bench.start);
    bench.outlet.lost(bench.start);
    assert_eq!(bench.next(0), Some(0));
    bench.outlet.lost(bench.start);
    assert_eq!(bench.events(), [OutletEvent::Moved(bench.rung)]);
    bench.outlet.lost(bench.start + KEY_TRAVELS);
    assert_eq!(bench.events(), [bench.needs_key()]);
}

#[test]
fn who_is_called_back_to_its_rung_asks_for_no_key_unit() {
    let bench = Bench::new();
    bench.outlet.open(bench.start);
    bench.offer(0, true);
    bench.events();
    bench.outlet.want(bench.rung, bench.at(10));
    assert_eq!(bench.events(), []);
}

#[test]
fn flushing_lets_go_of_who_waits() {
    let outlet = Arc::new(Bench::new().outlet);
    let waits = outlet.clone();
    let thread = std::thread::spawn(move || waits.next().is_none());
    outlet.flush(true);
    assert!(thread.join().expect("it ends"));
}
