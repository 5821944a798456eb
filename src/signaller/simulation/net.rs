// SPDX-License-Identifier: MPL-2.0
//! Time, chance, and connections that keep order, are delayed, stand still and break.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    time::{Duration, Instant},
};

/// SplitMix64: small, and the same on every machine.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        let n = of.len() as u64;
        (n > 0).then(|| &of[self.below(n) as usize])
    }

    pub(super) fn between(&mut self, from: Duration, to: Duration) -> Duration {
        from + Duration::from_micros(self.below((to - from).as_micros() as u64 + 1))
    }
}

/// Things to come, in the order of their times.
pub(super) struct Agenda<E> {
    items: BinaryHeap<Reverse<(Instant, u64)>>,
    events: HashMap<u64, E>,
    count: u64,
}

impl<E> Agenda<E> {
    pub(super) fn new() -> Self {
        Self {
            items: BinaryHeap::new(),
            events: HashMap::new(),
            count: 0,
        }
    }

    pub(super) fn add(&mut self, at: Instant, event: E) {
        self.count += 1;
        self.items.push(Reverse((at, self.count)));
        self.events.insert(self.count, event);
    }

    pub(super) fn next_at(&self) -> Option<Instant> {
        self.items.peek().map(|Reverse((at, _))| *at)
    }

    pub(super) fn next(&mut self) -> Option<E> {
        let Reverse((_, n)) = self.items.pop()?;
        self.events.remove(&n)
    }
}

/// A TCP connection between the server and one client.
pub(super) struct Wire {
    /// Both ends may still write. A broken wire carries nothing more, though its ends may not know.
    pub(super) whole: bool,
    /// What is sent waits until the network is back.
    pub(super) cut: bool,
    pub(super) held: Vec<(bool, String)>,
    last: [Instant; 2],
}

impl Wire {
    pub(super) fn new(now: Instant, cut: bool) -> Self {
        Self {
            whole: true,
            cut,
            held: Vec::new(),
            last: [now; 2],
        }
    }

    /// When something sent now arrives: after a delay, and after all that was sent before.
    pub(super) fn arrival(&mut self, to_server: bool, now: Instant, delay: Duration) -> Instant {
        let last = &mut self.last[usize::from(to_server)];
        *last = (*last).max(now + delay);
        *last
    }
}
